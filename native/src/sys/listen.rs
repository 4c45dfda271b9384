//! A listening socket in a directory, SOCK_SEQPACKET of unix(7): a container's monitor waits there for those who attach.
//!
//! A name is given relative to an open directory, since a unix address holds 108 bytes and a data root may lie deep.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use glassbox_core::errno::Errno;

use super::socket::Channel;
use super::{Result, check, errno_of, last_errno, retry};

/// How many may wait to be accepted.
const WAITING_MAX: libc::c_int = 32;

/// Listens until it is dropped; then the name goes.
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
    path: PathBuf,
}

impl Listener {
    /// bind(2) and listen(2). What has the name already goes: the socket of a monitor that is dead. Only the owner can connect.
    pub fn bind(path: &Path) -> Result<Listener> {
        let directory = parent(path)?;
        let _ = std::fs::remove_file(path);
        let (address, length) = address(&directory, path)?;
        let fd = socket(libc::SOCK_NONBLOCK)?;
        // SAFETY: the address is valid for its length, and the call only reads it.
        check(unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), length) })?;
        let listener = Listener { fd, path: path.to_path_buf() };
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(path, mode).map_err(|error| errno_of(&error))?;
        // SAFETY: the descriptor is a bound socket.
        check(unsafe { libc::listen(listener.fd.as_raw_fd(), WAITING_MAX) })?;
        Ok(listener)
    }

    /// accept4(2): who is next, without blocking later; `None`: nobody.
    pub fn accept(&self) -> Result<Option<Channel>> {
        let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: null addresses are not written to.
        let answer =
            retry(|| match unsafe { libc::accept4(self.fd.as_raw_fd(), std::ptr::null_mut(), std::ptr::null_mut(), flags) } {
                -1 => Err(last_errno()),
                fd => Ok(fd),
            });
        match answer {
            // SAFETY: the descriptor is new and nobody else owns it.
            Ok(fd) => Ok(Some(Channel::from_fd(unsafe { OwnedFd::from_raw_fd(fd) }))),
            Err(Errno::EAGAIN | Errno(libc::ECONNABORTED)) => Ok(None),
            Err(errno) => Err(errno),
        }
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.fd.as_raw_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // It may have gone with its directory.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// connect(2). ENOENT, ECONNREFUSED: nobody listens there (yet, or any more).
pub fn connect(path: &Path) -> Result<Channel> {
    let directory = parent(path)?;
    let (address, length) = address(&directory, path)?;
    let fd = socket(0)?;
    // SAFETY: the address is valid for its length, and the call only reads it.
    retry(|| check(unsafe { libc::connect(fd.as_raw_fd(), (&raw const address).cast(), length) }))?;
    Ok(Channel::from_fd(fd))
}

fn socket(flags: libc::c_int) -> Result<OwnedFd> {
    // SAFETY: socket takes no pointers.
    let fd = check(unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC | flags, 0) })?;
    // SAFETY: the descriptor is new and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn parent(path: &Path) -> Result<File> {
    let directory = path.parent().ok_or(Errno::EINVAL)?;
    OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_DIRECTORY).open(directory).map_err(|error| errno_of(&error))
}

/// `/proc/self/fd/N/NAME`: short, however deep the directory lies.
fn address(directory: &File, path: &Path) -> Result<(libc::sockaddr_un, libc::socklen_t)> {
    let name = path.file_name().map(OsStr::as_bytes).ok_or(Errno::EINVAL)?;
    let short = [format!("/proc/self/fd/{}/", directory.as_raw_fd()).as_bytes(), name].concat();
    // SAFETY: sockaddr_un is plain data; zeros are an empty address.
    let mut address: libc::sockaddr_un = unsafe { zeroed() };
    if short.len() >= address.sun_path.len() {
        return Err(Errno(libc::ENAMETOOLONG));
    }
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    for (to, from) in address.sun_path.iter_mut().zip(&short) {
        *to = *from as libc::c_char;
    }
    let length = size_of::<libc::sa_family_t>() + short.len() + 1;
    Ok((address, length as libc::socklen_t))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_connects_is_heard_and_the_name_goes_with_the_listener() {
        let directory = crate::test_support::TempRoot::new();
        let deep = directory.path().join("d".repeat(120));
        std::fs::create_dir(&deep).unwrap();
        let path = deep.join("socket");
        assert_eq!(connect(&path).unwrap_err(), Errno::ENOENT);
        let listener = Listener::bind(&path).unwrap();
        assert!(listener.accept().unwrap().is_none());
        let near = connect(&path).unwrap();
        let far = listener.accept().unwrap().unwrap();
        near.send(b"hello", &[]).unwrap();
        assert_eq!(far.receive().unwrap().unwrap().bytes, b"hello");
        drop(listener);
        assert!(!path.exists());
    }
}
