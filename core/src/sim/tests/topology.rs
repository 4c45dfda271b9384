//! The way of packets through what commands have made.

use core::net::{IpAddr, SocketAddr};

use super::bench::Bench;
use crate::errno::Errno;
use crate::net::Protocol;
use crate::net::walk::{NamespaceId, Outcome, Target, Topology, Walk, walk};

fn bench(commands: &[&str]) -> Bench {
    let mut bench = Bench::new();
    for command in commands {
        let shown = bench.run(command);
        assert_eq!(shown.code.unwrap_or(0), 0, "{command}: {shown:?}");
    }
    bench
}

fn owner(topology: &Topology, address: &str) -> NamespaceId {
    let address: IpAddr = address.parse().unwrap();
    topology.namespaces.iter().find(|one| one.local(address).is_some()).unwrap().id
}

fn tcp(topology: &Topology, from: NamespaceId, to: &str) -> Walk {
    walk(topology, from, None, Target::Port(Protocol::Tcp, to.parse::<SocketAddr>().unwrap()))
}

#[test]
fn containers_of_a_network_reach_each_other_and_no_other() {
    let bench = bench(&[
        "docker network create --subnet 10.1.0.0/24 front",
        "docker network create --subnet 10.2.0.0/24 back",
        "docker run -d --network front toolbox sleep 1000",
        "docker run -d --network front toolbox sleep 1000",
        "docker run -d --network back toolbox sleep 1000",
    ]);
    let topology = bench.kernel.topology(&[]);
    let [one, other, back] = ["10.1.0.2", "10.1.0.3", "10.2.0.2"].map(|address| owner(&topology, address));
    let echo = |from, to: &str| walk(&topology, from, None, Target::Echo(to.parse().unwrap())).outcome;
    assert!(matches!(echo(one, "10.1.0.3"), Outcome::Reached { namespace, .. } if namespace == other));
    assert!(matches!(echo(one, "10.1.0.1"), Outcome::Reached { namespace, .. } if topology.named("host").unwrap().id == namespace));
    assert!(matches!(echo(one, "10.2.0.2"), Outcome::Dropped { .. }), "{:?}", echo(one, "10.2.0.2"));
    assert!(matches!(echo(back, "10.1.0.2"), Outcome::Dropped { .. }));
    assert!(matches!(echo(one, "198.51.100.7"), Outcome::Left { .. }), "{:?}", echo(one, "198.51.100.7"));
    assert_eq!(tcp(&topology, one, "10.1.0.3:80").outcome.errno(), Some(Errno::ECONNREFUSED));
    let names = tcp(&topology, one, "127.0.0.11:53");
    assert!(names.outcome.is_reached(), "{names}{:?}", names.outcome);
}

#[test]
fn an_internal_network_has_no_way_out() {
    let bench = bench(&[
        "docker network create --internal --subnet 10.3.0.0/24 closed",
        "docker run -d --network closed toolbox sleep 1000",
    ]);
    let topology = bench.kernel.topology(&[]);
    let inside = owner(&topology, "10.3.0.2");
    assert_eq!(tcp(&topology, inside, "198.51.100.7:80").outcome.errno(), Some(Errno::ENETUNREACH));
}

#[test]
fn a_published_port_leads_to_the_container() {
    let bench = bench(&["docker run -d -p 8080:80 toolbox sleep 1000"]);
    let topology = bench.kernel.topology(&[]);
    let (host, inside) = (topology.named("host").unwrap().id, owner(&topology, "172.17.0.2"));
    for (from, to) in [(host, "127.0.0.1:8080"), (host, "[::1]:8080"), (inside, "192.0.2.10:8080")] {
        let walk = tcp(&topology, from, to);
        let Outcome::NotPassedOn { because: Some(because), .. } = &walk.outcome else { panic!("{to}\n{walk}{:?}", walk.outcome) };
        assert!(matches!(**because, Outcome::Refused { namespace, .. } if namespace == inside), "nobody listens in it yet");
    }
}
