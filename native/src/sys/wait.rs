//! Waiting for children: wait4(2), and waitid(2) on a pidfd, both with what the child has used (getrusage(2)).

use std::mem::zeroed;
use std::os::fd::AsRawFd;

use glassbox_core::errno::Errno;
use glassbox_core::userland::{Signal, WaitStatus};

use super::process::Pid;
use super::{Result, check, check_long, retry};

/// A child that ended and was taken from the process table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its pid.
    pub pid: Pid,
    /// How it ended.
    pub status: WaitStatus,
    /// What it and the descendants that it waited for have used.
    pub usage: Usage,
}

/// The part of struct rusage that Linux fills and that is of use here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Peak resident memory in bytes (ru_maxrss) of the largest process.
    pub memory_bytes_max: u64,
    /// Time in user mode, microseconds.
    pub user_microseconds: u64,
    /// Time in the kernel, microseconds.
    pub system_microseconds: u64,
}

/// wait4(2) for the child `pid` (-1: any; 0 and below -1: of a group). Without `hang`: `None` if none has ended yet.
/// ECHILD: no such child.
pub fn wait(pid: Pid, hang: bool) -> Result<Option<Ended>> {
    let options = if hang { 0 } else { libc::WNOHANG };
    retry(|| {
        let mut status = 0;
        // SAFETY: rusage is plain data; both pointers are valid for the call.
        let (answer, usage) = unsafe {
            let mut usage: libc::rusage = zeroed();
            (check(libc::wait4(pid, &mut status, options, &mut usage))?, usage)
        };
        Ok((answer != 0).then(|| Ended { pid: answer, status: status_of(status), usage: usage_of(&usage) }))
    })
}

/// waitid(2) with P_PIDFD for exactly the child that the descriptor stands for. Without `hang`: `None` if it has not ended yet.
/// ECHILD: it is not a child of the caller, or was waited for already.
pub fn wait_pidfd(pidfd: &impl AsRawFd, hang: bool) -> Result<Option<Ended>> {
    /// P_PIDFD
    const BY_PIDFD: libc::c_int = 3;
    let options = libc::WEXITED | if hang { 0 } else { libc::WNOHANG };
    retry(|| {
        // SAFETY: siginfo_t and rusage are plain data; both pointers are valid for the call. si_pid and si_status are read for
        // SIGCHLD, of which they are members, or are still zero.
        unsafe {
            let (mut info, mut usage): (libc::siginfo_t, libc::rusage) = (zeroed(), zeroed());
            let fd = pidfd.as_raw_fd();
            check_long(libc::syscall(libc::SYS_waitid, BY_PIDFD, fd, &raw mut info, options, &raw mut usage))?;
            if info.si_pid() == 0 {
                return Ok(None);
            }
            let status = match info.si_code {
                libc::CLD_EXITED => WaitStatus::Exited(info.si_status()),
                _ => WaitStatus::Signaled(Signal(info.si_status())),
            };
            Ok(Some(Ended { pid: info.si_pid(), status, usage: usage_of(&usage) }))
        }
    })
}

/// Waits for a child that has to be there: as `wait_pidfd` with `hang`.
pub fn wait_until_ended(pidfd: &impl AsRawFd) -> Result<Ended> {
    wait_pidfd(pidfd, true)?.ok_or(Errno::ECHILD)
}

/// What this process, or with `children` all its children that it waited for, have used: getrusage(2).
pub fn usage(children: bool) -> Result<Usage> {
    let who = if children { libc::RUSAGE_CHILDREN } else { libc::RUSAGE_SELF };
    // SAFETY: rusage is plain data; the kernel writes into it.
    let usage = unsafe {
        let mut usage: libc::rusage = zeroed();
        check(libc::getrusage(who, &mut usage))?;
        usage
    };
    Ok(usage_of(&usage))
}

fn status_of(status: libc::c_int) -> WaitStatus {
    if libc::WIFSIGNALED(status) {
        WaitStatus::Signaled(Signal(libc::WTERMSIG(status)))
    } else {
        WaitStatus::Exited(libc::WEXITSTATUS(status))
    }
}

fn usage_of(usage: &libc::rusage) -> Usage {
    let microseconds = |time: libc::timeval| time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64;
    Usage {
        memory_bytes_max: usage.ru_maxrss as u64 * 1024,
        user_microseconds: microseconds(usage.ru_utime),
        system_microseconds: microseconds(usage.ru_stime),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_ways_to_end() {
        assert_eq!(status_of(7 << 8), WaitStatus::Exited(7));
        assert_eq!(status_of(9), WaitStatus::Signaled(Signal::SIGKILL));
        assert_eq!(status_of(9).code(), 137);
    }

    #[test]
    fn our_own_peak_memory_is_known() {
        assert!(usage(false).unwrap().memory_bytes_max > 100_000);
    }
}
