//! Single-letter options as getopt(3) takes them, and the numbers that they carry.

/// Options and operands of one command line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    given: Vec<(char, String)>,
    pub(crate) operands: Vec<String>,
}

impl Options {
    /// Reads `args` (without the program's name) by a getopt specification (`n:` takes a value). Options may stand after
    /// operands; `--` ends them. Errors are the sentence to print after the program's name.
    pub(crate) fn parse(args: &[String], spec: &str) -> Result<Options, String> {
        let mut options = Options::default();
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            if arg == "--" {
                options.operands.extend(rest.cloned());
                break;
            }
            match arg.strip_prefix('-') {
                Some(letters) if letters.starts_with('-') => return Err(format!("unrecognized option '{arg}'")),
                Some(letters) if !letters.is_empty() => options.cluster(letters, spec, &mut rest)?,
                _ => options.operands.push(arg.clone()),
            }
        }
        Ok(options)
    }

    fn cluster(&mut self, letters: &str, spec: &str, rest: &mut std::slice::Iter<'_, String>) -> Result<(), String> {
        for (at, letter) in letters.char_indices() {
            let known = spec.find(letter).filter(|_| letter != ':');
            let Some(found) = known else { return Err(format!("invalid option -- '{letter}'")) };
            if spec[found + letter.len_utf8()..].starts_with(':') {
                let inline = &letters[at + letter.len_utf8()..];
                let value = if inline.is_empty() { rest.next().cloned() } else { Some(inline.to_string()) };
                let value = value.ok_or_else(|| format!("option requires an argument -- '{letter}'"))?;
                self.given.push((letter, value));
                return Ok(());
            }
            self.given.push((letter, String::new()));
        }
        Ok(())
    }

    /// Whether the option was given.
    pub(crate) fn has(&self, letter: char) -> bool {
        self.given.iter().any(|(given, _)| *given == letter)
    }

    /// The last value of an option.
    pub(crate) fn value(&self, letter: char) -> Option<&str> {
        self.given.iter().rev().find(|(given, _)| *given == letter).map(|(_, value)| value.as_str())
    }

    /// All options in the order given.
    pub(crate) fn given(&self) -> &[(char, String)] {
        &self.given
    }
}

/// A count with an optional suffix b, k, m or g (1024-based).
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

/// Permission bits in octal, or symbolic (`u+x,go-w,a=r`) upon `base`. `None`: neither.
pub(crate) fn parse_mode(text: &str, base: u32) -> Option<u32> {
    if let Ok(mode) = u32::from_str_radix(text, 8) {
        return (mode <= 0o7777).then_some(mode);
    }
    text.split(',').try_fold(base, apply_clause)
}

fn apply_clause(mode: u32, clause: &str) -> Option<u32> {
    let at = clause.find(['+', '-', '='])?;
    let (who, rest) = clause.split_at(at);
    let mut classes = 0;
    for letter in who.chars() {
        classes |= match letter {
            'u' => 0o4700,
            'g' => 0o2070,
            'o' => 0o1007,
            'a' => 0o7777,
            _ => return None,
        };
    }
    let classes = if who.is_empty() { 0o7777 } else { classes };
    let mut bits = 0;
    for letter in rest[1..].chars() {
        bits |= match letter {
            'r' => 0o444,
            'w' => 0o222,
            'x' => 0o111,
            'X' if mode & 0o111 != 0 => 0o111,
            'X' => 0,
            's' => 0o6000,
            't' => 0o1000,
            _ => return None,
        };
    }
    let bits = bits & classes;
    Some(match rest.as_bytes()[0] {
        b'+' => mode | bits,
        b'-' => mode & !bits,
        _ => (mode & !(classes & 0o777)) | bits,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_string).collect()
    }

    #[test]
    fn clusters_values_and_the_end_of_options() {
        let options = Options::parse(&words("-la x -n5 -- -q"), "lan:").unwrap();
        assert!(options.has('l') && options.has('a'));
        assert_eq!(options.value('n'), Some("5"));
        assert_eq!(options.operands, ["x", "-q"]);
        assert_eq!(Options::parse(&words("-z"), "la").unwrap_err(), "invalid option -- 'z'");
    }

    #[test]
    fn modes() {
        assert_eq!(parse_mode("755", 0), Some(0o755));
        assert_eq!(parse_mode("u+x,go-w", 0o666), Some(0o744));
        assert_eq!(parse_mode("a=r", 0o777), Some(0o444));
        assert_eq!(parse_mode("q", 0), None);
    }
}
