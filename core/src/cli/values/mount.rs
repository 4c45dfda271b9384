//! `--mount`: comma-separated fields that say what is put where.

use super::fields::fields;
use super::number::{boolean, uint_of};
use super::size::bytes;

/// What the fields said, as far as they must fit together.
struct Mount {
    kind: String,
    target: String,
    read_only: bool,
    propagation: String,
    recursion: String,
    /// The prefixes of the options that were used: `bind`, `volume`, `image`, `tmpfs`.
    options: Vec<&'static str>,
}

/// Docker's refusal of a mount.
pub(super) fn check(value: &str) -> Result<(), String> {
    let empty = String::new;
    let (kind, target, propagation, recursion) = ("volume".to_string(), empty(), empty(), empty());
    let mut mount = Mount { kind, target, read_only: false, propagation, recursion, options: Vec::new() };
    for field in fields(value)? {
        mount.set(&field)?;
    }
    mount.fits()
}

impl Mount {
    fn set(&mut self, field: &str) -> Result<(), String> {
        let Some((key, value)) = field.split_once('=') else {
            return self.switch(field);
        };
        let key = key.to_lowercase();
        let invalid = || format!("invalid value for {key}: {value}");
        match key.as_str() {
            "type" => self.kind = value.to_lowercase(),
            "target" | "dst" | "destination" => self.target = value.to_string(),
            "source" | "src" | "consistency" => {}
            "readonly" | "ro" => self.read_only = boolean(value).map_err(|_| invalid())?,
            "bind-propagation" => self.propagation = value.to_lowercase(),
            "bind-nonrecursive" | "volume-nocopy" => drop(boolean(value).map_err(|_| invalid())?),
            "bind-recursive" => self.recursion = recursion(value).ok_or_else(|| recursion_refused(&invalid()))?,
            "volume-subpath" | "volume-label" | "volume-driver" | "volume-opt" | "image-subpath" => {}
            "tmpfs-size" => drop(bytes(value).map_err(|_| invalid())?),
            "tmpfs-mode" => drop(uint_of(value, 8, 32).map_err(|_| invalid())?),
            _ => return Err(format!("unexpected key '{key}' in '{field}'")),
        }
        self.note(&key);
        Ok(())
    }

    /// A field without a value.
    fn switch(&mut self, field: &str) -> Result<(), String> {
        let key = field.to_lowercase();
        match key.as_str() {
            "readonly" | "ro" => self.read_only = true,
            "volume-nocopy" | "bind-nonrecursive" => self.note(&key),
            _ => return Err(format!("invalid field '{field}' must be a key=value pair")),
        }
        Ok(())
    }

    fn note(&mut self, key: &str) {
        let prefix = ["volume", "image", "bind", "tmpfs"].into_iter().find(|prefix| key.starts_with(&format!("{prefix}-")));
        self.options.extend(prefix);
    }

    fn fits(&self) -> Result<(), String> {
        if self.kind.is_empty() {
            return Err("type is required".to_string());
        }
        if self.target.is_empty() {
            return Err("target is required".to_string());
        }
        let mixed =
            ["volume", "image", "bind", "tmpfs"].into_iter().find(|prefix| self.options.contains(prefix) && self.kind != *prefix);
        if let Some(prefix) = mixed {
            return Err(format!("cannot mix '{prefix}-*' options with mount type '{}'", self.kind));
        }
        let needs = |what: &str| {
            Err(format!("option 'bind-recursive={}' requires '{what}' to be specified in conjunction", self.recursion))
        };
        match self.recursion.as_str() {
            "writable" | "readonly" if !self.read_only => needs("readonly"),
            "readonly" if self.propagation != "rprivate" => needs("bind-propagation=rprivate"),
            _ => Ok(()),
        }
    }
}

fn recursion(value: &str) -> Option<String> {
    let known = ["enabled", "disabled", "writable", "readonly"].contains(&value);
    known.then(|| value.to_string())
}

fn recursion_refused(invalid: &str) -> String {
    format!("{invalid} (must be \"enabled\", \"disabled\", \"writable\", or \"readonly\")")
}
