//! `cargo xtask ci-setup`: installs what the other commands need, so that a machine can be prepared in one go.

use anyhow::Result;

use crate::need::{self, Need};
use crate::stage;

/// What may be said after `cargo xtask ci-setup`.
#[derive(clap::Args)]
pub struct Options {
    /// Also what `cargo xtask test --vm` needs: QEMU and debootstrap
    #[arg(long)]
    vm: bool,
}

/// Installs everything, or names what has to be installed by hand.
pub fn run(options: &Options) -> Result<()> {
    need::ensure(&[
        Need::Target("wasm32-unknown-unknown"),
        Need::Target("wasm32-wasip1"),
        Need::Target("x86_64-unknown-linux-musl"),
        Need::MuslTools,
        Need::Node,
        Need::BrowserPackages,
        Need::Chromium,
    ])?;
    if options.vm { need::ensure(stage::VM.needs) } else { Ok(()) }
}
