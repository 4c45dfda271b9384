//! Debian and Ubuntu packages: installed when this runs as root, otherwise the line to type.

use std::sync::OnceLock;

use anyhow::{Result, bail};

use crate::process;

/// Makes sure that `program` is on the PATH, from `package` if it is not.
pub fn program(program: &str, package: &str) -> Result<()> {
    if process::is_on_path(program) {
        return Ok(());
    }
    if !can_install() {
        bail!("{program} is missing: sudo apt-get install -y {package}");
    }
    refresh_lists();
    process::run(
        process::program("apt-get")
            .args(["install", "-y", "-q", "--no-install-recommends", package])
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )
}

/// Reads the package lists anew, once per run: a fresh machine has none, and an old list names files that are gone.
pub fn refresh_lists() {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        if process::run(process::program("apt-get").args(["update", "-q"])).is_err() {
            eprintln!("apt-get update failed; going on with the lists that are here");
        }
    });
}

fn can_install() -> bool {
    process::is_on_path("apt-get") && process::is_root()
}
