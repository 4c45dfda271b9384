//! Volumes on disk: a directory with `_data` in it, and a record that is written last. A directory without a record is none yet, or no
//! longer one.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};

use glassbox_core::errno::Errno;
use glassbox_core::model::{Container, Volume};
use glassbox_core::workdir::{self, Refusal, Shown};

use super::{Store, StoreError};
use crate::sys;

/// A larger record is refused.
const RECORD_BYTES_MAX: u64 = 1 << 20;
const RECORD: &str = "volume.json";
const DATA: &str = "_data";

/// Makes the volume's directory and writes its record.
pub fn create(volume: &Volume, directory: &Path) -> Result<(), StoreError> {
    let make = |path: &Path, mode: u32| {
        DirBuilder::new().recursive(true).mode(mode).create(path).map_err(StoreError::io("make the directory", path))
    };
    if let Some(parent) = directory.parent().filter(|parent| !parent.is_dir()) {
        make(parent, 0o711)?;
    }
    make(directory, 0o701)?;
    make(&directory.join(DATA), 0o755)?;
    let path = directory.join(RECORD);
    let bytes = serde_json::to_vec(volume).map_err(|error| StoreError::Record { path: path.clone(), why: error.to_string() })?;
    let temporary = directory.join(format!(".{RECORD}.{}", std::process::id()));
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary);
    let written = file.and_then(|mut file| file.write_all(&bytes)).and_then(|()| fs::rename(&temporary, &path));
    written.map_err(StoreError::io("write", &path))
}

/// The record first: from then on it is none, whatever else is left.
pub fn remove(store: &Store, directory: &Path) -> Result<(), StoreError> {
    store.remove(&directory.join(RECORD))?;
    store.remove(directory)
}

/// All that are on record, and what could not be read.
pub fn load(root: &Path) -> Result<(Vec<Volume>, Vec<StoreError>), StoreError> {
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    let path = root.join("volumes");
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok((found, unreadable)),
        Err(error) => return Err(StoreError::io("read the directory", &path)(error)),
    };
    for entry in entries.flatten() {
        match read(&entry.path()) {
            Ok(Some(volume)) if entry.file_name().to_str() == Some(&volume.name) => found.push(volume),
            Ok(_) => {}
            Err(error) => unreadable.push(error),
        }
    }
    Ok((found, unreadable))
}

fn read(directory: &Path) -> Result<Option<Volume>, StoreError> {
    let path = directory.join(RECORD);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(StoreError::io("read", &path)(error)),
    };
    let mut bytes = Vec::new();
    file.take(RECORD_BYTES_MAX).read_to_end(&mut bytes).map_err(StoreError::io("read", &path))?;
    serde_json::from_slice(&bytes).map(Some).map_err(|error| StoreError::Record { path, why: error.to_string() })
}

/// Removes the volumes that nobody named and that went with this container, unless another one has them.
pub fn remove_unnamed(store: &Store, container: &Container) -> Result<(), StoreError> {
    for point in container.mounts.iter().filter(|point| point.anonymous && !point.name.is_empty()) {
        if !is_used(store, &point.name)? {
            remove(store, Path::new(&store.layout().volume(&point.name)))?;
        }
    }
    Ok(())
}

/// A container on record has it; one whose record cannot be read may have any.
pub fn is_used(store: &Store, name: &str) -> Result<bool, StoreError> {
    let loaded = store.load([])?;
    Ok(!loaded.unreadable.is_empty() || !loaded.state.users_of_volume(name).is_empty())
}

/// Copies what `layers` (the topmost first) show at `path`, merged as overlayfs merges them, into `directory` if that is empty.
pub fn fill(layers: &[String], path: &str, directory: &Path) -> std::io::Result<()> {
    let stack = shown(layers, path)?;
    match stack.first() {
        Some(top) if fs::symlink_metadata(top)?.is_dir() => match fs::read_dir(directory)?.next() {
            None => copy_directory(&stack, directory),
            Some(_) => Ok(()),
        },
        _ => Ok(()),
    }
}

/// The image has a directory at `path`.
pub fn has_directory(layers: &[String], path: &str) -> std::io::Result<bool> {
    let stack = shown(layers, path)?;
    stack.first().map_or(Ok(false), |top| fs::symlink_metadata(top).map(|metadata| metadata.is_dir()))
}

/// What is missing of a new container's working directory, in its own layer, which is empty still. What the image has on the way is made
/// there as overlayfs would copy it up.
pub fn make_working_directory(layers: &[String], upper: &Path, merged: &str, typed: &str) -> Result<(), Refusal> {
    let failed = |error: std::io::Error| Refusal::from(sys::errno_of(&error));
    let found = workdir::find(typed, merged, |way| look(layers, way).map_err(|error| sys::errno_of(&error)))?;
    if found.there == found.names.len() {
        return Ok(());
    }
    let mut at = upper.to_path_buf();
    for (index, name) in found.names.iter().enumerate() {
        at.push(name);
        DirBuilder::new().mode(0o755).create(&at).map_err(failed)?;
        if index < found.there {
            let like = shown(layers, &found.names[..=index].join("/")).map_err(failed)?;
            let like = like.first().map(fs::symlink_metadata).transpose().map_err(failed)?;
            like.map_or(Ok(()), |like| keep(&at, &like)).map_err(failed)?;
        }
    }
    Ok(())
}

fn look(layers: &[String], way: &[String]) -> std::io::Result<Shown> {
    let Some(top) = shown(layers, &way.join("/"))?.into_iter().next() else { return Ok(Shown::Missing) };
    let kind = fs::symlink_metadata(&top)?.file_type();
    Ok(match () {
        () if kind.is_dir() => Shown::Directory,
        () if kind.is_symlink() => Shown::Link(fs::read_link(&top)?.to_string_lossy().into_owned()),
        () => Shown::Other,
    })
}

/// What the layers show at `path`.
fn shown(layers: &[String], path: &str) -> std::io::Result<Vec<PathBuf>> {
    let mut stack: Vec<PathBuf> = layers.iter().map(PathBuf::from).collect();
    for name in path.split('/').filter(|name| !name.is_empty()) {
        stack = merged(&stack, &OsString::from(name))?;
    }
    Ok(stack)
}

/// What is merged under `name`: several directories, or the topmost thing that is none. Empty: nothing shows.
fn merged(stack: &[PathBuf], name: &OsString) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for layer in stack {
        let path = layer.join(name);
        match fs::symlink_metadata(&path) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(error),
            Ok(metadata) if is_whiteout(&metadata) => break,
            Ok(metadata) if metadata.is_dir() => {
                let opaque = is_opaque(&path);
                found.push(path);
                if opaque {
                    break;
                }
            }
            Ok(_) => {
                if found.is_empty() {
                    found.push(path);
                }
                break;
            }
        }
        if is_opaque(layer) {
            break;
        }
    }
    Ok(found)
}

/// A character device 0:0.
fn is_whiteout(metadata: &Metadata) -> bool {
    metadata.file_type().is_char_device() && metadata.rdev() == 0
}

fn is_opaque(path: &Path) -> bool {
    ["trusted.overlay.opaque", "user.overlay.opaque"].iter().any(|name| sys::file::has_attribute(path, name))
}

fn copy_directory(stack: &[PathBuf], into: &Path) -> std::io::Result<()> {
    let mut names = BTreeSet::new();
    for directory in stack {
        for entry in fs::read_dir(directory)? {
            names.insert(entry?.file_name());
        }
    }
    for name in names {
        let below = merged(stack, &name)?;
        let Some(top) = below.first() else { continue };
        let kind = fs::symlink_metadata(top)?.file_type();
        let new = into.join(&name);
        if kind.is_dir() {
            DirBuilder::new().mode(0o700).create(&new)?;
            copy_directory(&below, &new)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(top)?, &new)?;
            own(&new, &fs::symlink_metadata(top)?)?;
        } else if kind.is_file() {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
            std::io::copy(&mut File::open(top)?, &mut file)?;
            keep(&new, &fs::symlink_metadata(top)?)?;
        } else {
            return Err(std::io::Error::from_raw_os_error(Errno::EOPNOTSUPP.0));
        }
    }
    // The directory's own last: it could forbid writing.
    match stack.first() {
        Some(top) => keep(into, &fs::symlink_metadata(top)?),
        None => Ok(()),
    }
}

/// Owner, then mode: a change of owner clears the set-user-id bit, chown(2).
fn keep(path: &Path, like: &Metadata) -> std::io::Result<()> {
    own(path, like)?;
    fs::set_permissions(path, fs::Permissions::from_mode(like.mode() & 0o7777))
}

/// An ordinary user's files are hers already, and to give them away she may not.
fn own(path: &Path, like: &Metadata) -> std::io::Result<()> {
    let now = fs::symlink_metadata(path)?;
    if (now.uid(), now.gid()) == (like.uid(), like.gid()) {
        return Ok(());
    }
    lchown(path, Some(like.uid()), Some(like.gid()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::bytes_below;
    use crate::test_support::{TempRoot, container};
    use glassbox_core::model::{MountKind, MountPoint};

    #[test]
    fn layers_are_copied_as_an_overlay_shows_them() {
        let root = TempRoot::new();
        let path = |name: &str| root.path().join(name);
        for directory in ["low/etc/sub", "top/etc", "data"] {
            fs::create_dir_all(path(directory)).unwrap();
        }
        fs::write(path("low/etc/a"), "old").unwrap();
        fs::write(path("low/etc/sub/b"), "below").unwrap();
        fs::write(path("top/etc/a"), "new").unwrap();
        symlink("a", path("top/etc/link")).unwrap();
        fs::set_permissions(path("top/etc"), fs::Permissions::from_mode(0o1750)).unwrap();
        let layers = ["top", "low"].map(|name| path(name).to_str().unwrap().to_string());
        fill(&layers, "/etc", &path("data")).unwrap();
        assert_eq!(fs::read_to_string(path("data/link")).unwrap(), "new");
        assert_eq!(fs::read_to_string(path("data/sub/b")).unwrap(), "below");
        assert_eq!(fs::metadata(path("data")).unwrap().mode() & 0o7777, 0o1750);
        // What has something in it is left alone, and so is a path that no layer has.
        fs::remove_file(path("data/a")).unwrap();
        fill(&layers, "/etc", &path("data")).unwrap();
        assert!(!path("data/a").exists());
        fs::create_dir(path("other")).unwrap();
        fill(&layers, "/none/there", &path("other")).unwrap();
        assert_eq!(fs::read_dir(path("other")).unwrap().count(), 0);
        // A link counts with its text; a second name of a file does not count.
        fs::hard_link(path("data/sub/b"), path("data/sub/c")).unwrap();
        assert_eq!(bytes_below(&path("data")), 6);
    }

    #[test]
    fn a_volume_without_a_record_is_none() {
        let root = TempRoot::new();
        let store = root.store();
        let directory = |name: &str| PathBuf::from(store.layout().volume(name));
        let volume = Volume { name: "data".into(), created_ns: 7, ..Volume::default() };
        create(&volume, &directory("data")).unwrap();
        fs::create_dir_all(directory("half").join(DATA)).unwrap();
        assert_eq!(load(root.path()).unwrap().0, [volume]);
        remove(&store, &directory("data")).unwrap();
        assert!(load(root.path()).unwrap().0.is_empty() && !directory("data").exists());
    }

    #[test]
    fn what_nobody_named_goes_with_its_container_unless_another_has_it() {
        let root = TempRoot::new();
        let store = root.store();
        let name = "ab".repeat(32);
        let directory = PathBuf::from(store.layout().volume(&name));
        create(&Volume { name: name.clone(), ..Volume::default() }, &directory).unwrap();
        let point = MountPoint { kind: MountKind::Volume, name, anonymous: true, ..MountPoint::default() };
        let mut one = container(&store, "aa");
        one.mounts = vec![point];
        let two = Container { id: glassbox_core::model::ContainerId("bb".into()), ..one.clone() };
        fs::create_dir_all(store.layout().container(&two.id)).unwrap();
        store.save_container(&two).unwrap();
        remove_unnamed(&store, &one).unwrap();
        assert!(directory.is_dir());
        store.remove(Path::new(&store.layout().container(&two.id))).unwrap();
        remove_unnamed(&store, &one).unwrap();
        assert!(!directory.exists());
    }
}
