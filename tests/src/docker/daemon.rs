//! A dockerd in namespaces of its own, with the toolbox image in it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use glassbox_core::oci::toolbox;
use tempfile::TempDir;

use super::Client;
use crate::suite;

const SCRIPT: &str = include_str!("../../docker/dockerd.sh");
const START_PATIENCE: Duration = Duration::from_secs(60);
const VERSION: &str = "28.";

/// Ends with its drop: processes, mounts, cgroups and files.
#[derive(Debug)]
pub struct Daemon {
    place: TempDir,
    cgroup: String,
    process: Child,
}

impl Daemon {
    /// `root`: a Debian root with docker.io in it.
    pub fn start(root: &Path) -> Result<Daemon> {
        let root = root.canonicalize().with_context(|| root.display().to_string())?;
        let place = tempfile::Builder::new().prefix("glassbox-docker-").tempdir_in("/tmp")?;
        let script = place.path().join("dockerd.sh");
        fs::write(&script, SCRIPT)?;
        fs::create_dir(place.path().join("data"))?;
        let cgroup = format!("dockerd-judge-{}", std::process::id());
        let log = fs::File::create(place.path().join("log"))?;
        let mut command = Command::new("sh");
        command.arg(&script).arg(&root).arg(place.path()).arg(&cgroup).stdin(Stdio::null());
        let process = command.stdout(log.try_clone()?).stderr(log).spawn().context("starting dockerd")?;
        let mut daemon = Daemon { place, cgroup, process };
        daemon.await_answer()?;
        daemon.load_toolbox()?;
        Ok(daemon)
    }

    /// Directories of fixtures are made here: the daemon sees them under the same path.
    pub fn place(&self) -> &Path {
        self.place.path()
    }

    /// The stock client, told of this daemon.
    pub fn client(&self) -> Client {
        Client::new(&self.place.path().join("docker.sock"), &self.cgroup)
    }

    fn await_answer(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            let asked = self.client().words(&["version", "--format", "{{.Server.Version}}"])?;
            if asked.exit_code == 0 {
                let version = asked.stdout.trim().to_string();
                if version.starts_with(VERSION) {
                    return Ok(());
                }
                bail!("the daemon is of version {version}; the fixtures are held against {VERSION}");
            }
            if self.process.try_wait()?.is_some() || Instant::now() > deadline {
                bail!("dockerd did not start:\n{}", fs::read_to_string(self.place.path().join("log"))?);
            }
            std::thread::yield_now();
        }
    }

    /// The image as glassbox saves it: with its history and its configuration.
    fn load_toolbox(&mut self) -> Result<()> {
        let (_place, linux) = suite::linux()?;
        let archive = self.archive().display().to_string();
        let saved = linux.words(&["save", "-o", &archive, toolbox::REFERENCE])?;
        if saved.exit_code != 0 {
            bail!("saving the toolbox: {}", saved.stderr);
        }
        self.clear()
    }

    fn archive(&self) -> PathBuf {
        self.place.path().join("toolbox.tar")
    }

    /// As it was in the beginning: the toolbox image and no other, no container, no volume.
    pub fn clear(&self) -> Result<()> {
        let client = self.client();
        client.clear()?;
        let images = client.words(&["images", "-a", "--format", "{{.Repository}}:{{.Tag}}"])?.stdout;
        if images.trim() == toolbox::REFERENCE {
            return Ok(());
        }
        let archive = self.archive().display().to_string();
        for words in [&["image", "prune", "-af"][..], &["load", "-i", &archive]] {
            let done = client.words(words)?;
            if done.exit_code != 0 {
                bail!("docker {}: {}", words.join(" "), done.stderr);
            }
        }
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // `unshare --kill-child` takes the namespace's first process along, and the kernel all others.
        let _ = self.process.kill();
        let _ = self.process.wait();
        for directory in self.client().cgroups() {
            if let Err(error) = remove(&directory) {
                let _ = writeln!(std::io::stderr(), "{}: {error}", directory.display());
            }
        }
    }
}

/// A cgroup and those below it. The kernel takes a moment to let go of the last process.
fn remove(directory: &Path) -> Result<()> {
    for child in fs::read_dir(directory).into_iter().flatten().flatten().filter(|child| child.path().is_dir()) {
        remove(&child.path())?;
    }
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        match fs::remove_dir(directory) {
            Err(_) if directory.is_dir() && Instant::now() < deadline => std::thread::yield_now(),
            other => return Ok(other?),
        }
    }
}
