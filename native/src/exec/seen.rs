//! The files as this process sees them, for [`glassbox_core::diagnosis`]: they are looked at only after something has failed.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, PermissionsExt};

use glassbox_core::diagnosis::{Files, Seen};
use glassbox_core::errno::Errno;
use glassbox_core::userland::FileKind;

use crate::sys::mount::{MountFlags, flags_of};
use crate::sys::{self, file};

/// As this process sees them: its root, its working directory, its permissions.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnFiles;

impl Files for OwnFiles {
    fn look(&self, path: &str) -> Result<Seen, Errno> {
        seen(path, &fs::symlink_metadata(path).map_err(|error| sys::errno_of(&error))?)
    }

    fn stat(&self, path: &str) -> Result<Seen, Errno> {
        seen(path, &fs::metadata(path).map_err(|error| sys::errno_of(&error))?)
    }

    fn read(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, Errno> {
        // Anything else could keep the reader waiting.
        if self.stat(path)?.kind != FileKind::File {
            return Err(Errno::EINVAL);
        }
        let file = File::open(path).map_err(|error| sys::errno_of(&error))?;
        let (mut bytes, mut filled) = (vec![0; length], 0);
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, offset + filled as u64).map_err(|error| sys::errno_of(&error))? {
                0 => break,
                more => filled += more,
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    fn may_execute(&self, path: &str) -> Result<(), Errno> {
        file::check_executable(path)
    }

    fn is_on_noexec(&self, path: &str) -> bool {
        flags_of(path).is_ok_and(|flags| flags.contains(MountFlags::NO_EXEC))
    }
}

fn seen(path: &str, metadata: &fs::Metadata) -> Result<Seen, Errno> {
    let of = metadata.file_type();
    let kind = match () {
        () if of.is_symlink() => FileKind::Symlink,
        () if of.is_dir() => FileKind::Directory,
        () if of.is_char_device() => FileKind::CharDevice,
        () if of.is_block_device() => FileKind::BlockDevice,
        () if of.is_fifo() => FileKind::Fifo,
        () => FileKind::File,
    };
    let link = match kind {
        FileKind::Symlink => {
            let target = fs::read_link(path).map_err(|error| sys::errno_of(&error))?;
            Some(target.to_string_lossy().into_owned())
        }
        _ => None,
    };
    Ok(Seen { kind, mode: metadata.permissions().mode() & 0o7777, uid: metadata.uid(), link })
}

#[cfg(test)]
mod tests {
    use glassbox_core::diagnosis::path::{Fault, element};

    use super::*;
    use crate::test_support::TempRoot;

    #[test]
    fn elements_are_told_apart() {
        let root = TempRoot::new();
        let at = |name: &str| root.path().join(name).display().to_string();
        fs::create_dir(at("directory")).unwrap();
        fs::write(at("directory/file"), "#!/bin/sh\n").unwrap();
        std::os::unix::fs::symlink("loop", at("loop")).unwrap();
        std::os::unix::fs::symlink("nowhere/x", at("dangling")).unwrap();
        let fault = |path: &str| element(&OwnFiles, &at(path)).map(|element| (element.path, element.fault));
        assert_eq!(fault("directory/file"), None);
        assert_eq!(fault("directory/file/x"), Some((at("directory/file"), Fault::NotADirectory(FileKind::File))));
        assert_eq!(fault("directory/no/x"), Some((at("directory/no"), Fault::Missing)));
        assert_eq!(fault("loop/x"), Some((at("loop"), Fault::Loop)));
        assert_eq!(fault("dangling"), Some((at("nowhere"), Fault::Missing)));
    }

    #[test]
    fn what_it_sees() {
        let root = TempRoot::new();
        let path = root.path().join("file").display().to_string();
        fs::write(&path, "0123456789").unwrap();
        assert_eq!(OwnFiles.read(&path, 4, 3), Ok(b"456".to_vec()));
        assert_eq!(OwnFiles.read(&path, 8, 30), Ok(b"89".to_vec()));
        assert_eq!(OwnFiles.may_execute(&path), Err(Errno::EACCES));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(OwnFiles.may_execute(&path), Ok(()));
        assert_eq!(OwnFiles.look(&path).unwrap().mode, 0o755);
        assert_eq!(OwnFiles.read("/proc/self/fd", 0, 1), Err(Errno::EINVAL));
        assert!(OwnFiles.is_on_noexec("/proc/self/maps") || !OwnFiles.is_on_noexec(&path));
    }
}
