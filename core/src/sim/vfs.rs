//! What stands at a node, whatever its file system: children, parents, attributes, entries, link texts; and making and removing entries.

use std::rc::Rc;

use super::kernel::Kernel;
use super::overlay::{join, parent_of};
use super::tables::{Content, FsKind, HostPid, Inode, NodeId, Place, SuperId};
use super::tree::Owner;
use crate::errno::Errno;
use crate::userland::{FileKind, SysResult};

/// What stat(2) tells, with the host's ids.
#[derive(Clone, Debug)]
pub(super) struct Attributes {
    pub(super) kind: FileKind,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) size: u64,
    pub(super) links: u64,
    pub(super) inode: u64,
    pub(super) device: u64,
    pub(super) rdev: Option<(u32, u32)>,
    pub(super) modified_seconds: i64,
}

impl Attributes {
    /// Of a node that is made when it is looked at.
    pub(super) fn made(kind: FileKind, mode: u32, uid: u32, gid: u32) -> Attributes {
        let links = if kind == FileKind::Directory { 2 } else { 1 };
        Attributes { kind, mode, uid, gid, size: 0, links, inode: 0, device: 0, rdev: None, modified_seconds: 0 }
    }

    fn stored(id: u64, inode: &Inode) -> Attributes {
        let (size, rdev) = match &inode.content {
            Content::File(data) => (data.len(), None),
            Content::Directory { .. } => (4096, None),
            Content::Symlink(target) => (target.len() as u64, None),
            Content::Fifo => (0, None),
            Content::Device(major, minor) | Content::Block(major, minor) => (0, Some((*major, *minor))),
        };
        Attributes {
            kind: inode.kind(),
            mode: inode.mode,
            uid: inode.uid,
            gid: inode.gid,
            size,
            links: inode.links,
            inode: id,
            device: inode.super_id,
            rdev,
            modified_seconds: inode.modified_seconds,
        }
    }
}

/// The size of a directory: tmpfs counts 20 bytes for an entry (BOGO_DIRENT_SIZE), others none or whole blocks.
fn directory_bytes(fs_type: &str, entries: usize) -> u64 {
    match fs_type {
        "tmpfs" | "devtmpfs" | "mqueue" => 40 + 20 * entries as u64,
        "devpts" | "sysfs" => 0,
        _ => 4096,
    }
}

/// A number for a path: FNV-1a, so that the same path has the same inode number.
fn path_number(path: &str) -> u64 {
    path.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)) >> 20
}

impl Kernel {
    pub(super) fn fs_kind(&self, id: SuperId) -> SysResult<FsKind> {
        self.supers.get(&id).map(|found| found.kind.clone()).ok_or(Errno::EINVAL)
    }

    pub(super) fn attributes(&self, node: &NodeId) -> SysResult<Attributes> {
        if let Some(id) = self.real(node)? {
            let inode = self.inode(id)?;
            let mut found = Attributes::stored(id, inode);
            if let Content::Directory { entries, .. } = &inode.content {
                found.size = directory_bytes(self.fs_type(inode.super_id), entries.size());
            }
            if let NodeId::Path(super_id, path) = node {
                found.device = *super_id;
                // overlayfs counts no subdirectories of a merged directory.
                if found.kind == FileKind::Directory && self.overlay_stack(&*self.layers(*super_id)?, path)?.len() > 1 {
                    found.links = 1;
                }
            }
            return Ok(found);
        }
        let NodeId::Path(super_id, path) = node else { return Err(Errno::ENOENT) };
        let mut found = match self.fs_kind(*super_id)? {
            FsKind::Proc(ns) => self.proc_attributes(ns, path)?,
            FsKind::Cgroup(index) => self.cgroup_attributes(index, path)?,
            _ => return Err(Errno::ENOENT),
        };
        (found.inode, found.device, found.modified_seconds) = (path_number(path), *super_id, self.realtime_seconds());
        Ok(found)
    }

    /// The type of a file system; empty where it is gone.
    fn fs_type(&self, super_id: SuperId) -> &str {
        self.supers.get(&super_id).map_or("", |found| &found.fs_type)
    }

    pub(super) fn child(&self, node: &NodeId, name: &str) -> SysResult<NodeId> {
        match node {
            NodeId::Inode(id) => self.entry(*id, name)?.map(NodeId::Inode).ok_or(Errno::ENOENT),
            NodeId::Path(super_id, path) => {
                if self.attributes(node)?.kind != FileKind::Directory {
                    return Err(Errno::ENOTDIR);
                }
                let found = NodeId::Path(*super_id, join(path, name));
                self.attributes(&found).map(|_| found)
            }
        }
    }

    /// The node above, in the same file system.
    pub(super) fn above(&self, node: &NodeId) -> NodeId {
        match node {
            NodeId::Inode(id) => match self.inodes.get(id).map(|inode| &inode.content) {
                Some(Content::Directory { parent, .. }) => NodeId::Inode(*parent),
                _ => node.clone(),
            },
            NodeId::Path(super_id, path) => NodeId::Path(*super_id, Rc::from(parent_of(path))),
        }
    }

    /// Sorted names.
    pub(super) fn names(&self, node: &NodeId) -> SysResult<Vec<String>> {
        match node {
            NodeId::Inode(id) => match &self.inode(*id)?.content {
                Content::Directory { entries, .. } => Ok(entries.keys().cloned().collect()),
                _ => Err(Errno::ENOTDIR),
            },
            NodeId::Path(super_id, path) => match self.fs_kind(*super_id)? {
                FsKind::Overlay(layers) => self.overlay_names(&layers, path),
                FsKind::Proc(ns) => self.proc_names(ns, path),
                FsKind::Cgroup(index) => self.cgroup_names(index, path),
                FsKind::Stored => Err(Errno::ENOENT),
            },
        }
    }

    /// What a symbolic link says; for the magic links of /proc the path as `viewer` sees it.
    pub(super) fn link_text(&self, node: &NodeId, viewer: HostPid) -> SysResult<String> {
        if let Some(id) = self.real(node)? {
            return match &self.inode(id)?.content {
                Content::Symlink(target) => Ok(target.to_string()),
                _ => Err(Errno::EINVAL),
            };
        }
        let NodeId::Path(super_id, path) = node else { return Err(Errno::EINVAL) };
        match self.fs_kind(*super_id)? {
            FsKind::Proc(ns) => self.proc_link_text(ns, path, viewer),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Where a magic link of /proc leads.
    pub(super) fn magic(&self, node: &NodeId) -> Option<Place> {
        let NodeId::Path(super_id, path) = node else { return None };
        match self.fs_kind(*super_id).ok()? {
            FsKind::Proc(ns) => self.proc_magic(ns, path),
            _ => None,
        }
    }

    /// The content of a node that is made when it is opened.
    pub(super) fn made_text(&self, node: &NodeId, viewer: HostPid) -> SysResult<Vec<u8>> {
        let NodeId::Path(super_id, path) = node else { return Err(Errno::EINVAL) };
        match self.fs_kind(*super_id)? {
            FsKind::Proc(ns) => self.proc_text(ns, path, viewer).map(String::into_bytes),
            FsKind::Cgroup(index) => self.cgroup_text(index, path, viewer).map(String::into_bytes),
            _ => Err(Errno::EINVAL),
        }
    }

    /// A write to such a node.
    pub(super) fn made_write(&mut self, node: &NodeId, viewer: HostPid, text: &str) -> SysResult<()> {
        let NodeId::Path(super_id, path) = node else { return Err(Errno::EINVAL) };
        match self.fs_kind(*super_id)? {
            FsKind::Proc(ns) => self.proc_write(ns, path, viewer, text),
            FsKind::Cgroup(index) => self.cgroup_write(index, path, viewer, text),
            _ => Err(Errno::EINVAL),
        }
    }

    /// A new node in a directory that does not have the name.
    pub(super) fn add(&mut self, dir: &NodeId, name: &str, content: Content, owner: Owner) -> SysResult<NodeId> {
        match dir {
            NodeId::Inode(parent) => {
                let super_id = self.inode(*parent)?.super_id;
                // The kernel alone makes files there: vfs_create() and vfs_mkdir() of fs/namei.c.
                if matches!(self.fs_type(super_id), "devpts" | "sysfs") {
                    return Err(if matches!(content, Content::File(_)) { Errno::EACCES } else { Errno::EPERM });
                }
                let new = self.new_inode(super_id, content, owner);
                self.put_entry(*parent, name, new)?;
                Ok(NodeId::Inode(new))
            }
            NodeId::Path(super_id, path) => match self.fs_kind(*super_id)? {
                FsKind::Overlay(layers) => {
                    let upper = self.inode(layers.upper)?.super_id;
                    let new = self.new_inode(upper, content, owner);
                    self.overlay_put(*super_id, path, name, new)?;
                    Ok(NodeId::Path(*super_id, join(path, name)))
                }
                FsKind::Cgroup(index) if matches!(content, Content::Directory { .. }) => {
                    self.make_cgroup(index, &join(path, name))?;
                    Ok(NodeId::Path(*super_id, join(path, name)))
                }
                FsKind::Proc(_) => Err(Errno::ENOENT),
                _ => Err(Errno::EPERM),
            },
        }
    }

    /// Enters an existing stored node under another name: link(2), rename(2).
    pub(super) fn enter(&mut self, dir: &NodeId, name: &str, inode: u64) -> SysResult<()> {
        match dir {
            NodeId::Inode(parent) => self.put_entry(*parent, name, inode),
            NodeId::Path(super_id, path) => match self.fs_kind(*super_id)? {
                FsKind::Overlay(_) => self.overlay_put(*super_id, path, name, inode),
                _ => Err(Errno::EPERM),
            },
        }
    }

    /// Takes a name away from what is about to get another.
    pub(super) fn unname(&mut self, dir: &NodeId, name: &str) -> SysResult<()> {
        match dir {
            NodeId::Inode(parent) => self.take_entry(*parent, name).map(|_| ()),
            NodeId::Path(super_id, path) => self.overlay_take(*super_id, &join(path, name), true).map(|_| ()),
        }
    }

    /// Removes a name. The caller has made sure that a directory is empty.
    pub(super) fn take(&mut self, dir: &NodeId, name: &str) -> SysResult<()> {
        let taken = match dir {
            NodeId::Inode(parent) => Some(self.take_entry(*parent, name)?),
            NodeId::Path(super_id, path) => match self.fs_kind(*super_id)? {
                FsKind::Overlay(_) => self.overlay_take(*super_id, &join(path, name), false)?,
                FsKind::Cgroup(index) => {
                    self.remove_cgroup(index, &join(path, name))?;
                    None
                }
                _ => return Err(Errno::EPERM),
            },
        };
        if let Some(id) = taken {
            self.drop_if_unused(id);
        }
        Ok(())
    }
}
