//! `cargo xtask play`: builds the page, the book and the Linux binary, and serves them to this machine alone.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;

use crate::need::{self, Need};
use crate::serve::live::Engine;
use crate::{process, serve, site, workspace};

/// What may be said after `cargo xtask play`.
#[derive(clap::Args)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 4747)]
    port: u16,
    /// Do not open a browser
    #[arg(long)]
    no_open: bool,
    /// Build into dist/ and do not serve
    #[arg(long)]
    build_only: bool,
    /// Build nothing: serve dist/, with the glassbox binary that was built last
    #[arg(long, conflicts_with = "build_only")]
    built: bool,
}

/// Builds, prints the address, and serves until it is interrupted.
pub fn run(options: &Options) -> Result<()> {
    if options.built {
        return serve(options, workspace::root().join("dist"), Engine::built());
    }
    need::ensure(&[Need::Target("wasm32-unknown-unknown")])?;
    let folder = site::build()?;
    if options.build_only {
        return Ok(());
    }
    serve(options, folder, Engine::build())
}

fn serve(options: &Options, folder: PathBuf, engine: Engine) -> Result<()> {
    let server = serve::Server::start(options.port, folder, Arc::new(engine))?;
    println!("\nGlassbox is at  {}", server.address());
    println!("The engine:     {}", server.engine());
    println!("The address holds a secret: whoever has it runs containers here. Ctrl-C ends it.");
    if !options.no_open {
        open(&server.address());
    }
    server.serve()
}

/// Opens the address where a desktop is there to do so; without one, the printed line is enough.
fn open(address: &str) {
    let has_display = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    if (has_display || cfg!(target_os = "macos")) && process::is_on_path(opener) {
        let _ = process::program(opener).arg(address).status();
    }
}
