//! Waiting for children, and the clocks.

use glassbox_core::userland::{Pid, Signal, SysResult, WaitStatus};

use super::check;
use super::signal::Signals;

/// wait4(2). Where signals are caught it must not sleep in the kernel unseen: it asks, and sleeps in `pause` until SIGCHLD.
pub fn wait(signals: &Signals, pid: Pid, hang: bool) -> SysResult<Option<(Pid, WaitStatus)>> {
    if !hang || !signals.any_caught() {
        return once(pid, if hang { 0 } else { libc::WNOHANG });
    }
    loop {
        if let Some(ended) = once(pid, libc::WNOHANG)? {
            return Ok(Some(ended));
        }
        signals.pause_for_child()?;
    }
}

fn once(pid: Pid, flags: libc::c_int) -> SysResult<Option<(Pid, WaitStatus)>> {
    let mut status = 0;
    // SAFETY: `status` is a live integer.
    let ended = check(unsafe { libc::waitpid(pid, &mut status, flags) })?;
    if ended == 0 {
        return Ok(None);
    }
    let status = if libc::WIFSIGNALED(status) {
        WaitStatus::Signaled(Signal(libc::WTERMSIG(status)))
    } else {
        WaitStatus::Exited(libc::WEXITSTATUS(status))
    };
    Ok(Some((ended, status)))
}

/// A clock in nanoseconds and in seconds.
pub fn clock(id: libc::clockid_t) -> (u64, i64) {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a live timespec, and the two clocks that are asked for exist on every Linux.
    unsafe { libc::clock_gettime(id, &mut time) };
    (time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64, time.tv_sec)
}
