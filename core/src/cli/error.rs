//! The errors of a command line, in Docker's words and frames, with Docker's exit codes.
//!
//! Docker frames a refusal in one of a few ways: a bad flag shows the usage and exits with 125, a wrong number of arguments shows it
//! and exits with 1, a bad value of `run` names the help and exits with 125. Lines of ours start with `glassbox: `.
//! What is echoed from the user is cut at `ECHO_BYTES_MAX`.

use super::{Span, UsageError};

/// As much of a word of the user's as an error shows.
pub const ECHO_BYTES_MAX: usize = 1024;
/// The exit code of a refused flag.
pub(crate) const EXIT_FLAG: i32 = 125;
/// The exit code of a wrong number of arguments and of an unknown command.
pub(crate) const EXIT_USAGE: i32 = 1;

/// A word of the user's as an error shows it: cut where it is long.
pub(crate) fn echo(word: &str) -> String {
    if word.len() <= ECHO_BYTES_MAX {
        return word.to_string();
    }
    let end = (0..=ECHO_BYTES_MAX).rev().find(|&at| word.is_char_boundary(at)).unwrap_or(0);
    format!("{}…", word.get(..end).unwrap_or_default())
}

/// A word as Go's `%q` prints it.
pub(crate) fn quote(word: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in echo(word).chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\'' => quoted.push('\''),
            _ => push_escaped(&mut quoted, letter),
        }
    }
    quoted.push('"');
    quoted
}

/// A byte as Go's `%q` prints a letter.
pub(crate) fn quote_byte(byte: u8) -> String {
    let mut quoted = String::from("'");
    match byte {
        b'\'' => quoted.push_str("\\'"),
        b'"' => quoted.push('"'),
        _ => push_escaped(&mut quoted, char::from(byte)),
    }
    quoted.push('\'');
    quoted
}

fn push_escaped(quoted: &mut String, letter: char) {
    let code = u32::from(letter);
    match letter {
        '\\' => quoted.push_str("\\\\"),
        '\n' => quoted.push_str("\\n"),
        '\r' => quoted.push_str("\\r"),
        '\t' => quoted.push_str("\\t"),
        '\x07' => quoted.push_str("\\a"),
        '\x08' => quoted.push_str("\\b"),
        '\x0b' => quoted.push_str("\\v"),
        '\x0c' => quoted.push_str("\\f"),
        _ if code < 0x20 || code == 0x7f => quoted.push_str(&format!("\\x{code:02x}")),
        _ if is_printable(letter) => quoted.push(letter),
        _ if code > 0xffff => quoted.push_str(&format!("\\U{code:08x}")),
        _ => quoted.push_str(&format!("\\u{code:04x}")),
    }
}

/// As Go's `unicode.IsPrint` has it: of the blanks only the ASCII one is printable.
fn is_printable(letter: char) -> bool {
    letter == ' ' || (!letter.is_whitespace() && !letter.is_control() && !letter.escape_debug().to_string().starts_with("\\u"))
}

/// How Docker frames an error of a command: the words after `docker` and the rest of the usage line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    /// `container ls`; empty for `docker` itself.
    pub shown: &'a str,
    /// `[OPTIONS] IMAGE [COMMAND] [ARG...]`
    pub usage: &'a str,
}

impl Frame<'_> {
    fn program(&self) -> String {
        let own = super::table::command(self.shown).is_some_and(|(row, _)| row.own);
        format!("{} {}", if own { "glassbox" } else { "docker" }, self.shown).trim_end().to_string()
    }

    fn usage_line(&self) -> String {
        format!("Usage:  {} {}", self.program(), self.usage).trim_end().to_string()
    }

    /// A flag that is unknown, lacks a value or has a bad one.
    pub fn flag(&self, message: &str, span: Option<Span>) -> UsageError {
        let (usage, program) = (self.usage_line(), self.program());
        let message = format!("{message}\n\n{usage}\n\nRun '{program} --help' for more information");
        UsageError { message, exit_code: EXIT_FLAG, span }
    }

    /// A wrong number of arguments. `lead` is `See`, `Run` or, as Docker 28 has it in one place, `SRun`.
    pub fn arguments(&self, wanted: &str, lead: &str, span: Option<Span>) -> UsageError {
        let (usage, program) = (self.usage_line(), self.program());
        let message = format!("docker: '{program}' {wanted}\n\n{usage}\n\n{lead} '{program} --help' for more information");
        UsageError { message, exit_code: EXIT_USAGE, span }
    }

    /// A value that the command itself refuses, where Docker points at the help of `run` or `create`, never of
    /// `container run`.
    pub fn value(&self, message: &str, span: Option<Span>) -> UsageError {
        let command = self.shown.rsplit(' ').next().unwrap_or_default();
        let message = format!("docker: {message}\n\nRun 'docker {command} --help' for more information");
        UsageError { message, exit_code: EXIT_FLAG, span }
    }

    /// A word that is no command of this group.
    pub fn unknown_command(&self, word: &str, span: Span) -> UsageError {
        let program = self.program();
        let usage = if self.shown.is_empty() { String::new() } else { format!("{}\n\n", self.usage_line()) };
        let message =
            format!("docker: unknown command: {program} {}\n\n{usage}Run '{program} --help' for more information", echo(word));
        UsageError { message, exit_code: EXIT_USAGE, span: Some(span) }
    }
}

/// A bare line, as Docker prints where it frames nothing.
pub(crate) fn bare(message: &str, span: Option<Span>) -> UsageError {
    UsageError { message: message.to_string(), exit_code: EXIT_USAGE, span }
}

/// A line of ours: something is understood but not carried out yet.
pub(crate) fn not_yet(what: &str, next: &str, span: Option<Span>) -> UsageError {
    UsageError {
        message: format!("glassbox: {what} is understood but not carried out yet.\nglassbox: {next}"),
        exit_code: EXIT_FLAG,
        span,
    }
}

/// A whole command that is not carried out yet.
pub(crate) fn command_not_yet(shown: &str, span: Option<Span>) -> UsageError {
    let next = "See 'glassbox --help' for the commands that are; run this one with Docker.";
    let message = format!("glassbox: docker {shown} is not carried out yet.\nglassbox: {next}");
    UsageError { message, exit_code: EXIT_FLAG, span }
}

/// A quote that nothing closes. 2 is what a shell exits with for it.
pub(crate) fn open_quote(quote: char, at: usize) -> UsageError {
    let message = format!("glassbox: the quote {quote} at column {} is never closed: add a {quote} where the word ends", at + 1);
    UsageError { message, exit_code: 2, span: Some(Span { start: at, end: at + 1 }) }
}

/// More than `LINE_BYTES_MAX`.
pub(crate) fn too_long(bytes: usize, limit: usize) -> UsageError {
    let message = format!(
        "glassbox: the command line has {bytes} bytes, the limit is {limit} (1 MiB): pass long input in a file or through stdin"
    );
    UsageError { message, exit_code: EXIT_FLAG, span: None }
}

/// More than `WORDS_MAX`.
pub(crate) fn too_many_words(limit: usize) -> UsageError {
    let message =
        format!("glassbox: the command line has more words than the limit of {limit}: pass long input in a file or through stdin");
    UsageError { message, exit_code: EXIT_FLAG, span: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_as_go_does() {
        assert_eq!(quote("a\"b'\\\n\u{1}é\u{a0}\u{7f}"), r#""a\"b'\\\n\x01é\u00a0\x7f""#);
        assert_eq!(quote_byte(b'\''), r"'\''");
        assert_eq!(quote_byte(b'z'), "'z'");
    }

    #[test]
    fn a_long_word_is_cut_at_a_letter() {
        let shown = echo(&"é".repeat(2000));
        assert!(shown.len() <= ECHO_BYTES_MAX + 3 && shown.ends_with('…'));
    }
}
