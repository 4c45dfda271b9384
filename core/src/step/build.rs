//! Steps of a build: what an instruction needs besides containers, mounts and layers.

use serde::{Deserialize, Serialize};

use super::{CallersFile, ContainerFiles, Undo};
use crate::build::transfer::Manner;
use crate::build::{Copy, Key, Lack, Miss, Remote, Repository};
use crate::model::{BuildResult, CacheMount, CacheRecord, ContainerId, Slot};
use crate::oci::image::Descriptor;

/// A step of a build.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum BuildStep {
    /// The Dockerfile was read: what an earlier build came to is no concern of this one.
    LoadDefinition {
        /// Its name.
        name: String,
        /// Its length.
        bytes: u64,
    },
    /// Read stdin, or what a URL leads to: a Dockerfile, or an archive that is the build context.
    ReadInput {
        /// It may be an archive.
        archive: bool,
        /// Where it is; `None`: on stdin.
        remote: Option<Box<Remote>>,
    },
    /// Unpack the archive that came: it is the build context.
    UnpackContext {
        /// Where to: absolute.
        path: String,
    },
    /// Write the files that the target has come to.
    WriteOutput {
        /// Which.
        files: ContainerFiles,
        /// Into a directory, or as one archive.
        directory: bool,
        /// Where to; none: to stdout.
        output: Option<CallersFile>,
    },
    /// Read the Dockerfile in a context that was brought here.
    ReadDefinition {
        /// The context: absolute.
        path: String,
        /// Its name there.
        file: String,
    },
    /// A stage begins with the layers of an image, of another stage, or with none.
    UseBase {
        /// Which stage.
        slot: Slot,
        /// As the Dockerfile names it.
        name: String,
        /// Its layers, and by what the next instruction knows it.
        base: BuildResult,
    },
    /// An instruction that is about the configuration alone: it comes into the image's configuration at the end.
    Configure {
        /// Which instruction.
        slot: Slot,
        /// As history has it.
        created_by: String,
    },
    /// Read the files that an instruction copies, for its key.
    ReadSources {
        /// Which instruction.
        slot: Slot,
        /// The number of its mount; 0: what it copies.
        mount: u16,
        /// What it copies.
        copy: Copy,
        /// Where from.
        from: FilesRoot,
        /// The text of `.dockerignore`.
        ignore: Option<String>,
    },
    /// Fetch a file that `ADD` names by its URL.
    FetchFile {
        /// What, and where from.
        remote: Remote,
        /// Where to: absolute.
        path: String,
    },
    /// Ask a git repository which commit a reference names.
    FindCommit {
        /// For what.
        place: FetchedFor,
        /// Which repository, and which reference.
        repository: Box<Repository>,
    },
    /// Fetch the files of a commit.
    FetchCommit {
        /// For what.
        place: FetchedFor,
        /// The repository.
        repository: Box<Repository>,
        /// Which commit, in full.
        commit: String,
        /// A directory that is there, and empty: absolute.
        path: String,
    },
    /// Take the result that an earlier build has left.
    UseCached {
        /// Which instruction.
        slot: Slot,
        /// The digest of its key.
        key: String,
        /// Where the record is: absolute.
        path: String,
        /// The record.
        record: Box<CacheRecord>,
    },
    /// Look for the result in vain, and say why there is none.
    MissCache {
        /// Which instruction.
        slot: Slot,
        /// All that the result depends on.
        key: Box<Key>,
        /// Why.
        why: Miss,
        /// What the caches that were imported lack.
        lacks: Vec<Lack>,
        /// Where the record would be: absolute.
        path: String,
    },
    /// Read a cache that is to be taken from: an OCI image layout, of the caller's or the store's own.
    ReadCache {
        /// Which `--cache-from`.
        number: u16,
        /// The layout's directory: absolute.
        directory: String,
        /// The manifest of the image that it came with; none: the layout has one alone.
        manifest: Option<String>,
    },
    /// Take a layer out of a cache that is a directory.
    TakeLayer {
        /// The layout's directory: absolute.
        directory: String,
        /// Which.
        digest: String,
        /// Bytes.
        size: u64,
        /// Where to: absolute.
        path: String,
    },
    /// Write a cache into a directory of the caller's.
    WriteCache {
        /// The directory, as an OCI image layout.
        output: CallersFile,
        /// Names below it, and texts: the index is the last.
        documents: Vec<(String, String)>,
        /// Layers.
        layers: Vec<Descriptor>,
        /// Where they are: absolute.
        blobs: String,
    },
    /// Copy files to their place in the new layer.
    BringFiles {
        /// What, and where to.
        copy: Copy,
        /// Where from.
        from: FilesRoot,
        /// The root that they come into.
        to: FilesRoot,
        /// The text of `.dockerignore`.
        ignore: Option<String>,
        /// Whose the copies become, and of when they are.
        manner: Manner,
    },
    /// Make the directory that `RUN --mount=type=cache` has from now on.
    MakeCacheMount {
        /// Its name below the data root.
        name: String,
        /// Where: absolute.
        directory: String,
        /// What is recorded of it.
        mount: CacheMount,
        /// Whose it is.
        owner: (u32, u32),
        /// Its permission bits.
        mode: u32,
    },
    /// Have such a directory: alone, or with others. Who cannot have it waits.
    LockCacheMount {
        /// Where it is: absolute.
        directory: String,
        /// Alone.
        alone: bool,
    },
    /// Let others have it.
    UnlockCacheMount {
        /// Where it is: absolute.
        directory: String,
    },
    /// Remove such a directory.
    RemoveCacheMount {
        /// Its name below the data root.
        name: String,
        /// Where it is: absolute.
        directory: String,
    },
    /// Write a secret of the caller's into a file that is mounted. Its value is not in the plan.
    PlaceSecret {
        /// Which.
        id: String,
        /// Where: absolute.
        path: String,
        /// Whose it is.
        owner: (u32, u32),
        /// Its permission bits.
        mode: u32,
    },
    /// Look whether the socket of the caller's agent is there.
    FindAgent {
        /// Which agent.
        id: String,
        /// Its socket; `None`: the caller has named none.
        socket: Option<String>,
    },
    /// See how the program of `RUN` has ended.
    NoteExit {
        /// Which instruction.
        slot: Slot,
        /// The container in which it ran.
        id: ContainerId,
    },
    /// The build ends here unless the program of `RUN` has ended with 0.
    CheckExit {
        /// Which instruction.
        slot: Slot,
        /// The program and its arguments.
        argv: Vec<String>,
    },
    /// rename(2): what an instruction has changed is set aside, where the next one can stand upon it while it is packed.
    SetAside {
        /// Which instruction.
        slot: Slot,
        /// The digest of its key.
        key: String,
        /// The overlay's upper directory: absolute.
        upper: String,
        /// Where to: absolute.
        directory: String,
    },
    /// Remove the directories in which a layer was made.
    RemoveWorkspace {
        /// Absolute.
        path: String,
    },
    /// Strike a result off, so that no later build takes it.
    DropResult {
        /// The digest of its key.
        key: String,
        /// Its record: absolute.
        path: String,
    },
    /// The build has come to an image: what is left to do with it is planned now.
    NoteImage {
        /// Its id.
        id: String,
    },
    /// Write what the build has come to into a file of the caller's: `--iidfile`, `--metadata-file`.
    WriteResultFile {
        /// Absolute.
        path: String,
        /// What it is, in the words of an error: `image ID file`.
        what: String,
        /// Its text.
        contents: String,
    },
    /// Keep the result for this build and for later ones.
    KeepResult {
        /// Which instruction.
        slot: Slot,
        /// The digest of its key.
        key: String,
        /// Where: absolute.
        path: String,
        /// The record.
        record: Box<CacheRecord>,
    },
}

/// For what a repository is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FetchedFor {
    /// It is the build context.
    Context,
    /// An instruction, and the number of the repository among those that it names.
    Instruction(Slot, u16),
}

/// A directory that stands for `/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesRoot {
    /// Absolute, as the machine names it.
    pub path: String,
    /// It is mounted by the process that was made to hold mounts, and nowhere else.
    pub held: bool,
}

impl BuildStep {
    /// See [`super::Step::name`].
    pub fn name(&self) -> &'static str {
        match self {
            BuildStep::LoadDefinition { .. } => "LoadDefinition",
            BuildStep::ReadInput { .. } => "ReadInput",
            BuildStep::UnpackContext { .. } => "UnpackContext",
            BuildStep::WriteOutput { .. } => "WriteOutput",
            BuildStep::ReadDefinition { .. } => "ReadDefinition",
            BuildStep::UseBase { .. } => "UseBase",
            BuildStep::Configure { .. } => "Configure",
            BuildStep::ReadSources { .. } => "ReadSources",
            BuildStep::FetchFile { .. } => "FetchFile",
            BuildStep::FindCommit { .. } => "FindCommit",
            BuildStep::FetchCommit { .. } => "FetchCommit",
            BuildStep::UseCached { .. } => "UseCached",
            BuildStep::MissCache { .. } => "MissCache",
            BuildStep::ReadCache { .. } => "ReadCache",
            BuildStep::TakeLayer { .. } => "TakeLayer",
            BuildStep::WriteCache { .. } => "WriteCache",
            BuildStep::BringFiles { .. } => "BringFiles",
            BuildStep::MakeCacheMount { .. } => "MakeCacheMount",
            BuildStep::LockCacheMount { .. } => "LockCacheMount",
            BuildStep::UnlockCacheMount { .. } => "UnlockCacheMount",
            BuildStep::RemoveCacheMount { .. } => "RemoveCacheMount",
            BuildStep::PlaceSecret { .. } => "PlaceSecret",
            BuildStep::FindAgent { .. } => "FindAgent",
            BuildStep::NoteExit { .. } => "NoteExit",
            BuildStep::CheckExit { .. } => "CheckExit",
            BuildStep::SetAside { .. } => "SetAside",
            BuildStep::RemoveWorkspace { .. } => "RemoveWorkspace",
            BuildStep::DropResult { .. } => "DropResult",
            BuildStep::NoteImage { .. } => "NoteImage",
            BuildStep::WriteResultFile { .. } => "WriteResultFile",
            BuildStep::KeepResult { .. } => "KeepResult",
        }
    }

    /// It is about what the engine knows, and asks nothing of the kernel.
    pub fn is_the_engines_own(&self) -> bool {
        matches!(
            self,
            BuildStep::LoadDefinition { .. }
                | BuildStep::UseBase { .. }
                | BuildStep::Configure { .. }
                | BuildStep::MissCache { .. }
                | BuildStep::NoteExit { .. }
                | BuildStep::NoteImage { .. }
                | BuildStep::CheckExit { .. }
        )
    }

    /// See [`super::Step::undo`].
    pub fn undo(&self) -> Undo {
        match self {
            BuildStep::LoadDefinition { .. }
            | BuildStep::ReadInput { .. }
            | BuildStep::ReadDefinition { .. }
            | BuildStep::FindCommit { .. }
            | BuildStep::ReadCache { .. }
            | BuildStep::UseBase { .. }
            | BuildStep::Configure { .. }
            | BuildStep::ReadSources { .. }
            | BuildStep::UseCached { .. }
            | BuildStep::MissCache { .. }
            | BuildStep::LockCacheMount { .. }
            | BuildStep::UnlockCacheMount { .. }
            | BuildStep::FindAgent { .. }
            | BuildStep::NoteExit { .. }
            | BuildStep::NoteImage { .. }
            | BuildStep::CheckExit { .. } => Undo::NothingChanged,
            BuildStep::WriteResultFile { .. } | BuildStep::WriteOutput { .. } => {
                Undo::LeftStanding { why: "The file is yours, and what stood in it before is gone.".into() }
            }
            BuildStep::WriteCache { .. } => {
                Undo::LeftStanding { why: "The directory is yours: what is not complete no index names.".into() }
            }
            BuildStep::TakeLayer { path, .. } => Undo::DropBlob { path: path.clone() },
            BuildStep::MakeCacheMount { directory, .. } => Undo::RemoveTree { path: directory.clone() },
            BuildStep::RemoveCacheMount { .. } => Undo::LeftStanding { why: "A build that misses it makes it again.".into() },
            BuildStep::UnpackContext { .. }
            | BuildStep::FetchFile { .. }
            | BuildStep::FetchCommit { .. }
            | BuildStep::BringFiles { .. }
            | BuildStep::PlaceSecret { .. } => Undo::EndsWithDirectory,
            BuildStep::SetAside { upper, directory, .. } => Undo::MoveBack { from: upper.clone(), directory: directory.clone() },
            BuildStep::RemoveWorkspace { .. } => Undo::LeftStanding { why: "What was made in it is packed by then.".into() },
            BuildStep::DropResult { .. } => Undo::LeftStanding { why: "A build that misses it makes it again.".into() },
            BuildStep::KeepResult { path, .. } => Undo::RemoveFile { path: path.clone() },
        }
    }
}
