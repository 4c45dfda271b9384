//! Taking steps back. Idempotent: what is already gone is no error.

use super::store::remove_tree;
use super::{Run, cgroup};
use crate::event::{BuildEvent, Event, NetworkEvent};
use crate::sim::kernel::Kernel;
use crate::step::{BuildStep, NetworkStep, Step, StoreStep, Undo};
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
        Step::Network(NetworkStep::RecordNetwork { network, before, .. }) => {
            let event = match before {
                Some(before) => NetworkEvent::NetworkRecorded { network: before.clone() },
                None => NetworkEvent::NetworkRemoved { id: network.id.clone() },
            };
            Some(Event::Network(Box::new(event)))
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
        Undo::RestoreSetting { name, value } => {
            let engine = kernel.engine;
            let _ = cgroup::write_as(kernel, engine, &crate::sysctl::path(&name), &value);
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
        Undo::EditLines { path, remove, add } => {
            let _ = super::store::edit_lines(kernel, &path, &remove, &add);
        }
        Undo::DeleteInterface { .. }
        | Undo::ClosePort { .. }
        | Undo::EndForwarding { .. }
        | Undo::DeleteTable
        | Undo::DeleteRule { .. } => take_back_network(undo, kernel),
        Undo::ReleaseEndpoint { .. }
        | Undo::RestoreRoute { .. }
        | Undo::RestoreRecord { .. }
        | Undo::RestorePause { .. }
        | Undo::ByItsSteps
        | Undo::EndsWithProcess
        | Undo::EndsWithDirectory
        | Undo::EndsWithInterface
        | Undo::LeftStanding { .. }
        | Undo::Impossible { .. }
        | Undo::NothingChanged => {}
    }
}

fn take_back_network(undo: Undo, kernel: &mut Kernel) {
    match undo {
        Undo::DeleteInterface { name, shared } => {
            let used = shared && has_ports(kernel, &name);
            if let Ok(ns) = kernel.network_of(kernel.engine)
                && !used
            {
                let _ = kernel.delete_link(ns, &name);
            }
        }
        Undo::ClosePort { at, protocol } => kernel.close_port(protocol, at),
        Undo::EndForwarding { id } => kernel.end_forwarding(&id.0),
        Undo::DeleteTable => {
            let _ = kernel.network_of(kernel.engine).and_then(|ns| kernel.delete_empty_table(ns));
        }
        Undo::DeleteRule { bridge: Some(bridge), .. } if has_ports(kernel, &bridge) => {}
        Undo::DeleteRule { chain, comment, .. } => {
            let _ = kernel.network_of(kernel.engine).and_then(|ns| kernel.delete_rule(ns, chain, &comment));
        }
        _ => {}
    }
}

fn has_ports(kernel: &Kernel, bridge: &str) -> bool {
    kernel.interfaces_of(kernel.engine).iter().any(|link| link.master.as_deref() == Some(bridge))
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
