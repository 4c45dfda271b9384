//! `cp`: Docker's rules for what is copied where, and the copying itself, over a machine that can look at files and make them.
//!
//! ```text
//! plan: CopyStep ─▶ resolve: source, destination (looks) ─▶ paths::place: a rule of Docker's ─▶ tree: entry by entry
//! ```
//! Written once for both kernels: each is a [`Machine`]. Every path is resolved below the root of its side, so that no link in a
//! container leads out of it. Rules and texts are those of Docker's client (`cp`) and of moby's archive package.

mod archive;
mod paths;
mod refusal;
mod resolve;
mod stream;
mod tree;

use serde::{Deserialize, Serialize};

pub use archive::{ArchiveEntry, ArchiveKind, unpack_entry};
pub(crate) use paths::parent_of;
pub use paths::{absolute, joined, split_argument};
pub use refusal::Refusal;
pub use resolve::{extraction_directory, packed_source};
pub use stream::{Streams, holds_archive, pack, unpack, unpack_below};
pub use tree::{Owner, carry_out, owner_of, walk};

use crate::errno::Errno;
use crate::step::CopyEnd;
use crate::userland::FileKind;

/// Which end of the copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What is copied.
    From,
    /// Where to.
    To,
}

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// What it is; `None`: a socket, or a kind that cannot be copied.
    pub kind: Option<FileKind>,
    /// Permission bits.
    pub mode: u32,
    /// Owner, as the host numbers it.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes of a file.
    pub size_bytes: u64,
    /// Seconds and nanoseconds since 1970.
    pub modified: (i64, u32),
    /// Numbers of a device, for which the kind is that of a character device; whether it is a block device.
    pub device: Option<(u32, u32, bool)>,
}

impl Look {
    /// A directory.
    pub fn is_directory(&self) -> bool {
        self.kind == Some(FileKind::Directory)
    }
}

/// What was copied: what only the copying could tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// The directory in which it lies.
    pub directory: String,
    /// Its name there; empty: what was in a directory lies directly in this one.
    pub name: String,
    /// Files, directories and links.
    pub entries: u64,
    /// The length of the archive that Docker would have sent: a header of 512 bytes for each, and contents in blocks of 512.
    pub archive_bytes: u64,
}

/// A kernel, as far as copying needs one. A path is absolute below the root of its side. Links in the directories on the way are
/// followed within that root; one at the end is not.
pub trait Machine {
    /// lstat(2)
    fn look(&mut self, side: Side, path: &str) -> Result<Look, Errno>;
    /// The names in a directory, sorted.
    fn names(&mut self, side: Side, path: &str) -> Result<Vec<String>, Errno>;
    /// readlink(2)
    fn link_text(&mut self, side: Side, path: &str) -> Result<String, Errno>;
    /// The text of a file, links followed; empty where there is none.
    fn text(&mut self, side: Side, path: &str) -> String;
    /// unlink(2) at the destination.
    fn remove(&mut self, path: &str) -> Result<(), Errno>;
    /// mkdir(2) at the destination.
    fn make_directory(&mut self, path: &str) -> Result<(), Errno>;
    /// symlink(2) at the destination.
    fn make_link(&mut self, path: &str, target: &str) -> Result<(), Errno>;
    /// link(2) at the destination.
    fn make_hardlink(&mut self, existing: &str, path: &str) -> Result<(), Errno>;
    /// mknod(2) at the destination: what `look` says.
    fn make_node(&mut self, path: &str, look: &Look) -> Result<(), Errno>;
    /// A new file at the destination with the content of one of the source.
    fn copy_file(&mut self, from: &str, to: &str) -> Result<(), Errno>;
    /// Owner, unless it is the caller's (`None`), mode and time of what was made.
    fn adorn(&mut self, path: &str, look: &Look, owner: Option<(u32, u32)>) -> Result<(), Errno>;
}

/// The sentence of an errno as Go's library writes it.
pub(crate) fn sentence(errno: Errno) -> String {
    errno.to_string().to_lowercase()
}

/// An end in a container.
pub(crate) fn container_of(end: &CopyEnd) -> Option<&str> {
    end.container.as_ref().map(|root| root.word.as_str())
}

#[cfg(test)]
mod tests;
