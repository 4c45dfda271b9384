//! Extracting a layer: into a directory beside the final one, then rename(2). Whoever sees the final directory sees all of it.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use glassbox_core::errno::Errno;

use super::{ProcessIdentity, StoreError};

/// Fills a directory beside `directory` (absolute), and gives it that name. `true`: done now; `false`: it stood there already, or another
/// process was faster.
///
/// Killed half-way it leaves `<directory>.part-PID-START-N`, which [`remove_parts`] finds.
pub fn extract<E: From<StoreError>>(directory: &Path, fill: impl FnOnce(&Path) -> Result<(), E>) -> Result<bool, E> {
    if directory.is_dir() {
        return Ok(false);
    }
    let part = part_of(directory)?;
    let made = DirBuilder::new().mode(0o755).create(&part).map_err(StoreError::io("make the directory", &part));
    let filled = made.map_err(E::from).and_then(|()| fill(&part));
    let extracted =
        filled.and_then(|()| fs::rename(&part, directory).map_err(|error| StoreError::io("rename", &part)(error).into()));
    if extracted.is_ok() {
        return Ok(true);
    }
    let _ = fs::remove_dir_all(&part);
    // rename(2) onto a directory that is not empty fails: somebody else has extracted the same files.
    if directory.is_dir() { Ok(false) } else { extracted.map(|()| true) }
}

/// `<directory>.part-PID-START-N` of the calling process.
fn part_of(directory: &Path) -> Result<PathBuf, StoreError> {
    let missing = || StoreError::Io { doing: "extract", path: directory.to_path_buf(), errno: Errno::EINVAL };
    let own = ProcessIdentity::own().ok_or_else(missing)?;
    let name = directory.file_name().and_then(|name| name.to_str()).ok_or_else(missing)?;
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    Ok(directory.with_file_name(format!("{name}.part-{}-{}-{number}", own.pid, own.start_ticks)))
}

/// Removes what dead processes have half extracted of `directory`.
pub fn remove_parts(root: &Path, directory: &Path) -> Result<(), StoreError> {
    let (Some(parent), Some(name)) = (directory.parent(), directory.file_name().and_then(|name| name.to_str())) else {
        return Ok(());
    };
    let entries = match fs::read_dir(parent) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::io("read the directory", parent)(error)),
    };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(|found| is_dead_part(found, name)) {
            super::remove::remove_tree(root, &entry.path())?;
        }
    }
    Ok(())
}

fn is_dead_part(found: &str, name: &str) -> bool {
    let Some(owner) = found.strip_prefix(name).and_then(|rest| rest.strip_prefix(".part-")) else { return false };
    ProcessIdentity::from_name(owner).is_some_and(|owner| !owner.is_alive())
}
