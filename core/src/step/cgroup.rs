//! Steps on control groups: cgroups(7).

use serde::{Deserialize, Serialize};

use super::{Place, Undo};
use crate::device::DeviceRule;
use crate::host::Controller;

/// A step on a control group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CgroupStep {
    /// v2: let the children of `directory` use these controllers, by writing to its `cgroup.subtree_control`.
    EnableControllers {
        /// Absolute path of a cgroup.
        directory: String,
        /// Which.
        controllers: Vec<Controller>,
    },
    /// mkdir in a cgroup file system.
    CreateCgroup {
        /// Absolute path of the new cgroup.
        directory: String,
        /// The controllers that it serves.
        controllers: Vec<Controller>,
        /// It is for the cgroups of several containers: one that is there serves as well.
        #[serde(default)]
        shared: bool,
    },
    /// Write a limit.
    WriteLimit {
        /// Absolute path of the file.
        file: String,
        /// What is written.
        value: String,
        /// What it limits.
        limit: Limit,
        /// What it holds, where a cgroup that is in use is changed.
        #[serde(default)]
        before: Option<String>,
    },
    /// The device cgroup: what no rule allows is refused. v1: `devices.deny` and `devices.allow`, devices.rst; v2 has no files for it: a
    /// program of type BPF_PROG_TYPE_CGROUP_DEVICE is attached to the cgroup, bpf(2).
    RestrictDevices {
        /// Absolute path of the cgroup.
        directory: String,
        /// What is allowed.
        rules: Vec<DeviceRule>,
        /// v2: by a program.
        program: bool,
    },
    /// v1: the process writes `0`, which stands for itself, to `tasks`. (On v2 it is born in its cgroup: `CloneProcess`.) A process that
    /// is moved by another one waits until all processors have passed a quiet moment, milliseconds; one that moves itself does not.
    JoinCgroup {
        /// Absolute path of the cgroup.
        directory: String,
    },
    /// Freeze the processes of a cgroup, or let them go on; done when the kernel says that it is. v1: `freezer.state`, the kernel's
    /// freezer-subsystem document; v2: `cgroup.freeze`, cgroup-v2.rst.
    SetFreezer {
        /// Absolute path of the file.
        file: String,
        /// Freeze, or thaw.
        frozen: bool,
        /// So long the last process may take to come to a halt, or to go on; then the step has failed.
        patience_ns: u64,
    },
    /// rmdir in a cgroup file system, after ending what still runs in it.
    RemoveCgroup {
        /// Absolute path of the cgroup.
        directory: String,
        /// It is for the cgroups of several containers: it stays as long as anything is in it.
        #[serde(default)]
        shared: bool,
    },
}

/// What a limit limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Limit {
    /// Bytes of memory.
    Memory,
    /// Bytes of memory and swap together (v1), of swap alone (v2).
    Swap,
    /// Bytes of memory that are taken back last when memory is short.
    MemoryReservation,
    /// v1: whether a process that finds no memory left waits instead of being ended: 1.
    OomKillDisable,
    /// v1: how readily its memory is swapped out, 0 to 100.
    Swappiness,
    /// Number of processes and threads.
    Pids,
    /// Microseconds of processor time in each period.
    CpuQuota,
    /// v1: the length of that period in microseconds (v2 writes both at once).
    CpuPeriod,
    /// The share of processor time when others want it too: 1024 is usual on v1, 100 on v2.
    CpuShares,
    /// The processors that may be used: `0-1,3`.
    CpusetCpus,
    /// The memory nodes that may be used.
    CpusetMems,
    /// The share of disk time when others want it too: 10 to 1000; v2 without the BFQ scheduler: 1 to 10000.
    BlockWeight,
    /// The share of one disk's time.
    BlockDeviceWeight,
    /// Bytes a second read from a disk.
    BlockReadBytes,
    /// Bytes a second written to a disk.
    BlockWriteBytes,
    /// Operations a second that read from a disk.
    BlockReads,
    /// Operations a second that write to a disk.
    BlockWrites,
}

impl Limit {
    /// The controller that keeps it.
    pub fn controller(self) -> Controller {
        match self {
            Limit::Memory | Limit::Swap | Limit::MemoryReservation | Limit::Swappiness | Limit::OomKillDisable => {
                Controller::Memory
            }
            Limit::Pids => Controller::Pids,
            Limit::CpuQuota | Limit::CpuPeriod | Limit::CpuShares => Controller::Cpu,
            Limit::CpusetCpus | Limit::CpusetMems => Controller::Cpuset,
            Limit::BlockWeight
            | Limit::BlockDeviceWeight
            | Limit::BlockReadBytes
            | Limit::BlockWriteBytes
            | Limit::BlockReads
            | Limit::BlockWrites => Controller::Io,
        }
    }
}

/// What the kernel makes of `cpu.shares` (v1): it takes any number and keeps one in its bounds, kernel/sched/sched.h.
#[derive(Clone, Copy, Debug)]
pub struct CpuShares;

impl CpuShares {
    /// MIN_SHARES
    pub const MIN: u64 = 2;
    /// MAX_SHARES
    pub const MAX: u64 = 262_144;

    /// The word and the number of the bound that a value is beyond.
    pub fn bound(value: &str) -> (&'static str, u64) {
        let below = value.parse::<u64>().is_ok_and(|shares| shares < CpuShares::MIN);
        if below { ("minimum", CpuShares::MIN) } else { ("maximum", CpuShares::MAX) }
    }

    /// What is written to this file is read again, as runc does (cgroups fs/cpu.go).
    pub fn are_read_again(file: &str) -> bool {
        file.ends_with("/cpu.shares")
    }
}

impl CgroupStep {
    /// See [`super::Step::name`].
    pub fn name(&self) -> &'static str {
        match self {
            CgroupStep::EnableControllers { .. } => "EnableControllers",
            CgroupStep::CreateCgroup { .. } => "CreateCgroup",
            CgroupStep::WriteLimit { .. } => "WriteLimit",
            CgroupStep::RestrictDevices { .. } => "RestrictDevices",
            CgroupStep::JoinCgroup { .. } => "JoinCgroup",
            CgroupStep::SetFreezer { .. } => "SetFreezer",
            CgroupStep::RemoveCgroup { .. } => "RemoveCgroup",
        }
    }

    /// See [`super::Step::place`].
    pub fn place(&self) -> Place {
        if matches!(self, CgroupStep::JoinCgroup { .. }) { Place::Container } else { Place::Engine }
    }

    /// See [`super::Step::undo`].
    pub fn undo(&self) -> Undo {
        match self {
            CgroupStep::EnableControllers { .. } => Undo::LeftStanding {
                why: "Other cgroups beside ours may have come to use the controllers since; enabled ones do no harm.".into(),
            },
            CgroupStep::CreateCgroup { directory, shared, .. } => {
                Undo::RemoveCgroup { directory: directory.clone(), shared: *shared }
            }
            CgroupStep::WriteLimit { file, before: Some(before), .. } => {
                Undo::WriteBack { file: file.clone(), value: before.clone() }
            }
            CgroupStep::WriteLimit { before: None, .. } | CgroupStep::RestrictDevices { .. } => Undo::EndsWithDirectory,
            CgroupStep::JoinCgroup { .. } => Undo::EndsWithProcess,
            CgroupStep::SetFreezer { file, frozen, .. } => {
                Undo::WriteBack { file: file.clone(), value: freezer_word(file, !frozen).into() }
            }
            CgroupStep::RemoveCgroup { .. } => Undo::Impossible {
                why: "It was empty: an ended container needs no cgroup, and a new start makes a new one.".into(),
            },
        }
    }
}

/// What is written to this file to freeze or thaw: v1 has words, v2 numbers.
pub fn freezer_word(file: &str, frozen: bool) -> &'static str {
    match (file.ends_with("/freezer.state"), frozen) {
        (true, true) => "FROZEN",
        (true, false) => "THAWED",
        (false, true) => "1",
        (false, false) => "0",
    }
}
