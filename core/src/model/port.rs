//! Published ports: what was asked for, and what a container that runs has. Names follow `HostConfig.PortBindings` and
//! `NetworkSettings.Ports` of `docker inspect`.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Container, Endpoint};
use crate::net::Protocol;

/// A port of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ContainerPort {
    /// 0 to 65535.
    pub number: u16,
    /// Of which protocol.
    pub protocol: Protocol,
}

impl ContainerPort {
    /// `80/tcp`; `None`: it is no port.
    pub fn parse(text: &str) -> Option<ContainerPort> {
        let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        Some(ContainerPort { number: number.parse().ok()?, protocol: Protocol::of(protocol)? })
    }
}

impl fmt::Display for ContainerPort {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.number, self.protocol.word())
    }
}

/// `-p`: a port of the container, and where on the host it is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortBinding {
    /// Which.
    pub port: ContainerPort,
    /// At which of the host's addresses; `None`: at all.
    pub address: Option<IpAddr>,
    /// One of these ports, the first that is free; `None`: any.
    pub host: Option<(u16, u16)>,
}

impl PortBinding {
    /// `HostPort` of `docker inspect`: `8080`, `9000-9010`, or nothing.
    pub fn host_word(&self) -> String {
        match self.host {
            None => String::new(),
            Some((first, last)) if first == last => first.to_string(),
            Some((first, last)) => format!("{first}-{last}"),
        }
    }

    /// The host's port is left to the engine.
    pub fn is_free(&self) -> bool {
        matches!(self.host, None | Some((0, 0)))
    }
}

/// What a container publishes: `-p` and `-P`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Publishing {
    /// `-p`, in the order in which they were said.
    pub bindings: Vec<PortBinding>,
    /// `-P`: every exposed port that is not among these.
    pub all: bool,
}

/// A port of the host that leads to a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedPort {
    /// The container's.
    pub port: ContainerPort,
    /// The host's address; 0.0.0.0 and :: are all of their family.
    pub address: IpAddr,
    /// The host's port.
    pub host: u16,
    /// The engine has chosen it.
    #[serde(default)]
    pub chosen: bool,
}

impl PublishedPort {
    /// `0.0.0.0:8080`, `[::]:8080`
    pub fn at(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.host)
    }

    /// Both want the same port of the host at an address that both have.
    pub fn clashes(&self, other: &PublishedPort) -> bool {
        let same_port = self.host == other.host && self.port.protocol == other.port.protocol;
        same_port && addresses_meet(self.address, other.address)
    }
}

/// The same address, or one of them is all of the family.
pub fn addresses_meet(one: IpAddr, other: IpAddr) -> bool {
    one == other || one.is_ipv4() == other.is_ipv4() && (one.is_unspecified() || other.is_unspecified())
}

/// The addresses that a port is published at where none is said.
pub const EVERYWHERE: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];

impl Endpoint {
    /// Where the packets of a port go: to the address of the same family, if there is one.
    pub fn target_of(&self, port: &PublishedPort) -> Option<SocketAddr> {
        let same = |address: &&IpNet| address.addr().is_ipv4() == port.address.is_ipv4();
        self.addresses.iter().find(same).map(|address| SocketAddr::new(address.addr(), port.port.number))
    }

    /// Where a process brings what comes to a port: it may be of the other family.
    pub fn passed_to(&self, port: &PublishedPort) -> Option<SocketAddr> {
        let any = || self.addresses.first().map(|address| SocketAddr::new(address.addr(), port.port.number));
        self.target_of(port).or_else(any)
    }
}

impl Container {
    /// Where a process brings what comes to a port that it has published; `None`: it has not.
    pub fn passed_to(&self, port: &PublishedPort) -> Option<SocketAddr> {
        let endpoints = self.networks.iter().filter_map(|attachment| attachment.endpoint.as_ref());
        endpoints.into_iter().find(|endpoint| endpoint.ports.contains(port))?.passed_to(port)
    }

    /// It asks for ports of the host.
    pub fn publishes(&self) -> bool {
        self.host.publishing.all || !self.host.publishing.bindings.is_empty()
    }

    /// What it has published now, in the order in which it was asked for.
    pub fn published(&self) -> impl Iterator<Item = &PublishedPort> {
        self.networks.iter().filter_map(|attachment| attachment.endpoint.as_ref()).flat_map(|endpoint| &endpoint.ports)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_clash_where_an_address_is_both_theirs() {
        let port = |at: &str| {
            let at: SocketAddr = at.parse().unwrap();
            PublishedPort { port: ContainerPort::parse("80/tcp").unwrap(), address: at.ip(), host: at.port(), chosen: false }
        };
        let clash = |one, other| port(one).clashes(&port(other));
        assert!(clash("0.0.0.0:80", "127.0.0.1:80") && clash("127.0.0.1:80", "0.0.0.0:80") && clash("[::1]:80", "[::]:80"));
        assert!(!clash("127.0.0.1:80", "192.0.2.1:80") && !clash("0.0.0.0:80", "[::]:80") && !clash("0.0.0.0:80", "0.0.0.0:81"));
        let udp = PublishedPort { port: ContainerPort::parse("80/udp").unwrap(), ..port("0.0.0.0:80") };
        assert!(!udp.clashes(&port("0.0.0.0:80")));
    }

    #[test]
    fn ports_are_read() {
        assert_eq!(ContainerPort::parse("53/udp").map(|port| port.to_string()), Some("53/udp".into()));
        assert_eq!(ContainerPort::parse("80").map(|port| port.to_string()), Some("80/tcp".into()));
        assert_eq!((ContainerPort::parse("x"), ContainerPort::parse("1/x"), ContainerPort::parse("70000")), (None, None, None));
    }
}
