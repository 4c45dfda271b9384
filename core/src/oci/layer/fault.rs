//! Why a layer is not unpacked or packed.

use std::fmt;

use crate::archive::{ArchiveError, Fault};
use crate::copying::sentence;
use crate::errno::Errno;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayerFault {
    /// The archive cannot be read, or is longer than is taken.
    Archive(Fault),
    /// The name leads out of the layer.
    Outside,
    /// The target of a hard link leads out of the layer.
    LinkOutside {
        /// As the archive has it.
        target: String,
    },
    /// A hard link to what the layer does not have.
    LinkToNothing {
        /// As the archive has it.
        target: String,
    },
    /// A whiteout that names nothing, or something below a whiteout.
    Whiteout,
    /// The top of a layer that is no directory.
    Top,
    /// A directory of the name is something else.
    Parent {
        /// Which.
        path: String,
        /// What its way led to.
        errno: Errno,
    },
    /// A type that layers do not have.
    Kind(u8),
    /// Owner or group is no number of a user.
    Owner(u64),
    /// Owner or group is outside of what the container's user namespace has.
    Unmapped(u32),
    /// A file of the directory is not whole: another layer has the rest.
    Reference {
        /// The mark that says so.
        attribute: &'static str,
    },
    /// A file is named as whiteouts are.
    Reserved,
    /// A call failed.
    Call {
        /// Which.
        call: &'static str,
        /// How.
        errno: Errno,
    },
}

/// Why a layer is not unpacked or packed, and at which entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerError {
    /// The entry, as it can be shown; empty: the archive as a whole.
    pub entry: String,
    /// What is wrong.
    pub fault: LayerFault,
}

impl LayerError {
    /// The errno that stands for it.
    pub fn errno(&self) -> Errno {
        match &self.fault {
            LayerFault::Call { errno, .. } | LayerFault::Parent { errno, .. } => *errno,
            LayerFault::Archive(Fault::Input { errno: Some(errno), .. }) => *errno,
            LayerFault::Archive(Fault::Exceeded { .. }) => Errno::EFBIG,
            LayerFault::Outside | LayerFault::LinkOutside { .. } => Errno::EXDEV,
            LayerFault::LinkToNothing { .. } => Errno::ENOENT,
            _ => Errno::EINVAL,
        }
    }
}

impl From<ArchiveError> for LayerError {
    fn from(error: ArchiveError) -> LayerError {
        LayerError { entry: error.entry, fault: LayerFault::Archive(error.fault) }
    }
}

/// A blob that cannot be read.
impl From<std::io::Error> for LayerError {
    fn from(error: std::io::Error) -> LayerError {
        LayerError { entry: String::new(), fault: LayerFault::Archive(Fault::of(&error)) }
    }
}

impl fmt::Display for LayerFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LayerFault::Archive(fault) => write!(out, "{fault}"),
            LayerFault::Outside => write!(out, "it leads out of the layer"),
            LayerFault::LinkOutside { target } => write!(out, "it is a hard link that leads out of the layer, to \"{target}\""),
            LayerFault::LinkToNothing { target } => {
                write!(out, "it is a hard link to \"{target}\", which the layer does not have (yet)")
            }
            LayerFault::Whiteout => write!(out, "it says that something is removed, and does not name it"),
            LayerFault::Top => write!(out, "the top of a layer can only be a directory"),
            LayerFault::Parent { path, errno } => write!(out, "its directory \"{path}\" is none: {}", sentence(*errno)),
            LayerFault::Kind(flag) => write!(out, "it is of type \"{}\", which layers do not have", flag.escape_ascii()),
            LayerFault::Owner(id) => write!(out, "its owner {id} is no number of a user"),
            LayerFault::Unmapped(id) => write!(out, "its owner {id} is nobody in the container's user namespace"),
            LayerFault::Reference { attribute } => write!(out, "its content is in another layer ({attribute})"),
            LayerFault::Reserved => write!(out, "its name begins with .wh., which in a layer says that something is removed"),
            LayerFault::Call { call, errno } => write!(out, "{call}: {}", sentence(*errno)),
        }
    }
}

impl fmt::Display for LayerError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry.as_str() {
            "" => write!(out, "glassbox: layer: {}", self.fault),
            entry => write!(out, "glassbox: layer: \"{entry}\": {}", self.fault),
        }
    }
}

impl std::error::Error for LayerError {}
