//! What dockerd's `daemon.json` says of registries (<https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file>): mirrors of
//! Docker Hub, and registries that may speak http or show a certificate that nobody vouches for. Read by a step of its own, before a registry
//! is asked for anything; what is wrong is told in dockerd's words, and where.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::http::Url;
use crate::go_json::{self, kind, place_of};
use crate::reference::{DEFAULT_DOMAIN, is_domain};

/// A longer file is not read.
pub const SETTINGS_BYTES_MAX: usize = 1 << 20;
/// More mirrors, or more insecure registries, are not taken.
pub const SETTINGS_ENTRIES_MAX: usize = 1000;

const MIRRORS: &str = "registry-mirrors";
const INSECURE: &str = "insecure-registries";
/// dockerd adds them always.
const OWN_NETWORKS: [&str; 2] = ["127.0.0.0/8", "::1/128"];

/// How registries are reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Who is asked for images of Docker Hub before it: URLs without a slash at the end.
    pub mirrors: Vec<String>,
    /// `registry.example:5000`, `10.0.0.0/8`: they may speak http, and their certificates are not verified.
    pub insecure: Vec<String>,
}

impl Settings {
    /// Reads a file; an empty one says nothing. `ours`: it is Glassbox's own, and says nothing else.
    pub fn read(bytes: &[u8], file: &str, ours: bool) -> Result<Settings, String> {
        let text = String::from_utf8_lossy(bytes);
        let framed = |what: &str, (line, column): (usize, usize)| {
            let next = format!("glassbox: that is in line {line}, column {column} of {file}");
            format!("unable to configure the Docker daemon with file {file}: {what}\n{next}")
        };
        if text.trim().is_empty() {
            return Ok(Settings::default());
        }
        if bytes.len() > SETTINGS_BYTES_MAX {
            return Err(framed(&format!("it is longer than {SETTINGS_BYTES_MAX} bytes (SETTINGS_BYTES_MAX)"), (1, 1)));
        }
        let value = go_json::read(bytes).map_err(|wrong| framed(&format!("invalid JSON: {}", wrong.words), wrong.place))?;
        let place = |words: &str| place_of(words, &text).unwrap_or((1, 1));
        let fields = match &value {
            Value::Null => return Ok(Settings::default()),
            Value::Object(fields) => fields,
            other => {
                let what =
                    format!("invalid JSON: json: cannot unmarshal {} into Go value of type map[string]interface {{}}", kind(other));
                return Err(framed(&what, (1, 1)));
            }
        };
        let unknown: Vec<&str> =
            fields.keys().map(String::as_str).filter(|key| ours && ![MIRRORS, INSECURE].contains(key)).collect();
        if let Some(first) = unknown.first() {
            let what = format!("the following directives don't match any configuration option: {}", unknown.join(", "));
            let read = format!("glassbox: of dockerd's options, {MIRRORS} and {INSECURE} are read here");
            return Err(format!("{}\n{read}", framed(&what, place(&format!("\"{first}\"")))));
        }
        let list = |key: &str| {
            list(fields.get(key).unwrap_or(&Value::Null), key)
                .map_err(|what| framed(&format!("invalid JSON: json: {what}"), place(&format!("\"{key}\""))))
        };
        // As it stands there; a text that is written otherwise is found by its option.
        let at = |entry: &str, key: &str| place_of(&format!("\"{entry}\""), &text).unwrap_or_else(|| place(&format!("\"{key}\"")));
        let mut settings = Settings::default();
        for entry in list(MIRRORS)? {
            let mirror = mirror(&entry).map_err(|why| {
                framed(
                    &format!("merged configuration validation from file and command line flags failed: {why}"),
                    at(&entry, MIRRORS),
                )
            })?;
            push_new(&mut settings.mirrors, mirror);
        }
        for entry in list(INSECURE)? {
            let registry = insecure(&entry).map_err(|why| {
                let (line, column) = at(&entry, INSECURE);
                format!("failed to start daemon: {why}\nglassbox: that is in line {line}, column {column} of {file}")
            })?;
            push_new(&mut settings.insecure, registry);
        }
        Ok(settings)
    }

    /// The registry may speak http, and its certificate is not verified: it is on this machine, or the file names it, or a network that it
    /// is in. Names are not looked up for that; `localhost` is known.
    pub fn is_insecure(&self, authority: &str) -> bool {
        if authority == DEFAULT_DOMAIN {
            return false;
        }
        let whole = format!("http://{authority}/");
        let host = Url::parse(&whole).map_or(authority, |url| url.host()).trim_start_matches('[').trim_end_matches(']');
        let address = if host == "localhost" { Ok(IpAddr::from([127, 0, 0, 1])) } else { host.parse::<IpAddr>() };
        let within = |network: &str| address.as_ref().is_ok_and(|address| contains(network, *address));
        let mut named = self.insecure.iter().map(String::as_str).chain(OWN_NETWORKS);
        named.any(|entry| entry == authority || within(entry))
    }
}

fn push_new(list: &mut Vec<String>, entry: String) {
    if !list.contains(&entry) {
        list.push(entry);
    }
}

fn list(value: &Value, key: &str) -> Result<Vec<String>, String> {
    let entries = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(entries) => entries,
        other => return Err(format!("cannot unmarshal {} into Go struct field Config.{key} of type []string", kind(other))),
    };
    if entries.len() > SETTINGS_ENTRIES_MAX {
        return Err(format!("{key} has more than {SETTINGS_ENTRIES_MAX} entries (SETTINGS_ENTRIES_MAX)"));
    }
    let text = |(place, entry): (usize, &Value)| match entry {
        Value::String(text) => Ok(text.clone()),
        Value::Null => Ok(String::new()),
        other => Err(format!("cannot unmarshal {} into Config.{key}.{place} of type string", kind(other))),
    };
    entries.iter().enumerate().map(text).collect()
}

/// The URL of a mirror, without the slash at its end.
fn mirror(entry: &str) -> Result<String, String> {
    let Some((scheme, rest)) = entry.split_once("://").filter(|(scheme, _)| !scheme.is_empty()) else {
        return Err(format!("invalid mirror: no scheme specified for {entry:?}: must use either 'https://' or 'http://'"));
    };
    if let Some(odd) = entry.chars().find(|letter| !letter.is_ascii_graphic()) {
        let why = format!("parse {entry:?}: invalid character {:?} in host name", odd.to_string());
        return Err(format!("invalid mirror: {entry:?} is not a valid URI: {why}"));
    }
    if !matches!(scheme, "http" | "https") {
        return Err(format!("invalid mirror: unsupported scheme {scheme:?} in {entry:?}: must use either 'https://' or 'http://'"));
    }
    if rest.contains(['?', '#']) {
        return Err(format!("invalid mirror: query or fragment at end of the URI {entry:?}"));
    }
    let authority = rest.split('/').next().unwrap_or_default();
    if let Some((who, host)) = authority.rsplit_once('@') {
        let user = who.split(':').next().unwrap_or_default();
        let shown = format!("{scheme}://{user}:xxxxx@{host}{}", &rest[authority.len()..]);
        return Err(format!("invalid mirror: username/password not allowed in URI {shown:?}"));
    }
    if Url::parse(entry).is_none() {
        return Err(format!("invalid mirror: {entry:?} is not a valid URI: parse {entry:?}: no host"));
    }
    Ok(entry.strip_suffix('/').unwrap_or(entry).to_string())
}

/// `host`, `host:port` or a network, without the scheme that dockerd takes away too.
fn insecure(entry: &str) -> Result<String, String> {
    if entry.starts_with('-') || entry.ends_with('-') {
        return Err(format!("invalid index name ({entry}). Cannot begin or end with a hyphen"));
    }
    let bare = match entry.split_once("://") {
        Some((scheme, host)) if matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") => host,
        Some(_) => return Err(format!("insecure registry {entry} should not contain '://'")),
        None => entry,
    };
    if network(bare).is_some() || bare.parse::<IpAddr>().is_ok() {
        return Ok(bare.to_string());
    }
    let invalid = |what: &str, which: &str| format!("insecure registry {bare} is not valid: invalid {what} {which:?}");
    let (host, port) = bare.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).unwrap_or((bare, ""));
    if !is_domain(bare) {
        return Err(invalid("host", host));
    }
    match port.is_empty() || port.parse::<u16>().is_ok() {
        true => Ok(bare.to_string()),
        false => Err(invalid("port", port)),
    }
}

/// `10.0.0.0/8`: its address and how many bits of it count.
fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = text.split_once('/')?;
    let (address, bits): (IpAddr, u32) = (address.parse().ok()?, bits.parse().ok()?);
    let whole = if address.is_ipv4() { 32 } else { 128 };
    (bits <= whole).then_some((address, bits))
}

fn contains(text: &str, address: IpAddr) -> bool {
    let beginning = |address: u128, width: u32, bits: u32| address.checked_shr(width - bits).unwrap_or_default();
    match (network(text), address.to_canonical()) {
        (Some((IpAddr::V4(of), bits)), IpAddr::V4(one)) => {
            beginning(u32::from(of).into(), 32, bits) == beginning(u32::from(one).into(), 32, bits)
        }
        (Some((IpAddr::V6(of), bits)), IpAddr::V6(one)) => beginning(of.into(), 128, bits) == beginning(one.into(), 128, bits),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let whole = Settings::read(text.as_bytes(), "/d", false).unwrap_err();
        whole.strip_prefix("unable to configure the Docker daemon with file /d: ").unwrap_or(&whole).to_string()
    }

    #[test]
    fn mirrors_and_insecure_registries_are_read() {
        let text = r#"{"debug": true, "registry-mirrors": ["https://m.example/", "http://n:5000/hub", "https://m.example"],
            "insecure-registries": ["http://a.example", "10.0.0.0/8", "b.example:5000", "fd00::/8"]}"#;
        let read = Settings::read(text.as_bytes(), "/d", false).unwrap();
        assert_eq!(read.mirrors, ["https://m.example", "http://n:5000/hub"]);
        for insecure in ["a.example", "b.example:5000", "10.1.2.3:443", "[fd00::1]:5000", "127.9.9.9:1", "localhost", "[::1]:5000"]
        {
            assert!(read.is_insecure(insecure), "{insecure}");
        }
        for secure in ["a.example:5000", "b.example", "11.0.0.1", "docker.io", "localhost.example", "[fe80::1]"] {
            assert!(!read.is_insecure(secure), "{secure}");
        }
        assert!(Settings { insecure: vec!["0.0.0.0/0".into()], ..Settings::default() }.is_insecure("8.8.8.8"));
        for nothing in ["", " \n", "null", "{}", r#"{"registry-mirrors": null}"#] {
            assert_eq!(Settings::read(nothing.as_bytes(), "/d", true), Ok(Settings::default()));
        }
    }

    /// The words are those of `dockerd --validate` (28.5), and of its start for insecure registries.
    #[test]
    fn what_is_wrong_is_told_in_dockerds_words_with_the_place() {
        let unmarshal = "invalid JSON: json: cannot unmarshal";
        let failed = "merged configuration validation from file and command line flags failed: invalid mirror:";
        for (text, words, place) in [
            ("[1]", format!("{unmarshal} array into Go value of type map[string]interface {{}}"), (1, 1)),
            (
                "{\n \"registry-mirrors\": \"x\"}",
                format!("{unmarshal} string into Go struct field Config.registry-mirrors of type []string"),
                (2, 2),
            ),
            (
                r#"{"insecure-registries": ["x", 2]}"#,
                format!("{unmarshal} number into Config.insecure-registries.1 of type string"),
                (1, 2),
            ),
            (
                "{\"registry-mirrors\": [\n\"x\"]}",
                format!("{failed} no scheme specified for \"x\": must use either 'https://' or 'http://'"),
                (2, 1),
            ),
            (
                r#"{"registry-mirrors": ["ftp://x"]}"#,
                format!("{failed} unsupported scheme \"ftp\" in \"ftp://x\": must use either 'https://' or 'http://'"),
                (1, 23),
            ),
            (
                r#"{"registry-mirrors":["http://u:p@x"]}"#,
                format!("{failed} username/password not allowed in URI \"http://u:xxxxx@x\""),
                (1, 22),
            ),
            (
                r#"{"registry-mirrors":["http://x?a"]}"#,
                format!("{failed} query or fragment at end of the URI \"http://x?a\""),
                (1, 22),
            ),
            (
                r#"{"registry-mirrors":["http://x y"]}"#,
                format!("{failed} \"http://x y\" is not a valid URI: parse \"http://x y\": invalid character \" \" in host name"),
                (1, 22),
            ),
            (
                r#"{"insecure-registries":["ftp://x"]}"#,
                "failed to start daemon: insecure registry ftp://x should not contain '://'".to_string(),
                (1, 25),
            ),
            (
                r#"{"insecure-registries":["a b"]}"#,
                "failed to start daemon: insecure registry a b is not valid: invalid host \"a b\"".to_string(),
                (1, 25),
            ),
            (
                r#"{"insecure-registries":["a:99999"]}"#,
                "failed to start daemon: insecure registry a:99999 is not valid: invalid port \"99999\"".to_string(),
                (1, 25),
            ),
            (
                r#"{"insecure-registries":["-x"]}"#,
                "failed to start daemon: invalid index name (-x). Cannot begin or end with a hyphen".to_string(),
                (1, 25),
            ),
        ] {
            let (line, column) = place;
            assert_eq!(refused(text), format!("{words}\nglassbox: that is in line {line}, column {column} of /d"), "{text}");
        }
        let unknown = Settings::read(br#"{"b": 1, "a": 2}"#, "/d", true).unwrap_err();
        assert!(unknown.contains("the following directives don't match any configuration option: "), "{unknown}");
        assert!(Settings::read(br#"{"b": 1}"#, "/d", false).is_ok());
    }
}
