//! What Go says of a template that goes wrong: the place, the expression, the reason. The engine tells the reason alone, so the expression is
//! looked for in the text: the first that names the missing field.

use gotmpl::TemplateError;

use super::{Missing, functions};

/// The functions of Go's package itself, and its words.
const KNOWN: &[&str] = &[
    "and", "or", "not", "len", "index", "slice", "print", "printf", "println", "html", "js", "urlquery", "call", "eq", "ne", "lt",
    "le", "gt", "ge", "if", "else", "end", "range", "with", "define", "template", "block", "break", "continue", "nil", "true",
    "false",
];

/// For a template that cannot be read.
pub(super) fn of_parsing(_template: &str, error: &TemplateError) -> String {
    match error {
        TemplateError::Parse { line, message, .. } | TemplateError::Lex { line, message, .. } => {
            // The engine's words for it, and Go's.
            let letter = message.strip_prefix("unexpected character: '").and_then(|rest| rest.chars().next());
            let message = letter.map_or_else(|| message.clone(), |c| format!("bad character U+{:04X} '{c}'", u32::from(c)));
            format!("template: :{line}: {message}")
        }
        TemplateError::UndefinedFunction(name) => format!("template: :1: function \"{name}\" not defined"),
        other => format!("template: :1: {other}"),
    }
}

/// Go knows the functions when it reads; the engine when it runs.
pub(super) fn unknown_function(template: &str) -> Option<String> {
    for action in actions(template) {
        for word in words(&template[action.0..action.1]) {
            let named = word.1.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
            if named && !KNOWN.contains(&word.1) && !functions::NAMES.contains(&word.1) {
                let line = template[..action.0].matches('\n').count() + 1;
                return Some(format!("template: :{line}: function \"{}\" not defined", word.1));
            }
        }
    }
    None
}

/// For a value that does not have what the template asks for.
pub(super) fn of_running(template: &str, error: &TemplateError, missing: Missing) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("execution error: ").unwrap_or(&text);
    match error {
        TemplateError::MissingKey { key } => {
            let chain = chain_with(template, key);
            let reason = match missing {
                Missing::Struct(name) if chain.as_ref().is_none_or(|chain| chain.1.matches('.').count() <= 1) => {
                    format!("can't evaluate field {key} in type {name}")
                }
                _ => format!("map has no entry for key \"{key}\""),
            };
            at(template, chain, &reason)
        }
        TemplateError::IndexOutOfRange { .. } => at(template, call_of(template, "index"), &format!("error calling index: {text}")),
        _ => match text.strip_prefix("can't evaluate field ").and_then(|rest| rest.split(' ').next()) {
            Some(key) => at(template, chain_with(template, key), &format!("can't evaluate field {key} in type interface {{}}")),
            None => format!("template: :1: executing \"\": {text}"),
        },
    }
}

fn at(template: &str, place: Option<(usize, &str)>, reason: &str) -> String {
    let Some((offset, expression)) = place else { return format!("template: :1: executing \"\": {reason}") };
    let before = &template[..offset];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, str::len);
    format!("template: :{line}:{column}: executing \"\" at <{expression}>: {reason}")
}

/// The first chain of fields that names `key`, and where Go says it is: a chain's place is that of its second field.
fn chain_with<'a>(template: &'a str, key: &str) -> Option<(usize, &'a str)> {
    for (start, end) in actions(template) {
        for (offset, word) in words(&template[start..end]) {
            let names = || word.trim_start_matches(|c| c != '.').split('.').skip(1);
            if word.contains('.') && names().any(|name| name == key) {
                let first = names().next().map_or(0, str::len) + 1;
                let shift = if names().count() > 1 { first } else { 0 };
                return Some((start + offset + shift, word));
            }
        }
    }
    None
}

fn call_of<'a>(template: &'a str, function: &str) -> Option<(usize, &'a str)> {
    let (start, end) =
        actions(template).into_iter().find(|(start, end)| template[*start..*end].trim_start().starts_with(function))?;
    let inside = &template[start..end];
    let blanks = inside.len() - inside.trim_start().len();
    Some((start + blanks, inside.trim()))
}

/// What stands between `{{` and `}}`.
fn actions(template: &str) -> Vec<(usize, usize)> {
    let (mut all, mut from) = (Vec::new(), 0);
    while let Some(open) = template[from..].find("{{").map(|at| from + at + 2) {
        let close = template[open..].find("}}").map_or(template.len(), |at| open + at);
        if !template[open..close].trim_start_matches(['-', ' ']).starts_with("/*") {
            all.push((open, close));
        }
        from = close;
    }
    all
}

/// Words of an action outside of quotes, with their offsets.
fn words(action: &str) -> Vec<(usize, &str)> {
    let (mut all, mut start, mut quote) = (Vec::new(), None, None);
    for (at, letter) in action.char_indices().chain([(action.len(), ' ')]) {
        let inside = quote.is_some();
        match quote {
            Some(open) if letter == open => quote = None,
            None if matches!(letter, '"' | '`' | '\'') => quote = Some(letter),
            _ => {}
        }
        let part = !inside && (letter.is_alphanumeric() || matches!(letter, '.' | '_' | '$'));
        match (part, start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                all.push((from, &action[from..at]));
                start = None;
            }
            _ => {}
        }
    }
    all
}
