//! Waiting until the containers of a data root are still: every process of theirs, and every monitor, sleeps.
//!
//! The model lets the programs in the background run after each command until all wait, and lets no clock go on for them. Linux is
//! looked at in the same moment: not while a container that ends by itself is half ended, and not before a program has begun.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// A program that never waits never becomes still. Long, because a machine may be slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// Stands for the state of a frozen process.
const FROZEN: char = 'F';

/// Thread to its state's letter and how often it was switched away from.
type Tasks = BTreeMap<u32, (char, u64)>;

/// The processes of the engines of a data root.
struct Belonging {
    /// Known by their environment.
    engines: Vec<u32>,
    /// These and all their descendants.
    all: Vec<u32>,
    parents: BTreeMap<u32, u32>,
}

/// Returns in a moment in which all processes of the engines of `root`, and all their descendants, were asleep or had ended.
pub fn wait(root: &Path) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let before = records(root);
        let found = belonging(root);
        let still = stillness(&found.all, || belonging(root).all).is_some_and(|tasks| !half_ended(&found, &tasks));
        // The records last, and as they were: whoever wrote one in between is not through with it.
        if still && records(root) == before && !restarts(&before) {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("the containers of {} did not become still: {:?}", root.display(), tasks(&found.all));
        }
        std::thread::yield_now();
    }
}

/// There was a moment in which all these processes slept, or had ended.
pub fn asleep(processes: &[u32]) -> bool {
    stillness(processes, || processes.to_vec()).is_some()
}

/// The states in the moment in which all slept, or had ended; `None`: there was none. Who belongs is found out again between the two
/// looks: one that was asleep in the first look may just have started a child that was not yet there when they were first counted.
fn stillness(processes: &[u32], again: impl FnOnce() -> Vec<u32>) -> Option<Tasks> {
    let first = tasks(processes);
    // Who slept in both looks and was not switched to in between slept all the while: then all slept after the first look.
    let slept = first.values().all(|(state, _)| matches!(*state, 'S' | 'T' | 'Z' | 'X' | FROZEN)) && tasks(&again()) == first;
    slept.then_some(first)
}

/// An engine has a child that has ended, and has not yet been woken to take note of it. Zombies of others may stay for ever.
fn half_ended(found: &Belonging, tasks: &Tasks) -> bool {
    let of_an_engine = |pid: &u32| found.parents.get(pid).is_some_and(|parent| found.engines.contains(parent));
    tasks.iter().any(|(pid, (state, _))| *state == 'Z' && of_an_engine(pid))
}

/// What is on record of each container, as it stands on disk.
fn records(root: &Path) -> Vec<String> {
    let entries = fs::read_dir(root.join("containers")).into_iter().flatten().flatten();
    entries.map(|entry| fs::read_to_string(entry.path().join("state.json")).unwrap_or_default()).collect()
}

/// A container waits to be started again.
fn restarts(records: &[String]) -> bool {
    records.iter().any(|record| record.contains("\"status\":\"restarting\""))
}

/// Engines are known by their environment; containers descend from them.
fn belonging(root: &Path) -> Belonging {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let parents: BTreeMap<u32, u32> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, field(&status(pid, pid)?, "PPid")?.parse().ok()?)))
        .collect();
    let wanted = format!("GLASSBOX_ROOT={}", root.display());
    let engines: Vec<u32> = parents.keys().copied().filter(|pid| has_variable(*pid, &wanted)).collect();
    let mut ours = engines.clone();
    let mut seen = 0;
    while let Some(parent) = ours.get(seen).copied() {
        let children = parents.iter().filter(|(_, above)| **above == parent).map(|(pid, _)| *pid);
        let new: Vec<u32> = children.filter(|pid| !ours.contains(pid)).collect();
        ours.extend(new);
        seen += 1;
    }
    Belonging { engines, all: ours, parents }
}

fn has_variable(pid: u32, wanted: &str) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
}

fn tasks(processes: &[u32]) -> Tasks {
    processes.iter().flat_map(|pid| threads(*pid).into_iter().filter_map(|task| Some((task, look(*pid, task)?)))).collect()
}

fn threads(pid: u32) -> Vec<u32> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn look(pid: u32, task: u32) -> Option<(char, u64)> {
    let status = status(pid, task)?;
    let count = |name| field(&status, name)?.parse::<u64>().ok();
    let switches = count("voluntary_ctxt_switches")? + count("nonvoluntary_ctxt_switches")?;
    let state = field(&status, "State")?.chars().next()?;
    Some((if state == 'D' && is_frozen(pid) { FROZEN } else { state }, switches))
}

/// The freezer of cgroup v1 has its processes in uninterruptible sleep; on v2 they sleep as others do.
fn is_frozen(pid: u32) -> bool {
    let cgroups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let path = cgroups.lines().find_map(|line| line.split_once(":freezer:").map(|(_, path)| path));
    path.is_some_and(|path| {
        let file = format!("/sys/fs/cgroup/freezer{path}/freezer.state");
        fs::read_to_string(file).is_ok_and(|text| text.trim() == "FROZEN")
    })
}

fn status(pid: u32, task: u32) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/task/{task}/status")).ok()
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn a_sleeper_is_still_and_a_busy_process_is_not() {
        let root = tempfile::tempdir().unwrap();
        let start = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]).env("GLASSBOX_ROOT", root.path()).stdout(Stdio::piped()).stdin(Stdio::piped());
            command.spawn().unwrap()
        };
        wait(root.path()).unwrap();
        let mut sleeper = start("exec 3<&0; sh -c 'read word' <&3 & wait");
        wait(root.path()).unwrap();
        let found = belonging(root.path()).all;
        assert!(found.contains(&sleeper.id()) && found.len() == 2, "{found:?}");
        let mut busy = start("echo; while :; do :; done");
        std::io::Read::read_exact(busy.stdout.as_mut().unwrap(), &mut [0]).unwrap();
        assert!(tasks(&belonging(root.path()).all).values().any(|(state, _)| *state == 'R'));
        busy.kill().unwrap();
        let dead = busy.id();
        while look(dead, dead).is_some_and(|(state, _)| state != 'Z') {
            std::thread::yield_now();
        }
        let found = belonging(root.path());
        assert!(!half_ended(&found, &tasks(&[dead])), "who started it is no engine");
        let ours = Belonging { engines: vec![std::process::id()], all: vec![dead], parents: [(dead, std::process::id())].into() };
        assert!(half_ended(&ours, &tasks(&[dead])));
        // One that was started after they were counted is seen.
        let counted = vec![sleeper.id()];
        assert!(stillness(&counted, || vec![sleeper.id()]).is_some());
        assert!(stillness(&counted, || belonging(root.path()).all).is_none());
        for child in [&mut busy, &mut sleeper] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}
