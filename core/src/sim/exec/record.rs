//! `state.json` of the model: the same text that the engine writes on Linux, but for the two processes that it does not have.

use super::{Failure, Run, called};
use crate::apply::apply;
use crate::errno::Errno;
use crate::event::Event;
use crate::layout::Layout;
use crate::model::{Container, ContainerId, State};
use crate::observe::{Actors, Outcome, essential};
use crate::sim::kernel::Kernel;
use crate::sim::tables::NodeId;
use crate::step::{Step, StoreStep, Undo};
use crate::userland::SysResult;

const MODE: u32 = 0o600;

/// Records are shorter: their largest texts are those of a command line.
const BYTES_MAX: usize = 16 << 20;

/// Writes the record of a container.
pub(super) fn write(kernel: &mut Kernel, path: &str, container: &Container) -> SysResult<()> {
    let container = serde_json::to_string(container).map_err(|_| Errno::EINVAL)?;
    let text = format!(r#"{{"format":1,"process":null,"monitor":null,"container":{container}}}"#);
    super::store::write_file(kernel, path, MODE, &text)
}

/// Writes everything of it but its state: that stays what it is.
pub(super) fn replace(kernel: &mut Kernel, path: &str, container: &Container, state: &State) -> Result<(), Failure> {
    let mut container = container.clone();
    container.state = state.containers.get(&container.id).ok_or(Errno::ENOENT)?.state.clone();
    called(write(kernel, path, &container), "rename")?;
    kernel.readdress_ports(&container);
    Ok(())
}

/// The container that a record is of.
pub fn container_of(record: &[u8]) -> SysResult<Container> {
    #[derive(serde::Deserialize)]
    struct Record {
        container: Container,
    }
    serde_json::from_slice(record).map(|record: Record| record.container).map_err(|_| Errno::EIO)
}

/// A step that writes down a container's state: the record as it is once the step's events are applied.
pub(super) fn save(step: &StoreStep, outcome: &Outcome, kernel: &mut Kernel, run: &Run, state: &State) -> Result<(), Failure> {
    let Some(id) = step.records() else { return Ok(()) };
    let mut after = state.clone();
    let actors = Actors { process: run.process_host_pid(kernel) };
    essential(&Step::Store(step.clone()), outcome, actors).iter().for_each(|event| apply(&mut after, event));
    let Some(container) = after.containers.get(id) else { return Ok(()) };
    called(write(kernel, &path_of(kernel, id), container), "rename")
}

/// What taking a step back means for the records; answers what the state has to hear of it.
pub(super) fn restore(undo: &Undo, kernel: &mut Kernel) -> Option<Event> {
    if let Undo::ReleaseEndpoint { id, network } = undo {
        let path = path_of(kernel, id);
        let mut container = read(kernel, &path).ok()?;
        container.release(network);
        write(kernel, &path, &container).ok()?;
        return Some(Event::ContainerRecorded { container: Box::new(container) });
    }
    let (path, before, paused) = match undo {
        Undo::RestoreRecord { container, path } => (path.clone(), Some(container), None),
        Undo::RestorePause { id, paused } => (path_of(kernel, id), None, Some(*paused)),
        _ => return None,
    };
    let now = read(kernel, &path).ok()?;
    let mut container = match before {
        Some(before) => Container { state: now.state, ..(**before).clone() },
        None => now,
    };
    if let Some(paused) = paused {
        let mut state = State::default();
        let id = container.id.clone();
        state.containers.insert_mut(id.clone(), container);
        apply(&mut state, &Event::ContainerPaused { id: id.clone(), paused });
        container = state.containers.get(&id)?.clone();
    }
    write(kernel, &path, &container).ok()?;
    Some(Event::ContainerRecorded { container: Box::new(container) })
}

fn read(kernel: &Kernel, path: &str) -> SysResult<Container> {
    let place = kernel.walk(kernel.engine, path, true)?;
    let NodeId::Inode(inode) = place.node else { return Err(Errno::EISDIR) };
    container_of(&kernel.read_inode(inode, 0, BYTES_MAX)?)
}

fn path_of(kernel: &Kernel, id: &ContainerId) -> String {
    Layout::new(&kernel.host.data_root).of(id, "state.json")
}
