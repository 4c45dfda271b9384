//! open(2), and the calls that make, remove and rename names.

use std::rc::Rc;

use super::credentials::{READ, WRITE};
use super::kernel::Kernel;
use super::tables::{Content, FileId, FsKind, HostPid, NodeId, Object, Place};
use super::tree::{Owner, file};
use super::vfs::Attributes;
use super::walk::Target;
use crate::device::DeviceKind;
use crate::errno::Errno;
use crate::oci::capability::Capability;
use crate::step::NamespaceKind;
use crate::userland::{FileKind, OpenFlags, SysResult};

/// Links that end at an open pipe: /dev/stdout, /proc/self/fd/1.
const LINKS_MAX: usize = 8;

impl Kernel {
    pub(super) fn open_path(&mut self, pid: HostPid, path: &str, flags: OpenFlags, mode: u32) -> SysResult<FileId> {
        match self.walk(pid, path, true) {
            Ok(_) if flags.create && flags.exclusive => Err(Errno::EEXIST),
            Ok(place) => self.open_place(pid, place, flags),
            Err(Errno::ENOENT) => {
                if let Some(file) = self.open_descriptor_link(pid, path) {
                    return Ok(file);
                }
                if !flags.create {
                    return Err(Errno::ENOENT);
                }
                let target = self.creation_target(pid, path)?;
                let owner = self.new_owner(pid, mode)?;
                let node = self.add(&target.dir.node, &target.name, file(""), owner)?;
                let place = Place { mount: target.dir.mount, node };
                self.open_object(pid, place, flags)
            }
            Err(errno) => Err(errno),
        }
    }

    /// Where a missing file is made: a dangling link leads further.
    fn creation_target(&self, pid: HostPid, path: &str) -> SysResult<Target> {
        if path.ends_with('/') {
            return Err(Errno::EISDIR);
        }
        let mut path = path.to_string();
        for _ in 0..LINKS_MAX {
            let target = self.walk_parent(pid, &path)?;
            match self.lookup(&target) {
                Ok(link) => {
                    let text = self.link_text(&link.node, pid)?;
                    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
                    path = if text.starts_with('/') { text } else { [dir, "/", &text].concat() };
                }
                Err(Errno::ENOENT) => {
                    self.check_entries(pid, &target.dir)?;
                    return Ok(target);
                }
                Err(errno) => return Err(errno),
            }
        }
        Err(Errno::ELOOP)
    }

    /// A link to a descriptor that has no path: the pipe itself is opened again.
    fn open_descriptor_link(&mut self, pid: HostPid, path: &str) -> Option<FileId> {
        let mut path = path.to_string();
        for _ in 0..LINKS_MAX {
            let place = self.walk(pid, &path, false).ok()?;
            if let NodeId::Path(id, inside) = &place.node
                && let FsKind::Proc(ns) = self.fs_kind(*id).ok()?
            {
                let file = self.proc_descriptor(ns, inside)?;
                return self.open_again(file);
            }
            path = self.link_text(&place.node, pid).ok()?;
        }
        None
    }

    fn open_again(&mut self, file: FileId) -> Option<FileId> {
        match self.files.get(&file)?.object {
            Object::PipeReader(pipe) => Some(self.pipe_end(pipe, true)),
            Object::PipeWriter(pipe) => Some(self.pipe_end(pipe, false)),
            _ => None,
        }
    }

    fn open_place(&mut self, pid: HostPid, place: Place, flags: OpenFlags) -> SysResult<FileId> {
        let attributes = self.attributes(&place.node)?;
        let mask = if flags.read { READ } else { 0 } | if flags.write { WRITE } else { 0 };
        if attributes.kind == FileKind::Directory {
            if flags.write || flags.create {
                return Err(Errno::EISDIR);
            }
        } else if flags.directory {
            return Err(Errno::ENOTDIR);
        }
        // A read-only file system comes before the permission bits, a read-only mount after them: fs/namei.c.
        let writes = flags.write && attributes.kind == FileKind::File;
        if writes {
            self.check_file_system(&place)?;
        }
        self.may(pid, &attributes, mask)?;
        if writes {
            self.check_writable(&place)?;
        }
        self.open_object(pid, place, flags)
    }

    /// Opens without asking for permission: what was just made may be written by its maker whatever its mode.
    fn open_object(&mut self, pid: HostPid, place: Place, flags: OpenFlags) -> SysResult<FileId> {
        let attributes = self.attributes(&place.node)?;
        let object = match attributes.kind {
            FileKind::Directory => Object::Directory,
            FileKind::CharDevice | FileKind::BlockDevice => self.open_device(pid, &place, &attributes, flags)?,
            FileKind::Symlink => return Err(Errno::ELOOP),
            FileKind::Fifo => return Err(Errno::ENXIO),
            FileKind::File => self.open_file(pid, &place, flags)?,
        };
        let id = self.new_file(object);
        let opened = self.file_mut(id)?;
        opened.place = Some(place);
        (opened.read, opened.write, opened.append) = (flags.read, flags.write, flags.append);
        Ok(id)
    }

    fn open_file(&mut self, pid: HostPid, place: &Place, flags: OpenFlags) -> SysResult<Object> {
        if self.real(&place.node)?.is_none() {
            let text = if flags.read { self.made_text(&place.node, pid)? } else { Vec::new() };
            return Ok(Object::Made { text: Rc::new(text), node: place.node.clone() });
        }
        if !flags.write {
            let inode = self.real(&place.node)?.ok_or(Errno::ENOENT)?;
            return Ok(Object::File { inode });
        }
        let inode = self.writable(&place.node)?;
        if flags.truncate {
            self.truncate(inode)?;
        }
        Ok(Object::File { inode })
    }

    fn open_device(&mut self, pid: HostPid, place: &Place, attributes: &Attributes, flags: OpenFlags) -> SysResult<Object> {
        if self.mount_of(place.mount)?.flags.no_dev {
            return Err(Errno::EACCES);
        }
        let (major, minor) = attributes.rdev.ok_or(Errno::ENXIO)?;
        let kind = if attributes.kind == FileKind::BlockDevice { DeviceKind::Block } else { DeviceKind::Char };
        for (wanted, access) in [(flags.read, 'r'), (flags.write, 'w')] {
            if wanted {
                self.check_device(pid, kind, (major, minor), access)?;
            }
        }
        if kind == DeviceKind::Block {
            return Err(Errno::ENXIO);
        }
        match (major, minor) {
            (5, 0) => self.process(pid)?.terminal.map(Object::Terminal).ok_or(Errno::ENXIO),
            (136, number) => self.terminal_at(attributes.device, number).map(Object::Terminal).ok_or(Errno::EIO),
            (1, 3 | 5 | 7 | 8 | 9 | 11) => Ok(Object::Device(major, minor)),
            _ => Err(Errno::ENXIO),
        }
    }

    /// Owner and mode of what the process makes.
    pub(super) fn new_owner(&self, pid: HostPid, mode: u32) -> SysResult<Owner> {
        let process = self.process(pid)?;
        Ok(Owner { uid: process.credentials.uid, gid: process.credentials.gid, mode: mode & !process.umask & 0o7777 })
    }

    /// A new name: mkdir(2), symlink(2), mknod(2).
    pub(super) fn make_node(&mut self, pid: HostPid, path: &str, content: Content, mode: u32) -> SysResult<()> {
        let target = self.walk_parent(pid, path)?;
        if target.name.is_empty() || self.lookup(&target).is_ok() {
            return Err(Errno::EEXIST);
        }
        self.check_entries(pid, &target.dir)?;
        let owner = self.new_owner(pid, mode)?;
        let owner = if matches!(content, Content::Symlink(_)) { Owner { mode: 0o777, ..owner } } else { owner };
        self.add(&target.dir.node, &target.name, content, owner).map(|_| ())
    }

    /// unlink(2), rmdir(2).
    pub(super) fn remove_node(&mut self, pid: HostPid, path: &str, is_directory: bool) -> SysResult<()> {
        let target = self.walk_parent(pid, path)?;
        if target.name.is_empty() {
            return Err(if is_directory { Errno::EINVAL } else { Errno::EISDIR });
        }
        let node = self.child(&target.dir.node, &target.name)?;
        let attributes = self.attributes(&node)?;
        match (attributes.kind == FileKind::Directory, is_directory) {
            (true, false) => return Err(Errno::EISDIR),
            (false, true) => return Err(Errno::ENOTDIR),
            _ => {}
        }
        self.check_entries(pid, &target.dir)?;
        self.check_sticky(pid, &self.attributes(&target.dir.node)?, &attributes)?;
        if self.mounted.contains_key(&Place { mount: target.dir.mount, node: node.clone() }) {
            return Err(Errno::EBUSY);
        }
        let made = self.real(&node)?.is_none();
        if is_directory && !made && !self.names(&node)?.is_empty() {
            return Err(Errno::ENOTEMPTY);
        }
        self.take(&target.dir.node, &target.name)
    }

    /// rename(2)
    pub(super) fn rename_node(&mut self, pid: HostPid, from: &str, to: &str) -> SysResult<()> {
        let (old, new) = (self.walk_parent(pid, from)?, self.walk_parent(pid, to)?);
        if old.name.is_empty() || new.name.is_empty() {
            return Err(Errno::EBUSY);
        }
        if old.dir.mount != new.dir.mount {
            return Err(Errno::EXDEV);
        }
        let source = self.child(&old.dir.node, &old.name)?;
        let attributes = self.attributes(&source)?;
        self.check_entries(pid, &old.dir)?;
        self.check_entries(pid, &new.dir)?;
        self.check_sticky(pid, &self.attributes(&old.dir.node)?, &attributes)?;
        if self.mounted.contains_key(&Place { mount: old.dir.mount, node: source.clone() }) {
            return Err(Errno::EBUSY);
        }
        if self.is_below(&new.dir.node, &source) {
            return Err(Errno::EINVAL);
        }
        let replaced = self.child(&new.dir.node, &new.name).ok();
        if replaced.as_ref() == Some(&source) {
            return Ok(());
        }
        if let Some(victim) = &replaced {
            self.check_replaceable(pid, &new, victim, attributes.kind)?;
        }
        self.check_overlay_rename(&source, attributes.kind)?;
        let inode = self.writable(&source)?;
        if replaced.is_some() {
            self.take(&new.dir.node, &new.name)?;
        }
        self.unname(&old.dir.node, &old.name)?;
        self.enter(&new.dir.node, &new.name, inode)
    }

    fn check_replaceable(&self, pid: HostPid, new: &Target, victim: &NodeId, kind: FileKind) -> SysResult<()> {
        let found = self.attributes(victim)?;
        self.check_sticky(pid, &self.attributes(&new.dir.node)?, &found)?;
        match (kind == FileKind::Directory, found.kind == FileKind::Directory) {
            (true, false) => Err(Errno::ENOTDIR),
            (false, true) => Err(Errno::EISDIR),
            (true, true) if !self.names(victim)?.is_empty() => Err(Errno::ENOTEMPTY),
            _ if self.mounted.contains_key(&Place { mount: new.dir.mount, node: victim.clone() }) => Err(Errno::EBUSY),
            _ => Ok(()),
        }
    }

    /// overlayfs without redirect_dir: a directory with a part in a lower layer is not renamed.
    fn check_overlay_rename(&self, source: &NodeId, kind: FileKind) -> SysResult<()> {
        let NodeId::Path(id, path) = source else { return Ok(()) };
        let FsKind::Overlay(layers) = self.fs_kind(*id)? else { return Err(Errno::EPERM) };
        let merged = kind == FileKind::Directory && self.overlay_lower_has(&layers, path)?;
        if merged { Err(Errno::EXDEV) } else { Ok(()) }
    }

    /// link(2)
    pub(super) fn link_node(&mut self, pid: HostPid, existing: &str, new: &str) -> SysResult<()> {
        let source = self.walk(pid, existing, false)?;
        let attributes = self.attributes(&source.node)?;
        if attributes.kind == FileKind::Directory || !self.may_link(pid, &attributes)? {
            return Err(Errno::EPERM);
        }
        let target = self.walk_parent(pid, new)?;
        if target.name.is_empty() || self.lookup(&target).is_ok() {
            return Err(Errno::EEXIST);
        }
        if source.mount != target.dir.mount {
            return Err(Errno::EXDEV);
        }
        self.check_entries(pid, &target.dir)?;
        let inode = self.writable(&source.node)?;
        self.enter(&target.dir.node, &target.name, inode)
    }

    /// fs.protected_hardlinks, proc_sys_fs(5): only the owner links a file that is set-user-id or that she could not read and write.
    fn may_link(&self, pid: HostPid, attributes: &Attributes) -> SysResult<bool> {
        let own = self.process(pid)?.credentials.uid == attributes.uid;
        if own || self.is_capable_over(pid, Capability::Fowner, attributes) {
            return Ok(true);
        }
        let harmless = attributes.kind == FileKind::File && attributes.mode & 0o4000 == 0 && attributes.mode & 0o2010 != 0o2010;
        Ok(harmless && self.may(pid, attributes, READ | WRITE).is_ok())
    }

    /// chmod(2)
    pub(super) fn change_mode(&mut self, pid: HostPid, path: &str, mode: u32) -> SysResult<()> {
        let place = self.owned(pid, path)?;
        let inode = self.writable(&place.node)?;
        self.inode_mut(inode)?.mode = mode & 0o7777;
        Ok(())
    }

    /// chown(2): another owner needs CAP_CHOWN, another group of one's own files only that one is in it.
    pub(super) fn change_owner(
        &mut self,
        pid: HostPid,
        path: &str,
        (uid, gid): (Option<u32>, Option<u32>),
        follow: bool,
    ) -> SysResult<()> {
        let place = self.walk(pid, path, follow)?;
        self.check_writable(&place)?;
        let attributes = self.attributes(&place.node)?;
        let ns = self.process(pid)?.namespaces.of(NamespaceKind::User);
        let outside = |id: Option<u32>, groups: bool| match id {
            Some(id) => self.id_outside(ns, id, groups).map(Some).ok_or(Errno::EINVAL),
            None => Ok(None),
        };
        let (uid, gid) = (outside(uid, false)?, outside(gid, true)?);
        let credentials = &self.process(pid)?.credentials;
        let owns = credentials.uid == attributes.uid;
        let is_member = |gid: u32| credentials.gid == gid || credentials.groups.contains(&gid);
        let keeps = uid.is_none_or(|uid| uid == attributes.uid);
        let joins = gid.is_none_or(|gid| gid == attributes.gid || is_member(gid));
        let allowed = owns && keeps && joins;
        if !allowed && !self.is_capable_over(pid, Capability::Chown, &attributes) {
            return Err(Errno::EPERM);
        }
        let inode = self.writable(&place.node)?;
        let stored = self.inode_mut(inode)?;
        stored.uid = uid.unwrap_or(stored.uid);
        stored.gid = gid.unwrap_or(stored.gid);
        // "The set-user-ID and set-group-ID mode bits are cleared": of a file that may be executed.
        if stored.kind() == FileKind::File && stored.mode & 0o111 != 0 {
            stored.mode &= if stored.mode & 0o010 != 0 { !0o6000 } else { !0o4000 };
        }
        Ok(())
    }

    /// utimensat(2) to now.
    pub(super) fn touch(&mut self, pid: HostPid, path: &str) -> SysResult<()> {
        let place = self.walk(pid, path, true)?;
        self.check_writable(&place)?;
        if self.may_node(pid, &place.node, WRITE).is_err() {
            self.owned(pid, path)?;
        }
        let now = self.realtime_seconds();
        let inode = self.writable(&place.node)?;
        self.inode_mut(inode)?.modified_seconds = now;
        Ok(())
    }

    /// EPERM unless the caller owns the file or holds CAP_FOWNER over it.
    fn owned(&self, pid: HostPid, path: &str) -> SysResult<Place> {
        let place = self.walk(pid, path, true)?;
        self.check_writable(&place)?;
        let attributes = self.attributes(&place.node)?;
        let own = self.process(pid)?.credentials.uid == attributes.uid;
        if own || self.is_capable_over(pid, Capability::Fowner, &attributes) { Ok(place) } else { Err(Errno::EPERM) }
    }
}
