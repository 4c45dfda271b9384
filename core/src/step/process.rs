//! Steps on processes: clone, namespaces, names, signals, and the program itself.

use serde::{Deserialize, Serialize};

use super::{Place, Undo};
use crate::cli::TimeOffsets;
use crate::model::{ContainerId, IdMapLine};

/// A kind of namespace, namespaces(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NamespaceKind {
    /// CLONE_NEWUSER
    User,
    /// CLONE_NEWPID
    Pid,
    /// CLONE_NEWNS
    Mount,
    /// CLONE_NEWUTS
    Uts,
    /// CLONE_NEWIPC
    Ipc,
    /// CLONE_NEWNET
    Network,
    /// CLONE_NEWCGROUP
    Cgroup,
    /// CLONE_NEWTIME
    Time,
}

impl NamespaceKind {
    /// All kinds, in the order in which the engine deals with them.
    pub const ALL: [NamespaceKind; 8] = [
        NamespaceKind::User,
        NamespaceKind::Pid,
        NamespaceKind::Mount,
        NamespaceKind::Uts,
        NamespaceKind::Ipc,
        NamespaceKind::Network,
        NamespaceKind::Cgroup,
        NamespaceKind::Time,
    ];

    /// The flag of clone(2) and unshare(2).
    pub fn flag(self) -> &'static str {
        match self {
            NamespaceKind::User => "CLONE_NEWUSER",
            NamespaceKind::Pid => "CLONE_NEWPID",
            NamespaceKind::Mount => "CLONE_NEWNS",
            NamespaceKind::Uts => "CLONE_NEWUTS",
            NamespaceKind::Ipc => "CLONE_NEWIPC",
            NamespaceKind::Network => "CLONE_NEWNET",
            NamespaceKind::Cgroup => "CLONE_NEWCGROUP",
            NamespaceKind::Time => "CLONE_NEWTIME",
        }
    }

    /// The file below `/proc/PID/ns`.
    pub fn file(self) -> &'static str {
        match self {
            NamespaceKind::User => "user",
            NamespaceKind::Pid => "pid",
            NamespaceKind::Mount => "mnt",
            NamespaceKind::Uts => "uts",
            NamespaceKind::Ipc => "ipc",
            NamespaceKind::Network => "net",
            NamespaceKind::Cgroup => "cgroup",
            NamespaceKind::Time => "time",
        }
    }
}

/// A step on a process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ProcessStep {
    /// clone3(2): the process that becomes the container's first (or that of an exec), in these new namespaces. It waits until the
    /// engine lets it go on, and dies with the engine.
    CloneProcess {
        /// New namespaces that only clone can give: pid, and for an ordinary user the user namespace.
        namespaces: Vec<NamespaceKind>,
        /// v2: the cgroup that it is born in, an absolute path. `None`: its parent's.
        cgroup: Option<String>,
    },
    /// Deny setgroups(2) in the new user namespace, which an unprivileged gid map needs.
    DenySetgroups,
    /// Write `/proc/PID/uid_map` or `gid_map` of the new process.
    WriteIdMap {
        /// `gid_map` instead of `uid_map`.
        groups: bool,
        /// What is written.
        lines: Vec<IdMapLine>,
    },
    /// setsid(2): a session of its own.
    StartSession,
    /// unshare(2): a new namespace.
    UnshareNamespace {
        /// Of this kind.
        kind: NamespaceKind,
    },
    /// Write /proc/self/timens_offsets: how far ahead the clocks are in the time namespace that the next child is born in.
    SetTimeOffsets {
        /// The offsets.
        offsets: TimeOffsets,
    },
    /// setns(2): enter the namespace of the container's first process.
    JoinNamespace {
        /// Of this kind.
        kind: NamespaceKind,
        /// Whose.
        id: ContainerId,
    },
    /// sethostname(2)
    SetHostname {
        /// The name.
        hostname: String,
    },
    /// Write a file below /proc/sys: a setting of a namespace that the process is in, sysctl(8), proc_sys(5).
    SetSysctl {
        /// With dots: `net.ipv4.ip_forward`.
        name: String,
        /// What is written.
        value: String,
    },
    /// Bring a network interface up.
    BringUpInterface {
        /// `lo`
        interface: String,
    },
    /// A terminal from the container's devpts; its master goes to the engine, its slave becomes stdin, stdout and stderr.
    OpenTerminal {
        /// Rows.
        rows: u16,
        /// Columns.
        columns: u16,
    },
    /// chdir(2).
    ChangeDirectory {
        /// Absolute, inside the container.
        path: String,
        /// What is missing of it is made first, as Docker does for a container; for a further process it does not.
        #[serde(default)]
        make: bool,
    },
    /// execve(2): the program takes the process over. A name without a slash is looked up in the PATH of `env`.
    ExecProgram {
        /// Program and arguments.
        argv: Vec<String>,
        /// `NAME=value`
        env: Vec<String>,
        /// Variables that have a secret of the caller's: their names, and which. No value is in the plan.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        secrets: Vec<(String, String)>,
        /// After these HOME: that of its user in /etc/passwd, as the process sees it.
        #[serde(default)]
        own_home: bool,
    },
    /// SIGKILL to the process that `CloneProcess` made, and waiting for it: it was there for its mounts alone.
    EndProcess,
    /// kill(2) to the container's first process.
    SendSignal {
        /// Which container.
        id: ContainerId,
        /// The signal's number.
        signal: i32,
    },
}

impl ProcessStep {
    /// See [`super::Step::place`].
    pub fn place(&self) -> Place {
        match self {
            ProcessStep::CloneProcess { .. }
            | ProcessStep::DenySetgroups
            | ProcessStep::WriteIdMap { .. }
            | ProcessStep::EndProcess
            | ProcessStep::SetTimeOffsets { .. }
            | ProcessStep::SendSignal { .. } => Place::Engine,
            // A time namespace is made for children yet to come, and its offsets are set before there is one.
            ProcessStep::UnshareNamespace { kind: NamespaceKind::Time } => Place::Engine,
            // A pid namespace is joined for children yet to come, so the engine joins it before it clones; and before it, where the
            // container has one, the user namespace that the pid namespace belongs to.
            ProcessStep::JoinNamespace { kind: NamespaceKind::Pid | NamespaceKind::User, .. } => Place::Engine,
            _ => Place::Container,
        }
    }

    /// See [`super::Step::name`].
    pub fn name(&self) -> &'static str {
        match self {
            ProcessStep::CloneProcess { .. } => "CloneProcess",
            ProcessStep::DenySetgroups => "DenySetgroups",
            ProcessStep::WriteIdMap { .. } => "WriteIdMap",
            ProcessStep::StartSession => "StartSession",
            ProcessStep::UnshareNamespace { .. } => "UnshareNamespace",
            ProcessStep::SetTimeOffsets { .. } => "SetTimeOffsets",
            ProcessStep::JoinNamespace { .. } => "JoinNamespace",
            ProcessStep::SetHostname { .. } => "SetHostname",
            ProcessStep::BringUpInterface { .. } => "BringUpInterface",
            ProcessStep::SetSysctl { .. } => "SetSysctl",
            ProcessStep::OpenTerminal { .. } => "OpenTerminal",
            ProcessStep::ChangeDirectory { .. } => "ChangeDirectory",
            ProcessStep::ExecProgram { .. } => "ExecProgram",
            ProcessStep::SendSignal { .. } => "SendSignal",
            ProcessStep::EndProcess => "EndProcess",
        }
    }

    /// See [`super::Step::undo`].
    pub fn undo(&self) -> Undo {
        match self {
            ProcessStep::CloneProcess { .. } => Undo::EndProcess,
            ProcessStep::EndProcess => Undo::NothingChanged,
            ProcessStep::SendSignal { .. } => Undo::Impossible { why: "A signal that was delivered cannot be called back.".into() },
            _ => Undo::EndsWithProcess,
        }
    }
}
