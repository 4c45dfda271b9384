//! `attach`, and a `run` or `start` in the foreground that hands its container over to a monitor.
//!
//! A foreground command is the monitor of its container itself, which saves a process and a copy of all output. Where the container may
//! outlive the command (detach keys, a restart policy, health checks, signals that are not passed on) it forks a monitor, as `-d` does,
//! and is no more than the first of those who are attached.

use std::path::PathBuf;

use glassbox_core::cli::{Command, DetachKeys, Mode, RestartPolicy};
use glassbox_core::errno::Errno;
use glassbox_core::model::{Container, ContainerId};
use glassbox_core::observe::Outcome;
use glassbox_core::userland::{Signal, WaitStatus};

use super::client::await_process;
use super::{Engine, say};
use crate::exec::{Done, Failure, NameCall};
use crate::store::{ProcessIdentity, Record};
use crate::streams::audience::Audience;
use crate::streams::guest::{self, Left, Manner};
use crate::streams::pump::Attached;
use crate::sys::listen;
use crate::sys::process;
use crate::sys::socket::Channel;

/// Between two attempts to reach a monitor that is about to listen.
const AGAIN_MILLISECONDS: u32 = 5;
/// How many attempts.
const ATTEMPTS_MAX: u32 = 2_000;
/// What a shell shows of a command that the detach keys have ended, of `attach`.
const DETACHED: i32 = 1;

impl Engine {
    /// The container may outlive this command, though it is in the foreground.
    pub(super) fn hands_over(&self, container: &Container) -> bool {
        let detachable = container.process.tty && container.process.open_stdin && self.forwards_input();
        let may_outlive = detachable
            || !self.forwards_signals()
            || container.host.restart != RestartPolicy::No
            || glassbox_core::model::health::check(container).is_some();
        may_outlive && self.invocation.mode != Mode::Step
    }

    /// The same of the program of an exec: its terminal ends with whoever holds it. And where nobody stays with it, somebody has to reap
    /// it: not every machine's first process does, and until then its pid namespace, and with it the container, does not end.
    pub(super) fn hands_exec_over(&self) -> bool {
        let Command::ExecProcess(exec) = &self.invocation.command else { return false };
        exec.detach || (exec.tty && exec.interactive && self.invocation.mode != Mode::Step)
    }

    /// In the monitor of an exec: its only guest is the caller, and nobody else can come.
    pub(super) fn serve_exec(&mut self, id: &ContainerId) -> Done {
        self.pump(id, Attached::default())?;
        self.cause = self.cause();
        self.dismiss_audience();
        Ok(())
    }

    /// Where those who attach knock.
    pub(super) fn door(&self, id: &ContainerId) -> PathBuf {
        PathBuf::from(self.store.layout().of(id, "attach"))
    }

    /// Of the container that this process is the monitor of.
    pub(super) fn audience(&mut self, id: &ContainerId) -> Result<Audience, Failure> {
        let starts = self.target.as_ref().is_some_and(super::Target::is_start);
        let mut audience = if starts { Audience::at(self.door(id)) } else { Audience::default() };
        if let Some(seat) = self.first_guest.take() {
            audience.seat(seat, true).call("fcntl")?;
        }
        Ok(audience)
    }

    /// Docker's StdinOnce.
    pub(super) fn stdin_once(&self, id: &ContainerId) -> bool {
        let container = self.state.containers.get(id);
        container.is_some_and(|container| container.process.open_stdin && !container.process.tty && !container.host.detached)
    }

    /// The streams of a container that another process is the monitor of.
    pub(super) fn visit_container(&mut self, id: &ContainerId, outcome: &mut Outcome) -> Done {
        let record = self.store.read(id).call("openat")?;
        let monitor = record.as_ref().and_then(|record| record.monitor.clone());
        let Some(channel) = self.seat.take().map_or_else(|| self.knock(id), |seat| Ok(Some(seat)))? else {
            return self.missed(id, outcome);
        };
        let left = guest::attend(&channel, self.manner(id, record.as_ref())).call("poll")?;
        drop(channel);
        let is_exec = matches!(self.invocation.command, Command::ExecProcess(_));
        match left {
            Left::Detached => self.let_container_go(),
            Left::Ended(code, cause) => {
                self.cause = cause;
                outcome.status = Some(WaitStatus::Exited(code));
                self.exit_code = code;
                let policy = record.map_or(RestartPolicy::No, |record| record.container.host.restart);
                if let Some(monitor) = monitor.filter(|_| policy == RestartPolicy::No && !is_exec) {
                    await_process(&monitor, None::<u32>)?;
                }
            }
            // Its monitor was killed, and the program with it.
            Left::Lost if is_exec => {
                outcome.status = Some(WaitStatus::Signaled(Signal::SIGKILL));
                self.exit_code = outcome.status.map_or(super::client::ENGINE_FAILED, WaitStatus::code);
            }
            Left::Lost => return self.missed(id, outcome),
        }
        self.load().call("openat")
    }

    fn let_container_go(&mut self) {
        if matches!(self.invocation.command, Command::AttachContainer { .. } | Command::ExecProcess(_)) {
            say("read escape sequence\n");
            self.exit_code = DETACHED;
        } else {
            self.exit_code = 0;
        }
    }

    /// It had ended before one could attach, or its monitor was killed: what is on record is all there is to tell.
    fn missed(&mut self, id: &ContainerId, outcome: &mut Outcome) -> Done {
        self.await_exit(id, None, false, outcome)?;
        self.exit_code = outcome.status.map_or(super::client::ENGINE_FAILED, WaitStatus::code);
        Ok(())
    }

    /// `None`: it does not run any more.
    fn knock(&self, id: &ContainerId) -> Result<Option<Channel>, Failure> {
        for _ in 0..ATTEMPTS_MAX {
            match listen::connect(&self.door(id)) {
                Err(Errno::ENOENT | Errno::ECONNREFUSED | Errno::EAGAIN) => {}
                answer => return answer.call("connect").map(Some),
            }
            let record = self.store.read(id).call("openat")?;
            let runs = |record: &Record| record.container.state.status.runs();
            if !record.filter(runs).and_then(|record| record.monitor).is_some_and(|monitor| monitor.is_alive()) {
                return Ok(None);
            }
            // Its door opens a moment after its start.
            let _ = crate::sys::file::poll(&mut [], Some(AGAIN_MILLISECONDS));
        }
        Err(Failure::of("connect", Errno::EAGAIN))
    }

    fn manner(&self, id: &ContainerId, record: Option<&Record>) -> Manner {
        let config = self.state.containers.get(id).map(|container| &container.process);
        let exec = match &self.invocation.command {
            Command::ExecProcess(exec) => Some(exec),
            _ => None,
        };
        let tty = exec.map_or_else(|| config.is_some_and(|config| config.tty), |exec| exec.tty);
        let open = exec.is_some() || config.is_some_and(|config| config.open_stdin);
        let first = record.and_then(|record| record.process.as_ref()).filter(|_| self.forwards_signals() && !tty);
        Manner {
            input: self.forwards_input() && open,
            shown: self.invocation.command.shown_streams(),
            tty,
            signals_to: first.and_then(held),
            keys: DetachKeys::parse(self.invocation.command.detach_keys()).unwrap_or_default(),
        }
    }
}

/// A descriptor of a process that is still the one that was recorded.
fn held(process: &ProcessIdentity) -> Option<std::os::fd::OwnedFd> {
    let pidfd = process::pidfd_open(i32::try_from(process.pid).ok()?).ok()?;
    process.is_alive().then_some(pidfd)
}
