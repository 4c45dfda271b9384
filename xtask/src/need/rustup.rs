//! Compilation targets, installed by rustup for the toolchain that `rust-toolchain.toml` pins.

use anyhow::{Result, bail};

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

fn is_installed(name: &str) -> bool {
    let library = process::output(process::program("rustc").args(["--print", "target-libdir", "--target", name]));
    library.is_some_and(|folder| std::path::Path::new(folder.trim()).is_dir())
}
