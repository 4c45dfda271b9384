//! One line of the log, as it is read.

pub use glassbox_core::model::log::Stream;
use serde::{Deserialize, Serialize};

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
