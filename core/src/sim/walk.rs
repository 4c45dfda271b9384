//! From a path to a place: path_resolution(7). Crosses mounts, follows links, stays below the root of whoever walks.

use super::credentials::EXECUTE;
use super::kernel::Kernel;
use super::tables::{HostPid, Place};
use crate::errno::Errno;
use crate::userland::{FileKind, SysResult};

/// Links followed in one walk, more are ELOOP.
const LINKS_MAX: u32 = 40;
/// PATH_MAX with its final NUL.
const PATH_BYTES_MAX: usize = 4096;
/// NAME_MAX
const NAME_BYTES_MAX: usize = 255;

/// Who walks, and from where.
#[derive(Clone, Debug)]
pub(super) struct Walker {
    pub(super) root: Place,
    pub(super) cwd: Place,
    /// For whom /proc/self is; its permissions count where `checked`.
    pub(super) viewer: HostPid,
    pub(super) checked: bool,
}

/// The last name of a path and the directory that it is in.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) dir: Place,
    /// Empty: the directory itself (`/`, `.`, `..`).
    pub(super) name: String,
}

struct Walk<'a> {
    kernel: &'a Kernel,
    walker: &'a Walker,
    at: Place,
    links: u32,
}

impl Kernel {
    pub(super) fn walker(&self, pid: HostPid) -> SysResult<Walker> {
        let process = self.process(pid)?;
        Ok(Walker { root: process.root.clone(), cwd: process.cwd.clone(), viewer: pid, checked: true })
    }

    /// The place at `path`; a link at its end is followed where `follow`.
    pub(super) fn walk(&self, pid: HostPid, path: &str, follow: bool) -> SysResult<Place> {
        self.walk_as(&self.walker(pid)?, path, follow)
    }

    pub(super) fn walk_as(&self, walker: &Walker, path: &str, follow: bool) -> SysResult<Place> {
        let mut walk = Walk::begin(self, walker, path)?;
        walk.go(path, follow || path.ends_with('/'))?;
        if path.ends_with('/') && self.attributes(&walk.at.node)?.kind != FileKind::Directory {
            return Err(Errno::ENOTDIR);
        }
        Ok(walk.at)
    }

    /// The directory and last name of `path`, for calls that make or remove a name.
    pub(super) fn walk_parent(&self, pid: HostPid, path: &str) -> SysResult<Target> {
        self.walk_parent_as(&self.walker(pid)?, path)
    }

    pub(super) fn walk_parent_as(&self, walker: &Walker, path: &str) -> SysResult<Target> {
        let trimmed = path.trim_end_matches('/');
        let (parent, name) = match trimmed.rsplit_once('/') {
            Some((parent, name)) => (format!("{parent}/"), name),
            None if path.starts_with('/') => ("/".to_string(), ""),
            None => (".".to_string(), trimmed),
        };
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        if name.len() > NAME_BYTES_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        if name == "." || name == ".." {
            return Ok(Target { dir: self.walk_as(walker, path, true)?, name: String::new() });
        }
        Ok(Target { dir: self.walk_as(walker, &parent, true)?, name: name.to_string() })
    }

    /// The node of a target, if it is there; mounts on it are crossed.
    pub(super) fn lookup(&self, target: &Target) -> SysResult<Place> {
        if target.name.is_empty() {
            return Ok(target.dir.clone());
        }
        let node = self.child(&target.dir.node, &target.name)?;
        Ok(self.topmost(Place { mount: target.dir.mount, node }))
    }

    /// Through all that is mounted on a place.
    pub(super) fn topmost(&self, mut place: Place) -> Place {
        while let Some(id) = self.mounted.get(&place) {
            let Some(mount) = self.mounts.get(id) else { break };
            place = Place { mount: *id, node: mount.root.clone() };
        }
        place
    }

    /// `..`: out of mounts, but never above `root`.
    pub(super) fn up(&self, place: &Place, root: &Place) -> Place {
        let mut at = place.clone();
        loop {
            if at == *root {
                return at;
            }
            let Some(mount) = self.mounts.get(&at.mount) else { return at };
            if at.node != mount.root {
                let node = self.above(&at.node);
                return self.topmost(Place { mount: at.mount, node });
            }
            match &mount.at {
                Some(below) => at = below.clone(),
                None => return at,
            }
        }
    }

    /// The path of a place as seen from `root`; `None`: it cannot be reached from there.
    pub(super) fn path_of(&self, place: &Place, root: &Place) -> Option<String> {
        let mut at = place.clone();
        let mut names: Vec<String> = Vec::new();
        while at != *root {
            let mount = self.mounts.get(&at.mount)?;
            if at.node == mount.root {
                at = mount.at.clone()?;
                continue;
            }
            let above = self.above(&at.node);
            names.push(self.name_in(&above, &at.node)?);
            at = Place { mount: at.mount, node: above };
        }
        names.reverse();
        Some(format!("/{}", names.join("/")))
    }

    /// The path from the root of its file system to a node.
    pub(super) fn path_in_fs(&self, node: &super::tables::NodeId) -> String {
        use super::tables::NodeId;
        let mut names: Vec<String> = Vec::new();
        let mut at = node.clone();
        if let NodeId::Path(_, path) = node {
            return format!("/{path}");
        }
        loop {
            let above = self.above(&at);
            let parent = if above == at { self.holder_of(&at) } else { Some(above) };
            let Some(parent) = parent else { break };
            let Some(name) = self.name_in(&parent, &at) else { break };
            names.push(name);
            at = parent;
        }
        names.reverse();
        format!("/{}", names.join("/"))
    }

    /// The directory that has an entry for a file.
    fn holder_of(&self, node: &super::tables::NodeId) -> Option<super::tables::NodeId> {
        use super::tables::{Content, NodeId};
        let NodeId::Inode(id) = node else { return None };
        if matches!(self.inodes.get(id)?.content, Content::Directory { .. }) {
            return None;
        }
        let found = self.inodes.iter().find(|(_, inode)| match &inode.content {
            Content::Directory { entries, .. } => entries.values().any(|entry| entry == id),
            _ => false,
        });
        found.map(|(id, _)| NodeId::Inode(*id))
    }

    fn name_in(&self, dir: &super::tables::NodeId, node: &super::tables::NodeId) -> Option<String> {
        use super::tables::{Content, NodeId};
        match node {
            NodeId::Path(_, path) => Some(super::overlay::last_of(path).to_string()),
            NodeId::Inode(id) => {
                let NodeId::Inode(dir) = dir else { return None };
                let Content::Directory { entries, .. } = &self.inodes.get(dir)?.content else { return None };
                entries.iter().find(|(_, entry)| *entry == id).map(|(name, _)| name.clone())
            }
        }
    }

    /// As `path_of`, for files as well, whose directory has to be searched for.
    pub(super) fn path_of_file(&self, place: &Place, root: &Place) -> Option<String> {
        let mount = self.mounts.get(&place.mount)?;
        if place.node == mount.root {
            return self.path_of(place, root);
        }
        match self.holder_of(&place.node) {
            Some(holder) => {
                let name = self.name_in(&holder, &place.node)?;
                let dir = self.path_of(&Place { mount: place.mount, node: holder }, root)?;
                Some(if dir == "/" { format!("/{name}") } else { format!("{dir}/{name}") })
            }
            None => self.path_of(place, root),
        }
    }
}

impl<'a> Walk<'a> {
    fn begin(kernel: &'a Kernel, walker: &'a Walker, path: &str) -> SysResult<Walk<'a>> {
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        if path.len() >= PATH_BYTES_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        let at = if path.starts_with('/') { walker.root.clone() } else { walker.cwd.clone() };
        Ok(Walk { kernel, walker, at, links: 0 })
    }

    fn go(&mut self, path: &str, follow_last: bool) -> SysResult<()> {
        if path.starts_with('/') {
            self.at = self.walker.root.clone();
        }
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        for (index, name) in names.iter().enumerate() {
            let last = index + 1 == names.len();
            self.step(name, !last || follow_last)?;
        }
        Ok(())
    }

    fn step(&mut self, name: &str, follow: bool) -> SysResult<()> {
        if name.len() > NAME_BYTES_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        let attributes = match self.kernel.attributes(&self.at.node) {
            // A directory that was removed still knows the one above it.
            Err(Errno::ENOENT) if name == ".." => {
                self.at = self.kernel.up(&self.at, &self.walker.root);
                return Ok(());
            }
            answer => answer?,
        };
        if attributes.kind != FileKind::Directory {
            return Err(Errno::ENOTDIR);
        }
        if self.walker.checked {
            self.kernel.may(self.walker.viewer, &attributes, EXECUTE)?;
        }
        match name {
            "." => return Ok(()),
            ".." => {
                self.at = self.kernel.up(&self.at, &self.walker.root);
                return Ok(());
            }
            _ => {}
        }
        let node = self.kernel.child(&self.at.node, name)?;
        let next = self.kernel.topmost(Place { mount: self.at.mount, node });
        if follow && self.kernel.attributes(&next.node)?.kind == FileKind::Symlink {
            return self.follow(&next);
        }
        self.at = next;
        Ok(())
    }

    fn follow(&mut self, link: &Place) -> SysResult<()> {
        self.links += 1;
        if self.links > LINKS_MAX {
            return Err(Errno::ELOOP);
        }
        if let Some(place) = self.kernel.magic(&link.node) {
            self.at = place;
            return Ok(());
        }
        let text = self.kernel.link_text(&link.node, self.walker.viewer)?;
        self.go(&text, true)
    }
}
