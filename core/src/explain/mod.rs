//! `Explanation`: a step in words. Typed fields, never one string; an exhaustive match, so that no step can lack one.
//!
//! The calls that it names are those that the step makes, in that order, written as strace(1) writes them; a traced run is held
//! against them.

use serde::{Deserialize, Serialize};

/// A step in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// At most 60 characters: what it does.
    pub headline: String,
    /// At most two sentences: why it is there.
    pub why: String,
    /// The kernel calls in order; empty for a composite.
    pub calls: Vec<Call>,
    /// Commands with which to see the effect.
    pub see: Vec<String>,
    /// Where the book treats it: `chapter#anchor` below `book/src`.
    pub book: String,
}

/// A kernel call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Its name as strace prints it.
    pub name: String,
    /// Its arguments as strace prints them; `…` stands for what only execution knows.
    pub arguments: Vec<String>,
}
