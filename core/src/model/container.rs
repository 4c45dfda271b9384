//! Containers: what each was asked to be, and what became of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::MountPoint;
use super::ending::Ending;
use super::health::Health;
use super::network::Attachment;
use super::port::Publishing;
use crate::cli::{
    Confinement, Healthcheck, NamespaceSpec, Naming, NetworkMode, Resources, RestartPolicy, StorageSpec, Tuning, Words,
};
use crate::device::Device;
use crate::host::Controller;
use crate::oci::capability::CapabilitySet;
use crate::userland::Signal;

/// 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContainerId(pub String);

impl ContainerId {
    /// The first twelve digits, as `docker ps` shows them.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl std::fmt::Display for ContainerId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

/// A container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Container {
    /// Its id.
    pub id: ContainerId,
    /// Its name, without the slash that `inspect` shows before it.
    pub name: String,
    /// When it was created: nanoseconds since 1970-01-01T00:00:00Z.
    pub created_ns: u64,
    /// The image as typed.
    pub image: String,
    /// The image's id at that time.
    pub image_id: String,
    /// The diff ids of the image's layers, lowest first.
    pub layers: Vec<String>,
    /// The program and its surroundings: the image's config and the flags, merged.
    pub process: ProcessConfig,
    /// What it gets from the host, and what not.
    pub host: HostConfig,
    /// What is mounted besides the file systems that every container has, in the order of mounting.
    #[serde(default)]
    pub mounts: Vec<MountPoint>,
    /// The networks that it is connected to, in the order of its interfaces.
    #[serde(default)]
    pub networks: Vec<Attachment>,
    /// It was in a network with names while it ran, and left it: it goes on asking for names where it did.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub asked_for_names: bool,
    /// What became of it.
    pub state: ContainerState,
    /// The command that created it, so that every later step can point at its words.
    pub words: Words,
}

/// The program and its surroundings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessConfig {
    /// ENTRYPOINT as it applies.
    pub entrypoint: Vec<String>,
    /// CMD or the arguments as they apply.
    pub cmd: Vec<String>,
    /// `NAME=value`, in order: the image's, then the flags'.
    pub env: Vec<String>,
    /// Variables that have a secret of a build's caller: their names, and which.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<(String, String)>,
    /// Absolute path.
    pub cwd: String,
    /// As typed; empty: root.
    pub user: String,
    /// The name in the UTS namespace.
    pub hostname: String,
    /// The NIS domain name in the UTS namespace; empty: the kernel's.
    #[serde(default)]
    pub domainname: String,
    /// `-t`
    pub tty: bool,
    /// `-i`
    pub open_stdin: bool,
    /// `-a`: the streams that `run` is connected to; none: all.
    #[serde(default)]
    pub attach: Vec<String>,
    /// The signal of `stop`.
    pub stop_signal: Option<Signal>,
    /// `--stop-signal` as typed, or the image's; empty: not said.
    #[serde(default)]
    pub stop_signal_word: String,
    /// Seconds until SIGKILL; `None`: 10.
    pub stop_timeout_seconds: Option<i64>,
    /// How one finds out whether it is well.
    #[serde(default)]
    pub healthcheck: Option<Healthcheck>,
    /// Labels of the image and the flags.
    pub labels: BTreeMap<String, String>,
    /// `--expose`: `80/tcp`.
    #[serde(default)]
    pub exposed_ports: BTreeSet<String>,
}

impl ProcessConfig {
    /// Program and arguments.
    pub fn argv(&self) -> Vec<String> {
        self.entrypoint.iter().chain(&self.cmd).cloned().collect()
    }
}

/// What a WebAssembly module is run by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WasiRuntime {
    /// The runtime's file on the host.
    pub program: String,
    /// `--annotation glassbox.wasi.fuel=UNITS`: how much it may compute, about one for each instruction.
    pub fuel: Option<u64>,
}

/// What a container gets from the host, and what not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostConfig {
    /// `--rm`
    pub auto_remove: bool,
    /// Where what the program writes is kept.
    #[serde(default)]
    pub log: LogConfig,
    /// `-d` at the time of `run`.
    pub detached: bool,
    /// `--network`
    pub network: NetworkMode,
    /// `--pid`, `--ipc`, `--uts`, `--cgroupns`, `--userns`
    #[serde(default)]
    pub namespaces: NamespaceSpec,
    /// `--read-only`
    pub read_only: bool,
    /// `--init`
    pub init: bool,
    /// Its image is for `wasi/wasm`: what runs its module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wasi: Option<WasiRuntime>,
    /// Memory, processors, processes, with Docker's defaults filled in.
    pub resources: Resources,
    /// `-v`, `--mount`, `--tmpfs`, `--volumes-from`.
    #[serde(default)]
    pub storage: StorageSpec,
    /// `--annotation`
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// `--cidfile`: absolute; empty: none.
    #[serde(default)]
    pub cid_file: String,
    /// `--volume-driver`
    #[serde(default)]
    pub volume_driver: String,
    /// `--sysctl`, `--ulimit`, `--shm-size`, `--oom-score-adj`, `--group-add`, `--cgroup-parent`.
    #[serde(default)]
    pub tuning: Tuning,
    /// `--add-host`, `--dns`, `--dns-search`, `--dns-option`.
    #[serde(default)]
    pub naming: Naming,
    /// `-p`, `-P`
    #[serde(default)]
    pub publishing: Publishing,
    /// `--security-opt`, `--device`, `--device-cgroup-rule`.
    #[serde(default)]
    pub confinement: Confinement,
    /// The devices that it gets besides the default ones, as the host had them when it was created.
    #[serde(default)]
    pub devices: Vec<Device>,
    /// The numbers of the disks that limits name, as the host had them when it was created.
    #[serde(default)]
    pub disks: BTreeMap<String, (u32, u32)>,
    /// `--cap-add` as typed.
    pub cap_add: Vec<String>,
    /// `--cap-drop` as typed.
    pub cap_drop: Vec<String>,
    /// The capabilities that follow from these.
    pub capabilities: CapabilitySet,
    /// `--privileged`
    pub privileged: bool,
    /// `--security-opt no-new-privileges`
    pub no_new_privileges: bool,
    /// Docker's default filter is installed.
    pub seccomp: bool,
    /// In a user namespace of its own: uid and gid maps. Empty: none (root runs the engine).
    pub uid_map: Vec<IdMapLine>,
    /// As `uid_map`, for groups.
    pub gid_map: Vec<IdMapLine>,
    /// Its cgroup directories, with the controllers that each serves. Empty: none could be made.
    pub cgroups: Vec<(String, Vec<Controller>)>,
    /// The cgroups above those that were not there when it was created, the highest first: `--cgroup-parent`. The last container of them
    /// takes them with it.
    #[serde(default)]
    pub made_parents: Vec<String>,
    /// `--restart`
    #[serde(default)]
    pub restart: RestartPolicy,
}

/// One line of `/proc/PID/uid_map`, user_namespaces(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdMapLine {
    /// First id inside.
    pub inside: u32,
    /// First id outside.
    pub outside: u32,
    /// How many.
    pub count: u32,
}

/// Docker's container states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Made, never started.
    Created,
    /// Its first process runs.
    Running,
    /// Its processes are there and frozen.
    Paused,
    /// Its first process ended, and its monitor is about to start it again.
    Restarting,
    /// Its first process ended.
    Exited,
}

impl Status {
    /// It has a monitor, and most commands take it for running: what Docker's `Running` says.
    pub fn runs(self) -> bool {
        matches!(self, Status::Running | Status::Paused | Status::Restarting)
    }

    /// Its first process is there.
    pub fn has_process(self) -> bool {
        matches!(self, Status::Running | Status::Paused)
    }
}

/// Where what a program writes is kept: Docker's LogConfig.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogConfig {
    /// `json-file`, `local` (the same file here), `none`.
    pub driver: String,
    /// `--log-opt`
    pub options: BTreeMap<String, String>,
}

impl Default for LogConfig {
    fn default() -> LogConfig {
        LogConfig { driver: LogConfig::USUAL.to_string(), options: BTreeMap::new() }
    }
}

impl LogConfig {
    /// Where nothing is said.
    pub const USUAL: &'static str = "json-file";
    /// dockerd's other file.
    pub const LOCAL: &'static str = "local";

    /// There is a log.
    pub fn keeps(&self) -> bool {
        self.driver != "none"
    }
}

/// What became of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerState {
    /// The state.
    pub status: Status,
    /// The first process as the host numbers it, while running.
    pub pid: Option<u32>,
    /// Exit code of the last run; 128 + n for a signal.
    pub exit_code: i32,
    /// The kernel's OOM killer ended it.
    pub oom_killed: bool,
    /// Start of the last run, nanoseconds since 1970; 0: never.
    pub started_ns: u64,
    /// End of the last run; 0: never.
    pub finished_ns: u64,
    /// Why it could not be started, in Docker's words.
    pub error: String,
    /// How often its restart policy has started it again since somebody last did.
    #[serde(default)]
    pub restart_count: u32,
    /// The last wait before a start again; 0: there was none, or it has run long enough since.
    #[serde(default)]
    pub restart_delay_ns: u64,
    /// How it is, where a health check says so.
    #[serde(default)]
    pub health: Option<Health>,
    /// Somebody has asked it to end: its restart policy rests.
    #[serde(default)]
    pub stop_asked: bool,
    /// What is known of the end of the last run besides its exit code.
    #[serde(default)]
    pub ending: Ending,
}

impl Default for ContainerState {
    fn default() -> Self {
        ContainerState {
            status: Status::Created,
            pid: None,
            exit_code: 0,
            oom_killed: false,
            started_ns: 0,
            finished_ns: 0,
            error: String::new(),
            restart_count: 0,
            restart_delay_ns: 0,
            health: None,
            stop_asked: false,
            ending: Ending::default(),
        }
    }
}
