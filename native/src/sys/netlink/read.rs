//! What there is: the kernel's lists of interfaces, addresses and routes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use glassbox_core::errno::Errno;
use glassbox_core::net::{InterfaceFact, LinkKind, MacAddress, RouteFact, everywhere};
use ipnet::IpNet;
use netlink_bindings::rt_addr::{self, Ifaddrmsg};
use netlink_bindings::rt_link::{self, Ifinfomsg};
use netlink_bindings::rt_route::{self, Rtmsg};

use super::Netlink;
use crate::sys::{Result, errno_of};

/// `kind` of a device that is no virtual one.
fn kind(word: &str, is_loopback: bool) -> LinkKind {
    match word {
        _ if is_loopback => LinkKind::Loopback,
        "bridge" => LinkKind::Bridge,
        "veth" => LinkKind::Veth,
        _ => LinkKind::Device,
    }
}

impl Netlink {
    /// The interfaces with their addresses, in the order of their numbers.
    pub fn interfaces(&mut self) -> Result<Vec<InterfaceFact>> {
        let mut links = self.links()?;
        let names: BTreeMap<u32, String> = links.iter().map(|(index, (fact, _))| (*index, fact.name.clone())).collect();
        for (index, address) in self.addresses()? {
            if let Some((fact, _)) = links.get_mut(&index) {
                fact.addresses.push(address);
            }
        }
        let shown = |(mut fact, master): (InterfaceFact, Option<u32>)| {
            fact.master = master.and_then(|master| names.get(&master).cloned());
            fact
        };
        Ok(links.into_values().map(shown).collect())
    }

    /// The interfaces by their numbers, each with the number of the bridge that it is a port of.
    fn links(&mut self) -> Result<BTreeMap<u32, (InterfaceFact, Option<u32>)>> {
        let request = rt_link::Request::new().op_getlink_dump(&Ifinfomsg::new());
        let mut reply = self.socket.request(&request).map_err(|error| errno_of(&error))?;
        let mut found = BTreeMap::new();
        while let Some(answer) = reply.recv() {
            let (header, attributes) = answer.map_err(|error| errno_of(error.as_io_error()))?;
            let index = u32::try_from(header.ifi_index).map_err(|_| Errno::EINVAL)?;
            let name = attributes.get_ifname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let info = attributes.get_linkinfo().ok();
            let word = info.and_then(|info| Some(info.get_kind().ok()?.to_string_lossy().into_owned())).unwrap_or_default();
            let bytes = attributes.get_address().ok().and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
            let fact = InterfaceFact {
                name,
                kind: kind(&word, header.ifi_flags & libc::IFF_LOOPBACK as u32 != 0),
                up: header.ifi_flags & libc::IFF_UP as u32 != 0,
                mac: MacAddress(bytes),
                mtu: attributes.get_mtu().unwrap_or_default(),
                master: None,
                addresses: Vec::new(),
            };
            found.insert(index, (fact, attributes.get_master().ok()));
        }
        Ok(found)
    }

    /// Addresses with the numbers of their interfaces, those of IPv4 first, without link-local ones of IPv6.
    fn addresses(&mut self) -> Result<Vec<(u32, IpNet)>> {
        let request = rt_addr::Request::new().op_getaddr_dump(&Ifaddrmsg::new());
        let mut reply = self.socket.request(&request).map_err(|error| errno_of(&error))?;
        let mut found = Vec::new();
        while let Some(answer) = reply.recv() {
            let (header, attributes) = answer.map_err(|error| errno_of(error.as_io_error()))?;
            // Of a point-to-point link IFA_ADDRESS is the other end's, and IFA_LOCAL is not told for IPv6.
            let Ok(address) = attributes.get_local().or_else(|_| attributes.get_address()) else { continue };
            let Ok(whole) = IpNet::new(address, header.ifa_prefixlen) else { continue };
            if !is_by_itself(&whole) {
                found.push((header.ifa_index, whole));
            }
        }
        found.sort_by_key(|(_, address)| address.addr().is_ipv6());
        Ok(found)
    }

    /// The main routing tables, as `ip route` and `ip -6 route` show them, without what the kernel adds for IPv6 by itself.
    pub fn routes(&mut self) -> Result<Vec<RouteFact>> {
        let names: BTreeMap<u32, String> = self.links()?.into_iter().map(|(index, (fact, _))| (index, fact.name)).collect();
        let request = rt_route::Request::new().op_getroute_dump(&Rtmsg::new());
        let mut reply = self.socket.request(&request).map_err(|error| errno_of(&error))?;
        let mut found = Vec::new();
        while let Some(answer) = reply.recv() {
            let (header, attributes) = answer.map_err(|error| errno_of(error.as_io_error()))?;
            let Some(interface) = attributes.get_oif().ok().and_then(|index| names.get(&index).cloned()) else { continue };
            let gateway = attributes.get_gateway().ok();
            let unspecified: IpAddr = if i32::from(header.rtm_family) == libc::AF_INET6 {
                std::net::Ipv6Addr::UNSPECIFIED.into()
            } else {
                std::net::Ipv4Addr::UNSPECIFIED.into()
            };
            let destination = match attributes.get_dst() {
                Ok(address) => IpNet::new(address, header.rtm_dst_len).map_err(|_| Errno::EINVAL)?,
                Err(_) => everywhere(unspecified),
            };
            let is_main = header.rtm_table == libc::RT_TABLE_MAIN && header.rtm_type == libc::RTN_UNICAST;
            if is_main && interface != "lo" && !is_by_itself(&destination) {
                found.push(RouteFact { destination, gateway, interface });
            }
        }
        found.sort();
        Ok(found)
    }
}

/// Link-local and multicast addresses of IPv6, which every interface has.
fn is_by_itself(address: &IpNet) -> bool {
    match address {
        IpNet::V4(_) => false,
        IpNet::V6(address) => address.addr().is_unicast_link_local() || address.addr().is_multicast(),
    }
}
