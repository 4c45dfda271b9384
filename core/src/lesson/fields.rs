//! Reading a TOML table key by key: what is missing, unknown, of another type or too large becomes a diagnostic.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::{Diagnostic, LIST_MAX, VALUE_BYTES_MAX, report};

/// A table being read. [`Fields::finish`] reports the keys that nobody asked for.
pub(super) struct Fields<'a> {
    table: &'a Table,
    place: String,
    known: BTreeSet<&'static str>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(table: &'a Table, place: impl Into<String>) -> Fields<'a> {
        Fields { table, place: place.into(), known: BTreeSet::new() }
    }

    /// Where the table stands.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// From here on, the table is spoken of as this.
    pub(super) fn rename(&mut self, place: String) {
        self.place = place;
    }

    /// The value of a key, if it is there.
    pub(super) fn get(&mut self, key: &'static str) -> Option<&'a Value> {
        self.known.insert(key);
        self.table.get(key)
    }

    /// Has the key (and knows it from now on).
    pub(super) fn has(&mut self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    pub(super) fn text(&mut self, key: &'static str, found: &mut Vec<Diagnostic>) -> Option<String> {
        let value = self.get(key)?;
        self.as_text(key, value, found)
    }

    pub(super) fn needed_text(&mut self, key: &'static str, found: &mut Vec<Diagnostic>) -> String {
        if !self.has(key) {
            report(found, &self.place, format!("`{key}` is missing"), format!("add `{key} = \"…\"`"));
        }
        self.text(key, found).unwrap_or_default()
    }

    fn as_text(&self, key: &str, value: &Value, found: &mut Vec<Diagnostic>) -> Option<String> {
        match value {
            Value::String(text) if text.len() > VALUE_BYTES_MAX => {
                report(
                    found,
                    &self.place,
                    format!("`{key}` is longer than {VALUE_BYTES_MAX} bytes (VALUE_BYTES_MAX)"),
                    "shorten it",
                );
                None
            }
            Value::String(text) => Some(text.clone()),
            other => self.wrong(key, other, "a text in quotes", found),
        }
    }

    pub(super) fn integer(&mut self, key: &'static str, found: &mut Vec<Diagnostic>) -> Option<i64> {
        match self.get(key)? {
            Value::Integer(number) => Some(*number),
            other => self.wrong(key, other, "a whole number", found),
        }
    }

    pub(super) fn truth(&mut self, key: &'static str, found: &mut Vec<Diagnostic>) -> Option<bool> {
        match self.get(key)? {
            Value::Boolean(truth) => Some(*truth),
            other => self.wrong(key, other, "true or false", found),
        }
    }

    pub(super) fn table(&mut self, key: &'static str, found: &mut Vec<Diagnostic>) -> Option<&'a Table> {
        match self.get(key)? {
            Value::Table(table) => Some(table),
            other => self.wrong(key, other, "a table", found),
        }
    }

    pub(super) fn list(&mut self, key: &'static str, found: &mut Vec<Diagnostic>) -> &'a [Value] {
        match self.get(key) {
            None => &[],
            Some(Value::Array(all)) if all.len() > LIST_MAX => {
                report(found, &self.place, format!("`{key}` has more than {LIST_MAX} entries (LIST_MAX)"), "shorten it");
                &[]
            }
            Some(Value::Array(all)) => all,
            Some(other) => self.wrong(key, other, "a list", found).unwrap_or(&[]),
        }
    }

    pub(super) fn texts(&mut self, key: &'static str, found: &mut Vec<Diagnostic>) -> Vec<String> {
        self.list(key, found).iter().filter_map(|value| self.as_text(key, value, found)).collect()
    }

    fn wrong<T>(&self, key: &str, value: &Value, wanted: &str, found: &mut Vec<Diagnostic>) -> Option<T> {
        report(found, &self.place, format!("`{key}` is a {}", value.type_str()), format!("write {wanted}"));
        None
    }

    /// Reports the keys that nobody asked for.
    pub(super) fn finish(self, found: &mut Vec<Diagnostic>) {
        for key in self.table.keys().filter(|key| !self.known.contains(key.as_str())) {
            let known: Vec<&str> = self.known.iter().copied().collect();
            report(found, &self.place, format!("`{key}` is not known here"), format!("use one of: {}", known.join(", ")));
        }
    }
}

/// Lower-case letters, digits and hyphens: what a lesson, a step and a text may be called.
pub(super) fn is_id(text: &str) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.len() <= 64 && text.chars().all(good)
}
