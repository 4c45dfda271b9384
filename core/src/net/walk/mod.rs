//! The way of a packet: from a network namespace to an address, hop by hop as Linux does it, and the answer's way back. Pure: it looks at
//! a [`Topology`] and changes nothing. `glassbox trace` shows it, the model kernel decides by it what a socket gets.
//!
//! ```text
//! a program sends:  route ─▶ output ─▶ postrouting ─▶ interface ─▶ pairs, bridges ─▶
//! a namespace gets: prerouting ─▶ route ─┬▶ its own: the socket
//!                                        └▶ forward ─▶ postrouting ─▶ interface ─▶ …
//! ```
//!
//! Sources: ip-route(8), nft(8) on hooks, net/ipv4/route.c, net/netfilter/nf_nat_core.c of Linux.

mod chains;
mod segment;
#[cfg(test)]
mod tests;
mod text;
mod topology;
mod way;

use core::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

pub use segment::Passage;
pub use topology::{Behind, ListeningSocket, NamespaceId, Neighbour, NetworkNamespace, Topology, WalkInterface};
pub use way::walk;

use super::{Chain, MacAddress, Protocol, RouteFact, Rule};
use crate::errno::Errno;

/// What somebody wants to reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// A port.
    Port(Protocol, SocketAddr),
    /// An echo, as ping(8) asks for it.
    Echo(IpAddr),
}

impl Target {
    /// The address and the port; of an echo port 0.
    pub fn at(self) -> SocketAddr {
        match self {
            Target::Port(_, at) => at,
            Target::Echo(address) => SocketAddr::new(address, 0),
        }
    }

    /// The protocol, if it is one with ports.
    pub fn protocol(self) -> Option<Protocol> {
        match self {
            Target::Port(protocol, _) => Some(protocol),
            Target::Echo(_) => None,
        }
    }
}

/// Whom a packet comes from and where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packet {
    /// From where. The port of who asks is 0: the kernel takes any that is free.
    pub source: SocketAddr,
    /// Where to.
    pub destination: SocketAddr,
    /// Of which protocol; `None`: ICMP.
    pub protocol: Option<Protocol>,
}

/// An entry of the table of connections, conntrack(8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracked {
    /// The connection's first packet, as it came.
    pub original: Packet,
    /// What an answer looks like when it comes.
    pub reply: Packet,
}

/// Whether it is the packet or the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To the target.
    There,
    /// The answer.
    Back,
}

/// What is done with a packet at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// The route was looked up.
    Route {
        /// The line of the main table; `None`: the address is this namespace's own.
        route: Option<RouteFact>,
    },
    /// No source was said: this one was chosen.
    ChooseSource(IpAddr),
    /// Somebody has the address of the next hop.
    Resolve {
        /// The next hop.
        address: IpAddr,
        /// The hardware address to which frames go.
        mac: MacAddress,
        /// It stood in the neighbour table already.
        known: bool,
    },
    /// The frame goes through a pair or a bridge.
    Pass(Passage),
    /// A rule matched.
    Apply {
        /// The rule.
        rule: Box<Rule>,
        /// The packet before.
        before: Packet,
        /// The packet after.
        after: Packet,
    },
    /// No rule of a chain matched: its policy is to accept.
    NoRule {
        /// Which chain.
        chain: Chain,
        /// How many rules were looked at.
        rules: usize,
    },
    /// The connection is new, and is written down.
    Track(Tracked),
    /// It belongs to a connection that is written down, and gets the addresses that its other side knows.
    Restore {
        /// The packet before.
        before: Packet,
        /// The packet after.
        after: Packet,
    },
    /// It is passed on: the setting lets it.
    Forward,
    /// A socket takes it.
    Deliver(ListeningSocket),
    /// The kernel answers an echo by itself.
    Echo,
    /// Nobody listens: the kernel refuses.
    Refuse,
    /// A process passes it on, with a connection of its own.
    PassOn {
        /// Which.
        by: String,
        /// To where.
        to: SocketAddr,
    },
    /// The answer is where the question came from.
    Arrive,
}

/// One thing that was done on the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// Of the packet or of the answer.
    pub direction: Direction,
    /// In which namespace.
    pub namespace: NamespaceId,
    /// What people call it.
    pub place: String,
    /// At which interface, if at one.
    pub interface: Option<String>,
    /// The packet as it then is.
    pub packet: Packet,
    /// What was done.
    pub act: Act,
}

/// Where and with what a walk ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The target has it, and its answer comes back. `None`: the kernel itself has answered.
    Reached {
        /// Where.
        namespace: NamespaceId,
        /// Who.
        socket: Option<ListeningSocket>,
    },
    /// Nobody listens there: TCP answers with RST, UDP with ICMP port unreachable.
    Refused {
        /// Where.
        namespace: NamespaceId,
        /// Where it was delivered.
        at: SocketAddr,
        /// Those who listen at the same port, but at another address or with another protocol.
        beside: Vec<ListeningSocket>,
    },
    /// No route leads there.
    NoRoute {
        /// Where one is missing.
        namespace: NamespaceId,
        /// To where.
        to: IpAddr,
        /// Interfaces with a route that are down.
        down: Vec<String>,
    },
    /// Nobody has the address of the next hop.
    NoNeighbour {
        /// Who asked.
        namespace: NamespaceId,
        /// Where.
        interface: String,
        /// For whom.
        address: IpAddr,
    },
    /// It would have to be passed on, and the namespace is no router: ip_forward.
    NotForwarded {
        /// Which.
        namespace: NamespaceId,
    },
    /// A rule has dropped it, and nobody is told.
    Dropped {
        /// Where.
        namespace: NamespaceId,
        /// Which.
        rule: Box<Rule>,
    },
    /// Loopback addresses are of no use on other interfaces: what comes from one or goes to one is dropped.
    Martian {
        /// Where.
        namespace: NamespaceId,
    },
    /// It leaves what is known: by a device behind which anybody may be.
    Left {
        /// From where.
        namespace: NamespaceId,
        /// By which.
        interface: String,
        /// To whom.
        next: IpAddr,
    },
    /// It was passed on for ever: its time to live is over.
    Looped {
        /// Where it was then.
        namespace: NamespaceId,
    },
    /// A process took it, but could not bring it on, and closes the connection.
    NotPassedOn {
        /// Where.
        namespace: NamespaceId,
        /// Who.
        socket: ListeningSocket,
        /// What became of the connection that it made; `None`: it made none, nothing is published there any more.
        because: Option<Box<Outcome>>,
    },
    /// It got there, but the answer did not come back.
    AnswerLost {
        /// What became of the answer.
        because: Box<Outcome>,
    },
    /// An answer came from another address than was asked: nobody waits for it.
    AnswerFromElsewhere {
        /// Who was asked.
        asked: SocketAddr,
        /// Who seems to answer.
        got: SocketAddr,
    },
    /// There is no such namespace, or it has no address to send from.
    NoSource {
        /// Which.
        namespace: NamespaceId,
    },
}

impl Outcome {
    /// It was reached.
    pub fn is_reached(&self) -> bool {
        matches!(self, Outcome::Reached { .. })
    }

    /// What connect(2) gives; `None`: the connection is made, even if it may be closed at once.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Outcome::Reached { .. } | Outcome::NotPassedOn { .. } => None,
            Outcome::Refused { .. } => Some(Errno::ECONNREFUSED),
            Outcome::NoRoute { .. } => Some(Errno::ENETUNREACH),
            Outcome::NoNeighbour { .. } => Some(Errno::EHOSTUNREACH),
            Outcome::NoSource { .. } => Some(Errno::EADDRNOTAVAIL),
            Outcome::NotForwarded { .. }
            | Outcome::Dropped { .. }
            | Outcome::Martian { .. }
            | Outcome::Left { .. }
            | Outcome::Looped { .. }
            | Outcome::AnswerLost { .. }
            | Outcome::AnswerFromElsewhere { .. } => Some(Errno::ETIMEDOUT),
        }
    }
}

/// A packet's way, and the answer's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    /// Hop by hop.
    pub hops: Vec<Hop>,
    /// How it ended.
    pub outcome: Outcome,
}
