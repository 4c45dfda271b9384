//! Logical lines become stages of instructions.

mod flags;
mod instruction;

use super::check::rule::{Rule, Warning};
use super::instruction::{Arguments, Instruction, Stage};
use super::lines::{Line, Split, split};
use super::words::split_words;
use super::{BYTES_MAX, Dockerfile, Fault, Lines};

use flags::Flags;

/// Reads a Dockerfile to its end, whatever is wrong with it.
pub fn read(text: &str) -> Dockerfile {
    if text.len() > BYTES_MAX {
        let fault = Fault::nowhere(format!("the Dockerfile is longer than {BYTES_MAX} bytes"));
        return Dockerfile { faults: vec![fault], ..Dockerfile::default() };
    }
    let Split { directives, lines, empty_continuations, fault } = split(text);
    let mut reader = Reader { escape: directives.escape, file: Dockerfile { directives, ..Dockerfile::default() } };
    for line in empty_continuations {
        reader.warn(Rule::NoEmptyContinuation, Lines::at(line), "Empty continuation line".to_string());
    }
    // BuildKit takes all lines apart before it looks at what one says.
    let apart: Vec<Apart<'_>> = lines.iter().map(|line| Apart::of(line, reader.escape)).collect();
    reader.file.faults.extend(fault);
    reader.file.faults.extend(apart.iter().filter_map(|line| line.shape_fault(reader.escape)));
    for line in &apart {
        if line.shape_fault(reader.escape).is_none() {
            reader.line(line);
        }
    }
    reader.file
}

struct Reader {
    escape: char,
    file: Dockerfile,
}

/// A line with its name, its flags and the rest apart.
struct Apart<'a> {
    line: &'a Line,
    word: &'a str,
    /// The name in lower case.
    name: String,
    flags: Vec<String>,
    rest: &'a str,
}

impl<'a> Apart<'a> {
    fn of(line: &'a Line, escape: char) -> Apart<'a> {
        let text = line.text.trim();
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let (flags, rest) = super::words::split_flags(rest, escape);
        Apart { line, word, name: word.to_ascii_lowercase(), flags, rest: rest.trim() }
    }

    fn lines(&self) -> Lines {
        self.line.lines()
    }

    /// Something that BuildKit's parser refuses before any instruction is looked at.
    fn shape_fault(&self, escape: char) -> Option<Fault> {
        let why = match self.name.as_str() {
            "env" | "label" => pairs(self, escape).err(),
            "cmd" | "entrypoint" | "run" | "shell" | "copy" | "add" | "volume" => strings_only(self.rest).err(),
            _ => None,
        };
        why.map(|why| Fault::at(self.lines(), why))
    }

    /// The legacy form: `ENV name value`.
    fn is_legacy(&self, escape: char) -> bool {
        split_words(self.rest, escape).first().is_some_and(|word| !word.contains('='))
    }
}

fn strings_only(rest: &str) -> Result<(), String> {
    match super::words::json_array(rest) {
        super::words::Json::Others => Err("when using JSON array syntax, arrays must be comprised of strings only".to_string()),
        _ => Ok(()),
    }
}

/// `name=value` words, or the legacy form.
fn pairs(line: &Apart<'_>, escape: char) -> Result<Vec<(String, String)>, String> {
    let words = split_words(line.rest, escape);
    if line.is_legacy(escape) {
        let (name, value) = line
            .rest
            .split_once(char::is_whitespace)
            .ok_or_else(|| format!("{} must have two arguments", line.word.to_ascii_uppercase()))?;
        return Ok(vec![(name.to_string(), value.trim_start().to_string())]);
    }
    let pair = |word: String| {
        let found = word.split_once('=').map(|(name, value)| (name.to_string(), value.to_string()));
        found.ok_or_else(|| {
            format!("Syntax error - can't find = in {}. Must be of the form: name=value", super::expand::quoted(&word))
        })
    };
    words.into_iter().map(pair).collect()
}

impl Reader {
    fn warn(&mut self, rule: Rule, lines: Lines, message: String) {
        // BuildKit stops at the first fault, and warns of nothing behind it.
        if self.file.faults.is_empty() {
            self.file.warnings.push(Warning { rule, lines, message });
        }
    }

    fn line(&mut self, line: &Apart<'_>) {
        if line.name == "from" {
            self.from(line);
            return;
        }
        match self.instruction(line) {
            Err(why) => self.file.faults.push(Fault::of_instruction(line.lines(), &why)),
            Ok(kind) => {
                let instruction =
                    Instruction { word: line.word.to_string(), lines: line.lines(), text: line.line.text.trim().to_string(), kind };
                match self.file.stages.last_mut() {
                    Some(stage) => stage.instructions.push(instruction),
                    None if line.name == "arg" => self.file.global_args.push(instruction),
                    None => self.file.faults.push(Fault::at(line.lines(), "no build stage in current context")),
                }
            }
        }
    }

    fn from(&mut self, line: &Apart<'_>) {
        let words: Vec<&str> = line.rest.split_whitespace().collect();
        let named = words.get(2).copied().filter(|_| words.len() > 2);
        if let Some(name) = named.filter(|name| **name != name.to_lowercase()) {
            self.warn(Rule::StageNameCasing, line.lines(), format!("Stage name '{name}' should be lowercase"));
        }
        if let Some(keyword) = words.get(1).filter(|_| named.is_some()).filter(|keyword| !same_case(line.word, keyword)) {
            let message = format!("'{keyword}' and '{}' keywords' casing do not match", line.word);
            self.warn(Rule::FromAsCasing, line.lines(), message);
        }
        match stage(line, &words) {
            Err(why) => {
                self.file.faults.push(Fault::of_instruction(line.lines(), &why));
                // What follows still has a stage to belong to.
                let base = words.first().copied().unwrap_or_default();
                self.file.stages.push(bare_stage(line, base, ""));
            }
            Ok(stage) => {
                let names = if stage.name.is_empty() { vec![] } else { vec![stage.name.clone()] };
                self.describe("FROM", &names, line);
                self.file.stages.push(stage);
            }
        }
    }

    /// A comment directly above describes the stage or argument, whose name it begins with.
    fn describe(&mut self, instruction: &str, names: &[String], line: &Apart<'_>) {
        let (Some(comment), Some(first)) = (line.line.comments.last(), names.first()) else { return };
        let described = comment.split(' ').next().unwrap_or_default();
        if names.iter().any(|name| name == described) {
            return;
        }
        let example = if names.len() > 1 { "<arg_key>" } else { first };
        let message = format!("Comment for {instruction} should follow the format: `# {example} <description>`");
        self.warn(Rule::InvalidDefinitionDescription, line.lines(), message);
    }
}

/// `as` beside `FROM`: judged only where `FROM` itself is of one case.
fn same_case(from: &str, keyword: &str) -> bool {
    if from == from.to_lowercase() {
        keyword == keyword.to_lowercase()
    } else {
        from != from.to_uppercase() || keyword == keyword.to_uppercase()
    }
}

fn bare_stage(line: &Apart<'_>, base: &str, name: &str) -> Stage {
    Stage {
        word: line.word.to_string(),
        base: base.to_string(),
        name: name.to_lowercase(),
        platform: None,
        lines: line.lines(),
        instructions: Vec::new(),
    }
}

fn stage(line: &Apart<'_>, words: &[&str]) -> Result<Stage, String> {
    let name = match words {
        [_] => "",
        [_, keyword, name] if keyword.eq_ignore_ascii_case("as") => name,
        _ => return Err("FROM requires either one or three arguments".to_string()),
    };
    if !name.is_empty() && !is_stage_name(&name.to_lowercase()) {
        let name = super::expand::quoted(name);
        return Err(format!("invalid name for build stage: {name}, name can't start with a number or contain symbols"));
    }
    let mut flags = Flags::of(&line.flags, &["platform"], &[], &[])?;
    Ok(Stage { platform: flags.take("platform"), ..bare_stage(line, words[0], name) })
}

fn is_stage_name(name: &str) -> bool {
    let inside = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '-' | '_' | '.');
    name.starts_with(|first: char| first.is_ascii_lowercase()) && name.chars().all(inside)
}

/// A JSON array, or the line as it is.
fn arguments(rest: &str) -> Arguments {
    match super::words::json_array(rest) {
        super::words::Json::Strings(strings) => Arguments::Exec(strings),
        _ => Arguments::Shell(rest.to_string()),
    }
}
