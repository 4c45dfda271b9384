//! `State`: all that the engine knows, by domain. Plain data, cheap to clone; changed by `apply` alone.
//!
//! It knows nothing of plans or steps. Names and shapes follow `docker inspect` and the OCI image specification where they have one.

mod build;
mod container;
pub mod ending;
mod exchange;
pub mod happening;
pub mod health;
mod image;
pub mod log;
mod names;
mod network;
mod port;
pub mod restart;
mod storage;

use rpds::RedBlackTreeMap;

pub use build::{BuildResult, Building, CacheMount, CacheRecord, FailedProgram, PackedLayer, Slot};
pub use container::{Container, ContainerId, ContainerState, HostConfig, IdMapLine, LogConfig, ProcessConfig, Status, WasiRuntime};
pub use ending::{Ending, SentSignal, SignalReason};
pub use exchange::{Account, Exchange, Standing};
pub use image::{History, Image, ImageConfig, ImageHealthcheck, Layer, Nothing, is_aside, short_digest};
pub use names::link_parts;
pub use network::{
    Attachment, DEFAULT_NETWORK, Endpoint, EndpointSpec, Network, NetworkDriver, NetworkLookup, PREDEFINED, Subnet, predefined,
};
pub use port::{ContainerPort, EVERYWHERE, PortBinding, PublishedPort, Publishing, addresses_meet};
pub use storage::{ANONYMOUS_LABEL, Backing, MountKind, MountPoint, Propagation, Volume, backing, depth};

/// All that the engine knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Images by id.
    pub images: RedBlackTreeMap<String, Image>,
    /// Containers by id.
    pub containers: RedBlackTreeMap<ContainerId, Container>,
    /// Volumes by name.
    pub volumes: RedBlackTreeMap<String, Volume>,
    /// Networks by id; the three that are always there among them.
    pub networks: RedBlackTreeMap<String, Network>,
    /// Results of earlier builds, by the digest of their keys; read where a command asks for them.
    pub build_cache: RedBlackTreeMap<String, CacheRecord>,
    /// Directories that builds mount as caches, by their names below the data root; read where a command asks for them.
    pub cache_mounts: RedBlackTreeMap<String, CacheMount>,
    /// The build at hand.
    pub building: Building,
    /// The layers that the command at hand has packed, by what was packed; they belong to no image yet.
    pub packed: RedBlackTreeMap<String, PackedLayer>,
    /// What a registry has answered to the command at hand.
    pub exchange: Exchange,
    /// In the model, what `events` shows; on Linux that is in a file.
    pub happenings: rpds::Vector<happening::Happening>,
}

/// Why a name or id prefix does not lead to one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// No container has it.
    Missing,
    /// More than one id starts with it.
    Ambiguous,
}

impl State {
    /// What an engine with this data root knows before anything was done with it: the networks that are always there.
    pub fn of_engine(data_root: &str) -> State {
        let mut state = State::default();
        for network in predefined(data_root) {
            state.networks.insert_mut(network.id.clone(), network);
        }
        state
    }

    /// Keeps what has happened, the last so many.
    pub fn keep(&mut self, told: Vec<happening::Happening>) {
        for happening in told {
            let number = self.happenings.last().map_or(0, |last| last.number + 1);
            self.happenings.push_back_mut(happening::Happening { number, ..happening });
        }
        if self.happenings.len() > 2 * happening::HAPPENINGS_MAX {
            self.happenings = self.happenings.iter().skip(happening::HAPPENINGS_MAX).cloned().collect();
        }
    }

    /// The container that `word` means, as Docker looks it up: full id, then name, then id prefix.
    pub fn container(&self, word: &str) -> Result<&Container, Lookup> {
        if let Some(found) = self.containers.get(&ContainerId(word.to_string())) {
            return Ok(found);
        }
        let named = word.strip_prefix('/').unwrap_or(word);
        if let Some(found) = self.containers.values().find(|container| container.name == named) {
            return Ok(found);
        }
        let mut prefixed = self.containers.values().filter(|container| !word.is_empty() && container.id.0.starts_with(word));
        match (prefixed.next(), prefixed.next()) {
            (Some(found), None) => Ok(found),
            (Some(_), Some(_)) => Err(Lookup::Ambiguous),
            (None, _) => Err(Lookup::Missing),
        }
    }

    /// Containers, newest first, as `ps` lists them.
    pub fn newest_first(&self) -> Vec<&Container> {
        let mut all: Vec<&Container> = self.containers.values().collect();
        all.sort_by(|a, b| b.created_ns.cmp(&a.created_ns).then_with(|| a.id.cmp(&b.id)));
        all
    }
}
