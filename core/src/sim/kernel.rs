//! The kernel: its tables, fresh ids and the clock.

use std::rc::Rc;

use rpds::{RedBlackTreeMap, Vector};

use super::cgroup::{Cgroup, Hierarchy};
use super::streams::{Streams, StreamsId};
use super::tables::{
    FileId, HostPid, Inode, InodeId, Mount, MountId, Namespace, NodeId, NsId, OpenFile, Pipe, PipeId, Place, Process, Super,
    SuperId, TtyId,
};
use super::tty::Tty;
use crate::errno::Errno;
use crate::host::HostFacts;
use crate::userland::SysResult;

/// The model of Linux: everything in it, as one value.
#[derive(Clone, Debug)]
pub struct Kernel {
    pub(super) host: Rc<HostFacts>,
    /// CLOCK_MONOTONIC, nanoseconds.
    pub(super) clock_ns: u64,
    pub(super) next_id: u64,
    pub(super) next_namespace: NsId,
    pub(super) inodes: RedBlackTreeMap<InodeId, Inode>,
    pub(super) supers: RedBlackTreeMap<SuperId, Super>,
    pub(super) mounts: RedBlackTreeMap<MountId, Mount>,
    /// What is mounted at a place.
    pub(super) mounted: RedBlackTreeMap<Place, MountId>,
    pub(super) namespaces: RedBlackTreeMap<NsId, Namespace>,
    /// What was written below /proc/sys, by namespace and name.
    pub(super) settings: RedBlackTreeMap<(NsId, Rc<str>), Rc<str>>,
    pub(super) processes: RedBlackTreeMap<HostPid, Process>,
    pub(super) files: RedBlackTreeMap<FileId, OpenFile>,
    pub(super) pipes: RedBlackTreeMap<PipeId, Pipe>,
    pub(super) ttys: RedBlackTreeMap<TtyId, Tty>,
    pub(super) hierarchies: Vector<Hierarchy>,
    pub(super) cgroups: RedBlackTreeMap<(usize, Rc<str>), Cgroup>,
    /// How many of them are frozen.
    pub(super) frozen_cgroups: usize,
    /// A cgroup was given a quota of processor time.
    pub(super) has_quotas: bool,
    /// After this no cgroup waits for its next period.
    pub(super) throttled_until_ns: u64,
    pub(super) streams: RedBlackTreeMap<StreamsId, Streams>,
    /// Those of them that may still be written to.
    pub(super) listening: RedBlackTreeMap<StreamsId, ()>,
    /// The engine's process.
    pub(super) engine: HostPid,
    pub(super) sysfs: SuperId,
    /// The root directory of each sysfs, with the network namespace whose interfaces it shows.
    pub(super) sysfs_roots: RedBlackTreeMap<InodeId, NsId>,
    /// The process after which the next turn of the scheduler begins.
    pub(super) last_run: HostPid,
}

impl Kernel {
    /// CLOCK_REALTIME, nanoseconds since 1970-01-01T00:00:00Z.
    pub fn realtime_ns(&self) -> u64 {
        self.host.now_ns + self.clock_ns
    }

    /// Lets so many nanoseconds pass, in which no program gets to run.
    pub fn pass(&mut self, nanoseconds: u64) {
        self.clock_ns += nanoseconds;
    }

    pub(super) fn realtime_seconds(&self) -> i64 {
        (self.realtime_ns() / 1_000_000_000) as i64
    }

    pub(super) fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn process(&self, pid: HostPid) -> SysResult<&Process> {
        self.processes.get(&pid).ok_or(Errno::ESRCH)
    }

    pub(super) fn process_mut(&mut self, pid: HostPid) -> SysResult<&mut Process> {
        self.processes.get_mut(&pid).ok_or(Errno::ESRCH)
    }

    pub(super) fn inode(&self, id: InodeId) -> SysResult<&Inode> {
        self.inodes.get(&id).ok_or(Errno::ENOENT)
    }

    pub(super) fn inode_mut(&mut self, id: InodeId) -> SysResult<&mut Inode> {
        self.inodes.get_mut(&id).ok_or(Errno::ENOENT)
    }

    pub(super) fn mount_of(&self, id: MountId) -> SysResult<&Mount> {
        self.mounts.get(&id).ok_or(Errno::EINVAL)
    }

    pub(super) fn super_id(&self, node: &NodeId) -> SysResult<SuperId> {
        match node {
            NodeId::Inode(id) => Ok(self.inode(*id)?.super_id),
            NodeId::Path(id, _) => Ok(*id),
        }
    }

    pub(super) fn file(&self, id: FileId) -> SysResult<&OpenFile> {
        self.files.get(&id).ok_or(Errno::EBADF)
    }

    pub(super) fn file_mut(&mut self, id: FileId) -> SysResult<&mut OpenFile> {
        self.files.get_mut(&id).ok_or(Errno::EBADF)
    }
}
