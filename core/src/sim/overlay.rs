//! overlayfs: one tree merged from a writable upper and read-only lower directories. Documentation/filesystems/overlayfs.rst.
//!
//! Nodes are paths; what stands there is looked up in the layers each time. The first write copies a file up. Removing what a lower
//! layer has leaves a whiteout; a directory made in the place of a whiteout is opaque.

use std::rc::Rc;

use super::kernel::Kernel;
use super::tables::{Content, FsKind, Inode, InodeId, Layers, NodeId, SuperId};
use super::tree::{Owner, directory};
use crate::errno::Errno;
use crate::userland::SysResult;

pub(super) fn join(path: &str, name: &str) -> Rc<str> {
    if path.is_empty() { Rc::from(name) } else { Rc::from(format!("{path}/{name}")) }
}

pub(super) fn parent_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

pub(super) fn last_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

impl Kernel {
    pub(super) fn layers(&self, id: SuperId) -> SysResult<Rc<Layers>> {
        match self.supers.get(&id).map(|found| &found.kind) {
            Some(FsKind::Overlay(layers)) => Ok(layers.clone()),
            _ => Err(Errno::EINVAL),
        }
    }

    /// The inodes that are merged at `path`, the topmost first: one, unless it is a directory. Empty: there is nothing.
    pub(super) fn overlay_stack(&self, layers: &Layers, path: &str) -> SysResult<Vec<InodeId>> {
        let mut stack: Vec<InodeId> = std::iter::once(layers.upper).chain(layers.lower.iter().copied()).collect();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            stack = self.overlay_child(&stack, name)?;
        }
        Ok(stack)
    }

    /// What is opaque ends the stack where it is found. The top of a layer is not found but mounted: Linux does not look at its mark.
    fn overlay_child(&self, stack: &[InodeId], name: &str) -> SysResult<Vec<InodeId>> {
        let mut found = Vec::new();
        for layer in stack {
            let Content::Directory { entries, .. } = &self.inode(*layer)?.content else { break };
            if let Some(id) = entries.get(name) {
                let inode = self.inode(*id)?;
                if inode.is_whiteout() {
                    break;
                }
                match inode.content {
                    Content::Directory { opaque, .. } => {
                        found.push(*id);
                        if opaque {
                            break;
                        }
                    }
                    _ => {
                        if found.is_empty() {
                            found.push(*id);
                        }
                        break;
                    }
                }
            }
        }
        Ok(found)
    }

    /// The inode in the upper layer alone.
    pub(super) fn overlay_upper(&self, layers: &Layers, path: &str) -> SysResult<Option<InodeId>> {
        let mut at = layers.upper;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            match self.entry(at, name)? {
                Some(id) if !self.inode(id)?.is_whiteout() => at = id,
                _ => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    /// A lower layer shows something at `path` once the upper one is taken away.
    pub(super) fn overlay_lower_has(&self, layers: &Layers, path: &str) -> SysResult<bool> {
        let parent = self.overlay_stack(layers, parent_of(path))?;
        let lower: Vec<InodeId> = match self.overlay_upper(layers, parent_of(path))? {
            Some(upper) if matches!(self.inode(upper)?.content, Content::Directory { opaque: true, .. }) => Vec::new(),
            Some(upper) => parent.into_iter().filter(|id| *id != upper).collect(),
            None => parent,
        };
        Ok(!self.overlay_child(&lower, last_of(path))?.is_empty())
    }

    /// Merged entries: sorted names without whiteouts.
    pub(super) fn overlay_names(&self, layers: &Layers, path: &str) -> SysResult<Vec<String>> {
        let stack = self.overlay_stack(layers, path)?;
        let mut names = std::collections::BTreeSet::new();
        for id in &stack {
            let Content::Directory { entries, .. } = &self.inode(*id)?.content else { return Err(Errno::ENOTDIR) };
            names.extend(entries.keys().cloned());
        }
        let mut shown = Vec::new();
        for name in names {
            if !self.overlay_child(&stack, &name)?.is_empty() {
                shown.push(name);
            }
        }
        Ok(shown)
    }

    /// Makes sure that `path` stands in the upper layer, and answers its inode there.
    pub(super) fn copy_up(&mut self, super_id: SuperId, path: &str) -> SysResult<InodeId> {
        let layers = self.layers(super_id)?;
        if let Some(id) = self.overlay_upper(&layers, path)? {
            return Ok(id);
        }
        let top = *self.overlay_stack(&layers, path)?.first().ok_or(Errno::ENOENT)?;
        let parent = self.copy_up(super_id, parent_of(path))?;
        let original = self.inode(top)?.clone();
        let upper_super = self.inode(parent)?.super_id;
        let content = match &original.content {
            Content::Directory { .. } => directory(parent),
            other => other.clone(),
        };
        let new = self.new_inode(upper_super, content, Owner { uid: original.uid, gid: original.gid, mode: original.mode });
        if let Content::File(data) = &original.content {
            self.account(upper_super, None, 0, data.len());
        }
        let copy = self.inode_mut(new)?;
        (copy.modified_seconds, copy.extended) = (original.modified_seconds, original.extended);
        self.put_entry(parent, last_of(path), new)?;
        Ok(new)
    }

    /// Enters a new inode in the upper layer. A directory over a whiteout becomes opaque.
    pub(super) fn overlay_put(&mut self, super_id: SuperId, dir: &str, name: &str, inode: InodeId) -> SysResult<()> {
        let parent = self.copy_up(super_id, dir)?;
        let over_whiteout = match self.entry(parent, name)? {
            Some(id) => self.inode(id)?.is_whiteout(),
            None => false,
        };
        if over_whiteout {
            let whiteout = self.take_entry(parent, name)?;
            self.drop_if_unused(whiteout);
            if let Inode { content: Content::Directory { opaque, .. }, .. } = self.inode_mut(inode)? {
                *opaque = true;
            }
        }
        self.put_entry(parent, name, inode)
    }

    /// Removes `path` from what is seen; what it named is kept whole where `keep`.
    pub(super) fn overlay_take(&mut self, super_id: SuperId, path: &str, keep: bool) -> SysResult<Option<InodeId>> {
        let layers = self.layers(super_id)?;
        let below = self.overlay_lower_has(&layers, path)?;
        let upper = self.overlay_upper(&layers, path)?;
        let parent = self.copy_up(super_id, parent_of(path))?;
        if let Some(id) = upper {
            if !keep && matches!(self.inode(id)?.content, Content::Directory { .. }) {
                self.remove_below(id)?; // whiteouts of an empty merged directory
            }
            self.take_entry(parent, last_of(path))?;
        }
        if below {
            let upper_super = self.inode(parent)?.super_id;
            let whiteout = self.new_inode(upper_super, Content::Device(0, 0), Owner::root(0));
            self.put_entry(parent, last_of(path), whiteout)?;
        }
        Ok(upper)
    }

    /// The inode that is read at a node, where one is stored.
    pub(super) fn real(&self, node: &NodeId) -> SysResult<Option<InodeId>> {
        match node {
            NodeId::Inode(id) => Ok(Some(*id)),
            NodeId::Path(super_id, path) => match self.supers.get(super_id).map(|found| &found.kind) {
                Some(FsKind::Overlay(layers)) => Ok(Some(*self.overlay_stack(layers, path)?.first().ok_or(Errno::ENOENT)?)),
                _ => Ok(None),
            },
        }
    }

    /// The inode that is written at a node: copied up first, in an overlay.
    pub(super) fn writable(&mut self, node: &NodeId) -> SysResult<InodeId> {
        match node {
            NodeId::Inode(id) => Ok(*id),
            NodeId::Path(super_id, path) => self.copy_up(*super_id, path).map_err(|_| Errno::EPERM),
        }
    }
}
