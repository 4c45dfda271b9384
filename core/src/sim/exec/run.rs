//! `Run`: what one command knows while its steps are carried out: the process that it made and its streams.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::catalogue::Catalogue;
use crate::cli::{BuildSecret, Command, DetachKeys, Invocation};
use crate::diagnosis::program::Refused;
use crate::model::ContainerId;
use crate::model::health::Probe;
use crate::sim::kernel::Kernel;
use crate::sim::streams::{Ended, StreamsId};
use crate::sim::tables::{HostPid, MountId, Object, ProcessState, Wait};
use crate::view::stats::Sample;

/// A command at work.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// The process made by the last `CloneProcess`.
    pub(super) process: Option<HostPid>,
    /// Copies of mounts that have no place yet, and of what they are.
    pub(super) held: Vec<(String, MountId)>,
    /// Its streams.
    pub(super) streams: Option<StreamsId>,
    /// The streams that the caller's terminal is connected to, and how much of them she has seen.
    pub(super) attached: Option<StreamsId>,
    pub(super) seen: usize,
    /// The process is a further one of a running container.
    pub(super) exec: bool,
    /// The caller's standard input goes to an exec'ed process.
    pub(super) interactive: bool,
    /// How the watched container ended.
    pub(super) ended: Option<Ended>,
    /// When the wait at hand gives up: CLOCK_MONOTONIC nanoseconds.
    pub(super) deadline: Option<u64>,
    /// Output that does not come from attached streams: a container's log.
    pub(super) shown: Vec<(bool, Vec<u8>)>,
    /// The streams of the container whose end is awaited: they tell it when its record is gone.
    pub(super) awaited: Option<(ContainerId, StreamsId)>,
    /// When the container whose next end is awaited had ended the last time.
    pub(super) ended_before_ns: Option<u64>,
    /// When the probe of a container's health began, and what came of it.
    pub(super) probe_start_ns: u64,
    pub(super) probe: Option<Probe>,
    /// What the caller has typed at a question, and whether more is to come.
    pub(super) answer: Vec<u8>,
    pub(super) answer_ended: bool,
    /// What of the keys typed at a terminal lets go of it.
    pub(super) keys: DetachKeys,
    /// The caller's standard input stays with her.
    pub(super) deaf: bool,
    /// She is not shown what comes out of stdout, of stderr.
    pub(super) hides: (bool, bool),
    /// The end of the caller's standard input is not the end of the program's.
    pub(super) keeps_input: bool,
    /// execve(2) refused the program of the process.
    pub(super) refused: Option<Refused>,
    /// A question waits for its answer.
    pub(super) asked: bool,
    /// The blobs that layers were packed into, by what was packed: only those that were not there.
    pub(super) packed: BTreeMap<String, String>,
    /// What a build was given of secrets.
    pub(super) secrets: Vec<BuildSecret>,
    /// Bytes that removed containers had written.
    pub(super) reclaimed_bytes: u64,
    /// Of `stats`: when each container was looked at the last time, and what was seen.
    pub(super) looks: Option<(u64, BTreeMap<ContainerId, Sample>)>,
    /// Of `events`: when it began, and the number of the next one to be told.
    pub(super) told: Option<(u64, u64)>,
    /// What was to be shown could not be.
    pub failed: bool,
    /// What the modelled registries have, once one was asked.
    pub(super) catalogues: BTreeMap<String, Rc<Catalogue>>,
    /// Records of the log already shown.
    pub(super) log_shown: Option<usize>,
}

impl Run {
    /// For a command: whether its standard input goes to the process depends on its flags.
    pub fn of(invocation: &Invocation) -> Run {
        let interactive = matches!(&invocation.command, Command::ExecProcess(exec) if exec.interactive);
        let exec = matches!(&invocation.command, Command::ExecProcess(_));
        let deaf = matches!(
            invocation.command,
            Command::AttachContainer { no_stdin: true, .. } | Command::StartContainers { interactive: false, .. }
        );
        let (stdout, stderr) = invocation.command.shown_streams();
        Run {
            exec,
            interactive,
            deaf,
            secrets: invocation.command.secrets().to_vec(),
            hides: (!stdout, !stderr),
            keys: DetachKeys::parse(invocation.command.detach_keys()).unwrap_or_default(),
            ..Run::default()
        }
    }

    /// A process of the attached job waits to read what the caller would type.
    pub fn wants_input(&self, kernel: &Kernel) -> bool {
        let Some(streams) = self.attached.and_then(|id| kernel.streams.get(&id)) else { return self.asked };
        let reads = |object: &Object| match object {
            Object::Terminal(tty) => streams.tty == Some(*tty),
            Object::PipeReader(pipe) => streams.stdin == Some(*pipe),
            _ => false,
        };
        kernel.processes.values().any(|process| match process.state {
            ProcessState::Waiting(Wait::Readable(file)) => kernel.files.get(&file).is_some_and(|file| reads(&file.object)),
            _ => false,
        })
    }

    /// execve(2) refused the program of the process.
    pub fn refused(&self) -> Option<&Refused> {
        self.refused.as_ref()
    }

    /// When the wait at hand gives up, on the clock of [`Kernel::next_wake_ns`].
    pub fn deadline_ns(&self) -> Option<u64> {
        self.deadline
    }

    /// Bytes that the caller types: what of them goes to the program, and whether they let go of its terminal.
    pub fn typed(&mut self, kernel: &Kernel, bytes: &[u8]) -> (Vec<u8>, bool) {
        let tty = self.attached.and_then(|id| kernel.streams.get(&id)).and_then(|streams| streams.tty);
        if tty.is_some() { self.keys.pass(bytes) } else { (bytes.to_vec(), false) }
    }

    /// Bytes that the caller typed.
    pub fn feed(&mut self, kernel: &mut Kernel, bytes: &[u8]) {
        if self.asked {
            self.answer.extend_from_slice(bytes);
        }
        if let Some(id) = self.attached.filter(|_| !self.deaf) {
            kernel.feed(id, bytes);
        }
    }

    /// All that the caller's standard input holds.
    pub fn answer_with(&mut self, input: Vec<u8>) {
        (self.answer, self.answer_ended) = (input, true);
    }

    /// The caller's standard input ended.
    pub fn end_of_input(&mut self, kernel: &mut Kernel) {
        self.answer_ended = true;
        if let Some(id) = self.attached.filter(|_| !self.deaf && !self.keeps_input) {
            kernel.end_input(id);
        }
    }

    /// ^C: a byte at a terminal, else SIGINT, which the client passes on to the process.
    pub fn interrupt(&self, kernel: &mut Kernel) {
        const END_OF_TEXT: u8 = 3;
        let Some(streams) = self.attached.and_then(|id| kernel.streams.get(&id)) else { return };
        let (pid, tty) = (streams.process, streams.tty);
        match tty {
            Some(tty) => kernel.type_at(tty, &[END_OF_TEXT]),
            None => kernel.deliver(kernel.engine, pid, crate::userland::Signal::SIGINT),
        }
    }

    /// What came out for the caller since the last time: to stderr or not, and the bytes.
    pub fn take_output(&mut self, kernel: &mut Kernel) -> Vec<(bool, Vec<u8>)> {
        kernel.collect_streams();
        let mut all = std::mem::take(&mut self.shown);
        let Some(streams) = self.attached.and_then(|id| kernel.streams.get(&id)) else { return all };
        let hidden = |stderr: bool| if stderr { self.hides.1 } else { self.hides.0 };
        let new = streams.captured.iter().skip(self.seen).filter(|captured| !hidden(captured.stderr));
        all.extend(new.map(|captured| (captured.stderr, captured.bytes.to_vec())));
        self.seen = streams.captured.len();
        all
    }

    /// The process that the last `CloneProcess` made, as long as it is there.
    pub fn process_host_pid(&self, kernel: &Kernel) -> Option<u32> {
        self.process.filter(|pid| kernel.processes.contains_key(pid))
    }

    /// From now on the end of the container's present run can be told, whatever becomes of its record.
    pub(super) fn hold(&mut self, kernel: &Kernel, id: &ContainerId) {
        if self.awaited.as_ref().is_none_or(|(held, _)| held != id) {
            self.awaited = kernel.streams_of_container(id).map(|streams| (id.clone(), streams));
        }
    }

    /// Connects the caller's terminal to a container that has run before; with `keeps` its input goes on when the caller's ends.
    pub(super) fn join(&mut self, kernel: &Kernel, id: StreamsId, keeps: bool) {
        let seen = kernel.streams.get(&id).map_or(0, |streams| streams.captured.len());
        (self.attached, self.seen, self.keeps_input) = (Some(id), seen, keeps);
    }

    /// A probe that could not be started, and why.
    pub fn probe_failed(&mut self, kernel: &Kernel, why: &str) {
        let (start_ns, end_ns) = (self.probe_start_ns, kernel.realtime_ns());
        self.deadline = None;
        self.probe = Some(Probe { start_ns, end_ns, exit_code: -1, output: why.to_string() });
    }

    /// What comes out of attached streams, if any are.
    pub fn is_attached(&self) -> bool {
        self.attached.is_some()
    }

    /// The caller has let go: what is written from now on is not for her.
    pub fn leave(&mut self) {
        self.attached = None;
    }

    /// Connects the caller's terminal.
    pub(super) fn attach(&mut self, id: StreamsId) {
        if self.attached != Some(id) {
            (self.attached, self.seen) = (Some(id), 0);
        }
    }
}
