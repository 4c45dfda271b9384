//! Embeds the toolbox binary: the file that GLASSBOX_TOOLBOX names, or one built here for musl, so that it is static.
//!
//! The image's layer is packed and hashed now, and not at every start of `glassbox`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use sha2::{Digest, Sha256};

#[path = "../core/src/oci/toolbox/files.rs"]
mod files;
#[path = "../core/src/userland/names.rs"]
mod names;
#[path = "build/toolbox_layer.rs"]
mod toolbox_layer;

use files::{ToolboxFileKind, files};
use names::NAMES;

const TARGET: &str = "x86_64-unknown-linux-musl";

fn main() {
    println!("cargo:rerun-if-env-changed=GLASSBOX_TOOLBOX");
    for path in ["build.rs", "build", "../core/src", "../core/Cargo.toml", "toolbox/src", "toolbox/Cargo.toml"] {
        println!("cargo:rerun-if-changed={path}");
    }
    if let Err(what) = embed() {
        // The one line that says what to do.
        println!("cargo::error={what}");
    }
}

fn embed() -> Result<(), String> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: run this by cargo")?);
    let binary = match env::var_os("GLASSBOX_TOOLBOX") {
        Some(path) => PathBuf::from(path),
        None => build(&out)?,
    };
    let bytes = fs::read(&binary).map_err(|error| format!("cannot read the toolbox binary {}: {error}", binary.display()))?;
    println!("cargo:rerun-if-changed={}", binary.display());
    pack(&bytes, &out).map_err(|error| format!("cannot pack the toolbox image: {error}"))
}

/// The archive, and what the engine wants to know of it.
fn pack(binary: &[u8], out: &Path) -> std::io::Result<()> {
    let mut packed = Vec::new();
    toolbox_layer::write(binary, &mut packed)?;
    let digest: String = Sha256::digest(&packed).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut place = 0;
    for entry in tar::Archive::new(packed.as_slice()).entries()? {
        let entry = entry?;
        if entry.path()?.to_str() == Some(files::BINARY.trim_start_matches('/')) {
            place = entry.raw_file_position();
        }
    }
    let text = format!(
        "pub const BINARY_AT: usize = {place};\npub const BINARY_BYTES: usize = {};\npub const DIFF_ID: &str = \"sha256:{digest}\";\n",
        binary.len()
    );
    fs::write(out.join("toolbox.tar"), &packed)?;
    fs::write(out.join("toolbox.rs"), text)
}

/// A target directory of its own: the outer cargo holds the lock on the usual one.
fn build(out: &Path) -> Result<PathBuf, String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let directory = out.ancestors().nth(4).unwrap_or(out).join("toolbox-build");
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--profile", "small", "--target", TARGET, "-p", "glassbox-toolbox", "--target-dir"]);
    command.arg(&directory).current_dir("..");
    for name in ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO_TARGET_DIR"] {
        command.env_remove(name);
    }
    let output = command.output().map_err(|error| format!("cannot run cargo to build the toolbox: {error}"))?;
    if output.status.success() {
        return Ok(directory.join(TARGET).join("small/toolbox"));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("can't find crate for `core`") || said.contains("target may not be installed") {
        return Err(format!("the toolbox is built for musl: type `rustup target add {TARGET}`, then build again"));
    }
    Err(format!("the toolbox does not build; see `cargo build --target {TARGET} -p glassbox-toolbox`:\n{said}"))
}
