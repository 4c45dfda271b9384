//! The network stack of a namespace: interfaces, addresses, routes; netdevice(7), rtnetlink(7), veth(4).
//!
//! What a step or a program changes it changes as the kernel lets it: with CAP_NET_ADMIN in the user namespace that owns the network
//! namespace, and with the kernel's errors.

use core::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::kernel::Kernel;
use super::names::NameServer;
use super::tables::{Content, HostPid, InodeId, Namespace, NsData, NsId};
use super::tree::{Owner, file};
use crate::errno::Errno;
use crate::host::{HostNetwork, ROUTER_SETTINGS};
use crate::model::{Container, PublishedPort, addresses_meet};
use crate::net::{At, Chain, INTERFACE_NAME_BYTES_MAX, InterfaceFact, LinkKind, MacAddress, Protocol, RouteFact, Rule};
use crate::oci::capability::Capability;
use crate::step::NamespaceKind;
use crate::userland::SysResult;

/// The most interfaces of a namespace; Linux has no such limit.
const LINKS_MAX: usize = 4096;

/// An interface.
#[derive(Clone, Debug)]
pub struct Link {
    /// As it is shown, but for its master.
    pub(super) fact: InterfaceFact,
    /// Its number in its namespace.
    pub(super) index: u32,
    /// Of one end of a pair: the namespace and the number of the other.
    pub(super) peer: Option<(NsId, u32)>,
}

/// A port that the engine holds for a container.
#[derive(Clone, Debug)]
pub struct HeldPort {
    /// The container's id.
    pub(super) container: String,
    /// The host's, and whose it is.
    pub(super) port: PublishedPort,
    /// Where what comes to it is brought; `None`: the port is not published any more, and connections are refused.
    pub(super) to: Option<SocketAddr>,
    /// Somebody passes on what comes to it.
    pub(super) forwarded: bool,
}

/// All that is in a network namespace.
#[derive(Clone, Debug)]
pub struct Stack {
    pub(super) links: Vec<Link>,
    /// Those that were added; what is on a link itself follows from its addresses.
    pub(super) routes: Vec<RouteFact>,
    /// The engine's table of nftables, if it was made; no other's are modelled.
    pub(super) rules: Option<Vec<Rule>>,
    /// The ports that the engine holds for containers.
    pub(super) held: Vec<HeldPort>,
    /// Who answers names at 127.0.0.11.
    pub(super) names: Option<NameServer>,
    next_index: u32,
}

impl Stack {
    /// With these interfaces.
    pub(super) fn of(interfaces: Vec<InterfaceFact>, routes: Vec<RouteFact>) -> Stack {
        let mut stack = Stack { links: Vec::new(), routes, rules: None, held: Vec::new(), names: None, next_index: 1 };
        for fact in interfaces {
            stack.insert(fact, None);
        }
        stack
    }

    /// As a new namespace has it.
    pub(super) fn fresh() -> Stack {
        Stack::of(vec![InterfaceFact::new_loopback()], Vec::new())
    }

    fn insert(&mut self, fact: InterfaceFact, peer: Option<(NsId, u32)>) -> u32 {
        let index = self.next_index;
        self.next_index += 1;
        self.links.push(Link { fact, index, peer });
        index
    }

    fn link(&self, name: &str) -> SysResult<&Link> {
        self.links.iter().find(|link| link.fact.name == name).ok_or(Errno::ENODEV)
    }

    fn link_mut(&mut self, name: &str) -> SysResult<&mut Link> {
        self.links.iter_mut().find(|link| link.fact.name == name).ok_or(Errno::ENODEV)
    }

    fn check_new(&self, name: &str) -> SysResult<()> {
        let wrong = name.is_empty() || name.len() > INTERFACE_NAME_BYTES_MAX || name.contains(['/', ' ', ':']) || name == ".";
        match () {
            () if wrong => Err(Errno::EINVAL),
            () if self.links.len() >= LINKS_MAX => Err(Errno::ENFILE),
            () if self.link(name).is_ok() => Err(Errno::EEXIST),
            () => Ok(()),
        }
    }

    /// The interfaces in their order.
    pub(super) fn facts(&self) -> Vec<InterfaceFact> {
        self.links.iter().map(|link| link.fact.clone()).collect()
    }

    /// The main tables: what is on the links, and what was added; in the order in which ip(8) shows them.
    pub(super) fn routes(&self) -> Vec<RouteFact> {
        let shown = |link: &&Link| link.fact.up && link.fact.kind != LinkKind::Loopback;
        let on_link = self.links.iter().filter(shown).flat_map(|link| {
            let whole = |address: &IpNet| address.prefix_len() < address.max_prefix_len();
            link.fact.addresses.iter().filter(move |address| whole(address)).map(|address| RouteFact {
                destination: address.trunc(),
                gateway: None,
                interface: link.fact.name.clone(),
            })
        });
        let mut all: Vec<RouteFact> = on_link.chain(self.routes.iter().cloned()).collect();
        all.sort();
        all.dedup();
        all
    }
}

impl Kernel {
    /// The number of the network namespace that a process is in.
    pub(super) fn network_of(&self, pid: HostPid) -> SysResult<NsId> {
        Ok(self.process(pid)?.namespaces.of(NamespaceKind::Network))
    }

    pub(super) fn stack(&self, ns: NsId) -> SysResult<&Stack> {
        match self.namespaces.get(&ns).map(|ns| &ns.data) {
            Some(NsData::Network { stack }) => Ok(stack),
            _ => Err(Errno::EINVAL),
        }
    }

    pub(super) fn stack_mut(&mut self, ns: NsId) -> SysResult<&mut Stack> {
        match self.namespaces.get_mut(&ns) {
            Some(Namespace { data: NsData::Network { stack }, .. }) => Ok(stack),
            _ => Err(Errno::EINVAL),
        }
    }

    /// The interfaces that a process sees.
    pub fn interfaces_of(&self, pid: HostPid) -> Vec<InterfaceFact> {
        self.network_of(pid).and_then(|ns| self.stack(ns)).map(Stack::facts).unwrap_or_default()
    }

    /// The routes that a process sees.
    pub fn routes_of(&self, pid: HostPid) -> Vec<RouteFact> {
        self.network_of(pid).and_then(|ns| self.stack(ns)).map(Stack::routes).unwrap_or_default()
    }

    /// What planning may know of the host's own network namespace.
    pub fn host_network(&self) -> HostNetwork {
        let setting = |name: &&str| Some((name.to_string(), self.setting_of(self.engine, name).ok()?.to_string()));
        HostNetwork {
            interfaces: self.interfaces_of(self.engine),
            routes: self.routes_of(self.engine),
            settings: ROUTER_SETTINGS.iter().filter_map(setting).collect(),
            rules: self.rules_of(self.engine),
            listening: self.listening_of(self.engine),
        }
    }

    /// The namespace of `whose`, if `pid` may change it.
    pub(super) fn network_to_change(&self, pid: HostPid, whose: HostPid) -> SysResult<NsId> {
        let ns = self.network_of(whose)?;
        let owner = self.owner_of(whose, NamespaceKind::Network)?;
        if self.is_capable(pid, Capability::NetAdmin, owner) { Ok(ns) } else { Err(Errno::EPERM) }
    }

    /// Hardware addresses that nobody chose: from a counter, where Linux takes random ones.
    fn fresh_mac(&mut self) -> MacAddress {
        let [.., a, b, c, d, e, f] = self.fresh_id().to_be_bytes();
        MacAddress::local([a, b, c, d, e, f])
    }

    /// RTM_NEWLINK of a bridge.
    pub(super) fn create_bridge(&mut self, ns: NsId, name: &str, mtu: u32, mac: MacAddress) -> SysResult<()> {
        let stack = self.stack_mut(ns)?;
        stack.check_new(name)?;
        let kind = LinkKind::Bridge;
        stack.insert(InterfaceFact { name: name.into(), kind, up: false, mac, mtu, master: None, addresses: Vec::new() }, None);
        self.show_links(ns);
        Ok(())
    }

    /// RTM_NEWLINK of a pair: its name in one namespace, its name and hardware address in the other.
    pub(super) fn create_veth(&mut self, near: (NsId, &str), far: (NsId, &str, MacAddress), mtu: u32) -> SysResult<()> {
        self.stack(near.0)?.check_new(near.1)?;
        self.stack(far.0)?.check_new(far.1)?;
        let end = |name: &str, mac| InterfaceFact {
            name: name.into(),
            kind: LinkKind::Veth,
            up: false,
            mac,
            mtu,
            master: None,
            addresses: Vec::new(),
        };
        let mac = self.fresh_mac();
        let inside = self.stack_mut(far.0)?.insert(end(far.1, far.2), None);
        let outside = self.stack_mut(near.0)?.insert(end(near.1, mac), Some((far.0, inside)));
        if let Some(link) = self.stack_mut(far.0)?.links.iter_mut().find(|link| link.index == inside) {
            link.peer = Some((near.0, outside));
        }
        self.show_links(near.0);
        self.show_links(far.0);
        Ok(())
    }

    /// RTM_SETLINK with IFLA_MASTER.
    pub(super) fn attach_to_bridge(&mut self, ns: NsId, interface: &str, bridge: &str) -> SysResult<()> {
        let stack = self.stack_mut(ns)?;
        if stack.link(bridge)?.fact.kind != LinkKind::Bridge {
            return Err(Errno::EOPNOTSUPP);
        }
        stack.link_mut(interface)?.fact.master = Some(bridge.to_string());
        Ok(())
    }

    /// RTM_NEWADDR.
    pub(super) fn add_address(&mut self, ns: NsId, interface: &str, address: IpNet) -> SysResult<()> {
        let link = self.stack_mut(ns)?.link_mut(interface)?;
        if link.fact.addresses.contains(&address) {
            return Err(Errno::EEXIST);
        }
        link.fact.addresses.push(address);
        // Those of IPv4 are listed first.
        link.fact.addresses.sort_by_key(|address| matches!(address, IpNet::V6(_)));
        Ok(())
    }

    /// RTM_SETLINK with IFF_UP, or SIOCSIFFLAGS. Loopback gets its addresses by it.
    pub(super) fn bring_up_link(&mut self, ns: NsId, interface: &str) -> SysResult<()> {
        let link = self.stack_mut(ns)?.link_mut(interface)?;
        link.fact.up = true;
        if link.fact.kind == LinkKind::Loopback && link.fact.addresses.is_empty() {
            link.fact.addresses = own_addresses();
        }
        self.show_links(ns);
        Ok(())
    }

    /// RTM_NEWROUTE by way of a neighbour, who has to be on a link.
    pub(super) fn add_route(&mut self, ns: NsId, destination: IpNet, gateway: IpAddr, interface: &str) -> SysResult<()> {
        let stack = self.stack_mut(ns)?;
        let link = stack.link(interface)?;
        let near = link.fact.addresses.iter().any(|address| address.contains(&gateway));
        match () {
            () if !link.fact.up => return Err(Errno::ENETDOWN),
            () if !near => return Err(Errno::ENETUNREACH),
            () if stack.routes.iter().any(|route| route.destination == destination) => return Err(Errno::EEXIST),
            () => {}
        }
        stack.routes.push(RouteFact { destination, gateway: Some(gateway), interface: interface.to_string() });
        Ok(())
    }

    /// RTM_NEWROUTE that replaces, or RTM_DELROUTE.
    pub(super) fn replace_route(&mut self, ns: NsId, destination: IpNet, by: Option<(IpAddr, &String)>) -> SysResult<()> {
        let stack = self.stack_mut(ns)?;
        let before = stack.routes.clone();
        stack.routes.retain(|route| route.destination != destination);
        let Some((gateway, interface)) = by else { return Ok(()) };
        let added = self.add_route(ns, destination, gateway, interface);
        if added.is_err() {
            self.stack_mut(ns)?.routes = before;
        }
        added
    }

    /// A transaction of nftables that makes the engine's table; one that is there stays as it is.
    pub(super) fn create_table(&mut self, ns: NsId) -> SysResult<()> {
        self.stack_mut(ns)?.rules.get_or_insert_default();
        Ok(())
    }

    /// NFT_MSG_NEWRULE. Of all chains together, in an order that is that of each.
    pub(super) fn add_rule(&mut self, ns: NsId, rule: &Rule, at: At) -> SysResult<()> {
        let rules = self.stack_mut(ns)?.rules.as_mut().ok_or(Errno::ENOENT)?;
        let place = if at == At::Start { 0 } else { rules.len() };
        rules.insert(place, rule.clone());
        Ok(())
    }

    /// The engine's rules that a process sees; `None`: there is no table.
    pub fn rules_of(&self, pid: HostPid) -> Option<Vec<Rule>> {
        self.network_of(pid).and_then(|ns| self.stack(ns)).ok()?.rules.clone()
    }

    /// NFT_MSG_DELTABLE of the engine's table, if no rule stands in it.
    pub(super) fn delete_empty_table(&mut self, ns: NsId) -> SysResult<()> {
        let rules = &mut self.stack_mut(ns)?.rules;
        if rules.as_ref().is_some_and(Vec::is_empty) {
            *rules = None;
        }
        Ok(())
    }

    /// NFT_MSG_DELRULE of the rules of a chain with this comment.
    pub(super) fn delete_rule(&mut self, ns: NsId, chain: Chain, comment: &str) -> SysResult<()> {
        let rules = self.stack_mut(ns)?.rules.as_mut().ok_or(Errno::ENOENT)?;
        let before = rules.len();
        rules.retain(|rule| rule.chain != chain || rule.comment != comment);
        if rules.len() == before { Err(Errno::ENOENT) } else { Ok(()) }
    }

    fn held_mut(&mut self) -> Option<&mut Vec<HeldPort>> {
        let ns = self.network_of(self.engine).ok()?;
        Some(&mut self.stack_mut(ns).ok()?.held)
    }

    /// bind(2) and listen(2) of the engine, at a port of the host.
    pub(super) fn hold_port(&mut self, container: &str, port: &PublishedPort, to: SocketAddr) -> SysResult<()> {
        let (at, protocol) = (port.at(), port.port.protocol);
        let own = |link: &InterfaceFact| link.addresses.iter().any(|address| address.addr() == at.ip());
        if !at.ip().is_unspecified() && !at.ip().is_loopback() && !self.interfaces_of(self.engine).iter().any(own) {
            return Err(Errno::EADDRNOTAVAIL);
        }
        let meets = |(of, other): &(Protocol, SocketAddr)| {
            *of == protocol && other.port() == at.port() && addresses_meet(other.ip(), at.ip())
        };
        if self.listening_of(self.engine).iter().any(meets) {
            return Err(Errno::EADDRINUSE);
        }
        let held = HeldPort { container: container.to_string(), port: port.clone(), to: Some(to), forwarded: false };
        self.held_mut().ok_or(Errno::EINVAL)?.push(held);
        Ok(())
    }

    /// A process passes on what comes to the ports that are held for a container.
    pub(super) fn forward_ports(&mut self, container: &str) {
        let all = self.held_mut().into_iter().flatten();
        all.filter(|held| held.container == container).for_each(|held| held.forwarded = true);
    }

    /// Who passes on reads the container's record, which says now where the ports lead.
    pub(super) fn readdress_ports(&mut self, container: &Container) {
        let all = self.held_mut().into_iter().flatten();
        all.filter(|held| held.container == container.id.0).for_each(|held| held.to = container.passed_to(&held.port));
    }

    /// It does so no longer.
    pub(super) fn end_forwarding(&mut self, container: &str) {
        let all = self.held_mut().into_iter().flatten();
        all.filter(|held| held.container == container).for_each(|held| held.forwarded = false);
    }

    /// close(2) of all that are held for a container.
    pub(super) fn release_ports(&mut self, container: &str) {
        if let Some(held) = self.held_mut() {
            held.retain(|held| held.container != container);
        }
    }

    /// close(2) of one.
    pub(super) fn close_port(&mut self, protocol: Protocol, at: SocketAddr) {
        if let Some(held) = self.held_mut() {
            held.retain(|held| held.port.port.protocol != protocol || held.port.at() != at);
        }
    }

    /// The ports at which somebody listens in the network namespace of a process, sorted.
    pub fn listening_of(&self, pid: HostPid) -> Vec<(Protocol, SocketAddr)> {
        let stack = self.network_of(pid).and_then(|ns| self.stack(ns));
        let held = stack.map(|stack| stack.held.as_slice()).unwrap_or_default();
        let mut all: Vec<_> = held.iter().map(|held| (held.port.port.protocol, held.port.at())).collect();
        all.sort();
        all
    }

    /// RTM_DELLINK: with one end of a pair the other goes, and ports of a bridge are free again.
    pub(super) fn delete_link(&mut self, ns: NsId, name: &str) -> SysResult<()> {
        let link = self.stack(ns)?.link(name)?.clone();
        if matches!(link.fact.kind, LinkKind::Loopback | LinkKind::Device) {
            return Err(Errno::EOPNOTSUPP);
        }
        self.forget_link(ns, link.index);
        if let Some((other, index)) = link.peer {
            self.forget_link(other, index);
        }
        Ok(())
    }

    fn forget_link(&mut self, ns: NsId, index: u32) {
        let Ok(stack) = self.stack_mut(ns) else { return };
        let Some(at) = stack.links.iter().position(|link| link.index == index) else { return };
        let gone = stack.links.remove(at).fact.name;
        stack.routes.retain(|route| route.interface != gone);
        for link in stack.links.iter_mut().filter(|link| link.fact.master.as_ref() == Some(&gone)) {
            link.fact.master = None;
        }
        self.show_links(ns);
    }

    /// What the sysfs of a network namespace shows of its interfaces: sysfs(5), /sys/class/net.
    pub(super) fn show_links(&mut self, ns: NsId) {
        let roots: Vec<InodeId> = self.sysfs_roots.iter().filter(|(_, of)| **of == ns).map(|(root, _)| *root).collect();
        let links = self.stack(ns).map(Stack::facts).unwrap_or_default();
        for root in roots {
            if self.inodes.contains_key(&root) {
                // A directory of the kernel's own: nothing of it can fail.
                let _ = self.show_links_at(root, &links);
            } else {
                self.sysfs_roots.remove_mut(&root);
            }
        }
    }

    fn show_links_at(&mut self, root: InodeId, links: &[InterfaceFact]) -> SysResult<()> {
        let directory = self.make_tree(root, "/class/net", Owner::root(0o755))?;
        let Content::Directory { entries, .. } = &self.inode(directory)?.content else { return Ok(()) };
        let gone: Vec<String> = entries.keys().filter(|name| !links.iter().any(|link| link.name == **name)).cloned().collect();
        for name in gone {
            let id = self.take_entry(directory, &name)?;
            self.remove_below(id)?;
            self.drop_if_unused(id);
        }
        for link in links {
            let state = match (link.up, &link.kind) {
                (false, _) => "down\n",
                (true, LinkKind::Loopback) => "unknown\n",
                (true, _) => "up\n",
            };
            let path = format!("/class/net/{}/operstate", link.name);
            match self.entry(directory, &link.name)? {
                None => drop(self.make_at(root, &path, file(state), Owner::root(0o444))?),
                Some(known) => {
                    if let Some(inode) = self.entry(known, "operstate")? {
                        self.inode_mut(inode)?.content = file(state);
                    }
                }
            }
        }
        Ok(())
    }

    /// With a namespace its interfaces go, and the other ends of pairs.
    pub(super) fn drop_links_of(&mut self, ns: NsId) {
        let peers: Vec<(NsId, u32)> =
            self.stack(ns).map(|stack| stack.links.iter().filter_map(|link| link.peer).collect()).unwrap_or_default();
        for (other, index) in peers {
            self.forget_link(other, index);
        }
    }
}

/// What every machine calls itself: 127.0.0.1 and ::1.
fn own_addresses() -> Vec<IpNet> {
    ["127.0.0.1/8", "::1/128"].iter().filter_map(|text| text.parse().ok()).collect()
}

/// The interfaces and routes of the modelled machine: loopback, and one device with an address behind a router.
pub(super) fn of_host() -> Stack {
    let lo = InterfaceFact { up: true, addresses: own_addresses(), ..InterfaceFact::new_loopback() };
    let eth0 = InterfaceFact {
        name: "eth0".into(),
        kind: LinkKind::Device,
        up: true,
        mac: MacAddress([0x52, 0x54, 0, 0x12, 0x34, 0x56]),
        mtu: 1500,
        master: None,
        addresses: HOST_ADDRESS.parse().into_iter().collect(),
    };
    let gateway = HOST_GATEWAY.parse().ok();
    let route = RouteFact { destination: IpNet::V4(Default::default()), gateway, interface: "eth0".into() };
    Stack::of(vec![lo, eth0], vec![route])
}

/// The modelled machine's address, of those for documentation: RFC 5737.
const HOST_ADDRESS: &str = "192.0.2.10/24";
const HOST_GATEWAY: &str = "192.0.2.1";
