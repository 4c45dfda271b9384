//! What the kernel's tables hold. Plain data; the rules are in the modules beside.

use std::collections::BTreeMap;
use std::rc::Rc;

use oci_spec::runtime::LinuxSeccomp;
use rpds::RedBlackTreeMap;

use super::net::Stack;
use crate::cli::TimeOffsets;
use crate::model::IdMapLine;
use crate::oci::capability::CapabilitySet;
use crate::resource_limit::{LimitPair, Resource};
use crate::step::{MountFlags, NamespaceKind};
use crate::userland::{Disposition, Fd, FileKind, Pid, Program, Signal, WaitStatus};

pub(super) type InodeId = u64;
pub(super) type SuperId = u64;
pub(super) type MountId = u64;
pub(super) type NsId = u64;
pub(super) type FileId = u64;
pub(super) type PipeId = u64;
pub(super) type TtyId = u64;
/// A process as the host numbers it.
pub(super) type HostPid = u32;

/// What a name in a file system stands for: a stored inode, or a path in a file system whose content is made when it is looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NodeId {
    /// A stored inode.
    Inode(InodeId),
    /// proc, cgroup, overlay: the path below the file system's root, without a leading slash.
    Path(SuperId, Rc<str>),
}

/// A node as reached through a mount.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) mount: MountId,
    pub(super) node: NodeId,
}

/// The bytes of a file: `bytes`, then as many zeros. Zeros cost nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Data {
    pub(super) bytes: Rc<Vec<u8>>,
    pub(super) zeros: u64,
}

impl Data {
    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64 + self.zeros
    }
}

/// What an inode is.
#[derive(Clone, Debug)]
pub(super) enum Content {
    File(Data),
    Directory {
        entries: RedBlackTreeMap<String, InodeId>,
        parent: InodeId,
        opaque: bool,
    },
    Symlink(Rc<str>),
    /// A character device; 0, 0 is overlayfs' whiteout.
    Device(u32, u32),
    /// A block device.
    Block(u32, u32),
    /// A named pipe. It can lie there; opening it is ENXIO.
    Fifo,
}

/// A stored inode.
#[derive(Clone, Debug)]
pub(super) struct Inode {
    pub(super) super_id: SuperId,
    pub(super) mode: u32,
    /// As the host numbers them.
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) links: u64,
    pub(super) modified_seconds: i64,
    pub(super) content: Content,
    /// tmpfs: the memory cgroup that its pages are charged to.
    pub(super) charged: Option<Rc<str>>,
    /// Extended attributes, xattr(7). That a directory is opaque is in its content.
    pub(super) extended: Rc<BTreeMap<String, Vec<u8>>>,
}

impl Inode {
    pub(super) fn kind(&self) -> FileKind {
        match self.content {
            Content::File(_) => FileKind::File,
            Content::Directory { .. } => FileKind::Directory,
            Content::Symlink(_) => FileKind::Symlink,
            Content::Device(..) => FileKind::CharDevice,
            Content::Block(..) => FileKind::BlockDevice,
            Content::Fifo => FileKind::Fifo,
        }
    }

    pub(super) fn is_whiteout(&self) -> bool {
        matches!(self.content, Content::Device(0, 0))
    }
}

/// The directories of an overlay, by their inodes.
#[derive(Clone, Debug)]
pub(super) struct Layers {
    pub(super) upper: InodeId,
    /// The topmost first.
    pub(super) lower: Vec<InodeId>,
}

/// How a file system makes its nodes.
#[derive(Clone, Debug)]
pub(super) enum FsKind {
    /// Inodes: ext4, tmpfs, devpts, mqueue, sysfs.
    Stored,
    /// The processes of this pid namespace.
    Proc(NsId),
    /// A cgroup hierarchy, by its index.
    Cgroup(usize),
    /// Merged directories.
    Overlay(Rc<Layers>),
}

/// A mounted file system.
#[derive(Clone, Debug)]
pub(super) struct Super {
    pub(super) fs_type: Rc<str>,
    pub(super) source: Rc<str>,
    /// What follows ro or rw among the options of the file system.
    pub(super) options: Rc<str>,
    pub(super) kind: FsKind,
    pub(super) read_only: bool,
    pub(super) bytes_max: Option<u64>,
    pub(super) bytes: u64,
}

/// A mount.
#[derive(Clone, Debug)]
pub(super) struct Mount {
    pub(super) namespace: NsId,
    /// Where it stands in /proc/PID/mountinfo, among the others of its namespace.
    pub(super) position: u64,
    /// Where it is mounted; `None`: the root of its namespace.
    pub(super) at: Option<Place>,
    pub(super) root: NodeId,
    /// The path of `root` in its file system when it was mounted. Linux follows later renames.
    pub(super) root_path: Rc<str>,
    pub(super) super_id: SuperId,
    pub(super) flags: MountFlags,
    /// What was mounted, as the caller named it.
    pub(super) source: Rc<str>,
    /// Peer group.
    pub(super) shared: Option<u64>,
    /// The peer group of which it is a slave.
    pub(super) master: Option<u64>,
    /// It cannot be bound elsewhere.
    pub(super) unbindable: bool,
    /// Mounted from a more privileged mount namespace: cannot be taken off alone.
    pub(super) locked: bool,
}

/// What a namespace holds.
#[derive(Clone, Debug)]
pub(super) enum NsData {
    User {
        parent: Option<NsId>,
        uid_map: Vec<IdMapLine>,
        gid_map: Vec<IdMapLine>,
        setgroups: bool,
        creator: u32,
    },
    Pid {
        parent: Option<NsId>,
        next: u32,
        init: Option<HostPid>,
    },
    Mount {
        root: MountId,
    },
    Uts {
        hostname: Rc<str>,
    },
    Network {
        stack: Stack,
    },
    /// The root of each hierarchy.
    Cgroup {
        roots: Vec<Rc<str>>,
    },
    Ipc,
    /// How far its clocks are ahead of the host's.
    Time {
        offsets: TimeOffsets,
    },
}

/// A namespace.
#[derive(Clone, Debug)]
pub(super) struct Namespace {
    pub(super) owner: NsId,
    pub(super) data: NsData,
}

/// The namespaces of a process, in the order of [`NamespaceKind::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NsSet(pub(super) [NsId; 8]);

impl NsSet {
    pub(super) fn of(&self, kind: NamespaceKind) -> NsId {
        self.0[kind as usize]
    }

    pub(super) fn set(&mut self, kind: NamespaceKind, id: NsId) {
        self.0[kind as usize] = id;
    }
}

/// Credentials: credentials(7). Ids are the host's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) groups: Vec<u32>,
    pub(super) effective: CapabilitySet,
    pub(super) permitted: CapabilitySet,
    pub(super) inheritable: CapabilitySet,
    pub(super) bounding: CapabilitySet,
    pub(super) ambient: CapabilitySet,
    pub(super) no_new_privileges: bool,
    /// What filters its calls.
    pub(super) seccomp: Option<Rc<LinuxSeccomp>>,
    /// The AppArmor profile that it gets at the next execve(2), and the one that it runs under.
    pub(super) apparmor: (Option<Rc<str>>, Option<Rc<str>>),
}

/// A file descriptor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Descriptor {
    pub(super) file: FileId,
    pub(super) close_on_exec: bool,
}

/// What a process waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Readable(FileId),
    Writable(FileId),
    /// The end of a child, as wait4(2) names them.
    Child(Pid),
    /// CLOCK_MONOTONIC nanoseconds.
    Until(u64),
    /// A caught signal.
    Signal,
}

/// What a process does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ProcessState {
    Runnable,
    Waiting(Wait),
    Stopped,
    Zombie(WaitStatus),
}

/// A process.
#[derive(Clone, Debug)]
pub(super) struct Process {
    /// Its number in each pid namespace that it is visible in, the host's first.
    pub(super) numbers: Vec<(NsId, u32)>,
    pub(super) parent: HostPid,
    pub(super) group: HostPid,
    pub(super) session: HostPid,
    pub(super) terminal: Option<TtyId>,
    pub(super) namespaces: NsSet,
    /// Where children go: /proc/PID/ns/pid_for_children.
    pub(super) pid_for_children: NsId,
    pub(super) root: Place,
    pub(super) cwd: Place,
    pub(super) umask: u32,
    pub(super) descriptors: RedBlackTreeMap<Fd, Descriptor>,
    pub(super) credentials: Credentials,
    pub(super) program: Option<Program>,
    pub(super) argv: Rc<Vec<String>>,
    pub(super) env: Rc<Vec<String>>,
    pub(super) exe: Option<Place>,
    pub(super) comm: Rc<str>,
    pub(super) state: ProcessState,
    pub(super) pending: Vec<Signal>,
    /// What acts by default and waits until it is let out of the freezer of version 1.
    pub(super) held: Vec<Signal>,
    pub(super) dispositions: RedBlackTreeMap<Signal, Disposition>,
    /// The cgroup in each hierarchy.
    pub(super) cgroups: Vec<Rc<str>>,
    /// getrlimit(2): those that are not a host's own.
    pub(super) limits: RedBlackTreeMap<Resource, LimitPair>,
    /// proc_pid_oom_score_adj(5), and the least that may be set without CAP_SYS_RESOURCE.
    pub(super) oom_score_adj: (i64, i64),
    pub(super) memory_bytes: u64,
    pub(super) started_ns: u64,
    pub(super) cpu_ns: u64,
    /// Of the first process of a container: it was told that programs in it are imitated.
    pub(super) says_modelled: bool,
}

/// What an open file description refers to.
#[derive(Clone, Debug)]
pub(super) enum Object {
    /// A stored file.
    File {
        inode: InodeId,
    },
    /// Text made when it was opened; writes go to the node.
    Made {
        text: Rc<Vec<u8>>,
        node: NodeId,
    },
    Directory,
    /// major, minor
    Device(u32, u32),
    PipeReader(PipeId),
    PipeWriter(PipeId),
    Terminal(TtyId),
}

/// An open file description: open(2).
#[derive(Clone, Debug)]
pub(super) struct OpenFile {
    pub(super) object: Object,
    /// Where it was opened; `None` for pipes.
    pub(super) place: Option<Place>,
    pub(super) offset: u64,
    pub(super) read: bool,
    pub(super) write: bool,
    pub(super) append: bool,
    pub(super) references: u32,
}

/// A pipe: pipe(7).
#[derive(Clone, Debug, Default)]
pub(super) struct Pipe {
    pub(super) bytes: Rc<Vec<u8>>,
    pub(super) readers: u32,
    pub(super) writers: u32,
}
