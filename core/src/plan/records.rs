//! rename, restart, container prune: commands that rewrite records, or go through all of them.

use super::origin::{self, need, planned};
use super::{CommandError, Context, Plan, Planned, lifecycle, names, system};
use crate::layout::Layout;
use crate::model::Container;
use crate::step::{Phase, Step, StoreStep};
use crate::userland::Signal;
use crate::view::filter::Filters;

/// What Docker's client asks.
const PRUNE_QUESTION: &str = "WARNING! This will remove all stopped containers.\nAre you sure you want to continue? [y/N] ";

/// The step that makes `container` of what is on record.
pub(super) fn replace(container: Container, before: &Container, context: &Context<'_>) -> Step {
    let path = Layout::new(&context.host.data_root).of(&container.id, "state.json");
    Step::Store(StoreStep::ReplaceRecord { container: Box::new(container), before: Box::new(before.clone()), path })
}

pub(super) fn rename(word: &str, name: &str, context: &Context<'_>) -> Result<Vec<Planned>, CommandError> {
    let span = context.invocation.words.positional("CONTAINER");
    let failed = format!("Error: failed to rename container named {word}\n");
    let refuse = |message: String| CommandError { message: format!("{message}{failed}"), exit_code: 1, span };
    let before = lifecycle::find(word, context).map_err(refuse)?;
    let name = name.strip_prefix('/').unwrap_or(name);
    taken(name, before, context).map_err(|what| refuse(format!("Error response from daemon: {what}\n")))?;
    let step = replace(Container { name: name.to_string(), ..before.clone() }, before, context);
    Ok(vec![planned(step, origin::positional(context, "NEW_NAME"))])
}

/// Docker's refusals of a new name.
fn taken(name: &str, container: &Container, context: &Context<'_>) -> Result<(), String> {
    if container.name == name {
        return Err("Renaming a container with the same name as its current name".into());
    }
    if !names::is_valid(name) {
        let what = format!("Invalid container name (/{name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
        return Err(format!("Error when allocating new name: {what}"));
    }
    match context.state.containers.values().find(|other| other.name == name) {
        None => Ok(()),
        Some(other) => Err(format!(
            "Error when allocating new name: Conflict. The container name \"/{name}\" is already in use by container \"{}\". You have to \
             remove (or rename) that container to be able to reuse that name.",
            other.id
        )),
    }
}

/// stop and start. A container made with `--rm` is kept in between: its record says so for as long.
pub(super) fn restart(words: &[String], signal: Option<Signal>, timeout: Option<i64>, context: &Context<'_>, plan: &mut Plan) {
    lifecycle::for_each(words, context, plan, |container, word, plan| {
        lifecycle::check_offered(container, context).map_err(|message| {
            const DAEMON: &str = "Error response from daemon: ";
            message.replacen(DAEMON, &format!("{DAEMON}Cannot restart container {word}: "), 1)
        })?;
        let mut steps = Vec::new();
        if container.state.status.runs() {
            let kept =
                Container { host: crate::model::HostConfig { auto_remove: false, ..container.host.clone() }, ..container.clone() };
            let flag = || origin::flag_or(context, container, "rm", || origin::command(context));
            if container.host.auto_remove {
                steps.push(planned(replace(kept.clone(), container, context), flag()));
            }
            steps.push(lifecycle::stop_step(container, signal, timeout, context));
            if container.host.auto_remove {
                let why = "It is to be removed when it ends the next time.";
                steps.push(planned(replace(container.clone(), &kept, context), need("RestartContainers", why)));
            }
        }
        let phase = Phase::StartContainer { id: container.id.clone() };
        steps.push(planned(Step::Phase(phase), origin::positional(context, "CONTAINER")));
        plan.monitor.extend(lifecycle::monitor(container, context));
        steps.push(lifecycle::echo(word, context));
        Ok(steps)
    });
}

pub(super) fn prune(force: bool, filters: &[(String, String)], context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let refuse = |what| CommandError { message: format!("Error response from daemon: {what}\n"), exit_code: 1, span: None };
    let filters = Filters::of_prune(filters, context.host).map_err(refuse)?;
    if !force {
        plan.steps.push(system::confirm(PRUNE_QUESTION.into(), context));
    }
    let ids = system::prune_containers(&filters, context, plan);
    plan.steps.push(system::print_reclaimed(vec![("Deleted Containers:".to_string(), ids)], context));
    Ok(())
}
