//! `--network` and the flags beside it, and the commands on networks.

use std::collections::BTreeMap;

use super::{Call, listing, refused};
use crate::cli::namespaces::OF_CONTAINER;
use crate::cli::network::address;
use crate::cli::values::{self, NetworkValue};
use crate::cli::{Command, CreateNetwork, NetworkCommand, NetworkMode, UsageError};
use crate::model::EndpointSpec;

/// Which network a container has, and what was said of its place in each of those that it is connected to.
pub(super) fn networks(call: &Call<'_>) -> Result<(NetworkMode, Vec<EndpointSpec>), UsageError> {
    let mut all = Vec::new();
    for flag in call.uses("network") {
        all.push(values::network(&flag.value).map_err(|reason| refused(call, flag, &reason))?);
    }
    let mode = match all.first().map_or("default", |first| first.name.as_str()) {
        "default" => NetworkMode::Default,
        "none" => NetworkMode::None,
        "host" => NetworkMode::Host,
        name => match name.strip_prefix(OF_CONTAINER) {
            Some(name) => NetworkMode::Container(name.to_string()),
            None => NetworkMode::Named(name.to_string()),
        },
    };
    if all.is_empty() {
        all.push(NetworkValue { name: "default".into(), ..NetworkValue::default() });
    }
    let mut specs: Vec<EndpointSpec> = all.iter().map(spec).collect();
    if let Some(first) = specs.first_mut() {
        beside(call, first);
    }
    Ok((mode, specs))
}

/// What one `--network` says.
fn spec(value: &NetworkValue) -> EndpointSpec {
    EndpointSpec {
        network: value.name.clone(),
        aliases: value.aliases.clone(),
        links: Vec::new(),
        ipv4: value.ip.parse().ok(),
        ipv6: value.ip6.parse().ok(),
        link_local: value.link_local_ips.iter().filter_map(|text| address(text)).collect(),
        mac: value.mac_address.parse().ok(),
        driver_options: value.driver_options.iter().cloned().collect(),
        gateway_priority: value.gateway_priority,
    }
}

/// The flags beside `--network` belong to the first network.
fn beside(call: &Call<'_>, first: &mut EndpointSpec) {
    let text = |name: &str| call.flag(name).map(|flag| flag.value.as_str()).unwrap_or_default();
    first.aliases.extend(call.values("network-alias"));
    first.links = call.values("link");
    first.ipv4 = first.ipv4.or(text("ip").parse().ok());
    first.ipv6 = first.ipv6.or(text("ip6").parse().ok());
    first.mac = first.mac.or(text("mac-address").parse().ok());
    first.link_local.extend(call.values("link-local-ip").iter().filter_map(|text| address(text)));
}

pub(super) fn command(call: &Call<'_>, words: Vec<String>) -> Command {
    let filters = call.values("filter");
    let force = call.is_on("force");
    let mut words = words.into_iter();
    Command::Networks(match call.row.key {
        "network create" => NetworkCommand::Create(Box::new(create(call, words.next().unwrap_or_default()))),
        "network ls" => NetworkCommand::List {
            quiet: call.is_on("quiet"),
            no_trunc: call.is_on("no-trunc"),
            filters,
            format: listing::filled(call, "format"),
        },
        "network rm" => NetworkCommand::Remove { networks: words.collect(), force },
        "network prune" => NetworkCommand::Prune { force, filters },
        "network connect" => {
            let mut spec = EndpointSpec { network: words.next().unwrap_or_default(), ..EndpointSpec::default() };
            beside(call, &mut spec);
            spec.aliases = call.values("alias");
            spec.driver_options = pairs(&call.values("driver-opt"));
            spec.gateway_priority = call.flag("gw-priority").and_then(|flag| values::int(&flag.value).ok()).unwrap_or_default();
            NetworkCommand::Connect { container: words.next().unwrap_or_default(), spec: Box::new(spec) }
        }
        _ => {
            let network = words.next().unwrap_or_default();
            NetworkCommand::Disconnect { network, container: words.next().unwrap_or_default(), force }
        }
    })
}

fn pairs(words: &[String]) -> BTreeMap<String, String> {
    let pair = |word: &String| word.split_once('=').map(|(name, value)| (name.to_string(), value.to_string()));
    words.iter().map(|word| pair(word).unwrap_or_else(|| (word.clone(), String::new()))).collect()
}

fn create(call: &Call<'_>, name: String) -> CreateNetwork {
    let text = |name: &str| call.flag(name).map(|flag| flag.value.clone()).unwrap_or_default();
    let said = |name: &str| call.flag(name).map(|_| call.is_on(name));
    CreateNetwork {
        name,
        driver: text("driver"),
        subnets: call.values("subnet"),
        ranges: call.values("ip-range"),
        gateways: call.values("gateway"),
        auxiliary: pairs(&call.values("aux-address")),
        internal: call.is_on("internal"),
        attachable: call.is_on("attachable"),
        ingress: call.is_on("ingress"),
        config_only: call.is_on("config-only"),
        config_from: text("config-from"),
        scope: text("scope"),
        ipam_driver: text("ipam-driver"),
        ipam_options: pairs(&call.values("ipam-opt")),
        ipv4: said("ipv4"),
        ipv6: said("ipv6"),
        labels: call.values("label"),
        options: pairs(&call.values("opt")),
    }
}
