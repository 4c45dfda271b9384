//! `Command`: one thing that a user asks for, parsed and checked; imperative, closed.
//!
//! Made by `cli::parse`, read by `plan`. Values are typed and in base units (bytes, nanoseconds); where in the text each came from is
//! kept in [`super::Words`], so that a step can point at the word that caused it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::lifecycle::RestartPolicy;
use super::resources::Resources;
use super::{ContainerList, ContainerSpec, ExecProcess, InspectKind, RunContainer};
use crate::userland::Signal;

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
    /// `port CONTAINER [PRIVATE_PORT[/PROTO]]`
    ShowPorts {
        /// Name or id prefix.
        container: String,
        /// The port that is asked for, as typed; `None`: all.
        port: Option<String>,
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
    /// `network …`
    Networks(super::NetworkCommand),
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
    /// `images`, `history`, `tag`, `rmi`, `image prune`, `save`, `load`, `commit`, `import`, `export`, `diff`
    Images(super::ImageCommand),
    /// `pull`
    Registry(super::RegistryCommand),
    /// `build`
    BuildImage(Box<super::BuildImage>),
    /// `builder prune`
    PruneBuilds(super::PruneBuilds),
    /// `build --check`
    CheckBuild(super::CheckBuild),
    /// `dockerfile PATH`: what stands in it, seen from above.
    ShowDockerfile {
        /// Of what.
        input: super::CheckBuild,
        /// As JSON.
        json: bool,
    },
    /// `version --format TEMPLATE`
    ShowVersion {
        /// A template of Go's text/template, or `json`; `None`: as text.
        format: Option<String>,
    },
    /// `info`
    ShowInfo {
        /// A template of Go's text/template, or `json`; `None`: as text.
        format: Option<String>,
    },
    /// `--version`
    Version,
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

    /// It is about something that the engine keeps. The others have an answer on any machine, whoever asks, and where nothing can be
    /// written.
    pub fn needs_records(&self) -> bool {
        use Command::{CheckBuild, Help, PrintCompletion, ShowVersion, Version};
        !matches!(self, Help { .. } | Version | ShowVersion { .. } | PrintCompletion { .. } | CheckBuild(_))
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
