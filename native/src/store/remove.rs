//! Removing a tree below the data root: never outside of it, never through a link, never into something that is mounted there.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use super::StoreError;
use crate::observe::mountinfo;

/// Removes `path` and all in it; what is gone already is no error. `root` and `path` are absolute.
///
/// The standard library's `remove_dir_all` goes by directory descriptors and O_NOFOLLOW, so that a link put in its way meanwhile leads
/// nowhere. Foreign owners are no obstacle to root; an ordinary user's own directories without permissions are made writable first.
pub fn remove_tree(root: &Path, path: &Path) -> Result<(), StoreError> {
    let Some(path) = resolve_below(root, path)? else { return Ok(()) };
    let Ok(metadata) = fs::symlink_metadata(&path) else { return Ok(()) };
    if !metadata.is_dir() {
        return forgive_missing(fs::remove_file(&path)).map_err(StoreError::io("remove", &path));
    }
    refuse_mounts(&path)?;
    let removed = match fs::remove_dir_all(&path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            make_writable(&path);
            fs::remove_dir_all(&path)
        }
        answer => answer,
    };
    forgive_missing(removed).map_err(StoreError::io("remove", &path))
}

fn forgive_missing(answer: std::io::Result<()>) -> std::io::Result<()> {
    match answer {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        answer => answer,
    }
}

/// The path with its parent free of links. `None`: the parent does not exist, so neither does the path. An error: it is not below `root`.
fn resolve_below(root: &Path, path: &Path) -> Result<Option<PathBuf>, StoreError> {
    let outside = || StoreError::Outside { path: path.to_path_buf(), root: root.to_path_buf() };
    let plain = path.components().all(|component| matches!(component, Component::RootDir | Component::Normal(_)));
    if !plain || !path.starts_with(root) || path == root {
        return Err(outside());
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Err(outside()) };
    let Ok(parent) = fs::canonicalize(parent) else { return Ok(None) };
    let real_root = fs::canonicalize(root).map_err(StoreError::io("find", root))?;
    if parent.starts_with(&real_root) { Ok(Some(parent.join(name))) } else { Err(outside()) }
}

/// A mount at or below `path` in our own mount namespace: removing would empty whatever is mounted.
fn refuse_mounts(path: &Path) -> Result<(), StoreError> {
    let file = Path::new("/proc/self/mountinfo");
    let bytes = fs::read(file).map_err(StoreError::io("read", file))?;
    match mountinfo::parse(&bytes).into_iter().find(|mount| Path::new(&mount.target).starts_with(path)) {
        Some(mount) => Err(StoreError::Mounted { path: path.to_path_buf(), mount: mount.target }),
        None => Ok(()),
    }
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
