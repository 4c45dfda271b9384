//! Pieces of a build that need not wait for what stands before them, carried out beside it: each by a process of its own, a copy of the
//! engine, while this one goes on in the plan's order.
//!
//! ```text
//! plan's order   stage 0 │ stage 1 │ stage 2 (COPY --from=0, --from=1)
//! engine         ── stage 0 ──▶ hears stage 1 ──▶ stage 2
//! a copy         ── stage 1 ──────────▶ ends      what it tells waits in a file without a name
//!
//! plan's order   RUN a │ pack a │ RUN b │ pack b
//! engine         RUN a ─ pack a ──▶ hears RUN b ─ pack b
//! a copy                 RUN b ────────▶ ends
//! ```
//! Which may go on together is the plan's affair (`PlanPiece`). A copy tells of each step with its events and of what programs
//! write; the engine takes that in where the piece has its turn. So what is shown and what comes of it is in the plan's order, as in the
//! model. Each copy has a journal of its own and dies with the engine; where anybody looks, there is none and steps go one by one.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::rc::Rc;

use glassbox_core::apply::apply;
use glassbox_core::errno::Errno;
use glassbox_core::event::Event;
use glassbox_core::plan::{CommandError, Cursor, Node, PlanPiece};
use glassbox_core::step::Step;
use glassbox_core::userland::Signal;
use serde::{Deserialize, Serialize};

use super::{Engine, Watcher, say};
use crate::exec::{Failure, NameCall};
use crate::journal::{self, Mark};
use crate::observe::facts::now_ns;
use crate::streams::pump::Told;
use crate::sys::file::{self, Watch};
use crate::sys::process::{self, CloneFlags, CloneResult};
use crate::sys::wait;

/// How many pieces are carried out beside what is at hand.
const BESIDE_MAX: usize = 3;
/// How often what is drawn follows the time that goes by, as with buildx.
const TICK_MILLISECONDS: u32 = 150;
/// Read at once.
const BLOCK_BYTES: usize = 64 * 1024;

/// What a copy tells, a line of JSON each.
#[derive(Debug, Serialize, Deserialize)]
enum Message {
    /// A composite step begins.
    Entered { at_ns: u64, step: Step },
    /// A leaf was carried out.
    CarriedOut { at_ns: u64, step: Step, events: Vec<Event> },
    /// A composite step is through.
    Left { at_ns: u64, step: Step },
    /// A program has written something.
    Wrote { at_ns: u64, bytes: Vec<u8> },
    /// The piece is through, or has failed; `cause`: what the exit code leaves open of the program that ended last.
    Ended { failed: Option<CommandError>, cause: String },
}

/// The pieces of the plan at hand.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    all: Vec<PlanPiece>,
    under_way: Vec<UnderWay>,
}

/// A piece that a copy carries out.
#[derive(Debug)]
struct UnderWay {
    piece: PlanPiece,
    pidfd: OwnedFd,
    heard: Heard,
}

/// What a copy has told, as far as it was read.
#[derive(Debug)]
struct Heard {
    told: File,
    position: u64,
    unread: Vec<u8>,
    /// Readable when something was told; at its end when the copy has ended.
    bell: OwnedFd,
    is_over: bool,
}

impl Heard {
    /// The next line that is there.
    fn next(&mut self) -> std::io::Result<Option<Message>> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return serde_json::from_slice(&line).map(Some).map_err(std::io::Error::other);
            }
            let mut block = vec![0; BLOCK_BYTES];
            match self.told.read_at(&mut block, self.position)? {
                0 => return Ok(None),
                length => {
                    self.position += length as u64;
                    self.unread.extend_from_slice(&block[..length]);
                }
            }
        }
    }
}

/// In a copy: where it tells.
#[derive(Clone, Debug)]
pub(super) struct Relay(Rc<(File, OwnedFd)>);

impl Relay {
    fn tell(&self, message: &Message) {
        let (told, bell) = &*self.0;
        let line = serde_json::to_vec(message).unwrap_or_default();
        // Where the disk is full the engine finds that the copy has ended too early.
        if (&*told).write_all(&[line, b"\n".to_vec()].concat()).is_err() {
            process::exit_now(1);
        }
        // One ring that was not heard yet is enough.
        let _ = file::write(bell, b"+");
    }
}

impl Watcher for Relay {
    fn enter(&mut self, node: &Node) {
        self.tell(&Message::Entered { at_ns: now_ns(), step: node.step.clone() });
    }

    fn after(&mut self, node: &Node, events: &[Event]) {
        self.tell(&Message::CarriedOut { at_ns: now_ns(), step: node.step.clone(), events: events.to_vec() });
    }

    fn leave(&mut self, node: &Node) {
        self.tell(&Message::Left { at_ns: now_ns(), step: node.step.clone() });
    }
}

/// Tells what a program of a build writes: here, or to the engine that this is a copy of.
#[derive(Debug)]
pub(super) struct Telling<'a> {
    pub(super) progress: &'a mut glassbox_core::build::progress::Progress,
    pub(super) relay: Option<&'a Relay>,
}

impl Told for Telling<'_> {
    fn interval(&self) -> Option<u32> {
        (self.relay.is_none() && self.progress.is_drawn()).then_some(TICK_MILLISECONDS)
    }

    fn ticked(&mut self) -> String {
        if self.relay.is_none() { self.progress.tick(now_ns()) } else { String::new() }
    }

    fn told(&mut self, bytes: &[u8]) -> String {
        match self.relay {
            None => self.progress.wrote(bytes, now_ns()),
            Some(relay) => {
                relay.tell(&Message::Wrote { at_ns: now_ns(), bytes: bytes.to_vec() });
                String::new()
            }
        }
    }

    fn interrupted(&mut self) {
        self.progress.interrupt();
    }
}

fn refused(failure: &Failure) -> CommandError {
    let message =
        format!("glassbox: a part of the build cannot be carried out beside the others: {}: {}\n", failure.call, failure.errno);
    CommandError { message, exit_code: 1, span: None }
}

impl Engine {
    /// Of the plan that is about to be walked.
    pub(super) fn take_pieces(&mut self, all: Vec<PlanPiece>) {
        self.pieces = Pieces { all, under_way: Vec::new() };
    }

    /// Where a piece has its turn that is under way, what it tells is taken in; what may begin begins. `cursor` goes on behind it.
    pub(super) fn between_pieces(&mut self, cursor: &mut Cursor) -> Result<(), CommandError> {
        while let Some(next) = cursor.next_at_top()
            && !self.pieces.all.is_empty()
        {
            self.begin_pieces(next, cursor)?;
            let under_way = &mut self.pieces.under_way;
            let Some(at) = under_way.iter().position(|found| found.piece.begin == next) else { break };
            let found = under_way.remove(at);
            let end = found.piece.end;
            self.hear_piece(found)?;
            cursor.skip_to(end);
        }
        Ok(())
    }

    fn begin_pieces(&mut self, next: usize, cursor: &Cursor) -> Result<(), CommandError> {
        // Where a program has failed nothing goes on.
        if self.looks || self.relay.is_some() || self.state.building.failed.is_some() {
            return Ok(());
        }
        let aside = &self.state.building.aside;
        let ready = |piece: &&PlanPiece| {
            let worthwhile = piece.beside.is_none_or(|slot| aside.contains_key(&slot));
            piece.after <= next && next < piece.begin && worthwhile
        };
        let ready: Vec<PlanPiece> = self.pieces.all.iter().filter(ready).cloned().collect();
        for piece in ready {
            let under_way = &self.pieces.under_way;
            let overlaps = |found: &UnderWay| found.piece.begin < piece.end && piece.begin < found.piece.end;
            if under_way.len() < BESIDE_MAX && !under_way.iter().any(overlaps) {
                self.begin_piece(piece, cursor)?;
            }
        }
        Ok(())
    }

    /// Forks. The copy goes on with the piece, and ends.
    fn begin_piece(&mut self, piece: PlanPiece, cursor: &Cursor) -> Result<(), CommandError> {
        let failed = |failure: Failure| refused(&failure);
        self.hold_signals()?;
        let unnamed = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_TMPFILE | libc::O_APPEND)
            .mode(0o600)
            .open(self.store.root());
        let told = unnamed.call("openat").map_err(failed)?;
        let (bell, ring) = file::pipe().call("pipe2").map_err(failed)?;
        file::set_nonblocking(&ring, true).call("fcntl").map_err(failed)?;
        self.own_directories(&piece.leaves)?;
        let had_records = self.holds_lock();
        // The copy is to find it free, and not to have a part in it.
        self.unlock_records();
        match process::clone_into(CloneFlags::NONE, None).call("clone3").map_err(failed)? {
            CloneResult::Child => self.be_a_copy(&piece, cursor.over(piece.begin, piece.end), Relay(Rc::new((told, ring)))),
            CloneResult::Parent { pidfd, .. } => {
                let heard = Heard { told, position: 0, unread: Vec::new(), bell, is_over: false };
                self.pieces.under_way.push(UnderWay { piece, pidfd, heard });
            }
        }
        if had_records { self.lock_records() } else { Ok(()) }
    }

    fn be_a_copy(&mut self, piece: &PlanPiece, mut cursor: Cursor, relay: Relay) -> ! {
        // What the engine has is not to be closed by two: connections, locks, its journal.
        std::mem::forget(self.client.take());
        // Nobody has shown its tokens to this one: a registry is visited again.
        self.state.exchange.wanted = None;
        self.pieces = Pieces::default();
        self.state.building.packed_elsewhere = piece.beside;
        self.directories.clear();
        self.cache_mounts.clear();
        if let Some(journal) = self.journal.take() {
            journal.leave();
        }
        self.phase = Mark::default();
        if let Some(progress) = &mut self.progress {
            progress.keep_quiet();
        }
        self.watchers = vec![Box::new(relay.clone())];
        self.relay = Some(relay.clone());
        let bound = process::set_parent_death_signal(Signal::SIGKILL).call("prctl").map_err(|failure| refused(&failure));
        let walked = bound.and_then(|()| self.lock_records()).and_then(|()| self.walk_on(&mut cursor));
        let kept = walked.and_then(|()| self.forget_journal());
        if kept.is_err()
            && let Some(journal) = self.journal.take()
        {
            // What failed is undone, and what was set aside goes; what could not be undone stays on record.
            self.directories.iter().for_each(|path| drop(self.store.remove(Path::new(path))));
            let _ = journal.commit();
        }
        relay.tell(&Message::Ended { failed: kept.err(), cause: std::mem::take(&mut self.cause) });
        process::exit_now(0)
    }

    /// Takes in what the copy has told and tells yet, up to its end. Nobody waits for the records meanwhile.
    fn hear_piece(&mut self, mut found: UnderWay) -> Result<(), CommandError> {
        // What this process has done so far stays, whatever comes of the piece.
        self.keep_done()?;
        let had_records = self.holds_lock();
        self.unlock_records();
        let through = loop {
            match self.hear(&mut found.heard) {
                Ok(false) => {}
                Ok(true) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        if through.is_ok() {
            let _ = wait::wait_until_ended(&found.pidfd);
        } else {
            self.pieces.under_way.push(found);
        }
        if had_records {
            self.lock_records()?;
        }
        through
    }

    /// Takes in the next thing, or waits for one. `true`: the piece is through.
    fn hear(&mut self, heard: &mut Heard) -> Result<bool, CommandError> {
        match heard.next().map_err(|error| refused(&Failure::of("read", crate::sys::errno_of(&error))))? {
            Some(Message::Ended { failed, cause }) => {
                self.cause = cause;
                failed.map_or(Ok(true), Err)
            }
            Some(message) => {
                self.take_in(message);
                Ok(false)
            }
            None if heard.is_over => Err(lost()),
            None => self.wait_for(heard).map(|()| false),
        }
    }

    fn wait_for(&mut self, heard: &mut Heard) -> Result<(), CommandError> {
        let mut watches = vec![Watch::read(&heard.bell)];
        watches.extend(self.signals.as_ref().map(Watch::read));
        let drawn = self.progress.as_mut().filter(|progress| progress.is_drawn());
        match file::poll(&mut watches, drawn.as_ref().map(|_| TICK_MILLISECONDS)) {
            Ok(0) => drawn.into_iter().for_each(|progress| say(&progress.tick(now_ns()))),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(refused(&Failure::of("poll", errno))),
        }
        if watches.first().is_some_and(|bell| bell.readable) {
            let _ = file::read(&heard.bell, &mut [0; BLOCK_BYTES]);
        } else {
            heard.is_over = watches.first().is_some_and(|bell| bell.closed);
        }
        self.check_interrupted()
    }

    fn take_in(&mut self, message: Message) {
        let Some(progress) = &mut self.progress else { return };
        let told = match message {
            Message::Entered { at_ns, step } => progress.entering(&step, at_ns),
            Message::Left { at_ns, step } => progress.leaving(&step, at_ns),
            Message::Wrote { at_ns, bytes } => progress.wrote(&bytes, at_ns),
            Message::CarriedOut { at_ns, step, events } => {
                // What a registry has told the copy is for the copy.
                let own = events.iter().filter(|event| !matches!(event, Event::Registry(_)));
                own.for_each(|event| apply(&mut self.state, event));
                progress.entering(&step, at_ns) + &progress.after(&step, at_ns)
            }
            Message::Ended { .. } => String::new(),
        };
        say(&told);
    }

    /// Something has failed, or the caller has had enough: those that are under way undo what they are at, and end.
    pub(super) fn give_up_pieces(&mut self) -> Result<(), CommandError> {
        let under_way = std::mem::take(&mut self.pieces).under_way;
        if under_way.is_empty() {
            return Ok(());
        }
        let had_records = self.holds_lock();
        self.unlock_records();
        for found in &under_way {
            let _ = process::pidfd_send_signal(&found.pidfd, Signal::SIGTERM);
        }
        for found in &under_way {
            let _ = wait::wait_until_ended(&found.pidfd);
        }
        // Of one that was killed.
        for problem in journal::recover(&self.store).problems {
            say(&format!("glassbox: {problem}\n"));
        }
        // Of one that had ended, and was not heard.
        for path in under_way.iter().flat_map(|found| &found.piece.leaves) {
            if let Err(problem) = self.store.remove(Path::new(path)) {
                say(&format!("glassbox: {problem}\n"));
            }
        }
        if had_records { self.lock_records() } else { Ok(()) }
    }
}

/// A copy has ended without a word.
fn lost() -> CommandError {
    let message = "ERROR: failed to build: failed to solve: the process that built a part of it was killed\n\
                   glassbox: something outside of glassbox has ended it (the OOM killer, or a person); run the command again\n";
    CommandError { message: message.to_string(), exit_code: 1, span: None }
}
