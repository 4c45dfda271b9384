//! The shell's patterns (`*`, `?`, `[…]`), and the bracket expressions that grep's have too (`expression`).
//!
//! They match without recursion over the text, so that no input can exhaust the stack.

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
        Class::parse_after(chars, matches!(chars.first(), Some('!' | '^')))
    }

    /// The same in a regular expression: `!` is a member like any other.
    pub(crate) fn parse_regular(chars: &[char]) -> Option<(Class, usize)> {
        Class::parse_after(chars, chars.first() == Some(&'^'))
    }

    /// As regex_lite writes it.
    pub(crate) fn as_regex(&self) -> String {
        let range = |(first, last): &(char, char)| format!("\\x{{{:x}}}-\\x{{{:x}}}", u32::from(*first), u32::from(*last));
        let ranges: String = self.ranges.iter().map(range).collect();
        format!("[{}{ranges}]", if self.negated { "^" } else { "" })
    }

    fn parse_after(chars: &[char], negated: bool) -> Option<(Class, usize)> {
        let mut at = usize::from(negated);
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
}
