//! Steps on processes but for `CloneProcess` (`crate::child`) and `ExecProgram` (`super::program`).

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::process::Command;

use glassbox_core::cli::TimeOffsets;
use glassbox_core::errno::Errno;
use glassbox_core::model::{ContainerId, IdMapLine, State};
use glassbox_core::observe::Sent;
use glassbox_core::step::NamespaceKind;
use glassbox_core::userland::Signal;

use super::{Done, Failure, NameCall};
use crate::sys::process::{self, CloneFlags, Pid};
use crate::sys::terminal::{self, Pty, WindowSize};
use crate::sys::{file, net};

/// It becomes the controlling terminal by TIOCSCTTY, and not by being opened.
const O_NOCTTY: i32 = 0o400;

/// CLONE_NEWTIME, which `CloneFlags` does not name: 0x80 of linux/sched.h.
const NEW_TIME: CloneFlags = CloneFlags(0x80);

/// The flag of a kind of namespace.
pub fn flag(kind: NamespaceKind) -> CloneFlags {
    match kind {
        NamespaceKind::User => CloneFlags::NEW_USER,
        NamespaceKind::Pid => CloneFlags::NEW_PID,
        NamespaceKind::Mount => CloneFlags::NEW_MOUNT,
        NamespaceKind::Uts => CloneFlags::NEW_UTS,
        NamespaceKind::Ipc => CloneFlags::NEW_IPC,
        NamespaceKind::Network => CloneFlags::NEW_NET,
        NamespaceKind::Cgroup => CloneFlags::NEW_CGROUP,
        NamespaceKind::Time => NEW_TIME,
    }
}

/// The pid of the container's first process.
pub(super) fn first_process(id: &ContainerId, state: &State) -> Result<Pid, Errno> {
    let pid = state.containers.get(id).and_then(|container| container.state.pid);
    pid.and_then(|pid| Pid::try_from(pid).ok()).filter(|pid| *pid > 0).ok_or(Errno::ESRCH)
}

/// Enters the namespace of the container's first process.
pub fn join_namespace(kind: NamespaceKind, id: &ContainerId, state: &State) -> Done {
    let pid = first_process(id, state).call("openat")?;
    let namespace = File::open(format!("/proc/{pid}/ns/{}", kind.file())).call("openat")?;
    process::set_namespace(&namespace, flag(kind)).call("setns")
}

/// Enters an own namespace again: what was made or joined of that kind for children yet to come is over.
pub fn rejoin_own_namespace(kind: NamespaceKind) -> Done {
    let namespace = File::open(format!("/proc/self/ns/{}", kind.file())).call("openat")?;
    process::set_namespace(&namespace, flag(kind)).call("setns")
}

/// A time namespace for children yet to come.
pub fn unshare_time() -> Done {
    process::unshare(NEW_TIME).call("unshare")
}

/// Moves the clocks of the time namespace that is meant for children.
pub fn set_time_offsets(offsets: TimeOffsets) -> Done {
    write("/proc/self/timens_offsets", &offsets.text())
}

/// Sends the signal to the container's first process. `is_still_it` is asked when the descriptor is held: from then on the number
/// cannot have passed to another process.
pub fn send_signal(id: &ContainerId, signal: i32, state: &State, is_still_it: impl FnOnce() -> bool) -> Result<Sent, Failure> {
    let pid = first_process(id, state).call("pidfd_open")?;
    let pidfd = process::pidfd_open(pid).call("pidfd_open")?;
    if !is_still_it() {
        return Err(Failure::of("pidfd_open", Errno::ESRCH));
    }
    process::pidfd_send_signal(&pidfd, Signal(signal)).call("pidfd_send_signal")?;
    Ok(Sent { pid: u32::try_from(pid).unwrap_or_default(), signal })
}

/// Writes `deny` to /proc/PID/setgroups.
pub fn deny_setgroups(pid: Pid) -> Done {
    write(&format!("/proc/{pid}/setgroups"), "deny")
}

/// Writes a map of ids. The kernel takes one line of one own id from anybody; more need newuidmap(1), which is privileged.
pub fn write_id_map(pid: Pid, groups: bool, lines: &[IdMapLine]) -> Done {
    let (uid, _) = process::effective_ids();
    let own_only = matches!(lines, [line] if line.count == 1);
    if uid != 0 && !own_only {
        return run_newidmap(pid, groups, lines);
    }
    let text: String = lines.iter().map(|line| format!("{} {} {}\n", line.inside, line.outside, line.count)).collect();
    write(&format!("/proc/{pid}/{}", if groups { "gid_map" } else { "uid_map" }), &text)
}

fn run_newidmap(pid: Pid, groups: bool, lines: &[IdMapLine]) -> Done {
    let program = if groups { "newgidmap" } else { "newuidmap" };
    let numbers = lines.iter().flat_map(|line| [line.inside, line.outside, line.count]);
    let arguments = [pid.to_string()].into_iter().chain(numbers.map(|number| number.to_string()));
    let status = Command::new(program).args(arguments).status().call("execve")?;
    if status.success() { Ok(()) } else { Err(Failure::of("write", Errno::EPERM)) }
}

fn write(path: &str, text: &str) -> Done {
    let mut open = OpenOptions::new().write(true).open(path).call("openat")?;
    open.write_all(text.as_bytes()).call("write")
}

/// One write(2) with everything in it, to the file below /proc/sys that the process's own namespaces answer for.
pub fn set_sysctl(name: &str, value: &str) -> Done {
    write(&glassbox_core::sysctl::path(name), value)
}

/// Brings the interface up.
pub fn bring_up(interface: &str) -> Done {
    net::set_interface_up(interface).call("ioctl")
}

/// A terminal from the container's devpts: it becomes the controlling one, and stdin, stdout and stderr. Answers the master side and
/// the slave's path, as the container names it.
pub fn open_terminal(rows: u16, columns: u16) -> Result<(OwnedFd, String), Failure> {
    let pty = Pty::open("/dev/pts/ptmx").call("openat")?;
    terminal::set_window_size(&pty.master, WindowSize { rows, columns }).call("ioctl")?;
    let path = format!("/dev/pts/{}", pty.number);
    let slave = OpenOptions::new().read(true).write(true).custom_flags(O_NOCTTY).open(&path).call("openat")?;
    terminal::make_controlling(&slave).call("ioctl")?;
    for number in 0..=2 {
        file::dup2(&slave, number).call("dup2")?;
    }
    Ok((pty.master, path))
}

/// chdir(2); a missing directory is made first.
pub fn change_directory(path: &str, make: bool) -> Done {
    match process::chdir(path) {
        Err(Errno::ENOENT) if make => {
            DirBuilder::new().recursive(true).mode(0o755).create(path).call("mkdir")?;
            process::chdir(path).call("chdir")
        }
        answer => answer.call("chdir"),
    }
}
