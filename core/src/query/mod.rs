//! `Query` and `Answer`: typed questions about a world. Lesson goals, predict-questions, events and the fidelity tests are made of them.
//!
//! Two probes answer: the model kernel's (`sim`) and Linux's (`native/src/observe`, from /proc, cgroupfs and the file system). What is
//! numbered by a kernel (pids, inodes) is kept apart from what a person would say, so that [`Answer::normalised`] can drop it.

pub mod battery;

use serde::{Deserialize, Serialize};

use crate::errno::Errno;
use crate::model::{ContainerId, ContainerState, Status};
use crate::net::{InterfaceFact, Protocol, RouteFact, Rule};
use crate::oci::capability::CapabilitySet;
use crate::step::{Limit, MountFlags, NamespaceKind};
use core::net::SocketAddr;

/// Whom a question is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Subject {
    /// The engine's own process: the host.
    Host,
    /// A container, by its first process and its record.
    Container(ContainerId),
    /// A process, as the host numbers it.
    Process(u32),
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Query {
    /// State, exit code, OOM: from the record.
    ContainerState(ContainerId),
    /// All that its record says of its state, as the file stands there.
    Record(ContainerId),
    /// The processes in the pid namespace of the subject, in order of their pids inside.
    Processes(Subject),
    /// The subject's mounts in order: /proc/PID/mountinfo.
    Mounts(Subject),
    /// Which namespace the subject is in: /proc/PID/ns.
    Namespace(Subject, NamespaceKind),
    /// Two subjects are in the same namespace.
    SharesNamespace(Subject, Subject, NamespaceKind),
    /// A limit of the subject's cgroup, as the kernel reports it.
    LimitOf(Subject, Limit),
    /// The five capability sets: /proc/PID/status.
    Capabilities(Subject),
    /// no_new_privs, seccomp mode, uids and gids: /proc/PID/status.
    Credentials(Subject),
    /// The host name in the subject's UTS namespace.
    Hostname(Subject),
    /// A setting below /proc/sys, named with dots, as the subject's namespaces have it.
    Sysctl(Subject, String),
    /// Network interfaces in the subject's network namespace, as rtnetlink(7) lists them.
    Interfaces(Subject),
    /// The main routing tables of the subject's network namespace, without what the kernel adds for IPv6 by itself.
    Routes(Subject),
    /// The ports at which programs listen in the subject's network namespace: /proc/PID/net/tcp and its like, proc_pid_net(5).
    Listening(Subject),
    /// The rules of the engine's own table in the subject's network namespace: nft(8).
    Rules(Subject),
    /// The content of a file as the subject sees it (through /proc/PID/root).
    FileBytes(Subject, String),
    /// The entries of a directory as the subject sees it.
    Directory(Subject, String),
    /// The working directory and the executable: /proc/PID/{cwd,exe}.
    Program(Subject),
    /// What the container changed in its upper directory: sorted paths, whiteouts told apart.
    Changes(ContainerId),
    /// The device cgroup at this path of the host refuses some devices: `devices.list`, or an attached program.
    IsDeviceFence(String),
    /// A path of the host exists.
    Exists(String),
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessFact {
    /// Pid in the subject's pid namespace.
    pub pid: u32,
    /// Parent's pid there; 0: outside.
    pub parent: u32,
    /// Pid on the host.
    pub host_pid: u32,
    /// Arguments; empty for a zombie.
    pub argv: Vec<String>,
    /// It ended and has not been waited for.
    pub zombie: bool,
    /// Effective user, inside.
    pub uid: u32,
}

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountFact {
    /// Where, as the process sees it.
    pub target: String,
    /// The directory of the file system that is mounted: `/` unless it is a bind mount.
    pub root: String,
    /// File system type.
    pub fs_type: String,
    /// Source.
    pub source: String,
    /// Flags of the mount.
    pub flags: MountFlags,
    /// It is in a peer group: what is mounted below it appears below the others of the group, and the other way.
    #[serde(default)]
    pub shared: bool,
    /// It is the slave of a peer group: what is mounted there appears here.
    #[serde(default)]
    pub slave: bool,
}

/// Credentials of a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialsFact {
    /// Effective uid, inside.
    pub uid: u32,
    /// Effective gid, inside.
    pub gid: u32,
    /// Supplementary groups, sorted.
    pub groups: Vec<u32>,
    /// no_new_privs is set.
    pub no_new_privileges: bool,
    /// A seccomp filter is installed.
    pub seccomp_filter: bool,
}

/// Capability sets of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapabilitiesFact {
    /// CapEff
    pub effective: CapabilitySet,
    /// CapPrm
    pub permitted: CapabilitySet,
    /// CapInh
    pub inheritable: CapabilitySet,
    /// CapBnd
    pub bounding: CapabilitySet,
    /// CapAmb
    pub ambient: CapabilitySet,
}

/// What became of a path in the upper directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ChangeFact {
    /// Added or changed; a directory ends in `/`.
    Present(String),
    /// A whiteout: removed.
    Removed(String),
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// To ContainerState; `None`: no such container.
    ContainerState(Option<(Status, i32, bool)>),
    /// To Record; `None`: it is not on record.
    Record(Option<Box<ContainerState>>),
    /// To Processes.
    Processes(Vec<ProcessFact>),
    /// To Mounts.
    Mounts(Vec<MountFact>),
    /// To Namespace: the kernel's number for it.
    Namespace(u64),
    /// To SharesNamespace, IsDeviceFence and Exists.
    Truth(bool),
    /// To LimitOf; `None`: no limit.
    Limit(Option<u64>),
    /// To Capabilities.
    Capabilities(CapabilitiesFact),
    /// To Credentials.
    Credentials(CredentialsFact),
    /// To Hostname and Sysctl.
    Text(String),
    /// To Interfaces.
    Interfaces(Vec<InterfaceFact>),
    /// To Routes.
    Routes(Vec<RouteFact>),
    /// To Listening: sorted.
    Listening(Vec<(Protocol, SocketAddr)>),
    /// To Rules; `None`: there is no such table.
    Rules(Option<Vec<Rule>>),
    /// To FileBytes.
    Bytes(Vec<u8>),
    /// To Directory: sorted names.
    Names(Vec<String>),
    /// To Program: (cwd, exe).
    Program(String, String),
    /// To Changes.
    Changes(Vec<ChangeFact>),
}

impl Answer {
    /// The answer without what a kernel numbers as it likes: host pids and namespace numbers.
    pub fn normalised(&self) -> Answer {
        match self {
            Answer::Namespace(_) => Answer::Namespace(0),
            Answer::Processes(all) => {
                Answer::Processes(all.iter().map(|process| ProcessFact { host_pid: 0, ..process.clone() }).collect())
            }
            other => other.clone(),
        }
    }
}

/// Something that can be asked.
pub trait Probe {
    /// Answers, or says with which errno the looking failed.
    fn ask(&self, query: &Query) -> Result<Answer, Errno>;

    /// The topmost mount at `target`, as the subject names it: the last such one of [`Query::Mounts`].
    fn mount_at(&self, subject: &Subject, target: &str) -> Result<Option<MountFact>, Errno> {
        let Answer::Mounts(all) = self.ask(&Query::Mounts(subject.clone()))? else { return Err(Errno::EINVAL) };
        Ok(all.into_iter().rev().find(|mount| mount.target == target))
    }
}
