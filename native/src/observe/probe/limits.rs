//! A limit of the cgroup in which a process is, as the kernel reports it: cgroups(7) and the kernel's cgroup-v1 and -v2 documents.

use std::fs;
use std::path::{Path, PathBuf};

use glassbox_core::errno::Errno;
use glassbox_core::host::Controller;
use glassbox_core::step::Limit;

use crate::observe::mountinfo::{self, Mount};
use crate::observe::procfs;
use crate::sys;

/// v1 counts memory in pages: "no limit" is the largest number of bytes in whole pages, a little below 2^63.
const NO_LIMIT_V1: u64 = 1 << 62;

/// The limit; `None`: none.
pub fn of(pid: u32, limit: Limit) -> Result<Option<u64>, Errno> {
    let mounts = mountinfo::parse(&procfs::read(std::process::id(), "mountinfo")?);
    let own = procfs::read_text(pid, "cgroup")?;
    match split(&mounts, &own, limit.controller()) {
        Some(directory) => split_limit(&directory, limit),
        None => unified_limit(&unified(&mounts, &own).ok_or(Errno::ENOENT)?, limit),
    }
}

/// Its directory in the v1 tree of this controller, if there is one: `4:memory:/docker/abc`.
fn split(mounts: &[Mount], own: &str, controller: Controller) -> Option<PathBuf> {
    let name = controller.split_name();
    let mount = mounts.iter().find(|mount| mount.fs_type == "cgroup" && mount.has_super_option(name))?;
    let path = own.lines().find_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        controllers.split(',').any(|found| found == name).then_some(path)
    })?;
    Some(below(mount, path))
}

/// Its directory in the v2 tree: `0::/glassbox/abc`.
fn unified(mounts: &[Mount], own: &str) -> Option<PathBuf> {
    let mount = mounts.iter().find(|mount| mount.fs_type == "cgroup2")?;
    own.lines().find_map(|line| line.strip_prefix("0::")).map(|path| below(mount, path))
}

fn below(mount: &Mount, path: &str) -> PathBuf {
    let path = path.strip_prefix(&mount.root).unwrap_or(path);
    Path::new(&mount.target).join(path.trim_start_matches('/'))
}

/// `None`: the root of the tree, which has no limits, or a controller that is not enabled there.
fn text(directory: &Path, file: &str) -> Result<Option<String>, Errno> {
    match fs::read_to_string(directory.join(file)).map_err(|error| sys::errno_of(&error)) {
        Ok(text) => Ok(Some(text)),
        Err(Errno::ENOENT) if directory.is_dir() => Ok(None),
        Err(errno) => Err(errno),
    }
}

fn unified_limit(directory: &Path, limit: Limit) -> Result<Option<u64>, Errno> {
    let (file, word) = match limit {
        Limit::Memory => ("memory.max", 0),
        Limit::Swap => ("memory.swap.max", 0),
        Limit::Pids => ("pids.max", 0),
        Limit::CpuQuota => ("cpu.max", 0),
        Limit::CpuPeriod => ("cpu.max", 1),
        Limit::MemoryReservation => ("memory.low", 0),
        Limit::CpuShares => ("cpu.weight", 0),
        // Not a number, or not of this version.
        _ => return Err(Errno::EINVAL),
    };
    let Some(text) = text(directory, file)? else { return Ok(None) };
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.first() {
        // Without a quota the period limits nothing.
        Some(&"max") => Ok(None),
        _ => words.get(word).and_then(|word| word.parse().ok()).map(Some).ok_or(Errno::EIO),
    }
}

fn split_limit(directory: &Path, limit: Limit) -> Result<Option<u64>, Errno> {
    let file = match limit {
        Limit::Memory => "memory.limit_in_bytes",
        Limit::Swap => "memory.memsw.limit_in_bytes",
        Limit::Pids => "pids.max",
        Limit::CpuQuota => "cpu.cfs_quota_us",
        Limit::CpuPeriod => "cpu.cfs_period_us",
        Limit::MemoryReservation => "memory.soft_limit_in_bytes",
        Limit::Swappiness => "memory.swappiness",
        Limit::CpuShares => "cpu.shares",
        _ => return Err(Errno::EINVAL),
    };
    if limit == Limit::CpuPeriod && split_limit(directory, Limit::CpuQuota)?.is_none() {
        return Ok(None);
    }
    let Some(text) = text(directory, file)? else { return Ok(None) };
    match text.trim() {
        "max" | "-1" => Ok(None),
        number => number.parse().map(|number| Some(number).filter(|number| *number < NO_LIMIT_V1)).map_err(|_| Errno::EIO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::TempRoot;

    #[test]
    fn both_versions_say_the_same_in_their_own_way() {
        let root = TempRoot::new();
        let write = |file: &str, text: &str| fs::write(root.path().join(file), text).unwrap();
        let ask = |limits: fn(&Path, Limit) -> Result<Option<u64>, Errno>| {
            [Limit::Memory, Limit::Pids, Limit::CpuQuota, Limit::CpuPeriod].map(|limit| limits(root.path(), limit).unwrap())
        };
        assert_eq!(ask(unified_limit), [None; 4]);
        assert_eq!(ask(split_limit), [None; 4]);
        for (file, text) in [("memory.max", "max\n"), ("pids.max", "max\n"), ("cpu.max", "max 100000\n")] {
            write(file, text);
        }
        write("memory.limit_in_bytes", "9223372036854771712\n");
        write("cpu.cfs_quota_us", "-1\n");
        write("cpu.cfs_period_us", "100000\n");
        assert_eq!((ask(unified_limit), ask(split_limit)), ([None; 4], [None; 4]));
        for (file, text) in [("memory.max", "67108864\n"), ("pids.max", "20\n"), ("cpu.max", "50000 100000\n")] {
            write(file, text);
        }
        write("memory.limit_in_bytes", "67108864\n");
        write("cpu.cfs_quota_us", "50000\n");
        let limits = [Some(64 << 20), Some(20), Some(50_000), Some(100_000)];
        assert_eq!((ask(unified_limit), ask(split_limit)), (limits, limits));
    }

    #[test]
    fn the_directory_is_that_of_the_controller() {
        let mounts = mountinfo::parse(
            b"1 1 0:1 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
              1 1 0:2 /outer /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
              1 1 0:3 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
        );
        let own = "3:memory:/outer/a\n2:cpu,cpuacct:/b\n1:name=systemd:/x\n0::/c\n";
        assert_eq!(split(&mounts, own, Controller::Cpu), Some(PathBuf::from("/sys/fs/cgroup/cpu,cpuacct/b")));
        assert_eq!(split(&mounts, own, Controller::Memory), Some(PathBuf::from("/sys/fs/cgroup/memory/a")));
        assert_eq!(split(&mounts, own, Controller::Pids), None);
        assert_eq!(unified(&mounts, own), Some(PathBuf::from("/sys/fs/cgroup/unified/c")));
    }
}
