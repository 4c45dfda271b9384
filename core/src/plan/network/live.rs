//! network connect, disconnect: containers that are there, running or not.

use super::super::origin::{self, need, planned};
use super::super::{Cause, CommandError, Context, Plan, Planned, lifecycle, network_files, records};
use super::{NO_LINKS, bridge, endpoint, ipam, lay_cable, made, names, publish, way_out, wrong_addresses};
use crate::cli::NetworkMode;
use crate::layout::Layout;
use crate::model::{Attachment, Container, Endpoint, EndpointSpec, Network, NetworkDriver, NetworkLookup};
use crate::net::everywhere;
use crate::step::{NetworkPlace, NetworkStep, Step, StoreStep};

const SHARED: &str = "container sharing network namespace with another container or host cannot be connected to any other network";
const PRIVATE: &str = "container cannot be connected to multiple networks with one of the networks in private (none) mode";

fn refused(what: &str, context: &Context<'_>) -> CommandError {
    let span = context.invocation.words.positional("NETWORK");
    CommandError { message: format!("Error response from daemon: {what}\n"), exit_code: 1, span }
}

fn found<'a>(word: &str, network: &str, context: &Context<'a>) -> Result<(&'a Container, &'a Network), CommandError> {
    let span = context.invocation.words.positional("CONTAINER");
    let container = lifecycle::find(word, context).map_err(|message| CommandError { message, exit_code: 1, span })?;
    let network = context.state.network(network).map_err(|lookup| match lookup {
        NetworkLookup::Missing => {
            refused(&format!("network {network} not found\nglassbox: see which there are with: glassbox network ls"), context)
        }
        NetworkLookup::Ambiguous => {
            refused(&format!("network {network} is ambiguous (2 matches found based on ID prefix)"), context)
        }
    })?;
    Ok((container, network))
}

pub(super) fn connect(word: &str, spec: &EndpointSpec, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let (container, network) = found(word, &spec.network, context)?;
    let runs = container.state.status.runs();
    let is_in = container.networks.iter().any(|attachment| attachment.is_to(network));
    if network.driver == NetworkDriver::Host {
        return Err(refused("cannot connect container to host network - container must be created in host network mode", context));
    }
    match &container.host.network {
        NetworkMode::Host | NetworkMode::Container(_) => return Err(refused(SHARED, context)),
        NetworkMode::None => return Err(refused(PRIVATE, context)),
        _ if network.driver == NetworkDriver::Null => return Err(refused(PRIVATE, context)),
        _ if is_in && runs => {
            return Err(refused(
                &format!("endpoint with name {} already exists in network {}", container.name, network.name),
                context,
            ));
        }
        // Of one that does not run Docker does not look.
        _ if is_in => return Ok(()),
        _ => {}
    }
    if network.is_predefined() && !spec.links.is_empty() {
        let span = context.invocation.words.flag("link").map(|used| used.span);
        return Err(CommandError { message: NO_LINKS.into(), exit_code: 1, span });
    }
    if let Some(wrong) = wrong_addresses(spec, network) {
        return Err(refused(&format!("invalid endpoint settings:\n{wrong}"), context));
    }
    let spec = EndpointSpec { network: network.name.clone(), ..spec.clone() };
    let mut connected = container.clone();
    connected.networks.push(Attachment { spec, network_id: network.id.clone(), ..Attachment::default() });
    let cause = || origin::positional(context, "NETWORK");
    plan.steps.push(planned(records::replace(connected.clone(), container, context), cause()));
    if runs {
        let asks = !container.host.publishing.bindings.is_empty() && container.published().next().is_none();
        if asks && !network.internal && way_out(container, context).is_none() {
            let what = "the ports of a container that runs already are published when it is started again";
            plan.warnings.push(format!("glassbox: {what}: glassbox restart {}", container.name));
        }
        plan.steps.extend(lay_live(&mut connected, network, context)?);
    }
    Ok(())
}

/// What connects a container that runs: bridge, address, cable, name, way out.
fn lay_live(container: &mut Container, known: &Network, context: &Context<'_>) -> Result<Vec<Planned>, CommandError> {
    let Some(network) = made(known, context) else { return Ok(Vec::new()) };
    let Some(attachment) = container.networks.last().cloned() else { return Ok(Vec::new()) };
    let addresses = ipam::addresses(&network, &attachment.spec, context.state).map_err(|what| refused(&what, context))?;
    let led_out = way_out(container, context).cloned();
    let number = (0..).find(|number| !has_interface(container, &format!("eth{number}"))).unwrap_or_default();
    let endpoint = endpoint(container, &network, &attachment, addresses, number, context);
    let mut steps = super::recorded(known, &network, context);
    steps.extend(bridge(&network, container, context));
    let record =
        StoreStep::RecordEndpoint { id: container.id.clone(), network: network.id.clone(), endpoint: Box::new(endpoint.clone()) };
    let why = "An address is given to one container at a time: whoever comes next has to see it.";
    steps.push(planned(Step::Store(record), need("AddAddress", why)));
    let place = NetworkPlace::Container(container.id.clone());
    steps.extend(lay_cable(&network, &endpoint, place.clone(), container, context));
    steps.push(rename_in_hosts(container, &endpoint, true, context));
    let mut before = container.clone();
    before.networks.pop();
    if !before.asks_for_names() && attachment.has_names() {
        steps.extend(names::serve(container, &place, context));
        let path = Layout::new(&context.host.data_root).of(&container.id, "resolv.conf");
        let lines = |text: String| text.lines().map(str::to_string).collect();
        let remove = lines(network_files::resolv_conf(&before, context.host));
        let add = lines(network_files::resolv_conf(container, context.host));
        let why = "Its programs have asked the host's name servers until now.";
        steps.push(planned(Step::Store(StoreStep::EditLines { path, remove, add }), need("ServeNames", why)));
    }
    if let Some(last) = container.networks.last_mut() {
        last.endpoint = Some(endpoint);
    }
    let unmoved = container.clone();
    if let Some(from) = hand_ports_on(container, context) {
        steps.push(planned(records::replace(container.clone(), &unmoved, context), ports_cause(context)));
        steps.extend(publish::move_ports(container, &from, way_out(container, context), &|| ports_cause(context)));
    }
    let after = way_out(container, context).cloned();
    steps.extend(
        after
            .filter(|after| led_out.as_ref() != Some(after))
            .into_iter()
            .flat_map(|after| lead_out(container, &after, led_out.as_ref())),
    );
    Ok(steps)
}

/// The published ports lead to the place by which the way out is. Answers the place that had them, if it is another.
fn hand_ports_on(container: &mut Container, context: &Context<'_>) -> Option<Endpoint> {
    let out = way_out(container, context).map(|endpoint| endpoint.id.clone());
    let endpoints = || container.networks.iter().filter_map(|attachment| attachment.endpoint.as_ref());
    let from =
        endpoints().find(|endpoint| !endpoint.ports.is_empty()).filter(|endpoint| Some(&endpoint.id) != out.as_ref())?.clone();
    for endpoint in container.networks.iter_mut().filter_map(|attachment| attachment.endpoint.as_mut()) {
        endpoint.ports = if Some(&endpoint.id) == out.as_ref() { from.ports.clone() } else { Vec::new() };
    }
    Some(from)
}

fn ports_cause(context: &Context<'_>) -> Cause {
    origin::positional(context, "NETWORK")
}

fn has_interface(container: &Container, name: &str) -> bool {
    let endpoints = container.networks.iter().filter_map(|attachment| attachment.endpoint.as_ref());
    endpoints.into_iter().any(|endpoint| endpoint.interface == name)
}

/// Its names by these addresses come into the `hosts` that it has mounted, or go.
fn rename_in_hosts(container: &Container, endpoint: &Endpoint, comes: bool, context: &Context<'_>) -> Planned {
    let path = Layout::new(&context.host.data_root).of(&container.id, "hosts");
    let lines = network_files::names_of(container, endpoint);
    let (remove, add) = if comes { (Vec::new(), lines) } else { (lines, Vec::new()) };
    let cause = origin::docker_default("Docker manages these three files.", "engine/network/#dns-services");
    planned(Step::Store(StoreStep::EditLines { path, remove, add }), cause)
}

/// The default route goes by this endpoint from now on.
fn lead_out(container: &Container, endpoint: &Endpoint, before: Option<&Endpoint>) -> Vec<Planned> {
    let step = |gateway: &core::net::IpAddr| {
        let old = before.and_then(|before| {
            let gateway = before.gateways.iter().find(|old| old.is_ipv4() == gateway.is_ipv4())?;
            Some((*gateway, before.interface.clone()))
        });
        let step = NetworkStep::ReplaceRoute {
            id: container.id.clone(),
            destination: everywhere(*gateway),
            gateway: *gateway,
            interface: endpoint.interface.clone(),
            before: old,
        };
        let why =
            "Of several networks one leads out: the one with the highest priority, and of equals the one whose name comes first.";
        planned(Step::Network(step), need("CreateVethPair", why))
    };
    endpoint.gateways.iter().map(step).collect()
}

pub(super) fn disconnect(word: &str, network: &str, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let (container, network) = found(word, network, context)?;
    let Some(at) = container.networks.iter().position(|attachment| attachment.is_to(network)) else {
        return Err(refused(&format!("container {} is not connected to network {}", container.id, network.name), context));
    };
    let cause = || origin::positional(context, "NETWORK");
    let before = way_out(container, context).cloned();
    let mut left = container.clone();
    let gone = left.networks.remove(at);
    let ports = gone.endpoint.as_ref().filter(|endpoint| !endpoint.ports.is_empty());
    if let (Some(from), Some(out)) = (ports, way_out(&left, context).map(|endpoint| endpoint.id.clone())) {
        let mut endpoints = left.networks.iter_mut().filter_map(|attachment| attachment.endpoint.as_mut());
        if let Some(to) = endpoints.find(|endpoint| endpoint.id == out) {
            to.ports.clone_from(&from.ports);
        }
    }
    left.asked_for_names = container.state.status.runs() && container.asks_for_names();
    if let Some(endpoint) = &gone.endpoint {
        let step = NetworkStep::DeleteInterface { name: endpoint.host_interface.clone() };
        plan.steps.push(planned(Step::Network(step), cause()));
    }
    plan.steps.push(planned(records::replace(left.clone(), container, context), cause()));
    if let Some(endpoint) = &gone.endpoint {
        plan.steps.extend(publish::move_ports(&left, endpoint, way_out(&left, context), &cause));
        plan.steps.push(rename_in_hosts(&left, endpoint, false, context));
        let after = way_out(&left, context).cloned();
        let moved = after.filter(|after| before.as_ref() != Some(after));
        plan.steps.extend(moved.into_iter().flat_map(|after| lead_out(&left, &after, None)));
    }
    Ok(())
}
