//! The functions that Docker's command adds to those of Go: json, split, join, title, lower, upper, pad, truncate, and `.Label NAME`.

use std::collections::BTreeMap;
use std::sync::Arc;

use gotmpl::{TemplateError, Value};
use serde_json::Value as Json;

/// What `.Label "name"` answers.
pub type Labels = BTreeMap<String, String>;

/// A function.
type Function = Arc<dyn Fn(&[Value]) -> Result<Value, TemplateError> + Send + Sync>;

/// The name by which `.Label` is known to the engine.
const LABEL: &str = "label";

/// Names that a template may call.
pub(super) const NAMES: &[&str] = &["json", "split", "join", "title", "lower", "upper", "pad", "truncate", LABEL];

/// All of them, for a template that is run on `root`.
pub(super) fn all(root: &Json, labels: &Labels) -> Vec<(&'static str, Function)> {
    let (root, labels) = (root.clone(), labels.clone());
    vec![
        ("json", Arc::new(move |arguments| Ok(text(&json(first(arguments)?, &root))))),
        (LABEL, Arc::new(move |arguments| Ok(text(labels.get(&string(arguments, 0)).map_or("", String::as_str))))),
        (
            "split",
            Arc::new(|arguments| {
                let (whole, between) = (string(arguments, 0), string(arguments, 1));
                Ok(Value::List(whole.split(between.as_str()).map(text).collect()))
            }),
        ),
        (
            "join",
            Arc::new(|arguments| match first(arguments)? {
                Value::List(all) => {
                    let words: Vec<String> = all.iter().map(ToString::to_string).collect();
                    Ok(text(&words.join(&string(arguments, 1))))
                }
                other => Ok(other.clone()),
            }),
        ),
        ("title", Arc::new(|arguments| Ok(text(&title(&string(arguments, 0)))))),
        ("lower", Arc::new(|arguments| Ok(text(&string(arguments, 0).to_lowercase())))),
        ("upper", Arc::new(|arguments| Ok(text(&string(arguments, 0).to_uppercase())))),
        (
            "pad",
            Arc::new(|arguments| {
                let whole = string(arguments, 0);
                let blanks = |at| " ".repeat(if whole.is_empty() { 0 } else { count(arguments, at) });
                Ok(text(&format!("{}{whole}{}", blanks(1), blanks(2))))
            }),
        ),
        ("truncate", Arc::new(|arguments| Ok(text(&string(arguments, 0).chars().take(count(arguments, 1)).collect::<String>())))),
    ]
}

/// `.Label "x"` is a method with an argument: the engine knows functions only.
pub(super) fn with_label_calls(template: &str) -> String {
    ["{{", " ", "(", "|"]
        .iter()
        .fold(template.to_string(), |text, before| text.replace(&format!("{before}.Label "), &format!("{before}{LABEL} ")))
}

fn first(arguments: &[Value]) -> Result<&Value, TemplateError> {
    arguments.first().ok_or_else(|| TemplateError::Exec("wrong number of args".into()))
}

fn text(text: &str) -> Value {
    Value::String(Arc::from(text))
}

fn string(arguments: &[Value], at: usize) -> String {
    arguments.get(at).map(ToString::to_string).unwrap_or_default()
}

/// The most blanks that `pad` adds, and letters that `truncate` keeps.
const COUNT_MAX: usize = 1000;

fn count(arguments: &[Value], at: usize) -> usize {
    let number = arguments.get(at).and_then(Value::as_int).unwrap_or_default();
    usize::try_from(number).unwrap_or_default().min(COUNT_MAX)
}

fn title(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// JSON with the fields in the order in which the whole value has them: a map of the engine has lost it.
fn json(value: &Value, root: &Json) -> String {
    let found = find(value, root).cloned().unwrap_or_else(|| from_value(value));
    let plain = serde_json::to_string(&found).unwrap_or_default();
    // As Go writes JSON.
    plain.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

fn find<'a>(value: &Value, within: &'a Json) -> Option<&'a Json> {
    if !matches!(value, Value::Map(_) | Value::List(_)) {
        return None;
    }
    if super::to_value(within) == *value {
        return Some(within);
    }
    match within {
        Json::Object(fields) => fields.values().find_map(|inner| find(value, inner)),
        Json::Array(all) => all.iter().find_map(|inner| find(value, inner)),
        _ => None,
    }
}

fn from_value(value: &Value) -> Json {
    match value {
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Int(number) => Json::from(*number),
        Value::Uint(number) => Json::from(*number),
        Value::Float(number) => Json::from(*number),
        Value::String(text) => Json::String(text.to_string()),
        Value::List(all) => Json::Array(all.iter().map(from_value).collect()),
        Value::Map(fields) => Json::Object(fields.iter().map(|(name, value)| (name.to_string(), from_value(value))).collect()),
        _ => Json::Null,
    }
}
