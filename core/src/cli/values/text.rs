//! Texts with a form: environment, labels, hosts, domains, streams, links, filters.

use core::net::IpAddr;

const BLANKS: &[char] = &[' ', '\t'];

/// `NAME=value` or `NAME`.
pub(super) fn env(value: &str) -> Result<(), String> {
    match value.split('=').next() {
        Some("") | None => Err(format!("invalid environment variable: {value}")),
        Some(_) => Ok(()),
    }
}

/// `key=value` or `key`, the key without blanks inside.
pub(super) fn label(value: &str) -> Result<(), String> {
    let key = value.split('=').next().unwrap_or_default().trim_start_matches(BLANKS);
    if key.is_empty() {
        return Err(format!("invalid label '{value}': empty name"));
    }
    match key.contains(BLANKS) {
        true => Err(format!("label '{key}' contains whitespaces")),
        false => Ok(()),
    }
}

/// A stream's name.
pub(super) fn attach(value: &str) -> Result<(), String> {
    match value.to_lowercase().as_str() {
        "stdin" | "stdout" | "stderr" => Ok(()),
        _ => Err("valid streams are STDIN, STDOUT and STDERR".to_string()),
    }
}

/// `host:ip` or `host=ip`, or the word for the host's own gateway.
pub(super) fn add_host(value: &str) -> Result<(), String> {
    let bad = || format!("bad format for add-host: {}", super::super::error::quote(value));
    let (host, address) = value.split_once('=').or_else(|| value.split_once(':')).ok_or_else(bad)?;
    if host.is_empty() || host.contains(':') {
        return Err(bad());
    }
    if address == "host-gateway" {
        return Ok(());
    }
    let bare = address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(address);
    match bare.parse::<IpAddr>() {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("invalid IP address in add-host: {}", super::super::error::quote(address))),
    }
}

/// A name server's address.
pub(super) fn dns(value: &str) -> Result<(), String> {
    match value.trim().parse::<IpAddr>() {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("IP address is not correctly formatted: {value}")),
    }
}

/// A domain, or `.` for none.
pub(super) fn dns_search(value: &str) -> Result<(), String> {
    let domain = value.trim_matches(' ');
    if domain == "." || is_domain(domain) { Ok(()) } else { Err(format!("{domain} is not a valid domain")) }
}

/// Labels of letters, digits and inner dashes, one letter at least in the whole.
fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        let inner = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        !label.is_empty() && inner && !label.starts_with('-') && !label.ends_with('-')
    };
    domain.len() < 255
        && domain.contains(|letter: char| letter.is_ascii_alphabetic())
        && domain.strip_suffix('.').unwrap_or(domain).split('.').all(label)
}

/// `name`, `name:alias`
pub(super) fn link(value: &str) -> Result<(), String> {
    match value.split(':').count() {
        _ if value.is_empty() => Err("empty string specified for links".to_string()),
        1 | 2 => Ok(()),
        _ => Err(format!("bad format for links: {value}")),
    }
}

/// `name=value`, or nothing.
pub(super) fn filter(value: &str) -> Result<(), String> {
    match value.is_empty() || value.contains('=') {
        true => Ok(()),
        false => Err("bad format of filter (expected name=value)".to_string()),
    }
}
