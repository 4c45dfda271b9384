//! The linter: proves on a machine that a lesson can fail and can be solved. It runs in the simulator and on Linux.
//!
//! For each step, from a fresh machine that was brought there by the solutions of the steps before it: the start does not meet the goal;
//! the solution does, twice; no wrong attempt does, and some hint answers each; every question has an answer, among its choices.

use std::collections::{BTreeMap, BTreeSet};

use super::goal::Goal;
use super::{Diagnostic, Lesson, Question, Step, Task, report};
use crate::model::State;
use crate::query::Probe;

/// A machine that a lesson can be tried on.
pub trait Stage {
    /// A machine on which nothing has happened yet.
    fn fresh(&mut self) -> Result<(), String>;
    /// Carries out a command line to its end. What it prints and its exit code do not matter; an error says that it could not be tried.
    fn run(&mut self, line: &str) -> Result<(), String>;
    /// Looks at what is there.
    fn look(&self, see: &mut dyn FnMut(&State, &dyn Probe));
}

/// What came of linting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// What is wrong. Empty: the lesson holds on this machine.
    pub found: Vec<Diagnostic>,
    /// What was seen, in order: goals met or not, answers. Two machines must show the same.
    pub seen: Vec<String>,
}

/// Proves a lesson on a machine.
pub fn lint(lesson: &Lesson, stage: &mut dyn Stage) -> Proof {
    let mut trial = Trial { lesson, stage, proof: Proof::default() };
    for at in 0..lesson.steps.len() {
        if let Err(why) = trial.step(at) {
            let place = format!("step `{}`", lesson.steps[at].id);
            report(&mut trial.proof.found, &place, why, "repair the command, or the machine that it ran on");
        }
    }
    trial.proof
}

struct Trial<'a> {
    lesson: &'a Lesson,
    stage: &'a mut dyn Stage,
    proof: Proof,
}

impl Trial<'_> {
    fn step(&mut self, at: usize) -> Result<(), String> {
        let step = &self.lesson.steps[at];
        match &step.task {
            Task::Look => self.arrive(at),
            Task::Predict(question) | Task::Recall(question) => self.question(at, question),
            Task::Do { goal, wrong, .. } => {
                self.solved(at, goal)?;
                wrong.iter().try_for_each(|attempt| self.wrong(at, goal, attempt))
            }
            Task::Order { goal: None, .. } => self.arrive(at),
            Task::Order { goal: Some(goal), lines } => {
                self.solved(at, goal)?;
                let reversed: Vec<String> = lines.iter().rev().cloned().collect();
                self.attempt(at, goal, &reversed, "the reverse order").map(|_| ())
            }
        }
    }

    /// A fresh machine, the steps before this one solved, this one set up.
    fn arrive(&mut self, at: usize) -> Result<(), String> {
        let lesson = self.lesson;
        self.stage.fresh()?;
        self.images()?;
        self.run_all(&lesson.start)?;
        for step in &lesson.steps[..at] {
            self.run_all(&step.setup)?;
            self.run_all(&step.solution())?;
        }
        self.run_all(&lesson.steps[at].setup)
    }

    fn run_all(&mut self, lines: &[String]) -> Result<(), String> {
        lines.iter().try_for_each(|line| self.stage.run(line).map_err(|why| format!("`{line}` could not be tried: {why}")))
    }

    fn images(&self) -> Result<(), String> {
        let mut missing = Vec::new();
        self.stage.look(&mut |state, _| {
            let there = |image: &String| state.image(image).is_some();
            missing = self.lesson.images.iter().filter(|image| !there(image)).cloned().collect();
        });
        if missing.is_empty() { Ok(()) } else { Err(format!("the machine has no image {}", missing.join(", "))) }
    }

    fn check(&mut self, at: usize, when: &str, goal: &Goal) -> (bool, String) {
        let mut verdict = (false, "the machine could not be looked at".to_string());
        self.stage.look(&mut |state, probe| {
            let seen = goal.check(state, probe);
            verdict = (seen.met, seen.why);
        });
        let id = &self.lesson.steps[at].id;
        self.proof.seen.push(format!("{id}, {when}: {} ({})", if verdict.0 { "met" } else { "not met" }, verdict.1));
        verdict
    }

    fn solved(&mut self, at: usize, goal: &Goal) -> Result<(), String> {
        let place = place(&self.lesson.steps[at]);
        for run in ["the first time", "the second time"] {
            self.arrive(at)?;
            let (met, why) = self.check(at, "at the start", goal);
            if met {
                let next = "choose a goal that the learner has to bring about";
                report(&mut self.proof.found, &place, format!("the start already meets the goal: {why}"), next);
                return Ok(());
            }
            self.run_all(&self.lesson.steps[at].solution())?;
            let (met, why) = self.check(at, "after the solution", goal);
            if !met {
                report(
                    &mut self.proof.found,
                    &place,
                    format!("{run}, the solution does not meet the goal: {why}"),
                    "repair one of them",
                );
            }
        }
        Ok(())
    }

    /// Tries something that should not do; whether it was rightly not enough.
    fn attempt(&mut self, at: usize, goal: &Goal, lines: &[String], name: &str) -> Result<bool, String> {
        self.arrive(at)?;
        self.run_all(lines)?;
        let (met, why) = self.check(at, name, goal);
        if met {
            let place = place(&self.lesson.steps[at]);
            let next = "make the goal stricter, or remove the attempt";
            report(&mut self.proof.found, &place, format!("{name} meets the goal: {why}"), next);
        }
        Ok(!met)
    }

    fn wrong(&mut self, at: usize, goal: &Goal, attempt: &str) -> Result<(), String> {
        let lines: Vec<String> = attempt.lines().map(str::to_string).collect();
        let name = format!("the wrong attempt `{attempt}`");
        if !self.attempt(at, goal, &lines, &name)? {
            return Ok(());
        }
        let step = &self.lesson.steps[at];
        let mut hint = None;
        self.stage.look(&mut |state, probe| hint = step.hint(state, probe).map(str::to_string));
        match hint {
            Some(text) => self.proof.seen.push(format!("{}, {name}: {text}", step.id)),
            None => {
                report(&mut self.proof.found, &place(step), format!("no hint answers {name}"), "write one whose `when` is met then")
            }
        }
        Ok(())
    }

    fn question(&mut self, at: usize, question: &Question) -> Result<(), String> {
        self.arrive(at)?;
        self.run_all(question.command.as_slice())?;
        let mut reply = Err("the machine could not be looked at".to_string());
        self.stage.look(&mut |state, probe| reply = question.ask.reply(state, probe));
        let step = &self.lesson.steps[at];
        match reply {
            Err(why) => {
                report(&mut self.proof.found, &place(step), format!("the question has no answer: {why}"), "ask about what is there")
            }
            Ok(reply) => {
                self.proof.seen.push(format!("{}: {reply}", step.id));
                if !question.choices.is_empty()
                    && !question.choices.iter().any(|choice| question.ask.is_answered_by(choice, &reply))
                {
                    report(
                        &mut self.proof.found,
                        &place(step),
                        format!("`{reply}` is the answer and not among the choices"),
                        "add it",
                    );
                }
            }
        }
        Ok(())
    }
}

fn place(step: &Step) -> String {
    format!("lesson.toml, step `{}`", step.id)
}

impl Step {
    /// The id of the text to say in this state: that of the first hint whose `when` is met.
    pub fn hint(&self, state: &State, probe: &dyn Probe) -> Option<&str> {
        self.hints.iter().find(|hint| hint.when.check(state, probe).met).map(|hint| hint.text.as_str())
    }
}

/// Every text id exists in every language, none is empty, and no text is left over.
pub(super) fn texts(lesson: &Lesson, found: &mut Vec<Diagnostic>) {
    let mut needed: BTreeMap<&str, String> = BTreeMap::new();
    for step in &lesson.steps {
        needed.insert(&step.id, format!("step `{}`", step.id));
        for hint in &step.hints {
            if needed.insert(&hint.text, format!("a hint of step `{}`", step.id)).is_some_and(|by| by.starts_with("step")) {
                report(
                    found,
                    &place(step),
                    format!("the hint's text `{}` is also a step's", hint.text),
                    "give it an id of its own",
                );
            }
        }
    }
    for (language, text) in &lesson.texts {
        let place = format!("{language}.md");
        for (id, by) in &needed {
            if text.sections.get(*id).is_none_or(String::is_empty) {
                report(found, &place, format!("the text `{id}` is missing"), format!("write `## {id}` for {by}"));
            }
        }
        let known: BTreeSet<&str> = needed.keys().copied().collect();
        for id in text.sections.keys().filter(|id| !known.contains(id.as_str())) {
            report(found, &place, format!("nothing uses the text `{id}`"), "remove it, or name it in lesson.toml");
        }
    }
}
