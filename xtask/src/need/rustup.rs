//! Compilation targets and components, installed by rustup for the toolchain that `rust-toolchain.toml` pins.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::process;

/// Makes sure that the target's standard library is installed.
pub fn target(name: &str) -> Result<()> {
    if is_installed(name) {
        return Ok(());
    }
    if !process::is_on_path("rustup") {
        bail!("the Rust target {name} is missing, and rustup is not here to add it: install it with your Rust toolchain");
    }
    process::run(process::program("rustup").args(["target", "add", name]))
}

/// Makes sure that LLVM's tools are installed.
pub fn llvm_tools() -> Result<()> {
    if llvm_tool("llvm-profdata").is_ok_and(|tool| tool.is_file()) {
        return Ok(());
    }
    if !process::is_on_path("rustup") {
        bail!("the Rust component llvm-tools is missing, and rustup is not here to add it: install it with your Rust toolchain");
    }
    process::run(process::program("rustup").args(["component", "add", "llvm-tools"]))
}

/// Where a tool of LLVM is, once it is installed.
pub fn llvm_tool(name: &str) -> Result<PathBuf> {
    let library = process::output(process::program("rustc").args(["--print", "target-libdir"])).context("rustc does not answer")?;
    let beside = PathBuf::from(library.trim()).with_file_name("bin");
    Ok(beside.join(name))
}

fn is_installed(name: &str) -> bool {
    let library = process::output(process::program("rustc").args(["--print", "target-libdir", "--target", name]));
    library.is_some_and(|folder| std::path::Path::new(folder.trim()).is_dir())
}
