//! What can go wrong with the engine's files: where, why, and what to do next.

use std::path::{Path, PathBuf};

use glassbox_core::errno::Errno;

use crate::sys;

/// A failure of the store or the journal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A call failed.
    #[error("cannot {doing} {}: {errno}\nglassbox: {}", path.display(), advice(*errno))]
    Io {
        /// Verb: `open`.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        errno: Errno,
    },
    /// The data root is no absolute path of plain text.
    #[error("{} cannot be the data root: it has to be an absolute path in UTF-8\nglassbox: choose another with GLASSBOX_ROOT", path.display())]
    Root {
        /// As given.
        path: PathBuf,
    },
    /// A record is not what the engine writes.
    #[error("{} is not a record that this glassbox can read: {why}\nglassbox: {}", path.display(), leave_or_remove(path))]
    Record {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// An image is not what the index says.
    #[error("an image in {} cannot be used: {why}\nglassbox: the others can; load or pull it again", path.display())]
    Image {
        /// Where the images are.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A journal is not what the engine writes.
    #[error("{} is not a journal that this glassbox can read: {why}\nglassbox: what it was to undo is left as it is; remove that file to be rid of this message", path.display())]
    Journal {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A path that is not below the data root was to be removed.
    #[error("{} is not removed: it does not lie below {}\nglassbox: nothing was changed; please report this as a fault of glassbox", path.display(), root.display())]
    Outside {
        /// Which.
        path: PathBuf,
        /// The data root.
        root: PathBuf,
    },
    /// Something is mounted below a path that was to be removed.
    #[error("{} is not removed: something is mounted at {}\nglassbox: unmount it with `umount {}` and try again", path.display(), mount, mount)]
    Mounted {
        /// Which.
        path: PathBuf,
        /// The mount point.
        mount: String,
    },
}

impl StoreError {
    /// For `map_err` on calls of the standard library.
    pub fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
        move |error| StoreError::Io { doing, path: path.to_path_buf(), errno: sys::errno_of(&error) }
    }

    /// The errno, where a call failed.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            StoreError::Io { errno, .. } => Some(*errno),
            StoreError::Mounted { .. } => Some(Errno::EBUSY),
            _ => None,
        }
    }
}

fn advice(errno: Errno) -> &'static str {
    match errno {
        Errno::EACCES | Errno::EPERM => "run it as root, or choose a data root of your own with GLASSBOX_ROOT",
        Errno::ENOSPC => "free some space on that file system and run the command again",
        Errno::EROFS => "that file system is read-only: choose another data root with GLASSBOX_ROOT",
        Errno::ENOENT => "it may have been removed meanwhile: run the command again",
        Errno::EBUSY => "something still uses it: end that and run the command again",
        _ => "run the command again; if it fails again, look at that path",
    }
}

fn leave_or_remove(path: &Path) -> String {
    let directory = path.parent().unwrap_or(path).display();
    format!("the container is left alone; remove the directory {directory} to be rid of it")
}
