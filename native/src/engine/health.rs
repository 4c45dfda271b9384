//! Health checks: a process beside the monitor waits, and has a child of its own for each probe: an exec that leaves the engine's process
//! in the container's namespaces, from which an ordinary user's finds no way back.

use std::cell::Cell;

use glassbox_core::model::health::{OUTPUT_BYTES_MAX, Probe, too_long};
use glassbox_core::model::{ContainerId, Status};
use glassbox_core::observe::Outcome;
use glassbox_core::plan::{self, CommandError, Cursor};
use glassbox_core::userland::{Signal, WaitStatus};

use super::Engine;
use super::client::{monotonic_ns, wait_milliseconds};
use crate::exec::{Done, Failure, NameCall};
use crate::observe::facts::now_ns;
use crate::streams::pump::{Attached, Pump};
use crate::sys::process::{self, CloneFlags, CloneResult, Pid};
use crate::sys::wait;

/// How often a paused container is looked at.
const PAUSED_MILLISECONDS: u32 = 100;
const NS_PER_MILLISECOND: u64 = 1_000_000;

/// The process that looks after a container's health; ended when dropped.
#[derive(Debug)]
pub(super) struct Prober {
    pid: Pid,
    pidfd: std::os::fd::OwnedFd,
}

impl Drop for Prober {
    fn drop(&mut self) {
        // Killed, it takes its own child along (PR_SET_PDEATHSIG).
        let _ = process::pidfd_send_signal(&self.pidfd, Signal::SIGKILL);
        let _ = wait::wait(self.pid, true);
    }
}

/// What a probe has shown so far.
#[derive(Debug, Default)]
pub(super) struct Probing {
    start_ns: Cell<u64>,
    result: Option<Probe>,
}

impl Engine {
    /// In the monitor, while its container runs.
    pub(super) fn start_prober(&mut self, id: &ContainerId) -> Result<Option<Prober>, Failure> {
        if plan::health::probe_again(id, &self.context()).is_empty() {
            return Ok(None);
        }
        match process::clone_into(CloneFlags::NONE, None).call("clone3")? {
            CloneResult::Parent { pid, pidfd } => Ok(Some(Prober { pid, pidfd })),
            CloneResult::Child => {
                self.be_alone();
                self.probe_until_it_ends(id);
                process::exit_now(0)
            }
        }
    }

    /// What is the monitor's is let go of; with it this process ends.
    fn be_alone(&mut self) {
        let _ = process::set_parent_death_signal(Signal::SIGKILL);
        if let Some(journal) = self.journal.take() {
            journal.leave();
        }
        std::mem::take(&mut self.ports).leave();
        drop((self.child.take(), self.audience.take(), self.first_guest.take(), self.signals.take()));
        (self.watched, self.status) = (None, None);
        self.watchers.clear();
        self.looks = false;
        self.unlock_records();
    }

    fn probe_until_it_ends(&mut self, id: &ContainerId) {
        loop {
            let steps = plan::health::probe_again(id, &self.context());
            if steps.is_empty() || self.walk(steps).is_err() {
                return;
            }
            self.read_again(id);
        }
    }

    /// `RunProbe` is entered: a child of its own carries it out.
    pub(super) fn probe_in_child(&mut self, id: &ContainerId, cursor: &mut Cursor) -> Result<(), CommandError> {
        let refused = |failure: Failure| CommandError {
            message: format!("glassbox: {}: {}\n", failure.call, failure.errno),
            exit_code: super::client::ENGINE_FAILED,
            span: None,
        };
        match process::clone_into(CloneFlags::NONE, None).call("clone3").map_err(refused)? {
            CloneResult::Parent { pid, .. } => {
                cursor.skip_rest_of_composite();
                wait::wait(pid, true).call("wait4").map(drop).map_err(refused)
            }
            CloneResult::Child => {
                let _ = process::set_parent_death_signal(Signal::SIGKILL);
                self.read_again(id);
                let steps = plan::expand(
                    &glassbox_core::step::Step::Phase(glassbox_core::step::Phase::RunProbe { id: id.clone() }),
                    &self.context(),
                );
                if let Err(error) = self.walk(steps) {
                    self.probing.result = Some(self.result(-1, error.message));
                    let _ = self.walk(vec![plan::health::record(id)]);
                }
                if let Some(journal) = self.journal.take() {
                    let _ = journal.commit();
                }
                process::exit_now(0)
            }
        }
    }

    /// Until the time is over; while the container is paused, for longer.
    pub(super) fn await_probe(&mut self, id: &ContainerId, delay_ns: u64) -> Done {
        self.unlock_records();
        let until = monotonic_ns()? + i128::from(delay_ns);
        loop {
            let left = until - monotonic_ns()?;
            if left > 0 {
                wait_milliseconds(u32::try_from(left / i128::from(NS_PER_MILLISECOND) + 1).unwrap_or(u32::MAX))?;
                continue;
            }
            let record = self.store.read(id).call("openat")?;
            if record.is_none_or(|record| record.container.state.status != Status::Paused) {
                break;
            }
            wait_milliseconds(PAUSED_MILLISECONDS)?;
        }
        self.probing.start_ns.set(now_ns());
        Ok(())
    }

    /// The exec that was just made: its exit code and output, or that it took too long.
    pub(super) fn collect_probe(&mut self, timeout_ns: u64) -> Done {
        let child = self.child.as_mut().ok_or_else(|| Failure::of("poll", glassbox_core::errno::Errno::ECHILD))?;
        let streams = std::mem::take(&mut child.streams);
        let mut kept = Vec::new();
        let milliseconds = u32::try_from(timeout_ns / NS_PER_MILLISECOND).unwrap_or(u32::MAX).max(1);
        let pump = Pump::new(streams, &child.pidfd, None, Attached::default(), None);
        let ended = pump.keep(&mut kept, OUTPUT_BYTES_MAX).run_for(milliseconds).call("poll")?;
        if !ended {
            let _ = process::pidfd_send_signal(&child.pidfd, Signal::SIGKILL);
        }
        let status = wait::wait_until_ended(&child.pidfd).call("waitid")?.status;
        let written = String::from_utf8_lossy(&kept).into_owned();
        let (exit_code, output) = if ended { (WaitStatus::code(status), written) } else { (-1, too_long(timeout_ns, &written)) };
        self.probing.result = Some(self.result(exit_code, output));
        Ok(())
    }

    fn result(&self, exit_code: i32, output: String) -> Probe {
        Probe { start_ns: self.probing.start_ns.get(), end_ns: now_ns(), exit_code, output }
    }

    /// What `RecordProbe` is to write down; nothing, where the container has ended meanwhile.
    pub(super) fn fill_probe(&self, id: &ContainerId, outcome: &mut Outcome) {
        let runs = |status: Status| status == Status::Running;
        let record = self.store.read(id).ok().flatten();
        let runs = record.is_some_and(|record| runs(record.container.state.status));
        outcome.probe = self.probing.result.clone().map(Box::new).filter(|_| runs);
    }
}
