//! What networks are made of, as plain data: hardware addresses, interfaces, routes. Shared by plans, the model kernel, the probes and
//! the views; each shape is what the kernel reports over rtnetlink(7).

mod address;
pub mod dns;
mod rule;
pub mod walk;

use core::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use address::MacAddress;
pub use rule::{At, Chain, Match, Protocol, Rule, TABLE, Verdict, table_text};

/// The most bytes of an interface's name: IFNAMSIZ without its NUL, netdevice(7).
pub const INTERFACE_NAME_BYTES_MAX: usize = 15;

/// What an interface is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkKind {
    /// `lo`
    Loopback,
    /// A bridge: it passes frames on between its ports.
    Bridge,
    /// One end of a pair: what goes in here comes out at the other end, veth(4).
    Veth,
    /// A device, or a kind that nothing here makes.
    Device,
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceFact {
    /// `eth0`
    pub name: String,
    /// What it is.
    pub kind: LinkKind,
    /// It is up.
    pub up: bool,
    /// Its hardware address; of loopback zeros.
    pub mac: MacAddress,
    /// The most bytes of a packet.
    pub mtu: u32,
    /// The bridge that it is a port of.
    pub master: Option<String>,
    /// Its addresses with the prefixes that they are part of; those that a kernel gives by itself (link-local ones of IPv6) left out.
    pub addresses: Vec<IpNet>,
}

impl InterfaceFact {
    /// Loopback as a new network namespace has it: down, without an address.
    pub fn new_loopback() -> InterfaceFact {
        InterfaceFact {
            name: "lo".into(),
            kind: LinkKind::Loopback,
            up: false,
            mac: MacAddress::default(),
            mtu: 65_536,
            master: None,
            addresses: Vec::new(),
        }
    }

    /// Its first address of IPv4, with its prefix.
    pub fn ipv4(&self) -> Option<IpNet> {
        self.addresses.iter().copied().find(|address| matches!(address, IpNet::V4(_)))
    }
}

/// A line of the main routing table: ip-route(8).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RouteFact {
    /// Where to; the default route has the prefix length 0.
    pub destination: IpNet,
    /// By whom; `None`: the destination is on the link itself.
    pub gateway: Option<IpAddr>,
    /// Out of which interface.
    pub interface: String,
}

/// The default route's destination of the family of `address`.
pub fn everywhere(address: IpAddr) -> IpNet {
    match address {
        IpAddr::V4(_) => IpNet::V4(Default::default()),
        IpAddr::V6(_) => IpNet::V6(Default::default()),
    }
}

/// Whether some address is in both.
pub fn overlap(one: &IpNet, other: &IpNet) -> bool {
    one.contains(&other.network()) || other.contains(&one.network())
}
