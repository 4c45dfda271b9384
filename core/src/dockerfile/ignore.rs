//! `.dockerignore`: which files of a context a build does not see.
//!
//! A pattern a line; `#` begins a comment; `!` takes files in again, the last pattern that fits decides. `*` and `?` do not pass a
//! slash, `**` does, `[a-c]` is one of some. A pattern fits a path, and what is below a path that it fits.
//! Source: Docker's documentation, "Build context", ".dockerignore files".

/// A file of patterns, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ignore {
    patterns: Vec<Pattern>,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    /// Without a slash at either end.
    text: String,
    /// `!`
    takes_in: bool,
    /// Counted from 1.
    line: u32,
}

impl Ignore {
    /// Reads a file.
    pub fn read(text: &str) -> Ignore {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let numbered = text.lines().zip(1u32..).filter(|(line, _)| !line.starts_with('#'));
        Ignore { patterns: numbered.filter_map(|(line, number)| pattern(line, number)).collect() }
    }

    /// All that lies in the context is left out by one pattern.
    pub fn leaves_out_all(&self) -> bool {
        self.patterns.iter().any(|pattern| !pattern.takes_in && matches!(pattern.text.as_str(), "*" | "**" | "**/*"))
    }

    /// What stands in a line.
    pub fn text_of(&self, line: u32) -> &str {
        self.patterns.iter().find(|pattern| pattern.line == line).map_or("", |pattern| pattern.text.as_str())
    }

    /// The line that leaves a path of the context out.
    pub fn leaves_out(&self, path: &str) -> Option<u32> {
        let path = clean(path);
        let mut by = None;
        for pattern in &self.patterns {
            if fits_or_is_below(&pattern.text, &path) {
                by = (!pattern.takes_in).then_some(pattern.line);
            }
        }
        by
    }
}

fn pattern(line: &str, number: u32) -> Option<Pattern> {
    let line = line.trim();
    let (takes_in, text) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest.trim()));
    let text = clean(text);
    (!line.is_empty()).then_some(Pattern { text, takes_in, line: number })
}

/// The path without `.`, `..`, doubled slashes, and slashes at its ends; the context itself is `.`.
pub fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    if parts.is_empty() { ".".to_string() } else { parts.join("/") }
}

fn fits_or_is_below(pattern: &str, path: &str) -> bool {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    ends.into_iter().any(|end| fits(&pattern.chars().collect::<Vec<_>>(), &path[..end].chars().collect::<Vec<_>>(), Some('/')))
}

/// Whether a shell's pattern fits a whole text; no character ends a `*` here.
pub(crate) fn wildcard(pattern: &str, text: &str) -> bool {
    fits(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>(), None)
}

/// `*` and `?` do not pass `separator`. Each place of the text is tried once for each place of the pattern: never worse.
fn fits(pattern: &[char], text: &[char], separator: Option<char>) -> bool {
    // reached[i]: the pattern so far fits the first i characters.
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    let mut at = 0;
    while at < pattern.len() {
        let (piece, length) = piece(&pattern[at..], separator);
        reached = step(&reached, text, &piece, separator);
        at += length;
    }
    reached[text.len()]
}

/// A part of a pattern.
enum Piece {
    /// Any number of characters.
    Any {
        /// Also the separator.
        all: bool,
    },
    /// `**/`: any number of whole elements, also none.
    Elements,
    /// One character, not the separator.
    One,
    /// One of a class.
    Class(Vec<(char, char)>, bool),
    /// This one.
    Letter(char),
}

fn piece(pattern: &[char], separator: Option<char>) -> (Piece, usize) {
    match pattern {
        ['*', '*', next, ..] if separator == Some(*next) => (Piece::Elements, 3),
        ['*', '*', ..] => (Piece::Any { all: true }, 2),
        ['*', ..] => (Piece::Any { all: separator.is_none() }, 1),
        ['?', ..] => (Piece::One, 1),
        ['[', rest @ ..] => match rest.iter().position(|letter| *letter == ']').filter(|end| *end > 0) {
            Some(end) => (class(&rest[..end]), end + 2),
            None => (Piece::Letter('['), 1),
        },
        ['\\', next, ..] => (Piece::Letter(*next), 2),
        [letter, ..] => (Piece::Letter(*letter), 1),
        [] => (Piece::Any { all: false }, 0),
    }
}

fn class(inside: &[char]) -> Piece {
    let (inside, not) = match inside {
        ['^' | '!', rest @ ..] if !rest.is_empty() => (rest, true),
        _ => (inside, false),
    };
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < inside.len() {
        match inside[at..] {
            [from, '-', to, ..] => {
                ranges.push((from, to));
                at += 3;
            }
            [one, ..] => {
                ranges.push((one, one));
                at += 1;
            }
            [] => break,
        }
    }
    Piece::Class(ranges, not)
}

fn step(reached: &[bool], text: &[char], piece: &Piece, separator: Option<char>) -> Vec<bool> {
    let mut next = vec![false; reached.len()];
    let passes = |letter: char| Some(letter) != separator;
    for at in 0..reached.len() {
        let letter = text.get(at).copied();
        let moves = |one: bool| reached[at] && one;
        match piece {
            Piece::Any { all } => {
                let before = at > 0 && next[at - 1] && (*all || passes(text[at - 1]));
                next[at] = reached[at] || before;
            }
            Piece::Elements => {
                let behind = at > 0 && separator == Some(text[at - 1]) && reached[..at].contains(&true);
                next[at] = reached[at] || behind;
            }
            Piece::One if letter.is_some_and(|letter| moves(passes(letter))) => next[at + 1] = true,
            Piece::Letter(wanted) if moves(letter == Some(*wanted)) => next[at + 1] = true,
            Piece::Class(ranges, not) => {
                let inside = |letter: char| ranges.iter().any(|(from, to)| (*from..=*to).contains(&letter)) != *not;
                if letter.is_some_and(|letter| moves(passes(letter) && inside(letter))) {
                    next[at + 1] = true;
                }
            }
            _ => {}
        }
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_paths_and_what_is_below() {
        let ignore = Ignore::read("# note\n\n*.log\n/dir/\n**/temp\n[a-c]?.md\nx/**/y\n");
        for (path, line) in [
            ("a.log", Some(3)),
            ("d/a.log", None),
            ("dir/deep/file", Some(4)),
            ("./dir", Some(4)),
            ("a/b/temp/c", Some(5)),
            ("temp", Some(5)),
            ("ca.md", Some(6)),
            ("da.md", None),
            ("x/y", Some(7)),
            ("x/1/2/y", Some(7)),
            ("README", None),
        ] {
            assert_eq!(ignore.leaves_out(path), line, "{path}");
        }
    }

    #[test]
    fn the_last_pattern_that_fits_decides() {
        let ignore = Ignore::read("*.md\n!README.md\n");
        assert_eq!(ignore.leaves_out("README.md"), None);
        assert_eq!(ignore.leaves_out("x.md"), Some(1));
        assert!(!ignore.leaves_out_all());
        assert!(Ignore::read("**").leaves_out_all());
    }

    #[test]
    fn long_patterns_do_not_take_long() {
        let pattern = "*a".repeat(60);
        assert!(!wildcard(&pattern, &"a".repeat(59)));
        assert!(wildcard(&pattern, &"a".repeat(4000)));
    }
}
