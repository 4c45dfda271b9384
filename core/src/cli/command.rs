//! `Command`: one thing that a user asks for, parsed and checked; imperative, closed.
//!
//! Made by `cli::parse`, read by `plan`. Values are typed and in base units (bytes, nanoseconds); where in the text each came from is
//! kept in [`Words`], so that a step can point at the word that caused it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::confinement::Confinement;
use super::lifecycle::{Healthcheck, RestartPolicy};
use super::namespaces::{NamespaceSpec, OF_CONTAINER};
use super::resources::Resources;
use super::storage::StorageSpec;
use super::tuning::Tuning;
use crate::userland::Signal;

/// A range of bytes in the command's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// The text of a command and which words of it said what.
///
/// `text` is the command line as typed, or for a real argument vector its words, quoted as a shell needs them, joined by blanks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// The whole command line.
    pub text: String,
    /// Each flag as used, in order; the span covers the flag and its value (`-m 64m`, `--name=web`).
    pub flags: Vec<FlagUse>,
    /// The command's own name as `SUBCOMMAND`, then the positional words by their names in Docker's usage line: `IMAGE`, `COMMAND`, `ARG`, `CONTAINER`.
    pub positionals: Vec<(String, Span)>,
}

/// One use of a flag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagUse {
    /// The long name without dashes: `memory` for `-m`.
    pub name: String,
    /// The value as typed; empty for a boolean without one.
    pub value: String,
    /// Where it stands.
    pub span: Span,
}

impl Words {
    /// The last use of flag `name` (long name without dashes).
    pub fn flag(&self, name: &str) -> Option<&FlagUse> {
        self.flags.iter().rev().find(|flag| flag.name == name)
    }

    /// The span of the first positional word called `name`.
    pub fn positional(&self, name: &str) -> Option<Span> {
        self.positionals.iter().find(|(word, _)| word == name).map(|(_, span)| *span)
    }
}

/// How the command is to be carried out: Glassbox's own flags, which stand before or after the subcommand's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Do it.
    #[default]
    Execute,
    /// `--plan`, `--plan=json`: show the steps, do nothing.
    Plan {
        /// JSON instead of text.
        json: bool,
    },
    /// `--explain`: do it, telling each step.
    Explain,
    /// `--step`: do it in the step debugger.
    Step,
}

/// A parsed command line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invocation {
    /// What is asked.
    pub command: Command,
    /// How.
    pub mode: Mode,
    /// The text and its words.
    pub words: Words,
    /// What Docker's client prints before anything else: lines about deprecated flags.
    #[serde(default)]
    pub notices: String,
}

/// What a user can ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// `run`: create, start, and unless detached wait.
    RunContainer(RunContainer),
    /// `create`
    CreateContainer(ContainerSpec),
    /// `start [-a] [-i] CONTAINER…`
    StartContainers {
        /// Names or id prefixes.
        containers: Vec<String>,
        /// `-a`: attach stdout and stderr.
        attach: bool,
        /// `-i`: attach stdin.
        interactive: bool,
        /// `--detach-keys`, as typed.
        #[serde(default)]
        detach_keys: String,
    },
    /// `attach CONTAINER`
    AttachContainer {
        /// Name or id prefix.
        container: String,
        /// `--no-stdin`
        no_stdin: bool,
        /// `--sig-proxy`, true unless given.
        sig_proxy: bool,
        /// `--detach-keys`, as typed.
        detach_keys: String,
    },
    /// `stop [-s SIGNAL] [-t SECONDS] CONTAINER…`
    StopContainers {
        /// Names or id prefixes.
        containers: Vec<String>,
        /// The signal asked for; `None`: the container's own stop signal, else SIGTERM.
        signal: Option<Signal>,
        /// Seconds until SIGKILL; `None`: 10; -1: never.
        timeout_seconds: Option<i64>,
    },
    /// `kill [-s SIGNAL] CONTAINER…`
    KillContainers {
        /// Names or id prefixes.
        containers: Vec<String>,
        /// SIGKILL unless given.
        signal: Signal,
    },
    /// `rm [-f] [-v] CONTAINER…`
    RemoveContainers {
        /// Names or id prefixes.
        containers: Vec<String>,
        /// `-f`: end a running one with SIGKILL first.
        force: bool,
        /// `-v`: with its anonymous volumes.
        volumes: bool,
    },
    /// `wait CONTAINER…`
    WaitContainers {
        /// Names or id prefixes.
        containers: Vec<String>,
    },
    /// `exec CONTAINER COMMAND [ARG…]`
    ExecProcess(ExecProcess),
    /// `restart [-s SIGNAL] [-t SECONDS] CONTAINER…`
    RestartContainers {
        /// Names or id prefixes.
        containers: Vec<String>,
        /// As of `stop`.
        signal: Option<Signal>,
        /// As of `stop`.
        timeout_seconds: Option<i64>,
    },
    /// `update [--memory …] CONTAINER…`
    UpdateContainers {
        /// Names or id prefixes.
        containers: Vec<String>,
        /// What is to be changed; what was not said stays.
        resources: Resources,
        /// `--restart`, where it is to be changed.
        #[serde(default)]
        restart: Option<RestartPolicy>,
    },
    /// `pause CONTAINER…`
    PauseContainers {
        /// Names or id prefixes.
        containers: Vec<String>,
    },
    /// `unpause CONTAINER…`
    UnpauseContainers {
        /// Names or id prefixes.
        containers: Vec<String>,
    },
    /// `rename CONTAINER NEW_NAME`
    RenameContainer {
        /// Name or id prefix.
        container: String,
        /// The new name as typed.
        name: String,
    },
    /// `system df`
    ShowDiskUsage {
        /// `-v`: everything by itself.
        verbose: bool,
        /// `--format`
        format: Option<String>,
    },
    /// `system prune`
    PruneSystem {
        /// `-a`
        all: bool,
        /// `--volumes`
        volumes: bool,
        /// `-f`: do not ask.
        force: bool,
        /// `--filter`: name and value, in order.
        filters: Vec<(String, String)>,
    },
    /// `cp [-a] [-L] [-q] SRC DEST`
    CopyFiles {
        /// `CONTAINER:PATH`, a path of the host, or `-`.
        from: String,
        /// The same.
        to: String,
        /// `-a`
        archive: bool,
        /// `-L`
        follow_links: bool,
        /// `-q`; `None`: nothing is told unless the caller has a terminal.
        quiet: Option<bool>,
    },
    /// `container prune [-f] [--filter …]`
    PruneContainers {
        /// `-f`: do not ask.
        force: bool,
        /// `--filter`: name and value, in order.
        filters: Vec<(String, String)>,
    },
    /// `ps`
    ListContainers(ContainerList),
    /// `top CONTAINER [ps OPTIONS]`
    ShowProcesses {
        /// Name or id prefix.
        container: String,
        /// The words for ps; none: `-ef`.
        options: Vec<String>,
    },
    /// `stats [CONTAINER…]`
    ShowStats {
        /// Names or id prefixes; none: all that run.
        containers: Vec<String>,
        /// `-a`: without names, the ended ones too.
        all: bool,
        /// `--no-stream` was not given: over and over.
        stream: bool,
        /// `--no-trunc`
        no_trunc: bool,
        /// `--format`
        format: Option<String>,
    },
    /// `events`
    ShowEvents {
        /// `--since`, as typed.
        since: String,
        /// `--until`, as typed.
        until: String,
        /// `--filter`: name and value, in order.
        filters: Vec<(String, String)>,
        /// `--format`
        format: Option<String>,
    },
    /// `logs [-f] [-n N] [-t] CONTAINER`
    ShowLogs {
        /// Name or id prefix.
        container: String,
        /// `-f`: go on until the container ends.
        follow: bool,
        /// `-n`: only the last so many lines.
        tail: Option<u64>,
        /// `-t`: with RFC 3339 times.
        timestamps: bool,
        /// `--details`: with the attributes of the log, of which there are none.
        #[serde(default)]
        details: bool,
        /// `--since`, as typed.
        #[serde(default)]
        since: String,
        /// `--until`, as typed.
        #[serde(default)]
        until: String,
    },
    /// `inspect NAME…`, `container inspect`, `volume inspect`
    InspectObjects {
        /// Names, or for containers id prefixes.
        names: Vec<String>,
        /// Among what they are looked up.
        kind: InspectKind,
        /// `-f`: a template of Go's text/template, or `json`.
        format: Option<String>,
        /// `-s`: with how much each container has written.
        sizes: bool,
    },
    /// `ns [CONTAINER…]`
    CompareNamespaces {
        /// Names or id prefixes; none: all that run.
        containers: Vec<String>,
        /// `--format json`
        json: bool,
    },
    /// `why CONTAINER [CALL]`: which layer refuses a system call.
    ExplainRefusal {
        /// Name or id prefix.
        container: String,
        /// The word of an attempt, or a path of the container; `None`: all attempts.
        call: Option<String>,
    },
    /// `volume create [NAME]`
    CreateVolume {
        /// Its name; `None`: a random one.
        name: Option<String>,
        /// `--label`, as typed.
        labels: Vec<String>,
        /// Something was said that only a volume of a cluster has.
        #[serde(default)]
        cluster: bool,
        /// `--driver`
        #[serde(default)]
        driver: String,
        /// `--opt`: names and values.
        #[serde(default)]
        options: BTreeMap<String, String>,
    },
    /// `volume ls`
    ListVolumes {
        /// `-q`: only names.
        quiet: bool,
        /// `--filter`, as typed: `NAME=VALUE`.
        filters: Vec<String>,
        /// `--format`
        format: Option<String>,
        /// `--cluster`: those of a cluster, of which there are none.
        #[serde(default)]
        cluster: bool,
    },
    /// `volume update NAME`
    UpdateVolume {
        /// Its name.
        name: String,
    },
    /// `volume rm NAME…`
    RemoveVolumes {
        /// Names.
        volumes: Vec<String>,
        /// `-f`: one that is not there is no error.
        force: bool,
    },
    /// `volume prune`
    PruneVolumes {
        /// `-f`: without it Docker asks first.
        force: bool,
        /// `-a`: the named ones too.
        all: bool,
        /// `--filter`, as typed: `NAME=VALUE`.
        filters: Vec<String>,
    },
    /// `completion SHELL`: the script that makes a shell complete words.
    PrintCompletion {
        /// `bash`, `fish`, `zsh`
        shell: String,
    },
    /// `--help` of a subcommand, or of Glassbox itself: the text to print.
    Help {
        /// The subcommand's words (`run`, `container ls`); empty for Glassbox itself.
        topic: Vec<String>,
    },
    /// `images`, `history`, `tag`, `rmi`, `image prune`, `save`, `load`
    Images(super::ImageCommand),
    /// `build --check`
    CheckBuild(super::CheckBuild),
    /// `version --format TEMPLATE`
    ShowVersion {
        /// A template of Go's text/template, or `json`; `None`: as text.
        format: Option<String>,
    },
    /// `--version`
    Version,
}

/// Among what `inspect` looks a name up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum InspectKind {
    /// Containers, then images, then volumes.
    #[default]
    Any,
    /// `--type container`
    Container,
    /// `--type image`
    Image,
    /// `--type volume`
    Volume,
}

impl InspectKind {
    /// Docker's word.
    pub fn word(self) -> &'static str {
        match self {
            InspectKind::Any => "",
            InspectKind::Container => "container",
            InspectKind::Image => "image",
            InspectKind::Volume => "volume",
        }
    }
}

/// `ps`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerList {
    /// `-a`: the ended ones too.
    pub all: bool,
    /// `-q`: only ids.
    pub quiet: bool,
    /// `--no-trunc`
    pub no_trunc: bool,
    /// `-n`: the last so many, in any state; negative: no limit.
    pub last: i64,
    /// `--filter`: name and value, in order.
    pub filters: Vec<(String, String)>,
    /// `--format`
    pub format: Option<String>,
    /// `-s`: with how much each has written.
    #[serde(default)]
    pub sizes: bool,
}

/// `run`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunContainer {
    /// The container to create.
    pub spec: ContainerSpec,
    /// `-d`
    pub detach: bool,
    /// `--sig-proxy`, true unless given.
    pub sig_proxy: bool,
    /// `--detach-keys`, as typed.
    #[serde(default)]
    pub detach_keys: String,
}

/// What `run` and `create` say about a container, before the image's config is merged in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// The image as typed.
    pub image: String,
    /// The words after the image; empty: the image's own CMD.
    pub arguments: Vec<String>,
    /// `--name`
    pub name: Option<String>,
    /// `-i`: keep stdin open.
    pub interactive: bool,
    /// `-t`: a terminal.
    pub tty: bool,
    /// `-a`: the streams that the caller is connected to, in small letters; none: all.
    #[serde(default)]
    pub attach: Vec<String>,
    /// `--log-driver`, as typed; empty: the daemon's.
    #[serde(default)]
    pub log_driver: String,
    /// `--log-opt`, as typed.
    #[serde(default)]
    pub log_options: Vec<String>,
    /// `--rm`
    pub auto_remove: bool,
    /// `-e`, as typed: `NAME=value`, or `NAME` to take it from the caller's environment.
    pub env: Vec<String>,
    /// `-w`
    pub workdir: Option<String>,
    /// `-u`: user, uid, user:group, uid:gid.
    pub user: Option<String>,
    /// `--hostname`
    pub hostname: Option<String>,
    /// `--domainname`
    #[serde(default)]
    pub domainname: String,
    /// `--entrypoint`; the empty string clears the image's.
    pub entrypoint: Option<String>,
    /// `--network`
    pub network: NetworkMode,
    /// `--pid`, `--ipc`, `--uts`, `--cgroupns`, `--userns`
    #[serde(default)]
    pub namespaces: NamespaceSpec,
    /// `--read-only`
    pub read_only: bool,
    /// `--init`
    pub init: bool,
    /// Memory, processors, processes.
    pub resources: Resources,
    /// Bind mounts, volumes, file systems of memory.
    #[serde(default)]
    pub storage: StorageSpec,
    /// Limits of each process, kernel settings, further groups.
    #[serde(default)]
    pub tuning: Tuning,
    /// `--security-opt`, `--device`, `--device-cgroup-rule`.
    #[serde(default)]
    pub confinement: Confinement,
    /// `--cap-add`, as typed, in order.
    pub cap_add: Vec<String>,
    /// `--cap-drop`, as typed, in order.
    pub cap_drop: Vec<String>,
    /// `--privileged`
    pub privileged: bool,
    /// `--security-opt no-new-privileges`
    pub no_new_privileges: bool,
    /// `--security-opt seccomp=unconfined`
    pub seccomp_unconfined: bool,
    /// `--stop-signal`
    pub stop_signal: Option<Signal>,
    /// `--stop-timeout`, seconds.
    pub stop_timeout_seconds: Option<i64>,
    /// `--label`, as typed.
    pub labels: Vec<String>,
    /// `--env-file`: paths as typed.
    #[serde(default)]
    pub env_files: Vec<String>,
    /// `--label-file`: paths as typed.
    #[serde(default)]
    pub label_files: Vec<String>,
    /// `--cidfile`: the path as typed.
    #[serde(default)]
    pub cid_file: String,
    /// `--annotation`: names and values.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// `--expose`: `80/tcp`, ranges written out.
    #[serde(default)]
    pub exposed_ports: BTreeSet<String>,
    /// Which image, where several have its name.
    #[serde(default)]
    pub image_choice: ImageChoice,
    /// `--runtime`
    #[serde(default)]
    pub runtime: String,
    /// `--isolation`
    #[serde(default)]
    pub isolation: String,
    /// `--volume-driver`
    #[serde(default)]
    pub volume_driver: String,
    /// `--storage-opt`, as typed.
    #[serde(default)]
    pub storage_options: Vec<String>,
    /// `--restart`
    #[serde(default)]
    pub restart: RestartPolicy,
    /// `--health-…`, `--no-healthcheck`
    #[serde(default)]
    pub healthcheck: Option<Healthcheck>,
}

/// `--pull` and `--platform`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageChoice {
    /// When the image is fetched.
    pub pull: Pull,
    /// `linux/arm64`; empty: the machine's own.
    pub platform: String,
}

/// `--pull`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pull {
    /// Where it is not there.
    #[default]
    Missing,
    /// In any case.
    Always,
    /// In no case.
    Never,
}

/// `--network`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NetworkMode {
    /// Not said, or `default`: today as `none`, and said so, until bridges exist.
    #[default]
    Default,
    /// `none`: a network namespace with nothing but loopback.
    None,
    /// `host`: no network namespace of its own.
    Host,
    /// `container:NAME`: another container's; name, prefix of an id, or id.
    Container(String),
}

impl NetworkMode {
    /// As HostConfig has it.
    pub fn word(&self) -> String {
        match self {
            NetworkMode::Default | NetworkMode::None => "none".into(),
            NetworkMode::Host => "host".into(),
            NetworkMode::Container(name) => format!("{OF_CONTAINER}{name}"),
        }
    }
}

/// `exec`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExecProcess {
    /// Name or id prefix.
    pub container: String,
    /// Program and arguments; never empty.
    pub argv: Vec<String>,
    /// `-i`
    pub interactive: bool,
    /// `-t`
    pub tty: bool,
    /// `-d`
    pub detach: bool,
    /// `-e`, as typed.
    pub env: Vec<String>,
    /// `--env-file`: paths as typed.
    #[serde(default)]
    pub env_files: Vec<String>,
    /// `-w`
    pub workdir: Option<String>,
    /// `-u`
    pub user: Option<String>,
    /// `--privileged`
    pub privileged: bool,
    /// `--detach-keys`, as typed.
    #[serde(default)]
    pub detach_keys: String,
}

impl Command {
    /// The keys that let go of the terminal, as typed; empty: the usual ones.
    pub fn detach_keys(&self) -> &str {
        match self {
            Command::RunContainer(run) => &run.detach_keys,
            Command::ExecProcess(exec) => &exec.detach_keys,
            Command::StartContainers { detach_keys, .. } | Command::AttachContainer { detach_keys, .. } => detach_keys,
            _ => "",
        }
    }

    /// Whether the caller is shown what the program writes to stdout, and what to stderr.
    pub fn shown_streams(&self) -> (bool, bool) {
        match self {
            Command::RunContainer(run) if !run.spec.attach.is_empty() => {
                let has = |name: &str| run.spec.attach.iter().any(|stream| stream == name);
                (has("stdout"), has("stderr"))
            }
            _ => (true, true),
        }
    }
}

/// A command line that Docker would refuse, in Docker's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageError {
    /// What goes to stderr: Docker's own lines, word for word, then ours, if any, marked `glassbox: `.
    pub message: String,
    /// Docker's exit code: 125 for `run`, `create` (flags), 1 or 125 elsewhere, as Docker has it.
    pub exit_code: i32,
    /// The word that is wrong, where one is.
    pub span: Option<Span>,
}
