//! What a build would do now: the Dockerfile as it stands in an editor, built in a copy of the world that is thrown away. Instruction by
//! instruction it tells what comes from the cache, what does not, and why.
//!
//! Called by the page while somebody types. Nothing is guessed: the build is the model's own, and what it does is read off its steps.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Input, Progress, Stream, World};
use crate::build::Miss;
use crate::dockerfile::{self, CheckInput, Kind, Lines};
use crate::explain::missed_in_words;
use crate::model::Slot;
use crate::query::{Answer, Probe, Query, Subject};
use crate::step::{BuildStep, Step};
use crate::view::dockerfile::DockerfileView;

/// A build of more entries is not followed to its end.
pub const FORECAST_STEPS_MAX: usize = 20_000;

/// What would happen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// Of each instruction, in the order of the file.
    pub instructions: Vec<Foreseen>,
    /// What the checks say: first why it cannot be built, then what is likely to surprise.
    pub findings: Vec<Finding>,
    /// How it fails; empty: it does not.
    pub error: String,
    /// What would have kept the most; empty: nothing is known.
    pub advice: String,
    /// It was not followed to its end: see [`FORECAST_STEPS_MAX`].
    pub cut: bool,
    /// What stands in the Dockerfile, seen from above; `None`: it cannot be read.
    pub overview: Option<DockerfileView>,
}

/// An instruction, and what would become of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreseen {
    /// Where it stands.
    pub lines: Lines,
    /// In one line.
    pub text: String,
    /// What becomes of it.
    pub fate: Fate,
}

/// What becomes of an instruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// A stage begins upon an image or another stage.
    Base,
    /// Its result is there already.
    Cached,
    /// It is carried out, and this is why.
    Built {
        /// In a sentence.
        why: String,
    },
    /// It goes into the configuration and makes no layer.
    Configured,
    /// The target does not need its stage, or the build failed before.
    Left,
}

/// What a check says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Where; `None`: no place is known.
    pub lines: Option<Lines>,
    /// The rule's name; empty: it cannot be built.
    pub rule: String,
    /// Docker's own text.
    pub message: String,
    /// What mends it; empty: not known.
    pub mend: String,
}

/// What `docker build DIRECTORY` would do with this text as its Dockerfile. `None`: a command is at work, and has to end first.
pub fn forecast(world: &World, directory: &str, text: &str) -> Option<Forecast> {
    let mut world = world.clone();
    if !matches!(world.progress(), Progress::Ready(_)) {
        return None;
    }
    let directory = directory.trim_end_matches('/');
    world.give(&Input::File { path: format!("{directory}/Dockerfile"), text: Some(text.to_string()) });
    let findings = findings(&world, directory, text);
    let file = dockerfile::read(text);
    let mut seen = Seen::default();
    if findings.iter().all(|finding| !finding.rule.is_empty()) {
        seen.follow(&mut world, directory);
    }
    let mut instructions = Vec::new();
    for (stage, at) in file.stages.iter().zip(0u16..) {
        instructions.push(Foreseen { lines: stage.lines, text: stage.text(), fate: seen.fate(Slot { stage: at, instruction: 0 }) });
        for (instruction, number) in stage.instructions.iter().zip(1u16..) {
            let fate = match instruction.kind {
                Kind::Arg(_) => Fate::Configured,
                _ => seen.fate(Slot { stage: at, instruction: number }),
            };
            instructions.push(Foreseen { lines: instruction.lines, text: instruction.text.clone(), fate });
        }
    }
    let advice = advice(&instructions, &seen);
    let overview = world.overview_of(&build_of(directory));
    Some(Forecast { instructions, findings, error: seen.error, advice, cut: seen.cut, overview })
}

fn build_of(directory: &str) -> String {
    format!("docker build -q {directory}")
}

/// Read off the build's steps.
#[derive(Debug, Default)]
struct Seen {
    fates: BTreeMap<Slot, Fate>,
    /// Instructions whose own files have changed.
    by_files: Vec<Slot>,
    error: String,
    cut: bool,
}

impl Seen {
    fn fate(&self, slot: Slot) -> Fate {
        self.fates.get(&slot).cloned().unwrap_or(Fate::Left)
    }

    fn follow(&mut self, world: &mut World, directory: &str) {
        let shown = world.output().len();
        world.give(&Input::Line(build_of(directory)));
        for _ in 0..FORECAST_STEPS_MAX {
            if !matches!(world.progress(), Progress::Running) {
                break;
            }
            if let Some(Step::Build(step)) = world.advance().and_then(|entry| entry.node).map(|node| node.step.clone()) {
                self.see(&step);
            }
        }
        match world.progress() {
            Progress::Ready(0) => {}
            Progress::Ready(_) => {
                let told = world.output().iter().skip(shown).filter(|chunk| chunk.stream == Stream::Stderr);
                self.error = lasting(&told.map(|chunk| chunk.text().into_owned()).collect::<String>());
            }
            _ => self.cut = true,
        }
    }

    fn see(&mut self, step: &BuildStep) {
        let (slot, fate) = match step {
            BuildStep::UseBase { slot, .. } => (slot, Fate::Base),
            BuildStep::Configure { slot, .. } => (slot, Fate::Configured),
            BuildStep::UseCached { slot, .. } => (slot, Fate::Cached),
            BuildStep::MissCache { slot, why, lacks, .. } => {
                if matches!(why, Miss::Changed { parts } if parts.iter().any(|part| part.what.starts_with("file "))) {
                    self.by_files.push(*slot);
                }
                (slot, Fate::Built { why: missed_in_words(why, lacks) })
            }
            _ => return,
        };
        self.fates.insert(*slot, fate);
    }
}

/// Without what is said of the image that a failed program leaves behind: this one is gone with the copy of the world.
fn lasting(error: &str) -> String {
    let of_image = |line: &&str| line.starts_with("glassbox: ") && line.contains(" image") || line.contains("docker run -it --rm ");
    let lines: Vec<&str> = error.lines().filter(|line| !of_image(line)).collect();
    lines.join("\n").trim().to_string()
}

/// The commonest of all losses: one COPY of everything before the program that fetches what is needed.
fn advice(instructions: &[Foreseen], seen: &Seen) -> String {
    if seen.by_files.is_empty() {
        return String::new();
    }
    let built = |one: &&Foreseen| matches!(one.fate, Fate::Built { .. });
    let copies = |one: &&Foreseen| {
        let word = one.text.split(' ').next().unwrap_or_default();
        word.eq_ignore_ascii_case("COPY") || word.eq_ignore_ascii_case("ADD")
    };
    let Some(first) = instructions.iter().position(|one| built(&one) && copies(&one)) else { return String::new() };
    let runs = |one: &Foreseen| one.text.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("RUN "));
    let lost = instructions.iter().skip(first + 1).find(|one| built(one) && runs(one));
    lost.map_or_else(String::new, |run| {
        format!(
            "Line {} is carried out again because line {} copies files that have changed. What it does not read can be copied after it.",
            run.lines.first, instructions[first].lines.first
        )
    })
}

fn findings(world: &World, directory: &str, text: &str) -> Vec<Finding> {
    let ignored = match world.probe().ask(&Query::FileBytes(Subject::Host, format!("{directory}/.dockerignore"))) {
        Ok(Answer::Bytes(bytes)) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        _ => None,
    };
    let base = |name: &str| {
        let image = world.state().image(name)?;
        let pairs = image.config.env.iter().filter_map(|pair| pair.split_once('='));
        Some(pairs.map(|(name, value)| (name.to_string(), value.to_string())).collect())
    };
    let input =
        CheckInput { text, ignore: ignored.as_deref(), build_args: &[], target: None, platform: "linux/amd64", base: &base };
    let report = dockerfile::check(&input);
    let faults = report.faults.into_iter().map(|fault| Finding {
        lines: fault.lines,
        rule: String::new(),
        message: fault.message,
        mend: String::new(),
    });
    let warnings = report.warnings.into_iter().map(|warning| Finding {
        lines: Some(warning.lines),
        rule: warning.rule.name().to_string(),
        message: warning.message,
        mend: warning.rule.mend().to_string(),
    });
    faults.chain(warnings).collect()
}
