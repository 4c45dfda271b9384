//! `Job`: a command at work, or the monitor of a container: a cursor over a plan, and what its steps share. Plain data.
//!
//! A failing step rolls back: the steps carried out since the top-level step began are undone, the last first; then
//! `plan::failure::after_failure` says what is still to be done, and the command ends with the error.

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::Entry;
use super::world::{Chunk, Stream, World};
use crate::build::progress::Progress;
use crate::chronicle::Chronicle;
use crate::cli::{Command, Invocation};
use crate::diagnosis::{Finding, steps};
use crate::errno::Errno;
use crate::host::HostFacts;
use crate::model::{Container, ContainerId, State};
use crate::observe::{Actors, observe};
use crate::plan::failure::{after_build, after_failure, closing, command_error, streams_of};
use crate::plan::{AFTERWARDS, CommandError, Context, Cursor, Node, Plan, PlanPart, Planned, Visit, health, monitor_again};
use crate::registry::told::Told;
use crate::sim::exec::{Done, Failure, Run, execute, undo};
use crate::sim::{Kernel, SimProbe};
use crate::step::{ClientStep, Phase, Place, ProcessStep, Step};
use crate::view::ending;

/// Whose steps they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The command that the caller gave.
    Command,
    /// The monitor of a container, which goes on beside it.
    Monitor,
    /// What looks after a container's health, beside its monitor.
    Health,
}

/// What came of a turn.
#[derive(Debug)]
pub(super) enum Turn {
    /// A step was carried out, or failed.
    Stepped(Box<Entry>),
    /// The step at hand waits for the kernel to go on.
    Waiting,
    /// Nothing is left to do; the exit code.
    Finished(i32),
}

/// A command at work.
#[derive(Clone, Debug)]
pub(super) struct Job {
    role: Role,
    /// Of a monitor: its container.
    watched: Option<ContainerId>,
    /// Which of the session's commands started it, counted from 0.
    command: usize,
    invocation: Rc<Invocation>,
    host: Rc<HostFacts>,
    cursor: Cursor,
    /// Watch and clean-up steps for the containers that this command starts.
    monitor: Rc<[Planned]>,
    run: Run,
    /// The step that is being waited for.
    waiting: Option<Rc<Node>>,
    /// It has the lock over the records, as a command has from a signal to its waiting for the end: no monitor cleans up meanwhile.
    holds_records: bool,
    /// Carried out since the present top-level step began.
    done: Vec<Rc<Step>>,
    top: u16,
    /// The container that the command is about to start.
    starting: Option<ContainerId>,
    /// What goes on after a failure, once that is dealt with.
    resume: Option<Cursor>,
    errors: Vec<CommandError>,
    parts: Rc<[PlanPart]>,
    /// The words of the containers for which something failed.
    failed: Vec<String>,
    late_errors: String,
    exit_code: i32,
    /// The container whose end the caller has waited for at its streams, and as it was on record then.
    attended: Option<ContainerId>,
    ended: Option<Container>,
    shown: Vec<Chunk>,
    /// What is told of this job's doing.
    chronicle: Chronicle,
    /// What a build tells of its progress.
    progress: Option<Progress>,
    /// What is told of an image that is fetched.
    told: Option<Told>,
    /// So many steps are through when it is planned anew.
    replans: Option<usize>,
}

impl Job {
    /// The caller's command.
    pub(super) fn command(plan: Plan, host: HostFacts, command: usize) -> Job {
        let replans = plan.goes_on.then_some(plan.steps.len());
        let (progress, told) = (Progress::of(&plan.invocation), Told::of(&plan.invocation));
        Job {
            role: Role::Command,
            watched: None,
            command,
            run: Run::of(&plan.invocation),
            invocation: plan.invocation,
            host: Rc::new(host),
            cursor: Cursor::new(plan.steps, Vec::new()),
            monitor: plan.monitor.into(),
            waiting: None,
            holds_records: false,
            done: Vec::new(),
            top: 0,
            starting: None,
            resume: None,
            errors: Vec::new(),
            parts: plan.parts.into(),
            failed: plan.failed,
            late_errors: plan.late_errors,
            exit_code: plan.exit_code,
            attended: None,
            ended: None,
            shown: Vec::new(),
            chronicle: Chronicle::default(),
            progress,
            told,
            replans,
        }
    }

    /// The monitor of the container that this command has just started.
    pub(super) fn monitor_of(&self, id: &ContainerId) -> Option<Job> {
        let steps: Vec<Planned> = self.monitor.iter().filter(|planned| is_about(&planned.step, id)).cloned().collect();
        if steps.is_empty() {
            return None;
        }
        let cursor = Cursor::new(steps, Vec::new());
        Some(Job {
            role: Role::Monitor,
            watched: Some(id.clone()),
            cursor,
            monitor: Rc::from([]),
            done: Vec::new(),
            resume: None,
            errors: Vec::new(),
            parts: Rc::from([]),
            failed: Vec::new(),
            late_errors: String::new(),
            exit_code: 0,
            attended: None,
            ended: None,
            shown: Vec::new(),
            ..self.clone()
        })
    }

    /// Who waits for the program of an exec that has just begun, where this command does not stay with it.
    pub(super) fn watcher_of_exec(&self, entry: &Entry) -> Option<Job> {
        let begun = entry.node.as_ref().is_some_and(|node| matches!(node.step, Step::Process(ProcessStep::ExecProgram { .. })));
        let watches = |planned: &Planned| match &planned.step {
            Step::Client(ClientStep::WatchExec { id }) => Some(id.clone()),
            _ => None,
        };
        let id = self.monitor.iter().find_map(watches).filter(|_| begun && entry.errno.is_none())?;
        // It watches a program, and no container that could be started again.
        self.monitor_of(&id).map(|job| Job { watched: None, ..job })
    }

    /// What looks after the health of a container that has just been started, by this command or by its monitor.
    pub(super) fn health_of(&self, id: &ContainerId, state: &State) -> Option<Job> {
        let context = Context { state, host: &self.host, invocation: &self.invocation };
        let steps = health::probe_again(id, &context);
        let run = Run::default();
        let cursor = Cursor::new(steps.clone(), Vec::new());
        let fresh = Job {
            role: Role::Health,
            watched: Some(id.clone()),
            run,
            waiting: None,
            holds_records: false,
            cursor,
            top: 0,
            starting: None,
            ..self.clone()
        };
        let fresh = Job { monitor: Rc::from([]), done: Vec::new(), resume: None, errors: Vec::new(), parts: Rc::from([]), ..fresh };
        let fresh = Job { failed: Vec::new(), late_errors: String::new(), exit_code: 0, shown: Vec::new(), ..fresh };
        (!steps.is_empty()).then_some(fresh)
    }

    pub(super) fn invocation(&self) -> &Invocation {
        &self.invocation
    }

    /// The program in the foreground waits for what a person types.
    pub(super) fn wants_input(&self, kernel: &Kernel) -> bool {
        self.waiting.is_some() && self.run.wants_input(kernel)
    }

    /// When the wait at hand gives up.
    pub(super) fn deadline_ns(&self) -> Option<u64> {
        self.waiting.as_ref().and(self.run.deadline_ns())
    }

    /// Bytes to the standard input of the program in the foreground.
    pub(super) fn feed(&mut self, kernel: &mut Kernel, bytes: &[u8]) {
        if !self.is_attached() {
            return self.run.feed(kernel, bytes);
        }
        let (through, detached) = self.run.typed(kernel, bytes);
        self.run.feed(kernel, &through);
        if detached {
            self.let_go();
        }
    }

    fn is_attached(&self) -> bool {
        let at = self.waiting.as_ref().map(|node| &node.step);
        matches!(at, Some(Step::Client(ClientStep::AttachStreams { .. })))
    }

    /// The detach keys: the container goes on, and the command is over.
    fn let_go(&mut self) {
        self.waiting = None;
        self.run.leave();
        self.cursor = Cursor::new(Vec::new(), Vec::new());
        if matches!(self.invocation.command, Command::AttachContainer { .. } | Command::ExecProcess(_)) {
            self.exit_code = 1;
            self.late_errors.push_str("read escape sequence\n");
        }
    }

    /// The end of its standard input.
    pub(super) fn end_of_input(&mut self, kernel: &mut Kernel) {
        self.run.end_of_input(kernel);
    }

    /// ^C: with a terminal a byte like any other; without one SIGINT to the container, and the wait is over.
    pub(super) fn interrupt(&mut self, kernel: &mut Kernel) {
        if self.passes_signals() || !self.is_attached() {
            self.run.interrupt(kernel);
        }
        if !self.is_attached() || !self.passes_signals() {
            self.waiting = None;
            self.exit_code = 130;
            self.cursor = Cursor::new(Vec::new(), Vec::new());
        }
    }

    fn passes_signals(&self) -> bool {
        match &self.invocation.command {
            Command::RunContainer(run) => run.sig_proxy || run.spec.tty,
            Command::AttachContainer { sig_proxy, .. } => *sig_proxy,
            _ => true,
        }
    }

    /// Monitors wait until it lets go of the records.
    pub(super) fn holds_records(&self) -> bool {
        self.holds_records
    }

    /// A monitor that waits to start its container again.
    pub(super) fn restarts(&self) -> bool {
        self.role == Role::Monitor && self.deadline_ns().is_some()
    }

    /// What was written for the caller since the last time.
    pub(super) fn take_output(&mut self, kernel: &mut Kernel) -> Vec<Chunk> {
        if self.role == Role::Command {
            for (stderr, bytes) in self.run.take_output(kernel) {
                if let Some(progress) = self.progress.as_mut().filter(|_| self.run.is_attached()) {
                    let text = progress.wrote(&bytes, kernel.realtime_ns());
                    self.shown.push(Chunk { stream: Stream::Stderr, bytes: text.into_bytes() });
                    continue;
                }
                let stream = if stderr { Stream::Stderr } else { Stream::Stdout };
                self.shown.push(Chunk { stream, bytes });
            }
        }
        std::mem::take(&mut self.shown)
    }

    /// Goes on by one leaf step.
    pub(super) fn advance(&mut self, kernel: &mut Kernel, state: &mut State) -> Turn {
        if let Some(node) = self.waiting.take() {
            return self.carry_out(node, kernel, state);
        }
        loop {
            let (host, invocation) = (self.host.clone(), self.invocation.clone());
            let context = Context { state, host: &host, invocation: &invocation };
            match self.cursor.advance(&context) {
                None => match self.resume.take() {
                    Some(rest) => self.cursor = rest,
                    None => match self.goes_on(&context) {
                        Some(cursor) => self.cursor = cursor,
                        None if self.plan_again(&context) => {}
                        None => return self.finish(),
                    },
                },
                Some(Visit::Enter(node)) => {
                    self.enter(&node);
                    self.tell_entering(&node, kernel, state);
                }
                Some(Visit::Leave(node)) => {
                    self.show_progress(kernel, |progress, at_ns| progress.leaving(&node.step, at_ns));
                    self.tell(kernel, |told| told.leaving(&node.step, state));
                }
                Some(Visit::Leaf(node)) => {
                    self.enter(&node);
                    self.tell_entering(&node, kernel, state);
                    return self.carry_out(node, kernel, state);
                }
            }
        }
    }

    /// An image has been fetched, and the command goes on with it.
    fn plan_again(&mut self, context: &Context<'_>) -> bool {
        let Some(done) = self.replans.take().filter(|_| self.errors.is_empty() && self.role == Role::Command) else { return false };
        let invocation = self.invocation.clone();
        match crate::plan::plan(&invocation, context.state, context.host) {
            Ok(plan) => {
                self.replans = plan.goes_on.then_some(plan.steps.len());
                let warnings = plan.warnings.iter().map(|warning| Chunk::text_to(Stream::Stderr, &format!("{warning}\n")));
                self.shown.extend(warnings);
                self.cursor = Cursor::after(plan.steps, done);
                (self.monitor, self.parts, self.failed) = (plan.monitor.into(), plan.parts.into(), plan.failed);
                (self.late_errors, self.exit_code) = (plan.late_errors, plan.exit_code);
            }
            Err(error) => {
                self.errors.push(error);
                self.cursor = Cursor::new(after_build(context), vec![self.top, AFTERWARDS]);
            }
        }
        true
    }

    /// Output that a program has written before comes first.
    fn show_progress(&mut self, kernel: &mut Kernel, tell: impl FnOnce(&mut Progress, u64) -> String) {
        if self.progress.is_none() {
            return;
        }
        let before = self.take_output(kernel);
        self.shown = before;
        let text = self.progress.as_mut().map(|progress| tell(progress, kernel.realtime_ns())).unwrap_or_default();
        if !text.is_empty() {
            self.shown.push(Chunk { stream: Stream::Stderr, bytes: text.into_bytes() });
        }
    }

    /// Of an image that is fetched; what came before is shown first.
    fn tell(&mut self, kernel: &mut Kernel, what: impl FnOnce(Told) -> String) {
        let Some(told) = self.told.filter(|_| self.role == Role::Command) else { return };
        let text = what(told);
        if !text.is_empty() {
            let before = self.take_output(kernel);
            self.shown = before;
            let stream = if told.to_stdout() { Stream::Stdout } else { Stream::Stderr };
            self.shown.push(Chunk::text_to(stream, &text));
        }
    }

    fn tell_entering(&mut self, node: &Node, kernel: &mut Kernel, state: &mut State) {
        self.tell(kernel, |told| told.entering(&node.step, state));
        self.show_progress(kernel, |progress, at_ns| progress.entering(&node.step, at_ns));
        let context = Context { state, host: &self.host, invocation: &self.invocation };
        let told = self.chronicle.entering(&node.step, &context, kernel.realtime_ns());
        state.keep(told);
    }

    /// A monitor has started its container again, and watches it once more.
    fn goes_on(&self, context: &Context<'_>) -> Option<Cursor> {
        let id = self.watched.as_ref()?;
        let steps = match self.role {
            Role::Health => health::probe_again(id, context),
            _ if self.errors.is_empty() => monitor_again(id, context),
            _ => Vec::new(),
        };
        (!steps.is_empty()).then(|| Cursor::new(steps, Vec::new()))
    }

    /// A new top-level step commits what the one before has done.
    fn enter(&mut self, node: &Node) {
        if let Step::Phase(Phase::StartContainer { id }) = &node.step {
            self.starting = Some(id.clone());
        }
        let top = node.id.0.first().copied().unwrap_or_default();
        if top != self.top {
            self.top = top;
            self.done.clear();
        }
    }

    fn carry_out(&mut self, node: Rc<Node>, kernel: &mut Kernel, state: &mut State) -> Turn {
        match execute(&node.step, kernel, &mut self.run, state) {
            Ok(Done::Waiting) => {
                self.holds_records = false;
                self.waiting = Some(node);
                Turn::Waiting
            }
            Ok(Done::Outcome(outcome)) => {
                let actors = Actors { process: self.run.process_host_pid(kernel) };
                let seen = observe(&node.step, &outcome, actors, &SimProbe::new(kernel, state));
                self.done.push(Rc::new(node.step.clone()));
                let (events, errno) = match seen {
                    Ok(events) => (events, None),
                    Err(errno) => (Vec::new(), Some(errno)),
                };
                let context = Context { state, host: &self.host, invocation: &self.invocation };
                let told = self.chronicle.after(&node.step, &outcome, &context, kernel.realtime_ns());
                state.keep(told);
                World::apply_all(state, &events);
                self.show_progress(kernel, |progress, at_ns| progress.after(&node.step, at_ns));
                self.tell(kernel, |told| told.after(&node.step, state));
                if self.run.failed {
                    self.exit_code = 1;
                }
                self.after(&node.step, outcome.status.map(crate::userland::WaitStatus::code));
                Turn::Stepped(Box::new(self.entry(node, events, errno)))
            }
            Err(failure) => self.fail(node, &failure, kernel, state),
        }
    }

    fn entry(&self, node: Rc<Node>, events: Vec<crate::event::Event>, errno: Option<Errno>) -> Entry {
        Entry { command: self.command, role: self.role, node: Some(Rc::unwrap_or_clone(node)), events, errno, at_ns: 0 }
    }

    /// What a step means for the command: its output, its exit code.
    fn after(&mut self, step: &Step, exit_code: Option<i32>) {
        match step {
            Step::Client(ClientStep::AttachStreams { id }) => {
                self.exit_code = exit_code.unwrap_or(self.exit_code);
                self.attended = Some(id.clone());
                if self.progress.is_some() {
                    self.run.leave();
                }
            }
            Step::Client(ClientStep::AwaitExit { print, .. }) => {
                self.holds_records = false;
                if *print {
                    let text = format!("{}\n", exit_code.unwrap_or_default());
                    self.shown.push(Chunk::text_to(Stream::Stdout, &text));
                }
            }
            Step::Process(ProcessStep::SendSignal { .. }) => self.holds_records = self.role == Role::Command,
            _ => {}
        }
    }

    /// A container's end is on record. It may be off it again before the caller hears of it (`--rm`).
    pub(super) fn saw_end(&mut self, container: &Container) {
        self.ended = Some(container.clone());
    }

    /// What the exit code of the process in the foreground leaves open.
    fn cause(&self) -> String {
        let Some(id) = &self.attended else { return String::new() };
        match &self.invocation.command {
            Command::ExecProcess(_) => {
                let why = self.run.refused().and_then(|refused| refused.diagnosis.as_ref());
                why.map(ending::line).unwrap_or_default()
            }
            _ => self.ended.as_ref().filter(|ended| ended.id == *id).map(ending::told).unwrap_or_default(),
        }
    }

    /// What is known of the failure, with the files as they are before anything is taken back.
    fn finding(&self, step: &Step, failure: &Failure, kernel: &Kernel) -> Finding {
        if failure.finding != Finding::default() {
            return failure.finding.clone();
        }
        match self.run.process_host_pid(kernel).filter(|_| step.place() == Place::Container) {
            Some(pid) => steps::of_step(step, failure.errno, &kernel.seen_by(pid)),
            None => steps::of_step(step, failure.errno, &kernel.files_of_host()),
        }
    }

    /// Rolls back, and goes on with what is still to be done.
    fn fail(&mut self, node: Rc<Node>, failure: &Failure, kernel: &mut Kernel, state: &mut State) -> Turn {
        let (errno, call) = (failure.errno, failure.call.as_deref());
        let finding = self.finding(&node.step, failure, kernel);
        for step in self.done.drain(..).rev() {
            let restored = undo(&step, kernel, &mut self.run);
            World::apply_all(state, restored.as_slice());
        }
        let context = Context { state, host: &self.host, invocation: &self.invocation };
        let error = command_error(&node, errno, call, &finding, &context);
        if self.cursor.skip_optional() {
            self.show_progress(kernel, |progress, at_ns| progress.failed(&error.message, at_ns));
            return Turn::Stepped(Box::new(self.entry(node, Vec::new(), Some(errno))));
        }
        let rest = match (self.role, &self.watched) {
            (Role::Health, Some(id)) => {
                self.run.probe_failed(kernel, &error.message);
                vec![health::record(id)]
            }
            (Role::Command, _) if self.errors.is_empty() && matches!(self.invocation.command, Command::BuildImage(_)) => {
                after_build(&context)
            }
            _ => self.starting.as_ref().map(|id| after_failure(id, &error, &context)).unwrap_or_default(),
        };
        self.show_progress(kernel, |progress, at_ns| progress.failed(&error.message, at_ns));
        self.errors.push(error);
        if self.resume.is_none() && !self.parts.is_empty() {
            self.failed.extend(self.cursor.part(&self.parts).map(|part| part.word.clone()));
            self.cursor.skip_part(&self.parts);
            self.resume = Some(self.cursor.clone());
        }
        self.cursor = Cursor::new(rest, vec![self.top, AFTERWARDS]);
        Turn::Stepped(Box::new(self.entry(node, Vec::new(), Some(errno))))
    }

    fn finish(&mut self) -> Turn {
        let mut message = String::new();
        for error in self.errors.drain(..) {
            message.push_str(&error.message);
            self.exit_code = error.exit_code;
        }
        message.push_str(&std::mem::take(&mut self.late_errors));
        message.push_str(&closing(&self.invocation.command, &self.failed));
        message.push_str(&self.cause());
        let (printed, said) = streams_of(&message);
        for (stream, text) in [(Stream::Stdout, printed), (Stream::Stderr, said)] {
            if !text.is_empty() {
                self.shown.push(Chunk::text_to(stream, text));
            }
        }
        Turn::Finished(self.exit_code)
    }
}

/// The step of a monitor plan is about this container.
fn is_about(step: &Step, wanted: &ContainerId) -> bool {
    match step {
        Step::Client(ClientStep::WatchContainer { id } | ClientStep::WatchExec { id }) => id == wanted,
        Step::Phase(phase) => phase.container() == Some(wanted),
        _ => false,
    }
}
