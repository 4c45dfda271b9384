//! Networks as `inspect` shows them: a container's place in each, and a network with those who are in it.

use core::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use super::inspect::timestamp;
use crate::cli::NetworkMode;
use crate::model::{Attachment, Container, Endpoint, Network, NetworkDriver, State, Subnet};

/// `NetworkSettings` of `docker inspect`.
pub(super) fn settings(container: &Container) -> Value {
    let networks: Map<String, Value> = match &container.host.network {
        NetworkMode::Container(_) => Map::new(),
        // Connected to a network that is no bridge, or none could be made: nothing is known of it but its name.
        _ if container.networks.is_empty() => {
            let name = if container.host.network == NetworkMode::Host { "host" } else { "none" };
            Map::from_iter([(name.to_string(), endpoint_settings(&Attachment::default(), container))])
        }
        _ => {
            let each = |attachment: &Attachment| (attachment.spec.network.clone(), endpoint_settings(attachment, container));
            container.networks.iter().map(each).collect()
        }
    };
    let default = container.networks.iter().find(|attachment| attachment.spec.network == crate::model::DEFAULT_NETWORK);
    let mut all = json!({ "Bridge": "", "Ports": super::ports::settings(container) });
    let shown = endpoint_settings(default.unwrap_or(&Attachment::default()), container);
    for name in [
        "EndpointID",
        "Gateway",
        "GlobalIPv6Address",
        "GlobalIPv6PrefixLen",
        "IPAddress",
        "IPPrefixLen",
        "IPv6Gateway",
        "MacAddress",
    ] {
        if let Some(all) = all.as_object_mut() {
            all.insert(name.to_string(), shown[name].clone());
        }
    }
    all["Networks"] = Value::Object(networks);
    all
}

fn endpoint_settings(attachment: &Attachment, container: &Container) -> Value {
    let (spec, endpoint) = (&attachment.spec, attachment.endpoint.as_ref());
    let list = |words: &[String]| if words.is_empty() { Value::Null } else { json!(words) };
    let four = endpoint.and_then(|endpoint| of_family(endpoint, true));
    let six = endpoint.and_then(|endpoint| of_family(endpoint, false));
    let address = |found: &Option<(IpNet, Option<IpAddr>)>| found.map(|(net, _)| net.addr().to_string()).unwrap_or_default();
    let length = |found: &Option<(IpNet, Option<IpAddr>)>| found.map(|(net, _)| net.prefix_len()).unwrap_or_default();
    let gateway = |found: &Option<(IpNet, Option<IpAddr>)>| {
        found.and_then(|(_, gateway)| gateway).map(|gateway| gateway.to_string()).unwrap_or_default()
    };
    json!({
        "IPAMConfig": asked_for(attachment),
        "Links": list(&spec.links),
        "Aliases": list(&spec.aliases),
        "MacAddress": endpoint.map(|endpoint| endpoint.mac).or(spec.mac).map(|mac| mac.to_string()).unwrap_or_default(),
        "DriverOpts": if spec.driver_options.is_empty() { Value::Null } else { json!(spec.driver_options) },
        "GwPriority": spec.gateway_priority,
        "NetworkID": if endpoint.is_some() || container.state.started_ns > 0 { attachment.network_id.as_str() } else { "" },
        "EndpointID": endpoint.map(|endpoint| endpoint.id.as_str()).unwrap_or_default(),
        "Gateway": gateway(&four),
        "IPAddress": address(&four),
        "IPPrefixLen": length(&four),
        "IPv6Gateway": gateway(&six),
        "GlobalIPv6Address": address(&six),
        "GlobalIPv6PrefixLen": length(&six),
        "DNSNames": attachment.has_names().then(|| container.names_in(attachment)),
    })
}

/// The address of a family, and its gateway.
fn of_family(endpoint: &Endpoint, four: bool) -> Option<(IpNet, Option<IpAddr>)> {
    let found = endpoint.addresses.iter().copied().find(|address| address.addr().is_ipv4() == four)?;
    let gateway = endpoint.gateways.iter().copied().find(|gateway| gateway.is_ipv4() == four);
    Some((found, gateway))
}

/// What was asked for: nothing, or addresses.
fn asked_for(attachment: &Attachment) -> Value {
    let spec = &attachment.spec;
    let mut asked = Map::new();
    if let Some(address) = spec.ipv4 {
        asked.insert("IPv4Address".into(), json!(address.to_string()));
    }
    if let Some(address) = spec.ipv6 {
        asked.insert("IPv6Address".into(), json!(address.to_string()));
    }
    if !spec.link_local.is_empty() {
        asked.insert("LinkLocalIPs".into(), json!(spec.link_local.iter().map(IpAddr::to_string).collect::<Vec<_>>()));
    }
    if asked.is_empty() { Value::Null } else { Value::Object(asked) }
}

/// An element of `docker network inspect`.
pub fn network(network: &Network, state: &State) -> Value {
    let in_it = |(container, endpoint): (&Container, &Endpoint)| {
        let text = |four| of_family(endpoint, four).map(|(address, _)| address.to_string()).unwrap_or_default();
        let shown = json!({
            "Name": container.name,
            "EndpointID": endpoint.id,
            "MacAddress": endpoint.mac.to_string(),
            "IPv4Address": text(true),
            "IPv6Address": text(false),
        });
        (container.id.0.clone(), shown)
    };
    let containers: Map<String, Value> = state.endpoints_of(network).map(in_it).collect();
    json!({
        "Name": network.name,
        "Id": network.id,
        "Created": timestamp(network.created_ns),
        "Scope": "local",
        "Driver": network.driver.word(),
        "EnableIPv4": network.ipv4,
        "EnableIPv6": network.ipv6,
        "IPAM": {
            "Driver": "default",
            "Options": if network.is_predefined() { Value::Null } else { json!(network.ipam_options) },
            "Config": if network.driver == NetworkDriver::Bridge { json!(network.subnets.iter().map(subnet).collect::<Vec<_>>()) } else { Value::Null },
        },
        "Internal": network.internal,
        "Attachable": network.attachable,
        "Ingress": false,
        "ConfigFrom": { "Network": "" },
        "ConfigOnly": false,
        "Containers": containers,
        "Options": options(network),
        "Labels": network.labels,
    })
}

fn subnet(subnet: &Subnet) -> Value {
    let mut shown = Map::new();
    shown.insert("Subnet".into(), json!(subnet.subnet.to_string()));
    if let Some(range) = subnet.range {
        shown.insert("IPRange".into(), json!(range.to_string()));
    }
    if subnet.gateway_shown {
        shown.insert("Gateway".into(), json!(subnet.gateway.to_string()));
    }
    if !subnet.auxiliary.is_empty() {
        let each = |(name, address): (&String, &IpAddr)| (name.clone(), json!(address.to_string()));
        shown.insert("AuxiliaryAddresses".into(), Value::Object(subnet.auxiliary.iter().map(each).collect()));
    }
    Value::Object(shown)
}

/// Those that were said; of the default network those that dockerd says.
fn options(network: &Network) -> Value {
    if network.name != crate::model::DEFAULT_NETWORK || network.interface.is_empty() {
        return json!(network.options);
    }
    json!({
        "com.docker.network.bridge.default_bridge": "true",
        "com.docker.network.bridge.enable_icc": "true",
        "com.docker.network.bridge.enable_ip_masquerade": "true",
        "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
        "com.docker.network.bridge.name": network.interface,
        "com.docker.network.driver.mtu": network.mtu().to_string(),
    })
}
