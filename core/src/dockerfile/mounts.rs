//! `RUN --mount=type=cache,target=/x`: its keys and values, as BuildKit judges them.

use super::expand::quoted;
use super::suggest::{hint, nearest};
use crate::cli::{boolean, size_in_bytes};

const TYPES: [(&str, MountType); 5] = [
    ("bind", MountType::Bind),
    ("cache", MountType::Cache),
    ("tmpfs", MountType::Tmpfs),
    ("secret", MountType::Secret),
    ("ssh", MountType::Ssh),
];
const SHARINGS: [(&str, Sharing); 3] = [("shared", Sharing::Shared), ("private", Sharing::Private), ("locked", Sharing::Locked)];
const KEYS: [&str; 19] = [
    "type",
    "from",
    "source",
    "target",
    "readonly",
    "id",
    "sharing",
    "required",
    "size",
    "mode",
    "uid",
    "gid",
    "src",
    "dst",
    "destination",
    "ro",
    "rw",
    "readwrite",
    "env",
];
/// These stand alone, or with true or false.
const SWITCHES: [&str; 5] = ["readonly", "ro", "readwrite", "rw", "required"];

/// What is mounted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum MountType {
    /// Files of the context, of a stage, of an image.
    #[default]
    Bind,
    /// A directory that stays from build to build.
    Cache,
    /// Memory.
    Tmpfs,
    /// A file or a variable that no layer keeps.
    Secret,
    /// The socket of the caller's agent of ssh.
    Ssh,
}

/// Who may use a cache at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Sharing {
    /// Whoever wants to.
    #[default]
    Shared,
    /// One; BuildKit gives another one another directory.
    Private,
    /// One; another one waits.
    Locked,
}

impl Sharing {
    /// As it is written.
    pub fn word(self) -> &'static str {
        SHARINGS.iter().find(|(_, known)| *known == self).map_or("", |(word, _)| word)
    }
}

/// A mount, its variables resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mount {
    /// Its type.
    pub kind: MountType,
    /// The stage or image that it comes from.
    pub from: Option<String>,
    /// Of what it comes from, this path.
    pub source: String,
    /// Where it is to be; empty: not said.
    pub target: String,
    /// Nothing can be written there.
    pub read_only: bool,
    /// Of a cache, a secret, an agent.
    pub id: String,
    /// Of a cache.
    pub sharing: Sharing,
    /// Without it the build fails.
    pub required: bool,
    /// Of memory; 0: the kernel's own limit.
    pub size_bytes: u64,
    /// Permission bits.
    pub mode: Option<u32>,
    /// Whose it is.
    pub uid: Option<u32>,
    /// And whose group.
    pub gid: Option<u32>,
    /// A variable with this name has the secret.
    pub env: Option<String>,
}

fn fields(value: &str) -> Result<Vec<String>, String> {
    crate::cli::fields(value).map_err(|why| format!("failed to parse csv mounts: {why}"))
}

/// The values of its fields, as written: what variables may stand in, in the order in which [`read`] asks for them.
pub(super) fn values(text: &str) -> Vec<String> {
    let all = fields(text).unwrap_or_default();
    all.iter().filter_map(|field| field.split_once('=')).map(|(_, value)| value.to_string()).collect()
}

/// What it comes from, as written.
pub(super) fn from(text: &str) -> Option<String> {
    let all = fields(text).ok()?;
    let value = |field: &String| {
        field.split_once('=').filter(|(key, _)| key.eq_ignore_ascii_case("from")).map(|(_, value)| value.to_string())
    };
    all.iter().rev().find_map(value)
}

/// What is refused while the file is read: a stage is needed before variables are known.
pub(super) fn check_from(text: &str) -> Result<(), String> {
    let variable = |value: &String| value.find('$').is_some_and(|at| at + 1 < value.len());
    match from(text).filter(variable) {
        Some(_) => Err("'from' doesn't support variable expansion, define alias stage instead".to_string()),
        None => Ok(()),
    }
}

/// Reads the value of `--mount`; the error is BuildKit's. `expand` resolves the variables of a value.
pub fn read(text: &str, mut expand: impl FnMut(&str) -> Result<String, String>) -> Result<Mount, String> {
    let mut reading = Reading { mount: Mount::default(), switched: false };
    for field in fields(text)? {
        let (key, value) = match field.split_once('=') {
            Some((key, value)) => (key.to_lowercase(), Some(expand(value)?)),
            None => (field.to_lowercase(), None),
        };
        reading.take(&field, &key, value.as_deref())?;
    }
    reading.judged()
}

struct Reading {
    mount: Mount,
    /// It was said whether it can be written.
    switched: bool,
}

impl Reading {
    fn take(&mut self, field: &str, key: &str, value: Option<&str>) -> Result<(), String> {
        if !KEYS.contains(&key) {
            return Err(format!("unexpected key '{key}' in '{field}'{}", hint(nearest(key, KEYS))));
        }
        if SWITCHES.contains(&key) {
            let on = value.map_or(Ok(true), |value| boolean(value).map_err(|_| format!("invalid value for {key}: {value}")))?;
            return self.switch(key, on);
        }
        let Some(value) = value else { return Err(format!("invalid field '{field}' must be a key=value pair")) };
        let unexpected = |kind: MountType| format!("unexpected key '{key}' for mount type '{}'", word(kind));
        let number = |radix| u32::from_str_radix(value, radix).map_err(|_| format!("invalid value {value} for {key}"));
        let mount = &mut self.mount;
        match key {
            "type" => {
                let known = TYPES.iter().find(|(word, _)| *word == value);
                mount.kind = known.map(|(_, kind)| *kind).ok_or_else(|| {
                    let near = hint(nearest(value, TYPES.iter().map(|(word, _)| *word)));
                    format!("unsupported mount type {}{near}", quoted(value))
                })?;
            }
            "sharing" if mount.kind != MountType::Cache => return Err(unexpected(mount.kind)),
            "sharing" => {
                let known = SHARINGS.iter().find(|(word, _)| *word == value);
                mount.sharing = known.map(|(_, sharing)| *sharing).ok_or_else(|| {
                    let near = hint(nearest(value, SHARINGS.iter().map(|(word, _)| *word)));
                    format!("unsupported sharing value {}{near}", quoted(value))
                })?;
            }
            "size" if mount.kind != MountType::Tmpfs => return Err(unexpected(mount.kind)),
            "size" => {
                let bytes = size_in_bytes(value).ok().and_then(|bytes| u64::try_from(bytes).ok());
                mount.size_bytes = bytes.ok_or_else(|| format!("invalid value for {key}: {value}"))?;
            }
            "mode" => mount.mode = Some(number(8)?),
            "uid" => mount.uid = Some(number(10)?),
            "gid" => mount.gid = Some(number(10)?),
            "source" | "src" => mount.source = value.to_string(),
            "target" | "dst" | "destination" => mount.target = value.to_string(),
            "from" => mount.from = Some(value.to_string()),
            "id" => mount.id = value.to_string(),
            _ => mount.env = Some(value.to_string()),
        }
        Ok(())
    }

    fn switch(&mut self, key: &str, on: bool) -> Result<(), String> {
        if key == "required" {
            if !matches!(self.mount.kind, MountType::Secret | MountType::Ssh) {
                return Err(format!("unexpected key '{key}' for mount type '{}'", word(self.mount.kind)));
            }
            self.mount.required = on;
            return Ok(());
        }
        (self.mount.read_only, self.switched) = (on == matches!(key, "ro" | "readonly"), true);
        Ok(())
    }

    fn judged(self) -> Result<Mount, String> {
        let mut mount = self.mount;
        let kind = quoted(word(mount.kind));
        if matches!(mount.kind, MountType::Bind | MountType::Tmpfs) {
            let named = [("mode", mount.mode), ("uid", mount.uid), ("gid", mount.gid)];
            if let Some((name, _)) = named.iter().find(|(_, value)| value.is_some()) {
                return Err(format!("{name} not allowed for {kind} type mounts"));
            }
        }
        if !self.switched {
            mount.read_only = !matches!(mount.kind, MountType::Cache | MountType::Tmpfs);
        }
        match mount.kind {
            MountType::Secret if mount.from.is_some() => return Err("secret mount should not have a from".to_string()),
            MountType::Secret if mount.source.is_empty() && mount.target.is_empty() && mount.id.is_empty() => {
                return Err("invalid secret mount. one of source, target required".to_string());
            }
            MountType::Secret if !mount.source.is_empty() && !mount.id.is_empty() => {
                return Err("both source and id can't be set".to_string());
            }
            MountType::Ssh if !mount.source.is_empty() => return Err("ssh does not support source".to_string()),
            MountType::Bind | MountType::Cache | MountType::Tmpfs if super::ignore::clean(&mount.target) == "." => {
                return Err("invalid mount target \"/\"".to_string());
            }
            _ => {}
        }
        Ok(mount)
    }
}

fn word(kind: MountType) -> &'static str {
    TYPES.iter().find(|(_, known)| *known == kind).map_or("", |(word, _)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Result<Mount, String> {
        read(text, |value| Ok(value.to_string()))
    }

    #[test]
    fn keys_and_values_are_judged() {
        let cache = plain("type=cache,target=/x,ro,sharing=locked,uid=7,mode=750").unwrap();
        assert_eq!((cache.kind, cache.read_only, cache.sharing), (MountType::Cache, true, Sharing::Locked));
        assert_eq!((cache.uid, cache.mode), (Some(7), Some(0o750)));
        assert_eq!(plain("from=a,target=/x").unwrap().from.as_deref(), Some("a"));
        assert!(plain("type=secret,id=x").unwrap().read_only);
        assert_eq!(plain("type=tmpfs,target=/x,size=1m").unwrap().size_bytes, 1 << 20);
        assert!(!plain("target=/x,rw").unwrap().read_only);
        for (value, why) in [
            ("type=foo,target=/x", "unsupported mount type \"foo\""),
            ("type=cache", "invalid mount target \"/\""),
            ("target", "invalid field 'target' must be a key=value pair"),
            ("target=/x,foo=bar", "unexpected key 'foo' in 'foo=bar' (did you mean from?)"),
            ("type=cache,target=/x,sharing=foo", "unsupported sharing value \"foo\""),
            ("type=secret", "invalid secret mount. one of source, target required"),
            ("target=/x,size=1m", "unexpected key 'size' for mount type 'bind'"),
            ("target=/x,mode=755", "mode not allowed for \"bind\" type mounts"),
            ("type=cache,target=/x,uid=me", "invalid value me for uid"),
            ("type=ssh,source=/x", "ssh does not support source"),
        ] {
            assert_eq!(plain(value), Err(why.to_string()));
        }
    }

    #[test]
    fn variables_are_resolved_but_in_what_names_a_stage() {
        let read = read("type=cache,target=$HOME/c", |value| Ok(value.replace("$HOME", "/root")));
        assert_eq!(read.unwrap().target, "/root/c");
        assert!(check_from("from=$A,target=/x").is_err());
        assert_eq!((check_from("from=a,target=$B"), from("from=a,target=/x").as_deref()), (Ok(()), Some("a")));
    }
}
