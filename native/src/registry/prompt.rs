//! Questions at the caller's terminal, as Docker's client asks for a name and a password.

use std::io::{Read, Write};

use super::keys::PASSWORD_BYTES_MAX;
use super::words;
use crate::sys::terminal::RawMode;

const INTERRUPT: u8 = 3;
const END: u8 = 4;
const BACKSPACE: [u8; 2] = [8, 127];
const KILL: u8 = 21;

/// The answer, which the terminal shows while it is typed.
pub fn ask(question: &str) -> Result<String, String> {
    put(question);
    line(false)
}

/// The answer, which nobody sees.
pub fn ask_silently(question: &str) -> Result<String, String> {
    put(question);
    let raw = RawMode::enter(&std::io::stdin()).map_err(|errno| format!("the terminal shows what is typed: {errno}"))?;
    let answer = line(true);
    drop(raw);
    put("\n");
    answer
}

fn put(text: &str) {
    // Where stdout is closed there is nobody to ask; the answer tells.
    let _ = std::io::stdout().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush());
}

/// Up to the end of the line. A raw terminal leaves the keys to us.
fn line(raw: bool) -> Result<String, String> {
    let mut typed = Vec::new();
    for byte in std::io::stdin().lock().bytes() {
        match byte.map_err(|error| format!("read the answer: {}", words(&error)))? {
            b'\n' | b'\r' => break,
            INTERRUPT if raw => return Err("nothing was asked for any more: the question was interrupted".to_string()),
            END if raw => break,
            KILL if raw => typed.clear(),
            key if raw && BACKSPACE.contains(&key) => drop(typed.pop()),
            _ if typed.len() as u64 == PASSWORD_BYTES_MAX => {
                return Err(format!("the answer is longer than {PASSWORD_BYTES_MAX} bytes (PASSWORD_BYTES_MAX)"));
            }
            key => typed.push(key),
        }
    }
    String::from_utf8(typed).map(|text| text.trim().to_string()).map_err(|_| "the answer is no text (UTF-8)".to_string())
}
