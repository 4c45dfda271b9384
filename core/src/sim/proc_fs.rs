//! /proc: proc(5). What does not belong to one process; the directories of processes are in `proc_pid`.
//!
//! A node is its path: `12/status`, `sys/kernel/hostname`. Nothing is stored.

use super::kernel::Kernel;
use super::tables::{FileId, HostPid, NsId, Place};
use super::vfs::Attributes;
use crate::errno::Errno;
use crate::sysctl;
use crate::userland::{FileKind, SysResult};

/// The files at the top and below `sys`.
const FILES: &[&str] = &[
    "cmdline",
    "cpuinfo",
    "filesystems",
    "loadavg",
    "meminfo",
    "stat",
    "swaps",
    "sys/fs/file-max",
    "sys/kernel/cap_last_cap",
    "sys/kernel/hostname",
    "sys/kernel/osrelease",
    "sys/kernel/ostype",
    "sys/kernel/overflowuid",
    "sys/kernel/pid_max",
    "sys/kernel/version",
    "sys/vm/overcommit_memory",
    "uptime",
    "version",
];
const DIRECTORIES: &[&str] = &["", "sys", "sys/fs", "sys/kernel", "sys/net", "sys/vm"];
const LINKS: &[(&str, &str)] = &[("mounts", "self/mounts"), ("net", "self/net")];
const VERSION: &str = "#1 SMP PREEMPT_DYNAMIC Debian";
/// Ticks of USER_HZ in a nanosecond count.
pub(super) const NS_PER_TICK: u64 = 10_000_000;

/// A path below `sys` as sysctl(8) names it.
fn name_of(path: &str) -> String {
    path.strip_prefix("sys/").unwrap_or(path).replace('/', ".")
}

/// Whether the path is a namespace's setting (`true`) or a directory of such.
fn setting(path: &str) -> Option<bool> {
    let name = path.strip_prefix("sys/").map(|_| name_of(path))?;
    if sysctl::KNOWN.iter().any(|(known, _)| *known == name) {
        return Some(true);
    }
    let above = |known: &str| known.strip_prefix(&name).is_some_and(|rest| rest.starts_with('.'));
    let own = !DIRECTORIES.contains(&path);
    (own && sysctl::KNOWN.iter().any(|(known, _)| above(known))).then_some(false)
}

/// The next components of all settings below a path.
fn settings_below(path: &str) -> impl Iterator<Item = String> {
    let prefix = if path == "sys" { Some(String::new()) } else { path.strip_prefix("sys/").map(|_| name_of(path) + ".") };
    let next = move |known: &str| Some(known.strip_prefix(prefix.as_ref()?)?.split('.').next()?.to_string());
    sysctl::KNOWN.iter().filter_map(move |(known, _)| next(known))
}

/// The process that a path is about, and the rest of the path.
pub(super) fn split_pid(path: &str) -> Option<(u32, &str)> {
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    Some((first.parse().ok()?, rest))
}

impl Kernel {
    /// The process of a path below /proc.
    pub(super) fn proc_process<'p>(&self, ns: NsId, path: &'p str) -> Option<(HostPid, &'p str)> {
        let (number, rest) = split_pid(path)?;
        Some((self.by_number(ns, number)?, rest))
    }

    /// A guarded path of the host's /proc: whether it is a directory.
    fn guarded(&self, path: &str) -> Option<bool> {
        self.host.guarded_paths.get(&format!("/proc/{path}")).copied()
    }

    pub(super) fn proc_attributes(&self, ns: NsId, path: &str) -> SysResult<Attributes> {
        if let Some((pid, rest)) = self.proc_process(ns, path) {
            return self.pid_attributes(pid, rest);
        }
        let made = |kind, mode| Ok(Attributes::made(kind, mode, 0, 0));
        if let Some(setting) = setting(path) {
            let (uid, gid) = self.owner_of_settings(ns);
            let kind = if setting { FileKind::File } else { FileKind::Directory };
            return Ok(Attributes::made(kind, if setting { 0o644 } else { 0o555 }, uid, gid));
        }
        if DIRECTORIES.contains(&path) {
            return made(FileKind::Directory, 0o555);
        }
        if FILES.contains(&path) {
            let writable = path.starts_with("sys/kernel/hostname");
            return made(FileKind::File, if writable { 0o644 } else { 0o444 });
        }
        if path == "self" || path == "thread-self" || LINKS.iter().any(|(name, _)| *name == path) {
            return made(FileKind::Symlink, 0o777);
        }
        match self.guarded(path) {
            Some(true) => made(FileKind::Directory, 0o555),
            Some(false) if path == "sysrq-trigger" => made(FileKind::File, 0o200),
            Some(false) => made(FileKind::File, 0o400),
            None => Err(Errno::ENOENT),
        }
    }

    pub(super) fn proc_names(&self, ns: NsId, path: &str) -> SysResult<Vec<String>> {
        if let Some((pid, rest)) = self.proc_process(ns, path) {
            return self.pid_names(pid, rest);
        }
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let below = |name: &str| {
            let rest = name.strip_prefix(&prefix).filter(|rest| !rest.is_empty() && !rest.contains('/'));
            rest.map(str::to_string)
        };
        let mut names: Vec<String> = FILES.iter().chain(DIRECTORIES).filter_map(|name| below(name)).collect();
        names.extend(settings_below(path));
        names.extend(self.host.guarded_paths.keys().filter_map(|full| below(full.strip_prefix("/proc/")?)));
        if path.is_empty() {
            names.extend(self.processes.keys().filter_map(|pid| self.number_in(*pid, Some(ns))).map(|number| number.to_string()));
            names.extend(LINKS.iter().map(|(name, _)| (*name).to_string()));
            names.push("self".to_string());
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    pub(super) fn proc_link_text(&self, ns: NsId, path: &str, viewer: HostPid) -> SysResult<String> {
        if path == "self" || path == "thread-self" {
            return self.number_in(viewer, Some(ns)).map(|number| number.to_string()).ok_or(Errno::ENOENT);
        }
        if let Some((_, target)) = LINKS.iter().find(|(name, _)| *name == path) {
            return Ok((*target).to_string());
        }
        let (pid, rest) = self.proc_process(ns, path).ok_or(Errno::ENOENT)?;
        self.pid_link_text(pid, rest, viewer)
    }

    pub(super) fn proc_magic(&self, ns: NsId, path: &str) -> Option<Place> {
        let (pid, rest) = self.proc_process(ns, path)?;
        self.pid_magic(pid, rest)
    }

    /// The open file behind /proc/PID/fd/N.
    pub(super) fn proc_descriptor(&self, ns: NsId, path: &str) -> Option<FileId> {
        let (pid, rest) = self.proc_process(ns, path)?;
        let fd = rest.strip_prefix("fd/")?.parse().ok()?;
        self.descriptor(pid, fd).ok()
    }

    pub(super) fn proc_text(&self, ns: NsId, path: &str, viewer: HostPid) -> SysResult<String> {
        if let Some((pid, rest)) = self.proc_process(ns, path) {
            return self.pid_text(pid, rest, viewer);
        }
        let seconds = |ns: u64| format!("{}.{:02}", ns / 1_000_000_000, ns / NS_PER_TICK % 100);
        let host = &self.host;
        Ok(match path {
            "uptime" => format!("{} {}\n", seconds(self.clocks_of(viewer).1), seconds(self.clock_ns)),
            "version" => format!("Linux version {} (gcc) {VERSION}\n", host.kernel_release),
            "loadavg" => "0.00 0.00 0.00 1/1 1\n".to_string(),
            "cmdline" => format!("BOOT_IMAGE=/boot/vmlinuz-{} root=/dev/vda1 ro\n", host.kernel_release),
            "meminfo" => self.meminfo(),
            "cpuinfo" => (0..host.cpus).map(|cpu| format!("processor\t: {cpu}\nmodel name\t: modelled\n\n")).collect(),
            "filesystems" => {
                "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tcgroup2\nnodev\tdevpts\nnodev\toverlay\n\text4\n".into()
            }
            "stat" => self.stat(),
            "swaps" => "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n".to_string(),
            "sys/kernel/hostname" => format!("{}\n", self.hostname_of(viewer)),
            "sys/kernel/osrelease" => format!("{}\n", host.kernel_release),
            "sys/kernel/ostype" => "Linux\n".to_string(),
            "sys/kernel/version" => format!("{VERSION}\n"),
            "sys/kernel/overflowuid" => "65534\n".to_string(),
            "sys/kernel/pid_max" => "4194304\n".to_string(),
            "sys/kernel/cap_last_cap" => "40\n".to_string(),
            "sys/fs/file-max" => "9223372036854775807\n".to_string(),
            "sys/vm/overcommit_memory" => "0\n".to_string(),
            _ if setting(path) == Some(true) => format!("{}\n", self.setting_of(viewer, &name_of(path))?),
            _ if self.guarded(path) == Some(false) => String::new(),
            _ => return Err(Errno::EINVAL),
        })
    }

    /// All processors at once: what programs have used, and what is left of the time; then when the machine has booted.
    fn stat(&self) -> String {
        let used = self.processes.values().map(|process| process.cpu_ns).sum::<u64>() / NS_PER_TICK;
        let idle = (self.clock_ns / NS_PER_TICK * u64::from(self.host.cpus)).saturating_sub(used);
        let boot_s = self.realtime_ns().saturating_sub(self.clock_ns) / 1_000_000_000;
        format!("cpu  {used} 0 0 {idle} 0 0 0 0 0 0\nbtime {boot_s}\n")
    }

    fn meminfo(&self) -> String {
        let used: u64 = self.processes.values().map(|process| process.memory_bytes).sum();
        let total = self.host.memory_bytes >> 10;
        let free = total.saturating_sub(used >> 10);
        format!("MemTotal:       {total:>8} kB\nMemFree:        {free:>8} kB\nMemAvailable:   {free:>8} kB\n")
    }

    pub(super) fn proc_write(&mut self, ns: NsId, path: &str, viewer: HostPid, text: &str) -> SysResult<()> {
        if let Some((pid, rest)) = self.proc_process(ns, path) {
            let rest = rest.to_string();
            return self.pid_write(pid, &rest, viewer, text);
        }
        match path {
            "sys/kernel/hostname" => self.set_hostname_of(viewer, text.trim_end()),
            "sysrq-trigger" => Ok(()),
            _ if setting(path) == Some(true) => self.set_setting_of(viewer, &name_of(path), text),
            _ => Err(Errno::EACCES),
        }
    }
}
