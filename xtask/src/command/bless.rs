//! `cargo xtask bless`: runs the suites with `GLASSBOX_BLESS=1`, under which the tests rewrite their expectation files.
//! It decides nothing itself: a reviewer reads the diff that it leaves.

use anyhow::Result;

use crate::need::{self, Need};
use crate::process;
use crate::stage::kernel;

/// What may be said after `cargo xtask bless`.
#[derive(clap::Args)]
pub struct Options {
    /// Only tests whose name contains one of these
    names: Vec<String>,
}

/// Runs the workspace's tests in bless mode and shows which files changed.
pub fn run(options: &Options) -> Result<()> {
    need::ensure(&[Need::MuslTools, Need::Target("x86_64-unknown-linux-musl")])?;
    let mut tests = kernel::apart(&["test", "--workspace", "--exclude", "xtask", "--no-fail-fast", "--"]);
    tests.args(&options.names).env("GLASSBOX_BLESS", "1");
    let outcome = process::run(&mut tests);
    process::run(process::program("git").args(["diff", "--stat"]))?;
    outcome
}
