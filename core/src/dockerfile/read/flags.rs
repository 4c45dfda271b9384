//! `--name`, `--name=value` of an instruction.

use crate::dockerfile::suggest::{hint, nearest};

/// The flags that were given.
pub(super) struct Flags {
    given: Vec<(String, String)>,
}

impl Flags {
    /// Holds them against those that the instruction has: with one value, with many, with true or false.
    pub(super) fn of(words: &[String], one: &[&str], many: &[&str], switches: &[&str]) -> Result<Flags, String> {
        let mut known: Vec<&str> = [one, many, switches].concat();
        known.sort_unstable();
        let mut given: Vec<(String, String)> = Vec::new();
        for word in words {
            let bare = word.trim_start_matches("--");
            let (name, value) = bare.split_once('=').map_or((bare, None), |(name, value)| (name, Some(value)));
            if !known.contains(&name) {
                return Err(format!("unknown flag: --{name}{}", hint(nearest(name, known.iter().copied()))));
            }
            if !many.contains(&name) && given.iter().any(|(before, _)| before == name) {
                return Err(format!("duplicate flag specified: --{name}"));
            }
            let value = match (switches.contains(&name), value) {
                (true, value) => switch(name, value)?,
                (false, Some(value)) => value.to_string(),
                (false, None) => return Err(format!("missing a value on flag: --{name}")),
            };
            given.push((name.to_string(), value));
        }
        Ok(Flags { given })
    }

    /// The value of a flag.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.given.iter().position(|(given, _)| given == name)?;
        Some(self.given.remove(at).1)
    }

    /// All values of a flag.
    pub(super) fn all(&mut self, name: &str) -> Vec<String> {
        std::iter::from_fn(|| self.take(name)).collect()
    }

    /// `None`: not given.
    pub(super) fn switch(&mut self, name: &str) -> Option<bool> {
        self.take(name).map(|value| value == "true")
    }
}

/// BuildKit takes only these two words.
fn switch(name: &str, value: Option<&str>) -> Result<String, String> {
    let value = value.filter(|value| !value.is_empty()).unwrap_or("true");
    match value.to_lowercase().as_str() {
        lower @ ("true" | "false") => Ok(lower.to_string()),
        _ => Err(format!("expecting boolean value for flag --{name}, not: {value}")),
    }
}
