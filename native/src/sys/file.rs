//! Descriptors and files: dup2(2), close_range(2), flock(2), memfd_create(2), poll(2). Files below a container's root are in
//! `rootfs`.

use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

use glassbox_core::errno::Errno;

use super::{Result, c_path, c_text, check, check_long, last_errno, retry};

/// dup2(2): `new` becomes a copy of `old`, open across exec. Where both are the same number, close-on-exec is cleared too.
pub fn dup2(old: &impl AsRawFd, new: RawFd) -> Result<()> {
    if old.as_raw_fd() == new {
        return keep_on_exec(old);
    }
    // SAFETY: no pointers. Whoever owned `new` is told by the name of this function that it is replaced.
    retry(|| check(unsafe { libc::dup2(old.as_raw_fd(), new) }))?;
    Ok(())
}

/// fcntl(2) F_DUPFD_CLOEXEC: a copy that is closed on exec.
pub fn duplicate(fd: &impl AsRawFd) -> Result<OwnedFd> {
    duplicate_above(fd, 0)
}

/// fcntl(2) F_DUPFD_CLOEXEC: a copy that is closed on exec, with a number of at least `lowest`.
pub fn duplicate_above(fd: &impl AsRawFd, lowest: RawFd) -> Result<OwnedFd> {
    // SAFETY: no pointers.
    let copy = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, lowest) })?;
    // SAFETY: the descriptor is new and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// fcntl(2) F_SETFD without FD_CLOEXEC.
pub fn keep_on_exec(fd: &impl AsRawFd) -> Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, 0) })?;
    Ok(())
}

/// fcntl(2) F_SETFL: O_NONBLOCK on or off, the other status flags as they are.
pub fn set_nonblocking(fd: &impl AsRawFd, on: bool) -> Result<()> {
    // SAFETY: no pointers.
    let flags = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })?;
    let flags = if on { flags | libc::O_NONBLOCK } else { flags & !libc::O_NONBLOCK };
    // SAFETY: no pointers.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags) })?;
    Ok(())
}

/// close_range(2) with CLOSE_RANGE_CLOEXEC: all descriptors from `lowest` on will be closed by the next execve. This is the way
/// to keep descriptors from a container: owners in this process stay valid until then.
pub fn close_on_exec_from(lowest: RawFd) -> Result<()> {
    close_range(lowest, libc::CLOSE_RANGE_CLOEXEC)
}

/// close_range(2): closes all descriptors from `lowest` on at once. Only for a process that owns none of them any more: one that
/// is about to execute a program or to end. Values that still own one close a number that may be in use again.
pub fn close_from(lowest: RawFd) -> Result<()> {
    close_range(lowest, 0)
}

/// The same of all from `lowest` on but these.
pub fn close_all_but(lowest: RawFd, kept: &[RawFd]) -> Result<()> {
    let mut kept: Vec<RawFd> = kept.iter().copied().filter(|number| *number >= lowest).collect();
    kept.sort_unstable();
    let mut from = lowest;
    for number in kept {
        if number > from {
            close_numbers(from, number as libc::c_uint - 1, 0)?;
        }
        from = number + 1;
    }
    close_from(from)
}

fn close_range(lowest: RawFd, flags: libc::c_uint) -> Result<()> {
    close_numbers(lowest, libc::c_uint::MAX, flags)
}

fn close_numbers(lowest: RawFd, highest: libc::c_uint, flags: libc::c_uint) -> Result<()> {
    // SAFETY: no pointers. What closing descriptors of others means stands with the callers.
    check_long(unsafe { libc::syscall(libc::SYS_close_range, lowest as libc::c_uint, highest, flags) })?;
    Ok(())
}

/// flock(2) LOCK_SH | LOCK_NB: `false` where somebody else has it alone.
pub fn try_lock_shared(fd: &impl AsRawFd) -> Result<bool> {
    // SAFETY: no pointers.
    match retry(|| check(unsafe { libc::flock(fd.as_raw_fd(), libc::LOCK_SH | libc::LOCK_NB) })) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// flock(2) LOCK_EX: waits for the lock. It is held until the last copy of the descriptor is closed.
pub fn lock_exclusive(fd: &impl AsRawFd) -> Result<()> {
    // SAFETY: no pointers.
    retry(|| check(unsafe { libc::flock(fd.as_raw_fd(), libc::LOCK_EX) }))?;
    Ok(())
}

/// flock(2) LOCK_EX | LOCK_NB: `false` where somebody else holds it.
pub fn try_lock_exclusive(fd: &impl AsRawFd) -> Result<bool> {
    // SAFETY: no pointers.
    match retry(|| check(unsafe { libc::flock(fd.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) })) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// flock(2) LOCK_UN
pub fn unlock(fd: &impl AsRawFd) -> Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::flock(fd.as_raw_fd(), libc::LOCK_UN) })?;
    Ok(())
}

/// memfd_create(2): an anonymous file in memory, closed on exec. The name shows in /proc/PID/fd only.
pub fn memory_file(name: &str) -> Result<OwnedFd> {
    let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the name is a C string that outlives the call.
    let fd = check(unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) })?;
    // SAFETY: the descriptor is new and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// pipe2(2): (read end, write end), closed on exec.
pub fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    let mut ends: [RawFd; 2] = [-1, -1];
    // SAFETY: the kernel writes two descriptors into the array.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    // SAFETY: both descriptors are new and nobody else owns them.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

/// read(2) into `buffer`; 0 is the end. Interrupted calls are made again.
pub fn read(fd: &impl AsRawFd, buffer: &mut [u8]) -> Result<usize> {
    // SAFETY: the pointer and the length are of the same slice.
    retry(|| match unsafe { libc::read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) } {
        -1 => Err(last_errno()),
        length => Ok(length as usize),
    })
}

/// All bytes of the file at `path`: open(2), then read(2) until its end. For the files of /proc and /sys, which tell no size and are
/// short: one page is asked for at once.
pub fn read_path(path: impl AsRef<Path>) -> Result<Vec<u8>> {
    const PAGE_BYTES: usize = 4096;
    let file = std::fs::File::open(path).map_err(|error| super::errno_of(&error))?;
    let mut bytes = Vec::new();
    loop {
        let length = bytes.len();
        bytes.resize(length + PAGE_BYTES, 0);
        let got = read(&file, &mut bytes[length..])?;
        bytes.truncate(length + got);
        if got == 0 {
            return Ok(bytes);
        }
    }
}

/// write(2), once: answers how many bytes were taken. Interrupted calls are made again.
pub fn write(fd: &impl AsRawFd, bytes: &[u8]) -> Result<usize> {
    // SAFETY: the pointer and the length are of the same slice.
    retry(|| match unsafe { libc::write(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) } {
        -1 => Err(last_errno()),
        length => Ok(length as usize),
    })
}

/// write(2) until all is written.
pub fn write_all(fd: &impl AsRawFd, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        let written = write(fd, bytes)?;
        bytes = &bytes[written..];
    }
    Ok(())
}

/// renameat2(2) with RENAME_EXCHANGE: each file has the other's name then. ENOENT: one is not there. EINVAL: the file system cannot.
pub fn exchange(one: impl AsRef<Path>, other: impl AsRef<Path>) -> Result<()> {
    let (one, other) = (c_path(one)?, c_path(other)?);
    let here = libc::AT_FDCWD;
    // SAFETY: both are C strings that outlive the call.
    let call = || unsafe { libc::syscall(libc::SYS_renameat2, here, one.as_ptr(), here, other.as_ptr(), libc::RENAME_EXCHANGE) };
    check_long(call()).map(drop)
}

/// access(2) with W_OK: this process may write to the file.
pub fn is_writable(path: impl AsRef<Path>) -> bool {
    let Ok(path) = c_path(path) else { return false };
    // SAFETY: the path is a C string that outlives the call.
    unsafe { libc::access(path.as_ptr(), libc::W_OK) == 0 }
}

/// faccessat(2) with X_OK and AT_EACCESS: this process may execute the file.
pub fn check_executable(path: impl AsRef<Path>) -> Result<()> {
    let path = c_path(path)?;
    // SAFETY: the path is a C string that outlives the call.
    check(unsafe { libc::faccessat(libc::AT_FDCWD, path.as_ptr(), libc::X_OK, libc::AT_EACCESS) }).map(drop)
}

/// lgetxattr(2): whether the file has an extended attribute of this name that the caller may read. Links are not followed.
pub fn has_attribute(path: impl AsRef<Path>, name: &str) -> bool {
    let (Ok(path), Ok(name)) = (c_path(path), c_text(name)) else { return false };
    // SAFETY: both are C strings that outlive the call; a length of 0 asks for the size only, and nothing is written.
    unsafe { libc::lgetxattr(path.as_ptr(), name.as_ptr(), std::ptr::null_mut(), 0) >= 0 }
}

/// lsetxattr(2). Links are not followed. `trusted.` needs CAP_SYS_ADMIN.
pub fn set_attribute(path: impl AsRef<Path>, name: &str, value: &[u8]) -> Result<()> {
    let (path, name) = (c_path(path)?, c_text(name)?);
    // SAFETY: both are C strings that outlive the call; the pointer and the length are of the same slice.
    check(unsafe { libc::lsetxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) })?;
    Ok(())
}

/// What to look for on one descriptor, and what `poll` found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The descriptor; a negative one is passed over.
    pub fd: RawFd,
    /// Look for data to read (POLLIN).
    pub want_read: bool,
    /// Look for room to write (POLLOUT).
    pub want_write: bool,
    /// Found: data can be read.
    pub readable: bool,
    /// Found: data can be written.
    pub writable: bool,
    /// Found: the other side is closed, or an error (POLLHUP, POLLERR, POLLNVAL). There may still be data to read.
    pub closed: bool,
}

impl Watch {
    /// Looks for data to read.
    pub fn read(fd: &impl AsRawFd) -> Watch {
        let fd = fd.as_raw_fd();
        Watch { fd, want_read: true, want_write: false, readable: false, writable: false, closed: false }
    }

    /// Looks for room to write.
    pub fn write(fd: &impl AsRawFd) -> Watch {
        Watch { want_read: false, want_write: true, ..Watch::read(fd) }
    }

    fn asked(self) -> libc::pollfd {
        let bit = |on: bool, bit: libc::c_short| if on { bit } else { 0 };
        let events = bit(self.want_read, libc::POLLIN) | bit(self.want_write, libc::POLLOUT);
        libc::pollfd { fd: self.fd, events, revents: 0 }
    }

    fn answered(&mut self, answer: libc::pollfd) {
        self.readable = answer.revents & libc::POLLIN != 0;
        self.writable = answer.revents & libc::POLLOUT != 0;
        self.closed = answer.revents & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0;
    }
}

/// poll(2): waits until something was found, at most `milliseconds` (`None`: for ever). Answers on how many descriptors. EINTR
/// is answered, not repeated: the caller decides whether the time starts anew.
pub fn poll(watches: &mut [Watch], milliseconds: Option<u32>) -> Result<usize> {
    let mut asked: Vec<libc::pollfd> = watches.iter().map(|watch| watch.asked()).collect();
    let timeout = milliseconds.map_or(-1, |milliseconds| libc::c_int::try_from(milliseconds).unwrap_or(libc::c_int::MAX));
    // SAFETY: the pointer and the count are of the same vector.
    let found = check(unsafe { libc::poll(asked.as_mut_ptr(), asked.len() as libc::nfds_t, timeout) })?;
    for (watch, answer) in watches.iter_mut().zip(asked) {
        watch.answered(answer);
    }
    Ok(found as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_tells_data_and_its_end() {
        let (reader, writer) = pipe().unwrap();
        let mut watches = [Watch::read(&reader), Watch::write(&writer)];
        assert_eq!(poll(&mut watches, Some(0)).unwrap(), 1);
        assert!(!watches[0].readable && watches[1].writable);
        write_all(&writer, b"abc").unwrap();
        assert_eq!(poll(&mut watches[..1], None).unwrap(), 1);
        assert!(watches[0].readable && !watches[0].closed);
        drop(writer);
        let mut buffer = [0; 8];
        assert_eq!(read(&reader, &mut buffer).unwrap(), 3);
        assert_eq!(poll(&mut watches[..1], None).unwrap(), 1);
        assert!(watches[0].closed);
        assert_eq!(read(&reader, &mut buffer).unwrap(), 0);
    }

    #[test]
    fn an_exclusive_lock_is_exclusive() {
        let path = std::env::temp_dir().join(format!("glassbox-lock-{}", std::process::id()));
        let first = std::fs::File::create(&path).unwrap();
        let second = std::fs::File::open(&path).unwrap();
        lock_exclusive(&first).unwrap();
        assert!(!try_lock_exclusive(&second).unwrap());
        unlock(&first).unwrap();
        assert!(try_lock_exclusive(&second).unwrap());
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_memory_file_holds_bytes() {
        let fd = memory_file("glassbox-test").unwrap();
        write_all(&fd, b"bytes").unwrap();
        let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
        assert_eq!(std::fs::read(path).unwrap(), b"bytes");
    }

    #[test]
    fn reading_that_would_wait() {
        let (reader, _writer) = pipe().unwrap();
        set_nonblocking(&reader, true).unwrap();
        assert_eq!(read(&reader, &mut [0; 1]).unwrap_err(), Errno::EAGAIN);
        assert!(duplicate_above(&reader, 100).unwrap().as_raw_fd() >= 100);
    }
}
