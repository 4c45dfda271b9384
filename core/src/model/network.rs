//! Networks, and what a container has of each that it is connected to. Names and shapes follow `docker network inspect`.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Container, PublishedPort, State};
use crate::net::MacAddress;

/// The name of the network that a container is connected to where nothing is said.
pub const DEFAULT_NETWORK: &str = "bridge";

/// Who makes a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkDriver {
    /// A bridge of the host, with a pair of interfaces for each container.
    #[default]
    Bridge,
    /// The host's own network namespace.
    Host,
    /// Loopback alone.
    Null,
}

impl NetworkDriver {
    /// As `network ls` shows it.
    pub fn word(self) -> &'static str {
        match self {
            NetworkDriver::Bridge => "bridge",
            NetworkDriver::Host => "host",
            NetworkDriver::Null => "null",
        }
    }

    /// The driver of this name.
    pub fn of(word: &str) -> Option<NetworkDriver> {
        [NetworkDriver::Bridge, NetworkDriver::Host, NetworkDriver::Null].into_iter().find(|driver| driver.word() == word)
    }
}

/// Addresses of a network: one entry of Docker's IPAM configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// All of them.
    pub subnet: IpNet,
    /// Those that containers are given; `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<IpNet>,
    /// The host's own address in it.
    pub gateway: IpAddr,
    /// Docker shows the gateway: it was said, or the subnet was chosen by the engine.
    #[serde(default)]
    pub gateway_shown: bool,
    /// The engine has chosen it, and nobody said anything of it.
    #[serde(default)]
    pub chosen: bool,
    /// Addresses that nobody is given, by what they are called.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub auxiliary: BTreeMap<String, IpAddr>,
}

/// A network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Who makes it.
    pub driver: NetworkDriver,
    /// The bridge's name on the host; empty: it has none, or it was never made.
    pub interface: String,
    /// When it was made: nanoseconds since 1970-01-01T00:00:00Z; 0: it belongs to the engine and was not needed yet.
    pub created_ns: u64,
    /// Its addresses, those of IPv4 first; none: it was never made, or has none.
    pub subnets: Vec<Subnet>,
    /// `--ipv6`
    pub ipv6: bool,
    /// `--ipv4`, true unless said.
    pub ipv4: bool,
    /// `--internal`: no way out, and none in.
    pub internal: bool,
    /// `--attachable`, kept and shown: it matters to clusters alone.
    pub attachable: bool,
    /// `-o`, as said.
    pub options: BTreeMap<String, String>,
    /// `--ipam-opt`, as said.
    pub ipam_options: BTreeMap<String, String>,
    /// `--label`
    pub labels: BTreeMap<String, String>,
}

impl Network {
    /// The first twelve digits of its id.
    pub fn short(&self) -> &str {
        self.id.get(..12).unwrap_or(&self.id)
    }

    /// One of the three that are always there.
    pub fn is_predefined(&self) -> bool {
        PREDEFINED.iter().any(|(name, _)| self.name == *name)
    }

    /// Its largest packets, bytes.
    pub fn mtu(&self) -> u32 {
        const USUAL: u32 = 1500;
        self.options.get("com.docker.network.driver.mtu").and_then(|text| text.parse().ok()).unwrap_or(USUAL)
    }
}

/// The networks that are always there.
pub const PREDEFINED: [(&str, NetworkDriver); 3] =
    [("bridge", NetworkDriver::Bridge), ("host", NetworkDriver::Host), ("none", NetworkDriver::Null)];

/// They, as an engine with this data root has them before anything was asked of it. Their ids follow from its path: nothing has to be
/// written down for them.
pub fn predefined(data_root: &str) -> Vec<Network> {
    let network = |(name, driver): (&str, NetworkDriver)| {
        let digest = Sha256::digest(format!("network {name} of {data_root}"));
        let id = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Network { id, name: name.into(), driver, ipv4: true, ..Network::default() }
    };
    PREDEFINED.into_iter().map(network).collect()
}

/// What was said of a container's place in a network: `--network`, `--ip`, `--network-alias`, `network connect`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EndpointSpec {
    /// The network as typed; on record its name.
    pub network: String,
    /// Further names of the container there.
    pub aliases: Vec<String>,
    /// `--link`, as typed.
    pub links: Vec<String>,
    /// `--ip`
    pub ipv4: Option<Ipv4Addr>,
    /// `--ip6`
    pub ipv6: Option<Ipv6Addr>,
    /// `--link-local-ip`
    pub link_local: Vec<IpAddr>,
    /// `--mac-address`
    pub mac: Option<MacAddress>,
    /// `driver-opt=`
    pub driver_options: BTreeMap<String, String>,
    /// `gw-priority=`: of several networks the one with the highest has the default route.
    pub gateway_priority: i64,
}

/// What a container that runs has of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// 64 hexadecimal digits.
    pub id: String,
    /// The interface's name in the container: `eth0`.
    pub interface: String,
    /// The name of its other end on the host.
    pub host_interface: String,
    /// The hardware address of the end in the container.
    pub mac: MacAddress,
    /// Its addresses with the prefix of the subnet, IPv4 first.
    pub addresses: Vec<IpNet>,
    /// The host's addresses in the same subnets, in the same order.
    pub gateways: Vec<IpAddr>,
    /// The ports of the host that lead to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PublishedPort>,
}

/// A network that a container is connected to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attachment {
    /// What was said.
    pub spec: EndpointSpec,
    /// The network's id.
    pub network_id: String,
    /// What it has there while it runs.
    pub endpoint: Option<Endpoint>,
    /// The ports of the host that the engine has chosen for it the last time: the next one is a later one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chosen_before: Vec<PublishedPort>,
}

impl Attachment {
    fn release(&mut self) {
        let ports = self.endpoint.take().map(|endpoint| endpoint.ports).unwrap_or_default();
        let chosen: Vec<PublishedPort> = ports.into_iter().filter(|port| port.chosen).collect();
        if !chosen.is_empty() {
            self.chosen_before = chosen;
        }
    }
}

impl Container {
    /// Lets go of what it has of a network.
    pub fn release(&mut self, network: &str) {
        for attachment in self.networks.iter_mut().filter(|attachment| attachment.network_id == network) {
            attachment.release();
        }
    }

    /// Lets go of what it has of its networks.
    pub fn release_all(&mut self) {
        self.networks.iter_mut().for_each(Attachment::release);
    }
}

impl Attachment {
    /// By what the network is found: its id, and where there was none when the container was made, its name.
    pub fn key(&self) -> &str {
        if self.network_id.is_empty() { &self.spec.network } else { &self.network_id }
    }

    /// It is to this network.
    pub fn is_to(&self, network: &Network) -> bool {
        if self.network_id.is_empty() { self.spec.network == network.name } else { self.network_id == network.id }
    }
}

/// Why a word does not lead to one network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkLookup {
    /// No network has this name or id.
    Missing,
    /// More than one id begins with it.
    Ambiguous,
}

impl State {
    /// The network that `word` means, as Docker looks it up: full id, then name, then id prefix.
    pub fn network(&self, word: &str) -> Result<&Network, NetworkLookup> {
        if let Some(found) = self.networks.get(word) {
            return Ok(found);
        }
        if let Some(found) = self.networks.values().find(|network| network.name == word) {
            return Ok(found);
        }
        let mut prefixed = self.networks.values().filter(|network| !word.is_empty() && network.id.starts_with(word));
        match (prefixed.next(), prefixed.next()) {
            (Some(found), None) => Ok(found),
            (Some(_), Some(_)) => Err(NetworkLookup::Ambiguous),
            (None, _) => Err(NetworkLookup::Missing),
        }
    }

    /// The containers that have an endpoint in the network now, with it, sorted by id.
    pub fn endpoints_of<'a>(&'a self, network: &'a Network) -> impl Iterator<Item = (&'a Container, &'a Endpoint)> {
        self.containers.values().filter_map(move |container| {
            let attachment = container.networks.iter().find(|attachment| attachment.is_to(network))?;
            Some((container, attachment.endpoint.as_ref()?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_found_by_id_name_and_the_beginning_of_an_id() {
        let mut state = State::default();
        for (id, name) in [("aa11", "web"), ("aa22", "aa1"), ("bb33", "db")] {
            let network = Network { id: id.into(), name: name.into(), ..Network::default() };
            state.networks.insert_mut(network.id.clone(), network);
        }
        let found = |word| state.network(word).map(|network| network.id.as_str());
        assert_eq!(found("bb33"), Ok("bb33"));
        assert_eq!(found("db"), Ok("bb33"));
        assert_eq!(found("b"), Ok("bb33"));
        assert_eq!(found("aa1"), Ok("aa22"), "a name goes before the beginning of an id");
        assert_eq!(found("aa"), Err(NetworkLookup::Ambiguous));
        assert_eq!(found(""), Err(NetworkLookup::Missing));
        assert_eq!(found("cc"), Err(NetworkLookup::Missing));
    }

    #[test]
    fn the_engines_own_networks_have_the_same_ids_each_time() {
        let (one, other) = (predefined("/var/lib/glassbox"), predefined("/root/elsewhere"));
        assert_eq!(one, predefined("/var/lib/glassbox"));
        assert!(one.iter().zip(&other).all(|(one, other)| one.id != other.id && one.id.len() == 64 && one.is_predefined()));
    }
}
