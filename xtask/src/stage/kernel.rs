//! The suites that hold the model kernel against this machine's real one.
//!
//! They mount, make namespaces and kill; so they run in a mount and a pid namespace of their own, and whatever they
//! leave behind ends with it. As an ordinary user that takes a user namespace too.

use std::process::Command;

use anyhow::Result;

use super::{Stage, always, code};
use crate::need::Need;
use crate::process;

pub const KERNEL: Stage = Stage {
    name: "kernel",
    about: "the model held against this machine's kernel",
    quick: false,
    is_here: always,
    needs: &[Need::Program("unshare", "util-linux"), Need::Target("x86_64-unknown-linux-musl"), Need::MuslTools],
    run: differential,
};

fn differential() -> Result<()> {
    process::run(&mut process::cargo(&["build", "-p", "glassbox", "-p", "glassbox-toolbox"]))?;
    let mut tests = apart(&["test", "-p", code::KERNEL_TESTS]);
    process::run(&mut tests)
}

/// `cargo ARGS` as pid 1's child of a pid namespace, with mounts that no one else sees.
fn apart(args: &[&str]) -> Command {
    let mut command = process::program("unshare");
    if !process::is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]);
    command.arg(process::cargo(&[]).get_program()).args(args);
    command
}
