//! The rules of tidiness, over all Rust sources of the workspace. Called by `tests/tests/tidy.rs` alone.
//!
//! ```text
//! tree ──▶ sources ──▶ size  names  words  homes ──▶ findings
//! ```
//!
//! A rule reads tokens, never lines: comments and strings cannot trip it. Each has a planted violation in its own tests.

use std::fmt;

mod homes;
pub mod limits;
mod names;
pub mod size;
mod source;
pub mod tree;
mod words;

pub use source::Source;

/// One thing that is not as it should be.
#[derive(Debug, PartialEq)]
pub struct Finding {
    /// Relative to the workspace.
    pub path: String,
    /// Counted from 1.
    pub line: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Every finding in the tree, in the order of the files.
pub fn check(sources: &[Source], limits: &limits::Limits) -> Vec<Finding> {
    let mut findings = limits.above_the_ceiling();
    findings.extend(size::median(sources, limits));
    for source in sources {
        findings.extend(size::check(source, limits));
        findings.extend(names::check(source));
        findings.extend(words::check(source));
        findings.extend(homes::check(source));
    }
    findings
}
