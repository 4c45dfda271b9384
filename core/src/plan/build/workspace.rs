//! Where a layer is made without running anything: an overlay over the layers so far, mounted by a process that does nothing else.

use sha2::{Digest, Sha256};

use super::super::create::own_ids;
use super::super::origin::{need, planned};
use super::super::{Context, Planned, start};
use crate::layout::Layout;
use crate::model::{Layer, Slot};
use crate::step::{FilesRoot, MountStep, NamespaceKind, ProcessStep, Step, StoreStep};

/// The directories of one instruction.
pub(super) struct Workspace {
    pub(super) path: String,
}

impl Workspace {
    /// Another one for each instruction of each build.
    pub(super) fn of(slot: Slot, context: &Context<'_>) -> Workspace {
        let id = id_of(slot, context);
        Workspace { path: Layout::new(&context.host.data_root).workspace(id.get(..12).unwrap_or(&id)) }
    }

    /// Where an instruction has what it fetches.
    pub(super) fn of_web(slot: Slot, context: &Context<'_>) -> Workspace {
        Workspace { path: format!("{}-web", Workspace::of(slot, context).path) }
    }

    /// Where what an instruction has changed lies until it is a layer.
    pub(super) fn of_changes(slot: Slot, context: &Context<'_>) -> Workspace {
        Workspace { path: format!("{}-layer", Workspace::of(slot, context).path) }
    }

    /// Where the context of the whole build is, if it was sent.
    pub(super) fn of_context(context: &Context<'_>) -> Workspace {
        let slot = Slot { stage: u16::MAX, instruction: u16::MAX };
        Workspace { path: format!("{}-context", Workspace::of(slot, context).path) }
    }

    /// What stands for no layer, where the files of the target are written.
    pub(super) fn of_output(context: &Context<'_>) -> Workspace {
        let slot = Slot { stage: u16::MAX, instruction: u16::MAX };
        Workspace { path: format!("{}-output", Workspace::of(slot, context).path) }
    }

    pub(super) fn directory(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    /// The directories of an overlay.
    pub(super) fn make(&self, names: &[&str]) -> Vec<Planned> {
        let top = self.made(self.path.clone(), 0o711);
        [top].into_iter().chain(self.below(names)).collect()
    }

    /// More of them, in the one that is there.
    pub(super) fn below(&self, names: &[&str]) -> Vec<Planned> {
        let mode = |name: &str| if name.ends_with("work") { 0o700 } else { 0o755 };
        names.iter().map(|name| self.made(self.directory(name), mode(name))).collect()
    }

    fn made(&self, path: String, mode: u32) -> Planned {
        let why = "A layer is made apart from all others: what is changed comes into a directory of its own.";
        planned(Step::Store(StoreStep::CreateDirectory { path, mode }), need("PackLayer", why))
    }

    /// The overlay over these layers, where files are written.
    pub(super) fn mounted(&self, layers: &[Layer], context: &Context<'_>) -> Planned {
        self.overlay(layers, ["upper", "work", "merged"], context)
    }

    /// Another one, where files are only read; `name`: where it appears.
    pub(super) fn mounted_source(&self, layers: &[Layer], name: &str, context: &Context<'_>) -> Planned {
        let [upper, work, merged, _] = source_directories(name);
        self.overlay(layers, [&upper, &work, &merged], context)
    }

    fn overlay(&self, layers: &[Layer], names: [&str; 3], context: &Context<'_>) -> Planned {
        let layout = Layout::new(&context.host.data_root);
        let mut lower_dirs: Vec<String> = layers.iter().rev().map(|layer| layout.layer(&layer.diff_id)).collect();
        if lower_dirs.is_empty() {
            lower_dirs.push(self.directory("empty"));
        }
        let [upper, work, merged] = names.map(|name| self.directory(name));
        let step = MountStep::MountOverlay {
            lower_dirs,
            upper_dir: upper,
            work_dir: work,
            merged_dir: merged,
            user_xattr: !context.host.is_root(),
            volatile: false,
        };
        planned(Step::Mount(step), need("BringFiles", "The layers so far are merged into the tree that the instruction changes."))
    }

    pub(super) fn root(&self, name: &str) -> FilesRoot {
        FilesRoot { path: self.directory(name), held: true }
    }
}

/// The directories of an overlay where files are only read: changes, work, where it appears, and what stands for no layer.
pub(super) fn source_directories(name: &str) -> [String; 4] {
    [format!("{name}-upper"), format!("{name}-work"), name.to_string(), "empty".to_string()]
}

/// Hexadecimal digits that no other instruction of any build has.
pub(super) fn id_of(slot: Slot, context: &Context<'_>) -> String {
    let mut hash = Sha256::new();
    hash.update(context.host.entropy);
    hash.update(slot.stage.to_le_bytes());
    hash.update(slot.instruction.to_le_bytes());
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A process that holds mounts, and its end.
pub(super) fn holder(mounts: Vec<Planned>, work: Planned, context: &Context<'_>) -> Vec<Planned> {
    let why = "Mounts need a mount namespace, and that a process: with it they end, whatever happens.";
    let host = context.host;
    let namespaces = if host.is_root() { Vec::new() } else { vec![NamespaceKind::User] };
    let mut steps = vec![planned(Step::Process(ProcessStep::CloneProcess { namespaces, cgroup: None }), need("MountOverlay", why))];
    steps.extend(start::maps_of_ids(&own_ids(host.uid, host), &own_ids(host.gid, host), context));
    let own = ProcessStep::UnshareNamespace { kind: NamespaceKind::Mount };
    steps.push(planned(Step::Process(own), need("MountOverlay", "Nobody else is to see these mounts.")));
    let private = "Mounts of a new namespace still spread to the host wherever it shares them (mount_namespaces(7)).";
    steps.push(planned(Step::Mount(MountStep::MakeMountsPrivate), need("MountOverlay", private)));
    steps.extend(mounts);
    steps.push(work);
    let end = "The files are in their place: nothing stays mounted.";
    steps.push(planned(Step::Process(ProcessStep::EndProcess), need("CloneProcess", end)));
    steps
}
