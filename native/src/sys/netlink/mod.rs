//! rtnetlink(7): interfaces, addresses and routes of a network namespace, as messages to the kernel and its answers.
//!
//! A socket belongs for ever to the namespace that it was opened in (network_namespaces(7)): [`Netlink::open`] opens it at once, so that
//! whoever holds one can go back to her own namespace and still speak to the other.

mod nft;
mod read;
mod rules;

pub use nft::Nft;

use std::ffi::CString;
use std::fs::File;
use std::net::IpAddr;
use std::os::fd::AsRawFd;

use glassbox_core::errno::Errno;
use glassbox_core::net::MacAddress;
use ipnet::IpNet;
use netlink_bindings::rt_addr::{self, Ifaddrmsg};
use netlink_bindings::rt_link::{self, Ifinfomsg};
use netlink_bindings::rt_route::{self, Rtmsg};
use netlink_bindings::traits::{NetlinkRequest, Pusher};
use netlink_bindings::utils::{finalize_nested_header, push_nested_header};
use netlink_socket2::NetlinkSocket;

use super::Result;

/// The nested attribute of a link's kind that holds what the kind needs: linux/if_link.h.
const INFO_DATA: u16 = 2;
/// In that of a veth: the other end.
const VETH_INFO_PEER: u16 = 1;

/// A conversation with the kernel about one network namespace.
pub struct Netlink {
    socket: NetlinkSocket,
}

impl Netlink {
    /// Opens a socket in the calling thread's network namespace.
    pub fn open() -> Result<Netlink> {
        let mut netlink = Netlink { socket: NetlinkSocket::new() };
        // The library opens its socket with the first question.
        netlink.index("lo").map(drop)?;
        Ok(netlink)
    }

    /// Makes a bridge. EEXIST: there is an interface of this name.
    pub fn create_bridge(&mut self, name: &str, mac: MacAddress, mtu: u32) -> Result<()> {
        let mut request = rt_link::Request::new().set_create().set_excl().op_newlink_do(&Ifinfomsg::new());
        request
            .encode()
            .push_ifname(&c_name(name)?)
            .push_mtu(mtu)
            .push_address(&mac.0)
            .nested_linkinfo()
            .push_kind(c"bridge")
            .end_nested();
        self.send(&request)
    }

    /// Makes a pair of interfaces: one here, the other with this hardware address in the network namespace behind `far`.
    pub fn create_veth(&mut self, name: &str, far: &File, far_name: &str, mac: MacAddress, mtu: u32) -> Result<()> {
        let mut request = rt_link::Request::new().set_create().set_excl().op_newlink_do(&Ifinfomsg::new());
        let descriptor = u32::try_from(far.as_raw_fd()).map_err(|_| Errno::EBADF)?;
        let mut info = request.encode().push_ifname(&c_name(name)?).push_mtu(mtu).nested_linkinfo().push_kind(c"veth");
        let bytes = info.as_vec_mut();
        let data = push_nested_header(bytes, INFO_DATA);
        let peer = push_nested_header(bytes, VETH_INFO_PEER);
        bytes.extend(Ifinfomsg::new().as_slice());
        let end = rt_link::PushLinkAttrs::new(&mut *bytes);
        drop(end.push_ifname(&c_name(far_name)?).push_mtu(mtu).push_address(&mac.0).push_net_ns_fd(descriptor));
        finalize_nested_header(bytes, peer);
        finalize_nested_header(bytes, data);
        info.end_nested();
        self.send(&request)
    }

    /// Makes an interface a port of a bridge.
    pub fn set_master(&mut self, name: &str, bridge: &str) -> Result<()> {
        let (index, master) = (self.index(name)?, self.index(bridge)?);
        let mut request = rt_link::Request::new().op_setlink_do(&header(index));
        request.encode().push_master(master);
        self.send(&request)
    }

    /// Brings an interface up.
    pub fn set_up(&mut self, name: &str) -> Result<()> {
        let up = libc::IFF_UP as u32;
        let header = Ifinfomsg { ifi_flags: up, ifi_change: up, ..header(self.index(name)?) };
        self.send(&rt_link::Request::new().op_setlink_do(&header))
    }

    /// Deletes an interface; of a pair both ends go. ENODEV: there is none of this name.
    pub fn delete(&mut self, name: &str) -> Result<()> {
        let header = header(self.index(name)?);
        self.send(&rt_link::Request::new().op_dellink_do(&header))
    }

    /// Gives an interface an address, with its broadcast address as Linux has it unset. An address of IPv6 is not looked for elsewhere
    /// before it is used (no duplicate address detection): whoever gives it knows that it is free.
    pub fn add_address(&mut self, name: &str, address: IpNet) -> Result<()> {
        const IFA_F_NODAD: u8 = 0x02;
        let mut header = Ifaddrmsg::new();
        header.ifa_family = family(address.addr());
        header.ifa_prefixlen = address.prefix_len();
        header.ifa_index = self.index(name)?;
        header.ifa_flags = if address.addr().is_ipv6() { IFA_F_NODAD } else { 0 };
        let mut request = rt_addr::Request::new().set_create().set_excl().op_newaddr_do(&header);
        request.encode().push_local(address.addr()).push_address(address.addr());
        self.send(&request)
    }

    /// Adds a route by way of a neighbour to the main table. EEXIST: there is one to this destination.
    pub fn add_route(&mut self, destination: IpNet, gateway: IpAddr, name: &str) -> Result<()> {
        self.route(rt_route::Request::new().set_create().set_excl(), destination, gateway, name)
    }

    /// As [`Netlink::add_route`], in place of the one that there is.
    pub fn replace_route(&mut self, destination: IpNet, gateway: IpAddr, name: &str) -> Result<()> {
        self.route(rt_route::Request::new().set_change(), destination, gateway, name)
    }

    fn route(&mut self, request: rt_route::Request<'_>, destination: IpNet, gateway: IpAddr, name: &str) -> Result<()> {
        let index = self.index(name)?;
        let mut request = request.op_newroute_do(&route_header(destination));
        let mut attributes = request.encode();
        if destination.prefix_len() > 0 {
            attributes = attributes.push_dst(destination.network());
        }
        drop(attributes.push_gateway(gateway).push_oif(index));
        self.send(&request)
    }

    /// Removes the route to this destination from the main table. ESRCH: there is none.
    pub fn remove_route(&mut self, destination: IpNet) -> Result<()> {
        let mut request = rt_route::Request::new().op_delroute_do(&route_header(destination));
        if destination.prefix_len() > 0 {
            drop(request.encode().push_dst(destination.network()));
        }
        self.send(&request)
    }

    /// The number of an interface. ENODEV: there is none of this name.
    fn index(&mut self, name: &str) -> Result<u32> {
        let mut request = rt_link::Request::new().op_getlink_do(&Ifinfomsg::new());
        request.encode().push_ifname(&c_name(name)?);
        let mut reply = self.socket.request(&request).map_err(|error| super::errno_of(&error))?;
        let (header, _) = reply.recv_one().map_err(|error| super::errno_of(error.as_io_error()))?;
        u32::try_from(header.ifi_index).map_err(|_| Errno::ENODEV)
    }

    fn send<Request: NetlinkRequest>(&mut self, request: &Request) -> Result<()> {
        let mut reply = self.socket.request(request).map_err(|error| super::errno_of(&error))?;
        reply.recv_ack().map_err(|error| super::errno_of(error.as_io_error()))
    }
}

fn header(index: u32) -> Ifinfomsg {
    Ifinfomsg { ifi_index: i32::try_from(index).unwrap_or_default(), ..Ifinfomsg::new() }
}

fn route_header(destination: IpNet) -> Rtmsg {
    let mut header = Rtmsg::new();
    header.rtm_family = family(destination.addr());
    header.rtm_dst_len = destination.prefix_len();
    header.rtm_table = libc::RT_TABLE_MAIN;
    header.rtm_protocol = libc::RTPROT_BOOT;
    header.rtm_scope = libc::RT_SCOPE_UNIVERSE;
    header.rtm_type = libc::RTN_UNICAST;
    header
}

fn family(address: IpAddr) -> u8 {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    u8::try_from(family).unwrap_or_default()
}

fn c_name(name: &str) -> Result<CString> {
    CString::new(name).map_err(|_| Errno::EINVAL)
}
