//! Steps on mounts and the root file system: mount(2), mount_namespaces(7), pivot_root(2). All in the container's own mount namespace,
//! so that they end with it. Paths are absolute: before `PivotRoot` as the host names them, after it as the container does.

use serde::{Deserialize, Serialize};

use super::Undo;
use crate::device::DeviceKind;
use crate::model::{ContainerId, Propagation};

/// Flags of mount(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountFlags {
    /// MS_RDONLY
    pub read_only: bool,
    /// MS_NOSUID
    pub no_suid: bool,
    /// MS_NODEV
    pub no_dev: bool,
    /// MS_NOEXEC
    pub no_exec: bool,
    /// MS_RELATIME
    pub relatime: bool,
    /// MS_STRICTATIME
    pub strictatime: bool,
}

impl MountFlags {
    /// MS_NOSUID | MS_NODEV | MS_NOEXEC, as Docker mounts /proc.
    pub const GUARDED: MountFlags =
        MountFlags { read_only: false, no_suid: true, no_dev: true, no_exec: true, relatime: false, strictatime: false };

    /// These and those.
    pub fn with(self, more: MountFlags) -> MountFlags {
        MountFlags {
            read_only: self.read_only || more.read_only,
            no_suid: self.no_suid || more.no_suid,
            no_dev: self.no_dev || more.no_dev,
            no_exec: self.no_exec || more.no_exec,
            relatime: self.relatime || more.relatime,
            strictatime: self.strictatime || more.strictatime,
        }
    }

    /// The names of the flags that are set, in the order of their bits.
    pub fn names(self) -> Vec<&'static str> {
        let all = [
            (self.read_only, "MS_RDONLY"),
            (self.no_suid, "MS_NOSUID"),
            (self.no_dev, "MS_NODEV"),
            (self.no_exec, "MS_NOEXEC"),
            (self.relatime, "MS_RELATIME"),
            (self.strictatime, "MS_STRICTATIME"),
        ];
        all.into_iter().filter(|(set, _)| *set).map(|(_, name)| name).collect()
    }
}

/// What a mount's propagation asks of the mount that its source lies on; dockerd looks before it asks the runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourceMount {
    /// Nothing.
    Any,
    /// That it is in a peer group.
    Shared,
    /// That it is in a peer group or the slave of one.
    SharedOrSlave,
}

impl SourceMount {
    /// Whether a mount that is in a peer group, or the slave of one, is so.
    pub fn is_met(self, shared: bool, slave: bool) -> bool {
        match self {
            SourceMount::Any => true,
            SourceMount::Shared => shared,
            SourceMount::SharedOrSlave => shared || slave,
        }
    }

    /// dockerd's words where it is not (moby daemon/oci_linux.go): of a source, and of what it lies on.
    pub fn refusal(self, source: &str, mount: &str) -> String {
        let wanted = if self == SourceMount::Shared { "shared" } else { "shared or slave" };
        format!("path {source} is mounted on {mount} but it is not a {wanted} mount")
    }
}

/// A step on mounts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MountStep {
    /// mount(NULL, "/", NULL, MS_REC | MS_PRIVATE): nothing mounted from now on spreads to the host.
    MakeMountsPrivate,
    /// The image's layers below, a writable directory above, merged.
    MountOverlay {
        /// Read-only directories, the topmost layer first, as `lowerdir=` has them.
        lower_dirs: Vec<String>,
        /// Takes every change.
        upper_dir: String,
        /// The kernel's own.
        work_dir: String,
        /// Where the merged tree appears.
        merged_dir: String,
        /// `userxattr`: marks in user.* instead of trusted.* attributes, which a user namespace needs.
        user_xattr: bool,
        /// `volatile`: the kernel need not write the changes to disk at the end, since nothing of them is kept.
        volatile: bool,
    },
    /// A file system that the kernel makes: proc, sysfs, tmpfs, devpts, mqueue, cgroup2. The mount point is made if missing.
    MountFilesystem {
        /// Type.
        fs_type: String,
        /// Source, as it will stand in /proc/mounts.
        source: String,
        /// Where.
        target: String,
        /// Flags.
        flags: MountFlags,
        /// Options that are no flags; empty: none.
        data: String,
    },
    /// MS_BIND: a file or directory of the host. The mount point is made if missing.
    BindMount {
        /// What: as the host names it.
        source: String,
        /// Where.
        target: String,
        /// MS_REC: with the mounts below it.
        recursive: bool,
        /// Flags, set by a second, remounting call where there are any.
        flags: MountFlags,
        /// They are set on this mount alone, not on those below it.
        #[serde(default)]
        top_only: bool,
    },
    /// open_tree(2) with OPEN_TREE_CLONE, before `MakeMountsPrivate`: a copy of the mount at a path of the host, held by a descriptor. It
    /// stays in the peer group of the host's, or its slave. Refused where the source's mount is not what `needs` says.
    CopyMountTree {
        /// What.
        source: String,
        /// With the mounts below it.
        recursive: bool,
        /// What is looked for in /proc/self/mountinfo before.
        needs: SourceMount,
    },
    /// move_mount(2): the copy gets its place, and its flags as with `BindMount`. The mount point is made if missing.
    AttachMountTree {
        /// Of what the copy is.
        source: String,
        /// Where.
        target: String,
        /// It was copied with the mounts below it.
        recursive: bool,
        /// Flags, set by a second call where there are any.
        flags: MountFlags,
        /// They are for the mount itself, not for those below it.
        #[serde(default)]
        top_only: bool,
    },
    /// mount(2) with MS_SHARED, MS_SLAVE or MS_PRIVATE, of a mount of the container.
    SetPropagation {
        /// Which.
        target: String,
        /// What it becomes.
        propagation: Propagation,
    },
    /// The same of a directory within a volume, at whose names a container may have turned links: openat2(2) with RESOLVE_BENEATH, and
    /// what that leads to is bound.
    BindSubpath {
        /// The volume's files, as the host names them.
        directory: String,
        /// Relative to them.
        subpath: String,
        /// Where.
        target: String,
        /// Flags, set by a second call where there are any.
        flags: MountFlags,
    },
    /// A mount of another container's, attached here too: open_tree(2) in its mount namespace, move_mount(2) in this one. It is the same
    /// file system, not a copy of its files. The mount point is made if missing.
    ShareMount {
        /// Whose.
        id: ContainerId,
        /// Where it is in that container.
        path: String,
        /// Where.
        target: String,
        /// Whether it is read-only here; `None`: as it is there.
        #[serde(default)]
        read_only: Option<bool>,
    },
    /// mknod(2); one that is there from a former start serves as well.
    MakeDeviceNode {
        /// Where.
        path: String,
        /// Character or block.
        kind: DeviceKind,
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
        /// Permission bits.
        mode: u32,
        /// User and group; root's need not be set.
        owner: (u32, u32),
    },
    /// symlink(2)
    MakeSymlink {
        /// What it says.
        target: String,
        /// Where it stands.
        path: String,
    },
    /// pivot_root(2): `new_root` becomes `/`; the old root is stacked on the same place, as runc does it.
    PivotRoot {
        /// The merged directory.
        new_root: String,
    },
    /// umount2(MNT_DETACH) of the old root.
    DetachOldRoot,
    /// Hide a path: /dev/null over a file, an empty read-only tmpfs over a directory. A missing path is left alone.
    MaskPath {
        /// Inside the container.
        path: String,
    },
    /// A bind mount of a path on itself, made read-only. A missing path is left alone.
    MakePathReadOnly {
        /// Inside the container.
        path: String,
    },
    /// MS_REMOUNT | MS_BIND | MS_RDONLY on `/`.
    MakeRootReadOnly,
}

impl MountStep {
    /// See [`super::Step::name`].
    pub fn name(&self) -> &'static str {
        match self {
            MountStep::MakeMountsPrivate => "MakeMountsPrivate",
            MountStep::MountOverlay { .. } => "MountOverlay",
            MountStep::MountFilesystem { .. } => "MountFilesystem",
            MountStep::BindMount { .. } => "BindMount",
            MountStep::BindSubpath { .. } => "BindSubpath",
            MountStep::ShareMount { .. } => "ShareMount",
            MountStep::CopyMountTree { .. } => "CopyMountTree",
            MountStep::AttachMountTree { .. } => "AttachMountTree",
            MountStep::SetPropagation { .. } => "SetPropagation",
            MountStep::MakeDeviceNode { .. } => "MakeDeviceNode",
            MountStep::MakeSymlink { .. } => "MakeSymlink",
            MountStep::PivotRoot { .. } => "PivotRoot",
            MountStep::DetachOldRoot => "DetachOldRoot",
            MountStep::MaskPath { .. } => "MaskPath",
            MountStep::MakePathReadOnly { .. } => "MakePathReadOnly",
            MountStep::MakeRootReadOnly => "MakeRootReadOnly",
        }
    }

    /// See [`super::Step::undo`].
    pub fn undo(&self) -> Undo {
        Undo::EndsWithProcess
    }
}
