//! Files below two roots.

use std::fs::{self, DirBuilder, File, FileTimes, Metadata, OpenOptions, Permissions};
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, lchown, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use glassbox_core::copying::{Look, Machine, Side, Streams};
use glassbox_core::errno::Errno;
use glassbox_core::userland::FileKind;

use crate::sys;
use crate::sys::mount::Node;
use crate::sys::rootfs::{Entry, Root};

/// Of a text that is looked into; a longer one is cut.
const TEXT_BYTES_MAX: u64 = 1 << 20;
/// Until mode and owner are given.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// Two sides of one machine.
#[derive(Debug)]
pub struct Disk {
    from: Root,
    to: Root,
}

type Answer<T> = Result<T, Errno>;

fn answer<T>(result: std::io::Result<T>) -> Answer<T> {
    result.map_err(|error| sys::errno_of(&error))
}

impl Disk {
    /// What is copied lies below `from`, and goes below `to`.
    pub fn new(from: Root, to: Root) -> Disk {
        Disk { from, to }
    }

    fn entry(&self, side: Side, path: &str) -> Answer<Entry> {
        match side {
            Side::From => self.from.entry(path),
            Side::To => self.to.entry(path),
        }
    }
}

impl Streams for Disk {
    type Source = File;
    type Sink = File;

    /// Without waiting for the other end of a pipe.
    fn open(&mut self, path: &str) -> Answer<File> {
        let entry = self.entry(Side::From, path)?;
        answer(OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(entry.path()))
    }

    fn create(&mut self, path: &str) -> Answer<File> {
        let entry = self.entry(Side::To, path)?;
        answer(OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(entry.path()))
    }

    fn close(&mut self, _path: &str, _file: File) -> Answer<()> {
        Ok(())
    }
}

/// What lstat(2) tells.
fn look(metadata: &Metadata) -> Look {
    let file_type = metadata.file_type();
    let is_device = file_type.is_char_device() || file_type.is_block_device();
    let kind = match () {
        () if file_type.is_file() => Some(FileKind::File),
        () if file_type.is_dir() => Some(FileKind::Directory),
        () if file_type.is_symlink() => Some(FileKind::Symlink),
        () if is_device => Some(FileKind::CharDevice),
        () if file_type.is_fifo() => Some(FileKind::Fifo),
        () => None,
    };
    let numbers = |device: u64| (libc::major(device), libc::minor(device), file_type.is_block_device());
    Look {
        kind,
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
        size_bytes: metadata.len(),
        modified: (metadata.mtime(), u32::try_from(metadata.mtime_nsec()).unwrap_or_default()),
        device: is_device.then(|| numbers(metadata.rdev())),
    }
}

impl Machine for Disk {
    fn look(&mut self, side: Side, path: &str) -> Answer<Look> {
        answer(fs::symlink_metadata(self.entry(side, path)?.path())).map(|metadata| look(&metadata))
    }

    fn names(&mut self, side: Side, path: &str) -> Answer<Vec<String>> {
        let mut names = Vec::new();
        for entry in answer(fs::read_dir(self.entry(side, path)?.path()))? {
            names.push(answer(entry)?.file_name().into_string().map_err(|_| Errno::EINVAL)?);
        }
        names.sort_unstable();
        Ok(names)
    }

    fn link_text(&mut self, side: Side, path: &str) -> Answer<String> {
        let text = answer(fs::read_link(self.entry(side, path)?.path()))?;
        text.into_os_string().into_string().map_err(|_| Errno::EINVAL)
    }

    fn text(&mut self, side: Side, path: &str) -> String {
        let root = if side == Side::From { &self.from } else { &self.to };
        let mut bytes = Vec::new();
        let file = root.open_file(path, libc::O_RDONLY | libc::O_NONBLOCK, 0).map(File::from);
        // What cannot be read has no text.
        let _ = file.map(|file| file.take(TEXT_BYTES_MAX).read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn remove(&mut self, path: &str) -> Answer<()> {
        answer(fs::remove_file(self.entry(Side::To, path)?.path()))
    }

    fn make_directory(&mut self, path: &str) -> Answer<()> {
        answer(DirBuilder::new().mode(DIRECTORY_MODE).create(self.entry(Side::To, path)?.path()))
    }

    fn make_link(&mut self, path: &str, target: &str) -> Answer<()> {
        answer(symlink(target, self.entry(Side::To, path)?.path()))
    }

    fn make_hardlink(&mut self, existing: &str, path: &str) -> Answer<()> {
        let (existing, new) = (self.entry(Side::To, existing)?, self.entry(Side::To, path)?);
        answer(fs::hard_link(existing.path(), new.path()))
    }

    fn make_node(&mut self, path: &str, look: &Look) -> Answer<()> {
        let node = match (look.kind, look.device) {
            (Some(FileKind::Fifo), _) => Node::Fifo,
            (_, Some((major, minor, false))) => Node::CharDevice { major, minor },
            (_, Some((major, minor, true))) => Node::BlockDevice { major, minor },
            _ => return Err(Errno::EOPNOTSUPP),
        };
        self.to.create_node(path, node, FILE_MODE)
    }

    fn copy_file(&mut self, from: &str, to: &str) -> Answer<()> {
        let mut source = self.open(from)?;
        let mut copy = self.create(to)?;
        answer(std::io::copy(&mut source, &mut copy)).map(drop)
    }

    /// Owner, then mode: a change of owner clears the set-user-id bit, chown(2). A link has no mode of its own.
    fn adorn(&mut self, path: &str, look: &Look, owner: Option<(u32, u32)>) -> Answer<()> {
        let entry = self.entry(Side::To, path)?;
        let path = entry.path();
        let now = answer(fs::symlink_metadata(&path))?;
        if let Some((uid, gid)) = owner.filter(|owner| *owner != (now.uid(), now.gid())) {
            answer(lchown(&path, Some(uid), Some(gid)))?;
        }
        match () {
            () if now.is_file() || now.is_dir() => give_mode_and_time(&path, look),
            () if now.file_type().is_symlink() => Ok(()),
            () => answer(fs::set_permissions(&path, Permissions::from_mode(look.mode))),
        }
    }
}

/// By a descriptor: the name could become a link meanwhile.
fn give_mode_and_time(path: &Path, look: &Look) -> Answer<()> {
    let file = answer(OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path))?;
    answer(file.set_permissions(Permissions::from_mode(look.mode)))?;
    let (seconds, nanoseconds) = look.modified;
    let since = Duration::new(seconds.unsigned_abs(), nanoseconds);
    let modified = if seconds < 0 { SystemTime::UNIX_EPOCH.checked_sub(since) } else { SystemTime::UNIX_EPOCH.checked_add(since) };
    let times = FileTimes::new().set_modified(modified.ok_or(Errno::EINVAL)?);
    answer(file.set_times(times))
}
