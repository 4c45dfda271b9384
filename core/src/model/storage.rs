//! What is mounted in a container besides the file systems that every one has, and volumes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ContainerId, State};

/// Docker's label of a volume that nobody named.
pub const ANONYMOUS_LABEL: &str = "com.docker.volume.anonymous";

/// Where what is mounted comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MountKind {
    /// A file or directory of the host.
    #[default]
    Bind,
    /// A volume.
    Volume,
    /// Memory.
    Tmpfs,
}

/// One thing that a container has mounted: Docker's MountPoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MountPoint {
    /// Where it comes from.
    pub kind: MountKind,
    /// The volume's name; empty: it is none.
    pub name: String,
    /// The path on the host; empty: memory.
    pub source: String,
    /// The path in the container, in its shortest form.
    pub target: String,
    /// It can be read only.
    pub read_only: bool,
    /// The third field of `-v`, as `inspect` shows it.
    pub mode: String,
    /// With the mounts below its source.
    pub recursive: bool,
    /// A volume that nobody named: it goes with its container.
    pub anonymous: bool,
    /// What the image has there is copied into the volume while that is empty.
    pub copies: bool,
    /// `-v`: a source that is missing is made. `--mount`: it is refused.
    pub makes_source: bool,
    /// Options of a file system of memory: `size=16m,mode=755`.
    pub options: String,
    /// The flag that it is for: `volume`.
    pub flag: String,
    /// The flag's value.
    pub word: String,
}

impl MountPoint {
    /// How deep its target lies: what is above is mounted first.
    pub fn depth(&self) -> usize {
        depth(&self.target)
    }
}

/// The number of names in an absolute path.
pub fn depth(path: &str) -> usize {
    path.split('/').filter(|name| !name.is_empty()).count()
}

/// A directory that outlives containers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Volume {
    /// Its name; of an anonymous one 64 hexadecimal digits.
    pub name: String,
    /// When it was made: nanoseconds since 1970-01-01T00:00:00Z.
    pub created_ns: u64,
    /// Labels; `None`: it was not made by `volume create --label` or for nobody's name.
    pub labels: Option<BTreeMap<String, String>>,
}

impl Volume {
    /// Nobody named it.
    pub fn is_anonymous(&self) -> bool {
        self.labels.as_ref().is_some_and(|labels| labels.contains_key(ANONYMOUS_LABEL))
    }
}

impl State {
    /// The containers that have the volume mounted, in any state, sorted by id.
    pub fn users_of_volume(&self, name: &str) -> Vec<&ContainerId> {
        let has = |mounts: &[MountPoint]| mounts.iter().any(|mount| mount.kind == MountKind::Volume && mount.name == name);
        self.containers.values().filter(|container| has(&container.mounts)).map(|container| &container.id).collect()
    }
}
