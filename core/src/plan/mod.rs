//! Planning: `(Command, &State, &HostFacts)` to steps, and a composite step to smaller ones. Pure.
//!
//! [`plan`] gives the top of the tree; [`expand`] gives the children of a composite step with the state at that moment. A [`Cursor`]
//! walks the tree lazily, depth first, and serves every executor: the model kernel, Linux, the step debugger, `--plan`.
//!
//! One file per command, one per group of phases.

mod cause;
mod cursor;

use std::rc::Rc;

use serde::{Deserialize, Serialize};

pub use cause::Cause;
pub use cursor::{Cursor, Node, StepId, Visit};

use crate::cli::{Invocation, Span};
use crate::host::HostFacts;
use crate::model::State;
use crate::step::Step;

/// A step and why it is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// The step.
    pub step: Step,
    /// Never empty.
    pub causes: Vec<Cause>,
}

/// What a command turns into.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The command.
    pub invocation: Rc<Invocation>,
    /// What the caller's command does, in order.
    pub steps: Vec<Planned>,
    /// What goes on when the command started a container: watch it, then clean up. Carried out by the monitor: for a detached container
    /// a process of its own, else by the same one, after `steps` reached `AttachStreams`.
    pub monitor: Vec<Planned>,
    /// What goes to stderr before the first step: Docker's warnings.
    pub warnings: Vec<String>,
}

/// A command that cannot be planned or failed, in Docker's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandError {
    /// What goes to stderr: Docker's own lines, word for word, then ours, each marked `glassbox: `. Ends with a newline.
    pub message: String,
    /// Docker's exit code.
    pub exit_code: i32,
    /// The word that is to blame, where one is.
    pub span: Option<Span>,
}

/// What expansion may look at.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// All that the engine knows at this moment.
    pub state: &'a State,
    /// The machine.
    pub host: &'a HostFacts,
    /// The command being carried out.
    pub invocation: &'a Invocation,
}

/// What the command turns into, or why it cannot be done.
pub fn plan(invocation: &Rc<Invocation>, state: &State, host: &HostFacts) -> Result<Plan, CommandError> {
    let _ = (invocation, state, host);
    Err(CommandError { message: "glassbox: planning lands in the next commit\n".into(), exit_code: 1, span: None })
}

/// The parts of a composite step with the state at this moment; empty for a leaf.
pub fn expand(step: &Step, context: &Context<'_>) -> Vec<Planned> {
    let _ = (step, context);
    Vec::new()
}
