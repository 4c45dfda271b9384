use core::net::SocketAddr;

use super::*;
use crate::net::{InterfaceFact, LinkKind, Match, Verdict};

const HOST: u64 = 1;
const WEB: u64 = 2;
const ASK: u64 = 3;
const OTHER: u64 = 4;
const OUTSIDE: u64 = 5;

fn interface(name: &str, index: u32, kind: LinkKind, addresses: &[&str]) -> WalkInterface {
    let mac = MacAddress([2, 0, 0, 0, addresses.len() as u8, index as u8]);
    let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
    let fact = InterfaceFact { name: name.into(), kind, up: true, mac, mtu: 1500, master: None, addresses };
    WalkInterface { fact, index, peer: None }
}

fn namespace(id: u64, name: &str) -> NetworkNamespace {
    let lo = interface("lo", 1, LinkKind::Loopback, &["127.0.0.1/8", "::1/128"]);
    NetworkNamespace { id: NamespaceId(id), name: name.into(), interfaces: vec![lo], ..NetworkNamespace::default() }
}

fn route(destination: &str, gateway: Option<&str>, interface: &str) -> RouteFact {
    let gateway = gateway.map(|text| text.parse().unwrap());
    RouteFact { destination: destination.parse().unwrap(), gateway, interface: interface.into() }
}

fn listens(protocol: Protocol, at: &str, behind: Behind) -> ListeningSocket {
    ListeningSocket { protocol, at: at.parse().unwrap(), v6_only: false, who: "httpd".into(), behind }
}

fn container(id: u64, name: &str, port: u32, address: &str, gateway: Option<&str>) -> NetworkNamespace {
    let mut one = namespace(id, name);
    let mut eth0 = interface("eth0", 2, LinkKind::Veth, &[address]);
    eth0.peer = Some((NamespaceId(HOST), port));
    let net: ipnet::IpNet = address.parse().unwrap();
    one.interfaces.push(eth0);
    one.routes.push(route(&net.trunc().to_string(), None, "eth0"));
    one.routes.extend(gateway.map(|gateway| route("0.0.0.0/0", Some(gateway), "eth0")));
    one
}

fn rule(chain: Chain, matches: Vec<Match>, verdict: Verdict, comment: &str) -> Rule {
    Rule { chain, matches, verdict, comment: comment.into() }
}

fn came(interface: &str, not: bool) -> Match {
    Match::CameBy { interface: interface.into(), not }
}

fn goes(interface: &str, not: bool) -> Match {
    Match::GoesBy { interface: interface.into(), not }
}

fn rules_of(bridge: &str, subnet: &str) -> Vec<Rule> {
    vec![
        rule(Chain::Prerouting, vec![came(bridge, false)], Verdict::Accept, "own"),
        rule(Chain::Forward, vec![goes(bridge, false), Match::OfKnownConnection], Verdict::Accept, "answers"),
        rule(Chain::Forward, vec![goes(bridge, false), Match::OfChangedDestination], Verdict::Accept, "published"),
        rule(Chain::Forward, vec![goes(bridge, false), came(bridge, true)], Verdict::Drop, "closed"),
        rule(Chain::Postrouting, vec![Match::Source(subnet.parse().unwrap()), goes(bridge, true)], Verdict::Masquerade, "out"),
    ]
}

fn port(name: &str, index: u32, bridge: &str, to: u64) -> WalkInterface {
    let mut port = interface(name, index, LinkKind::Veth, &[]);
    port.fact.master = Some(bridge.into());
    port.peer = Some((NamespaceId(to), 2));
    port
}

/// A host with two bridges and a wire to another machine; web and ask on one bridge, other on the second. Web's port 80 is published as
/// 8080.
fn topology() -> Topology {
    let mut host = namespace(HOST, "host");
    let mut eth0 = interface("eth0", 2, LinkKind::Device, &["192.0.2.10/24"]);
    eth0.peer = Some((NamespaceId(OUTSIDE), 2));
    host.interfaces.extend([
        eth0,
        interface("br0", 3, LinkKind::Bridge, &["172.17.0.1/16"]),
        interface("br1", 4, LinkKind::Bridge, &["172.18.0.1/16"]),
        port("veth0", 5, "br0", WEB),
        port("veth1", 6, "br0", ASK),
        port("veth2", 7, "br1", OTHER),
    ]);
    host.routes = vec![
        route("0.0.0.0/0", Some("192.0.2.1"), "eth0"),
        route("172.17.0.0/16", None, "br0"),
        route("172.18.0.0/16", None, "br1"),
        route("192.0.2.0/24", None, "eth0"),
    ];
    host.forwards_ipv4 = true;
    let mut rules = rules_of("br0", "172.17.0.0/16");
    rules.extend(rules_of("br1", "172.18.0.0/16"));
    let to = "172.17.0.2:80".parse().unwrap();
    let published = vec![Match::ToThisMachine, Match::Port(Protocol::Tcp, 8080)];
    rules.push(rule(Chain::Prerouting, published, Verdict::SendTo(to), "web 8080"));
    host.rules = Some(rules);
    host.sockets.push(listens(Protocol::Tcp, "0.0.0.0:8080", Behind::Forwarder(Some(to))));
    let mut web = container(WEB, "web", 5, "172.17.0.2/16", Some("172.17.0.1"));
    web.sockets =
        vec![listens(Protocol::Tcp, "0.0.0.0:80", Behind::Program), listens(Protocol::Tcp, "127.0.0.1:81", Behind::Program)];
    let ask = container(ASK, "ask", 6, "172.17.0.3/16", Some("172.17.0.1"));
    let other = container(OTHER, "other", 7, "172.18.0.2/16", Some("172.18.0.1"));
    let mut outside = namespace(OUTSIDE, "outside");
    let mut wire = interface("eth0", 2, LinkKind::Device, &["192.0.2.20/24"]);
    wire.peer = Some((NamespaceId(HOST), 2));
    outside.interfaces.push(wire);
    outside.routes.push(route("192.0.2.0/24", None, "eth0"));
    outside.sockets.push(listens(Protocol::Tcp, "0.0.0.0:80", Behind::Program));
    Topology { namespaces: vec![host, web, ask, other, outside] }
}

fn tcp(topology: &Topology, from: u64, to: &str) -> Walk {
    walk(topology, NamespaceId(from), None, Target::Port(Protocol::Tcp, to.parse().unwrap()))
}

fn reached(walk: &Walk, namespace: u64) -> bool {
    matches!(&walk.outcome, Outcome::Reached { namespace: at, .. } if *at == NamespaceId(namespace))
}

fn applied(walk: &Walk) -> Vec<&str> {
    let comment = |hop: &'_ Hop| matches!(&hop.act, Act::Apply { .. });
    walk.hops
        .iter()
        .filter(|hop| comment(hop))
        .filter_map(|hop| if let Act::Apply { rule, .. } = &hop.act { Some(rule.comment.as_str()) } else { None })
        .collect()
}

#[test]
fn containers_of_a_bridge_reach_each_other_through_it() {
    let walk = tcp(&topology(), ASK, "172.17.0.2:80");
    assert!(reached(&walk, WEB), "{walk}{:?}", walk.outcome);
    let text = walk.to_string();
    assert_eq!(
        text,
        "\
-> ask                          source: 172.17.0.3 is chosen
-> ask          eth0            route: 172.17.0.0/16 dev eth0, on the link itself
-> ask          eth0            arp: 172.17.0.2 is at 02:00:00:00:01:02
-> ask          eth0            veth: in at eth0, out at veth1 on the other side
-> host         br0             bridge br0: from port veth1 to port veth0
-> host         veth0           veth: in at veth0, out at eth0 on the other side
-> web          eth0            route: the destination is an address of this namespace's own
-> web                          socket: tcp 0.0.0.0:80, httpd takes it
<- web          eth0            route: 172.17.0.0/16 dev eth0, on the link itself
<- web          eth0            arp: 172.17.0.3 is at 02:00:00:00:01:02
<- web          eth0            veth: in at eth0, out at veth0 on the other side
<- host         br0             bridge br0: from port veth0 to port veth1
<- host         veth1           veth: in at veth1, out at eth0 on the other side
<- ask          eth0            route: the destination is an address of this namespace's own
<- ask                          answer: it is where the question came from
"
    );
}

#[test]
fn networks_are_apart() {
    let walk = tcp(&topology(), OTHER, "172.17.0.2:80");
    assert!(matches!(&walk.outcome, Outcome::Dropped { rule, .. } if rule.comment == "closed"), "{walk}{:?}", walk.outcome);
    assert_eq!(walk.outcome.errno(), Some(Errno::ETIMEDOUT));
}

#[test]
fn a_published_port_is_reached_from_outside_by_its_rule() {
    let walk = tcp(&topology(), OUTSIDE, "192.0.2.10:8080");
    assert!(reached(&walk, WEB), "{walk}{:?}", walk.outcome);
    assert_eq!(applied(&walk), ["web 8080", "published"]);
    assert!(walk.to_string().contains("destination 192.0.2.10:8080 becomes 172.17.0.2:80"), "{walk}");
    assert!(walk.to_string().contains("conntrack: known, source 172.17.0.2:80 becomes 192.0.2.10:8080"), "{walk}");
}

#[test]
fn a_published_port_is_reached_from_the_host_by_the_process_that_listens() {
    for to in ["127.0.0.1:8080", "192.0.2.10:8080", "172.17.0.1:8080"] {
        let walk = tcp(&topology(), HOST, to);
        assert!(reached(&walk, WEB), "{to}\n{walk}{:?}", walk.outcome);
        assert!(walk.to_string().contains("process: httpd makes a connection of its own to 172.17.0.2:80"), "{walk}");
    }
}

#[test]
fn a_container_reaches_the_published_port_of_its_own_bridge_by_the_process() {
    for from in [ASK, WEB, OTHER] {
        let walk = tcp(&topology(), from, "192.0.2.10:8080");
        assert!(reached(&walk, WEB), "{walk}{:?}", walk.outcome);
    }
    let mut without = topology();
    let rules = without.namespaces[0].rules.as_mut().unwrap();
    rules.retain(|rule| rule.comment != "own");
    let walk = tcp(&without, ASK, "192.0.2.10:8080");
    assert!(matches!(walk.outcome, Outcome::AnswerFromElsewhere { .. }), "{walk}{:?}", walk.outcome);
}

#[test]
fn what_goes_out_has_the_hosts_address() {
    let walk = tcp(&topology(), WEB, "192.0.2.20:80");
    assert!(reached(&walk, OUTSIDE), "{walk}{:?}", walk.outcome);
    assert_eq!(applied(&walk), ["own", "out", "answers"]);
    let mut without = topology();
    without.namespaces[0].rules.as_mut().unwrap().retain(|rule| rule.comment != "out");
    let lost = tcp(&without, WEB, "192.0.2.20:80");
    let Outcome::AnswerLost { because } = &lost.outcome else { panic!("{lost}{:?}", lost.outcome) };
    assert!(matches!(**because, Outcome::NoRoute { namespace: NamespaceId(OUTSIDE), .. }));
}

#[test]
fn who_does_not_listen_refuses_and_the_evidence_is_there() {
    let topology = topology();
    let errno = |walk: &Walk| walk.outcome.errno();
    assert_eq!(errno(&tcp(&topology, ASK, "172.17.0.2:82")), Some(Errno::ECONNREFUSED));
    let bound = tcp(&topology, ASK, "172.17.0.2:81");
    assert!(matches!(&bound.outcome, Outcome::Refused { beside, .. } if beside[0].at.ip().is_loopback()));
    let sentence = "refused: nobody listens at 172.17.0.2:81 in web; there is tcp 127.0.0.1:81, httpd";
    assert_eq!(bound.outcome.sentence(&topology), sentence);
    assert!(reached(&tcp(&topology, WEB, "127.0.0.1:81"), WEB));
    assert!(reached(&tcp(&topology, WEB, "0.0.0.0:80"), WEB));
    let udp = walk(&topology, NamespaceId(ASK), None, Target::Port(Protocol::Udp, "172.17.0.2:80".parse().unwrap()));
    assert!(matches!(&udp.outcome, Outcome::Refused { beside, .. } if beside[0].protocol == Protocol::Tcp));
    assert!(matches!(tcp(&topology, ASK, "127.0.0.1:80").outcome, Outcome::Refused { .. }), "localhost is oneself");
}

#[test]
fn echoes_are_answered_by_the_kernel() {
    let echo = |from: u64, to: &str| walk(&topology(), NamespaceId(from), None, Target::Echo(to.parse().unwrap()));
    assert!(reached(&echo(ASK, "172.17.0.2"), WEB));
    assert!(reached(&echo(ASK, "172.17.0.1"), HOST));
    assert!(reached(&echo(ASK, "192.0.2.10"), HOST));
    assert!(reached(&echo(ASK, "172.18.0.1"), HOST), "an address of the host's own, at whichever bridge");
    assert!(matches!(echo(ASK, "172.17.0.9").outcome, Outcome::NoNeighbour { .. }));
    assert!(matches!(echo(OUTSIDE, "172.17.0.2").outcome, Outcome::NoRoute { .. }));
}

#[test]
fn ways_that_end_early() {
    let mut internal = topology();
    internal.namespaces[2].routes.retain(|route| route.gateway.is_none());
    let walk = tcp(&internal, ASK, "192.0.2.20:80");
    assert_eq!(walk.outcome.errno(), Some(Errno::ENETUNREACH));
    let mut down = topology();
    down.namespaces[2].interfaces[1].fact.up = false;
    let walk = tcp(&down, ASK, "172.17.0.2:80");
    assert!(matches!(&walk.outcome, Outcome::NoRoute { down, .. } if down[..] == ["eth0"]));
    let mut bridge = topology();
    bridge.namespaces[0].interfaces[2].fact.up = false;
    assert_eq!(tcp(&bridge, ASK, "172.17.0.2:80").outcome.errno(), Some(Errno::EHOSTUNREACH));
    let mut off = topology();
    off.namespaces[0].forwards_ipv4 = false;
    assert!(matches!(tcp(&off, ASK, "192.0.2.20:80").outcome, Outcome::NotForwarded { .. }));
    let away = tcp(&topology(), ASK, "198.51.100.1:80");
    assert!(matches!(away.outcome, Outcome::NoNeighbour { .. }), "the router is not there: {:?}", away.outcome);
    let mut device = topology();
    device.namespaces[0].interfaces[1].peer = None;
    assert!(matches!(tcp(&device, ASK, "198.51.100.1:80").outcome, Outcome::Left { .. }));
    assert!(matches!(tcp(&topology(), 99, "127.0.0.1:80").outcome, Outcome::NoSource { .. }));
}

#[test]
fn a_forwarder_with_nobody_behind_closes() {
    let mut gone = topology();
    gone.namespaces[1].sockets.clear();
    let walk = tcp(&gone, HOST, "127.0.0.1:8080");
    let Outcome::NotPassedOn { because: Some(because), .. } = &walk.outcome else { panic!("{:?}", walk.outcome) };
    assert!(matches!(**because, Outcome::Refused { .. }));
    assert_eq!(walk.outcome.errno(), None, "the connection was made");
    gone.namespaces[0].sockets[0].behind = Behind::Forwarder(None);
    assert!(matches!(tcp(&gone, HOST, "127.0.0.1:8080").outcome, Outcome::NotPassedOn { because: None, .. }));
    gone.namespaces[0].sockets[0].behind = Behind::Forwarder(Some("127.0.0.1:8080".parse().unwrap()));
    assert!(matches!(tcp(&gone, HOST, "127.0.0.1:8080").outcome, Outcome::NotPassedOn { .. }), "it ends");
}

#[test]
fn what_a_namespaces_own_programs_send_is_changed_by_output() {
    let mut one = topology();
    let to = "127.0.0.11:4000".parse().unwrap();
    let matches = vec![Match::Destination("127.0.0.11/32".parse().unwrap()), Match::Port(Protocol::Udp, 53)];
    one.namespaces[1].rules = Some(vec![rule(Chain::Output, matches, Verdict::SendTo(to), "names")]);
    one.namespaces[1].sockets.push(listens(Protocol::Udp, "127.0.0.11:4000", Behind::Program));
    let asked: SocketAddr = "127.0.0.11:53".parse().unwrap();
    let walk = walk(&one, NamespaceId(WEB), None, Target::Port(Protocol::Udp, asked));
    assert!(reached(&walk, WEB), "{walk}{:?}", walk.outcome);
    assert!(walk.to_string().contains("source 127.0.0.11:4000 becomes 127.0.0.11:53"), "{walk}");
}
