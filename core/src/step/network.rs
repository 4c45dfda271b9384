//! Steps on networks: interfaces, addresses, routes, and the records of networks.
//!
//! All of them are the engine's: it speaks rtnetlink(7) through a socket that was opened in the network namespace in question, since a
//! socket belongs for ever to the namespace that it was made in: network_namespaces(7).

use core::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::Undo;
use crate::model::{ContainerId, Network, PublishedPort};
use crate::net::dns::Upstream;
use crate::net::{At, Chain, MacAddress, Rule};

/// In whose network namespace a step acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NetworkPlace {
    /// The host's.
    Host,
    /// That of the process that is becoming a container's first.
    Process,
    /// That of a running container.
    Container(ContainerId),
}

/// A step on a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum NetworkStep {
    /// Write down a network.
    RecordNetwork {
        /// As it is recorded.
        network: Box<Network>,
        /// As it was known before: one that is always there, and was not made yet.
        before: Option<Box<Network>>,
        /// Where to: absolute path of its file.
        path: String,
    },
    /// Strike a network off the record.
    RemoveNetwork {
        /// Its id.
        id: String,
        /// Absolute path of its file.
        path: String,
    },
    /// Make a bridge in the host's network namespace.
    CreateBridge {
        /// Its name.
        name: String,
        /// The most bytes of a packet.
        mtu: u32,
        /// Its hardware address; it keeps it whatever its ports are.
        mac: MacAddress,
    },
    /// Make a pair of interfaces: one on the host, the other in a container.
    CreateVethPair {
        /// The name of the end on the host.
        host: String,
        /// The name of the end in the container.
        inside: String,
        /// The hardware address of the end in the container.
        mac: MacAddress,
        /// The most bytes of a packet.
        mtu: u32,
        /// Whose namespace the end in the container is made in.
        place: NetworkPlace,
    },
    /// Make an interface of the host a port of a bridge.
    AttachToBridge {
        /// Which.
        interface: String,
        /// To which bridge.
        bridge: String,
    },
    /// Give an interface an address. The subnet that it is part of is on the link from then on: the kernel adds a route.
    AddAddress {
        /// Where.
        place: NetworkPlace,
        /// To which interface.
        interface: String,
        /// With the length of its prefix.
        address: IpNet,
    },
    /// Bring an interface up.
    BringUpLink {
        /// Where.
        place: NetworkPlace,
        /// Which.
        interface: String,
    },
    /// Add a route by way of a neighbour.
    AddRoute {
        /// Where.
        place: NetworkPlace,
        /// Where to.
        destination: IpNet,
        /// By whom.
        gateway: IpAddr,
        /// Out of which interface.
        interface: String,
    },
    /// Let a route of a container that runs lead by way of another neighbour.
    ReplaceRoute {
        /// Which container.
        id: ContainerId,
        /// Where to.
        destination: IpNet,
        /// By whom.
        gateway: IpAddr,
        /// Out of which interface.
        interface: String,
        /// By whom, and out of which interface, it leads before; nowhere: there is no such route.
        before: Option<(IpAddr, String)>,
    },
    /// Write a setting of the host's network namespace below /proc/sys/net.
    SetHostSetting {
        /// With dots: `net.ipv4.ip_forward`.
        name: String,
        /// What is written.
        value: String,
        /// What it was before.
        before: String,
    },
    /// Make the engine's own table of rules; one that is there stays as it is.
    CreateTable {
        /// Where.
        place: NetworkPlace,
    },
    /// Add a rule to the engine's own table.
    AddRule {
        /// Where.
        place: NetworkPlace,
        /// The rule.
        rule: Box<Rule>,
        /// Before or after those that are there.
        at: At,
        /// The bridge of the network that it is for, which other containers may use; none: it is for one container.
        bridge: Option<String>,
    },
    /// Delete a rule of the engine's own table on the host. One that is not there is gone already.
    DeleteRule {
        /// In which chain.
        chain: Chain,
        /// What it was for.
        comment: String,
    },
    /// Hold a port of the host: listen at it, so that nobody else can.
    HoldPort {
        /// For which container.
        id: ContainerId,
        /// By which of its places in networks: the endpoint's id.
        endpoint: String,
        /// Which.
        port: PublishedPort,
        /// Where it leads.
        to: SocketAddr,
    },
    /// Pass on what comes to the ports that are held: a process beside the monitor takes it and brings it to the container.
    ForwardPorts {
        /// Of which container.
        id: ContainerId,
        /// By its place in which network: its id.
        network: String,
    },
    /// Let go of the ports that are held for a container, and end who passes on.
    ReleasePorts {
        /// Of which container.
        id: ContainerId,
    },
    /// Answer what a container asks at 127.0.0.11 for names: a process with sockets in the container's network namespace, which ends with
    /// the container. One that is there goes on.
    ServeNames {
        /// Of which container.
        id: ContainerId,
        /// Where the sockets are.
        place: NetworkPlace,
        /// Whom it asks for names that are no container's.
        servers: Vec<Upstream>,
        /// `ndots` was said: names without a dot are no others' to answer.
        ndots_said: bool,
    },
    /// Delete an interface of the host; of a pair both ends go. One that is not there is gone already.
    DeleteInterface {
        /// Which.
        name: String,
    },
}

impl NetworkStep {
    /// See [`super::Step::name`].
    pub fn name(&self) -> &'static str {
        match self {
            NetworkStep::RecordNetwork { .. } => "RecordNetwork",
            NetworkStep::RemoveNetwork { .. } => "RemoveNetwork",
            NetworkStep::CreateBridge { .. } => "CreateBridge",
            NetworkStep::CreateVethPair { .. } => "CreateVethPair",
            NetworkStep::AttachToBridge { .. } => "AttachToBridge",
            NetworkStep::AddAddress { .. } => "AddAddress",
            NetworkStep::BringUpLink { .. } => "BringUpLink",
            NetworkStep::AddRoute { .. } => "AddRoute",
            NetworkStep::ReplaceRoute { .. } => "ReplaceRoute",
            NetworkStep::SetHostSetting { .. } => "SetHostSetting",
            NetworkStep::CreateTable { .. } => "CreateTable",
            NetworkStep::AddRule { .. } => "AddRule",
            NetworkStep::DeleteRule { .. } => "DeleteRule",
            NetworkStep::HoldPort { .. } => "HoldPort",
            NetworkStep::ForwardPorts { .. } => "ForwardPorts",
            NetworkStep::ReleasePorts { .. } => "ReleasePorts",
            NetworkStep::ServeNames { .. } => "ServeNames",
            NetworkStep::DeleteInterface { .. } => "DeleteInterface",
        }
    }

    /// See [`super::Step::undo`].
    pub fn undo(&self) -> Undo {
        match self {
            NetworkStep::RecordNetwork { path, .. } => Undo::RemoveFile { path: path.clone() },
            NetworkStep::RemoveNetwork { .. } => {
                Undo::Impossible { why: "It is off the record; another of its name would have an id of its own.".into() }
            }
            NetworkStep::CreateBridge { name, .. } => Undo::DeleteInterface { name: name.clone(), shared: true },
            NetworkStep::CreateVethPair { host, .. } => Undo::DeleteInterface { name: host.clone(), shared: false },
            NetworkStep::AttachToBridge { .. }
            | NetworkStep::AddAddress { .. }
            | NetworkStep::BringUpLink { .. }
            | NetworkStep::AddRoute { .. } => Undo::EndsWithInterface,
            NetworkStep::ReplaceRoute { id, destination, before, .. } => {
                Undo::RestoreRoute { id: id.clone(), destination: *destination, before: before.clone() }
            }
            NetworkStep::SetHostSetting { name, before, .. } => Undo::RestoreSetting { name: name.clone(), value: before.clone() },
            NetworkStep::CreateTable { place: NetworkPlace::Host } => Undo::DeleteTable,
            NetworkStep::AddRule { place: NetworkPlace::Host, rule, bridge, .. } => {
                Undo::DeleteRule { chain: rule.chain, comment: rule.comment.clone(), bridge: bridge.clone() }
            }
            NetworkStep::CreateTable { .. } | NetworkStep::AddRule { .. } | NetworkStep::ServeNames { .. } => Undo::EndsWithProcess,
            NetworkStep::HoldPort { port, .. } => Undo::ClosePort { at: port.at(), protocol: port.port.protocol },
            NetworkStep::ForwardPorts { id, .. } => Undo::EndForwarding { id: id.clone() },
            NetworkStep::ReleasePorts { .. } => Undo::Impossible { why: "Somebody else may have the port by now.".into() },
            NetworkStep::DeleteRule { .. } => Undo::Impossible { why: "It is made again by what needs it.".into() },
            NetworkStep::DeleteInterface { .. } => {
                Undo::Impossible { why: "What was in it is gone; the next start makes another.".into() }
            }
        }
    }
}
