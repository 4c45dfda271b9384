//! grep's patterns: POSIX basic and extended regular expressions, regex(7), turned into those of `regex_lite`.
//!
//! ```text
//! text ─syntax (-G, -E)─▶ pieces ─write─▶ regex_lite
//! ```
//! What cannot be turned (back-references, `[[.a.]]`, an unmatched bracket) is an error and never a pattern that finds nothing.

use regex_lite::{Regex, RegexBuilder};

use super::pattern::Class;

/// How a pattern is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// `-F`: every character stands for itself.
    Fixed,
    /// Basic: `\(`, `\|`, `\{` have a meaning.
    Basic,
    /// `-E`: `(`, `|`, `{` have one.
    Extended,
}

/// Where in a line a pattern has to match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Anywhere.
    Anywhere,
    /// `-w`: between characters that belong to no word.
    Words,
    /// `-x`
    Line,
}

/// The largest compiled expression.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// The most times that an interval repeats: RE_DUP_MAX.
const REPEATED_MAX: u32 = 32_767;

/// A line up to this length is searched for the longest of several alternatives, as POSIX has it; of a longer one the first is taken.
const LONGEST_BYTES_MAX: usize = 4096;

/// A pattern, ready to match.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    regex: Regex,
    /// The same from a place of the line to its end; only where alternatives can differ in length.
    whole: Option<Regex>,
}

impl Expression {
    /// Reads `pattern`; the error is grep's, without its name.
    pub(crate) fn parse(pattern: &str, syntax: Syntax, extent: Extent, fold_case: bool) -> Result<Expression, String> {
        let inner = match syntax {
            Syntax::Fixed => regex_lite::escape(pattern),
            _ => translate(pattern, syntax == Syntax::Extended)?,
        };
        let text = match extent {
            Extent::Anywhere => inner.clone(),
            Extent::Words => format!(r"\b{{start-half}}(?:{inner})\b{{end-half}}"),
            Extent::Line => format!("^(?:{inner})$"),
        };
        let whole = if inner.contains('|') { Some(compiled(&format!("^(?:{inner})$"), fold_case)?) } else { None };
        Ok(Expression { regex: compiled(&text, fold_case)?, whole })
    }

    /// Whether it is found in the line.
    pub(crate) fn matches(&self, line: &str) -> bool {
        self.regex.is_match(line)
    }

    /// Where it and its groups are found first from byte `from` on; the whole stands first.
    pub(crate) fn groups_at(&self, line: &str, from: usize) -> Option<Vec<Option<(usize, usize)>>> {
        let found = self.regex.captures_at(line, from)?;
        Some((0..found.len()).map(|number| found.get(number).map(|group| (group.start(), group.end()))).collect())
    }

    /// Where it is found first from byte `from` on: the leftmost, and of these the longest.
    pub(crate) fn find_at(&self, line: &str, from: usize) -> Option<(usize, usize)> {
        let found = self.regex.find_at(line, from)?;
        let (start, end) = (found.start(), found.end());
        let Some(whole) = self.whole.as_ref().filter(|_| line.len() <= LONGEST_BYTES_MAX) else { return Some((start, end)) };
        let longer = (end + 1..=line.len()).rev().filter(|at| line.is_char_boundary(*at));
        let longest = longer.filter_map(|at| Some((at, line.get(start..at)?))).find(|(_, text)| whole.is_match(text));
        Some((start, longest.map_or(end, |(at, _)| at)))
    }
}

fn compiled(text: &str, fold_case: bool) -> Result<Regex, String> {
    let built = RegexBuilder::new(text).case_insensitive(fold_case).size_limit(COMPILED_BYTES_MAX).build();
    built.map_err(|error| format!("pattern not supported: {error}"))
}

/// A piece of a pattern, whatever its syntax.
enum Piece {
    /// One character or class, as regex_lite writes it.
    Atom(String),
    /// `^`, `$`, `\b`: matches no character.
    Look(&'static str),
    Open,
    Close,
    Or,
    /// `*`, `+`, `?`, `{2,3}`
    Repeat(String),
}

fn translate(pattern: &str, extended: bool) -> Result<String, String> {
    let chars: Vec<char> = pattern.chars().collect();
    let mut writer = Writer::default();
    let mut at = 0;
    while at < chars.len() {
        let (piece, used) = piece(&chars, at, extended, writer.begins)?;
        at += used;
        writer.write(piece)?;
    }
    if writer.open.is_empty() { Ok(writer.out) } else { Err(r"Unmatched ( or \(".to_string()) }
}

/// The piece at `at` and how many characters it takes. `begins`: nothing that could be repeated stands before it.
fn piece(chars: &[char], at: usize, extended: bool, begins: bool) -> Result<(Piece, usize), String> {
    let rest = chars.get(at + 1..).unwrap_or_default();
    let literal = |c: char| Piece::Atom(regex_lite::escape(c.encode_utf8(&mut [0; 4])));
    Ok(match chars[at] {
        '\\' => match rest.first() {
            None => return Err("Trailing backslash".to_string()),
            Some(c) if !extended && "(){|+?".contains(*c) => special(*c, rest.get(1..).unwrap_or_default(), begins, 2, extended)?,
            Some(c) => (escaped(*c)?, 2),
        },
        '[' => class(rest)?,
        '.' => (Piece::Atom(".".into()), 1),
        '*' if begins => (literal('*'), 1),
        '*' => (Piece::Repeat("*".into()), 1),
        '^' if extended || begins && is_start(chars, at) => (Piece::Look("^"), 1),
        '$' if extended || is_end(rest) => (Piece::Look("$"), 1),
        c if extended && "(){|+?".contains(c) => special(c, rest, begins, 1, extended)?,
        c => (literal(c), 1),
    })
}

/// In a basic expression `^` is an anchor only where an expression begins.
fn is_start(chars: &[char], at: usize) -> bool {
    at == 0 || matches!(chars.get(at.wrapping_sub(2)..at), Some(['\\', '(' | '|']))
}

fn is_end(rest: &[char]) -> bool {
    rest.is_empty() || matches!(rest, ['\\', ')' | '|', ..])
}

/// `( ) { | + ?` where they have a meaning; `used`: characters up to and with it.
fn special(c: char, rest: &[char], begins: bool, used: usize, extended: bool) -> Result<(Piece, usize), String> {
    let literal = |c: char| (Piece::Atom(regex_lite::escape(c.encode_utf8(&mut [0; 4]))), used);
    Ok(match c {
        '(' => (Piece::Open, used),
        ')' => (Piece::Close, used),
        '|' => (Piece::Or, used),
        '+' | '?' if begins => literal(c),
        '+' | '?' => (Piece::Repeat(c.to_string()), used),
        _ => match interval(rest, extended)? {
            Some((text, more)) if !begins => (Piece::Repeat(text), used + more),
            Some(_) => return Err("Invalid preceding regular expression".to_string()),
            None => literal(c),
        },
    })
}

/// What follows `{`: `2}`, `2,}`, `,3}`, `2,3}`, in basic expressions with `\}`. `None`: the brace stands for itself.
fn interval(rest: &[char], extended: bool) -> Result<Option<(String, usize)>, String> {
    let inside = rest.iter().take_while(|c| c.is_ascii_digit() || **c == ',').count();
    let close: &[char] = if extended { &['}'] } else { &['\\', '}'] };
    let text: String = rest.iter().take(inside).collect();
    let (least, most) = text.split_once(',').unwrap_or((&text, &text));
    if !rest.get(inside..).is_some_and(|after| after.starts_with(close)) || text.is_empty() || most.contains(',') {
        return if extended { Ok(None) } else { Err(r"Invalid content of \{\}".to_string()) };
    }
    let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number <= REPEATED_MAX).ok_or("Regular expression too big");
    let least = if least.is_empty() { 0 } else { number(least)? };
    let most = if most.is_empty() { None } else { Some(number(most)?) };
    if most.is_some_and(|most| most < least) {
        return Err(r"Invalid content of \{\}".to_string());
    }
    let most = most.map_or_else(String::new, |most| most.to_string());
    Ok(Some((format!("{{{least},{most}}}"), inside + close.len())))
}

fn escaped(c: char) -> Result<Piece, String> {
    Ok(match c {
        '<' => Piece::Look(r"\b{start}"),
        '>' => Piece::Look(r"\b{end}"),
        'b' => Piece::Look(r"\b"),
        'B' => Piece::Look(r"\B"),
        'w' | 'W' | 's' | 'S' => Piece::Atom(format!("\\{c}")),
        '1'..='9' => return Err(format!("back-references (\\{c}) are not supported")),
        c if c.is_ascii_alphanumeric() => return Err(format!("\\{c} is not supported")),
        c => Piece::Atom(regex_lite::escape(c.encode_utf8(&mut [0; 4]))),
    })
}

/// What follows `[`.
fn class(rest: &[char]) -> Result<(Piece, usize), String> {
    let unmatched = || "Unmatched [, [^, [:, [., or [=".to_string();
    // To grep `!` is a member like any other.
    let (class, used) = Class::parse_regular(rest).ok_or_else(unmatched)?;
    let inside: String = rest.iter().take(used).collect();
    if inside.contains("[.") || inside.contains("[=") {
        return Err("[. .] and [= =] are not supported".to_string());
    }
    Ok((Piece::Atom(class.as_regex()), used + 1))
}

/// Writes the pieces one after the other.
struct Writer {
    out: String,
    /// Where the groups that are open begin.
    open: Vec<usize>,
    /// Where the last thing that can be repeated begins, and whether it is repeated already.
    last: (usize, bool),
    /// Nothing that can be repeated stands before the next piece.
    begins: bool,
}

impl Default for Writer {
    fn default() -> Writer {
        Writer { out: String::new(), open: Vec::new(), last: (0, false), begins: true }
    }
}

impl Writer {
    fn write(&mut self, piece: Piece) -> Result<(), String> {
        let start = self.out.len();
        match piece {
            Piece::Atom(text) => {
                self.out.push_str(&text);
                (self.last, self.begins) = ((start, false), false);
            }
            Piece::Look(text) => {
                self.out.push_str(text);
                self.begins = true;
            }
            Piece::Open => {
                self.open.push(start);
                self.out.push('(');
                self.begins = true;
            }
            Piece::Close => {
                let from = self.open.pop().ok_or(r"Unmatched ) or \)")?;
                self.out.push(')');
                (self.last, self.begins) = ((from, false), false);
            }
            Piece::Or => {
                self.out.push('|');
                self.begins = true;
            }
            Piece::Repeat(text) => self.repeat(&text),
        }
        Ok(())
    }

    /// A second repetition is one of the first as a whole: `a*?` is not a lazy `*` here.
    fn repeat(&mut self, text: &str) {
        let (from, repeated) = self.last;
        if repeated {
            self.out.insert_str(from, "(?:");
            self.out.push(')');
        }
        self.out.push_str(text);
        self.last = (from, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(syntax: Syntax, pattern: &str, yes: &[&str], no: &[&str]) {
        let expression = Expression::parse(pattern, syntax, Extent::Anywhere, false).unwrap();
        yes.iter().for_each(|line| assert!(expression.matches(line), "{pattern} in {line}"));
        no.iter().for_each(|line| assert!(!expression.matches(line), "{pattern} not in {line}"));
    }

    #[test]
    fn basic_expressions() {
        let basic = |pattern, yes: &[&str], no: &[&str]| check(Syntax::Basic, pattern, yes, no);
        basic("b.d", &["abcd"], &["bd"]);
        basic("^a*b$", &["b", "aab"], &["aabc", "cb"]);
        basic("a|b", &["a|b"], &["a", "b"]);
        basic(r"a\|b", &["a", "b"], &["c"]);
        basic(r"^\(ab\)\{2\}$", &["abab"], &["ab", "ababab"]);
        basic("a+b?(c){1}", &["a+b?(c){1}"], &["aab"]);
        basic(r"^a\+b\?$", &["aa", "ab"], &["b"]);
        basic("*a", &["*a"], &["a"]);
        basic("a^b$c", &["a^b$c"], &["abc"]);
        basic("^$", &[""], &["x"]);
        basic("[0-9][0-9]*$", &["a12"], &["a"]);
        basic(r"[]a^-]\.[!x]", &["].!", "-.x", "^.x"], &["b.x"]);
        basic(r"\<in\>", &["is in it"], &["inner", "din"]);
    }

    #[test]
    fn extended_expressions() {
        let extended = |pattern, yes: &[&str], no: &[&str]| check(Syntax::Extended, pattern, yes, no);
        extended("a|b", &["xa", "b"], &["c", "|"]);
        extended("^(ab|c)+$", &["abc", "cc"], &["", "b"]);
        extended("^a{2,3}$", &["aa", "aaa"], &["a", "aaaa"]);
        extended("^a{,1}$", &["", "a"], &["aa"]);
        extended("^a*?$", &["aaa"], &["b"]);
        extended("a{b", &["a{b"], &["ab"]);
        extended(r"^\(a\)\|$", &["(a)|"], &["a"]);
        extended("[[:digit:]]+[^[:space:]]$", &["x42y"], &["42 "]);
        extended(r"[\n]", &["\\", "n"], &["x"]);
    }

    #[test]
    fn what_cannot_be_done_is_an_error() {
        for (syntax, pattern) in [
            (Syntax::Basic, r"\(a\)\1"),
            (Syntax::Basic, "[a"),
            (Syntax::Basic, r"\(a"),
            (Syntax::Basic, r"a\"),
            (Syntax::Basic, r"a\{1"),
            (Syntax::Extended, "(a"),
            (Syntax::Extended, "a)"),
            (Syntax::Extended, r"\d"),
            (Syntax::Extended, "[[.a.]]"),
            (Syntax::Extended, "a{3,2}"),
            (Syntax::Extended, "(((a{999}){999}){999}){999}"),
        ] {
            assert!(Expression::parse(pattern, syntax, Extent::Anywhere, false).is_err(), "{pattern}");
        }
    }

    #[test]
    fn words_lines_cases_and_the_longest() {
        let parse = |pattern, syntax, extent, fold| Expression::parse(pattern, syntax, extent, fold).unwrap();
        let words = parse("in|out", Syntax::Extended, Extent::Words, false);
        assert!(words.matches("go out.") && !words.matches("inner"));
        assert!(!parse("a.b", Syntax::Fixed, Extent::Anywhere, false).matches("axb"));
        assert!(parse("ab", Syntax::Fixed, Extent::Line, true).matches("AB"));
        assert_eq!(parse("a|ab", Syntax::Extended, Extent::Anywhere, false).find_at("xab", 0), Some((1, 3)));
    }
}
