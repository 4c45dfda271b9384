//! Steps on files under the data root and on the engine's records.

use serde::{Deserialize, Serialize};

use super::Undo;
use crate::model::{Container, ContainerId};

/// A step in the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum StoreStep {
    /// Write the files of a layer below a new directory.
    ExtractLayer {
        /// The image it belongs to.
        image: String,
        /// Which layer.
        diff_id: String,
        /// Where to: absolute.
        directory: String,
    },
    /// mkdir(2), with the missing parents.
    CreateDirectory {
        /// Absolute.
        path: String,
        /// Permission bits.
        mode: u32,
    },
    /// A new file with this content.
    WriteFile {
        /// Absolute.
        path: String,
        /// Permission bits.
        mode: u32,
        /// Its content.
        contents: String,
    },
    /// Write down a new container.
    RecordContainer {
        /// As it is recorded.
        container: Box<Container>,
        /// Where to: absolute path of `state.json`.
        path: String,
    },
    /// Write down a container anew: everything but its state, which is its monitor's. What is on record at that moment keeps its state.
    ReplaceRecord {
        /// As it will be recorded.
        container: Box<Container>,
        /// As it is recorded before.
        before: Box<Container>,
        /// Absolute path of `state.json`.
        path: String,
    },
    /// Write down that it runs: with the pid and time that execution knows.
    RecordStart {
        /// Which.
        id: ContainerId,
    },
    /// Write down that its processes are frozen, or not any more.
    RecordPause {
        /// Which.
        id: ContainerId,
        /// Frozen.
        paused: bool,
    },
    /// Write down how it ended: with the status and time that execution knows.
    RecordExit {
        /// Which.
        id: ContainerId,
    },
    /// Write down why it could not be started.
    RecordFailure {
        /// Which.
        id: ContainerId,
        /// Docker's exit code.
        exit_code: i32,
        /// Docker's words.
        error: String,
    },
    /// Remove a directory and all in it; strike the container off the record.
    RemoveContainerFiles {
        /// Which.
        id: ContainerId,
        /// Its directory: absolute.
        directory: String,
    },
}

impl StoreStep {
    /// See [`super::Step::name`].
    pub fn name(&self) -> &'static str {
        match self {
            StoreStep::ExtractLayer { .. } => "ExtractLayer",
            StoreStep::CreateDirectory { .. } => "CreateDirectory",
            StoreStep::WriteFile { .. } => "WriteFile",
            StoreStep::RecordContainer { .. } => "RecordContainer",
            StoreStep::ReplaceRecord { .. } => "ReplaceRecord",
            StoreStep::RecordStart { .. } => "RecordStart",
            StoreStep::RecordPause { .. } => "RecordPause",
            StoreStep::RecordExit { .. } => "RecordExit",
            StoreStep::RecordFailure { .. } => "RecordFailure",
            StoreStep::RemoveContainerFiles { .. } => "RemoveContainerFiles",
        }
    }

    /// See [`super::Step::undo`].
    pub fn undo(&self) -> Undo {
        match self {
            StoreStep::ExtractLayer { directory: path, .. } | StoreStep::CreateDirectory { path, .. } => {
                Undo::RemoveTree { path: path.clone() }
            }
            StoreStep::WriteFile { path, .. } | StoreStep::RecordContainer { path, .. } => Undo::RemoveFile { path: path.clone() },
            StoreStep::ReplaceRecord { before, path, .. } => Undo::RestoreRecord { container: before.clone(), path: path.clone() },
            StoreStep::RecordPause { id, paused } => Undo::RestorePause { id: id.clone(), paused: !paused },
            StoreStep::RecordStart { .. } => Undo::EndsWithProcess,
            StoreStep::RecordExit { .. } | StoreStep::RecordFailure { .. } => {
                Undo::Impossible { why: "The process has ended, and no process can be brought back.".into() }
            }
            StoreStep::RemoveContainerFiles { .. } => {
                Undo::Impossible { why: "The files are deleted; nothing keeps a copy of them.".into() }
            }
        }
    }
}
