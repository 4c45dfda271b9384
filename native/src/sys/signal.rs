//! Signals: dispositions (sigaction(2)), masks (sigprocmask(2)), and signals read from a descriptor (signalfd(2)).
//!
//! No handler of ours ever runs: a signal is left alone, ignored, or blocked and read.

use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use glassbox_core::errno::Errno;
use glassbox_core::userland::Signal;

use super::{Result, check, last_errno, process::Pid};

/// The highest signal number of Linux: signal(7).
pub const SIGNAL_MAX: i32 = 64;

/// A set of signals: sigsetops(3).
#[derive(Clone, Copy)]
pub struct SignalSet(libc::sigset_t);

impl SignalSet {
    /// No signal: sigemptyset(3).
    pub fn empty() -> SignalSet {
        // SAFETY: sigset_t is plain data; sigemptyset then makes it a valid set.
        unsafe {
            let mut set = zeroed();
            libc::sigemptyset(&mut set);
            SignalSet(set)
        }
    }

    /// All signals but those that the C library keeps for itself: sigfillset(3).
    pub fn full() -> SignalSet {
        // SAFETY: sigset_t is plain data; sigfillset then makes it a valid set.
        unsafe {
            let mut set = zeroed();
            libc::sigfillset(&mut set);
            SignalSet(set)
        }
    }

    /// These signals. Numbers that are no signals are left out.
    pub fn of(signals: &[Signal]) -> SignalSet {
        let mut set = SignalSet::empty();
        for signal in signals {
            // SAFETY: the set is valid; a number out of range only makes the call fail.
            unsafe { libc::sigaddset(&mut set.0, signal.0) };
        }
        set
    }

    /// sigismember(3)
    pub fn contains(&self, signal: Signal) -> bool {
        // SAFETY: the set is valid; the call only reads it.
        unsafe { libc::sigismember(&self.0, signal.0) == 1 }
    }
}

/// Adds the signals to the mask of this thread, SIG_BLOCK; answers the mask before: sigprocmask(2).
pub fn block(set: &SignalSet) -> Result<SignalSet> {
    change_mask(libc::SIG_BLOCK, set)
}

/// Replaces the mask of this thread, SIG_SETMASK; answers the mask before: sigprocmask(2).
pub fn set_mask(set: &SignalSet) -> Result<SignalSet> {
    change_mask(libc::SIG_SETMASK, set)
}

fn change_mask(how: libc::c_int, set: &SignalSet) -> Result<SignalSet> {
    let mut before = SignalSet::empty();
    // SAFETY: both sets are valid and outlive the call.
    match unsafe { libc::pthread_sigmask(how, &set.0, &mut before.0) } {
        0 => Ok(before),
        errno => Err(Errno(errno)),
    }
}

/// SIG_IGN. Inherited through execve(2). EINVAL for SIGKILL and SIGSTOP.
pub fn ignore(signal: Signal) -> Result<()> {
    set_disposition(signal, libc::SIG_IGN)
}

/// SIG_DFL.
pub fn restore_default(signal: Signal) -> Result<()> {
    set_disposition(signal, libc::SIG_DFL)
}

/// All signals back to SIG_DFL and none blocked, as a program that is about to be executed expects it.
pub fn restore_all() -> Result<()> {
    for number in 1..=SIGNAL_MAX {
        // The answer is EINVAL for SIGKILL, SIGSTOP and the two or three that the C library keeps: they are at their default.
        let _ = restore_default(Signal(number));
    }
    set_mask(&SignalSet::empty()).map(drop)
}

fn set_disposition(signal: Signal, handler: libc::sighandler_t) -> Result<()> {
    // SAFETY: sigaction is plain data, zeros are valid (no flags, empty mask), and the handler is SIG_DFL or SIG_IGN: no
    // function of ours is ever called.
    unsafe {
        let mut action: libc::sigaction = zeroed();
        action.sa_sigaction = handler;
        check(libc::sigaction(signal.0, &action, ptr::null_mut()))?;
    }
    Ok(())
}

/// Whether the signal is ignored at present: sigaction(2) with a null action.
pub fn is_ignored(signal: Signal) -> Result<bool> {
    // SAFETY: sigaction is plain data; the kernel writes the current action into it.
    let action = unsafe {
        let mut action: libc::sigaction = zeroed();
        check(libc::sigaction(signal.0, ptr::null(), &mut action))?;
        action
    };
    Ok(action.sa_sigaction == libc::SIG_IGN)
}

/// One signal that was read: the part of signalfd_siginfo that signalfd(2) fills for every signal and for SIGCHLD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalInfo {
    /// Which.
    pub signal: Signal,
    /// The sender, or the child that changed; 0 where the kernel or a process outside of the pid namespace sent it.
    pub pid: Pid,
    /// Real user id of the sender.
    pub uid: u32,
    /// For SIGCHLD: exit status, or number of the signal.
    pub status: i32,
}

/// A descriptor from which blocked signals are read: signalfd(2). Non-blocking, closed on exec.
#[derive(Debug)]
pub struct SignalFd(OwnedFd);

impl SignalFd {
    /// For these signals, which the caller has blocked (`block`) before.
    pub fn new(set: &SignalSet) -> Result<SignalFd> {
        // SAFETY: the set is valid and outlives the call.
        let fd = check(unsafe { libc::signalfd(-1, &set.0, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) })?;
        // SAFETY: the descriptor is new and nobody else owns it.
        Ok(SignalFd(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// The next pending signal, `None` where there is none: read(2).
    pub fn read(&self) -> Result<Option<SignalInfo>> {
        // SAFETY: signalfd_siginfo is plain data, and the kernel is told its size: it writes whole structures only.
        let (read, info) = unsafe {
            let mut info: libc::signalfd_siginfo = zeroed();
            let size = size_of::<libc::signalfd_siginfo>();
            (libc::read(self.0.as_raw_fd(), (&raw mut info).cast(), size), info)
        };
        if read == -1 {
            return match last_errno() {
                Errno::EAGAIN | Errno::EINTR => Ok(None),
                errno => Err(errno),
            };
        }
        let signal = Signal(info.ssi_signo as i32);
        Ok(Some(SignalInfo { signal, pid: info.ssi_pid as Pid, uid: info.ssi_uid, status: info.ssi_status }))
    }
}

impl AsRawFd for SignalFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_they_are_given() {
        let set = SignalSet::of(&[Signal::SIGTERM, Signal::SIGCHLD, Signal(999)]);
        assert!(set.contains(Signal::SIGTERM) && set.contains(Signal::SIGCHLD));
        assert!(!set.contains(Signal::SIGINT) && !SignalSet::empty().contains(Signal::SIGTERM));
        assert!(SignalSet::full().contains(Signal::SIGINT));
    }

    #[test]
    fn kill_cannot_be_ignored() {
        assert_eq!(ignore(Signal::SIGKILL).unwrap_err(), Errno::EINVAL);
    }
}
