//! What became of networks.

use core::net::SocketAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::model::{ContainerId, Network};
use crate::net::{InterfaceFact, Protocol, RouteFact, Rule};

/// A fact about a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum NetworkEvent {
    /// A network is on record.
    NetworkRecorded {
        /// As it is recorded.
        network: Box<Network>,
    },
    /// A network is off the record.
    NetworkRemoved {
        /// Its id.
        id: String,
    },
    /// An interface is there, as the kernel shows it.
    InterfaceSeen {
        /// Where, in words: `host`, `container`.
        place: String,
        /// The interface.
        interface: Box<InterfaceFact>,
    },
    /// An interface has an address.
    AddressAdded {
        /// Where.
        place: String,
        /// Which interface.
        interface: String,
        /// The address.
        address: IpNet,
    },
    /// A route is in the table.
    RouteAdded {
        /// Where.
        place: String,
        /// As the kernel shows it.
        route: RouteFact,
    },
    /// A setting of the host's network namespace.
    HostSettingSet {
        /// With dots.
        name: String,
        /// As the kernel reports it.
        value: String,
    },
    /// The engine's own table of rules is there.
    TableCreated {
        /// Where.
        place: String,
    },
    /// A rule is in the table, as the kernel shows it.
    RuleAdded {
        /// Where.
        place: String,
        /// The rule.
        rule: Box<Rule>,
    },
    /// A rule is gone.
    RuleDeleted {
        /// What it was for.
        comment: String,
    },
    /// The host listens at a port for a container.
    PortHeld {
        /// Where.
        at: SocketAddr,
        /// Of which protocol.
        protocol: Protocol,
    },
    /// Names are answered in a container.
    NamesServed {
        /// In which.
        id: ContainerId,
    },
    /// Somebody passes on what comes to the ports of a container.
    PortsForwarded {
        /// Which container.
        id: ContainerId,
    },
    /// The ports of a container are nobody's again.
    PortsReleased {
        /// Which container.
        id: ContainerId,
    },
    /// An interface is gone.
    InterfaceDeleted {
        /// Which.
        name: String,
    },
}

impl NetworkEvent {
    /// Leaves out what differs from run to run: times.
    pub fn normalise(&mut self) {
        if let NetworkEvent::NetworkRecorded { network } = self {
            network.created_ns = 0;
        }
    }
}
