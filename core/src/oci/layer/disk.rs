//! What layers need of a kernel.

use std::io::{Read, Write};

use crate::archive::Attribute;
use crate::errno::Errno;

/// What lies under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// S_IFREG
    File,
    /// S_IFDIR
    Directory,
    /// S_IFLNK
    Symlink,
    /// S_IFIFO
    Fifo,
    /// S_IFSOCK
    Socket,
    /// S_IFCHR
    CharDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// S_IFBLK
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
}

impl NodeKind {
    /// How overlayfs writes that the layers below have nothing here.
    pub const WHITEOUT: NodeKind = NodeKind::CharDevice { major: 0, minor: 0 };
}

/// What lstat(2) tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// What it is.
    pub kind: NodeKind,
    /// Permission bits with set-user-id, set-group-id and sticky.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes of a file.
    pub size_bytes: u64,
    /// What it is said to be long, where it stands for another file ([`crate::modelled`]); never on Linux. 0: as long as it is.
    pub modelled_bytes: u64,
    /// Seconds and nanoseconds since 1970.
    pub modified: (i64, u32),
    /// Device and inode.
    pub identity: (u64, u64),
    /// How many names it has.
    pub links: u64,
}

/// Owner, mode, time and extended attributes of what was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Permission bits with set-user-id, set-group-id and sticky. A link has none of its own.
    pub mode: u32,
    /// Owner and group; `None`: whoever made it.
    pub owner: Option<(u32, u32)>,
    /// Seconds and nanoseconds since 1970.
    pub modified: (i64, u32),
    /// Extended attributes.
    pub extended: Vec<Attribute>,
}

/// A directory of a kernel from which a layer is read.
///
/// Paths are relative to it, without `.`, `..` and a slash at either end; the empty one is the directory itself. Links in the directories
/// on the way are followed as if it were `/` (openat2(2) with RESOLVE_IN_ROOT); what the last name is, is not followed. Nobody else changes
/// it meanwhile.
pub trait Tree {
    /// A file that is read.
    type Source: Read;

    /// lstat(2)
    fn look(&mut self, path: &[u8]) -> Result<Look, Errno>;
    /// The names in a directory, in the order of their bytes.
    fn names(&mut self, path: &[u8]) -> Result<Vec<Vec<u8>>, Errno>;
    /// readlink(2)
    fn symlink_text(&mut self, path: &[u8]) -> Result<Vec<u8>, Errno>;
    /// open(2)
    fn open(&mut self, path: &[u8]) -> Result<Self::Source, Errno>;
    /// listxattr(2), getxattr(2), in the order of their names.
    fn attributes(&mut self, path: &[u8], kind: NodeKind) -> Result<Vec<Attribute>, Errno>;
}

/// A directory of a kernel in which a layer is made.
pub trait Disk: Tree {
    /// A file that is written.
    type Sink: Write;

    /// Whether there is a directory, links followed to the end.
    fn enter(&mut self, path: &[u8]) -> Result<(), Errno>;
    /// mkdir(2)
    fn make_directory(&mut self, path: &[u8]) -> Result<(), Errno>;
    /// symlink(2)
    fn make_symlink(&mut self, path: &[u8], text: &[u8]) -> Result<(), Errno>;
    /// link(2): a link is not followed.
    fn make_hardlink(&mut self, path: &[u8], existing: &[u8]) -> Result<(), Errno>;
    /// mknod(2) of a device or a fifo.
    fn make_node(&mut self, path: &[u8], kind: NodeKind) -> Result<(), Errno>;
    /// open(2) with O_CREAT | O_EXCL.
    fn create(&mut self, path: &[u8]) -> Result<Self::Sink, Errno>;
    /// All of a file is written: this is what it gets. How many extended attributes its file system does not take.
    fn close(&mut self, path: &[u8], file: Self::Sink, attributes: &Attributes) -> Result<u64, Errno>;
    /// The same for what is no file.
    fn adorn(&mut self, path: &[u8], kind: NodeKind, attributes: &Attributes) -> Result<u64, Errno>;
    /// setxattr(2)
    fn set_attribute(&mut self, path: &[u8], name: &str, value: &[u8]) -> Result<(), Errno>;
    /// utimensat(2)
    fn set_time(&mut self, path: &[u8], modified: (i64, u32)) -> Result<(), Errno>;
    /// unlink(2), or rmdir(2) with all that is in it.
    fn remove(&mut self, path: &[u8]) -> Result<(), Errno>;
}
