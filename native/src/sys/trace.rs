//! Holding a child at the first instruction of its program: ptrace(2), for a look at it before it runs.

use glassbox_core::errno::Errno;

use super::process::Pid;
use super::{Result, check, check_long, retry};

/// Becomes the tracer of `pid`, a child of the caller, without stopping it; its next execve(2) will. EPERM: somebody traces it already.
pub fn hold_at_exec(pid: Pid) -> Result<()> {
    let options = libc::PTRACE_O_TRACEEXEC;
    // SAFETY: PTRACE_SEIZE takes no address, and its data are option bits.
    check_long(unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, 0, options) }).map(drop)
}

/// Waits until `pid` stands at the first instruction of its program. ESRCH: it ended instead.
pub fn await_exec(pid: Pid) -> Result<()> {
    loop {
        let mut status = 0;
        // SAFETY: status is valid for the call.
        retry(|| check(unsafe { libc::waitpid(pid, &mut status, libc::__WALL) }))?;
        if !libc::WIFSTOPPED(status) {
            return Err(Errno::ESRCH);
        }
        if status >> 8 == libc::SIGTRAP | (libc::PTRACE_EVENT_EXEC << 8) {
            return Ok(());
        }
        let signal = if status >> 16 == 0 { libc::WSTOPSIG(status) } else { 0 };
        // SAFETY: PTRACE_CONT takes no address, and its data are a signal number.
        check_long(unsafe { libc::ptrace(libc::PTRACE_CONT, pid, 0, signal) })?;
    }
}

/// Lets it run, and traces it no longer.
pub fn let_go(pid: Pid) -> Result<()> {
    // SAFETY: PTRACE_DETACH takes no address, and 0 is no signal.
    check_long(unsafe { libc::ptrace(libc::PTRACE_DETACH, pid, 0, 0) }).map(drop)
}
