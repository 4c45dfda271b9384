//! What is in a directory: getdents64(2). The C library's readdir(3) takes and gives back memory of its own for each directory, which is
//! most of what a look into an empty one costs.

use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{Result, check_long, errno_of, retry};

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Neither `.` nor `..`.
    pub name: CString,
    /// `Some(true)`: a directory; `None`: this file system does not tell.
    pub is_directory: Option<bool>,
}

/// Enough for most directories at once.
const BUFFER_BYTES: usize = 2048;

/// Offsets within struct linux_dirent64.
const LENGTH: usize = 16;
const KIND: usize = 18;
const NAME: usize = 19;

/// All entries of the open directory, from where it was read to.
pub fn entries(directory: &impl AsRawFd) -> Result<Vec<Entry>> {
    let mut buffer = [0u8; BUFFER_BYTES];
    let mut all = Vec::new();
    loop {
        let length = read(directory.as_raw_fd(), &mut buffer)?;
        let mut rest = buffer.get(..length).unwrap_or_default();
        if rest.is_empty() {
            return Ok(all);
        }
        while let Some((entry, after)) = first(rest) {
            rest = after;
            all.extend(Some(entry).filter(|entry| !matches!(entry.name.to_bytes(), b"." | b"..")));
        }
    }
}

/// The names in the directory at `path`, as far as they are UTF-8, in no order.
pub fn names(path: impl AsRef<Path>) -> Result<Vec<String>> {
    let directory = File::open(path).map_err(|error| errno_of(&error))?;
    Ok(entries(&directory)?.into_iter().filter_map(|entry| entry.name.into_string().ok()).collect())
}

impl Entry {
    /// The name as a path.
    pub fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(self.name.to_bytes()))
    }
}

fn read(directory: RawFd, buffer: &mut [u8]) -> Result<usize> {
    // SAFETY: the pointer and the length are of the same slice.
    let mut call = || unsafe { libc::syscall(libc::SYS_getdents64, directory, buffer.as_mut_ptr(), buffer.len()) };
    retry(|| check_long(call())).map(|length| length as usize)
}

/// The first entry of what the kernel has written, and what comes after it.
fn first(bytes: &[u8]) -> Option<(Entry, &[u8])> {
    let length = bytes.get(LENGTH..)?.first_chunk().map(|length| u16::from_ne_bytes(*length))?;
    let (entry, after) = bytes.split_at_checked(usize::from(length))?;
    let name = CStr::from_bytes_until_nul(entry.get(NAME..)?).ok()?.to_owned();
    let is_directory = match *entry.get(KIND)? {
        libc::DT_UNKNOWN => None,
        kind => Some(kind == libc::DT_DIR),
    };
    Some((Entry { name, is_directory }, after))
}

#[cfg(test)]
mod tests {
    use glassbox_core::errno::Errno;

    use super::*;
    use crate::test_support::TempRoot;

    #[test]
    fn every_name_once_however_many_there_are() {
        let root = TempRoot::new();
        let wanted: Vec<String> = (0..500).map(|number| format!("a rather long name {number:03}")).collect();
        wanted.iter().for_each(|name| std::fs::write(root.path().join(name), "").unwrap());
        let mut found = names(root.path()).unwrap();
        found.sort();
        assert_eq!(found, wanted);
        assert_eq!(names(root.path().join(&wanted[0])).unwrap_err(), Errno(libc::ENOTDIR));
        assert_eq!(names(root.path().join("none")).unwrap_err(), Errno::ENOENT);
    }

    #[test]
    fn a_directory_is_told_from_a_file() {
        let root = TempRoot::new();
        std::fs::create_dir(root.path().join("a")).unwrap();
        std::fs::write(root.path().join("b"), "").unwrap();
        let mut found = entries(&File::open(root.path()).unwrap()).unwrap();
        found.sort_by_key(|entry| entry.name.clone());
        let told: Vec<_> =
            found.iter().map(|entry| (entry.path(), entry.is_directory.unwrap_or(entry.path() == Path::new("a")))).collect();
        assert_eq!(told, [(Path::new("a"), true), (Path::new("b"), false)]);
    }
}
