//! Patterns: the shell's (`*`, `?`, `[…]`) and the small part of basic regular expressions that grep takes.
//!
//! Both match without recursion over the text, so that no input can exhaust the stack.

/// One element of a shell pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Glob {
    /// This character.
    Char(char),
    /// `?`
    Any,
    /// `*`
    Star,
    /// `[…]`
    Class(Class),
}

/// A bracket expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Class {
    negated: bool,
    ranges: Vec<(char, char)>,
}

impl Class {
    /// Reads what follows `[`; answers the class and how many characters it took, with the `]`. `None`: it never closes.
    pub(crate) fn parse(chars: &[char]) -> Option<(Class, usize)> {
        let mut at = usize::from(matches!(chars.first(), Some('!' | '^')));
        let mut class = Class { negated: at == 1, ranges: Vec::new() };
        let start = at;
        while let Some(first) = chars.get(at) {
            if *first == ']' && at > start {
                return Some((class, at + 1));
            }
            if let Some(used) = class.named(&chars[at..]) {
                at += used;
                continue;
            }
            match (chars.get(at + 1), chars.get(at + 2)) {
                (Some('-'), Some(last)) if *last != ']' => {
                    class.ranges.push((*first, *last));
                    at += 3;
                }
                _ => {
                    class.ranges.push((*first, *first));
                    at += 1;
                }
            }
        }
        None
    }

    /// `[:digit:]` and its like.
    fn named(&mut self, chars: &[char]) -> Option<usize> {
        let text: String = chars.iter().take(12).collect();
        let name = text.strip_prefix("[:")?.split_once(":]")?.0;
        let ranges: &[(char, char)] = match name {
            "digit" => &[('0', '9')],
            "lower" => &[('a', 'z')],
            "upper" => &[('A', 'Z')],
            "alpha" => &[('a', 'z'), ('A', 'Z')],
            "alnum" => &[('a', 'z'), ('A', 'Z'), ('0', '9')],
            "space" => &[(' ', ' '), ('\t', '\r')],
            "blank" => &[(' ', ' '), ('\t', '\t')],
            "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
            "xdigit" => &[('0', '9'), ('a', 'f'), ('A', 'F')],
            _ => return None,
        };
        self.ranges.extend_from_slice(ranges);
        Some(name.len() + 4)
    }

    /// Whether the class has `c`.
    pub(crate) fn has(&self, c: char) -> bool {
        self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&c)) != self.negated
    }
}

/// Reads a shell pattern from characters; quoted ones (`true`) stand for themselves.
pub(crate) fn parse_glob(chars: &[(char, bool)]) -> Vec<Glob> {
    let plain: Vec<char> = chars.iter().map(|(c, _)| *c).collect();
    let (mut pattern, mut at) = (Vec::new(), 0);
    while at < chars.len() {
        let (c, quoted) = chars[at];
        at += 1;
        pattern.push(match c {
            _ if quoted => Glob::Char(c),
            '*' => Glob::Star,
            '?' => Glob::Any,
            '[' => match Class::parse(&plain[at..]) {
                Some((class, used)) => {
                    at += used;
                    Glob::Class(class)
                }
                None => Glob::Char('['),
            },
            _ => Glob::Char(c),
        });
    }
    pattern
}

/// Whether the whole text matches.
pub(crate) fn glob_matches(pattern: &[Glob], text: &[char]) -> bool {
    let (mut p, mut t, mut back) = (0, 0, None);
    loop {
        match pattern.get(p) {
            Some(Glob::Star) => {
                back = Some((p, t));
                p += 1;
                continue;
            }
            Some(element) if t < text.len() && glob_one(element, text[t]) => {
                p += 1;
                t += 1;
                continue;
            }
            None if t == text.len() => return true,
            _ => {}
        }
        match back {
            Some((star, from)) if from < text.len() => {
                back = Some((star, from + 1));
                (p, t) = (star + 1, from + 1);
            }
            _ => return false,
        }
    }
}

fn glob_one(element: &Glob, c: char) -> bool {
    match element {
        Glob::Char(wanted) => *wanted == c,
        Glob::Any => true,
        Glob::Class(class) => class.has(c),
        Glob::Star => false,
    }
}

/// One element of a grep pattern and whether `*` follows it.
#[derive(Clone, Debug)]
struct Atom {
    element: Glob,
    repeated: bool,
}

/// A basic regular expression with `^ $ . * […]` and escapes.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    atoms: Vec<Atom>,
    at_start: bool,
    at_end: bool,
    fold_case: bool,
}

impl Expression {
    /// Reads it. With `fixed`, every character stands for itself.
    pub(crate) fn parse(text: &str, fixed: bool, fold_case: bool) -> Option<Expression> {
        let chars: Vec<char> = if fold_case { text.to_lowercase().chars().collect() } else { text.chars().collect() };
        let mut expression = Expression { atoms: Vec::new(), at_start: false, at_end: false, fold_case };
        let mut at = 0;
        while let Some(&c) = chars.get(at) {
            at += 1;
            let element = match c {
                _ if fixed => Glob::Char(c),
                '^' if at == 1 => {
                    expression.at_start = true;
                    continue;
                }
                '$' if at == chars.len() => {
                    expression.at_end = true;
                    continue;
                }
                '.' => Glob::Any,
                '*' if !expression.atoms.is_empty() => {
                    if let Some(last) = expression.atoms.last_mut() {
                        last.repeated = true;
                    }
                    continue;
                }
                '[' => {
                    let (class, used) = Class::parse(&chars[at..])?;
                    at += used;
                    Glob::Class(class)
                }
                '\\' => {
                    at += 1;
                    Glob::Char(*chars.get(at - 1)?)
                }
                _ => Glob::Char(c),
            };
            expression.atoms.push(Atom { element, repeated: false });
        }
        Some(expression)
    }

    /// Whether the line holds a match: the set of reachable places in the pattern is carried along the text.
    pub(crate) fn matches(&self, line: &str) -> bool {
        let folded = if self.fold_case { line.to_lowercase() } else { String::new() };
        let text = if self.fold_case { folded.as_str() } else { line };
        let mut places = vec![false; self.atoms.len() + 1];
        places[0] = true;
        self.close(&mut places);
        for c in text.chars() {
            if places[self.atoms.len()] && !self.at_end {
                return true;
            }
            let mut next = vec![false; places.len()];
            next[0] = !self.at_start;
            for (at, atom) in self.atoms.iter().enumerate().filter(|(at, _)| places[*at]) {
                if glob_one(&atom.element, c) {
                    next[if atom.repeated { at } else { at + 1 }] = true;
                }
            }
            places = next;
            self.close(&mut places);
        }
        places[self.atoms.len()]
    }

    /// A repeated atom may also be left out.
    fn close(&self, places: &mut [bool]) {
        for (at, atom) in self.atoms.iter().enumerate() {
            if places[at] && atom.repeated {
                places[at + 1] = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(pattern: &str, text: &str) -> bool {
        let chars: Vec<(char, bool)> = pattern.chars().map(|c| (c, false)).collect();
        glob_matches(&parse_glob(&chars), &text.chars().collect::<Vec<_>>())
    }

    #[test]
    fn shell_patterns() {
        assert!(glob("*.txt", "a.txt") && !glob("*.txt", "a.txtx"));
        assert!(glob("a*b*c", "aXbYbZc") && !glob("a*b*c", "aXc"));
        assert!(glob("[a-c]?", "bz") && !glob("[!a-c]?", "bz"));
        assert!(glob("[", "[") && glob("[]]", "]") && glob("[[:digit:]]", "7"));
    }

    fn grep(pattern: &str, line: &str) -> bool {
        Expression::parse(pattern, false, false).unwrap().matches(line)
    }

    #[test]
    fn grep_patterns() {
        assert!(grep("b.d", "abcd") && !grep("^b", "abcd") && grep("cd$", "abcd"));
        assert!(grep("ab*c", "ac") && grep("ab*c", "abbbc") && !grep("ab*c$", "abb"));
        assert!(grep("^$", "") && !grep("^$", "x") && grep("[0-9][0-9]*$", "a12"));
        assert!(grep("a\\.b", "a.b") && !grep("a\\.b", "axb") && grep("", "anything"));
    }
}
