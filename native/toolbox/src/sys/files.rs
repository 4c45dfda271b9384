//! Files, directories, pipes and mounts.

use std::os::unix::ffi::OsStrExt;

use glassbox_core::errno::Errno;
use glassbox_core::userland::{DirEntry, Fd, FileKind, OpenFlags, Stat, SysResult};
use nix::mount::{MntFlags, MsFlags};

use super::{c_string, check};

fn result<T>(answer: nix::Result<T>) -> SysResult<T> {
    answer.map_err(|errno| Errno(errno as i32))
}

pub fn read(fd: Fd, bytes_max: usize) -> SysResult<Vec<u8>> {
    let mut bytes: Vec<u8> = Vec::with_capacity(bytes_max);
    // SAFETY: the buffer has room for `bytes_max` bytes and lives through the call.
    let count = unsafe { libc::read(fd, bytes.as_mut_ptr().cast(), bytes_max) };
    let count = usize::try_from(count).map_err(|_| super::last_errno())?;
    // SAFETY: read(2) has filled the first `count` bytes, at most `bytes_max`.
    unsafe { bytes.set_len(count) };
    Ok(bytes)
}

pub fn write(fd: Fd, bytes: &[u8]) -> SysResult<usize> {
    // SAFETY: pointer and length are those of a live slice.
    let count = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
    usize::try_from(count).map_err(|_| super::last_errno())
}

pub fn open(path: &str, flags: OpenFlags, mode: u32) -> SysResult<Fd> {
    let access = match (flags.read, flags.write) {
        (true, true) => libc::O_RDWR,
        (false, true) => libc::O_WRONLY,
        _ => libc::O_RDONLY,
    };
    let choices = [
        (flags.create, libc::O_CREAT),
        (flags.exclusive, libc::O_EXCL),
        (flags.truncate, libc::O_TRUNC),
        (flags.append, libc::O_APPEND),
        (flags.directory, libc::O_DIRECTORY),
    ];
    let bits = choices.iter().filter(|(chosen, _)| *chosen).fold(access, |bits, (_, flag)| bits | flag);
    let path = c_string(path)?;
    // SAFETY: `path` is a live C string; the mode is read for O_CREAT only.
    check(unsafe { libc::open(path.as_ptr(), bits, mode) })
}

pub fn close(fd: Fd) -> SysResult<()> {
    // SAFETY: descriptors are plain numbers here; no Rust object owns one that a program uses.
    check(unsafe { libc::close(fd) }).map(drop)
}

pub fn dup2(old: Fd, new: Fd) -> SysResult<()> {
    // SAFETY: as for close.
    check(unsafe { libc::dup2(old, new) }).map(drop)
}

pub fn dup_above(old: Fd, lowest: Fd) -> SysResult<Fd> {
    // SAFETY: F_DUPFD_CLOEXEC takes one number and touches no memory.
    check(unsafe { libc::fcntl(old, libc::F_DUPFD_CLOEXEC, lowest) })
}

pub fn pipe() -> SysResult<(Fd, Fd)> {
    let mut ends = [0; 2];
    // SAFETY: the array has room for the two descriptors.
    check(unsafe { libc::pipe(ends.as_mut_ptr()) })?;
    Ok((ends[0], ends[1]))
}

pub fn seek(fd: Fd, offset: u64) -> SysResult<()> {
    let offset = i64::try_from(offset).map_err(|_| Errno::EINVAL)?;
    // SAFETY: plain numbers.
    if unsafe { libc::lseek(fd, offset, libc::SEEK_SET) } == -1 { Err(super::last_errno()) } else { Ok(()) }
}

fn stat_of(raw: &libc::stat) -> Stat {
    let kind = match raw.st_mode & libc::S_IFMT {
        libc::S_IFDIR => FileKind::Directory,
        libc::S_IFLNK => FileKind::Symlink,
        libc::S_IFCHR => FileKind::CharDevice,
        libc::S_IFBLK => FileKind::BlockDevice,
        libc::S_IFIFO | libc::S_IFSOCK => FileKind::Fifo,
        _ => FileKind::File,
    };
    let rdev =
        matches!(kind, FileKind::CharDevice | FileKind::BlockDevice).then(|| (libc::major(raw.st_rdev), libc::minor(raw.st_rdev)));
    Stat {
        kind,
        mode: raw.st_mode & 0o7777,
        uid: raw.st_uid,
        gid: raw.st_gid,
        size: raw.st_size as u64,
        links: raw.st_nlink,
        inode: raw.st_ino,
        device: raw.st_dev,
        rdev,
        modified_seconds: raw.st_mtime,
    }
}

pub fn stat(path: &str, follow: bool) -> SysResult<Stat> {
    result(if follow { nix::sys::stat::stat(path) } else { nix::sys::stat::lstat(path) }).map(|raw| stat_of(&raw))
}

pub fn fstat(fd: Fd) -> SysResult<Stat> {
    let mut raw = std::mem::MaybeUninit::uninit();
    // SAFETY: the buffer has the size of a stat structure.
    check(unsafe { libc::fstat(fd, raw.as_mut_ptr()) })?;
    // SAFETY: the call succeeded, so that it has filled the structure.
    Ok(stat_of(unsafe { raw.assume_init_ref() }))
}

pub fn readlink(path: &str) -> SysResult<String> {
    result(nix::fcntl::readlink(path)).map(|target| String::from_utf8_lossy(target.as_bytes()).into_owned())
}

pub fn read_dir(path: &str) -> SysResult<Vec<DirEntry>> {
    let errno = |error: std::io::Error| Errno(error.raw_os_error().unwrap_or(Errno::EIO.0));
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path).map_err(errno)? {
        let entry = entry.map_err(errno)?;
        let name = String::from_utf8_lossy(entry.file_name().as_bytes()).into_owned();
        entries.push(DirEntry { name, kind: kind_of(&entry) });
    }
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(entries)
}

fn kind_of(entry: &std::fs::DirEntry) -> FileKind {
    use std::os::unix::fs::FileTypeExt;
    match entry.file_type() {
        Ok(kind) if kind.is_dir() => FileKind::Directory,
        Ok(kind) if kind.is_symlink() => FileKind::Symlink,
        Ok(kind) if kind.is_char_device() => FileKind::CharDevice,
        Ok(kind) if kind.is_block_device() => FileKind::BlockDevice,
        Ok(kind) if kind.is_fifo() || kind.is_socket() => FileKind::Fifo,
        _ => FileKind::File,
    }
}

pub fn mkdir(path: &str, mode: u32) -> SysResult<()> {
    result(nix::unistd::mkdir(path, nix::sys::stat::Mode::from_bits_truncate(mode)))
}

pub fn unlink(path: &str) -> SysResult<()> {
    result(nix::unistd::unlink(path))
}

pub fn rmdir(path: &str) -> SysResult<()> {
    let path = c_string(path)?;
    // SAFETY: a live C string.
    check(unsafe { libc::rmdir(path.as_ptr()) }).map(drop)
}

pub fn rename(from: &str, to: &str) -> SysResult<()> {
    let (from, to) = (c_string(from)?, c_string(to)?);
    // SAFETY: live C strings.
    check(unsafe { libc::rename(from.as_ptr(), to.as_ptr()) }).map(drop)
}

pub fn link(existing: &str, new: &str) -> SysResult<()> {
    let (existing, new) = (c_string(existing)?, c_string(new)?);
    // SAFETY: live C strings.
    check(unsafe { libc::link(existing.as_ptr(), new.as_ptr()) }).map(drop)
}

pub fn symlink(target: &str, link: &str) -> SysResult<()> {
    let (target, link) = (c_string(target)?, c_string(link)?);
    // SAFETY: live C strings.
    check(unsafe { libc::symlink(target.as_ptr(), link.as_ptr()) }).map(drop)
}

pub fn chown(path: &str, uid: Option<u32>, gid: Option<u32>, follow: bool) -> SysResult<()> {
    let path = c_string(path)?;
    // -1 leaves an id as it is: chown(2).
    let (uid, gid) = (uid.unwrap_or(u32::MAX), gid.unwrap_or(u32::MAX));
    // SAFETY: a live C string.
    let answer = unsafe { if follow { libc::chown(path.as_ptr(), uid, gid) } else { libc::lchown(path.as_ptr(), uid, gid) } };
    check(answer).map(drop)
}

pub fn truncate(fd: Fd, length: u64) -> SysResult<()> {
    let length = libc::off_t::try_from(length).map_err(|_| Errno::EFBIG)?;
    // SAFETY: numbers alone.
    check(unsafe { libc::ftruncate(fd, length) }).map(drop)
}

pub fn chmod(path: &str, mode: u32) -> SysResult<()> {
    let path = c_string(path)?;
    // SAFETY: a live C string.
    check(unsafe { libc::chmod(path.as_ptr(), mode) }).map(drop)
}

pub fn touch_times(path: &str) -> SysResult<()> {
    let path = c_string(path)?;
    // SAFETY: a live C string; a null pointer for the times means "now".
    check(unsafe { libc::utimensat(libc::AT_FDCWD, path.as_ptr(), std::ptr::null(), 0) }).map(drop)
}

pub fn can_execute(path: &str) -> SysResult<()> {
    let path = c_string(path)?;
    // SAFETY: a live C string.
    check(unsafe { libc::faccessat(libc::AT_FDCWD, path.as_ptr(), libc::X_OK, libc::AT_EACCESS) }).map(drop)
}

pub fn chdir(path: &str) -> SysResult<()> {
    result(nix::unistd::chdir(path))
}

pub fn chroot(path: &str) -> SysResult<()> {
    result(nix::unistd::chroot(path))
}

pub fn getcwd() -> SysResult<String> {
    result(nix::unistd::getcwd()).map(|path| String::from_utf8_lossy(path.as_os_str().as_bytes()).into_owned())
}

/// The bits that a word of mount(8) sets and clears.
fn mount_flag(word: &str) -> (MsFlags, MsFlags) {
    let none = MsFlags::empty();
    let recursive = MsFlags::MS_REC;
    match word {
        "ro" => (MsFlags::MS_RDONLY, none),
        "rw" => (none, MsFlags::MS_RDONLY),
        "nosuid" => (MsFlags::MS_NOSUID, none),
        "suid" => (none, MsFlags::MS_NOSUID),
        "nodev" => (MsFlags::MS_NODEV, none),
        "dev" => (none, MsFlags::MS_NODEV),
        "noexec" => (MsFlags::MS_NOEXEC, none),
        "exec" => (none, MsFlags::MS_NOEXEC),
        "sync" => (MsFlags::MS_SYNCHRONOUS, none),
        "dirsync" => (MsFlags::MS_DIRSYNC, none),
        "remount" => (MsFlags::MS_REMOUNT, none),
        "bind" => (MsFlags::MS_BIND, none),
        "rbind" => (MsFlags::MS_BIND | recursive, none),
        "move" => (MsFlags::MS_MOVE, none),
        "private" => (MsFlags::MS_PRIVATE, none),
        "rprivate" => (MsFlags::MS_PRIVATE | recursive, none),
        "slave" => (MsFlags::MS_SLAVE, none),
        "rslave" => (MsFlags::MS_SLAVE | recursive, none),
        "shared" => (MsFlags::MS_SHARED, none),
        "rshared" => (MsFlags::MS_SHARED | recursive, none),
        "unbindable" => (MsFlags::MS_UNBINDABLE, none),
        "runbindable" => (MsFlags::MS_UNBINDABLE | recursive, none),
        "noatime" => (MsFlags::MS_NOATIME, none),
        "nodiratime" => (MsFlags::MS_NODIRATIME, none),
        "relatime" => (MsFlags::MS_RELATIME, none),
        "strictatime" => (MsFlags::MS_STRICTATIME, none),
        "silent" => (MsFlags::MS_SILENT, none),
        _ => (none, none),
    }
}

pub fn mount(source: &str, target: &str, fs_type: &str, flags: &[&str], data: &str) -> SysResult<()> {
    let mut bits = MsFlags::empty();
    for word in flags {
        let (set, cleared) = mount_flag(word);
        bits = (bits - cleared) | set;
    }
    let some = |text: &str| if text.is_empty() { None } else { Some(text.to_string()) };
    let (fs_type, data) = (some(fs_type), some(data));
    result(nix::mount::mount(Some(source), target, fs_type.as_deref(), bits, data.as_deref()))
}

pub fn umount(target: &str, lazy: bool) -> SysResult<()> {
    let flags = if lazy { MntFlags::MNT_DETACH } else { MntFlags::empty() };
    result(nix::mount::umount2(target, flags))
}
