//! What a walk looks at: network namespaces with all that decides where a packet goes. Plain data, read out of the model kernel or out
//! of Linux's live tables alike.

use core::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::net::{InterfaceFact, LinkKind, MacAddress, Protocol, RouteFact, Rule};

/// By what a network namespace is known: the inode number of its file below /proc/PID/ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NamespaceId(pub u64);

/// An interface, and where what goes in comes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalkInterface {
    /// As it is shown.
    pub fact: InterfaceFact,
    /// Its number in its namespace.
    pub index: u32,
    /// The namespace and the number of the other end: of a pair, or of a wire to another machine.
    pub peer: Option<(NamespaceId, u32)>,
}

/// An entry of the neighbour table: ip-neighbour(8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Whose.
    pub address: IpAddr,
    /// The hardware address of who has it.
    pub mac: MacAddress,
    /// Where it is.
    pub interface: String,
}

/// Who is behind a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Behind {
    /// A program that answers by itself.
    Program,
    /// A process that passes what comes on to this address, from the same namespace; `None`: it closes what comes.
    Forwarder(Option<SocketAddr>),
}

/// A socket that takes what comes to a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListeningSocket {
    /// Of which protocol.
    pub protocol: Protocol,
    /// Where it is bound; 0.0.0.0 and :: are all addresses.
    pub at: SocketAddr,
    /// IPV6_V6ONLY of ipv6(7): at :: it does not take what comes to an address of IPv4.
    pub v6_only: bool,
    /// Whose it is: `httpd (pid 12)`.
    pub who: String,
    /// What becomes of what comes.
    pub behind: Behind,
}

impl ListeningSocket {
    /// It takes what comes to this address, whatever the port.
    pub fn is_at(&self, address: IpAddr) -> bool {
        let own = self.at.ip();
        match own.is_unspecified() {
            false => own == address,
            true => own.is_ipv4() == address.is_ipv4() || own.is_ipv6() && !self.v6_only,
        }
    }
}

/// A network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkNamespace {
    /// By what it is known.
    pub id: NamespaceId,
    /// What people call it: `host`, a container's name.
    pub name: String,
    /// Its interfaces.
    pub interfaces: Vec<WalkInterface>,
    /// Its main tables, with what is on the links.
    pub routes: Vec<RouteFact>,
    /// Whom it knows already; of whom it does not know it asks.
    pub neighbours: Vec<Neighbour>,
    /// net.ipv4.ip_forward
    pub forwards_ipv4: bool,
    /// net.ipv6.conf.all.forwarding
    pub forwards_ipv6: bool,
    /// The rules, in the order of their chains; `None`: no table, and connections are not tracked.
    pub rules: Option<Vec<Rule>>,
    /// Who listens.
    pub sockets: Vec<ListeningSocket>,
}

impl NetworkNamespace {
    /// The interface of this name.
    pub fn interface(&self, name: &str) -> Option<&WalkInterface> {
        self.interfaces.iter().find(|interface| interface.fact.name == name)
    }

    /// The interface of this number.
    pub fn interface_of(&self, index: u32) -> Option<&WalkInterface> {
        self.interfaces.iter().find(|interface| interface.index == index)
    }

    /// The interface that is up and has this address: the table `local` of ip-route(8). Loopback has all of 127.0.0.0/8.
    pub fn local(&self, address: IpAddr) -> Option<&WalkInterface> {
        let has = |interface: &&WalkInterface| {
            let whole = interface.fact.kind == LinkKind::Loopback;
            let own = |net: &IpNet| net.addr() == address || whole && net.addr().is_loopback() && net.contains(&address);
            interface.fact.up && interface.fact.addresses.iter().any(own)
        };
        self.interfaces.iter().find(has)
    }

    /// It passes packets of the family of `address` on.
    pub fn forwards(&self, address: IpAddr) -> bool {
        if address.is_ipv4() { self.forwards_ipv4 } else { self.forwards_ipv6 }
    }

    /// The route of the longest prefix, out of an interface that is up: ip-route(8).
    pub fn route(&self, to: IpAddr) -> Option<&RouteFact> {
        let is_up = |route: &&RouteFact| self.interface(&route.interface).is_some_and(|interface| interface.fact.up);
        let fitting = self.routes.iter().filter(|route| route.destination.contains(&to)).filter(is_up);
        // Of several as long the first counts, and `max_by_key` takes the last.
        fitting.rev().max_by_key(|route| route.destination.prefix_len())
    }

    /// The source address of what goes out by an interface to a neighbour: inet_select_addr of the kernel.
    pub fn source(&self, interface: &WalkInterface, next: IpAddr) -> Option<IpAddr> {
        let family = |net: &&IpNet| net.addr().is_ipv4() == next.is_ipv4();
        let own = || interface.fact.addresses.iter().filter(family).filter(|net| !net.addr().is_loopback());
        let near = own().find(|net| net.contains(&next)).or_else(|| own().next());
        let up = || self.interfaces.iter().filter(|other| other.fact.up);
        let elsewhere = || up().flat_map(|other| &other.fact.addresses).filter(family).find(|net| !net.addr().is_loopback());
        near.or_else(elsewhere).map(|net| net.addr())
    }

    /// The socket that takes what comes to `to`: one that is bound to the address goes before one for all.
    pub fn socket(&self, protocol: Protocol, to: SocketAddr) -> Option<&ListeningSocket> {
        let takes =
            |socket: &&ListeningSocket| socket.protocol == protocol && socket.at.port() == to.port() && socket.is_at(to.ip());
        let place = |socket: &&ListeningSocket| {
            let at = socket.at.ip();
            (at.is_unspecified(), at.is_ipv4() != to.is_ipv4())
        };
        self.sockets.iter().filter(takes).min_by_key(place)
    }

    /// The other sockets of the same port: of another protocol, or at another address.
    pub fn sockets_beside(&self, port: u16) -> Vec<ListeningSocket> {
        self.sockets.iter().filter(|socket| socket.at.port() == port).cloned().collect()
    }
}

/// All that a packet can pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    /// The network namespaces, of one machine or of several.
    pub namespaces: Vec<NetworkNamespace>,
}

impl Topology {
    /// One of them.
    pub fn namespace(&self, id: NamespaceId) -> Option<&NetworkNamespace> {
        self.namespaces.iter().find(|namespace| namespace.id == id)
    }

    /// The one that people call so.
    pub fn named(&self, name: &str) -> Option<&NetworkNamespace> {
        self.namespaces.iter().find(|namespace| namespace.name == name)
    }
}
