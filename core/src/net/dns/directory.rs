//! Whom a container can name: names and addresses, network by network.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A name server that is asked where nothing is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upstream {
    /// Where it listens, at port 53.
    pub address: IpAddr,
    /// It is the host's own and is asked as the host asks it; else from within the container's network.
    pub of_host: bool,
}

/// Those who are in one network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// The network's name.
    network: String,
    /// Names of the container's own for others: `--link`.
    links: BTreeMap<String, String>,
    /// Who has a name; of several the first that came is the first.
    names: BTreeMap<String, Vec<IpAddr>>,
    /// The name of who has an address.
    owners: BTreeMap<IpAddr, String>,
}

impl Neighbours {
    /// Nobody yet.
    pub fn of(network: &str) -> Neighbours {
        Neighbours { network: network.to_string(), ..Neighbours::default() }
    }

    /// Somebody by a name. The first name of an address is the one that it is called by.
    pub fn add(&mut self, name: &str, addresses: &[IpAddr]) {
        let known = self.names.entry(name.to_lowercase()).or_default();
        for address in addresses {
            if !known.contains(address) {
                known.push(*address);
            }
            self.owners.entry(*address).or_insert_with(|| name.to_string());
        }
    }

    /// A name of the container's own for somebody.
    pub fn link(&mut self, alias: &str, name: &str) {
        self.links.insert(alias.to_lowercase(), name.to_lowercase());
    }

    /// By a name of the container's own, or as everybody calls it; a name that is the container's own for somebody is nobody else's.
    fn find(&self, name: &str, own: bool) -> Option<&[IpAddr]> {
        let name = match (own, self.links.get(name)) {
            (true, Some(name)) => name.as_str(),
            (false, None) => name,
            _ => return None,
        };
        self.names.get(name).map(Vec::as_slice)
    }
}

/// Whom a container can name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// Network by network, in the order in which they are looked through.
    pub networks: Vec<Neighbours>,
    /// One of the networks leads out of the machine. Where none does the host's servers are not asked: a name would be a way out too.
    pub leads_out: bool,
    /// Who is asked otherwise.
    pub servers: Vec<Upstream>,
    /// `ndots` was said: a name without a dot is not asked of others, the caller tries it with its domains.
    pub ndots_said: bool,
}

impl Directory {
    /// Who is asked where nothing is known here, in this order.
    pub fn upstream(&self) -> impl Iterator<Item = Upstream> {
        self.servers.iter().copied().filter(|server| self.leads_out || !server.of_host)
    }

    /// The addresses behind a name in lower case, of both families. `a.b` is `a.b` in any of the networks, or `a` in the network `b`.
    pub fn addresses(&self, name: &str) -> Option<&[IpAddr]> {
        let dots = name.char_indices().rev().filter(|(_, letter)| *letter == '.').map(|(at, _)| at);
        let parts = dots.filter_map(|at| Some((name.get(..at)?, Some(name.get(at + 1..)?))));
        std::iter::once((name, None)).chain(parts).find_map(|(host, network)| self.within(host, network))
    }

    fn within(&self, host: &str, network: Option<&str>) -> Option<&[IpAddr]> {
        let all = || self.networks.iter().filter(|known| network.is_none_or(|network| known.network.to_lowercase() == network));
        [true, false].into_iter().find_map(|own| all().find_map(|known| known.find(host, own)))
    }

    /// Who has an address: `NAME.NETWORK`.
    pub fn owner(&self, address: IpAddr) -> Option<String> {
        self.networks.iter().find_map(|known| Some(format!("{}.{}", known.owners.get(&address)?, known.network)))
    }
}

/// The address that a name of `in-addr.arpa` or `ip6.arpa` means: RFC 1035, 3.5, and RFC 3596, 2.5.
pub fn pointed_at(name: &str) -> Option<IpAddr> {
    if let Some(reversed) = name.strip_suffix(".in-addr.arpa") {
        let parts: Vec<&str> = reversed.split('.').rev().collect();
        return parts.join(".").parse::<Ipv4Addr>().ok().map(IpAddr::V4);
    }
    let reversed = name.strip_suffix(".ip6.arpa")?;
    let digits: Vec<u8> = reversed
        .split('.')
        .rev()
        .map(|digit| u8::from_str_radix(digit, 16).ok().filter(|_| digit.len() == 1))
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
    <[u8; 16]>::try_from(bytes).ok().filter(|_| digits.len() == 32).map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes)))
}
