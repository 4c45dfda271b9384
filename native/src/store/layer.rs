//! Extracting a layer: into a directory beside the final one, then rename(2). Whoever sees the final directory sees all of it.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use glassbox_core::errno::Errno;
use glassbox_core::oci::toolbox::{ToolboxFile, ToolboxFileKind};

use super::{ProcessIdentity, StoreError};

/// A file of a layer; directories stand before what is in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerFile<'a> {
    /// Relative or absolute as the image has it; `..` is refused.
    pub path: &'a str,
    /// Permission bits, set whatever the umask.
    pub mode: u32,
    /// What it is.
    pub kind: LayerFileKind<'a>,
}

/// What a file of a layer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayerFileKind<'a> {
    /// A directory.
    Directory,
    /// A file with these bytes.
    File(&'a [u8]),
    /// A symbolic link that says this.
    Symlink(&'a str),
    /// A further name of an earlier file of the same layer, given by its path.
    HardLink(&'a str),
}

/// The toolbox's layer, with the embedded binary's bytes.
pub fn toolbox<'a>(files: &'a [ToolboxFile], binary: &'a [u8]) -> Vec<LayerFile<'a>> {
    let of = |file: &'a ToolboxFile| {
        let kind = match file.kind {
            ToolboxFileKind::Directory => LayerFileKind::Directory,
            ToolboxFileKind::Text(text) => LayerFileKind::File(text.as_bytes()),
            ToolboxFileKind::Link(target) => LayerFileKind::Symlink(target),
            ToolboxFileKind::Binary => LayerFileKind::File(binary),
        };
        LayerFile { path: &file.path, mode: file.mode, kind }
    };
    files.iter().map(of).collect()
}

/// Extracts `files` to `directory` (absolute). `true`: done now; `false`: it stood there already, or another process was faster.
///
/// Killed half-way it leaves `<directory>.part-PID-START-N`, which [`remove_parts`] finds.
pub fn extract(files: &[LayerFile<'_>], directory: &Path) -> Result<bool, StoreError> {
    if directory.is_dir() {
        return Ok(false);
    }
    let part = part_of(directory)?;
    let extracted = extract_all(files, &part).and_then(|()| fs::rename(&part, directory).map_err(StoreError::io("rename", &part)));
    if extracted.is_ok() {
        return Ok(true);
    }
    let _ = fs::remove_dir_all(&part);
    // rename(2) onto a directory that is not empty fails: somebody else has extracted the same files.
    if directory.is_dir() { Ok(false) } else { extracted.map(|()| true) }
}

fn extract_all(files: &[LayerFile<'_>], part: &Path) -> Result<(), StoreError> {
    DirBuilder::new().mode(0o755).create(part).map_err(StoreError::io("make the directory", part))?;
    set_mode(part, 0o755)?;
    for file in files {
        let path = below(part, file.path)?;
        if path != part {
            make(file, &path, part)?;
        }
    }
    Ok(())
}

fn make(file: &LayerFile<'_>, path: &Path, part: &Path) -> Result<(), StoreError> {
    match file.kind {
        LayerFileKind::Directory => {
            fs::create_dir(path).map_err(StoreError::io("make the directory", path))?;
            set_mode(path, file.mode)
        }
        LayerFileKind::File(bytes) => {
            write_file(path, bytes).map_err(StoreError::io("write", path))?;
            set_mode(path, file.mode)
        }
        LayerFileKind::Symlink(target) => symlink(target, path).map_err(StoreError::io("make the link", path)),
        LayerFileKind::HardLink(first) => fs::hard_link(below(part, first)?, path).map_err(StoreError::io("make the link", path)),
    }
}

fn write_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(bytes)
}

fn set_mode(path: &Path, mode: u32) -> Result<(), StoreError> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o7777)).map_err(StoreError::io("set the mode of", path))
}

/// The place of an image's path below the directory. A parent that is a link of this layer would lead outside: it is refused too.
fn below(part: &Path, path: &str) -> Result<PathBuf, StoreError> {
    let refused = || StoreError::Outside { path: PathBuf::from(path), root: part.to_path_buf() };
    let mut place = part.to_path_buf();
    for component in Path::new(path).components() {
        if place.is_symlink() {
            return Err(refused());
        }
        match component {
            Component::Normal(name) => place.push(name),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => return Err(refused()),
        }
    }
    Ok(place)
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
