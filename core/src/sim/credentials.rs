//! Who may: capabilities(7), user_namespaces(7), and the permission bits of path_resolution(7).

use super::kernel::Kernel;
use super::tables::{HostPid, NodeId, NsData, NsId, Place};
use super::vfs::Attributes;
use crate::errno::Errno;
use crate::model::IdMapLine;
use crate::oci::capability::Capability;
use crate::oci::seccomp::verdict;
use crate::step::NamespaceKind;
use crate::userland::{FileKind, SysResult};

pub(super) const READ: u32 = 4;
pub(super) const WRITE: u32 = 2;
pub(super) const EXECUTE: u32 = 1;
/// What an id shows as where it is not mapped: /proc/sys/kernel/overflowuid.
const OVERFLOW_ID: u32 = 65_534;

/// Finds an id from outside in a map.
fn inwards(map: &[IdMapLine], outside: u32) -> Option<u32> {
    let line = map.iter().find(|line| outside >= line.outside && outside - line.outside < line.count)?;
    Some(line.inside + (outside - line.outside))
}

fn outwards(map: &[IdMapLine], inside: u32) -> Option<u32> {
    let line = map.iter().find(|line| inside >= line.inside && inside - line.inside < line.count)?;
    Some(line.outside + (inside - line.inside))
}

impl Kernel {
    fn id_map(&self, ns: NsId, groups: bool) -> Option<(&[IdMapLine], Option<NsId>)> {
        match &self.namespaces.get(&ns)?.data {
            NsData::User { parent, uid_map, gid_map, .. } => Some((if groups { gid_map } else { uid_map }, *parent)),
            _ => None,
        }
    }

    /// A host id as a user namespace numbers it; `None`: it is not mapped there.
    pub(super) fn id_inside(&self, ns: NsId, id: u32, groups: bool) -> Option<u32> {
        let (map, parent) = self.id_map(ns, groups)?;
        let outside = parent.map_or(Some(id), |parent| self.id_inside(parent, id, groups))?;
        inwards(map, outside)
    }

    /// The host id behind an id of a user namespace.
    pub(super) fn id_outside(&self, ns: NsId, id: u32, groups: bool) -> Option<u32> {
        let (map, parent) = self.id_map(ns, groups)?;
        let outside = outwards(map, id)?;
        parent.map_or(Some(outside), |parent| self.id_outside(parent, outside, groups))
    }

    /// As `pid` sees it; 65534 where it is not mapped.
    pub(super) fn shown_id(&self, pid: HostPid, id: u32, groups: bool) -> u32 {
        let ns = self.processes.get(&pid).map(|process| process.namespaces.of(NamespaceKind::User));
        ns.and_then(|ns| self.id_inside(ns, id, groups)).unwrap_or(OVERFLOW_ID)
    }

    /// The capability holds for what this user namespace owns.
    pub(super) fn is_capable(&self, pid: HostPid, capability: Capability, target: NsId) -> bool {
        let Ok(process) = self.process(pid) else { return false };
        let own = process.namespaces.of(NamespaceKind::User);
        let mut at = target;
        loop {
            if at == own {
                return process.credentials.effective.contains(capability);
            }
            match self.namespaces.get(&at).map(|ns| &ns.data) {
                Some(NsData::User { parent: Some(parent), creator, .. }) => {
                    if *parent == own && *creator == process.credentials.uid {
                        return true;
                    }
                    at = *parent;
                }
                _ => return false,
            }
        }
    }

    /// The user namespace that owns the process's namespace of this kind.
    pub(super) fn owner_of(&self, pid: HostPid, kind: NamespaceKind) -> SysResult<NsId> {
        let id = self.process(pid)?.namespaces.of(kind);
        Ok(if kind == NamespaceKind::User { id } else { self.namespaces.get(&id).ok_or(Errno::EINVAL)?.owner })
    }

    /// EPERM unless the process holds the capability over its namespace of this kind.
    pub(super) fn need(&self, pid: HostPid, capability: Capability, over: NamespaceKind) -> SysResult<()> {
        let owner = self.owner_of(pid, over)?;
        if self.is_capable(pid, capability, owner) { Ok(()) } else { Err(Errno::EPERM) }
    }

    /// The capability, over an inode: its ids must be mapped in the process's user namespace.
    pub(super) fn is_capable_over(&self, pid: HostPid, capability: Capability, attributes: &Attributes) -> bool {
        let Ok(process) = self.process(pid) else { return false };
        let ns = process.namespaces.of(NamespaceKind::User);
        let mapped = self.id_inside(ns, attributes.uid, false).is_some() && self.id_inside(ns, attributes.gid, true).is_some();
        mapped && process.credentials.effective.contains(capability)
    }

    /// EACCES unless the permission bits or capabilities allow `mask`.
    pub(super) fn may(&self, pid: HostPid, attributes: &Attributes, mask: u32) -> SysResult<()> {
        let credentials = &self.process(pid)?.credentials;
        let class = if credentials.uid == attributes.uid {
            attributes.mode >> 6
        } else if credentials.gid == attributes.gid || credentials.groups.contains(&attributes.gid) {
            attributes.mode >> 3
        } else {
            attributes.mode
        };
        if class & mask == mask {
            return Ok(());
        }
        let directory = attributes.kind == FileKind::Directory;
        let executable = directory || mask & EXECUTE == 0 || attributes.mode & 0o111 != 0;
        if executable && self.is_capable_over(pid, Capability::DacOverride, attributes) {
            return Ok(());
        }
        let reading = mask == READ || directory && mask & WRITE == 0;
        if reading && self.is_capable_over(pid, Capability::DacReadSearch, attributes) { Ok(()) } else { Err(Errno::EACCES) }
    }

    pub(super) fn may_node(&self, pid: HostPid, node: &NodeId, mask: u32) -> SysResult<()> {
        self.may(pid, &self.attributes(node)?, mask)
    }

    /// EROFS where the mount or its file system is read-only.
    pub(super) fn check_writable(&self, place: &Place) -> SysResult<()> {
        let mount = self.mount_of(place.mount)?;
        let read_only = mount.flags.read_only || self.supers.get(&mount.super_id).is_some_and(|found| found.read_only);
        if read_only { Err(Errno::EROFS) } else { Ok(()) }
    }

    /// EROFS where the file system itself is read-only.
    pub(super) fn check_file_system(&self, place: &Place) -> SysResult<()> {
        let mount = self.mount_of(place.mount)?;
        if self.supers.get(&mount.super_id).is_some_and(|found| found.read_only) { Err(Errno::EROFS) } else { Ok(()) }
    }

    /// May change the entries of a directory.
    pub(super) fn check_entries(&self, pid: HostPid, dir: &Place) -> SysResult<()> {
        self.check_writable(dir)?;
        self.may_node(pid, &dir.node, WRITE | EXECUTE)
    }

    /// The sticky bit: only the owner of the file or of the directory removes it.
    pub(super) fn check_sticky(&self, pid: HostPid, dir: &Attributes, victim: &Attributes) -> SysResult<()> {
        let uid = self.process(pid)?.credentials.uid;
        let own = uid == victim.uid || uid == dir.uid;
        let free = dir.mode & 0o1000 == 0 || own || self.is_capable_over(pid, Capability::Fowner, victim);
        if free { Ok(()) } else { Err(Errno::EPERM) }
    }

    /// What the process's seccomp filter says to a call by its name.
    pub(super) fn check_filter(&self, pid: HostPid, call: &str) -> SysResult<()> {
        self.check_filter_with(pid, call, &[0; 6])
    }

    /// The same, with the arguments.
    pub(super) fn check_filter_with(&self, pid: HostPid, call: &str, arguments: &[u64; 6]) -> SysResult<()> {
        let Some(profile) = self.process(pid)?.credentials.seccomp.clone() else { return Ok(()) };
        let refusal = verdict(&profile, call, arguments).refusal();
        refusal.map_or(Ok(()), Err)
    }
}
