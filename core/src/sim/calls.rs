//! `Caller`: the system calls of one process, as the userland's `Sys`.

use core::net::SocketAddr;

use super::kernel::Kernel;
use super::propagation::Spread;
use super::tables::{Content, HostPid, NodeId, Object, ProcessState, Wait};
use super::vfs::Attributes;
use crate::device::DeviceKind;
use crate::errno::Errno;
use crate::oci::capability::Capability;
use crate::resource_limit::{LimitPair, Resource};
use crate::step::{MountFlags, NamespaceKind};
use crate::userland::{
    Attempt, DirEntry, Disposition, Fd, FileKind, OpenFlags, Pid, Program, Signal, Stat, Sys, SysResult, WaitStatus,
};

/// A process that makes calls.
pub(super) struct Caller<'a> {
    kernel: &'a mut Kernel,
    pid: HostPid,
}

impl<'a> Caller<'a> {
    pub(super) fn new(kernel: &'a mut Kernel, pid: HostPid) -> Caller<'a> {
        Caller { kernel, pid }
    }

    fn shown(&self, attributes: &Attributes) -> Stat {
        Stat {
            kind: attributes.kind,
            mode: attributes.mode,
            uid: self.kernel.shown_id(self.pid, attributes.uid, false),
            gid: self.kernel.shown_id(self.pid, attributes.gid, true),
            size: attributes.size,
            links: attributes.links,
            inode: attributes.inode,
            device: attributes.device,
            rdev: attributes.rdev,
            modified_seconds: attributes.modified_seconds,
        }
    }

    fn object(&self, fd: Fd) -> SysResult<Object> {
        Ok(self.kernel.file(self.kernel.descriptor(self.pid, fd)?)?.object.clone())
    }

    fn terminal(&self, fd: Fd) -> SysResult<u64> {
        match self.object(fd)? {
            Object::Terminal(tty) => Ok(tty),
            _ => Err(Errno::ENOTTY),
        }
    }

    fn inside(&self, pid: HostPid) -> Pid {
        self.kernel.number_in(pid, self.kernel.own_pid_ns(self.pid)).map_or(0, |number| number as Pid)
    }

    fn outside(&self, pid: Pid) -> SysResult<HostPid> {
        if pid == 0 {
            return Ok(self.pid);
        }
        let number = u32::try_from(pid).map_err(|_| Errno::EINVAL)?;
        let ns = self.kernel.own_pid_ns(self.pid).ok_or(Errno::ESRCH)?;
        self.kernel.by_number(ns, number).ok_or(Errno::ESRCH)
    }
}

impl Sys for Caller<'_> {
    fn read(&mut self, fd: Fd, bytes_max: usize) -> SysResult<Vec<u8>> {
        self.kernel.read_fd(self.pid, fd, bytes_max)
    }

    fn write(&mut self, fd: Fd, bytes: &[u8]) -> SysResult<usize> {
        // A program that has stopped itself (kill -STOP $$) gets no further before it is continued.
        if self.kernel.process(self.pid)?.state == ProcessState::Stopped {
            return Err(Errno::RESTART);
        }
        self.kernel.write_fd(self.pid, fd, bytes)
    }

    fn open(&mut self, path: &str, flags: OpenFlags, mode: u32) -> SysResult<Fd> {
        let file = self.kernel.open_path(self.pid, path, flags, mode)?;
        self.kernel.install(self.pid, file, 0, false)
    }

    fn close(&mut self, fd: Fd) -> SysResult<()> {
        self.kernel.close_fd(self.pid, fd)
    }

    fn dup2(&mut self, old: Fd, new: Fd) -> SysResult<()> {
        let file = self.kernel.descriptor(self.pid, old)?;
        if new >= self.kernel.process(self.pid)?.descriptors_max() {
            return Err(Errno::EBADF);
        }
        if old == new { Ok(()) } else { self.kernel.install_at(self.pid, file, new, false) }
    }

    fn dup_above(&mut self, old: Fd, lowest: Fd) -> SysResult<Fd> {
        let file = self.kernel.descriptor(self.pid, old)?;
        self.kernel.install(self.pid, file, lowest, true)
    }

    fn pipe(&mut self) -> SysResult<(Fd, Fd)> {
        let pipe = self.kernel.new_pipe();
        let (reader, writer) = (self.kernel.pipe_end(pipe, true), self.kernel.pipe_end(pipe, false));
        let read = self.kernel.install(self.pid, reader, 0, false)?;
        Ok((read, self.kernel.install(self.pid, writer, 0, false)?))
    }

    fn seek(&mut self, fd: Fd, offset: u64) -> SysResult<()> {
        self.kernel.seek_fd(self.pid, fd, offset)
    }

    fn is_terminal(&mut self, fd: Fd) -> bool {
        self.terminal(fd).is_ok()
    }

    fn window_size(&mut self, fd: Fd) -> SysResult<(u16, u16)> {
        let tty = self.kernel.ttys.get(&self.terminal(fd)?).ok_or(Errno::EIO)?;
        Ok((tty.rows, tty.columns))
    }

    fn stat(&mut self, path: &str, follow: bool) -> SysResult<Stat> {
        match self.kernel.walk(self.pid, path, follow) {
            Ok(place) => Ok(self.shown(&self.kernel.attributes(&place.node)?)),
            Err(errno) => Err(errno),
        }
    }

    fn fstat(&mut self, fd: Fd) -> SysResult<Stat> {
        let file = self.kernel.file(self.kernel.descriptor(self.pid, fd)?)?.clone();
        let attributes = match (&file.object, &file.place) {
            (Object::File { inode }, _) => self.kernel.attributes(&NodeId::Inode(*inode))?,
            (_, Some(place)) => self.kernel.attributes(&place.node)?,
            (Object::Terminal(_), None) => Attributes::made(FileKind::CharDevice, 0o620, 0, 5),
            _ => Attributes::made(FileKind::Fifo, 0o600, self.kernel.process(self.pid)?.credentials.uid, 0),
        };
        Ok(self.shown(&attributes))
    }

    fn readlink(&mut self, path: &str) -> SysResult<String> {
        let place = self.kernel.walk(self.pid, path, false)?;
        self.kernel.link_text(&place.node, self.pid)
    }

    fn read_dir(&mut self, path: &str) -> SysResult<Vec<DirEntry>> {
        let place = self.kernel.walk(self.pid, path, true)?;
        self.kernel.may_node(self.pid, &place.node, super::credentials::READ)?;
        let names = self.kernel.names(&place.node)?;
        let entry = |name: String| {
            let kind = self.kernel.attributes(&self.kernel.child(&place.node, &name)?)?.kind;
            Ok(DirEntry { name, kind })
        };
        names.into_iter().map(entry).collect()
    }

    fn mkdir(&mut self, path: &str, mode: u32) -> SysResult<()> {
        self.kernel.check_filter(self.pid, "mkdir")?;
        self.kernel.make_node(self.pid, path, super::tree::directory(0), mode)
    }

    fn unlink(&mut self, path: &str) -> SysResult<()> {
        self.kernel.check_filter(self.pid, "unlink")?;
        self.kernel.remove_node(self.pid, path, false)
    }

    fn rmdir(&mut self, path: &str) -> SysResult<()> {
        self.kernel.check_filter(self.pid, "rmdir")?;
        self.kernel.remove_node(self.pid, path, true)
    }

    fn rename(&mut self, from: &str, to: &str) -> SysResult<()> {
        self.kernel.check_filter(self.pid, "rename")?;
        self.kernel.rename_node(self.pid, from, to)
    }

    fn link(&mut self, existing: &str, new: &str) -> SysResult<()> {
        self.kernel.check_filter(self.pid, "link")?;
        self.kernel.link_node(self.pid, existing, new)
    }

    fn symlink(&mut self, target: &str, link: &str) -> SysResult<()> {
        self.kernel.check_filter(self.pid, "symlink")?;
        self.kernel.make_node(self.pid, link, Content::Symlink(target.into()), 0o777)
    }

    fn chmod(&mut self, path: &str, mode: u32) -> SysResult<()> {
        self.kernel.check_filter(self.pid, "chmod")?;
        self.kernel.change_mode(self.pid, path, mode)
    }

    fn chown(&mut self, path: &str, uid: Option<u32>, gid: Option<u32>, follow: bool) -> SysResult<()> {
        self.kernel.check_filter(self.pid, if follow { "chown" } else { "lchown" })?;
        self.kernel.change_owner(self.pid, path, (uid, gid), follow)
    }

    fn truncate(&mut self, fd: Fd, length: u64) -> SysResult<()> {
        self.kernel.check_filter(self.pid, "ftruncate")?;
        self.kernel.set_length(self.pid, fd, length)
    }

    fn touch_times(&mut self, path: &str) -> SysResult<()> {
        self.kernel.touch(self.pid, path)
    }

    fn can_execute(&mut self, path: &str) -> SysResult<()> {
        let place = self.kernel.walk(self.pid, path, true)?;
        match self.kernel.attributes(&place.node)?.kind {
            FileKind::Directory => self.kernel.may_node(self.pid, &place.node, super::credentials::EXECUTE),
            _ => self.kernel.check_executable(self.pid, &place),
        }
    }

    fn chdir(&mut self, path: &str) -> SysResult<()> {
        self.kernel.check_filter(self.pid, "chdir")?;
        self.kernel.change_directory(self.pid, path)
    }

    fn chroot(&mut self, path: &str) -> SysResult<()> {
        self.kernel.change_root(self.pid, path)
    }

    fn getcwd(&mut self) -> SysResult<String> {
        let process = self.kernel.process(self.pid)?;
        // ENOENT where the directory was removed.
        self.kernel.attributes(&process.cwd.node)?;
        self.kernel.path_of(&process.cwd, &process.root).ok_or(Errno::ENOENT)
    }

    fn umask(&mut self, mask: u32) -> u32 {
        let Ok(process) = self.kernel.process_mut(self.pid) else { return 0 };
        std::mem::replace(&mut process.umask, mask & 0o777)
    }

    fn fork(&mut self, child: Program) -> SysResult<Pid> {
        let pid = self.kernel.fork_process(self.pid, Some(child))?;
        Ok(self.inside(pid))
    }

    fn execve(&mut self, path: &str, argv: &[String], env: &[String]) -> SysResult<()> {
        self.kernel.execute(self.pid, path, argv, env)
    }

    fn wait(&mut self, pid: Pid, hang: bool) -> SysResult<Option<(Pid, WaitStatus)>> {
        self.kernel.wait_child(self.pid, pid, hang)
    }

    fn kill(&mut self, pid: Pid, signal: Option<Signal>) -> SysResult<()> {
        self.kernel.check_filter(self.pid, "kill")?;
        self.kernel.kill_from(self.pid, pid, signal)
    }

    fn set_disposition(&mut self, signal: Signal, disposition: Disposition) -> SysResult<()> {
        if signal == Signal::SIGKILL || signal == Signal::SIGSTOP {
            return Err(Errno::EINVAL);
        }
        let process = self.kernel.process_mut(self.pid)?;
        process.dispositions.insert_mut(signal, disposition);
        if disposition != Disposition::Catch {
            process.pending.retain(|pending| *pending != signal);
        }
        Ok(())
    }

    fn take_signal(&mut self) -> Option<Signal> {
        let process = self.kernel.process_mut(self.pid).ok()?;
        if process.pending.is_empty() { None } else { Some(process.pending.remove(0)) }
    }

    fn pause(&mut self) -> SysResult<()> {
        Err(self.kernel.wait_for(self.pid, Wait::Signal))
    }

    fn getpid(&mut self) -> Pid {
        self.inside(self.pid)
    }

    fn getppid(&mut self) -> Pid {
        self.kernel.process(self.pid).map_or(0, |process| self.inside(process.parent))
    }

    fn setpgid(&mut self, pid: Pid, group: Pid) -> SysResult<()> {
        let target = self.outside(pid)?;
        let group = if group == 0 { target } else { self.outside(group)? };
        if self.kernel.process(target)?.session == target {
            return Err(Errno::EPERM);
        }
        self.kernel.process_mut(target)?.group = group;
        Ok(())
    }

    fn set_foreground(&mut self, fd: Fd, group: Pid) -> SysResult<()> {
        let tty = self.terminal(fd)?;
        let group = self.outside(group)?;
        self.kernel.ttys.get_mut(&tty).ok_or(Errno::EIO)?.foreground = group;
        Ok(())
    }

    fn ids(&mut self) -> (u32, u32, Vec<u32>) {
        let Ok(process) = self.kernel.process(self.pid) else { return (0, 0, Vec::new()) };
        let credentials = &process.credentials;
        let groups = credentials.groups.iter().map(|group| self.kernel.shown_id(self.pid, *group, true)).collect();
        let uid = self.kernel.shown_id(self.pid, credentials.uid, false);
        (uid, self.kernel.shown_id(self.pid, credentials.gid, true), groups)
    }

    fn hostname(&mut self) -> String {
        self.kernel.hostname_of(self.pid).to_string()
    }

    fn set_hostname(&mut self, name: &str) -> SysResult<()> {
        self.kernel.set_hostname_of(self.pid, name)
    }

    fn uname(&mut self) -> (String, String, String) {
        ("Linux".into(), self.kernel.host.kernel_release.clone(), self.kernel.host.machine.clone())
    }

    fn mount(&mut self, source: &str, target: &str, fs_type: &str, flags: &[&str], data: &str) -> SysResult<()> {
        self.kernel.check_filter(self.pid, "mount")?;
        let at = self.kernel.walk(self.pid, target, true)?;
        let has = |wanted: &str| flags.contains(&wanted);
        let wanted = mount_flags(flags);
        if has("remount") {
            return self.kernel.remount(self.pid, &at, wanted);
        }
        let spreads: Vec<(Spread, bool)> = flags.iter().filter_map(|word| Spread::of(word)).collect();
        match spreads[..] {
            [] => {}
            [(spread, recursive)] => return self.kernel.set_propagation(self.pid, &at, spread, recursive),
            _ => return Err(Errno::EINVAL),
        }
        if has("bind") || has("rbind") {
            let source = self.kernel.walk(self.pid, source, true)?;
            return self.kernel.bind(self.pid, &source, at, has("rbind")).map(|_| ());
        }
        self.kernel.mount_fs(self.pid, fs_type, source, at, wanted, data).map(|_| ())
    }

    fn umount(&mut self, target: &str, lazy: bool) -> SysResult<()> {
        self.kernel.check_filter(self.pid, "umount2")?;
        let place = self.kernel.walk(self.pid, target, true)?;
        self.kernel.unmount(self.pid, &place, lazy)
    }

    fn clock(&mut self) -> u64 {
        self.kernel.clocks_of(self.pid).0
    }

    fn realtime(&mut self) -> i64 {
        self.kernel.realtime_seconds()
    }

    fn sleep_until(&mut self, until: u64) -> SysResult<()> {
        // Its own clock may be ahead of the host's, by which the kernel waits.
        let ahead = self.kernel.time_offsets_of(self.pid).monotonic_ns;
        let until = until.saturating_add_signed(ahead.saturating_neg());
        if self.kernel.clock_ns >= until { Ok(()) } else { Err(self.kernel.wait_for(self.pid, Wait::Until(until))) }
    }

    fn mknod(&mut self, path: &str, kind: DeviceKind, number: (u32, u32), mode: u32) -> SysResult<()> {
        self.kernel.make_device(self.pid, path, kind, number, mode)
    }

    fn attempt(&mut self, attempt: Attempt) -> SysResult<()> {
        self.kernel.attempt(self.pid, attempt)
    }

    fn limit(&mut self, resource: Resource) -> SysResult<LimitPair> {
        Ok(self.kernel.process(self.pid)?.limit(resource))
    }

    fn set_limit(&mut self, resource: Resource, limit: LimitPair) -> SysResult<()> {
        self.kernel.set_limit(self.pid, resource, limit)
    }

    fn allocate(&mut self, bytes: u64) -> SysResult<()> {
        self.kernel.allocate(self.pid, bytes)
    }

    fn ask(&mut self, to: SocketAddr, question: &[u8], _: u32) -> SysResult<Vec<u8>> {
        self.kernel.check_filter(self.pid, "socket")?;
        self.kernel.ask_datagram(self.pid, to, question)
    }
}

impl Kernel {
    /// chdir(2)
    pub(super) fn change_directory(&mut self, pid: HostPid, path: &str) -> SysResult<()> {
        let place = self.walk(pid, path, true)?;
        if self.attributes(&place.node)?.kind != FileKind::Directory {
            return Err(Errno::ENOTDIR);
        }
        self.may_node(pid, &place.node, super::credentials::EXECUTE)?;
        self.process_mut(pid)?.cwd = place;
        Ok(())
    }
}

impl Kernel {
    /// chroot(2). The working directory stays, wherever it is.
    fn change_root(&mut self, pid: HostPid, path: &str) -> SysResult<()> {
        self.check_filter(pid, "chroot")?;
        let place = self.walk(pid, path, true)?;
        if self.attributes(&place.node)?.kind != FileKind::Directory {
            return Err(Errno::ENOTDIR);
        }
        self.may_node(pid, &place.node, super::credentials::EXECUTE)?;
        let own = self.process(pid)?.namespaces.of(NamespaceKind::User);
        if !self.is_capable(pid, Capability::SysChroot, own) {
            return Err(Errno::EPERM);
        }
        self.process_mut(pid)?.root = place;
        Ok(())
    }
}

/// The words of mount(8) as flags of mount(2).
fn mount_flags(words: &[&str]) -> MountFlags {
    let has = |wanted: &str| words.contains(&wanted);
    MountFlags {
        read_only: has("ro"),
        no_suid: has("nosuid"),
        no_dev: has("nodev"),
        no_exec: has("noexec"),
        relatime: has("relatime"),
        strictatime: has("strictatime"),
    }
}
