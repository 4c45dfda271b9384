//! /etc/hosts and /etc/resolv.conf of a container: made of the host's, and of what the command says.

use super::bench::Bench;
use crate::host::HostFacts;

fn of(host: HostFacts, network: &str, command: &str) -> String {
    let shown = Bench::on(host).run(&format!("docker run --rm --network {network} toolbox {command}"));
    assert_eq!(shown.code, Some(0), "{shown:?}");
    shown.out
}

#[test]
fn on_the_hosts_network_they_are_made_of_the_hosts() {
    let host = HostFacts::example();
    let both = of(host.clone(), "host", "cat /etc/hosts /etc/resolv.conf");
    assert!(both.starts_with("127.0.0.1\tlocalhost\n127.0.1.1\tlinux\n# Written by Glassbox"), "{both}");
    assert!(both.ends_with("\n\nnameserver 9.9.9.9\n\n# Based on host file: '/etc/resolv.conf'\n# Overrides: []\n"), "{both}");
    let own = of(host, "none", "cat /etc/hosts /etc/resolv.conf");
    assert!(
        !own.contains("127.0.1.1") && own.contains("nameserver 9.9.9.9\n\n# Based on host file: '/etc/resolv.conf' (legacy)"),
        "{own}"
    );
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
    assert!(both.contains("localhost") && !both.contains("nameserver") && both.contains("# Based on host file"), "{both}");
    let own = of(host.clone(), "none", "cat /etc/resolv.conf");
    assert!(own.contains("nameserver 8.8.8.8") && own.contains("# Used default nameservers."), "{own}");
    host.network_files.insert("/etc/hosts".into(), None);
    let shown = Bench::on(host).run("docker run --rm --network host toolbox grep -c localhost /etc/hosts");
    assert_eq!(shown.code, Some(0), "{shown:?}");
}

#[test]
fn behind_systemd_resolved_its_own_servers_are_asked() {
    let mut host = HostFacts::example();
    host.network_files.insert("/etc/resolv.conf".into(), Some("nameserver 127.0.0.53\n".into()));
    host.network_files.insert("/run/systemd/resolve/resolv.conf".into(), Some("nameserver 10.0.0.1\n".into()));
    let own = of(host.clone(), "none", "cat /etc/resolv.conf");
    assert!(own.contains("\nnameserver 10.0.0.1\n\n# Based on host file: '/run/systemd/resolve/resolv.conf' (legacy)\n"), "{own}");
    let both = of(host, "host", "cat /etc/resolv.conf");
    assert!(both.contains("\nnameserver 127.0.0.53\n\n# Based on host file: '/etc/resolv.conf'\n"), "{both}");
}
