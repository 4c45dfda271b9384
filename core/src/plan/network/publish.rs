//! Published ports: which ports of the host lead to a container, the sockets that hold them, and the rules that send packets on.
//!
//! ```text
//! HoldPort      a socket at each of the host's addresses: nobody else gets the port
//! AddRule       what comes to it from elsewhere gets the container's address instead (DNAT)
//! ForwardPorts  what no rule reaches (localhost, other containers) is taken from the socket and passed on by a process
//! ```

use core::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::super::origin::{self, docker_default, need, planned};
use super::super::{Cause, Context, Planned};
use crate::errno::Errno;
use crate::model::{
    Container, ContainerId, ContainerPort, EVERYWHERE, Endpoint, Network, PortBinding, PublishedPort, addresses_meet,
};
use crate::net::{At, Chain, Match, Protocol, Rule, Verdict};
use crate::step::{NetworkPlace, NetworkStep, Step};

/// The ports that the engine chooses from: ip_local_port_range of ip(7), as Docker does.
const CHOSEN: (u16, u16) = (32_768, 60_999);
/// The option of a network for the host's address where none is said.
const BINDING: &str = "com.docker.network.bridge.host_binding_ipv4";
/// Where Docker tells of it.
const PUBLISHING: &str = "engine/network/port-publishing/";

/// A port that was asked for, and where it is wanted.
struct Asked {
    binding: PortBinding,
    addresses: Vec<IpAddr>,
}

/// What was asked for, by the container's ports.
fn asked(container: &Container, network: &Network) -> Vec<Asked> {
    let publishing = &container.host.publishing;
    let mut bindings = publishing.bindings.clone();
    if publishing.all {
        let exposed = container.process.exposed_ports.iter().filter_map(|text| ContainerPort::parse(text));
        let others: Vec<ContainerPort> =
            exposed.filter(|port| !publishing.bindings.iter().any(|binding| binding.port == *port)).collect();
        bindings.extend(others.into_iter().map(|port| PortBinding { port, address: None, host: None }));
    }
    bindings.sort_by_key(|binding| binding.port);
    let default: Vec<IpAddr> = match network.options.get(BINDING).and_then(|text| text.parse().ok()) {
        Some(address) => vec![address],
        None => EVERYWHERE.to_vec(),
    };
    let addresses = |binding: &PortBinding| binding.address.map_or_else(|| default.clone(), |address| vec![address]);
    bindings.into_iter().map(|binding| Asked { addresses: addresses(&binding), binding }).collect()
}

/// The ports that a container gets when it starts; of one that none is free for, the one that it would have.
pub(super) fn choose(container: &Container, network: &Network, context: &Context<'_>) -> Vec<PublishedPort> {
    if network.internal {
        return Vec::new();
    }
    let mut all: Vec<PublishedPort> = Vec::new();
    for asked in asked(container, network) {
        let chosen = asked.binding.is_free();
        let port_at = |host: u16| {
            let port = |address: &IpAddr| PublishedPort { port: asked.binding.port, address: *address, host, chosen };
            asked.addresses.iter().map(port).collect::<Vec<_>>()
        };
        let candidates: Vec<u16> = match asked.binding.host {
            _ if chosen => from_cursor(asked.binding.port.protocol, &asked.addresses, &all, context).collect(),
            Some((first, last)) => (first..=last).collect(),
            None => Vec::new(),
        };
        let is_free = |host: &u16| port_at(*host).iter().all(|port| holder(port, &all, container, context).is_none());
        let host = candidates.iter().copied().find(is_free).or(candidates.last().copied());
        all.extend(host.map(port_at).unwrap_or_default());
    }
    all
}

/// The engine's choices, beginning behind the last one: a port that was given back is not given to the next.
fn from_cursor(
    protocol: Protocol,
    addresses: &[IpAddr],
    all: &[PublishedPort],
    context: &Context<'_>,
) -> impl Iterator<Item = u16> + use<> {
    let attachments = context.state.containers.values().flat_map(|container| &container.networks);
    let chosen = attachments.flat_map(|attachment| {
        let now = attachment.endpoint.iter().flat_map(|endpoint| &endpoint.ports);
        now.chain(&attachment.chosen_before)
    });
    let same = |port: &&PublishedPort| {
        port.chosen && port.port.protocol == protocol && addresses.contains(&port.address) && port.host >= CHOSEN.0
    };
    let last = chosen.chain(all).filter(same).map(|port| port.host).max();
    let next = last.map_or(CHOSEN.0, |last| if last >= CHOSEN.1 { CHOSEN.0 } else { last + 1 });
    (next..=CHOSEN.1).chain(CHOSEN.0..next)
}

/// Who has a port already.
enum Holder {
    /// A container, with the address at which it has it.
    Container(String, IpAddr),
    /// A process of the host.
    Process,
}

fn holder(port: &PublishedPort, own: &[PublishedPort], container: &Container, context: &Context<'_>) -> Option<Holder> {
    if let Some(found) = own.iter().find(|other| other.clashes(port)) {
        return Some(Holder::Container(container.name.clone(), found.address));
    }
    if let Some((name, address)) = of_containers(port, container, context) {
        return Some(Holder::Container(name, address));
    }
    let listens = |(protocol, at): &&(Protocol, SocketAddr)| {
        *protocol == port.port.protocol && at.port() == port.host && addresses_meet(at.ip(), port.address)
    };
    context.host.network.listening.iter().find(listens).map(|_| Holder::Process)
}

fn of_containers(port: &PublishedPort, container: &Container, context: &Context<'_>) -> Option<(String, IpAddr)> {
    let others = context.state.containers.values().filter(|other| other.id != container.id);
    others
        .flat_map(|other| other.published().map(move |held| (other, held)))
        .find_map(|(other, held)| held.clashes(port).then(|| (other.name.clone(), held.address)))
}

/// Why the container cannot have its ports, in dockerd's words, with who has them.
pub(super) fn refusal(container: &Container, network: &Network, to: IpAddr, context: &Context<'_>) -> Option<String> {
    let ports = choose(container, network, context);
    for (number, port) in ports.iter().enumerate() {
        let before = ports.get(..number).unwrap_or_default();
        match holder(port, before, container, context) {
            Some(Holder::Container(name, _)) if name == container.name => return Some(twice(port, before)),
            Some(Holder::Container(name, address)) => {
                let at = shown(SocketAddr::new(address, port.host));
                let who = format!("glassbox: the container {name} has published it; stop that one, or say another port with -p");
                return Some(format!("Bind for {at} failed: port is already allocated\n{who}"));
            }
            // A range has been looked through; one port is tried, and who has it is looked for then.
            Some(Holder::Process) if is_range(container, port) => return Some(in_use(port, container, to)),
            _ => {}
        }
    }
    None
}

fn is_range(container: &Container, port: &PublishedPort) -> bool {
    let has = |binding: &PortBinding| {
        let of_port = binding.port == port.port;
        of_port && binding.host.is_some_and(|(first, last)| first < last && (first..=last).contains(&port.host))
    };
    container.host.publishing.bindings.iter().any(has)
}

fn twice(port: &PublishedPort, before: &[PublishedPort]) -> String {
    match before.iter().find(|other| other.clashes(port)) {
        Some(other) if other.port != port.port => {
            format!("Bind for {} failed: port is already allocated", shown(other.at()))
        }
        _ => format!("failed to listen on {} socket: address already in use", port.port.protocol.word().to_uppercase()),
    }
}

fn in_use(port: &PublishedPort, container: &Container, to: IpAddr) -> String {
    let range = container.host.publishing.bindings.iter().find(|binding| binding.port == port.port).map(PortBinding::host_word);
    let at = SocketAddr::new(port.address, port.host).to_string();
    let host = at.rsplit_once(':').map_or("", |(host, _)| host);
    let (number, range) = (port.host, range.unwrap_or_default());
    format!("failed to bind host port {number} for {host}:{range}:{}: address already in use", target(port, to))
}

/// dockerd's words for a port of the host that the kernel does not give.
pub(super) fn not_held(port: &PublishedPort, to: IpAddr, errno: Errno) -> String {
    let sentence = errno.to_string().to_lowercase();
    if port.port.protocol == Protocol::Sctp && errno != Errno::EADDRINUSE {
        return format!("error starting userland proxy: failed to listen on {}: {sentence}", port.at());
    }
    format!("failed to bind host port for {}:{}: {sentence}", port.at(), target(port, to))
}

/// `172.17.0.2:80/tcp`
fn target(port: &PublishedPort, to: IpAddr) -> String {
    format!("{}/{}", SocketAddr::new(to, port.port.number), port.port.protocol.word())
}

/// Docker writes addresses of IPv6 without brackets here.
fn shown(at: SocketAddr) -> String {
    format!("{}:{}", at.ip(), at.port())
}

/// What makes the ports of an endpoint lead to it.
pub(super) fn publish(container: &Container, network: &Network, endpoint: &Endpoint, context: &Context<'_>) -> Vec<Planned> {
    let cause = || {
        let by_name = if container.host.publishing.bindings.is_empty() { "publish-all" } else { "publish" };
        origin::flag_or(context, container, by_name, || docker_default("Its exposed ports are published.", PUBLISHING))
    };
    let mut steps = Vec::new();
    for port in &endpoint.ports {
        let Some(to) = endpoint.passed_to(port) else { continue };
        let step = NetworkStep::HoldPort { id: container.id.clone(), endpoint: endpoint.id.clone(), port: port.clone(), to };
        steps.push(planned(Step::Network(step), cause()));
    }
    for rule in endpoint.ports.iter().flat_map(|port| rules(&container.id, port, endpoint)) {
        let step = NetworkStep::AddRule { place: NetworkPlace::Host, rule: Box::new(rule), at: At::End, bridge: None };
        steps.push(planned(Step::Network(step), cause()));
    }
    if !endpoint.ports.is_empty() {
        let why = "A rule does not see what the host sends to itself at 127.0.0.1, nor what other containers send to the port.";
        let step = NetworkStep::ForwardPorts { id: container.id.clone(), network: network.id.clone() };
        steps.push(planned(Step::Network(step), need("HoldPort", why)));
    }
    steps
}

/// What takes it back when the container has ended.
pub(super) fn take_back(container: &Container) -> Vec<Planned> {
    let mut steps = Vec::new();
    let endpoints = container.networks.iter().filter_map(|attachment| attachment.endpoint.as_ref());
    for (number, endpoint) in endpoints.enumerate() {
        if number == 0 && (container.publishes() || !endpoint.ports.is_empty()) {
            let why = "The ports are the container's as long as it runs.";
            let step = NetworkStep::ReleasePorts { id: container.id.clone() };
            steps.push(planned(Step::Network(step), need("HoldPort", why)));
        }
        for rule in endpoint.ports.iter().flat_map(|port| rules(&container.id, port, endpoint)) {
            let step = NetworkStep::DeleteRule { chain: rule.chain, comment: rule.comment };
            let why = "The address is given to the next container, and nobody means that one.";
            steps.push(planned(Step::Network(step), need("AddRule", why)));
        }
    }
    steps
}

/// The ports of a container that runs lead to another of its places from now on, or nowhere: who passes them on sees it on record.
pub(super) fn move_ports(container: &Container, from: &Endpoint, to: Option<&Endpoint>, cause: &dyn Fn() -> Cause) -> Vec<Planned> {
    let mut steps = Vec::new();
    for rule in from.ports.iter().flat_map(|port| rules(&container.id, port, from)) {
        steps.push(planned(Step::Network(NetworkStep::DeleteRule { chain: rule.chain, comment: rule.comment }), cause()));
    }
    let Some(to) = to else { return steps };
    for rule in to.ports.iter().flat_map(|port| rules(&container.id, port, to)) {
        let step = NetworkStep::AddRule { place: NetworkPlace::Host, rule: Box::new(rule), at: At::End, bridge: None };
        steps.push(planned(Step::Network(step), cause()));
    }
    steps
}

/// The rules of a port: for what comes from elsewhere, and for what the host's own programs send. None for the loopback addresses: what
/// comes by `lo` stays on it, and the kernel drops what claims to come from there by another interface (RFC 1122, 3.2.1.3).
fn rules(id: &ContainerId, port: &PublishedPort, endpoint: &Endpoint) -> Vec<Rule> {
    let Some(to) = endpoint.target_of(port).filter(|_| !port.address.is_loopback()) else { return Vec::new() };
    let everywhere = port.address.is_unspecified();
    let rule = |chain: Chain| {
        let mut matches = match (everywhere, chain) {
            (false, _) => vec![Match::Destination(IpNet::from(port.address))],
            (true, Chain::Output) => vec![Match::DestinationNot(loopback(port.address)), Match::ToThisMachine],
            (true, _) => vec![Match::ToThisMachine],
        };
        matches.push(Match::Port(port.port.protocol, port.host));
        let comment = format!("{} {}/{}", id.short(), port.at(), port.port.protocol.word());
        Rule { chain, matches, verdict: Verdict::SendTo(to), comment }
    };
    vec![rule(Chain::Prerouting), rule(Chain::Output)]
}

/// The addresses that every machine calls itself: 127.0.0.0/8, ::1.
fn loopback(like: IpAddr) -> IpNet {
    match like {
        IpAddr::V4(_) => {
            IpNet::new(IpAddr::V4(core::net::Ipv4Addr::LOCALHOST), 8).map_or_else(|_| IpNet::from(like), |net| net.trunc())
        }
        IpAddr::V6(_) => IpNet::from(IpAddr::V6(core::net::Ipv6Addr::LOCALHOST)),
    }
}
