//! Extended attributes: xattr(7). A link at the end of a path is not followed.

use std::ffi::CStr;
use std::path::Path;

use glassbox_core::errno::Errno;

use super::{Result, c_path, c_text, check, last_errno};

/// XATTR_LIST_MAX and XATTR_SIZE_MAX of limits.h: no list and no value is longer.
const BYTES_MAX: usize = 1 << 16;

/// lsetxattr(2)
pub fn set(path: impl AsRef<Path>, name: &str, value: &[u8]) -> Result<()> {
    let (path, name) = (c_path(path)?, c_text(name)?);
    // SAFETY: both are C strings, and `value` is as long as the call is told.
    check(unsafe { libc::lsetxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) })?;
    Ok(())
}

/// llistxattr(2). Names that are no UTF-8 are left out: the kernel has none. A file system without attributes has no names.
pub fn names(path: impl AsRef<Path>) -> Result<Vec<String>> {
    let path = c_path(path)?;
    // SAFETY: a C string; without a buffer the call tells the length.
    let length = count(unsafe { libc::llistxattr(path.as_ptr(), std::ptr::null_mut(), 0) });
    let Ok(length @ 1..) = length else { return forgive(length.map(|_| Vec::new())) };
    let mut buffer = vec![0_u8; length.max(BYTES_MAX)];
    // SAFETY: a C string, and a buffer that is as long as the call is told.
    let length = count(unsafe { libc::llistxattr(path.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) })?;
    let names = buffer[..length].split_inclusive(|byte| *byte == 0).filter_map(|name| CStr::from_bytes_with_nul(name).ok());
    Ok(names.filter_map(|name| name.to_str().ok().map(str::to_string)).collect())
}

fn forgive(answer: Result<Vec<String>>) -> Result<Vec<String>> {
    match answer {
        Err(Errno::EOPNOTSUPP) => Ok(Vec::new()),
        answer => answer,
    }
}

/// lgetxattr(2)
pub fn get(path: impl AsRef<Path>, name: &str) -> Result<Vec<u8>> {
    let (path, name) = (c_path(path)?, c_text(name)?);
    let mut value = vec![0_u8; BYTES_MAX];
    // SAFETY: both are C strings, and `value` is as long as the call is told.
    let length = count(unsafe { libc::lgetxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) })?;
    value.truncate(length);
    Ok(value)
}

fn count(answer: isize) -> Result<usize> {
    usize::try_from(answer).map_err(|_| last_errno())
}
