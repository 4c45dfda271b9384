//! Logical lines: directives at the top, comments, continuations, and the heredocs behind a line.

use super::instruction::Heredoc;
use super::words::split_words;
use super::{Fault, Lines};

/// Instructions behind which heredocs may stand.
const WITH_HEREDOCS: [&str; 3] = ["add", "copy", "run"];

/// What the comments at the top of the file ask of its reader: `# name=value`, before anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directives {
    /// What makes the next character an ordinary one, and joins lines: a backslash, or a backtick.
    pub escape: char,
    /// The frontend that is asked for, and where.
    pub syntax: Option<(String, Lines)>,
    /// Options of the checks.
    pub check: Option<String>,
}

impl Default for Directives {
    fn default() -> Directives {
        Directives { escape: '\\', syntax: None, check: None }
    }
}

/// A line as its author meant it: continuations joined, comments within it gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The text.
    pub text: String,
    /// From where to where; heredocs included.
    pub span: Option<Lines>,
    /// The comments that stand directly above it, without `#`.
    pub comments: Vec<String>,
    /// In their order.
    pub heredocs: Vec<Heredoc>,
}

impl Line {
    /// Where it is.
    pub fn lines(&self) -> Lines {
        self.span.unwrap_or(Lines::at(1))
    }
}

/// A file, taken apart into lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// What stands at the top.
    pub directives: Directives,
    /// The instructions.
    pub lines: Vec<Line>,
    /// Ends of instructions within which an empty line stands.
    pub empty_continuations: Vec<u32>,
    /// The first thing that is wrong: nothing is read behind it.
    pub fault: Option<Fault>,
}

/// Takes a file apart.
pub fn split(text: &str) -> Split {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut split = Split::default();
    if text.trim().is_empty() {
        split.fault = Some(Fault::nowhere("the Dockerfile cannot be empty"));
        return split;
    }
    match directives(text) {
        Ok(directives) => split.directives = directives,
        Err(fault) => {
            split.fault = Some(fault);
            return split;
        }
    }
    let mut reader = Reader { rest: text.split_inclusive('\n'), line: 0, escape: split.directives.escape };
    let mut comments = Vec::new();
    while let Some(raw) = reader.next() {
        if let Some(comment) = comment_of(raw) {
            comments.push(comment.to_string());
        } else if raw.trim().is_empty() {
            comments.clear();
        } else if let Err(fault) = reader.instruction(raw, std::mem::take(&mut comments), &mut split) {
            split.fault = Some(fault);
            return split;
        }
    }
    if split.lines.is_empty() {
        split.fault = Some(Fault::at(Lines::at(1), "file with no instructions"));
    }
    split
}

struct Reader<'a> {
    rest: std::str::SplitInclusive<'a, char>,
    /// How many lines were read.
    line: u32,
    escape: char,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let raw = self.rest.next()?;
        self.line += 1;
        Some(raw)
    }

    /// The line that begins with `raw`, with what continues it and its heredocs.
    fn instruction(&mut self, raw: &str, comments: Vec<String>, into: &mut Split) -> Result<(), Fault> {
        let first = self.line;
        let (start, mut ends) = joined(raw.trim_start(), self.escape);
        let mut text = start.to_string();
        let mut empty = false;
        while !ends {
            let Some(raw) = self.next() else { break };
            if comment_of(raw).is_some() {
                continue;
            }
            if raw.trim().is_empty() {
                empty = true;
                continue;
            }
            let (more, last) = joined(raw, self.escape);
            text.push_str(more);
            ends = last;
        }
        if text.trim().is_empty() {
            return Ok(());
        }
        if empty {
            into.empty_continuations.push(self.line);
        }
        let mut heredocs = heredocs_of(&text, self.escape);
        for heredoc in &mut heredocs {
            self.content(heredoc, first)?;
        }
        into.lines.push(Line { text, span: Some(Lines { first, last: self.line }), comments, heredocs });
        Ok(())
    }

    fn content(&mut self, heredoc: &mut Heredoc, first: u32) -> Result<(), Fault> {
        while let Some(raw) = self.next() {
            let bare = raw.trim_end_matches(['\r', '\n']);
            let bare = if heredoc.chomp { bare.trim_start_matches('\t') } else { bare };
            if bare == heredoc.name {
                return Ok(());
            }
            heredoc.content.push_str(if heredoc.chomp { raw.trim_start_matches('\t') } else { raw });
        }
        Err(Fault::at(Lines { first, last: self.line }, "unterminated heredoc"))
    }
}

/// The text of a comment, without `#` and the blanks around it.
fn comment_of(raw: &str) -> Option<&str> {
    Some(raw.trim_start().strip_prefix('#')?.trim())
}

/// The line without its line end, and without the escape that would continue it; whether it ends here.
fn joined(raw: &str, escape: char) -> (&str, bool) {
    let line = raw.trim_end_matches(['\r', '\n']);
    let bare = line.trim_end_matches([' ', '\t']);
    match bare.strip_suffix(escape) {
        // Two of them are one ordinary character.
        Some(before) if !before.ends_with(escape) => (before, false),
        _ => (line, true),
    }
}

/// The heredocs that a line opens, still empty.
fn heredocs_of(line: &str, escape: char) -> Vec<Heredoc> {
    let trimmed = line.trim_start();
    let (name, rest) = trimmed.split_once([' ', '\t']).unwrap_or((trimmed, ""));
    let name = name.to_ascii_lowercase();
    if name == "onbuild" {
        return heredocs_of(rest, escape);
    }
    if !WITH_HEREDOCS.contains(&name.as_str()) || rest.trim_start().starts_with('[') {
        return Vec::new();
    }
    split_words(rest, escape).iter().filter_map(|word| heredoc(word)).collect()
}

/// `<<NAME`, `<<-NAME`, `3<<"NAME"`.
pub(super) fn heredoc(word: &str) -> Option<Heredoc> {
    let rest = word.trim_start_matches(|digit: char| digit.is_ascii_digit()).strip_prefix("<<")?;
    let (chomp, raw) = rest.strip_prefix('-').map_or((false, rest), |rest| (true, rest));
    if raw.is_empty() || raw.contains('<') {
        return None;
    }
    let name: String = raw.chars().filter(|letter| !matches!(letter, '"' | '\'')).collect();
    let expand = name == raw;
    (!name.is_empty()).then_some(Heredoc { name, content: String::new(), expand, chomp })
}

fn directives(text: &str) -> Result<Directives, Fault> {
    let mut found = Directives::default();
    let mut seen = Vec::new();
    for (index, raw) in text.lines().enumerate() {
        let Some((name, value)) = directive(raw) else { break };
        let known = ["escape", "syntax", "check"].into_iter().find(|known| *known == name);
        let Some(known) = known else { break };
        if seen.contains(&known) {
            return Err(Fault::at(Lines::at(index as u32), format!("only one {known} parser directive can be used")));
        }
        seen.push(known);
        match (known, value) {
            ("escape", "\\") => found.escape = '\\',
            ("escape", "`") => found.escape = '`',
            ("escape", other) => {
                return Err(Fault::nowhere(format!("invalid escape token '{other}' does not match ` or \\")));
            }
            ("syntax", value) => found.syntax = Some((value.to_string(), Lines::at(index as u32 + 1))),
            (_, value) => found.check = Some(value.to_string()),
        }
    }
    Ok(found)
}

fn directive(raw: &str) -> Option<(String, &str)> {
    let (name, value) = raw.strip_prefix('#')?.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic());
    let right = starts_well && name.chars().all(|letter| letter.is_ascii_alphanumeric()) && !value.is_empty();
    right.then(|| (name.to_ascii_lowercase(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(file: &str) -> Vec<String> {
        split(file).lines.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn continuations_are_joined_and_comments_within_are_not_there() {
        let file = "\u{feff}FROM a\n# above\nRUN one \\\n  # within\n\n  two\\\n three\\\\\nCMD x\\";
        assert_eq!(texts(file), ["FROM a", "RUN one   two three\\\\", "CMD x"]);
        let split = split(file);
        assert_eq!(split.empty_continuations, [7]);
        assert_eq!(split.lines[1].span, Some(Lines { first: 3, last: 7 }));
        assert_eq!(split.lines[1].comments, ["above"]);
    }

    #[test]
    fn directives_stand_at_the_top_and_once() {
        let found = split("# escape=`\n# syntax = a/b\n#check=skip=all\nFROM x `\n AS y").directives;
        assert_eq!((found.escape, found.check.as_deref()), ('`', Some("skip=all")));
        assert_eq!(found.syntax, Some(("a/b".to_string(), Lines::at(2))));
        assert_eq!(split("# hello\n# escape=`\nFROM x").directives, Directives::default());
        assert_eq!(split("# escape=`\n# escape=`\nFROM x").fault.unwrap().lines, Some(Lines::at(1)));
        assert!(split("# escape=x\nFROM x").fault.unwrap().message.contains("'x'"));
    }

    #[test]
    fn heredocs_end_with_their_names() {
        let split = split("FROM a\nRUN <<A 3<<-\"B\" cat\none\nA\n\ttwo\n\tB\nCMD x");
        let heredocs = &split.lines[1].heredocs;
        assert_eq!(heredocs.len(), 2);
        assert_eq!((heredocs[0].content.as_str(), heredocs[0].expand), ("one\n", true));
        assert_eq!((heredocs[1].content.as_str(), heredocs[1].expand, heredocs[1].chomp), ("two\n", false, true));
        assert_eq!(split.lines.len(), 3);
        let open = super::split("FROM a\nCOPY <<E /x\n").fault.unwrap();
        assert_eq!((open.message.as_str(), open.lines), ("unterminated heredoc", Some(Lines { first: 2, last: 2 })));
        assert_eq!(texts("FROM a\nRUN [\"<<E\"]\nRUN x<<y<z"), ["FROM a", "RUN [\"<<E\"]", "RUN x<<y<z"]);
    }

    #[test]
    fn files_without_instructions_are_refused() {
        assert_eq!(split("\n").fault.unwrap().message, "the Dockerfile cannot be empty");
        assert_eq!(split("# a\n").fault.unwrap().message, "file with no instructions");
    }
}
