//! `--mount`: comma-separated fields that say what is put where.

use super::fields::fields;
use super::number::{boolean, uint_of};
use super::size::bytes;
use crate::cli::storage::MountSpec;

/// Docker's refusal of a mount.
pub(super) fn check(value: &str) -> Result<(), String> {
    mount(value).map(drop)
}

/// What the fields say, or Docker's refusal.
pub(crate) fn mount(value: &str) -> Result<MountSpec, String> {
    let spec = MountSpec { text: value.to_string(), kind: "volume".to_string(), ..MountSpec::default() };
    let mut reading = Reading { spec, options: Vec::new() };
    for field in fields(value)? {
        reading.set(&field)?;
    }
    reading.fits()?;
    Ok(reading.spec)
}

/// What the fields have said so far.
struct Reading {
    spec: MountSpec,
    /// The prefixes of the options that were used: `bind`, `volume`, `image`, `tmpfs`.
    options: Vec<&'static str>,
}

impl Reading {
    fn set(&mut self, field: &str) -> Result<(), String> {
        let Some((key, value)) = field.split_once('=') else {
            return self.switch(field);
        };
        let key = key.to_lowercase();
        let invalid = || format!("invalid value for {key}: {value}");
        let spec = &mut self.spec;
        match key.as_str() {
            "type" => spec.kind = value.to_lowercase(),
            "target" | "dst" | "destination" => spec.target = value.to_string(),
            "source" | "src" => spec.source = value.to_string(),
            "consistency" => {}
            "readonly" | "ro" => spec.read_only = boolean(value).map_err(|_| invalid())?,
            "bind-propagation" => spec.propagation = value.to_lowercase(),
            "bind-nonrecursive" => {
                let off = boolean(value).map_err(|_| invalid())?;
                spec.recursion = if off { "disabled".to_string() } else { String::new() };
            }
            "volume-nocopy" => spec.no_copy = boolean(value).map_err(|_| invalid())?,
            "bind-recursive" => spec.recursion = recursion(value).ok_or_else(|| recursion_refused(&invalid()))?,
            "volume-label" => spec.labels.push(value.to_string()),
            "volume-subpath" => spec.subpath = value.to_string(),
            "volume-driver" => spec.driver = value.to_string(),
            "volume-opt" => {
                let (name, option) = value.split_once('=').unwrap_or((value, ""));
                spec.driver_options.insert(name.to_string(), option.to_string());
            }
            "image-subpath" => {
                spec.not_yet.get_or_insert_with(|| key.clone());
            }
            "tmpfs-size" => {
                spec.tmpfs_bytes_max = u64::try_from(bytes(value).map_err(|_| invalid())?).map_err(|_| invalid())?;
            }
            "tmpfs-mode" => {
                let mode = uint_of(value, 8, 32).map_err(|_| invalid())?;
                spec.tmpfs_mode = u32::try_from(mode).ok();
            }
            _ => return Err(format!("unexpected key '{key}' in '{field}'")),
        }
        self.note(&key);
        Ok(())
    }

    /// A field without a value.
    fn switch(&mut self, field: &str) -> Result<(), String> {
        let key = field.to_lowercase();
        match key.as_str() {
            "readonly" | "ro" => self.spec.read_only = true,
            "volume-nocopy" => self.spec.no_copy = true,
            "bind-nonrecursive" => self.spec.recursion = "disabled".to_string(),
            _ => return Err(format!("invalid field '{field}' must be a key=value pair")),
        }
        self.note(&key);
        Ok(())
    }

    fn note(&mut self, key: &str) {
        let prefix = ["volume", "image", "bind", "tmpfs"].into_iter().find(|prefix| key.starts_with(&format!("{prefix}-")));
        self.spec.of_volume |= prefix == Some("volume");
        self.options.extend(prefix);
    }

    fn fits(&self) -> Result<(), String> {
        let spec = &self.spec;
        if spec.kind.is_empty() {
            return Err("type is required".to_string());
        }
        if spec.target.is_empty() {
            return Err("target is required".to_string());
        }
        let mixed =
            ["volume", "image", "bind", "tmpfs"].into_iter().find(|prefix| self.options.contains(prefix) && spec.kind != *prefix);
        if let Some(prefix) = mixed {
            return Err(format!("cannot mix '{prefix}-*' options with mount type '{}'", spec.kind));
        }
        let needs = |what: &str| {
            Err(format!("option 'bind-recursive={}' requires '{what}' to be specified in conjunction", spec.recursion))
        };
        match spec.recursion.as_str() {
            "writable" | "readonly" if !spec.read_only => needs("readonly"),
            "readonly" if spec.propagation != "rprivate" => needs("bind-propagation=rprivate"),
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
