//! A dockerd in namespaces of its own, with the toolbox image in it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use glassbox_core::host::HostFacts;
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
    /// The words that make the toolbox image.
    import: Vec<String>,
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
        let mut daemon = Daemon { place, cgroup, process, import: Vec::new() };
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

    /// The layer as glassbox extracts it, and the configuration that the image has there.
    fn load_toolbox(&mut self) -> Result<()> {
        let (_place, linux) = suite::linux()?;
        let facts = linux.facts()?;
        let root = PathBuf::from(&facts.data_root);
        let run = linux.words(&["run", "--rm", "--network", "none", "toolbox", "true"])?;
        if run.exit_code != 0 {
            bail!("extracting the toolbox: {}", run.stderr);
        }
        let layers: Vec<PathBuf> = fs::read_dir(root.join("layers"))?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        let [layer] = &layers[..] else { bail!("{} layers under {}", layers.len(), root.display()) };
        let tar = self.place.path().join("toolbox.tar");
        let status = Command::new("tar").arg("-C").arg(layer).arg("-cf").arg(&tar).arg(".").status()?;
        if !status.success() {
            bail!("tar of the toolbox: {status}");
        }
        self.import = words_of_import(&facts, &tar);
        self.clear()
    }

    /// As it was in the beginning: the toolbox image, no container, no volume.
    pub fn clear(&self) -> Result<()> {
        let client = self.client();
        client.clear()?;
        if client.words(&["image", "inspect", toolbox::REFERENCE])?.exit_code != 0 {
            let imported = client.words(&self.import.iter().map(String::as_str).collect::<Vec<_>>())?;
            if imported.exit_code != 0 {
                bail!("docker import: {}", imported.stderr);
            }
        }
        Ok(())
    }
}

fn words_of_import(facts: &HostFacts, tar: &Path) -> Vec<String> {
    let image = toolbox::image(&facts.toolbox);
    let mut words = vec!["import".to_string()];
    let changes = image.config.env.iter().map(|variable| format!("ENV {variable}"));
    for change in changes.chain([format!("CMD {}", serde_json::json!(image.config.cmd))]) {
        words.extend(["--change".to_string(), change]);
    }
    words.extend([tar.display().to_string(), toolbox::REFERENCE.to_string()]);
    words
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
