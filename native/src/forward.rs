//! Passing on what comes to published ports: for what no rule reaches, as what the host sends to itself at 127.0.0.1.
//!
//! A process of its own beside the monitor has the sockets; with the monitor it ends (PR_SET_PDEATHSIG). A connection of TCP is two
//! threads, one for each way; of UDP each sender gets a socket of its own, until it has been quiet for a while.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use glassbox_core::model::{Container, ContainerId, PublishedPort};
use glassbox_core::net::Protocol;
use glassbox_core::userland::Signal;

use crate::journal::Mark;
use crate::store::Store;
use crate::store::record::Edition;
use crate::sys::inet::{listen, stop_listening};
use crate::sys::process::{self, CloneFlags, CloneResult, Pid};
use crate::sys::{Result, file, wait};

/// More connections at once are closed.
const CONNECTIONS_MAX: usize = 2_000;
/// So much is read at once.
const BLOCK_BYTES: usize = 64 * 1024;
/// The longest datagram.
const DATAGRAM_BYTES_MAX: usize = 65_535;
/// Who has sent nothing for so long is forgotten, as docker-proxy does.
const QUIET: Duration = Duration::from_secs(90);
/// A container that does not answer for so long is given up.
const CONNECT: Duration = Duration::from_secs(10);
/// A thread that passes on needs little.
const STACK_BYTES: usize = 128 * 1024;
/// One that reads records needs more.
const STACK_OF_PORT_BYTES: usize = 2 * 1024 * 1024;

/// What a process holds for containers, each with the place in its journal after which it was begun.
#[derive(Debug, Default)]
pub struct Ports {
    held: Vec<(Mark, ContainerId, Held)>,
    forwarders: Vec<(Mark, ContainerId, Helper)>,
    name_servers: Vec<(Mark, ContainerId, Helper)>,
}

impl Ports {
    /// Binds a socket to the port, and listens. EADDRINUSE: somebody has it. EADDRNOTAVAIL: the address is
    /// not the host's.
    pub fn hold(&mut self, mark: Mark, id: &ContainerId, port: &PublishedPort) -> Result<()> {
        let socket = listen(port.port.protocol, port.at())?;
        self.held.push((mark, id.clone(), Held { port: port.clone(), socket }));
        Ok(())
    }

    /// Makes the process that passes on what comes to the ports held for a container.
    pub fn forward(&mut self, mark: Mark, id: &ContainerId, store: &Store) -> Result<()> {
        let all: Vec<&Held> = self.held.iter().filter(|(_, of, _)| of == id).map(|(_, _, held)| held).collect();
        let directory = Directory::new(store, id);
        let kept: Vec<RawFd> = all.iter().map(|held| held.socket.as_raw_fd()).collect();
        let forwarder = Helper::start("glassbox-ports", &kept, || {
            let _ = process::set_parent_death_signal(Signal::SIGKILL);
            serve(&all, &directory);
        })?;
        self.forwarders.push((mark, id.clone(), forwarder));
        Ok(())
    }

    /// Keeps the process that answers names in a container, which ends with the container; that of its last run is reaped.
    pub fn answer_names(&mut self, mark: Mark, id: &ContainerId, server: Helper) {
        self.name_servers.retain(|(_, of, _)| of != id);
        self.name_servers.push((mark, id.clone(), server));
    }

    /// Lets go of all that is held for a container.
    pub fn release(&mut self, id: &ContainerId) {
        self.forwarders.retain(|(_, of, _)| of != id);
        self.held.retain(|(_, of, _)| of != id);
    }

    /// Lets go of what was begun after this place in the journal.
    pub fn go_back(&mut self, mark: Mark) {
        self.forwarders.retain(|(at, ..)| *at <= mark);
        self.name_servers.retain(|(at, ..)| *at <= mark);
        self.held.retain(|(at, ..)| *at <= mark);
    }

    /// For a copy of the process that has them: its copies of the sockets are closed, and who passes on goes on.
    pub fn leave(self) {
        self.forwarders.into_iter().chain(self.name_servers).for_each(std::mem::forget);
    }
}

#[derive(Debug)]
struct Held {
    port: PublishedPort,
    socket: OwnedFd,
}

/// A process beside this one; ended when dropped.
#[derive(Debug)]
pub struct Helper {
    pid: Pid,
    pidfd: OwnedFd,
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = process::pidfd_send_signal(&self.pidfd, Signal::SIGKILL);
        let _ = wait::wait(self.pid, true);
    }
}

impl Helper {
    /// A copy of this process that has these descriptors alone, and ends when `work` is done.
    pub fn start(name: &str, kept: &[RawFd], work: impl FnOnce()) -> Result<Helper> {
        match process::clone_into(CloneFlags::NONE, None)? {
            CloneResult::Parent { pid, pidfd } => Ok(Helper { pid, pidfd }),
            CloneResult::Child => {
                // What is typed at the caller's terminal, as ^C, is for the container.
                let _ = process::setsid();
                let _ = process::chdir("/");
                let _ = fs::write("/proc/self/comm", name);
                keep_only(kept);
                work();
                process::exit_now(0)
            }
        }
    }
}

/// Whatever else this process has open is the monitor's: pipes, locks, the caller's streams. Held here they would never end.
fn keep_only(kept: &[RawFd]) {
    if let Ok(null) = fs::File::options().read(true).write(true).open("/dev/null") {
        for number in 0..=2 {
            let _ = file::dup2(&null, number);
        }
    }
    let _ = file::close_all_but(3, kept);
}

/// Where the ports lead: the container's record says it, and it changes when the container is connected to another network.
#[derive(Debug)]
struct Directory {
    store: Store,
    id: ContainerId,
    known: Mutex<Option<(Edition, Container)>>,
}

impl Directory {
    fn new(store: &Store, id: &ContainerId) -> Arc<Directory> {
        Arc::new(Directory { store: store.clone(), id: id.clone(), known: Mutex::new(None) })
    }

    /// `None`: the port is not published any more.
    fn look_up(&self, port: &PublishedPort) -> Option<SocketAddr> {
        let edition = self.store.edition(&self.id)?;
        let mut known = self.known.lock().ok()?;
        match known.as_ref() {
            Some((of, container)) if *of == edition => container.passed_to(port),
            _ => {
                let container = self.store.read(&self.id).ok()??.container;
                let to = container.passed_to(port);
                *known = Some((edition, container));
                to
            }
        }
    }
}

/// For ever.
fn serve(all: &[&Held], directory: &Arc<Directory>) {
    let count = Arc::new(AtomicUsize::new(0));
    for held in all {
        let Ok(socket) = held.socket.try_clone() else { continue };
        let (port, directory, count) = (held.port.clone(), directory.clone(), count.clone());
        let _ = thread::Builder::new().stack_size(STACK_OF_PORT_BYTES).spawn(move || match port.port.protocol {
            Protocol::Tcp => accept_all(&TcpListener::from(socket), &port, &directory, &count),
            Protocol::Udp => answer_all(&Arc::new(UdpSocket::from(socket)), &port, &directory),
            // Whoever speaks it comes by the rule.
            Protocol::Sctp => {}
        });
    }
    loop {
        thread::park();
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().stack_size(STACK_BYTES).spawn(work).map(drop)
}

fn accept_all(listener: &TcpListener, port: &PublishedPort, directory: &Directory, count: &Arc<AtomicUsize>) {
    loop {
        let client = match listener.accept() {
            Ok((client, _)) => client,
            // No descriptor is free, or the client has gone again.
            Err(_) => {
                thread::sleep(Duration::from_millis(10));
                continue;
            }
        };
        let Some(to) = directory.look_up(port) else {
            // Nobody is to be let wait: from now on connections are refused.
            let _ = stop_listening(listener);
            return;
        };
        if count.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS_MAX {
            count.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let of_connection = count.clone();
        let begun = spawn(move || {
            let _ = connect(&client, to);
            of_connection.fetch_sub(1, Ordering::Relaxed);
        });
        if begun.is_err() {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Both ways until both have ended. Where the container does not take it, the client's connection is reset.
fn connect(client: &TcpStream, to: SocketAddr) -> io::Result<()> {
    let server = TcpStream::connect_timeout(&to, CONNECT)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_server, to_client) = (server.try_clone()?, client.try_clone()?);
    let back = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || pass(&from_server, &to_client))?;
    pass(client, &server);
    let _ = back.join();
    Ok(())
}

fn pass(mut from: &TcpStream, mut to: &TcpStream) {
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        match from.read(&mut block) {
            Ok(0) => break,
            Ok(length) => {
                if to.write_all(&block[..length]).is_err() {
                    let _ = from.shutdown(Shutdown::Both);
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// The senders that have been heard of lately, each with the socket by which the container knows it.
type Senders = Arc<Mutex<BTreeMap<SocketAddr, Arc<UdpSocket>>>>;

fn answer_all(socket: &Arc<UdpSocket>, port: &PublishedPort, directory: &Directory) {
    let senders: Senders = Senders::default();
    let mut datagram = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let Ok((length, sender)) = socket.recv_from(&mut datagram) else { continue };
        let Some(to) = directory.look_up(port) else { continue };
        let Some(own) = own_socket(socket, sender, to, &senders) else { continue };
        let _ = own.send(&datagram[..length]);
    }
}

fn own_socket(socket: &Arc<UdpSocket>, sender: SocketAddr, to: SocketAddr, senders: &Senders) -> Option<Arc<UdpSocket>> {
    let mut known = senders.lock().ok()?;
    if let Some(own) = known.get(&sender).filter(|own| own.peer_addr().is_ok_and(|peer| peer == to)) {
        return Some(own.clone());
    }
    if known.len() >= CONNECTIONS_MAX {
        return None;
    }
    let any: SocketAddr = if to.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let own = Arc::new(UdpSocket::bind(any).ok()?);
    own.connect(to).ok()?;
    own.set_read_timeout(Some(QUIET)).ok()?;
    known.insert(sender, own.clone());
    let (socket, back, senders) = (socket.clone(), own.clone(), senders.clone());
    spawn(move || {
        let mut datagram = vec![0; DATAGRAM_BYTES_MAX];
        loop {
            match back.recv(&mut datagram) {
                Ok(length) => drop(socket.send_to(&datagram[..length], sender)),
                // Nobody listens there at the moment: the sender may try again.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(_) => break,
            }
        }
        if let Ok(mut known) = senders.lock()
            && known.get(&sender).is_some_and(|own| Arc::ptr_eq(own, &back))
        {
            known.remove(&sender);
        }
    })
    .ok()?;
    Some(own)
}
