//! The engine as people get it: `glassbox`, optimised, one static file that runs on any Linux of this machine's architecture.
//!
//! Static also because it starts sooner: half a millisecond of every command would go to the dynamic linker. Only builds for a named
//! target can be static, since compiler plug-ins are built for this machine alike and cannot be.

use std::path::PathBuf;

use anyhow::Result;

use crate::need::{self, Need};
use crate::{process, workspace};

/// Builds it, and says where it is.
pub fn build() -> Result<PathBuf> {
    need::ensure(&[Need::Target("x86_64-unknown-linux-musl")])?;
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut command = process::cargo(&["build", "--release", "-p", "glassbox", "--target", &triple]);
    let flags = format!("CARGO_TARGET_{}_RUSTFLAGS", triple.to_uppercase().replace('-', "_"));
    process::run(command.env(flags, "-Ctarget-feature=+crt-static"))?;
    Ok(workspace::target().join(triple).join("release/glassbox"))
}
