//! Tar archives as streams: one reader and one writer for image layers, and the reader for `cp`.
//!
//! ```text
//! Read ─▶ Reader: headers, long names, pax records, limits ─▶ Member + its content          Member + content ─▶ Writer ─▶ Write
//! ```
//! What an archive says is a stranger's word. The reader follows Go's archive/tar, which Docker reads layers with: ustar, star, GNU long
//! names and big numbers, pax records; sparse files are refused plainly. Names are bytes, and nothing here judges where they lead:
//! that is for those who make files of them (`copying`, `oci::layer`). tar(5), pax(1), POSIX.1-2017 "ustar Interchange Format".

mod fault;
mod header;
mod name;
mod pax;
mod reader;
mod writer;

pub use fault::{ArchiveError, Fault, shown};
pub use name::inside;
pub use reader::{Limits, Reader};
pub use writer::Writer;

/// The unit of an archive: headers are as long, contents are filled up to it.
pub const BLOCK_BYTES: usize = 512;

/// A name and a value: an extended attribute, xattr(7).
pub type Attribute = (String, Vec<u8>);

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberKind {
    /// A file; its content follows.
    File,
    /// A directory.
    Directory,
    /// A symbolic link: its text is in `link`.
    Symlink,
    /// Another name for the member that is named in `link`.
    Hardlink,
    /// A named pipe.
    Fifo,
    /// A character device.
    CharDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A type that neither ustar nor GNU tar has.
    Other(u8),
}

/// What stands in an archive under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// As the archive has it, with its slashes: `./a/b`, `/a`, `a/`.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: MemberKind,
    /// Where a link leads.
    pub link: Vec<u8>,
    /// Permission bits with set-user-id, set-group-id and sticky.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Bytes of its content.
    pub size_bytes: u64,
    /// Seconds, and nanoseconds, since 1970.
    pub modified: (i64, u32),
    /// `SCHILY.xattr.NAME` records: NAME and value, as they stand.
    pub attributes: Vec<Attribute>,
}

#[cfg(test)]
mod tests;
