//! Words of a command line: a typed line split as a shell splits it, or an argument vector joined to a line.
//!
//! Called by `parse_line`, `parse` and `check_grammar`. Quotes and backslashes are read; nothing is expanded: `$NAME`, `*`, `|` and
//! `;` stay letters, because whoever called has a shell before us or none at all. Never panics and reads at most `LINE_BYTES_MAX`.

use super::error;
use super::{Span, UsageError};

/// The longest command line, in bytes.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;
/// The most words of one command line.
pub const WORDS_MAX: usize = 10_000;

/// One word: what it says after unquoting, and where it stands in the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub text: String,
    pub span: Span,
    /// The word stands in the line letter for letter, so that a part of it has a place of its own.
    plain: bool,
}

impl Word {
    /// Where the bytes `start..end` of the word stand; the whole word where quotes make that unclear.
    pub fn part(&self, start: usize, end: usize) -> Span {
        match self.plain {
            true => Span { start: self.span.start + start, end: self.span.start + end },
            false => self.span,
        }
    }
}

/// A command line and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub text: String,
    pub words: Vec<Word>,
}

/// Splits a typed line.
pub(crate) fn split(line: &str) -> Result<Line, UsageError> {
    check_bytes(line.len())?;
    let mut words = Vec::new();
    let mut reader = Reader { line, at: 0 };
    while let Some(word) = reader.next_word()? {
        words.push(word);
        check_count(words.len())?;
    }
    Ok(Line { text: line.to_string(), words })
}

/// Joins the words of an argument vector, each quoted where a shell needs it.
pub(crate) fn join(argv: &[String]) -> Result<Line, UsageError> {
    check_bytes(argv.iter().map(|word| word.len().saturating_add(1)).fold(0, usize::saturating_add))?;
    check_count(argv.len())?;
    let mut text = String::new();
    let mut words = Vec::with_capacity(argv.len());
    for word in argv {
        if !words.is_empty() {
            text.push(' ');
        }
        let start = text.len();
        let plain = !needs_quotes(word);
        match plain {
            true => text.push_str(word),
            false => push_quoted(&mut text, word),
        }
        words.push(Word { text: word.clone(), span: Span { start, end: text.len() }, plain });
    }
    Ok(Line { text, words })
}

fn check_bytes(bytes: usize) -> Result<(), UsageError> {
    match bytes > LINE_BYTES_MAX {
        true => Err(error::too_long(bytes, LINE_BYTES_MAX)),
        false => Ok(()),
    }
}

fn check_count(count: usize) -> Result<(), UsageError> {
    match count > WORDS_MAX {
        true => Err(error::too_many_words(WORDS_MAX)),
        false => Ok(()),
    }
}

fn needs_quotes(word: &str) -> bool {
    let safe = |letter: char| letter.is_alphanumeric() || "-_=./:,@%+^".contains(letter);
    word.is_empty() || !word.chars().all(safe)
}

fn push_quoted(text: &mut String, word: &str) {
    text.push('\'');
    text.push_str(&word.replace('\'', r"'\''"));
    text.push('\'');
}

/// A place in a line.
struct Reader<'a> {
    line: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.line.get(self.at..).and_then(|rest| rest.chars().next())
    }

    fn take(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += letter.len_utf8();
        Some(letter)
    }

    /// A backslash before a line's end joins the two lines.
    fn take_continuation(&mut self) -> bool {
        let rest = self.line.get(self.at..).unwrap_or_default();
        let length = if rest.starts_with("\\\r\n") { 3 } else { 2 };
        let joined = rest.starts_with("\\\n") || length == 3;
        self.at += if joined { length } else { 0 };
        joined
    }

    fn skip_blanks(&mut self) {
        while self.take_continuation() || self.peek().is_some_and(char::is_whitespace) {
            if self.peek().is_some_and(char::is_whitespace) {
                self.take();
            }
        }
    }

    fn next_word(&mut self) -> Result<Option<Word>, UsageError> {
        self.skip_blanks();
        let start = self.at;
        if self.peek().is_none() {
            return Ok(None);
        }
        let mut text = String::new();
        while let Some(letter) = self.peek() {
            if self.take_continuation() {
                continue;
            }
            match letter {
                _ if letter.is_whitespace() => break,
                '\'' => self.single_quoted(&mut text)?,
                '"' => self.double_quoted(&mut text)?,
                '\\' => self.escaped(&mut text),
                _ => text.extend(self.take()),
            }
        }
        let plain = self.line.get(start..self.at) == Some(text.as_str());
        Ok(Some(Word { text, span: Span { start, end: self.at }, plain }))
    }

    fn escaped(&mut self, text: &mut String) {
        self.take();
        text.push(self.take().unwrap_or('\\'));
    }

    fn single_quoted(&mut self, text: &mut String) -> Result<(), UsageError> {
        let open = self.at;
        self.take();
        loop {
            match self.take() {
                Some('\'') => return Ok(()),
                Some(letter) => text.push(letter),
                None => return Err(error::open_quote('\'', open)),
            }
        }
    }

    /// Between double quotes a backslash keeps its meaning only before `"`, `\`, `$`, a backquote and a line's end.
    fn double_quoted(&mut self, text: &mut String) -> Result<(), UsageError> {
        let open = self.at;
        self.take();
        loop {
            if self.take_continuation() {
                continue;
            }
            match self.take() {
                Some('"') => return Ok(()),
                Some('\\') if self.peek().is_some_and(|next| "\"\\$`".contains(next)) => text.extend(self.take()),
                Some(letter) => text.push(letter),
                None => return Err(error::open_quote('"', open)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        split(line).unwrap().words.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn splits_as_a_shell_does() {
        assert_eq!(texts("run  -e 'A=b c' \"d\\\"e\" f\\ g ''"), ["run", "-e", "A=b c", "d\"e", "f g", ""]);
        assert_eq!(texts("a\\\n b \\\n\\\n c\t"), ["a", "b", "c"]);
        assert_eq!(texts("\"a\\b\" $HOME|x \\"), ["a\\b", "$HOME|x", "\\"]);
        assert_eq!(texts("  "), Vec::<String>::new());
    }

    #[test]
    fn spans_are_bytes_of_the_typed_line() {
        let line = split("run é 'x y'").unwrap();
        let spans: Vec<_> = line.words.iter().map(|word| &line.text[word.span.start..word.span.end]).collect();
        assert_eq!(spans, ["run", "é", "'x y'"]);
        assert_eq!(line.words[0].part(1, 2), Span { start: 1, end: 2 });
        assert_eq!(line.words[2].part(0, 1), line.words[2].span);
    }

    #[test]
    fn an_open_quote_names_its_place() {
        let error = split("run 'x").unwrap_err();
        assert_eq!(error.span, Some(Span { start: 4, end: 5 }));
        assert!(error.message.contains("column 5"), "{}", error.message);
    }

    #[test]
    fn joined_words_split_into_the_same_words() {
        let argv: Vec<String> = ["run", "", "it's", "a b", "\"", "\\", "é", "$x", "a\nb"].map(String::from).into();
        let line = join(&argv).unwrap();
        assert_eq!(texts(&line.text), argv);
        assert_eq!(split(&line.text).unwrap().words[3].span, line.words[3].span);
    }

    #[test]
    fn limits_are_named() {
        let error = join(&["x".repeat(10_000_000)]).unwrap_err();
        assert!(error.message.contains("1048576") && error.message.len() < 400, "{}", error.message);
        let error = split(&"x ".repeat(WORDS_MAX + 1)).unwrap_err();
        assert!(error.message.contains("10000"), "{}", error.message);
    }
}
