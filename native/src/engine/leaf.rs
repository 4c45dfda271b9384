//! Carrying out one leaf: journal, exec, look.

use std::path::Path;

use glassbox_core::apply::apply;
use glassbox_core::cli::{PidMode, TimeOffsets};
use glassbox_core::diagnosis::{Finding, steps};
use glassbox_core::errno::Errno;
use glassbox_core::event::Event;
use glassbox_core::model::{ContainerId, Ending};
use glassbox_core::observe::{Actors, Outcome, essential, observe};
use glassbox_core::plan::{CommandError, Cursor, Node, directories_that_go, failure};
use glassbox_core::step::{
    ImageStep, NamespaceKind, NetworkPlace, NetworkStep, Place, PrivilegeStep, ProcessStep, Step, StoreStep, Undo,
};
use glassbox_core::userland::Signal;
use glassbox_core::view::ending as words;

use super::build::INTERRUPTED;
use super::client::ending;
use super::{Engine, layers};
use crate::child::{self, Child, Making};
use crate::exec::network::Scene;
use crate::exec::seen::OwnFiles;
use crate::exec::store::Shelf;
use crate::exec::{Done, Failure, NameCall, cgroup, privilege, process};
use crate::journal::Journal;
use crate::names::{self, Service};
use crate::observe::facts::now_ns;
use crate::observe::{LinuxProbe, holders};
use crate::store::{StoreError, bytes_below};
use crate::streams::Wanted;

impl Engine {
    /// Carries `node` out. Answers its events: those that the kernel shows, or without looking those that the state needs.
    pub(super) fn leaf(&mut self, node: &Node, cursor: &Cursor) -> Result<Vec<Event>, CommandError> {
        if node.step.place() == Place::Container {
            return self.leaf_in_child(node);
        }
        self.check_interrupted()?;
        if self.may_wait(&node.step) {
            return Ok(self.put_off(node));
        }
        let beside = self.clones_beside(&node.step, cursor);
        if !beside {
            self.catch_up()?;
        }
        self.finish_child_steps()?;
        self.write_ahead(&node.step).map_err(|error| self.store_error(node, &error))?;
        let mut outcome = Outcome { at_ns: now_ns(), ..Outcome::default() };
        self.fill(&node.step, &mut outcome);
        // Whoever waits for an end finds it told already.
        let is_end = matches!(node.step, Step::Store(StoreStep::RecordExit { .. }));
        if is_end {
            self.chronicle_after(&node.step, &outcome);
        }
        let done = self.carry_out(node, cursor, &mut outcome);
        if beside {
            self.clone_beside(node, done)?;
        } else {
            done.map_err(|failure| self.command_error(node, &failure))?;
        }
        if !is_end {
            self.chronicle_after(&node.step, &outcome);
        }
        self.events(node, &outcome)
    }

    fn leaf_in_child(&mut self, node: &Node) -> Result<Vec<Event>, CommandError> {
        let looks = self.looks;
        let holds = self.target.as_ref().is_some_and(super::Target::holds_mounts);
        let child = self.child.as_mut().ok_or_else(|| Failure::of("clone3", Errno::ECHILD));
        let last = matches!(node.step, Step::Process(ProcessStep::ExecProgram { .. }));
        if let (Ok(child), Step::Privilege(step)) = (&child, &node.step)
            && let Some(program) = privilege::filter_of(step)
        {
            child.hand_filter(program);
        }
        if let (Ok(child), Step::Privilege(PrivilegeStep::SetUser { user, groups, layers: Some(files) })) = (&child, &node.step) {
            match layers::identity(files, user, groups) {
                Ok(identity) => child.hand_identity(identity),
                Err(failure) => return Err(self.command_error(node, &failure)),
            }
        }
        let done = child.and_then(|child| match (looks, last) {
            // It goes on to no program: each step is waited for.
            _ if holds => child.step(),
            (false, last) => child.go_on(last),
            (true, false) => child.step(),
            (true, true) => child.step_and_hold(),
        });
        done.map_err(|failure| self.command_error(node, &failure))?;
        if !looks {
            return Ok(Vec::new());
        }
        let terminal = self.child.as_ref().and_then(|child| child.terminal.clone());
        let refused = self.child.as_ref().filter(|_| last).and_then(|child| child.refused.clone()).map(Box::new);
        let events = self.events(node, &Outcome { at_ns: now_ns(), terminal, refused, ..Outcome::default() });
        let gone_on = self.child.as_mut().map_or(Ok(()), Child::let_go);
        gone_on.map_err(|failure| self.command_error(node, &failure))?;
        events
    }

    fn events(&mut self, node: &Node, outcome: &Outcome) -> Result<Vec<Event>, CommandError> {
        if !self.looks {
            return Ok(essential(&node.step, outcome, self.actors()));
        }
        match observe(&node.step, outcome, self.actors(), &LinuxProbe::new(&self.store)) {
            // A short program may have ended before anybody could look: what the state needs is known in any case.
            Err(Errno::ESRCH | Errno::ENOENT) => Ok(essential(&node.step, outcome, self.actors())),
            answer => answer.map_err(|errno| self.command_error(node, &Failure::of("", errno))),
        }
    }

    /// Waits until the child, if it was let go, has carried out its steps and the program runs.
    pub(super) fn finish_child_steps(&mut self) -> Result<(), CommandError> {
        let Some(child) = self.child.as_mut().filter(|child| child.is_under_way()) else { return Ok(()) };
        // Between two of its steps it waits for those of the engine.
        let heard = if child.has_last_step() { child.await_program() } else { child.await_pause() };
        let Err(failed) = heard else { return Ok(()) };
        let index = failed.index.unwrap_or(0);
        let context = glassbox_core::plan::Context { state: &self.state, host: &self.host, invocation: &self.invocation };
        match self.child.as_ref().and_then(|child| child.node_at(index, &context)) {
            Some(node) => Err(self.command_error(&node, &failed.failure)),
            None => Err(lost()),
        }
    }

    /// What is known before the step is carried out.
    fn fill(&self, step: &Step, outcome: &mut Outcome) {
        if let Step::Store(StoreStep::RecordExit { id }) = step {
            outcome.status = self.status;
            if let (Some(container), Some(status)) = (self.state.containers.get(id), self.status) {
                let refused = self.child.as_ref().and_then(|child| child.refused.clone());
                let note = std::fs::read(self.store.layout().signal_note(id)).ok();
                let counted = Ending { refused, ..ending(container, status) };
                *outcome.ending = counted.with_note(note.as_deref(), container.state.started_ns);
                outcome.oom_killed = container.host.resources.memory_bytes_max > 0 && outcome.ending.oom_kills > 0;
            }
        }
    }

    pub(super) fn actors(&self) -> Actors {
        Actors { process: self.child.as_ref().and_then(|child| u32::try_from(child.pid).ok()) }
    }

    /// What the journal has to know before the step is begun.
    pub(super) fn write_ahead(&mut self, step: &Step) -> Result<(), StoreError> {
        let undo = step.undo();
        if let Step::Store(StoreStep::RecordStart { id }) = step {
            self.watched = Some(id.clone());
            // What a RUN runs in is nobody's when the build is killed: it goes.
            return if self.progress.is_some() { Ok(()) } else { self.journal()?.watch(id) };
        }
        if let Step::Store(StoreStep::RemoveContainerFiles { id, .. }) = step {
            // A removal that was begun is finished by whoever finds the journal.
            let volumes = directories_that_go(id, &self.context());
            let builds = self.progress.is_some();
            let journal = self.journal()?;
            if !builds {
                journal.watch(id)?;
            }
            return volumes.iter().try_for_each(|directory| journal.will_remove(directory));
        }
        match step {
            Step::Store(StoreStep::RemoveVolume { directory: path, .. })
            | Step::Image(
                ImageStep::RemoveBlob { path, .. }
                | ImageStep::RemoveStray { path }
                | ImageStep::RemoveLayer { directory: path, .. },
            ) => {
                return self.journal()?.will_remove(path);
            }
            _ => {}
        }
        match undo {
            Undo::EmptyDirectory { .. }
            | Undo::MoveBack { .. }
            | Undo::RemoveTree { .. }
            | Undo::RemoveFile { .. }
            | Undo::RemoveCgroup { .. }
            | Undo::RestoreRecord { .. }
            | Undo::WriteBack { .. }
            | Undo::RestoreSetting { .. }
            | Undo::DeleteTable
            | Undo::DeleteRule { .. }
            | Undo::RestoreRoute { .. }
            | Undo::ClosePort { .. }
            | Undo::EndForwarding { .. }
            | Undo::EditLines { .. }
            | Undo::RestoreName { .. }
            | Undo::StrikeImage { .. }
            | Undo::DropBlob { .. }
            | Undo::DeleteInterface { .. }
            | Undo::ReleaseEndpoint { .. }
            | Undo::RestorePause { .. } => self.journal()?.will(&undo),
            _ => Ok(()),
        }
    }

    /// The journal of this command; made when it is first needed.
    pub(super) fn journal(&mut self) -> Result<&mut Journal, StoreError> {
        let journal = match self.journal.take() {
            Some(journal) => journal,
            None => Journal::create(&self.store)?,
        };
        Ok(self.journal.insert(journal))
    }

    fn carry_out(&mut self, node: &Node, cursor: &Cursor, outcome: &mut Outcome) -> Done {
        match &node.step {
            Step::Store(step) => {
                match step {
                    StoreStep::RecordStart { id } => self.promise_exit_code(id)?,
                    StoreStep::RecordExit { id } => self.keep_exit_code(id)?,
                    StoreStep::RecordStopAsked { .. } => return self.record_under_lock(step, outcome),
                    StoreStep::RecordProbe { id } => {
                        self.fill_probe(id, outcome);
                        return self.record_under_lock(step, outcome);
                    }
                    StoreStep::MeasureDirectory { path } => {
                        let bytes = bytes_below(Path::new(path));
                        self.reclaimed_bytes += bytes;
                        outcome.measured_bytes = Some(bytes);
                    }
                    _ => {}
                }
                let shelf = Shelf { store: &self.store, state: &self.state, outcome, actors: self.actors() };
                shelf.carry_out(step)?;
                if let StoreStep::RecordStart { id } | StoreStep::RecordExit { id } = step {
                    self.known_edition = self.store.edition(id).map(|edition| (id.clone(), edition));
                }
                if let StoreStep::RecordExit { id } = step {
                    self.cause = self.cause_of(id, step, outcome);
                    self.dismiss_audience();
                }
                Ok(())
            }
            Step::Cgroup(step) => cgroup::carry_out(step),
            Step::Process(step) => self.process(step, cursor, outcome),
            Step::Client(step) => self.client(step, outcome),
            Step::Copy(step) => self.copy(step, outcome),
            Step::Image(step) => self.image(step, outcome),
            Step::Build(step) => self.build(step, outcome),
            Step::Registry(step) => self.registry(step, cursor, outcome),
            Step::Network(NetworkStep::HoldPort { id, port, .. }) => {
                let mark = self.place();
                self.ports.hold(mark, id, port).call("bind")
            }
            Step::Network(NetworkStep::ForwardPorts { id, .. }) => {
                let mark = self.place();
                self.ports.forward(mark, id, &self.store).call("clone3")
            }
            Step::Network(NetworkStep::ServeNames { id, place, servers, ndots_said }) => {
                let service = Service { id: id.clone(), servers: servers.clone(), ndots_said: *ndots_said };
                self.serve_names(&service, place)
            }
            Step::Network(NetworkStep::ReleasePorts { id }) => {
                self.ports.release(id);
                Ok(())
            }
            Step::Network(step) => {
                let process = self.child.as_ref().map(|child| child.pid);
                Scene { store: &self.store, state: &self.state, process }.carry_out(step)
            }
            Step::Phase(_) | Step::Mount(_) | Step::Privilege(_) => Err(Failure::of(node.step.name(), Errno::ENOSYS)),
        }
    }

    fn serve_names(&mut self, service: &Service, place: &NetworkPlace) -> Done {
        let process = self.child.as_ref().map(|child| child.pid);
        let scene = Scene { store: &self.store, state: &self.state, process };
        let Some(server) = names::start(&self.store, service, scene.first_process(place)?)? else { return Ok(()) };
        if matches!(place, NetworkPlace::Container(_)) {
            // The container runs, whatever becomes of this command's process.
            std::mem::forget(server);
        } else {
            let mark = self.place();
            self.ports.answer_names(mark, &service.id, server);
        }
        Ok(())
    }

    /// What the exit code leaves open of an end that has just been put on record.
    fn cause_of(&self, id: &ContainerId, step: &StoreStep, outcome: &Outcome) -> String {
        let mut after = self.state.clone();
        for event in essential(&Step::Store(step.clone()), outcome, self.actors()) {
            apply(&mut after, &event);
        }
        after.containers.get(id).map(words::told).unwrap_or_default()
    }

    /// What a command writes of a container that its monitor may be writing of at the same moment.
    fn record_under_lock(&mut self, step: &StoreStep, outcome: &Outcome) -> Done {
        let held = self.holds_lock();
        self.lock_records().map_err(|_| Failure::of("flock", Errno::EIO))?;
        let shelf = Shelf { store: &self.store, state: &self.state, outcome, actors: self.actors() };
        let done = shelf.carry_out(step);
        if !held {
            self.unlock_records();
        }
        done
    }

    fn process(&mut self, step: &ProcessStep, cursor: &Cursor, outcome: &mut Outcome) -> Done {
        let pid = || self.child.as_ref().map(|child| child.pid).ok_or_else(|| Failure::of("openat", Errno::ESRCH));
        match step {
            ProcessStep::CloneProcess { namespaces, cgroup } => self.clone_process(namespaces, cgroup.as_deref(), cursor, outcome),
            ProcessStep::DenySetgroups => process::deny_setgroups(pid()?),
            ProcessStep::WriteIdMap { groups, lines } => process::write_id_map(pid()?, *groups, lines),
            ProcessStep::EndProcess => {
                outcome.ended_pid = self.actors().process;
                self.reap_child();
                Ok(())
            }
            ProcessStep::UnshareNamespace { kind: NamespaceKind::Time } => process::unshare_time(),
            ProcessStep::SetTimeOffsets { offsets } => process::set_time_offsets(*offsets),
            ProcessStep::JoinNamespace { kind, id } => process::join_namespace(*kind, id, &self.state),
            ProcessStep::SendSignal { id, signal } => {
                // Opened before it can end: with --rm the file goes with the container.
                self.awaited = std::fs::File::open(self.exit_code_file(id)).ok().map(|file| (id.clone(), file));
                self.killed = *signal == Signal::SIGKILL.0;
                let recorded = || self.store.read(id).ok().flatten().and_then(|record| record.process);
                let is_still_it = || recorded().is_some_and(|process| process.is_alive());
                match process::send_signal(id, *signal, &self.state, is_still_it) {
                    Err(failure) if failure.errno == Errno::ESRCH && self.was_asked_to_end(id) => {
                        outcome.ended_before = true;
                        Ok(())
                    }
                    sent => sent.map(|sent| outcome.sent = Some(sent)),
                }
            }
            _ => Err(Failure::of(step.name(), Errno::ENOSYS)),
        }
    }

    /// Its restart policy has been told to rest: whether it ends by the signal or was about to start again comes to the same.
    fn was_asked_to_end(&self, id: &ContainerId) -> bool {
        self.state.containers.get(id).is_some_and(|container| container.state.stop_asked)
    }

    fn clone_process(
        &mut self,
        namespaces: &[NamespaceKind],
        cgroup: Option<&str>,
        cursor: &Cursor,
        outcome: &mut Outcome,
    ) -> Done {
        let wanted = self.target.as_ref().map_or(Wanted::default(), |target| target.wanted);
        let outlives_engine = self.target.as_ref().is_some_and(super::Target::outlives_engine);
        let goes_alone = self.goes_alone(cursor);
        let waits = !self.waiting.is_empty();
        let making = Making { namespaces, cgroup, wanted, outlives_engine, goes_alone, waits };
        let child = child::clone_child(&making, cursor, &self.context())?;
        let pid = u32::try_from(child.pid).unwrap_or_default();
        let joined = self.target.as_ref().is_some_and(|target| self.has_joined_for(target));
        let moved = self.target.as_ref().is_some_and(|target| self.has_moved_clocks_for(target));
        self.child = Some(child);
        self.status = None;
        outcome.pid = Some(pid);
        if joined {
            process::rejoin_own_namespace(NamespaceKind::Pid)?;
        }
        if moved {
            process::rejoin_own_namespace(NamespaceKind::Time)?;
        }
        if waits {
            // In the journal it comes after what was put off: it is killed before that is undone.
            return Ok(());
        }
        self.journal().and_then(|journal| journal.made_process(pid)).call("clone3")
    }

    /// The child that is made next carries out all its steps without an order.
    fn goes_alone(&self, cursor: &Cursor) -> bool {
        !self.looks && !self.target.as_ref().is_some_and(super::Target::holds_mounts) && child::is_next(cursor, &self.context())
    }

    /// What was put off is carried out beside the child that this step makes.
    fn clones_beside(&self, step: &Step, cursor: &Cursor) -> bool {
        let clones = matches!(step, Step::Process(ProcessStep::CloneProcess { .. }));
        clones && !self.waiting.is_empty() && self.goes_alone(cursor)
    }

    /// The engine has entered a pid namespace for its child. Out of a user namespace there is no way back, and no need of one: the engine
    /// makes no further process.
    fn has_joined_for(&self, target: &super::Target) -> bool {
        if target.holds_mounts() {
            return false;
        }
        let container = self.state.containers.get(&target.id).filter(|container| container.host.uid_map.is_empty());
        container.is_some_and(|container| match container.host.namespaces.pid {
            PidMode::Own => !target.is_start(),
            PidMode::Host => false,
            PidMode::Container(_) => true,
        })
    }

    /// The engine has made a time namespace for its child.
    fn has_moved_clocks_for(&self, target: &super::Target) -> bool {
        let container = self.state.containers.get(&target.id);
        target.is_start() && container.is_some_and(|container| container.host.namespaces.time != TimeOffsets::default())
    }

    /// In Docker's words, with ours.
    pub(super) fn command_error(&self, node: &Node, failed: &Failure) -> CommandError {
        self.last_errno.set(failed.errno);
        let call = Some(failed.call.as_str()).filter(|call| !call.is_empty());
        let finding = match &failed.finding {
            // What the child has done it has looked at itself.
            none if *none == Finding::default() && node.step.place() == Place::Engine => {
                match Some(&node.step)
                    .filter(|_| matches!(failed.errno, Errno::EBUSY | Errno::EADDRINUSE))
                    .and_then(holders::of_step)
                {
                    Some(found) => Finding { diagnosis: Some(found), ..Finding::default() },
                    None => steps::of_step(&node.step, failed.errno, &OwnFiles),
                }
            }
            finding => finding.clone(),
        };
        let error = failure::command_error(node, failed.errno, call, &finding, &self.context());
        let interrupted = self.progress.as_ref().is_some_and(|progress| progress.is_interrupted());
        if interrupted { CommandError { exit_code: INTERRUPTED, ..error } } else { error }
    }

    /// Of the engine's own files.
    pub(super) fn store_error(&self, node: &Node, error: &StoreError) -> CommandError {
        let mut told = self.command_error(node, &Failure::of("", error.errno().unwrap_or(Errno::EIO)));
        told.message.push_str(&format!("glassbox: {error}\n"));
        told
    }
}

/// The child was killed, and nobody knows in which step.
fn lost() -> CommandError {
    let message = "docker: Error response from daemon: the container's process was killed before its program ran\n\
                   glassbox: something outside of glassbox has ended it (the OOM killer, or a person); run the command again\n";
    CommandError { message: message.into(), exit_code: 125, span: None }
}
