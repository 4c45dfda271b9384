//! A parsed command line: what is asked, how it is to be carried out, and which word of the text said what.

use serde::{Deserialize, Serialize};

use super::{Command, Kept};

/// A range of bytes in the command's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// The text of a command and which words of it said what.
///
/// `text` is the command line as typed, or for a real argument vector its words, quoted as a shell needs them, joined by blanks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// The whole command line.
    pub text: String,
    /// Each flag as used, in order; the span covers the flag and its value (`-m 64m`, `--name=web`).
    pub flags: Vec<FlagUse>,
    /// The command's own name as `SUBCOMMAND`, then the positional words by their names in Docker's usage line: `IMAGE`, `COMMAND`, `ARG`, `CONTAINER`.
    pub positionals: Vec<(String, Span)>,
}

/// One use of a flag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagUse {
    /// The long name without dashes: `memory` for `-m`.
    pub name: String,
    /// The value as typed; empty for a boolean without one.
    pub value: String,
    /// Where it stands.
    pub span: Span,
}

impl Words {
    /// The last use of flag `name` (long name without dashes).
    pub fn flag(&self, name: &str) -> Option<&FlagUse> {
        self.flags.iter().rev().find(|flag| flag.name == name)
    }

    /// The span of the first positional word called `name`.
    pub fn positional(&self, name: &str) -> Option<Span> {
        self.positionals.iter().find(|(word, _)| word == name).map(|(_, span)| *span)
    }
}

/// How the command is to be carried out: Glassbox's own flags, which stand before or after the subcommand's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Do it.
    #[default]
    Execute,
    /// `--plan`, `--plan=json`: show the steps, do nothing.
    Plan {
        /// JSON instead of text.
        json: bool,
    },
    /// `--explain`: do it, telling each step.
    Explain,
    /// `--step`: do it in the step debugger.
    Step,
}

/// A parsed command line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invocation {
    /// What is asked.
    pub command: Command,
    /// How.
    pub mode: Mode,
    /// The text and its words.
    pub words: Words,
    /// What Docker's client prints before anything else: lines about deprecated flags.
    #[serde(default)]
    pub notices: String,
    /// What planning has worked out of it.
    #[serde(skip)]
    pub(crate) kept: Kept,
}

/// A command line that Docker would refuse, in Docker's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageError {
    /// What goes to stderr: Docker's own lines, word for word, then ours, if any, marked `glassbox: `.
    pub message: String,
    /// Docker's exit code: 125 for `run`, `create` (flags), 1 or 125 elsewhere, as Docker has it.
    pub exit_code: i32,
    /// The word that is wrong, where one is.
    pub span: Option<Span>,
}
