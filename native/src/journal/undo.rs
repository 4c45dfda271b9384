//! Carrying out one entry's undo. Idempotent: what is gone is no error and is not reported.

use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use glassbox_core::errno::Errno;
use glassbox_core::model::ContainerId;
use glassbox_core::net::{Chain, InterfaceFact, TABLE};
use glassbox_core::sysctl;
use glassbox_core::userland::Signal;

use ipnet::IpNet;

use super::{Report, cgroup, entry::Entry, recover};
use crate::exec::NameCall;
use crate::exec::network::within;
use crate::store::{ProcessIdentity, Store, StoreError, layer, volume};
use crate::sys;
use crate::sys::netlink::{Netlink, Nft};

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
        Entry::Interface { name, shared } => delete_interface(name, *shared),
        Entry::Table => delete_table(),
        Entry::EndsWithOwner => Ok(false),
        Entry::Rule { chain, comment, bridge } => delete_rule(*chain, comment, bridge.as_deref()),
        Entry::Lines { path, remove, add } => edit_lines(path, remove, add),
        Entry::Route { id, destination, before } => restore_route(store, id, *destination, before.as_ref()),
        Entry::Setting { name, value } => restore_setting(name, value),
        Entry::Endpoint { id, network } => store.release_endpoint(id, network),
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
        Entry::Interface { name, .. } => format!("deleted the interface {name}"),
        Entry::Table => "deleted the table of rules".into(),
        Entry::EndsWithOwner => "let go of a port".into(),
        Entry::Rule { comment, .. } => format!("deleted the rule \"{comment}\""),
        Entry::Lines { path, .. } => format!("put the lines of {path} back"),
        Entry::Route { id, destination, .. } => format!("let the route of {} to {destination} lead where it led", id.short()),
        Entry::Setting { name, value } => format!("set {name} to {value}"),
        Entry::Endpoint { id, .. } => format!("took an address of container {} off the record", id.short()),
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

/// `false`: the file is gone.
fn edit_lines(path: &str, remove: &[String], add: &[String]) -> Result<bool, StoreError> {
    match crate::exec::store::edit_lines(path, remove, add) {
        Err(failure) if failure.errno == Errno::ENOENT => Ok(false),
        answer => {
            answer.map(|()| true).map_err(|failure| StoreError::Io { doing: "edit", path: path.into(), errno: failure.errno })
        }
    }
}

/// `false`: the container does not run any more.
fn restore_route(
    store: &Store,
    id: &ContainerId,
    destination: IpNet,
    before: Option<&(IpAddr, String)>,
) -> Result<bool, StoreError> {
    let Some(process) = store.read(id)?.and_then(|record| record.process).filter(ProcessIdentity::is_alive) else {
        return Ok(false);
    };
    let path = PathBuf::from(format!("/proc/{}/ns/net", process.pid));
    let namespace = std::fs::File::open(&path).map_err(StoreError::io("open", &path))?;
    let restored = within(&namespace, |netlink| match before {
        Some((gateway, interface)) => netlink.replace_route(destination, *gateway, interface).call("sendto"),
        None => match netlink.remove_route(destination) {
            Err(Errno::ESRCH) => Ok(()),
            answer => answer.call("sendto"),
        },
    });
    restored.map(|()| true).map_err(|failure| StoreError::Io { doing: "restore the route of", path, errno: failure.errno })
}

/// `false`: it is so already.
fn restore_setting(name: &str, value: &str) -> Result<bool, StoreError> {
    let path = PathBuf::from(sysctl::path(name));
    if !name.starts_with("net.") || std::fs::read_to_string(&path).is_ok_and(|now| now.trim_end() == value) {
        return Ok(false);
    }
    std::fs::write(&path, value).map(|()| true).map_err(StoreError::io("write", &path))
}

/// `false`: it is not there, or somebody uses it.
fn delete_interface(name: &str, shared: bool) -> Result<bool, StoreError> {
    let refused = |errno| StoreError::Io { doing: "delete the interface", path: name.into(), errno };
    let mut netlink = Netlink::open().map_err(refused)?;
    let all = netlink.interfaces().map_err(refused)?;
    if !all.iter().any(|link| link.name == name) || shared && has_ports(&all, name) {
        return Ok(false);
    }
    match netlink.delete(name) {
        Err(Errno::ENODEV) => Ok(false),
        answer => answer.map(|()| true).map_err(refused),
    }
}

fn has_ports(all: &[InterfaceFact], bridge: &str) -> bool {
    all.iter().any(|link| link.master.as_deref() == Some(bridge))
}

/// `false`: it is not there, or others need it.
fn delete_rule(chain: Chain, comment: &str, bridge: Option<&str>) -> Result<bool, StoreError> {
    let refused = |errno| StoreError::Io { doing: "delete the rule", path: comment.into(), errno };
    if let Some(bridge) = bridge {
        let all = Netlink::open().and_then(|mut netlink| netlink.interfaces()).map_err(refused)?;
        if has_ports(&all, bridge) {
            return Ok(false);
        }
    }
    match Nft::open().and_then(|mut nft| nft.delete_rule(chain, comment)) {
        Err(Errno::ENOENT) => Ok(false),
        answer => answer.map(|()| true).map_err(refused),
    }
}

/// `false`: it is not there, or a rule stands in it.
fn delete_table() -> Result<bool, StoreError> {
    let refused = |errno| StoreError::Io { doing: "delete the table", path: TABLE.into(), errno };
    let mut nft = Nft::open().map_err(refused)?;
    match nft.rules().map_err(refused)? {
        Some(rules) if rules.is_empty() => nft.delete_table().map(|()| true).map_err(refused),
        _ => Ok(false),
    }
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
