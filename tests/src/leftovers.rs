//! What a command has left behind: mounts, cgroups, processes, network namespaces, files. Counted before and after.
//!
//! Only in a pid namespace of its own (`crate::apart`) do the processes counted belong to the test alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Everything that can be left behind, by name, so that a report says which.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Mounts of this mount namespace whose mount point or source lies below the data root.
    pub mounts: BTreeSet<String>,
    /// Cgroup directories `glassbox…` and what is below them, in every tree.
    pub cgroups: BTreeSet<String>,
    /// Processes of this pid namespace that have not ended, but for pid 1, the caller and its threads: `number name`.
    pub processes: BTreeSet<String>,
    /// Network namespaces that a process is in.
    pub networks: BTreeSet<String>,
    /// Directories of containers, journals, parts of layers, unnamed and half volumes under the data root.
    pub files: BTreeSet<String>,
}

impl Count {
    /// As things are now.
    pub fn now(root: &Path) -> Count {
        Count { mounts: mounts(root), cgroups: cgroups(), processes: processes(), networks: networks(), files: files(root) }
    }

    /// What is here and was not there before, one line each.
    pub fn since(&self, before: &Count) -> Vec<String> {
        let pairs = [
            ("mount", &self.mounts, &before.mounts),
            ("cgroup", &self.cgroups, &before.cgroups),
            ("process", &self.processes, &before.processes),
            ("network namespace", &self.networks, &before.networks),
            ("file", &self.files, &before.files),
        ];
        let named = |(what, now, before): (&str, &BTreeSet<String>, &BTreeSet<String>)| -> Vec<String> {
            now.difference(before).map(|name| format!("{what} {name}")).collect()
        };
        pairs.into_iter().flat_map(named).collect()
    }
}

fn mounts(root: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let root = root.to_string_lossy();
    text.lines().filter(|line| line.contains(root.as_ref())).map(str::to_string).collect()
}

fn cgroups() -> BTreeSet<String> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let trees = text.lines().filter(|line| line.contains(" - cgroup ") || line.contains(" - cgroup2 "));
    let mut found = BTreeSet::new();
    for tree in trees.filter_map(|line| line.split(' ').nth(4)) {
        let children = directories(Path::new(tree)).into_iter();
        children.filter(|child| name(child).starts_with("glassbox")).for_each(|child| collect(&child, &mut found));
    }
    found
}

/// The trees' own roots for other tests, made by `crate::apart`, are no leftovers.
fn collect(directory: &Path, found: &mut BTreeSet<String>) {
    if name(directory).starts_with("glassbox-tests-") {
        return;
    }
    found.insert(directory.display().to_string());
    directories(directory).iter().for_each(|child| collect(child, found));
}

fn directories(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Numbers of processes that have not ended.
fn alive() -> Vec<u32> {
    let numbers = directories(Path::new("/proc")).into_iter().filter_map(|path| name(&path).parse().ok());
    numbers.filter(|pid| !state(*pid).is_empty() && !matches!(state(*pid).as_str(), "Z" | "X")).collect()
}

fn state(pid: u32) -> String {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(") ").map(|(_, fields)| fields).unwrap_or_default();
    fields.split(' ').next().unwrap_or_default().to_string()
}

fn processes() -> BTreeSet<String> {
    let others = alive().into_iter().filter(|pid| *pid != 1 && *pid != std::process::id());
    let comm = |pid: u32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_string();
    others.map(|pid| format!("{pid} {}", comm(pid))).collect()
}

fn networks() -> BTreeSet<String> {
    let links = alive().into_iter().filter_map(|pid| fs::read_link(format!("/proc/{pid}/ns/net")).ok());
    links.map(|link| link.display().to_string()).collect()
}

fn files(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for directory in ["containers", "journal"] {
        let entries = fs::read_dir(root.join(directory)).into_iter().flatten().flatten();
        found.extend(entries.map(|entry| format!("{directory}/{}", name(&entry.path()))));
    }
    // A volume that has a name and a record is meant to stay.
    let volumes = fs::read_dir(root.join("volumes")).into_iter().flatten().flatten();
    let meant = |path: &Path| name(path).len() != 64 && path.join("volume.json").is_file();
    found.extend(volumes.filter(|entry| !meant(&entry.path())).map(|entry| format!("volumes/{}", name(&entry.path()))));
    let digest = |name: &str| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let layers = fs::read_dir(root.join("layers")).into_iter().flatten().flatten();
    let parts = layers.map(|entry| name(&entry.path())).filter(|name| !digest(name));
    found.extend(parts.map(|name| format!("layers/{name}")));
    found
}
