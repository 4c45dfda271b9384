//! `cargo xtask build`: the `glassbox` command, and where it is.

use anyhow::Result;

use crate::engine;

/// What may be said after `cargo xtask build`.
#[derive(clap::Args)]
pub struct Options {}

/// Builds it and prints the line that installs it.
pub fn run(_: &Options) -> Result<()> {
    let binary = engine::build()?;
    println!("\nThe engine is  {}", binary.display());
    println!("To have it as a command:  sudo install {} /usr/local/bin/", binary.display());
    Ok(())
}
