//! Taking steps back. Idempotent: what is already gone is no error.

use super::store::remove_tree;
use super::{Run, cgroup};
use crate::event::{BuildEvent, Event};
use crate::sim::kernel::Kernel;
use crate::step::{BuildStep, Step, StoreStep, Undo};
use crate::userland::{FileKind, Signal, WaitStatus};

/// Takes a step back, as its [`Undo`] says. Answers what the state has to hear of it.
pub fn undo(step: &Step, kernel: &mut Kernel, run: &mut Run) -> Option<Event> {
    let undo = step.undo();
    let restored = super::record::restore(&undo, kernel);
    take_back(undo, kernel, run);
    match step {
        // Its record has gone.
        Step::Store(StoreStep::RecordContainer { container, .. }) => Some(Event::ContainerRemoved { id: container.id.clone() }),
        Step::Build(BuildStep::MakeCacheMount { name, .. }) => {
            Some(Event::Build(BuildEvent::CacheMountRemoved { name: name.clone() }))
        }
        _ => restored,
    }
}

fn take_back(undo: Undo, kernel: &mut Kernel, run: &mut Run) {
    match undo {
        Undo::RemoveTree { path } => {
            let _ = remove_tree(kernel, &path);
        }
        Undo::MoveBack { from, directory } => move_back(kernel, &from, &directory),
        Undo::EmptyDirectory { path } => {
            let names = kernel.walk(kernel.engine, &path, true).and_then(|place| kernel.names(&place.node)).unwrap_or_default();
            for name in names {
                let _ = remove_tree(kernel, &format!("{path}/{name}"));
            }
        }
        Undo::RemoveFile { path } | Undo::DropBlob { path } | Undo::RemoveOwnFile { path, .. } => {
            let _ = kernel.remove_node(kernel.engine, &path, false);
        }
        Undo::RemoveCgroup { directory, shared: true } => {
            let _ = cgroup::remove_empty(kernel, &directory);
        }
        Undo::RemoveCgroup { directory, shared: false } => {
            let _ = cgroup::remove(kernel, &directory);
        }
        Undo::EndProcess => {
            if let Some(pid) = run.process.take() {
                kernel.end_process(pid, WaitStatus::Signaled(Signal::SIGKILL));
                kernel.reap(pid);
            }
            if let Some(id) = run.streams.take() {
                kernel.streams.remove_mut(&id);
            }
        }
        Undo::WriteBack { file, value } => {
            let _ = cgroup::write(kernel, &file, &value);
        }
        Undo::RestoreName { index, name, before, strike } => {
            let _ = super::image::change(kernel, &index, |found| found.restore(&name, before.as_ref(), strike.as_deref()));
        }
        Undo::StrikeImage { index, manifest } => {
            let _ = super::image::change(kernel, &index, |found| found.remove(&manifest));
        }
        Undo::DropPacked { upper } => {
            if let Some(path) = run.packed.remove(&upper) {
                let _ = kernel.remove_node(kernel.engine, &path, false);
            }
        }
        Undo::RestoreRecord { .. }
        | Undo::RestorePause { .. }
        | Undo::ByItsSteps
        | Undo::EndsWithProcess
        | Undo::EndsWithDirectory
        | Undo::LeftStanding { .. }
        | Undo::Impossible { .. }
        | Undo::NothingChanged => {}
    }
}

fn move_back(kernel: &mut Kernel, from: &str, directory: &str) {
    let engine = kernel.engine;
    let is_link = kernel
        .walk(engine, from, false)
        .and_then(|place| kernel.attributes(&place.node))
        .is_ok_and(|found| found.kind == FileKind::Symlink);
    if is_link {
        let _ = kernel.remove_node(engine, from, false);
    }
    if kernel.walk(engine, from, false).is_ok() || kernel.rename_node(engine, directory, from).is_err() {
        let _ = remove_tree(kernel, directory);
    }
}
