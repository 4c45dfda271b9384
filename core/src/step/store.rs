//! Steps on files under the data root and on the engine's records.

use serde::{Deserialize, Serialize};

use super::Undo;
use crate::model::{Container, ContainerId, Endpoint, SignalReason, Volume};

/// A step in the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum StoreStep {
    /// Write the files of a layer below a new directory.
    ExtractLayer {
        /// The image it belongs to.
        image: String,
        /// Which layer.
        diff_id: String,
        /// The blob that holds its archive: absolute; none: it is the one that is part of the program.
        blob: Option<String>,
        /// Where to: absolute.
        directory: String,
        /// It was packed here, by this command: no stranger's, which could be a bomb.
        #[serde(default)]
        own: bool,
    },
    /// rename(2): the directory in which a layer was made becomes the layer's. Nothing is copied. A link to it takes its place: whoever
    /// stands upon it already finds it.
    KeepDirectory {
        /// The overlay's upper directory: absolute.
        from: String,
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
    /// A file of the engine's anew: the one that was there loses its name, whoever may write to it.
    RewriteFile {
        /// Absolute.
        path: String,
        /// Permission bits.
        mode: u32,
        /// Its content.
        contents: String,
    },
    /// Take lines out of a file of the engine's and add others at its end, in the file as it is: whoever has it mounted sees it at once,
    /// and what else stands in it stays.
    EditLines {
        /// Absolute.
        path: String,
        /// Lines that go, wherever they stand.
        remove: Vec<String>,
        /// Lines that come.
        add: Vec<String>,
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
    /// Write down what it has of a network: its addresses are nobody else's from then on.
    RecordEndpoint {
        /// Which container.
        id: ContainerId,
        /// The network's id.
        network: String,
        /// What it has there.
        endpoint: Box<Endpoint>,
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
    /// Write down what a probe of its health has shown.
    RecordProbe {
        /// Which.
        id: ContainerId,
    },
    /// Write down which signal is about to be sent, and why, for the monitor: wait(2) tells it how the process ended, and not who wanted
    /// that. A file of the container's directory, written over by the next.
    NoteSignal {
        /// To which container.
        id: ContainerId,
        /// Absolute.
        path: String,
        /// The signal's number.
        signal: i32,
        /// Why it is sent.
        reason: SignalReason,
    },
    /// Write down that somebody wants it to end: its restart policy rests until the next start.
    RecordStopAsked {
        /// Which.
        id: ContainerId,
    },
    /// Write down that it is not started again: somebody has stopped it while it waited for that.
    RecordRestartCancelled {
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
    /// mkdir(2) of a directory of the host that `-v` names and that is missing, with its missing parents: dockerd does it at the start of
    /// a container. The only step that changes the host outside of the data root.
    CreateSource {
        /// Absolute.
        path: String,
        /// Permission bits.
        mode: u32,
    },
    /// A new file of the caller's with a container's id in it: `--cidfile`. Never over one that is there.
    WriteIdFile {
        /// Absolute.
        path: String,
        /// The id.
        contents: String,
    },
    /// A new volume: its directory with `_data` in it, and its record.
    CreateVolume {
        /// As it is recorded.
        volume: Box<Volume>,
        /// Its directory: absolute.
        directory: String,
    },
    /// Copy what the image has at a path into a volume, with owners and modes. A volume with something in it is left alone, and so is
    /// one for whose path the image has no directory.
    FillVolume {
        /// Which.
        name: String,
        /// The image's layers, the topmost first.
        layers: Vec<String>,
        /// The path in the image.
        path: String,
        /// The volume's files: absolute.
        directory: String,
        /// The directory below them that is mounted; empty: the whole.
        #[serde(default)]
        subpath: String,
        /// Another container has it, or it is a directory of the host: what is in it could be somebody else's.
        used: bool,
    },
    /// Make a new container's working directory in its own layer, with its missing parents: what the image lacks of it. dockerd does it
    /// when the container is made (moby container/container.go, SetupWorkingDirectory).
    MakeWorkingDirectory {
        /// The image's layers, the topmost first.
        layers: Vec<String>,
        /// The container's own layer, empty still: absolute.
        upper: String,
        /// Where the layers will be mounted.
        merged: String,
        /// As asked for.
        path: String,
    },
    /// Count the bytes in the files below a directory that is about to go: of a file with several names once, of a link its text.
    MeasureDirectory {
        /// Absolute.
        path: String,
    },
    /// Remove a volume and all in it; strike it off the record.
    RemoveVolume {
        /// Which.
        name: String,
        /// Its directory: absolute.
        directory: String,
    },
}

impl StoreStep {
    /// The container whose state it writes down.
    pub fn records(&self) -> Option<&ContainerId> {
        match self {
            StoreStep::RecordStart { id }
            | StoreStep::RecordEndpoint { id, .. }
            | StoreStep::RecordPause { id, .. }
            | StoreStep::RecordExit { id }
            | StoreStep::RecordProbe { id }
            | StoreStep::RecordStopAsked { id }
            | StoreStep::RecordRestartCancelled { id }
            | StoreStep::RecordFailure { id, .. } => Some(id),
            _ => None,
        }
    }

    /// See [`super::Step::name`].
    pub fn name(&self) -> &'static str {
        match self {
            StoreStep::ExtractLayer { .. } => "ExtractLayer",
            StoreStep::KeepDirectory { .. } => "KeepDirectory",
            StoreStep::CreateDirectory { .. } => "CreateDirectory",
            StoreStep::WriteFile { .. } => "WriteFile",
            StoreStep::RewriteFile { .. } => "RewriteFile",
            StoreStep::EditLines { .. } => "EditLines",
            StoreStep::RecordContainer { .. } => "RecordContainer",
            StoreStep::ReplaceRecord { .. } => "ReplaceRecord",
            StoreStep::RecordStart { .. } => "RecordStart",
            StoreStep::RecordEndpoint { .. } => "RecordEndpoint",
            StoreStep::RecordPause { .. } => "RecordPause",
            StoreStep::RecordExit { .. } => "RecordExit",
            StoreStep::RecordProbe { .. } => "RecordProbe",
            StoreStep::NoteSignal { .. } => "NoteSignal",
            StoreStep::RecordStopAsked { .. } => "RecordStopAsked",
            StoreStep::RecordRestartCancelled { .. } => "RecordRestartCancelled",
            StoreStep::RecordFailure { .. } => "RecordFailure",
            StoreStep::RemoveContainerFiles { .. } => "RemoveContainerFiles",
            StoreStep::CreateSource { .. } => "CreateSource",
            StoreStep::WriteIdFile { .. } => "WriteIdFile",
            StoreStep::CreateVolume { .. } => "CreateVolume",
            StoreStep::FillVolume { .. } => "FillVolume",
            StoreStep::MakeWorkingDirectory { .. } => "MakeWorkingDirectory",
            StoreStep::MeasureDirectory { .. } => "MeasureDirectory",
            StoreStep::RemoveVolume { .. } => "RemoveVolume",
        }
    }

    /// See [`super::Step::undo`].
    pub fn undo(&self) -> Undo {
        match self {
            StoreStep::KeepDirectory { from, directory, .. } => Undo::MoveBack { from: from.clone(), directory: directory.clone() },
            StoreStep::ExtractLayer { directory: path, .. }
            | StoreStep::CreateDirectory { path, .. }
            | StoreStep::CreateVolume { directory: path, .. } => Undo::RemoveTree { path: path.clone() },
            StoreStep::WriteFile { path, .. } | StoreStep::RecordContainer { path, .. } => Undo::RemoveFile { path: path.clone() },
            StoreStep::EditLines { path, remove, add } => {
                Undo::EditLines { path: path.clone(), remove: add.clone(), add: remove.clone() }
            }
            StoreStep::RewriteFile { .. } => Undo::LeftStanding { why: "The next start writes it anew, whatever is in it.".into() },
            StoreStep::ReplaceRecord { before, path, .. } => Undo::RestoreRecord { container: before.clone(), path: path.clone() },
            StoreStep::RecordEndpoint { id, network, .. } => Undo::ReleaseEndpoint { id: id.clone(), network: network.clone() },
            StoreStep::RecordPause { id, paused } => Undo::RestorePause { id: id.clone(), paused: !paused },
            StoreStep::RecordStart { .. } => Undo::EndsWithProcess,
            StoreStep::RecordProbe { .. } => Undo::LeftStanding { why: "It tells what was seen, and that has been seen.".into() },
            StoreStep::NoteSignal { .. } => {
                Undo::LeftStanding { why: "Nobody reads it but where that signal has ended the container.".into() }
            }
            StoreStep::RecordStopAsked { .. } => {
                Undo::LeftStanding { why: "It is what somebody wished, and the next start takes it back.".into() }
            }
            StoreStep::RecordExit { .. } | StoreStep::RecordRestartCancelled { .. } | StoreStep::RecordFailure { .. } => {
                Undo::Impossible { why: "The process has ended, and no process can be brought back.".into() }
            }
            StoreStep::WriteIdFile { path, contents } => Undo::RemoveOwnFile { path: path.clone(), contents: contents.clone() },
            StoreStep::CreateSource { .. } => Undo::LeftStanding {
                why: "It is a directory of the host, where Glassbox removes nothing: somebody else may use it by now.".into(),
            },
            StoreStep::MakeWorkingDirectory { upper, .. } => Undo::EmptyDirectory { path: upper.clone() },
            StoreStep::FillVolume { used: false, directory, .. } => Undo::EmptyDirectory { path: directory.clone() },
            StoreStep::FillVolume { .. } => Undo::LeftStanding {
                why: "Another container has the volume, or it is the host's: what is in it could be somebody else's.".into(),
            },
            StoreStep::MeasureDirectory { .. } => Undo::NothingChanged,
            StoreStep::RemoveContainerFiles { .. } | StoreStep::RemoveVolume { .. } => {
                Undo::Impossible { why: "The files are deleted; nothing keeps a copy of them.".into() }
            }
        }
    }
}
