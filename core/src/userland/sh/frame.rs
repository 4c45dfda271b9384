//! Frames: what the interpreter has to do next, and where it is in it. The stack of them is all the control state of a shell.

use std::sync::Arc;

use super::shell::Variable;
use super::syntax::Node;
use crate::userland::redirect::Redirections;
use crate::userland::sys::{Disposition, Fd, Pid, Signal};

/// Where commands come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    /// What has been read and not yet been run.
    pub(crate) text: String,
    pub(crate) at: usize,
    pub(crate) line: u32,
    /// The start of a line that is still being read.
    pub(crate) pending: Vec<u8>,
    /// More is read from here.
    pub(crate) input: Option<Fd>,
    pub(crate) ended: bool,
    /// Prompt for what is read.
    pub(crate) prompts: bool,
    pub(crate) prompted: bool,
    /// A command has begun and goes on in the next line.
    pub(crate) inside: bool,
    /// A file that `.` reads: `return` ends it.
    pub(crate) file: bool,
}

/// The state of the read builtin.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadLine {
    pub(crate) names: Vec<String>,
    pub(crate) raw: bool,
    pub(crate) bytes: Vec<u8>,
    /// Positions in `bytes` that a backslash protects from being split at.
    pub(crate) protected: Vec<usize>,
    pub(crate) escaped: bool,
}

/// Variables as they were.
pub(crate) type Saved = Vec<(String, Option<Variable>)>;

/// One thing to do.
#[derive(Clone, Debug)]
pub(crate) enum Frame {
    /// Read and run commands.
    Source(Box<Source>),
    /// Run a command.
    Run(Arc<Node>),
    /// The rest of a sequence.
    Sequence { node: Arc<Node>, next: usize },
    /// The rest of an and-or list.
    AndOr { node: Arc<Node>, next: usize },
    /// `!`
    Negate,
    /// The condition of this arm has been run.
    If { node: Arc<Node>, arm: usize },
    /// The condition (or the body) of a loop has been run.
    Loop { node: Arc<Node>, in_body: bool, status: i32 },
    /// The rest of a for loop.
    For { node: Arc<Node>, items: Arc<Vec<String>>, next: usize },
    /// Wait for these children; the status is that of the last.
    Wait { pids: Vec<Pid>, substitution: bool },
    /// Read what a command substitution writes.
    Substitute { fd: Fd, pid: Pid, bytes: Vec<u8> },
    /// The first thing that a subshell does.
    Begin { redirections: Box<Redirections>, dispositions: Vec<(Signal, Disposition)> },
    /// Carry out redirections in this shell, then go on with what is on the frame.
    Redirect { redirections: Box<Redirections>, then: Box<After> },
    /// Undo redirections.
    Restore(Box<Redirections>),
    /// Give variables their values back.
    RestoreVariables(Saved),
    /// The end of a function.
    Call { params: Vec<String>, locals: Saved },
    /// The read builtin.
    Read(Box<ReadLine>),
    /// The wait builtin: these are left.
    WaitBuiltin(Vec<Pid>),
    /// The end of a trap's action: `$?` is as before.
    TrapEnd { status: i32 },
    /// The end of the EXIT trap.
    Exit { status: i32 },
}

/// What comes after redirections.
#[derive(Clone, Debug)]
pub(crate) enum After {
    /// A compound command.
    Run(Arc<Node>),
    /// A builtin or a function with its arguments; with assignments that last as long as it.
    Call { argv: Vec<String>, assignments: Vec<(String, String)> },
    /// `exec` without a command: the redirections stay.
    Keep,
    /// The last command of all: this process becomes it.
    Replace { argv: Vec<String>, env: Vec<String>, path: String },
    /// Nothing: `> file`. The status.
    Nothing(i32),
}
