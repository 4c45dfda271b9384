//! Files that stand for others: programs and data of images that the model kernel knows by name and size alone.
//!
//! Such a file begins with a line that says so; the bytes that it has besides are zeros. An archive holds the line, and how long the file
//! is said to be as an extended attribute, so that layers of hundreds of megabytes are archives of some kilobytes. Linux gives these
//! lengths no meaning: there a file is as long as its bytes.

/// What a modelled program begins with: the header of no real machine's program. The next line is the name of the model, each line after it
/// `KEY=VALUE`, what the model is to know.
pub const PROGRAM_HEADER: &str = "\x7fELF\x02\x01\x01\x00glassbox modelled\n";
/// What modelled data begins with.
pub const DATA_HEADER: &str = "glassbox: modelled: what follows stands for other bytes\n";
/// How long the file is said to be, decimal.
pub const LENGTH_ATTRIBUTE: &str = "user.glassbox.modelled-bytes";
/// A longer file is not modelled.
pub const LENGTH_MAX: u64 = 1 << 40;
/// Of a program's header this much is read.
pub const HEAD_BYTES_MAX: usize = 4096;

/// The bytes that a program begins with.
pub fn program(name: &str, facts: &[(String, String)]) -> String {
    let mut text = format!("{PROGRAM_HEADER}{name}\n");
    for (key, value) in facts {
        let value: String = value.chars().filter(|letter| !letter.is_control()).collect();
        text.push_str(&format!("{key}={value}\n"));
    }
    text.truncate(text.floor_char_boundary(HEAD_BYTES_MAX));
    text
}

/// Name and facts of a modelled program, from its first bytes. `None`: it is none.
pub fn read_program(head: &[u8]) -> Option<(String, Vec<(String, String)>)> {
    let rest = head.strip_prefix(PROGRAM_HEADER.as_bytes())?;
    let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
    let text = std::str::from_utf8(&rest[..end]).ok()?;
    let mut lines = text.lines();
    let name = lines.next()?.to_string();
    let facts = lines.filter_map(|line| line.split_once('=')).map(|(key, value)| (key.to_string(), value.to_string()));
    Some((name, facts.collect()))
}

/// Whether a file that begins so stands for another.
pub fn is_modelled(head: &[u8]) -> bool {
    head.starts_with(PROGRAM_HEADER.as_bytes()) || head.starts_with(DATA_HEADER.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_read_as_it_was_written() {
        let facts = vec![("port".to_string(), "80\n80".to_string())];
        let text = program("server", &facts);
        assert!(is_modelled(text.as_bytes()));
        let (name, read) = read_program(&[text.as_bytes(), &[0, 0]].concat()).unwrap();
        assert_eq!((name.as_str(), read), ("server", vec![("port".to_string(), "8080".to_string())]));
        assert!(read_program(b"#!/bin/sh").is_none());
    }
}
