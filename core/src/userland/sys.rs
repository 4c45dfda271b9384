//! `Sys`: the system calls that a program of the userland can make, and nothing else.
//!
//! Two kernels answer them: the model kernel (`crate::sim`) and, in the toolbox binary, Linux itself. A program never knows which.
//!
//! **How a call waits.** A program is a resumable state machine. Where a call would have to wait (a read from an empty pipe, a
//! wait for a child, a sleep), the model kernel answers `Err(Errno::RESTART)`, puts the process to sleep, and resumes the
//! program when the wait is over; the program then makes *the same call again*. So a program keeps its place in its own fields,
//! returns `Resume::Waiting` on RESTART, and never does work twice. On Linux the real call waits and RESTART does not occur.
//!
//! **Signals.** As on Linux, a signal with the default disposition acts without asking the program. One that is caught is queued,
//! a waiting call fails with EINTR, and the program fetches it with `take_signal`.

use core::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Attempt, Program};
use crate::device::DeviceKind;
use crate::errno::Errno;
use crate::resource_limit::{LimitPair, Resource};

/// What a system call answers.
pub type SysResult<T> = Result<T, Errno>;

/// A file descriptor, as in open(2).
pub type Fd = i32;

/// A process id as the calling process sees it, in its own pid namespace.
pub type Pid = i32;

/// What a program reports when it hands control back to the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resume {
    /// The last call answered RESTART: resume when that wait is over.
    Waiting,
    /// A unit of work is done and there is more: let others run. A program that can loop for ever must yield.
    Yield,
    /// The program ends with this exit status (0 to 255).
    Exit(i32),
    /// execve succeeded: the kernel has put another program in this one's place. Only after `Sys::execve` returned `Ok`.
    Replaced,
}

/// Flags of open(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenFlags {
    /// Open for reading.
    pub read: bool,
    /// Open for writing.
    pub write: bool,
    /// O_CREAT
    pub create: bool,
    /// O_EXCL
    pub exclusive: bool,
    /// O_TRUNC
    pub truncate: bool,
    /// O_APPEND
    pub append: bool,
    /// O_DIRECTORY
    pub directory: bool,
}

impl OpenFlags {
    /// `O_RDONLY`
    pub const READ: OpenFlags =
        OpenFlags { read: true, write: false, create: false, exclusive: false, truncate: false, append: false, directory: false };
    /// `O_WRONLY | O_CREAT | O_TRUNC`, what `>` in a shell opens with.
    pub const REPLACE: OpenFlags = OpenFlags { read: false, write: true, create: true, truncate: true, ..OpenFlags::READ };
    /// `O_WRONLY | O_CREAT | O_APPEND`, what `>>` opens with.
    pub const APPEND: OpenFlags = OpenFlags { read: false, write: true, create: true, append: true, ..OpenFlags::READ };
}

/// The kind of an inode, from `st_mode` of stat(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FileKind {
    /// S_IFREG
    File,
    /// S_IFDIR
    Directory,
    /// S_IFLNK
    Symlink,
    /// S_IFCHR
    CharDevice,
    /// S_IFBLK
    BlockDevice,
    /// S_IFIFO
    Fifo,
}

/// What stat(2) tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stat {
    /// The kind of file.
    pub kind: FileKind,
    /// Permission bits with set-uid, set-gid and sticky: `0o7777` at most.
    pub mode: u32,
    /// Owner, as seen in the caller's user namespace.
    pub uid: u32,
    /// Group, as seen in the caller's user namespace.
    pub gid: u32,
    /// Bytes.
    pub size: u64,
    /// Hard links.
    pub links: u64,
    /// Inode number: the same inode has the same (device, inode).
    pub inode: u64,
    /// Device number of the file system.
    pub device: u64,
    /// For a device node: major and minor.
    pub rdev: Option<(u32, u32)>,
    /// Last modification, seconds since 1970-01-01T00:00:00Z.
    pub modified_seconds: i64,
}

/// One entry of getdents64(2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirEntry {
    /// File name without a slash; `.` and `..` are left out.
    pub name: String,
    /// Kind.
    pub kind: FileKind,
}

/// A signal number of signal(7), x86-64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Signal(pub i32);

macro_rules! signals {
    ($($name:ident = $number:literal;)*) => {
        impl Signal {
            $(#[doc = stringify!($name)] pub const $name: Signal = Signal($number);)*
            /// All signals that have a name, in order of their numbers.
            pub const NAMED: &'static [(&'static str, Signal)] = &[$((stringify!($name), Signal($number)),)*];
        }
    };
}

signals! {
    SIGHUP = 1; SIGINT = 2; SIGQUIT = 3; SIGILL = 4; SIGTRAP = 5; SIGABRT = 6; SIGBUS = 7; SIGFPE = 8; SIGKILL = 9; SIGUSR1 = 10;
    SIGSEGV = 11; SIGUSR2 = 12; SIGPIPE = 13; SIGALRM = 14; SIGTERM = 15; SIGSTKFLT = 16; SIGCHLD = 17; SIGCONT = 18; SIGSTOP = 19;
    SIGTSTP = 20; SIGTTIN = 21; SIGTTOU = 22; SIGURG = 23; SIGXCPU = 24; SIGXFSZ = 25; SIGVTALRM = 26; SIGPROF = 27; SIGWINCH = 28;
    SIGIO = 29; SIGPWR = 30; SIGSYS = 31;
}

impl Signal {
    /// `SIGTERM` for 15; `SIG40` for a number without a name.
    pub fn name(self) -> String {
        let named = Signal::NAMED.iter().find(|(_, signal)| *signal == self);
        named.map_or_else(|| format!("SIG{}", self.0), |(name, _)| (*name).to_string())
    }

    /// Reads `TERM`, `SIGTERM`, `sigterm` or `15`. Real-time numbers up to 64 are taken.
    pub fn parse(text: &str) -> Option<Signal> {
        if let Ok(number) = text.parse::<i32>() {
            return (1..=64).contains(&number).then_some(Signal(number));
        }
        let upper = text.to_ascii_uppercase();
        let wanted = if upper.starts_with("SIG") { upper } else { format!("SIG{upper}") };
        Signal::NAMED.iter().find(|(name, _)| *name == wanted).map(|(_, signal)| *signal)
    }
}

/// What happens when a signal arrives: sigaction(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Disposition {
    /// SIG_DFL
    Default,
    /// SIG_IGN
    Ignore,
    /// A handler: the signal is queued for `take_signal`. execve sets it back to the default.
    Catch,
}

/// How a child ended: the status of wait4(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WaitStatus {
    /// It exited with this code.
    Exited(i32),
    /// It was ended by a signal.
    Signaled(Signal),
}

impl WaitStatus {
    /// The status as a shell shows it: 128 + n for a signal.
    pub fn code(self) -> i32 {
        match self {
            WaitStatus::Exited(code) => code,
            WaitStatus::Signaled(signal) => 128 + signal.0,
        }
    }
}

/// The system calls. Paths are as given by the program: absolute, or relative to its working directory.
/// Every call may fail with the errno that its man page in section 2 names.
pub trait Sys {
    /// read(2). An empty answer is the end of the file.
    fn read(&mut self, fd: Fd, bytes_max: usize) -> SysResult<Vec<u8>>;
    /// write(2). Answers how many bytes were taken.
    fn write(&mut self, fd: Fd, bytes: &[u8]) -> SysResult<usize>;
    /// openat(2) with AT_FDCWD, O_CLOEXEC not set. `mode` before the umask.
    fn open(&mut self, path: &str, flags: OpenFlags, mode: u32) -> SysResult<Fd>;
    /// close(2)
    fn close(&mut self, fd: Fd) -> SysResult<()>;
    /// dup2(2)
    fn dup2(&mut self, old: Fd, new: Fd) -> SysResult<()>;
    /// fcntl(2) F_DUPFD_CLOEXEC: a copy of `old`, at least `lowest`, closed on exec.
    fn dup_above(&mut self, old: Fd, lowest: Fd) -> SysResult<Fd>;
    /// pipe(2): (read end, write end).
    fn pipe(&mut self) -> SysResult<(Fd, Fd)>;
    /// lseek(2) SEEK_SET. Only for `head`, to give back what it read too much; ESPIPE on a pipe.
    fn seek(&mut self, fd: Fd, offset: u64) -> SysResult<()>;
    /// isatty(3)
    fn is_terminal(&mut self, fd: Fd) -> bool;
    /// ioctl_tty(2) TIOCGWINSZ: (rows, columns).
    fn window_size(&mut self, fd: Fd) -> SysResult<(u16, u16)>;

    /// stat(2), or lstat(2) where `follow` is false.
    fn stat(&mut self, path: &str, follow: bool) -> SysResult<Stat>;
    /// fstat(2)
    fn fstat(&mut self, fd: Fd) -> SysResult<Stat>;
    /// readlink(2)
    fn readlink(&mut self, path: &str) -> SysResult<String>;
    /// open, getdents64(2), close. Entries sorted by name.
    fn read_dir(&mut self, path: &str) -> SysResult<Vec<DirEntry>>;
    /// mkdir(2), `mode` before the umask.
    fn mkdir(&mut self, path: &str, mode: u32) -> SysResult<()>;
    /// unlink(2)
    fn unlink(&mut self, path: &str) -> SysResult<()>;
    /// rmdir(2)
    fn rmdir(&mut self, path: &str) -> SysResult<()>;
    /// rename(2)
    fn rename(&mut self, from: &str, to: &str) -> SysResult<()>;
    /// link(2)
    fn link(&mut self, existing: &str, new: &str) -> SysResult<()>;
    /// symlink(2)
    fn symlink(&mut self, target: &str, link: &str) -> SysResult<()>;
    /// chmod(2)
    fn chmod(&mut self, path: &str, mode: u32) -> SysResult<()>;
    /// chown(2), or lchown(2) where `follow` is false. `None`: as it is.
    fn chown(&mut self, path: &str, uid: Option<u32>, gid: Option<u32>, follow: bool) -> SysResult<()>;
    /// ftruncate(2): cut off, or lengthened by zeros.
    fn truncate(&mut self, fd: Fd, length: u64) -> SysResult<()>;
    /// utimensat(2): modification time to now.
    fn touch_times(&mut self, path: &str) -> SysResult<()>;
    /// access(2) X_OK with the effective ids, for looking a program up in PATH.
    fn can_execute(&mut self, path: &str) -> SysResult<()>;
    /// chdir(2)
    fn chdir(&mut self, path: &str) -> SysResult<()>;
    /// chroot(2): where `/` leads from now on. The working directory stays.
    fn chroot(&mut self, path: &str) -> SysResult<()>;
    /// getcwd(3)
    fn getcwd(&mut self) -> SysResult<String>;
    /// umask(2): sets it and answers the one before.
    fn umask(&mut self, mask: u32) -> u32;

    /// fork(2) where the child goes on as `child` (on Linux: it runs `child` to its end, then exits with its status).
    /// Descriptors, directories, environment of the kernel's side are inherited as fork does. Answers the child's pid.
    fn fork(&mut self, child: Program) -> SysResult<Pid>;
    /// execve(2). On success the program must return `Resume::Replaced` at once. `argv[0]` included; `env` as `NAME=value`.
    fn execve(&mut self, path: &str, argv: &[String], env: &[String]) -> SysResult<()>;
    /// wait4(2): a child that ended. `pid`: -1 for any. With `hang` false (WNOHANG): `None` if none has ended yet.
    fn wait(&mut self, pid: Pid, hang: bool) -> SysResult<Option<(Pid, WaitStatus)>>;
    /// kill(2): `pid` 0 is the own process group, -1 all, negative a group. `None` is the signal 0: only check.
    fn kill(&mut self, pid: Pid, signal: Option<Signal>) -> SysResult<()>;
    /// sigaction(2)
    fn set_disposition(&mut self, signal: Signal, disposition: Disposition) -> SysResult<()>;
    /// The next caught signal that has not been fetched yet, in order of arrival.
    fn take_signal(&mut self) -> Option<Signal>;
    /// pause(2): waits until a signal was caught, then fails with EINTR.
    fn pause(&mut self) -> SysResult<()>;
    /// getpid(2)
    fn getpid(&mut self) -> Pid;
    /// getppid(2): 0 where the parent is outside of the pid namespace.
    fn getppid(&mut self) -> Pid;
    /// setpgid(2)
    fn setpgid(&mut self, pid: Pid, group: Pid) -> SysResult<()>;
    /// tcsetpgrp(3): makes `group` the foreground group of the terminal `fd`.
    fn set_foreground(&mut self, fd: Fd, group: Pid) -> SysResult<()>;

    /// geteuid(2), getegid(2), getgroups(2): the effective user, group, and supplementary groups.
    fn ids(&mut self) -> (u32, u32, Vec<u32>);
    /// uname(2): nodename.
    fn hostname(&mut self) -> String;
    /// sethostname(2)
    fn set_hostname(&mut self, name: &str) -> SysResult<()>;
    /// uname(2): (sysname, release, machine).
    fn uname(&mut self) -> (String, String, String);
    /// mount(2): flags as the words of mount(8) (`ro`, `bind`, `rbind`, `remount`, `nosuid`, …); `data` is what is not a flag.
    fn mount(&mut self, source: &str, target: &str, fs_type: &str, flags: &[&str], data: &str) -> SysResult<()>;
    /// umount2(2); `lazy` is MNT_DETACH.
    fn umount(&mut self, target: &str, lazy: bool) -> SysResult<()>;

    /// clock_gettime(2) CLOCK_MONOTONIC, nanoseconds.
    fn clock(&mut self) -> u64;
    /// clock_gettime(2) CLOCK_REALTIME, seconds since 1970-01-01T00:00:00Z.
    fn realtime(&mut self) -> i64;
    /// clock_nanosleep(2) on CLOCK_MONOTONIC until the absolute time `until` in nanoseconds.
    fn sleep_until(&mut self, until: u64) -> SysResult<()>;
    /// mknod(2): a device node, `mode` before the umask.
    fn mknod(&mut self, path: &str, kind: DeviceKind, number: (u32, u32), mode: u32) -> SysResult<()>;
    /// One of the calls that are made to see what the kernel answers.
    fn attempt(&mut self, attempt: Attempt) -> SysResult<()>;
    /// getrlimit(2)
    fn limit(&mut self, resource: Resource) -> SysResult<LimitPair>;
    /// setrlimit(2)
    fn set_limit(&mut self, resource: Resource, limit: LimitPair) -> SysResult<()>;
    /// Anonymous memory, mapped and touched (mmap(2), then a write to each page). The kernel may end the process for it.
    fn allocate(&mut self, bytes: u64) -> SysResult<()>;
    /// socket(2), connect(2), send(2), and recv(2) for at most so long: a datagram, and the one that comes back. ETIMEDOUT: none came.
    fn ask(&mut self, to: SocketAddr, question: &[u8], milliseconds_max: u32) -> SysResult<Vec<u8>>;
}
