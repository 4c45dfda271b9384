//! What a call answers: `errno` of WASI, which numbers the errors in an order of its own.

use super::guest::Fault;
use crate::errno::Errno;

/// The answer to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Its result.
    Errno(WasiErrno),
    /// It has to wait: make it again when the process goes on.
    Wait,
    /// The module ends with this code, 0 to 255.
    Exit(i32),
}

/// `errno`: 16 bits, 0 for success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WasiErrno(pub u16);

/// Why a call has not been carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// The kernel's answer.
    Kernel(Errno),
    /// WASI's own.
    Own(WasiErrno),
}

/// The result of a call.
pub(super) type Done = Result<(), Failed>;

impl WasiErrno {
    pub(super) const BADF: WasiErrno = WasiErrno(8);
    pub(super) const FAULT: WasiErrno = WasiErrno(21);
    pub(super) const INVAL: WasiErrno = WasiErrno(28);
    pub(super) const IO: WasiErrno = WasiErrno(29);
    pub(super) const MFILE: WasiErrno = WasiErrno(33);
    pub(super) const NOSYS: WasiErrno = WasiErrno(52);
    pub(super) const NOTDIR: WasiErrno = WasiErrno(54);
    pub(super) const PERM: WasiErrno = WasiErrno(63);
    pub(super) const SPIPE: WasiErrno = WasiErrno(70);
}

/// Linux's names of the errors, with WASI's numbers.
const NUMBERS: &[(Errno, u16)] = &[
    (Errno::E2BIG, 1),
    (Errno::EACCES, 2),
    (Errno::EAGAIN, 6),
    (Errno::EBADF, 8),
    (Errno::EBUSY, 10),
    (Errno::ECHILD, 12),
    (Errno::EEXIST, 20),
    (Errno::EFAULT, 21),
    (Errno::EFBIG, 22),
    (Errno::EINTR, 27),
    (Errno::EINVAL, 28),
    (Errno::EIO, 29),
    (Errno::EISDIR, 31),
    (Errno::ELOOP, 32),
    (Errno::EMFILE, 33),
    (Errno::EMLINK, 34),
    (Errno::ENAMETOOLONG, 37),
    (Errno::ENFILE, 41),
    (Errno::ENODEV, 43),
    (Errno::ENOENT, 44),
    (Errno::ENOEXEC, 45),
    (Errno::ENOMEM, 48),
    (Errno::ENOSPC, 51),
    (Errno::ENOSYS, 52),
    (Errno::ENOTDIR, 54),
    (Errno::ENOTEMPTY, 55),
    (Errno::ENOTTY, 59),
    (Errno::ENXIO, 60),
    (Errno::EPERM, 63),
    (Errno::EPIPE, 64),
    (Errno::EROFS, 69),
    (Errno::ESPIPE, 70),
    (Errno::ESRCH, 71),
    (Errno::EXDEV, 75),
];

impl From<Errno> for WasiErrno {
    fn from(errno: Errno) -> WasiErrno {
        NUMBERS.iter().find(|(known, _)| *known == errno).map_or(WasiErrno::IO, |(_, number)| WasiErrno(*number))
    }
}

impl From<Errno> for Failed {
    fn from(errno: Errno) -> Failed {
        Failed::Kernel(errno)
    }
}

impl From<WasiErrno> for Failed {
    fn from(errno: WasiErrno) -> Failed {
        Failed::Own(errno)
    }
}

impl From<Fault> for Failed {
    fn from(_: Fault) -> Failed {
        Failed::Own(WasiErrno::FAULT)
    }
}

pub(super) fn of(done: Done) -> Answer {
    match done {
        Ok(()) => Answer::Errno(WasiErrno(0)),
        Err(Failed::Kernel(Errno::RESTART)) => Answer::Wait,
        Err(Failed::Kernel(errno)) => Answer::Errno(errno.into()),
        Err(Failed::Own(errno)) => Answer::Errno(errno),
    }
}
