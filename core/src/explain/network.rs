//! Steps on networks, in words.

use core::net::SocketAddr;

use ipnet::IpNet;

use super::{Call, Explanation, call, explanation, quoted};
use crate::model::PublishedPort;
use crate::net::{Protocol, Rule, TABLE, Verdict, dns};
use crate::step::{NetworkPlace, NetworkStep};

/// A message of rtnetlink(7) and its answer.
fn message() -> Vec<Call> {
    vec![call("sendto", &["…", "…", "…", "…", "…", "…"]), call("recvfrom", &["…", "…", "…", "…", "…", "…"])]
}

/// In front of a command that shows what a namespace has.
fn inside(place: &NetworkPlace, command: &str) -> String {
    match place {
        NetworkPlace::Host => command.to_string(),
        _ => format!("nsenter -t PID -n {command}"),
    }
}

fn whose(place: &NetworkPlace) -> &'static str {
    if *place == NetworkPlace::Host { "on the host" } else { "in the container" }
}

pub(super) fn explain(step: &NetworkStep) -> Explanation {
    let anchor = "network";
    match step {
        NetworkStep::RecordNetwork { network, path, .. } => {
            let why = "A network is a name for a bridge and a range of addresses. Which it has is decided once, and kept.";
            let headline = format!("Record the network {}", network.name);
            explanation(headline, why, super::store::replace_file(path), &[&format!("cat {path}")], anchor)
        }
        NetworkStep::RemoveNetwork { path, .. } => {
            let calls = vec![call("unlink", &[&quoted(path)])];
            explanation(
                "Strike the network off the record",
                "Its addresses are free again.",
                calls,
                &["glassbox network ls"],
                anchor,
            )
        }
        NetworkStep::SetHostSetting { name, value, .. } => set_setting(name, value),
        NetworkStep::CreateTable { place } => {
            let why = "nftables is what the kernel asks of a packet on its way. Rules stand in chains, a chain at each place where it asks: \
                       before it looks up the way, when it passes on, when a program sends, and at the very end.";
            let headline = format!("Make the table {TABLE} {}", whose(place));
            explanation(headline, why, message(), &[&inside(place, &format!("nft list table inet {TABLE}"))], anchor)
        }
        NetworkStep::AddRule { place, rule, .. } => add_rule(place, rule),
        NetworkStep::DeleteRule { chain, comment } => {
            let why = "What it was for is gone. Left behind it would be for whoever gets the address next.";
            let headline = format!("Delete the rule \"{comment}\" of {}", chain.name());
            explanation(headline, why, message(), &[&format!("nft list chain inet {TABLE} {}", chain.name())], anchor)
        }
        NetworkStep::HoldPort { port, to, .. } => hold_port(port, *to),
        NetworkStep::ForwardPorts { .. } => {
            let why = "What the host sends to itself at 127.0.0.1 never leaves lo, and what other containers send to the port is not \
                       sent on by the rules: a process takes it from the sockets, and speaks to the container itself. The container \
                       sees the network's gateway as the sender.";
            let calls = vec![call("clone3", &["…", "…"])];
            explanation("Pass on what comes to its ports", why, calls, &["ss -ltnup"], anchor)
        }
        NetworkStep::ReleasePorts { .. } => {
            let why = "Nobody answers at them any more, and whoever wants them can have them.";
            explanation("Let go of its ports", why, vec![call("close", &["…"])], &["ss -ltnu"], anchor)
        }
        NetworkStep::ServeNames { place, .. } => serve_names(place),
        _ => link(step),
    }
}

/// Of interfaces and what is on them.
fn link(step: &NetworkStep) -> Explanation {
    let anchor = "network";
    match step {
        NetworkStep::CreateBridge { name, .. } => {
            let why = "A bridge is a switch inside the kernel: what comes in at one port goes out at the one behind which its \
                       destination is. Every network of containers is one.";
            explanation(format!("Make the bridge {name}"), why, message(), &[&format!("ip -d link show {name}")], anchor)
        }
        NetworkStep::CreateVethPair { host, inside: name, .. } => {
            let why = "Two interfaces that are one cable: what goes in at one end comes out at the other. One end is the container's, \
                       the other stays on the host.";
            let see = [format!("ip link show {host}"), format!("nsenter -t PID -n ip link show {name}")];
            explanation(format!("Lay a cable from {host} to {name}"), why, message(), &[&see[0], &see[1]], anchor)
        }
        NetworkStep::AttachToBridge { interface, bridge } => {
            let why = "The host's end of the cable is plugged into the switch: from now on the container and its neighbours reach \
                       each other.";
            explanation(
                format!("Plug {interface} into {bridge}"),
                why,
                message(),
                &[&format!("bridge link show dev {interface}")],
                anchor,
            )
        }
        NetworkStep::AddAddress { place, interface, address } => add_address(place, interface, address),
        NetworkStep::BringUpLink { place, interface } => {
            let why = "A new interface is down: it neither sends nor takes anything until it is brought up.";
            let headline = format!("Bring up {interface} {}", whose(place));
            explanation(headline, why, message(), &[&inside(place, &format!("ip link show {interface}"))], anchor)
        }
        NetworkStep::AddRoute { place, gateway, .. } => {
            let why = "What is not for a neighbour goes to the host's address on the bridge, and the host passes it on.";
            explanation(format!("Send all else to {gateway}"), why, message(), &[&inside(place, "ip route")], anchor)
        }
        NetworkStep::ReplaceRoute { gateway, interface, .. } => {
            let why = "What is not for a neighbour goes by one of the networks, and it is another one now.";
            explanation(
                format!("Send all else to {gateway} over {interface}"),
                why,
                message(),
                &["nsenter -t PID -n ip route"],
                anchor,
            )
        }
        NetworkStep::DeleteInterface { name } => {
            let why = "With one end of a cable the other goes, and nothing of the container is left on the host.";
            explanation(format!("Delete {name}"), why, message(), &["ip link"], anchor)
        }
        _ => explanation("", "", Vec::new(), &[], anchor),
    }
}

fn hold_port(port: &PublishedPort, to: SocketAddr) -> Explanation {
    let at = port.at();
    let family = if at.is_ipv4() { "AF_INET" } else { "AF_INET6" };
    let why = "A port of the host belongs to who listens at it. Held by a socket it cannot be promised twice, be it to another \
               container or to a program of the host.";
    let (kind, listens) = match port.port.protocol {
        Protocol::Udp => ("SOCK_DGRAM|SOCK_CLOEXEC", false),
        _ => ("SOCK_STREAM|SOCK_CLOEXEC", true),
    };
    let mut calls = vec![call("socket", &[family, kind, "…"]), call("bind", &["…", "…", "…"])];
    calls.extend(listens.then(|| call("listen", &["…", "…"])));
    let headline = format!("Listen at {at}/{} for {to}", port.port.protocol.word());
    explanation(headline, why, calls, &["ss -ltnu"], "network")
}

fn serve_names(place: &NetworkPlace) -> Explanation {
    let why = "Containers call each other by name, and addresses change with every start: who has which is looked up in the engine's \
               records when it is asked. Names that are no container's are asked of the host's name servers.";
    let calls = vec![
        call("socket", &["AF_INET", "SOCK_DGRAM|SOCK_CLOEXEC", "…"]),
        call("bind", &["…", "…", "…"]),
        call("socket", &["AF_INET", "SOCK_STREAM|SOCK_CLOEXEC", "…"]),
        call("bind", &["…", "…", "…"]),
        call("listen", &["…", "…"]),
        call("clone3", &["…", "…"]),
    ];
    let headline = format!("Answer names at {} in the container", dns::ADDRESS);
    explanation(headline, why, calls, &[&inside(place, "ss -lntu"), &inside(place, "nslookup NAME 127.0.0.11")], "network")
}

fn add_rule(place: &NetworkPlace, rule: &Rule) -> Explanation {
    let why = match rule.verdict {
        Verdict::Masquerade => {
            "Nobody outside knows the way to the addresses of containers: what goes out gets the host's, and the kernel remembers \
             whose it was, so that the answer finds its way back (NAT)."
        }
        Verdict::SendTo(_) => {
            "What is sent to this port of the host gets the container's address and port instead before the kernel looks up the \
             way: that is all that publishing a port is (DNAT)."
        }
        Verdict::Accept => "What is like this goes on, and no rule after it in this chain is asked.",
        Verdict::Drop => "What is like this is gone, and nobody is told: who has sent it waits in vain.",
    };
    let see = inside(place, &format!("nft list chain inet {TABLE} {}", rule.chain.name()));
    explanation(format!("Add the rule: {}", rule.without_comment()), why, message(), &[&see], "network")
}

fn add_address(place: &NetworkPlace, interface: &str, address: &IpNet) -> Explanation {
    let why = match place {
        NetworkPlace::Host => "The host has an address in the network too: containers send to it what is for elsewhere.",
        _ => "Nobody else in the network has this address. Its prefix says which others are reached without a router.",
    };
    let headline = format!("Give {interface} {} {address}", whose(place));
    explanation(headline, why, message(), &[&inside(place, &format!("ip addr show {interface}"))], "network")
}

fn set_setting(name: &str, value: &str) -> Explanation {
    let path = crate::sysctl::path(name);
    let calls =
        vec![call("openat", &["AT_FDCWD", &quoted(&path), "O_WRONLY|O_CLOEXEC"]), call("write", &["…", &quoted(value), "…"])];
    let why = "Linux passes packets on from one interface to another only if it is told to be a router.";
    explanation(format!("Set {name} to {value} on the host"), why, calls, &[&format!("sysctl {name}")], "network")
}
