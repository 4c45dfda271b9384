//! Containers of images for `wasi/wasm`: a WebAssembly module in place of a program of the machine.
//!
//! Docker hands such an image to another shim (`--runtime io.containerd.wasmtime.v1 --platform wasi/wasm`). Here the container is made as
//! any other, by the same steps; only what its process becomes is a runtime, which is bound into it, and which runs the module.

use super::{CommandError, Context, create};
use crate::cli::{ContainerSpec, Resources};
use crate::model::{Image, WasiRuntime};
use crate::wasi::{OS, PLATFORM, RUNTIME};

/// The annotation that limits how much a module may compute.
const FUEL: &str = "glassbox.wasi.fuel";
/// The names that Docker's documents give to runtimes for modules.
const NAMES: [&str; 2] = ["io.containerd.wasmtime.v1", "wasmtime"];

/// Whether `--runtime` names one of those.
pub(super) fn is_runtime(name: &str) -> bool {
    NAMES.contains(&name)
}

/// The runtime that a container of this image needs. An error: it is not here, or its limit is no number.
pub(super) fn runtime(image: &Image, spec: &ContainerSpec, context: &Context<'_>) -> Result<Option<WasiRuntime>, CommandError> {
    if image.os != OS {
        if is_runtime(&spec.runtime) {
            let what =
                format!("image {} is for {}/{}, and {} runs {PLATFORM}", spec.image, image.os, image.architecture, spec.runtime);
            return Err(create::refuse(context, &what, Some("runtime")));
        }
        return Ok(None);
    }
    if context.host.wasi_runtime.is_empty() {
        let what = "failed to start shim: failed to resolve runtime path: runtime \"io.containerd.wasmtime.v1\" binary not installed \
                    \"glassbox-wasi\": file does not exist";
        let error = create::refuse(context, what, None);
        let next = "glassbox: WebAssembly modules are run by a program beside glassbox; build it: cargo xtask build --wasi\n";
        return Err(CommandError { message: error.message + next, ..error });
    }
    let fuel = match spec.annotations.get(FUEL).map(|units| units.parse::<u64>()) {
        None => None,
        Some(Ok(units)) => Some(units),
        Some(Err(_)) => {
            let what = format!("annotation {FUEL}: {:?} is not a number of units", spec.annotations[FUEL]);
            return Err(create::refuse(context, &what, Some("annotation")));
        }
    };
    Ok(Some(WasiRuntime { program: context.host.wasi_runtime.clone(), fuel }))
}

/// The runtime and what it is told, up to the module.
pub(super) fn runtime_argv(runtime: &WasiRuntime, resources: &Resources) -> Vec<String> {
    let mut argv = vec![RUNTIME.to_string()];
    if let Some(units) = runtime.fuel {
        argv.extend(["--fuel".to_string(), units.to_string()]);
    }
    if resources.memory_bytes_max > 0 {
        argv.extend(["--memory".to_string(), resources.memory_bytes_max.to_string()]);
    }
    argv.push("--".to_string());
    argv
}
