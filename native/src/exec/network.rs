//! Steps on networks.

use std::fs::File;
use std::thread;

use glassbox_core::errno::Errno;
use glassbox_core::model::State;
use glassbox_core::net::Chain;
use glassbox_core::step::{NetworkPlace, NetworkStep};

use super::process::first_process;
use super::{Done, Failure, NameCall};
use crate::store::{Store, network};
use crate::sys::netlink::{Netlink, Nft};
use crate::sys::process::{CloneFlags, Pid, set_namespace};

/// What the steps act on.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The records.
    pub store: &'a Store,
    /// Who runs.
    pub state: &'a State,
    /// The process that is becoming a container's first.
    pub process: Option<Pid>,
}

impl Scene<'_> {
    /// Carries the step out.
    pub fn carry_out(&self, step: &NetworkStep) -> Done {
        match step {
            NetworkStep::RecordNetwork { network, .. } => network::save(self.store.root(), network).map_err(Failure::from),
            NetworkStep::RemoveNetwork { id, .. } => network::remove(self.store, id).map_err(Failure::from),
            NetworkStep::CreateBridge { name, mtu, mac } => host(|netlink| netlink.create_bridge(name, *mac, *mtu)),
            NetworkStep::CreateVethPair { host: name, inside, mac, mtu, place } => {
                let far = self.namespace(place)?.ok_or_else(|| Failure::of("openat", Errno::EINVAL))?;
                host(|netlink| netlink.create_veth(name, &far, inside, *mac, *mtu))
            }
            NetworkStep::AttachToBridge { interface, bridge } => host(|netlink| netlink.set_master(interface, bridge)),
            NetworkStep::AddAddress { place, interface, address } => {
                self.at(place, |netlink| netlink.add_address(interface, *address))
            }
            NetworkStep::BringUpLink { place, interface } => self.at(place, |netlink| netlink.set_up(interface)),
            NetworkStep::AddRoute { place, destination, gateway, interface } => {
                self.at(place, |netlink| netlink.add_route(*destination, *gateway, interface))
            }
            NetworkStep::ReplaceRoute { id, destination, gateway, interface, .. } => {
                let place = NetworkPlace::Container(id.clone());
                self.at(&place, |netlink| netlink.replace_route(*destination, *gateway, interface))
            }
            NetworkStep::SetHostSetting { name, value, .. } => super::process::set_sysctl(name, value),
            NetworkStep::CreateTable { place } => self.filter(place, Nft::create_table),
            NetworkStep::AddRule { place, rule, at, .. } => self.filter(place, |nft| nft.add_rule(rule, *at)),
            NetworkStep::DeleteRule { chain, comment } => delete_rule(*chain, comment),
            NetworkStep::DeleteInterface { name } => delete(name),
            // The engine itself has them.
            NetworkStep::HoldPort { .. }
            | NetworkStep::ForwardPorts { .. }
            | NetworkStep::ReleasePorts { .. }
            | NetworkStep::ServeNames { .. } => Err(Failure::of(step.name(), Errno::ENOSYS)),
        }
    }

    /// Talks of rules where the step acts.
    fn filter(&self, place: &NetworkPlace, say: impl FnOnce(&mut Nft) -> crate::sys::Result<()> + Send) -> Done {
        match self.namespace(place)? {
            None => say(&mut Nft::open().call("socket")?).call("sendto"),
            Some(namespace) => in_namespace(&namespace, || say(&mut Nft::open().call("socket")?).call("sendto")),
        }
    }

    /// The network namespace of a place; `None`: the host's.
    fn namespace(&self, place: &NetworkPlace) -> Result<Option<File>, Failure> {
        if *place == NetworkPlace::Host {
            return Ok(None);
        }
        File::open(format!("/proc/{}/ns/net", self.first_process(place)?)).map(Some).call("openat")
    }

    /// The first process of the container that a place is of.
    pub fn first_process(&self, place: &NetworkPlace) -> Result<Pid, Failure> {
        match place {
            NetworkPlace::Host => Err(Failure::of("openat", Errno::EINVAL)),
            NetworkPlace::Process => self.process.ok_or_else(|| Failure::of("openat", Errno::ESRCH)),
            NetworkPlace::Container(id) => first_process(id, self.state).call("openat"),
        }
    }

    fn at(&self, place: &NetworkPlace, say: impl FnOnce(&mut Netlink) -> crate::sys::Result<()> + Send) -> Done {
        match self.namespace(place)? {
            None => host(say),
            Some(namespace) => within(&namespace, |netlink| say(netlink).call("sendto")),
        }
    }
}

fn host<T>(say: impl FnOnce(&mut Netlink) -> crate::sys::Result<T>) -> Result<T, Failure> {
    let mut netlink = Netlink::open().call("socket")?;
    say(&mut netlink).call("sendto")
}

/// Asks from a thread of its own, which alone enters the namespace, and ends with its answer.
pub fn within<T: Send>(namespace: &File, ask: impl FnOnce(&mut Netlink) -> Result<T, Failure> + Send) -> Result<T, Failure> {
    in_namespace(namespace, || ask(&mut Netlink::open().call("socket")?))
}

/// The same of whatever else is done there.
pub fn in_namespace<T: Send>(namespace: &File, work: impl FnOnce() -> Result<T, Failure> + Send) -> Result<T, Failure> {
    thread::scope(|scope| {
        let moved = || {
            set_namespace(namespace, CloneFlags::NEW_NET).call("setns")?;
            work()
        };
        scope.spawn(moved).join().unwrap_or_else(|_| Err(Failure::of("setns", Errno::EIO)))
    })
}

/// Deletes a rule of the host's; one that is not there is gone already.
pub fn delete_rule(chain: Chain, comment: &str) -> Done {
    match Nft::open().call("socket")?.delete_rule(chain, comment) {
        Err(Errno::ENOENT) => Ok(()),
        answer => answer.call("sendto"),
    }
}

/// Deletes an interface of the host; one that is not there is gone already.
pub fn delete(name: &str) -> Done {
    match Netlink::open().call("socket")?.delete(name) {
        Err(Errno::ENODEV) => Ok(()),
        answer => answer.call("sendto"),
    }
}
