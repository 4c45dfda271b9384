//! What looks at containers while they run, and changes nothing: `top`, `stats`, `events`.

use super::lifecycle::find;
use super::origin::{self, planned};
use super::{CommandError, Context, Plan, Planned};
use crate::cli::{Command, moment};
use crate::model::{Container, ContainerId, Status};
use crate::step::{ClientStep, StatsView, Step};
use crate::view::happenings::{self, EventView};
use crate::view::stats;
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

/// One of the three; of other commands there is nothing to plan here.
pub(super) fn on(context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let step = match &context.invocation.command {
        Command::ShowProcesses { container, options } => top(container, options, context),
        Command::ShowStats { containers, all, stream, no_trunc, format } => {
            let view =
                |containers| StatsView { containers, all: *all, stream: *stream, no_trunc: *no_trunc, format: format.clone() };
            let found = found(containers, context)?;
            check_stats_format(format.as_deref(), context)?;
            Ok(whole(ClientStep::ShowStats { view: view(found) }, context))
        }
        Command::ShowEvents { since, until, filters, format } => {
            let utc_offset_seconds = context.host.utc_offset_seconds;
            let view = |(since_ns, until_ns)| EventView {
                since_ns,
                until_ns,
                filters: filters.clone(),
                format: format.clone(),
                utc_offset_seconds,
            };
            check_format(format.as_deref(), context)
                .and_then(|()| span_of_time(since, until, context))
                .map(|moments| whole(ClientStep::ShowEvents { view: view(moments) }, context))
        }
        _ => return Ok(()),
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
    let utc_offset_seconds = context.host.utc_offset_seconds;
    let step = ClientStep::ShowProcesses { id: container.id.clone(), options: options.to_vec(), utc_offset_seconds };
    Ok(planned(Step::Client(step), origin::positional(context, "CONTAINER")))
}

/// A step that the whole command asks for.
fn whole(step: ClientStep, context: &Context<'_>) -> Planned {
    planned(Step::Client(step), origin::command(context))
}

/// A template for `events` is the client's to judge.
fn check_format(format: Option<&str>, context: &Context<'_>) -> Result<(), CommandError> {
    let span = context.invocation.words.flag("format").map(|flag| flag.span);
    let refuse = |message: String| CommandError { message: message + "\n", exit_code: EXIT_TEMPLATE, span };
    format.map_or(Ok(()), |format| happenings::check_format(format).map_err(refuse))
}

/// The client has found the containers when it reads the template.
fn check_stats_format(format: Option<&str>, context: &Context<'_>) -> Result<(), CommandError> {
    let span = context.invocation.words.flag("format").map(|flag| flag.span);
    let refuse = |message: String| CommandError { message: message + "\n", exit_code: 1, span };
    format.map_or(Ok(()), |format| stats::check_format(format).map_err(refuse))
}

/// From when to when `events` are wanted: the moments are the client's to judge, their order is the daemon's.
fn span_of_time(since: &str, until: &str, context: &Context<'_>) -> Result<(Option<u64>, Option<u64>), CommandError> {
    let span = |name: &str| context.invocation.words.flag(name).map(|flag| flag.span);
    let at = |name: &str, value: &str| {
        let read = (!value.is_empty()).then(|| moment(value, context.host)).transpose();
        read.map_err(|why| CommandError { message: format!("{why}\n"), exit_code: 1, span: span(name) })
    };
    let (since_ns, until_ns) = (at("since", since)?, at("until", until)?);
    if let (Some(from), Some(to)) = (since_ns, until_ns)
        && to < from
    {
        let what = format!("`since` time ({}) cannot be after `until` time ({})", sent(since, from), sent(until, to));
        return Err(CommandError { message: format!("Error response from daemon: {what}\n"), exit_code: 1, span: span("until") });
    }
    Ok((since_ns, until_ns))
}

/// A moment as the client sends it: a number as it was typed, all else in seconds and nanoseconds.
fn sent(typed: &str, at_ns: u64) -> String {
    if typed.chars().all(|letter| letter.is_ascii_digit() || letter == '.') {
        return typed.to_string();
    }
    format!("{}.{:09}", at_ns / NS_PER_SECOND, at_ns % NS_PER_SECOND)
}

/// The containers that `stats` names, each with the word for it: one that is not there is told before anything is shown.
fn found(words: &[String], context: &Context<'_>) -> Result<Vec<(ContainerId, String)>, CommandError> {
    let refuse = |message: String| CommandError { message, exit_code: 1, span: context.invocation.words.positional("CONTAINER") };
    let found =
        |word: &String| find(word, context).map(|container| (container.id.clone(), word.trim().to_string())).map_err(refuse);
    words.iter().map(found).collect()
}
