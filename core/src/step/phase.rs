//! Composite steps: the engine's phases. Each has one name everywhere, in code, page and book.

use serde::{Deserialize, Serialize};

use super::{CopyStep, ImageDraft, ImportedArchive, Place, RegistryPhase};
use crate::cli::ExecProcess;
use crate::model::{Container, ContainerId, Slot};

/// A composite step. `plan::expand` says what it is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Phase {
    /// Make sure that the image's layers stand extracted.
    PrepareImage {
        /// The image's reference with tag.
        image: String,
    },
    /// A build context that is no directory of the caller's is brought to one.
    TakeContext {
        /// As progress names it.
        shown: String,
    },
    /// What an instruction of a Dockerfile comes to.
    BuildInstruction {
        /// Which.
        slot: Slot,
        /// As progress names it: `[2/3] RUN make`.
        shown: String,
    },
    /// Its result: from the cache, or made.
    FindResult {
        /// Of which instruction.
        slot: Slot,
    },
    /// What becomes of what an instruction has changed: a layer; where a program has failed, an image to look at. The next instruction
    /// need not wait for it.
    PackResult {
        /// Which instruction.
        slot: Slot,
    },
    /// What was changed becomes a layer, and stays for later builds.
    KeepLayer {
        /// Of which instruction.
        slot: Slot,
        /// Where the changes are: absolute.
        upper: String,
    },
    /// The image that a build comes to.
    ExportImage,
    /// What a build comes to is written where the caller wants it.
    ExportOutput {
        /// Which `--output`, counted from 0.
        number: u16,
        /// As progress names it.
        shown: String,
    },
    /// A cache that results are taken from. Where it cannot be read the build goes on without it.
    ImportCache {
        /// Which `--cache-from`, counted from 0.
        number: u16,
        /// As progress names it.
        shown: String,
    },
    /// The results of the build are left elsewhere.
    ExportCache {
        /// Which `--cache-to`, counted from 0.
        number: u16,
        /// As progress names it.
        shown: String,
    },
    /// What is asked of a registry.
    Registry(RegistryPhase),
    /// Directories, runtime specification, files, record.
    CreateContainer {
        /// The container as it will be recorded.
        container: Box<Container>,
    },
    /// An image of what a container changed: its changes packed, and the image put together.
    CommitContainer {
        /// Which.
        id: ContainerId,
        /// The image.
        image: Box<ImageDraft>,
        /// It stands still while its changes are packed.
        pause: bool,
    },
    /// An image of an archive of files.
    ImportImage {
        /// The archive.
        archive: ImportedArchive,
        /// The image.
        image: Box<ImageDraft>,
    },
    /// Configuration and manifest of an image whose layers are packed, its line in the index, its files extracted, its names.
    WriteImage {
        /// The image.
        image: Box<ImageDraft>,
    },
    /// From a record to a running program.
    StartContainer {
        /// Which.
        id: ContainerId,
    },
    /// The cgroup and its limits.
    PrepareCgroup {
        /// Of which container.
        id: ContainerId,
    },
    /// The bridges of its networks, and its addresses in them.
    PrepareNetworks {
        /// Of which container.
        id: ContainerId,
    },
    /// The process gets an interface in each of its networks.
    ConnectProcess {
        /// Of which container.
        id: ContainerId,
    },
    /// The container's first process, before it is isolated.
    CreateProcess {
        /// Of which container.
        id: ContainerId,
    },
    /// Namespaces, host name, loopback.
    IsolateProcess {
        /// Of which container.
        id: ContainerId,
    },
    /// Mounts, devices, the new root.
    BuildRoot {
        /// Of which container.
        id: ContainerId,
    },
    /// Masked and read-only paths.
    HidePaths {
        /// Of which container.
        id: ContainerId,
    },
    /// Capabilities, seccomp, user.
    DropPrivileges {
        /// Of which container.
        id: ContainerId,
    },
    /// Working directory and execve.
    RunProgram {
        /// Of which container.
        id: ContainerId,
    },
    /// A further process in a running container.
    ExecInContainer {
        /// In which.
        id: ContainerId,
        /// What.
        exec: Box<ExecProcess>,
    },
    /// Files in or out of a container; of one that does not run, the root is mounted for as long.
    CopyInContainer {
        /// Which.
        id: ContainerId,
        /// The copying.
        copy: Box<CopyStep>,
    },
    /// A signal, patience, then SIGKILL.
    StopContainer {
        /// Which.
        id: ContainerId,
        /// The signal's number.
        signal: i32,
        /// Seconds of patience; `None`: without end.
        timeout_seconds: Option<u64>,
    },
    /// SIGKILL, if it still runs at that moment.
    KillIfRunning {
        /// Which.
        id: ContainerId,
    },
    /// What the monitor does when the first process has ended: record, cgroup, `--rm`.
    CleanUpContainer {
        /// Which.
        id: ContainerId,
    },
    /// The next look at its health: a wait and a probe.
    CheckHealth {
        /// Of which container.
        id: ContainerId,
    },
    /// The probe: a further process in the container; nothing if it runs no more.
    RunProbe {
        /// Of which container.
        id: ContainerId,
    },
    /// After its end, if its restart policy says so: a wait, and its start.
    RestartIfWanted {
        /// Which.
        id: ContainerId,
    },
    /// Its start after the wait, if nobody has stopped it meanwhile.
    StartAgain {
        /// Which.
        id: ContainerId,
    },
    /// Its directories and its record; nothing if it is already gone.
    RemoveContainer {
        /// Which.
        id: ContainerId,
    },
}

impl Phase {
    /// Where a part of it fails, the command goes on without it.
    pub fn is_optional(&self) -> bool {
        matches!(self, Phase::ImportCache { .. })
    }

    /// See [`super::Step::place`].
    pub fn place(&self) -> Place {
        match self {
            Phase::IsolateProcess { .. }
            | Phase::BuildRoot { .. }
            | Phase::HidePaths { .. }
            | Phase::DropPrivileges { .. }
            | Phase::RunProgram { .. } => Place::Container,
            _ => Place::Engine,
        }
    }

    /// See [`super::Step::name`].
    pub fn name(&self) -> &'static str {
        match self {
            Phase::PrepareImage { .. } => "PrepareImage",
            Phase::BuildInstruction { .. } => "BuildInstruction",
            Phase::FindResult { .. } => "FindResult",
            Phase::PackResult { .. } => "PackResult",
            Phase::KeepLayer { .. } => "KeepLayer",
            Phase::ExportImage => "ExportImage",
            Phase::ExportOutput { .. } => "ExportOutput",
            Phase::ImportCache { .. } => "ImportCache",
            Phase::ExportCache { .. } => "ExportCache",
            Phase::TakeContext { .. } => "TakeContext",
            Phase::Registry(phase) => phase.name(),
            Phase::CreateContainer { .. } => "CreateContainer",
            Phase::CommitContainer { .. } => "CommitContainer",
            Phase::ImportImage { .. } => "ImportImage",
            Phase::WriteImage { .. } => "WriteImage",
            Phase::StartContainer { .. } => "StartContainer",
            Phase::PrepareCgroup { .. } => "PrepareCgroup",
            Phase::PrepareNetworks { .. } => "PrepareNetworks",
            Phase::ConnectProcess { .. } => "ConnectProcess",
            Phase::CreateProcess { .. } => "CreateProcess",
            Phase::IsolateProcess { .. } => "IsolateProcess",
            Phase::BuildRoot { .. } => "BuildRoot",
            Phase::HidePaths { .. } => "HidePaths",
            Phase::DropPrivileges { .. } => "DropPrivileges",
            Phase::RunProgram { .. } => "RunProgram",
            Phase::ExecInContainer { .. } => "ExecInContainer",
            Phase::CopyInContainer { .. } => "CopyInContainer",
            Phase::StopContainer { .. } => "StopContainer",
            Phase::KillIfRunning { .. } => "KillIfRunning",
            Phase::CleanUpContainer { .. } => "CleanUpContainer",
            Phase::CheckHealth { .. } => "CheckHealth",
            Phase::RunProbe { .. } => "RunProbe",
            Phase::RestartIfWanted { .. } => "RestartIfWanted",
            Phase::StartAgain { .. } => "StartAgain",
            Phase::RemoveContainer { .. } => "RemoveContainer",
        }
    }

    /// The container that it is about; `None` before there is one.
    pub fn container(&self) -> Option<&ContainerId> {
        match self {
            Phase::PrepareImage { .. }
            | Phase::CreateContainer { .. }
            | Phase::BuildInstruction { .. }
            | Phase::FindResult { .. }
            | Phase::PackResult { .. }
            | Phase::KeepLayer { .. }
            | Phase::ExportImage
            | Phase::ExportOutput { .. }
            | Phase::ImportCache { .. }
            | Phase::ExportCache { .. }
            | Phase::TakeContext { .. }
            | Phase::Registry(_)
            | Phase::ImportImage { .. }
            | Phase::WriteImage { .. } => None,
            Phase::StartContainer { id }
            | Phase::PrepareCgroup { id }
            | Phase::PrepareNetworks { id }
            | Phase::ConnectProcess { id }
            | Phase::CreateProcess { id }
            | Phase::IsolateProcess { id }
            | Phase::BuildRoot { id }
            | Phase::HidePaths { id }
            | Phase::DropPrivileges { id }
            | Phase::RunProgram { id }
            | Phase::ExecInContainer { id, .. }
            | Phase::CopyInContainer { id, .. }
            | Phase::CommitContainer { id, .. }
            | Phase::StopContainer { id, .. }
            | Phase::KillIfRunning { id }
            | Phase::CleanUpContainer { id }
            | Phase::CheckHealth { id }
            | Phase::RunProbe { id }
            | Phase::RestartIfWanted { id }
            | Phase::StartAgain { id }
            | Phase::RemoveContainer { id } => Some(id),
        }
    }
}
