//! Steps for the caller: streams, waiting, the log.

use std::collections::BTreeMap;

use super::{Carried, Done, Run, done};
use crate::errno::Errno;
use crate::model::happening::HAPPENINGS_MAX;
use crate::model::health::{self, OUTPUT_BYTES_MAX, Probe};
use crate::model::log::{self, LogLines, LogRecord, Rotation};
use crate::model::{Container, ContainerId, State, Status};
use crate::observe::Outcome;
use crate::sim::SimProbe;
use crate::sim::kernel::Kernel;
use crate::sim::streams::{Ended, Streams, StreamsId};
use crate::step::{ClientStep, LogView, StatsView};
use crate::userland::{Signal, WaitStatus};
use crate::view::happenings::EventView;
use crate::view::reclaimed::{is_yes, reclaimed};
use crate::view::stats::{self, Sample};
use crate::view::{namespaces, top};

const NS_PER_SECOND: u64 = 1_000_000_000;

pub(super) fn execute(step: &ClientStep, kernel: &mut Kernel, run: &mut Run, state: &State) -> Carried {
    kernel.collect_streams();
    match step {
        ClientStep::Print { text } => {
            run.shown.push((false, text.as_bytes().to_vec()));
            Ok(Done::Outcome(Outcome { printed: text.clone(), at_ns: kernel.realtime_ns(), ..Outcome::default() }))
        }
        ClientStep::Confirm { question } => confirm(kernel, run, question),
        ClientStep::PrintReclaimed { deleted } => {
            let text = reclaimed(deleted, run.reclaimed_bytes);
            run.shown.push((false, text.as_bytes().to_vec()));
            Ok(Done::Outcome(Outcome { printed: text, at_ns: kernel.realtime_ns(), ..Outcome::default() }))
        }
        ClientStep::AttachStreams { id } => attach(kernel, run, state, id),
        ClientStep::WatchContainer { id } => {
            let streams = kernel.streams_of_container(id);
            watch(kernel, run, streams)
        }
        ClientStep::WatchExec { .. } => {
            let streams = run.streams;
            watch(kernel, run, streams)
        }
        ClientStep::AwaitProbe { id, delay_ns } => await_probe(kernel, run, state, id, *delay_ns),
        ClientStep::CollectProbe { timeout_ns, .. } => collect_probe(kernel, run, *timeout_ns),
        ClientStep::AwaitRestart { id, delay_ns } => await_restart(kernel, run, state, id, *delay_ns),
        ClientStep::AwaitExit { id, timeout_seconds, print } => {
            let restarted = *print && has_ended_since(run, state, id);
            await_exit(kernel, run, state, id, *timeout_seconds, restarted)
        }
        ClientStep::ShowNamespaces { ids, json } => {
            let lines = namespaces::lines(ids, state, &SimProbe::new(kernel, state))?;
            run.shown.push((false, namespaces::text(&lines, *json).into_bytes()));
            done(kernel)
        }
        ClientStep::ShowProcesses { id, options, utc_offset_seconds } => {
            let container = state.containers.get(id).ok_or(Errno::ESRCH)?;
            let asked = top::parse(options).map_err(|_| Errno::EINVAL)?;
            run.shown.push((false, top::text(container, &asked, *utc_offset_seconds, &SimProbe::new(kernel, state))?.into_bytes()));
            done(kernel)
        }
        ClientStep::ShowStats { view } => show_stats(kernel, run, state, view),
        ClientStep::ShowEvents { view } => show_events(kernel, run, state, view),
        ClientStep::ShowLog { id, view } => {
            show_log(kernel, run, state, id, view);
            let running = state.containers.get(id).is_some_and(|container| container.state.status.runs());
            if view.follow && running { Ok(Done::Waiting) } else { done(kernel) }
        }
    }
}

fn confirm(kernel: &Kernel, run: &mut Run, question: &str) -> Carried {
    if !run.asked {
        run.asked = true;
        run.shown.push((false, question.as_bytes().to_vec()));
    }
    if !run.answer.contains(&b'\n') && !run.answer_ended {
        return Ok(Done::Waiting);
    }
    run.asked = false;
    if is_yes(&run.answer) { done(kernel) } else { Err(Errno::ECANCELED.into()) }
}

/// The process started by this command, or the container's first where it started none.
fn attach(kernel: &mut Kernel, run: &mut Run, state: &State, id: &ContainerId) -> Carried {
    let streams = run.streams.or_else(|| kernel.streams_of_container(id)).ok_or(Errno::ESRCH)?;
    if run.streams.is_none() && run.attached.is_none() {
        // To one that runs already: what it has written before is in its log, and its input goes on when the caller's ends.
        let keeps = state.containers.get(id).is_some_and(|container| container.host.detached);
        run.join(kernel, streams, keeps);
    }
    run.attach(streams);
    match kernel.streams.get(&streams).ok_or(Errno::ESRCH)?.ended {
        None => Ok(Done::Waiting),
        Some(ended) => Ok(Done::Outcome(of_ended(ended))),
    }
}

fn of_ended(ended: Ended) -> Outcome {
    Outcome { status: Some(ended.status), oom_killed: ended.oom_killed, at_ns: ended.at_ns, ..Outcome::default() }
}

/// Waits for the process that has these streams, and reaps it: wait4(2).
fn watch(kernel: &mut Kernel, run: &mut Run, streams: Option<StreamsId>) -> Carried {
    let streams = streams.ok_or(Errno::ECHILD)?;
    let found = kernel.streams.get(&streams).ok_or(Errno::ECHILD)?;
    let (pid, ended) = (found.process, found.ended);
    let Some(ended) = ended else { return Ok(Done::Waiting) };
    kernel.reap(pid);
    run.ended = Some(ended);
    Ok(Done::Outcome(of_ended(ended)))
}

/// Until the time is over, or somebody has asked it to end.
fn await_restart(kernel: &Kernel, run: &mut Run, state: &State, id: &ContainerId, delay_ns: u64) -> Carried {
    let deadline = *run.deadline.get_or_insert(kernel.clock_ns + delay_ns);
    let stopped = state.containers.get(id).is_none_or(|container| container.state.stop_asked);
    if kernel.clock_ns < deadline && !stopped {
        return Ok(Done::Waiting);
    }
    run.deadline = None;
    done(kernel)
}

/// Until the time is over; while the container is paused, for longer. One that has ended is waited for no more.
fn await_probe(kernel: &Kernel, run: &mut Run, state: &State, id: &ContainerId, delay_ns: u64) -> Carried {
    let deadline = *run.deadline.get_or_insert(kernel.clock_ns + delay_ns);
    match state.containers.get(id).map(|container| container.state.status) {
        Some(Status::Running) if kernel.clock_ns < deadline => return Ok(Done::Waiting),
        Some(Status::Paused) => {
            run.deadline = None;
            return Ok(Done::Waiting);
        }
        _ => run.deadline = None,
    }
    run.probe_start_ns = kernel.realtime_ns();
    done(kernel)
}

/// The exec that was just made: its exit code and output, or that it took too long.
fn collect_probe(kernel: &mut Kernel, run: &mut Run, timeout_ns: u64) -> Carried {
    let streams = run.streams.ok_or(Errno::ECHILD)?;
    let deadline = *run.deadline.get_or_insert(kernel.clock_ns + timeout_ns);
    let found = kernel.streams.get(&streams).ok_or(Errno::ECHILD)?;
    let (pid, ended) = (found.process, found.ended);
    if ended.is_none() && kernel.clock_ns < deadline {
        return Ok(Done::Waiting);
    }
    run.deadline = None;
    let bytes: Vec<u8> = found.captured.iter().flat_map(|captured| captured.bytes.iter().copied()).take(OUTPUT_BYTES_MAX).collect();
    let written = String::from_utf8_lossy(&bytes).into_owned();
    let (exit_code, output) = match ended {
        Some(ended) => (ended.status.code(), written),
        None => {
            kernel.end_process(pid, WaitStatus::Signaled(Signal::SIGKILL));
            (-1, health::too_long(timeout_ns, &written))
        }
    };
    run.probe = Some(Probe { start_ns: run.probe_start_ns, end_ns: kernel.realtime_ns(), exit_code, output });
    done(kernel)
}

/// It has ended since the wait began, though by its restart policy that was not the end of it.
fn has_ended_since(run: &mut Run, state: &State, id: &ContainerId) -> bool {
    let Some(container) = state.containers.get(id) else { return false };
    let finished_ns = container.state.finished_ns;
    let before = *run.ended_before_ns.get_or_insert(finished_ns);
    let ended = finished_ns != before || !container.state.status.runs();
    if ended {
        run.ended_before_ns = None;
    }
    ended
}

fn await_exit(
    kernel: &Kernel,
    run: &mut Run,
    state: &State,
    id: &ContainerId,
    timeout_seconds: Option<u64>,
    restarted: bool,
) -> Carried {
    let at_ns = kernel.realtime_ns();
    run.hold(kernel, id);
    let streams = run.awaited.as_ref().map(|(_, streams)| *streams);
    let recorded = state.containers.get(id).map(|container| &container.state);
    if restarted || recorded.is_none_or(|recorded| !recorded.status.runs()) {
        run.deadline = None;
        // What --rm has taken off the record is told by the streams.
        run.awaited = None;
        let code = recorded.map(|recorded| recorded.exit_code);
        let ended = || streams.and_then(|streams| kernel.streams.get(&streams)?.ended).or(run.ended);
        let status = code.map(WaitStatus::Exited).or_else(|| ended().map(|ended| ended.status));
        return Ok(Done::Outcome(Outcome { status, at_ns, ..Outcome::default() }));
    }
    let Some(seconds) = timeout_seconds else { return Ok(Done::Waiting) };
    let deadline = *run.deadline.get_or_insert_with(|| kernel.clock_ns + seconds * NS_PER_SECOND);
    if kernel.clock_ns < deadline {
        return Ok(Done::Waiting);
    }
    run.deadline = None;
    Ok(Done::Outcome(Outcome { timed_out: true, at_ns, ..Outcome::default() }))
}

/// A look, a second on the clock, another look. From then on there is a table whenever a second or more has gone by: the clock goes on
/// with what runs, and where nothing does, another table would say the same. As on Linux where stdout is no terminal, one table follows
/// the other.
fn show_stats(kernel: &Kernel, run: &mut Run, state: &State, view: &StatsView) -> Carried {
    let chosen = stats::chosen(view, state);
    let look = |container: &Container| Sample::look(container, kernel.host.cpus, &SimProbe::new(kernel, state));
    let looks: BTreeMap<ContainerId, Sample> =
        chosen.iter().map(|(container, _)| (container.id.clone(), look(container))).collect();
    let Some((at_ns, before)) = run.looks.take() else {
        run.looks = Some((kernel.clock_ns, looks));
        run.deadline = Some(kernel.clock_ns + stats::INTERVAL_NS);
        return Ok(Done::Waiting);
    };
    // The end of one is worth a table of its own: nothing else may let the clock go on.
    let ended = |(id, look): (&ContainerId, &Sample)| look.runs() && looks.get(id).is_none_or(|now| !now.runs());
    let ends = run.deadline.is_none() && before.iter().any(ended);
    if kernel.clock_ns < at_ns + stats::INTERVAL_NS && !ends {
        run.looks = Some((at_ns, before));
        return Ok(Done::Waiting);
    }
    run.deadline = None;
    let row = |(container, word)| watched(container, word, (&before, &looks));
    match stats::text(&chosen.into_iter().filter_map(row).collect::<Vec<_>>(), view.no_trunc, view.format.as_deref()) {
        Ok(text) => run.shown.push((false, text.into_bytes())),
        Err(why) => {
            run.shown.push((true, (why + "\n").into_bytes()));
            run.failed = true;
            return done(kernel);
        }
    }
    if !view.stream {
        return done(kernel);
    }
    run.looks = Some((kernel.clock_ns, looks));
    Ok(Done::Waiting)
}

/// Of one that has just come there is one look.
fn watched<'a>(
    container: &'a Container,
    word: String,
    (before, after): (&BTreeMap<ContainerId, Sample>, &BTreeMap<ContainerId, Sample>),
) -> Option<stats::Watched<'a>> {
    let look = after.get(&container.id)?;
    Some((container, word, before.get(&container.id).unwrap_or(look).clone(), look.clone()))
}

/// What has happened since the last time; the clock goes on to the end of the time asked for.
fn show_events(kernel: &Kernel, run: &mut Run, state: &State, view: &EventView) -> Carried {
    let now_ns = kernel.realtime_ns();
    let (began_ns, shown_to) = *run.told.get_or_insert((now_ns, 0));
    let older = state.happenings.len().saturating_sub(HAPPENINGS_MAX);
    for happening in
        state.happenings.iter().skip(older).filter(|happening| happening.number >= shown_to && view.shows(happening, began_ns))
    {
        match view.line(happening) {
            Ok(line) => run.shown.push((false, line.into_bytes())),
            Err(why) => {
                run.shown.push((true, (why + "\n").into_bytes()));
                run.failed = true;
                return done(kernel);
            }
        }
    }
    run.told = Some((began_ns, state.happenings.last().map_or(0, |last| last.number + 1)));
    match view.until_ns {
        None => Ok(Done::Waiting),
        Some(until_ns) if now_ns < until_ns => {
            run.deadline = Some(kernel.clock_ns + (until_ns - now_ns));
            Ok(Done::Waiting)
        }
        Some(_) => {
            run.deadline = None;
            done(kernel)
        }
    }
}

/// What has been logged since the last time, all runs of the container one after the other. Who follows sees what she has followed, also
/// where its file is gone by then.
fn show_log(kernel: &Kernel, run: &mut Run, state: &State, id: &ContainerId, view: &LogView) {
    let runs = kernel.streams.values().filter(|streams| streams.container.as_ref() == Some(id));
    let records: Vec<LogRecord> = runs.flat_map(records).collect();
    let first = match run.log_shown {
        Some(shown) => shown,
        None => {
            let config = state.containers.get(id).map(|container| container.host.log.clone()).unwrap_or_default();
            let kept = Rotation::of(&config).first_kept(&records);
            view.tail.map_or(kept, |tail| records.len().saturating_sub(usize::try_from(tail).unwrap_or(usize::MAX)).max(kept))
        }
    };
    for record in records.iter().skip(first).filter(|record| view.shows(record.at_ns)) {
        let prefix = view.prefix(&timestamp(record.at_ns));
        run.shown.push((record.stream == log::Stream::Stderr, [prefix.as_bytes(), &record.bytes].concat()));
    }
    run.log_shown = Some(records.len());
}

/// Of one run. What has no newline yet is there once the program has ended.
fn records(streams: &Streams) -> Vec<LogRecord> {
    let mut lines = LogLines::default();
    let mut all = Vec::new();
    for piece in &streams.captured {
        let stream = if piece.stderr { log::Stream::Stderr } else { log::Stream::Stdout };
        all.extend(lines.take(stream, &piece.bytes, piece.at_ns));
    }
    if let Some(ended) = streams.ended {
        all.extend(lines.rest(ended.at_ns));
    }
    all
}

/// RFC 3339 with nanoseconds, as `docker logs --timestamps` shows it.
fn timestamp(at_ns: u64) -> String {
    let Ok(at) = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ns)) else { return String::new() };
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.nanosecond()
    )
}
