//! Steps on the engine's files and records, made by the engine's process.

use std::rc::Rc;

use super::{Carried, Done, Failure, Run, called, done, record};
use crate::errno::Errno;
use crate::layout::Layout;
use crate::model::{ContainerId, Ending, SentSignal, SignalReason, State, Status};
use crate::observe::Outcome;
use crate::oci::toolbox::{self, ToolboxFileKind};
use crate::query::{Answer, Probe, Query, Subject};
use crate::sim::SimProbe;
use crate::sim::execve::TOOLBOX_HEADER;
use crate::sim::kernel::Kernel;
use crate::sim::overlay::last_of;
use crate::sim::tables::{Content, Data, InodeId, NodeId};
use crate::sim::tree::{Owner, directory, file};
use crate::step::StoreStep;
use crate::userland::{SysResult, WaitStatus};

/// Files whose lines are edited are shorter.
const EDITED_BYTES_MAX: usize = 1 << 20;

pub(super) fn execute(step: &StoreStep, kernel: &mut Kernel, run: &mut Run, state: &State) -> Carried {
    let carried = carry_out(step, kernel, run, state)?;
    if let Done::Outcome(outcome) = &carried {
        record::save(step, outcome, kernel, run, state)?;
    }
    Ok(carried)
}

fn carry_out(step: &StoreStep, kernel: &mut Kernel, run: &mut Run, state: &State) -> Carried {
    match step {
        StoreStep::ExtractLayer { diff_id, blob, directory, own, .. } => match blob {
            Some(blob) => super::transfer::extract(kernel, blob, diff_id, directory, *own)?,
            None => extract(kernel, state, diff_id, directory)?,
        },
        StoreStep::KeepDirectory { from, directory, .. } => keep_directory(kernel, from, directory)?,
        StoreStep::CreateDirectory { path, mode } => {
            called(make_directory(kernel, path, *mode).map(|_| ()), "mkdir")?;
        }
        StoreStep::WriteFile { path, mode, contents } | StoreStep::RewriteFile { path, mode, contents } => {
            called(write_file(kernel, path, *mode, contents), "openat")?;
        }
        StoreStep::EditLines { path, remove, add } => called(edit_lines(kernel, path, remove, add), "openat")?,
        StoreStep::WriteIdFile { path, contents } => called(write_new_file(kernel, path, contents), "openat")?,
        StoreStep::RecordContainer { container, path } => {
            called(record::write(kernel, path, container), "openat")?;
        }
        StoreStep::ReplaceRecord { container, path, .. } => record::replace(kernel, path, container, state)?,
        StoreStep::RecordStart { id } => {
            if let Some(streams) = run.streams {
                let open = state.containers.get(id).is_some_and(|container| container.process.open_stdin);
                if let Some(found) = kernel.streams.get_mut(&streams) {
                    found.container = Some(id.clone());
                }
                if !open && kernel.streams.get(&streams).is_some_and(|found| found.tty.is_none()) {
                    kernel.close_stdin_for_good(streams)?;
                }
            }
        }
        StoreStep::RecordExit { id } => return exited(kernel, run, state, id),
        StoreStep::NoteSignal { id, path, signal, reason } => {
            called(note_signal(kernel, state, id, path, (*signal, *reason)), "openat")?;
        }
        StoreStep::RecordProbe { id } => return Ok(probed(kernel, run, state, id)),
        StoreStep::RecordFailure { .. }
        | StoreStep::RecordEndpoint { .. }
        | StoreStep::RecordPause { .. }
        | StoreStep::RecordStopAsked { .. }
        | StoreStep::RecordRestartCancelled { .. } => {}
        StoreStep::CreateSource { path, mode } => {
            // One that is there is taken as it is.
            if kernel.walk(kernel.engine, path, true).is_err() {
                called(make_directory(kernel, path, *mode).map(|_| ()), "mkdir")?;
            }
        }
        StoreStep::CreateVolume { volume, directory } => super::volume::create(kernel, volume, directory)?,
        StoreStep::FillVolume { .. } => super::volume::fill(kernel, step)?,
        StoreStep::MakeWorkingDirectory { .. } => super::volume::working_directory(kernel, step)?,
        StoreStep::MeasureDirectory { path } => {
            let bytes = kernel.bytes_below(path);
            run.reclaimed_bytes += bytes;
            let outcome = Outcome { measured_bytes: Some(bytes), at_ns: kernel.realtime_ns(), ..Outcome::default() };
            return Ok(Done::Outcome(outcome));
        }
        StoreStep::RemoveVolume { directory, .. } => super::volume::remove(kernel, directory)?,
        StoreStep::RemoveContainerFiles { id, directory } => {
            if state.containers.get(id).is_some_and(|container| container.state.status.runs()) {
                return Err(Errno::EBUSY.into());
            }
            remove_container(kernel, state, id, directory)?;
            forget_streams(kernel, run, id);
        }
    }
    done(kernel)
}

/// In the file as it is.
pub(super) fn edit_lines(kernel: &mut Kernel, path: &str, remove: &[String], add: &[String]) -> SysResult<()> {
    let place = kernel.walk(kernel.engine, path, true)?;
    let NodeId::Inode(inode) = place.node else { return Err(Errno::EISDIR) };
    let text = String::from_utf8_lossy(&kernel.read_inode(inode, 0, EDITED_BYTES_MAX)?).into_owned();
    let text = crate::resolv_conf::edited(&text, remove, add);
    if let Content::File(data) = &mut kernel.inode_mut(inode)?.content {
        *data = Data { bytes: Rc::new(text.into_bytes()), zeros: 0 };
    }
    Ok(())
}

fn remove_container(kernel: &mut Kernel, state: &State, id: &ContainerId, directory: &str) -> Result<(), super::Failure> {
    let removed = remove_tree(kernel, directory);
    if let (Err(_), Some(container)) = (&removed, state.containers.get(id)) {
        // On record again: whoever wants it gone can try again.
        let path = Layout::new(&kernel.host.data_root).of(id, "state.json");
        called(record::write(kernel, &path, container), "rename")?;
    }
    called(removed, "unlink")
}

fn note_signal(kernel: &mut Kernel, state: &State, id: &ContainerId, path: &str, what: (i32, SignalReason)) -> SysResult<()> {
    let started_ns = state.containers.get(id).map_or(0, |container| container.state.started_ns);
    let sent = SentSignal { signal: what.0, reason: what.1, started_ns };
    write_file(kernel, path, 0o600, &serde_json::to_string(&sent).unwrap_or_default())
}

fn exited(kernel: &Kernel, run: &Run, state: &State, id: &ContainerId) -> Carried {
    let ended = run.ended.ok_or(Errno::ECHILD)?;
    let ending = Box::new(ending(kernel, run, state, id, ended.status));
    let (status, oom_killed, at_ns) = (Some(ended.status), ended.oom_killed, ended.at_ns);
    Ok(Done::Outcome(Outcome { status, oom_killed, at_ns, ending, ..Outcome::default() }))
}

/// What is known of the end besides its status; the container's cgroups are there still.
fn ending(kernel: &Kernel, run: &Run, state: &State, id: &ContainerId, status: WaitStatus) -> Ending {
    let Some(container) = state.containers.get(id) else { return Ending::default() };
    let probe = SimProbe::new(kernel, state);
    let bytes = |path: &str| match probe.ask(&Query::FileBytes(Subject::Host, path.to_string())) {
        Ok(Answer::Bytes(bytes)) => Some(bytes),
        _ => None,
    };
    let read = |path: &str| bytes(path).and_then(|bytes| String::from_utf8(bytes).ok());
    let note = bytes(&Layout::new(&kernel.host.data_root).signal_note(id));
    let counted = Ending { refused: run.refused.clone(), ..Ending::of(container, status, &read) };
    counted.with_note(note.as_deref(), container.state.started_ns)
}

/// Those that a removed container has left; those that the caller is at stay until she has read them.
fn forget_streams(kernel: &mut Kernel, run: &Run, id: &ContainerId) {
    let of_it = kernel.streams.iter().filter(|(_, streams)| streams.container.as_ref() == Some(id)).map(|(streams, _)| *streams);
    let old: Vec<u64> = of_it.filter(|streams| run.attached != Some(*streams)).collect();
    for streams in old {
        if let Some(found) = kernel.streams.get_mut(&streams) {
            found.container = None;
        }
    }
}

/// What the probe has shown, if the container still runs.
fn probed(kernel: &Kernel, run: &mut Run, state: &State, id: &ContainerId) -> Done {
    let runs = state.containers.get(id).is_some_and(|container| container.state.status == Status::Running);
    let probe = run.probe.take().filter(|_| runs).map(Box::new);
    Done::Outcome(Outcome { probe, at_ns: kernel.realtime_ns(), ..Outcome::default() })
}

/// The one that is part of the program.
fn extract(kernel: &mut Kernel, state: &State, diff_id: &str, path: &str) -> Result<(), super::Failure> {
    let known = state.embedded_image().is_some_and(|image| image.layers.iter().any(|layer| layer.diff_id == diff_id));
    if !known {
        return Err(Errno::ENOENT.into());
    }
    extract_toolbox(kernel, path)
}

/// The files that are part of the program.
pub(super) fn extract_toolbox(kernel: &mut Kernel, path: &str) -> Result<(), super::Failure> {
    let top = called(make_directory(kernel, path, 0o755), "mkdir")?;
    let size_bytes = kernel.host.toolbox.size_bytes;
    for entry in toolbox::files() {
        let content = match entry.kind {
            ToolboxFileKind::Directory => directory(top),
            ToolboxFileKind::Text(text) => file(text),
            ToolboxFileKind::Link(target) => Content::Symlink(Rc::from(target)),
            ToolboxFileKind::Binary => {
                let zeros = size_bytes.saturating_sub(TOOLBOX_HEADER.len() as u64);
                Content::File(Data { bytes: Rc::new(TOOLBOX_HEADER.to_vec()), zeros })
            }
        };
        let owner = engine_owner(kernel, entry.mode)?;
        kernel.make_at(top, entry.path.trim_start_matches('/'), content, owner)?;
    }
    Ok(())
}

pub(super) fn engine_owner(kernel: &Kernel, mode: u32) -> SysResult<Owner> {
    let credentials = &kernel.process(kernel.engine)?.credentials;
    Ok(Owner { uid: credentials.uid, gid: credentials.gid, mode })
}

/// Where the layer is there already, that one is as good.
fn keep_directory(kernel: &mut Kernel, from: &str, directory: &str) -> Result<(), Failure> {
    if kernel.walk(kernel.engine, directory, true).is_ok() {
        return Ok(());
    }
    let layers = directory.rsplit_once('/').map_or("/", |(layers, _)| layers);
    called(make_directory(kernel, layers, 0o755), "mkdir")?;
    // What renameat2(2) does at once with RENAME_EXCHANGE: nothing comes between here.
    called(kernel.rename_node(kernel.engine, from, directory), "renameat2")?;
    called(kernel.make_node(kernel.engine, from, Content::Symlink(directory.into()), 0o777).map(drop), "symlink")
}

/// mkdir(2) with the missing parents. The directory itself gets `mode` whatever the umask.
pub(super) fn make_directory(kernel: &mut Kernel, path: &str, mode: u32) -> SysResult<InodeId> {
    let engine = kernel.engine;
    let mut at = String::new();
    for name in path.split('/').filter(|name| !name.is_empty()) {
        at = format!("{at}/{name}");
        if kernel.walk(engine, &at, true).is_err() {
            kernel.make_node(engine, &at, directory(0), 0o755)?;
        }
    }
    let place = kernel.walk(engine, path, true)?;
    let NodeId::Inode(id) = place.node else { return Err(Errno::EEXIST) };
    let inode = kernel.inode_mut(id)?;
    if !matches!(inode.content, Content::Directory { .. }) {
        return Err(Errno::EEXIST);
    }
    inode.mode = mode;
    Ok(id)
}

pub(super) fn write_file(kernel: &mut Kernel, path: &str, mode: u32, contents: &str) -> SysResult<()> {
    let engine = kernel.engine;
    let owner = engine_owner(kernel, mode)?;
    let target = kernel.walk_parent(engine, path)?;
    kernel.check_entries(engine, &target.dir)?;
    if kernel.lookup(&target).is_ok() {
        kernel.take(&target.dir.node, &target.name)?;
    }
    kernel.add(&target.dir.node, &target.name, file(contents), owner).map(|_| ())
}

/// A file of the caller's: never over one that is there.
fn write_new_file(kernel: &mut Kernel, path: &str, contents: &str) -> SysResult<()> {
    if kernel.walk(kernel.engine, path, false).is_ok() {
        return Err(Errno::EEXIST);
    }
    write_file(kernel, path, 0o644, contents)
}

/// A directory and all in it, or a link; one that is not there is no error.
pub(super) fn remove_tree(kernel: &mut Kernel, path: &str) -> SysResult<()> {
    let engine = kernel.engine;
    let place = match kernel.walk(engine, path, false) {
        Ok(place) => place,
        Err(Errno::ENOENT) => return Ok(()),
        Err(errno) => return Err(errno),
    };
    let NodeId::Inode(id) = place.node else { return Err(Errno::EBUSY) };
    if !matches!(kernel.inode_mut(id)?.content, Content::Directory { .. }) {
        return kernel.remove_node(engine, path, false);
    }
    kernel.remove_below(id)?;
    let parent = kernel.above(&NodeId::Inode(id));
    kernel.take(&parent, last_of(path.trim_end_matches('/')))
}
