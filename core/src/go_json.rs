//! What Go's `encoding/json` says of a text that is no JSON, or not the JSON that was wanted: Docker shows these words. And where that is,
//! which Go does not say.

use serde_json::Value;

/// A text that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Go's words.
    pub words: String,
    /// Line and column, from 1.
    pub place: (usize, usize),
}

/// Reads it as any JSON.
pub fn read(text: &[u8]) -> Result<Value, Unreadable> {
    serde_json::from_slice(text)
        .map_err(|error| Unreadable { words: words(text, &error), place: (error.line().max(1), error.column().max(1)) })
}

/// `string`, `array`, …: how Go calls what it has found.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Where a text stands in another: line and column, from 1.
pub fn place_of(wanted: &str, text: &str) -> Option<(usize, usize)> {
    let before = &text[..text.find(wanted)?];
    let line = before.rsplit('\n').next().unwrap_or_default();
    Some((before.matches('\n').count() + 1, line.len() + 1))
}

/// What is wrong first, by the words that `serde_json` has for it.
fn words(text: &[u8], error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "unexpected end of JSON input".to_string();
    }
    let line = text.split(|byte| *byte == b'\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let rest = String::from_utf8_lossy(line.get(error.column().saturating_sub(1)..).unwrap_or_default()).into_owned();
    let found = quoted(rest.chars().next().unwrap_or('\n'));
    let told = error.to_string();
    let known = [
        ("key must be a string", "looking for beginning of object key string"),
        (
            "trailing comma",
            if rest.starts_with(']') { "looking for beginning of value" } else { "looking for beginning of object key string" },
        ),
        ("expected value", "looking for beginning of value"),
        ("expected `,` or `}`", "after object key:value pair"),
        ("expected `,` or `]`", "after array element"),
        ("expected `:`", "after object key"),
        ("trailing characters", "after top-level value"),
        ("invalid escape", "in string escape code"),
        ("control character", "in string literal"),
        ("expected ident", "in literal"),
    ];
    match known.iter().find(|(ours, _)| told.starts_with(ours)) {
        Some((_, words)) => format!("invalid character {found} {words}"),
        None => told.split(" at line ").next().unwrap_or_default().to_string(),
    }
}

fn quoted(letter: char) -> String {
    match letter {
        '\'' => "'\\''".to_string(),
        '"' => "'\"'".to_string(),
        letter => format!("'{}'", letter.escape_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Docker's answers: `dockerd --validate` of 28.5.
    #[test]
    fn gos_words_are_told_with_the_place() {
        let told = |text: &str| read(text.as_bytes()).map_err(|wrong| (wrong.words, wrong.place)).unwrap_err();
        let wrong = |found: &str, words: &str, place| (format!("invalid character {found} {words}"), place);
        assert_eq!(told(r#"{"a": ["#), ("unexpected end of JSON input".to_string(), (1, 7)));
        assert_eq!(told("{'a':1}"), wrong(r"'\''", "looking for beginning of object key string", (1, 2)));
        assert_eq!(told("{\"a\":1,\n}"), wrong("'}'", "looking for beginning of object key string", (2, 1)));
        assert_eq!(told("[1,]"), wrong("']'", "looking for beginning of value", (1, 4)));
        assert_eq!(told("{} x"), wrong("'x'", "after top-level value", (1, 4)));
        assert_eq!(told("{\"a\" 1}"), wrong("'1'", "after object key", (1, 6)));
        assert_eq!(told("{\"a\":1 \"b\"}"), wrong("'\"'", "after object key:value pair", (1, 8)));
        assert_eq!(told("[1 2]"), wrong("'2'", "after array element", (1, 4)));
        assert_eq!(told("<html>"), wrong("'<'", "looking for beginning of value", (1, 1)));
    }

    #[test]
    fn a_text_is_found_in_another() {
        assert_eq!(place_of("b", "a\n b"), Some((2, 2)));
        assert_eq!((place_of("a", "a"), place_of("c", "a")), (Some((1, 1)), None));
    }
}
