//! What every container gets unless told otherwise: Docker 28's lists, as data.
//!
//! Sources: the OCI runtime specification, config-linux.md ("Default Filesystems", "Default Devices"), and dockerd's default
//! specification, which adds the masked and read-only paths.

use crate::step::MountFlags;

/// A file system that the kernel makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DefaultMount {
    /// Type.
    pub fs_type: &'static str,
    /// Source, as it stands in /proc/mounts.
    pub source: &'static str,
    /// Where, inside the container.
    pub target: &'static str,
    /// Flags.
    pub flags: MountFlags,
    /// Options that are no flags.
    pub data: &'static str,
}

/// A character device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DefaultDevice {
    /// Where, inside the container.
    pub path: &'static str,
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
    /// Permission bits.
    pub mode: u32,
}

const READ_ONLY: MountFlags = MountFlags { read_only: true, ..MountFlags::GUARDED };
const NO_SUID: MountFlags = MountFlags { no_dev: false, no_exec: false, strictatime: true, ..MountFlags::GUARDED };
const NO_SUID_EXEC: MountFlags = MountFlags { no_dev: false, ..MountFlags::GUARDED };

const MOUNTS: [DefaultMount; 7] = [
    DefaultMount { fs_type: "proc", source: "proc", target: "/proc", flags: MountFlags::GUARDED, data: "" },
    DefaultMount { fs_type: "tmpfs", source: "tmpfs", target: "/dev", flags: NO_SUID, data: "mode=755,size=65536k" },
    DefaultMount {
        fs_type: "devpts",
        source: "devpts",
        target: "/dev/pts",
        flags: NO_SUID_EXEC,
        data: "newinstance,ptmxmode=0666,mode=0620,gid=5",
    },
    DefaultMount { fs_type: "sysfs", source: "sysfs", target: "/sys", flags: READ_ONLY, data: "" },
    DefaultMount { fs_type: "cgroup2", source: "cgroup", target: "/sys/fs/cgroup", flags: READ_ONLY, data: "" },
    DefaultMount { fs_type: "mqueue", source: "mqueue", target: "/dev/mqueue", flags: MountFlags::GUARDED, data: "" },
    DefaultMount { fs_type: "tmpfs", source: "shm", target: "/dev/shm", flags: MountFlags::GUARDED, data: "mode=1777,size=65536k" },
];

const DEVICES: [DefaultDevice; 6] = [
    DefaultDevice { path: "/dev/null", major: 1, minor: 3, mode: 0o666 },
    DefaultDevice { path: "/dev/zero", major: 1, minor: 5, mode: 0o666 },
    DefaultDevice { path: "/dev/full", major: 1, minor: 7, mode: 0o666 },
    DefaultDevice { path: "/dev/random", major: 1, minor: 8, mode: 0o666 },
    DefaultDevice { path: "/dev/urandom", major: 1, minor: 9, mode: 0o666 },
    DefaultDevice { path: "/dev/tty", major: 5, minor: 0, mode: 0o666 },
];

const LINKS: [(&str, &str); 6] = [
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
    ("/dev/core", "/proc/kcore"),
    ("/dev/ptmx", "pts/ptmx"),
];

/// File systems, in the order in which they are mounted. `cgroup2` only where the host has version 2.
pub fn mounts() -> &'static [DefaultMount] {
    &MOUNTS
}

/// The options of a default file system; `shm_bytes`: what `--shm-size` says, 0 for nothing.
pub fn data(mount: &DefaultMount, shm_bytes: u64) -> String {
    match (mount.target, shm_bytes) {
        ("/dev/shm", 1..) => format!("mode=1777,size={shm_bytes}"),
        _ => mount.data.to_string(),
    }
}

/// The devices that every Linux program may expect.
pub fn device_nodes() -> &'static [DefaultDevice] {
    &DEVICES
}

/// Symbolic links in /dev: (path, what it says).
pub fn device_links() -> &'static [(&'static str, &'static str)] {
    &LINKS
}

/// What is made in a container's own layer to mount these and its three files on, where the image has not got it: no change of the
/// container. Without slashes at the ends.
pub const MOUNT_POINTS: &[&str] = &["dev", "etc/hostname", "etc/hosts", "etc/resolv.conf", "proc", "sys"];

/// Covered, because they tell of the whole host or act on it.
pub const MASKED_PATHS: &[&str] = &[
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
];

/// Readable, but not to be written.
pub const READONLY_PATHS: &[&str] = &["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
