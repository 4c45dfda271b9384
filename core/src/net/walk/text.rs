//! A walk in words: a line for each hop, and one for how it ended.

use core::fmt;
use core::net::{IpAddr, SocketAddr};

use super::{Act, Behind, Direction, Hop, ListeningSocket, NamespaceId, Outcome, Packet, Passage, Topology, Tracked, Walk};

/// An address with its port, if it has one.
struct End(SocketAddr);

impl fmt::Display for End {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.port() == 0 { write!(out, "{}", self.0.ip()) } else { write!(out, "{}", self.0) }
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = self.protocol.map_or("icmp", |protocol| protocol.word());
        write!(out, "{protocol} {} > {}", End(self.source), End(self.destination))
    }
}

/// What of a packet has changed.
fn changed(before: &Packet, after: &Packet) -> String {
    let mut parts = Vec::new();
    if before.source != after.source {
        parts.push(format!("source {} becomes {}", End(before.source), End(after.source)));
    }
    if before.destination != after.destination {
        parts.push(format!("destination {} becomes {}", End(before.destination), End(after.destination)));
    }
    parts.join(", ")
}

impl fmt::Display for ListeningSocket {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}, {}", self.protocol.word(), self.at, self.who)
    }
}

impl fmt::Display for Passage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Passage::Pair { from, to } => write!(out, "veth: in at {}, out at {} on the other side", from.1, to.1),
            Passage::Bridge { bridge, from, to, .. } if to == bridge => {
                write!(out, "bridge {bridge}: from port {from} up to this namespace, it is for the bridge's own address")
            }
            Passage::Bridge { bridge, from, to, .. } if from == bridge => {
                write!(out, "bridge {bridge}: out of port {to}, where that hardware address is")
            }
            Passage::Bridge { bridge, from, to, .. } => write!(out, "bridge {bridge}: from port {from} to port {to}"),
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Act::Route { route: None } => out.write_str("route: the destination is an address of this namespace's own"),
            Act::Route { route: Some(route) } => match route.gateway {
                Some(gateway) => write!(out, "route: {} via {gateway} dev {}", shown(route), route.interface),
                None => write!(out, "route: {} dev {}, on the link itself", shown(route), route.interface),
            },
            Act::ChooseSource(source) => write!(out, "source: {source} is chosen"),
            Act::Resolve { address, mac, known } => {
                let how = if *known { "neighbour table" } else { protocol_of(*address) };
                write!(out, "{how}: {address} is at {mac}")
            }
            Act::Pass(passage) => write!(out, "{passage}"),
            Act::Apply { rule, before, after } => {
                write!(out, "{}: rule {}", rule.chain.name(), rule.without_comment())?;
                if !rule.comment.is_empty() {
                    write!(out, " ({})", rule.comment)?;
                }
                if before == after { Ok(()) } else { write!(out, ": {}", changed(before, after)) }
            }
            Act::NoRule { chain, rules } => {
                let (rules, verb) = if *rules == 1 {
                    ("the one rule".into(), "does not match")
                } else {
                    (format!("none of {rules} rules"), "matches")
                };
                write!(out, "{}: {rules} {verb}, the policy is to accept", chain.name())
            }
            Act::Track(Tracked { original, reply }) => write!(out, "conntrack: new, {original}; its answer will be {reply}"),
            Act::Restore { before, after } => write!(out, "conntrack: known, {}", changed(before, after)),
            Act::Forward => out.write_str("forward: it is for somebody else, and ip_forward is on"),
            Act::Deliver(socket) => write!(out, "socket: {socket} takes it"),
            Act::Echo => out.write_str("echo: the kernel answers by itself"),
            Act::Refuse => out.write_str("socket: nobody listens there, the kernel refuses"),
            Act::PassOn { by, to } => write!(out, "process: {by} makes a connection of its own to {to}"),
            Act::Arrive => out.write_str("answer: it is where the question came from"),
        }
    }
}

fn protocol_of(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "arp" } else { "ndp" }
}

fn shown(route: &crate::net::RouteFact) -> String {
    if route.destination.prefix_len() == 0 { "default".into() } else { route.destination.to_string() }
}

impl fmt::Display for Hop {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrow = if self.direction == Direction::There { "->" } else { "<-" };
        let interface = self.interface.as_deref().unwrap_or("");
        write!(out, "{arrow} {:<12} {interface:<15} {}", self.place, self.act)
    }
}

impl fmt::Display for Walk {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.hops.iter().try_for_each(|hop| writeln!(out, "{hop}"))
    }
}

impl Topology {
    fn name(&self, id: NamespaceId) -> &str {
        self.namespace(id).map_or("?", |namespace| namespace.name.as_str())
    }
}

impl Outcome {
    /// How it ended, in a sentence without a full stop.
    pub fn sentence(&self, topology: &Topology) -> String {
        let name = |id: &NamespaceId| topology.name(*id);
        match self {
            Outcome::Reached { namespace, socket: Some(socket) } => format!("reached: {} in {}", socket.who, name(namespace)),
            Outcome::Reached { namespace, socket: None } => format!("reached: the kernel answers in {}", name(namespace)),
            Outcome::Refused { namespace, at, beside } => refused(name(namespace), *at, beside),
            Outcome::NoRoute { namespace, to, down } if down.is_empty() => {
                format!("network is unreachable: {} has no route to {to}", name(namespace))
            }
            Outcome::NoRoute { namespace, to, down } => {
                format!("network is unreachable: {} has no route to {to} while {} is down", name(namespace), down.join(" and "))
            }
            Outcome::NoNeighbour { namespace, interface, address } => {
                format!("no route to host: nobody answers {} at {interface} who asks for {address}", name(namespace))
            }
            Outcome::NotForwarded { namespace } => {
                format!("timed out: {} is no router, ip_forward is off, and drops it", name(namespace))
            }
            Outcome::Dropped { namespace, rule } => format!("timed out: a rule of {} drops it: {rule}", name(namespace)),
            Outcome::Martian { namespace } => {
                format!("timed out: {} drops what has a loopback address and came by another interface", name(namespace))
            }
            Outcome::Left { namespace, interface, next } => {
                format!("it leaves {} by {interface} to {next}: what is behind is not known here", name(namespace))
            }
            Outcome::Looped { namespace } => format!("timed out: its time to live is over in {}", name(namespace)),
            Outcome::NotPassedOn { namespace, socket, because: Some(because) } => {
                let because = because.sentence(topology);
                format!("closed: {} in {} took it, but could not pass it on: {because}", socket.who, name(namespace))
            }
            Outcome::NotPassedOn { namespace, socket, because: None } => {
                format!("closed: {} in {} has nobody to pass it on to", socket.who, name(namespace))
            }
            Outcome::AnswerLost { because } => {
                format!("timed out: it got there, but the answer did not come back: {}", because.sentence(topology))
            }
            Outcome::AnswerFromElsewhere { asked, got } => {
                format!("timed out: {} was asked, the answer comes from {}, and nobody waits for that", End(*asked), End(*got))
            }
            Outcome::NoSource { namespace } => {
                format!("cannot assign requested address: {} has none to send from", name(namespace))
            }
        }
    }
}

fn refused(place: &str, at: SocketAddr, beside: &[ListeningSocket]) -> String {
    let mut text = format!("refused: nobody listens at {at} in {place}");
    if !beside.is_empty() {
        let shown: Vec<String> = beside.iter().map(ToString::to_string).collect();
        text.push_str(&format!("; there is {}", shown.join("; ")));
    }
    text
}

impl Behind {
    /// It is a program's own.
    pub fn is_program(&self) -> bool {
        *self == Behind::Program
    }
}
