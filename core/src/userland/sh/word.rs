//! Words: quotes, escapes, `$…` and backquotes.

use super::parse::{Parser, Problem};
use super::syntax::{Action, Part, Word, is_name};

/// Where a stretch of text ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// At a blank or an operator.
    WordEnd,
    /// At `"`.
    Quote,
    /// At `}`, unquoted inside.
    Brace,
    /// At `}`, within double quotes.
    QuotedBrace,
    /// At `))`.
    Parentheses,
    /// At the end of the text: a here-document.
    TextEnd,
}

impl Until {
    /// Whether the text counts as being within double quotes.
    fn quoted(self) -> bool {
        !matches!(self, Until::WordEnd | Until::Brace)
    }
}

fn push_text(parts: &mut Vec<Part>, more: &str, is_quoted: bool) {
    match parts.last_mut() {
        Some(Part::Text { text, quoted }) if *quoted == is_quoted => text.push_str(more),
        _ => parts.push(Part::Text { text: more.to_string(), quoted: is_quoted }),
    }
}

impl Parser<'_> {
    /// A word, up to a blank or an operator.
    pub(crate) fn word(&mut self) -> Result<Word, Problem> {
        self.stretch(Until::WordEnd)
    }

    /// All the text, as in double quotes.
    pub(crate) fn here_text(&mut self) -> Result<Word, Problem> {
        self.stretch(Until::TextEnd)
    }

    fn stretch(&mut self, until: Until) -> Result<Word, Problem> {
        self.deeper()?;
        let mut parts = Vec::new();
        let mut nested = 0;
        loop {
            let Some(c) = self.first() else {
                if matches!(until, Until::WordEnd | Until::TextEnd) {
                    break;
                }
                return Err(self.incomplete());
            };
            let ends = match until {
                Until::WordEnd => " \t\r\n;&|<>()".contains(c),
                Until::Quote => c == '"',
                Until::Brace | Until::QuotedBrace => c == '}',
                Until::Parentheses => nested == 0 && c == ')',
                Until::TextEnd => false,
            };
            if ends {
                break;
            }
            if until == Until::Parentheses {
                nested += i32::from(c == '(') - i32::from(c == ')');
            }
            self.piece(c, until, &mut parts)?;
        }
        self.depth -= 1;
        Ok(Word(parts))
    }

    fn piece(&mut self, c: char, until: Until, parts: &mut Vec<Part>) -> Result<(), Problem> {
        let quoted = until.quoted();
        match c {
            '\\' => self.escape(until, parts),
            '\'' if !quoted => self.single_quoted(parts),
            '"' if !matches!(until, Until::TextEnd | Until::Parentheses) => {
                self.at += 1;
                let inner = self.stretch(Until::Quote)?;
                self.at += 1;
                if inner.0.is_empty() {
                    push_text(parts, "", true);
                }
                parts.extend(inner.0);
                Ok(())
            }
            '$' => {
                self.at += 1;
                self.dollar(quoted, parts)
            }
            '`' => {
                self.at += 1;
                self.backquoted(quoted, parts)
            }
            '~' if until == Until::WordEnd && parts.is_empty() => {
                self.at += 1;
                let alone = self.first().is_none_or(|next| " \t\n/;&|<>()".contains(next));
                parts.push(if alone { Part::Home } else { Part::Text { text: "~".to_string(), quoted: false } });
                Ok(())
            }
            _ => {
                self.at += c.len_utf8();
                self.line += u32::from(c == '\n');
                let mut buffer = [0; 4];
                push_text(parts, c.encode_utf8(&mut buffer), quoted);
                Ok(())
            }
        }
    }

    fn escape(&mut self, until: Until, parts: &mut Vec<Part>) -> Result<(), Problem> {
        self.at += 1;
        let Some(c) = self.first() else {
            if matches!(until, Until::TextEnd) {
                push_text(parts, "\\", true);
                return Ok(());
            }
            if until == Until::WordEnd && self.whole {
                push_text(parts, "\\", true);
                return Ok(());
            }
            return Err(self.incomplete());
        };
        self.at += c.len_utf8();
        if c == '\n' {
            self.line += 1;
            return Ok(());
        }
        let special = match until {
            Until::WordEnd | Until::Brace => true,
            Until::Quote | Until::QuotedBrace => "$`\"\\".contains(c) || (until == Until::QuotedBrace && c == '}'),
            Until::TextEnd | Until::Parentheses => "$`\\".contains(c),
        };
        if !special {
            push_text(parts, "\\", true);
        }
        let mut buffer = [0; 4];
        push_text(parts, c.encode_utf8(&mut buffer), true);
        Ok(())
    }

    fn single_quoted(&mut self, parts: &mut Vec<Part>) -> Result<(), Problem> {
        self.at += 1;
        let Some(end) = self.rest().find('\'') else { return Err(self.incomplete()) };
        let text = self.rest()[..end].to_string();
        self.line += text.matches('\n').count() as u32;
        self.at += end + 1;
        push_text(parts, &text, true);
        Ok(())
    }

    fn dollar(&mut self, quoted: bool, parts: &mut Vec<Part>) -> Result<(), Problem> {
        match self.first() {
            Some('(') if self.rest().starts_with("((") => self.arithmetic(quoted, parts),
            Some('(') => {
                self.at += 1;
                let body = self.nested_list()?;
                parts.push(Part::Command { body, quoted });
                Ok(())
            }
            Some('{') => {
                self.at += 1;
                let part = self.braced(quoted)?;
                parts.push(part);
                Ok(())
            }
            Some(c) if "@*#?$!-".contains(c) || c.is_ascii_digit() => {
                self.at += 1;
                parts.push(Part::Parameter { name: c.to_string(), action: Action::Value, quoted });
                Ok(())
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let name = self.name();
                parts.push(Part::Parameter { name, action: Action::Value, quoted });
                Ok(())
            }
            _ => {
                push_text(parts, "$", quoted);
                Ok(())
            }
        }
    }

    /// `$((…))`; where it does not end in `))`, it is a command substitution that starts with a subshell.
    /// Looking ahead decides, never trying: trying twice at each level would take time without bound.
    fn arithmetic(&mut self, quoted: bool, parts: &mut Vec<Part>) -> Result<(), Problem> {
        if !self.closes_twice()? {
            self.at += 1;
            let body = self.nested_list()?;
            parts.push(Part::Command { body, quoted });
            return Ok(());
        }
        self.at += 2;
        let expression = self.stretch(Until::Parentheses)?;
        if !self.rest().starts_with("))") {
            return Err(self.syntax_error("bad arithmetic expression"));
        }
        self.at += 2;
        parts.push(Part::Arithmetic { expression, quoted });
        Ok(())
    }

    /// Whether the two parentheses here are closed by `))`.
    fn closes_twice(&self) -> Result<bool, Problem> {
        let bytes = self.rest().as_bytes();
        let (mut open, mut at) = (0, 0);
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'\\' => at += 1,
                b'(' => open += 1,
                b')' if open == 2 => return Ok(bytes.get(at + 1) == Some(&b')')),
                b')' => open -= 1,
                _ => {}
            }
            at += 1;
        }
        Err(self.incomplete())
    }

    fn name(&mut self) -> String {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = rest[..end].to_string();
        self.at += end;
        name
    }

    fn parameter_name(&mut self) -> Result<String, Problem> {
        match self.first() {
            Some(c) if "@*#?$!-".contains(c) => {
                self.at += 1;
                Ok(c.to_string())
            }
            Some(_) => {
                let name = self.name();
                let valid = is_name(&name) || (!name.is_empty() && name.chars().all(|c| c.is_ascii_digit()));
                if valid { Ok(name) } else { Err(self.syntax_error("bad substitution")) }
            }
            None => Err(self.incomplete()),
        }
    }

    /// What follows `${`.
    fn braced(&mut self, quoted: bool) -> Result<Part, Problem> {
        let length = self.rest().starts_with('#') && !self.rest().starts_with("#}");
        self.at += usize::from(length);
        let name = self.parameter_name()?;
        let action = if length { Action::Length } else { self.action(quoted)? };
        match self.first() {
            Some('}') => {
                self.at += 1;
                Ok(Part::Parameter { name, action, quoted })
            }
            Some(_) => Err(self.syntax_error("bad substitution")),
            None => Err(self.incomplete()),
        }
    }

    fn action(&mut self, quoted: bool) -> Result<Action, Problem> {
        let colon = self.rest().starts_with(':');
        self.at += usize::from(colon);
        let Some(operator) = self.first() else { return Err(self.incomplete()) };
        if operator == '}' && !colon {
            return Ok(Action::Value);
        }
        self.at += operator.len_utf8();
        if matches!(operator, '#' | '%') && !colon {
            let longest = self.first() == Some(operator);
            self.at += usize::from(longest);
            let word = self.stretch(Until::Brace)?;
            return Ok(Action::Trim { suffix: operator == '%', longest, word });
        }
        if !matches!(operator, '-' | '=' | '+' | '?') {
            return Err(self.syntax_error("bad substitution"));
        }
        let word = self.stretch(if quoted { Until::QuotedBrace } else { Until::Brace })?;
        Ok(match operator {
            '-' => Action::Default { colon, word },
            '=' => Action::Assign { colon, word },
            '+' => Action::Alternative { colon, word },
            _ => Action::Require { colon, word },
        })
    }

    fn backquoted(&mut self, quoted: bool, parts: &mut Vec<Part>) -> Result<(), Problem> {
        let mut text = String::new();
        loop {
            let Some(c) = self.first() else { return Err(self.incomplete()) };
            self.at += c.len_utf8();
            match c {
                '`' => break,
                '\\' => match self.first() {
                    Some(next) if "$`\\".contains(next) || (quoted && next == '"') => {
                        self.at += 1;
                        text.push(next);
                    }
                    _ => text.push('\\'),
                },
                _ => {
                    self.line += u32::from(c == '\n');
                    text.push(c);
                }
            }
        }
        let body = Parser::nested(&text, self.line, self.depth + 1)?.whole_text()?;
        parts.push(Part::Command { body, quoted });
        Ok(())
    }
}
