//! network create, ls, rm, prune; connect and disconnect are in `live`.

use std::collections::BTreeMap;

use super::super::origin::{self, planned};
use super::super::{CommandError, Context, Plan, Planned, lifecycle, system};
use super::subnets::{self, Refusal};
use super::{bridge_name, can_make_bridges, hexadecimal, live, make_bridge, rules, up_and_forwarding};
use crate::cli::{CreateNetwork, NetworkCommand, moment};
use crate::layout::Layout;
use crate::model::{Network, NetworkDriver, NetworkLookup};
use crate::net::{INTERFACE_NAME_BYTES_MAX, LinkKind};
use crate::step::{NetworkStep, Step};
use crate::view::filter::{label_fits, not_a_filter};
use crate::view::{natural, networks};

/// The option that names the bridge.
const BRIDGE_NAME: &str = "com.docker.network.bridge.name";
/// The option that says how long packets may be.
const MTU: &str = "com.docker.network.driver.mtu";
/// What `network ls` filters by.
const FILTERS: &[&str] = &["dangling", "driver", "id", "label", "name", "scope", "type"];
/// What `network prune` filters by.
const PRUNE_FILTERS: &[&str] = &["label", "label!", "until"];

fn refused(what: &str, context: &Context<'_>) -> CommandError {
    let span = context.invocation.words.positional("NETWORK");
    CommandError { message: format!("Error response from daemon: {what}\n"), exit_code: 1, span }
}

/// The commands about networks.
pub(in crate::plan) fn on(command: &NetworkCommand, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    match command {
        NetworkCommand::Create(asked) => create(asked, context, plan),
        NetworkCommand::List { quiet, no_trunc, filters, format } => {
            let found = fitting(filters, context)?;
            let span = context.invocation.words.flag("format").map(|used| used.span);
            let refuse = |what: String| CommandError { message: format!("{what}\n"), exit_code: 1, span };
            let text = networks::list(&found, *quiet, *no_trunc, format.as_deref()).map_err(refuse)?;
            plan.steps.push(lifecycle::print(text, context));
            Ok(())
        }
        NetworkCommand::Remove { networks, force } => {
            remove(networks, *force, context, plan);
            Ok(())
        }
        NetworkCommand::Prune { force, filters } => prune(*force, filters, context, plan),
        NetworkCommand::Connect { container, spec } => live::connect(container, spec, context, plan),
        NetworkCommand::Disconnect { network, container, .. } => live::disconnect(container, network, context, plan),
    }
}

fn create(asked: &CreateNetwork, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let network = described(asked, context).map_err(|refusal| match refusal {
        Refusal::Client(what) => CommandError { message: format!("{what}\n"), exit_code: 1, span: None },
        Refusal::Daemon(what) => refused(&what, context),
    })?;
    if !can_make_bridges(context) {
        let message = "glassbox: only root may make a bridge on this machine\nglassbox: run it as root\n";
        return Err(CommandError { message: message.into(), exit_code: 1, span: None });
    }
    let path = Layout::new(&context.host.data_root).network(&network.id);
    let command = || origin::command(context);
    plan.steps.extend(make_bridge(&network, command));
    plan.steps.extend(up_and_forwarding(&network, context));
    let id = network.id.clone();
    plan.steps
        .push(planned(Step::Network(NetworkStep::RecordNetwork { network: Box::new(network), before: None, path }), command()));
    plan.steps.push(lifecycle::print(format!("{id}\n"), context));
    Ok(())
}

/// The network as it will be; the refusals come in dockerd's order.
fn described(asked: &CreateNetwork, context: &Context<'_>) -> Result<Network, Refusal> {
    let daemon = |what: String| Err(Refusal::Daemon(what));
    let name = asked.name.trim();
    if ["bridge", "host", "none", "default"].contains(&asked.name.as_str()) {
        return daemon(format!("operation is not permitted on predefined {name} network "));
    }
    if name.is_empty() {
        return daemon("invalid name: name is empty".into());
    }
    if context.state.networks.values().any(|network| network.name == asked.name) {
        return daemon(format!("network with name {name} already exists"));
    }
    check_kind(asked)?;
    let said_six = asked.options.get("com.docker.network.enable_ipv6").is_some_and(|value| value == "true");
    let (ipv4, ipv6) = (asked.ipv4.unwrap_or(true), asked.ipv6.unwrap_or(said_six));
    if !ipv4 && !ipv6 {
        return daemon("IPv4 or IPv6 must be enabled".into());
    }
    check_mtu(asked)?;
    let subnets = subnets::subnets(asked, ipv4, ipv6, context)?;
    let id = hexadecimal(super::digest(&[&hexadecimal(context.host.entropy.into_iter()), "network"]));
    let named = asked.options.get(BRIDGE_NAME).filter(|name| !name.is_empty());
    let interface = named.cloned().unwrap_or_else(|| bridge_name(&id));
    check_interface(&interface, &id, context)?;
    let pairs = |words: &[String]| words.iter().map(|word| word.split_once('=').unwrap_or((word, ""))).map(owned).collect();
    Ok(Network {
        id,
        name: asked.name.clone(),
        driver: NetworkDriver::Bridge,
        interface,
        created_ns: context.host.now_ns,
        subnets,
        ipv6,
        ipv4,
        internal: asked.internal,
        attachable: asked.attachable,
        options: asked.options.clone(),
        ipam_options: asked.ipam_options.clone(),
        labels: pairs(&asked.labels),
    })
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_string(), value.to_string())
}

/// What makes it, and what gives its addresses.
fn check_kind(asked: &CreateNetwork) -> Result<(), Refusal> {
    let daemon = |what: &str| Err(Refusal::Daemon(what.to_string()));
    let yet = |what: &str| Err(Refusal::Client(format!("glassbox: {what} is understood but not carried out yet")));
    match asked.driver.as_str() {
        _ if asked.ingress => return daemon("Ingress network can only be global scope network"),
        _ if asked.scope == "swarm" => return daemon("cannot create a swarm scoped network when swarm is not active"),
        _ if asked.config_only => return yet("--config-only"),
        _ if !asked.config_from.is_empty() => {
            return daemon(&format!("configuration network {} does not exist", crate::cli::quoted(&asked.config_from)));
        }
        "" | "bridge" => {}
        "host" | "null" => return daemon(&format!("only one instance of \"{}\" network is allowed", asked.driver)),
        "macvlan" | "ipvlan" | "overlay" => return yet(&format!("--driver {}", asked.driver)),
        other => return daemon(&format!("plugin {} not found", crate::cli::quoted(other))),
    }
    match asked.ipam_driver.as_str() {
        "" | "default" => Ok(()),
        other => daemon(&format!("plugin {} not found", crate::cli::quoted(other))),
    }
}

fn check_mtu(asked: &CreateNetwork) -> Result<(), Refusal> {
    let Some(text) = asked.options.get(MTU) else { return Ok(()) };
    let quoted = crate::cli::quoted(text);
    match text.parse::<i64>() {
        Err(_) => {
            Err(Refusal::Daemon(format!("failed to parse {MTU} value: {text} (strconv.Atoi: parsing {quoted}: invalid syntax)")))
        }
        Ok(mtu) if mtu < 0 => Err(Refusal::Daemon(format!("invalid MTU number: {mtu}"))),
        // What a bridge takes: 68 (RFC 791) up to what fits into sixteen bits.
        Ok(mtu) if mtu != 0 && !(68..=65_535).contains(&mtu) => Err(Refusal::Daemon("invalid argument".into())),
        Ok(_) => Ok(()),
    }
}

/// The bridge's name is nobody else's.
fn check_interface(name: &str, id: &str, context: &Context<'_>) -> Result<(), Refusal> {
    let daemon = |what: String| Err(Refusal::Daemon(what));
    if name.len() > INTERFACE_NAME_BYTES_MAX {
        return daemon("numerical result out of range".into());
    }
    if name.contains(['/', ' ', ':']) || name == "." || name == ".." {
        return daemon("invalid argument".into());
    }
    if let Some(other) = context.state.networks.values().find(|network| network.interface == name) {
        let other = &other.id;
        return daemon(format!(
            "cannot create network {id} ({name}): conflicts with network {other} ({name}): networks have same bridge name"
        ));
    }
    match context.host.network.interfaces.iter().find(|link| link.name == name) {
        Some(link) if link.kind != LinkKind::Bridge => daemon(format!("existing interface {name} is not a bridge")),
        Some(_) => daemon(format!(
            "the bridge {name} is there already\nglassbox: it is somebody else's, and would be removed with the network: choose another name"
        )),
        None => Ok(()),
    }
}

fn remove(words: &[String], force: bool, context: &Context<'_>, plan: &mut Plan) {
    let mut gone: Vec<String> = Vec::new();
    let mut failed = false;
    for word in words {
        let refusal = match context.state.network(word) {
            Ok(network) if !gone.contains(&network.id) => match busy(network, context) {
                None => {
                    gone.push(network.id.clone());
                    plan.steps.extend(removal(network, origin::positional(context, "NETWORK"), context));
                    plan.steps.push(lifecycle::echo(word, context));
                    continue;
                }
                Some(what) => what,
            },
            Err(NetworkLookup::Ambiguous) => format!("network {word} is ambiguous (2 matches found based on ID prefix)"),
            _ if force => continue,
            _ => format!("network {word} not found\nglassbox: see which there are with: glassbox network ls"),
        };
        failed = true;
        plan.late_errors.push_str(&format!("Error response from daemon: {refusal}\n"));
    }
    if failed {
        plan.late_errors.push_str("exit status 1\n");
        plan.exit_code = 1;
    }
}

/// Why a network cannot be removed.
fn busy(network: &Network, context: &Context<'_>) -> Option<String> {
    if network.is_predefined() {
        return Some(format!("{} is a pre-defined network and cannot be removed", network.name));
    }
    let mut all: Vec<_> = context.state.endpoints_of(network).collect();
    all.sort_by_key(|(container, _)| (container.created_ns, &container.id));
    let shown: Vec<String> = all
        .into_iter()
        .map(|(container, endpoint)| format!("name:\"{}\" id:\"{}\"", container.name, endpoint.id.get(..12).unwrap_or_default()))
        .collect();
    (!shown.is_empty()).then(|| {
        format!(
            "error while removing network: network {} has active endpoints ({})\nglassbox: stop these containers first",
            network.name,
            shown.join(", ")
        )
    })
}

/// The bridge, with the host's addresses and routes in it, the rules, and the record.
fn removal(network: &Network, cause: super::super::Cause, context: &Context<'_>) -> Vec<Planned> {
    let path = Layout::new(&context.host.data_root).network(&network.id);
    let bridge = NetworkStep::DeleteInterface { name: network.interface.clone() };
    let mut steps = vec![planned(Step::Network(bridge), cause.clone())];
    steps.extend(rules::delete(network, || cause.clone()));
    steps.push(planned(Step::Network(NetworkStep::RemoveNetwork { id: network.id.clone(), path }), cause));
    steps
}

/// Those that fit all filters, by their names; of several values of one name one is enough, but of labels.
fn fitting<'a>(filters: &[String], context: &Context<'a>) -> Result<Vec<&'a Network>, CommandError> {
    let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for filter in filters {
        let (key, value) = filter.split_once('=').unwrap_or((filter, ""));
        if !FILTERS.contains(&key) {
            return Err(refused(&not_a_filter(key, FILTERS), context));
        }
        values.entry(key).or_default().push(value);
    }
    let wrong = values.get("type").into_iter().flatten().find(|value| !["custom", "builtin"].contains(value));
    if let Some(value) = wrong {
        return Err(refused(&format!("invalid filter: 'type'='{value}'\nglassbox: it is custom or builtin"), context));
    }
    let dangling = match values.get("dangling").and_then(|all| all.last()).copied() {
        None => None,
        Some("true" | "1") => Some(true),
        Some("false" | "0") => Some(false),
        Some(_) => {
            let what = "invalid value for filter 'dangling', must be \"true\" (or \"1\"), or \"false\" (or \"0\")";
            return Err(refused(what, context));
        }
    };
    let mut found: Vec<&Network> = context
        .state
        .networks
        .values()
        .filter(|network| fits(network, &values))
        .filter(|network| dangling.is_none_or(|wanted| wanted == is_dangling(network, context)))
        .collect();
    found.sort_by(|one, other| natural::compare(&one.name, &other.name));
    Ok(found)
}

fn is_dangling(network: &Network, context: &Context<'_>) -> bool {
    !network.is_predefined() && context.state.endpoints_of(network).next().is_none()
}

fn fits(network: &Network, values: &BTreeMap<&str, Vec<&str>>) -> bool {
    let one_of = |key: &str, fits: &dyn Fn(&str) -> bool| values.get(key).is_none_or(|all| all.iter().any(|value| fits(value)));
    let name = |wanted: &str| {
        network.name == wanted
            || network.name.contains(wanted)
            || regex_lite::Regex::new(wanted).is_ok_and(|pattern| pattern.is_match(&network.name))
    };
    one_of("driver", &|value| network.driver.word() == value)
        && one_of("id", &|value| network.id.starts_with(value))
        && one_of("name", &name)
        && one_of("scope", &|value| value == "local")
        && one_of("type", &|value| network.is_predefined() == (value == "builtin"))
        && values.get("label").is_none_or(|all| all.iter().all(|label| label_fits(&network.labels, label)))
}

/// Those that no container that runs is connected to.
fn prune(force: bool, filters: &[String], context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let mut until = None;
    for filter in filters {
        let (key, value) = filter.split_once('=').unwrap_or((filter, ""));
        match key {
            "label" | "label!" => {}
            "until" => until = Some(moment(value, context.host).map_err(|what| refused(&what, context))?),
            _ => return Err(refused(&not_a_filter(key, PRUNE_FILTERS), context)),
        }
    }
    if !force {
        let question = "WARNING! This will remove all custom networks not used by at least one container.\nAre you sure you want to continue? \
                        [y/N] ";
        plan.steps.push(system::confirm(question.to_string(), context));
    }
    let labelled = |network: &&Network| {
        filters.iter().all(|filter| match filter.split_once('=') {
            Some(("label", value)) => label_fits(&network.labels, value),
            Some(("label!", value)) => !label_fits(&network.labels, value),
            _ => true,
        })
    };
    let old = |network: &&Network| until.is_none_or(|until| network.created_ns <= until);
    let unused = context.state.networks.values().filter(|network| is_dangling(network, context)).filter(labelled).filter(old);
    let mut all: Vec<&Network> = unused.collect();
    all.sort_by(|one, other| natural::compare(&one.name, &other.name));
    for network in &all {
        plan.steps.extend(removal(network, origin::command(context), context));
    }
    let names: String = all.iter().map(|network| format!("{}\n", network.name)).collect();
    if !all.is_empty() {
        plan.steps.push(lifecycle::print(format!("Deleted Networks:\n{names}\n"), context));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_as_people_count() {
        let mut names = ["zebra", "net10", "net2", "Alpha", "bridge", "net02", "bridge2"];
        names.sort_by(|one, other| natural::compare(one, other));
        assert_eq!(names, ["Alpha", "bridge", "bridge2", "net2", "net02", "net10", "zebra"]);
    }
}
