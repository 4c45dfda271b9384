//! Dockerfiles, as BuildKit's frontend reads them: a tree and what is wrong with it, never a panic.
//!
//! ```text
//! text ─lines─▶ directives, logical lines, heredocs ─words─▶ flags, words, JSON arrays ─read─▶ stages of instructions
//!                                                                                               │
//!                     build arguments, .dockerignore, what base images set ─────────────check───┴─▶ warnings, faults
//! ```
//! What BuildKit says of a file is said word for word: it stops at the first fault. Reading goes on behind a fault, so that a reader
//! learns of all of them at once; what comes after the first is marked as ours where it is shown.
//!
//! Sources: the Dockerfile reference and the build checks reference of Docker's documentation; Docker 28's own answers, which
//! `tests/build-check.txt` keeps.

pub mod check;
pub mod configure;
pub mod expand;
pub mod ignore;
pub mod instruction;
pub mod lines;
pub mod mounts;
mod read;
pub(crate) mod suggest;
pub mod words;

use serde::{Deserialize, Serialize};

pub use check::{CheckInput, Report, Rule, Warning, check};
pub use instruction::{Arguments, Heredoc, Instruction, Kind, Stage};
pub use lines::Directives;
pub use read::read;

/// The longest Dockerfile, and the longest .dockerignore, in bytes.
pub const BYTES_MAX: usize = 1 << 20;

/// Lines of a file, counted from 1; both are included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lines {
    /// The first.
    pub first: u32,
    /// The last: not before the first.
    pub last: u32,
}

impl Lines {
    /// A single line.
    pub fn at(line: u32) -> Lines {
        Lines { first: line, last: line }
    }
}

/// Why a Dockerfile cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// BuildKit's text.
    pub message: String,
    /// Where. `None`: BuildKit names no place.
    pub lines: Option<Lines>,
}

impl Fault {
    /// At a place.
    pub fn at(lines: Lines, message: impl Into<String>) -> Fault {
        Fault { message: message.into(), lines: Some(lines) }
    }

    /// Without one.
    pub fn nowhere(message: impl Into<String>) -> Fault {
        Fault { message: message.into(), lines: None }
    }

    /// An instruction whose words are wrong.
    pub fn of_instruction(lines: Lines, message: &str) -> Fault {
        Fault::at(lines, format!("dockerfile parse error on line {}: {message}", lines.first))
    }
}

/// A Dockerfile that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dockerfile {
    /// What its first comments ask of the reader.
    pub directives: Directives,
    /// `ARG` before the first `FROM`.
    pub global_args: Vec<Instruction>,
    /// From each `FROM` to the next.
    pub stages: Vec<Stage>,
    /// What is wrong, in the order in which BuildKit would come upon it; it stops at the first.
    pub faults: Vec<Fault>,
    /// What BuildKit warned of before it came upon the first fault.
    pub warnings: Vec<Warning>,
}
