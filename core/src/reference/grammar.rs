//! The parts of a reference, each as the distribution specification has it.

/// A host name or an IPv6 address in brackets, with a port or without.
pub(crate) fn is_domain(domain: &str) -> bool {
    if let Some(rest) = domain.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else {
            return false;
        };
        let hexadecimal = !address.is_empty() && address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
        return hexadecimal && (port.is_empty() || port.strip_prefix(':').is_some_and(is_number));
    }
    let (host, port) = domain.split_once(':').map_or((domain, None), |(host, port)| (host, Some(port)));
    port.is_none_or(is_number) && host.split('.').all(is_host_label)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_host_label(label: &str) -> bool {
    let ends = !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    ends && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Components between slashes.
pub(super) fn is_path(path: &str) -> bool {
    path.split('/').all(is_component)
}

/// Lower-case letters and digits, with `.`, `_`, `__` or dashes between them.
fn is_component(component: &str) -> bool {
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    let ends = bytes.first().is_some_and(alphanumeric) && bytes.last().is_some_and(alphanumeric);
    let separators = component.split(|letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit());
    ends && separators.into_iter().all(|mark| matches!(mark, "" | "." | "_" | "__") || mark.bytes().all(|byte| byte == b'-'))
}

/// At most 128 letters, digits, `_`, and after the first also `.` and `-`.
pub(crate) fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let first = tag.bytes().next().is_some_and(word);
    first && tag.len() <= 128 && tag.bytes().all(|byte| word(byte) || byte == b'.' || byte == b'-')
}

/// `algorithm:hexadecimal`, at least 32 digits.
pub(super) fn is_digest(digest: &str) -> bool {
    let Some((algorithm, digits)) = digest.split_once(':') else {
        return false;
    };
    let part = |part: &str| {
        part.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    algorithm.split(['-', '_', '+', '.']).all(part) && digits.len() >= 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}
