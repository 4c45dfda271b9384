//! `cargo xtask build`: the `glassbox` command, and where it is.

use anyhow::Result;

use crate::engine;

/// What may be said after `cargo xtask build`.
#[derive(clap::Args)]
pub struct Options {
    /// Without the profile of what its commands do: in half of the time, and a tenth slower
    #[arg(long)]
    quick: bool,
    /// And the runtime for WebAssembly modules, `glassbox-wasi`, which stands beside it
    #[arg(long)]
    wasi: bool,
}

/// Builds it and prints the line that installs it.
pub fn run(options: &Options) -> Result<()> {
    let binary = if options.quick { engine::build()? } else { engine::build_trained()? };
    println!("\nThe engine is  {}", binary.display());
    let mut all = binary.display().to_string();
    if options.wasi {
        engine::build_wasi("runtime", std::slice::from_ref(&binary))?;
        all.push_str(&format!(" {}", binary.with_file_name("glassbox-wasi").display()));
    }
    println!("To have it as a command:  sudo install {all} /usr/local/bin/");
    Ok(())
}
