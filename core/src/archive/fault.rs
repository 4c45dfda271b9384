//! What is wrong with an archive, and with which of its entries.

use std::fmt;
use std::io;

use crate::errno::Errno;

/// Names in errors are cut at this many characters.
const SHOWN_MAX: usize = 120;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It ends within an entry.
    Truncated,
    /// The sum in a header is not that of the header.
    Checksum,
    /// A field of a header is none.
    Header(&'static str),
    /// Records before an entry that are none.
    Extension(&'static str),
    /// A sparse file, in one of the four ways to write one.
    Sparse,
    /// More than is taken.
    Exceeded {
        /// Of what: `bytes in the archive`.
        limit: &'static str,
        /// How many are taken.
        max: u64,
    },
    /// The archive could not be read.
    Input {
        /// What the source said.
        why: String,
        /// Its number, where it was a system call.
        errno: Option<Errno>,
    },
}

impl Fault {
    /// A source that cannot be read.
    pub fn of(error: &io::Error) -> Fault {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Fault::Truncated,
            _ => Fault::Input { why: error.to_string(), errno: error.raw_os_error().map(Errno) },
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Truncated => write!(out, "the archive ends in the middle of it"),
            Fault::Checksum => write!(out, "the checksum of its header is wrong"),
            Fault::Header(field) => write!(out, "its header has no valid {field}"),
            Fault::Extension(what) => write!(out, "the pax records before it are broken: {what}"),
            Fault::Sparse => write!(out, "it is a sparse file, and those are not read (tar without --sparse writes none)"),
            Fault::Exceeded { limit, max } => write!(out, "more than {max} {limit}"),
            Fault::Input { why, .. } => write!(out, "{why}"),
        }
    }
}

/// An archive that cannot be read, or is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveError {
    /// The entry at which it is so, as it can be shown; empty: none has a name yet.
    pub entry: String,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry.as_str() {
            "" => write!(out, "{}", self.fault),
            entry => write!(out, "\"{entry}\": {}", self.fault),
        }
    }
}

impl std::error::Error for ArchiveError {}

/// A name as it can be shown: bytes that are no text, and control characters, are escaped; a long one is cut.
pub fn shown(name: &[u8]) -> String {
    let mut text = String::new();
    for (count, chunk) in name.utf8_chunks().enumerate() {
        // A name of nothing but broken bytes has as many chunks.
        if count > SHOWN_MAX {
            break;
        }
        text.extend(chunk.valid().chars().take(SHOWN_MAX + 1).flat_map(char::escape_debug));
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
