//! Lessons: facts in `lesson.toml`, prose in one Markdown file per language. Data from strangers: no scripts, nothing runs but commands.
//!
//! ```text
//! lesson.toml ──parse──▶ Lesson ──lint (over a Stage)──▶ diagnostics
//! en.md, de.md ─────────┘   │ Step ─ Goal, Ask ──check──▶ Queries to a Probe: the state decides, never the words typed
//! ```
//!
//! Called by the playground, `glassbox lab` and the lesson tests. Text in, values out: never panics, does no I/O, and what is wrong with
//! a lesson comes as [`Diagnostic`]s that say where, what, and what to do next.

mod ask;
mod check;
mod fields;
mod goal;
mod lint;
mod parse;
mod stage;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;

use crate::host::{CgroupVersion, Controller, HostFacts};

pub use ask::{Ask, Reply, Value};
pub use check::Verdict;
pub use goal::{Condition, FileFact, Goal, Who};
pub use lint::{Proof, Stage, lint};
pub use stage::{COMMAND_STEPS_MAX, SessionStage};
pub use text::Text;

/// The format that is understood: `format = 1`.
pub const FORMAT: i64 = 1;
/// Largest `lesson.toml`.
pub const FACTS_BYTES_MAX: usize = 64 << 10;
/// Largest file of prose.
pub const TEXT_BYTES_MAX: usize = 256 << 10;
/// Most languages.
pub const LANGUAGES_MAX: usize = 64;
/// Most steps in a lesson.
pub const STEPS_MAX: usize = 40;
/// Most entries in any one list of a lesson.
pub const LIST_MAX: usize = 64;
/// Longest command line, and longest other value.
pub const VALUE_BYTES_MAX: usize = 4096;
/// How deep goals may nest.
pub const GOAL_DEPTH_MAX: usize = 8;

/// Something wrong with a lesson.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where: file, step, key.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What to do next.
    pub next: String,
}

impl std::fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {}; {}", self.place, self.what, self.next)
    }
}

/// Collects diagnostics.
pub(crate) fn report(found: &mut Vec<Diagnostic>, place: &str, what: impl Into<String>, next: impl Into<String>) {
    found.push(Diagnostic { place: place.to_string(), what: what.into(), next: next.into() });
}

/// A lesson.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lesson {
    /// Its id, which never changes: results are kept under it.
    pub id: String,
    /// The misconception that it fixes.
    pub misconception: String,
    /// Ids of lessons that come before it.
    pub needs: Vec<String>,
    /// What a real host must offer; see [`Lesson::unmet`].
    pub requires: Vec<Requirement>,
    /// Images that must be there at the start.
    pub images: Vec<String>,
    /// Commands that run before the first step.
    pub start: Vec<String>,
    /// In order.
    pub steps: Vec<Step>,
    /// Prose by language: `en`.
    pub texts: BTreeMap<String, Text>,
}

/// What a real host must offer for a lesson.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// `root`: the engine runs as root.
    Root,
    /// `memory`, `pids`, `cpu`: that cgroup controller.
    Controller(Controller),
    /// `cgroup`: cgroups at all.
    Cgroup,
    /// `user-namespaces`: an ordinary user may make them.
    UserNamespaces,
}

/// A step of a lesson.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// Its id within the lesson; also of its text.
    pub id: String,
    /// What the learner does.
    pub task: Task,
    /// Commands that run when the step begins.
    pub setup: Vec<String>,
    /// What is said when a state is met: the first whose `when` is met.
    pub hints: Vec<Hint>,
}

/// What a learner does in a step.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Task {
    /// Reads and looks around.
    #[default]
    Look,
    /// Says what will be, then sees it: the answer is computed.
    Predict(Question),
    /// As predict, about what came before: after every four lessons.
    Recall(Question),
    /// Brings about a state.
    Do {
        /// All of these are to be met.
        goal: Goal,
        /// Commands that do it.
        solution: Vec<String>,
        /// Attempts (each one or more commands, one a line) that do not.
        wrong: Vec<String>,
    },
    /// Puts lines in order. With a goal the lines are commands, and the order counts only if it brings the goal about.
    Order {
        /// In the right order.
        lines: Vec<String>,
        /// What they bring about.
        goal: Option<Goal>,
    },
}

/// A question whose answer is computed.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The command that the learner sees, and that runs once the prediction is given.
    pub command: Option<String>,
    /// What is asked.
    pub ask: Ask,
    /// Answers to choose from; empty: free, or yes and no.
    pub choices: Vec<String>,
}

/// Something to say to a learner who is stuck.
#[derive(Clone, Debug, PartialEq)]
pub struct Hint {
    /// In which state.
    pub when: Goal,
    /// The id of the text.
    pub text: String,
}

impl Lesson {
    /// Reads a lesson. What could be read is there even where diagnostics are; a lesson with diagnostics should not be shown.
    pub fn parse(facts: &str, texts: &BTreeMap<String, String>) -> (Lesson, Vec<Diagnostic>) {
        let mut found = Vec::new();
        let mut lesson = parse::facts(facts, &mut found);
        lesson.texts = text::read_all(texts, &mut found);
        lint::texts(&lesson, &mut found);
        (lesson, found)
    }

    /// The stable id of a step, under which an answer is kept and exported: `lesson/step`.
    pub fn question_id(&self, step: &Step) -> String {
        format!("{}/{}", self.id, step.id)
    }

    /// What of [`Lesson::requires`] this machine lacks, in words. Not empty: the lesson is skipped, with this as the reason.
    pub fn unmet(&self, host: &HostFacts) -> Vec<String> {
        self.requires.iter().filter_map(|requirement| requirement.unmet(host)).collect()
    }
}

impl Requirement {
    fn unmet(self, host: &HostFacts) -> Option<String> {
        let (met, what) = match self {
            Requirement::Root => (host.is_root(), "the engine does not run as root".to_string()),
            Requirement::Cgroup => (host.cgroup.version != CgroupVersion::None, "no cgroup tree can be written to".to_string()),
            Requirement::Controller(controller) => {
                (host.cgroup.directory(controller).is_some(), format!("the cgroup controller {} cannot be used", controller.name()))
            }
            Requirement::UserNamespaces => (host.user_namespaces, "an ordinary user may not make user namespaces".to_string()),
        };
        (!met).then_some(what)
    }
}

impl Step {
    /// The question, where the step asks one.
    pub fn question(&self) -> Option<&Question> {
        match &self.task {
            Task::Predict(question) | Task::Recall(question) => Some(question),
            _ => None,
        }
    }

    /// What is to be brought about, where the step asks for it.
    pub fn goal(&self) -> Option<&Goal> {
        match &self.task {
            Task::Do { goal, .. } => Some(goal),
            Task::Order { goal, .. } => goal.as_ref(),
            _ => None,
        }
    }

    /// The commands that bring the step to its end, after its setup.
    pub fn solution(&self) -> Vec<String> {
        match &self.task {
            Task::Do { solution, .. } => solution.clone(),
            Task::Order { lines, goal: Some(_) } => lines.clone(),
            Task::Predict(question) | Task::Recall(question) => question.command.iter().cloned().collect(),
            Task::Order { .. } | Task::Look => Vec::new(),
        }
    }
}
