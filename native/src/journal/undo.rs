//! Carrying out one entry's undo. Idempotent: what is gone is no error and is not reported.

use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use glassbox_core::errno::Errno;
use glassbox_core::userland::Signal;

use super::{Report, cgroup, entry::Entry, recover};
use crate::store::{ProcessIdentity, Store, StoreError, layer, volume};
use crate::sys;

/// How long an ended process may take to be gone, and a cgroup to be empty.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// So long a process may take to end that was sent SIGKILL: it ends when its disk has answered, which a limit may hold back.
const ENDING: Duration = Duration::from_secs(20);

/// Between two looks.
pub const PAUSE: Duration = Duration::from_millis(1);

/// Undoes `entry` and says so in `report`.
pub fn carry_out(store: &Store, entry: &Entry, report: &mut Report) {
    let there = entry.exists();
    let done = match entry {
        Entry::Tree { path } => remove_tree(store, Path::new(path)).map(|removed| removed && there),
        Entry::Moved { from, path } => move_back(store, Path::new(from), Path::new(path)),
        Entry::Contents { path } => empty(store, Path::new(path)).map(|()| there),
        Entry::File { path } => store.remove(Path::new(path)).map(|()| there),
        Entry::OwnFile { path, contents } => remove_own(Path::new(path), contents),
        Entry::Cgroup { directory } => cgroup::remove_cgroup(Path::new(directory)),
        Entry::EmptyCgroup { directory } => cgroup::remove_empty_cgroup(Path::new(directory)),
        Entry::Process { process } => end_process(process),
        Entry::Write { file, value } => cgroup::write_back(Path::new(file), value),
        Entry::Pause { id, paused } => store.set_paused(id, *paused),
        Entry::Blob { path } if awaits(store, path) => Ok(false),
        Entry::Blob { path } => store.drop_blob(Path::new(path)),
        Entry::Name { name, before, strike } => {
            store.change_index(|index| index.restore(name, before.as_ref(), strike.as_deref())).map(|()| true)
        }
        Entry::Image { manifest } => store.change_index(|index| index.remove(manifest)).map(|()| true),
        Entry::Record { container } => store.replace_container(container),
    };
    match done {
        Ok(true) => report.undone.push(in_words(entry)),
        Ok(false) => {}
        Err(error) => report.problems.push(error),
    }
}

fn in_words(entry: &Entry) -> String {
    match entry {
        Entry::Tree { path } => format!("removed the directory {path}"),
        Entry::Moved { from, path } => format!("moved the directory {path} back to {from}"),
        Entry::Contents { path } => format!("emptied the directory {path}"),
        Entry::File { path } | Entry::Blob { path } | Entry::OwnFile { path, .. } => format!("removed the file {path}"),
        Entry::Cgroup { directory } | Entry::EmptyCgroup { directory } => format!("removed the cgroup {directory}"),
        Entry::Write { file, value } => format!("wrote {value} to {file}"),
        Entry::Pause { id, paused } => {
            format!("recorded container {} as {}", id.short(), if *paused { "paused" } else { "going on" })
        }
        Entry::Name { name, .. } => format!("let {name} lead to where it led"),
        Entry::Image { manifest } => format!("struck the image with the manifest {manifest} off the index"),
        Entry::Record { container } => format!("wrote the record of {} as it was", container.name),
        Entry::Process { process } => format!("ended the process {}", process.pid),
    }
}

/// What somebody else has put there meanwhile stays. `false`: nothing was removed. A file that was not written to its end holds a part of
/// it.
fn remove_own(path: &Path, contents: &str) -> Result<bool, StoreError> {
    let most = contents.len() as u64 + 1;
    let mut found = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut found));
    if read.is_err() || !contents.as_bytes().starts_with(&found) {
        return Ok(false);
    }
    std::fs::remove_file(path).map(|()| true).map_err(StoreError::io("remove", path))
}

fn empty(store: &Store, path: &Path) -> Result<(), StoreError> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::io("read the directory", path)(error)),
    };
    entries.flatten().try_for_each(|entry| store.remove(&entry.path()))
}

/// Another command, which lives, has made the same and counts on it.
fn awaits(store: &Store, path: &str) -> bool {
    let digest = Path::new(path).file_name().and_then(|name| name.to_str()).map(|name| format!("sha256:{name}"));
    digest.is_some_and(|digest| recover::awaited_by_others(store).contains(&digest))
}

/// A volume stays if a container on record has it. A layer stays if a container on record or a result of a build is made of it: somebody
/// else has come to use it since. Its half-extracted parts go.
fn remove_tree(store: &Store, path: &Path) -> Result<bool, StoreError> {
    if path.parent() == Some(&store.root().join("volumes"))
        && let Some(name) = path.file_name().and_then(|name| name.to_str())
    {
        return if volume::is_used(store, name)? { Ok(false) } else { volume::remove(store, path).map(|()| true) };
    }
    if path.parent() != Some(&store.root().join("layers")) {
        return store.remove(path).map(|()| true);
    }
    layer::remove_parts(store.root(), path)?;
    if is_layer_used(store, path)? {
        return Ok(false);
    }
    store.remove(path).map(|()| true)
}

/// Where it was a link may stand that leads to where it is.
fn move_back(store: &Store, from: &Path, path: &Path) -> Result<bool, StoreError> {
    let is_layer = path.parent() == Some(&store.root().join("layers"));
    if is_layer && is_layer_used(store, path)? {
        return Ok(false);
    }
    match path.symlink_metadata() {
        Err(_) => return Ok(false),
        // The link, which has not changed places with the directory yet.
        Ok(found) if found.is_symlink() => return store.remove(path).map(|()| true),
        Ok(_) => {}
    }
    if from.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
        store.remove(from)?;
    }
    if from.symlink_metadata().is_ok() || std::fs::rename(path, from).is_err() {
        store.remove(path)?;
    }
    Ok(true)
}

fn is_layer_used(store: &Store, path: &Path) -> Result<bool, StoreError> {
    let loaded = store.load([])?;
    // A record that cannot be read may be about any layer.
    let uses = |diff_id: &String| Path::new(&store.layout().layer(diff_id)) == path;
    let of_containers = loaded.state.containers.values().any(|container| container.layers.iter().any(uses));
    Ok(!loaded.unreadable.is_empty() || of_containers || store.cached_layers().iter().any(|layer| uses(&layer.diff_id)))
}

/// SIGKILL by pidfd, so that the number cannot have passed to another process in between. `false`: it was gone.
pub fn end_process(process: &ProcessIdentity) -> Result<bool, StoreError> {
    let failed = |errno| StoreError::Io { doing: "end the process", path: format!("/proc/{}", process.pid).into(), errno };
    let pid = i32::try_from(process.pid).map_err(|_| failed(Errno::ESRCH))?;
    let pidfd = match sys::process::pidfd_open(pid) {
        Ok(pidfd) => pidfd,
        Err(Errno::ESRCH) => return Ok(false),
        Err(errno) => return Err(failed(errno)),
    };
    if !process.is_alive() {
        return Ok(false);
    }
    match sys::process::pidfd_send_signal(&pidfd, Signal::SIGKILL) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(errno) => return Err(failed(errno)),
    }
    // A pidfd is readable once its process has ended, pidfd_open(2).
    let deadline = Instant::now() + ENDING;
    while process.is_alive() && Instant::now() < deadline {
        let _ = sys::file::poll(&mut [sys::file::Watch::read(&pidfd)], Some(100));
    }
    if process.is_alive() { Err(failed(Errno::EBUSY)) } else { Ok(true) }
}
