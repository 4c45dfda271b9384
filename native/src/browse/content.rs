//! A file as lines: text, or its bytes in hexadecimal.

/// Of a file that is no text, so much is shown.
const HEX_BYTES_MAX: usize = 64 << 10;
const BYTES_IN_A_LINE: usize = 16;
/// Of a line of text, so much is kept.
const LINE_LETTERS_MAX: usize = 4096;
const TAB: usize = 8;

/// What is shown of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Its path.
    pub path: String,
    /// Of it.
    pub lines: Vec<String>,
    /// The first line that is on the screen.
    pub top: usize,
    /// The first column.
    pub left: usize,
}

impl Content {
    /// Of a file's bytes, or of why they cannot be read.
    pub fn of(path: &str, bytes: Result<Vec<u8>, String>) -> Content {
        let lines = match bytes {
            Err(why) => vec![format!("glassbox: {path}: {why}")],
            Ok(bytes) if bytes.is_empty() => vec!["(the file is empty)".to_string()],
            Ok(bytes) => match std::str::from_utf8(&bytes) {
                Ok(text) if !bytes.contains(&0) => text.lines().map(plain).collect(),
                _ => hexadecimal(&bytes),
            },
        };
        Content { path: path.to_string(), lines, top: 0, left: 0 }
    }
}

/// Without anything that a terminal would obey.
pub fn plain(line: &str) -> String {
    let mut shown = String::new();
    for letter in line.chars().take(LINE_LETTERS_MAX) {
        match letter {
            '\t' => shown.push_str(&" ".repeat(TAB - shown.chars().count() % TAB)),
            control if control.is_control() => shown.push('·'),
            letter => shown.push(letter),
        }
    }
    if line.chars().nth(LINE_LETTERS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

fn hexadecimal(bytes: &[u8]) -> Vec<String> {
    let line = |(number, bytes): (usize, &[u8])| {
        let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let letters: String =
            bytes.iter().map(|byte| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' }).collect();
        format!("{:08x}  {:<47}  {letters}", number * BYTES_IN_A_LINE, digits.join(" "))
    };
    let shown = bytes.get(..HEX_BYTES_MAX).unwrap_or(bytes);
    let mut lines: Vec<String> = shown.chunks(BYTES_IN_A_LINE).enumerate().map(line).collect();
    if shown.len() < bytes.len() {
        lines.push(format!("… and {} bytes more: --file prints them", bytes.len() - shown.len()));
    }
    lines
}
