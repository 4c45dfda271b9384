//! Linux answers the calls of `Sys`: the only place of the toolbox with `unsafe`, each use with its argument.
//!
//! Caught signals are blocked but for the moments in which the program waits (sigsuspend(2), ppoll(2)), so that none can be lost
//! between looking at the queue and going to sleep. The handler only queues.

#![allow(unsafe_code)]

mod attempt;
mod files;
mod memory;
mod network;
mod process;
mod signal;
mod terminal;
mod wait;

use glassbox_core::device::DeviceKind;
use glassbox_core::errno::Errno;
use glassbox_core::resource_limit::{LimitPair, Resource};
use glassbox_core::userland::{
    Attempt, DirEntry, Disposition, Fd, OpenFlags, Pid, Program, Signal, Stat, Sys, SysResult, WaitStatus,
};
use std::ffi::CString;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStringExt;

/// The real kernel.
pub struct Linux {
    signals: signal::Signals,
}

impl Default for Linux {
    fn default() -> Linux {
        Linux::new()
    }
}

impl Linux {
    /// For a process that has just started.
    pub fn new() -> Linux {
        Linux { signals: signal::Signals::new() }
    }
}

/// The environment as `NAME=value`; what is not UTF-8 is replaced.
pub fn environment() -> Vec<String> {
    let text = |value: std::ffi::OsString| String::from_utf8_lossy(&value.into_vec()).into_owned();
    std::env::vars_os().map(|(name, value)| [text(name), text(value)].join("=")).collect()
}

/// _exit(2): no destructors, no flushing; nothing is buffered outside of the programs.
pub fn exit(status: i32) -> ! {
    // SAFETY: _exit takes any number and does not return.
    unsafe { libc::_exit(status) }
}

/// Writes a message before any program runs.
pub fn say(fd: Fd, text: &str) {
    let _ = files::write(fd, text.as_bytes());
}

/// The errno of the call that has just failed.
fn last_errno() -> Errno {
    Errno(std::io::Error::last_os_error().raw_os_error().unwrap_or(Errno::EIO.0))
}

/// What a call answered, -1 being the failure.
fn check(answer: libc::c_int) -> SysResult<libc::c_int> {
    if answer == -1 { Err(last_errno()) } else { Ok(answer) }
}

fn c_string(text: &str) -> SysResult<CString> {
    CString::new(text).map_err(|_| Errno::EINVAL)
}

impl Sys for Linux {
    fn read(&mut self, fd: Fd, bytes_max: usize) -> SysResult<Vec<u8>> {
        self.signals.wait_for(fd, libc::POLLIN)?;
        files::read(fd, bytes_max)
    }

    fn write(&mut self, fd: Fd, bytes: &[u8]) -> SysResult<usize> {
        self.signals.wait_for(fd, libc::POLLOUT)?;
        files::write(fd, bytes)
    }

    fn open(&mut self, path: &str, flags: OpenFlags, mode: u32) -> SysResult<Fd> {
        files::open(path, flags, mode)
    }

    fn close(&mut self, fd: Fd) -> SysResult<()> {
        files::close(fd)
    }

    fn dup2(&mut self, old: Fd, new: Fd) -> SysResult<()> {
        files::dup2(old, new)
    }

    fn dup_above(&mut self, old: Fd, lowest: Fd) -> SysResult<Fd> {
        files::dup_above(old, lowest)
    }

    fn pipe(&mut self) -> SysResult<(Fd, Fd)> {
        files::pipe()
    }

    fn seek(&mut self, fd: Fd, offset: u64) -> SysResult<()> {
        files::seek(fd, offset)
    }

    fn is_terminal(&mut self, fd: Fd) -> bool {
        terminal::is_terminal(fd)
    }

    fn window_size(&mut self, fd: Fd) -> SysResult<(u16, u16)> {
        terminal::window_size(fd)
    }

    fn stat(&mut self, path: &str, follow: bool) -> SysResult<Stat> {
        files::stat(path, follow)
    }

    fn fstat(&mut self, fd: Fd) -> SysResult<Stat> {
        files::fstat(fd)
    }

    fn readlink(&mut self, path: &str) -> SysResult<String> {
        files::readlink(path)
    }

    fn read_dir(&mut self, path: &str) -> SysResult<Vec<DirEntry>> {
        files::read_dir(path)
    }

    fn mkdir(&mut self, path: &str, mode: u32) -> SysResult<()> {
        files::mkdir(path, mode)
    }

    fn unlink(&mut self, path: &str) -> SysResult<()> {
        files::unlink(path)
    }

    fn rmdir(&mut self, path: &str) -> SysResult<()> {
        files::rmdir(path)
    }

    fn rename(&mut self, from: &str, to: &str) -> SysResult<()> {
        files::rename(from, to)
    }

    fn link(&mut self, existing: &str, new: &str) -> SysResult<()> {
        files::link(existing, new)
    }

    fn symlink(&mut self, target: &str, link: &str) -> SysResult<()> {
        files::symlink(target, link)
    }

    fn chmod(&mut self, path: &str, mode: u32) -> SysResult<()> {
        files::chmod(path, mode)
    }

    fn chown(&mut self, path: &str, uid: Option<u32>, gid: Option<u32>, follow: bool) -> SysResult<()> {
        files::chown(path, uid, gid, follow)
    }

    fn truncate(&mut self, fd: Fd, length: u64) -> SysResult<()> {
        files::truncate(fd, length)
    }

    fn touch_times(&mut self, path: &str) -> SysResult<()> {
        files::touch_times(path)
    }

    fn can_execute(&mut self, path: &str) -> SysResult<()> {
        files::can_execute(path)
    }

    fn chdir(&mut self, path: &str) -> SysResult<()> {
        files::chdir(path)
    }
    fn chroot(&mut self, path: &str) -> SysResult<()> {
        files::chroot(path)
    }

    fn getcwd(&mut self) -> SysResult<String> {
        files::getcwd()
    }

    fn umask(&mut self, mask: u32) -> u32 {
        process::umask(mask)
    }

    fn fork(&mut self, child: Program) -> SysResult<Pid> {
        match process::fork()? {
            0 => {
                self.signals.forget_queued();
                exit(crate::run(child, self))
            }
            pid => Ok(pid),
        }
    }

    fn execve(&mut self, path: &str, argv: &[String], env: &[String]) -> SysResult<()> {
        let blocked = self.signals.unblock_all();
        let errno = process::execve(path, argv, env);
        self.signals.block_again(&blocked);
        Err(errno)
    }

    fn wait(&mut self, pid: Pid, hang: bool) -> SysResult<Option<(Pid, WaitStatus)>> {
        wait::wait(&self.signals, pid, hang)
    }

    fn kill(&mut self, pid: Pid, signal: Option<Signal>) -> SysResult<()> {
        process::kill(pid, signal)
    }

    fn set_disposition(&mut self, signal: Signal, disposition: Disposition) -> SysResult<()> {
        self.signals.set_disposition(signal, disposition)
    }

    fn take_signal(&mut self) -> Option<Signal> {
        self.signals.take()
    }

    fn pause(&mut self) -> SysResult<()> {
        self.signals.pause()
    }

    fn getpid(&mut self) -> Pid {
        process::getpid()
    }

    fn getppid(&mut self) -> Pid {
        process::getppid()
    }

    fn setpgid(&mut self, pid: Pid, group: Pid) -> SysResult<()> {
        process::setpgid(pid, group)
    }

    fn set_foreground(&mut self, fd: Fd, group: Pid) -> SysResult<()> {
        terminal::set_foreground(fd, group)
    }

    fn ids(&mut self) -> (u32, u32, Vec<u32>) {
        process::ids()
    }

    fn hostname(&mut self) -> String {
        process::uname()[1].clone()
    }

    fn set_hostname(&mut self, name: &str) -> SysResult<()> {
        process::set_hostname(name)
    }

    fn uname(&mut self) -> (String, String, String) {
        let [system, _, release, machine] = process::uname();
        (system, release, machine)
    }

    fn mount(&mut self, source: &str, target: &str, fs_type: &str, flags: &[&str], data: &str) -> SysResult<()> {
        files::mount(source, target, fs_type, flags, data)
    }

    fn umount(&mut self, target: &str, lazy: bool) -> SysResult<()> {
        files::umount(target, lazy)
    }

    fn clock(&mut self) -> u64 {
        wait::clock(libc::CLOCK_MONOTONIC).0
    }

    fn realtime(&mut self) -> i64 {
        wait::clock(libc::CLOCK_REALTIME).1
    }

    fn sleep_until(&mut self, until: u64) -> SysResult<()> {
        self.signals.sleep_until(until)
    }

    fn mknod(&mut self, path: &str, kind: DeviceKind, number: (u32, u32), mode: u32) -> SysResult<()> {
        attempt::mknod(path, kind, number, mode)
    }

    fn attempt(&mut self, attempt: Attempt) -> SysResult<()> {
        attempt::attempt(attempt)
    }

    fn limit(&mut self, resource: Resource) -> SysResult<LimitPair> {
        process::limit(resource)
    }

    fn set_limit(&mut self, resource: Resource, limit: LimitPair) -> SysResult<()> {
        process::set_limit(resource, limit)
    }

    fn allocate(&mut self, bytes: u64) -> SysResult<()> {
        memory::allocate(bytes)
    }

    fn ask(&mut self, to: SocketAddr, question: &[u8], milliseconds_max: u32) -> SysResult<Vec<u8>> {
        network::ask(to, question, milliseconds_max)
    }
}
