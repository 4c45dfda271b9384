//! What a packet's way is computed from, read out of the model's tables.

use core::net::{IpAddr, SocketAddr};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::kernel::Kernel;
use super::net::{HeldPort, Stack};
use super::tables::{HostPid, NsData, NsId};
use crate::net::walk::{Behind, ListeningSocket, NamespaceId, NetworkNamespace, Topology, WalkInterface};
use crate::net::{Protocol, dns};

impl Kernel {
    /// All network namespaces. `names`: what people call those in which these processes are; the others are called as the links in
    /// /proc/PID/ns show them. Of several names for one the first counts.
    pub fn topology(&self, names: &[(HostPid, String)]) -> Topology {
        let mut called: BTreeMap<NsId, &str> = BTreeMap::new();
        called.extend(self.network_of(self.engine).map(|ns| (ns, "host")));
        for (pid, name) in names {
            if let Ok(ns) = self.network_of(*pid) {
                called.entry(ns).or_insert(name);
            }
        }
        let stack = |ns: &NsId| match &self.namespaces.get(ns)?.data {
            NsData::Network { stack } => Some((*ns, stack)),
            _ => None,
        };
        let one = |(ns, stack): (NsId, &Stack)| {
            let name = called.get(&ns).map_or_else(|| format!("net:[{ns}]"), |name| (*name).to_string());
            self.namespace_to_walk(ns, name, stack)
        };
        Topology { namespaces: self.namespaces.keys().filter_map(stack).map(one).collect() }
    }

    /// By what the network namespace of a process is known.
    pub fn network_namespace_of(&self, pid: HostPid) -> Option<NamespaceId> {
        self.network_of(pid).ok().map(NamespaceId)
    }

    fn namespace_to_walk(&self, ns: NsId, name: String, stack: &Stack) -> NetworkNamespace {
        let interface = |link: &super::net::Link| WalkInterface {
            fact: link.fact.clone(),
            index: link.index,
            peer: link.peer.map(|(ns, index)| (NamespaceId(ns), index)),
        };
        let mut sockets: Vec<ListeningSocket> = stack.held.iter().map(held).collect();
        if stack.names.is_some() {
            sockets.extend([Protocol::Udp, Protocol::Tcp].map(name_server));
        }
        let is_on = |name: &str| self.settings.get(&(ns, Rc::from(name))).is_some_and(|value| &**value == "1");
        NetworkNamespace {
            id: NamespaceId(ns),
            name,
            interfaces: stack.links.iter().map(interface).collect(),
            routes: stack.routes(),
            neighbours: Vec::new(),
            forwards_ipv4: is_on("net.ipv4.ip_forward") || is_on("net.ipv4.conf.all.forwarding"),
            forwards_ipv6: is_on("net.ipv6.conf.all.forwarding"),
            rules: stack.rules.clone(),
            sockets,
        }
    }
}

/// The socket that holds a port of the host's for a container.
fn held(port: &HeldPort) -> ListeningSocket {
    ListeningSocket {
        protocol: port.port.port.protocol,
        at: port.port.at(),
        v6_only: true,
        who: "glassbox".into(),
        behind: Behind::Forwarder(port.to.filter(|_| port.forwarded)),
    }
}

fn name_server(protocol: Protocol) -> ListeningSocket {
    let at = SocketAddr::new(IpAddr::V4(dns::ADDRESS), dns::OWN_PORT);
    ListeningSocket { protocol, at, v6_only: false, who: "glassbox, names".into(), behind: Behind::Program }
}
