//! /proc/PID: proc_pid_stat(5), proc_pid_status(5), and the links to what a process uses.

use super::kernel::Kernel;
use super::mount::MountLine;
use super::proc_fs::NS_PER_TICK;
use super::tables::{HostPid, NsData, Object, Place, Process, ProcessState};
use super::vfs::Attributes;
use crate::errno::Errno;
use crate::model::IdMapLine;
use crate::oci::capability::{Capability, CapabilitySet};
use crate::step::NamespaceKind;
use crate::userland::{FileKind, SysResult, WaitStatus};

const FILES: &[&str] = &[
    "cgroup",
    "cmdline",
    "comm",
    "environ",
    "gid_map",
    "limits",
    "mountinfo",
    "mounts",
    "oom_score_adj",
    "setgroups",
    "stat",
    "status",
    "timens_offsets",
    "uid_map",
];
const LINKS: &[&str] = &["cwd", "exe", "root"];
const DIRECTORIES: &[&str] = &["fd", "net", "ns"];
/// Resident bytes that every program has.
const BASE_BYTES: u64 = 1 << 20;
const PAGE_BYTES: u64 = 4096;
/// Lines of an id map: user_namespaces(7).
const MAP_LINES_MAX: usize = 340;

fn ns_kind(name: &str) -> Option<NamespaceKind> {
    NamespaceKind::ALL.into_iter().find(|kind| kind.file() == name)
}

impl Kernel {
    pub(super) fn pid_attributes(&self, pid: HostPid, rest: &str) -> SysResult<Attributes> {
        let process = self.process(pid)?;
        let (uid, gid) = (process.credentials.uid, process.credentials.gid);
        let made = |kind, mode| Ok(Attributes::made(kind, mode, uid, gid));
        match rest {
            "" | "net" => made(FileKind::Directory, 0o555),
            "fd" | "ns" => made(FileKind::Directory, 0o500),
            "net/dev" => made(FileKind::File, 0o444),
            "environ" => made(FileKind::File, 0o400),
            "attr" | "attr/apparmor" if self.host.apparmor.is_some() => made(FileKind::Directory, 0o555),
            "attr/apparmor/exec" if self.host.apparmor.is_some() => made(FileKind::File, 0o666),
            "uid_map" | "gid_map" | "setgroups" | "comm" | "oom_score_adj" => made(FileKind::File, 0o644),
            _ if FILES.contains(&rest) => made(FileKind::File, 0o444),
            _ if LINKS.contains(&rest) => made(FileKind::Symlink, 0o777),
            _ => match rest.split_once('/') {
                Some(("fd", fd)) if fd.parse().is_ok_and(|fd| process.descriptors.contains_key(&fd)) => {
                    made(FileKind::Symlink, 0o700)
                }
                Some(("ns", name)) if ns_kind(name).is_some() || name == "pid_for_children" => made(FileKind::Symlink, 0o777),
                _ => Err(Errno::ENOENT),
            },
        }
    }

    pub(super) fn pid_names(&self, pid: HostPid, rest: &str) -> SysResult<Vec<String>> {
        let process = self.process(pid)?;
        let mut names: Vec<String> = match rest {
            "" => FILES.iter().chain(LINKS).chain(DIRECTORIES).map(|name| (*name).to_string()).collect(),
            "fd" => process.descriptors.keys().map(i32::to_string).collect(),
            "ns" => NamespaceKind::ALL.iter().map(|kind| kind.file()).chain(["pid_for_children"]).map(str::to_string).collect(),
            "net" => vec!["dev".to_string()],
            _ => return Err(Errno::ENOTDIR),
        };
        names.sort_unstable();
        Ok(names)
    }

    pub(super) fn pid_magic(&self, pid: HostPid, rest: &str) -> Option<Place> {
        let process = self.processes.get(&pid)?;
        match rest {
            "root" => Some(process.root.clone()),
            "cwd" => Some(process.cwd.clone()),
            "exe" => process.exe.clone(),
            _ => {
                let fd = rest.strip_prefix("fd/")?.parse().ok()?;
                self.files.get(&process.descriptors.get(&fd)?.file)?.place.clone()
            }
        }
    }

    /// EACCES where the reader has no power over the process: ptrace(2), access mode checks.
    fn may_look_into(&self, viewer: HostPid, pid: HostPid) -> SysResult<()> {
        let (from, to) = (self.process(viewer)?, self.process(pid)?);
        let target = to.namespaces.of(NamespaceKind::User);
        let covered = to.credentials.permitted.minus(from.credentials.permitted).is_empty();
        let same = from.credentials.uid == to.credentials.uid && covered;
        if same || self.is_capable(viewer, Capability::SysPtrace, target) { Ok(()) } else { Err(Errno::EACCES) }
    }

    pub(super) fn pid_link_text(&self, pid: HostPid, rest: &str, viewer: HostPid) -> SysResult<String> {
        self.may_look_into(viewer, pid)?;
        let process = self.process(pid)?;
        if let Some(name) = rest.strip_prefix("ns/") {
            let id = match ns_kind(name) {
                Some(kind) => process.namespaces.of(kind),
                None => process.pid_for_children,
            };
            let shown = if name == "pid_for_children" { "pid" } else { name };
            return Ok(format!("{shown}:[{id}]"));
        }
        let root = &self.process(viewer)?.root;
        if let Some(place) = self.pid_magic(pid, rest) {
            return Ok(self.path_of_file(&place, root).unwrap_or_else(|| "/".to_string()));
        }
        let fd = rest.strip_prefix("fd/").and_then(|fd| fd.parse().ok()).ok_or(Errno::ENOENT)?;
        let descriptor = process.descriptors.get(&fd).ok_or(Errno::ENOENT)?;
        match &self.file(descriptor.file)?.object {
            Object::PipeReader(pipe) | Object::PipeWriter(pipe) => Ok(format!("pipe:[{pipe}]")),
            Object::Device(1, 3) => Ok("/dev/null".to_string()),
            _ => Ok("/dev/pts/0".to_string()),
        }
    }

    pub(super) fn pid_text(&self, pid: HostPid, rest: &str, viewer: HostPid) -> SysResult<String> {
        let process = self.process(pid)?;
        let zombie = matches!(process.state, ProcessState::Zombie(_));
        Ok(match rest {
            "stat" => self.stat_text(pid, viewer)?,
            "status" => self.status_text(pid, viewer)?,
            "cmdline" if zombie => String::new(),
            "cmdline" => process.argv.iter().map(|word| format!("{word}\0")).collect(),
            "comm" => format!("{}\n", process.comm),
            "environ" => {
                self.may_look_into(viewer, pid)?;
                process.env.iter().map(|entry| format!("{entry}\0")).collect()
            }
            "cgroup" => self.cgroup_lines(pid, viewer),
            "mountinfo" => self.mount_lines(viewer, pid)?.iter().map(mountinfo_line).collect(),
            "mounts" => self.mount_lines(viewer, pid)?.iter().map(mounts_line).collect(),
            "timens_offsets" => {
                let line = |(clock, seconds, ns)| format!("{clock:<10} {seconds:>10} {ns:>9}\n");
                self.time_offsets_of(pid).parts().map(line).concat()
            }
            "uid_map" | "gid_map" => self.map_text(process, rest == "gid_map"),
            "setgroups" => {
                let ns = self.namespaces.get(&process.namespaces.of(NamespaceKind::User));
                let allowed = !matches!(ns.map(|ns| &ns.data), Some(NsData::User { setgroups: false, .. }));
                if allowed { "allow\n" } else { "deny\n" }.to_string()
            }
            "oom_score_adj" => format!("{}\n", process.oom_score_adj.0),
            "attr/apparmor/exec" if self.host.apparmor.is_some() => {
                process.credentials.apparmor.0.as_ref().map_or_else(String::new, |profile| format!("{profile}\n"))
            }
            "limits" => crate::resource_limit::table(|resource| process.limit(resource)),
            "net/dev" => self.net_dev(pid),
            _ => return Err(Errno::EINVAL),
        })
    }

    fn stat_text(&self, pid: HostPid, viewer: HostPid) -> SysResult<String> {
        let process = self.process(pid)?;
        let ns = self.own_pid_ns(viewer);
        let number = |pid: HostPid| self.number_in(pid, ns).unwrap_or(0);
        let (tty, foreground) = match process.terminal.and_then(|tty| self.ttys.get(&tty)) {
            Some(tty) => ((136 << 8) | i64::from(tty.number), i64::from(number(tty.foreground))),
            None => (0, -1),
        };
        let ticks = process.cpu_ns / NS_PER_TICK;
        let ahead = self.time_offsets_of(viewer).boottime_ns;
        let started = process.started_ns.saturating_add_signed(ahead) / NS_PER_TICK;
        let exit = match process.state {
            ProcessState::Zombie(WaitStatus::Exited(code)) => code << 8,
            ProcessState::Zombie(WaitStatus::Signaled(signal)) => signal.0,
            _ => 0,
        };
        let resident = process.memory_bytes + BASE_BYTES;
        Ok(format!(
            "{} ({}) {} {} {} {} {tty} {foreground} 4194304 0 0 0 0 {ticks} 0 0 0 20 0 1 0 {started} {resident} {} 18446744073709551615 \
             1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 {exit}\n",
            number(pid),
            process.comm,
            letter(&process.state),
            number(process.parent),
            number(process.group),
            number(process.session),
            resident / PAGE_BYTES,
        ))
    }

    fn status_text(&self, pid: HostPid, viewer: HostPid) -> SysResult<String> {
        let process = self.process(pid)?;
        let viewer_ns = self.own_pid_ns(viewer);
        let credentials = &process.credentials;
        let uid = self.shown_id(viewer, credentials.uid, false);
        let gid = self.shown_id(viewer, credentials.gid, true);
        let groups: Vec<String> = credentials.groups.iter().map(|group| self.shown_id(viewer, *group, true).to_string()).collect();
        let groups = groups.join(" ");
        let from = process.numbers.iter().position(|(ns, _)| Some(*ns) == viewer_ns).unwrap_or(0);
        let chain = |of: HostPid| -> String {
            let spaces = process.numbers[from..].iter();
            spaces.map(|(space, _)| format!("\t{}", self.number_in(of, Some(*space)).unwrap_or(0))).collect()
        };
        let numbers = chain(pid);
        let number = |pid: HostPid| self.number_in(pid, viewer_ns).unwrap_or(0);
        let set = |name: &str, set: CapabilitySet| format!("{name}:\t{:016x}\n", set.0);
        let seccomp = if credentials.seccomp.is_some() { 2 } else { 0 };
        Ok([
            format!("Name:\t{}\nUmask:\t{:04o}\nState:\t{}\n", process.comm, process.umask, state_words(&process.state)),
            format!("Tgid:\t{0}\nNgid:\t0\nPid:\t{0}\nPPid:\t{1}\nTracerPid:\t0\n", number(pid), number(process.parent)),
            format!("Uid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{gid}\t{gid}\t{gid}\t{gid}\nFDSize:\t64\nGroups:\t{groups} \n"),
            format!("NStgid:{numbers}\nNSpid:{numbers}\nNSpgid:{}\nNSsid:{}\n", chain(process.group), chain(process.session)),
            format!("VmRSS:\t{:>8} kB\nThreads:\t1\n", (process.memory_bytes + BASE_BYTES) >> 10),
            set("CapInh", credentials.inheritable),
            set("CapPrm", credentials.permitted),
            set("CapEff", credentials.effective),
            set("CapBnd", credentials.bounding),
            set("CapAmb", credentials.ambient),
            format!("NoNewPrivs:\t{}\nSeccomp:\t{seccomp}\n", u8::from(credentials.no_new_privileges)),
            format!("Seccomp_filters:\t{}\n", u8::from(credentials.seccomp.is_some())),
            format!("Cpus_allowed_list:\t{}\n", self.cpuset_of(process, true)),
            format!("Mems_allowed_list:\t{}\n", self.cpuset_of(process, false)),
        ]
        .concat())
    }

    fn cgroup_lines(&self, pid: HostPid, viewer: HostPid) -> String {
        let Some(process) = self.processes.get(&pid) else { return String::new() };
        let lines = self.hierarchies.iter().enumerate().map(|(index, hierarchy)| {
            let own = process.cgroups.get(index).map_or("", |path| path);
            let number = if hierarchy.unified { 0 } else { index + 1 };
            format!("{number}:{}:{}\n", hierarchy.label, self.cgroup_path_seen(viewer, index, own))
        });
        let mut lines: Vec<String> = lines.collect();
        lines.reverse();
        lines.concat()
    }

    fn map_text(&self, process: &Process, groups: bool) -> String {
        let ns = self.namespaces.get(&process.namespaces.of(NamespaceKind::User));
        let Some(NsData::User { uid_map, gid_map, .. }) = ns.map(|ns| &ns.data) else { return String::new() };
        let line = |line: &IdMapLine| format!("{:>10} {:>10} {:>10}\n", line.inside, line.outside, line.count);
        if groups { gid_map } else { uid_map }.iter().map(line).collect()
    }

    fn net_dev(&self, pid: HostPid) -> String {
        let head = "Inter-|   Receive                                                |  Transmit\n \
                    face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n";
        let line = |name: &str| {
            format!(
                "{name:>6}:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0\n"
            )
        };
        let lines: String = self.interfaces_of(pid).iter().map(|interface| line(&interface.name)).collect();
        [head, &lines].concat()
    }

    pub(super) fn pid_write(&mut self, pid: HostPid, rest: &str, viewer: HostPid, text: &str) -> SysResult<()> {
        match rest {
            "uid_map" | "gid_map" => self.write_map(pid, viewer, rest == "gid_map", text),
            "setgroups" => self.write_setgroups(pid, text.trim()),
            "comm" => {
                self.process_mut(pid)?.comm = text.trim_end().chars().take(15).collect::<String>().into();
                Ok(())
            }
            "oom_score_adj" => self.set_oom_score(pid, viewer, text.trim()),
            _ => Err(Errno::EACCES),
        }
    }

    fn write_setgroups(&mut self, pid: HostPid, text: &str) -> SysResult<()> {
        let id = self.process(pid)?.namespaces.of(NamespaceKind::User);
        let namespace = self.namespaces.get_mut(&id).ok_or(Errno::EINVAL)?;
        let NsData::User { setgroups, gid_map, .. } = &mut namespace.data else { return Err(Errno::EINVAL) };
        match text {
            "deny" if gid_map.is_empty() => *setgroups = false,
            "deny" => return Err(Errno::EPERM),
            "allow" if *setgroups => {}
            "allow" => return Err(Errno::EPERM),
            _ => return Err(Errno::EINVAL),
        }
        Ok(())
    }

    /// The rules of user_namespaces(7), "User and group ID mappings".
    fn write_map(&mut self, pid: HostPid, viewer: HostPid, groups: bool, text: &str) -> SysResult<()> {
        let lines: Vec<IdMapLine> = text.lines().map(map_line).collect::<Option<Vec<_>>>().ok_or(Errno::EINVAL)?;
        if lines.is_empty() || lines.len() > MAP_LINES_MAX {
            return Err(Errno::EINVAL);
        }
        let id = self.process(pid)?.namespaces.of(NamespaceKind::User);
        let writer = &self.process(viewer)?.credentials;
        let (own, capability) = if groups { (writer.gid, Capability::Setgid) } else { (writer.uid, Capability::Setuid) };
        let Some(NsData::User { parent: Some(parent), setgroups, uid_map, gid_map, .. }) =
            self.namespaces.get(&id).map(|ns| &ns.data)
        else {
            return Err(Errno::EPERM);
        };
        if !if groups { gid_map } else { uid_map }.is_empty() {
            return Err(Errno::EPERM);
        }
        let only_self = matches!(&lines[..], [IdMapLine { outside, count: 1, .. }] if *outside == own);
        let allowed = self.is_capable(viewer, capability, *parent) || only_self && (!groups || !setgroups);
        if !allowed {
            return Err(Errno::EPERM);
        }
        if let Some(NsData::User { uid_map, gid_map, .. }) = self.namespaces.get_mut(&id).map(|ns| &mut ns.data) {
            *(if groups { gid_map } else { uid_map }) = lines;
        }
        Ok(())
    }
}

fn map_line(line: &str) -> Option<IdMapLine> {
    let mut numbers = line.split_whitespace().map(str::parse::<u32>);
    let line = IdMapLine { inside: numbers.next()?.ok()?, outside: numbers.next()?.ok()?, count: numbers.next()?.ok()? };
    (line.count > 0 && numbers.next().is_none()).then_some(line)
}

fn letter(state: &ProcessState) -> char {
    match state {
        ProcessState::Runnable => 'R',
        ProcessState::Waiting(_) => 'S',
        ProcessState::Stopped => 'T',
        ProcessState::Zombie(_) => 'Z',
    }
}

fn state_words(state: &ProcessState) -> &'static str {
    match state {
        ProcessState::Runnable => "R (running)",
        ProcessState::Waiting(_) => "S (sleeping)",
        ProcessState::Stopped => "T (stopped)",
        ProcessState::Zombie(_) => "Z (zombie)",
    }
}

fn mountinfo_line(line: &MountLine) -> String {
    let fact = &line.fact;
    format!(
        "{} {} 0:{} {} {} {}{} - {} {} {}\n",
        line.id,
        line.parent,
        line.device,
        fact.root,
        fact.target,
        line.options,
        line.spread,
        fact.fs_type,
        fact.source,
        line.super_options
    )
}

fn mounts_line(line: &MountLine) -> String {
    let rest = line.super_options.split_once(',').map_or(String::new(), |(_, rest)| format!(",{rest}"));
    let fact = &line.fact;
    format!("{} {} {} {}{rest} 0 0\n", fact.source, fact.target, fact.fs_type, line.options)
}
