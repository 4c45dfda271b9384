//! `system df` and `system prune`, and what all prunes have in common: sizes are measured by a step before anything goes.

use super::origin::{self, need, planned};
use super::storage::volume;
use super::{CommandError, Context, Plan, Planned, build, images};
use crate::cli::{Command, PruneBuilds};
use crate::layout::Layout;
use crate::model::{Container, ContainerId};
use crate::step::{ClientStep, Phase, Step, StoreStep};
use crate::view::disk;
use crate::view::filter::Filters;
use crate::view::info;
use crate::view::version::Shown;

/// The step that counts what goes with a directory.
pub(super) fn measure(path: String) -> Planned {
    let why = "The sum of what is given back is told at the end, and what is gone cannot be counted any more.";
    planned(Step::Store(StoreStep::MeasureDirectory { path }), need("PrintReclaimed", why))
}

/// What was deleted, and the sum.
pub(super) fn print_reclaimed(deleted: Vec<(String, Vec<String>)>, context: &Context<'_>) -> Planned {
    planned(Step::Client(ClientStep::PrintReclaimed { deleted }), origin::command(context))
}

pub(super) fn confirm(question: String, context: &Context<'_>) -> Planned {
    planned(Step::Client(ClientStep::Confirm { question }), origin::command(context))
}

/// The containers that do not run and fit, each measured and removed; their ids.
pub(super) fn prune_containers(filters: &Filters, context: &Context<'_>, plan: &mut Plan) -> Vec<String> {
    let ended = |container: &&Container| !container.state.status.runs();
    let all: Vec<&Container> = context.state.newest_first().into_iter().filter(ended).collect();
    let chosen = filters.chosen(all, 0, context.state);
    let layout = Layout::new(&context.host.data_root);
    for container in &chosen {
        plan.steps.push(measure(layout.of(&container.id, "upper")));
        let phase = Phase::RemoveContainer { id: container.id.clone() };
        plan.steps.push(planned(Step::Phase(phase), origin::command(context)));
    }
    chosen.iter().map(|container| container.id.0.clone()).collect()
}

pub(super) fn df(verbose: bool, format: Option<&str>, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let refuse = |what: String| {
        let span = context.invocation.words.flag("format").map(|flag| flag.span);
        CommandError { message: format!("{what}\n"), exit_code: 1, span }
    };
    let text = match (verbose, format) {
        (true, Some(_)) => {
            return Err(refuse(
                "glassbox: system df -v with --format is understood but not carried out yet: leave one of the two out".to_string(),
            ));
        }
        (true, None) => disk::verbose(context.state, context.host),
        (false, format) => disk::summary(context.state, context.host, format).map_err(refuse)?,
    };
    plan.steps.push(planned(Step::Client(ClientStep::Print { text }), origin::command(context)));
    Ok(())
}

/// `version`: who asks and who carries out are one program here; Docker's are two, client and daemon.
pub(super) fn version(format: Option<&str>, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    show(crate::view::version::text(context.host, format), context, plan)
}

/// `info`: the machine and what is kept on it.
pub(super) fn info(format: Option<&str>, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    show(info::text(context.state, context.host, format), context, plan)?;
    if format.is_none() {
        plan.late_errors.extend(info::warned(context.host).iter().map(|warning| format!("{warning}\n")));
    }
    Ok(())
}

fn show(shown: Result<Shown, (String, i32)>, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let (text, failed) = shown.map_err(|(what, exit_code)| {
        let span = context.invocation.words.flag("format").map(|flag| flag.span);
        CommandError { message: format!("{what}\n"), exit_code, span }
    })?;
    plan.steps.push(planned(Step::Client(ClientStep::Print { text }), origin::command(context)));
    if let Some((what, exit_code)) = failed {
        plan.fail_later(&format!("{what}\n"));
        plan.exit_code = exit_code;
    }
    Ok(())
}

/// Containers that do not run, and with `--volumes` the volumes that nobody named and nobody has.
pub(super) fn prune(command: &Command, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let Command::PruneSystem { all, volumes, force, filters } = command else { return Ok(()) };
    let refuse = |message: String| CommandError { message, exit_code: 1, span: None };
    if *volumes && filters.iter().any(|(name, _)| name == "until") {
        return Err(refuse("ERROR: The \"until\" filter is not supported with \"--volumes\"\n".to_string()));
    }
    let daemon = |what: String| refuse(format!("Error response from daemon: {what}\n"));
    let chosen = Filters::of_prune(filters, context.host).map_err(daemon)?;
    if !force {
        plan.steps.push(confirm(question(*all, *volumes, filters), context));
    }
    if *all {
        plan.warnings.push("glassbox: the toolbox image is part of the program: it stays".to_string());
    }
    let ids = prune_containers(&chosen, context, plan);
    let mut deleted = vec![("Deleted Containers:".to_string(), ids.clone())];
    if *volumes {
        let labels: Vec<String> = filters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let gone = |id: &str| ids.iter().any(|known| known == id);
        deleted.push(("Deleted Volumes:".to_string(), volume::prune_unused(false, &labels, &gone, context, plan)?));
    }
    let mut state = context.state.clone();
    for id in &ids {
        state.containers.remove_mut(&ContainerId(id.clone()));
    }
    deleted.push(("Deleted Images:".to_string(), images::prune_unused(*all, &chosen, &mut state, context, plan)));
    // Of what builds have left nobody says what labels it has.
    if !filters.iter().any(|(name, _)| name.starts_with("label")) {
        let until = filters.iter().filter(|(name, _)| name == "until").cloned().collect();
        let asked = PruneBuilds { all: *all, filters: until, ..PruneBuilds::default() };
        let gone = build::prune_cache(&build::Chosen::of(&asked, context)?, &state, context, plan);
        deleted.push(("Deleted build cache objects:".to_string(), gone));
    }
    plan.steps.push(print_reclaimed(deleted, context));
    Ok(())
}

/// What Docker's client asks.
fn question(all: bool, volumes: bool, filters: &[(String, String)]) -> String {
    let mut lines = vec!["all stopped containers", "all networks not used by at least one container"];
    if volumes {
        lines.push("all anonymous volumes not used by at least one container");
    }
    lines.push(if all { "all images without at least one container associated to them" } else { "all dangling images" });
    lines.push(if all { "all build cache" } else { "unused build cache" });
    let list: String = lines.iter().map(|line| format!("\n  - {line}")).collect();
    let fitting: String = filters.iter().map(|(name, value)| format!("\n  - {name}={value}")).collect();
    let filtered =
        if filters.is_empty() { String::new() } else { format!("\n\n  Items to be pruned will be filtered with:{fitting}") };
    format!("WARNING! This will remove:{list}{filtered}\n\nAre you sure you want to continue? [y/N] ")
}
