//! The streams of the processes that the engine starts: its ends of their pipes and terminals, and what came out of them.

use rpds::Vector;

use super::kernel::Kernel;
use super::tables::{HostPid, Object, PipeId, Place, TtyId};
use super::tty::Tty;
use crate::errno::Errno;
use crate::model::ContainerId;
use crate::userland::{SysResult, WaitStatus};

pub(super) type StreamsId = u64;

/// A piece of output.
#[derive(Clone, Debug)]
pub(super) struct Captured {
    /// CLOCK_REALTIME
    pub(super) at_ns: u64,
    pub(super) stderr: bool,
    pub(super) bytes: std::rc::Rc<Vec<u8>>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) status: WaitStatus,
    pub(super) at_ns: u64,
    /// The OOM killer chose a process of its cgroup while it ran.
    pub(super) oom_killed: bool,
}

/// The engine's side of a process that it started.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    pub(super) process: HostPid,
    /// Set once it is known to be a container's first process.
    pub(super) container: Option<ContainerId>,
    /// `None`: the engine has closed its end.
    pub(super) stdin: Option<PipeId>,
    pub(super) stdout: PipeId,
    pub(super) stderr: PipeId,
    pub(super) tty: Option<TtyId>,
    pub(super) captured: Vector<Captured>,
    pub(super) ended: Option<Ended>,
}

impl Kernel {
    /// Three pipes for a child of the engine: their far ends become its descriptors 0, 1 and 2.
    pub(super) fn give_pipes(&mut self, pid: HostPid) -> SysResult<StreamsId> {
        let (stdin, stdout, stderr) = (self.new_pipe(), self.new_pipe(), self.new_pipe());
        for (pipe, fd) in [(stdin, 0), (stdout, 1), (stderr, 2)] {
            let far = self.pipe_end(pipe, fd == 0);
            self.install_at(pid, far, fd, false)?;
            if let Some(found) = self.pipes.get_mut(&pipe) {
                if fd == 0 {
                    found.writers += 1;
                } else {
                    found.readers += 1;
                }
            }
        }
        let id = self.fresh_id();
        let captured = Vector::new();
        let new = Streams { process: pid, container: None, stdin: Some(stdin), stdout, stderr, tty: None, captured, ended: None };
        self.streams.insert_mut(id, new);
        self.listening.insert_mut(id, ());
        Ok(id)
    }

    /// A terminal takes the place of the pipes.
    pub(super) fn give_terminal(&mut self, id: StreamsId, tty: TtyId, place: Place) -> SysResult<()> {
        let pid = self.streams.get(&id).ok_or(Errno::ENOTTY)?.process;
        let file = self.new_file(Object::Terminal(tty));
        self.file_mut(file)?.place = Some(place);
        for fd in 0..3 {
            self.install_at(pid, file, fd, false)?;
        }
        self.streams.get_mut(&id).ok_or(Errno::ENOTTY)?.tty = Some(tty);
        Ok(())
    }

    /// The descriptor 0 becomes /dev/null, as the host has it.
    pub(super) fn close_stdin_for_good(&mut self, id: StreamsId) -> SysResult<()> {
        let streams = self.streams.get(&id).ok_or(Errno::EBADF)?;
        let (pid, tty) = (streams.process, streams.tty);
        self.end_input(id);
        if tty.is_none() {
            let null = self.new_file(Object::Device(1, 3));
            self.install_at(pid, null, 0, false)?;
        }
        Ok(())
    }

    /// Bytes to the process's standard input.
    pub(super) fn feed(&mut self, id: StreamsId, bytes: &[u8]) {
        let Some(streams) = self.streams.get(&id) else { return };
        match (streams.tty, streams.stdin) {
            (Some(tty), _) => self.type_at(tty, bytes),
            (None, Some(pipe)) => {
                if let Some(pipe) = self.pipes.get_mut(&pipe)
                    && pipe.readers > 0
                {
                    std::rc::Rc::make_mut(&mut pipe.bytes).extend_from_slice(bytes);
                }
            }
            (None, None) => {}
        }
    }

    /// The engine closes its end of the standard input; at a terminal ^D is typed.
    pub(super) fn end_input(&mut self, id: StreamsId) {
        const END_OF_TRANSMISSION: u8 = 4;
        let Some(streams) = self.streams.get_mut(&id) else { return };
        if let Some(tty) = streams.tty {
            return self.type_at(tty, &[END_OF_TRANSMISSION]);
        }
        if let Some(pipe) = streams.stdin.take() {
            self.close_pipe(pipe, false);
        }
    }

    /// Reads all that came out of every process that the engine started.
    pub(super) fn collect_streams(&mut self) {
        let sources: Vec<(StreamsId, PipeId, PipeId, Option<TtyId>)> = self
            .listening
            .keys()
            .filter_map(|id| self.streams.get(id).map(|streams| (*id, streams)))
            .filter(|(_, streams)| self.has_output(streams))
            .map(|(id, streams)| (id, streams.stdout, streams.stderr, streams.tty))
            .collect();
        let at_ns = self.realtime_ns();
        for (id, stdout, stderr, tty) in sources {
            let pieces = [
                (false, tty.map_or_else(Vec::new, |tty| self.drain_tty(tty))),
                (false, self.drain_pipe(stdout)),
                (true, self.drain_pipe(stderr)),
            ];
            let Some(streams) = self.streams.get_mut(&id) else { continue };
            for (stderr, bytes) in pieces {
                if !bytes.is_empty() {
                    streams.captured.push_back_mut(Captured { at_ns, stderr, bytes: std::rc::Rc::new(bytes) });
                }
            }
        }
    }

    fn has_output(&self, streams: &Streams) -> bool {
        let full = |pipe: &PipeId| self.pipes.get(pipe).is_some_and(|pipe| !pipe.bytes.is_empty());
        full(&streams.stdout)
            || full(&streams.stderr)
            || streams.tty.is_some_and(|tty| self.ttys.get(&tty).is_some_and(Tty::has_output))
    }

    /// Streams that nothing can be written to any more need no further look: a long timeline holds many of them.
    fn forget_silent_streams(&mut self) {
        let written = |pipe: &PipeId| self.pipes.get(pipe).is_some_and(|pipe| pipe.writers > 0 || !pipe.bytes.is_empty());
        let open = |streams: &Streams| streams.tty.is_some() || written(&streams.stdout) || written(&streams.stderr);
        let silent = |id: &&StreamsId| self.streams.get(id).is_none_or(|streams| streams.ended.is_some() && !open(streams));
        let gone: Vec<StreamsId> = self.listening.keys().filter(silent).copied().collect();
        for id in gone {
            self.listening.remove_mut(&id);
        }
    }

    /// A process ended: whoever watches its streams is to know how.
    pub(super) fn note_end(&mut self, pid: HostPid, status: WaitStatus) {
        let Some(id) = self.streams_of(pid) else { return };
        self.collect_streams();
        let at_ns = self.realtime_ns();
        let oom_killed = self.saw_oom(pid);
        if let Some(streams) = self.streams.get_mut(&id) {
            streams.ended = Some(Ended { status, at_ns, oom_killed });
        }
        self.end_input(id);
        self.forget_silent_streams();
    }

    pub(super) fn streams_of(&self, pid: HostPid) -> Option<StreamsId> {
        self.streams.iter().rev().find(|(_, streams)| streams.process == pid).map(|(id, _)| *id)
    }

    /// The engine waits for it: it stays a zombie until the watch is over.
    pub(super) fn is_watched(&self, pid: HostPid) -> bool {
        self.streams_of(pid).and_then(|id| self.streams.get(&id)).is_some_and(|streams| streams.container.is_some())
    }

    /// The streams of a container's latest run.
    pub(super) fn streams_of_container(&self, id: &ContainerId) -> Option<StreamsId> {
        self.streams.iter().rev().find(|(_, streams)| streams.container.as_ref() == Some(id)).map(|(id, _)| *id)
    }

    /// Where a terminal's slave is, by its devpts and number.
    pub(super) fn terminal_at(&self, super_id: u64, number: u32) -> Option<TtyId> {
        self.ttys.iter().find(|(_, tty)| tty.super_id == super_id && tty.number == number).map(|(id, _)| *id)
    }
}
