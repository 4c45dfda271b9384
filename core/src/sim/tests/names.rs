//! /etc/hosts and /etc/resolv.conf of a container: copies of the host's on its network, else its own.

use super::bench::Bench;
use crate::host::HostFacts;

fn of(host: HostFacts, network: &str, command: &str) -> String {
    let shown = Bench::on(host).run(&format!("docker run --rm --network {network} toolbox {command}"));
    assert_eq!(shown.code, Some(0), "{shown:?}");
    shown.out
}

#[test]
fn on_the_hosts_network_they_are_copies() {
    let host = HostFacts::example();
    let both = of(host.clone(), "host", "cat /etc/hosts /etc/resolv.conf");
    assert_eq!(both, "127.0.0.1\tlocalhost\n127.0.1.1\tlinux\nnameserver 9.9.9.9\n");
    let own = of(host, "none", "cat /etc/hosts /etc/resolv.conf");
    assert!(!own.contains("127.0.1.1") && own.contains("no name server can be reached"), "{own}");
    let mut bench = Bench::new();
    bench.run("docker run --rm --network host toolbox sh -c 'echo mine >> /etc/hosts'");
    let next = bench.run("docker run --rm --network host toolbox cat /etc/hosts");
    assert!(!next.out.contains("mine"), "{next:?}");
}

#[test]
fn what_the_host_does_not_have_the_container_has_of_its_own() {
    let mut host = HostFacts::example();
    host.network_files.clear();
    let both = of(host.clone(), "host", "cat /etc/hosts /etc/resolv.conf");
    assert!(both.contains("localhost") && both.contains("there was no /etc/resolv.conf"), "{both}");
    host.network_files.insert("/etc/hosts".into(), None);
    let shown = Bench::on(host).run("docker run --rm --network host toolbox grep -c localhost /etc/hosts");
    assert_eq!(shown.code, Some(0), "{shown:?}");
}
