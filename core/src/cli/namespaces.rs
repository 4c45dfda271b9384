//! `NamespaceSpec`: which namespaces a container has of its own and which it shares, as `run` and `create` say it; Docker's names.

use serde::{Deserialize, Serialize};

/// What stands before the name of a container whose namespace is shared.
pub(crate) const OF_CONTAINER: &str = "container:";

/// What was said on namespaces but for the network. Recorded with the container as Docker's HostConfig has it: containers by their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NamespaceSpec {
    /// `--pid`
    pub pid: PidMode,
    /// `--ipc`
    pub ipc: IpcMode,
    /// `--uts host`
    pub uts_host: bool,
    /// `--cgroupns`; `None`: not said. On record it is what Docker takes then.
    pub cgroup: Option<CgroupNamespace>,
    /// `--userns host`
    pub user_host: bool,
    /// `--userns-own`, Glassbox's own: a user namespace of its own where root runs the engine. Its ids are those outside.
    pub user_own: bool,
    /// `--time-offset`, Glassbox's own: a time namespace in which clocks are moved. No offset: the host's time namespace.
    pub time: TimeOffsets,
}

/// How far the clocks of a time namespace are ahead of the host's: time_namespaces(7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TimeOffsets {
    /// CLOCK_MONOTONIC
    pub monotonic_ns: i64,
    /// CLOCK_BOOTTIME
    pub boottime_ns: i64,
}

impl TimeOffsets {
    /// Each clock, and its offset as seconds and nanoseconds, of which the latter are never negative.
    pub fn parts(self) -> [(&'static str, i64, i64); 2] {
        const NS_PER_SECOND: i64 = 1_000_000_000;
        [("monotonic", self.monotonic_ns), ("boottime", self.boottime_ns)]
            .map(|(clock, offset_ns)| (clock, offset_ns.div_euclid(NS_PER_SECOND), offset_ns.rem_euclid(NS_PER_SECOND)))
    }

    /// What is written to /proc/self/timens_offsets.
    pub fn text(self) -> String {
        self.parts().map(|(clock, seconds, nanoseconds)| format!("{clock} {seconds} {nanoseconds}\n")).concat()
    }
}

/// `--pid`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PidMode {
    /// A pid namespace of its own.
    #[default]
    Own,
    /// The host's.
    Host,
    /// Another container's: name, prefix of an id, or id.
    Container(String),
}

impl PidMode {
    /// As HostConfig has it.
    pub fn word(&self) -> String {
        match self {
            PidMode::Own => String::new(),
            PidMode::Host => "host".into(),
            PidMode::Container(name) => format!("{OF_CONTAINER}{name}"),
        }
    }
}

/// `--ipc`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum IpcMode {
    /// An IPC namespace and a /dev/shm that nobody may join: Docker's default.
    #[default]
    Private,
    /// The same, and others may join.
    Shareable,
    /// An IPC namespace of its own, and no /dev/shm.
    None,
    /// The host's, with its /dev/shm.
    Host,
    /// Another container's, with its /dev/shm: name, prefix of an id, or id.
    Container(String),
}

impl IpcMode {
    /// As HostConfig has it.
    pub fn word(&self) -> String {
        match self {
            IpcMode::Private => "private".into(),
            IpcMode::Shareable => "shareable".into(),
            IpcMode::None => "none".into(),
            IpcMode::Host => "host".into(),
            IpcMode::Container(name) => format!("{OF_CONTAINER}{name}"),
        }
    }
}

/// `--cgroupns`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CgroupNamespace {
    /// One of its own.
    Private,
    /// The host's.
    Host,
}

impl CgroupNamespace {
    /// As HostConfig has it.
    pub fn word(self) -> &'static str {
        match self {
            CgroupNamespace::Private => "private",
            CgroupNamespace::Host => "host",
        }
    }
}
