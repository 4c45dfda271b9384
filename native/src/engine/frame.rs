//! Entering and leaving phases: whom the next steps are about, and who carries a start out.

use glassbox_core::cli::Command;
use glassbox_core::model::{Container, ContainerId};
use glassbox_core::plan::{CommandError, Cursor, Node};
use glassbox_core::step::{Phase, RegistryPhase, Step};

use super::Engine;
use crate::streams::Wanted;

/// The process that is being made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// In which container.
    pub id: ContainerId,
    /// Its streams.
    pub wanted: Wanted,
    /// The container's first process, or that of an exec.
    pub kind: TargetKind,
}

/// What kind of process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// The container's first.
    Start,
    /// One that holds mounts and runs no program.
    Holder,
    /// A further one.
    Exec {
        /// Nobody waits for it.
        detached: bool,
    },
}

impl Target {
    /// A process that holds the mounts of a container which does not run.
    pub(super) fn holder(id: &ContainerId) -> Target {
        let wanted = Wanted { tty: false, stdin: false, discard: true };
        Target { id: id.clone(), wanted, kind: TargetKind::Holder }
    }

    fn start(container: &Container) -> Target {
        let wanted = Wanted { tty: container.process.tty, stdin: container.process.open_stdin, discard: false };
        Target { id: container.id.clone(), wanted, kind: TargetKind::Start }
    }

    /// The container's first process.
    pub fn is_start(&self) -> bool {
        self.kind == TargetKind::Start
    }

    /// It holds mounts and runs no program.
    pub fn holds_mounts(&self) -> bool {
        self.kind == TargetKind::Holder
    }

    /// It goes on when the engine has ended.
    pub fn outlives_engine(&self) -> bool {
        self.kind == TargetKind::Exec { detached: true }
    }
}

impl Engine {
    pub(super) fn enter(&mut self, node: &Node, cursor: &mut Cursor) -> Result<(), CommandError> {
        match &node.step {
            Step::Phase(Phase::StartContainer { id }) => {
                self.target = self.state.containers.get(id).map(Target::start);
                match () {
                    () if self.goes_on => Ok(()),
                    () if self.is_attached() && !self.state.containers.get(id).is_some_and(|found| self.hands_over(found)) => {
                        self.hold_signals()
                    }
                    () => self.start_detached(cursor),
                }
            }
            Step::Phase(Phase::ExecInContainer { id, exec }) => {
                let wanted = Wanted { tty: exec.tty, stdin: exec.interactive, discard: exec.detach };
                self.target = Some(Target { id: id.clone(), wanted, kind: TargetKind::Exec { detached: exec.detach } });
                if self.hands_exec_over() { self.start_detached(cursor) } else { self.hold_signals() }
            }
            Step::Phase(Phase::PrepareNetworks { .. }) if self.goes_on => {
                // A monitor knows of others what was on record when it began: addresses have been given since.
                let refused = |error| CommandError { message: format!("glassbox: {error}\n"), exit_code: 125, span: None };
                self.load().map_err(refused)?;
                cursor.expand_again(&self.context());
                Ok(())
            }
            Step::Phase(Phase::CopyInContainer { id, copy }) => self.enter_copy(id, copy),
            Step::Phase(Phase::BuildInstruction { .. }) => {
                self.target = Some(Target::holder(&ContainerId(String::new())));
                self.keep_done()
            }
            Step::Phase(
                Phase::ImportCache { .. } | Phase::Registry(RegistryPhase::PullImage { .. } | RegistryPhase::FetchCached { .. }),
            ) => {
                self.begin_to_fetch();
                Ok(())
            }
            Step::Phase(Phase::Registry(RegistryPhase::KeepImage { .. })) => {
                self.begin_to_keep()?;
                cursor.expand_again(&self.context());
                Ok(())
            }
            Step::Phase(Phase::RunProbe { id }) => self.probe_in_child(&id.clone(), cursor),
            Step::Phase(Phase::CleanUpContainer { id }) => {
                self.lock_records()?;
                self.read_again(id);
                Ok(())
            }
            Step::Phase(Phase::RemoveContainer { id } | Phase::KillIfRunning { id }) => {
                // It may have been paused, or have ended, since it was looked at.
                self.lock_records()?;
                self.read_again(id);
                cursor.expand_again(&self.context());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn leave(&mut self, node: &Node) -> Result<(), CommandError> {
        match &node.step {
            Step::Phase(Phase::StartContainer { .. }) => {
                self.finish_child_steps()?;
                if self.goes_on {
                    self.unlock_records();
                }
                self.detach_if_monitor()
            }
            // What was fetched is put into the store by what follows.
            Step::Phase(Phase::ImportCache { .. } | Phase::Registry(RegistryPhase::FetchCached { .. })) => self.begin_to_keep(),
            Step::Phase(Phase::ExecInContainer { .. }) => {
                self.finish_child_steps()?;
                self.detach_if_monitor()
            }
            _ => Ok(()),
        }
    }

    /// The caller stays with the container that is started: this process is its monitor.
    pub(super) fn is_attached(&self) -> bool {
        match &self.invocation.command {
            Command::RunContainer(run) => !run.detach,
            Command::StartContainers { attach, interactive, .. } => *attach || *interactive,
            Command::ExecProcess(exec) => !exec.detach,
            Command::RestartContainers { .. } => false,
            _ => true,
        }
    }

    /// The caller's stdin goes to the process.
    pub(crate) fn forwards_input(&self) -> bool {
        match &self.invocation.command {
            Command::RunContainer(run) => run.spec.interactive,
            Command::StartContainers { interactive, .. } => *interactive,
            Command::ExecProcess(exec) => exec.interactive,
            Command::AttachContainer { no_stdin, .. } => !no_stdin,
            _ => false,
        }
    }

    /// The caller's signals go to the process.
    pub(super) fn forwards_signals(&self) -> bool {
        match &self.invocation.command {
            Command::RunContainer(run) => run.sig_proxy,
            Command::AttachContainer { sig_proxy, .. } => *sig_proxy,
            _ => true,
        }
    }
}
