//! A command line split into the words that a shell would hand over, without the leading `docker` or `glassbox`.

use anyhow::{Result, bail};

/// The words; quotes and backslashes as in a POSIX shell.
pub fn of(line: &str) -> Result<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"') | None, '\\') => word.get_or_insert_default().extend(chars.next()),
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        bail!("a quote is not closed in: {line}");
    }
    words.extend(word);
    if words.first().is_some_and(|first| first == "docker" || first == "glassbox") {
        words.remove(0);
    }
    Ok(words)
}
