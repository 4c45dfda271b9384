//! `network create`: from `--subnet`, `--ip-range`, `--gateway` and `--aux-address` to the subnets of a network, in the order in which
//! Docker's client and dockerd look at them, with their refusals.

use core::net::IpAddr;
use std::collections::BTreeMap;

use ipnet::IpNet;

use super::super::Context;
use super::ipam;
use crate::cli::CreateNetwork;
use crate::model::Subnet;
use crate::net::overlap;

/// A refusal, and who says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The client, before it asks anybody.
    Client(String),
    /// The daemon.
    Daemon(String),
}

fn client<T>(what: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Client(what.into()))
}

fn daemon<T>(what: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Daemon(what.into()))
}

/// What was said of one subnet.
#[derive(Clone, Debug, Default)]
struct Said {
    subnet: String,
    range: String,
    gateway: String,
    auxiliary: BTreeMap<String, String>,
}

/// The client's part: which range, gateway and address belongs to which subnet.
fn gathered(asked: &CreateNetwork) -> Result<Vec<Said>, Refusal> {
    let subnets: Vec<&String> = asked.subnets.iter().filter(|subnet| !subnet.is_empty()).collect();
    if subnets.len() < asked.ranges.len() || subnets.len() < asked.gateways.len() {
        return client("every ip-range or gateway must have a corresponding subnet");
    }
    let mut all: Vec<Said> = Vec::new();
    for subnet in subnets {
        let clash = all.iter().any(|known| match (net(&known.subnet), net(subnet)) {
            (Some(one), Some(other)) => overlap(&one, &other),
            _ => known.subnet == *subnet,
        });
        if clash {
            return client("multiple overlapping subnet configuration is not supported");
        }
        all.push(Said { subnet: subnet.clone(), ..Said::default() });
    }
    for range in &asked.ranges {
        let Some(wanted) = net(range) else { return client(format!("invalid CIDR address: {range}")) };
        let within = |said: &&mut Said| net(&said.subnet).is_some_and(|subnet| subnet.contains(&wanted));
        let Some(said) = all.iter_mut().find(within) else { return client(format!("no matching subnet for range {range}")) };
        if !said.range.is_empty() {
            return client(format!(
                "cannot configure multiple ranges ({range}, {}) on the same subnet ({})",
                said.range, said.subnet
            ));
        }
        said.range.clone_from(range);
    }
    for gateway in &asked.gateways {
        // What is behind a slash is for the daemon to refuse.
        let bare = gateway.split('/').next().unwrap_or_default();
        let Some(said) = all.iter_mut().find(|said| is_in(bare, &said.subnet)) else {
            return client(format!("no matching subnet for gateway {gateway}"));
        };
        if !said.gateway.is_empty() {
            let (old, subnet) = (&said.gateway, &said.subnet);
            return client(format!("cannot configure multiple gateways ({gateway}, {old}) for the same subnet ({subnet})"));
        }
        said.gateway.clone_from(gateway);
    }
    for (name, address) in &asked.auxiliary {
        let Some(said) = all.iter_mut().find(|said| is_in(address, &said.subnet)) else {
            return client(format!("no matching subnet for aux-address {address}"));
        };
        said.auxiliary.insert(name.clone(), address.clone());
    }
    Ok(all)
}

/// A subnet as it is written, whatever bits of the host are set.
fn net(text: &str) -> Option<IpNet> {
    text.parse().ok()
}

fn is_in(address: &str, subnet: &str) -> bool {
    address.parse::<IpAddr>().ok().zip(net(subnet)).is_some_and(|(address, subnet)| subnet.contains(&address))
}

/// The daemon's part: what is written wrongly, all of it at once.
fn check(all: &[Said]) -> Result<(), Refusal> {
    let mut wrong = Vec::new();
    for said in all {
        match net(&said.subnet) {
            None => wrong.push(format!("invalid subnet {}: invalid CIDR block notation", said.subnet)),
            Some(found) if found.trunc() != found => {
                wrong.push(format!("invalid subnet {}: it should be {}", said.subnet, found.trunc()))
            }
            Some(_) => {}
        }
        if let Some(range) = net(&said.range).filter(|range| range.trunc() != *range) {
            wrong.push(format!("invalid ip-range {}: it should be {}", said.range, range.trunc()));
        }
        if !said.gateway.is_empty() && said.gateway.parse::<IpAddr>().is_err() {
            wrong.push(format!("invalid gateway {}: invalid address", said.gateway));
        }
    }
    match wrong.as_slice() {
        [] => Ok(()),
        [one] => daemon(format!("invalid network config:\n{one}")),
        many => daemon(format!(
            "invalid network config:\n{}",
            many.iter().map(|line| format!("* {line}")).collect::<Vec<_>>().join("\n")
        )),
    }
}

/// The subnets of a new network, those of IPv4 that were said or chosen, and of IPv6 if it has any.
pub(super) fn subnets(asked: &CreateNetwork, ipv4: bool, ipv6: bool, context: &Context<'_>) -> Result<Vec<Subnet>, Refusal> {
    let said = gathered(asked)?;
    check(&said)?;
    let of = |four: bool| said.iter().filter(move |said| net(&said.subnet).is_some_and(|subnet| subnet.addr().is_ipv4() == four));
    if of(true).count() > 1 || of(false).count() > 1 {
        return daemon("bridge driver doesn't support multiple subnets");
    }
    let mut all = Vec::new();
    for said in of(true).chain(of(false)) {
        all.push(subnet(said, context)?);
    }
    if ipv4 && of(true).count() == 0 {
        let Some(free) = ipam::free_subnet_of_others(context) else {
            return daemon("all predefined address pools have been fully subnetted");
        };
        all.push(Subnet {
            subnet: free,
            range: None,
            gateway: ipam::first(&free),
            gateway_shown: true,
            chosen: true,
            auxiliary: BTreeMap::new(),
        });
    }
    if ipv6 && of(false).count() == 0 {
        let free = ipam::free_unique_local(context);
        all.push(Subnet {
            subnet: free,
            range: None,
            gateway: ipam::first(&free),
            gateway_shown: true,
            chosen: true,
            auxiliary: BTreeMap::new(),
        });
    }
    if !ipv4 {
        all.retain(|subnet| subnet.subnet.addr().is_ipv6());
    }
    Ok(all)
}

fn subnet(said: &Said, context: &Context<'_>) -> Result<Subnet, Refusal> {
    let Some(subnet) = net(&said.subnet) else { return daemon("invalid network config") };
    let taken = context.state.networks.values().flat_map(|network| &network.subnets);
    if taken.into_iter().any(|known| overlap(&known.subnet, &subnet)) {
        return daemon("invalid pool request: Pool overlaps with other one on this address space");
    }
    let range = net(&said.range);
    let edges = ipam::edges(&subnet);
    let asked: Option<IpAddr> = said.gateway.parse().ok();
    if let Some(gateway) = asked.filter(|gateway| edges.contains(gateway)) {
        return daemon(format!("failed to allocate gateway ({gateway}): Address already in use"));
    }
    let Some(gateway) = asked.or_else(|| ipam::addresses_of(&range.unwrap_or(subnet), &subnet).next()) else {
        return daemon("failed to allocate gateway (): no available addresses on this pool");
    };
    let mut auxiliary: BTreeMap<String, IpAddr> = BTreeMap::new();
    for (name, text) in &said.auxiliary {
        let Ok(address) = text.parse::<IpAddr>() else { continue };
        if address == gateway || edges.contains(&address) || auxiliary.values().any(|known| *known == address) {
            return daemon(format!("failed to allocate secondary ip address ({name}:{address}): Address already in use"));
        }
        auxiliary.insert(name.clone(), address);
    }
    Ok(Subnet { subnet, range, gateway, gateway_shown: asked.is_some(), chosen: false, auxiliary })
}
