//! `Explanation`: a step in words. Typed fields, never one string; exhaustive matches, so that no step can lack one.
//!
//! The calls that it names are those that the step makes, in that order, written as strace(1) writes them; a traced run is held
//! against them. English stands here; other languages would be catalogues keyed by the step's name.

mod build;
mod cause;
mod cgroup;
pub mod claim;
mod client;
mod copy;
mod image;
mod mount;
mod network;
mod phase;
mod privilege;
mod process;
mod registry;
mod store;

use serde::{Deserialize, Serialize};

pub use build::{change_in_words, missed_in_words};
pub use cause::cause_sentence;

use crate::step::Step;

/// A step in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// At most 60 characters: what it does.
    pub headline: String,
    /// At most two sentences: why it is there.
    pub why: String,
    /// The kernel calls in order; empty for a composite.
    pub calls: Vec<Call>,
    /// Commands with which to see the effect; `PID` stands for the process's number on the host.
    pub see: Vec<String>,
    /// Where the book treats it: `chapter.md#anchor` below `book/src`.
    pub book: String,
}

/// A kernel call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Its name as strace prints it.
    pub name: String,
    /// Its arguments as strace prints them; `…` stands for what only execution knows.
    pub arguments: Vec<String>,
    /// Whether the step always makes it.
    pub when: CallWhen,
}

/// When a step makes a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallWhen {
    /// Always.
    Always,
    /// Only if what it is about is missing (a mount point that is made, say).
    IfMissing,
    /// Only if the path is a file.
    IfFile,
    /// Only if the path is a directory.
    IfDirectory,
    /// Only if the path exists.
    IfPresent,
    /// As often as needed, perhaps never.
    Repeated,
}

impl std::fmt::Display for Call {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}({})", self.name, self.arguments.join(", "))?;
        match self.when {
            CallWhen::Always => Ok(()),
            CallWhen::IfMissing => out.write_str("  if missing"),
            CallWhen::IfFile => out.write_str("  if it is a file"),
            CallWhen::IfDirectory => out.write_str("  if it is a directory"),
            CallWhen::IfPresent => out.write_str("  if it exists"),
            CallWhen::Repeated => out.write_str("  as often as needed"),
        }
    }
}

/// A call that is always made.
fn call(name: &str, arguments: &[&str]) -> Call {
    Call {
        name: name.to_string(),
        arguments: arguments.iter().map(|argument| (*argument).to_string()).collect(),
        when: CallWhen::Always,
    }
}

impl Call {
    fn when(mut self, when: CallWhen) -> Call {
        self.when = when;
        self
    }
}

/// A string as strace prints it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t"))
}

/// An explanation; `anchor` is one of the chapter `what-is-a-container.md`.
fn explanation(headline: impl Into<String>, why: &str, calls: Vec<Call>, see: &[&str], anchor: &str) -> Explanation {
    Explanation {
        headline: shortened(headline.into()),
        why: why.to_string(),
        calls,
        see: see.iter().map(|line| (*line).to_string()).collect(),
        book: format!("what-is-a-container.md#{anchor}"),
    }
}

/// The most characters of a headline.
pub const HEADLINE_CHARACTERS_MAX: usize = 60;

fn shortened(headline: String) -> String {
    if headline.chars().count() <= HEADLINE_CHARACTERS_MAX {
        return headline;
    }
    let kept: String = headline.chars().take(HEADLINE_CHARACTERS_MAX - 1).collect();
    format!("{kept}…")
}

/// The last component of a path, for headlines.
fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A path inside the container, given the host's path of it below a merged directory.
fn inside(path: &str) -> &str {
    path.split_once("/merged").map_or(path, |(_, rest)| if rest.is_empty() { "/" } else { rest })
}

/// The step in words.
pub fn explain(step: &Step) -> Explanation {
    match step {
        Step::Phase(step) => phase::explain(step),
        Step::Store(step) => store::explain(step),
        Step::Cgroup(step) => cgroup::explain(step),
        Step::Process(step) => process::explain(step),
        Step::Mount(step) => mount::explain(step),
        Step::Privilege(step) => privilege::explain(step),
        Step::Client(step) => client::explain(step),
        Step::Copy(step) => copy::explain(step),
        Step::Image(step) => image::explain(step),
        Step::Build(step) => build::explain(step),
        Step::Registry(step) => registry::explain(step),
        Step::Network(step) => network::explain(step),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::samples;

    const FORBIDDEN: [&str; 4] = ["simply", "just ", "obviously", "easy"];

    #[test]
    fn every_explanation_fits_in_a_glance() {
        for step in samples::all() {
            let explanation = explain(&step);
            let name = step.name();
            assert!(explanation.headline.chars().count() <= HEADLINE_CHARACTERS_MAX, "{name}: {}", explanation.headline);
            let sentences = explanation.why.split_whitespace().filter(|word| word.ends_with(['.', '?', '!'])).count();
            assert!((1..=2).contains(&sentences), "{name}: {}", explanation.why);
            for word in FORBIDDEN {
                assert!(!explanation.why.to_lowercase().contains(word), "{name} says {word}");
            }
            assert!(explanation.book.starts_with("what-is-a-container.md#"), "{name}");
        }
    }

    #[test]
    fn every_leaf_names_its_calls_and_no_composite_does() {
        for step in samples::all() {
            let asks_nothing = matches!(&step, Step::Build(step) if step.is_the_engines_own());
            assert_eq!(step.is_composite() || asks_nothing, explain(&step).calls.is_empty(), "{}", step.name());
        }
    }
}
