//! Removing a tree below the data root: never outside of it, never through a link, never into something that is mounted there.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path};

use glassbox_core::errno::Errno;

use super::StoreError;
use crate::observe::mountinfo;
use crate::sys::tree;

/// Removes `path` and all in it; what is gone already is no error. `root` and `path` are absolute.
///
/// It goes by directory descriptors and follows no link, so that a link put in its way meanwhile leads nowhere; something mounted in it
/// is not entered (openat2(2), RESOLVE_NO_XDEV), and the kernel removes no mount point (EBUSY). Foreign owners are no obstacle to root;
/// an ordinary user's own directories without permissions are made writable first.
pub fn remove_tree(root: &Path, path: &Path) -> Result<(), StoreError> {
    let Some((parent, name)) = parent_below(root, path)? else { return Ok(()) };
    let mut answer = tree::remove_tree(&parent, &name);
    if answer == Err(Errno::EACCES) {
        make_writable(path);
        answer = tree::remove_tree(&parent, &name);
    }
    answer.map_err(|errno| match errno {
        Errno::EBUSY | Errno::EXDEV => mounted(path).unwrap_or(failed(path, errno)),
        errno => failed(path, errno),
    })
}

fn failed(path: &Path, errno: Errno) -> StoreError {
    StoreError::Io { doing: "remove", path: path.to_path_buf(), errno }
}

/// The open directory that `path` lies in, and its name there; it is found below `root` without a link. `None`: the directory does not
/// exist, so neither does the path. An error: it is not below `root`.
fn parent_below(root: &Path, path: &Path) -> Result<Option<(OwnedFd, OsString)>, StoreError> {
    let outside = || StoreError::Outside { path: path.to_path_buf(), root: root.to_path_buf() };
    let plain = path.components().all(|component| matches!(component, Component::RootDir | Component::Normal(_)));
    let below = path.strip_prefix(root).ok().filter(|_| plain);
    let (Some(below), Some(name)) = (below, path.file_name()) else { return Err(outside()) };
    let Some(between) = below.parent() else { return Err(outside()) };
    let root = File::open(root).map_err(StoreError::io("find", root))?;
    match tree::open_below(&root, between) {
        Ok(parent) => Ok(Some((parent, name.to_os_string()))),
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
        Err(Errno::ELOOP | Errno::EXDEV) => Err(outside()),
        Err(errno) => Err(failed(path, errno)),
    }
}

/// What is mounted at or below `path` in our own mount namespace.
fn mounted(path: &Path) -> Option<StoreError> {
    let bytes = fs::read("/proc/self/mountinfo").ok()?;
    let mount = mountinfo::parse(&bytes).into_iter().find(|mount| Path::new(&mount.target).starts_with(path))?;
    Some(StoreError::Mounted { path: path.to_path_buf(), mount: mount.target })
}

/// Gives the owner all permissions on each directory below, as far as that can be done; what then cannot be removed says so itself.
fn make_writable(path: &Path) {
    let mut open = vec![path.to_path_buf()];
    while let Some(directory) = open.pop() {
        let _ = fs::set_permissions(&directory, fs::Permissions::from_mode(0o700));
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        open.extend(entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()));
    }
}
