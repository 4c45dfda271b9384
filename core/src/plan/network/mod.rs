//! Networks: which ones a container is connected to, what they are made of, and the steps that connect it.
//!
//! ```text
//! PrepareNetworks   the bridge of each network, where it is not there; the container's addresses, on record and in /etc/hosts
//! ConnectProcess    for each: a pair of interfaces, one end on the bridge, the other with the address; the default route
//!                   and where names are known, the server that answers them (`names`)
//! CleanUpContainer  the pairs are deleted
//! ```

pub(in crate::plan) mod commands;
mod ipam;
mod live;
mod names;
pub(in crate::plan) mod publish;
mod rules;
mod subnets;

use core::net::IpAddr;

use ipnet::IpNet;
use sha2::{Digest, Sha256};

use super::origin::{self, docker_default, need, planned};
use super::{CommandError, Context, Planned};
use crate::cli::{Command, ContainerSpec, Invocation, NetworkCommand, NetworkMode};
use crate::errno::Errno;
use crate::layout::Layout;
use crate::model::{Attachment, Container, DEFAULT_NETWORK, Endpoint, EndpointSpec, Network, NetworkDriver, State, Subnet};
use crate::net::{MacAddress, everywhere};
use crate::oci::capability::Capability;
use crate::step::{NetworkPlace, NetworkStep, Step, StoreStep};

/// The bridge of the default network, where no other interface has that name.
pub const DEFAULT_BRIDGE: &str = "glassbox0";
/// What makes a machine a router: ip-sysctl of the kernel's documentation.
const FORWARDING: &str = "net.ipv4.ip_forward";

/// On the default network a link is lines in files and variables, which Docker calls legacy.
const NO_LINKS: &str = "glassbox: --link on the default network is understood but not carried out yet.\n\
                        glassbox: in a network of your own every container finds the others by name: glassbox network create NAME, then --network NAME.\n";

/// Only who may change the host's own interfaces can make a bridge.
pub(crate) fn can_make_bridges(context: &Context<'_>) -> bool {
    context.host.is_root() && context.host.capabilities.contains(Capability::NetAdmin)
}

/// The networks that a new container is connected to: by their names, whether they are there or not, which is looked at when it starts. What
/// is said of its place in one that is there is judged now.
pub(super) fn attachments(spec: &ContainerSpec, context: &Context<'_>) -> Result<Vec<Attachment>, CommandError> {
    if spec.network == NetworkMode::Default && spec.endpoints.iter().any(|asked| !asked.links.is_empty()) {
        let span = context.invocation.words.flag("link").map(|used| used.span);
        return Err(CommandError { message: NO_LINKS.into(), exit_code: 125, span });
    }
    match &spec.network {
        NetworkMode::Default if can_make_bridges(context) => {}
        NetworkMode::Named(_) if can_make_bridges(context) => {}
        NetworkMode::Named(_) => {
            let what =
                "a network with a bridge is not carried out for an ordinary user: only root may change the host's interfaces";
            let message = format!("glassbox: {what}.\nglassbox: run it as root, or with --network none or --network host.\n");
            let span = context.invocation.words.flag("network").map(|used| used.span);
            return Err(CommandError { message, exit_code: 125, span });
        }
        _ => return Ok(Vec::new()),
    }
    let mut all = Vec::new();
    for asked in &spec.endpoints {
        let name = if asked.network == "default" { DEFAULT_NETWORK } else { &asked.network };
        let found = context.state.network(name).ok();
        if let Some(network) = found {
            judge(asked, network, context)?;
        }
        let network = found.map_or_else(|| name.to_string(), |network| network.name.clone());
        let network_id = found.map(|network| network.id.clone()).unwrap_or_default();
        all.push(Attachment { spec: EndpointSpec { network, ..asked.clone() }, network_id, ..Attachment::default() });
    }
    Ok(all)
}

/// dockerd's refusal of addresses that the network cannot give.
fn judge(asked: &EndpointSpec, network: &Network, context: &Context<'_>) -> Result<(), CommandError> {
    let Some(wrong) = wrong_addresses(asked, network) else { return Ok(()) };
    let what = format!("invalid config for network {}: invalid endpoint settings:\n{wrong}", network.name);
    Err(super::create::refuse(context, &what, Some("ip")))
}

/// What is wrong with the addresses that were asked for, in dockerd's words.
fn wrong_addresses(asked: &EndpointSpec, network: &Network) -> Option<String> {
    let mut wrong: Vec<String> = Vec::new();
    let said: Vec<IpAddr> = asked.ipv4.map(IpAddr::V4).into_iter().chain(asked.ipv6.map(IpAddr::V6)).collect();
    if !said.is_empty() && network.is_predefined() {
        wrong.push("user specified IP address is supported on user defined networks only".into());
    }
    if !asked.aliases.is_empty() && network.is_predefined() {
        wrong.push("network-scoped aliases are only supported for user-defined networks".into());
    }
    for address in said {
        let of_family = network.subnets.iter().filter(|subnet| subnet.subnet.addr().is_ipv4() == address.is_ipv4());
        let mut configured = of_family.filter(|subnet| !subnet.chosen).peekable();
        if configured.peek().is_none() {
            wrong.push(
                "user specified IP address is supported only when connecting to networks with user configured subnets".into(),
            );
        } else if !configured.any(|subnet| subnet.subnet.contains(&address)) {
            wrong.push(format!("no configured subnet or ip-range contain the IP address {address}"));
        }
    }
    match wrong.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        many => Some(many.iter().map(|line| format!("* {line}")).collect::<Vec<_>>().join("\n")),
    }
}

/// The command may connect a container to a bridge, or make one.
pub(super) fn looks_at_host(invocation: &Invocation, state: &State) -> bool {
    let bridged = |mode: &NetworkMode| matches!(mode, NetworkMode::Default | NetworkMode::Named(_));
    match &invocation.command {
        Command::Networks(NetworkCommand::Create(_) | NetworkCommand::Connect { .. }) => true,
        Command::RunContainer(run) => bridged(&run.spec.network),
        Command::StartContainers { containers, .. } | Command::RestartContainers { containers, .. } => {
            let has = |word: &String| state.container(word).is_ok_and(|container| !container.networks.is_empty());
            containers.iter().any(has)
        }
        _ => false,
    }
}

/// Why the container cannot be connected at this moment, in the daemon's words.
pub(super) fn cannot_connect(container: &Container, context: &Context<'_>) -> Option<String> {
    let failed = |what: &str| Some(format!("failed to set up container networking: {what}"));
    container.networks.iter().find_map(|attachment| {
        let Ok(network) = context.state.network(attachment.key()) else {
            return failed(&format!("network {} not found", attachment.key()));
        };
        let made = made(network, context)?;
        let addresses = match ipam::addresses(&made, &attachment.spec, context.state) {
            Ok(addresses) => addresses,
            Err(what) => return failed(&what),
        };
        if !has_ports(container, attachment, context) {
            return None;
        }
        let to = addresses.first()?.addr();
        let refusal = publish::refusal(container, &made, to, context)?;
        let endpoint = endpoint(container, &made, attachment, addresses, 0, context);
        failed(&not_programmed(&container.name, &endpoint.id, &refusal))
    })
}

/// dockerd's words for a port that cannot be had.
fn not_programmed(name: &str, endpoint: &str, why: &str) -> String {
    format!("driver failed programming external connectivity on endpoint {name} ({endpoint}): {why}")
}

/// What is said of a step on a network that has failed, in dockerd's words as far as it has any.
pub(super) fn not_set_up(step: &NetworkStep, errno: Errno, call: Option<&str>, context: &Context<'_>) -> String {
    let sentence = errno.to_string().to_lowercase();
    let starts = !matches!(&context.invocation.command, Command::Networks(_));
    let frame = if starts { "failed to set up container networking: " } else { "" };
    match step {
        NetworkStep::HoldPort { id, endpoint, port, to } => {
            let name = context.state.containers.get(id).map_or(id.short(), |container| container.name.as_str());
            format!("{frame}{}", not_programmed(name, endpoint, &publish::not_held(port, to.ip(), errno)))
        }
        _ => format!("{frame}{}: {sentence}", call.unwrap_or(step.name())),
    }
}

/// The ports of the host lead to the container's place in this network: the one that leads out.
fn has_ports(container: &Container, attachment: &Attachment, context: &Context<'_>) -> bool {
    leading_out(container, context).is_some_and(|found| found.key() == attachment.key())
}

/// The bridges, the addresses and the ports.
pub(super) fn prepare(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let mut steps = Vec::new();
    let mut connected = container.clone();
    for (number, attachment) in container.networks.iter().enumerate() {
        let Ok(known) = context.state.network(attachment.key()) else { continue };
        let Some(network) = made(known, context) else { continue };
        steps.extend(recorded(known, &network, context));
        steps.extend(bridge(&network, container, context));
        let Ok(addresses) = ipam::addresses(&network, &attachment.spec, context.state) else { continue };
        let mut endpoint = Box::new(endpoint(container, &network, attachment, addresses, number, context));
        if has_ports(container, attachment, context) {
            endpoint.ports = publish::choose(container, &network, context);
        }
        connected.networks[number].endpoint = Some((*endpoint).clone());
        let made_endpoint = endpoint.clone();
        let step = StoreStep::RecordEndpoint { id: container.id.clone(), network: network.id.clone(), endpoint };
        let why = "An address is given to one container at a time: whoever starts next has to see it.";
        steps.push(planned(Step::Store(step), need("AddAddress", why)));
        steps.extend(publish::publish(container, &network, &made_endpoint, context));
    }
    // Their names stand in /etc/hosts.
    steps.extend(super::network_files::rewritten(&connected, context));
    steps
}

/// The record of a network that is always there and is made now.
fn recorded(known: &Network, network: &Network, context: &Context<'_>) -> Vec<Planned> {
    if network == known {
        return Vec::new();
    }
    let path = Layout::new(&context.host.data_root).network(&network.id);
    let (network, before) = (Box::new(network.clone()), Some(Box::new(known.clone())));
    let cause = docker_default("A container is connected to the network bridge.", "engine/network/drivers/bridge/");
    vec![planned(Step::Network(NetworkStep::RecordNetwork { network, before, path }), cause)]
}

/// The network as it is, or will be where it was never made. `None`: nothing is to be made of it.
fn made(network: &Network, context: &Context<'_>) -> Option<Network> {
    if network.driver != NetworkDriver::Bridge {
        return None;
    }
    if !network.interface.is_empty() {
        return Some(network.clone());
    }
    let subnet = ipam::free_subnet(context)?;
    let taken = context.host.network.interfaces.iter().any(|link| link.name == DEFAULT_BRIDGE);
    let interface = if taken { bridge_name(&network.id) } else { DEFAULT_BRIDGE.to_string() };
    let subnets = vec![Subnet {
        subnet,
        range: None,
        gateway: ipam::first(&subnet),
        gateway_shown: true,
        chosen: true,
        auxiliary: Default::default(),
    }];
    Some(Network { interface, subnets, created_ns: context.host.now_ns, ..network.clone() })
}

/// The name of the bridge of a network that somebody made.
fn bridge_name(id: &str) -> String {
    format!("gb-{}", id.get(..12).unwrap_or(id))
}

/// The bridge with the host's addresses in it, where the host does not have it.
fn bridge(network: &Network, container: &Container, context: &Context<'_>) -> Vec<Planned> {
    if context.host.network.interfaces.iter().any(|link| link.name == network.interface) {
        return rules::missing(network, context);
    }
    let default = || docker_default("A container is connected to the network bridge.", "engine/network/drivers/bridge/");
    let cause = || origin::flag_or(context, container, "network", default);
    let mut steps = make_bridge(network, cause);
    steps.extend(up_and_forwarding(network, context));
    steps
}

/// What makes the bridge pass packets on, and the host from it to elsewhere.
fn up_and_forwarding(network: &Network, context: &Context<'_>) -> Vec<Planned> {
    let mut steps = Vec::new();
    let forwards = context.host.network.settings.get(FORWARDING).is_some_and(|value| value == "1");
    if !forwards && !network.internal {
        let before = context.host.network.settings.get(FORWARDING).cloned().unwrap_or_else(|| "0".to_string());
        let step = NetworkStep::SetHostSetting { name: FORWARDING.into(), value: "1".into(), before };
        steps.push(planned(Step::Network(step), need("CreateBridge", "What is for elsewhere has to be passed on by the host.")));
    }
    let up = NetworkStep::BringUpLink { place: NetworkPlace::Host, interface: network.interface.clone() };
    steps.push(planned(Step::Network(up), need("CreateBridge", "A bridge that is down passes nothing on.")));
    steps.extend(rules::missing(network, context));
    steps
}

/// The bridge and the host's addresses in it; it is down still.
fn make_bridge(network: &Network, cause: impl Fn() -> super::Cause) -> Vec<Planned> {
    let name = || network.interface.clone();
    let mac = mac_of(&[&network.id, "bridge"]);
    let mut steps = vec![planned(Step::Network(NetworkStep::CreateBridge { name: name(), mtu: network.mtu(), mac }), cause())];
    for subnet in &network.subnets {
        let address = with_prefix(subnet.gateway, &subnet.subnet);
        let step = NetworkStep::AddAddress { place: NetworkPlace::Host, interface: name(), address };
        let why = "Containers send to the host what is not for a neighbour.";
        steps.push(planned(Step::Network(step), need("AddRoute", why)));
    }
    steps
}

/// An address with the prefix length of its subnet.
fn with_prefix(address: IpAddr, subnet: &IpNet) -> IpNet {
    IpNet::new(address, subnet.prefix_len()).unwrap_or_else(|_| IpNet::from(address))
}

/// A hardware address of our own that follows from these.
fn mac_of(parts: &[&str]) -> MacAddress {
    let mut bytes = [0; 6];
    bytes.iter_mut().zip(digest(parts)).for_each(|(byte, from)| *byte = from);
    MacAddress::local(bytes)
}

fn digest(parts: &[&str]) -> impl Iterator<Item = u8> {
    Sha256::digest(parts.join("\0")).into_iter()
}

fn hexadecimal(bytes: impl Iterator<Item = u8>) -> String {
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

fn endpoint(
    container: &Container,
    network: &Network,
    attachment: &Attachment,
    addresses: Vec<IpNet>,
    number: usize,
    context: &Context<'_>,
) -> Endpoint {
    let now = context.host.now_ns.to_string();
    let parts = [container.id.0.as_str(), network.id.as_str(), now.as_str()];
    let id = hexadecimal(digest(&parts));
    let host_interface = format!("veth{}", hexadecimal(digest(&[parts[0], parts[1]])).get(..7).unwrap_or_default());
    let mac = attachment.spec.mac.unwrap_or_else(|| mac_of(&parts));
    let gateways = network.subnets.iter().map(|subnet| subnet.gateway).collect();
    Endpoint { id, interface: format!("eth{number}"), host_interface, mac, addresses, gateways, ports: Vec::new() }
}

/// The interfaces of the process that is becoming the container.
pub(super) fn connect(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let place = || NetworkPlace::Process;
    let mut steps = Vec::new();
    for attachment in &container.networks {
        let (Some(network), Some(endpoint)) = (context.state.networks.get(&attachment.network_id), &attachment.endpoint) else {
            continue;
        };
        steps.extend(lay_cable(network, endpoint, place(), container, context));
    }
    if let Some(endpoint) = way_out(container, context) {
        for gateway in &endpoint.gateways {
            let interface = endpoint.interface.clone();
            let step = NetworkStep::AddRoute { place: place(), destination: everywhere(*gateway), gateway: *gateway, interface };
            steps.push(planned(
                Step::Network(step),
                docker_default("The way out is by the bridge.", "engine/network/drivers/bridge/"),
            ));
        }
    }
    steps.extend(names::serve(container, &place(), context));
    steps
}

/// Of several networks that lead out, the one with the highest priority has the default route, and of equals the one whose name comes first.
fn way_out<'a>(container: &'a Container, context: &Context<'_>) -> Option<&'a Endpoint> {
    let connected = container.networks.iter().filter(|attachment| attachment.endpoint.is_some());
    first_out(connected, context)?.endpoint.as_ref()
}

/// As [`way_out`], whether it is connected already or not.
fn leading_out<'a>(container: &'a Container, context: &Context<'_>) -> Option<&'a Attachment> {
    first_out(container.networks.iter(), context)
}

fn first_out<'a>(all: impl Iterator<Item = &'a Attachment>, context: &Context<'_>) -> Option<&'a Attachment> {
    let leads_out = |attachment: &&Attachment| context.state.network(attachment.key()).is_ok_and(|network| !network.internal);
    let rank = |attachment: &&Attachment| (core::cmp::Reverse(attachment.spec.gateway_priority), attachment.spec.network.clone());
    all.filter(leads_out).min_by_key(rank)
}

/// The pair, its ends in their places, the address.
fn lay_cable(
    network: &Network,
    endpoint: &Endpoint,
    place: NetworkPlace,
    container: &Container,
    context: &Context<'_>,
) -> Vec<Planned> {
    let (host, inside) = (|| endpoint.host_interface.clone(), || endpoint.interface.clone());
    let default = || docker_default("A container is connected to the network bridge.", "engine/network/drivers/bridge/");
    let cause = origin::flag_or(context, container, "network", default);
    let reach = || need("CreateVethPair", "A cable that is not plugged in leads nowhere.");
    let pair =
        NetworkStep::CreateVethPair { host: host(), inside: inside(), mac: endpoint.mac, mtu: network.mtu(), place: place.clone() };
    let attach = NetworkStep::AttachToBridge { interface: host(), bridge: network.interface.clone() };
    let up = NetworkStep::BringUpLink { place: NetworkPlace::Host, interface: host() };
    let mut steps =
        vec![planned(Step::Network(pair), cause), planned(Step::Network(attach), reach()), planned(Step::Network(up), reach())];
    for address in &endpoint.addresses {
        let step = NetworkStep::AddAddress { place: place.clone(), interface: inside(), address: *address };
        let given = docker_default("Each container gets a free address of the network.", "engine/network/#ip-address-and-hostname");
        let said = if address.addr().is_ipv4() { "ip" } else { "ip6" };
        steps.push(planned(Step::Network(step), origin::flag_or(context, container, said, || given)));
    }
    let up = NetworkStep::BringUpLink { place, interface: inside() };
    steps.push(planned(Step::Network(up), need("AddRoute", "A route leads only over an interface that is up.")));
    steps
}

/// The cables go when the container has ended.
pub(super) fn disconnect(container: &Container) -> Vec<Planned> {
    let endpoints = container.networks.iter().filter_map(|attachment| attachment.endpoint.as_ref());
    let delete = |endpoint: &Endpoint| {
        let step = NetworkStep::DeleteInterface { name: endpoint.host_interface.clone() };
        let why = "The kernel would delete it with the namespace, but in its own time; the name is free at once.";
        planned(Step::Network(step), need("CreateVethPair", why))
    };
    publish::take_back(container).into_iter().chain(endpoints.map(delete)).collect()
}
