//! `docker build --check`: what is wrong with a Dockerfile, and what is likely to surprise, without building it.
//!
//! BuildKit looks in this order, and stops at the first fault: the options of the checks; the lines; the instructions; the stages'
//! names and bases; what depends on what; then each stage, with the variables that it has at each line. Warnings are shown by line.

mod resolve;
pub mod rule;
mod scope;
mod stages;
#[cfg(test)]
mod tests;

pub use resolve::{Resolved, resolve};
pub use rule::{Options, Rule, Warning};
pub use stages::{Arguments, Base};

use super::ignore::Ignore;
use super::instruction::Stage;
use super::{Dockerfile, Fault, Lines, read};
use stages::Bases;

/// Build argument that stands for the directive `check`.
const CHECK_ARGUMENT: &str = "BUILDKIT_DOCKERFILE_CHECK";

/// Names with values, in the order in which they were set.
pub type Environment = Vec<(String, String)>;

/// What is checked, and for which build.
pub struct CheckInput<'a> {
    /// The Dockerfile.
    pub text: &'a str,
    /// `.dockerignore`, if there is one.
    pub ignore: Option<&'a str>,
    /// `--build-arg`: names with values.
    pub build_args: &'a [(String, String)],
    /// `--target`
    pub target: Option<&'a str>,
    /// The platform that is built for and on: `linux/amd64`.
    pub platform: &'a str,
    /// The environment that an image sets; `None`: the image is not here.
    pub base: &'a dyn Fn(&str) -> Option<Environment>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// By line.
    pub warnings: Vec<Warning>,
    /// In the order in which BuildKit comes upon them: it says only the first.
    pub faults: Vec<Fault>,
    /// Images of which it is not known here what they set: the variables of the stages upon them were not judged.
    pub unknown_bases: Vec<String>,
    /// The frontend that the file asks for, where it asks for one.
    pub frontend: Option<String>,
}

/// Checks a Dockerfile.
pub fn check(input: &CheckInput<'_>) -> Report {
    let file = read(input.text);
    let asked = input.build_args.iter().find(|(name, _)| name == CHECK_ARGUMENT).map(|(_, value)| value.as_str());
    let options = match Options::read(asked.or(file.directives.check.as_deref()).unwrap_or_default()) {
        Ok(options) => options,
        Err(why) => {
            let fault = Fault::nowhere(format!("failed to parse check options: {why}"));
            return Report { faults: vec![fault], ..Report::default() };
        }
    };
    let frontend = file.directives.syntax.as_ref().map(|(name, _)| name.clone());
    let mut checker = Checker { input, file: &file, report: Report { frontend, ..Report::default() } };
    checker.report.warnings.clone_from(&file.warnings);
    checker.report.faults.clone_from(&file.faults);
    if file.faults.is_empty()
        && let Err(fault) = checker.all()
    {
        checker.report.faults.push(fault);
    }
    let mut report = checker.report;
    report.warnings.retain(|warning| options.asks(warning.rule));
    report.warnings.sort_by_key(|warning| warning.lines.first);
    if options.error && report.faults.is_empty() {
        report.faults.extend(violation(&report.warnings));
    }
    report
}

fn violation(warnings: &[Warning]) -> Option<Fault> {
    let mut names: Vec<&str> = warnings.iter().map(|warning| warning.rule.name()).collect();
    names.sort_unstable();
    names.dedup();
    (!names.is_empty()).then(|| Fault::nowhere(format!("lint violation found for rules: {}", names.join(", "))))
}

struct Checker<'a> {
    input: &'a CheckInput<'a>,
    file: &'a Dockerfile,
    report: Report,
}

impl Checker<'_> {
    fn all(&mut self) -> Result<(), Fault> {
        if self.file.stages.is_empty() {
            return Err(Fault::nowhere("dockerfile contains no stages to build"));
        }
        self.names();
        self.casing();
        let bases = self.bases()?;
        let wanted = self.wanted(&bases)?;
        self.stages(&bases, &wanted)
    }

    fn warn(&mut self, rule: Rule, lines: Lines, message: String) {
        self.report.warnings.push(Warning { rule, lines, message });
    }

    fn names(&mut self) {
        for (at, stage) in self.file.stages.iter().enumerate().filter(|(_, stage)| !stage.name.is_empty()) {
            let name = super::expand::quoted(&stage.name);
            if ["context", "scratch"].contains(&stage.name.as_str()) {
                let message = format!("Stage name should not use the same name as reserved stage {name}");
                self.warn(Rule::ReservedStageName, stage.lines, message);
            }
            if self.file.stages[..at].iter().any(|before| before.name == stage.name) {
                let message = format!("Duplicate stage name {name}, stage names should be unique");
                self.warn(Rule::DuplicateStageName, stage.lines, message);
            }
        }
    }

    /// All instructions are held against the case of most.
    fn casing(&mut self) {
        let of_stage = |stage: &Stage| {
            let inside = stage.instructions.iter().map(|one| (one.word.clone(), one.lines));
            [(stage.word.clone(), stage.lines)].into_iter().chain(inside).collect::<Vec<_>>()
        };
        let words: Vec<(String, Lines)> = self.file.stages.iter().flat_map(of_stage).collect();
        let lower = words.iter().filter(|(word, _)| *word == word.to_lowercase()).count();
        let upper = words.iter().filter(|(word, _)| *word == word.to_uppercase()).count();
        let (wanted, right): (&str, fn(&str) -> String) =
            if lower > upper { ("lowercase", str::to_lowercase) } else { ("uppercase", str::to_uppercase) };
        for (word, lines) in words.iter().filter(|(word, _)| right(word) != *word) {
            let message = format!("Command '{word}' should match the case of the command majority ({wanted})");
            self.warn(Rule::ConsistentInstructionCasing, *lines, message);
        }
    }

    /// Which stages are looked at: all, or the target and what it is built upon.
    fn wanted(&self, bases: &Bases) -> Result<Vec<bool>, Fault> {
        match self.input.target {
            None => Ok(vec![true; self.file.stages.len()]),
            Some(target) => self.target(target).map(|first| self.needed_for(first, bases)),
        }
    }

    /// The stage that a target names.
    fn target(&self, target: &str) -> Result<usize, Fault> {
        let stages = &self.file.stages;
        let by_number = target.parse::<usize>().ok().filter(|number| *number < stages.len());
        let by_name = stages.iter().rposition(|stage| stage.name == target.to_lowercase());
        by_name.or(by_number).ok_or_else(|| {
            let names = stages.iter().map(|stage| stage.name.as_str()).filter(|name| !name.is_empty());
            let hint = super::suggest::hint(super::suggest::nearest(target, names));
            let target = super::expand::quoted(target);
            Fault::nowhere(format!("target stage {target} could not be found{hint}"))
        })
    }

    /// A stage, and all that it is built upon or copies from.
    fn needed_for(&self, first: usize, bases: &Bases) -> Vec<bool> {
        let mut wanted = vec![false; self.file.stages.len()];
        let mut open = vec![first];
        while let Some(at) = open.pop() {
            if !std::mem::replace(&mut wanted[at], true) {
                open.extend(bases.needs[at].iter().map(|(stage, _)| *stage));
            }
        }
        wanted
    }

    fn ignore(&self) -> Option<Ignore> {
        self.input.ignore.map(Ignore::read)
    }
}
