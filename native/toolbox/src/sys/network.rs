//! A question to another machine.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use glassbox_core::errno::Errno;
use glassbox_core::userland::SysResult;

/// The longest datagram.
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// Sends a datagram and waits for the one that comes back.
pub fn ask(to: SocketAddr, question: &[u8], milliseconds_max: u32) -> SysResult<Vec<u8>> {
    exchange(to, question, milliseconds_max).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Errno::ETIMEDOUT,
        _ => error.raw_os_error().map_or(Errno::EIO, Errno),
    })
}

fn exchange(to: SocketAddr, question: &[u8], milliseconds_max: u32) -> io::Result<Vec<u8>> {
    let socket = match to {
        SocketAddr::V4(_) => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?,
        SocketAddr::V6(_) => UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?,
    };
    socket.connect(to)?;
    socket.send(question)?;
    socket.set_read_timeout(Some(Duration::from_millis(milliseconds_max.max(1).into())))?;
    let mut answer = vec![0; DATAGRAM_BYTES_MAX];
    let length = socket.recv(&mut answer)?;
    answer.truncate(length);
    Ok(answer)
}
