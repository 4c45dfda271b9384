//! Names in networks that somebody made: a server at 127.0.0.11 in the container's own network namespace, as Docker has it.
//!
//! ```text
//! ServeNames   sockets at 127.0.0.11, at a port of their own, and a process that answers
//! AddRule      what the container's programs send to 127.0.0.11:53 goes to that port, over UDP and TCP
//! ```

use core::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::super::origin::{docker_default, need, planned};
use super::super::{Context, Planned, network_files};
use crate::model::Container;
use crate::net::{At, Chain, Match, Protocol, Rule, Verdict, dns};
use crate::step::{NetworkPlace, NetworkStep, Step};

/// Where Docker tells of its own.
const NAMES: &str = "engine/network/#dns-services";

/// What makes names be answered in a container; nothing where it is in no network with names.
pub(super) fn serve(container: &Container, place: &NetworkPlace, context: &Context<'_>) -> Vec<Planned> {
    if !container.asks_for_names() {
        return Vec::new();
    }
    let (servers, ndots_said) = network_files::upstream(container, context.host);
    let step = NetworkStep::ServeNames { id: container.id.clone(), place: place.clone(), servers, ndots_said };
    let cause = docker_default("In networks that somebody made containers find each other by name.", NAMES);
    let why = "Rules stand in chains, and chains in a table: this one is the container's own.";
    let table = NetworkStep::CreateTable { place: place.clone() };
    let mut steps = vec![planned(Step::Network(step), cause), planned(Step::Network(table), need("AddRule", why))];
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        let (rule, at) = (Box::new(to_server(protocol)), At::End);
        let step = NetworkStep::AddRule { place: place.clone(), rule, at, bridge: None };
        let why = "Port 53 stays free for a name server of the container's own; the engine's listens at another.";
        steps.push(planned(Step::Network(step), need("ServeNames", why)));
    }
    steps
}

fn to_server(protocol: Protocol) -> Rule {
    let address = IpAddr::V4(dns::ADDRESS);
    Rule {
        chain: Chain::Output,
        matches: vec![Match::Destination(IpNet::from(address)), Match::Port(protocol, dns::PORT)],
        verdict: Verdict::SendTo(SocketAddr::new(address, dns::OWN_PORT)),
        comment: format!("names over {}", protocol.word()),
    }
}
