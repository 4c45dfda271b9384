//! Tokens: operators, newlines, words. Here-documents are read where their line ends.

use std::sync::{Arc, OnceLock};

use super::parse::{Parser, Problem};
use super::syntax::{Part, Word};
use crate::userland::sys::Fd;

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// An operator or a newline.
    Operator(&'static str),
    /// A word.
    Word(Word),
    /// The number right before `<` or `>`.
    Number(Fd),
    /// The end of the text.
    End,
}

/// Longest first, so that the first that fits is right.
const OPERATORS: &[&str] =
    &["<<-", "&&", "||", ";;", "<<", ">>", "<&", ">&", "<>", ">|", "&>", ";", "&", "|", "(", ")", "<", ">", "\n"];

/// A here-document whose body is still to come.
#[derive(Clone, Debug)]
pub(crate) struct PendingHere {
    pub(crate) delimiter: String,
    pub(crate) quoted: bool,
    pub(crate) strip_tabs: bool,
    pub(crate) body: Arc<OnceLock<Word>>,
}

impl Parser<'_> {
    /// The next token, left in place.
    pub(crate) fn peek(&mut self) -> Result<&Token, Problem> {
        if self.peeked.is_none() {
            let token = self.scan()?;
            self.peeked = Some(token);
        }
        Ok(self.peeked.as_ref().unwrap_or(&Token::End))
    }

    /// The next token.
    pub(crate) fn next(&mut self) -> Result<Token, Problem> {
        self.peek()?;
        Ok(self.peeked.take().unwrap_or(Token::End))
    }

    /// Takes this operator if it is next.
    pub(crate) fn take_operator(&mut self, wanted: &str) -> Result<bool, Problem> {
        let found = matches!(self.peek()?, Token::Operator(operator) if *operator == wanted);
        if found {
            self.peeked = None;
        }
        Ok(found)
    }

    fn scan(&mut self) -> Result<Token, Problem> {
        self.skip_blanks();
        let rest = self.rest();
        if rest.is_empty() {
            return Ok(Token::End);
        }
        if let Some(operator) = OPERATORS.iter().find(|operator| rest.starts_with(**operator)) {
            self.at += operator.len();
            if *operator == "\n" {
                self.line += 1;
                self.read_here_bodies()?;
            }
            return Ok(Token::Operator(operator));
        }
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits > 0 && digits < 5 && rest[digits..].starts_with(['<', '>']) {
            let number = rest[..digits].parse().unwrap_or(0);
            self.at += digits;
            return Ok(Token::Number(number));
        }
        self.word().map(Token::Word)
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            if rest.starts_with([' ', '\t', '\r']) {
                self.at += 1;
            } else if rest.starts_with("\\\n") {
                self.at += 2;
                self.line += 1;
            } else if rest.starts_with('#') {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else {
                return;
            }
        }
    }

    fn read_here_bodies(&mut self) -> Result<(), Problem> {
        for pending in std::mem::take(&mut self.pending) {
            let mut body = String::new();
            loop {
                let rest = self.rest();
                if rest.is_empty() {
                    return Err(self.incomplete());
                }
                let end = rest.find('\n').unwrap_or(rest.len());
                let (line, ended) = (&rest[..end], end < rest.len());
                let line = if pending.strip_tabs { line.trim_start_matches('\t') } else { line };
                let is_last = line == pending.delimiter;
                if !is_last {
                    body.push_str(line);
                    body.push('\n');
                }
                self.at += end + usize::from(ended);
                self.line += u32::from(ended);
                if is_last {
                    break;
                }
            }
            let word = if pending.quoted {
                Word(vec![Part::Text { text: body, quoted: true }])
            } else {
                Parser::nested(&body, self.line, self.depth + 1)?.here_text()?
            };
            let _ = pending.body.set(word);
        }
        Ok(())
    }
}
