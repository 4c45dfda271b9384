//! Which addresses networks and containers get: the rules of Docker's own address management.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::BTreeSet;

use ipnet::IpNet;

use super::super::Context;
use crate::model::{DEFAULT_NETWORK, EndpointSpec, Network, State, Subnet};
use crate::net::overlap;

/// Docker's pools of subnets of IPv4 (moby libnetwork/ipamutils): a range, and how long the prefixes are that are cut from it.
const POOLS: [(&str, u8); 7] = [
    ("172.17.0.0/16", 16),
    ("172.18.0.0/16", 16),
    ("172.19.0.0/16", 16),
    ("172.20.0.0/14", 16),
    ("172.24.0.0/14", 16),
    ("172.28.0.0/14", 16),
    ("192.168.0.0/16", 20),
];

/// The first subnet of the pools that neither a network nor a route or an address of the host has something of.
pub(super) fn free_subnet(context: &Context<'_>) -> Option<IpNet> {
    free_subnets(context).next()
}

/// As [`free_subnet`], for a network that somebody makes: the first is the default network's, which Docker makes before all others.
pub(super) fn free_subnet_of_others(context: &Context<'_>) -> Option<IpNet> {
    let default = context.state.network(DEFAULT_NETWORK).ok();
    let was_made = default.is_none_or(|network| !network.subnets.is_empty());
    free_subnets(context).nth(usize::from(!was_made))
}

fn free_subnets(context: &Context<'_>) -> impl Iterator<Item = IpNet> + use<> {
    let of_networks = context.state.networks.values().flat_map(|network| network.subnets.iter().map(|subnet| subnet.subnet));
    let host = &context.host.network;
    let of_host = host.interfaces.iter().flat_map(|link| link.addresses.iter().copied());
    let routes = host.routes.iter().map(|route| route.destination).filter(|destination| destination.prefix_len() > 0);
    let taken: Vec<IpNet> = of_networks.chain(of_host).chain(routes).collect();
    let pools = POOLS.iter().filter_map(|(range, length)| Some((range.parse::<IpNet>().ok()?, *length)));
    let candidates = pools.flat_map(|(range, length)| range.subnets(length).into_iter().flatten());
    candidates.filter(move |candidate| !taken.iter().any(|taken| overlap(taken, candidate)))
}

/// A subnet of IPv6 that is nobody's (RFC 4193): fd, 40 bits that follow from the data root, a number that no network has.
pub(super) fn free_unique_local(context: &Context<'_>) -> IpNet {
    let digest: Vec<u8> = super::digest(&["unique local addresses", &context.host.data_root]).collect();
    let part = |at: usize| {
        u16::from_be_bytes([digest.get(at).copied().unwrap_or_default(), digest.get(at + 1).copied().unwrap_or_default()])
    };
    let first = 0xfd00 | part(0) & 0xff;
    let candidate = |number: u16| {
        let address = Ipv6Addr::new(first, part(2), part(4), number, 0, 0, 0, 0);
        IpNet::new(IpAddr::V6(address), 64).unwrap_or_else(|_| IpNet::from(IpAddr::V6(address)))
    };
    let taken = |net: &IpNet| {
        let subnets = context.state.networks.values().flat_map(|network| &network.subnets);
        subnets.into_iter().any(|subnet| overlap(&subnet.subnet, net))
    };
    (0..=u16::MAX).map(candidate).find(|net| !taken(net)).unwrap_or_else(|| candidate(0))
}

/// The first address of a subnet that a machine can have: the gateway's, where none is said.
pub(super) fn first(subnet: &IpNet) -> IpAddr {
    addresses_of(subnet, subnet).next().unwrap_or_else(|| subnet.addr())
}

/// The addresses of a subnet that no machine has: the network's own and the broadcast address; of IPv6 the first (RFC 4291, 2.6.1). Where
/// there are only one or two, machines have them.
pub(super) fn edges(subnet: &IpNet) -> Vec<IpAddr> {
    let small = subnet.max_prefix_len() - subnet.prefix_len() < 2;
    match subnet {
        IpNet::V4(_) if small => Vec::new(),
        IpNet::V4(_) => vec![subnet.network(), subnet.broadcast()],
        IpNet::V6(_) => vec![subnet.network()],
    }
}

/// The addresses of a range of a subnet that machines can have, in their order.
pub(super) fn addresses_of(range: &IpNet, subnet: &IpNet) -> impl Iterator<Item = IpAddr> + use<> {
    let edges = edges(subnet);
    let all: Box<dyn Iterator<Item = IpAddr>> = match range {
        IpNet::V4(range) => {
            let (first, last) = (range.network().to_bits(), range.broadcast().to_bits());
            Box::new((first..=last).map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))))
        }
        IpNet::V6(range) => {
            let (first, last) = (range.network().to_bits(), range.broadcast().to_bits());
            Box::new((first..=last).map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))))
        }
    };
    all.filter(move |address| !edges.contains(address))
}

/// A container's addresses in the network, one for each of its subnets, IPv4 first, with their prefixes; Docker's refusal where there is
/// none.
pub(super) fn addresses(network: &Network, spec: &EndpointSpec, state: &State) -> Result<Vec<IpNet>, String> {
    let taken: BTreeSet<IpAddr> =
        state.endpoints_of(network).flat_map(|(_, endpoint)| &endpoint.addresses).map(IpNet::addr).collect();
    let asked = |subnet: &IpNet| match subnet {
        IpNet::V4(_) => spec.ipv4.map(IpAddr::V4),
        IpNet::V6(_) => spec.ipv6.map(IpAddr::V6),
    };
    let of_network = network.subnets.iter().filter(|subnet| network.ipv6 || subnet.subnet.addr().is_ipv4());
    of_network.map(|subnet| address(network, subnet, asked(&subnet.subnet), &taken)).collect()
}

fn address(network: &Network, subnet: &Subnet, asked: Option<IpAddr>, taken: &BTreeSet<IpAddr>) -> Result<IpNet, String> {
    let is_free = |address: &IpAddr| {
        *address != subnet.gateway && !subnet.auxiliary.values().any(|other| other == address) && !taken.contains(address)
    };
    let found = match asked {
        Some(address) if !is_free(&address) || edges(&subnet.subnet).contains(&address) => {
            return Err("Address already in use".to_string());
        }
        Some(address) => Some(address),
        None => addresses_of(&subnet.range.unwrap_or(subnet.subnet), &subnet.subnet).find(is_free),
    };
    let family = if subnet.subnet.addr().is_ipv4() { "IPv4" } else { "IPv6" };
    let none = || format!("no available {family} addresses on this network's address pools: {} ({})", network.name, network.id);
    found.map(|found| super::with_prefix(found, &subnet.subnet)).ok_or_else(none)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: &str, subnet: &str) -> Vec<String> {
        let (range, subnet) = (range.parse().unwrap(), subnet.parse().unwrap());
        addresses_of(&range, &subnet).map(|address| address.to_string()).collect()
    }

    #[test]
    fn machines_have_no_address_at_the_edges_but_in_the_smallest_subnets() {
        assert_eq!(of("10.5.0.0/30", "10.5.0.0/30"), ["10.5.0.1", "10.5.0.2"]);
        assert_eq!(of("10.5.0.0/31", "10.5.0.0/31"), ["10.5.0.0", "10.5.0.1"]);
        assert_eq!(of("10.5.0.0/32", "10.5.0.0/32"), ["10.5.0.0"]);
        // All of a range within the subnet.
        assert_eq!(of("10.5.0.64/31", "10.5.0.0/24"), ["10.5.0.64", "10.5.0.65"]);
        assert_eq!(of("fd00:5::/126", "fd00:5::/126"), ["fd00:5::1", "fd00:5::2", "fd00:5::3"]);
        assert_eq!(of("fd00:5::/128", "fd00:5::/128"), [""; 0]);
    }
}
