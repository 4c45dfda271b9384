//! Removing a tree below the data root: never outside of it, never through a link, never into something that is mounted there.

use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path};

use glassbox_core::errno::Errno;
use nix::dir::{Dir, Entry, Type};
use nix::errno::Errno as Answer;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2, renameat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::StoreError;
use crate::observe::mountinfo;

/// A directory deeper than this below the tree's top is moved up to it first: each level that is open costs a descriptor.
const DEPTH_MAX: usize = 64;

/// Removes `path` and all in it; what is gone already is no error. `root` and `path` are absolute.
///
/// It goes by directory descriptors and follows no link, so that a link put in its way meanwhile leads nowhere; something mounted in it
/// is not entered (openat2(2), RESOLVE_NO_XDEV), and the kernel removes no mount point (EBUSY). Foreign owners are no obstacle to root;
/// an ordinary user's own directories without permissions are made writable first.
pub fn remove_tree(root: &Path, path: &Path) -> Result<(), StoreError> {
    let Some((parent, name)) = parent_below(root, path)? else { return Ok(()) };
    let mut answer = Removal { top: None, moved: 0 }.remove(&parent, &name, None, 0);
    if answer == Err(Answer::EACCES) {
        make_writable(path);
        answer = Removal { top: None, moved: 0 }.remove(&parent, &name, None, 0);
    }
    answer.map_err(|answer| match answer {
        Answer::EBUSY | Answer::EXDEV => mounted(path).unwrap_or(failed(path, answer)),
        answer => failed(path, answer),
    })
}

fn failed(path: &Path, answer: Answer) -> StoreError {
    StoreError::Io { doing: "remove", path: path.to_path_buf(), errno: Errno(answer as i32) }
}

/// A tree being removed.
struct Removal {
    /// Its top directory, once it is open.
    top: Option<OwnedFd>,
    /// How many directories were moved up to it.
    moved: usize,
}

impl Removal {
    /// Removes `name` in `parent`. Tried first is what costs one call: most directories of a container are empty.
    fn remove(&mut self, parent: &impl AsFd, name: &CStr, kind: Option<Type>, depth: usize) -> nix::Result<()> {
        if kind != Some(Type::Directory) {
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
            return renameat(parent, name, top, above.as_c_str());
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
        let opened = openat2(parent, name, OpenHow::new().flags(flags).resolve(resolve))?;
        if depth == 0 {
            self.top = Some(opened.try_clone().map_err(|_| Answer::EMFILE)?);
        }
        let mut directory = Dir::from_fd(opened)?;
        loop {
            let entries: Vec<Entry> = directory.iter().collect::<nix::Result<_>>()?;
            let named = entries.iter().filter(|entry| !matches!(entry.file_name().to_bytes(), b"." | b".."));
            let mut found = false;
            for entry in named {
                found = true;
                self.remove(&directory, entry.file_name(), entry.file_type(), depth + 1)?;
            }
            if !found || (depth > 0 && self.moved == 0) {
                return Ok(());
            }
        }
    }
}

/// The open directory that `path` lies in, and its name there; it is found below `root` without a link. `None`: the directory does not
/// exist, so neither does the path. An error: it is not below `root`.
fn parent_below(root: &Path, path: &Path) -> Result<Option<(OwnedFd, CString)>, StoreError> {
    let outside = || StoreError::Outside { path: path.to_path_buf(), root: root.to_path_buf() };
    let plain = path.components().all(|component| matches!(component, Component::RootDir | Component::Normal(_)));
    let below = path.strip_prefix(root).ok().filter(|_| plain);
    let (Some(below), Some(name)) = (below, path.file_name()) else { return Err(outside()) };
    let Some(between) = below.parent() else { return Err(outside()) };
    let name = CString::new(name.as_bytes()).map_err(|_| outside())?;
    let root = File::open(root).map_err(StoreError::io("find", root))?;
    if between.as_os_str().is_empty() {
        return Ok(Some((root.into(), name)));
    }
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS);
    match openat2(&root, between, how) {
        Ok(parent) => Ok(Some((parent, name))),
        Err(Answer::ENOENT | Answer::ENOTDIR) => Ok(None),
        Err(Answer::ELOOP | Answer::EXDEV) => Err(outside()),
        Err(other) => Err(failed(path, other)),
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
