//! What steps on networks leave behind: asked of rtnetlink(7), in the namespace in which they acted.

use super::Look;
use crate::errno::Errno;
use crate::event::{Event, NetworkEvent};
use crate::net::{InterfaceFact, RouteFact, Rule};
use crate::query::{Answer, Query, Subject};
use crate::step::{NetworkPlace, NetworkStep};

impl Look<'_> {
    pub(super) fn network(&self, step: &NetworkStep) -> Result<Vec<Event>, Errno> {
        let events = match step {
            NetworkStep::RecordNetwork { path, .. } | NetworkStep::RemoveNetwork { path, .. } => {
                let there = self.exists(path)?;
                let wanted = matches!(step, NetworkStep::RecordNetwork { .. });
                return Ok(if there == wanted { essential(step) } else { Vec::new() });
            }
            NetworkStep::CreateBridge { name, .. } | NetworkStep::AttachToBridge { interface: name, .. } => {
                self.interface_seen(&NetworkPlace::Host, name)?
            }
            NetworkStep::CreateVethPair { host, inside, place, .. } => {
                let mut ends = self.interface_seen(&NetworkPlace::Host, host)?;
                ends.extend(self.interface_seen(place, inside)?);
                ends
            }
            NetworkStep::BringUpLink { place, interface } => self.interface_seen(place, interface)?,
            NetworkStep::AddAddress { place, interface, address } => {
                let has = |link: &InterfaceFact| link.name == *interface && link.addresses.contains(address);
                let there = self.interfaces(place)?.iter().any(has);
                let (place, interface, address) = (word(place), interface.clone(), *address);
                there.then_some(NetworkEvent::AddressAdded { place, interface, address }).into_iter().collect()
            }
            NetworkStep::AddRoute { place, destination, .. } => {
                let seen = |route: &RouteFact| route.destination == *destination && route.gateway.is_some();
                let routes = self.routes(place)?.into_iter().filter(seen);
                routes.map(|route| NetworkEvent::RouteAdded { place: word(place), route }).collect()
            }
            NetworkStep::ReplaceRoute { id, destination, .. } => {
                let place = NetworkPlace::Container(id.clone());
                let seen = |route: &RouteFact| route.destination == *destination && route.gateway.is_some();
                let routes = self.routes(&place)?.into_iter().filter(seen);
                routes.map(|route| NetworkEvent::RouteAdded { place: word(&place), route }).collect()
            }
            NetworkStep::SetHostSetting { name, .. } => {
                let Answer::Text(value) = self.probe.ask(&Query::Sysctl(Subject::Host, name.clone()))? else {
                    return Err(Errno::EINVAL);
                };
                vec![NetworkEvent::HostSettingSet { name: name.clone(), value }]
            }
            NetworkStep::CreateTable { place } => {
                let there = self.rules(place)?.is_some();
                there.then(|| NetworkEvent::TableCreated { place: word(place) }).into_iter().collect()
            }
            NetworkStep::AddRule { place, rule, .. } => {
                let seen = |one: &Rule| one.chain == rule.chain && one.comment == rule.comment;
                let rules = self.rules(place)?.unwrap_or_default().into_iter().filter(seen);
                rules.map(|rule| NetworkEvent::RuleAdded { place: word(place), rule: Box::new(rule) }).collect()
            }
            NetworkStep::DeleteRule { chain, comment } => {
                let is_it = |rule: &Rule| rule.chain == *chain && rule.comment == *comment;
                let there = self.rules(&NetworkPlace::Host)?.unwrap_or_default().iter().any(is_it);
                if there { Vec::new() } else { vec![NetworkEvent::RuleDeleted { comment: comment.clone() }] }
            }
            NetworkStep::HoldPort { port, .. } => {
                let Answer::Listening(all) = self.probe.ask(&Query::Listening(Subject::Host))? else {
                    return Err(Errno::EINVAL);
                };
                let (at, protocol) = (port.at(), port.port.protocol);
                all.contains(&(protocol, at)).then_some(NetworkEvent::PortHeld { at, protocol }).into_iter().collect()
            }
            NetworkStep::ForwardPorts { .. } | NetworkStep::ReleasePorts { .. } | NetworkStep::ServeNames { .. } => {
                return Ok(essential(step));
            }
            NetworkStep::DeleteInterface { name } => {
                let there = self.interfaces(&NetworkPlace::Host)?.iter().any(|link| link.name == *name);
                if there { Vec::new() } else { vec![NetworkEvent::InterfaceDeleted { name: name.clone() }] }
            }
        };
        Ok(events.into_iter().map(event).collect())
    }

    fn subject_of(&self, place: &NetworkPlace) -> Result<Subject, Errno> {
        match place {
            NetworkPlace::Host => Ok(Subject::Host),
            NetworkPlace::Process => self.subject(),
            NetworkPlace::Container(id) => Ok(Subject::Container(id.clone())),
        }
    }

    fn interfaces(&self, place: &NetworkPlace) -> Result<Vec<InterfaceFact>, Errno> {
        match self.probe.ask(&Query::Interfaces(self.subject_of(place)?))? {
            Answer::Interfaces(all) => Ok(all),
            _ => Err(Errno::EINVAL),
        }
    }

    fn routes(&self, place: &NetworkPlace) -> Result<Vec<RouteFact>, Errno> {
        match self.probe.ask(&Query::Routes(self.subject_of(place)?))? {
            Answer::Routes(all) => Ok(all),
            _ => Err(Errno::EINVAL),
        }
    }

    fn rules(&self, place: &NetworkPlace) -> Result<Option<Vec<Rule>>, Errno> {
        match self.probe.ask(&Query::Rules(self.subject_of(place)?))? {
            Answer::Rules(all) => Ok(all),
            _ => Err(Errno::EINVAL),
        }
    }

    fn interface_seen(&self, place: &NetworkPlace, name: &str) -> Result<Vec<NetworkEvent>, Errno> {
        let seen = self.interfaces(place)?.into_iter().filter(|link| link.name == name);
        Ok(seen.map(|link| NetworkEvent::InterfaceSeen { place: word(place), interface: Box::new(link) }).collect())
    }
}

fn word(place: &NetworkPlace) -> String {
    if *place == NetworkPlace::Host { "host".into() } else { "container".into() }
}

fn event(event: NetworkEvent) -> Event {
    Event::Network(Box::new(event))
}

/// Without looking: what the records say.
pub(super) fn essential(step: &NetworkStep) -> Vec<Event> {
    match step {
        NetworkStep::RecordNetwork { network, .. } => vec![event(NetworkEvent::NetworkRecorded { network: network.clone() })],
        NetworkStep::ForwardPorts { id, .. } => vec![event(NetworkEvent::PortsForwarded { id: id.clone() })],
        NetworkStep::ReleasePorts { id } => vec![event(NetworkEvent::PortsReleased { id: id.clone() })],
        NetworkStep::ServeNames { id, .. } => vec![event(NetworkEvent::NamesServed { id: id.clone() })],
        NetworkStep::RemoveNetwork { id, .. } => vec![event(NetworkEvent::NetworkRemoved { id: id.clone() })],
        _ => Vec::new(),
    }
}
