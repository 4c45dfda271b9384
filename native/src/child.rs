//! The process that becomes the container's first (or that of an exec): made by `CloneProcess`, it carries out the part of the plan
//! that comes after, and executes the program.
//!
//! ```text
//! engine ──────────────── channel (SOCK_SEQPACKET) ─────────────── child
//!         one ▶  carry out the next step, tell how it went          walks the same cursor: it has a copy of
//!         rest ▶ carry out all that is left, tell only a failure    the engine's memory, plan and state; one
//!                                                                   that goes alone has that order from birth
//!        ready ▶ what it does not make itself is there (of one that began before it was, or has paused)
//!       filter ▶ the program that its seccomp step installs
//!         ◀ paused: steps of the engine's come between its own, and it waits until they are done (of one that carries out all that is left)
//!         ◀ done, failed (errno, call), terminal (+ descriptor), executing; then the end: the program runs
//! ```
//! It is killed when the engine ends (PR_SET_PDEATHSIG) and ends itself when the channel does, so that `kill -9` of the engine at any
//! moment leaves no process.

mod inside;
mod message;

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;

use glassbox_core::accounts::Identity;
use glassbox_core::diagnosis::program::Refused;
use glassbox_core::errno::Errno;
use glassbox_core::plan::{Context, Cursor, Node, Visit};
use glassbox_core::step::{NamespaceKind, Place};

use crate::exec::{Failure, NameCall, process::flag};
use crate::streams::{self, Outside, Wanted};
use crate::sys::process::{CloneFlags, CloneResult, Pid, clone_into};
use crate::sys::socket::Channel;
use crate::sys::trace;
use inside::Inside;
use message::{Order, Reply};

/// How the child is to be made.
#[derive(Clone, Copy, Debug)]
pub struct Making<'a> {
    /// New namespaces.
    pub namespaces: &'a [NamespaceKind],
    /// The cgroup that it is born in.
    pub cgroup: Option<&'a str>,
    /// Its streams.
    pub wanted: Wanted,
    /// It goes on when the engine has ended: a detached exec.
    pub outlives_engine: bool,
    /// It carries out all its steps from the first on: nobody looks at them, and nothing is to be done to it before.
    pub goes_alone: bool,
    /// What it does not make itself is not there yet: it is told when it is.
    pub waits: bool,
}

/// The engine's hold on the child.
#[derive(Debug)]
pub struct Child {
    /// As the engine numbers it.
    pub pid: Pid,
    /// Readable once it has ended.
    pub pidfd: OwnedFd,
    /// The engine's ends of its streams.
    pub streams: Outside,
    /// The slave of its terminal, as the container names it.
    pub terminal: Option<String>,
    /// execve(2) refused its program: it has said so, and ended.
    pub refused: Option<Refused>,
    channel: Option<Channel>,
    /// Where the plan stood right after `CloneProcess`.
    begin: Cursor,
    released: bool,
    /// It has come to steps of the engine's between its own, and waits.
    paused: bool,
    /// The last of its steps is its turn.
    last: bool,
    executing: bool,
    /// It stands at the first instruction of its program, until `let_go`.
    held: bool,
}

/// A failure in the child: of which of its steps, counted from 0.
#[derive(Debug)]
pub struct ChildFailure {
    /// `None`: it was killed, nobody knows in which.
    pub index: Option<usize>,
    /// Why.
    pub failure: Failure,
}

/// Makes the child. `cursor` stands right after `CloneProcess`.
pub fn clone_child(making: &Making<'_>, cursor: &Cursor, context: &Context<'_>) -> Result<Child, Failure> {
    let (inside, streams) = streams::wire(making.wanted).call("pipe2")?;
    let (near, far) = Channel::pair().call("socketpair")?;
    let flags = making.namespaces.iter().fold(CloneFlags::NONE, |sum, kind| sum | flag(*kind));
    let cgroup = making.cgroup.map(|directory| File::open(directory).call("openat")).transpose()?;
    match clone_into(flags, cgroup.as_ref().map(AsRawFd::as_raw_fd)).call("clone3")? {
        CloneResult::Child => {
            // Held here, they would keep the channel and the pipes open.
            drop((near, streams, cgroup));
            Inside::new(far, cursor.clone(), *context, making).serve(inside, making.goes_alone)
        }
        CloneResult::Parent { pid, pidfd } => Ok(Child {
            pid,
            pidfd,
            streams,
            terminal: None,
            refused: None,
            channel: Some(near),
            begin: cursor.clone(),
            released: making.goes_alone,
            paused: false,
            last: false,
            executing: false,
            held: false,
        }),
    }
}

/// What comes next is the child's.
pub fn is_next(cursor: &Cursor, context: &Context<'_>) -> bool {
    let mut cursor = cursor.clone();
    loop {
        match cursor.advance(context) {
            Some(Visit::Leaf(node)) => return node.step.place() == Place::Container,
            Some(_) => {}
            None => return false,
        }
    }
}

impl Child {
    /// It was told to go on by itself, and has not been waited for.
    pub fn is_under_way(&self) -> bool {
        self.released && self.channel.is_some()
    }

    /// Lets it carry out its next step, and waits for how it went. After `ExecProgram` the channel is at its end.
    pub fn step(&mut self) -> Result<(), Failure> {
        self.order(&Order::One)?;
        loop {
            match self.hear()? {
                Some(Reply::Executing) => self.executing = true,
                Some(Reply::Refused { refused }) => self.refused = Some(refused),
                Some(Reply::Failed { failure, .. }) => return Err(failure),
                Some(Reply::Done | Reply::Paused | Reply::Terminal { .. }) => return Ok(()),
                None => return self.ended().map_err(|failure| failure.failure),
            }
        }
    }

    /// As `step`, for `ExecProgram`: the program is held at its first instruction, so that it can be looked at. Where somebody else
    /// traces the process (strace), it runs at once.
    pub fn step_and_hold(&mut self) -> Result<(), Failure> {
        let traced = trace::hold_at_exec(self.pid).is_ok();
        self.step()?;
        // One that was refused is not waited for here: that would reap it.
        self.held = traced && self.refused.is_none() && trace::await_exec(self.pid).is_ok();
        Ok(())
    }

    /// Lets a held program run.
    pub fn let_go(&mut self) -> Result<(), Failure> {
        if std::mem::take(&mut self.held) { trace::let_go(self.pid).call("ptrace") } else { Ok(()) }
    }

    /// The turn is its next step's, in the plan's order: it is let go, from its birth or from where it waits for the engine. `last`: of all.
    pub fn go_on(&mut self, last: bool) -> Result<(), Failure> {
        self.last |= last;
        if std::mem::take(&mut self.paused) {
            self.order(&Order::Ready)?;
        }
        self.release()
    }

    /// Its last step has had its turn: what comes next is its program.
    pub fn has_last_step(&self) -> bool {
        self.last
    }

    /// Waits until it has come to steps of the engine's, or for the step that failed.
    pub fn await_pause(&mut self) -> Result<(), ChildFailure> {
        while !self.paused {
            match self.hear().map_err(|failure| ChildFailure { index: None, failure })? {
                Some(Reply::Paused) => self.paused = true,
                Some(Reply::Failed { index, failure }) => return Err(ChildFailure { index: Some(index), failure }),
                Some(_) => {}
                None => return self.ended(),
            }
        }
        Ok(())
    }

    /// Lets it carry out all that is left; nothing is waited for.
    fn release(&mut self) -> Result<(), Failure> {
        if !self.released {
            self.released = true;
            self.order(&Order::Rest)?;
        }
        Ok(())
    }

    /// What its step that installs the seccomp filter will install.
    pub fn hand_filter(&self, program: Vec<u8>) {
        let _ = self.order(&Order::Filter { program });
    }

    /// Who it will become in its step that sets the user, where it could not look itself.
    pub fn hand_identity(&self, identity: Identity) {
        let _ = self.order(&Order::Identity { identity });
    }

    /// What it did not make itself is there now.
    pub fn hand_ready(&self) {
        let _ = self.order(&Order::Ready);
    }

    /// Waits until the program runs, or for the step that failed.
    pub fn await_program(&mut self) -> Result<(), ChildFailure> {
        loop {
            match self.hear().map_err(|failure| ChildFailure { index: None, failure })? {
                Some(Reply::Executing) => self.executing = true,
                Some(Reply::Refused { refused }) => self.refused = Some(refused),
                Some(Reply::Failed { index, failure }) => return Err(ChildFailure { index: Some(index), failure }),
                Some(Reply::Done | Reply::Paused | Reply::Terminal { .. }) => {}
                None => return self.ended(),
            }
        }
    }

    /// The step of the plan that the child counts as `index`.
    pub fn node_at(&self, index: usize, context: &Context<'_>) -> Option<Node> {
        let mut cursor = self.begin.clone();
        let mut left = index;
        while let Some(visit) = cursor.advance(context) {
            match visit {
                Visit::Leaf(node) if node.step.place() == Place::Container && left == 0 => return Some(Rc::unwrap_or_clone(node)),
                Visit::Leaf(node) if node.step.place() == Place::Container => left -= 1,
                _ => {}
            }
        }
        None
    }

    /// A child that has failed before does not listen any more, and its failure is heard next.
    fn order(&self, order: &Order) -> Result<(), Failure> {
        /// ECONNRESET: it has left something unread.
        const RESET: Errno = Errno(104);
        let channel = self.channel.as_ref().ok_or_else(|| Failure::of("sendmsg", Errno::EPIPE))?;
        match channel.send(&order.to_bytes(), &[]) {
            Err(Errno::EPIPE | RESET) => Ok(()),
            answer => answer.call("sendmsg"),
        }
    }

    fn hear(&mut self) -> Result<Option<Reply>, Failure> {
        let channel = self.channel.as_ref().ok_or_else(|| Failure::of("recvmsg", Errno::EPIPE))?;
        let Some(message) = channel.receive().call("recvmsg")? else { return Ok(None) };
        let reply = Reply::parse(&message.bytes).ok_or_else(|| Failure::of("recvmsg", Errno::EINVAL))?;
        if let Reply::Terminal { path } = &reply {
            self.terminal = Some(path.clone());
            self.streams.master = message.descriptors.into_iter().next();
        }
        Ok(Some(reply))
    }

    /// The end of the channel: execve(2) has closed the child's end, or the child was killed before.
    fn ended(&mut self) -> Result<(), ChildFailure> {
        self.channel = None;
        if self.executing {
            return Ok(());
        }
        Err(ChildFailure { index: None, failure: Failure::of("recvmsg", Errno::ESRCH) })
    }
}
