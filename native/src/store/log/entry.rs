//! One line of the log.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Where the program wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// stdout, or the terminal
    Stdout,
    /// stderr
    Stderr,
}

/// A line of output, or a part of a long one: then `log` does not end in a newline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// What was written, bytes that are no UTF-8 replaced.
    pub log: String,
    /// Where.
    pub stream: Stream,
    /// When, as RFC 3339 has it, in UTC.
    pub time: String,
}

impl LogEntry {
    /// The line as it stands in the file, with its newline. Escapes as Go's encoder, which Docker uses, does.
    pub fn line(log: &[u8], stream: Stream, at_ns: u64) -> String {
        let name = match stream {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        };
        let mut line = String::with_capacity(log.len() + 80);
        line.push_str("{\"log\":\"");
        for character in String::from_utf8_lossy(log).chars() {
            push_escaped(&mut line, character);
        }
        line.push_str(&format!("\",\"stream\":\"{name}\",\"time\":\"{}\"}}\n", rfc3339(at_ns)));
        line
    }

    /// From a line without its newline; `None`: it is torn, or none of ours.
    pub fn parse(line: &[u8]) -> Option<LogEntry> {
        serde_json::from_slice(line).ok()
    }

    /// Its time as `docker logs -t` shows it: always with nine digits after the point.
    pub fn time_in_full(&self) -> String {
        let time = self.time.trim_end_matches('Z');
        let (seconds, fraction) = time.split_once('.').unwrap_or((time, ""));
        format!("{seconds}.{fraction:0<9}Z")
    }
}

fn push_escaped(line: &mut String, character: char) {
    match character {
        '"' | '\\' => line.extend(['\\', character]),
        '\n' => line.push_str("\\n"),
        '\r' => line.push_str("\\r"),
        '\t' => line.push_str("\\t"),
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\x1f' => line.push_str(&format!("\\u{:04x}", character as u32)),
        _ => line.push(character),
    }
}

/// `2026-11-21T12:34:56.12Z`: zeros at the end of the fraction are left out, as Go's RFC3339Nano does.
fn rfc3339(at_ns: u64) -> String {
    let when = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ns)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (date, clock) = (when.date(), when.time());
    let month = u8::from(date.month());
    let whole =
        format!("{:04}-{month:02}-{:02}T{:02}:{:02}:{:02}", date.year(), date.day(), clock.hour(), clock.minute(), clock.second());
    let fraction = format!("{:09}", clock.nanosecond());
    match fraction.trim_end_matches('0') {
        "" => format!("{whole}Z"),
        digits => format!("{whole}.{digits}Z"),
    }
}
