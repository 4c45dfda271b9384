//! `RUN --mount=type=cache,target=/x`: its keys and values.

use super::expand::quoted;
use super::suggest::{hint, nearest};

const TYPES: [&str; 5] = ["bind", "cache", "tmpfs", "secret", "ssh"];
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

/// A mount, as far as a check looks at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mount {
    /// The stage or image that it comes from.
    pub from: Option<String>,
}

/// Reads the value of `--mount`; the error is BuildKit's.
pub(super) fn read(value: &str) -> Result<Mount, String> {
    let fields = crate::cli::fields(value).map_err(|why| format!("failed to parse csv mounts: {why}"))?;
    let mut kind = "bind".to_string();
    let (mut target, mut mount) = (String::new(), Mount::default());
    for field in &fields {
        let (key, value) = field.split_once('=').map_or((field.as_str(), None), |(key, value)| (key, Some(value)));
        let key = key.to_lowercase();
        if !KEYS.contains(&key.as_str()) {
            return Err(format!("unexpected key '{key}' in '{field}'{}", hint(nearest(&key, KEYS))));
        }
        let Some(value) = value else {
            if SWITCHES.contains(&key.as_str()) {
                continue;
            }
            return Err(format!("invalid field '{field}' must be a key=value pair"));
        };
        match key.as_str() {
            "type" if !TYPES.contains(&value) => return Err(format!("unsupported mount type {}", quoted(value))),
            "type" => kind = value.to_string(),
            "sharing" if !["shared", "private", "locked"].contains(&value) => {
                return Err(format!("unsupported sharing value {}", quoted(value)));
            }
            "target" | "dst" | "destination" => target = value.to_string(),
            "from" => mount.from = Some(value.to_string()),
            _ => {}
        }
    }
    let at_root = super::ignore::clean(&target) == ".";
    if at_root && matches!(kind.as_str(), "bind" | "cache" | "tmpfs") {
        return Err("invalid mount target \"/\"".to_string());
    }
    Ok(mount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_are_judged() {
        assert_eq!(read("type=cache,target=/x,ro,sharing=locked"), Ok(Mount::default()));
        assert_eq!(read("from=a,target=/x").unwrap().from.as_deref(), Some("a"));
        assert_eq!(read("type=secret,id=x"), Ok(Mount::default()));
        for (value, why) in [
            ("type=foo,target=/x", "unsupported mount type \"foo\""),
            ("type=cache", "invalid mount target \"/\""),
            ("target", "invalid field 'target' must be a key=value pair"),
            ("target=/x,foo=bar", "unexpected key 'foo' in 'foo=bar' (did you mean from?)"),
            ("type=cache,target=/x,sharing=foo", "unsupported sharing value \"foo\""),
        ] {
            assert_eq!(read(value), Err(why.to_string()));
        }
    }
}
