//! Control groups: cgroups(7). Membership, limits, and what happens when they are reached.

use std::collections::BTreeMap;
use std::rc::Rc;

use rpds::RedBlackTreeMap;

use super::bandwidth::Bandwidth;
use super::cgroup_io::DiskLimits;
use super::kernel::Kernel;
use super::overlay::parent_of;
use super::tables::{HostPid, InodeId, Process, SuperId};
use super::tty::is_zombie;
use crate::device::DeviceRule;
use crate::errno::Errno;
use crate::host::Controller;
use crate::userland::{Signal, SysResult, WaitStatus};

/// A mounted tree of cgroups.
#[derive(Clone, Debug)]
pub(super) struct Hierarchy {
    pub(super) super_id: SuperId,
    /// Version 2.
    pub(super) unified: bool,
    pub(super) controllers: Vec<Controller>,
    /// `memory` or `cpu,cpuacct`: as /proc/PID/cgroup names it; empty on version 2.
    pub(super) label: Rc<str>,
}

/// A cgroup.
#[derive(Clone, Debug, Default)]
pub(super) struct Cgroup {
    pub(super) memory_bytes_max: Option<u64>,
    pub(super) swap_bytes_max: Option<u64>,
    pub(super) memory_reservation_bytes: Option<u64>,
    pub(super) swappiness: Option<u64>,
    /// v1: `memory.oom_control`.
    pub(super) oom_kill_disable: bool,
    pub(super) pids_max: Option<u64>,
    /// Microseconds in each period.
    pub(super) cpu_quota: Option<u64>,
    pub(super) cpu_period: Option<u64>,
    pub(super) bandwidth: Bandwidth,
    /// `cpu.weight` on version 2, `cpu.shares` on version 1.
    pub(super) cpu_shares: Option<u64>,
    /// Processors and memory nodes, in the form of [`crate::cpu_list`]; empty: none of its own.
    pub(super) cpuset_cpus: String,
    pub(super) cpuset_mems: String,
    /// `cgroup.freeze`, `freezer.state`: its own wish; one above may be frozen as well.
    pub(super) frozen: bool,
    /// What the device cgroup allows; `None`: everything.
    pub(super) devices: Option<Rc<Vec<DeviceRule>>>,
    /// `io.weight`, `blkio.weight`.
    pub(super) block_weight: Option<u64>,
    /// What single disks are limited to, by their numbers.
    pub(super) disks: BTreeMap<(u32, u32), DiskLimits>,
    /// Controllers for the children (v2).
    pub(super) subtree: Vec<Controller>,
    /// Pages of tmpfs.
    pub(super) file_bytes: u64,
    /// Processes that the OOM killer ended here.
    pub(super) oom_kills: u64,
    pub(super) max_events: u64,
    pub(super) pids_events: u64,
    pub(super) memory_bytes_peak: u64,
}

/// `path` is `top` or below it.
pub(super) fn is_within(path: &str, top: &str) -> bool {
    top.is_empty() || path == top || path.strip_prefix(top).is_some_and(|rest| rest.starts_with('/'))
}

impl Kernel {
    pub(super) fn cgroup(&self, index: usize, path: &str) -> SysResult<&Cgroup> {
        self.cgroups.get(&(index, Rc::from(path))).ok_or(Errno::ENOENT)
    }

    pub(super) fn cgroup_mut(&mut self, index: usize, path: &str) -> SysResult<&mut Cgroup> {
        self.cgroups.get_mut(&(index, Rc::from(path))).ok_or(Errno::ENOENT)
    }

    pub(super) fn make_cgroup(&mut self, index: usize, path: &str) -> SysResult<()> {
        self.cgroup(index, parent_of(path))?;
        self.cgroups.insert_mut((index, Rc::from(path)), Cgroup::default());
        Ok(())
    }

    /// rmdir(2): EBUSY while there are processes in it or cgroups below.
    pub(super) fn remove_cgroup(&mut self, index: usize, path: &str) -> SysResult<()> {
        self.cgroup(index, path)?;
        let has_child = self.cgroups.keys().any(|(of, other)| *of == index && &**other != path && is_within(other, path));
        if has_child || !self.cgroup_members(index, path, false).is_empty() {
            return Err(Errno::EBUSY);
        }
        self.freeze_cgroup(index, path, false)?;
        self.cgroups.remove_mut(&(index, Rc::from(path)));
        Ok(())
    }

    /// The living processes of a cgroup, `deep` with those of the cgroups below.
    pub(super) fn cgroup_members(&self, index: usize, path: &str, deep: bool) -> Vec<HostPid> {
        let member = |process: &Process| {
            let own = process.cgroups.get(index).map_or("", |own| own);
            own == path || deep && is_within(own, path)
        };
        let all = self.processes.iter().filter(|(_, process)| !is_zombie(&process.state) && member(process));
        all.map(|(pid, _)| *pid).collect()
    }

    /// Moves a process, with all that it is charged for its memory.
    pub(super) fn join_cgroup(&mut self, index: usize, path: &str, pid: HostPid) -> SysResult<()> {
        let into = self.cgroup(index, path)?;
        let hierarchy = self.hierarchies.get(index).ok_or(Errno::ENOENT)?;
        let empty = into.cpuset_cpus.is_empty() || into.cpuset_mems.is_empty();
        // cpuset(7): version 1 takes no process where there is no processor or no memory for it.
        if !hierarchy.unified && hierarchy.controllers.contains(&Controller::Cpuset) && empty && !path.is_empty() {
            return Err(Errno::ENOSPC);
        }
        let path: Rc<str> = Rc::from(path);
        let process = self.process_mut(pid)?;
        *process.cgroups.get_mut(index).ok_or(Errno::EINVAL)? = path;
        Ok(())
    }

    /// It stands still: one of its cgroups, or one above those, is frozen.
    pub(super) fn is_frozen(&self, process: &Process) -> bool {
        self.frozen_cgroups > 0 && process.cgroups.iter().enumerate().any(|(index, path)| self.is_cgroup_frozen(index, path))
    }

    pub(super) fn is_cgroup_frozen(&self, index: usize, path: &str) -> bool {
        Self::chain(path).into_iter().any(|at| self.cgroup(index, at).is_ok_and(|cgroup| cgroup.frozen))
    }

    pub(super) fn freeze_cgroup(&mut self, index: usize, path: &str, frozen: bool) -> SysResult<()> {
        let cgroup = self.cgroup_mut(index, path)?;
        let before = std::mem::replace(&mut cgroup.frozen, frozen);
        self.frozen_cgroups = self.frozen_cgroups + usize::from(frozen) - usize::from(before);
        if !frozen {
            self.act_on_held();
        }
        Ok(())
    }

    pub(super) fn index_of(&self, controller: Controller) -> Option<usize> {
        self.hierarchies.iter().position(|hierarchy| hierarchy.controllers.contains(&controller))
    }

    /// The cgroup and all above it, itself first.
    pub(super) fn chain(path: &str) -> Vec<&str> {
        let mut all = vec![path];
        let mut at = path;
        while !at.is_empty() {
            at = parent_of(at);
            all.push(at);
        }
        all
    }

    /// EAGAIN where one more process is too many.
    pub(super) fn check_pids_max(&mut self, cgroups: &[Rc<str>]) -> SysResult<()> {
        let Some(index) = self.index_of(Controller::Pids) else { return Ok(()) };
        let own = cgroups.get(index).cloned().unwrap_or_else(|| Rc::from(""));
        for path in Self::chain(&own) {
            let most = self.cgroup(index, path).ok().and_then(|cgroup| cgroup.pids_max);
            if most.is_some_and(|most| self.pids_current(index, path) >= most) {
                self.cgroup_mut(index, path)?.pids_events += 1;
                return Err(Errno::EAGAIN);
            }
        }
        Ok(())
    }

    /// Processes of a cgroup and below, zombies as well.
    pub(super) fn pids_current(&self, index: usize, path: &str) -> u64 {
        let inside = |process: &&Process| process.cgroups.get(index).is_some_and(|own| is_within(own, path));
        self.processes.values().filter(inside).count() as u64
    }

    /// Bytes charged to a cgroup and those below.
    pub(super) fn memory_current(&self, index: usize, path: &str) -> u64 {
        let inside = |process: &&Process| process.cgroups.get(index).is_some_and(|own| is_within(own, path));
        let anonymous: u64 = self.processes.values().filter(inside).map(|process| process.memory_bytes).sum();
        let below = self.cgroups.iter().filter(|((of, other), _)| *of == index && is_within(other, path));
        anonymous + below.map(|(_, cgroup)| cgroup.file_bytes).sum::<u64>()
    }

    /// Memory for a process: the OOM killer makes room where a limit is reached.
    pub(super) fn allocate(&mut self, pid: HostPid, bytes: u64) -> SysResult<()> {
        self.make_room(pid, bytes)?;
        let process = self.process_mut(pid)?;
        if is_zombie(&process.state) {
            return Err(Errno::ENOMEM);
        }
        process.memory_bytes += bytes;
        self.note_peak(pid);
        Ok(())
    }

    fn note_peak(&mut self, pid: HostPid) {
        let Some(index) = self.index_of(Controller::Memory) else { return };
        let own = self.process(pid).ok().and_then(|process| process.cgroups.get(index).cloned());
        let Some(own) = own else { return };
        for path in Self::chain(&own) {
            let current = self.memory_current(index, path);
            if let Ok(cgroup) = self.cgroup_mut(index, path) {
                cgroup.memory_bytes_peak = cgroup.memory_bytes_peak.max(current);
            }
        }
    }

    /// ENOMEM where the caller itself was ended, or nothing was left to end.
    fn make_room(&mut self, pid: HostPid, bytes: u64) -> SysResult<()> {
        let Some(index) = self.index_of(Controller::Memory) else { return self.make_room_on_host(pid, bytes) };
        let own = self.process(pid)?.cgroups.get(index).cloned().unwrap_or_else(|| Rc::from(""));
        for path in Self::chain(&own) {
            let Some(most) = self.cgroup(index, path).ok().and_then(|cgroup| cgroup.memory_bytes_max) else { continue };
            while self.memory_current(index, path) + bytes > most {
                if self.cgroup(index, path)?.oom_kill_disable {
                    // It waits; here no longer than until a signal, since nothing that others give back wakes it.
                    return Err(self.wait_for(pid, super::tables::Wait::Signal));
                }
                let victim = self.biggest(&self.cgroup_members(index, path, true)).ok_or(Errno::ENOMEM)?;
                let cgroup = self.cgroup_mut(index, path)?;
                cgroup.oom_kills += 1;
                cgroup.max_events += 1;
                self.end_process(victim, WaitStatus::Signaled(Signal::SIGKILL));
                if victim == pid {
                    return Err(Errno::ENOMEM);
                }
            }
        }
        self.make_room_on_host(pid, bytes)
    }

    fn make_room_on_host(&mut self, pid: HostPid, bytes: u64) -> SysResult<()> {
        let used = |kernel: &Kernel| kernel.processes.values().map(|process| process.memory_bytes).sum::<u64>();
        while used(self) + bytes > self.host.memory_bytes {
            let all: Vec<HostPid> =
                self.processes.iter().filter(|(_, process)| process.memory_bytes > 0).map(|(pid, _)| *pid).collect();
            let victim = self.biggest(&all).unwrap_or(pid);
            self.end_process(victim, WaitStatus::Signaled(Signal::SIGKILL));
            if victim == pid {
                return Err(Errno::ENOMEM);
            }
        }
        Ok(())
    }

    /// The most memory; among equals the youngest.
    fn biggest(&self, pids: &[HostPid]) -> Option<HostPid> {
        pids.iter().copied().max_by_key(|pid| (self.processes.get(pid).map_or(0, |process| process.memory_bytes), *pid))
    }

    /// The OOM killer was at work in the cgroup of a process.
    pub(super) fn saw_oom(&self, pid: HostPid) -> bool {
        let Some(index) = self.index_of(Controller::Memory) else { return false };
        let own = self.processes.get(&pid).and_then(|process| process.cgroups.get(index));
        let Some(own) = own.filter(|path| !path.is_empty()) else { return false };
        self.cgroup(index, own).is_ok_and(|cgroup| cgroup.oom_kills > 0)
    }

    /// Room for a file that grows: ENOSPC where its file system is full; tmpfs is charged to the writer's cgroup.
    pub(super) fn reserve(&mut self, pid: HostPid, inode: InodeId, old: u64, new: u64) -> SysResult<()> {
        let super_id = self.inode(inode)?.super_id;
        let found = self.supers.get(&super_id).ok_or(Errno::EIO)?;
        let grown = new.saturating_sub(old);
        if found.bytes_max.is_some_and(|most| found.bytes + grown > most) {
            return Err(Errno::ENOSPC);
        }
        if &*found.fs_type == "tmpfs" && grown > 0 {
            self.make_room(pid, grown)?;
            if let Some(index) = self.index_of(Controller::Memory) {
                let own = self.process(pid)?.cgroups.get(index).cloned();
                let stored = self.inode_mut(inode)?;
                if stored.charged.is_none() {
                    stored.charged = own;
                }
            }
        }
        let charged = self.inode(inode)?.charged.clone();
        self.account(super_id, charged.as_ref(), old, new);
        Ok(())
    }

    /// A file of this file system goes from `old` to `new` bytes.
    pub(super) fn account(&mut self, super_id: SuperId, charged: Option<&Rc<str>>, old: u64, new: u64) {
        if let Some(found) = self.supers.get_mut(&super_id) {
            found.bytes = (found.bytes + new).saturating_sub(old);
        }
        let index = self.index_of(Controller::Memory);
        if let (Some(path), Some(index)) = (charged, index)
            && let Ok(cgroup) = self.cgroup_mut(index, path)
        {
            cgroup.file_bytes = (cgroup.file_bytes + new).saturating_sub(old);
        }
    }

    /// The cgroup namespace's root in a hierarchy.
    pub(super) fn cgroup_root_of(&self, pid: HostPid, index: usize) -> Rc<str> {
        use super::tables::NsData;
        let ns = self.processes.get(&pid).map(|process| process.namespaces.of(crate::step::NamespaceKind::Cgroup));
        match ns.and_then(|ns| self.namespaces.get(&ns)).map(|ns| &ns.data) {
            Some(NsData::Cgroup { roots }) => roots.get(index).cloned().unwrap_or_else(|| Rc::from("")),
            _ => Rc::from(""),
        }
    }

    /// A cgroup's path as a process's cgroup namespace shows it: cgroup_namespaces(7).
    pub(super) fn cgroup_path_seen(&self, pid: HostPid, index: usize, path: &str) -> String {
        let root = self.cgroup_root_of(pid, index);
        if is_within(path, &root) {
            let rest = path[root.len()..].trim_start_matches('/');
            return format!("/{rest}");
        }
        let ups = root.split('/').filter(|name| !name.is_empty()).count();
        let up = vec![".."; ups].join("/");
        if path.is_empty() { format!("/{up}") } else { format!("/{up}/{path}") }
    }
}

/// The cgroups at boot: the roots alone.
pub(super) fn roots(count: usize) -> RedBlackTreeMap<(usize, Rc<str>), Cgroup> {
    (0..count).map(|index| ((index, Rc::from("")), Cgroup::default())).collect()
}
