//! `cargo xtask build`: the `glassbox` command, and where it is.

use anyhow::Result;

use crate::engine;

/// What may be said after `cargo xtask build`.
#[derive(clap::Args)]
pub struct Options {
    /// Without the profile of what its commands do: in half of the time, and a tenth slower
    #[arg(long)]
    quick: bool,
}

/// Builds it and prints the line that installs it.
pub fn run(options: &Options) -> Result<()> {
    let binary = if options.quick { engine::build()? } else { engine::build_trained()? };
    println!("\nThe engine is  {}", binary.display());
    println!("To have it as a command:  sudo install {} /usr/local/bin/", binary.display());
    Ok(())
}
