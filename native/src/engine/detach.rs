//! The monitor: a process of its own that starts a container, tells the caller's process how that went, and stays to keep the log, wait
//! for the end and clean up.
//!
//! ```text
//! caller's process ─ fork ─▶ monitor: StartContainer ─▶ report ─▶ own session, / as cwd, /dev/null ─▶ watch, clean up
//!        └─ waits for the report, prints, ends
//! ```
//! Until the report the monitor dies with the caller's process; after it, with nobody.

use std::fs::OpenOptions;
use std::os::fd::OwnedFd;

use glassbox_core::errno::Errno;
use glassbox_core::plan::{CommandError, Cursor};
use glassbox_core::userland::Signal;

use super::{Engine, say};
use crate::exec::Failure;
use crate::exec::NameCall;
use crate::journal::{self, Journal};
use crate::sys::file;
use crate::sys::process::{self, CloneFlags, CloneResult};
use crate::sys::socket::Channel;
use crate::sys::wait;

/// The monitor's end of the pipe to the caller's process.
#[derive(Debug)]
pub(super) struct Report(OwnedFd);

/// Docker's exit code where the engine itself failed.
const ENGINE_FAILED: i32 = 125;

/// The first byte of a report.
const STARTED: &[u8] = b"+";

impl Engine {
    /// Forks. The monitor goes on into the phase that `cursor` has entered; the caller's process waits for it, and leaves the phase out.
    pub(super) fn start_detached(&mut self, cursor: &mut Cursor) -> Result<(), CommandError> {
        self.catch_up()?;
        let (read, write) = file::pipe().call("pipe2").map_err(refused)?;
        // The journal is made here, so that both have it.
        self.journal().map_err(|error| CommandError { message: format!("glassbox: {error}\n"), exit_code: 125, span: None })?;
        let (near, far) = Channel::pair().call("socketpair").map_err(refused)?;
        match process::clone_into(CloneFlags::NONE, None).call("clone3").map_err(refused)? {
            CloneResult::Child => {
                drop((read, near));
                self.first_guest = Some(far).filter(|_| self.is_attached());
                self.report = Some(Report(write));
                process::set_parent_death_signal(Signal::SIGKILL).call("prctl").map_err(refused)
            }
            CloneResult::Parent { pid, .. } => {
                drop((write, far));
                self.seat = Some(near).filter(|_| self.is_attached());
                self.hear_report(&read, pid)?;
                cursor.skip_rest_of_composite();
                self.follow_monitor()
            }
        }
    }

    /// In the caller's process.
    fn hear_report(&mut self, read: &OwnedFd, pid: process::Pid) -> Result<(), CommandError> {
        let bytes = read_all(read).call("read").map_err(refused)?;
        if bytes == STARTED {
            return Ok(());
        }
        // It has nothing more to do: it only has to be reaped.
        let _ = wait::wait(pid, true);
        let told: Option<(i32, String)> = serde_json::from_slice(&bytes).ok();
        let (exit_code, message) = told.unwrap_or_else(|| self.lose_monitor());
        Err(CommandError { message, exit_code, span: None })
    }

    /// The monitor was killed before it could report. What it had begun stands in the journal's file and not in this process's memory:
    /// it is undone as after the death of a whole engine.
    fn lose_monitor(&mut self) -> (i32, String) {
        self.target = None;
        if let Some(journal) = self.journal.take() {
            journal.leave();
        }
        self.unlock_records();
        let problems = journal::recover(&self.store).problems;
        let problems: String = problems.iter().map(|problem| format!("glassbox: {problem}\n")).collect();
        let message = "docker: Error response from daemon: the container's monitor was killed before the container ran\n\
                       glassbox: what it had begun is undone; run the command again\n";
        (ENGINE_FAILED, format!("{message}{problems}"))
    }

    /// The journal is the monitor's now; what it has recorded is read.
    fn follow_monitor(&mut self) -> Result<(), CommandError> {
        if let Some(journal) = self.journal.take() {
            journal.leave();
        }
        let Some(target) = self.target.take() else { return Ok(()) };
        if let Ok(Some(record)) = self.store.read(&target.id) {
            self.state.containers.insert_mut(target.id, record.container);
        }
        Ok(())
    }

    /// In the monitor, when the program runs: it reports, lets go of everything that is the caller's, and watches to the end.
    pub(super) fn detach_if_monitor(&mut self) -> Result<(), CommandError> {
        let Some(report) = self.report.take() else { return Ok(()) };
        self.let_go().map_err(refused)?;
        file::write_all(&report.0, STARTED).call("write").map_err(refused)?;
        drop(report);
        self.unlock_records();
        // Nobody is left to tell of a failure: the record and the next command's recovery do.
        match self.target.clone().filter(|target| !target.is_start()) {
            Some(target) if target.outlives_engine() => {
                // The program is the container's now: it stays, whatever becomes of this process.
                let _ = self.journal.take().map(Journal::commit);
                let steps = std::mem::take(&mut self.monitor);
                drop(self.walk(steps));
            }
            Some(target) => drop(self.serve_exec(&target.id)),
            None => drop(self.watch_to_the_end()),
        }
        if let Some(journal) = self.journal.take() {
            let _ = journal.commit();
        }
        process::exit_now(0)
    }

    fn let_go(&mut self) -> Result<(), Failure> {
        if let Some(journal) = &mut self.journal {
            journal.adopt().call("rename")?;
        }
        process::set_parent_death_signal(Signal(0)).call("prctl")?;
        process::setsid().call("setsid")?;
        process::chdir("/").call("chdir")?;
        let null = OpenOptions::new().read(true).write(true).open("/dev/null").call("openat")?;
        (0..=2).try_for_each(|number| file::dup2(&null, number).call("dup2"))
    }

    /// The monitor could not start the container: the caller's process is told, and does the rest.
    pub(super) fn report_failure(&mut self, error: &CommandError) -> bool {
        let Some(report) = self.report.take() else { return false };
        if let Some(journal) = self.journal.take() {
            journal.leave();
        }
        let bytes = serde_json::to_vec(&(error.exit_code, &error.message)).unwrap_or_default();
        if file::write_all(&report.0, &bytes).is_err() {
            say(&error.message);
        }
        true
    }
}

fn read_all(fd: &OwnedFd) -> Result<Vec<u8>, Errno> {
    let (mut all, mut block) = (Vec::new(), [0; 4096]);
    loop {
        match file::read(fd, &mut block)? {
            0 => return Ok(all),
            length => all.extend_from_slice(&block[..length]),
        }
    }
}

fn refused(failure: Failure) -> CommandError {
    let message = format!("glassbox: the monitor of the container cannot be made: {}: {}\n", failure.call, failure.errno);
    CommandError { message, exit_code: 125, span: None }
}
