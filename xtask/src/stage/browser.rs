//! The page in a real browser: clicks, assertions and accessibility, by `tests/browser/run.mjs` over Debian's chromium.

use super::Stage;
use crate::need::Need;
use crate::{process, workspace};

pub const BROWSER: Stage = Stage {
    name: "browser",
    about: "the page in Chromium, with axe",
    quick: false,
    is_here: || workspace::root().join("tests/browser/run.mjs").is_file(),
    needs: &[
        Need::Program("ip", "iproute2"),
        Need::Node,
        Need::BrowserPackages,
        Need::Chromium,
        Need::Target("wasm32-unknown-unknown"),
    ],
    run,
};

/// The page as files, and once more from the server of `cargo xtask play` with its live engine.
fn run() -> anyhow::Result<()> {
    process::run(&mut process::cargo(&["build", "-p", "glassbox"]))?;
    process::run(in_own_network(&["node", "tests/browser/run.mjs"]).env("GLASSBOX_XTASK", std::env::current_exe()?))
}

/// As root in a network namespace of its own, which has loopback: the live engine makes bridges.
fn in_own_network(words: &[&str]) -> std::process::Command {
    let (program, arguments) = words.split_first().unwrap_or((&"true", &[]));
    if !process::is_root() {
        let mut command = process::program(program);
        command.args(arguments);
        return command;
    }
    let mut command = process::program("unshare");
    command.args(["--net", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"]).args(words);
    command
}
