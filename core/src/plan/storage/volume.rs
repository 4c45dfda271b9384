//! volume create, ls, inspect, rm, prune.

use std::collections::BTreeMap;

use super::super::origin::{self, planned};
use super::super::{CommandError, Context, Plan, Planned, names, system};
use super::steps;
use crate::cli::{Command, quoted};
use crate::layout::Layout;
use crate::model::{ANONYMOUS_LABEL, Volume};
use crate::step::{ClientStep, Step, StoreStep};
use crate::view::filter::{label_fits, not_a_filter};
use crate::view::volumes;

const LOCAL: &str = "local";
/// What dockerd's list of volumes filters by.
const FILTERS: &[&str] = &["dangling", "driver", "label", "name"];

/// Docker's refusal of a volume's name.
pub(in crate::plan) fn check_name(name: &str) -> Result<(), String> {
    if name.chars().count() == 1 {
        return Err("volume name is too short, names should be at least two alphanumeric characters".to_string());
    }
    match names::is_valid(name) {
        true => Ok(()),
        false => Err(format!(
            "\"{name}\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you \
             intended to pass a host directory, use absolute path"
        )),
    }
}

/// Volumes are directories of this machine: there is no other driver.
pub(super) fn is_local(driver: &str) -> bool {
    ["", LOCAL].contains(&driver)
}

/// Docker's words for a driver that nobody has installed.
pub(super) fn unknown_driver(driver: &str) -> String {
    format!("error looking up volume plugin {driver}: plugin \"{driver}\" not found")
}

/// What the local driver of Docker says of its options (moby volume/local): which there are, and which need which.
pub(super) fn check_options(options: &BTreeMap<String, String>) -> Result<(), String> {
    const KNOWN: [&str; 4] = ["device", "o", "size", "type"];
    if let Some(option) = options.keys().find(|option| !KNOWN.contains(&option.as_str())) {
        return Err(format!("invalid option: {}", quoted(option)));
    }
    if options.contains_key("size") {
        return Err("quota size requested but no quota support".to_string());
    }
    let missing = |wanted: &&str| !options.contains_key(*wanted);
    let needs: &[&str] = if options.is_empty() { &[] } else { &["device", "type"] };
    match needs.iter().find(|wanted| missing(wanted)) {
        Some(wanted) => Err(format!("missing required option: {}", quoted(wanted))),
        None => Ok(()),
    }
}

fn print(text: String, context: &Context<'_>) -> Planned {
    planned(Step::Client(ClientStep::Print { text }), origin::command(context))
}

fn refused(message: &str, context: &Context<'_>) -> CommandError {
    let span = context.invocation.words.positional("VOLUME");
    CommandError { message: format!("Error response from daemon: {message}\n"), exit_code: 1, span }
}

fn pairs(words: &[String]) -> BTreeMap<String, String> {
    words.iter().map(|word| word.split_once('=').unwrap_or((word, ""))).map(|(name, value)| (name.into(), value.into())).collect()
}

/// The commands about volumes.
pub(in crate::plan) fn on(context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let command = &context.invocation.command;
    match command {
        Command::CreateVolume { .. } => create(command, context, plan)?,
        Command::ListVolumes { .. } => list(command, context, plan)?,
        Command::UpdateVolume { name } => return Err(update(name, context)),
        Command::RemoveVolumes { volumes, force } => remove(volumes, *force, context, plan),
        Command::PruneVolumes { all, filters, force } => prune(*all, filters, *force, context, plan)?,
        _ => {}
    }
    Ok(())
}

/// One that is there already is as good as a new one.
fn create(command: &Command, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let Command::CreateVolume { name, labels, driver, options, cluster } = command else { return Ok(()) };
    if *cluster {
        let what = "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and \
                    try again.";
        return Err(refused(what, context));
    }
    let named = name.as_deref().filter(|name| !name.is_empty());
    let refuse = |name: &str, what: String| refused(&format!("create {name}: {what}"), context);
    if !is_local(driver) {
        return Err(refuse(named.unwrap_or_default(), unknown_driver(driver)));
    }
    if let Some(name) = named {
        check_name(name).map_err(|what| refuse(name, what))?;
    }
    check_options(options).map_err(|what| refuse(named.unwrap_or_default(), what))?;
    let mut labels = Some(pairs(labels)).filter(|labels| !labels.is_empty());
    if named.is_none() {
        labels.get_or_insert_default().insert(ANONYMOUS_LABEL.to_string(), String::new());
    }
    let name = named.map_or_else(|| names::fresh_volume(&context.host.entropy, 0), str::to_string);
    if !context.state.volumes.contains_key(&name) {
        let volume = Volume { name: name.clone(), created_ns: context.host.now_ns, labels, options: options.clone() };
        let step = steps::create_volume(volume, &Layout::new(&context.host.data_root));
        plan.steps.push(planned(Step::Store(step), origin::command(context)));
    }
    plan.steps.push(print(format!("{name}\n"), context));
    Ok(())
}

/// Whether a volume fits all filters; an error names the filter that Docker does not know.
fn fits(volume: &Volume, filters: &[String], context: &Context<'_>) -> Result<bool, String> {
    let mut names: Option<bool> = None;
    for filter in filters {
        let (key, value) = filter.split_once('=').unwrap_or((filter, ""));
        let label = |wanted: &str| volume.labels.as_ref().is_some_and(|labels| label_fits(labels, wanted));
        let fits = match key {
            "dangling" => match value {
                "true" | "1" => context.state.users_of_volume(&volume.name).is_empty(),
                "false" | "0" => !context.state.users_of_volume(&volume.name).is_empty(),
                _ => return Err(format!("invalid filter 'dangling=[{value}]'\nglassbox: it is true or false")),
            },
            // Of several names one is enough.
            "name" => {
                names = Some(names.unwrap_or(false) || volume.name.contains(value));
                true
            }
            "driver" => value == LOCAL,
            "label" => label(value),
            "label!" => !label(value),
            _ => return Err(not_a_filter(key, FILTERS)),
        };
        if !fits {
            return Ok(false);
        }
    }
    Ok(names.unwrap_or(true))
}

fn fitting<'a>(filters: &[String], context: &Context<'a>) -> Result<Vec<&'a Volume>, CommandError> {
    // A filter that Docker does not know is refused where there is no volume as well.
    fits(&Volume::default(), filters, context).map_err(|what| refused(&what, context))?;
    Ok(context.state.volumes.values().filter(|volume| fits(volume, filters, context).unwrap_or(false)).collect())
}

fn list(command: &Command, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let Command::ListVolumes { quiet, filters, format, cluster } = command else { return Ok(()) };
    let mut found = fitting(filters, context)?;
    found.retain(|_| !cluster);
    let format = format.as_deref().or(cluster.then_some(volumes::OF_CLUSTER).filter(|_| !quiet));
    let span = context.invocation.words.flag("format").map(|used| used.span);
    let refuse = |what: String| CommandError { message: format!("{what}\n"), exit_code: 1, span };
    plan.steps.push(print(volumes::list(&found, context.host, *quiet, format).map_err(refuse)?, context));
    Ok(())
}

/// Docker changes only volumes of a cluster, once it has found the volume at all.
fn update(name: &str, context: &Context<'_>) -> CommandError {
    let span = context.invocation.words.positional("VOLUME");
    let message = match context.state.volumes.get(name) {
        Some(_) => {
            "can only update cluster volumes\nglassbox: what a volume of this machine is stays as it was created\n".to_string()
        }
        None => missing(name),
    };
    CommandError { message, exit_code: 1, span }
}

pub(in crate::plan) fn missing(name: &str) -> String {
    format!("Error response from daemon: get {name}: no such volume\nglassbox: see which there are with: glassbox volume ls\n")
}

fn removal(name: &str, context: &Context<'_>, cause: super::super::Cause) -> Planned {
    let directory = Layout::new(&context.host.data_root).volume(name);
    planned(Step::Store(StoreStep::RemoveVolume { name: name.to_string(), directory }), cause)
}

fn remove(words: &[String], force: bool, context: &Context<'_>, plan: &mut Plan) {
    let mut gone: Vec<&str> = Vec::new();
    for word in words {
        let users = context.state.users_of_volume(word);
        if !context.state.volumes.contains_key(word) || gone.contains(&word.as_str()) {
            match force {
                true => plan.steps.push(print(format!("{word}\n"), context)),
                false => plan.fail_later(&missing(word)),
            }
        } else if !users.is_empty() {
            let users = users.iter().map(|id| id.0.as_str()).collect::<Vec<_>>().join(", ");
            plan.fail_later(&format!(
                "Error response from daemon: remove {word}: volume is in use - [{users}]\n\
                 glassbox: remove these containers first: glassbox rm CONTAINER\n"
            ));
        } else {
            gone.push(word);
            plan.steps.push(removal(word, context, origin::positional(context, "VOLUME")));
            plan.steps.push(print(format!("{word}\n"), context));
        }
    }
}

/// Those that no container has: the unnamed ones, or with `all` every one.
fn prune(all: bool, filters: &[String], force: bool, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let all = all || filters.iter().any(|filter| matches!(filter.as_str(), "all=1" | "all=true"));
    let others: Vec<String> = filters.iter().filter(|filter| !filter.starts_with("all=")).cloned().collect();
    if let Some(filter) = others.iter().find(|filter| !filter.starts_with("label")) {
        let key = filter.split('=').next().unwrap_or(filter);
        return Err(refused(&not_a_filter(key, &["all", "label", "label!"]), context));
    }
    if !force {
        let which = if all { "all" } else { "anonymous" };
        let question = format!(
            "WARNING! This will remove {which} local volumes not used by at least one container.\nAre you sure you want to continue? [y/N] "
        );
        plan.steps.push(system::confirm(question, context));
    }
    let names = prune_unused(all, &others, &|_| false, context, plan)?;
    plan.steps.push(system::print_reclaimed(vec![("Deleted Volumes:".to_string(), names)], context));
    Ok(())
}

/// The volumes that fit and that no container has but those that are `gone` by then: each measured and removed; their names.
pub(in crate::plan) fn prune_unused(
    all: bool,
    filters: &[String],
    gone: &dyn Fn(&str) -> bool,
    context: &Context<'_>,
    plan: &mut Plan,
) -> Result<Vec<String>, CommandError> {
    let layout = Layout::new(&context.host.data_root);
    let mut names = Vec::new();
    for volume in fitting(filters, context)? {
        let used = context.state.users_of_volume(&volume.name).iter().any(|id| !gone(&id.0));
        if used || !(all || volume.is_anonymous()) {
            continue;
        }
        plan.steps.push(system::measure(layout.volume_data(&volume.name)));
        plan.steps.push(removal(&volume.name, context, origin::command(context)));
        names.push(volume.name.clone());
    }
    Ok(names)
}
