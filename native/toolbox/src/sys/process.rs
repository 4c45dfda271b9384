//! Processes and who they are.

use std::ffi::{CStr, CString};

use glassbox_core::errno::Errno;
use glassbox_core::resource_limit::{LimitPair, Resource};
use glassbox_core::userland::{Pid, Signal, SysResult};

use super::{c_string, check, last_errno};

pub fn umask(mask: u32) -> u32 {
    // SAFETY: takes any number and cannot fail.
    unsafe { libc::umask(mask) }
}

pub fn fork() -> SysResult<Pid> {
    // SAFETY: the toolbox has one thread, so that the child may go on as the parent could.
    check(unsafe { libc::fork() })
}

/// execve(2): comes back only with the reason why it failed.
pub fn execve(path: &str, argv: &[String], env: &[String]) -> Errno {
    let list = |words: &[String]| words.iter().map(|word| c_string(word)).collect::<SysResult<Vec<CString>>>();
    let (path, argv, env) = match (c_string(path), list(argv), list(env)) {
        (Ok(path), Ok(argv), Ok(env)) => (path, argv, env),
        _ => return Errno::EINVAL,
    };
    let pointers = |words: &[CString]| words.iter().map(|word| word.as_ptr()).chain([std::ptr::null()]).collect::<Vec<_>>();
    let (argv, env) = (pointers(&argv), pointers(&env));
    // SAFETY: both arrays end with a null pointer, and the strings that they point to live until after the call.
    unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), env.as_ptr()) };
    last_errno()
}

pub fn kill(pid: Pid, signal: Option<Signal>) -> SysResult<()> {
    // SAFETY: plain numbers.
    check(unsafe { libc::kill(pid, signal.map_or(0, |signal| signal.0)) }).map(drop)
}

/// getrlimit(2)
pub fn limit(resource: Resource) -> SysResult<LimitPair> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes one structure of this layout, which lives until after the call.
    check(unsafe { libc::getrlimit(libc::c_uint::from(resource.0) as _, &raw mut limit) })?;
    Ok(LimitPair { soft: limit.rlim_cur, hard: limit.rlim_max })
}

/// setrlimit(2)
pub fn set_limit(resource: Resource, limit: LimitPair) -> SysResult<()> {
    let limit = libc::rlimit { rlim_cur: limit.soft, rlim_max: limit.hard };
    // SAFETY: the structure is only read, and outlives the call.
    check(unsafe { libc::setrlimit(libc::c_uint::from(resource.0) as _, &raw const limit) }).map(drop)
}

pub fn getpid() -> Pid {
    // SAFETY: cannot fail.
    unsafe { libc::getpid() }
}

pub fn getppid() -> Pid {
    // SAFETY: cannot fail.
    unsafe { libc::getppid() }
}

pub fn setpgid(pid: Pid, group: Pid) -> SysResult<()> {
    // SAFETY: plain numbers.
    check(unsafe { libc::setpgid(pid, group) }).map(drop)
}

pub fn ids() -> (u32, u32, Vec<u32>) {
    let groups = nix::unistd::getgroups().unwrap_or_default();
    (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw(), groups.into_iter().map(|group| group.as_raw()).collect())
}

pub fn set_hostname(name: &str) -> SysResult<()> {
    nix::unistd::sethostname(name).map_err(|errno| Errno(errno as i32))
}

/// System, node, release and machine of uname(2).
pub fn uname() -> [String; 4] {
    let mut raw = std::mem::MaybeUninit::<libc::utsname>::zeroed();
    // SAFETY: the buffer has the size of the structure; all bytes zero is a valid value of it (arrays of characters).
    let raw = unsafe {
        libc::uname(raw.as_mut_ptr());
        raw.assume_init()
    };
    let text = |field: &[libc::c_char]| {
        // SAFETY: the kernel ends each field with a zero byte within the array.
        unsafe { CStr::from_ptr(field.as_ptr()) }.to_string_lossy().into_owned()
    };
    [text(&raw.sysname), text(&raw.nodename), text(&raw.release), text(&raw.machine)]
}
