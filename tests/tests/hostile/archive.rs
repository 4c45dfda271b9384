//! Archives as no honest program writes them: headers byte by byte.

use std::fmt::Write as _;

/// Files are filled up to it.
const BLOCK: usize = 512;

/// A header (tar(5), ustar) whose sum is right; `size` as it stands in its field.
pub fn header(name: &[u8], flag: u8, size: &[u8], link: &[u8]) -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    let mut put = |at: usize, bytes: &[u8], room: usize| {
        block[at..at + bytes.len().min(room)].copy_from_slice(&bytes[..bytes.len().min(room)])
    };
    put(0, name, 100);
    put(100, b"0000644\0", 8);
    put(108, b"0000000\0", 8);
    put(116, b"0000000\0", 8);
    put(124, size, 12);
    put(136, b"00000000000\0", 12);
    put(148, b"        ", 8);
    put(156, &[flag], 1);
    put(157, link, 100);
    put(257, b"ustar\x0000", 8);
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn octal(size: usize) -> Vec<u8> {
    format!("{size:011o}\0").into_bytes()
}

/// An entry and its content.
pub fn entry(name: &str, flag: u8, link: &str, content: &[u8]) -> Vec<u8> {
    let mut bytes = header(name.as_bytes(), flag, &octal(content.len()), link.as_bytes());
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().div_ceil(BLOCK) * BLOCK, 0);
    bytes
}

/// A file.
pub fn file(name: &str) -> Vec<u8> {
    entry(name, b'0', "", b"content")
}

/// A symbolic link.
pub fn symlink(name: &str, to: &str) -> Vec<u8> {
    entry(name, b'2', to, b"")
}

/// A hard link.
pub fn hardlink(name: &str, to: &str) -> Vec<u8> {
    entry(name, b'1', to, b"")
}

/// Set owner and mode: fields of the header, whose sum is made again.
pub fn with_field(mut entry: Vec<u8>, at: usize, field: &[u8]) -> Vec<u8> {
    entry[at..at + field.len()].copy_from_slice(field);
    entry[148..156].copy_from_slice(b"        ");
    let sum: u32 = entry[..BLOCK].iter().map(|byte| u32::from(*byte)).sum();
    entry[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    entry
}

/// pax records (`length key=value\n`) before an entry.
pub fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut text = String::new();
    for (key, value) in records {
        let without = key.len() + value.len() + 3;
        let mut length = without + 1;
        while length != without + length.to_string().len() {
            length += 1;
        }
        // What cannot be written to a string is nothing.
        let _ = writeln!(text, "{length} {key}={value}");
    }
    entry("PaxHeaders.0/x", b'x', "", text.as_bytes())
}

/// With the two empty blocks at its end.
pub fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = entries.concat();
    bytes.resize(bytes.len() + 2 * BLOCK, 0);
    bytes
}
