//! The calls of the program `syscall`, as they are: each answers what the kernel says.

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;

use glassbox_core::device::DeviceKind;
use glassbox_core::errno::Errno;
use glassbox_core::userland::{Attempt, OpenFlags, SysResult};

use super::{c_string, check, last_errno};

const NODE: &str = "/tmp/.null";
const LOG: &str = "/tmp/.log";
const FILE: &str = "/.glassbox";
/// KEYCTL_GET_KEYRING_ID and KEY_SPEC_PROCESS_KEYRING of linux/keyctl.h.
const GET_KEYRING_ID: libc::c_long = 0;
const PROCESS_KEYRING: libc::c_long = -2;
/// ADDR_NO_RANDOMIZE of linux/personality.h.
const NO_RANDOM_ADDRESSES: libc::c_ulong = 0x4_0000;

/// struct timezone, with a value that no kernel takes: settimeofday(2) never sets anything.
#[repr(C)]
struct TimeZone {
    minutes_west: libc::c_int,
    daylight_saving: libc::c_int,
}

/// An answer of `long`: -1 stands for errno.
fn long(answer: libc::c_long) -> SysResult<libc::c_long> {
    if answer == -1 { Err(last_errno()) } else { Ok(answer) }
}

/// mknod(2). The umask applies to `mode`.
pub fn mknod(path: &str, kind: DeviceKind, (major, minor): (u32, u32), mode: u32) -> SysResult<()> {
    let path = c_string(path)?;
    let format = if kind == DeviceKind::Char { libc::S_IFCHR } else { libc::S_IFBLK };
    // SAFETY: a live C string.
    check(unsafe { libc::mknod(path.as_ptr(), format | mode, libc::makedev(major, minor)) }).map(drop)
}

/// Makes the call.
pub fn attempt(attempt: Attempt) -> SysResult<()> {
    match attempt {
        Attempt::Mount => super::files::mount("none", "/tmp", "tmpfs", &[], ""),
        Attempt::Umount => super::files::umount("/dev/mqueue", true),
        // SAFETY: no pointers; the process has one thread.
        Attempt::Unshare => check(unsafe { libc::unshare(libc::CLONE_NEWUTS) }).map(drop),
        // SAFETY: as above.
        Attempt::UnshareUser => check(unsafe { libc::unshare(libc::CLONE_NEWUSER) }).map(drop),
        Attempt::Setns => {
            let namespace = File::open("/proc/self/ns/uts").map_err(|error| Errno(error.raw_os_error().unwrap_or(Errno::EIO.0)))?;
            // SAFETY: a descriptor that is open.
            check(unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWUTS) }).map(drop)
        }
        // SAFETY: a static C string.
        Attempt::Chroot => check(unsafe { libc::chroot(c"/".as_ptr()) }).map(drop),
        // SAFETY: static C strings.
        Attempt::PivotRoot => long(unsafe { libc::syscall(libc::SYS_pivot_root, c"/".as_ptr(), c"/".as_ptr()) }).map(drop),
        Attempt::Sethostname => super::process::set_hostname("glassbox"),
        Attempt::Mknod => {
            mknod(NODE, DeviceKind::Char, (1, 3), 0o600)?;
            super::files::unlink(NODE)
        }
        // SAFETY: the kernel refuses these magic numbers before it looks at anything else but the capability: reboot(2).
        Attempt::Reboot => long(unsafe { libc::syscall(libc::SYS_reboot, 0, 0, 0, ptr::null::<u8>()) }).map(drop),
        Attempt::Settimeofday => {
            let zone = TimeZone { minutes_west: 100_000, daylight_saving: 0 };
            // SAFETY: no time is given; the zone outlives the call and is refused for its value.
            long(unsafe { libc::syscall(libc::SYS_settimeofday, ptr::null::<u8>(), &raw const zone) }).map(drop)
        }
        // SAFETY: plain numbers.
        Attempt::Keyctl => long(unsafe { libc::syscall(libc::SYS_keyctl, GET_KEYRING_ID, PROCESS_KEYRING, 0) }).map(drop),
        // SAFETY: a plain number; it holds for this process, which ends soon.
        Attempt::Personality => check(unsafe { libc::personality(NO_RANDOM_ADDRESSES) }).map(drop),
        // SAFETY: a static C string, of a file that is not there.
        Attempt::Swapon => long(unsafe { libc::syscall(libc::SYS_swapon, c"/nowhere".as_ptr(), 0) }).map(drop),
        // SAFETY: plain numbers; the call answers 0 or -1.
        Attempt::Setpriority => long(unsafe { libc::syscall(libc::SYS_setpriority, libc::PRIO_PROCESS, 0, -5) }).map(drop),
        Attempt::SocketRaw => socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP),
        Attempt::SocketVsock => socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0),
        Attempt::WriteProcSys => open("/proc/sys/kernel/hostname", OpenFlags { read: false, write: true, ..OpenFlags::READ }),
        Attempt::WriteRoot => {
            open(FILE, OpenFlags { read: false, write: true, create: true, ..OpenFlags::READ })?;
            super::files::unlink(FILE)
        }
        Attempt::OpenDevice => {
            mknod(LOG, DeviceKind::Char, (1, 11), 0o600)?;
            let opened = open(LOG, OpenFlags { read: false, write: true, ..OpenFlags::READ });
            super::files::unlink(LOG)?;
            opened
        }
        // SAFETY: a size of 0 is refused before the pointer is looked at.
        Attempt::Clone3 => long(unsafe { libc::syscall(libc::SYS_clone3, ptr::null::<u8>(), 0) }).map(drop),
    }
}

fn open(path: &str, flags: OpenFlags) -> SysResult<()> {
    super::files::close(super::files::open(path, flags, 0o600)?)
}

fn socket(family: libc::c_int, kind: libc::c_int, protocol: libc::c_int) -> SysResult<()> {
    // SAFETY: plain numbers.
    let number = check(unsafe { libc::socket(family, kind, protocol) })?;
    // SAFETY: the call succeeded, so this is a new descriptor that nobody else owns; dropped, it is closed.
    drop(unsafe { OwnedFd::from_raw_fd(number) });
    Ok(())
}
