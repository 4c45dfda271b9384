//! The step debugger, line mode: `--step` carries a command out step by step, forward and back, on the real kernel.
//!
//! ```text
//! Debugger: engine + cursor + the moments passed      prompt ─▶ Order ─▶ into over out back continue break inspect shell
//! each leaf: predicted by the model kernel, carried out, observed, compared
//! ```
//! Going back undoes the step: files and cgroups through the journal; what lives in the container's process by ending it and making it
//! again up to the step before. It decides nothing about steps: they are the plan's.

mod ear;
mod order;
mod predict;
mod show;

use std::rc::Rc;

use glassbox_core::event::Event;
use glassbox_core::model::{ContainerId, State};
use glassbox_core::plan::failure::closing;
use glassbox_core::plan::{CommandError, Cursor, Node, Plan, Planned, Visit};
use glassbox_core::step::{CgroupStep, ProcessStep, Step, StoreStep, Undo};

use crate::engine::{Engine, say};
use crate::journal::Mark;
use crate::sys::signal::{SignalSet, set_mask};
use ear::Ear;
use order::{Order, Stop};
use predict::Predictor;

/// Asks for an order.
const PROMPT: &str = "(glassbox) ";

/// A leaf that was carried out, and how things stood before it.
struct Moment {
    node: Rc<Node>,
    cursor: Cursor,
    state: State,
    mark: Mark,
}

/// A command in the debugger.
struct Debugger {
    engine: Engine,
    cursor: Cursor,
    past: Vec<Moment>,
    /// Names of steps and calls to stop at.
    breaks: Vec<String>,
    predictor: Predictor,
    ear: Ear,
}

/// Why walking ended.
enum Ended {
    /// At the end of the plan.
    Through,
    /// The person has had enough: everything is undone.
    Quit,
}

/// Carries `plan` out under the person's eyes. Answers the command's exit code.
pub fn run(mut engine: Engine, mut plan: Plan) -> i32 {
    let ear = match Ear::open(engine.forwards_input()) {
        Ok(ear) => ear,
        Err(error) => return engine.fail(error),
    };
    engine.look();
    for warning in &plan.warnings {
        say(&format!("{warning}\n"));
    }
    let predictor = Predictor::new(&engine);
    engine.exit_code = plan.exit_code;
    // The monitor of a container in the foreground is this process: its steps come after the command's own.
    let cursor = Cursor::new(all_steps(&mut plan), Vec::new());
    let mut debugger = Debugger { engine, cursor, past: Vec::new(), breaks: Vec::new(), predictor, ear };
    say("glassbox: step debugger. `help` lists what you can say; an empty line repeats `into`.\n");
    let ended = debugger.walk_and_go_on(&mut plan);
    match ended {
        Ok(Ended::Through) => {
            let closing = closing(&debugger.engine.invocation.command, &plan.failed);
            let exit_code = debugger.engine.finish();
            say(&plan.late_errors);
            say(&closing);
            exit_code
        }
        Ok(Ended::Quit) => {
            debugger.quit();
            0
        }
        Err(error) => {
            say("glassbox: the step failed; what its phase did is undone\n");
            let mut failed = plan.failed;
            failed.extend(debugger.cursor.part(&plan.parts).map(|part| part.word.clone()));
            let closing = closing(&debugger.engine.invocation.command, &failed);
            let exit_code = debugger.engine.fail(error);
            say(&closing);
            exit_code
        }
    }
}

/// Those of the command, and then those of its monitor.
fn all_steps(plan: &mut Plan) -> Vec<Planned> {
    std::mem::take(&mut plan.steps).into_iter().chain(std::mem::take(&mut plan.monitor)).collect()
}

impl Debugger {
    /// When an image has been fetched, the command is planned anew.
    fn walk_and_go_on(&mut self, plan: &mut Plan) -> Result<Ended, CommandError> {
        loop {
            let goes_on = plan.goes_on.then_some(self.cursor.len());
            let ended = self.walk()?;
            let Some(done) = goes_on.filter(|_| matches!(ended, Ended::Through)) else { return Ok(ended) };
            *plan = match self.engine.plan() {
                Ok(plan) => plan,
                Err(error) => return Err(self.engine.clean_up_after(error)),
            };
            self.engine.exit_code = plan.exit_code;
            plan.warnings.iter().for_each(|warning| say(&format!("{warning}\n")));
            self.cursor = Cursor::after(all_steps(plan), done);
        }
    }

    /// Prompt by prompt to the end.
    fn walk(&mut self) -> Result<Ended, CommandError> {
        loop {
            let Some(node) = self.upcoming() else { return Ok(Ended::Through) };
            say(&show::upcoming(&node));
            say(PROMPT);
            let Some(line) = self.ear.line() else { return Ok(Ended::Quit) };
            match order::parse(&line) {
                Ok(Order::Quit) => return Ok(Ended::Quit),
                Ok(order) => self.obey(&order, &node)?,
                Err(message) => say(&message),
            }
        }
    }

    fn obey(&mut self, order: &Order, node: &Node) -> Result<(), CommandError> {
        match order {
            Order::Go(stop) => self.go(*stop, node)?,
            Order::Back => self.back(),
            Order::Break(name) => say(&self.add_break(name)),
            Order::Delete => self.breaks.clear(),
            Order::Why => say(&show::why(node)),
            Order::Inspect(what) => say(&show::inspect(what, &self.engine, self.process())),
            Order::Where => say(&show::past(self.past.iter().map(|moment| &*moment.node))),
            Order::Shell => self.shell(),
            Order::Help => say(order::HELP),
            Order::Quit => {}
        }
        Ok(())
    }

    /// What comes next, without doing anything.
    fn upcoming(&mut self) -> Option<Rc<Node>> {
        loop {
            let mut ahead = self.cursor.clone();
            match self.engine.advance(&mut ahead)? {
                Visit::Enter(node) | Visit::Leaf(node) => return Some(node),
                // The end of a phase is no place to stop at.
                Visit::Leave(_) => {
                    let visit = self.engine.advance(&mut self.cursor)?;
                    let _ = self.engine.visit(&visit, &mut self.cursor);
                }
            }
        }
    }

    /// Carries out steps until `stop` says so, or a break.
    fn go(&mut self, stop: Stop, from: &Node) -> Result<(), CommandError> {
        let mut first = true;
        while let Some(node) = self.upcoming() {
            let inside = node.id.0.starts_with(&from.id.0);
            let outer = &from.id.0[..from.id.0.len().saturating_sub(1)];
            let there = match stop {
                Stop::Next => !first,
                Stop::After => !first && !inside,
                Stop::Outside => !first && (outer.is_empty() || !node.id.0.starts_with(outer)),
                Stop::Never => false,
            };
            if there || !first && self.is_break(&node) {
                return Ok(());
            }
            first = false;
            self.one()?;
        }
        Ok(())
    }

    /// Enters a phase, or carries out a leaf: predicted, observed, compared.
    fn one(&mut self) -> Result<(), CommandError> {
        let (cursor, state, mark) = (self.cursor.clone(), self.engine.state.clone(), self.engine.place());
        let Some(visit) = self.engine.advance(&mut self.cursor) else { return Ok(()) };
        if let Visit::Leaf(node) = &visit {
            let predicted = self.predictor.predict(node, &mut self.engine);
            let observed = self.engine.visit(&visit, &mut self.cursor)?;
            say(&show::carried_out(predicted.as_deref(), &observed));
            self.past.push(Moment { node: Rc::clone(node), cursor, state, mark });
        } else {
            self.engine.visit(&visit, &mut self.cursor)?;
        }
        Ok(())
    }

    /// Takes the last leaf back.
    fn back(&mut self) {
        let Some(last) = self.past.last() else { return say("glassbox: this is the beginning\n") };
        let name = last.node.step.name();
        match last.node.step.undo() {
            Undo::Impossible { why } => return say(&format!("glassbox: {name} cannot be taken back. {why}\n")),
            Undo::LeftStanding { why } => {
                self.return_to(self.past.len() - 1, false);
                return say(&format!("glassbox: before {name} again; what it did is left standing. {why}\n"));
            }
            Undo::EndProcess | Undo::EndsWithProcess => {
                self.redo_since(|step| matches!(step, Step::Process(ProcessStep::CloneProcess { .. })))
            }
            Undo::EndsWithDirectory => self.redo_since(|step| matches!(step, Step::Cgroup(CgroupStep::CreateCgroup { .. }))),
            _ => self.return_to(self.past.len() - 1, false),
        }
        say(&format!("glassbox: {name} is taken back\n"));
    }

    /// Undoes everything since the last step of this kind, and carries out again what came before the step to be taken back.
    fn redo_since(&mut self, is_maker: impl Fn(&Step) -> bool) {
        let wanted = self.past.len() - 1;
        let Some(maker) = self.past.iter().rposition(|moment| is_maker(&moment.node.step)) else {
            return self.return_to(wanted, true);
        };
        self.return_to(maker, true);
        while self.past.len() < wanted {
            if self.upcoming().is_none() {
                return;
            }
            if let Err(error) = self.quietly() {
                return say(&error.message);
            }
        }
    }

    fn return_to(&mut self, at: usize, ends_process: bool) {
        let mut undone = self.past.split_off(at);
        if !undone.is_empty() {
            let moment = undone.swap_remove(0);
            let ends_process = ends_process && undone_process(&moment, &undone);
            let rewritten = rewritten([&moment].into_iter().chain(&undone));
            self.engine.rewind(moment.mark, moment.state, ends_process, &rewritten);
            self.cursor = moment.cursor;
        }
        self.predictor.return_to(at);
    }

    /// Undoes all that can be undone, and says what cannot.
    fn quit(self) {
        let rewritten = rewritten(self.past.iter());
        let before = self.past.first().map_or_else(|| self.engine.state.clone(), |first| first.state.clone());
        self.engine.abandon(&before, &rewritten);
        let mut stands = String::new();
        for step in self.past.iter().map(|moment| &moment.node.step) {
            if let (Undo::Impossible { why }, false) = (step.undo(), ends_with_its_container(step, &before)) {
                stands.push_str(&format!("glassbox: {} stands. {why}\n", step.name()));
            }
        }
        let all = if stands.is_empty() { "everything that was done is undone" } else { "everything else that was done is undone" };
        say(&format!("{stands}glassbox: {all}\n"));
    }

    /// A step that was shown before is carried out again.
    fn quietly(&mut self) -> Result<(), CommandError> {
        let (cursor, state, mark) = (self.cursor.clone(), self.engine.state.clone(), self.engine.place());
        let Some(visit) = self.engine.advance(&mut self.cursor) else { return Ok(()) };
        let _: Vec<Event> = self.engine.visit(&visit, &mut self.cursor)?;
        if let Visit::Leaf(node) = visit {
            self.predictor.predict(&node, &mut self.engine);
            self.past.push(Moment { node, cursor, state, mark });
        }
        Ok(())
    }

    fn add_break(&mut self, name: &str) -> String {
        self.breaks.push(name.to_string());
        format!("glassbox: stops before {name}\n")
    }

    fn is_break(&self, node: &Node) -> bool {
        let explanation = glassbox_core::explain::explain(&node.step);
        let called = |name: &String| node.step.name() == name || explanation.calls.iter().any(|call| call.name == *name);
        self.breaks.iter().any(|name| called(name) || node.id.to_string() == *name)
    }

    fn process(&self) -> Option<i32> {
        self.engine.child.as_ref().map(|child| child.pid)
    }

    /// A shell in the half-made container's namespaces: util-linux's nsenter(1).
    fn shell(&self) {
        let Some(pid) = self.process() else { return say("glassbox: there is no process yet; go on to CloneProcess first\n") };
        let target = pid.to_string();
        let arguments = ["--target", &target, "--all", "--root", "--wd", "/bin/sh"];
        // Signals are held for the container while it is made: the shell is to get its own.
        let held = set_mask(&SignalSet::empty());
        match std::process::Command::new("nsenter").args(arguments).stdin(self.ear.for_a_shell()).status() {
            Ok(_) => {}
            Err(error) => say(&format!("glassbox: nsenter: {error}; install it with: apt-get install util-linux\n")),
        }
        if let Ok(held) = held {
            let _ = set_mask(&held);
        }
    }
}

/// The containers whose records these steps have changed.
fn rewritten<'a>(moments: impl Iterator<Item = &'a Moment>) -> Vec<ContainerId> {
    let changed = |moment: &Moment| match &moment.node.step {
        Step::Store(StoreStep::RecordStart { id } | StoreStep::RecordExit { id } | StoreStep::RecordFailure { id, .. }) => {
            Some(id.clone())
        }
        _ => None,
    };
    moments.filter_map(changed).collect()
}

/// It is about a container that this command has made: where that is undone as a whole, so is this.
fn ends_with_its_container(step: &Step, before: &State) -> bool {
    match step {
        Step::Store(
            StoreStep::RecordExit { id } | StoreStep::RecordFailure { id, .. } | StoreStep::RemoveContainerFiles { id, .. },
        ) => !before.containers.contains_key(id),
        Step::Cgroup(CgroupStep::RemoveCgroup { .. }) => true,
        _ => false,
    }
}

fn undone_process(first: &Moment, rest: &[Moment]) -> bool {
    let is_clone = |moment: &Moment| matches!(moment.node.step, Step::Process(ProcessStep::CloneProcess { .. }));
    is_clone(first) || rest.iter().any(is_clone)
}
