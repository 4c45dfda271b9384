//! sed(1): s, d, p, q, a, i, c, =, y, with addresses, -n, -e, -i, -E.

use super::expression::{Expression, Extent, Syntax};
use super::gather::{content, put};
use super::sys::OpenFlags;
use super::tool::Context;

/// Where a command applies.
#[derive(Clone, Debug)]
enum Address {
    Line(usize),
    Last,
    Matching(Expression),
}

#[derive(Clone, Debug)]
enum Action {
    Substitute { what: Expression, with: String, all: bool, nth: usize, print: bool },
    Delete,
    Print,
    Quit,
    Append(String),
    Insert(String),
    Change(String),
    Number,
    Translate(Vec<char>, Vec<char>),
}

#[derive(Clone, Debug)]
struct Command {
    from: Option<Address>,
    to: Option<Address>,
    negated: bool,
    action: Action,
}

/// How it was called.
#[derive(Clone, Debug, Default)]
struct Call {
    scripts: Vec<String>,
    files: Vec<String>,
    quiet: bool,
    extended: bool,
    /// `-i`, and what is added to the name of the old file.
    in_place: Option<String>,
}

fn call(args: &[String]) -> Option<Call> {
    let mut call = Call::default();
    let mut explicit = false;
    let mut rest = args.iter();
    let mut operands: Vec<String> = Vec::new();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "-e" | "--expression" => {
                explicit = true;
                call.scripts.push(rest.next()?.clone());
            }
            "--quiet" | "--silent" => call.quiet = true,
            "--regexp-extended" => call.extended = true,
            "--in-place" => call.in_place = Some(String::new()),
            word if word.starts_with("-i") => call.in_place = Some(word[2..].to_string()),
            word if word.starts_with("-e") && !word.starts_with("--") => {
                explicit = true;
                call.scripts.push(word[2..].to_string());
            }
            word if word.starts_with('-') && word.len() > 1 && !word.starts_with("--") => {
                for letter in word[1..].chars() {
                    match letter {
                        'n' => call.quiet = true,
                        'E' | 'r' => call.extended = true,
                        'i' => call.in_place = Some(String::new()),
                        'e' => {
                            explicit = true;
                            call.scripts.push(rest.next()?.clone());
                        }
                        's' | 'u' | 'z' => {}
                        _ => return None,
                    }
                }
            }
            word => operands.push(word.to_string()),
        }
    }
    if !explicit {
        if operands.is_empty() {
            return None;
        }
        call.scripts.push(operands.remove(0));
    }
    call.files = operands;
    Some(call)
}

/// The files of a command line; `None`: it is not understood.
pub(super) fn files(args: &[String]) -> Option<Vec<String>> {
    call(args).map(|call| call.files)
}

/// sed(1)
pub(super) fn sed(context: &mut Context<'_>, args: &[String], input: &[u8]) -> i32 {
    let Some(call) = call(args) else { return context.fail("usage: sed [-n] [-E] [-i] script [file]...") };
    let commands = match (Reader { chars: call.scripts.join("\n").chars().collect(), at: 0, extended: call.extended }).commands() {
        Ok(commands) => commands,
        Err(message) => return context.fail(&format!("-e expression #1: {message}")),
    };
    let files = if call.files.is_empty() { vec!["-".to_string()] } else { call.files.clone() };
    let mut status = 0;
    for file in files {
        let bytes = match content(context, &file, input) {
            Ok(bytes) => bytes,
            Err(failed) => {
                status = failed;
                continue;
            }
        };
        let text = edited(&commands, &String::from_utf8_lossy(&bytes), call.quiet);
        match &call.in_place {
            None => context.out.out(&text),
            Some(suffix) => {
                let kept =
                    if suffix.is_empty() { Ok(()) } else { put(context, &format!("{file}{suffix}"), &bytes, OpenFlags::REPLACE) };
                if let Err(errno) = kept.and_then(|()| put(context, &file, text.as_bytes(), OpenFlags::REPLACE)) {
                    status = context.fail_with(&file, errno);
                }
            }
        }
    }
    status
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    extended: bool,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn skip(&mut self, letters: &str) {
        while self.peek().is_some_and(|letter| letters.contains(letter)) {
            self.at += 1;
        }
    }

    fn commands(&mut self) -> Result<Vec<Command>, String> {
        let mut all = Vec::new();
        loop {
            self.skip(" \t\n;");
            if self.peek().is_none() {
                return Ok(all);
            }
            let from = self.address()?;
            let to = if self.peek() == Some(',') {
                self.at += 1;
                self.address()?
            } else {
                None
            };
            self.skip(" \t");
            let negated = self.peek() == Some('!');
            self.at += usize::from(negated);
            let action = self.action()?;
            all.push(Command { from, to, negated, action });
        }
    }

    fn address(&mut self) -> Result<Option<Address>, String> {
        Ok(match self.peek() {
            Some('$') => {
                self.at += 1;
                Some(Address::Last)
            }
            Some('/') => {
                self.at += 1;
                let pattern = self.until('/')?;
                Some(Address::Matching(self.expression(&pattern, false)?))
            }
            Some(digit) if digit.is_ascii_digit() => {
                let digits: String = self.chars[self.at..].iter().take_while(|letter| letter.is_ascii_digit()).collect();
                self.at += digits.len();
                Some(Address::Line(digits.parse().unwrap_or(usize::MAX)))
            }
            _ => None,
        })
    }

    fn expression(&self, pattern: &str, fold_case: bool) -> Result<Expression, String> {
        let syntax = if self.extended { Syntax::Extended } else { Syntax::Basic };
        Expression::parse(pattern, syntax, Extent::Anywhere, fold_case)
    }

    /// Up to the separator; before it a backslash makes it stand for itself.
    fn until(&mut self, separator: char) -> Result<String, String> {
        let mut text = String::new();
        while let Some(letter) = self.peek() {
            self.at += 1;
            match letter {
                letter if letter == separator => return Ok(text),
                '\\' if self.peek() == Some(separator) => {
                    text.push(separator);
                    self.at += 1;
                }
                '\\' => {
                    text.push('\\');
                    text.extend(self.peek());
                    self.at += 1;
                }
                letter => text.push(letter),
            }
        }
        Err("unterminated `s' command".to_string())
    }

    fn rest_of_line(&mut self) -> String {
        self.skip(" \t");
        if self.peek() == Some('\\') {
            self.at += 1;
            self.skip(" \t\n");
        }
        let line: String = self.chars[self.at..].iter().take_while(|letter| **letter != '\n').collect();
        self.at += line.chars().count();
        line.replace("\\n", "\n").replace("\\t", "\t")
    }

    fn action(&mut self) -> Result<Action, String> {
        let letter = self.peek().ok_or_else(|| "missing command".to_string())?;
        self.at += 1;
        Ok(match letter {
            's' => self.substitution()?,
            'd' | 'D' => Action::Delete,
            'p' => Action::Print,
            'q' => Action::Quit,
            '=' => Action::Number,
            'a' => Action::Append(self.rest_of_line()),
            'i' => Action::Insert(self.rest_of_line()),
            'c' => Action::Change(self.rest_of_line()),
            'y' => {
                let separator = self.separator()?;
                let (from, to) = (self.until(separator)?, self.until(separator)?);
                Action::Translate(from.chars().collect(), to.chars().collect())
            }
            other => return Err(format!("unknown command: `{other}'")),
        })
    }

    fn separator(&mut self) -> Result<char, String> {
        let separator = self.peek().ok_or_else(|| "unterminated `s' command".to_string())?;
        self.at += 1;
        Ok(separator)
    }

    fn substitution(&mut self) -> Result<Action, String> {
        let separator = self.separator()?;
        let (what, with) = (self.until(separator)?, self.until(separator)?);
        let (mut all, mut print, mut fold, mut nth) = (false, false, false, 1);
        while let Some(letter) = self.peek().filter(|letter| !"; \t\n}".contains(*letter)) {
            self.at += 1;
            match letter {
                'g' => all = true,
                'p' => print = true,
                'i' | 'I' => fold = true,
                digit if digit.is_ascii_digit() => nth = digit as usize - '0' as usize,
                _ => return Err("unknown option to `s'".to_string()),
            }
        }
        Ok(Action::Substitute { what: self.expression(&what, fold)?, with, all, nth, print })
    }
}

fn edited(commands: &[Command], text: &str, quiet: bool) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut inside = vec![false; commands.len()];
    let mut out = String::new();
    for (at, line) in lines.iter().enumerate() {
        let mut line = (*line).to_string();
        let (mut after, mut deleted, mut quits) = (String::new(), false, false);
        for (number, command) in commands.iter().enumerate() {
            if !applies(command, &mut inside[number], (at + 1, lines.len()), &line) {
                continue;
            }
            match &command.action {
                Action::Delete => deleted = true,
                Action::Print => out.push_str(&format!("{line}\n")),
                Action::Quit => quits = true,
                Action::Number => out.push_str(&format!("{}\n", at + 1)),
                Action::Append(text) => after.push_str(&format!("{text}\n")),
                Action::Insert(text) => out.push_str(&format!("{text}\n")),
                Action::Change(text) => {
                    out.push_str(&format!("{text}\n"));
                    deleted = true;
                }
                Action::Translate(from, to) => {
                    let new = |letter: char| from.iter().position(|known| *known == letter).and_then(|at| to.get(at).copied());
                    line = line.chars().map(|letter| new(letter).unwrap_or(letter)).collect();
                }
                Action::Substitute { what, with, all, nth, print } => {
                    if let Some(new) = substituted(what, with, (*all, *nth), &line) {
                        line = new;
                        if *print {
                            out.push_str(&format!("{line}\n"));
                        }
                    }
                }
            }
            if deleted || quits {
                break;
            }
        }
        if !deleted && !quiet {
            let ends = at + 1 < lines.len() || text.ends_with('\n') || !after.is_empty();
            out.push_str(&line);
            out.push_str(if ends { "\n" } else { "" });
        }
        out.push_str(&after);
        if quits {
            break;
        }
    }
    out
}

fn is_at(address: &Address, (number, count): (usize, usize), line: &str) -> bool {
    match address {
        Address::Line(wanted) => *wanted == number,
        Address::Last => number == count,
        Address::Matching(expression) => expression.matches(line),
    }
}

fn applies(command: &Command, inside: &mut bool, at: (usize, usize), line: &str) -> bool {
    let found = match (&command.from, &command.to) {
        (None, _) => true,
        (Some(from), None) => is_at(from, at, line),
        (Some(from), Some(to)) => {
            if *inside {
                *inside = !is_at(to, at, line);
                true
            } else {
                let begins = is_at(from, at, line);
                *inside = begins && !matches!(to, Address::Line(end) if *end <= at.0);
                begins
            }
        }
    };
    found != command.negated
}

/// The line with what was found replaced; `None`: nothing was found.
fn substituted(what: &Expression, with: &str, (all, nth): (bool, usize), line: &str) -> Option<String> {
    let (mut out, mut from, mut count) = (String::new(), 0, 0);
    let mut changed = false;
    while let Some(groups) = what.groups_at(line, from) {
        let (start, end) = groups.first().copied().flatten()?;
        count += 1;
        out.push_str(&line[from..start]);
        if all || count == nth {
            out.push_str(&filled(with, line, &groups));
            changed = true;
        } else {
            out.push_str(&line[start..end]);
        }
        from = end;
        if start == end {
            let Some(letter) = line[end..].chars().next() else { break };
            out.push(letter);
            from += letter.len_utf8();
        }
        if (changed && !all) || from > line.len() {
            break;
        }
    }
    out.push_str(line.get(from..).unwrap_or_default());
    changed.then_some(out)
}

/// `&` and `\1` in a replacement.
fn filled(with: &str, line: &str, groups: &[Option<(usize, usize)>]) -> String {
    let group =
        |number: usize| groups.get(number).copied().flatten().and_then(|(start, end)| line.get(start..end)).unwrap_or_default();
    let mut out = String::new();
    let mut chars = with.chars();
    while let Some(letter) = chars.next() {
        match letter {
            '&' => out.push_str(group(0)),
            '\\' => match chars.next() {
                Some(digit) if digit.is_ascii_digit() => out.push_str(group(digit as usize - '0' as usize)),
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str, extended: bool, text: &str) -> String {
        let commands = Reader { chars: script.chars().collect(), at: 0, extended }.commands().unwrap();
        edited(&commands, text, false)
    }

    #[test]
    fn what_dockerfiles_do_with_sed() {
        assert_eq!(run("s/a/b/", false, "aa\na\n"), "ba\nb\n");
        assert_eq!(run("s|http://|https://|g", false, "x http:// http://\n"), "x https:// https://\n");
        assert_eq!(run("s/^#\\(Port\\) 22/\\1 2222/", false, "#Port 22\n"), "Port 2222\n");
        assert_eq!(run("s/([0-9]+)/<\\1>/", true, "v12\n"), "v<12>\n");
        assert_eq!(run("/^#/d;$d", false, "#a\nb\nc\n"), "b\n");
        assert_eq!(run("1i first", false, "a\n"), "first\na\n");
        assert_eq!(run("2,3d", false, "a\nb\nc\nd\n"), "a\nd\n");
    }
}
