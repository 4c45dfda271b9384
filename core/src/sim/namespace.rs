//! Namespaces: namespaces(7). Making, entering, and letting go of them.

use std::rc::Rc;

use super::kernel::Kernel;
use super::mount::translate;
use super::net::Stack;
use super::tables::{HostPid, Namespace, NsData, NsId, NsSet};
use crate::cli::TimeOffsets;
use crate::errno::Errno;
use crate::oci::capability::{Capability, CapabilitySet};
use crate::step::NamespaceKind;
use crate::userland::SysResult;

/// How deep user and pid namespaces nest: namespaces(7).
const DEPTH_MAX: u32 = 32;

/// A clock that is ahead by so much, or behind; `None`: before its beginning.
fn ahead(clock_ns: u64, offset_ns: i64) -> Option<u64> {
    clock_ns.checked_add_signed(offset_ns)
}

impl Kernel {
    pub(super) fn new_namespace(&mut self, owner: NsId, data: NsData) -> NsId {
        self.next_namespace += 1;
        let id = self.next_namespace;
        self.namespaces.insert_mut(id, Namespace { owner, data });
        id
    }

    /// unshare(2) of one kind.
    pub(super) fn unshare(&mut self, pid: HostPid, kind: NamespaceKind) -> SysResult<NsId> {
        self.check_filter(pid, "unshare")?;
        if kind == NamespaceKind::User {
            return self.unshare_user(pid);
        }
        let process = self.process(pid)?;
        let user = process.namespaces.of(NamespaceKind::User);
        if !self.is_capable(pid, Capability::SysAdmin, user) {
            return Err(Errno::EPERM);
        }
        let old = process.namespaces.of(kind);
        let data = self.fresh_data(pid, kind)?;
        let id = self.new_namespace(user, data);
        if kind == NamespaceKind::Mount {
            self.enter_mount_copy(pid, old, id)?;
        }
        let process = self.process_mut(pid)?;
        if kind == NamespaceKind::Pid {
            process.pid_for_children = id;
        } else {
            process.namespaces.set(kind, id);
        }
        Ok(id)
    }

    fn fresh_data(&self, pid: HostPid, kind: NamespaceKind) -> SysResult<NsData> {
        let process = self.process(pid)?;
        Ok(match kind {
            NamespaceKind::Pid => NsData::Pid { parent: Some(process.namespaces.of(kind)), next: 1, init: None },
            NamespaceKind::Mount => NsData::Mount { root: process.root.mount },
            NamespaceKind::Uts => NsData::Uts { hostname: self.hostname_of(pid) },
            NamespaceKind::Network => NsData::Network { stack: Stack::fresh() },
            NamespaceKind::Cgroup => NsData::Cgroup { roots: process.cgroups.clone() },
            NamespaceKind::Ipc => NsData::Ipc,
            NamespaceKind::Time => NsData::Time { offsets: self.time_offsets_of(pid) },
            NamespaceKind::User => return Err(Errno::EINVAL),
        })
    }

    fn enter_mount_copy(&mut self, pid: HostPid, old: NsId, new: NsId) -> SysResult<()> {
        let owners = (self.namespaces.get(&old).map(|ns| ns.owner), self.namespaces.get(&new).map(|ns| ns.owner));
        let pairs = self.copy_mounts(old, new, owners.0 != owners.1);
        let process = self.process_mut(pid)?;
        process.root = translate(&pairs, process.root.clone());
        process.cwd = translate(&pairs, process.cwd.clone());
        process.exe = process.exe.take().map(|exe| translate(&pairs, exe));
        let root = process.root.mount;
        if let Some(namespace) = self.namespaces.get_mut(&new) {
            namespace.data = NsData::Mount { root };
        }
        Ok(())
    }

    /// A new user namespace: all capabilities in it, none outside.
    pub(super) fn unshare_user(&mut self, pid: HostPid) -> SysResult<NsId> {
        let process = self.process(pid)?;
        let parent = process.namespaces.of(NamespaceKind::User);
        let creator = process.credentials.uid;
        if self.depth(parent) >= DEPTH_MAX {
            return Err(Errno::EUSERS);
        }
        if !self.host.user_namespaces && !process.credentials.effective.contains(Capability::SysAdmin) {
            return Err(Errno::EPERM);
        }
        let data = NsData::User { parent: Some(parent), uid_map: Vec::new(), gid_map: Vec::new(), setgroups: true, creator };
        let id = self.new_namespace(parent, data);
        let process = self.process_mut(pid)?;
        process.namespaces.set(NamespaceKind::User, id);
        let credentials = &mut process.credentials;
        (credentials.effective, credentials.permitted, credentials.bounding) =
            (CapabilitySet::ALL, CapabilitySet::ALL, CapabilitySet::ALL);
        (credentials.inheritable, credentials.ambient) = (CapabilitySet::EMPTY, CapabilitySet::EMPTY);
        Ok(id)
    }

    fn depth(&self, ns: NsId) -> u32 {
        let mut depth = 0;
        let mut at = Some(ns);
        while let Some(NsData::User { parent, .. }) = at.and_then(|id| self.namespaces.get(&id)).map(|ns| &ns.data) {
            (at, depth) = (*parent, depth + 1);
        }
        depth
    }

    /// setns(2): into the namespace of `other`.
    pub(super) fn join(&mut self, pid: HostPid, kind: NamespaceKind, other: HostPid) -> SysResult<NsId> {
        self.check_filter(pid, "setns")?;
        let target = self.process(other)?;
        let id = target.namespaces.of(kind);
        let owner = self.owner_of(other, kind)?;
        if !self.is_capable(pid, Capability::SysAdmin, owner) {
            return Err(Errno::EPERM);
        }
        let ns_root = if kind == NamespaceKind::Mount { Some(self.namespace_root(id)?) } else { None };
        let process = self.process_mut(pid)?;
        match (kind, ns_root) {
            (NamespaceKind::Pid, _) => process.pid_for_children = id,
            (_, Some(root)) => {
                (process.root, process.cwd) = (root.clone(), root);
                process.namespaces.set(kind, id);
            }
            _ => process.namespaces.set(kind, id),
        }
        if kind == NamespaceKind::User {
            let credentials = &mut process.credentials;
            (credentials.effective, credentials.permitted, credentials.bounding) =
                (CapabilitySet::ALL, CapabilitySet::ALL, CapabilitySet::ALL);
        }
        Ok(id)
    }

    fn namespace_root(&self, id: NsId) -> SysResult<super::tables::Place> {
        match self.namespaces.get(&id).map(|ns| &ns.data) {
            Some(NsData::Mount { root }) => {
                let node = self.mount_of(*root)?.root.clone();
                Ok(super::tables::Place { mount: *root, node })
            }
            _ => Err(Errno::EINVAL),
        }
    }

    /// Forgets namespaces that no process, and no child namespace, is in any more.
    pub(super) fn drop_namespaces(&mut self, left: NsSet) {
        for kind in NamespaceKind::ALL {
            let id = left.of(kind);
            let used = self.processes.values().any(|process| process.namespaces.of(kind) == id || process.pid_for_children == id);
            let parent = self.namespaces.values().any(|ns| {
                ns.owner == id
                    || matches!(&ns.data, NsData::User { parent: Some(parent), .. } | NsData::Pid { parent: Some(parent), .. } if *parent == id)
            });
            if used || kind == NamespaceKind::User && parent || kind == NamespaceKind::Pid && parent {
                continue;
            }
            match kind {
                NamespaceKind::Mount => self.drop_mounts_of(id),
                NamespaceKind::Network => self.drop_links_of(id),
                _ => {}
            }
            self.namespaces.remove_mut(&id);
            self.drop_settings(id);
        }
    }

    /// How far the clocks that a process sees are ahead of the host's.
    pub(super) fn time_offsets_of(&self, pid: HostPid) -> TimeOffsets {
        let ns = self.processes.get(&pid).map(|process| process.namespaces.of(NamespaceKind::Time));
        match ns.and_then(|id| self.namespaces.get(&id)).map(|ns| &ns.data) {
            Some(NsData::Time { offsets }) => *offsets,
            _ => TimeOffsets::default(),
        }
    }

    /// A write to /proc/PID/timens_offsets. ERANGE: a clock would be before its beginning.
    pub(super) fn set_time_offsets(&mut self, pid: HostPid, offsets: TimeOffsets) -> SysResult<()> {
        self.need(pid, Capability::SysTime, NamespaceKind::Time)?;
        if [offsets.monotonic_ns, offsets.boottime_ns].iter().any(|offset| ahead(self.clock_ns, *offset).is_none()) {
            return Err(Errno::ERANGE);
        }
        let id = self.process(pid)?.namespaces.of(NamespaceKind::Time);
        let namespace = self.namespaces.get_mut(&id).ok_or(Errno::EINVAL)?;
        namespace.data = NsData::Time { offsets };
        Ok(())
    }

    /// CLOCK_MONOTONIC and CLOCK_BOOTTIME as a process reads them, nanoseconds.
    pub(super) fn clocks_of(&self, pid: HostPid) -> (u64, u64) {
        let offsets = self.time_offsets_of(pid);
        let clock = |offset| ahead(self.clock_ns, offset).unwrap_or_default();
        (clock(offsets.monotonic_ns), clock(offsets.boottime_ns))
    }

    pub(super) fn hostname_of(&self, pid: HostPid) -> Rc<str> {
        let ns = self.processes.get(&pid).map(|process| process.namespaces.of(NamespaceKind::Uts));
        match ns.and_then(|id| self.namespaces.get(&id)).map(|ns| &ns.data) {
            Some(NsData::Uts { hostname }) => hostname.clone(),
            _ => Rc::from(""),
        }
    }

    /// sethostname(2)
    pub(super) fn set_hostname_of(&mut self, pid: HostPid, name: &str) -> SysResult<()> {
        const HOST_NAME_BYTES_MAX: usize = 64;
        self.check_filter(pid, "sethostname")?;
        self.need(pid, Capability::SysAdmin, NamespaceKind::Uts)?;
        if name.len() > HOST_NAME_BYTES_MAX {
            return Err(Errno::EINVAL);
        }
        let id = self.process(pid)?.namespaces.of(NamespaceKind::Uts);
        let namespace = self.namespaces.get_mut(&id).ok_or(Errno::EINVAL)?;
        namespace.data = NsData::Uts { hostname: Rc::from(name) };
        Ok(())
    }

    /// SIOCSIFFLAGS with IFF_UP.
    pub(super) fn bring_up(&mut self, pid: HostPid, name: &str) -> SysResult<()> {
        self.need(pid, Capability::NetAdmin, NamespaceKind::Network)?;
        let id = self.process(pid)?.namespaces.of(NamespaceKind::Network);
        self.bring_up_link(id, name)
    }
}
