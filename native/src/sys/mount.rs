//! Mounts: mount(2), umount2(2), pivot_root(2), mknod(2), and of the newer calls mount_setattr(2), open_tree(2), move_mount(2).
//!
//! Everything here acts on the mount namespace of the caller. What is mounted where is read elsewhere (`observe`).

use std::ffi::CString;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::ptr;

use glassbox_core::errno::Errno;

use super::{Result, c_path, c_text, check, check_long, pointer_of};

flags! {
    /// Flags of mount(2).
    MountFlags: libc::c_ulong {
        /// MS_RDONLY
        READ_ONLY = libc::MS_RDONLY;
        /// MS_NOSUID
        NO_SUID = libc::MS_NOSUID;
        /// MS_NODEV
        NO_DEVICES = libc::MS_NODEV;
        /// MS_NOEXEC
        NO_EXEC = libc::MS_NOEXEC;
        /// MS_SYNCHRONOUS
        SYNCHRONOUS = libc::MS_SYNCHRONOUS;
        /// MS_REMOUNT
        REMOUNT = libc::MS_REMOUNT;
        /// MS_NOATIME
        NO_ACCESS_TIME = libc::MS_NOATIME;
        /// MS_NODIRATIME
        NO_DIRECTORY_ACCESS_TIME = libc::MS_NODIRATIME;
        /// MS_RELATIME
        RELATIVE_ACCESS_TIME = libc::MS_RELATIME;
        /// MS_STRICTATIME
        STRICT_ACCESS_TIME = libc::MS_STRICTATIME;
        /// MS_BIND
        BIND = libc::MS_BIND;
        /// MS_MOVE
        MOVE = libc::MS_MOVE;
        /// MS_REC
        RECURSIVE = libc::MS_REC;
        /// MS_PRIVATE
        PRIVATE = libc::MS_PRIVATE;
        /// MS_SLAVE
        SLAVE = libc::MS_SLAVE;
        /// MS_SHARED
        SHARED = libc::MS_SHARED;
        /// MS_UNBINDABLE
        UNBINDABLE = libc::MS_UNBINDABLE;
    }
}

flags! {
    /// Flags of umount2(2).
    UmountFlags: libc::c_int {
        /// MNT_DETACH: out of sight at once, gone when nobody uses it any more.
        DETACH = libc::MNT_DETACH;
        /// UMOUNT_NOFOLLOW: the target is no symbolic link.
        NO_FOLLOW = libc::UMOUNT_NOFOLLOW;
    }
}

flags! {
    /// Attributes of a mount, as mount_setattr(2) sets and clears them.
    MountAttributes: u64 {
        /// MOUNT_ATTR_RDONLY
        READ_ONLY = 0x1;
        /// MOUNT_ATTR_NOSUID
        NO_SUID = 0x2;
        /// MOUNT_ATTR_NODEV
        NO_DEVICES = 0x4;
        /// MOUNT_ATTR_NOEXEC
        NO_EXEC = 0x8;
    }
}

/// mount(2). `None` is the null pointer.
pub fn mount(
    source: Option<&str>,
    target: impl AsRef<Path>,
    file_system: Option<&str>,
    flags: MountFlags,
    data: Option<&str>,
) -> Result<()> {
    let text = |part: Option<&str>| -> Result<Option<CString>> { part.map(c_text).transpose() };
    let (source, file_system, data) = (text(source)?, text(file_system)?, text(data)?);
    let target = c_path(target)?;
    let (source, file_system) = (pointer_of(source.as_ref()), pointer_of(file_system.as_ref()));
    // SAFETY: each pointer is null or a C string that lives until the end of this function; the kernel only reads them.
    check(unsafe { libc::mount(source, target.as_ptr(), file_system, flags.0, pointer_of(data.as_ref()).cast()) })?;
    Ok(())
}

/// `mount --bind` (MS_BIND), or `--rbind` where `recursive` (MS_BIND | MS_REC).
pub fn bind(source: impl AsRef<Path>, target: impl AsRef<Path>, recursive: bool) -> Result<()> {
    let (source, target) = (c_path(source)?, c_path(target)?);
    let flags = if recursive { libc::MS_BIND | libc::MS_REC } else { libc::MS_BIND };
    // SAFETY: both paths are C strings that outlive the call; the file system and data are not looked at for MS_BIND.
    check(unsafe { libc::mount(source.as_ptr(), target.as_ptr(), ptr::null(), flags, ptr::null()) })?;
    Ok(())
}

/// Sets how mount events spread: PRIVATE, SLAVE, SHARED or UNBINDABLE, with RECURSIVE for the whole tree: mount_namespaces(7).
pub fn set_propagation(target: impl AsRef<Path>, flags: MountFlags) -> Result<()> {
    mount(None, target, None, flags, None)
}

/// umount2(2)
pub fn umount(target: impl AsRef<Path>, flags: UmountFlags) -> Result<()> {
    let target = c_path(target)?;
    // SAFETY: the path is a C string that outlives the call.
    check(unsafe { libc::umount2(target.as_ptr(), flags.0) })?;
    Ok(())
}

/// pivot_root(2): `new_root` becomes `/`, and what was `/` appears at `put_old`, which is at or below `new_root`. Both may be
/// `.`: then the old root is stacked on the new one and is detached with `umount(".", DETACH)`.
pub fn pivot_root(new_root: impl AsRef<Path>, put_old: impl AsRef<Path>) -> Result<()> {
    let (new_root, put_old) = (c_path(new_root)?, c_path(put_old)?);
    // SAFETY: both are C strings that outlive the call.
    check_long(unsafe { libc::syscall(libc::SYS_pivot_root, new_root.as_ptr(), put_old.as_ptr()) })?;
    Ok(())
}

/// What mknod(2) makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// S_IFCHR
    CharDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// S_IFBLK
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// S_IFIFO
    Fifo,
    /// S_IFREG: an empty file, for a bind mount to stand on.
    File,
}

impl Node {
    pub(super) fn kind_and_device(self) -> (libc::mode_t, libc::dev_t) {
        match self {
            Node::CharDevice { major, minor } => (libc::S_IFCHR, libc::makedev(major, minor)),
            Node::BlockDevice { major, minor } => (libc::S_IFBLK, libc::makedev(major, minor)),
            Node::Fifo => (libc::S_IFIFO, 0),
            Node::File => (libc::S_IFREG, 0),
        }
    }
}

/// mknod(2). The umask applies to `mode`.
pub fn mknod(path: impl AsRef<Path>, node: Node, mode: u32) -> Result<()> {
    let path = c_path(path)?;
    let (kind, device) = node.kind_and_device();
    // SAFETY: the path is a C string that outlives the call.
    check(unsafe { libc::mknod(path.as_ptr(), kind | mode, device) })?;
    Ok(())
}

/// The argument of mount_setattr(2).
#[repr(C)]
struct SetAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

/// mount_setattr(2): sets and clears attributes of the mount at `target`, and with `recursive` of all below it. Attributes that
/// are not named stay, also those that are locked. ENOSYS before Linux 5.12.
pub fn set_attributes(target: impl AsRef<Path>, set: MountAttributes, clear: MountAttributes, recursive: bool) -> Result<()> {
    let target = c_path(target)?;
    let argument = SetAttributes { set: set.0, clear: clear.0, propagation: 0, user_namespace: 0 };
    let flags = if recursive { libc::AT_RECURSIVE } else { 0 };
    let size = size_of::<SetAttributes>();
    // SAFETY: the path is a C string, and `argument` has the layout and the size that the call is told.
    check_long(unsafe { libc::syscall(libc::SYS_mount_setattr, libc::AT_FDCWD, target.as_ptr(), flags, &argument, size) })?;
    Ok(())
}

/// Makes the mount at `target` read-only and leaves its other flags as they are (a user namespace may not clear locked ones):
/// mount_setattr(2), or where that call is missing a bind remount with the flags that statfs(2) tells.
pub fn make_read_only(target: impl AsRef<Path>, recursive: bool) -> Result<()> {
    match set_attributes(&target, MountAttributes::READ_ONLY, MountAttributes::NONE, recursive) {
        Err(Errno::ENOSYS) => {
            let kept = flags_of(&target)?;
            mount(None, target, None, kept | MountFlags::REMOUNT | MountFlags::BIND | MountFlags::READ_ONLY, None)
        }
        answer => answer,
    }
}

/// The flags of the mount that holds `path`, as statfs(2) tells them, in the bits of mount(2).
pub fn flags_of(path: impl AsRef<Path>) -> Result<MountFlags> {
    /// linux/statfs.h; the binding for musl has no such constant.
    const ST_RELATIME: libc::c_ulong = 0x1000;
    let path = c_path(path)?;
    // SAFETY: statvfs is plain data, zeros are valid; the path is a C string; the kernel writes into `answer` only.
    let answer = unsafe {
        let mut answer: libc::statvfs = std::mem::zeroed();
        check(libc::statvfs(path.as_ptr(), &mut answer))?;
        answer
    };
    let pairs = [
        (libc::ST_RDONLY, MountFlags::READ_ONLY),
        (libc::ST_NOSUID, MountFlags::NO_SUID),
        (libc::ST_NODEV, MountFlags::NO_DEVICES),
        (libc::ST_NOEXEC, MountFlags::NO_EXEC),
        (libc::ST_SYNCHRONOUS, MountFlags::SYNCHRONOUS),
        (libc::ST_NOATIME, MountFlags::NO_ACCESS_TIME),
        (libc::ST_NODIRATIME, MountFlags::NO_DIRECTORY_ACCESS_TIME),
        (ST_RELATIME, MountFlags::RELATIVE_ACCESS_TIME),
    ];
    Ok(pairs.iter().filter(|(bit, _)| answer.f_flag & bit != 0).fold(MountFlags::NONE, |all, (_, flag)| all | *flag))
}

/// open_tree(2) with OPEN_TREE_CLONE: a detached copy of the mount at `path`, of all below it where `recursive`. It can be
/// attached in another mount namespace with `attach`; before that it is gone when the descriptor is closed, after it the mount is
/// busy for as long as the descriptor is open.
pub fn detached_copy(path: impl AsRef<Path>, recursive: bool) -> Result<OwnedFd> {
    let path = c_path(path)?;
    let recursive = if recursive { libc::AT_RECURSIVE } else { 0 };
    let flags = libc::OPEN_TREE_CLONE as libc::c_int | libc::O_CLOEXEC | recursive;
    // SAFETY: the path is a C string that outlives the call.
    let fd = check_long(unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags) })?;
    // SAFETY: the descriptor is new and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// move_mount(2) with MOVE_MOUNT_F_EMPTY_PATH: attaches what `detached_copy` made at `target`.
pub fn attach(tree: &impl AsRawFd, target: impl AsRef<Path>) -> Result<()> {
    let target = c_path(target)?;
    let (tree, flags) = (tree.as_raw_fd(), libc::MOVE_MOUNT_F_EMPTY_PATH);
    // SAFETY: the empty source path and the target are C strings that outlive the call.
    check_long(unsafe { libc::syscall(libc::SYS_move_mount, tree, c"".as_ptr(), libc::AT_FDCWD, target.as_ptr(), flags) })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_of_proc_are_read() {
        if Path::new("/proc/self").exists() {
            assert!(!flags_of("/proc").unwrap().contains(MountFlags::READ_ONLY));
        }
    }

    #[test]
    fn a_path_with_a_nul_byte_is_refused_before_any_call() {
        assert_eq!(umount("a\0b", UmountFlags::NONE).unwrap_err(), Errno::EINVAL);
    }

    #[test]
    fn device_numbers() {
        let (kind, device) = Node::CharDevice { major: 1, minor: 3 }.kind_and_device();
        assert_eq!((kind, libc::major(device), libc::minor(device)), (libc::S_IFCHR, 1, 3));
    }
}
