//! Removing a tree by directory descriptors: unlinkat(2), openat2(2). No link is followed and nothing mounted is entered.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;

use glassbox_core::errno::Errno;
use nix::errno::Errno as Answer;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2, renameat};
use nix::unistd::{UnlinkatFlags, Whence, lseek, unlinkat};

use super::{Result, c_path, directory};

/// A directory deeper than this below the tree's top is moved up to it first: each level that is open costs a descriptor.
const DEPTH_MAX: usize = 64;

/// The directory `below` (relative, may be empty) of `root`, found without following a link in it. ELOOP, EXDEV: a link is in the way.
pub fn open_below(root: &File, below: &Path) -> Result<OwnedFd> {
    let below = if below.as_os_str().is_empty() { Path::new(".") } else { below };
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS);
    openat2(root, below, how).map_err(errno)
}

/// Removes `name` in `parent` and all in it; what is gone already is no error. EBUSY, EXDEV: something is mounted there, and stays with
/// what is in it.
pub fn remove_tree(parent: &impl AsFd, name: impl AsRef<Path>) -> Result<()> {
    let name = c_path(name)?;
    Removal { top: None, moved: 0 }.remove(parent, &name, None, 0).map_err(errno)
}

fn errno(answer: Answer) -> Errno {
    Errno(answer as i32)
}

/// A tree being removed.
struct Removal {
    /// Its top directory, once it is open.
    top: Option<Rc<OwnedFd>>,
    /// How many directories were moved up to it.
    moved: usize,
}

impl Removal {
    /// Removes `name` in `parent`. Tried first is what costs one call: most directories of a container are empty.
    fn remove(&mut self, parent: &impl AsFd, name: &CStr, is_directory: Option<bool>, depth: usize) -> nix::Result<()> {
        if is_directory != Some(true) {
            match unlinkat(parent, name, UnlinkatFlags::NoRemoveDir) {
                Ok(()) | Err(Answer::ENOENT) => return Ok(()),
                Err(Answer::EISDIR | Answer::EPERM) => {}
                Err(other) => return Err(other),
            }
        }
        match unlinkat(parent, name, UnlinkatFlags::RemoveDir) {
            Ok(()) | Err(Answer::ENOENT) => return Ok(()),
            Err(Answer::ENOTEMPTY | Answer::EEXIST) => {}
            Err(other) => return Err(other),
        }
        if let Some(top) = self.top.as_ref().filter(|_| depth > DEPTH_MAX) {
            self.moved += 1;
            let above = CString::new(format!(".glassbox-deep-{}", self.moved)).unwrap_or_default();
            return renameat(parent, name, &**top, above.as_c_str());
        }
        self.empty(parent, name, depth)?;
        match unlinkat(parent, name, UnlinkatFlags::RemoveDir) {
            Err(Answer::ENOENT) => Ok(()),
            answer => answer,
        }
    }

    /// Removes what is in the directory; anew as long as something is found, for what was moved up meanwhile.
    fn empty(&mut self, parent: &impl AsFd, name: &CStr, depth: usize) -> nix::Result<()> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let resolve = ResolveFlag::RESOLVE_NO_XDEV | ResolveFlag::RESOLVE_NO_SYMLINKS;
        let opened = Rc::new(openat2(parent, name, OpenHow::new().flags(flags).resolve(resolve))?);
        if depth == 0 {
            self.top = Some(Rc::clone(&opened));
        }
        loop {
            let entries = directory::entries(&*opened).map_err(|errno| Answer::from_raw(errno.0))?;
            for entry in &entries {
                self.remove(&*opened, &entry.name, entry.is_directory, depth + 1)?;
            }
            if entries.is_empty() || (depth > 0 && self.moved == 0) {
                return Ok(());
            }
            lseek(&*opened, 0, Whence::SeekSet)?;
        }
    }
}
