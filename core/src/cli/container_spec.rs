//! What `run`, `create` and `exec` say about a container, before the image's config is merged in.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::confinement::Confinement;
use super::lifecycle::{Healthcheck, RestartPolicy};
use super::namespaces::{NamespaceSpec, OF_CONTAINER};
use super::naming::Naming;
use super::resources::Resources;
use super::storage::StorageSpec;
use super::tuning::Tuning;
use crate::model::{EndpointSpec, Publishing};
use crate::userland::Signal;

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
    /// What was said of its place in each network, in the order of `--network`.
    #[serde(default)]
    pub endpoints: Vec<EndpointSpec>,
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
    /// `--add-host`, `--dns`, `--dns-search`, `--dns-option`.
    #[serde(default)]
    pub naming: Naming,
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
    /// `-p`, `-P`
    pub publishing: Publishing,
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
    /// `-q`: nothing is told while it is fetched.
    #[serde(default)]
    pub quiet: bool,
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
    /// Not said, or `default`: the network `bridge`; for whoever may not make bridges as `none`, and said so.
    #[default]
    Default,
    /// `none`: a network namespace with nothing but loopback.
    None,
    /// `host`: no network namespace of its own.
    Host,
    /// `container:NAME`: another container's; name, prefix of an id, or id.
    Container(String),
    /// A network by its name or id: `bridge` is one of them.
    Named(String),
}

impl NetworkMode {
    /// As HostConfig has it.
    pub fn word(&self) -> String {
        match self {
            NetworkMode::Default => "bridge".into(),
            NetworkMode::None => "none".into(),
            NetworkMode::Named(name) => name.clone(),
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
