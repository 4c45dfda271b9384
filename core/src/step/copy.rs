//! Steps of `cp`: files from one side to the other, or as a tar archive. What is copied where, by Docker's rules, is in
//! [`crate::copying`].

use serde::{Deserialize, Serialize};

use super::Undo;
use crate::model::ContainerId;

/// A step that copies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CopyStep {
    /// From the host into a container, or back.
    CopyFiles(CopyFiles),
    /// A tar archive of a path of a container, to stdout.
    PackArchive {
        /// What.
        from: CopyEnd,
        /// `-L`
        follow_links: bool,
    },
    /// A tar archive from stdin, into a directory of a container.
    UnpackArchive {
        /// Where to.
        to: CopyEnd,
        /// Whose the files become.
        owner: CopyOwner,
    },
}

/// Files from one side to the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CopyFiles {
    /// What.
    pub from: CopyEnd,
    /// Where to.
    pub to: CopyEnd,
    /// `-L`: a link at the end of the path is followed.
    pub follow_links: bool,
    /// Whose the copies become.
    pub owner: CopyOwner,
    /// At the end the caller is told how much was copied.
    pub told: bool,
}

/// One end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyEnd {
    /// Below the root of which container; `None`: of the host.
    pub container: Option<CopyRoot>,
    /// Absolute; a `/` or `/.` at its end has a meaning.
    pub path: String,
}

/// The root directory of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyRoot {
    /// Which.
    pub id: ContainerId,
    /// As typed.
    pub word: String,
    /// Where this command's own process has it mounted; `None`: it is that of the running container.
    pub mounted: Option<String>,
}

/// Whose a copy becomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CopyOwner {
    /// The caller's.
    Caller,
    /// That of whoever owns the original, by number.
    Kept,
    /// This user's of the container.
    User {
        /// Name or number, with a group or without.
        user: String,
    },
}

impl CopyStep {
    /// See [`super::Step::name`].
    pub fn name(&self) -> &'static str {
        match self {
            CopyStep::CopyFiles(_) => "CopyFiles",
            CopyStep::PackArchive { .. } => "PackArchive",
            CopyStep::UnpackArchive { .. } => "UnpackArchive",
        }
    }

    /// See [`super::Step::undo`].
    pub fn undo(&self) -> Undo {
        match self {
            CopyStep::PackArchive { .. } => Undo::NothingChanged,
            CopyStep::CopyFiles(_) | CopyStep::UnpackArchive { .. } => Undo::Impossible {
                why:
                    "A copy takes the place of what had its name, and nothing keeps that; what was copied so far stays, as with cp."
                        .into(),
            },
        }
    }

    /// Where to, if not to a stream.
    pub fn destination(&self) -> Option<&CopyEnd> {
        match self {
            CopyStep::CopyFiles(copy) => Some(&copy.to),
            CopyStep::UnpackArchive { to, .. } => Some(to),
            CopyStep::PackArchive { .. } => None,
        }
    }

    /// The end that is in a container.
    pub fn root(&self) -> Option<&CopyRoot> {
        let end = match self {
            CopyStep::CopyFiles(copy) if copy.from.container.is_some() => &copy.from,
            CopyStep::CopyFiles(copy) => &copy.to,
            CopyStep::PackArchive { from, .. } => from,
            CopyStep::UnpackArchive { to, .. } => to,
        };
        end.container.as_ref()
    }
}
