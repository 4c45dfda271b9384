//! Templates as Docker's `--format` takes them: Go's text/template (by the crate `gotmpl`) with Docker's functions and error texts.
//!
//! ```text
//! text ─parse─▶ Template ─run(value)─▶ text
//! ```
//! `parse` refuses what cannot be read; `run` what the value does not have. The messages are those of Go's package, with the place.
//! Called by `view` and by the command line; it never looks at anything but the value that it is given.

mod functions;
mod place;

use std::collections::BTreeMap;
use std::sync::Arc;

use gotmpl::{MissingKey, TemplateError, Value};
use serde_json::Value as Json;

pub use functions::Labels;

/// Longer templates are refused.
const TEMPLATE_BYTES_MAX: usize = 64 << 10;
/// The most rounds of all `range`s together.
const ROUNDS_MAX: u64 = 100_000;

/// What is wrong with a template, or with what it asks of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Go's words: `template: :1:2: executing "" at <.Foo>: …`.
    pub message: String,
}

/// How Go names a thing without the field asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A map: `map has no entry for key "Foo"`.
    Map,
    /// A struct of this type: `can't evaluate field Foo in type *formatter.ContainerContext`.
    Struct(&'static str),
}

/// A template that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
}

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Template, Error> {
        if text.len() > TEMPLATE_BYTES_MAX {
            return Err(Error { message: format!("template: :1: longer than {TEMPLATE_BYTES_MAX} bytes") });
        }
        let template = Template { text: text.to_string() };
        template.compiled(&Json::Null, &Labels::default()).map(|_| template)
    }

    fn compiled(&self, root: &Json, labels: &Labels) -> Result<gotmpl::Template, Error> {
        let mut template = gotmpl::Template::new("").missing_key(MissingKey::Error).max_range_iters(ROUNDS_MAX);
        for (name, function) in functions::all(root, labels) {
            template = template.func(name, move |arguments| function(arguments));
        }
        let read = template.parse(&functions::with_label_calls(&self.text));
        let read = read.map_err(|error| Error { message: place::of_parsing(&self.text, &error) })?;
        match place::unknown_function(&self.text) {
            Some(message) => Err(Error { message }),
            None => Ok(read),
        }
    }

    /// The text that the template makes of `value`.
    pub fn run(&self, value: &Json, missing: Missing, labels: &Labels) -> Result<String, Error> {
        let template = self.compiled(value, labels)?;
        let answer = template.execute_to_string(&to_value(value));
        // What is null is a nil pointer in Docker's own types: Go prints those otherwise than what a map does not have.
        answer
            .map(|text| text.replace("<no value>", "<nil>"))
            .map_err(|error: TemplateError| Error { message: place::of_running(&self.text, &error, missing) })
    }

    /// As `run`; and where that goes wrong, what was written before it did.
    pub fn run_as_far(&self, value: &Json, missing: Missing, labels: &Labels) -> (String, Result<(), Error>) {
        let mut written = String::new();
        let told = |error: TemplateError| Error { message: place::of_running(&self.text, &error, missing) };
        let done = self.compiled(value, labels);
        let done = done.and_then(|template| template.execute_fmt(&mut written, &to_value(value)).map_err(told));
        (written.replace("<no value>", "<nil>"), done)
    }

    /// It names this field.
    pub fn names(&self, field: &str) -> bool {
        self.text.contains(&format!(".{field}"))
    }
}

/// Lists that Go prints as `[]` where they are not set.
const LISTS: &[&str] = &["Binds", "CapAdd", "CapDrop", "SecurityOpt", "MaskedPaths", "ReadonlyPaths", "Entrypoint", "Cmd"];

fn to_value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => Value::Int(number),
            (_, Some(number), _) => Value::Uint(number),
            (.., number) => Value::Float(number.unwrap_or_default()),
        },
        Json::String(text) => Value::String(Arc::from(text.as_str())),
        Json::Array(all) => Value::List(all.iter().map(to_value).collect()),
        Json::Object(fields) => {
            let field = |(name, value): (&String, &Json)| {
                let unset = value.is_null() && LISTS.contains(&name.as_str());
                (Arc::from(name.as_str()), if unset { Value::List(Arc::from([])) } else { to_value(value) })
            };
            Value::Map(Arc::new(fields.iter().map(field).collect::<BTreeMap<Arc<str>, Value>>()))
        }
    }
}

#[cfg(test)]
mod tests;
