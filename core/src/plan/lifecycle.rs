//! stop, kill, rm, wait, start, exec, logs, ps, inspect: commands on containers that are there.

use std::collections::BTreeSet;

use super::origin::{self, need, planned};
use super::{CommandError, Context, Plan, Planned, exec, failure, pause, restart, storage};
use crate::cli::{Command, ContainerList, ExecProcess, moment};
use crate::layout::Layout;
use crate::model::{Container, Lookup, SignalReason, Status};
use crate::step::{ClientStep, LogView, Phase, ProcessStep, Step, StoreStep};
use crate::userland::{Attempt, Signal};
use crate::view::{containers, ending, listing};
use crate::why;

/// Docker's patience between the stop signal and SIGKILL, seconds.
const STOP_TIMEOUT_SECONDS: i64 = 10;

/// What helps who named a container that is not there.
pub(super) const SEE_ALL: &str = "glassbox: see which there are with: glassbox ps -a\n";

/// Looks `word` up; Docker's refusal if it leads nowhere.
pub(super) fn find<'a>(word: &str, context: &Context<'a>) -> Result<&'a Container, String> {
    let word = named(word)?;
    context.state.container(word).map_err(|lookup| match lookup {
        Lookup::Missing => format!("Error response from daemon: No such container: {word}\n{SEE_ALL}"),
        Lookup::Ambiguous => format!("Error response from daemon: multiple IDs found with provided prefix: {word}\n"),
    })
}

/// Docker's client takes blanks around a name away, and asks the daemon nothing where no name is left.
pub(super) fn named(word: &str) -> Result<&str, String> {
    match word.trim() {
        "" => Err("invalid container name or ID: value is empty\n".to_string()),
        name => Ok(name),
    }
}

/// For each word the steps that `each` makes of its container; what goes wrong with one does not stop the others.
pub(super) fn for_each<'a>(
    words: &[String],
    context: &Context<'a>,
    plan: &mut Plan,
    mut each: impl FnMut(&'a Container, &str, &mut Plan) -> Result<Vec<Planned>, String>,
) {
    for word in words {
        match find(word, context).and_then(|container| each(container, word, plan)) {
            Ok(steps) => plan.add_part(word, steps),
            Err(message) => plan.fail_part(word, &message),
        }
    }
}

pub(super) fn print(text: String, context: &Context<'_>) -> Planned {
    planned(Step::Client(ClientStep::Print { text }), origin::command(context))
}

pub(super) fn echo(word: &str, context: &Context<'_>) -> Planned {
    print(format!("{word}\n"), context)
}

pub(super) fn stop(words: &[String], signal: Option<Signal>, timeout: Option<i64>, context: &Context<'_>, plan: &mut Plan) {
    for_each(words, context, plan, |container, word, _| {
        let mut steps = Vec::new();
        if container.state.status.runs() {
            steps.push(stop_step(container, signal, timeout, context));
        }
        steps.push(echo(word, context));
        Ok(steps)
    });
}

/// The signal that asks it to end, and the seconds that it is left then; `None`: all that it wants.
fn manners(container: &Container, signal: Option<Signal>, timeout: Option<i64>) -> (Signal, Option<u64>) {
    let patience = timeout.or(container.process.stop_timeout_seconds).unwrap_or(STOP_TIMEOUT_SECONDS);
    let signal = signal.or(container.process.stop_signal).unwrap_or(Signal::SIGTERM);
    (signal, u64::try_from(patience).ok())
}

/// The phase that ends a running container.
pub(super) fn stop_step(container: &Container, signal: Option<Signal>, timeout: Option<i64>, context: &Context<'_>) -> Planned {
    let (signal, timeout_seconds) = manners(container, signal, timeout);
    let phase = Phase::StopContainer { id: container.id.clone(), signal: signal.0, timeout_seconds };
    planned(Step::Phase(phase), origin::positional(context, "CONTAINER"))
}

/// Signal, patience, SIGKILL.
pub(super) fn stop_phase(container: &Container, signal: i32, timeout_seconds: Option<u64>, context: &Context<'_>) -> Vec<Planned> {
    let id = &container.id;
    let polite = origin::docker_default("stop sends SIGTERM first.", "reference/cli/docker/container/stop/");
    let patience = origin::docker_default("10 seconds are left to end in order.", "reference/cli/docker/container/stop/");
    let wait = Step::Client(ClientStep::AwaitExit { id: id.clone(), timeout_seconds, print: false });
    let force = Step::Phase(Phase::KillIfRunning { id: id.clone() });
    let reason = match context.invocation.command {
        Command::RestartContainers { .. } => SignalReason::Restart,
        _ => SignalReason::Stop,
    };
    let mut steps = signalled(container, Signal(signal), reason, polite, context);
    steps.push(planned(
        wait,
        origin::flag_of_command(context, "timeout").or_else(|| origin::flag_of_command(context, "time")).unwrap_or(patience),
    ));
    steps.push(planned(force, need("StopContainer", "A process can ignore the first signal; SIGKILL it cannot.")));
    steps
}

/// The signal; to a frozen process it comes through when that goes on. SIGKILL ends it at once or not until then, as the cgroup's version
/// has it: so it is let go before.
fn signalled(
    container: &Container,
    signal: Signal,
    reason: SignalReason,
    cause: super::Cause,
    context: &Context<'_>,
) -> Vec<Planned> {
    let path = Layout::new(&context.host.data_root).signal_note(&container.id);
    let note = StoreStep::NoteSignal { id: container.id.clone(), path, signal: signal.0, reason };
    let send = planned(Step::Process(ProcessStep::SendSignal { id: container.id.clone(), signal: signal.0 }), cause);
    let mut steps = pause::thaw(container, need("SendSignal", "A frozen process handles no signal."), context);
    if container.state.status.has_process() {
        let at = if signal == Signal::SIGKILL { steps.len() } else { 0 };
        let note = planned(Step::Store(note), need("RecordExit", "The end of the process does not tell who wanted it."));
        steps.splice(at..at, [note, send]);
    }
    if is_meant_to_end(container, signal) {
        steps.splice(0..0, restart::asked_to_end(container));
    }
    steps
}

/// As dockerd has it: SIGKILL, the container's own stop signal, and where it has none of its own, any.
fn is_meant_to_end(container: &Container, signal: Signal) -> bool {
    signal == Signal::SIGKILL || container.process.stop_signal.is_none_or(|own| own == signal)
}

/// Why a command ends a container by SIGKILL that is not `kill`.
fn reason_of_force(container: &Container, context: &Context<'_>) -> SignalReason {
    let patience = |signal: Option<Signal>, timeout: Option<i64>| {
        let (first, seconds) = manners(container, signal, timeout);
        (first.0, seconds.unwrap_or_default())
    };
    match &context.invocation.command {
        Command::StopContainers { signal, timeout_seconds, .. } => {
            let (first, seconds) = patience(*signal, *timeout_seconds);
            SignalReason::StopTimeout { seconds, first }
        }
        Command::RestartContainers { signal, timeout_seconds, .. } => {
            let (first, seconds) = patience(*signal, *timeout_seconds);
            SignalReason::RestartTimeout { seconds, first }
        }
        _ => SignalReason::Remove,
    }
}

/// SIGKILL and waiting, if it runs at this moment.
pub(super) fn kill_if_running(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    if !container.state.status.runs() {
        return Vec::new();
    }
    let why = "A process that is left would keep the container running.";
    let mut steps = signalled(container, Signal::SIGKILL, reason_of_force(container, context), need("StopContainer", why), context);
    let wait = ClientStep::AwaitExit { id: container.id.clone(), timeout_seconds: None, print: false };
    steps.push(planned(Step::Client(wait), need("RecordExit", "The monitor records the end and cleans up.")));
    steps
}

pub(super) fn kill(words: &[String], signal: Signal, context: &Context<'_>, plan: &mut Plan) {
    for word in words {
        match find(word, context)
            .map_err(|message| not_killed(word, &message))
            .and_then(|found| kill_one(found, word, signal, context))
        {
            Ok(steps) => plan.add_part(word, steps),
            Err(message) => plan.fail_part(word, &message),
        }
    }
}

/// dockerd's frame of whatever stands in the way of a signal.
fn not_killed(word: &str, message: &str) -> String {
    const DAEMON: &str = "Error response from daemon: ";
    message.replacen(DAEMON, &format!("{DAEMON}cannot kill container: {}: ", word.trim()), 1)
}

fn kill_one(container: &Container, word: &str, signal: Signal, context: &Context<'_>) -> Result<Vec<Planned>, String> {
    if !container.state.status.runs() {
        let id = &container.id;
        return Err(format!("Error response from daemon: cannot kill container: {word}: container {id} is not running\n"));
    }
    let mut steps = signalled(container, signal, SignalReason::Kill, origin::positional(context, "CONTAINER"), context);
    if signal == Signal::SIGKILL {
        let step = ClientStep::AwaitExit { id: container.id.clone(), timeout_seconds: Some(10), print: false };
        let cause = need("RecordExit", "The monitor records the end and cleans up.");
        steps.push(planned(Step::Client(step), cause));
    }
    steps.push(echo(word, context));
    Ok(steps)
}

pub(super) fn remove(words: &[String], force: bool, context: &Context<'_>, plan: &mut Plan) {
    let mut going = BTreeSet::new();
    for word in words {
        // Of `rm` alone the client looks at the word as it stands.
        if word.is_empty() {
            plan.fail_later("container name cannot be empty\n");
            continue;
        }
        let container = match find(word, context) {
            Ok(container) => container,
            // With --force Docker says it, but does not count it as a failure.
            Err(message) if force && named(word).is_ok() => {
                plan.late_errors.push_str(&message);
                continue;
            }
            Err(message) => {
                plan.fail_part(word, &message);
                continue;
            }
        };
        // The client asks for all of them at once.
        let again = || format!("Error response from daemon: removal of container {} is already in progress\n", word.trim());
        let removal = if going.contains(&container.id) { Err(again()) } else { removal(container, word, force, context) };
        match removal {
            Ok(steps) => {
                going.insert(container.id.clone());
                plan.add_part(word, steps);
            }
            Err(message) => plan.fail_part(word, &message),
        }
    }
}

fn removal(container: &Container, word: &str, force: bool, context: &Context<'_>) -> Result<Vec<Planned>, String> {
    let running = container.state.status.runs();
    if running && !force {
        let why = match container.state.status {
            Status::Paused => "container is paused and must be unpaused first",
            Status::Restarting => "container is restarting: stop the container before removing or force remove",
            _ => "container is running: stop the container before removing or force remove",
        };
        return Err(format!("Error response from daemon: cannot remove container \"{}\": {why}\n", container.name));
    }
    let id = || container.id.clone();
    let mut steps = Vec::new();
    if running {
        let cause = origin::flag_of_command(context, "force").unwrap_or_else(|| origin::command(context));
        steps.push(planned(Step::Phase(Phase::KillIfRunning { id: id() }), cause));
    }
    steps.push(planned(Step::Phase(Phase::RemoveContainer { id: id() }), origin::positional(context, "CONTAINER")));
    steps.push(echo(word, context));
    Ok(steps)
}

/// Its files and its record; nothing if it has gone meanwhile (`--rm`).
pub(super) fn remove_phase(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let layout = Layout::new(&context.host.data_root);
    let step = StoreStep::RemoveContainerFiles { id: container.id.clone(), directory: layout.container(&container.id) };
    let mut steps = vec![planned(Step::Store(step), origin::flag_or(context, container, "rm", || origin::command(context)))];
    steps.extend(storage::remove_volumes(container, context));
    steps
}

pub(super) fn wait(words: &[String], context: &Context<'_>, plan: &mut Plan) {
    for_each(words, context, plan, |container, _, _| {
        let step = ClientStep::AwaitExit { id: container.id.clone(), timeout_seconds: None, print: true };
        Ok(vec![planned(Step::Client(step), origin::positional(context, "CONTAINER"))])
    });
}

pub(super) fn start(words: &[String], attach: bool, context: &Context<'_>, plan: &mut Plan) {
    if attach && words.len() > 1 {
        plan.fail_later("you cannot start and attach multiple containers at once\n");
        return;
    }
    for_each(words, context, plan, |container, word, plan| {
        let id = || container.id.clone();
        let mut steps = Vec::new();
        if container.state.status == Status::Paused {
            return Err("Error response from daemon: cannot start a paused container, try unpause instead\n".into());
        }
        if !container.state.status.runs() {
            if let Err(message) = check_offered(container, context) {
                plan.fail_part(word, &message);
                let refusal = CommandError { message, exit_code: 1, span: None };
                return Ok(vec![failure::record(container, &refusal, context)]);
            }
            let phase = Phase::StartContainer { id: id() };
            steps.push(planned(Step::Phase(phase), origin::positional(context, "CONTAINER")));
            plan.monitor.extend(monitor(container, context));
        }
        if attach {
            steps.push(planned(Step::Client(ClientStep::AttachStreams { id: id() }), origin::command(context)));
        } else {
            steps.push(echo(word, context));
        }
        Ok(steps)
    });
}

/// Whether the namespaces of others that it is to join are offered by them.
pub(super) fn check_offered(container: &Container, context: &Context<'_>) -> Result<(), String> {
    let refusal = super::namespaces::not_offered(container, context.state);
    let refusal = refusal.or_else(|| super::network_files::not_known(container));
    let refusal = refusal.or_else(|| super::network::cannot_connect(container, context));
    let refusal = refusal.or_else(|| super::logging::not_initialised(container));
    refusal.map_or(Ok(()), |what| Err(format!("Error response from daemon: {what}\n")))
}

/// What goes on beside a running container.
pub(super) fn monitor(container: &Container, _context: &Context<'_>) -> Vec<Planned> {
    let id = || container.id.clone();
    let why = "Someone has to keep the log, and to be told the exit status: only a parent is (wait(2)).";
    vec![
        planned(Step::Client(ClientStep::WatchContainer { id: id() }), need("RecordExit", why)),
        planned(
            Step::Phase(Phase::CleanUpContainer { id: id() }),
            need("WatchContainer", "What the start has made for the process is of no use without it."),
        ),
    ]
}

/// Record, cgroup, `--rm`.
pub(super) fn clean_up(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let id = || container.id.clone();
    let record = need("WatchContainer", "ps, inspect and wait are to tell how it ended.");
    let mut steps = vec![planned(Step::Store(StoreStep::RecordExit { id: id() }), record)];
    steps.extend(super::network::disconnect(container));
    for (directory, _) in container.host.cgroups.iter().rev() {
        let step = crate::step::CgroupStep::RemoveCgroup { directory: directory.clone(), shared: false };
        steps.push(planned(Step::Cgroup(step), need("CreateCgroup", "An empty cgroup limits nobody.")));
    }
    for directory in container.host.made_parents.iter().rev() {
        let step = crate::step::CgroupStep::RemoveCgroup { directory: directory.clone(), shared: true };
        steps.push(planned(Step::Cgroup(step), need("CreateCgroup", "It was made for containers, and goes with the last one.")));
    }
    if container.host.auto_remove {
        let cause = origin::flag_or(context, container, "rm", || origin::command(context));
        steps.push(planned(Step::Phase(Phase::RemoveContainer { id: id() }), cause));
    }
    steps.extend(restart::phase(container, context));
    steps
}

pub(super) fn exec_process(asked: &ExecProcess, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let refuse = |message: String| CommandError { message, exit_code: 1, span: context.invocation.words.positional("CONTAINER") };
    let container = find(&asked.container, context).map_err(refuse)?;
    super::attach::check_terminal(asked.interactive && asked.tty && !asked.detach, context)?;
    match container.state.status {
        Status::Running => {}
        Status::Paused => {
            let what = format!("Container {} is paused, unpause the container before exec", asked.container.trim());
            return Err(refuse(format!("Error response from daemon: {what}\n")));
        }
        Status::Restarting => {
            let what = format!("Container {} is restarting, wait until the container is running", container.id);
            return Err(refuse(format!("Error response from daemon: {what}\n")));
        }
        Status::Created | Status::Exited => {
            return Err(refuse(format!("Error response from daemon: container {} is not running\n", container.id)));
        }
    }
    super::attach::check_keys(&asked.detach_keys, context)?;
    let phase = Phase::ExecInContainer { id: container.id.clone(), exec: Box::new(asked.clone()) };
    plan.steps.push(planned(Step::Phase(phase), origin::command(context)));
    plan.steps.extend(exec::attach(container, asked, context));
    plan.monitor.extend(exec::watch(container, asked));
    Ok(())
}

pub(super) fn logs(
    container: &str,
    asked: LogView,
    since: &str,
    until: &str,
    context: &Context<'_>,
) -> Result<Vec<Planned>, CommandError> {
    let span = context.invocation.words.positional("CONTAINER");
    let found = find(container, context).map_err(|message| CommandError { message, exit_code: 1, span })?;
    if !found.host.log.keeps() {
        let message = "Error response from daemon: configured logging driver does not support reading\n\
                       glassbox: nothing of it is kept; see what it writes from now on with: glassbox attach NAME\n";
        return Err(CommandError { message: message.to_string(), exit_code: 1, span });
    }
    let at = |name: &str, value: &str| {
        let read = (!value.is_empty()).then(|| moment(value, context.host)).transpose();
        let span = context.invocation.words.flag(name).map(|flag| flag.span);
        read.map_err(|why| CommandError { message: format!("invalid value for \"{name}\": {why}\n"), exit_code: 1, span })
    };
    let follow = asked.follow && found.state.status.runs();
    let view = LogView { follow, since_ns: at("since", since)?, until_ns: at("until", until)?, ..asked };
    let step = ClientStep::ShowLog { id: found.id.clone(), view };
    Ok(vec![planned(Step::Client(step), origin::positional(context, "CONTAINER"))])
}

/// Which layer refuses a call; without one, all of them.
pub(super) fn why(word: &str, call: Option<&str>, context: &Context<'_>) -> Result<Vec<Planned>, CommandError> {
    let refuse = |message: String| CommandError { message, exit_code: 1, span: context.invocation.words.positional("CALL") };
    let found = named(word).map_err(refuse)?;
    let container = context.state.container(found).map_err(|_| refuse(format!("Error: No such object: {word}\n{SEE_ALL}")))?;
    if let Some(path) = call.filter(|call| call.starts_with('/')) {
        let told = crate::permission::text(path, container, context.state, context.host);
        return told.map(|text| vec![print(text, context)]).map_err(|what| refuse(format!("glassbox: {what}\n")));
    }
    let text = match call.map(|call| (call, Attempt::named(call))) {
        None if container.state.status == Status::Exited => {
            format!("{}which calls its fences refuse: glassbox why {word} CALL\n", ending::explained(container))
        }
        None => why::table(container, context.host),
        Some((_, Some(attempt))) => why::text(container, context.host, attempt),
        Some((call, None)) => {
            let words: Vec<&str> = Attempt::ALL.iter().map(|attempt| attempt.demand().word).collect();
            return Err(refuse(format!("glassbox: {call} is not known here; there are: {}\n", words.join(" "))));
        }
    };
    Ok(vec![print(text, context)])
}

pub(super) fn list(asked: &ContainerList, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let span = context.invocation.words.flag("filter").map(|flag| flag.span);
    let refuse = |what| CommandError { message: format!("Error response from daemon: {what}\n"), exit_code: 1, span };
    let containers = listing::chosen(context.state, asked).map_err(refuse)?;
    let format = asked.format.as_deref().filter(|format| *format != "table");
    let text = match format {
        Some(_) if asked.quiet => {
            plan.warnings.push("WARNING: Ignoring custom format, because both --format and --quiet are set.".into());
            containers::table(&containers, context.host, asked)
        }
        Some(format) => {
            let span = context.invocation.words.flag("format").map(|flag| flag.span);
            let refuse = |what| CommandError { message: format!("{what}\n"), exit_code: 1, span };
            listing::formatted(&containers, context.host, asked, format).map_err(refuse)?
        }
        None => containers::table(&containers, context.host, asked),
    };
    plan.steps.push(print(text, context));
    Ok(())
}
