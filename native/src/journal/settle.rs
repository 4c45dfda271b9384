//! Settling: a container whose monitor has died is ended, its cgroups are removed, and its record says so; with `--rm` it goes.

use std::path::Path;

use glassbox_core::chronicle::died;
use glassbox_core::model::happening::Happening;
use glassbox_core::model::{Container, ContainerId, Ending, Status};

use super::{Report, cgroup, undo};
use crate::observe::facts::now_ns;
use crate::store::{Loaded, Record, Store, StoreError, happenings, volume};

/// 128 + SIGKILL: how a container ends whose end nobody saw, as Docker records it.
const EXIT_UNSEEN: i32 = 137;

/// Puts a container right whose monitor is dead. The caller holds [`Store::lock`]. `false`: there was nothing to do.
pub fn settle(store: &Store, id: &ContainerId) -> Result<bool, StoreError> {
    let Some(record) = store.read(id)? else { return finish_removal(store, id) };
    for (directory, _) in &record.container.host.cgroups {
        cgroup::thaw(Path::new(directory));
    }
    if let Some(process) = &record.process {
        undo::end_process(process)?;
    }
    for (directory, _) in &record.container.host.cgroups {
        cgroup::remove_cgroup(Path::new(directory))?;
    }
    for directory in record.container.host.made_parents.iter().rev() {
        cgroup::remove_empty_cgroup(Path::new(directory))?;
    }
    let runs = record.container.state.status.runs();
    if runs && !happenings::has_ended(store.root(), id) {
        happenings::append(store.root(), &died(&record.container, EXIT_UNSEEN, false, now_ns()));
    }
    if record.container.host.auto_remove {
        happenings::append(store.root(), &[Happening::of_container(&record.container, "destroy", now_ns())]);
        store.remove(Path::new(&store.layout().container(id)))?;
        return volume::remove_unnamed(store, &record.container).map(|()| true);
    }
    if !record.container.state.status.runs() {
        return Ok(false);
    }
    store.save(&Record::of(ended(record.container))).map(|()| true)
}

/// A container's record is the first of its files that is removed: a directory without one is half removed.
fn finish_removal(store: &Store, id: &ContainerId) -> Result<bool, StoreError> {
    let directory = store.layout().container(id);
    let there = Path::new(&directory).is_dir();
    store.remove(Path::new(&directory)).map(|()| there)
}

fn ended(mut container: Container) -> Container {
    container.state.status = Status::Exited;
    container.state.pid = None;
    container.state.exit_code = EXIT_UNSEEN;
    container.state.ending = Ending { unseen: true, ..Ending::default() };
    container.state.finished_ns = now_ns();
    container
}

/// Settles what [`Store::load`] found stale (a monitor that died without a journal, as with a restored data root), and puts
/// `loaded` right. The caller holds [`Store::lock`].
pub fn settle_stale(store: &Store, loaded: &mut Loaded) -> Report {
    let mut report = Report::default();
    for id in std::mem::take(&mut loaded.stale) {
        match settle(store, &id).and_then(|_| store.read(&id)) {
            Ok(Some(record)) => loaded.state.containers.insert_mut(id.clone(), record.container),
            Ok(None) => drop(loaded.state.containers.remove_mut(&id)),
            Err(error) => report.problems.push(error),
        }
        loaded.processes.remove(&id);
        report.settled.push(id);
    }
    report
}
