//! The stock `docker` client, and how one sees that the daemon's containers are still.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::fixture::Exchange;
use crate::still;

/// A command that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A container's cgroup is called by its id.
const ID_LENGTH: usize = 64;

/// The client, told of one daemon.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
    cgroup: String,
}

impl Client {
    /// `cgroup`: the name of the daemon's cgroup in the root of every tree.
    pub fn new(socket: &Path, cgroup: &str) -> Client {
        Client { socket: socket.to_path_buf(), cgroup: cgroup.to_string() }
    }

    /// The daemon's data root, beside its socket.
    pub fn data_root(&self) -> String {
        self.socket.with_file_name("data").to_string_lossy().into_owned()
    }

    /// Runs these words to their end, without input.
    pub fn words(&self, words: &[&str]) -> Result<Exchange> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_string()).collect();
        self.execute(&words, &[])
    }

    /// Runs a line of a fixture, and waits until the containers are still.
    pub fn run(&self, exchange: &Exchange) -> Result<Exchange> {
        let words = glassbox_core::cli::words_of(&exchange.line).map_err(|error| anyhow::anyhow!(error.message))?;
        let shown = self.execute(&words, exchange.input())?;
        self.await_stillness()?;
        Ok(Exchange { line: exchange.line.clone(), stdin: exchange.stdin.clone(), ..shown })
    }

    fn execute(&self, words: &[String], stdin: &[u8]) -> Result<Exchange> {
        let mut command = Command::new("docker");
        command.args(words).env_clear().env("DOCKER_HOST", format!("unix://{}", self.socket.display()));
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", "/nonexistent").current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("starting docker")?;
        if let Some(mut input) = child.stdin.take() {
            // A command that does not read its input ends first: that is no failure.
            let _ = input.write_all(stdin);
        }
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let reader = |stream: Option<Box<dyn Read + Send>>| std::thread::spawn(move || bytes_of(stream));
        let stdout = reader(stdout.map(|stream| Box::new(stream) as _));
        let stderr = reader(stderr.map(|stream| Box::new(stream) as _));
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match child.try_wait()? {
                Some(status) => break status,
                None if Instant::now() > deadline => {
                    child.kill()?;
                    break child.wait()?;
                }
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        let joined = |reader: std::thread::JoinHandle<Vec<u8>>| reader.join().unwrap_or_default();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (written, errors) = (joined(stdout), joined(stderr));
        let exit_code = status.code().unwrap_or(-1);
        Ok(Exchange { stdout: text(&written), stderr: text(&errors), exit_code, written, ..Exchange::default() })
    }

    /// The daemon's cgroups, one in each tree.
    pub fn cgroups(&self) -> Vec<PathBuf> {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let trees = mounts.lines().filter(|line| line.contains(" cgroup ") || line.contains(" cgroup2 "));
        let targets: BTreeSet<&str> = trees.filter_map(|line| line.split(' ').nth(1)).collect();
        targets.iter().map(|tree| Path::new(tree).join(&self.cgroup)).filter(|directory| directory.is_dir()).collect()
    }

    /// All processes of the containers sleep, and Docker has heard of each end.
    fn await_stillness(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let asked = self.words(&["ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.State}}"])?;
            let states: Vec<(String, String)> = asked.stdout.lines().filter_map(|line| line.split_once(' ')).map(owned).collect();
            let processes = self.processes();
            let alive: BTreeSet<String> = processes.iter().map(|(id, _)| id.clone()).collect();
            let told: BTreeSet<String> = with(&states, &["running", "paused"]);
            let gone = with(&states, &["exited", "dead"]).iter().map(|id| self.is_removed(id)).collect::<Result<Vec<bool>>>()?;
            let pids: Vec<u32> = processes.iter().map(|(_, pid)| *pid).collect();
            if alive == told
                && with(&states, &["restarting", "removing"]).is_empty()
                && !gone.contains(&true)
                && still::asleep(&pids)
            {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("the containers did not become still: {states:?}, {processes:?}");
            }
        }
    }

    /// `--rm`: it has ended, and will be gone in a moment.
    fn is_removed(&self, id: &str) -> Result<bool> {
        let words = ["container", "inspect", "--format", "{{.HostConfig.AutoRemove}}", id];
        Ok(self.words(&words)?.stdout.trim() == "true")
    }

    /// Container and process, of all that live in a container.
    fn processes(&self) -> BTreeSet<(String, u32)> {
        let mut found = BTreeSet::new();
        let mut open = self.cgroups();
        while let Some(above) = open.pop() {
            for directory in fs::read_dir(above).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
                let id = directory.file_name().to_string_lossy().into_owned();
                if id.len() != ID_LENGTH {
                    // `docker`, or what --cgroup-parent names.
                    open.push(directory.path());
                    continue;
                }
                let text = fs::read_to_string(directory.path().join("cgroup.procs")).unwrap_or_default();
                found.extend(text.lines().filter_map(|line| Some((id.clone(), line.parse().ok()?))));
            }
        }
        found
    }

    /// Removes all containers and volumes.
    pub fn clear(&self) -> Result<()> {
        for (list, remove) in [(vec!["ps", "-aq"], vec!["rm", "-fv"]), (vec!["volume", "ls", "-q"], vec!["volume", "rm", "-f"])] {
            let listed = self.words(&list)?.stdout;
            for name in listed.lines() {
                let _ = self.words(&["unpause", name])?;
                let removed = self.words(&[&remove[..], &[name]].concat())?;
                if removed.exit_code != 0 {
                    bail!("{}: {}", remove.join(" "), removed.stderr);
                }
            }
        }
        Ok(())
    }
}

fn owned((id, state): (&str, &str)) -> (String, String) {
    (id.to_string(), state.to_string())
}

/// The containers in one of these states.
fn with(states: &[(String, String)], wanted: &[&str]) -> BTreeSet<String> {
    states.iter().filter(|(_, state)| wanted.contains(&state.as_str())).map(|(id, _)| id.clone()).collect()
}

fn bytes_of(stream: Option<Box<dyn Read + Send>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        let _ = stream.read_to_end(&mut bytes);
    }
    bytes
}
