//! Stored inodes: making them, and the entries of directories. No permissions here; the callers have asked before.

use std::rc::Rc;

use rpds::RedBlackTreeMap;

use super::kernel::Kernel;
use super::tables::{Content, Data, FsKind, Inode, InodeId, NodeId, Object, Super, SuperId};
use crate::errno::Errno;
use crate::userland::SysResult;

/// Owner and permission bits of a new inode.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mode: u32,
}

impl Owner {
    pub(super) fn root(mode: u32) -> Owner {
        Owner { uid: 0, gid: 0, mode }
    }
}

pub(super) fn file(text: &str) -> Content {
    Content::File(Data { bytes: Rc::new(text.as_bytes().to_vec()), zeros: 0 })
}

pub(super) fn directory(parent: InodeId) -> Content {
    Content::Directory { entries: RedBlackTreeMap::new(), parent, opaque: false }
}

impl Kernel {
    /// A file system of inodes, with its root directory.
    pub(super) fn new_stored(&mut self, fs_type: &str, source: &str, owner: Owner) -> (SuperId, InodeId) {
        let super_id = self.new_super(fs_type, source, FsKind::Stored);
        let root = self.new_inode(super_id, directory(0), owner);
        if let Some(Inode { content: Content::Directory { parent, .. }, .. }) = self.inodes.get_mut(&root) {
            *parent = root;
        }
        (super_id, root)
    }

    pub(super) fn new_super(&mut self, fs_type: &str, source: &str, kind: FsKind) -> SuperId {
        let id = self.fresh_id();
        let (fs_type, source) = (Rc::from(fs_type), Rc::from(source));
        let new = Super { fs_type, source, options: Rc::from(""), kind, read_only: false, bytes_max: None, bytes: 0 };
        self.supers.insert_mut(id, new);
        id
    }

    pub(super) fn new_inode(&mut self, super_id: SuperId, content: Content, owner: Owner) -> InodeId {
        let id = self.fresh_id();
        let links = if matches!(content, Content::Directory { .. }) { 2 } else { 0 };
        let inode = Inode {
            super_id,
            mode: owner.mode & 0o7777,
            uid: owner.uid,
            gid: owner.gid,
            links,
            modified_seconds: self.realtime_seconds(),
            content,
            charged: None,
            extended: Rc::default(),
        };
        self.inodes.insert_mut(id, inode);
        id
    }

    pub(super) fn entry(&self, directory: InodeId, name: &str) -> SysResult<Option<InodeId>> {
        match &self.inode(directory)?.content {
            Content::Directory { entries, .. } => Ok(entries.get(name).copied()),
            _ => Err(Errno::ENOTDIR),
        }
    }

    /// Enters `inode` under `name`; what was there is replaced.
    pub(super) fn put_entry(&mut self, into: InodeId, name: &str, inode: InodeId) -> SysResult<()> {
        let now = self.realtime_seconds();
        let is_directory = matches!(self.inode(inode)?.content, Content::Directory { .. });
        let target = self.inode_mut(into)?;
        let Content::Directory { entries, .. } = &mut target.content else { return Err(Errno::ENOTDIR) };
        entries.insert_mut(name.to_string(), inode);
        target.modified_seconds = now;
        target.links += u64::from(is_directory);
        let entered = self.inode_mut(inode)?;
        match &mut entered.content {
            Content::Directory { parent, .. } => *parent = into,
            _ => entered.links += 1,
        }
        Ok(())
    }

    /// Takes the entry away; the inode goes with its last link, unless it is open.
    pub(super) fn take_entry(&mut self, from: InodeId, name: &str) -> SysResult<InodeId> {
        let now = self.realtime_seconds();
        let id = self.entry(from, name)?.ok_or(Errno::ENOENT)?;
        let is_directory = matches!(self.inode(id)?.content, Content::Directory { .. });
        let source = self.inode_mut(from)?;
        if let Content::Directory { entries, .. } = &mut source.content {
            entries.remove_mut(name);
        }
        source.modified_seconds = now;
        source.links = source.links.saturating_sub(u64::from(is_directory));
        if !is_directory {
            let inode = self.inode_mut(id)?;
            inode.links = inode.links.saturating_sub(1);
        }
        Ok(id)
    }

    /// Forgets an inode that nothing names and nothing holds open.
    pub(super) fn drop_if_unused(&mut self, id: InodeId) {
        let Ok(inode) = self.inode(id) else { return };
        let is_directory = matches!(inode.content, Content::Directory { .. });
        let named = if is_directory { self.is_entered(id) } else { inode.links > 0 };
        if named || self.is_held(id) {
            return;
        }
        let (super_id, bytes) = (inode.super_id, if let Content::File(data) = &inode.content { data.len() } else { 0 });
        let charged = inode.charged.clone();
        self.account(super_id, charged.as_ref(), bytes, 0);
        self.inodes.remove_mut(&id);
    }

    fn is_entered(&self, id: InodeId) -> bool {
        let Some(Inode { content: Content::Directory { parent, .. }, .. }) = self.inodes.get(&id) else { return false };
        let Some(Inode { content: Content::Directory { entries, .. }, .. }) = self.inodes.get(parent) else { return false };
        *parent == id || entries.values().any(|entry| *entry == id)
    }

    fn is_held(&self, id: InodeId) -> bool {
        let node = NodeId::Inode(id);
        let open = self.files.values().any(|file| {
            matches!(file.object, Object::File { inode } if inode == id)
                || file.place.as_ref().is_some_and(|place| place.node == node)
        });
        let used = self.processes.values().any(|process| {
            process.cwd.node == node || process.root.node == node || process.exe.as_ref().is_some_and(|exe| exe.node == node)
        });
        open || used || self.mounts.values().any(|mount| mount.root == node)
    }

    /// Removes a directory's content, and what is below it.
    pub(super) fn remove_below(&mut self, top: InodeId) -> SysResult<()> {
        let mut pending = vec![top];
        while let Some(id) = pending.pop() {
            let Content::Directory { entries, .. } = &self.inode(id)?.content else { continue };
            let names: Vec<(String, InodeId)> = entries.iter().map(|(name, id)| (name.clone(), *id)).collect();
            for (name, child) in names {
                if matches!(self.inode(child)?.content, Content::Directory { .. }) {
                    pending.push(child);
                    continue;
                }
                self.take_entry(id, &name)?;
                self.drop_if_unused(child);
            }
        }
        self.remove_empty_below(top)
    }

    fn remove_empty_below(&mut self, top: InodeId) -> SysResult<()> {
        let mut order = vec![top];
        let mut at = 0;
        let mut parents = Vec::new();
        while at < order.len() {
            let id = order[at];
            at += 1;
            let Content::Directory { entries, .. } = &self.inode(id)?.content else { continue };
            for (name, child) in entries.iter() {
                parents.push((id, name.clone(), *child));
                order.push(*child);
            }
        }
        for (parent, name, child) in parents.into_iter().rev() {
            self.take_entry(parent, &name)?;
            self.drop_if_unused(child);
        }
        Ok(())
    }

    /// The stored directory at an absolute path without links, made where missing: for boot and the engine's own trees.
    pub(super) fn make_tree(&mut self, root: InodeId, path: &str, owner: Owner) -> SysResult<InodeId> {
        let mut at = root;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            at = match self.entry(at, name)? {
                Some(found) => found,
                None => {
                    let super_id = self.inode(at)?.super_id;
                    let new = self.new_inode(super_id, directory(at), owner);
                    self.put_entry(at, name, new)?;
                    new
                }
            };
        }
        Ok(at)
    }

    /// A new inode at an absolute path whose directory is made where missing.
    pub(super) fn make_at(&mut self, root: InodeId, path: &str, content: Content, owner: Owner) -> SysResult<InodeId> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = self.make_tree(root, parent, Owner::root(0o755))?;
        let super_id = self.inode(parent)?.super_id;
        let new = self.new_inode(super_id, content, owner);
        self.put_entry(parent, name, new)?;
        Ok(new)
    }
}
