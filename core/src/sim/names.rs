//! The server at 127.0.0.11 as the model has it: the same answers from the same records, without a process.

use core::net::{IpAddr, SocketAddr};

use super::kernel::Kernel;
use super::tables::{Content, HostPid, NodeId, NsId};
use crate::errno::Errno;
use crate::layout::Layout;
use crate::model::{ContainerId, Network, State};
use crate::net::dns::{self, Reply, Transport, Upstream};
use crate::net::{Chain, Match, Protocol, Verdict};
use crate::userland::SysResult;

/// Records are shorter.
const RECORD_BYTES_MAX: usize = 16 << 20;

/// Who answers names in a network namespace.
#[derive(Clone, Debug)]
pub struct NameServer {
    container: ContainerId,
    servers: Vec<Upstream>,
    ndots_said: bool,
    /// How many it has answered.
    turn: usize,
}

impl Kernel {
    /// Begins to answer; who does so already goes on.
    pub(super) fn serve_names(&mut self, ns: NsId, id: &ContainerId, servers: &[Upstream], ndots_said: bool) -> SysResult<()> {
        let server = NameServer { container: id.clone(), servers: servers.to_vec(), ndots_said, turn: 0 };
        self.stack_mut(ns)?.names.get_or_insert(server);
        Ok(())
    }

    /// What comes back of a question that a process sends to 127.0.0.11, be it a datagram or over a connection. ECONNREFUSED: nobody
    /// answers there. `None`: nothing comes back.
    pub fn ask_for_name(&mut self, pid: HostPid, query: &[u8], transport: Transport) -> SysResult<Option<Vec<u8>>> {
        let ns = self.network_of(pid)?;
        let server = self.stack_mut(ns)?.names.as_mut().ok_or(Errno::ECONNREFUSED)?;
        let turn = server.turn;
        server.turn = turn.wrapping_add(1);
        let server = server.clone();
        let state = self.records_on_names();
        let mut directory = state.containers.get(&server.container).map(|own| state.directory(own)).unwrap_or_default();
        (directory.servers, directory.ndots_said) = (server.servers, server.ndots_said);
        let reply = match dns::answer(query, &directory, transport, turn) {
            // Nobody else's name server is modelled: each of them fails.
            Reply::Forward => dns::failure(query),
            reply => reply,
        };
        Ok(match reply {
            Reply::Answer(bytes) => Some(bytes),
            Reply::Forward | Reply::Drop => None,
        })
    }

    /// A datagram, and the one that comes back. No other server is modelled: whoever is asked elsewhere does not answer.
    pub(super) fn ask_datagram(&mut self, pid: HostPid, to: SocketAddr, question: &[u8]) -> SysResult<Vec<u8>> {
        let to = self.sent_to(pid, to);
        let links = self.interfaces_of(pid);
        let is_near = links.iter().any(|link| link.up && link.addresses.iter().any(|address| address.contains(&to.ip())));
        match () {
            () if to == SocketAddr::new(IpAddr::V4(dns::ADDRESS), dns::OWN_PORT) => {
                self.ask_for_name(pid, question, Transport::Datagram)?.ok_or(Errno::ETIMEDOUT)
            }
            () if to.ip().is_loopback() => Err(Errno::ECONNREFUSED),
            () if !is_near && self.routes_of(pid).iter().all(|route| !route.destination.contains(&to.ip())) => {
                Err(Errno::ENETUNREACH)
            }
            () => Err(Errno::ETIMEDOUT),
        }
    }

    /// Where a datagram goes that a process sends: rules may send it elsewhere.
    fn sent_to(&self, pid: HostPid, to: SocketAddr) -> SocketAddr {
        let holds = |one: &Match| match one {
            Match::Destination(net) => net.contains(&to.ip()),
            Match::DestinationNot(net) => !net.contains(&to.ip()),
            Match::Port(protocol, port) => *protocol == Protocol::Udp && *port == to.port(),
            _ => false,
        };
        let rules = self.rules_of(pid).unwrap_or_default();
        let found = rules.iter().find(|rule| rule.chain == Chain::Output && rule.matches.iter().all(holds));
        match found.map(|rule| &rule.verdict) {
            Some(Verdict::SendTo(elsewhere)) => *elsewhere,
            _ => to,
        }
    }

    /// The networks and containers on record.
    fn records_on_names(&self) -> State {
        let root = self.host.data_root.clone();
        let layout = Layout::new(&root);
        let mut state = State::of_engine(&root);
        for bytes in self.records_in(&format!("{root}/networks"), "") {
            if let Ok(network) = serde_json::from_slice::<Network>(&bytes) {
                state.networks.insert_mut(network.id.clone(), network);
            }
        }
        for bytes in self.records_in(&layout.containers(), "/state.json") {
            if let Ok(container) = super::exec::container_of(&bytes) {
                state.containers.insert_mut(container.id.clone(), container);
            }
        }
        state
    }

    /// The files in a directory, or those of this name in each of its directories.
    fn records_in(&self, directory: &str, below: &str) -> Vec<Vec<u8>> {
        let inode_at = |path: &str| match self.walk(self.engine, path, true).map(|place| place.node) {
            Ok(NodeId::Inode(inode)) => Some(inode),
            _ => None,
        };
        let Some(Ok(inode)) = inode_at(directory).map(|inode| self.inode(inode)) else { return Vec::new() };
        let Content::Directory { entries, .. } = &inode.content else { return Vec::new() };
        let read = |name: &String| {
            let inode = inode_at(&format!("{directory}/{name}{below}"))?;
            self.read_inode(inode, 0, RECORD_BYTES_MAX).ok()
        };
        entries.keys().filter_map(read).collect()
    }
}
