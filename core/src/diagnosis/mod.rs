//! The real cause behind an errno: which element of a path it was, what is wrong with a program.
//!
//! ```text
//! errno ─▶ path::fault     which element is missing, a file, a loop, closed to this user
//!       └▶ program::fault  interpreter (#!), loader and machine (ELF header), mode bits, mount
//! ```
//! Asked for after a call has failed, with the files as whoever failed sees them; nothing is changed. Both kernels bring their own
//! [`Files`]. What is said is what was found: where nothing is found, nothing is said.

pub mod busy;
pub mod elf;
pub mod path;
pub mod program;
pub mod steps;

use serde::{Deserialize, Serialize};

use crate::errno::Errno;
use crate::userland::FileKind;

/// Files as somebody sees them: her root, her working directory, her permissions.
pub trait Files {
    /// lstat(2): a link at the end is not followed.
    fn look(&self, path: &str) -> Result<Seen, Errno>;
    /// stat(2): links are followed.
    fn stat(&self, path: &str) -> Result<Seen, Errno>;
    /// Up to `length` bytes from `offset` on; links are followed.
    fn read(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, Errno>;
    /// access(2) X_OK with the effective ids; links are followed.
    fn may_execute(&self, path: &str) -> Result<(), Errno>;
    /// It lies on a mount with `noexec`.
    fn is_on_noexec(&self, path: &str) -> bool;
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What it is.
    pub kind: FileKind,
    /// Permission bits.
    pub mode: u32,
    /// Its owner, as the looking process sees it.
    pub uid: u32,
    /// What a symbolic link says.
    pub link: Option<String>,
}

/// A cause, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// What was found: no capital, no full stop.
    pub what: String,
    /// What to do; empty: nothing follows from it.
    #[serde(default)]
    pub advice: String,
}

impl Diagnosis {
    /// Of two texts.
    pub fn new(what: impl Into<String>, advice: impl Into<String>) -> Diagnosis {
        Diagnosis { what: what.into(), advice: advice.into() }
    }
}

/// What is known of a failure besides its errno.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Why Docker's runtime does not find the program.
    pub refusal: Option<program::Refusal>,
    /// The cause.
    pub diagnosis: Option<Diagnosis>,
}

/// What a file is, in words.
fn kind_name(kind: FileKind) -> &'static str {
    match kind {
        FileKind::File => "a file",
        FileKind::Directory => "a directory",
        FileKind::Symlink => "a symbolic link",
        FileKind::CharDevice | FileKind::BlockDevice => "a device",
        FileKind::Fifo => "a named pipe",
    }
}

#[cfg(test)]
mod tests;
