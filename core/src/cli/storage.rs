//! `StorageSpec`: what `run` and `create` say about bind mounts, volumes and file systems of memory; Docker's names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is put where. Recorded with the container as Docker's HostConfig has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StorageSpec {
    /// `-v`, as typed, in order; the same word twice counts once.
    pub volumes: Vec<String>,
    /// `--mount`, in order.
    pub mounts: Vec<MountSpec>,
    /// `--tmpfs`, as typed: `PATH[:OPTIONS]`.
    pub tmpfs: Vec<String>,
    /// `--volumes-from`, as typed: `CONTAINER[:ro]`.
    pub volumes_from: Vec<String>,
}

/// One `--mount`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MountSpec {
    /// As typed.
    pub text: String,
    /// `type=`: `volume` (unless said), `bind`, `tmpfs`, or another.
    pub kind: String,
    /// `source=`
    pub source: String,
    /// `target=`
    pub target: String,
    /// `readonly`
    pub read_only: bool,
    /// `bind-propagation=`; empty: not said.
    pub propagation: String,
    /// `bind-recursive=`; empty: not said.
    pub recursion: String,
    /// `volume-nocopy`
    pub no_copy: bool,
    /// `volume-label=`, as typed.
    pub labels: Vec<String>,
    /// `volume-subpath=`; empty: the whole volume.
    pub subpath: String,
    /// `volume-driver=`; empty: not said.
    pub driver: String,
    /// `volume-opt=`: names and values.
    pub driver_options: BTreeMap<String, String>,
    /// Anything of the volume was said: Docker's client then names its driver, if only by nothing.
    pub of_volume: bool,
    /// `tmpfs-size=`, bytes; 0: not said.
    pub tmpfs_bytes_max: u64,
    /// `tmpfs-mode=`, permission bits.
    pub tmpfs_mode: Option<u32>,
    /// The first option that Glassbox does not carry out: a part of an image.
    pub not_yet: Option<String>,
}
