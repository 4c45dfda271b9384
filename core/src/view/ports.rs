//! Published ports as Docker shows them: PORTS of `ps`, `port`, `HostConfig.PortBindings` and `NetworkSettings.Ports` of `inspect`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::natural;
use crate::model::{Container, ContainerPort, PortBinding, PublishedPort};

/// The ports of a container that runs and has a place in a network: those that are only exposed lead from nowhere.
fn entries(container: &Container) -> BTreeMap<ContainerPort, Vec<&PublishedPort>> {
    let is_in = container.networks.iter().any(|attachment| attachment.endpoint.is_some());
    if !container.state.status.runs() || !is_in {
        return BTreeMap::new();
    }
    let exposed = container.process.exposed_ports.iter().filter_map(|text| ContainerPort::parse(text));
    let mut all: BTreeMap<ContainerPort, Vec<&PublishedPort>> = exposed.map(|port| (port, Vec::new())).collect();
    for published in container.published() {
        all.entry(published.port).or_default().push(published);
    }
    all
}

/// `NetworkSettings.Ports`
pub(super) fn settings(container: &Container) -> Value {
    let shown = |published: &PublishedPort| binding(&published.address.to_string(), &published.host.to_string());
    let each = |(port, published): (ContainerPort, Vec<&PublishedPort>)| {
        let list = if published.is_empty() { Value::Null } else { published.into_iter().map(shown).collect() };
        (port.to_string(), list)
    };
    by_name(entries(container).into_iter().map(each))
}

/// `HostConfig.PortBindings`
pub(super) fn bindings(container: &Container) -> Value {
    let mut all: Map<String, Value> = Map::new();
    for asked in &container.host.publishing.bindings {
        let address = asked.address.map(|address| address.to_string()).unwrap_or_default();
        let list = all.entry(asked.port.to_string()).or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(binding(&address, &asked.host_word()));
        }
    }
    by_name(all)
}

/// In the order in which Go writes the names of a map.
fn by_name(all: impl IntoIterator<Item = (String, Value)>) -> Value {
    let sorted: BTreeMap<String, Value> = all.into_iter().collect();
    Value::Object(sorted.into_iter().collect())
}

fn binding(address: &str, port: &str) -> Value {
    json!({ "HostIp": address, "HostPort": port })
}

/// Whether a `-p` is about this port of the container.
pub(super) fn is_asked_for(container: &Container, fits: impl Fn(&str) -> bool) -> bool {
    container.host.publishing.bindings.iter().any(|binding: &PortBinding| fits(&binding.port.to_string()))
}

/// What `docker port` prints of all of them, or of one: `80/tcp -> 0.0.0.0:8080`, `0.0.0.0:8080`. Empty: there is none.
pub fn lines(container: &Container, port: Option<ContainerPort>) -> Vec<String> {
    let mut lines: Vec<String> = match port {
        Some(port) => entries(container).remove(&port).into_iter().flatten().map(|published| published.at().to_string()).collect(),
        None => {
            let shown = |published: &PublishedPort| format!("{} -> {}", published.port, published.at());
            entries(container).into_values().flatten().map(shown).collect()
        }
    };
    lines.sort_by(|one, other| natural::compare(one, other));
    lines
}

/// PORTS of `docker ps`: neighbours are joined where their numbers on the host are the container's own.
pub(super) fn listing(container: &Container) -> String {
    let mut flat: Vec<(u16, String, u16, &'static str)> = Vec::new();
    for (port, published) in entries(container) {
        let word = port.protocol.word();
        if published.is_empty() {
            flat.push((port.number, String::new(), 0, word));
        }
        flat.extend(published.into_iter().map(|published| (port.number, published.address.to_string(), published.host, word)));
    }
    flat.sort();
    let mut groups: Vec<Group> = Vec::new();
    let (mut done, mut elsewhere) = (Vec::new(), Vec::new());
    for (number, address, host, word) in flat {
        if !address.is_empty() && host != number {
            elsewhere.push(format!("{}->{number}/{word}", joined(&address, &host.to_string())));
            continue;
        }
        match groups.iter_mut().find(|group| group.address == address && group.word == word) {
            None => groups.push(Group { address, word, first: number, last: number }),
            Some(group) if u32::from(number) == u32::from(group.last) + 1 => group.last = number,
            Some(group) => {
                done.push(group.shown());
                (group.first, group.last) = (number, number);
            }
        }
    }
    done.extend(groups.iter().map(Group::shown));
    done.extend(elsewhere);
    done.join(", ")
}

/// Ports in a row.
struct Group {
    address: String,
    word: &'static str,
    first: u16,
    last: u16,
}

impl Group {
    fn shown(&self) -> String {
        let numbers = if self.first == self.last { self.first.to_string() } else { format!("{}-{}", self.first, self.last) };
        match self.address.as_str() {
            "" => format!("{numbers}/{}", self.word),
            address => format!("{}->{numbers}/{}", joined(address, &numbers), self.word),
        }
    }
}

/// An address of IPv6 in brackets.
fn joined(address: &str, port: &str) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Attachment, EVERYWHERE, Endpoint, Status};

    fn container(exposed: &[&str], published: &[(&str, &str)]) -> Container {
        let mut container = crate::step::samples::container();
        container.state.status = Status::Running;
        container.process.exposed_ports = exposed.iter().map(|port| (*port).to_string()).collect();
        let port = |(at, port): &(&str, &str)| {
            let at: core::net::SocketAddr = at.parse().unwrap();
            PublishedPort { port: ContainerPort::parse(port).unwrap(), address: at.ip(), host: at.port(), chosen: false }
        };
        let endpoint = Endpoint {
            id: "e".into(),
            interface: "eth0".into(),
            host_interface: "veth0".into(),
            mac: crate::net::MacAddress::local([0; 6]),
            addresses: Vec::new(),
            gateways: Vec::new(),
            ports: published.iter().map(port).collect(),
        };
        container.networks = vec![Attachment { endpoint: Some(endpoint), ..Attachment::default() }];
        container
    }

    #[test]
    fn neighbours_are_joined_where_both_numbers_are_the_same() {
        let all: Vec<(String, String)> = EVERYWHERE
            .iter()
            .flat_map(|address| {
                (8000..=8002).map(move |port| (joined(&address.to_string(), &port.to_string()), format!("{port}/tcp")))
            })
            .collect();
        let all: Vec<(&str, &str)> = all.iter().map(|(at, port)| (at.as_str(), port.as_str())).collect();
        assert_eq!(listing(&container(&[], &all)), "0.0.0.0:8000-8002->8000-8002/tcp, [::]:8000-8002->8000-8002/tcp");
        let apart = container(
            &["443/tcp", "53/udp"],
            &[("0.0.0.0:8080", "80/tcp"), ("127.0.0.1:9000", "9000/tcp"), ("[::]:8080", "80/tcp")],
        );
        assert_eq!(listing(&apart), "53/udp, 443/tcp, 127.0.0.1:9000->9000/tcp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp");
    }

    #[test]
    fn one_that_does_not_run_has_none() {
        let mut stopped = container(&["80/tcp"], &[]);
        assert_eq!(settings(&stopped), json!({ "80/tcp": null }));
        stopped.state.status = Status::Exited;
        assert_eq!((settings(&stopped), listing(&stopped), lines(&stopped, None)), (json!({}), String::new(), Vec::new()));
    }

    #[test]
    fn port_prints_in_natural_order() {
        let web = container(&[], &[("[::]:8080", "80/tcp"), ("0.0.0.0:8080", "80/tcp"), ("0.0.0.0:90", "443/tcp")]);
        assert_eq!(lines(&web, None), ["80/tcp -> 0.0.0.0:8080", "80/tcp -> [::]:8080", "443/tcp -> 0.0.0.0:90"]);
        assert_eq!(lines(&web, ContainerPort::parse("443")), ["0.0.0.0:90"]);
    }
}
