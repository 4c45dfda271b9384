//! `Step`: one explainable, undoable action, by domain. A closed enum: whoever matches on it must treat every step.
//!
//! A leaf step holds everything that execution needs: a kernel does what it says or fails, and decides nothing. A [`Phase`] is a
//! composite: `plan::expand` turns it into smaller steps with the state at that moment; that is "step into".
//!
//! Where it happens ([`Place`]): the engine's own process, or the process that becomes the container (after `CloneProcess`).

mod alongside;
mod build;
mod cgroup;
mod client;
mod copy;
mod image;
mod mount;
mod network;
mod packing;
mod phase;
mod privilege;
mod process;
mod registry;
mod store;
mod undo;

use serde::{Deserialize, Serialize};

pub mod samples;

pub use build::{BuildStep, FetchedFor, FilesRoot};
pub use cgroup::{CgroupStep, CpuShares, Limit, freezer_word};
pub use client::{ClientStep, LogView, StatsView};
pub use copy::{CopyEnd, CopyFiles, CopyOwner, CopyRoot, CopyStep};
pub use image::{BlobContent, CallersFile, ImageStep};
pub use mount::{MountFlags, MountStep, SourceMount};
pub use network::{NetworkPlace, NetworkStep};
pub use packing::{Added, AddedLayer, ContainerFiles, ImageDraft, ImportedArchive, PackedDirectory};
pub use phase::Phase;
pub use privilege::PrivilegeStep;
pub use process::{NamespaceKind, ProcessStep};
pub use registry::{PasswordSource, RegistryPhase, RegistryStep};
pub use store::StoreStep;
pub use undo::Undo;

/// One action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Step {
    /// A composite step.
    Phase(Phase),
    /// Files under the data root, and the engine's records.
    Store(StoreStep),
    /// Control groups.
    Cgroup(CgroupStep),
    /// Processes, namespaces, signals, the program.
    Process(ProcessStep),
    /// Mounts and the root file system.
    Mount(MountStep),
    /// User, capabilities, no_new_privs, seccomp.
    Privilege(PrivilegeStep),
    /// What the caller's terminal gets to see, and waiting.
    Client(ClientStep),
    /// Files in and out of containers.
    Copy(CopyStep),
    /// Blobs, names and layers of images.
    Image(ImageStep),
    /// Instructions of a Dockerfile, and the cache.
    Build(BuildStep),
    /// Requests to registries.
    Registry(RegistryStep),
    /// Interfaces, addresses, routes, and the records of networks.
    Network(NetworkStep),
}

/// Whose process carries a step out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// The engine's process, in the host's namespaces.
    Engine,
    /// The process that becomes the container's first, or that of an exec.
    Container,
}

impl Step {
    /// Whose process carries it out; of a phase, where it begins.
    pub fn place(&self) -> Place {
        match self {
            Step::Phase(phase) => phase.place(),
            Step::Store(_)
            | Step::Client(_)
            | Step::Copy(_)
            | Step::Image(_)
            | Step::Build(_)
            | Step::Registry(_)
            | Step::Network(_) => Place::Engine,
            Step::Cgroup(step) => step.place(),
            Step::Process(step) => step.place(),
            Step::Mount(_) | Step::Privilege(_) => Place::Container,
        }
    }

    /// It expands into smaller steps.
    pub fn is_composite(&self) -> bool {
        matches!(self, Step::Phase(_))
    }

    /// The step's name as the debugger's `break` takes it: `PivotRoot`, `UnshareNamespace`.
    pub fn name(&self) -> &'static str {
        match self {
            Step::Phase(step) => step.name(),
            Step::Store(step) => step.name(),
            Step::Cgroup(step) => step.name(),
            Step::Process(step) => step.name(),
            Step::Mount(step) => step.name(),
            Step::Privilege(step) => step.name(),
            Step::Client(step) => step.name(),
            Step::Copy(step) => step.name(),
            Step::Image(step) => step.name(),
            Step::Build(step) => step.name(),
            Step::Registry(step) => step.name(),
            Step::Network(step) => step.name(),
        }
    }

    /// How it is undone.
    pub fn undo(&self) -> Undo {
        match self {
            Step::Phase(_) => Undo::ByItsSteps,
            Step::Store(step) => step.undo(),
            Step::Cgroup(step) => step.undo(),
            Step::Process(step) => step.undo(),
            Step::Mount(step) => step.undo(),
            Step::Privilege(step) => step.undo(),
            Step::Client(step) => step.undo(),
            Step::Copy(step) => step.undo(),
            Step::Image(step) => step.undo(),
            Step::Build(step) => step.undo(),
            Step::Registry(step) => step.undo(),
            Step::Network(step) => step.undo(),
        }
    }
}
