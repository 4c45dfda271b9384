//! The words of an instruction: separated by blanks, with quotes and escapes kept, as BuildKit's parser separates them.

/// The words of a text. Quotes keep blanks together and stay; an escape keeps the next character as it is.
pub fn split_words(text: &str, escape: char) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if quote.is_none() && letter.is_whitespace() {
            push(&mut words, &mut word);
            continue;
        }
        if letter == escape && quote != Some('\'') {
            // One at the very end escapes nothing.
            let Some(next) = letters.next() else { break };
            word.extend([letter, next]);
            continue;
        }
        quote = match quote {
            Some(open) if open == letter => None,
            None if matches!(letter, '"' | '\'') => Some(letter),
            other => other,
        };
        word.push(letter);
    }
    push(&mut words, &mut word);
    words
}

fn push(words: &mut Vec<String>, word: &mut String) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

/// The flags at the beginning of a text (`--name`, `--name=value`, without quotes and escapes), and the rest. `--` alone ends them.
pub fn split_flags(text: &str, escape: char) -> (Vec<String>, &str) {
    let mut flags = Vec::new();
    let mut rest = text.trim_start();
    while rest.starts_with("--") {
        let (word, behind) = flag(rest, escape);
        rest = behind.trim_start();
        if word == "--" {
            break;
        }
        flags.push(word);
    }
    (flags, rest)
}

fn flag(text: &str, escape: char) -> (String, &str) {
    let mut word = String::new();
    let mut quote = None;
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        if quote.is_none() && letter.is_whitespace() {
            return (word, &text[at..]);
        }
        if letter == escape && quote != Some('\'') {
            word.extend(letters.next().map(|(_, next)| next));
            continue;
        }
        match quote {
            Some(open) if open == letter => quote = None,
            None if matches!(letter, '"' | '\'') => quote = Some(letter),
            _ => word.push(letter),
        }
    }
    (word, "")
}

/// The JSON array that an instruction's words are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// An array of strings.
    Strings(Vec<String>),
    /// An array that holds something else: refused.
    Others,
    /// No JSON array: it is a line for the shell.
    No,
}

/// Reads `["a", "b"]`.
pub fn json_array(text: &str) -> Json {
    if !text.trim_start().starts_with('[') {
        return Json::No;
    }
    match serde_json::from_str::<Vec<serde_json::Value>>(text) {
        Ok(values) => {
            let strings: Option<Vec<String>> = values.iter().map(|value| value.as_str().map(str::to_string)).collect();
            strings.map_or(Json::Others, Json::Strings)
        }
        Err(_) => Json::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_within_quotes_and_behind_escapes_stay() {
        assert_eq!(split_words(" a=\"b c\" d\\ e='f\\' g\\", '\\'), ["a=\"b c\"", "d\\ e='f\\'", "g"]);
        assert_eq!(split_words("a` b \"x`\" y\"", '`'), ["a` b", "\"x`\" y\""]);
        assert_eq!(split_words("", '\\'), Vec::<String>::new());
    }

    #[test]
    fn flags_end_with_the_first_word_that_is_none() {
        let (flags, rest) = split_flags("--from=a --chown=\"b c\" x --y", '\\');
        assert_eq!((flags, rest), (vec!["--from=a".to_string(), "--chown=b c".to_string()], "x --y"));
        assert_eq!(split_flags("-- --x", '\\'), (vec![], "--x"));
        assert_eq!(split_flags("--a\\ b", '\\'), (vec!["--a b".to_string()], ""));
    }

    #[test]
    fn only_arrays_of_strings_are_taken_as_json() {
        assert_eq!(json_array(r#"["a", "b c"]"#), Json::Strings(vec!["a".into(), "b c".into()]));
        assert_eq!(json_array("[1]"), Json::Others);
        assert_eq!(json_array("['a']"), Json::No);
        assert_eq!(json_array("echo"), Json::No);
    }
}
