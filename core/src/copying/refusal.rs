//! Why something cannot be copied, in the words of Docker's client or daemon.

use std::fmt;

use super::sentence;
use crate::errno::Errno;

/// Why something cannot be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A directory over a file.
    DirectoryOverFile,
    /// A file to a name with `/` at its end where there is no directory.
    NoSuchDirectory,
    /// The container has no such path.
    NotInContainer {
        /// The path.
        path: String,
        /// The container as typed.
        container: String,
    },
    /// The host has none.
    NotOnHost {
        /// The path, as Docker's client writes it.
        path: String,
        /// Why.
        errno: Errno,
    },
    /// The destination of an archive is no directory.
    NotExtractable {
        /// The container and the path as typed.
        typed: String,
    },
    /// The directory to extract into is none.
    ExtractionPoint,
    /// Neither a directory nor a file.
    Device {
        /// The container and the path as typed.
        typed: String,
    },
    /// A directory and something else meet.
    Clash {
        /// What is there is a directory.
        directory: bool,
        /// Where.
        path: String,
        /// The other.
        name: String,
        /// It is Docker's client that says so; else its daemon, which sees no more than the directory that it writes into.
        to_host: bool,
    },
    /// A device would be made on the host.
    DeviceOut {
        /// Where.
        path: String,
    },
    /// An entry of an archive that leads out of the directory.
    Outside {
        /// Its name.
        name: String,
        /// The directory.
        directory: String,
    },
    /// A link of an archive that leads out.
    LinkOut {
        /// `symlink`, `hardlink`
        kind: &'static str,
        /// Where it would be.
        path: String,
        /// What it says.
        target: String,
    },
    /// What is no archive.
    Archive {
        /// Why.
        why: String,
    },
    /// A call failed.
    Call {
        /// `open /etc/x`
        doing: String,
        /// How.
        errno: Errno,
    },
}

impl Refusal {
    /// A call that failed on a path.
    pub(crate) fn call(call: &str, path: &str, errno: Errno) -> Refusal {
        Refusal::Call { doing: format!("{call} {path}"), errno }
    }

    /// The errno that stands for it.
    pub fn errno(&self) -> Errno {
        match self {
            Refusal::DirectoryOverFile | Refusal::Clash { directory: false, .. } => Errno::ENOTDIR,
            Refusal::Clash { directory: true, .. } => Errno::EISDIR,
            Refusal::NoSuchDirectory | Refusal::NotInContainer { .. } => Errno::ENOENT,
            Refusal::NotExtractable { .. } | Refusal::ExtractionPoint => Errno::ENOTDIR,
            Refusal::Outside { .. } | Refusal::LinkOut { .. } => Errno::EXDEV,
            Refusal::Device { .. } | Refusal::DeviceOut { .. } | Refusal::Archive { .. } => Errno::EINVAL,
            Refusal::NotOnHost { errno, .. } | Refusal::Call { errno, .. } => *errno,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAEMON: &str = "Error response from daemon: ";
        match self {
            Refusal::DirectoryOverFile => write!(out, "cannot copy directory"),
            Refusal::NoSuchDirectory => write!(out, "no such directory"),
            Refusal::NotInContainer { path, container } => {
                write!(out, "{DAEMON}Could not find the file {path} in container {container}")
            }
            // Go's EvalSymlinks does not say where.
            Refusal::NotOnHost { errno: Errno::ENOTDIR, .. } => write!(out, "{}", sentence(Errno::ENOTDIR)),
            Refusal::NotOnHost { path, errno } => write!(out, "lstat {path}: {}", sentence(*errno)),
            Refusal::NotExtractable { typed } => write!(out, "destination \"{typed}\" must be a directory"),
            Refusal::ExtractionPoint => write!(out, "{DAEMON}extraction point is not a directory"),
            Refusal::Device { typed } => {
                write!(out, "destination \"{typed}\" must be a directory or a regular file: got a device")
            }
            Refusal::Clash { directory, path, name, to_host } => {
                let (one, other) = if *directory { ("directory", "non-directory") } else { ("non-directory", "directory") };
                let within = path.strip_prefix(name.as_str()).unwrap_or(path).trim_start_matches('/');
                let (daemon, path) = if *to_host { ("", path.as_str()) } else { (DAEMON, within) };
                write!(out, "{daemon}cannot overwrite {one} \"{path}\" with {other} \"{name}\"")
            }
            Refusal::DeviceOut { path } => write!(out, "glassbox: {path} would be a device, and none is made on the host"),
            Refusal::Outside { name, directory } => write!(out, "{DAEMON}\"{name}\" is outside of \"{directory}\""),
            Refusal::LinkOut { kind, path, target } => write!(out, "{DAEMON}invalid {kind} \"{path}\" -> \"{target}\""),
            Refusal::Archive { why } if why.starts_with("glassbox: ") => write!(out, "{why}"),
            Refusal::Archive { why } => write!(out, "{DAEMON}{why}"),
            Refusal::Call { doing, errno } => write!(out, "{doing}: {}", sentence(*errno)),
        }
    }
}
