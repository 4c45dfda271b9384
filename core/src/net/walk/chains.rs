//! Rules and connections: what netfilter does at one hook.

use core::net::{IpAddr, SocketAddr};

use super::topology::NetworkNamespace;
use super::{Packet, Tracked};
use crate::net::{Chain, Match, Rule, Verdict};

/// What is known of a packet at a hook, besides what stands in it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances<'a> {
    /// By which interface it came.
    pub came: Option<&'a str>,
    /// By which it goes.
    pub goes: Option<&'a str>,
    /// It belongs to a connection that has been answered.
    pub known: bool,
    /// What its connection's first packet was addressed to has been changed.
    pub changed_destination: bool,
}

/// What the rules of a chain come to.
pub enum Found<'a> {
    /// There are none.
    Empty,
    /// None of so many matched.
    Policy(usize),
    /// This one matched; the packet is as it left it, or gone.
    Rule(&'a Rule, Option<Packet>),
}

/// Looks at the rules of a chain.
pub fn look<'a>(namespace: &'a NetworkNamespace, chain: Chain, packet: &Packet, around: Circumstances<'_>) -> Found<'a> {
    let mut count = 0;
    for rule in namespace.rules.iter().flatten().filter(|rule| rule.chain == chain) {
        count += 1;
        if rule.matches.iter().all(|one| holds(one, namespace, packet, around)) {
            return Found::Rule(rule, apply(&rule.verdict, namespace, packet, around));
        }
    }
    if count == 0 { Found::Empty } else { Found::Policy(count) }
}

fn holds(one: &Match, namespace: &NetworkNamespace, packet: &Packet, around: Circumstances<'_>) -> bool {
    let (source, destination) = (packet.source.ip(), packet.destination.ip());
    match one {
        Match::CameBy { interface, not } => (around.came == Some(interface.as_str())) != *not,
        Match::GoesBy { interface, not } => (around.goes == Some(interface.as_str())) != *not,
        Match::Source(net) => net.contains(&source),
        Match::Destination(net) => net.contains(&destination),
        // It begins by asking for the family.
        Match::DestinationNot(net) => net.addr().is_ipv4() == destination.is_ipv4() && !net.contains(&destination),
        Match::ToThisMachine => namespace.local(destination).is_some(),
        Match::Port(protocol, port) => packet.protocol == Some(*protocol) && packet.destination.port() == *port,
        Match::OfKnownConnection => around.known,
        Match::OfChangedDestination => around.changed_destination,
    }
}

fn apply(verdict: &Verdict, namespace: &NetworkNamespace, packet: &Packet, around: Circumstances<'_>) -> Option<Packet> {
    match verdict {
        Verdict::Accept => Some(*packet),
        Verdict::Drop => None,
        Verdict::SendTo(to) => {
            // Of an echo the address alone: it has no port.
            let port = if packet.protocol.is_some() { to.port() } else { 0 };
            Some(Packet { destination: SocketAddr::new(to.ip(), port), ..*packet })
        }
        Verdict::Masquerade => {
            let source = masquerade(namespace, packet.destination.ip(), around.goes?)?;
            Some(Packet { source: SocketAddr::new(source, packet.source.port()), ..*packet })
        }
    }
}

/// The address that goes out by an interface: nf_nat_masquerade.c.
fn masquerade(namespace: &NetworkNamespace, to: IpAddr, goes: &str) -> Option<IpAddr> {
    let interface = namespace.interface(goes)?;
    let next = namespace.route(to).and_then(|route| route.gateway).unwrap_or(to);
    namespace.source(interface, next)
}

/// The packet is the answer to a connection that is written down.
pub fn answers(tracked: &Tracked, packet: &Packet) -> bool {
    tracked.reply == *packet
}

/// What an answer to this packet looks like.
pub fn reply_to(packet: &Packet) -> Packet {
    Packet { source: packet.destination, destination: packet.source, protocol: packet.protocol }
}

/// What came by an interface must not have an address that is of use on loopback alone.
pub fn is_martian(packet: &Packet) -> bool {
    packet.source.ip().is_loopback() || packet.destination.ip().is_loopback()
}
