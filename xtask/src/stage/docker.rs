//! Every fixture by Docker itself: dockerd 28 out of Debian, in namespaces and cgroups of its own, asked by the stock client.
//!
//! Debian's packages are unpacked once, below `target/docker`; nothing is installed on the machine, and a Docker that runs on it is not
//! asked. `GLASSBOX_DOCKER_ROOT` names another root with dockerd in it, `GLASSBOX_FIXTURE=a,b` picks fixtures.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::{Stage, always};
use crate::need::Need;
use crate::stage::kernel;
use crate::{process, workspace};

/// Debian's suite with Docker 28.
const SUITE: &str = "sid";
const PACKAGES: &str = "docker.io,docker-cli,iproute2,procps,ca-certificates";
/// Says where it is, instead.
const ROOT: &str = "GLASSBOX_DOCKER_ROOT";

pub const DOCKER: Stage = Stage {
    name: "docker",
    about: "every fixture by Docker 28 itself (only with --only docker)",
    quick: false,
    is_here: always,
    needs: &[
        Need::Target("x86_64-unknown-linux-musl"),
        Need::MuslTools,
        Need::Program("unshare", "util-linux"),
        Need::Program("debootstrap", "debootstrap"),
    ],
    run: judged,
};

fn judged() -> Result<()> {
    if !process::is_root() {
        bail!("dockerd needs root: sudo -E cargo xtask test --only docker");
    }
    let root = std::env::var_os(ROOT).map(PathBuf::from).map_or_else(unpacked, Ok)?;
    process::run(&mut process::cargo(&["build", "-p", "glassbox", "-p", "glassbox-tests"]))?;
    let built = workspace::target().join("debug");
    process::run(kernel::program_apart(&built.join("judge")).env(ROOT, root).env("GLASSBOX_BIN", built.join("glassbox")))
}

/// Unpacked beside the final place and renamed at the end: a folder that is there is whole.
fn unpacked() -> Result<PathBuf> {
    let parent = workspace::target().join("docker");
    let root = parent.join(SUITE);
    if root.is_dir() {
        return Ok(root);
    }
    std::fs::create_dir_all(&parent).with_context(|| parent.display().to_string())?;
    let place = tempfile::Builder::new().prefix("unpacking-").tempdir_in(&parent)?;
    let fresh = place.path().join(SUITE);
    let mut command = kernel::program_apart("debootstrap".as_ref());
    command.args(["--variant=minbase", &format!("--include={PACKAGES}"), SUITE]).arg(&fresh);
    process::run(&mut command).context("unpacking Debian with Docker in it")?;
    Ok(std::fs::rename(fresh, &root).map(|()| root)?)
}
