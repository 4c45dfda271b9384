//! What a process is limited to besides its cgroup (getrlimit(2)), its rank before the OOM killer, and the settings of its namespaces.

use std::rc::Rc;

use super::kernel::Kernel;
use super::tables::{HostPid, NsId, Process};
use crate::errno::Errno;
use crate::oci::capability::Capability;
use crate::resource_limit::{LimitPair, Resource, of_a_host};
use crate::step::NamespaceKind;
use crate::sysctl;
use crate::userland::{Fd, SysResult};

/// proc_pid_oom_score_adj(5)
const OOM_SCORES: std::ops::RangeInclusive<i64> = -1000..=1000;

impl Process {
    pub(super) fn limit(&self, resource: Resource) -> LimitPair {
        self.limits.get(&resource).copied().unwrap_or_else(|| of_a_host(resource))
    }

    /// One more than the highest descriptor: RLIMIT_NOFILE.
    pub(super) fn descriptors_max(&self) -> Fd {
        Fd::try_from(self.limit(Resource::OPEN_FILES).soft).unwrap_or(Fd::MAX)
    }
}

impl Kernel {
    /// prlimit(2) on itself: a hard limit is raised by who holds CAP_SYS_RESOURCE on the machine.
    pub(super) fn set_limit(&mut self, pid: HostPid, resource: Resource, limit: LimitPair) -> SysResult<()> {
        self.check_filter(pid, "prlimit64")?;
        let first = self.process(super::process::HOST_INIT)?.namespaces.of(NamespaceKind::User);
        if limit.soft > limit.hard {
            return Err(Errno::EINVAL);
        }
        if limit.hard > self.process(pid)?.limit(resource).hard && !self.is_capable(pid, Capability::SysResource, first) {
            return Err(Errno::EPERM);
        }
        self.process_mut(pid)?.limits.insert_mut(resource, limit);
        Ok(())
    }

    /// RLIMIT_NPROC counts the processes of the user; root and who may administer are not held by it: fork(2).
    pub(super) fn check_process_limit(&self, pid: HostPid) -> SysResult<()> {
        let process = self.process(pid)?;
        let most = process.limit(Resource::PROCESSES).soft;
        let uid = process.credentials.uid;
        let free = process.credentials.effective;
        if uid == 0 || free.contains(Capability::SysAdmin) || free.contains(Capability::SysResource) {
            return Ok(());
        }
        let own = self.processes.values().filter(|other| other.credentials.uid == uid).count();
        if own as u64 >= most { Err(Errno::EAGAIN) } else { Ok(()) }
    }

    /// A write to /proc/PID/oom_score_adj. EACCES: lower than it was ever set with power.
    pub(super) fn set_oom_score(&mut self, pid: HostPid, writer: HostPid, text: &str) -> SysResult<()> {
        let score: i64 = text.parse().map_err(|_| Errno::EINVAL)?;
        if !OOM_SCORES.contains(&score) {
            return Err(Errno::EINVAL);
        }
        let first = self.process(super::process::HOST_INIT)?.namespaces.of(NamespaceKind::User);
        let powerful = self.is_capable(writer, Capability::SysResource, first);
        let least = self.process(pid)?.oom_score_adj.1;
        if score < least && !powerful {
            return Err(Errno::EACCES);
        }
        self.process_mut(pid)?.oom_score_adj = (score, if powerful { score } else { least });
        Ok(())
    }

    /// The root user of the namespace that owns the settings that this /proc shows.
    pub(super) fn owner_of_settings(&self, proc: NsId) -> (u32, u32) {
        let owner = self.namespaces.get(&proc).map(|ns| ns.owner);
        let root = |groups| owner.and_then(|owner| self.id_outside(owner, 0, groups)).unwrap_or_default();
        (root(false), root(true))
    }

    fn settings_namespace(&self, pid: HostPid, name: &str) -> SysResult<NsId> {
        let kind = sysctl::namespace(name).ok_or(Errno::ENOENT)?;
        Ok(self.process(pid)?.namespaces.of(kind))
    }

    /// A setting of the process's own namespaces.
    pub(super) fn setting_of(&self, pid: HostPid, name: &str) -> SysResult<Rc<str>> {
        let (_, fresh) = sysctl::KNOWN.iter().find(|(known, _)| *known == name).ok_or(Errno::ENOENT)?;
        let key = (self.settings_namespace(pid, name)?, Rc::from(name));
        Ok(self.settings.get(&key).cloned().unwrap_or_else(|| Rc::from(*fresh)))
    }

    pub(super) fn set_setting_of(&mut self, pid: HostPid, name: &str, text: &str) -> SysResult<()> {
        let before = self.setting_of(pid, name)?;
        let after = sysctl::written(name, &before, text).ok_or(Errno::EINVAL)?;
        // devinet_sysctl_forward() of net/ipv4/devinet.c: a change needs more than leave to write the file.
        if name.ends_with("forward") && *before != *after {
            self.need(pid, Capability::NetAdmin, NamespaceKind::Network)?;
        }
        let key = (self.settings_namespace(pid, name)?, Rc::from(name));
        self.settings.insert_mut(key, Rc::from(after));
        Ok(())
    }

    /// A namespace that has gone takes its settings along.
    pub(super) fn drop_settings(&mut self, id: NsId) {
        let gone: Vec<_> = self.settings.keys().filter(|(ns, _)| *ns == id).cloned().collect();
        for key in &gone {
            self.settings.remove_mut(key);
        }
    }
}
