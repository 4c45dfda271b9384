//! Ending and removing a cgroup: cgroups(7). On v2 `cgroup.kill` ends all in it at once; on v1 the processes are ended one by one.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use glassbox_core::errno::Errno;
use glassbox_core::userland::Signal;

use super::undo::{PATIENCE, PAUSE};
use crate::store::StoreError;
use crate::sys;

/// Removes a container's cgroup, after ending whatever runs in it or below. `Ok(false)`: it was gone.
///
/// The shared parent, `…/glassbox`, is removed only if it is empty: what is in it belongs to other containers.
pub fn remove_cgroup(directory: &Path) -> Result<bool, StoreError> {
    if !directory.is_dir() {
        return Ok(false);
    }
    refuse_foreign(directory)?;
    if is_ours(directory) {
        return match fs::remove_dir(directory) {
            Ok(()) => Ok(true),
            Err(error) if matches!(error.raw_os_error().map(Errno), Some(Errno::EBUSY | Errno::ENOTEMPTY | Errno::ENOENT)) => {
                Ok(false)
            }
            Err(error) => Err(StoreError::io("remove the cgroup", directory)(error)),
        };
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        end_cgroup(directory)?;
        match remove_with_children(directory) {
            Ok(()) => return Ok(true),
            // EBUSY: a process in it has been killed but has not ended yet.
            Err(error) if error.errno() == Some(Errno::EBUSY) && Instant::now() < deadline => thread::sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
}

/// SIGKILL for all processes in the cgroup and below it, except the caller. What ends need not have ended when it returns.
pub fn end_cgroup(directory: &Path) -> Result<(), StoreError> {
    refuse_foreign(directory)?;
    let kill = directory.join("cgroup.kill");
    if !holds_caller(directory) && fs::write(&kill, "1").is_ok() {
        return Ok(());
    }
    for child in children(directory) {
        end_cgroup(&child)?;
    }
    // A frozen process is not ended before it is thawed.
    let _ = fs::write(directory.join("freezer.state"), "THAWED");
    for pid in processes(directory) {
        match sys::process::kill(pid, Some(Signal::SIGKILL)) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(StoreError::Io { doing: "end the processes of", path: directory.to_path_buf(), errno }),
        }
    }
    Ok(())
}

fn remove_with_children(directory: &Path) -> Result<(), StoreError> {
    for child in children(directory) {
        remove_with_children(&child)?;
    }
    match fs::remove_dir(directory) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::io("remove the cgroup", directory)(error)),
        _ => Ok(()),
    }
}

/// In a cgroup file system, all directories are cgroups.
fn children(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

/// Pids that can be ended from here: not 0 (in another pid namespace), not the caller.
fn processes(directory: &Path) -> Vec<i32> {
    let text = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    let own = sys::process::getpid();
    text.lines().filter_map(|line| line.trim().parse().ok()).filter(|pid| *pid > 1 && *pid != own).collect()
}

fn holds_caller(directory: &Path) -> bool {
    let own = sys::process::getpid().to_string();
    fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default().lines().any(|line| line.trim() == own)
}

/// The parent of all our cgroups.
fn is_ours(directory: &Path) -> bool {
    directory.file_name().is_some_and(|name| name.to_string_lossy().starts_with("glassbox"))
}

/// Only `…/glassbox…` and what lies below, and only if it is a cgroup.
fn refuse_foreign(directory: &Path) -> Result<(), StoreError> {
    let plain = directory.is_absolute() && !directory.components().any(|part| part == std::path::Component::ParentDir);
    if plain && directory.ancestors().any(is_ours) && directory.join("cgroup.procs").is_file() {
        return Ok(());
    }
    Err(StoreError::Outside { path: directory.to_path_buf(), root: PathBuf::from("a cgroup glassbox") })
}
