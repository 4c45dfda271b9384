//! Mount tables: mount_namespaces(7). What is mounted where, copies for new namespaces, and the lines of /proc/PID/mountinfo.

use std::rc::Rc;

use super::kernel::Kernel;
use super::tables::{HostPid, Mount, MountId, NodeId, NsId, Place, Super, SuperId};
use crate::errno::Errno;
use crate::query::MountFact;
use crate::step::{MountFlags, NamespaceKind};
use crate::userland::SysResult;

/// A line of /proc/PID/mountinfo.
#[derive(Clone, Debug)]
pub(super) struct MountLine {
    pub(super) id: MountId,
    pub(super) parent: MountId,
    pub(super) device: SuperId,
    pub(super) spread: String,
    pub(super) options: String,
    pub(super) super_options: String,
    pub(super) fact: MountFact,
}

/// The options of a mount, as mountinfo shows them.
fn options(flags: MountFlags) -> String {
    let words = [(flags.no_suid, "nosuid"), (flags.no_dev, "nodev"), (flags.no_exec, "noexec"), (!flags.strictatime, "relatime")];
    let mut all = vec![if flags.read_only { "ro" } else { "rw" }];
    all.extend(words.iter().filter(|(set, _)| *set).map(|(_, word)| *word));
    all.join(",")
}

impl Kernel {
    pub(super) fn mount_ns(&self, pid: HostPid) -> SysResult<NsId> {
        Ok(self.process(pid)?.namespaces.of(NamespaceKind::Mount))
    }

    /// The mounts of a namespace in their order.
    pub(super) fn mounts_in(&self, ns: NsId) -> Vec<MountId> {
        let own = self.mounts.iter().filter(|(_, mount)| mount.namespace == ns);
        let mut placed: Vec<(u64, MountId)> = own.map(|(id, mount)| (mount.position, *id)).collect();
        placed.sort_unstable();
        placed.into_iter().map(|(_, id)| id).collect()
    }

    /// Puts a mount on a place.
    pub(super) fn attach(&mut self, namespace: NsId, at: Option<Place>, root: NodeId, flags: MountFlags) -> SysResult<MountId> {
        let super_id = self.super_id(&root)?;
        self.attach_super(namespace, at, root, super_id, flags)
    }

    pub(super) fn attach_super(
        &mut self,
        namespace: NsId,
        at: Option<Place>,
        root: NodeId,
        super_id: SuperId,
        flags: MountFlags,
    ) -> SysResult<MountId> {
        let id = self.fresh_id();
        let at = at.map(|place| self.topmost(place));
        if let Some(place) = &at {
            self.mounted.insert_mut(place.clone(), id);
        }
        let source = self.supers.get(&super_id).map_or_else(|| Rc::from("none"), |found| found.source.clone());
        let root_path = Rc::from(self.path_in_fs(&root));
        let (shared, master, unbindable) = (None, None, false);
        let (position, locked) = (id, false);
        let mount = Mount { namespace, position, at, root, root_path, super_id, flags, source, shared, master, unbindable, locked };
        self.mounts.insert_mut(id, mount);
        Ok(id)
    }

    /// The mounts whose chain of parents leads to `top`, it included, parents first.
    pub(super) fn subtree(&self, top: MountId) -> Vec<MountId> {
        let mut all = vec![top];
        let mut at = 0;
        while at < all.len() {
            let parent = all[at];
            let children = self.mounts.iter().filter(|(_, mount)| mount.at.as_ref().is_some_and(|place| place.mount == parent));
            all.extend(children.map(|(id, _)| *id));
            at += 1;
        }
        all
    }

    /// Takes a mount and all below it off. What was opened through it stays usable.
    pub(super) fn detach(&mut self, top: MountId) {
        for id in self.subtree(top) {
            self.leave_group(id);
            if let Some(mount) = self.mounts.get_mut(&id)
                && let Some(place) = mount.at.take()
            {
                self.mounted.remove_mut(&place);
            }
            self.mounts.remove_mut(&id);
        }
        self.drop_unmounted();
    }

    /// Forgets file systems of which no mount is left.
    fn drop_unmounted(&mut self) {
        let used: std::collections::BTreeSet<SuperId> = self.mounts.values().map(|mount| mount.super_id).collect();
        let gone: Vec<SuperId> = self.supers.iter().filter(|(id, _)| !used.contains(id)).map(|(id, _)| *id).collect();
        for id in gone {
            if id == self.sysfs || self.hierarchies.iter().any(|hierarchy| hierarchy.super_id == id) {
                continue;
            }
            let inodes: Vec<(u64, Option<Rc<str>>, u64)> = self
                .inodes
                .iter()
                .filter(|(_, inode)| inode.super_id == id)
                .map(|(number, inode)| {
                    let bytes = if let super::tables::Content::File(data) = &inode.content { data.len() } else { 0 };
                    (*number, inode.charged.clone(), bytes)
                })
                .collect();
            for (number, charged, bytes) in inodes {
                self.account(id, charged.as_ref(), bytes, 0);
                if !self.files.values().any(|file| matches!(file.object, super::tables::Object::File { inode } if inode == number))
                {
                    self.inodes.remove_mut(&number);
                }
            }
            self.supers.remove_mut(&id);
        }
    }

    /// A copy of all mounts for a new namespace; answers how places of the old one are called in it.
    pub(super) fn copy_mounts(&mut self, from: NsId, to: NsId, lock: bool) -> Vec<(MountId, MountId)> {
        let originals = self.mounts_in(from);
        let mut pairs: Vec<(MountId, MountId)> = Vec::new();
        for id in &originals {
            let new = self.fresh_id();
            pairs.push((*id, new));
        }
        for (old, new) in pairs.clone() {
            let Some(mut mount) = self.mounts.get(&old).cloned() else { continue };
            (mount.namespace, mount.position) = (to, new);
            mount.locked = lock && mount.at.is_some();
            // To a namespace that has less rights mounts spread, and none from it: CL_SHARED_TO_SLAVE of fs/namespace.c.
            if let Some(group) = mount.shared.filter(|_| lock) {
                (mount.shared, mount.master) = (None, Some(group));
            }
            mount.at = mount.at.map(|place| translate(&pairs, place));
            if let Some(place) = &mount.at {
                self.mounted.insert_mut(place.clone(), new);
            }
            self.mounts.insert_mut(new, mount);
        }
        pairs
    }

    /// All mounts of a namespace that no process is in any more.
    pub(super) fn drop_mounts_of(&mut self, ns: NsId) {
        for id in self.mounts_in(ns) {
            self.leave_group(id);
            if let Some(place) = self.mounts.get(&id).and_then(|mount| mount.at.clone()) {
                self.mounted.remove_mut(&place);
            }
            self.mounts.remove_mut(&id);
        }
        self.drop_unmounted();
    }

    /// /proc/PID/mountinfo of `pid`: the mounts that it can reach. A cgroup's root is shown as `viewer` sees it, cgroup_namespaces(7).
    pub(super) fn mount_lines(&self, viewer: HostPid, pid: HostPid) -> SysResult<Vec<MountLine>> {
        let process = self.process(pid)?;
        let ns = process.namespaces.of(NamespaceKind::Mount);
        let mut lines = Vec::new();
        for id in self.mounts_in(ns) {
            let mount = self.mount_of(id)?;
            let Some(target) = self.mount_target(id, &process.root) else { continue };
            let Some(found) = self.supers.get(&mount.super_id) else { continue };
            let comma = if found.options.is_empty() { "" } else { "," };
            lines.push(MountLine {
                id,
                parent: mount.at.as_ref().map_or(id, |place| place.mount),
                device: mount.super_id,
                spread: self.spread_fields(mount),
                options: options(mount.flags),
                super_options: format!("{}{comma}{}", if found.read_only { "ro" } else { "rw" }, found.options),
                fact: self.mount_fact(viewer, mount, found, target),
            });
        }
        Ok(lines)
    }

    fn mount_fact(&self, viewer: HostPid, mount: &Mount, found: &Super, target: String) -> MountFact {
        MountFact {
            target,
            root: self.shown_root(viewer, mount),
            fs_type: found.fs_type.to_string(),
            source: mount.source.to_string(),
            flags: MountFlags { relatime: !mount.flags.strictatime, ..mount.flags },
            shared: mount.shared.is_some(),
            slave: mount.master.is_some(),
        }
    }

    /// The last of the mounts of [`Kernel::mount_lines`] that is at `target`, found without making the lines of the others.
    pub(super) fn mount_fact_at(&self, viewer: HostPid, pid: HostPid, target: &str) -> SysResult<Option<MountFact>> {
        let process = self.process(pid)?;
        let ns = process.namespaces.of(NamespaceKind::Mount);
        for id in self.mounts_in(ns).into_iter().rev() {
            let mount = self.mount_of(id)?;
            let Some(found) = self.supers.get(&mount.super_id) else { continue };
            if self.mount_target(id, &process.root).is_some_and(|shown| shown == target) {
                return Ok(Some(self.mount_fact(viewer, mount, found, target.to_string())));
            }
        }
        Ok(None)
    }

    pub(super) fn mount_target(&self, id: MountId, root: &Place) -> Option<String> {
        let mount = self.mounts.get(&id)?;
        if root.mount == id && root.node == mount.root {
            return Some("/".to_string());
        }
        self.path_of_file(mount.at.as_ref()?, root)
    }

    /// The root of a mount in its file system; a cgroup's relative to the reader's cgroup namespace.
    fn shown_root(&self, viewer: HostPid, mount: &Mount) -> String {
        if let NodeId::Path(super_id, path) = &mount.root
            && let Ok(super::tables::FsKind::Cgroup(index)) = self.fs_kind(*super_id)
        {
            return self.cgroup_path_seen(viewer, index, path);
        }
        // As Linux marks what has no name any more: seq_path(), d_path().
        let gone = matches!(&mount.root, NodeId::Inode(id) if self.inodes.get(id).is_none_or(|inode| inode.links == 0));
        format!("{}{}", mount.root_path, if gone { "//deleted" } else { "" })
    }

    pub(super) fn check_mount_root(&self, place: &Place) -> SysResult<MountId> {
        let mount = self.mount_of(place.mount)?;
        if mount.root == place.node { Ok(place.mount) } else { Err(Errno::EINVAL) }
    }
}

pub(super) fn translate(pairs: &[(MountId, MountId)], place: Place) -> Place {
    let mount = pairs.iter().find(|(old, _)| *old == place.mount).map_or(place.mount, |(_, new)| *new);
    Place { mount, ..place }
}
