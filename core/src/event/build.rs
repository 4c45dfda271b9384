//! What became known of a build: what its instructions came to, and what its cache keeps.

use serde::{Deserialize, Serialize};

use crate::build::{Definition, ImportedCache, InputSeen, Part};
use crate::model::{BuildResult, CacheMount, CacheRecord, FailedProgram, Slot};
use crate::step::FetchedFor;

/// A fact about a build.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum BuildEvent {
    /// A build has begun.
    Begun,
    /// What the caller gave on stdin was read.
    InputRead {
        /// What it is.
        seen: InputSeen,
    },
    /// A build context was brought to a directory.
    ContextTaken {
        /// Which.
        directory: String,
        /// Files, directories and links in it.
        entries: u64,
    },
    /// It is known which commit a reference names.
    CommitFound {
        /// For what.
        place: FetchedFor,
        /// In full.
        commit: String,
    },
    /// The Dockerfile in that context was read.
    DefinitionRead {
        /// The file.
        definition: Definition,
    },
    /// The files that an instruction copies were read.
    SourcesRead {
        /// Which instruction.
        slot: Slot,
        /// The number of its mount; 0: what it copies.
        mount: u16,
        /// What they are, for its key.
        parts: Vec<Part>,
    },
    /// It is known what an instruction comes to.
    InstructionDone {
        /// Which.
        slot: Slot,
        /// To what.
        result: Box<BuildResult>,
    },
    /// What an instruction has changed lies in a directory of its own: the next one can stand upon it.
    ChangesSetAside {
        /// Of which instruction.
        slot: Slot,
        /// The digest of its key.
        key: String,
        /// Where: absolute.
        directory: String,
    },
    /// No earlier build has left its result.
    ResultMissed {
        /// Of which instruction.
        slot: Slot,
        /// The digest of its key.
        key: String,
    },
    /// Files were copied to their place.
    FilesBrought {
        /// Where to.
        destination: String,
        /// Files, directories and links that were made.
        entries: u64,
    },
    /// A program has ended, and not with 0.
    ProgramFailed {
        /// Of which instruction, and how.
        failed: FailedProgram,
    },
    /// It is known which image the build has come to.
    ImageNoted {
        /// Its id.
        id: String,
    },
    /// There is a new directory for caches.
    CacheMountMade {
        /// Its name below the data root.
        name: String,
        /// What is known of it.
        mount: CacheMount,
    },
    /// One is gone.
    CacheMountRemoved {
        /// Its name below the data root.
        name: String,
    },
    /// A cache was read.
    CacheRead {
        /// What it has.
        cache: Box<ImportedCache>,
    },
    /// The directories in which a layer was made are gone.
    WorkspaceRemoved {
        /// Which.
        path: String,
    },
    /// A result is off the record.
    ResultDropped {
        /// The digest of its key.
        key: String,
    },
    /// A result is on record.
    ResultKept {
        /// The digest of its key.
        key: String,
        /// The record.
        record: Box<CacheRecord>,
    },
}

impl BuildEvent {
    /// How long a compressed layer is depends on the times in it.
    pub(super) fn normalise(&mut self) {
        match self {
            BuildEvent::InstructionDone { result, .. } => {
                result.created_ns = 0;
                // Of a base its sizes are those of its blobs, as long as nothing is extracted.
                result.layers.iter_mut().for_each(|layer| (layer.blob_bytes, layer.size_bytes) = (0, 0));
            }
            BuildEvent::CacheMountMade { mount, .. } => mount.created_ns = 0,
            BuildEvent::ResultKept { record, .. } => {
                record.created_ns = 0;
                record.layer.iter_mut().for_each(super::image::normalise_layer);
            }
            _ => {}
        }
    }
}
