//! `Event`: a fact that happened, past tense, with what only execution could tell.
//!
//! Both kernels' events come from looking: [`crate::observe`] asks a probe after each step. The prediction is never echoed.

mod build;
mod image;
mod network;
mod registry;

use serde::{Deserialize, Serialize};

pub use build::BuildEvent;
pub use image::ImageEvent;
pub use network::NetworkEvent;
pub use registry::RegistryEvent;

use crate::diagnosis::program::Refused;
use crate::host::Controller;
use crate::model::health::Probe;
use crate::model::{Container, ContainerId, Ending, Endpoint, SentSignal, Volume};
use crate::query::{CapabilitiesFact, CredentialsFact, MountFact};
use crate::resource_limit::{LimitPair, Resource};
use crate::step::{Limit, NamespaceKind};

/// A fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// A layer's files stand extracted.
    LayerExtracted {
        /// Its image.
        image: String,
        /// Which.
        diff_id: String,
        /// Where.
        directory: String,
    },
    /// What became of an image, of its names and its files.
    Image(ImageEvent),
    /// What became of an instruction of a build.
    Build(BuildEvent),
    /// What became of a network.
    Network(Box<NetworkEvent>),
    /// What a registry has answered, or who keeps a login.
    Registry(Box<RegistryEvent>),
    /// A directory is there.
    DirectoryCreated {
        /// Which.
        path: String,
    },
    /// A file is there.
    FileWritten {
        /// Which.
        path: String,
        /// Bytes in it.
        size_bytes: u64,
    },
    /// A container is on record.
    ContainerRecorded {
        /// The record.
        container: Box<Container>,
    },
    /// A container runs.
    ContainerStarted {
        /// Which.
        id: ContainerId,
        /// Its first process on the host.
        pid: u32,
        /// Nanoseconds since 1970.
        at_ns: u64,
    },
    /// What a container has of a network is on record.
    EndpointRecorded {
        /// Which container.
        id: ContainerId,
        /// The network's id.
        network: String,
        /// What it has there.
        endpoint: Box<Endpoint>,
    },
    /// It is on record that a container's processes are frozen, or not any more.
    ContainerPaused {
        /// Which.
        id: ContainerId,
        /// Frozen.
        paused: bool,
    },
    /// The kernel says of a cgroup that it is frozen, or not any more.
    CgroupFrozen {
        /// Which file says so.
        file: String,
        /// Frozen.
        frozen: bool,
    },
    /// A container's first process has ended.
    ContainerExited {
        /// Which.
        id: ContainerId,
        /// Exit code, 128 + n for a signal.
        exit_code: i32,
        /// The OOM killer was at work in its cgroup.
        oom_killed: bool,
        /// What is known of it besides.
        #[serde(default)]
        ending: Box<Ending>,
        /// Nanoseconds since 1970.
        at_ns: u64,
    },
    /// Which signal is about to be sent, and why, is written down.
    SignalNoted {
        /// To which container.
        id: ContainerId,
        /// As it stands there.
        sent: SentSignal,
    },
    /// A probe of a container's health is over, and on record.
    HealthProbed {
        /// Which.
        id: ContainerId,
        /// What came of it.
        probe: Probe,
    },
    /// It is on record that somebody wants a container to end.
    StopAsked {
        /// Which.
        id: ContainerId,
    },
    /// It is on record that a container is not started again.
    RestartCancelled {
        /// Which.
        id: ContainerId,
    },
    /// A container could not be started.
    ContainerFailed {
        /// Which.
        id: ContainerId,
        /// Docker's exit code.
        exit_code: i32,
        /// Why.
        error: String,
        /// Nanoseconds since 1970.
        at_ns: u64,
    },
    /// A container is off the record, its files gone.
    ContainerRemoved {
        /// Which.
        id: ContainerId,
    },
    /// A directory of the host is there, to be mounted.
    SourceCreated {
        /// Which.
        path: String,
    },
    /// Files lie where they were copied to.
    FilesCopied {
        /// The directory.
        directory: String,
        /// The name in it; empty: the content of the source lies in it.
        name: String,
        /// Files, directories and links.
        entries: u64,
    },
    /// The process that held mounts is gone.
    HolderEnded {
        /// Its pid on the host.
        pid: u32,
    },
    /// A volume is on record.
    VolumeCreated {
        /// The record.
        volume: Box<Volume>,
    },
    /// What is in a volume that the image may have filled.
    VolumeFilled {
        /// Which.
        name: String,
        /// The names in it.
        names: Vec<String>,
    },
    /// So much lies below a directory.
    DirectoryMeasured {
        /// Which.
        path: String,
        /// Bytes.
        bytes: u64,
    },
    /// A volume is off the record, its files gone.
    VolumeRemoved {
        /// Which.
        name: String,
    },
    /// Controllers are enabled for the children of a cgroup.
    ControllersEnabled {
        /// The cgroup.
        directory: String,
        /// What `cgroup.subtree_control` has, of those asked for.
        controllers: Vec<Controller>,
    },
    /// A cgroup is there.
    CgroupCreated {
        /// Which.
        directory: String,
    },
    /// A limit is in force.
    LimitSet {
        /// Of what.
        limit: Limit,
        /// As the kernel reports it.
        value: String,
    },
    /// A process is in a cgroup.
    CgroupJoined {
        /// Which.
        directory: String,
        /// The process on the host.
        pid: u32,
    },
    /// A cgroup is gone.
    CgroupRemoved {
        /// Which.
        directory: String,
    },
    /// A process was made.
    ProcessCloned {
        /// Its pid on the host.
        pid: u32,
        /// Its pid in its own pid namespace.
        pid_inside: u32,
        /// The namespaces that it does not share with the engine.
        new_namespaces: Vec<NamespaceKind>,
    },
    /// An id map is in force.
    IdMapWritten {
        /// gid_map
        groups: bool,
        /// As the kernel shows it: (inside, outside, count).
        lines: Vec<(u32, u32, u32)>,
    },
    /// The clocks of the time namespace in which children will be.
    TimeOffsetsSet {
        /// As the kernel shows them: (clock, seconds, nanoseconds).
        clocks: Vec<(String, i64, i64)>,
    },
    /// setgroups(2) is denied.
    SetgroupsDenied,
    /// The process leads a session.
    SessionStarted,
    /// A process is in a namespace that it was not in.
    NamespaceEntered {
        /// Of this kind.
        kind: NamespaceKind,
        /// The kernel's number for it.
        number: u64,
        /// The engine is in it as well.
        shared_with_host: bool,
    },
    /// The host name in the UTS namespace.
    HostnameSet {
        /// As the kernel reports it.
        hostname: String,
    },
    /// A setting of a namespace.
    SysctlSet {
        /// With dots.
        name: String,
        /// As the kernel reports it.
        value: String,
    },
    /// A limit of the process is in force.
    ResourceLimitSet {
        /// Which.
        resource: Resource,
        /// /proc/PID/limits
        limit: LimitPair,
    },
    /// The device cgroup refuses what it was not told to allow.
    DevicesRestricted {
        /// Which cgroup.
        directory: String,
    },
    /// The AppArmor profile that the program is going to run under.
    AppArmorProfileSet {
        /// /proc/PID/attr/apparmor/exec
        profile: String,
    },
    /// Its rank before the OOM killer.
    OomScoreSet {
        /// /proc/PID/oom_score_adj
        score: i64,
    },
    /// An interface is up.
    InterfaceUp {
        /// Which.
        interface: String,
    },
    /// A terminal is open.
    TerminalOpened {
        /// As the container names it: `/dev/pts/0`.
        path: String,
    },
    /// Mounts no longer spread.
    MountsMadePrivate {
        /// Mounts that still would.
        shared_left: usize,
    },
    /// A mount is there.
    Mounted {
        /// As /proc/PID/mountinfo shows it.
        mount: MountFact,
    },
    /// A mount takes part in what is mounted elsewhere, or does not.
    PropagationSet {
        /// As /proc/PID/mountinfo shows it.
        mount: MountFact,
    },
    /// A device node or symbolic link is there.
    NodeMade {
        /// Which.
        path: String,
    },
    /// The process has another root directory.
    RootChanged {
        /// How many mounts it sees.
        mounts: usize,
    },
    /// The old root cannot be reached any more.
    OldRootDetached {
        /// How many mounts it sees now.
        mounts: usize,
    },
    /// A path is covered or read-only; `mount: None`: it does not exist, and was left alone.
    PathGuarded {
        /// Which.
        path: String,
        /// What lies over it.
        mount: Option<MountFact>,
    },
    /// Credentials are as shown.
    CredentialsSet {
        /// /proc/PID/status
        credentials: CredentialsFact,
    },
    /// Capability sets are as shown.
    CapabilitiesSet {
        /// /proc/PID/status
        capabilities: CapabilitiesFact,
    },
    /// The working directory.
    DirectoryChanged {
        /// As the container names it.
        path: String,
    },
    /// The program runs.
    ProgramExecuted {
        /// The executable, as the container names it.
        exe: String,
        /// Its arguments.
        argv: Vec<String>,
    },
    /// execve(2) refused the program: the process says so, and ends.
    ExecRefused {
        /// Which file, what the kernel answered, and why.
        refused: Refused,
    },
    /// A signal was delivered.
    SignalSent {
        /// To which container.
        id: ContainerId,
        /// The signal's number.
        signal: i32,
    },
    /// The streams have ended: the process is gone.
    ProcessExited {
        /// Exit code, 128 + n for a signal.
        exit_code: i32,
    },
    /// Waiting is over.
    WaitEnded {
        /// The container.
        id: ContainerId,
        /// Its exit code; `None`: time ran out first.
        exit_code: Option<i32>,
    },
    /// Something went to the caller's terminal.
    Printed {
        /// stderr instead of stdout.
        stderr: bool,
        /// What.
        text: String,
    },
}

impl Event {
    /// The event without what differs from run to run: pids, namespace numbers, times.
    pub fn normalised(&self) -> Event {
        let mut event = self.clone();
        match &mut event {
            Event::ContainerStarted { pid, at_ns, .. } => (*pid, *at_ns) = (0, 0),
            Event::ContainerExited { at_ns, ending, .. } => {
                *at_ns = 0;
                **ending = ending.normalised();
            }
            Event::ContainerFailed { at_ns, .. } => *at_ns = 0,
            Event::SignalNoted { sent, .. } => sent.started_ns = 0,
            Event::CgroupJoined { pid, .. } | Event::HolderEnded { pid } => *pid = 0,
            Event::ProcessCloned { pid, pid_inside, .. } => {
                // In the host's pid namespace the two are one number.
                *pid_inside = if pid_inside == pid { 0 } else { *pid_inside };
                *pid = 0;
            }
            Event::NamespaceEntered { number, .. } => *number = 0,
            // Until the old root is detached the host's own mounts are counted too.
            Event::RootChanged { mounts } => *mounts = 0,
            Event::ContainerRecorded { container } => {
                container.created_ns = 0;
                (container.state.started_ns, container.state.finished_ns) = (0, 0);
                container.state.ending = container.state.ending.normalised();
                container.state.pid = container.state.pid.map(|_| 0);
            }
            Event::VolumeCreated { volume } => volume.created_ns = 0,
            Event::Build(event) => event.normalise(),
            Event::Image(event) => event.normalise(),
            Event::Registry(event) => event.normalise(),
            Event::Network(event) => event.normalise(),
            _ => {}
        }
        event
    }
}
