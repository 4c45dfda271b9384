//! Ports and volumes in their short notations, which Docker reads only after all flags: `-p`, `--expose`, `-v`, `--device`.

use core::net::IpAddr;

use super::uint_of;
use crate::model::{ContainerPort, PortBinding};
use crate::net::Protocol;

/// `[ip:][host:]container[/protocol]`, or `target=80,published=8080`.
pub(crate) fn publish(value: &str) -> Result<(), String> {
    let spec = match value.contains('=') {
        true => from_fields(value)?,
        false => value.to_string(),
    };
    let parts: Vec<&str> = spec.split(':').collect();
    let container = parts.last().copied().unwrap_or_default();
    let host = parts.len().checked_sub(2).and_then(|at| parts.get(at)).copied().unwrap_or_default();
    let address = parts.get(..parts.len().saturating_sub(2)).unwrap_or_default().join(":");
    let (protocol, container) = split_protocol(container);
    check_address(&address)?;
    if container.is_empty() {
        return Err(format!("no port specified: {spec}<empty>"));
    }
    let inner = range(container).map_err(|_| format!("invalid containerPort: {container}"))?;
    if !host.is_empty() {
        let outer = range(host).map_err(|_| format!("invalid hostPort: {host}"))?;
        if inner.1 - inner.0 != outer.1 - outer.0 && inner.0 != inner.1 {
            return Err(format!("invalid ranges specified for container and host Ports: {container} and {host}"));
        }
    }
    match protocol.to_lowercase().as_str() {
        "tcp" | "udp" | "sctp" => Ok(()),
        other => Err(format!("invalid proto: {other}")),
    }
}

/// What `-p` says, once [`publish`] has let it through: a range of both is port by port.
pub(crate) fn bindings(value: &str) -> Vec<PortBinding> {
    let spec = if value.contains('=') { from_fields(value).unwrap_or_default() } else { value.to_string() };
    let (front, container) = spec.rsplit_once(':').unwrap_or(("", &spec));
    let (address, host) = front.rsplit_once(':').unwrap_or(("", front));
    let (protocol, container) = split_protocol(container);
    let narrow = |(first, last): (u64, u64)| (u16::try_from(first).unwrap_or_default(), u16::try_from(last).unwrap_or_default());
    let (Ok((first, last)), Some(protocol)) = (range(container).map(narrow), Protocol::of(&protocol.to_lowercase())) else {
        return Vec::new();
    };
    let outer = range(host).map(narrow).ok().filter(|_| !host.is_empty());
    let address = address.trim_start_matches('[').trim_end_matches(']').parse().ok();
    let binding = |number: u16| {
        let host = match outer {
            Some((from, _)) if first != last => Some((from + (number - first), from + (number - first))),
            outer => outer,
        };
        PortBinding { port: ContainerPort { number, protocol }, address, host }
    };
    (first..=last).map(binding).collect()
}

fn from_fields(value: &str) -> Result<String, String> {
    let (mut published, mut target, mut protocol) = ("", "", "tcp");
    for field in value.split(',') {
        let wrong = || format!("invalid publish opts format (should be name=value but got '{field}')");
        match field.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(wrong)? {
            ("published", value) => published = value,
            ("target", value) => target = value,
            ("protocol", value) => protocol = value,
            _ => {}
        }
    }
    Ok(format!("{published}:{target}/{protocol}"))
}

fn check_address(address: &str) -> Result<(), String> {
    let bare = match address.strip_prefix('[') {
        Some(inner) => in_brackets(address, inner)?,
        None => address,
    };
    let right = bare.is_empty() || bare.parse::<IpAddr>().is_ok();
    if right { Ok(()) } else { Err(format!("invalid IP address: {bare}")) }
}

/// The address between brackets, which must be all there is.
fn in_brackets<'a>(address: &str, inner: &'a str) -> Result<&'a str, String> {
    let wrong = |what: &str| format!("invalid IP address {address}: address {address}:: {what} in address");
    match inner.split_once(']') {
        None => Err(wrong("missing ']'")),
        Some((bare, "")) => Ok(bare),
        Some(_) => Err(wrong("missing port")),
    }
}

/// The protocol, `tcp` unless said, and the port.
fn split_protocol(value: &str) -> (&str, &str) {
    match value.split_once('/') {
        Some(("", _)) => ("", ""),
        None | Some((_, "")) => ("tcp", value.trim_end_matches('/')),
        Some((port, protocol)) => (protocol.split('/').next().unwrap_or_default(), port),
    }
}

/// The first and last port, or why not.
fn range(ports: &str) -> Result<(u64, u64), String> {
    let Some((first, last)) = ports.split_once('-') else {
        let port = uint_of(ports, 10, 16)?;
        return Ok((port, port));
    };
    let (first, last) = (uint_of(first, 10, 16)?, uint_of(last.split('-').next().unwrap_or_default(), 10, 16)?);
    if last < first { Err(format!("invalid range specified for port: {ports}")) } else { Ok((first, last)) }
}

/// `--expose`: a port or a range, with a protocol or without.
pub(crate) fn expose(value: &str) -> Result<(), String> {
    if value.contains(':') {
        return Err(format!("invalid port format for --expose: {value}"));
    }
    let (_, port) = split_protocol(value);
    let ports = if port.is_empty() { Err("empty string specified for ports".to_string()) } else { range(port) };
    ports.map(drop).map_err(|reason| format!("invalid range format for --expose: {value}, error: {reason}"))
}

/// What `--expose` names, once [`expose`] has let it through: the first and last port, and the protocol.
pub(crate) fn exposed(value: &str) -> (u64, u64, String) {
    let (protocol, port) = split_protocol(value);
    let (first, last) = range(port).unwrap_or_default();
    (first, last, protocol.to_lowercase())
}

/// A port of `EXPOSE`: the first and last port, and the protocol. Refused in dockerd's words.
pub(crate) fn of_instruction(word: &str) -> Result<(u64, u64, String), String> {
    let (protocol, ports) = split_protocol(word);
    // An address and a port of the host are read over.
    let port = ports.rsplit(':').next().unwrap_or_default();
    let (first, last) = range(port).map_err(|_| format!("Invalid containerPort: {port}"))?;
    match protocol.to_lowercase().as_str() {
        known @ ("tcp" | "udp" | "sctp") => Ok((first, last, known.to_string())),
        other => Err(format!("Invalid proto: {other}")),
    }
}

/// `-v`: `[source:]target[:options]`; a single letter before a colon is a drive of Windows.
pub(crate) fn volume(value: &str) -> Result<(), String> {
    match value.len() {
        0 => return Err("invalid empty volume spec".to_string()),
        1 | 2 => return Ok(()),
        _ => {}
    }
    let sections = volume_sections(value);
    let refused = |reason: &str| Err(format!("invalid spec: {value}: {reason}"));
    for (at, section) in sections.iter().enumerate() {
        if section.is_empty() {
            return refused("empty section between colons");
        }
        if at == 2 && sections.len() > 3 {
            return refused("too many colons");
        }
    }
    Ok(())
}

fn volume_sections(value: &str) -> Vec<String> {
    let mut sections = vec![String::new()];
    for letter in value.chars() {
        let Some(section) = sections.last_mut() else {
            break;
        };
        let mut letters = section.chars();
        let drive = letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none();
        match letter {
            ':' if !drive => sections.push(String::new()),
            _ => section.push(letter),
        }
    }
    sections
}

/// `--device`: `host[:container][:modes]`, or a device's name in the Container Device Interface.
pub(crate) fn device(value: &str) -> Result<(), String> {
    if is_cdi_name(value) {
        return Ok(());
    }
    let parts: Vec<&str> = value.split(':').collect();
    let path = match parts.as_slice() {
        ["", ..] | [_, _, _, _, ..] => return Err(format!("bad format for path: {value}")),
        [path] => path,
        [path, modes] if is_device_mode(modes) => path,
        [_, path] => path,
        [_, path, modes] if is_device_mode(modes) => path,
        [_, _, modes] => return Err(format!("bad mode specified: {modes}")),
        [] => "",
    };
    if path.starts_with('/') { Ok(()) } else { Err(format!("{path} is not an absolute path")) }
}

fn is_device_mode(modes: &str) -> bool {
    let once = |mode: char| modes.matches(mode).count() <= 1;
    !modes.is_empty() && modes.chars().all(|mode| "rwm".contains(mode) && once(mode))
}

/// `vendor.com/class=device`
fn is_cdi_name(value: &str) -> bool {
    let word = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.ends_with(|last: char| last.is_ascii_alphanumeric())
            && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-.:".contains(letter))
    };
    let device = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text.ends_with(|last: char| last.is_ascii_alphanumeric())
            && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-.:".contains(letter))
    };
    let parts = value.split_once('=').and_then(|(kind, name)| kind.split_once('/').map(|(vendor, class)| (vendor, class, name)));
    parts.is_some_and(|(vendor, class, name)| word(vendor) && word(class) && device(name))
}
