//! Names in containers: the process that answers at 127.0.0.11 in a container's network namespace.
//!
//! It stays in the host's network namespace, where it asks the host's name servers, and has two sockets in the container's. What it answers
//! is the core's ([`glassbox_core::net::dns`]); it looks up who is there in the engine's records whenever they have changed. It ends with
//! the container's first process, which it watches: nobody has to end it.

mod ahead;
mod book;

use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use glassbox_core::model::ContainerId;
use glassbox_core::net::Protocol;
use glassbox_core::net::dns::{self, Reply, Transport, Upstream};

use crate::exec::Failure;
use crate::exec::NameCall;
use crate::exec::network::in_namespace;
use crate::forward::Helper;
use crate::store::Store;
use crate::sys::file::{self, Watch};
use crate::sys::inet::listen;
use crate::sys::process::{self, Pid};
use book::Book;

/// The longest question as a datagram.
const QUERY_BYTES_MAX: usize = 65_535;
/// More connections at once are closed.
const CONNECTIONS_MAX: usize = 64;
/// Who asks nothing for so long over a connection is closed: RFC 7766, 6.2.3.
const QUIET: Duration = Duration::from_secs(8);
/// After so many answers it looks whether the container is there still.
const ANSWERS_AT_ONCE: usize = 256;
/// A thread needs little.
const STACK_BYTES: usize = 256 * 1024;

/// Whose names are answered, and whom to ask otherwise.
#[derive(Clone, Debug)]
pub struct Service {
    /// The container.
    pub id: ContainerId,
    /// Who is asked.
    pub servers: Vec<Upstream>,
    /// `ndots` was said.
    pub ndots_said: bool,
}

/// The sockets, before anybody answers.
struct Sockets {
    datagrams: OwnedFd,
    connections: OwnedFd,
}

/// Makes the sockets in the network namespace of `first`, and the process that answers. `None`: somebody does so already.
pub fn start(store: &Store, service: &Service, first: Pid) -> Result<Option<Helper>, Failure> {
    let namespace = File::open(format!("/proc/{first}/ns/net")).call("openat")?;
    let first = process::pidfd_open(first).call("pidfd_open")?;
    let at = SocketAddr::new(IpAddr::V4(dns::ADDRESS), dns::OWN_PORT);
    let made = in_namespace(&namespace, || {
        let datagrams = listen(Protocol::Udp, at).call("bind")?;
        Ok(Sockets { datagrams, connections: listen(Protocol::Tcp, at).call("bind")? })
    });
    let sockets = match made {
        Err(failure) if failure.errno == glassbox_core::errno::Errno::EADDRINUSE => return Ok(None),
        made => made?,
    };
    let kept = [sockets.datagrams.as_raw_fd(), sockets.connections.as_raw_fd(), namespace.as_raw_fd(), first.as_raw_fd()];
    let helper = Helper::start("glassbox-names", &kept, || serve(store, service, &sockets, namespace.as_fd(), &first));
    helper.map(Some).call("clone3")
}

fn serve(store: &Store, service: &Service, sockets: &Sockets, namespace: std::os::fd::BorrowedFd<'_>, first: &OwnedFd) {
    let Ok(datagrams) = sockets.datagrams.try_clone() else { return };
    let Ok(namespace) = namespace.try_clone_to_owned() else { return };
    let ahead = Arc::new(ahead::Ahead::new(namespace));
    if let Ok(connections) = sockets.connections.try_clone() {
        let (store, service, ahead) = (store.clone(), service.clone(), ahead.clone());
        let _ = spawn(move || accept_all(&TcpListener::from(connections), &store, &service, &ahead));
    }
    answer_datagrams(&Arc::new(UdpSocket::from(datagrams)), &mut Book::open(store, service), &ahead, first);
}

fn spawn(work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    thread::Builder::new().stack_size(STACK_BYTES).spawn(work).map(drop)
}

/// Until the container has ended.
fn answer_datagrams(socket: &Arc<UdpSocket>, book: &mut Book, ahead: &Arc<ahead::Ahead>, first: &OwnedFd) {
    if socket.set_nonblocking(true).is_err() {
        return;
    }
    let mut query = vec![0; QUERY_BYTES_MAX];
    loop {
        let mut watches = [Watch::read(first), Watch::read(socket)];
        if file::poll(&mut watches, None).is_err() {
            continue;
        }
        if watches.first().is_some_and(|watch| watch.readable || watch.closed) {
            return;
        }
        for _ in 0..ANSWERS_AT_ONCE {
            let Ok((length, asker)) = socket.recv_from(&mut query) else { break };
            let Some(query) = query.get(..length) else { break };
            match book.answer(query, Transport::Datagram) {
                Reply::Answer(bytes) => drop(socket.send_to(&bytes, asker)),
                Reply::Forward => ahead.datagram(query, book.upstream(), socket, asker),
                Reply::Drop => {}
            }
        }
    }
}

fn accept_all(listener: &TcpListener, store: &Store, service: &Service, ahead: &Arc<ahead::Ahead>) {
    let count = Arc::new(AtomicUsize::new(0));
    loop {
        let Ok((asker, _)) = listener.accept() else {
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        if count.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS_MAX {
            count.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let (store, service, ahead, of_connection) = (store.clone(), service.clone(), ahead.clone(), count.clone());
        let begun = spawn(move || {
            let _ = answer_connection(asker, &mut Book::open(&store, &service), &ahead);
            of_connection.fetch_sub(1, Ordering::Relaxed);
        });
        if begun.is_err() {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Questions one after the other, each behind its length: RFC 1035, 4.2.2.
fn answer_connection(mut asker: TcpStream, book: &mut Book, ahead: &ahead::Ahead) -> std::io::Result<()> {
    asker.set_read_timeout(Some(QUIET))?;
    asker.set_write_timeout(Some(QUIET))?;
    asker.set_nodelay(true)?;
    loop {
        let mut length = [0; 2];
        asker.read_exact(&mut length)?;
        let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
        asker.read_exact(&mut query)?;
        let answer = match book.answer(&query, Transport::Stream) {
            Reply::Forward => ahead.over_connection(&query, &book.upstream()),
            Reply::Answer(bytes) => Some(bytes),
            Reply::Drop => None,
        };
        let Some(answer) = answer else { return Ok(()) };
        let length = u16::try_from(answer.len()).unwrap_or_default().to_be_bytes();
        asker.write_all(&[&length[..], &answer].concat())?;
    }
}
