//! The caller's side of `attach`: what she types goes to the container's monitor, what the program writes comes back.
//!
//! ```text
//! own stdin ─ detach keys ─▶ socket ─▶ monitor ─▶ program ─▶ monitor ─▶ socket ─▶ own stdout and stderr
//! own signals ─▶ the container's first process          own window size ─▶ socket
//! ```

use std::os::fd::OwnedFd;

use glassbox_core::cli::DetachKeys;
use glassbox_core::errno::Errno;
use glassbox_core::userland::Signal;

use super::frame::{Ask, Tell};
use crate::sys::file::{self, Watch};
use crate::sys::process;
use crate::sys::signal::{SignalFd, SignalSet};
use crate::sys::socket::Channel;
use crate::sys::terminal::{self, RawMode};

/// ECONNRESET: the monitor is gone, and something was still on its way to it.
const RESET: Errno = Errno(104);
/// Read at once.
const BLOCK_BYTES: usize = 16 * 1024;
/// These go to the program, where signals do.
const FORWARDED: [Signal; 6] = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGUSR1, Signal::SIGUSR2];

/// How it is to be.
#[derive(Debug)]
pub struct Manner {
    /// The own stdin goes to the program.
    pub input: bool,
    /// What it writes to stdout, and what to stderr, is shown.
    pub shown: (bool, bool),
    /// The program has a terminal.
    pub tty: bool,
    /// The own signals go to this process.
    pub signals_to: Option<OwnedFd>,
    /// What lets go.
    pub keys: DetachKeys,
}

/// How it came to an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// The program has ended with this exit code; what is known of the cause.
    Ended(i32, String),
    /// The detach keys were typed: it goes on.
    Detached,
    /// Nothing more comes: the monitor is gone.
    Lost,
}

/// A caller, attached.
#[derive(Debug)]
struct Guest<'a> {
    channel: &'a Channel,
    manner: Manner,
    signals: Option<SignalFd>,
}

/// Carries the streams until the program has ended or the caller lets go.
pub fn attend(channel: &Channel, manner: Manner) -> Result<Left, Errno> {
    let is_terminal = manner.tty && manner.input && terminal::is_terminal(&std::io::stdin());
    // A terminal that cannot be made raw still works, line by line.
    let _raw = if is_terminal { RawMode::enter(&std::io::stdin()).ok() } else { None };
    let signals = hold_signals(&manner)?;
    let mut guest = Guest { channel, manner, signals };
    guest.say(&Ask::Watch)?;
    guest.tell_size()?;
    loop {
        if let Some(left) = guest.turn()? {
            return Ok(left);
        }
    }
}

fn hold_signals(manner: &Manner) -> Result<Option<SignalFd>, Errno> {
    let mut held = if manner.signals_to.is_some() { FORWARDED.to_vec() } else { Vec::new() };
    if manner.tty {
        held.push(Signal::SIGWINCH);
    }
    if held.is_empty() {
        return Ok(None);
    }
    let set = SignalSet::of(&held);
    crate::sys::signal::block(&set)?;
    SignalFd::new(&set).map(Some)
}

impl Guest<'_> {
    /// One round.
    fn turn(&mut self) -> Result<Option<Left>, Errno> {
        const NOTHING: Watch =
            Watch { fd: -1, want_read: false, want_write: false, readable: false, writable: false, closed: false };
        let mut watches = [
            Watch::read(self.channel),
            if self.manner.input { Watch::read(&std::io::stdin()) } else { NOTHING },
            self.signals.as_ref().map_or(NOTHING, Watch::read),
        ];
        match file::poll(&mut watches, None) {
            Err(Errno::EINTR) => return Ok(None),
            answer => answer?,
        };
        let ready = |index: usize| watches[index].readable || watches[index].closed;
        if ready(2) {
            self.pass_signals()?;
        }
        if ready(1) && self.read_input()? {
            return Ok(Some(Left::Detached));
        }
        if ready(0) { self.hear() } else { Ok(None) }
    }

    fn hear(&mut self) -> Result<Option<Left>, Errno> {
        let message = match self.channel.receive() {
            Ok(Some(message)) => message,
            Ok(None) | Err(RESET) => return Ok(Some(Left::Lost)),
            Err(errno) => return Err(errno),
        };
        let written = match Tell::parse(&message.bytes) {
            Some(Tell::Ended(code, cause)) => return Ok(Some(Left::Ended(code, cause))),
            Some(Tell::Stdout(bytes)) if self.manner.shown.0 => file::write_all(&std::io::stdout(), &bytes),
            Some(Tell::Stderr(bytes)) if self.manner.shown.1 => file::write_all(&std::io::stderr(), &bytes),
            _ => Ok(()),
        };
        // The caller has closed her end: the program goes on, and so does its log.
        if written.is_err() {
            self.manner.shown = (false, false);
        }
        Ok(None)
    }

    /// `true`: the detach keys were typed.
    fn read_input(&mut self) -> Result<bool, Errno> {
        let mut block = [0; BLOCK_BYTES];
        let length = file::read(&std::io::stdin(), &mut block).unwrap_or(0);
        if length == 0 {
            self.manner.input = false;
            self.say(&Ask::End)?;
            return Ok(false);
        }
        let typed = block.get(..length).unwrap_or_default();
        let (bytes, detached) = if self.manner.tty { self.manner.keys.pass(typed) } else { (typed.to_vec(), false) };
        if !bytes.is_empty() {
            self.say(&Ask::Input(bytes))?;
        }
        Ok(detached)
    }

    fn pass_signals(&mut self) -> Result<(), Errno> {
        while let Some(Ok(Some(info))) = self.signals.as_ref().map(SignalFd::read) {
            match &self.manner.signals_to {
                _ if info.signal == Signal::SIGWINCH => self.tell_size()?,
                // It may have ended meanwhile.
                Some(pidfd) => drop(process::pidfd_send_signal(pidfd, info.signal)),
                None => {}
            }
        }
        Ok(())
    }

    fn tell_size(&self) -> Result<(), Errno> {
        let own = std::io::stdin();
        match terminal::window_size(&own) {
            Ok(size) if self.manner.tty && self.manner.input => self.say(&Ask::Size(size.rows, size.columns)),
            _ => Ok(()),
        }
    }

    /// A monitor that is gone is heard of by the end of the channel.
    fn say(&self, ask: &Ask) -> Result<(), Errno> {
        match self.channel.send(&ask.to_bytes(), &[]) {
            Err(Errno::EPIPE | RESET) => Ok(()),
            answer => answer,
        }
    }
}
