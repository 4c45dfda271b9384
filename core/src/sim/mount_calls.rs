//! mount(2), umount2(2), pivot_root(2), made by a process.

use std::rc::Rc;

use super::kernel::Kernel;
use super::tables::{Content, FsKind, HostPid, Layers, MountId, NodeId, Place};
use super::tree::{Owner, directory};
use crate::errno::Errno;
use crate::oci::capability::Capability;
use crate::step::{MountFlags, NamespaceKind};
use crate::userland::{FileKind, SysResult};

/// Bytes of a tmpfs without `size=`: half of the memory.
const TMPFS_SHARE: u64 = 2;

/// What `data` says about a tmpfs.
struct TmpfsOptions {
    mode: u32,
    bytes_max: u64,
}

impl Kernel {
    pub(super) fn may_mount(&self, pid: HostPid) -> SysResult<()> {
        self.need(pid, Capability::SysAdmin, NamespaceKind::Mount)
    }

    /// mount(2) of a file system that the kernel makes.
    pub(super) fn mount_fs(
        &mut self,
        pid: HostPid,
        fs_type: &str,
        source: &str,
        at: Place,
        flags: MountFlags,
        data: &str,
    ) -> SysResult<MountId> {
        self.check_filter(pid, "mount")?;
        self.may_mount(pid)?;
        if self.attributes(&at.node)?.kind != FileKind::Directory {
            return Err(Errno::ENOTDIR);
        }
        let root = self.make_fs(pid, fs_type, source, data)?;
        let super_id = self.super_id(&root)?;
        if let Some(found) = self.supers.get_mut(&super_id) {
            found.options = Rc::from(shown_options(fs_type, data));
            // The cgroup tree is there already, and is not made read-only by one mount of it.
            found.read_only |= flags.read_only && fs_type != "cgroup2";
        }
        let ns = self.mount_ns(pid)?;
        let id = self.attach(ns, Some(at), root, flags)?;
        if let Some(mount) = self.mounts.get_mut(&id) {
            mount.source = Rc::from(if source.is_empty() { "none" } else { source });
        }
        self.spread(id);
        Ok(id)
    }

    fn make_fs(&mut self, pid: HostPid, fs_type: &str, source: &str, data: &str) -> SysResult<NodeId> {
        let credentials = &self.process(pid)?.credentials;
        let owner = |mode| Owner { uid: credentials.uid, gid: credentials.gid, mode };
        match fs_type {
            "proc" => {
                self.need(pid, Capability::SysAdmin, NamespaceKind::Pid)?;
                let ns = self.process(pid)?.namespaces.of(NamespaceKind::Pid);
                let id = self.new_super("proc", source, FsKind::Proc(ns));
                Ok(NodeId::Path(id, Rc::from("")))
            }
            "sysfs" => {
                self.need(pid, Capability::SysAdmin, NamespaceKind::Network)?;
                self.sysfs_root(pid, source)
            }
            "cgroup2" => {
                self.need(pid, Capability::SysAdmin, NamespaceKind::Cgroup)?;
                self.cgroup2_root(pid)
            }
            "tmpfs" => {
                let options = self.tmpfs_options(data)?;
                let owner = owner(options.mode);
                let (id, root) = self.new_stored("tmpfs", source, owner);
                if let Some(found) = self.supers.get_mut(&id) {
                    found.bytes_max = Some(options.bytes_max);
                }
                Ok(NodeId::Inode(root))
            }
            "devpts" => {
                let owner = owner(0o755);
                let (id, root) = self.new_stored("devpts", source, owner);
                let ptmx = self.new_inode(id, Content::Device(5, 2), Owner { mode: 0o666, ..owner });
                self.put_entry(root, "ptmx", ptmx)?;
                Ok(NodeId::Inode(root))
            }
            "mqueue" => {
                let owner = owner(0o1777);
                Ok(NodeId::Inode(self.new_stored("mqueue", source, owner).1))
            }
            _ => Err(Errno::ENODEV),
        }
    }

    /// A sysfs for each network namespace but the first.
    fn sysfs_root(&mut self, pid: HostPid, source: &str) -> SysResult<NodeId> {
        let network = |pid| self.process(pid).map(|process| process.namespaces.of(NamespaceKind::Network));
        if network(pid)? == network(self.engine)? {
            let root = self.inodes.iter().find(|(_, inode)| inode.super_id == self.sysfs).map(|(id, _)| *id);
            return root.map(NodeId::Inode).ok_or(Errno::ENODEV);
        }
        let (_, top) = self.new_stored("sysfs", source, Owner::root(0o555));
        let ns = self.network_of(pid)?;
        self.fill_sysfs(top, ns)?;
        Ok(NodeId::Inode(top))
    }

    fn cgroup2_root(&self, pid: HostPid) -> SysResult<NodeId> {
        let index = self.hierarchies.iter().position(|hierarchy| hierarchy.unified).ok_or(Errno::ENODEV)?;
        let super_id = self.hierarchies.get(index).ok_or(Errno::ENODEV)?.super_id;
        Ok(NodeId::Path(super_id, self.cgroup_root_of(pid, index)))
    }

    fn tmpfs_options(&self, data: &str) -> SysResult<TmpfsOptions> {
        let mut options = TmpfsOptions { mode: 0o1777, bytes_max: self.host.memory_bytes / TMPFS_SHARE };
        for option in data.split(',').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("mode", value)) => options.mode = u32::from_str_radix(value, 8).map_err(|_| Errno::EINVAL)?,
                Some(("size", value)) => options.bytes_max = parse_bytes(value).ok_or(Errno::EINVAL)?,
                Some(("uid" | "gid" | "nr_inodes", _)) => {}
                _ => return Err(Errno::EINVAL),
            }
        }
        Ok(options)
    }

    /// mount(2) of an overlay. The directories are stored ones.
    pub(super) fn mount_overlay(&mut self, pid: HostPid, layers: Layers, options: &str, at: Place) -> SysResult<MountId> {
        self.check_filter(pid, "mount")?;
        self.may_mount(pid)?;
        let id = self.new_super("overlay", "overlay", FsKind::Overlay(Rc::new(layers)));
        if let Some(found) = self.supers.get_mut(&id) {
            found.options = Rc::from(options);
        }
        let ns = self.mount_ns(pid)?;
        let flags = MountFlags { relatime: true, ..MountFlags::default() };
        let top = self.attach(ns, Some(at), NodeId::Path(id, Rc::from("")), flags)?;
        self.spread(top);
        Ok(top)
    }

    /// MS_BIND.
    pub(super) fn bind(&mut self, pid: HostPid, source: &Place, at: Place, recursive: bool) -> SysResult<MountId> {
        self.check_filter(pid, "mount")?;
        self.may_mount(pid)?;
        let directory = |kernel: &Kernel, place: &Place| Ok(kernel.attributes(&place.node)?.kind == FileKind::Directory);
        if directory(self, source)? != directory(self, &at)? {
            return Err(Errno::ENOTDIR);
        }
        let ns = self.mount_ns(pid)?;
        let top = self.copy_tree(ns, source, recursive)?;
        self.put(top, at);
        Ok(top)
    }

    /// The mounts below a place, parents first.
    pub(super) fn mounts_below(&self, source: &Place) -> Vec<MountId> {
        let direct: Vec<MountId> = self
            .mounts
            .iter()
            .filter(|(_, mount)| {
                mount.at.as_ref().is_some_and(|at| at.mount == source.mount && self.is_below(&at.node, &source.node))
            })
            .map(|(id, _)| *id)
            .collect();
        direct.into_iter().flat_map(|id| self.subtree(id)).collect()
    }

    /// `node` is `top`, or something in it.
    pub(super) fn is_below(&self, node: &NodeId, top: &NodeId) -> bool {
        let mut at = node.clone();
        loop {
            if at == *top {
                return true;
            }
            let above = self.above(&at);
            if above == at {
                return false;
            }
            at = above;
        }
    }

    /// MS_REMOUNT | MS_BIND: new flags for the mount whose root this is. What is said of no access time stays: mount(2).
    pub(super) fn remount(&mut self, pid: HostPid, place: &Place, flags: MountFlags) -> SysResult<()> {
        self.check_filter(pid, "mount")?;
        self.may_mount(pid)?;
        let id = self.check_mount_root(place)?;
        let mount = self.mounts.get_mut(&id).ok_or(Errno::EINVAL)?;
        let locked = mount.locked && mount.flags.read_only && !flags.read_only;
        if locked {
            return Err(Errno::EPERM);
        }
        let silent = !flags.relatime && !flags.strictatime;
        let (relatime, strictatime) =
            if silent { (mount.flags.relatime, mount.flags.strictatime) } else { (flags.relatime, flags.strictatime) };
        mount.flags = MountFlags { relatime, strictatime, ..flags };
        Ok(())
    }

    /// umount2(2).
    pub(super) fn unmount(&mut self, pid: HostPid, place: &Place, lazy: bool) -> SysResult<()> {
        self.check_filter(pid, "umount2")?;
        self.may_mount(pid)?;
        let id = self.check_mount_root(place)?;
        let mount = self.mount_of(id)?;
        if mount.locked || mount.namespace != self.mount_ns(pid)? {
            return Err(Errno::EINVAL);
        }
        // The root cannot go: it is made read-only instead, do_umount_root() of fs/namespace.c.
        if !lazy && self.process(pid)?.root.mount == id {
            let super_id = mount.super_id;
            if let Some(found) = self.supers.get_mut(&super_id) {
                found.read_only = true;
            }
            return Ok(());
        }
        if mount.at.is_none() {
            return Err(Errno::EINVAL);
        }
        let tree = self.subtree(id);
        let there = self.counterparts(&tree);
        if !lazy && (tree.len() > 1 || self.is_mount_used(id) || there.iter().any(|id| self.is_mount_used(*id))) {
            return Err(Errno::EBUSY);
        }
        self.detach(id);
        for id in there {
            self.detach(id);
        }
        Ok(())
    }

    fn is_mount_used(&self, id: MountId) -> bool {
        let open = self.files.values().any(|file| file.place.as_ref().is_some_and(|place| place.mount == id));
        open || self.processes.values().any(|process| process.cwd.mount == id || process.root.mount == id)
    }

    /// pivot_root(2) with the old root stacked on the new one.
    pub(super) fn pivot_root(&mut self, pid: HostPid, new_root: &Place) -> SysResult<()> {
        self.check_filter(pid, "pivot_root")?;
        self.may_mount(pid)?;
        let new = self.check_mount_root(new_root)?;
        let old_root = self.process(pid)?.root.clone();
        let old = self.check_mount_root(&old_root)?;
        let is_shared = |id: MountId| self.mounts.get(&id).is_some_and(|mount| mount.shared.is_some());
        let parent_is =
            |id: MountId| self.mounts.get(&id).and_then(|mount| mount.at.as_ref()).is_some_and(|at| is_shared(at.mount));
        let shared = is_shared(new) || parent_is(new) || parent_is(old);
        if new == old {
            return Err(Errno::EBUSY);
        }
        if shared {
            return Err(Errno::EINVAL);
        }
        let was_at = self.mount_of(old)?.at.clone();
        if let Some(place) = self.mounts.get_mut(&new).and_then(|mount| mount.at.take()) {
            self.mounted.remove_mut(&place);
        }
        if let Some(place) = &was_at {
            self.mounted.insert_mut(place.clone(), new);
        }
        if let Some(mount) = self.mounts.get_mut(&new) {
            mount.at = was_at;
        }
        let root = Place { mount: new, node: new_root.node.clone() };
        self.mounted.insert_mut(root.clone(), old);
        if let Some(mount) = self.mounts.get_mut(&old) {
            mount.at = Some(root.clone());
        }
        self.move_roots(pid, &old_root, &root)
    }

    /// Every process of the mount namespace whose root or working directory was the old root gets the new one.
    fn move_roots(&mut self, pid: HostPid, old: &Place, new: &Place) -> SysResult<()> {
        let ns = self.mount_ns(pid)?;
        let members: Vec<HostPid> = self.processes.keys().copied().collect();
        for member in members {
            if self.mount_ns(member)? != ns {
                continue;
            }
            let process = self.process_mut(member)?;
            if process.root == *old {
                process.root = new.clone();
            }
            if process.cwd == *old {
                process.cwd = new.clone();
            }
        }
        if let Some(namespace) = self.namespaces.get_mut(&ns) {
            namespace.data = super::tables::NsData::Mount { root: new.mount };
        }
        Ok(())
    }

    /// A directory or file to mount on, made where it is missing: path without links, in the tree that `pid` sees.
    pub(super) fn ensure_mount_point(&mut self, pid: HostPid, path: &str, is_directory: bool) -> SysResult<Place> {
        if let Ok(place) = self.walk(pid, path, true) {
            return Ok(place);
        }
        let target = self.walk_parent(pid, path);
        let target = match target {
            Err(Errno::ENOENT) => {
                let parent = path.trim_end_matches('/').rsplit_once('/').map_or("", |(parent, _)| parent);
                if parent.is_empty() {
                    return Err(Errno::ENOENT);
                }
                self.ensure_mount_point(pid, parent, true)?;
                self.walk_parent(pid, path)?
            }
            other => other?,
        };
        self.check_entries(pid, &target.dir)?;
        let credentials = &self.process(pid)?.credentials;
        let owner = Owner { uid: credentials.uid, gid: credentials.gid, mode: if is_directory { 0o755 } else { 0o644 } };
        let content = if is_directory { directory(0) } else { super::tree::file("") };
        let node = self.add(&target.dir.node, &target.name, content, owner)?;
        Ok(Place { mount: target.dir.mount, node })
    }
}

/// `65536k`, `64m`, `1g`, `100`
fn parse_bytes(text: &str) -> Option<u64> {
    let unit = match text.as_bytes().last()? {
        b'k' | b'K' => 1 << 10,
        b'm' | b'M' => 1 << 20,
        b'g' | b'G' => 1 << 30,
        _ => return text.parse().ok(),
    };
    text.get(..text.len() - 1)?.parse::<u64>().ok()?.checked_mul(unit)
}

/// What /proc/mounts shows of the options given: each file system has its own order, whatever the caller's.
fn shown_options(fs_type: &str, data: &str) -> String {
    let value = |name: &str| data.split(',').find_map(|option| option.strip_prefix(name)?.strip_prefix('='));
    let octal = |name: &str, otherwise: &str| match value(name).map(|mode| mode.trim_start_matches('0')) {
        Some("") => "000".to_string(),
        Some(mode) => mode.to_string(),
        None => otherwise.to_string(),
    };
    let given = |name: &str| value(name).map(|value| format!("{name}={value}"));
    match fs_type {
        "tmpfs" => {
            let size = value("size").and_then(parse_bytes).map(|bytes| format!("size={}k", bytes >> 10));
            let mode = Some(octal("mode", "1777")).filter(|mode| mode != "1777").map(|mode| format!("mode={mode}"));
            let all = [size, given("nr_inodes"), mode, given("uid"), given("gid"), Some("inode64".to_string())];
            all.into_iter().flatten().collect::<Vec<_>>().join(",")
        }
        "devpts" => {
            let modes = format!("mode={},ptmxmode={}", octal("mode", "600"), octal("ptmxmode", "000"));
            [given("uid"), given("gid"), Some(modes)].into_iter().flatten().collect::<Vec<_>>().join(",")
        }
        "cgroup2" => "nsdelegate,memory_recursiveprot".to_string(),
        _ => data.to_string(),
    }
}
