//! Steps that serve the caller: printing, streams, waiting, logs.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use glassbox_core::cli::RestartPolicy;
use glassbox_core::errno::Errno;
use glassbox_core::model::log::Rotation;
use glassbox_core::model::{Container, ContainerId, Ending};
use glassbox_core::observe::Outcome;
use glassbox_core::plan::CommandError;
use glassbox_core::step::{ClientStep, LogView};
use glassbox_core::userland::{Signal, WaitStatus};
use glassbox_core::view::namespaces;
use glassbox_core::view::reclaimed::{is_yes, reclaimed};

use super::Engine;
use super::pieces::Telling;
use crate::exec::{Done, Failure, NameCall};
use crate::observe::LinuxProbe;
use crate::store::log::{LogEntry, LogReader, LogWriter, Stream};
use crate::store::{ProcessIdentity, Record};
use crate::streams::pump::{self, Attached, Pump};
use crate::sys::time::{self, Instant};
use crate::sys::{file, process, wait};

/// A longer answer to a question is no yes.
const ANSWER_BYTES_MAX: usize = 4096;

/// How often a record is looked at again whose change nobody tells of: while a container waits to be started again, and for its next end.
pub(super) const LOOK_MILLISECONDS: u32 = 20;

/// What SIGKILL has ended is gone by then, unless it hangs in the kernel.
const KILL_MILLISECONDS: u32 = 10_000;

/// Docker's exit code where the engine itself failed.
pub(super) const ENGINE_FAILED: i32 = 125;

impl Engine {
    pub(super) fn client(&mut self, step: &ClientStep, outcome: &mut Outcome) -> Done {
        match step {
            ClientStep::Print { text } => {
                let taken = print(text.as_bytes());
                outcome.printed = String::from_utf8_lossy(text.as_bytes().get(..taken).unwrap_or_default()).into_owned();
                Ok(())
            }
            ClientStep::Confirm { question } => self.confirm(question),
            ClientStep::PrintReclaimed { deleted } => {
                let text = reclaimed(deleted, self.reclaimed_bytes);
                let taken = print(text.as_bytes());
                outcome.printed = String::from_utf8_lossy(text.as_bytes().get(..taken).unwrap_or_default()).into_owned();
                Ok(())
            }
            ClientStep::ShowNamespaces { ids, json } => self.show_namespaces(ids, *json),
            ClientStep::ShowProcesses { id, options, utc_offset_seconds } => self.show_processes(id, options, *utc_offset_seconds),
            ClientStep::ShowStats { view } => self.show_stats(view),
            ClientStep::ShowEvents { view } => self.show_events(view),
            ClientStep::AttachStreams { id } => self.attach(id, outcome),
            ClientStep::WatchContainer { id } => self.watch_container(id, outcome),
            ClientStep::WatchExec { id } => self.watch_exec(id, outcome),
            ClientStep::AwaitProbe { id, delay_ns } => self.await_probe(id, *delay_ns),
            ClientStep::CollectProbe { timeout_ns, .. } => self.collect_probe(*timeout_ns),
            ClientStep::AwaitRestart { id, delay_ns } => self.await_restart(id, *delay_ns),
            ClientStep::AwaitExit { id, timeout_seconds, print } => self.await_exit(id, *timeout_seconds, *print, outcome),
            ClientStep::ShowLog { id, view } => self.show_log(id, view),
        }
    }

    fn show_namespaces(&self, ids: &[ContainerId], json: bool) -> Done {
        let lines = namespaces::lines(ids, &self.state, &LinuxProbe::new(&self.store)).call("readlink")?;
        print(namespaces::text(&lines, json).as_bytes());
        Ok(())
    }

    /// The signals that go to the process are held from before it exists.
    pub(super) fn hold_signals(&mut self) -> Result<(), CommandError> {
        if self.signals.is_none() {
            let refused = |errno: Errno| CommandError {
                message: format!("glassbox: signalfd: {errno}\n"),
                exit_code: ENGINE_FAILED,
                span: None,
            };
            self.signals = Some(pump::hold_signals().map_err(refused)?);
        }
        Ok(())
    }

    /// Nothing is held while a person thinks.
    fn confirm(&mut self, question: &str) -> Done {
        self.unlock_records();
        print(question.as_bytes());
        let (mut answer, mut byte) = (Vec::new(), [0]);
        while !answer.ends_with(b"\n")
            && answer.len() < ANSWER_BYTES_MAX
            && file::read(&std::io::stdin(), &mut byte).call("read")? == 1
        {
            answer.push(byte[0]);
        }
        if is_yes(&answer) {
            self.lock_records().map_err(|_| Failure::of("flock", Errno::EIO))
        } else {
            Err(Failure::of("", Errno::ECANCELED))
        }
    }

    fn attach(&mut self, id: &ContainerId, outcome: &mut Outcome) -> Done {
        self.unlock_records();
        if self.child.is_none() {
            return self.visit_container(id, outcome);
        }
        // Stepped back over and come to again, it has ended already.
        if self.status.is_none() {
            let (stdout, stderr) = self.invocation.command.shown_streams();
            let attached = Attached { stdout, stderr, input: self.forwards_input(), signals: self.forwards_signals() };
            self.pump(id, attached)?;
        }
        outcome.status = self.status;
        self.exit_code = self.status.map_or(ENGINE_FAILED, WaitStatus::code);
        Ok(())
    }

    fn watch_container(&mut self, id: &ContainerId, outcome: &mut Outcome) -> Done {
        if self.status.is_none() {
            let _prober = self.start_prober(id)?;
            self.pump(id, Attached::default())?;
        }
        outcome.status = self.status;
        self.read_again(id);
        Ok(())
    }

    fn watch_exec(&mut self, id: &ContainerId, outcome: &mut Outcome) -> Done {
        self.pump(id, Attached::default())?;
        outcome.status = self.status;
        Ok(())
    }

    /// A command may have changed the record while its container ran: a monitor goes by what it says now.
    pub(super) fn read_again(&mut self, id: &ContainerId) {
        let edition = self.store.edition(id).map(|edition| (id.clone(), edition));
        if edition.is_some() && edition == self.known_edition {
            return;
        }
        if let Ok(Some(record)) = self.store.read(id) {
            self.state.containers.insert_mut(id.clone(), record.container);
            self.known_edition = edition;
        }
    }

    /// Carries the streams until the process has ended, and reaps it.
    pub(super) fn pump(&mut self, id: &ContainerId, attached: Attached) -> Done {
        let log = self.log_of(id)?;
        let starts = self.target.as_ref().is_some_and(super::Target::is_start);
        let mut audience = if starts || self.first_guest.is_some() { Some(self.audience(id)?) } else { None };
        let stdin_once = self.stdin_once(id);
        let child = self.child.as_mut().ok_or_else(|| Failure::of("poll", Errno::ECHILD))?;
        let streams = std::mem::take(&mut child.streams);
        let relay = self.relay.as_ref();
        let mut telling = self.progress.as_mut().map(|progress| Telling { progress, relay });
        let mut pump = Pump::new(streams, &child.pidfd, log, attached, self.signals.as_ref());
        if let Some(audience) = &mut audience {
            pump = pump.with(audience, stdin_once);
        }
        if let Some(telling) = &mut telling {
            pump = pump.telling(telling);
        }
        pump.run().call("poll")?;
        self.audience = audience;
        self.status = Some(wait::wait_until_ended(&child.pidfd).call("waitid")?.status);
        Ok(())
    }

    /// A container's output is logged; that of an exec is not.
    fn log_of(&self, id: &ContainerId) -> Result<Option<LogWriter>, Failure> {
        let keeps = self.state.containers.get(id).is_none_or(|container| container.host.log.keeps());
        if !keeps || !self.target.as_ref().is_some_and(super::Target::is_start) {
            return Ok(None);
        }
        let rotation = Rotation::of(&self.state.containers.get(id).map(|container| container.host.log.clone()).unwrap_or_default());
        LogWriter::open(Path::new(&self.store.layout().log(id)), rotation).map(Some).call("openat")
    }

    pub(super) fn await_exit(&mut self, id: &ContainerId, seconds: Option<u64>, print: bool, outcome: &mut Outcome) -> Done {
        if std::mem::take(&mut self.killed) && self.lock.is_some() {
            // Not before the process is gone may anybody else have the container: one that is frozen on its way out stays (v1).
            let process = self.store.read(id).call("openat")?.and_then(|record| record.process);
            process.map_or(Ok(true), |process| await_process(&process, Some(KILL_MILLISECONDS)))?;
        }
        self.unlock_records();
        // Opened before waiting: the file is still readable when `--rm` has removed it.
        let held = self.awaited.take().filter(|(held, _)| held == id).map(|(_, file)| file);
        let mut exit_code = held.or_else(|| File::open(self.exit_code_file(id)).ok());
        let record = self.store.read(id).call("openat")?;
        if let Some(monitor) = record.as_ref().filter(|record| is_running(record)).and_then(|record| record.monitor.as_ref()) {
            outcome.timed_out = !self.await_monitor(id, monitor, record.as_ref().filter(|_| print), seconds)?;
        }
        if !outcome.timed_out {
            outcome.status =
                self.recorded_exit(id, print)?.or_else(|| exit_code.as_mut().and_then(read_number)).map(WaitStatus::Exited);
        } else {
            self.awaited = exit_code.map(|file| (id.clone(), file));
        }
        self.look_again(id)?;
        if !print || outcome.timed_out {
            return Ok(());
        }
        // It was removed after the command had found it, and before its exit code could be asked for.
        let status = outcome.status.ok_or_else(|| Failure::of("openat", Errno::ENOENT))?;
        // As for Print.
        let _ = file::write_all(&std::io::stdout(), format!("{}\n", status.code()).as_bytes());
        Ok(())
    }

    /// The container as it is after waiting, under the lock if the command wants it. Others are looked at when their turn comes.
    fn look_again(&mut self, id: &ContainerId) -> Done {
        if self.wants_lock {
            self.lock_records().map_err(|_| Failure::of("flock", Errno::EIO))?;
        }
        match self.store.read(id).call("openat")? {
            Some(record) if record.is_stale() => return self.load().call("openat"),
            Some(record) => self.state.containers.insert_mut(id.clone(), record.container),
            None => drop(self.state.containers.remove_mut(id)),
        }
        Ok(())
    }

    /// Until the monitor has ended; with `next`, what is on record, until another end than that one is. `false`: time ran out first.
    fn await_monitor(
        &self,
        id: &ContainerId,
        monitor: &ProcessIdentity,
        next: Option<&Record>,
        seconds: Option<u64>,
    ) -> Result<bool, Failure> {
        let Some(before) = next.filter(|record| record.container.host.restart != RestartPolicy::No) else {
            return await_process(monitor, seconds.map(|seconds| seconds.saturating_mul(1000)));
        };
        loop {
            if await_process(monitor, Some(LOOK_MILLISECONDS))? {
                return Ok(true);
            }
            let now = self.store.read(id).call("openat")?;
            if now.is_none_or(|now| now.container.state.finished_ns != before.container.state.finished_ns) {
                return Ok(true);
            }
        }
    }

    /// Until the time is over, or somebody has asked it to end.
    fn await_restart(&mut self, id: &ContainerId, delay_ns: u64) -> Done {
        self.unlock_records();
        let until = monotonic_ns()? + i128::from(delay_ns);
        loop {
            let record = self.store.read(id).call("openat")?;
            let left = until - monotonic_ns()?;
            if left <= 0 || record.is_none_or(|record| record.container.state.stop_asked) {
                break;
            }
            let milliseconds = u32::try_from(left / 1_000_000 + 1).unwrap_or(u32::MAX).min(LOOK_MILLISECONDS);
            wait_milliseconds(milliseconds)?;
        }
        self.lock_records().map_err(|_| Failure::of("flock", Errno::EIO))?;
        self.read_again(id);
        Ok(())
    }

    /// With `restarted`, also the last end of one that its policy starts again.
    fn recorded_exit(&self, id: &ContainerId, restarted: bool) -> Result<Option<i32>, Failure> {
        let record = self.store.read(id).call("openat")?;
        let ends = |record: &Record| restarted && record.container.host.restart != RestartPolicy::No;
        Ok(record.filter(|record| ends(record) || !is_running(record)).map(|record| record.container.state.exit_code))
    }

    pub(super) fn exit_code_file(&self, id: &ContainerId) -> PathBuf {
        PathBuf::from(self.store.layout().of(id, "exit_code"))
    }

    /// Makes the file that whoever waits for the container holds open: empty while it runs.
    pub(super) fn promise_exit_code(&self, id: &ContainerId) -> Done {
        let path = self.exit_code_file(id);
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).map(drop).call("openat")
    }

    /// Tells those who wait, also when the record is about to be removed.
    pub(super) fn keep_exit_code(&self, id: &ContainerId) -> Done {
        let code = self.status.map_or(ENGINE_FAILED, WaitStatus::code).to_string();
        // Written first and cut to its length then: ext4 brings a file that was emptied to the disk when it is closed.
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(self.exit_code_file(id));
        let written = file.and_then(|mut file| {
            file.write_all(code.as_bytes())?;
            file.set_len(code.len() as u64)
        });
        written.call("write")
    }

    /// Tells those who are attached, once the record says so.
    pub(super) fn dismiss_audience(&mut self) {
        if let Some(mut audience) = self.audience.take() {
            audience.dismiss(self.status.map_or(ENGINE_FAILED, WaitStatus::code), &self.cause);
        }
    }

    fn show_log(&mut self, id: &ContainerId, view: &LogView) -> Done {
        self.unlock_records();
        let record = self.store.read(id).call("openat")?;
        let monitor = record.filter(is_running).and_then(|record| record.monitor);
        let has_ended = || !view.follow || !monitor.as_ref().is_some_and(ProcessIdentity::is_alive);
        let mut reader = LogReader::open(Path::new(&self.store.layout().log(id)), view.tail).call("openat")?;
        reader.follow(has_ended, |entry| show(entry, view)).call("read")
    }

    /// Ends and reaps the process that was made, if it is still there.
    pub(super) fn reap_child(&mut self) {
        let Some(child) = self.child.take() else { return };
        // It has ended already, as a rule: its last message said why.
        let _ = process::pidfd_send_signal(&child.pidfd, Signal::SIGKILL);
        let _ = wait::wait_until_ended(&child.pidfd);
    }
}

/// How many bytes stdout took. Where it is closed there is nobody to print for; the command goes on.
pub(super) fn print(bytes: &[u8]) -> usize {
    let mut taken = 0;
    while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
        match file::write(&std::io::stdout(), rest) {
            Ok(0) => break,
            Ok(length) => taken += length,
            Err(Errno::EINTR) => {}
            Err(_) => break,
        }
    }
    taken
}

/// Sleeps, but for signals.
pub(super) fn wait_milliseconds(milliseconds: u32) -> Done {
    match file::poll(&mut [], Some(milliseconds)) {
        Err(Errno::EINTR) => Ok(()),
        answer => answer.map(drop).call("poll"),
    }
}

pub(super) fn monotonic_ns() -> Result<i128, Failure> {
    time::monotonic().map(Instant::as_nanoseconds).call("clock_gettime")
}

fn is_running(record: &Record) -> bool {
    record.container.state.status.runs()
}

fn read_number(file: &mut File) -> Option<i32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.parse().ok()
}

/// `false`: time ran out first.
pub(super) fn await_process(identity: &ProcessIdentity, milliseconds: Option<impl TryInto<u32>>) -> Result<bool, Failure> {
    let pidfd = match process::pidfd_open(i32::try_from(identity.pid).unwrap_or_default()) {
        Err(Errno::ESRCH) => return Ok(true),
        answer => answer.call("pidfd_open")?,
    };
    // Asked when the descriptor is held: the number cannot pass to another process any more.
    if !identity.is_alive() {
        return Ok(true);
    }
    let milliseconds = milliseconds.map(|milliseconds| milliseconds.try_into().unwrap_or(u32::MAX));
    pump::await_end(&pidfd, milliseconds).call("poll")
}

/// `false`: the caller has closed her end.
fn show(entry: &LogEntry, view: &LogView) -> bool {
    if !view.shows_text(&entry.time) {
        return true;
    }
    let text = view.prefix(&entry.time_in_full()) + &entry.log;
    match entry.stream {
        Stream::Stdout => file::write_all(&std::io::stdout(), text.as_bytes()).is_ok(),
        Stream::Stderr => file::write_all(&std::io::stderr(), text.as_bytes()).is_ok(),
    }
}

/// What is known of the end of a container besides its status: the counters of its cgroups, which are there still.
pub(super) fn ending(container: &Container, status: WaitStatus) -> Ending {
    Ending::of(container, status, &|path| fs::read_to_string(path).ok())
}
