//! Making processes and placing them: clone3(2), unshare(2), setns(2), execve(2), credentials, and what prctl(2) sets.
//!
//! After `clone_into` the child is a copy of the caller with one thread. Called from a process that had more than one, the child
//! may only make async-signal-safe calls until it executes a program: locks of the other threads stay locked in it.

use std::convert::Infallible;
use std::ffi::{CStr, CString};
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::ptr;

use glassbox_core::errno::Errno;
use glassbox_core::userland::Signal;

use super::{Result, c_path, check, check_long, last_errno};

/// A process id in the pid namespace of the caller.
pub type Pid = i32;

flags! {
    /// Flags of clone3(2), unshare(2) and setns(2): the kinds of namespaces, and what of clone3 is of use here.
    CloneFlags: u64 {
        /// CLONE_NEWNS: mount_namespaces(7)
        NEW_MOUNT = libc::CLONE_NEWNS;
        /// CLONE_NEWPID: pid_namespaces(7)
        NEW_PID = libc::CLONE_NEWPID;
        /// CLONE_NEWUTS: uts_namespaces(7)
        NEW_UTS = libc::CLONE_NEWUTS;
        /// CLONE_NEWIPC: ipc_namespaces(7)
        NEW_IPC = libc::CLONE_NEWIPC;
        /// CLONE_NEWNET: network_namespaces(7)
        NEW_NET = libc::CLONE_NEWNET;
        /// CLONE_NEWUSER: user_namespaces(7)
        NEW_USER = libc::CLONE_NEWUSER;
        /// CLONE_NEWCGROUP: cgroup_namespaces(7)
        NEW_CGROUP = libc::CLONE_NEWCGROUP;
        /// CLONE_PARENT: the child becomes a sibling of the caller.
        SIBLING = libc::CLONE_PARENT;
        /// CLONE_FILES: only for unshare: an own table of descriptors.
        FILES = libc::CLONE_FILES;
    }
}

/// In which of the two processes `clone_into` returned.
#[derive(Debug)]
pub enum CloneResult {
    /// In the new process.
    Child,
    /// In the caller.
    Parent {
        /// The child, as the caller sees it.
        pid: Pid,
        /// The child as a descriptor, closed on exec: pidfd_open(2).
        pidfd: OwnedFd,
    },
}

/// The argument of clone3(2), in its second version: up to `cgroup`.
#[repr(C)]
#[derive(Default)]
struct CloneArguments {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// clone3(2) as fork(2) with namespaces, SIGCHLD as the exit signal, and a pidfd. `cgroup`: a directory of a cgroup v2 tree in
/// which the child is born (CLONE_INTO_CGROUP). EPERM without the capability that a namespace needs; ENOSYS before Linux 5.3;
/// EINVAL or E2BIG for `cgroup` before Linux 5.7.
pub fn clone_into(flags: CloneFlags, cgroup: Option<RawFd>) -> Result<CloneResult> {
    const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
    let mut pidfd: RawFd = -1;
    let mut arguments = CloneArguments {
        flags: flags.0 | libc::CLONE_PIDFD as u64,
        pidfd: (&raw mut pidfd) as u64,
        exit_signal: libc::SIGCHLD as u64,
        ..CloneArguments::default()
    };
    if let Some(cgroup) = cgroup {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = cgroup as u64;
    }
    // SAFETY: the structure has the layout and the size that the kernel is told, and outlives the call. Neither CLONE_VM nor a
    // stack is given: the child runs on a copy of this memory, as after fork(2), so that nothing is shared and all references
    // stay valid in both.
    let pid = check_long(unsafe { libc::syscall(libc::SYS_clone3, &raw mut arguments, size_of::<CloneArguments>()) })?;
    if pid == 0 {
        return Ok(CloneResult::Child);
    }
    // SAFETY: the call succeeded, so the kernel has put a new descriptor there, which nobody else owns.
    Ok(CloneResult::Parent { pid: pid as Pid, pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) } })
}

/// unshare(2). NEW_PID takes effect for the children only.
pub fn unshare(flags: CloneFlags) -> Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::unshare(flags.0 as libc::c_int) })?;
    Ok(())
}

/// setns(2). `namespace` is a descriptor of /proc/PID/ns/KIND with one kind or none in `kinds`, or a pidfd with any number.
pub fn set_namespace(namespace: &impl AsRawFd, kinds: CloneFlags) -> Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::setns(namespace.as_raw_fd(), kinds.0 as libc::c_int) })?;
    Ok(())
}

/// execve(2). Returns only to fail.
pub fn execve(program: &CStr, argv: &[CString], env: &[CString]) -> Result<Infallible> {
    let (argv, env) = (pointers_of(argv), pointers_of(env));
    // SAFETY: the path is a C string; both arrays hold pointers to C strings that the caller keeps, and end with null.
    unsafe { libc::execve(program.as_ptr(), argv.as_ptr(), env.as_ptr()) };
    Err(last_errno())
}

/// execveat(2) with AT_EMPTY_PATH: executes the file behind the descriptor. Returns only to fail.
pub fn execute_fd(program: &impl AsRawFd, argv: &[CString], env: &[CString]) -> Result<Infallible> {
    let (argv, env) = (pointers_of(argv), pointers_of(env));
    let (fd, empty) = (program.as_raw_fd(), c"".as_ptr());
    // SAFETY: as for execve.
    unsafe { libc::syscall(libc::SYS_execveat, fd, empty, argv.as_ptr(), env.as_ptr(), libc::AT_EMPTY_PATH) };
    Err(last_errno())
}

fn pointers_of(texts: &[CString]) -> Vec<*const libc::c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
}

/// _exit(2): ends the process without running what is registered for its end. For a child that did not execute a program.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: no pointers; it does not return.
    unsafe { libc::_exit(status) }
}

/// pidfd_open(2). ESRCH: no such process.
pub fn pidfd_open(pid: Pid) -> Result<OwnedFd> {
    // SAFETY: no pointers.
    let fd = check_long(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    // SAFETY: the descriptor is new and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// pidfd_send_signal(2). Reaches the process that the descriptor was made for, never another one with the same number.
pub fn pidfd_send_signal(pidfd: &impl AsRawFd, signal: Signal) -> Result<()> {
    let none = ptr::null::<libc::siginfo_t>();
    // SAFETY: a null siginfo is allowed: the kernel then fills it as kill(2) does.
    check_long(unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal.0, none, 0) })?;
    Ok(())
}

/// kill(2). `None` is signal 0: only check whether one could. Zero and negative pids as the man page says.
pub fn kill(pid: Pid, signal: Option<Signal>) -> Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::kill(pid, signal.map_or(0, |signal| signal.0)) })?;
    Ok(())
}

/// getpid(2)
pub fn getpid() -> Pid {
    // SAFETY: no arguments; it cannot fail.
    unsafe { libc::getpid() }
}

/// getppid(2): 0 where the parent is outside of the pid namespace.
pub fn getppid() -> Pid {
    // SAFETY: no arguments; it cannot fail.
    unsafe { libc::getppid() }
}

/// setsid(2): a new session without a terminal. EPERM for the leader of a process group.
pub fn setsid() -> Result<Pid> {
    // SAFETY: no arguments.
    check(unsafe { libc::setsid() })
}

/// getsid(2); 0 is the caller.
pub fn getsid(pid: Pid) -> Result<Pid> {
    // SAFETY: no pointers.
    check(unsafe { libc::getsid(pid) })
}

/// setpgid(2)
pub fn setpgid(pid: Pid, group: Pid) -> Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::setpgid(pid, group) })?;
    Ok(())
}

/// getpgid(2); 0 is the caller.
pub fn getpgid(pid: Pid) -> Result<Pid> {
    // SAFETY: no pointers.
    check(unsafe { libc::getpgid(pid) })
}

/// umask(2): sets it and answers the one before.
pub fn umask(mask: u32) -> u32 {
    // SAFETY: no pointers; it cannot fail.
    unsafe { libc::umask(mask) }
}

/// chdir(2)
pub fn chdir(path: impl AsRef<Path>) -> Result<()> {
    let path = c_path(path)?;
    // SAFETY: the path is a C string that outlives the call.
    check(unsafe { libc::chdir(path.as_ptr()) })?;
    Ok(())
}

/// fchdir(2)
pub fn fchdir(directory: &impl AsRawFd) -> Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::fchdir(directory.as_raw_fd()) })?;
    Ok(())
}

/// chroot(2). Does not change the working directory.
pub fn chroot(path: impl AsRef<Path>) -> Result<()> {
    let path = c_path(path)?;
    // SAFETY: the path is a C string that outlives the call.
    check(unsafe { libc::chroot(path.as_ptr()) })?;
    Ok(())
}

/// sethostname(2). EINVAL for more than 64 bytes.
pub fn sethostname(name: &str) -> Result<()> {
    // SAFETY: the pointer and the length are of the same text.
    check(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) })?;
    Ok(())
}

/// setdomainname(2). EINVAL for more than 64 bytes.
pub fn setdomainname(name: &str) -> Result<()> {
    // SAFETY: the pointer and the length are of the same text.
    check(unsafe { libc::setdomainname(name.as_ptr().cast(), name.len()) })?;
    Ok(())
}

/// The effective user and group: geteuid(2), getegid(2).
pub fn effective_ids() -> (u32, u32) {
    // SAFETY: no arguments; neither can fail.
    unsafe { (libc::geteuid(), libc::getegid()) }
}

/// setgroups(2), of this thread. EPERM in a user namespace whose /proc/PID/setgroups says `deny`.
pub fn setgroups(groups: &[u32]) -> Result<()> {
    // SAFETY: the pointer and the count are of the same slice.
    check_long(unsafe { libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) })?;
    Ok(())
}

/// getgroups(2): the supplementary groups.
pub fn getgroups() -> Result<Vec<u32>> {
    // SAFETY: with a size of 0 the pointer is not used.
    let count = check(unsafe { libc::getgroups(0, ptr::null_mut()) })?;
    let mut groups = vec![0; count as usize];
    // SAFETY: the pointer and the count are of the same vector.
    let count = check(unsafe { libc::getgroups(count, groups.as_mut_ptr()) })?;
    groups.truncate(count as usize);
    Ok(groups)
}

/// setresuid(2) with all three ids the same, of this thread. Leaving uid 0 empties the effective and permitted capabilities,
/// unless `set_keep_capabilities` was called.
pub fn setresuid(uid: u32) -> Result<()> {
    // SAFETY: no pointers.
    check_long(unsafe { libc::syscall(libc::SYS_setresuid, uid, uid, uid) })?;
    Ok(())
}

/// setresgid(2) with all three ids the same, of this thread.
pub fn setresgid(gid: u32) -> Result<()> {
    // SAFETY: no pointers.
    check_long(unsafe { libc::syscall(libc::SYS_setresgid, gid, gid, gid) })?;
    Ok(())
}

/// PR_SET_PDEATHSIG: the signal that this process gets when the thread that made it ends. execve of a set-uid program clears it.
pub fn set_parent_death_signal(signal: Signal) -> Result<()> {
    set_process_option(libc::PR_SET_PDEATHSIG, signal.0 as libc::c_ulong)
}

/// The program gets SIGKILL when the thread that starts it ends; what it makes is its owner's to write.
pub fn bind_helper(command: &mut std::process::Command) {
    use std::os::unix::process::CommandExt;
    let bind = || {
        // SAFETY: umask(2) cannot fail, and takes no pointers.
        unsafe { libc::umask(0o022) };
        set_parent_death_signal(Signal::SIGKILL).map_err(|errno| std::io::Error::from_raw_os_error(errno.0))
    };
    // SAFETY: between fork and execve nothing is called but umask(2) and prctl(2), with no pointers.
    unsafe { command.pre_exec(bind) };
}

/// PR_SET_NO_NEW_PRIVS: from now on no execve gives more privileges. Cannot be undone; children inherit it.
pub fn set_no_new_privs() -> Result<()> {
    set_process_option(libc::PR_SET_NO_NEW_PRIVS, 1)
}

/// PR_SET_CHILD_SUBREAPER: orphans among the descendants become children of this process.
pub fn set_child_subreaper(on: bool) -> Result<()> {
    set_process_option(libc::PR_SET_CHILD_SUBREAPER, libc::c_ulong::from(on))
}

/// PR_SET_KEEPCAPS: permitted capabilities survive leaving uid 0. execve clears it.
pub fn set_keep_capabilities(on: bool) -> Result<()> {
    set_process_option(libc::PR_SET_KEEPCAPS, libc::c_ulong::from(on))
}

/// PR_SET_DUMPABLE: with `false` /proc/PID belongs to root, and nobody without CAP_SYS_PTRACE may look into this process.
pub fn set_dumpable(on: bool) -> Result<()> {
    set_process_option(libc::PR_SET_DUMPABLE, libc::c_ulong::from(on))
}

/// PR_SET_NAME: the name in /proc/PID/comm, cut at 15 bytes. EINVAL for a NUL.
pub fn set_name(name: &str) -> Result<()> {
    let name = super::c_text(name)?;
    // SAFETY: the name is a C string that outlives the call; the kernel copies at most 16 bytes.
    check(unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr(), 0, 0, 0) })?;
    Ok(())
}

fn set_process_option(option: libc::c_int, value: libc::c_ulong) -> Result<()> {
    let zero: libc::c_ulong = 0;
    // SAFETY: the options that this function is called with take a number, no pointer.
    check(unsafe { libc::prctl(option, value, zero, zero, zero) })?;
    Ok(())
}

/// Refuses what execve would refuse with EINVAL anyway: turns arguments into C strings. EINVAL where one holds a NUL byte.
pub fn c_strings(texts: &[String]) -> Result<Vec<CString>> {
    texts.iter().map(|text| CString::new(text.as_str()).map_err(|_| Errno::EINVAL)).collect()
}
