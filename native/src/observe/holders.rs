//! Who keeps a directory, a mount, a cgroup or a port busy, from /proc: asked only after EBUSY or EADDRINUSE.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use glassbox_core::diagnosis::Diagnosis;
use glassbox_core::diagnosis::busy::{Hold, Holder, fault};
use glassbox_core::step::{CgroupStep, NetworkStep, Step, StoreStep};

use super::{mountinfo, ports};

/// Processes looked at; a machine with more is told of these.
const PROCESSES_MAX: usize = 50_000;

/// Why a step has failed with EBUSY or EADDRINUSE.
pub fn of_step(step: &Step) -> Option<Diagnosis> {
    match step {
        Step::Cgroup(CgroupStep::RemoveCgroup { directory, .. }) => {
            fault(&format!("the cgroup {directory}"), &members(Path::new(directory)))
        }
        Step::Store(StoreStep::RemoveContainerFiles { directory, .. } | StoreStep::RemoveVolume { directory, .. }) => {
            of_path(Path::new(directory))
        }
        Step::Network(NetworkStep::HoldPort { port, .. }) => ports::who_holds(port),
        _ => None,
    }
}

/// Why a file or directory cannot be removed or unmounted.
pub fn of_path(path: &Path) -> Option<Diagnosis> {
    fault(&path.display().to_string(), &holders(path))
}

/// The processes of a cgroup and of those below it.
fn members(directory: &Path) -> Vec<Holder> {
    let mut all = BTreeSet::new();
    let mut pending = vec![directory.to_path_buf()];
    while let Some(at) = pending.pop() {
        let text = fs::read_to_string(at.join("cgroup.procs")).unwrap_or_default();
        all.extend(text.lines().filter_map(|line| line.parse().ok()).map(|pid| holder(pid, Hold::Member)));
        let below = fs::read_dir(&at).into_iter().flatten().flatten().filter(|entry| entry.file_type().is_ok_and(|of| of.is_dir()));
        pending.extend(below.map(|entry| entry.path()));
    }
    all.into_iter().collect()
}

/// Whoever has something mounted there comes first, and each mount namespace once.
fn holders(path: &Path) -> Vec<Holder> {
    let mut all = BTreeSet::new();
    let mut namespaces = BTreeSet::new();
    for pid in pids().into_iter().take(PROCESSES_MAX) {
        let proc = PathBuf::from(format!("/proc/{pid}"));
        let namespace = fs::read_link(proc.join("ns/mnt")).unwrap_or_default();
        if namespaces.insert(namespace) {
            all.extend(mounts_below(&proc, path).map(|target| holder(pid, Hold::Mount(target))));
        }
        let link =
            |name: &str| fs::read_link(proc.join(name)).ok().filter(|at| at.starts_with(path)).map(|at| at.display().to_string());
        all.extend(link("cwd").map(|at| holder(pid, Hold::WorkingDirectory(at))));
        all.extend(link("root").map(|at| holder(pid, Hold::Root(at))));
        let open = fs::read_dir(proc.join("fd")).into_iter().flatten().flatten();
        let files = open.filter_map(|entry| fs::read_link(entry.path()).ok()).filter(|at| at.starts_with(path));
        all.extend(files.map(|at| holder(pid, Hold::OpenFile(at.display().to_string()))));
    }
    let mut all: Vec<Holder> = all.into_iter().collect();
    all.sort_by(|one, other| (&one.hold, one.pid).cmp(&(&other.hold, other.pid)));
    all
}

fn mounts_below(proc: &Path, path: &Path) -> impl Iterator<Item = String> {
    let mounts = mountinfo::parse(&fs::read(proc.join("mountinfo")).unwrap_or_default());
    let path = path.to_path_buf();
    mounts.into_iter().map(|mount| mount.target).filter(move |target| Path::new(target).starts_with(&path))
}

fn pids() -> Vec<u32> {
    let own = std::process::id();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(|pid| *pid != own).collect()
}

fn holder(pid: u32, hold: Hold) -> Holder {
    let command = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim_end().to_string();
    Holder { pid, command, hold }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::test_support::TempRoot;

    #[test]
    fn who_works_in_a_directory_and_who_has_a_file_open() {
        let root = TempRoot::new();
        fs::write(root.path().join("file"), "").unwrap();
        let file = fs::File::open(root.path().join("file")).unwrap();
        // It has the directory and the file before it runs: there is nothing to wait for.
        let mut cat =
            Command::new("cat").current_dir(root.path()).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(file).spawn().unwrap();
        let path = root.path().canonicalize().unwrap();
        let found: Vec<Hold> =
            holders(&path).into_iter().filter(|holder| holder.pid == cat.id()).map(|holder| holder.hold).collect();
        drop(cat.stdin.take());
        cat.wait().unwrap();
        let at = |name: &str| path.join(name).display().to_string();
        assert_eq!(found, [Hold::WorkingDirectory(path.display().to_string()), Hold::OpenFile(at("file"))]);
        assert!(of_path(&path).is_none(), "it has ended");
    }
}
