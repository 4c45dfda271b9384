//! The walk itself: what one packet meets, and then its answer.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::chains::{Circumstances, Found, answers, is_martian, look, reply_to};
use super::segment;
use super::topology::{Behind, ListeningSocket, NamespaceId, NetworkNamespace, Topology, WalkInterface};
use super::{Act, Direction, Hop, Outcome, Packet, Target, Tracked, Walk};
use crate::net::{Chain, LinkKind, RouteFact};

/// The time to live that packets begin with: net.ipv4.ip_default_ttl.
const HOPS_MAX: usize = 64;
/// How many processes may pass a connection on, one after another.
const FORWARDERS_MAX: usize = 8;

/// The way from a namespace to a target. `source`: the address that was bound before, if one was.
pub fn walk(topology: &Topology, from: NamespaceId, source: Option<IpAddr>, target: Target) -> Walk {
    let mut walker =
        Walker { topology, hops: Vec::new(), tracked: Vec::new(), direction: Direction::There, forwarders: FORWARDERS_MAX };
    let outcome = walker.ask(from, source, target).unwrap_or_else(|outcome| outcome);
    Walk { hops: walker.hops, outcome }
}

/// A connection that is written down in a namespace.
struct Entry {
    namespace: NamespaceId,
    tracked: Tracked,
    changed_destination: bool,
}

struct Walker<'a> {
    topology: &'a Topology,
    hops: Vec<Hop>,
    tracked: Vec<Entry>,
    direction: Direction,
    /// How many more processes may pass it on.
    forwarders: usize,
}

/// What ends a walk before its end.
type Way<T> = Result<T, Outcome>;

/// Where a packet goes next.
enum Next<'a> {
    Own,
    By { interface: &'a WalkInterface, gateway: IpAddr },
}

/// A packet in a namespace, between two hooks.
struct Passing<'a> {
    namespace: &'a NetworkNamespace,
    packet: Packet,
    /// By which interface it came; `None`: it was made here.
    came: Option<&'a WalkInterface>,
    /// The packet as its connection's entry would have it.
    original: Packet,
    /// The entry that it is an answer to.
    entry: Option<usize>,
    /// What it was addressed to was changed.
    changed_destination: bool,
}

impl<'a> Passing<'a> {
    fn around<'b>(&'b self, goes: Option<&'b str>) -> Circumstances<'b> {
        Circumstances {
            came: self.came.map(|interface| interface.fact.name.as_str()),
            goes,
            known: self.entry.is_some(),
            changed_destination: self.changed_destination,
        }
    }
}

impl<'a> Walker<'a> {
    fn hop(&mut self, at: &Passing<'_>, interface: Option<&str>, act: Act) {
        self.hop_in(at.namespace, at.packet, interface, act);
    }

    fn hop_in(&mut self, namespace: &NetworkNamespace, packet: Packet, interface: Option<&str>, act: Act) {
        let (place, interface) = (namespace.name.clone(), interface.map(str::to_string));
        self.hops.push(Hop { direction: self.direction, namespace: namespace.id, place, interface, packet, act });
    }

    /// The question, and the answer.
    fn ask(&mut self, from: NamespaceId, source: Option<IpAddr>, target: Target) -> Way<Outcome> {
        self.direction = Direction::There;
        let missing = Outcome::NoSource { namespace: from };
        let namespace = self.topology.namespace(from).ok_or(missing.clone())?;
        let destination = somewhere(target.at());
        let source = match source {
            Some(source) => source,
            None => self.choose_source(namespace, destination, target)?,
        };
        if source.is_ipv4() != destination.is_ipv4() {
            return Err(missing);
        }
        let packet = Packet { source: SocketAddr::new(source, 0), destination, protocol: target.protocol() };
        let (there, arrived) = self.send(namespace, packet)?;
        let outcome = self.deliver(there, arrived)?;
        self.direction = Direction::Back;
        match self.answer(namespace, packet, there, reply_to(&arrived)) {
            Ok(()) => Ok(outcome),
            Err(elsewhere @ Outcome::AnswerFromElsewhere { .. }) => Err(elsewhere),
            Err(because) => Err(Outcome::AnswerLost { because: Box::new(because) }),
        }
    }

    /// The answer goes all the way by itself: whoever asked has to know it again.
    fn answer(&mut self, asker: &NetworkNamespace, question: Packet, from: &'a NetworkNamespace, answer: Packet) -> Way<()> {
        let (back, arrived) = self.send(from, answer)?;
        if back.id != asker.id || arrived != reply_to(&question) {
            return Err(Outcome::AnswerFromElsewhere { asked: question.destination, got: arrived.source });
        }
        self.hop_in(back, arrived, None, Act::Arrive);
        Ok(())
    }

    /// The address that a packet without one gets: ip(7).
    fn choose_source(&mut self, namespace: &NetworkNamespace, to: SocketAddr, target: Target) -> Way<IpAddr> {
        let none = || Outcome::NoSource { namespace: namespace.id };
        let source = match namespace.local(to.ip()) {
            Some(_) if to.ip().is_loopback() => own_loopback(to.ip()),
            Some(_) => to.ip(),
            None => {
                let route = namespace.route(to.ip()).ok_or_else(|| no_route(namespace, to.ip()))?;
                let interface = namespace.interface(&route.interface).ok_or_else(none)?;
                namespace.source(interface, route.gateway.unwrap_or(to.ip())).ok_or_else(none)?
            }
        };
        let packet = Packet { source: SocketAddr::new(source, 0), destination: to, protocol: target.protocol() };
        self.hop_in(namespace, packet, None, Act::ChooseSource(source));
        Ok(source)
    }

    /// A packet that is made here: it goes until somebody's own address is reached.
    fn send(&mut self, namespace: &'a NetworkNamespace, packet: Packet) -> Way<(&'a NetworkNamespace, Packet)> {
        let mut at = Passing { namespace, packet, came: None, original: packet, entry: None, changed_destination: false };
        // The route is looked up before the rules see it, and again if they have changed it.
        let mut next = self.route(&at)?;
        let before = at.packet.destination;
        self.first_hook(&mut at, Chain::Output, &next)?;
        if at.packet.destination != before {
            next = self.route(&at)?;
        }
        for _ in 0..HOPS_MAX {
            let Next::By { interface, gateway } = next else { return self.own(at) };
            self.last_hook(&mut at, &interface.fact.name)?;
            at = self.carry(&at, interface, gateway)?;
            self.first_hook(&mut at, Chain::Prerouting, &Next::Own)?;
            if is_martian(&at.packet) {
                return Err(Outcome::Martian { namespace: at.namespace.id });
            }
            next = self.route(&at)?;
            if let Next::By { interface, .. } = &next {
                self.forward(&at, interface)?;
            }
        }
        Err(Outcome::Looped { namespace: at.namespace.id })
    }

    fn route(&mut self, at: &Passing<'a>) -> Way<Next<'a>> {
        let to = at.packet.destination.ip();
        if let Some(own) = at.namespace.local(to) {
            self.hop(at, Some(&own.fact.name), Act::Route { route: None });
            return Ok(Next::Own);
        }
        let missing = || no_route(at.namespace, to);
        let route: &RouteFact = at.namespace.route(to).ok_or_else(missing)?;
        let interface = at.namespace.interface(&route.interface).ok_or_else(missing)?;
        self.hop(at, Some(&route.interface), Act::Route { route: Some(route.clone()) });
        Ok(Next::By { interface, gateway: route.gateway.unwrap_or(to) })
    }

    /// Prerouting or output: a known connection's answer gets its old destination, a new packet is looked at by the rules.
    fn first_hook(&mut self, at: &mut Passing<'a>, chain: Chain, next: &Next<'_>) -> Way<()> {
        at.original = at.packet;
        if at.namespace.rules.is_none() {
            return Ok(());
        }
        let id = at.namespace.id;
        at.entry = self.tracked.iter().rposition(|entry| entry.namespace == id && answers(&entry.tracked, &at.packet));
        if let Some(entry) = at.entry.and_then(|number| self.tracked.get(number)) {
            at.changed_destination = entry.changed_destination;
            let destination = entry.tracked.original.source;
            self.restore(at, Packet { destination, ..at.packet });
            return Ok(());
        }
        let goes = match next {
            Next::By { interface, .. } if chain == Chain::Output => Some(interface.fact.name.as_str()),
            Next::Own if chain == Chain::Output => Some("lo"),
            _ => None,
        };
        self.rules(at, chain, goes)?;
        at.changed_destination = at.packet.destination != at.original.destination;
        Ok(())
    }

    /// Postrouting, or where its own are taken in: the source is changed here, and the connection is written down.
    fn last_hook(&mut self, at: &mut Passing<'a>, goes: &str) -> Way<()> {
        if at.namespace.rules.is_none() {
            return Ok(());
        }
        if let Some(entry) = at.entry.and_then(|number| self.tracked.get(number)) {
            let source = entry.tracked.original.destination;
            self.restore(at, Packet { source, ..at.packet });
            return Ok(());
        }
        self.rules(at, Chain::Postrouting, Some(goes))?;
        self.track(at);
        Ok(())
    }

    fn track(&mut self, at: &Passing<'_>) {
        let tracked = Tracked { original: at.original, reply: reply_to(&at.packet) };
        let (namespace, changed_destination) = (at.namespace.id, at.changed_destination);
        self.tracked.push(Entry { namespace, tracked, changed_destination });
        self.hop(at, None, Act::Track(tracked));
    }

    fn restore(&mut self, at: &mut Passing<'_>, after: Packet) {
        let before = at.packet;
        if before != after {
            at.packet = after;
            self.hop(at, None, Act::Restore { before, after });
        }
    }

    fn rules(&mut self, at: &mut Passing<'a>, chain: Chain, goes: Option<&str>) -> Way<()> {
        let (namespace, before) = (at.namespace, at.packet);
        match look(namespace, chain, &before, at.around(goes)) {
            Found::Empty => {}
            Found::Policy(rules) => self.hop(at, goes, Act::NoRule { chain, rules }),
            Found::Rule(rule, after) => {
                let rule = Box::new(rule.clone());
                let gone = after.is_none();
                at.packet = after.unwrap_or(before);
                self.hop(at, goes, Act::Apply { rule: rule.clone(), before, after: at.packet });
                if gone {
                    return Err(Outcome::Dropped { namespace: namespace.id, rule });
                }
            }
        }
        Ok(())
    }

    /// A packet of somebody else's is passed on, if that is allowed.
    fn forward(&mut self, at: &Passing<'a>, goes: &WalkInterface) -> Way<()> {
        let namespace = at.namespace;
        if !namespace.forwards(at.packet.destination.ip()) {
            return Err(Outcome::NotForwarded { namespace: namespace.id });
        }
        let name = goes.fact.name.as_str();
        self.hop(at, Some(name), Act::Forward);
        let mut seen = Passing { original: at.original, came: at.came, entry: at.entry, ..*at };
        self.rules(&mut seen, Chain::Forward, Some(name))
    }

    /// Through pairs and bridges to the next hop.
    fn carry(&mut self, at: &Passing<'a>, interface: &'a WalkInterface, next: IpAddr) -> Way<Passing<'a>> {
        let (namespace, name) = (at.namespace, interface.fact.name.as_str());
        let Some(taker) = segment::neighbour(self.topology, namespace, interface, next) else {
            let alone = interface.fact.kind == LinkKind::Device && interface.peer.is_none();
            let (namespace, interface) = (namespace.id, name.to_string());
            return Err(match alone {
                true => Outcome::Left { namespace, interface, next },
                false => Outcome::NoNeighbour { namespace, interface, address: next },
            });
        };
        let known = namespace.neighbours.iter().any(|entry| entry.address == next && entry.interface == name);
        self.hop(at, Some(name), Act::Resolve { address: next, mac: taker.interface.fact.mac, known });
        for passage in taker.passed {
            let at_place = match &passage {
                segment::Passage::Pair { from, .. } => from.clone(),
                segment::Passage::Bridge { namespace, bridge, .. } => (*namespace, bridge.clone()),
            };
            let place = self.topology.namespace(at_place.0).unwrap_or(namespace);
            self.hop_in(place, at.packet, Some(&at_place.1), Act::Pass(passage));
        }
        let (namespace, came) = (taker.namespace, Some(taker.interface));
        Ok(Passing { namespace, came, packet: at.packet, original: at.packet, entry: None, changed_destination: false })
    }

    /// It is where it belongs. What was made here goes by loopback first, and by postrouting.
    fn own(&mut self, mut at: Passing<'a>) -> Way<(&'a NetworkNamespace, Packet)> {
        if at.came.is_none() {
            self.last_hook(&mut at, "lo")?;
        } else if at.namespace.rules.is_some() {
            match at.entry.and_then(|number| self.tracked.get(number)) {
                Some(entry) => {
                    let source = entry.tracked.original.destination;
                    let after = Packet { source, ..at.packet };
                    self.restore(&mut at, after);
                }
                None => self.track(&at),
            }
        }
        Ok((at.namespace, at.packet))
    }

    /// Who takes it.
    fn deliver(&mut self, namespace: &'a NetworkNamespace, packet: Packet) -> Way<Outcome> {
        let at = packet.destination;
        let Some(protocol) = packet.protocol else {
            self.hop_in(namespace, packet, None, Act::Echo);
            return Ok(Outcome::Reached { namespace: namespace.id, socket: None });
        };
        let Some(socket) = namespace.socket(protocol, at) else {
            self.hop_in(namespace, packet, None, Act::Refuse);
            let beside = namespace.sockets_beside(at.port());
            return Ok(Outcome::Refused { namespace: namespace.id, at, beside });
        };
        self.hop_in(namespace, packet, None, Act::Deliver(socket.clone()));
        match &socket.behind {
            Behind::Program => Ok(Outcome::Reached { namespace: namespace.id, socket: Some(socket.clone()) }),
            Behind::Forwarder(to) => Ok(self.pass_on(namespace, packet, socket, *to)),
        }
    }

    /// A process with a socket of its own: from here on it is another connection.
    fn pass_on(
        &mut self,
        namespace: &NetworkNamespace,
        packet: Packet,
        socket: &ListeningSocket,
        to: Option<SocketAddr>,
    ) -> Outcome {
        let failed = |because: Option<Outcome>| Outcome::NotPassedOn {
            namespace: namespace.id,
            socket: socket.clone(),
            because: because.map(Box::new),
        };
        let Some(to) = to.filter(|_| self.forwarders > 0) else { return failed(None) };
        self.forwarders -= 1;
        self.hop_in(namespace, packet, None, Act::PassOn { by: socket.who.clone(), to });
        let outcome = self.ask(namespace.id, None, Target::Port(socket.protocol, to)).unwrap_or_else(|outcome| outcome);
        if outcome.is_reached() { outcome } else { failed(Some(outcome)) }
    }
}

/// Who sends to "any address" means itself.
fn somewhere(to: SocketAddr) -> SocketAddr {
    if to.ip().is_unspecified() { SocketAddr::new(own_loopback(to.ip()), to.port()) } else { to }
}

fn own_loopback(like: IpAddr) -> IpAddr {
    if like.is_ipv4() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { IpAddr::V6(Ipv6Addr::LOCALHOST) }
}

fn no_route(namespace: &NetworkNamespace, to: IpAddr) -> Outcome {
    let leads = |interface: &&WalkInterface| {
        let routed = namespace.routes.iter().any(|r| r.interface == interface.fact.name && r.destination.contains(&to));
        !interface.fact.up && (routed || interface.fact.addresses.iter().any(|net| net.contains(&to)))
    };
    let down = namespace.interfaces.iter().filter(leads).map(|interface| interface.fact.name.clone()).collect();
    Outcome::NoRoute { namespace: namespace.id, to, down }
}
