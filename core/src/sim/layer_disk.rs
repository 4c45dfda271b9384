//! A directory of the model in which a layer is made or read: its [`Disk`].
//!
//! Names in the model are text: one that is not UTF-8 is EILSEQ, as on a file system with `casefold` and strict encoding. Times are whole
//! seconds. Everything is done by the engine's process.

use std::io::{self, Cursor, Read, Take, Write};
use std::rc::Rc;

use super::kernel::Kernel;
use super::tables::{Content, Data, InodeId, NodeId, Place};
use super::tree::{Owner, directory};
use super::walk::{Target, Walker};
use crate::archive::Attribute;
use crate::errno::Errno;
use crate::modelled;
use crate::oci::layer::{Attributes, Disk, Look, NodeKind, OverlayForm, Tree};
use crate::userland::{FileKind, SysResult};

/// A file in the model is no longer than this: a page has memory, and no disk.
const FILE_BYTES_MAX: usize = 64 << 20;
const UNTIL_ADORNED: u32 = 0o700;
/// The mode of a link is never another: symlink(7).
const LINK_MODE: u32 = 0o777;

/// A directory of the model.
#[derive(Debug)]
pub struct LayerDisk<'a> {
    kernel: &'a mut Kernel,
    walker: Walker,
}

/// A file that is written.
#[derive(Debug, Default)]
pub struct Sink(Vec<u8>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > FILE_BYTES_MAX {
            return Err(io::Error::from_raw_os_error(Errno::EFBIG.0));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> LayerDisk<'a> {
    /// The directory at an absolute path of the model's host.
    pub fn open(kernel: &'a mut Kernel, path: &str) -> Result<LayerDisk<'a>, Errno> {
        let own = kernel.walker(kernel.engine)?;
        let top = kernel.walk(kernel.engine, path, true)?;
        if kernel.attributes(&top.node)?.kind != FileKind::Directory {
            return Err(Errno::ENOTDIR);
        }
        let walker = Walker { cwd: top.clone(), root: top, ..own };
        Ok(LayerDisk { kernel, walker })
    }

    /// Own bytes, and how many it is said to have, where the file stands for another.
    fn stands_for(&self, inode: InodeId) -> SysResult<Option<(u64, u64)>> {
        match &self.kernel.inode(inode)?.content {
            Content::File(data) if data.zeros > 0 && modelled::is_modelled(&data.bytes) => {
                Ok(Some((data.bytes.len() as u64, data.len())))
            }
            _ => Ok(None),
        }
    }

    fn walk(&self, path: &[u8], follow: bool) -> SysResult<Place> {
        self.kernel.walk_as(&self.walker, &absolute(path)?, follow)
    }

    fn inode(&self, path: &[u8]) -> SysResult<InodeId> {
        let place = self.walk(path, false)?;
        self.kernel.real(&place.node)?.ok_or(Errno::EPERM)
    }

    /// The directory in which something is to be made or removed.
    fn target(&self, path: &[u8]) -> SysResult<Target> {
        let target = self.kernel.walk_parent_as(&self.walker, &absolute(path)?)?;
        self.kernel.check_entries(self.kernel.engine, &target.dir)?;
        Ok(target)
    }

    fn free_target(&self, path: &[u8]) -> SysResult<Target> {
        let target = self.target(path)?;
        match self.kernel.lookup(&target) {
            Ok(_) => Err(Errno::EEXIST),
            Err(Errno::ENOENT) => Ok(target),
            Err(errno) => Err(errno),
        }
    }

    fn make(&mut self, path: &[u8], content: Content, mode: u32) -> SysResult<NodeId> {
        let target = self.free_target(path)?;
        let credentials = &self.kernel.process(self.kernel.engine)?.credentials;
        let owner = Owner { uid: credentials.uid, gid: credentials.gid, mode };
        self.kernel.add(&target.dir.node, &target.name, content, owner)
    }
}

/// What a file that stands for another is said to be long; 0: it is none.
fn said_length(bytes: &[u8], attributes: &Attributes) -> u64 {
    let said =
        attributes.extended.iter().find(|(name, _)| name == modelled::LENGTH_ATTRIBUTE).filter(|_| modelled::is_modelled(bytes));
    let number = said.and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse().ok()).unwrap_or(0);
    number.min(modelled::LENGTH_MAX)
}

fn absolute(path: &[u8]) -> SysResult<String> {
    Ok(format!("/{}", text(path)?))
}

fn text(bytes: &[u8]) -> SysResult<&str> {
    std::str::from_utf8(bytes).map_err(|_| Errno::EILSEQ)
}

fn kind_of(content: &Content) -> NodeKind {
    match content {
        Content::File(_) => NodeKind::File,
        Content::Directory { .. } => NodeKind::Directory,
        Content::Symlink(_) => NodeKind::Symlink,
        Content::Fifo => NodeKind::Fifo,
        Content::Device(major, minor) => NodeKind::CharDevice { major: *major, minor: *minor },
        Content::Block(major, minor) => NodeKind::BlockDevice { major: *major, minor: *minor },
    }
}

impl Tree for LayerDisk<'_> {
    type Source = io::Chain<Cursor<Rc<[u8]>>, Take<io::Repeat>>;

    fn look(&mut self, path: &[u8]) -> SysResult<Look> {
        let place = self.walk(path, false)?;
        let found = self.kernel.attributes(&place.node)?;
        let inode = self.kernel.real(&place.node)?.ok_or(Errno::EPERM)?;
        let stands_for = self.stands_for(inode)?;
        Ok(Look {
            kind: kind_of(&self.kernel.inode(inode)?.content),
            mode: found.mode,
            uid: found.uid,
            gid: found.gid,
            size_bytes: stands_for.map_or(found.size, |(own, _)| own),
            modelled_bytes: stands_for.map_or(0, |(_, said)| said),
            modified: (found.modified_seconds, 0),
            identity: (found.device, found.inode),
            links: found.links,
        })
    }

    fn names(&mut self, path: &[u8]) -> SysResult<Vec<Vec<u8>>> {
        let names = self.kernel.names(&self.walk(path, false)?.node)?;
        Ok(names.into_iter().map(String::into_bytes).collect())
    }

    fn symlink_text(&mut self, path: &[u8]) -> SysResult<Vec<u8>> {
        let text = self.kernel.link_text(&self.walk(path, false)?.node, self.kernel.engine)?;
        Ok(text.into_bytes())
    }

    fn open(&mut self, path: &[u8]) -> SysResult<Self::Source> {
        let id = self.inode(path)?;
        match &self.kernel.inode(id)?.content {
            Content::File(data) => {
                let zeros = if modelled::is_modelled(&data.bytes) { 0 } else { data.zeros };
                Ok(Cursor::new(Rc::from(data.bytes.as_slice())).chain(io::repeat(0).take(zeros)))
            }
            _ => Err(Errno::EINVAL),
        }
    }

    /// The model knows one mark of an opaque directory, and shows it in both forms.
    fn attributes(&mut self, path: &[u8], _kind: NodeKind) -> SysResult<Vec<Attribute>> {
        let id = self.inode(path)?;
        let inode = self.kernel.inode(id)?;
        let own = inode.extended.iter().map(|(name, value)| (name.clone(), value.clone()));
        let is_marked = matches!(inode.content, Content::Directory { opaque: true, .. });
        let marks = [OverlayForm::Trusted, OverlayForm::User].into_iter().filter(|_| is_marked);
        let said = self.stands_for(id)?.map(|(_, said)| (modelled::LENGTH_ATTRIBUTE.to_string(), said.to_string().into_bytes()));
        let marks = marks.map(|form| (form.opaque().to_string(), b"y".to_vec()));
        let mut all: Vec<Attribute> = own.chain(marks).chain(said).collect();
        all.sort_unstable();
        Ok(all)
    }
}

impl Disk for LayerDisk<'_> {
    type Sink = Sink;

    fn enter(&mut self, path: &[u8]) -> SysResult<()> {
        let place = self.walk(path, true)?;
        match self.kernel.attributes(&place.node)?.kind {
            FileKind::Directory => Ok(()),
            _ => Err(Errno::ENOTDIR),
        }
    }

    fn make_directory(&mut self, path: &[u8]) -> SysResult<()> {
        self.make(path, directory(0), UNTIL_ADORNED).map(drop)
    }

    fn make_symlink(&mut self, path: &[u8], link: &[u8]) -> SysResult<()> {
        if link.is_empty() {
            return Err(Errno::ENOENT);
        }
        self.make(path, Content::Symlink(text(link)?.into()), LINK_MODE).map(drop)
    }

    fn make_hardlink(&mut self, path: &[u8], existing: &[u8]) -> SysResult<()> {
        let place = self.walk(existing, false)?;
        if self.kernel.attributes(&place.node)?.kind == FileKind::Directory {
            return Err(Errno::EPERM);
        }
        let target = self.free_target(path)?;
        let inode = self.kernel.writable(&place.node)?;
        self.kernel.enter(&target.dir.node, &target.name, inode)
    }

    fn make_node(&mut self, path: &[u8], kind: NodeKind) -> SysResult<()> {
        let content = match kind {
            NodeKind::Fifo => Content::Fifo,
            NodeKind::CharDevice { major, minor } => Content::Device(major, minor),
            NodeKind::BlockDevice { major, minor } => Content::Block(major, minor),
            _ => return Err(Errno::EINVAL),
        };
        let mode = if kind == NodeKind::WHITEOUT { 0 } else { UNTIL_ADORNED };
        self.make(path, content, mode).map(drop)
    }

    fn create(&mut self, path: &[u8]) -> SysResult<Sink> {
        self.free_target(path).map(|_| Sink::default())
    }

    fn close(&mut self, path: &[u8], file: Sink, attributes: &Attributes) -> SysResult<u64> {
        let zeros = said_length(&file.0, attributes).saturating_sub(file.0.len() as u64);
        let length = file.0.len() as u64 + zeros;
        let node = self.make(path, Content::File(Data { bytes: Rc::new(file.0), zeros }), UNTIL_ADORNED)?;
        let super_id = self.kernel.super_id(&node)?;
        self.kernel.account(super_id, None, 0, length);
        self.adorn(path, NodeKind::File, attributes)
    }

    fn adorn(&mut self, path: &[u8], kind: NodeKind, attributes: &Attributes) -> SysResult<u64> {
        let id = self.inode(path)?;
        let inode = self.kernel.inode_mut(id)?;
        if let Some((uid, gid)) = attributes.owner {
            (inode.uid, inode.gid) = (uid, gid);
        }
        if kind != NodeKind::Symlink {
            inode.mode = attributes.mode;
        }
        inode.modified_seconds = attributes.modified.0;
        // user.* is for files and directories alone: xattr(7).
        let takes = |name: &str| matches!(kind, NodeKind::File | NodeKind::Directory) || !name.starts_with("user.");
        // What a file is said to be long is in its length.
        let taken = attributes.extended.iter().filter(|(name, _)| takes(name) && name != modelled::LENGTH_ATTRIBUTE).cloned();
        inode.extended = Rc::new(taken.collect());
        Ok(attributes.extended.iter().filter(|(name, _)| !takes(name)).count() as u64)
    }

    fn set_attribute(&mut self, path: &[u8], name: &str, value: &[u8]) -> SysResult<()> {
        let id = self.inode(path)?;
        let inode = self.kernel.inode_mut(id)?;
        match &mut inode.content {
            Content::Directory { opaque, .. } if is_opaque(name) => *opaque = value == b"y",
            _ => drop(Rc::make_mut(&mut inode.extended).insert(name.to_string(), value.to_vec())),
        }
        Ok(())
    }

    fn set_time(&mut self, path: &[u8], modified: (i64, u32)) -> SysResult<()> {
        let id = self.inode(path)?;
        self.kernel.inode_mut(id)?.modified_seconds = modified.0;
        Ok(())
    }

    fn remove(&mut self, path: &[u8]) -> SysResult<()> {
        let target = self.target(path)?;
        let id = self.inode(path)?;
        if matches!(self.kernel.inode(id)?.content, Content::Directory { .. }) {
            self.kernel.remove_below(id)?;
        }
        self.kernel.take(&target.dir.node, &target.name)
    }
}

fn is_opaque(name: &str) -> bool {
    [OverlayForm::Trusted, OverlayForm::User].into_iter().any(|form| form.opaque() == name)
}
