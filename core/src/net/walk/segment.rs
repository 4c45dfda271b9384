//! Who can be reached without a router: through pairs and bridges, as frames go. Neighbours are found here: arp(7).

use core::net::IpAddr;
use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::topology::{NamespaceId, NetworkNamespace, Topology, WalkInterface};
use crate::net::LinkKind;

/// The most interfaces that are looked at for one frame.
const FRAMES_MAX: usize = 65_536;

/// What a frame passes on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Passage {
    /// In at one end of a pair, out at the other.
    Pair {
        /// Where it goes in.
        from: (NamespaceId, String),
        /// Where it comes out.
        to: (NamespaceId, String),
    },
    /// A bridge passes it from port to port; its own interface is a port as well.
    Bridge {
        /// Where the bridge is.
        namespace: NamespaceId,
        /// Its name.
        bridge: String,
        /// The port at which it came.
        from: String,
        /// The port by which it goes.
        to: String,
    },
}

/// Where a frame is, and what it passed.
struct Frame<'a> {
    namespace: &'a NetworkNamespace,
    interface: &'a WalkInterface,
    passed: Vec<Passage>,
}

/// Who takes a frame: the namespace, the interface at which it is theirs, and what it passed on the way there.
pub struct Taker<'a> {
    pub namespace: &'a NetworkNamespace,
    pub interface: &'a WalkInterface,
    pub passed: Vec<Passage>,
}

/// The neighbour at an interface who has an address.
pub fn neighbour<'a>(
    topology: &'a Topology,
    namespace: &'a NetworkNamespace,
    interface: &'a WalkInterface,
    address: IpAddr,
) -> Option<Taker<'a>> {
    let mut seen: Vec<(NamespaceId, u32)> = vec![(namespace.id, interface.index)];
    let mut waiting: VecDeque<Frame<'a>> = VecDeque::new();
    let start = Frame { namespace, interface, passed: Vec::new() };
    if interface.fact.kind == LinkKind::Bridge {
        waiting.extend(out_of_ports(&start, &interface.fact.name, &interface.fact.name));
    } else {
        waiting.push_back(start);
    }
    for _ in 0..FRAMES_MAX {
        let frame = waiting.pop_front()?;
        let Some(arrived) = cross(topology, frame) else { continue };
        let place = (arrived.namespace.id, arrived.interface.index);
        if seen.contains(&place) {
            continue;
        }
        seen.push(place);
        let Some(bridge) = arrived.interface.fact.master.clone() else {
            if answers(arrived.namespace, arrived.interface, address) {
                return Some(Taker { namespace: arrived.namespace, interface: arrived.interface, passed: arrived.passed });
            }
            continue;
        };
        let Some(own) = arrived.namespace.interface(&bridge).filter(|own| own.fact.up) else { continue };
        let port = arrived.interface.fact.name.clone();
        if answers(arrived.namespace, own, address) {
            let mut passed = arrived.passed;
            passed.push(Passage::Bridge { namespace: arrived.namespace.id, from: port, to: bridge.clone(), bridge });
            return Some(Taker { namespace: arrived.namespace, interface: own, passed });
        }
        waiting.extend(out_of_ports(&arrived, &bridge, &port));
    }
    None
}

/// The other end, if both are up.
fn cross<'a>(topology: &'a Topology, mut frame: Frame<'a>) -> Option<Frame<'a>> {
    let (far, index) = frame.interface.peer.filter(|_| frame.interface.fact.up)?;
    let namespace = topology.namespace(far)?;
    let interface = namespace.interface_of(index).filter(|interface| interface.fact.up)?;
    let from = (frame.namespace.id, frame.interface.fact.name.clone());
    frame.passed.push(Passage::Pair { from, to: (far, interface.fact.name.clone()) });
    Some(Frame { namespace, interface, passed: frame.passed })
}

/// The frame at every other port of a bridge that is up.
fn out_of_ports<'a>(frame: &Frame<'a>, bridge: &str, from: &str) -> Vec<Frame<'a>> {
    let namespace = frame.namespace;
    let ports = namespace.interfaces.iter().filter(|port| port.fact.master.as_deref() == Some(bridge));
    let others = ports.filter(|port| port.fact.up && port.fact.name != from);
    let at = |port: &'a WalkInterface| {
        let (from, to) = (from.to_string(), port.fact.name.clone());
        let mut passed = frame.passed.clone();
        passed.push(Passage::Bridge { namespace: namespace.id, bridge: bridge.to_string(), from, to });
        Frame { namespace, interface: port, passed }
    };
    others.map(at).collect()
}

/// It is an address of the namespace: of IPv4 at whichever interface (arp_ignore of ip-sysctl is 0), of IPv6 at this one.
fn answers(namespace: &NetworkNamespace, interface: &WalkInterface, address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_loopback() && namespace.local(address).is_some(),
        IpAddr::V6(_) => interface.fact.addresses.iter().any(|net| net.addr() == address),
    }
}
