//! The suites that ask something of the kernel: the system calls, the executor, and the model held against this machine.
//!
//! They mount, make namespaces and kill; so as root they run in a mount and a pid namespace of their own, and whatever they
//! leave behind ends with it. An ordinary user cannot harm the machine, and runs them as they are.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Stage, always};
use crate::need::Need;
use crate::{engine, process, workspace};

/// The packages whose tests belong here.
pub const PACKAGES: [&str; 3] = ["glassbox", "glassbox-toolbox", "glassbox-tests"];

pub const KERNEL: Stage = Stage {
    name: "kernel",
    about: "system calls, and the model held against this machine's kernel",
    quick: false,
    is_here: always,
    needs: &[
        Need::Program("unshare", "util-linux"),
        Need::Program("strace", "strace"),
        Need::Program("ip", "iproute2"),
        Need::Program("nft", "nftables"),
        Need::Program("zsh", "zsh"),
        Need::Program("fish", "fish"),
        Need::Program("docker-registry", "docker-registry"),
        Need::Program("skopeo", "skopeo"),
        Need::Program("htpasswd", "apache2-utils"),
        Need::Program("podman", "podman"),
        Need::Program("buildah", "buildah"),
        Need::Program("umoci", "umoci"),
        Need::Program("runc", "runc"),
        Need::Program("openssl", "openssl"),
        Need::Target("x86_64-unknown-linux-musl"),
        Need::MuslTools,
        Need::Target("wasm32-wasip1"),
    ],
    run: differential,
};

fn differential() -> Result<()> {
    process::run(&mut process::cargo(&["build", "-p", "glassbox", "-p", "glassbox-toolbox"]))?;
    engine::build_wasi("dev", &[workspace::target().join("debug/glassbox")])?;
    let mut tests = apart(&["test", "--no-fail-fast"]);
    process::run(tests.args(PACKAGES.iter().flat_map(|package| ["-p", package])))
}

/// `cargo ARGS`, as root in a pid namespace of its own with mounts that no one else sees.
pub fn apart(args: &[&str]) -> Command {
    let mut command = program_apart(Path::new(process::cargo(&[]).get_program()));
    command.args(args);
    command
}

/// `program`, as root in a pid namespace of its own with mounts that no one else sees.
pub fn program_apart(program: &Path) -> Command {
    if !process::is_root() {
        return process::program(&program.to_string_lossy());
    }
    let mut command = process::program("unshare");
    command.args(["--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]).arg(program);
    command
}
