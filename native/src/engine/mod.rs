//! The engine on Linux: a plan is walked, each leaf is journalled, carried out by `exec`, looked at, and applied to the state.
//!
//! ```text
//! open: records, lock, recovery ─▶ plan ─▶ walk: Enter / Leaf / Leave ─▶ commit
//!                                           │ a step fails: its phase is undone by the journal, the last first
//!                                           └ run -d, start: a monitor carries StartContainer out (`detach`)
//! ```
//! `run` does a command; `Engine` with `advance` and `visit` is the same in single steps, for a debugger. It decides nothing: what is
//! done, and in which order, is the plan's.

mod arrived;
mod attach;
pub(crate) mod beside;
mod build;
mod client;
mod copy;
mod detach;
mod frame;
mod health;
mod images;
mod layers;
mod leaf;
mod open;
mod output;
mod pieces;
mod registry;
mod repository;
mod rewind;
mod shared_cache;
mod tell;
mod watch;

use std::cell::Cell;
use std::rc::Rc;

use glassbox_core::apply::apply;
use glassbox_core::chronicle::Chronicle;
use glassbox_core::cli::{Command, Invocation};
use glassbox_core::diagnosis::steps;
use glassbox_core::errno::Errno;
use glassbox_core::event::Event;
use glassbox_core::host::HostFacts;
use glassbox_core::model::{ContainerId, State};
use glassbox_core::observe::Outcome;
use glassbox_core::plan::{self, CommandError, Context, Cursor, Node, Plan, PlanPart, Planned, Visit};
use glassbox_core::step::Step;
use glassbox_core::userland::WaitStatus;
use glassbox_core::view::ending;

use crate::child::Child;
use crate::exec::seen::OwnFiles;
use crate::forward::Ports;
use crate::journal::{Journal, Mark};
use crate::observe::facts::now_ns;
use crate::store::record::Edition;
use crate::store::{Lock, Store, StoreError, happenings};
use crate::sys::signal::SignalFd;
use frame::Target;

pub use open::{battery_json, completions, data_root, facts_and_state, facts_json, open, recover};
pub use tell::{Narrator, Recorder};

/// Told what goes on: `--explain`, `--record`. All methods may do nothing.
pub trait Watcher {
    /// A composite step begins.
    fn enter(&mut self, _node: &Node) {}
    /// A leaf is about to be carried out.
    fn before(&mut self, _node: &Node) {}
    /// A leaf was carried out, and left these events behind.
    fn after(&mut self, _node: &Node, _events: &[Event]) {}
    /// A leaf failed with this errno.
    fn failed(&mut self, _node: &Node, _errno: Errno) {}
    /// A composite step is through.
    fn leave(&mut self, _node: &Node) {}
}

/// A command being carried out.
pub struct Engine {
    pub(crate) store: Store,
    pub(crate) host: HostFacts,
    pub(crate) state: State,
    pub(crate) invocation: Rc<Invocation>,
    /// What the monitor does, when a container was started.
    pub(crate) monitor: Vec<Planned>,
    /// Steps go one by one, and what each left behind is asked of the kernel.
    pub(crate) looks: bool,
    watchers: Vec<Box<dyn Watcher>>,
    lock: Option<Lock>,
    wants_lock: bool,
    pub(crate) journal: Option<Journal>,
    phase: Mark,
    /// What is carried out as soon as the container's process is made.
    waiting: Vec<beside::PutOff>,
    pub(crate) target: Option<Target>,
    pub(crate) child: Option<Child>,
    pub(crate) signals: Option<SignalFd>,
    /// Ports of the host that this process holds for containers.
    ports: Ports,
    pub(crate) status: Option<WaitStatus>,
    /// This process keeps the log and waits for the end of a container that it has started.
    pub(crate) watched: Option<ContainerId>,
    /// This process is a monitor already: what it starts again it starts itself.
    goes_on: bool,
    /// The file that tells the exit code of a container whose end is awaited.
    awaited: Option<(ContainerId, std::fs::File)>,
    /// The signal that was sent last was SIGKILL, and nobody has waited since.
    killed: bool,
    /// The record that the state agrees with.
    known_edition: Option<(ContainerId, Edition)>,
    /// This process's end of the streams of a container that it has handed over to a monitor.
    seat: Option<crate::sys::socket::Channel>,
    /// In that monitor: the other end.
    first_guest: Option<crate::sys::socket::Channel>,
    /// In the process of a probe: what it has shown.
    probing: health::Probing,
    /// In a monitor: those who are attached.
    audience: Option<crate::streams::audience::Audience>,
    report: Option<detach::Report>,
    /// Of the step that failed last.
    last_errno: Cell<Errno>,
    /// What is told of this command's doing.
    chronicle: Chronicle,
    /// What a build tells.
    progress: Option<glassbox_core::build::progress::Progress>,
    /// Of a build.
    pieces: pieces::Pieces,
    /// Of a build: what a later step removes, whatever becomes of the step that made it.
    directories: Vec<String>,
    /// This process is a copy that carries a piece out: where it tells.
    relay: Option<pieces::Relay>,
    /// Directories that a build has as caches, with the lock on each.
    cache_mounts: Vec<(String, std::fs::File)>,
    /// What this command has to do with registries.
    client: Option<crate::registry::Client>,
    /// Layers that are on their way.
    ahead: Option<crate::registry::Ahead>,
    /// Lines of layers on the caller's terminal.
    bars: Option<glassbox_core::registry::bars::Bars>,
    /// What is told of an image that is fetched.
    told: Option<glassbox_core::registry::told::Told>,
    /// Bytes that removed containers had written, where the command tells of them.
    reclaimed_bytes: u64,
    /// An archive that came from stdin, until it is unpacked.
    pub(crate) spooled: Option<std::fs::File>,
    /// What the exit code of the process in the foreground leaves open.
    cause: String,
    /// Of the command.
    pub exit_code: i32,
}

/// Carries a planned command out. Answers its exit code; everything that is to be said has been written.
pub fn run(mut engine: Engine, plan: Plan) -> i32 {
    let (plan, done) = match engine.fetch_first(plan) {
        Ok(found) => found,
        Err(error) => return engine.close(Err(error)),
    };
    for warning in &plan.warnings {
        say(&format!("{warning}\n"));
    }
    engine.monitor = plan.monitor;
    engine.exit_code = plan.exit_code;
    let mut failed = plan.failed;
    engine.take_pieces(plan.pieces);
    let cursor = Cursor::after(plan.steps, done);
    let done = engine.walk_in_parts(cursor, &plan.parts, &mut failed).and_then(|()| engine.watch_to_the_end());
    let closing = plan::failure::closing(&engine.invocation.command, &failed);
    let exit_code = engine.close(done);
    say(&plan.late_errors);
    say(&closing);
    exit_code
}

impl Engine {
    /// Adds somebody who is told; from now on every step is looked at.
    pub fn watch_with(&mut self, watcher: Box<dyn Watcher>) {
        self.looks = true;
        self.watchers.push(watcher);
    }

    /// From now on steps go one by one, and what each left behind is asked of the kernel.
    pub fn look(&mut self) {
        self.looks = true;
    }

    /// The plan's steps and those of its monitor are through: keeps what stands.
    pub(crate) fn finish(mut self) -> i32 {
        let done = self.finish_child_steps();
        self.close(done)
    }

    /// What expansion may look at.
    pub fn context(&self) -> Context<'_> {
        Context { state: &self.state, host: &self.host, invocation: &self.invocation }
    }

    /// Turns the command into a plan.
    pub fn plan(&self) -> Result<Plan, CommandError> {
        plan::plan(&self.invocation, &self.state, &self.host).map_err(|mut error| {
            let named = plan::named_sources(&self.invocation, &self.state, &self.host.cwd);
            error.message.push_str(&steps::of_refusal(&error.message, named, &OwnFiles));
            error
        })
    }

    /// The next thing on the way of `cursor`.
    pub fn advance(&self, cursor: &mut Cursor) -> Option<Visit> {
        cursor.advance(&self.context())
    }

    /// Walks these steps to their end. Where one fails, what its top-level step has done is undone.
    pub fn walk(&mut self, steps: Vec<Planned>) -> Result<(), CommandError> {
        // The pieces are another walk's.
        let pieces = std::mem::take(&mut self.pieces);
        let done = self.walk_on(&mut Cursor::new(steps, Vec::new()));
        self.pieces = pieces;
        done
    }

    /// As `walk`; after a failure the next part goes on, and the word of the one that failed is added to `failed`. The error is of all.
    fn walk_in_parts(&mut self, mut cursor: Cursor, parts: &[PlanPart], failed: &mut Vec<String>) -> Result<(), CommandError> {
        let mut errors: Option<CommandError> = None;
        while let Err(error) = self.walk_on(&mut cursor) {
            if self.report.is_some() {
                // The monitor of the one container: whoever started it hears of it, and goes on.
                return Err(error);
            }
            failed.extend(cursor.part(parts).map(|part| part.word.clone()));
            cursor.skip_part(parts);
            errors = Some(match errors {
                Some(before) => CommandError { message: before.message + &error.message, ..error },
                None => error,
            });
        }
        errors.map_or(Ok(()), Err)
    }

    fn walk_on(&mut self, cursor: &mut Cursor) -> Result<(), CommandError> {
        loop {
            let visited = self.between_pieces(cursor).and_then(|()| match self.advance(cursor) {
                Some(visit) => self.visit(&visit, cursor).map(|_| true),
                None => Ok(false),
            });
            match visited {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return Err(self.clean_up_after(error)),
            }
        }
        if let Err(error) = self.catch_up() {
            return Err(self.clean_up_after(error));
        }
        self.finish_child_steps()
    }

    /// Carries out what the cursor has come upon. Answers what a leaf left behind; nothing, where nobody looks.
    pub fn visit(&mut self, visit: &Visit, cursor: &mut Cursor) -> Result<Vec<Event>, CommandError> {
        let node = match visit {
            Visit::Enter(node) | Visit::Leaf(node) | Visit::Leave(node) => node,
        };
        if node.depth() == 0 && !matches!(visit, Visit::Leave(_)) {
            self.begin_top_level();
        }
        if !matches!(visit, Visit::Leave(_)) {
            self.chronicle_entering(&node.step);
            self.tell_entering(&node.step);
            self.tell_fetching(&node.step, |told, engine, step| told.entering(step, &engine.state));
        }
        match visit {
            Visit::Enter(node) => {
                self.tell(|watcher| watcher.enter(node));
                self.enter(node, cursor)?;
                Ok(Vec::new())
            }
            Visit::Leave(node) => {
                self.leave(node)?;
                self.tell_leaving(&node.step);
                self.tell_fetching(&node.step, |told, engine, step| told.leaving(step, &engine.state));
                self.tell(|watcher| watcher.leave(node));
                Ok(Vec::new())
            }
            Visit::Leaf(node) => match self.leaf_told(node, cursor) {
                Err(error) if cursor.skip_optional() => {
                    self.tell_failed(&error);
                    let problems = self.undo_phase();
                    if problems.is_empty() { Ok(Vec::new()) } else { Err(with_problems(error, &problems)) }
                }
                done => done,
            },
        }
    }

    fn leaf_told(&mut self, node: &Node, cursor: &Cursor) -> Result<Vec<Event>, CommandError> {
        self.tell(|watcher| watcher.before(node));
        if self.bars.is_some() {
            self.tell_fetching(&node.step, |told, engine, step| told.extracting(step, &engine.state).unwrap_or_default());
        }
        match self.leaf(node, cursor) {
            Ok(events) => {
                for event in &events {
                    apply(&mut self.state, event);
                }
                self.tell(|watcher| watcher.after(node, &events));
                self.tell_after(&node.step);
                self.tell_fetching(&node.step, |told, engine, step| told.after(step, &engine.state));
                Ok(events)
            }
            Err(error) => {
                let errno = self.last_errno.get();
                self.tell(|watcher| watcher.failed(node, errno));
                Err(error)
            }
        }
    }

    /// Told of before it begins, and before this process is two.
    fn chronicle_entering(&mut self, step: &Step) {
        let context = Context { state: &self.state, host: &self.host, invocation: &self.invocation };
        let told = self.chronicle.entering(step, &context, now_ns());
        self.tell_in_turn(told);
    }

    /// Told of a leaf that has been carried out, before the state changes by it.
    pub(super) fn chronicle_after(&mut self, step: &Step, outcome: &Outcome) {
        let context = Context { state: &self.state, host: &self.host, invocation: &self.invocation };
        let told = self.chronicle.after(step, outcome, &context, now_ns());
        happenings::append(self.store.root(), &told);
    }

    fn tell(&mut self, mut what: impl FnMut(&mut dyn Watcher)) {
        self.watchers.iter_mut().for_each(|watcher| what(watcher.as_mut()));
    }

    /// Undoes what the failing top-level step has left, and does what is left to do. The error that it began with stays the first,
    /// whatever goes wrong meanwhile.
    pub(crate) fn clean_up_after(&mut self, error: CommandError) -> CommandError {
        self.tell_failed(&error);
        let error = match self.give_up_pieces() {
            Ok(()) => error,
            Err(second) => both(error, &second),
        };
        // What came before what has failed is done, and stays.
        let error = match self.catch_up() {
            Ok(()) => error,
            Err(first) => both(first, &error),
        };
        // What was fetched goes while nobody makes an image of it.
        let locked = if self.client.is_some() { self.lock_records() } else { Ok(()) };
        let error = match locked {
            Ok(()) => error,
            Err(second) => both(error, &second),
        };
        let error = with_problems(error, &self.undo_phase());
        match self.after_failure(&error) {
            Ok(()) => error,
            Err(second) => both(error, &second),
        }
    }

    /// Undoes what the failing top-level step has left, and reaps its process. Answers what could not be undone.
    fn undo_phase(&mut self) -> Vec<StoreError> {
        let problems = self.journal.as_mut().map(|journal| journal.undo_to(self.phase).problems).unwrap_or_default();
        self.ports.go_back(self.phase);
        self.reap_child();
        problems
    }

    /// What is left to do of a start that failed: the reason goes on record, or the container goes.
    fn after_failure(&mut self, error: &CommandError) -> Result<(), CommandError> {
        // Of a copy, what is left to do is the engine's.
        let steps = if self.relay.is_some() { Vec::new() } else { plan::failure::after_build(&self.context()) };
        if !steps.is_empty() {
            // Once, whatever comes of it.
            self.state.building.taken.directory.clear();
            self.state.building.aside = Default::default();
            self.walk(steps)?;
        }
        let started = self.target.take().filter(Target::is_start);
        let Some(id) = started.map(|target| target.id).filter(|_| self.report.is_none()) else { return Ok(()) };
        let steps = plan::failure::after_failure(&id, error, &self.context());
        self.watched = None;
        self.walk(steps)
    }

    /// In the foreground this process is the monitor: it watches to the end and cleans up.
    fn watch_to_the_end(&mut self) -> Result<(), CommandError> {
        let Some(id) = self.watched.take() else { return Ok(()) };
        let mut steps: Vec<Planned> = self.monitor.iter().filter(|planned| step_is_about(&planned.step, &id)).cloned().collect();
        self.goes_on = true;
        while !steps.is_empty() {
            self.walk(steps)?;
            // A journal of its own for each run: none grows without end.
            self.forget_journal()?;
            steps = plan::monitor_again(&id, &self.context());
            if !steps.is_empty() {
                self.journal().and_then(|journal| journal.watch(&id)).map_err(|error| lost_journal(&error))?;
            }
        }
        Ok(())
    }

    /// What was done so far stands.
    fn forget_journal(&mut self) -> Result<(), CommandError> {
        self.journal.take().map_or(Ok(()), Journal::commit).map_err(|error| lost_journal(&error))
    }

    /// The end of the command: what stands is kept.
    fn close(mut self, done: Result<(), CommandError>) -> i32 {
        if let Err(error) = &done
            && self.report_failure(error)
        {
            crate::sys::process::exit_now(error.exit_code);
        }
        let committed = self.journal.take().map_or(Ok(()), Journal::commit);
        if let Some(progress) = &mut self.progress {
            say(&progress.finish(crate::observe::facts::now_ns()));
        }
        let exit_code = match done {
            Ok(()) => self.exit_code,
            Err(error) => {
                let (printed, said) = plan::failure::streams_of(&error.message);
                let _ = crate::sys::file::write_all(&std::io::stdout(), printed.as_bytes());
                say(said);
                error.exit_code
            }
        };
        if let Err(error) = committed {
            say(&format!("glassbox: {error}\n"));
        }
        say(&self.cause());
        // The process ends with the command, and its memory as a whole; only the lock is worth giving back at once.
        self.unlock_records();
        std::mem::forget(self);
        exit_code
    }

    fn cause(&self) -> String {
        match &self.invocation.command {
            // Told by its monitor, where it has one.
            Command::ExecProcess(exec) if !exec.detach && self.cause.is_empty() => {
                let refused = self.child.as_ref().and_then(|child| child.refused.as_ref());
                refused.and_then(|refused| refused.diagnosis.as_ref()).map(ending::line).unwrap_or_default()
            }
            _ => self.cause.clone(),
        }
    }
}

/// An error, and after it what went wrong while its traces were removed.
fn with_problems(error: CommandError, problems: &[StoreError]) -> CommandError {
    let told: String = problems.iter().map(problem_told).collect();
    CommandError { message: error.message + &told, ..error }
}

fn problem_told(problem: &StoreError) -> String {
    let holders = match problem {
        StoreError::Io { path, errno: Errno::EBUSY, .. } => crate::observe::holders::of_path(path),
        _ => None,
    };
    let busy = holders.map(|found| format!("glassbox: {}\n", found.what)).unwrap_or_default();
    format!("glassbox: cleaning up: {problem}\n{busy}")
}

/// Two errors of one command: the exit code is the first one's.
fn both(first: CommandError, second: &CommandError) -> CommandError {
    CommandError { message: format!("{}{}", first.message, second.message), ..first }
}

fn lost_journal(error: &StoreError) -> CommandError {
    CommandError { message: format!("glassbox: {error}\n"), exit_code: 125, span: None }
}

/// Whether a step of the monitor belongs to this container.
fn step_is_about(step: &Step, id: &ContainerId) -> bool {
    use glassbox_core::step::ClientStep;
    match step {
        Step::Phase(phase) => phase.container() == Some(id),
        Step::Client(ClientStep::WatchContainer { id: about }) => about == id,
        _ => false,
    }
}

/// Writes to stderr; where that is closed there is nobody to tell.
pub(crate) fn say(text: &str) {
    let _ = crate::sys::file::write_all(&std::io::stderr(), text.as_bytes());
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn an_error_of_the_clean_up_comes_after_the_first() {
        let error = |message: &str, exit_code| CommandError { message: message.into(), exit_code, span: None };
        let problem = StoreError::Io { doing: "remove", path: PathBuf::from("/x"), errno: Errno::EBUSY };
        let told = with_problems(error("docker: first\n", 127), &[problem]);
        let told = both(told, &error("glassbox: third\n", 125));
        let lines: Vec<&str> = told.message.lines().collect();
        assert_eq!(told.exit_code, 127);
        assert_eq!((lines.first(), lines.last()), (Some(&"docker: first"), Some(&"glassbox: third")));
        assert!(lines.get(1).is_some_and(|line| line.starts_with("glassbox: cleaning up: cannot remove /x:")), "{lines:?}");
    }
}
