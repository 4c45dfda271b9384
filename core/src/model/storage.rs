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
    /// Read-only is the mount itself; those below it stay as they are.
    pub top_only: bool,
    /// The directory of a volume that is mounted in place of the whole; empty: the whole.
    pub subpath: String,
    /// A volume that nobody named: it goes with its container.
    pub anonymous: bool,
    /// What the image has there is copied into the volume while that is empty.
    pub copies: bool,
    /// `-v`: a source that is missing is made. `--mount`: it is refused.
    pub makes_source: bool,
    /// Options of a file system of memory: `size=16m,mode=755`.
    pub options: String,
    /// Whether mounts made later spread between the source and its place; matters to a path of the host only.
    #[serde(default)]
    pub propagation: Propagation,
    /// The flag that it is for: `volume`.
    pub flag: String,
    /// The flag's value.
    pub word: String,
}

/// How mounts made later below one mount appear below another: mount_namespaces(7), mount(2). The words are Docker's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Propagation {
    /// MS_PRIVATE
    Private,
    /// MS_PRIVATE | MS_REC: neither way, for the mounts below as well. Docker's default.
    #[default]
    RPrivate,
    /// MS_SLAVE
    Slave,
    /// MS_SLAVE | MS_REC: what is mounted at the source appears, and not the other way.
    RSlave,
    /// MS_SHARED
    Shared,
    /// MS_SHARED | MS_REC: both ways.
    RShared,
}

impl Propagation {
    /// All of them.
    pub const ALL: [Propagation; 6] = [
        Propagation::Private,
        Propagation::RPrivate,
        Propagation::Slave,
        Propagation::RSlave,
        Propagation::Shared,
        Propagation::RShared,
    ];

    /// The word for it: `rslave`.
    pub fn word(self) -> &'static str {
        match self {
            Propagation::Private => "private",
            Propagation::RPrivate => "rprivate",
            Propagation::Slave => "slave",
            Propagation::RSlave => "rslave",
            Propagation::Shared => "shared",
            Propagation::RShared => "rshared",
        }
    }

    /// The one of this word.
    pub fn of(word: &str) -> Option<Propagation> {
        Propagation::ALL.into_iter().find(|known| known.word() == word)
    }

    /// For the mounts below as well.
    pub fn is_recursive(self) -> bool {
        matches!(self, Propagation::RPrivate | Propagation::RSlave | Propagation::RShared)
    }

    /// Both ways.
    pub fn is_shared(self) -> bool {
        matches!(self, Propagation::Shared | Propagation::RShared)
    }

    /// One way, into the container.
    pub fn is_slave(self) -> bool {
        matches!(self, Propagation::Slave | Propagation::RSlave)
    }

    /// The flags of mount(2).
    pub fn flags(self) -> &'static str {
        match self {
            Propagation::Private => "MS_PRIVATE",
            Propagation::RPrivate => "MS_REC|MS_PRIVATE",
            Propagation::Slave => "MS_SLAVE",
            Propagation::RSlave => "MS_REC|MS_SLAVE",
            Propagation::Shared => "MS_SHARED",
            Propagation::RShared => "MS_REC|MS_SHARED",
        }
    }
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
    /// What `volume create --opt` and `volume-opt=` said.
    pub options: BTreeMap<String, String>,
}

/// What lies behind a volume, by its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backing {
    /// Its own directory.
    Own,
    /// A file or directory of the host.
    Host {
        /// Its path: `device`.
        device: String,
        /// `rbind`: with the mounts below it.
        recursive: bool,
        /// `ro`
        read_only: bool,
    },
    /// Memory, for as long as a container that has it runs.
    Memory {
        /// `o`: options of mount(8).
        options: String,
    },
    /// A file system of another kind.
    Other {
        /// `type`
        fs_type: String,
        /// `device`
        device: String,
        /// `o`: options of mount(8).
        options: String,
    },
}

impl Volume {
    /// What lies behind it. Docker's local driver hands the three options to mount(2).
    pub fn backing(&self) -> Backing {
        backing(&self.options)
    }

    /// Nobody named it.
    pub fn is_anonymous(&self) -> bool {
        self.labels.as_ref().is_some_and(|labels| labels.contains_key(ANONYMOUS_LABEL))
    }
}

/// What lies behind a volume with these options.
pub fn backing(options: &BTreeMap<String, String>) -> Backing {
    let option = |name: &str| options.get(name).map_or("", String::as_str);
    let words: Vec<&str> = option("o").split(',').collect();
    let has = |word: &str| words.contains(&word);
    match option("type") {
        _ if options.is_empty() => Backing::Own,
        _ if has("bind") || has("rbind") => {
            Backing::Host { device: option("device").to_string(), recursive: has("rbind"), read_only: has("ro") }
        }
        "tmpfs" => Backing::Memory { options: option("o").to_string() },
        other => {
            Backing::Other { fs_type: other.to_string(), device: option("device").to_string(), options: option("o").to_string() }
        }
    }
}

impl State {
    /// The containers that have the volume mounted, in any state, sorted by id.
    pub fn users_of_volume(&self, name: &str) -> Vec<&ContainerId> {
        let has = |mounts: &[MountPoint]| mounts.iter().any(|mount| mount.kind == MountKind::Volume && mount.name == name);
        self.containers.values().filter(|container| has(&container.mounts)).map(|container| &container.id).collect()
    }
}
