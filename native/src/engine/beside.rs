//! Steps that are carried out while the container's process makes its namespaces: of a plain `run`, which nobody looks at step by step,
//! the files of the container and its cgroups do not need the process, nor do its namespaces need them.
//!
//! ```text
//! plan order    directories, config.json, record, cgroups │ CloneProcess │ session, namespaces, name, loopback │ join, mounts …
//! engine        ──────────── put off ────────────▶ clone3 ── directories, config.json, record, cgroups ─▶ ready
//! child                                              └───── session, namespaces, name, loopback ──── waits ─┴▶ join, mounts …
//! ```
//! Each is journaled, told of and carried out as it would have been, in the plan's order; only the making of the process comes before.
//! What they leave behind is known beforehand: no step is put off whose events need a look at the kernel.

use glassbox_core::cli::Command;
use glassbox_core::errno::Errno;
use glassbox_core::event::Event;
use glassbox_core::host::CgroupVersion;
use glassbox_core::model::happening::Happening;
use glassbox_core::observe::{Outcome, essential};
use glassbox_core::plan::{CommandError, Node};
use glassbox_core::step::Step;

use super::{Engine, Journal, Mark};
use crate::exec::store::Shelf;
use crate::exec::{Done, Failure, NameCall, cgroup};
use crate::observe::facts::now_ns;
use crate::store::happenings;

/// What is put off, in its order.
#[derive(Debug)]
pub(super) enum PutOff {
    /// A leaf, with what was known when its turn came.
    Leaf(Box<Node>, Box<Outcome>),
    /// What came after is another top-level step's.
    TopLevel,
    /// What is told of in between.
    Told(Vec<Happening>),
}

impl Engine {
    /// Whether this leaf may wait for the making of the process. On v2 a process is born in its cgroup, which has to be there.
    pub(super) fn may_wait(&self, step: &Step) -> bool {
        let plain = !self.looks && self.child.is_none() && matches!(self.invocation.command, Command::RunContainer(_));
        let joins = self.host.cgroup.version != CgroupVersion::V2 || !matches!(step, Step::Cgroup(_));
        plain && joins && step.may_follow_clone()
    }

    /// Puts the leaf off. Answers the events that it will leave behind.
    pub(super) fn put_off(&mut self, node: &Node) -> Vec<Event> {
        let outcome = Outcome { at_ns: now_ns(), ..Outcome::default() };
        let events = essential(&node.step, &outcome, self.actors());
        self.waiting.push(PutOff::Leaf(Box::new(node.clone()), Box::new(outcome)));
        events
    }

    /// A top-level step begins: what it does is undone when it fails, and what was put off before is not.
    pub(super) fn begin_top_level(&mut self) {
        if self.waiting.is_empty() {
            self.phase = self.journal.as_ref().map_or(Mark::default(), Journal::mark);
        } else {
            self.waiting.push(PutOff::TopLevel);
        }
    }

    /// Tells of what has happened; in its turn, where something before has been put off.
    pub(super) fn tell_in_turn(&mut self, told: Vec<Happening>) {
        if self.waiting.is_empty() {
            happenings::append(self.store.root(), &told);
        } else if !told.is_empty() {
            self.waiting.push(PutOff::Told(told));
        }
    }

    /// Carries out what was put off. Where one fails, those after it are not done, and no process is to be started.
    pub(super) fn catch_up(&mut self) -> Result<(), CommandError> {
        let waiting = std::mem::take(&mut self.waiting);
        // A leaf that stands before a `TopLevel` is of the step that creates the container: where it fails there is nothing to start.
        let mut begun = waiting.iter().filter(|put_off| matches!(put_off, PutOff::TopLevel)).count();
        for put_off in waiting {
            match put_off {
                PutOff::Told(told) => happenings::append(self.store.root(), &told),
                PutOff::TopLevel => {
                    self.phase = self.journal.as_ref().map_or(Mark::default(), Journal::mark);
                    begun -= 1;
                }
                PutOff::Leaf(node, outcome) => {
                    if let Err(error) = self.carry_out_late(&node, &outcome) {
                        self.target.take_if(|_| begun > 0);
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    fn carry_out_late(&mut self, node: &Node, outcome: &Outcome) -> Result<(), CommandError> {
        self.write_ahead(&node.step).map_err(|error| self.store_error(node, &error))?;
        self.late_step(&node.step, outcome).map_err(|failure| self.command_error(node, &failure))?;
        self.chronicle_after(&node.step, outcome);
        Ok(())
    }

    fn late_step(&self, step: &Step, outcome: &Outcome) -> Done {
        match step {
            Step::Store(step) => Shelf { store: &self.store, state: &self.state, outcome, actors: self.actors() }.carry_out(step),
            Step::Cgroup(step) => cgroup::carry_out(step),
            _ => Err(Failure::of(step.name(), Errno::ENOSYS)),
        }
    }

    /// As `CloneProcess`, with what was put off carried out while the child makes its namespaces. A clone that fails fails in its turn.
    pub(super) fn clone_beside(&mut self, node: &Node, made: Done) -> Result<(), CommandError> {
        self.catch_up()?;
        let known = made.and_then(|()| match self.actors().process {
            Some(pid) => self.journal().and_then(|journal| journal.made_process(pid)).call("clone3"),
            None => Ok(()),
        });
        known.map_err(|failure| self.command_error(node, &failure))?;
        if let Some(child) = &self.child {
            child.hand_ready();
        }
        Ok(())
    }
}
