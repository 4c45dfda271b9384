//! What builds leave behind for later ones, and what the build at hand has come to so far.

use rpds::RedBlackTreeMap;
use serde::{Deserialize, Serialize};

use super::Layer;
use crate::build::key::{Key, Part};
use crate::build::{ImportedCache, TakenInput};

/// What a directory of changes was packed into.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedLayer {
    /// The layer; `None`: nothing was changed.
    pub layer: Option<Layer>,
    /// The directory is what the layer would be extracted to: it can take its place.
    pub whole: bool,
}

/// The place of an instruction: 0 is a stage's `FROM`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot {
    /// Counted from 0.
    pub stage: u16,
    /// Counted from 1.
    pub instruction: u16,
}

/// The result of an instruction, as the cache keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheRecord {
    /// What it depended on. The record is known by the digest of that.
    pub key: Key,
    /// Its layer; `None`: it changed no file.
    pub layer: Option<Layer>,
    /// When it was made: nanoseconds since 1970.
    pub created_ns: u64,
}

/// A directory that `RUN --mount=type=cache` has from build to build.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheMount {
    /// By which builds find it: its `id`.
    pub id: String,
    /// When it was made: nanoseconds since 1970.
    pub created_ns: u64,
}

/// A program of `RUN` that did not end with 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedProgram {
    /// Of which instruction.
    pub slot: Slot,
    /// How it ended.
    pub exit_code: i32,
}

/// What an instruction of the build at hand has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildResult {
    /// By what the next instruction knows it: the digest of its key.
    pub key: String,
    /// What it adds; of `FROM`, all that the base has.
    pub layers: Vec<Layer>,
    /// When it was made: nanoseconds since 1970.
    pub created_ns: u64,
}

/// The build at hand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Building {
    /// By instruction. Of one whose changes are not packed yet the layer is where they are: [`Layer::aside`].
    pub results: RedBlackTreeMap<Slot, BuildResult>,
    /// Directories in which changes were set aside, so that the next instruction can stand upon them before they are packed.
    pub aside: RedBlackTreeMap<Slot, String>,
    /// Whose changes another process packs meanwhile.
    pub packed_elsewhere: Option<Slot>,
    /// The files that an instruction copies (0), or mounts (from 1), as its key has them.
    pub files: RedBlackTreeMap<(Slot, u16), Vec<Part>>,
    /// The commits that were found: by instruction, and the number of the repository there.
    pub commits: RedBlackTreeMap<(Slot, u16), String>,
    /// The program that failed.
    pub failed: Option<FailedProgram>,
    /// The image that it has come to, where something is left to do with it.
    pub image: Option<String>,
    /// Caches that it may take from, by the number of their `--cache-from`.
    pub imported: RedBlackTreeMap<u16, ImportedCache>,
    /// What it was given from stdin or from a URL.
    pub taken: TakenInput,
}
