//! By which names containers find each other in the networks that somebody made; in the default one there are none.

use core::net::IpAddr;

use super::network::{Attachment, DEFAULT_NETWORK, Endpoint};
use super::{Container, State};
use crate::net::dns::{Directory, Neighbours};

impl Attachment {
    /// In its network names are answered.
    pub fn has_names(&self) -> bool {
        !self.spec.network.is_empty() && self.spec.network != DEFAULT_NETWORK
    }
}

impl Container {
    /// The names by which its neighbours in a network find it: `DNSNames` of `docker inspect`.
    pub fn names_in(&self, attachment: &Attachment) -> Vec<String> {
        let mut names = vec![self.name.clone()];
        let others = [self.id.short().to_string(), self.process.hostname.clone()];
        for name in attachment.spec.aliases.iter().cloned().chain(others) {
            if !names.contains(&name) && !name.is_empty() {
                names.push(name);
            }
        }
        names
    }

    /// It is in a network in which names are answered, or was.
    pub fn asks_for_names(&self) -> bool {
        self.asked_for_names || self.networks.iter().any(Attachment::has_names)
    }
}

/// Both parts of `--link NAME:ALIAS`; without an alias it is called what it is called.
pub fn link_parts(link: &str) -> (&str, &str) {
    link.split_once(':').unwrap_or((link, link))
}

fn addresses(endpoint: &Endpoint) -> Vec<IpAddr> {
    endpoint.addresses.iter().map(|address| address.addr()).collect()
}

impl State {
    /// Whom a container can name now. Who is asked otherwise, the caller knows.
    pub fn directory(&self, container: &Container) -> Directory {
        let mut directory = Directory::default();
        for attachment in &container.networks {
            let Ok(network) = self.network(attachment.key()) else { continue };
            directory.leads_out |= !network.internal;
            if !attachment.has_names() {
                continue;
            }
            let mut known = Neighbours::of(&network.name);
            for neighbour in self.containers.values() {
                let Some(there) = neighbour.networks.iter().find(|there| there.is_to(network)) else { continue };
                let Some(endpoint) = &there.endpoint else { continue };
                let addresses = addresses(endpoint);
                neighbour.names_in(there).iter().for_each(|name| known.add(name, &addresses));
            }
            for (name, alias) in attachment.spec.links.iter().map(|link| link_parts(link)) {
                known.link(alias, name);
            }
            directory.networks.push(known);
        }
        directory
    }
}
