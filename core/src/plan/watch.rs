//! What looks at containers while they run, and changes nothing: `top`, `stats`, `events`.

use super::lifecycle::find;
use super::origin::{self, planned};
use super::{CommandError, Context, Plan, Planned};
use crate::cli::{Command, moment};
use crate::model::{Container, Status};
use crate::step::{ClientStep, StatsView, Step};
use crate::view::happenings::{self, EventView};
use crate::view::top::{self, Refusal};

/// Of Docker's client, for a template that cannot be read.
const EXIT_TEMPLATE: i32 = 64;
const NS_PER_SECOND: u64 = 1_000_000_000;

/// Docker's refusal of a container that has no process to look at.
fn check_runs(container: &Container) -> Result<(), String> {
    let id = &container.id;
    match container.state.status {
        Status::Running | Status::Paused => Ok(()),
        Status::Restarting => {
            Err(format!("Error response from daemon: Container {id} is restarting, wait until the container is running\n"))
        }
        Status::Created | Status::Exited => Err(format!("Error response from daemon: container {id} is not running\n")),
    }
}

/// One of the three.
pub(super) fn on(context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let step = match &context.invocation.command {
        Command::ShowProcesses { container, options } => top(container, options, context),
        command @ Command::ShowStats { .. } => stats(command, context),
        command => events(command, context),
    };
    plan.steps.push(step?);
    Ok(())
}

/// `top`: as dockerd does, the options are judged before the container is looked for, but for those that ps judges.
fn top(word: &str, options: &[String], context: &Context<'_>) -> Result<Planned, CommandError> {
    let refuse = |message: String, at: &str| CommandError { message, exit_code: 1, span: context.invocation.words.positional(at) };
    let container = find(word, context).map_err(|message| refuse(message, "CONTAINER"))?;
    check_runs(container).map_err(|message| refuse(message, "CONTAINER"))?;
    top::parse(options).map_err(|refusal| match refusal {
        Refusal::Daemon(what) => refuse(format!("Error response from daemon: {what}\n"), "ps"),
        Refusal::NotHere(what) => refuse(format!("glassbox: top: {what}\n"), "ps"),
    })?;
    let step = ClientStep::ShowProcesses { id: container.id.clone(), options: options.to_vec() };
    Ok(planned(Step::Client(step), origin::positional(context, "CONTAINER")))
}

/// `events`: the moments and the template are the client's to judge, their order is the daemon's.
fn events(command: &Command, context: &Context<'_>) -> Result<Planned, CommandError> {
    let Command::ShowEvents { since, until, filters, format } = command else {
        return Err(CommandError { message: String::new(), exit_code: 1, span: None });
    };
    let span = |name: &str| context.invocation.words.flag(name).map(|flag| flag.span);
    if let Some(format) = format {
        let refuse = |message: String| CommandError { message: message + "\n", exit_code: EXIT_TEMPLATE, span: span("format") };
        happenings::check_format(format).map_err(refuse)?;
    }
    let at = |name: &str, value: &str| {
        let read = (!value.is_empty()).then(|| moment(value, context.host)).transpose();
        read.map_err(|why| CommandError { message: format!("{why}\n"), exit_code: 1, span: span(name) })
    };
    let (since_ns, until_ns) = (at("since", since)?, at("until", until)?);
    if let (Some(from), Some(to)) = (since_ns, until_ns)
        && to < from
    {
        let seconds = |at_ns: u64| at_ns / NS_PER_SECOND;
        let what = format!("`since` time ({}) cannot be after `until` time ({})", seconds(from), seconds(to));
        return Err(CommandError { message: format!("Error response from daemon: {what}\n"), exit_code: 1, span: span("until") });
    }
    let view = EventView { since_ns, until_ns, filters: filters.clone(), format: format.clone() };
    Ok(planned(Step::Client(ClientStep::ShowEvents { view }), origin::command(context)))
}

/// `stats`: one that is not there is told before anything is shown.
fn stats(command: &Command, context: &Context<'_>) -> Result<Planned, CommandError> {
    let Command::ShowStats { containers, all, stream, no_trunc, format } = command else {
        return Err(CommandError { message: String::new(), exit_code: 1, span: None });
    };
    let refuse = |message: String| CommandError { message, exit_code: 1, span: context.invocation.words.positional("CONTAINER") };
    let found =
        |word: &String| find(word, context).map(|container| (container.id.clone(), word.trim().to_string())).map_err(refuse);
    let containers = containers.iter().map(found).collect::<Result<_, _>>()?;
    let view = StatsView { containers, all: *all, stream: *stream, no_trunc: *no_trunc, format: format.clone() };
    Ok(planned(Step::Client(ClientStep::ShowStats { view }), origin::command(context)))
}
