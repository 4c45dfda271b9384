//! Peer groups and slaves: how a mount made, or taken off, at one place is made or taken off at others. mount_namespaces(7), fs/pnode.c.
//!
//! A mount is `shared` with the members of its peer group, and a slave of the group that is its `master`. Both can be so of one mount.

use std::collections::{BTreeMap, BTreeSet};

use super::kernel::Kernel;
use super::mount::translate;
use super::tables::{HostPid, Mount, MountId, NodeId, NsId, Place};
use crate::errno::Errno;
use crate::host::is_at_least;
use crate::userland::SysResult;

/// What one of MS_SHARED, MS_SLAVE, MS_PRIVATE and MS_UNBINDABLE makes of a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spread {
    Shared,
    Slave,
    Private,
    Unbindable,
}

impl Spread {
    /// The word of mount(8), and whether it goes for the mounts below too.
    pub(super) fn of(word: &str) -> Option<(Spread, bool)> {
        Some(match word {
            "shared" => (Spread::Shared, false),
            "rshared" => (Spread::Shared, true),
            "slave" => (Spread::Slave, false),
            "rslave" => (Spread::Slave, true),
            "private" => (Spread::Private, false),
            "rprivate" => (Spread::Private, true),
            "unbindable" => (Spread::Unbindable, false),
            "runbindable" => (Spread::Unbindable, true),
            _ => return None,
        })
    }
}

/// A mount that takes part in what happens at another: its copy is to be a peer or a slave of the original's copy.
struct Receiver {
    mount: MountId,
    /// The group of which it is a slave; `None`: a peer.
    slave_of: Option<u64>,
    /// Its own group, where it is a slave that passes on.
    group: Option<u64>,
}

impl Kernel {
    /// mount(2) with one of the four flags: the mount whose root this is.
    pub(super) fn set_propagation(&mut self, pid: HostPid, place: &Place, spread: Spread, recursive: bool) -> SysResult<()> {
        self.check_filter(pid, "mount")?;
        self.may_mount(pid)?;
        let top = self.check_mount_root(place)?;
        if self.mount_of(top)?.namespace != self.mount_ns(pid)? {
            return Err(Errno::EINVAL);
        }
        let all = if recursive { self.subtree(top) } else { vec![top] };
        for id in all {
            self.change_spread(id, spread);
        }
        Ok(())
    }

    fn change_spread(&mut self, id: MountId, spread: Spread) {
        if spread == Spread::Shared {
            self.make_shared(id);
            return;
        }
        self.leave_group(id);
        if let Some(mount) = self.mounts.get_mut(&id)
            && spread != Spread::Slave
        {
            mount.master = None;
            mount.unbindable = spread == Spread::Unbindable;
        }
    }

    fn make_shared(&mut self, id: MountId) {
        if self.mounts.get(&id).is_none_or(|mount| mount.shared.is_some()) {
            return;
        }
        let group = self.fresh_group();
        if let Some(mount) = self.mounts.get_mut(&id) {
            mount.shared = Some(group);
            mount.unbindable = false;
        }
    }

    /// The smallest number that no peer group has.
    fn fresh_group(&self) -> u64 {
        let used: BTreeSet<u64> = self.mounts.values().filter_map(|mount| mount.shared).collect();
        (1..).find(|number| !used.contains(number)).unwrap_or(u64::MAX)
    }

    /// Out of the peer group, of which it becomes a slave. Of a group that is empty then, the slaves go to the master's master.
    pub(super) fn leave_group(&mut self, id: MountId) {
        let Some((group, master)) = self.mounts.get(&id).and_then(|mount| Some((mount.shared?, mount.master))) else { return };
        let others = self.mounts.iter().any(|(other, mount)| *other != id && mount.shared == Some(group));
        if let Some(mount) = self.mounts.get_mut(&id) {
            mount.shared = None;
            mount.master = if others { Some(group) } else { master };
        }
        if others {
            return;
        }
        let slaves: Vec<MountId> = self.mounts.iter().filter(|(_, mount)| mount.master == Some(group)).map(|(id, _)| *id).collect();
        for slave in slaves {
            if let Some(mount) = self.mounts.get_mut(&slave) {
                mount.master = master;
            }
        }
    }

    /// A copy of the mount at `source`, or of the tree of mounts below it, that is mounted nowhere yet.
    pub(super) fn copy_tree(&mut self, ns: NsId, source: &Place, recursive: bool) -> SysResult<MountId> {
        let original = self.mount_of(source.mount)?.clone();
        if original.unbindable {
            return Err(Errno::EINVAL);
        }
        let below = if recursive { self.mounts_below(source) } else { Vec::new() };
        let top = self.clone_mount(ns, &original, source.node.clone(), None)?;
        let mut pairs = vec![(source.mount, top)];
        for old in below {
            let Some(mount) = self.mounts.get(&old).cloned() else { continue };
            let Some(place) = mount.at.clone().filter(|place| pairs.iter().any(|(known, _)| *known == place.mount)) else {
                continue;
            };
            if mount.unbindable {
                continue;
            }
            let at = Some(translate(&pairs, place));
            let new = self.clone_mount(ns, &mount, mount.root.clone(), at)?;
            pairs.push((old, new));
        }
        Ok(top)
    }

    fn clone_mount(&mut self, ns: NsId, original: &Mount, root: NodeId, at: Option<Place>) -> SysResult<MountId> {
        let id = self.attach_super(ns, at, root, original.super_id, original.flags)?;
        if let Some(mount) = self.mounts.get_mut(&id) {
            mount.source = original.source.clone();
            (mount.shared, mount.master) = (original.shared, original.master);
        }
        Ok(id)
    }

    /// Puts a tree that is mounted nowhere on a place, and its copies wherever mounts spread to from there.
    pub(super) fn put(&mut self, top: MountId, at: Place) {
        let at = self.topmost(at);
        self.mounted.insert_mut(at.clone(), top);
        if let Some(mount) = self.mounts.get_mut(&top) {
            mount.at = Some(at);
        }
        self.list_behind_the_others(top);
        self.spread(top);
    }

    /// Until Linux 6.8 a namespace lists its mounts in the order in which they were attached, since then in that in which they were made.
    fn list_behind_the_others(&mut self, top: MountId) {
        if is_at_least(&self.host.kernel_release, "6.8") {
            return;
        }
        for id in self.subtree(top) {
            let position = self.fresh_id();
            if let Some(mount) = self.mounts.get_mut(&id) {
                mount.position = position;
            }
        }
    }

    /// attach_recursive_mnt(): what is mounted on a shared mount is shared itself, and appears on every peer and slave of that.
    pub(super) fn spread(&mut self, top: MountId) {
        let Some(at) = self.mounts.get(&top).and_then(|mount| mount.at.clone()) else { return };
        if self.mounts.get(&at.mount).is_none_or(|parent| parent.shared.is_none()) {
            return;
        }
        let tree = self.subtree(top);
        let receivers = self.receivers(&at, &tree.iter().copied().collect());
        for id in tree {
            self.make_shared(id);
        }
        // For each group of slaves that pass on: its first copy.
        let mut firsts: BTreeMap<u64, MountId> = BTreeMap::new();
        for receiver in receivers {
            let group = receiver.group;
            let known = group.and_then(|group| firsts.get(&group).copied());
            let original = match (known, receiver.slave_of) {
                (Some(first), _) => Some(first),
                (None, Some(master)) => firsts.get(&master).copied(),
                (None, None) => None,
            };
            let slave = known.is_none() && receiver.slave_of.is_some();
            let copy = self.copy_to(original.unwrap_or(top), &receiver, at.node.clone(), slave);
            if let (Some(group), None, Some(copy)) = (group, known, copy) {
                firsts.insert(group, copy);
            }
        }
    }

    fn copy_to(&mut self, original: MountId, receiver: &Receiver, node: NodeId, slave: bool) -> Option<MountId> {
        let ns = self.mounts.get(&receiver.mount)?.namespace;
        let from = self.mounts.get(&original)?.namespace;
        let root = Place { mount: original, node: self.mounts.get(&original)?.root.clone() };
        let copy = self.copy_tree(ns, &root, true).ok()?;
        let foreign = self.owner_of_namespace(ns) != self.owner_of_namespace(from);
        for id in self.subtree(copy) {
            if slave {
                self.leave_group(id);
            }
            if slave && receiver.group.is_some() {
                self.make_shared(id);
            }
            if let Some(mount) = self.mounts.get_mut(&id) {
                mount.locked = foreign && id != copy;
            }
        }
        self.tuck(copy, Place { mount: receiver.mount, node });
        Some(copy)
    }

    /// What spreads to a place goes below what is mounted there already.
    fn tuck(&mut self, copy: MountId, at: Place) {
        if let Some(over) = self.mounted.get(&at).copied()
            && let Some(root) = self.mounts.get(&copy).map(|mount| mount.root.clone())
        {
            let place = Place { mount: copy, node: root };
            self.mounted.insert_mut(place.clone(), over);
            if let Some(mount) = self.mounts.get_mut(&over) {
                mount.at = Some(place);
            }
        }
        self.mounted.insert_mut(at.clone(), copy);
        if let Some(mount) = self.mounts.get_mut(&copy) {
            mount.at = Some(at);
        }
    }

    fn owner_of_namespace(&self, ns: NsId) -> Option<NsId> {
        self.namespaces.get(&ns).map(|found| found.owner)
    }

    /// Peers of the mount that `at` is on, their slaves, the peers of those, and so on: all that can see the place. What is of `new` does
    /// not count.
    fn receivers(&self, at: &Place, new: &BTreeSet<MountId>) -> Vec<Receiver> {
        let Some(parent) = self.mounts.get(&at.mount) else { return Vec::new() };
        let sees = |id: &MountId, mount: &Mount| {
            *id != at.mount && !new.contains(id) && mount.super_id == parent.super_id && self.is_below(&at.node, &mount.root)
        };
        let candidates: Vec<(&MountId, &Mount)> = self.mounts.iter().filter(|(id, mount)| sees(id, mount)).collect();
        let mut all: Vec<Receiver> = Vec::new();
        let mut groups: Vec<u64> = parent.shared.into_iter().collect();
        let mut next = 0;
        while let Some(group) = groups.get(next).copied() {
            for (id, mount) in &candidates {
                let known = all.iter().any(|receiver| receiver.mount == **id);
                if known {
                    continue;
                }
                if mount.shared == Some(group) {
                    let passes_on = (next > 0).then_some(group);
                    all.push(Receiver { mount: **id, slave_of: None, group: passes_on });
                } else if mount.master == Some(group) {
                    all.push(Receiver { mount: **id, slave_of: Some(group), group: mount.shared });
                    groups.extend(mount.shared.filter(|own| !groups.contains(own)));
                }
            }
            next += 1;
        }
        all
    }

    /// The mounts that go with a tree that is unmounted: their counterparts wherever the mounts they are on spread to. What has something
    /// else mounted below stays.
    pub(super) fn counterparts(&self, tree: &[MountId]) -> Vec<MountId> {
        let mut going: BTreeSet<MountId> = tree.iter().copied().collect();
        let mut found: Vec<MountId> = Vec::new();
        for id in tree {
            let Some(at) = self.mounts.get(id).and_then(|mount| mount.at.clone()) else { continue };
            for receiver in self.receivers(&at, &BTreeSet::new()) {
                let there = self.mounted.get(&Place { mount: receiver.mount, node: at.node.clone() });
                if let Some(there) = there.filter(|there| going.insert(**there)) {
                    found.push(*there);
                }
            }
        }
        loop {
            let stays = |id: &MountId| {
                let locked = self
                    .mounts
                    .get(id)
                    .is_some_and(|mount| mount.locked && mount.at.as_ref().is_none_or(|place| !going.contains(&place.mount)));
                locked || self.subtree(*id).iter().any(|below| !going.contains(below))
            };
            let Some(at) = found.iter().position(stays) else { return found };
            going.remove(&found.remove(at));
        }
    }

    /// The optional fields of a line of mountinfo: proc_pid_mountinfo(5).
    pub(super) fn spread_fields(&self, mount: &Mount) -> String {
        let shared = mount.shared.map(|group| format!(" shared:{group}"));
        let master = mount.master.map(|group| format!(" master:{group}"));
        let from = mount.master.and_then(|master| self.visible_master(master, mount.namespace).filter(|from| *from != master));
        let from = from.map(|group| format!(" propagate_from:{group}"));
        let unbindable = mount.unbindable.then(|| " unbindable".to_string());
        [shared, master, from, unbindable].into_iter().flatten().collect()
    }

    /// The nearest group up the chain of masters that has a member in the namespace.
    fn visible_master(&self, master: u64, ns: NsId) -> Option<u64> {
        let mut group = master;
        loop {
            let members = || self.mounts.values().filter(|mount| mount.shared == Some(group));
            if members().any(|mount| mount.namespace == ns) {
                return Some(group);
            }
            group = members().find_map(|mount| mount.master)?;
        }
    }
}
