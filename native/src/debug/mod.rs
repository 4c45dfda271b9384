//! The step debugger, line mode: `--step` carries a command out step by step, forward and back, on the real kernel.
//!
//! ```text
//! Debugger: engine + cursor + the moments passed      prompt ─▶ Order ─▶ into over out back continue break inspect shell
//! each leaf: predicted by the model kernel, carried out, observed, compared
//! ```
//! Going back undoes the step: files and cgroups through the journal; what lives in the container's process by ending it and making it
//! again up to the step before. It decides nothing about steps: they are the plan's.

mod order;
mod predict;
mod show;

use std::io::BufRead;

use glassbox_core::event::Event;
use glassbox_core::model::State;
use glassbox_core::plan::{CommandError, Cursor, Node, Plan, Visit};
use glassbox_core::step::{CgroupStep, ProcessStep, Step, Undo};

use crate::engine::{Engine, say};
use crate::journal::Mark;
use order::{Order, Stop};
use predict::Predictor;

/// A leaf that was carried out, and how things stood before it.
struct Moment {
    node: Node,
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
}

/// Why walking ended.
enum Ended {
    /// At the end of the plan.
    Through,
    /// The person has had enough: everything is undone.
    Quit,
}

/// Carries `plan` out under the person's eyes. Answers the command's exit code.
pub fn run(mut engine: Engine, plan: Plan) -> i32 {
    engine.look();
    for warning in &plan.warnings {
        say(&format!("{warning}\n"));
    }
    let predictor = Predictor::new(&engine);
    engine.monitor.clone_from(&plan.monitor);
    engine.exit_code = plan.exit_code;
    let cursor = Cursor::new(plan.steps, Vec::new());
    let mut debugger = Debugger { engine, cursor, past: Vec::new(), breaks: Vec::new(), predictor };
    say("glassbox: step debugger. `help` lists what you can say; an empty line repeats `into`.\n");
    match debugger.walk() {
        Ok(Ended::Through) => {
            let exit_code = debugger.engine.finish();
            say(&plan.late_errors);
            exit_code
        }
        Ok(Ended::Quit) => {
            debugger.engine.abandon();
            say("glassbox: everything that was done is undone\n");
            0
        }
        Err(error) => {
            debugger.engine.abandon();
            say(&error.message);
            error.exit_code
        }
    }
}

impl Debugger {
    /// Prompt by prompt to the end.
    fn walk(&mut self) -> Result<Ended, CommandError> {
        let mut input = std::io::stdin().lock();
        loop {
            let Some(node) = self.upcoming() else { return Ok(Ended::Through) };
            say(&show::upcoming(&node));
            let mut line = String::new();
            say("(glassbox) ");
            if input.read_line(&mut line).unwrap_or(0) == 0 {
                return Ok(Ended::Quit);
            }
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
            Order::Where => say(&show::past(self.past.iter().map(|moment| &moment.node))),
            Order::Shell => self.shell(),
            Order::Help => say(order::HELP),
            Order::Quit => {}
        }
        Ok(())
    }

    /// What comes next, without doing anything.
    fn upcoming(&mut self) -> Option<Node> {
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
            let predicted = self.predictor.predict(node);
            let observed = self.engine.visit(&visit, &mut self.cursor)?;
            say(&show::carried_out(predicted.as_deref(), &observed));
            self.past.push(Moment { node: node.clone(), cursor, state, mark });
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
            self.engine.rewind(moment.mark, moment.state, ends_process);
            self.cursor = moment.cursor;
        }
        self.predictor.return_to(at);
    }

    /// A step that was shown before is carried out again.
    fn quietly(&mut self) -> Result<(), CommandError> {
        let (cursor, state, mark) = (self.cursor.clone(), self.engine.state.clone(), self.engine.place());
        let Some(visit) = self.engine.advance(&mut self.cursor) else { return Ok(()) };
        let _: Vec<Event> = self.engine.visit(&visit, &mut self.cursor)?;
        if let Visit::Leaf(node) = visit {
            self.predictor.predict(&node);
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
        match std::process::Command::new("nsenter").args(arguments).status() {
            Ok(_) => {}
            Err(error) => say(&format!("glassbox: nsenter: {error}; install it with: apt-get install util-linux\n")),
        }
    }
}

fn undone_process(first: &Moment, rest: &[Moment]) -> bool {
    let is_clone = |moment: &Moment| matches!(moment.node.step, Step::Process(ProcessStep::CloneProcess { .. }));
    is_clone(first) || rest.iter().any(is_clone)
}
