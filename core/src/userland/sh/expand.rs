//! Expansion of words: parameters, command substitutions, arithmetic, field splitting, pathnames.
//!
//! A command substitution has to run before its word is known, and running takes resumes. So expansion is a function that is
//! called again: it stops at the first substitution whose output it does not have, the shell runs that one, and expands anew
//! with one output more. What it would assign it keeps aside until it has come through, so that a repetition changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::arithmetic::{self, Variables};
use super::shell::Shell;
use super::syntax::{Action, Node, Part, Word};
use crate::userland::pattern::{glob_matches, parse_glob};
use crate::userland::sys::Sys;

/// The most fields that one command may have, and the most characters in a field.
const FIELDS_MAX: usize = 1 << 17;

/// Characters, each with whether it was quoted.
pub(crate) type Chars = Vec<(char, bool)>;

/// Why an expansion did not come through.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The output of this command is needed.
    Substitute(Arc<Node>),
    /// It is wrong: the message.
    Fail(String),
}

type Expanded<T> = Result<T, Stop>;

/// One attempt to expand the words of a command.
pub(crate) struct Expander<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) sys: &'a mut dyn Sys,
    /// What it would assign.
    pub(crate) set: BTreeMap<String, String>,
    used: usize,
}

#[derive(Default)]
struct Fields {
    done: Vec<Chars>,
    current: Option<Chars>,
    split: bool,
}

impl Fields {
    fn end(&mut self) {
        self.done.extend(self.current.take());
    }

    fn add(&mut self, text: &str, quoted: bool) {
        self.current.get_or_insert_default().extend(text.chars().map(|c| (c, quoted)));
    }

    /// The result of an unquoted expansion: cut at the characters of IFS.
    fn add_split(&mut self, text: &str, ifs: &str) {
        if !self.split {
            if !text.is_empty() {
                self.add(text, false);
            }
            return;
        }
        for c in text.chars() {
            if !ifs.contains(c) {
                self.current.get_or_insert_default().push((c, false));
            } else if c.is_ascii_whitespace() {
                self.end();
            } else {
                self.current.get_or_insert_default();
                self.end();
            }
        }
    }
}

impl Variables for Expander<'_> {
    fn get(&self, name: &str) -> String {
        self.value(name).unwrap_or_default()
    }

    fn set(&mut self, name: &str, value: i64) {
        self.set.insert(name.to_string(), value.to_string());
    }
}

impl<'a> Expander<'a> {
    pub(crate) fn new(shell: &'a Shell, sys: &'a mut dyn Sys) -> Expander<'a> {
        Expander { shell, sys, set: BTreeMap::new(), used: 0 }
    }

    /// The fields of several words, with pathnames.
    pub(crate) fn words(&mut self, words: &[Word]) -> Expanded<Vec<String>> {
        let mut all = Vec::new();
        for word in words {
            let mut fields = Fields { split: true, ..Fields::default() };
            self.parts(word, &mut fields)?;
            fields.end();
            for field in fields.done {
                all.extend(super::paths::pathnames(&field, self.sys, self.shell.options.no_glob));
            }
            if all.len() > FIELDS_MAX {
                return Err(Stop::Fail(format!("more than {FIELDS_MAX} words")));
            }
        }
        Ok(all)
    }

    /// A word that stays one: an assignment's value, a file name, a here-document.
    pub(crate) fn single(&mut self, word: &Word) -> Expanded<String> {
        Ok(self.chars(word)?.into_iter().map(|(c, _)| c).collect())
    }

    /// A word that stays one, with its quoting: a pattern.
    pub(crate) fn chars(&mut self, word: &Word) -> Expanded<Chars> {
        let mut fields = Fields::default();
        self.parts(word, &mut fields)?;
        fields.end();
        Ok(fields.done.join(&(' ', true)))
    }

    fn ifs(&self) -> String {
        self.shell.variable("IFS").unwrap_or(" \t\n").to_string()
    }

    fn parts(&mut self, word: &Word, fields: &mut Fields) -> Expanded<()> {
        for part in &word.0 {
            match part {
                Part::Text { text, quoted } => fields.add(text, *quoted),
                Part::Home => fields.add(self.shell.variable("HOME").unwrap_or("~"), true),
                Part::Parameter { name, action, quoted } => self.parameter(name, action, *quoted, fields)?,
                Part::Command { body, quoted } => {
                    let output = self.substitution(body)?;
                    self.add(&output, *quoted, fields);
                }
                Part::Arithmetic { expression, quoted } => {
                    let text = self.single(expression)?;
                    let value = arithmetic::evaluate(&text, self).map_err(Stop::Fail)?;
                    self.add(&value.to_string(), *quoted, fields);
                }
            }
        }
        Ok(())
    }

    fn add(&self, text: &str, quoted: bool, fields: &mut Fields) {
        if quoted {
            fields.add(text, true);
        } else {
            fields.add_split(text, &self.ifs());
        }
    }

    fn substitution(&mut self, body: &Arc<Node>) -> Expanded<String> {
        let shell = self.shell;
        let Some(output) = shell.substituted.get(self.used) else { return Err(Stop::Substitute(body.clone())) };
        self.used += 1;
        Ok(output.trim_end_matches('\n').to_string())
    }

    fn value(&self, name: &str) -> Option<String> {
        self.set.get(name).cloned().or_else(|| self.shell.parameter(name))
    }

    fn checked(&self, name: &str) -> Expanded<String> {
        match self.value(name) {
            Some(value) => Ok(value),
            None if self.shell.options.no_unset && !"@*".contains(name) => Err(Stop::Fail(format!("{name}: parameter not set"))),
            None => Ok(String::new()),
        }
    }

    fn parameter(&mut self, name: &str, action: &Action, quoted: bool, fields: &mut Fields) -> Expanded<()> {
        let usable = |colon: bool, value: &Option<String>| value.as_ref().is_some_and(|text| !colon || !text.is_empty());
        let value = if name == "@" || name == "*" { self.joined() } else { self.value(name) };
        match action {
            Action::Value => return self.plain(name, quoted, fields),
            Action::Length => {
                let length = if "@*".contains(name) { self.shell.params.len() } else { self.checked(name)?.chars().count() };
                self.add(&length.to_string(), quoted, fields);
            }
            Action::Default { colon, .. } | Action::Assign { colon, .. } | Action::Require { colon, .. }
                if usable(*colon, &value) =>
            {
                return self.plain(name, quoted, fields);
            }
            Action::Alternative { colon, .. } if !usable(*colon, &value) => {
                if quoted {
                    fields.add("", true);
                }
            }
            Action::Default { word, .. } | Action::Alternative { word, .. } => {
                if quoted {
                    fields.add("", true);
                }
                self.parts(word, fields)?;
            }
            Action::Assign { word, .. } => {
                let text = self.single(word)?;
                self.set.insert(name.to_string(), text.clone());
                self.add(&text, quoted, fields);
            }
            Action::Require { colon, word } => {
                let text = self.single(word)?;
                let standard = if *colon { "parameter not set or null" } else { "parameter not set" };
                return Err(Stop::Fail(format!("{name}: {}", if text.is_empty() { standard } else { &text })));
            }
            Action::Trim { suffix, longest, word } => {
                let pattern = parse_glob(&self.chars(word)?);
                let text: Vec<char> = self.checked(name)?.chars().collect();
                let kept = trim(&text, &pattern, *suffix, *longest);
                self.add(&kept.iter().collect::<String>(), quoted, fields);
            }
        }
        Ok(())
    }

    fn joined(&self) -> Option<String> {
        if self.shell.params.is_empty() { None } else { Some(self.shell.params.join(" ")) }
    }

    fn plain(&mut self, name: &str, quoted: bool, fields: &mut Fields) -> Expanded<()> {
        let shell = self.shell;
        match (name, quoted) {
            ("@", true) | ("@" | "*", false) => {
                for (index, param) in shell.params.iter().enumerate() {
                    if index > 0 {
                        fields.end();
                    }
                    self.add(param, quoted, fields);
                }
            }
            ("*", true) => {
                let separator = self.ifs().chars().next().map(String::from).unwrap_or_default();
                fields.add(&shell.params.join(&separator), true);
            }
            _ => {
                let value = self.checked(name)?;
                self.add(&value, quoted, fields);
            }
        }
        Ok(())
    }
}

fn trim<'t>(text: &'t [char], pattern: &[crate::userland::pattern::Glob], suffix: bool, longest: bool) -> &'t [char] {
    let cuts: Box<dyn Iterator<Item = usize>> = if suffix != longest {
        // The shortest suffix starts late, the longest prefix ends late.
        Box::new((0..=text.len()).rev())
    } else {
        Box::new(0..=text.len())
    };
    for cut in cuts {
        let (before, after) = text.split_at(cut);
        if suffix && glob_matches(pattern, after) {
            return before;
        }
        if !suffix && glob_matches(pattern, before) {
            return after;
        }
    }
    text
}
