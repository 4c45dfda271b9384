//! Each stage, line by line, with the variables that it has there.

use super::stages::{Arguments, Base, Bases};
use super::{Checker, Environment, Rule};
use crate::dockerfile::expand::{expand_in_part, quoted};
use crate::dockerfile::ignore::{Ignore, clean};
use crate::dockerfile::instruction::{Arguments as Form, Instruction, Kind, Run, Transfer};
use crate::dockerfile::mounts;
use crate::dockerfile::suggest::{hint, nearest};
use crate::dockerfile::{Fault, Lines};
use crate::userland::Signal;

/// What a stage upon nothing has.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Never in the environment, and never warned of.
const NOT_VARIABLES: [&str; 2] = ["BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"];
/// A name with one of these words is likely to hold a secret…
const SECRET: [&str; 10] = ["apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret", "token"];
/// …unless this one is among them.
const NO_SECRET: &str = "public";

/// What a stage has at a line.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// What is set.
    environment: Environment,
    /// `ARG` names.
    declared: Vec<String>,
    /// An instruction set the directory.
    workdir: bool,
    /// An instruction, or the base, set the shell.
    shell: bool,
    /// It is not known what the base sets.
    unknown: bool,
    /// Of the instructions of which the last counts, where the last one was.
    last: [Option<Lines>; 3],
}

impl Scope {
    fn value(&self, name: &str) -> Option<String> {
        self.environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    fn set(&mut self, name: &str, value: String) {
        match self.environment.iter_mut().find(|(known, _)| known == name) {
            Some(known) => known.1 = value,
            None => self.environment.push((name.to_string(), value)),
        }
    }
}

impl Checker<'_> {
    pub(super) fn stages(&mut self, bases: &Bases, wanted: &[bool]) -> Result<(), Fault> {
        let ignore = self.ignore();
        let mut scopes: Vec<Scope> = Vec::new();
        for (at, stage) in self.file.stages.iter().enumerate() {
            let mut scope = self.begin(&bases.bases[at], &scopes);
            if wanted[at] {
                for instruction in &stage.instructions {
                    self.instruction(instruction, &mut scope, &bases.global, ignore.as_ref())?;
                }
            }
            scopes.push(scope);
        }
        Ok(())
    }

    fn begin(&mut self, base: &Base, before: &[Scope]) -> Scope {
        match base {
            Base::Scratch => Scope { environment: vec![("PATH".to_string(), PATH.to_string())], ..Scope::default() },
            Base::Stage(at) => Scope { last: [None; 3], ..before[*at].clone() },
            Base::Image(name) => match (self.input.base)(name) {
                Some(environment) => Scope { environment, ..Scope::default() },
                None => {
                    if !self.report.unknown_bases.contains(name) {
                        self.report.unknown_bases.push(name.clone());
                    }
                    Scope { unknown: true, ..Scope::default() }
                }
            },
        }
    }

    fn instruction(
        &mut self,
        instruction: &Instruction,
        scope: &mut Scope,
        global: &Arguments,
        ignore: Option<&Ignore>,
    ) -> Result<(), Fault> {
        let lines = instruction.lines;
        let words = self.expanded(&words_of(&instruction.kind), scope, lines)?;
        match &instruction.kind {
            Kind::Arg(args) => self.arg(args, &words, scope, global, lines),
            Kind::Env(pairs) => {
                for pair in words.chunks_exact(2).take(pairs.len()) {
                    self.secret("ENV", &pair[0], lines);
                    scope.set(&pair[0], pair[1].clone());
                }
            }
            Kind::Copy(transfer) => self.transfer("Copy", transfer, &words, ignore, lines)?,
            Kind::Add(transfer) => self.transfer("Add", transfer, &words, ignore, lines)?,
            Kind::Cmd(form) => self.command(instruction, form, 0, scope),
            Kind::Entrypoint(form) => self.command(instruction, form, 1, scope),
            Kind::Healthcheck(_) => self.once(instruction, 2, scope),
            Kind::Expose(_) => self.expose(&words, lines)?,
            Kind::Run(run) => run_mounts(run, words, lines)?,
            Kind::Shell(_) => scope.shell = true,
            Kind::Stopsignal(_) => {
                let signal = words.concat();
                if Signal::parse(&signal).is_none() {
                    return Err(Fault::at(lines, format!("invalid signal: {signal}")));
                }
            }
            Kind::Workdir(_) => {
                let path = words.concat();
                if !scope.workdir && !path.starts_with('/') {
                    let message =
                        format!("Relative workdir {} can have unexpected results if the base image changes", quoted(&path));
                    self.warn(Rule::WorkdirRelativePath, lines, message);
                }
                scope.workdir = true;
            }
            Kind::Label(_) | Kind::Maintainer(_) | Kind::Onbuild(_) | Kind::User(_) | Kind::Volume(_) => {}
        }
        Ok(())
    }

    /// The words of an instruction, resolved; variables that are not set are warned of, once each.
    fn expanded(&mut self, words: &[String], scope: &Scope, lines: Lines) -> Result<Vec<String>, Fault> {
        let escape = self.file.directives.escape;
        let mut resolved = Vec::new();
        let mut unset: Vec<String> = Vec::new();
        for word in words {
            let (text, names) = expand_in_part(word, escape, &|name| scope.value(name));
            for name in names {
                if !unset.contains(&name) {
                    unset.push(name);
                }
            }
            match text {
                Ok(text) => resolved.push(text),
                Err(why) => {
                    self.undefined(&unset, scope, lines);
                    return Err(Fault::at(lines, why));
                }
            }
        }
        self.undefined(&unset, scope, lines);
        Ok(resolved)
    }

    fn undefined(&mut self, unset: &[String], scope: &Scope, lines: Lines) {
        if scope.unknown {
            return;
        }
        for name in unset.iter().filter(|name| !scope.declared.contains(name) && !NOT_VARIABLES.contains(&name.as_str())) {
            let known = scope.environment.iter().map(|(known, _)| known.as_str());
            let hint = nearest(name, known).map(|known| format!("${known}"));
            let message = format!("Usage of undefined variable '${name}'{}", self::hint(hint.as_deref()));
            self.warn(Rule::UndefinedVar, lines, message);
        }
    }

    fn arg(&mut self, args: &[(String, Option<String>)], words: &[String], scope: &mut Scope, global: &Arguments, lines: Lines) {
        let mut words = words.iter();
        for (name, default) in args {
            self.secret("ARG", name, lines);
            let default = default.as_ref().and_then(|_| words.next().cloned());
            let asked = self.input.build_args.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone());
            let above = global.iter().rev().find(|(known, _)| known == name).and_then(|(_, value)| value.clone());
            if let Some(value) = asked.or(default).or(above) {
                scope.set(name, value);
            }
            scope.declared.push(name.clone());
        }
    }

    fn secret(&mut self, instruction: &str, name: &str, lines: Lines) {
        let lower = name.to_lowercase();
        let mut parts = lower.split('_');
        if parts.clone().any(|part| SECRET.contains(&part)) && parts.all(|part| part != NO_SECRET) {
            let message = format!("Do not use ARG or ENV instructions for sensitive data ({instruction} {})", quoted(name));
            self.warn(Rule::SecretsUsedInArgOrEnv, lines, message);
        }
    }

    fn command(&mut self, instruction: &Instruction, form: &Form, which: usize, scope: &mut Scope) {
        self.once(instruction, which, scope);
        if matches!(form, Form::Shell(_)) && !scope.shell {
            let message =
                format!("JSON arguments recommended for {} to prevent unintended behavior related to OS signals", instruction.word);
            self.warn(Rule::JSONArgsRecommended, instruction.lines, message);
        }
    }

    /// The one before is the one that does not count.
    fn once(&mut self, instruction: &Instruction, which: usize, scope: &mut Scope) {
        if let Some(before) = scope.last[which].replace(instruction.lines) {
            let message = format!(
                "Multiple {} instructions should not be used in the same stage because only the last one will be used",
                instruction.word
            );
            self.warn(Rule::MultipleInstructionsDisallowed, before, message);
        }
    }

    fn transfer(
        &mut self,
        verb: &str,
        transfer: &Transfer,
        words: &[String],
        ignore: Option<&Ignore>,
        lines: Lines,
    ) -> Result<(), Fault> {
        let sources = &words[..transfer.sources.len()];
        transfer_faults(transfer, sources).map_err(|why| Fault::at(lines, why))?;
        // Another stage has no .dockerignore.
        let Some(ignore) = ignore.filter(|_| transfer.from.is_none()) else { return Ok(()) };
        for source in sources.iter().filter(|source| !is_remote(source)) {
            let path = clean(source);
            let left_out = if path == "." { ignore.leaves_out_all() } else { ignore.leaves_out(&path).is_some() };
            if left_out {
                let shown = quoted(source.strip_prefix("./").unwrap_or(source));
                let message = format!("Attempting to {verb} file {shown} that is excluded by .dockerignore");
                self.warn(Rule::CopyIgnoredFile, lines, message);
            }
        }
        Ok(())
    }

    fn expose(&mut self, words: &[String], lines: Lines) -> Result<(), Fault> {
        for word in words.iter().flat_map(|word| word.split_whitespace()) {
            let (port, protocol) = word.split_once('/').map_or((word, None), |(port, protocol)| (port, Some(protocol)));
            if port.contains(':') {
                let message = format!("EXPOSE instruction should not define an IP address or host-port mapping, found '{word}'");
                self.warn(Rule::ExposeInvalidFormat, lines, message);
            }
            if let Some(protocol) = protocol {
                if protocol != protocol.to_lowercase() {
                    let message = format!("Defined protocol '{word}' in EXPOSE instruction should be lowercase");
                    self.warn(Rule::ExposeProtoCasing, lines, message);
                }
                if !["tcp", "udp", "sctp", ""].contains(&protocol.to_lowercase().as_str()) {
                    return Err(Fault::at(lines, format!("invalid port: {}: invalid proto: {protocol}", quoted(word))));
                }
            }
            let container = port.rsplit(':').next().unwrap_or_default();
            if !is_port_range(container) {
                return Err(Fault::at(lines, format!("invalid containerPort: {container}")));
            }
        }
        Ok(())
    }
}

/// What of an instruction is resolved, in its order.
fn words_of(kind: &Kind) -> Vec<String> {
    match kind {
        Kind::Arg(args) => args.iter().filter_map(|(_, default)| default.clone()).collect(),
        Kind::Env(pairs) | Kind::Label(pairs) => pairs.iter().flat_map(|(name, value)| [name.clone(), value.clone()]).collect(),
        Kind::Copy(transfer) | Kind::Add(transfer) => {
            let mut words = transfer.sources.clone();
            words.push(transfer.destination.clone());
            words.extend(transfer.owner.iter().chain(&transfer.mode).chain(&transfer.checksum).cloned());
            let contents = transfer.heredocs.iter().filter(|heredoc| heredoc.expand).map(|heredoc| &heredoc.content);
            // Quotes in a file are ordinary characters.
            words.extend(contents.map(|content| content.replace('\'', "\\'").replace('"', "\\\"")));
            words
        }
        Kind::Expose(words) | Kind::Volume(words) => words.clone(),
        Kind::Run(run) => run.mounts.iter().flat_map(|mount| mounts::values(mount)).collect(),
        Kind::Stopsignal(word) | Kind::User(word) | Kind::Workdir(word) => vec![word.clone()],
        _ => Vec::new(),
    }
}

/// `words`: what the values of their fields come to, in order.
fn run_mounts(run: &Run, words: Vec<String>, lines: Lines) -> Result<(), Fault> {
    let mut words = words.into_iter();
    let mut judge = |text: &String| mounts::read(text, |_| Ok(words.next().unwrap_or_default())).map(drop);
    run.mounts.iter().try_for_each(&mut judge).map_err(|why| Fault::at(lines, why))
}

fn is_remote(source: &str) -> bool {
    ["http://", "https://", "git://", "git@", "ssh://"].iter().any(|start| source.starts_with(start))
}

fn transfer_faults(transfer: &Transfer, sources: &[String]) -> Result<(), String> {
    if let Some(checksum) = &transfer.checksum {
        let hex = checksum.split_once(':').map_or("", |(_, hex)| hex);
        if hex.len() != 64 {
            return Err("invalid checksum digest length".to_string());
        }
        if sources.iter().any(|source| !is_remote(source)) {
            return Err("checksum requires HTTP(S) or Git sources".to_string());
        }
    }
    match transfer.mode.as_deref().filter(|mode| !mode.contains('$') && !is_mode(mode)) {
        Some(_) => Err("invalid syntax".to_string()),
        None => Ok(()),
    }
}

/// `644`, or `u=rw,go=r`.
fn is_mode(mode: &str) -> bool {
    let octal = u32::from_str_radix(mode, 8).is_ok_and(|bits| bits <= 0o7777);
    let symbolic = |part: &str| {
        let rest = part.trim_start_matches(['u', 'g', 'o', 'a']);
        rest.starts_with(['+', '-', '=']) && rest[1..].chars().all(|letter| "rwxXst".contains(letter))
    };
    octal || mode.split(',').all(symbolic)
}

/// `80`, `8000-8010`.
fn is_port_range(text: &str) -> bool {
    let port = |text: &str| text.parse::<u16>().ok();
    match text.split_once('-') {
        None => port(text).is_some(),
        Some((first, last)) => matches!((port(first), port(last)), (Some(first), Some(last)) if first <= last),
    }
}
