//! What a container changed: its upper directory, as overlayfs keeps it (Documentation/filesystems/overlayfs.rst).

use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use glassbox_core::errno::Errno;
use glassbox_core::query::ChangeFact;

use crate::sys;

/// More changes are answered with E2BIG.
const CHANGES_MAX: usize = 1 << 20;

/// An empty file with one of these is a whiteout too (Linux 6.7, for overlays within overlays).
const WHITEOUT_ATTRIBUTES: [&str; 2] = ["trusted.overlay.whiteout", "user.overlay.whiteout"];

/// All changes, sorted, with paths as the container names them. Directories that overlayfs copied up on the way count as present.
pub fn of(upper: &Path) -> Result<Vec<ChangeFact>, Errno> {
    let mut changes = Vec::new();
    let mut open = vec![(upper.to_path_buf(), String::from("/"))];
    while let Some((directory, inside)) = open.pop() {
        for entry in fs::read_dir(&directory).map_err(|error| sys::errno_of(&error))? {
            let entry = entry.map_err(|error| sys::errno_of(&error))?;
            let path = format!("{inside}{}", entry.file_name().to_string_lossy());
            let metadata = entry.metadata().map_err(|error| sys::errno_of(&error))?;
            if metadata.is_dir() {
                changes.push(ChangeFact::Present(format!("{path}/")));
                open.push((entry.path(), format!("{path}/")));
            } else if is_whiteout(&entry.path(), &metadata) {
                changes.push(ChangeFact::Removed(path));
            } else {
                changes.push(ChangeFact::Present(path));
            }
        }
        if changes.len() > CHANGES_MAX {
            return Err(Errno::E2BIG);
        }
    }
    changes.sort_by(|one, other| path_of(one).cmp(path_of(other)));
    Ok(changes)
}

fn path_of(change: &ChangeFact) -> &str {
    match change {
        ChangeFact::Present(path) | ChangeFact::Removed(path) => path,
    }
}

/// A character device 0:0.
fn is_whiteout(path: &Path, metadata: &Metadata) -> bool {
    let is_empty_file = metadata.is_file() && metadata.len() == 0;
    (metadata.file_type().is_char_device() && metadata.rdev() == 0)
        || (is_empty_file && WHITEOUT_ATTRIBUTES.iter().any(|name| sys::file::has_attribute(path, name)))
}
