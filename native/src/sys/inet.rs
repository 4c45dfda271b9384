//! A socket at an address of the internet protocols, ip(7), ipv6(7): the standard library's own can be bound only together with options
//! that are not wanted here.

use std::mem::{size_of, size_of_val};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use glassbox_core::errno::Errno;
use glassbox_core::net::Protocol;

use super::file::duplicate_above;
use super::{Result, check};

/// How many may wait to be accepted; the kernel takes net.core.somaxconn where that is less.
const WAITING_MAX: libc::c_int = 4096;
/// 0, 1 and 2 are the standard streams, which may be closed or change.
const LOWEST: i32 = 3;

/// socket(2), bind(2), and listen(2) where the protocol has connections. A socket at `::` takes IPv6 alone, so that another can have the
/// same port of IPv4. EADDRINUSE: somebody has it. EADDRNOTAVAIL: the address is not this machine's. EPROTONOSUPPORT, EAFNOSUPPORT: the
/// kernel does not know the protocol. EACCES: the port is kept for root.
pub fn listen(protocol: Protocol, at: SocketAddr) -> Result<OwnedFd> {
    let (kind, number) = match protocol {
        Protocol::Tcp => (libc::SOCK_STREAM, libc::IPPROTO_TCP),
        Protocol::Udp => (libc::SOCK_DGRAM, libc::IPPROTO_UDP),
        Protocol::Sctp => (libc::SOCK_STREAM, libc::IPPROTO_SCTP),
    };
    let family = if at.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    // SAFETY: socket takes no pointers.
    let fd = check(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, number) })?;
    // SAFETY: the descriptor is new and nobody else owns it.
    let low = unsafe { OwnedFd::from_raw_fd(fd) };
    let fd = if fd < LOWEST { duplicate_above(&low, LOWEST)? } else { low };
    if protocol != Protocol::Udp {
        // A connection that has just ended does not keep the port.
        set_option(&fd, libc::SOL_SOCKET, libc::SO_REUSEADDR)?;
    }
    if at.is_ipv6() {
        set_option(&fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY)?;
    }
    bind(&fd, at)?;
    if protocol != Protocol::Udp {
        // SAFETY: the descriptor is a bound socket.
        check(unsafe { libc::listen(fd.as_raw_fd(), WAITING_MAX) })?;
    }
    Ok(fd)
}

/// shutdown(2) of a socket that listens, with all its copies: connections are refused, while the port stays taken.
pub fn stop_listening(socket: &impl AsRawFd) -> Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::shutdown(socket.as_raw_fd(), libc::SHUT_RD) })?;
    Ok(())
}

/// setsockopt(2) of an option that is on or off: on.
fn set_option(fd: &OwnedFd, level: libc::c_int, name: libc::c_int) -> Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the value is an int, whose size is told, and the call only reads it.
    check(unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, (&raw const on).cast(), size_of_val(&on) as libc::socklen_t) })?;
    Ok(())
}

fn bind(fd: &OwnedFd, at: SocketAddr) -> Result<()> {
    match at {
        SocketAddr::V4(at) => {
            let address = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: at.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(at.ip().octets()) },
                sin_zero: [0; 8],
            };
            bind_to(fd, &address)
        }
        SocketAddr::V6(at) => {
            let address = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: at.port().to_be(),
                sin6_flowinfo: at.flowinfo(),
                sin6_addr: libc::in6_addr { s6_addr: at.ip().octets() },
                sin6_scope_id: at.scope_id(),
            };
            bind_to(fd, &address)
        }
    }
}

fn bind_to<T>(fd: &OwnedFd, address: &T) -> Result<()> {
    let length = libc::socklen_t::try_from(size_of::<T>()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the address is plain data of the length that is told, and the call only reads it.
    check(unsafe { libc::bind(fd.as_raw_fd(), std::ptr::from_ref(address).cast(), length) })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_port_is_held_by_one_and_the_two_families_are_apart() {
        let first = TcpListener::from(listen(Protocol::Tcp, ([127, 0, 0, 1], 0).into()).unwrap());
        let at = first.local_addr().unwrap();
        assert!(first.as_raw_fd() >= LOWEST);
        assert_eq!(listen(Protocol::Tcp, at).unwrap_err(), Errno::EADDRINUSE);
        drop(listen(Protocol::Udp, at).unwrap());
        assert_eq!(listen(Protocol::Tcp, ([192, 0, 2, 77], 0).into()).unwrap_err(), Errno::EADDRNOTAVAIL);
        match listen(Protocol::Tcp, ([0u16; 8], at.port()).into()) {
            // Without IPv6 there is nothing to be apart from.
            Ok(_) | Err(Errno(libc::EAFNOSUPPORT)) => {}
            Err(errno) => panic!("{errno}"),
        }
    }
}
