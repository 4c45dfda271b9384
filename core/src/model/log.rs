//! A container's log: what comes of a program's output, and which of it is kept. Pure: both kernels ask it.
//!
//! ```text
//! bytes ─▶ LogLines ─▶ records of at most 16 KiB ─▶ a file, until it is full ─▶ it becomes FILE.1, FILE.1 becomes FILE.2, …
//! ```
//! Follows moby daemon/logger: `copier.go`, `jsonfilelog`, `local`, `loggerutils/logfile.go`.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::LogConfig;
use crate::cli::{boolean, file_bytes};

/// A line longer than this is written in parts, as Docker does: the parts but the last have no newline, and all of them bear the time of
/// the first.
pub const PART_BYTES: usize = 16 * 1024;

/// Where the program wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// stdout, or the terminal
    Stdout,
    /// stderr
    Stderr,
}

/// A line of output, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// What was written, with the newline if it came.
    pub bytes: Vec<u8>,
    /// Where.
    pub stream: Stream,
    /// When: nanoseconds since 1970.
    pub at_ns: u64,
    /// The line had to be divided.
    pub is_part: bool,
}

impl LogRecord {
    /// The line in the file of the json-file driver, with its newline. Escapes as Go's encoder, which Docker uses, does.
    pub fn json_line(&self) -> String {
        let name = match self.stream {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        };
        let mut line = String::with_capacity(self.bytes.len() + 80);
        line.push_str("{\"log\":\"");
        for character in String::from_utf8_lossy(&self.bytes).chars() {
            push_escaped(&mut line, character);
        }
        line.push_str(&format!("\",\"stream\":\"{name}\",\"time\":\"{}\"}}\n", rfc3339(self.at_ns)));
        line
    }

    /// So many bytes it has in the file of the driver local: a protocol buffer between two lengths (moby api/types/plugins/logdriver).
    fn local_bytes(&self) -> u64 {
        const LENGTHS: u64 = 8;
        const SOURCE: u64 = 8;
        /// That it is a part, of which line (64 digits), and the how-manieth.
        const PART: u64 = 72;
        let text = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes).len() as u64;
        let line = if text == 0 { 0 } else { 1 + varint_bytes(text) + text };
        LENGTHS + SOURCE + 1 + varint_bytes(self.at_ns) + line + if self.is_part { PART } else { 0 }
    }
}

fn varint_bytes(number: u64) -> u64 {
    u64::from((64 - number.max(1).leading_zeros()).div_ceil(7))
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

/// From bytes as they come to records. What has no newline yet is held back.
#[derive(Debug, Default)]
pub struct LogLines {
    stdout: Unfinished,
    stderr: Unfinished,
}

/// What has come of a line so far.
#[derive(Debug, Default)]
struct Unfinished {
    bytes: Vec<u8>,
    /// Parts of the line are recorded already; the first came at this time.
    since_ns: Option<u64>,
}

impl LogLines {
    /// What the program wrote to `stream`: the records that are whole by it.
    pub fn take(&mut self, stream: Stream, bytes: &[u8], now_ns: u64) -> Vec<LogRecord> {
        let unfinished = self.unfinished(stream);
        unfinished.bytes.extend_from_slice(bytes);
        unfinished.take_lines(stream, now_ns)
    }

    /// The streams have ended: what is left of lines.
    pub fn rest(&mut self, now_ns: u64) -> Vec<LogRecord> {
        let both = [Stream::Stdout, Stream::Stderr];
        both.into_iter().filter_map(|stream| self.unfinished(stream).take_rest(stream, now_ns)).collect()
    }

    fn unfinished(&mut self, stream: Stream) -> &mut Unfinished {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }
}

impl Unfinished {
    fn take_lines(&mut self, stream: Stream, now_ns: u64) -> Vec<LogRecord> {
        let mut records = Vec::new();
        let mut rest = self.bytes.as_slice();
        loop {
            let window = rest.get(..PART_BYTES).unwrap_or(rest);
            let (length, is_whole) = match window.iter().position(|byte| *byte == b'\n') {
                Some(end) => (end + 1, true),
                None if window.len() == PART_BYTES => (PART_BYTES, false),
                None => break,
            };
            let is_part = self.since_ns.is_some() || !is_whole;
            let at_ns = self.since_ns.unwrap_or(now_ns);
            self.since_ns = if is_whole { None } else { Some(at_ns) };
            let (line, after) = rest.split_at(length);
            records.push(LogRecord { bytes: line.to_vec(), stream, at_ns, is_part });
            rest = after;
        }
        self.bytes.drain(..self.bytes.len() - rest.len());
        records
    }

    fn take_rest(&mut self, stream: Stream, now_ns: u64) -> Option<LogRecord> {
        let bytes = std::mem::take(&mut self.bytes);
        let since_ns = self.since_ns.take();
        let record = LogRecord { bytes, stream, at_ns: since_ns.unwrap_or(now_ns), is_part: since_ns.is_some() };
        (!record.bytes.is_empty()).then_some(record)
    }
}

/// When a file of the log is full, and how many there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// A file of so many bytes or more takes nothing more; `None`: it grows.
    pub bytes_max: Option<u64>,
    /// So many files, with the one that is written; never 0.
    pub files_max: usize,
    /// Full files are packed.
    pub compress: bool,
    /// Sizes are those that the driver local would have.
    local: bool,
}

impl Rotation {
    /// Of a container that could be started: what cannot be read counts as not said.
    pub fn of(config: &LogConfig) -> Rotation {
        const LOCAL_BYTES: u64 = 20 * 1024 * 1024;
        const LOCAL_FILES: usize = 5;
        let local = config.driver == LogConfig::LOCAL;
        let size = config.options.get("max-size").and_then(|size| u64::try_from(file_bytes(size).ok()?).ok());
        let files = config.options.get("max-file").and_then(|files| files.parse().ok());
        let compress = config.options.get("compress").and_then(|text| boolean(text).ok()).unwrap_or(local);
        let (bytes, usual) = if local { (Some(LOCAL_BYTES), LOCAL_FILES) } else { (None, 1) };
        Rotation { bytes_max: size.or(bytes), files_max: files.unwrap_or(usual).max(1), compress, local }
    }

    /// So many bytes a record adds to its file.
    pub fn bytes(&self, record: &LogRecord) -> u64 {
        if self.local { record.local_bytes() } else { record.json_line().len() as u64 }
    }

    /// The file has so many bytes, and takes no further record.
    pub fn is_full(&self, bytes: u64) -> bool {
        self.bytes_max.is_some_and(|most| bytes >= most)
    }

    /// Sizes are not those of the file.
    pub fn counts_records(&self) -> bool {
        self.local && self.bytes_max.is_some()
    }

    /// Of all that was ever recorded, which is the first record that is still in a file.
    pub fn first_kept(&self, records: &[LogRecord]) -> usize {
        if self.bytes_max.is_none() {
            return 0;
        }
        let mut begins = std::collections::VecDeque::from([0]);
        let mut bytes = 0;
        for (index, record) in records.iter().enumerate() {
            if self.is_full(bytes) {
                bytes = 0;
                begins.push_back(index);
                if begins.len() > self.files_max {
                    begins.pop_front();
                }
            }
            bytes += self.bytes(record);
        }
        begins.front().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22T05:30:00.123456789Z
    const AT: u64 = 1_795_325_400_123_456_789;

    fn rotation(driver: &str, options: &[(&str, &str)]) -> Rotation {
        let options = options.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string())).collect();
        Rotation::of(&LogConfig { driver: driver.into(), options })
    }

    fn hundred() -> Vec<LogRecord> {
        let mut lines = LogLines::default();
        (0..100).flat_map(|number| lines.take(Stream::Stdout, format!("line-{number}\n").as_bytes(), AT)).collect()
    }

    /// What a container of dockerd 28.5.2 had kept of these lines.
    #[test]
    fn as_much_is_kept_as_docker_keeps() {
        let left = |driver, options: &[(&str, &str)]| 100 - rotation(driver, options).first_kept(&hundred());
        assert_eq!(left("json-file", &[]), 100);
        assert_eq!(left("json-file", &[("max-size", "1k")]), 9);
        assert_eq!(left("json-file", &[("max-size", "1k"), ("max-file", "3")]), 35);
        assert_eq!(left("json-file", &[("max-size", "1"), ("max-file", "3")]), 3);
        assert_eq!(left("local", &[]), 100);
        assert_eq!(left("local", &[("max-size", "1k"), ("max-file", "3")]), 71);
        assert_eq!(left("local", &[("max-size", "1k"), ("max-file", "1")]), 13);
        assert_eq!(left("local", &[("max-size", "0"), ("max-file", "3")]), 3);
        assert_eq!(left("local", &[("max-size", "0"), ("max-file", "0")]), 1);
    }

    #[test]
    fn a_record_of_the_driver_local_is_as_long_as_dockers() {
        let records = hundred();
        assert_eq!(records[9].local_bytes(), 34);
        assert_eq!(records[99].local_bytes(), 35);
    }

    #[test]
    fn what_has_no_newline_is_held_back() {
        let mut lines = LogLines::default();
        assert_eq!(lines.take(Stream::Stdout, b"he", 1), []);
        let record = |bytes: &[u8], at_ns| LogRecord { bytes: bytes.to_vec(), stream: Stream::Stdout, at_ns, is_part: false };
        assert_eq!(lines.take(Stream::Stdout, b"llo\nthere", 2), [record(b"hello\n", 2)]);
        assert_eq!(lines.rest(3), [record(b"there", 3)]);
        assert_eq!(lines.rest(4), []);
    }
}
