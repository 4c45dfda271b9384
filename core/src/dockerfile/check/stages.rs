//! What stages begin with, and what they take from each other.

use super::{Checker, Rule};
use crate::dockerfile::expand::{Expansion, expand, quoted};
use crate::dockerfile::instruction::{Instruction, Kind};
use crate::dockerfile::mounts;
use crate::dockerfile::suggest::{hint, nearest};
use crate::dockerfile::{Fault, Lines};
use crate::reference::Reference;

/// Names that BuildKit itself gives values, in the order in which it has them.
const PLATFORM_NAMES: [&str; 10] = [
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDOSVERSION",
    "BUILDARCH",
    "BUILDVARIANT",
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETOSVERSION",
    "TARGETARCH",
    "TARGETVARIANT",
];

/// What a stage begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// Nothing.
    Scratch,
    /// A stage before.
    Stage(usize),
    /// An image.
    Image(String),
}

/// What was found out about all stages.
pub(super) struct Bases {
    /// Of each stage.
    pub(super) bases: Vec<Base>,
    /// Of each stage, what its `--platform` says.
    pub(super) platforms: Vec<Option<String>>,
    /// The stages that each stage is built upon or copies from, and where it says so.
    pub(super) needs: Vec<Vec<(usize, Lines)>>,
    /// The arguments above the first stage.
    pub(super) global: Arguments,
}

/// Arguments with their values; without one, it is declared only.
pub type Arguments = Vec<(String, Option<String>)>;

impl Checker<'_> {
    /// Resolves what stages begin with.
    pub(super) fn bases(&mut self) -> Result<Bases, Fault> {
        let global = self.global(true)?;
        self.defaults();
        let (mut bases, mut platforms) = (Vec::new(), Vec::new());
        for at in 0..self.file.stages.len() {
            let (base, platform) = self.base(at, &global)?;
            bases.push(base);
            platforms.push(platform);
        }
        for (base, stage) in bases.iter().zip(&self.file.stages) {
            if let Base::Image(name) = base {
                Reference::parse(name)
                    .map_err(|why| Fault::at(stage.lines, format!("failed to parse stage name {}: {why}", quoted(name))))?;
            }
        }
        let needs = self.needs(&bases)?;
        self.circles(&needs)?;
        Ok(Bases { bases, platforms, needs, global })
    }

    fn expand(&self, word: &str, arguments: &Arguments) -> Result<Expansion, String> {
        expand(word, self.file.directives.escape, &|name| {
            arguments.iter().rev().find(|(known, _)| known == name).and_then(|(_, value)| value.clone())
        })
    }

    /// The arguments above the first stage, with what the build gives for them or without.
    fn global(&self, given: bool) -> Result<Arguments, Fault> {
        let mut arguments = platform_arguments(self.input.platform);
        for instruction in &self.file.global_args {
            let Kind::Arg(args) = &instruction.kind else { continue };
            for (name, default) in args {
                let default = default.as_ref().map(|word| self.expand(word, &arguments)).transpose();
                let default = default.map_err(|why| Fault::at(instruction.lines, why))?.map(|expansion| expansion.text);
                let asked = self.input.build_args.iter().rev().find(|(known, _)| given && known == name);
                let value = asked.map(|(_, value)| value.clone()).or(default);
                arguments.push((name.clone(), value.or_else(|| known(&arguments, name))));
            }
        }
        Ok(arguments)
    }

    /// Without build arguments, a base must still be an image.
    fn defaults(&mut self) {
        let Ok(arguments) = self.global(false) else { return };
        for stage in &self.file.stages {
            let Ok(expansion) = self.expand(&stage.base, &arguments) else { return };
            if Reference::parse(&expansion.text).is_err() {
                let message = format!("Default value for ARG {} results in empty or invalid base image name", stage.base);
                self.warn(Rule::InvalidDefaultArgInFrom, stage.lines, message);
            }
        }
    }

    fn base(&mut self, at: usize, global: &Arguments) -> Result<(Base, Option<String>), Fault> {
        let stage = &self.file.stages[at];
        let expansion = self.expand(&stage.base, global).map_err(|why| Fault::at(stage.lines, why))?;
        self.undeclared(&expansion, global, stage.lines);
        if expansion.text.is_empty() {
            return Err(Fault::at(stage.lines, format!("base name ({}) should not be blank", stage.base)));
        }
        let platform = stage.platform.as_ref().map(|platform| self.platform(platform, at, global)).transpose()?;
        if expansion.text == "scratch" {
            return Ok((Base::Scratch, platform));
        }
        let before = self.file.stages[..at].iter().rposition(|before| before.name == expansion.text);
        Ok((before.map_or(Base::Image(expansion.text), Base::Stage), platform))
    }

    fn undeclared(&mut self, expansion: &Expansion, global: &Arguments, lines: Lines) {
        for name in expansion.unset.iter().filter(|name| !global.iter().any(|(known, _)| known == *name)) {
            let hint = hint(nearest(name, global.iter().rev().map(|(known, _)| known.as_str())));
            self.warn(Rule::UndefinedArgInFrom, lines, format!("FROM argument '{name}' is not declared{hint}"));
        }
    }

    fn platform(&mut self, word: &str, at: usize, global: &Arguments) -> Result<String, Fault> {
        let stage = &self.file.stages[at];
        let expansion = self.expand(word, global).map_err(|why| Fault::at(stage.lines, why))?;
        self.undeclared(&expansion, global, stage.lines);
        if expansion.text.is_empty() {
            let first = expansion.unset.first().map(String::as_str).unwrap_or_default();
            let hint = hint(nearest(first, global.iter().rev().map(|(known, _)| known.as_str())));
            return Err(Fault::at(stage.lines, format!("empty platform value from expression {word}{hint}")));
        }
        let parts = platform_parts(&expansion.text)
            .map_err(|why| Fault::at(stage.lines, format!("failed to parse platform {}: {why}", expansion.text)))?;
        if expansion.set == ["TARGETPLATFORM"] && expansion.unset.is_empty() && expansion.text == self.input.platform {
            let message = format!("Setting platform to predefined {word} in FROM is redundant as this is the default behavior");
            self.warn(Rule::RedundantTargetPlatform, stage.lines, message);
        }
        let constant = expansion.set.is_empty() && expansion.unset.is_empty();
        if constant && !parts.iter().take(2).any(|part| stage.name.contains(part)) {
            let message = format!("FROM --platform flag should not use constant value {}", quoted(&expansion.text));
            self.warn(Rule::FromPlatformFlagConstDisallowed, stage.lines, message);
        }
        Ok(expansion.text)
    }

    fn needs(&self, bases: &[Base]) -> Result<Vec<Vec<(usize, Lines)>>, Fault> {
        let mut all = Vec::new();
        for (at, stage) in self.file.stages.iter().enumerate() {
            let mut needs: Vec<(usize, Lines)> = Vec::new();
            if let Base::Stage(base) = bases[at] {
                needs.push((base, stage.lines));
            }
            for instruction in &stage.instructions {
                for from in sources(instruction) {
                    needs.extend(self.source(at, &from, instruction)?);
                }
            }
            all.push(needs);
        }
        Ok(all)
    }

    /// The stage that `--from` or a mount's `from` names; `None`: an image.
    fn source(&self, at: usize, from: &str, instruction: &Instruction) -> Result<Option<(usize, Lines)>, Fault> {
        let stages = &self.file.stages;
        if from.contains('$') {
            return Err(Fault::nowhere(
                "variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround",
            ));
        }
        if let Ok(number) = from.parse::<usize>() {
            let there = number < stages.len();
            return if there {
                Ok(Some((number, instruction.lines)))
            } else {
                Err(Fault::nowhere(format!("invalid stage index {from}")))
            };
        }
        let name = from.to_lowercase();
        if let Some(before) = stages[..=at].iter().rposition(|stage| stage.name == name) {
            return Ok(Some((before, instruction.lines)));
        }
        match stages[at..].iter().any(|stage| stage.name == name) {
            true => Err(Fault::at(
                instruction.lines,
                format!(
                    "cannot copy from stage {}, it needs to be defined before current stage {}",
                    quoted(from),
                    quoted(&self.stage_name(at))
                ),
            )),
            false => Ok(None),
        }
    }

    fn stage_name(&self, at: usize) -> String {
        let name = &self.file.stages[at].name;
        if name.is_empty() { format!("stage-{at}") } else { name.clone() }
    }

    fn circles(&self, needs: &[Vec<(usize, Lines)>]) -> Result<(), Fault> {
        for at in 0..needs.len() {
            let mut open = vec![at];
            let mut seen = vec![false; needs.len()];
            while let Some(stage) = open.pop() {
                if std::mem::replace(&mut seen[stage], true) {
                    continue;
                }
                if let Some((_, lines)) = needs[stage].iter().find(|(other, _)| *other == at) {
                    let name = self.stage_name(at);
                    return Err(Fault::at(*lines, format!("circular dependency detected on stage: {name}")));
                }
                open.extend(needs[stage].iter().map(|(other, _)| *other));
            }
        }
        Ok(())
    }
}

fn known(arguments: &Arguments, name: &str) -> Option<String> {
    arguments.iter().rev().find(|(known, _)| known == name).and_then(|(_, value)| value.clone())
}

/// Whatever an instruction takes from elsewhere, as written.
fn sources(instruction: &Instruction) -> Vec<String> {
    match &instruction.kind {
        Kind::Copy(transfer) | Kind::Add(transfer) => transfer.from.clone().into_iter().collect(),
        Kind::Run(run) => run.mounts.iter().filter_map(|mount| mounts::from(mount)).collect(),
        _ => Vec::new(),
    }
}

/// What BuildKit calls the platform, part by part, for the machine that builds and the one that is built for.
fn platform_arguments(platform: &str) -> Arguments {
    let mut parts = platform.split('/');
    let (os, arch, variant) = (parts.next(), parts.next(), parts.next());
    let of = |part: Option<&str>| Some(part.unwrap_or_default().to_string());
    let values = [of(Some(platform)), of(os), of(None), of(arch), of(variant)];
    let twice = values.iter().chain(&values).cloned();
    PLATFORM_NAMES.iter().map(|name| (*name).to_string()).zip(twice).collect()
}

/// `os/arch/variant`.
fn platform_parts(platform: &str) -> Result<Vec<&str>, String> {
    let parts: Vec<&str> = platform.splitn(4, '/').collect();
    let inside = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-');
    match parts.iter().find(|part| part.is_empty() || !part.chars().all(inside)) {
        None => Ok(parts),
        Some(part) => Err(format!(
            "{} is an invalid component of {}: platform specifier component must match \"^[A-Za-z0-9_.-]+$\": invalid argument",
            quoted(part),
            quoted(platform)
        )),
    }
}
