//! Asking others: the host's name servers from the host, those that were said with `--dns` from within the container's network.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use glassbox_core::net::dns::{self, Reply, Upstream};

use crate::sys::process::{CloneFlags, set_namespace};

/// A server that does not answer for so long is given up, as Docker does.
const PATIENCE: Duration = Duration::from_secs(4);
/// More questions at once are refused.
const QUESTIONS_MAX: usize = 256;
/// The longest answer.
const ANSWER_BYTES_MAX: usize = 65_535;
/// What a question and an answer begin with.
const HEADER_BYTES: usize = 12;

/// Who asks ahead for a container.
pub struct Ahead {
    namespace: OwnedFd,
    under_way: AtomicUsize,
}

impl Ahead {
    /// `namespace`: the container's network.
    pub fn new(namespace: OwnedFd) -> Ahead {
        Ahead { namespace, under_way: AtomicUsize::new(0) }
    }

    /// Asks, and sends the answer back when it has come, without waiting for it.
    pub fn datagram(self: &Arc<Ahead>, query: &[u8], servers: Vec<Upstream>, socket: &Arc<UdpSocket>, asker: SocketAddr) {
        if self.under_way.fetch_add(1, Ordering::Relaxed) >= QUESTIONS_MAX {
            self.under_way.fetch_sub(1, Ordering::Relaxed);
            return send(socket, dns::refusal(query), asker);
        }
        let (ahead, query, to) = (self.clone(), query.to_vec(), socket.clone());
        let begun = super::spawn(move || {
            let answer = servers.iter().find_map(|server| ahead.ask(&query, server, false).ok());
            send(&to, answer.map_or_else(|| dns::failure(&query), Reply::Answer), asker);
            ahead.under_way.fetch_sub(1, Ordering::Relaxed);
        });
        if begun.is_err() {
            self.under_way.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Asks over a connection, and waits. Called by a thread of the connection's own.
    pub fn over_connection(&self, query: &[u8], servers: &[Upstream]) -> Option<Vec<u8>> {
        let home = std::fs::File::open("/proc/thread-self/ns/net").ok()?;
        let answer = servers.iter().find_map(|server| {
            let answer = self.ask(query, server, true);
            // Where it had to go to the container's network, it comes back.
            set_namespace(&home, CloneFlags::NEW_NET).ok()?;
            answer.ok()
        });
        match answer.map_or_else(|| dns::failure(query), Reply::Answer) {
            Reply::Answer(bytes) => Some(bytes),
            Reply::Forward | Reply::Drop => None,
        }
    }

    /// One server. Of one that has failed or refuses the next is asked.
    fn ask(&self, query: &[u8], server: &Upstream, connect: bool) -> io::Result<Vec<u8>> {
        if !server.of_host {
            set_namespace(&self.namespace, CloneFlags::NEW_NET).map_err(|errno| io::Error::other(errno.to_string()))?;
        }
        let at = SocketAddr::new(server.address, dns::PORT);
        let answer = if connect { over_tcp(query, at)? } else { over_udp(query, at)? };
        const SERVER_FAILURE: u8 = 2;
        const REFUSED: u8 = 5;
        match answer.get(3).map(|byte| byte & 0xf) {
            None | Some(SERVER_FAILURE | REFUSED) => Err(io::ErrorKind::Other.into()),
            Some(_) => Ok(answer),
        }
    }
}

fn send(socket: &UdpSocket, reply: Reply, asker: SocketAddr) {
    if let Reply::Answer(bytes) = reply {
        drop(socket.send_to(&bytes, asker));
    }
}

fn over_udp(query: &[u8], at: SocketAddr) -> io::Result<Vec<u8>> {
    let any: IpAddr = if at.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(at)?;
    socket.send(query)?;
    let began = Instant::now();
    let mut answer = vec![0; ANSWER_BYTES_MAX];
    loop {
        let left = PATIENCE.checked_sub(began.elapsed()).filter(|left| !left.is_zero()).ok_or(io::ErrorKind::TimedOut)?;
        socket.set_read_timeout(Some(left))?;
        let length = socket.recv(&mut answer)?;
        // An answer to another question is nobody's.
        if length >= HEADER_BYTES && answer.get(..2) == query.get(..2) {
            answer.truncate(length);
            return Ok(answer);
        }
    }
}

fn over_tcp(query: &[u8], at: SocketAddr) -> io::Result<Vec<u8>> {
    let mut server = TcpStream::connect_timeout(&at, PATIENCE)?;
    server.set_read_timeout(Some(PATIENCE))?;
    server.set_write_timeout(Some(PATIENCE))?;
    let length = u16::try_from(query.len()).map_err(|_| io::ErrorKind::InvalidInput)?.to_be_bytes();
    server.write_all(&[&length[..], query].concat())?;
    let mut length = [0; 2];
    server.read_exact(&mut length)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    server.read_exact(&mut answer)?;
    Ok(answer)
}
