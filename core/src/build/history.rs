//! What the history of an image says of an instruction: BuildKit's words.

use crate::model::History;

/// What BuildKit writes beside each entry.
pub const COMMENT: &str = "buildkit.dockerfile.v0";

/// As Go's `%q` writes a list of strings.
pub fn quoted_list(words: &[String]) -> String {
    let all: Vec<String> = words.iter().map(|word| crate::cli::quoted(word)).collect();
    format!("[{}]", all.join(" "))
}

/// As Go's `%q` writes a number: the letter of that number.
pub fn rune(number: u64) -> String {
    match u32::try_from(number).ok().and_then(char::from_u32) {
        Some('\n') => r"'\n'".to_string(),
        Some('\t') => r"'\t'".to_string(),
        Some('\r') => r"'\r'".to_string(),
        Some('\'') => r"'\''".to_string(),
        Some('\\') => r"'\\'".to_string(),
        Some(letter @ ('\u{7}' | '\u{8}' | '\u{b}' | '\u{c}')) => {
            format!("'\\{}'", ["a", "b", "", "", "v", "f"].get(letter as usize - 7).copied().unwrap_or_default())
        }
        Some(letter) if letter.is_ascii_control() => format!("'\\x{:02x}'", letter as u32),
        Some(letter) => format!("'{letter}'"),
        None => "'\u{fffd}'".to_string(),
    }
}

/// An entry. `created`: RFC 3339.
pub fn entry(created: &str, created_by: &str, author: &str, empty_layer: bool) -> History {
    History {
        created: created.to_string(),
        created_by: created_by.to_string(),
        author: author.to_string(),
        comment: COMMENT.to_string(),
        empty_layer,
    }
}

/// A duration as Go writes it: `1m30s`.
pub fn duration(nanoseconds: u64) -> String {
    const SECOND: u64 = 1_000_000_000;
    const MILLISECOND: u64 = 1_000_000;
    if nanoseconds == 0 {
        return "0s".to_string();
    }
    if nanoseconds < SECOND {
        let fraction = format!(".{:06}", nanoseconds % MILLISECOND);
        return format!("{}{}ms", nanoseconds / MILLISECOND, fraction.trim_end_matches('0').trim_end_matches('.'));
    }
    let (seconds, rest) = (nanoseconds / SECOND, nanoseconds % SECOND);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = format!(".{rest:09}");
    let fraction = if rest == 0 { "" } else { fraction.trim_end_matches('0') };
    match (hours, minutes) {
        (0, 0) => format!("{seconds}{fraction}s"),
        (0, _) => format!("{minutes}m{seconds}{fraction}s"),
        _ => format!("{hours}h{minutes}m{seconds}{fraction}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_go_writes_them() {
        assert_eq!(duration(0), "0s");
        assert_eq!(duration(5_000_000), "5ms");
        assert_eq!(duration(1_500_000_000), "1.5s");
        assert_eq!(duration(90_000_000_000), "1m30s");
        assert_eq!(duration(3_600_000_000_000), "1h0m0s");
    }

    #[test]
    fn lists_are_written_as_go_writes_them() {
        assert_eq!(quoted_list(&["/bin/sh".into(), "-c".into(), "echo \"a\"".into()]), r#"["/bin/sh" "-c" "echo \"a\""]"#);
    }
}
