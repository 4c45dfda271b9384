//! COPY and ADD: which files there are for a source, what they are for a cache key, and how they come to their place. Over a
//! [`Streams`] machine with two sides, so that both kernels do the same.
//!
//! BuildKit's rules: of a directory the content is copied; a file goes into what ends with `/` or is a directory; a link that is named as
//! a source is followed within its root, links in directories stay links; missing directories are made with mode 755.

mod bring;
mod find;

pub use bring::bring;
pub(super) use find::followed;
pub use find::{find, parts};

use crate::copying::Look;
use crate::errno::Errno;

/// More files are not copied by one instruction.
pub const ENTRIES_MAX: usize = 1_000_000;

/// Whose copies become, and of when what is made on the way is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Manner {
    /// Seconds since 1970.
    pub moment_seconds: i64,
    /// What would be root's is the caller's: inside her user namespace she is root, and nobody else is there.
    pub callers: bool,
}

/// Why a source is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absence {
    /// No more is known.
    Plain,
    /// It would be outside of the root that it is looked for in.
    Outside,
    /// A line of `.dockerignore` leaves it out.
    Ignored {
        /// Counted from 1.
        line: u32,
        /// What stands there.
        pattern: String,
    },
    /// There is another one with nearly that name.
    Near {
        /// Its path, as it would be written.
        path: String,
    },
}

/// Why files cannot be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferFault {
    /// A source is not there.
    NotFound {
        /// Absolute below its root.
        path: String,
        /// Why.
        absence: Absence,
    },
    /// An archive cannot be unpacked.
    Archive {
        /// Which.
        path: String,
        /// Why.
        why: String,
    },
    /// A user or group has no number.
    NoUser {
        /// `user foo`, `group foo`
        who: String,
    },
    /// A directory is in the way of a file, or the other way round.
    Clash {
        /// Where.
        path: String,
        /// A directory is there.
        directory: bool,
    },
    /// Too many files.
    TooMany,
    /// A call failed.
    Call {
        /// On what.
        path: String,
        /// Which.
        call: &'static str,
        /// What the kernel said.
        errno: Errno,
    },
}

impl TransferFault {
    /// The errno that says the same.
    pub fn errno(&self) -> Errno {
        match self {
            TransferFault::NotFound { .. } => Errno::ENOENT,
            TransferFault::NoUser { .. } => Errno::EINVAL,
            TransferFault::Archive { .. } => Errno::EINVAL,
            TransferFault::Clash { directory: true, .. } => Errno::EISDIR,
            TransferFault::Clash { directory: false, .. } => Errno::ENOTDIR,
            TransferFault::TooMany => Errno::E2BIG,
            TransferFault::Call { errno, .. } => *errno,
        }
    }

    /// BuildKit's words, and ours in a line behind them.
    pub fn told(&self) -> String {
        match self {
            TransferFault::NotFound { absence, .. } => {
                let ours = match absence {
                    Absence::Plain => "paths are those of the build context, and nothing outside of it is seen".to_string(),
                    Absence::Outside => {
                        "../ does not lead out of the build context: name a directory further up as the context, and the \
                                         Dockerfile with -f"
                            .to_string()
                    }
                    Absence::Ignored { line, pattern } => format!("line {line} of .dockerignore leaves it out: {pattern}"),
                    Absence::Near { path } => format!("did you mean {path}?"),
                };
                format!("{self}\nglassbox: {ours}")
            }
            _ => self.to_string(),
        }
    }
}

impl std::fmt::Display for TransferFault {
    /// BuildKit's words, as far as they do not name places of its own.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TransferFault::NotFound { path, .. } => {
                write!(out, "failed to compute cache key: failed to calculate checksum of ref: {path:?}: not found")
            }
            TransferFault::Archive { path, why } => write!(out, "failed to unpack {path}: {why}"),
            TransferFault::NoUser { who } => write!(out, "unable to find {who}: invalid argument"),
            TransferFault::Clash { path, directory: true } => write!(out, "cannot replace to directory {path} with file"),
            TransferFault::Clash { path, directory: false } => write!(out, "cannot copy to non-directory: {path}"),
            TransferFault::TooMany => write!(out, "more than {ENTRIES_MAX} files"),
            TransferFault::Call { path, call, errno } => write!(out, "{call} {path}: {}", errno.sentence().to_lowercase()),
        }
    }
}

type Answer<T> = Result<T, TransferFault>;

fn failed(call: &'static str, path: &str) -> impl Fn(Errno) -> TransferFault {
    move |errno| TransferFault::Call { path: path.to_string(), call, errno }
}

/// Something to be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is, below the root of its side.
    pub path: String,
    /// Its path within the directory that was named; empty: that directory itself, or a file that was named.
    pub inside: String,
    /// What it is.
    pub look: Look,
}

/// What a source holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Its last name, as it was written.
    pub name: String,
    /// With `--parents`, the directories that are made for it: where they are, and their path from there.
    pub above: (String, String),
    /// Itself first, a directory before what is in it.
    pub entries: Vec<Entry>,
}
