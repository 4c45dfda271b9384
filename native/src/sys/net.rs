//! Network interfaces by ioctl, where netlink would be too much: bringing `lo` up in a new network namespace.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use glassbox_core::errno::Errno;

use super::{Result, check};

/// Brings the interface up: SIOCGIFFLAGS, then SIOCSIFFLAGS with IFF_UP, netdevice(7). Needs CAP_NET_ADMIN in the user
/// namespace that owns the network namespace. ENODEV: no such interface.
pub fn set_interface_up(name: &str) -> Result<()> {
    let socket = control_socket()?;
    let mut request = interface_request(name)?;
    let flags = read_flags(&socket, &mut request)?;
    request.ifr_ifru.ifru_flags = flags | libc::IFF_UP as libc::c_short;
    // SAFETY: `request` is a whole ifreq with a terminated name and with its flags set, which is what SIOCSIFFLAGS reads.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &request) })?;
    Ok(())
}

/// Whether IFF_UP is set: SIOCGIFFLAGS, netdevice(7).
pub fn is_interface_up(name: &str) -> Result<bool> {
    let flags = read_flags(&control_socket()?, &mut interface_request(name)?)?;
    Ok(i32::from(flags) & libc::IFF_UP != 0)
}

fn read_flags(socket: &OwnedFd, request: &mut libc::ifreq) -> Result<libc::c_short> {
    // SAFETY: `request` is a whole ifreq with a terminated name; the kernel writes into its union.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS as _, request as *mut libc::ifreq) })?;
    // SAFETY: the call succeeded, so the flags are the member of the union that the kernel has written.
    Ok(unsafe { request.ifr_ifru.ifru_flags })
}

/// A socket of any kind serves: the ioctl reaches the network namespace through it.
fn control_socket() -> Result<OwnedFd> {
    // SAFETY: no pointers.
    let fd = check(unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) })?;
    // SAFETY: the descriptor is new and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// An ifreq with this name. EINVAL where the name is empty, too long (IFNAMSIZ) or holds a NUL.
fn interface_request(name: &str) -> Result<libc::ifreq> {
    // SAFETY: ifreq is plain data; zeros are a valid value of each of its members.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if name.is_empty() || name.len() >= request.ifr_name.len() || name.contains('\0') {
        return Err(Errno::EINVAL);
    }
    for (slot, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *slot = byte as libc::c_char;
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_too_long_is_refused_before_any_call() {
        assert_eq!(set_interface_up("0123456789abcdef").unwrap_err(), Errno::EINVAL);
        assert_eq!(set_interface_up("").unwrap_err(), Errno::EINVAL);
    }

    #[test]
    fn an_interface_that_is_not_there() {
        assert_eq!(is_interface_up("glassbox-none").unwrap_err(), Errno::ENODEV);
    }
}
