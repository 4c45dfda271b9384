//! The engine as people get it: `glassbox`, optimised, one static file that runs on any Linux of this machine's architecture.
//!
//! Static with musl, and not position-independent, because it starts sooner: of every command half a millisecond would go to the
//! dynamic linker, and another third to glibc asking the processor what it can do (CPUID, which a virtual machine's hypervisor answers)
//! and to relocations. Only builds for a named target can be static, since compiler plug-ins are built for this machine alike.

use std::path::PathBuf;

use anyhow::Result;

use crate::need::{self, Need};
use crate::{process, workspace};

/// Builds it, and says where it is.
pub fn build() -> Result<PathBuf> {
    // C code among the dependencies (ring) is compiled for musl.
    need::ensure(&[Need::Target("x86_64-unknown-linux-musl"), Need::MuslTools])?;
    let triple = triple();
    let mut command = process::cargo(&["build", "--release", "-p", "glassbox", "--target", &triple]);
    let flags = format!("CARGO_TARGET_{}_RUSTFLAGS", triple.to_uppercase().replace('-', "_"));
    process::run(command.env(flags, "-Ctarget-feature=+crt-static -Crelocation-model=static"))?;
    Ok(workspace::target().join(triple).join("release/glassbox"))
}

/// The target that it is built for.
pub fn triple() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}
