//! Carrying a process's streams to and fro until it has ended and all that it wrote is read.
//!
//! ```text
//! own stdin ──▶ pipe or pty master ──▶ process ──▶ pipes or pty master ──▶ own stdout and stderr, and the log
//! own signals ──▶ kill(2)          own window size ──▶ TIOCSWINSZ
//! ```
//! One poll loop, no thread. Used by the foreground `run`, by `exec`, and (with nothing of the caller's attached) by the monitor.

use std::os::fd::{AsRawFd, OwnedFd};

use glassbox_core::errno::Errno;
use glassbox_core::userland::Signal;

use super::Outside;
use super::audience::{Audience, Wish};
use crate::observe::facts::now_ns;
use crate::store::log::{LogWriter, Stream};
use crate::sys::file::{self, Watch};
use crate::sys::process;
use crate::sys::signal::{SignalFd, SignalSet};
use crate::sys::terminal::{self, RawMode};

/// See [`Pump::door_milliseconds`].
const DOOR_MILLISECONDS: u32 = 20;

/// Read at once.
const BLOCK_BYTES: usize = 16 * 1024;

/// The signals that are passed on to the process.
const FORWARDED: [Signal; 6] = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGUSR1, Signal::SIGUSR2];

/// The caller's side: nothing of it for a monitor.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attached {
    /// Its stdout goes to the own.
    pub stdout: bool,
    /// Its stderr goes to the own.
    pub stderr: bool,
    /// The own stdin is passed on.
    pub input: bool,
    /// Signals are passed on.
    pub signals: bool,
}

/// Whoever tells what a program writes.
pub trait Told: std::fmt::Debug {
    /// What is to be shown for these bytes.
    fn told(&mut self, bytes: &[u8]) -> String;
    /// How often what is shown is to follow the time that goes by: milliseconds.
    fn interval(&self) -> Option<u32> {
        None
    }
    /// What is to be shown as time goes by.
    fn ticked(&mut self) -> String {
        String::new()
    }
    /// The caller has had enough of it: the process is about to be ended.
    fn interrupted(&mut self);
}

/// Blocks the signals that are passed on, so that none is lost between the start of the process and the loop.
pub fn hold_signals() -> Result<SignalFd, Errno> {
    let mut all = FORWARDED.to_vec();
    all.push(Signal::SIGWINCH);
    let set = SignalSet::of(&all);
    crate::sys::signal::block(&set)?;
    SignalFd::new(&set)
}

/// The loop's state.
#[derive(Debug)]
pub struct Pump<'a> {
    streams: Outside,
    pidfd: &'a OwnedFd,
    log: Option<LogWriter>,
    attached: Attached,
    signals: Option<&'a SignalFd>,
    /// Those who are attached besides.
    audience: Option<&'a mut Audience>,
    /// The program's stdin ends with that of whoever is attached: Docker's StdinOnce.
    stdin_once: bool,
    /// Read from the own stdin, not yet taken by the process.
    pending: Vec<u8>,
    /// What it writes is told in another way: this makes it what goes to the own stderr.
    told: Option<&'a mut dyn Told>,
    /// What it writes, and the most of it that is kept.
    kept: Option<(&'a mut Vec<u8>, usize)>,
    /// The longest wait for anything to happen.
    patience: Option<u32>,
    /// After that, its stdin is closed.
    ends: bool,
}

/// Where a descriptor stands among those that are watched.
const STDOUT: usize = 0;
const STDERR: usize = 1;
const MASTER: usize = 2;
const OWN_STDIN: usize = 3;
const FEED: usize = 4;
const SIGNALS: usize = 5;
const PROCESS: usize = 6;

impl<'a> Pump<'a> {
    /// Ready to run. Takes the engine's ends of the streams.
    pub fn new(
        streams: Outside,
        pidfd: &'a OwnedFd,
        log: Option<LogWriter>,
        attached: Attached,
        signals: Option<&'a SignalFd>,
    ) -> Pump<'a> {
        Pump {
            streams,
            pidfd,
            log,
            attached,
            signals,
            audience: None,
            told: None,
            stdin_once: false,
            pending: Vec::new(),
            ends: false,
            kept: None,
            patience: None,
        }
    }

    /// Others may attach.
    pub fn with(self, audience: &'a mut Audience, stdin_once: bool) -> Pump<'a> {
        Pump { audience: Some(audience), stdin_once, ..self }
    }

    /// What it writes is told in another way.
    pub fn telling(self, told: &'a mut dyn Told) -> Pump<'a> {
        Pump { told: Some(told), ..self }
    }

    /// What it writes is kept as well, at most so many bytes.
    pub fn keep(self, into: &'a mut Vec<u8>, bytes_max: usize) -> Pump<'a> {
        Pump { kept: Some((into, bytes_max)), ..self }
    }

    /// Runs until the process has ended, at most so long; `false`: it goes on.
    pub fn run_for(mut self, milliseconds: u32) -> Result<bool, Errno> {
        let start = crate::sys::time::monotonic()?.as_nanoseconds();
        loop {
            let gone = (crate::sys::time::monotonic()?.as_nanoseconds() - start) / 1_000_000;
            let left = u32::try_from(i128::from(milliseconds) - gone).unwrap_or(0);
            self.patience = Some(left);
            if left == 0 || self.turn()? {
                self.drain();
                return Ok(left > 0);
            }
        }
    }

    /// Runs until the process has ended. The caller's terminal is in raw mode meanwhile, if the process has one.
    pub fn run(mut self) -> Result<(), Errno> {
        let _raw = self.raw_mode();
        self.resize();
        if let Some(feed) = self.streams.stdin.as_ref().or(self.streams.master.as_ref()) {
            file::set_nonblocking(feed, true)?;
        }
        while !self.turn()? {}
        self.drain();
        if let Some(audience) = &mut self.audience {
            audience.drain();
        }
        match self.log.take() {
            Some(log) => log.finish(now_ns()).map_err(|error| error.errno().unwrap_or(Errno::EIO)),
            None => Ok(()),
        }
    }

    fn raw_mode(&self) -> Option<RawMode> {
        let wanted = self.streams.master.is_some() && self.attached.input && terminal::is_terminal(&std::io::stdin());
        // A terminal that cannot be made raw still works, line by line.
        if wanted { RawMode::enter(&std::io::stdin()).ok() } else { None }
    }

    /// One round; `true`: the process has ended.
    fn turn(&mut self) -> Result<bool, Errno> {
        let mut watches = self.watches();
        let interval = self.told.as_ref().and_then(|told| told.interval());
        match file::poll(&mut watches, self.patience.or(self.door_milliseconds()).or(interval)) {
            Err(Errno::EINTR) => return Ok(false),
            Ok(0) => {
                self.open_door();
                if let Some(told) = &mut self.told {
                    let _ = file::write_all(&std::io::stderr(), told.ticked().as_bytes());
                }
            }
            answer => drop(answer?),
        };
        let ready = |index: usize| watches[index].readable || watches[index].closed;
        if ready(STDOUT) {
            self.read_stream(Stream::Stdout);
        }
        if ready(STDERR) {
            self.read_stream(Stream::Stderr);
        }
        if ready(MASTER) {
            self.read_master();
        }
        if ready(OWN_STDIN) {
            self.read_own_stdin();
        }
        if watches[FEED].writable || watches[FEED].closed {
            self.feed();
        }
        if watches.iter().skip(PROCESS + 1).any(|watch| watch.readable || watch.writable || watch.closed) {
            self.attend();
        }
        if ready(SIGNALS) {
            self.pass_signals();
        }
        Ok(ready(PROCESS))
    }

    fn watches(&self) -> Vec<Watch> {
        let full = self.audience.as_ref().is_some_and(|audience| audience.is_full());
        let read = |fd: Option<&OwnedFd>| fd.filter(|_| !full).map_or(NOTHING, Watch::read);
        let feed = self.streams.stdin.as_ref().or(self.streams.master.as_ref());
        let listens = self.attached.input && self.pending.is_empty() && feed.is_some();
        let mut all = vec![
            read(self.streams.stdout.as_ref()),
            read(self.streams.stderr.as_ref()),
            read(self.streams.master.as_ref()),
            if listens { Watch::read(&std::io::stdin()) } else { NOTHING },
            if self.pending.is_empty() { NOTHING } else { feed.map_or(NOTHING, Watch::write) },
            self.signals.map_or(NOTHING, Watch::read),
            Watch::read(self.pidfd),
        ];
        all.extend(self.audience.iter().flat_map(|audience| audience.watches(self.pending.is_empty())));
        all
    }

    /// How long the door stays closed: most programs that end at once are looked at by nobody.
    fn door_milliseconds(&self) -> Option<u32> {
        self.audience.as_ref().filter(|audience| audience.is_closed()).map(|_| DOOR_MILLISECONDS)
    }

    fn open_door(&mut self) {
        if let Some(audience) = &mut self.audience {
            audience.open();
        }
    }

    fn attend(&mut self) {
        let hears = self.pending.is_empty();
        let wishes = self.audience.as_mut().map(|audience| audience.attend(hears)).unwrap_or_default();
        for wish in wishes {
            match wish {
                Wish::Input(bytes) => self.pending.extend_from_slice(&bytes),
                // A terminal has no end.
                Wish::End if self.stdin_once => self.ends = true,
                Wish::End => {}
                Wish::Size(rows, columns) => self.set_size(terminal::WindowSize { rows, columns }),
            }
        }
        self.feed();
    }

    fn set_size(&self, size: terminal::WindowSize) {
        if let Some(master) = &self.streams.master {
            // Where the terminal is gone there is no size to set.
            let _ = terminal::set_window_size(master, size);
        }
    }

    /// What is still in the pipes after the end: read without waiting, since a background process of an exec may hold them open.
    fn drain(&mut self) {
        for fd in [&self.streams.stdout, &self.streams.stderr, &self.streams.master].into_iter().flatten() {
            // Where that fails, the descriptor is at its end in any case.
            let _ = file::set_nonblocking(fd, true);
        }
        while self.streams.stdout.is_some() && self.read_stream(Stream::Stdout) {}
        while self.streams.stderr.is_some() && self.read_stream(Stream::Stderr) {}
        while self.streams.master.is_some() && self.read_master() {}
    }

    /// `false`: there was nothing.
    fn read_stream(&mut self, stream: Stream) -> bool {
        let slot = if stream == Stream::Stdout { &mut self.streams.stdout } else { &mut self.streams.stderr };
        let mut block = [0; BLOCK_BYTES];
        match slot.as_ref().map_or(Ok(0), |fd| file::read(fd, &mut block)) {
            Ok(length) if length > 0 => self.deliver(stream, &block[..length]),
            Err(Errno::EAGAIN) => return false,
            _ => *slot = None,
        }
        true
    }

    /// EIO is how a master tells that no slave is open any more: pty(7).
    fn read_master(&mut self) -> bool {
        let mut block = [0; BLOCK_BYTES];
        match self.streams.master.as_ref().map_or(Ok(0), |fd| file::read(fd, &mut block)) {
            Ok(length) if length > 0 => self.deliver(Stream::Stdout, &block[..length]),
            Err(Errno::EAGAIN) => return false,
            _ => self.streams.master = None,
        }
        true
    }

    fn deliver(&mut self, stream: Stream, bytes: &[u8]) {
        if let Some(log) = &mut self.log {
            // A full disk must not stop the program: the log has a gap.
            let _ = log.write(stream, bytes, now_ns());
        }
        if let Some(audience) = &mut self.audience {
            audience.deliver(stream, bytes);
        }
        if let Some((kept, most)) = &mut self.kept {
            let room = most.saturating_sub(kept.len()).min(bytes.len());
            kept.extend_from_slice(&bytes[..room]);
        }
        if let Some(told) = &mut self.told {
            let _ = file::write_all(&std::io::stderr(), told.told(bytes).as_bytes());
            return;
        }
        let written = match stream {
            Stream::Stdout if self.attached.stdout => file::write_all(&std::io::stdout(), bytes),
            Stream::Stderr if self.attached.stderr => file::write_all(&std::io::stderr(), bytes),
            _ => Ok(()),
        };
        // The caller has closed her end: the program goes on, and so does its log.
        if written.is_err() {
            (self.attached.stdout, self.attached.stderr) = (false, false);
        }
    }

    fn read_own_stdin(&mut self) {
        let mut block = [0; BLOCK_BYTES];
        match file::read(&std::io::stdin(), &mut block) {
            Ok(length) if length > 0 => {
                self.pending.extend_from_slice(&block[..length]);
                self.feed();
            }
            _ => {
                self.attached.input = false;
                self.streams.stdin = None;
            }
        }
    }

    fn feed(&mut self) {
        let Some(feed) = self.streams.stdin.as_ref().or(self.streams.master.as_ref()) else {
            self.pending.clear();
            return;
        };
        if self.pending.is_empty() {
            if self.ends {
                self.streams.stdin = None;
            }
            return;
        }
        match file::write(feed, &self.pending) {
            Ok(length) => {
                self.pending.drain(..length);
                if self.ends && self.pending.is_empty() {
                    self.streams.stdin = None;
                }
            }
            Err(Errno::EAGAIN) => {}
            Err(_) => {
                self.pending.clear();
                self.streams.stdin = None;
                self.attached.input = false;
            }
        }
    }

    fn pass_signals(&mut self) {
        while let Some(Ok(Some(info))) = self.signals.map(SignalFd::read) {
            if info.signal == Signal::SIGWINCH {
                self.resize();
            } else if let Some(told) = &mut self.told {
                told.interrupted();
                let _ = process::pidfd_send_signal(self.pidfd, Signal::SIGKILL);
            } else if self.attached.signals {
                // It may have ended meanwhile.
                let _ = process::pidfd_send_signal(self.pidfd, info.signal);
            }
        }
    }

    /// The process's terminal gets the size of the caller's.
    fn resize(&self) {
        let own = std::io::stdin();
        let (Some(master), true) = (&self.streams.master, self.attached.input) else { return };
        if let Ok(size) = terminal::window_size(&own) {
            // Where the terminal is gone there is no size to set.
            let _ = terminal::set_window_size(master, size);
        }
    }
}

/// Passed over by poll(2).
const NOTHING: Watch = Watch { fd: -1, want_read: false, want_write: false, readable: false, writable: false, closed: false };

/// Waits until the process has ended, at most so long; `false`: time ran out.
pub fn await_end(pidfd: &impl AsRawFd, milliseconds: Option<u32>) -> Result<bool, Errno> {
    loop {
        let mut watch = [Watch::read(pidfd)];
        match file::poll(&mut watch, milliseconds) {
            Err(Errno::EINTR) => {}
            answer => return Ok(answer? > 0),
        }
    }
}
