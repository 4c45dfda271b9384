//! A directory of Linux in which a layer is made or read: its [`Disk`].
//!
//! Each path is resolved below the directory by openat2(2) with RESOLVE_IN_ROOT ([`Root`]): whatever links a layer brings along, they lead
//! nowhere else. The directory that was resolved last stays open, since what follows in an archive mostly lies beside what came before.
//! Nobody else changes the directory meanwhile: it is the engine's, and nothing runs in it yet.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use glassbox_core::archive::Attribute;
use glassbox_core::errno::Errno;
use glassbox_core::oci::layer::{Attributes, Disk, Look, NodeKind, Tree};
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{
    FchmodatFlags, FileStat, Mode, SFlag, UtimensatFlags, fchmod, fchmodat, fstatat, futimens, major, makedev, minor, mkdirat,
    mknodat, utimensat,
};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, fchown, fchownat, linkat, symlinkat};

use crate::sys::attribute;
use crate::sys::rootfs::Root;
use crate::sys::tree::remove_tree;

/// Until owner and mode are given.
const FILE_MODE: Mode = Mode::from_bits_truncate(0o600);
const DIRECTORY_MODE: Mode = Mode::from_bits_truncate(0o700);

type Answer<T> = Result<T, Errno>;

/// A directory of the machine.
#[derive(Debug)]
pub struct LayerDisk {
    root: Root,
    /// The directory that was resolved last, by its path.
    last: Option<(Vec<u8>, OwnedFd)>,
}

fn errno(answer: nix::errno::Errno) -> Errno {
    Errno(answer as i32)
}

/// Directory and name; the top is its own `.`.
fn split(path: &[u8]) -> (&[u8], &OsStr) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], OsStr::from_bytes(&path[slash + 1..])),
        None if path.is_empty() => (b"", OsStr::new(".")),
        None => (b"", OsStr::from_bytes(path)),
    }
}

impl LayerDisk {
    /// The directory at a path of the machine.
    pub fn open(path: impl AsRef<Path>) -> Answer<LayerDisk> {
        Root::open(path).map(|root| LayerDisk { root, last: None })
    }

    /// The open directory that holds the last name of `path`, and that name.
    fn parent<'p>(&mut self, path: &'p [u8]) -> Answer<(&OwnedFd, &'p OsStr)> {
        let (directory, name) = split(path);
        Ok((self.directory(directory)?, name))
    }

    fn directory(&mut self, path: &[u8]) -> Answer<&OwnedFd> {
        if self.last.as_ref().is_none_or(|(known, _)| known != path) {
            let shown: &[u8] = if path.is_empty() { b"/" } else { path };
            let fd = self.root.open_file(OsStr::from_bytes(shown), libc::O_PATH | libc::O_DIRECTORY, 0)?;
            self.last = Some((path.to_vec(), fd));
        }
        self.last.as_ref().map(|(_, fd)| fd).ok_or(Errno::ENOENT)
    }

    /// A path of the machine for calls that take no descriptor; its last name is not to be followed.
    fn pinned(&mut self, path: &[u8]) -> Answer<PathBuf> {
        let (parent, name) = self.parent(path)?;
        Ok(Path::new("/proc/self/fd").join(parent.as_raw_fd().to_string()).join(name))
    }

    /// How many are not taken by the file system, or not from this user: Docker leaves those out too.
    fn give_extended(&mut self, path: &[u8], extended: &[Attribute]) -> Answer<u64> {
        let mut left_out = 0;
        if extended.is_empty() {
            return Ok(left_out);
        }
        let path = self.pinned(path)?;
        for (name, value) in extended {
            match attribute::set(&path, name, value) {
                Err(Errno::EOPNOTSUPP | Errno::EPERM) => left_out += 1,
                answer => answer?,
            }
        }
        Ok(left_out)
    }
}

fn time(modified: (i64, u32)) -> TimeSpec {
    TimeSpec::new(modified.0, i64::from(modified.1))
}

fn mode(bits: u32) -> Mode {
    Mode::from_bits_truncate(bits)
}

fn node_kind(found: &FileStat) -> NodeKind {
    let (major, minor) = (number(major(found.st_rdev)), number(minor(found.st_rdev)));
    match SFlag::from_bits_truncate(found.st_mode & libc::S_IFMT) {
        SFlag::S_IFDIR => NodeKind::Directory,
        SFlag::S_IFLNK => NodeKind::Symlink,
        SFlag::S_IFIFO => NodeKind::Fifo,
        SFlag::S_IFSOCK => NodeKind::Socket,
        SFlag::S_IFCHR => NodeKind::CharDevice { major, minor },
        SFlag::S_IFBLK => NodeKind::BlockDevice { major, minor },
        _ => NodeKind::File,
    }
}

/// Numbers of devices have 32 bits: makedev(3).
fn number(part: u64) -> u32 {
    u32::try_from(part).unwrap_or_default()
}

impl Tree for LayerDisk {
    type Source = File;

    fn look(&mut self, path: &[u8]) -> Answer<Look> {
        let (parent, name) = self.parent(path)?;
        let found = fstatat(parent, name, AtFlags::AT_SYMLINK_NOFOLLOW).map_err(errno)?;
        Ok(Look {
            kind: node_kind(&found),
            mode: found.st_mode & 0o7777,
            uid: found.st_uid,
            gid: found.st_gid,
            size_bytes: u64::try_from(found.st_size).unwrap_or_default(),
            modelled_bytes: 0,
            modified: (found.st_mtime, u32::try_from(found.st_mtime_nsec).unwrap_or_default()),
            identity: (found.st_dev, found.st_ino),
            #[allow(clippy::useless_conversion, reason = "as wide as a register")]
            links: u64::from(found.st_nlink),
        })
    }

    fn names(&mut self, path: &[u8]) -> Answer<Vec<Vec<u8>>> {
        let pinned = self.pinned(path)?;
        let io = |error: std::io::Error| crate::sys::errno_of(&error);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(pinned).map_err(io)? {
            names.push(entry.map_err(io)?.file_name().into_vec());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn symlink_text(&mut self, path: &[u8]) -> Answer<Vec<u8>> {
        let (parent, name) = self.parent(path)?;
        nix::fcntl::readlinkat(parent, name).map(OsStringExt::into_vec).map_err(errno)
    }

    fn open(&mut self, path: &[u8]) -> Answer<File> {
        let (parent, name) = self.parent(path)?;
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        openat(parent, name, flags, Mode::empty()).map(File::from).map_err(errno)
    }

    fn attributes(&mut self, path: &[u8], _kind: NodeKind) -> Answer<Vec<Attribute>> {
        let path = self.pinned(path)?;
        let mut all = Vec::new();
        for name in attribute::names(&path)? {
            let value = attribute::get(&path, &name)?;
            all.push((name, value));
        }
        all.sort_unstable();
        Ok(all)
    }
}

impl Disk for LayerDisk {
    type Sink = File;

    fn enter(&mut self, path: &[u8]) -> Answer<()> {
        self.directory(path).map(drop)
    }

    fn make_directory(&mut self, path: &[u8]) -> Answer<()> {
        let (parent, name) = self.parent(path)?;
        mkdirat(parent, name, DIRECTORY_MODE).map_err(errno)
    }

    fn make_symlink(&mut self, path: &[u8], text: &[u8]) -> Answer<()> {
        let (parent, name) = self.parent(path)?;
        symlinkat(OsStr::from_bytes(text), parent, name).map_err(errno)
    }

    fn make_hardlink(&mut self, path: &[u8], existing: &[u8]) -> Answer<()> {
        let (directory, old) = split(existing);
        let shown: &[u8] = if directory.is_empty() { b"/" } else { directory };
        let from = self.root.open_file(OsStr::from_bytes(shown), libc::O_PATH | libc::O_DIRECTORY, 0)?;
        let (parent, name) = self.parent(path)?;
        linkat(&from, old, parent, name, AtFlags::empty()).map_err(errno)
    }

    fn make_node(&mut self, path: &[u8], kind: NodeKind) -> Answer<()> {
        let (flag, device) = match kind {
            NodeKind::Fifo => (SFlag::S_IFIFO, 0),
            NodeKind::CharDevice { major, minor } => (SFlag::S_IFCHR, makedev(u64::from(major), u64::from(minor))),
            NodeKind::BlockDevice { major, minor } => (SFlag::S_IFBLK, makedev(u64::from(major), u64::from(minor))),
            _ => return Err(Errno::EINVAL),
        };
        let mode = if kind == NodeKind::WHITEOUT { Mode::empty() } else { FILE_MODE };
        let (parent, name) = self.parent(path)?;
        mknodat(parent, name, flag, mode, device).map_err(errno)
    }

    fn create(&mut self, path: &[u8]) -> Answer<File> {
        let (parent, name) = self.parent(path)?;
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        openat(parent, name, flags, FILE_MODE).map(File::from).map_err(errno)
    }

    /// Owner, then mode: a change of owner clears the set-user-id bit and what the file is capable of, chown(2).
    fn close(&mut self, path: &[u8], file: File, attributes: &Attributes) -> Answer<u64> {
        if let Some((uid, gid)) = attributes.owner {
            fchown(&file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))).map_err(errno)?;
        }
        fchmod(&file, mode(attributes.mode)).map_err(errno)?;
        let left_out = self.give_extended(path, &attributes.extended)?;
        let modified = time(attributes.modified);
        futimens(&file, &modified, &modified).map_err(errno)?;
        Ok(left_out)
    }

    fn adorn(&mut self, path: &[u8], kind: NodeKind, attributes: &Attributes) -> Answer<u64> {
        let (parent, name) = self.parent(path)?;
        if let Some((uid, gid)) = attributes.owner {
            let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
            fchownat(parent, name, Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW).map_err(errno)?;
        }
        if kind != NodeKind::Symlink {
            fchmodat(parent, name, mode(attributes.mode), FchmodatFlags::FollowSymlink).map_err(errno)?;
        }
        let left_out = self.give_extended(path, &attributes.extended)?;
        self.set_time(path, attributes.modified)?;
        Ok(left_out)
    }

    fn set_attribute(&mut self, path: &[u8], name: &str, value: &[u8]) -> Answer<()> {
        let path = self.pinned(path)?;
        attribute::set(&path, name, value)
    }

    fn set_time(&mut self, path: &[u8], modified: (i64, u32)) -> Answer<()> {
        let (parent, name) = self.parent(path)?;
        let modified = time(modified);
        utimensat(parent, name, &modified, &modified, UtimensatFlags::NoFollowSymlink).map_err(errno)
    }

    fn remove(&mut self, path: &[u8]) -> Answer<()> {
        let (parent, name) = self.parent(path)?;
        let answer = remove_tree(&parent.as_fd(), name);
        // What was open may be what has gone.
        self.last = None;
        answer
    }
}
