//! Variables, quotes and escapes in a word of a Dockerfile.
//!
//! `$name`, `${name}`, `${name:-word}`, `${name:+word}`, `${name:?message}` (each also without the colon: an empty variable then counts
//! as set), `${name#pattern}`, `${name##pattern}`, `${name%pattern}`, `${name%%pattern}`, `${name/pattern/text}`, `${name//pattern/text}`.
//! Source: the Dockerfile reference, "Environment replacement".

use std::iter::Peekable;
use std::str::Chars;

use super::ignore::wildcard;

/// Words within words are resolved to this depth.
const DEPTH_MAX: usize = 100;

/// What a word became.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expansion {
    /// The word, resolved.
    pub text: String,
    /// The variables that were there, in the order of their first use.
    pub set: Vec<String>,
    /// Those that were not.
    pub unset: Vec<String>,
}

/// Resolves a word. `value` answers what a variable holds; the error is BuildKit's, with the word before it.
pub fn expand(word: &str, escape: char, value: &dyn Fn(&str) -> Option<String>) -> Result<Expansion, String> {
    let mut expander = Expander::new(word, escape, value);
    let text = expander.until(None, false).map_err(|why| wrong(word, &why))?;
    Ok(Expansion { text, ..expander.found })
}

/// The same; where the word is wrong, with the variables that were not there up to that place.
pub(super) fn expand_in_part(
    word: &str,
    escape: char,
    value: &dyn Fn(&str) -> Option<String>,
) -> (Result<String, String>, Vec<String>) {
    let mut expander = Expander::new(word, escape, value);
    let text = expander.until(None, false).map_err(|why| wrong(word, &why));
    (text, expander.found.unset)
}

fn wrong(word: &str, why: &str) -> String {
    format!("failed to process {}: {why}", quoted(word))
}

/// As Go's `%q` writes it.
pub(super) fn quoted(text: &str) -> String {
    crate::cli::quoted(text)
}

struct Expander<'a> {
    letters: Peekable<Chars<'a>>,
    escape: char,
    value: &'a dyn Fn(&str) -> Option<String>,
    depth: usize,
    found: Expansion,
}

impl<'a> Expander<'a> {
    fn new(word: &'a str, escape: char, value: &'a dyn Fn(&str) -> Option<String>) -> Expander<'a> {
        Expander { letters: word.chars().peekable(), escape, value, depth: 0, found: Expansion::default() }
    }

    /// Up to `stop`, which is taken. `raw`: escapes stay where they are, for a pattern.
    fn until(&mut self, stop: Option<char>, raw: bool) -> Result<String, String> {
        let mut text = String::new();
        while let Some(letter) = self.letters.peek().copied() {
            match letter {
                _ if Some(letter) == stop => {
                    self.letters.next();
                    return Ok(text);
                }
                '\'' => self.single_quoted(&mut text)?,
                '"' => self.double_quoted(&mut text)?,
                '$' => text.push_str(&self.variable()?),
                _ if letter == self.escape => self.escaped(&mut text, raw),
                _ => {
                    text.push(letter);
                    self.letters.next();
                }
            }
        }
        match stop {
            Some(stop) => Err(format!("unexpected end of statement while looking for matching {stop}")),
            None => Ok(text),
        }
    }

    /// One at the end of the word escapes nothing and goes.
    fn escaped(&mut self, text: &mut String, raw: bool) {
        self.letters.next();
        if let Some(next) = self.letters.next() {
            if raw {
                text.push(self.escape);
            }
            text.push(next);
        }
    }

    fn single_quoted(&mut self, text: &mut String) -> Result<(), String> {
        self.letters.next();
        loop {
            match self.letters.next() {
                Some('\'') => return Ok(()),
                Some(letter) => text.push(letter),
                None => return Err("unexpected end of statement while looking for matching single-quote".to_string()),
            }
        }
    }

    fn double_quoted(&mut self, text: &mut String) -> Result<(), String> {
        const OPEN: &str = "unexpected end of statement while looking for matching double-quote";
        self.letters.next();
        loop {
            match self.letters.peek().copied().ok_or(OPEN)? {
                '"' => {
                    self.letters.next();
                    return Ok(());
                }
                '$' => text.push_str(&self.variable()?),
                letter => {
                    self.letters.next();
                    if letter == self.escape {
                        let next = self.letters.next().ok_or(OPEN)?;
                        // Only these three are escaped within quotes; before others the escape is an ordinary character.
                        if !matches!(next, '"' | '$') && next != self.escape {
                            text.push(letter);
                        }
                        text.push(next);
                    } else {
                        text.push(letter);
                    }
                }
            }
        }
    }

    fn variable(&mut self) -> Result<String, String> {
        self.letters.next();
        if self.letters.peek() != Some(&'{') {
            let name = self.name();
            return Ok(if name.is_empty() { "$".to_string() } else { self.look_up(&name).unwrap_or_default() });
        }
        self.letters.next();
        match self.letters.peek() {
            None => return Err("syntax error: missing '}'".to_string()),
            Some('{' | '}' | ':') => return Err("syntax error: bad substitution".to_string()),
            Some(_) => {}
        }
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("substitutions are nested more than {DEPTH_MAX} deep"));
        }
        let name = self.name();
        let resolved = self.modified(&name);
        self.depth -= 1;
        resolved
    }

    /// What follows the name within `${…}`.
    fn modified(&mut self, name: &str) -> Result<String, String> {
        // BuildKit shows the end of the word as the character for what cannot be shown.
        let unsupported = |modifier: String| Err(format!("unsupported modifier ({modifier}) in substitution"));
        match self.letters.next() {
            Some('}') => Ok(self.look_up(name).unwrap_or_default()),
            Some(':') => match self.letters.next() {
                Some(modifier @ ('+' | '-' | '?')) => self.by_default(name, modifier, true),
                other => {
                    self.look_up(name);
                    unsupported(format!(":{}", other.unwrap_or('\u{fffd}')))
                }
            },
            Some(modifier @ ('+' | '-' | '?')) => self.by_default(name, modifier, false),
            Some(modifier @ ('#' | '%')) => self.trimmed(name, modifier),
            Some('/') => self.replaced(name),
            other => unsupported(other.unwrap_or('\u{fffd}').to_string()),
        }
    }

    /// The word behind a modifier.
    fn word(&mut self, stop: char, raw: bool) -> Result<String, String> {
        self.until(Some(stop), raw)
            .map_err(|why| if self.letters.peek().is_none() { "syntax error: missing '}'".to_string() } else { why })
    }

    fn by_default(&mut self, name: &str, modifier: char, empty_is_unset: bool) -> Result<String, String> {
        let word = self.word('}', false)?;
        let value = self.look_up(name).filter(|value| !(empty_is_unset && value.is_empty()));
        match (modifier, value) {
            ('-', value) => Ok(value.unwrap_or(word)),
            ('+', value) => Ok(value.map(|_| word).unwrap_or_default()),
            (_, Some(value)) => Ok(value),
            (_, None) if word.is_empty() => Err(format!("{name}: is not allowed to be unset")),
            (_, None) => Err(format!("{name}: {word}")),
        }
    }

    fn trimmed(&mut self, name: &str, modifier: char) -> Result<String, String> {
        let greedy = self.letters.next_if_eq(&modifier).is_some();
        let pattern = self.word('}', true)?;
        let value = self.look_up(name).unwrap_or_default();
        let cuts: Vec<usize> = value.char_indices().map(|(at, _)| at).chain([value.len()]).collect();
        let fits = |at: &&usize| wildcard(&pattern, if modifier == '#' { &value[..**at] } else { &value[**at..] });
        // From the front the longest is the last cut, from the back the first.
        let cut = if (modifier == '#') == greedy { cuts.iter().rev().find(fits) } else { cuts.iter().find(fits) };
        Ok(match (cut, modifier) {
            (Some(at), '#') => value[*at..].to_string(),
            (Some(at), _) => value[..*at].to_string(),
            (None, _) => value,
        })
    }

    fn replaced(&mut self, name: &str) -> Result<String, String> {
        let all = self.letters.next_if_eq(&'/').is_some();
        let pattern = self.word('/', true)?;
        let text = self.word('}', false)?;
        let value = self.look_up(name).unwrap_or_default();
        let mut done = String::new();
        let mut rest = value.as_str();
        while let Some(first) = rest.chars().next() {
            match longest(&pattern, rest) {
                Some(length) => {
                    done.push_str(&text);
                    rest = &rest[length..];
                    if !all {
                        break;
                    }
                }
                None => {
                    done.push(first);
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
        Ok(done + rest)
    }

    /// Letters, digits and `_`; or a number; or one of the shell's special names.
    fn name(&mut self) -> String {
        let mut name = String::new();
        let Some(first) = self.letters.peek().copied() else { return name };
        if matches!(first, '@' | '*' | '#' | '?' | '-' | '$' | '!') {
            self.letters.next();
            return first.to_string();
        }
        let digits = first.is_ascii_digit();
        let belongs = |letter: &char| if digits { letter.is_ascii_digit() } else { letter.is_alphanumeric() || *letter == '_' };
        while let Some(letter) = self.letters.next_if(belongs) {
            name.push(letter);
        }
        name
    }

    fn look_up(&mut self, name: &str) -> Option<String> {
        let value = (self.value)(name);
        let list = if value.is_some() { &mut self.found.set } else { &mut self.found.unset };
        if !list.iter().any(|known| known == name) {
            list.push(name.to_string());
        }
        value
    }
}

/// How long the longest beginning of `text` is that fits; an empty one does not count.
fn longest(pattern: &str, text: &str) -> Option<usize> {
    let ends = text.char_indices().map(|(at, letter)| at + letter.len_utf8());
    ends.rev().find(|end| wildcard(pattern, &text[..*end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str) -> Option<String> {
        let known = [("PWD", "/home"), ("NULL", ""), ("KOREAN", "한국어"), ("file", "a.tar.gz")];
        known.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_string())
    }

    fn expanded(word: &str) -> Result<String, String> {
        expand(word, '\\', &value).map(|expansion| expansion.text)
    }

    #[test]
    fn variables_quotes_and_escapes() {
        for (word, wanted) in [
            ("he'll'o", "hello"),
            ("\"a\\tb\\\"\"", "a\\tb\""),
            ("he$PWD", "he/home"),
            ("he\\$PWD", "he$PWD"),
            ("'\\$PWD'", "\\$PWD"),
            ("x$KOREAN.", "x한국어."),
            ("${XXX:-${PWD:-yyy}}xx", "/homexx"),
            ("${NULL:-a}${NULL-b}", "a"),
            ("${PWD:+set}${XXX:+no}", "set"),
            ("$1x${2:-y}$", "xy$"),
            ("${file%.*} ${file%%.*} ${file#*.} ${file##*.}", "a.tar a tar.gz gz"),
            ("${file/a/x} ${file//./_}", "x.tar.gz a_tar_gz"),
            ("trailing\\", "trailing"),
        ] {
            assert_eq!(expanded(word).as_deref(), Ok(wanted), "{word}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_the_word() {
        for (word, why) in [
            ("\"x", "unexpected end of statement while looking for matching double-quote"),
            ("'x", "unexpected end of statement while looking for matching single-quote"),
            ("${}", "syntax error: bad substitution"),
            ("${x", "unsupported modifier (\u{fffd}) in substitution"),
            ("${x:=1}", "unsupported modifier (:=) in substitution"),
            ("${x:-", "syntax error: missing '}'"),
            ("${x?}", "x: is not allowed to be unset"),
            ("${x:?no}", "x: no"),
        ] {
            assert_eq!(expanded(word), Err(format!("failed to process {}: {why}", quoted(word))), "{word}");
        }
        let deep = format!("{}x{}", "${a:-".repeat(200), "}".repeat(200));
        assert!(expanded(&deep).unwrap_err().contains("nested more than"));
    }

    #[test]
    fn the_variables_that_were_used_are_named() {
        let expansion = expand("$PWD$a${b:-$PWD}$a", '\\', &value).unwrap();
        assert_eq!((expansion.set, expansion.unset), (vec!["PWD".to_string()], vec!["a".to_string(), "b".to_string()]));
    }

    /// The sample of the facts folder, where it is.
    #[test]
    fn the_sample_of_words_expands_as_it_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/dockerfile/word-expansion.txt");
        let Ok(sample) = std::fs::read_to_string(path) else { return };
        for line in sample.lines().filter(|line| line.starts_with("A|")) {
            let (word, wanted) = line[2..].split_once('|').unwrap();
            let (word, wanted) = (word.trim(), wanted.trim());
            match expanded(word) {
                Ok(text) => assert_eq!(text, wanted, "{word}"),
                Err(why) => assert_eq!(wanted, "error", "{word}: {why}"),
            }
        }
    }
}
