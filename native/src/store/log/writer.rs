//! Writing the log: bytes as they come from the program's pipes or terminal become lines.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{LogEntry, Stream};
use crate::store::StoreError;

/// A line longer than this is written in parts, as Docker does: the parts but the last have no newline in `log`, and all of them bear the
/// time of the first.
const PART_BYTES: usize = 16 * 1024;

/// The writing end of a container's log.
#[derive(Debug)]
pub struct LogWriter {
    path: PathBuf,
    file: File,
    stdout: Unfinished,
    stderr: Unfinished,
}

/// What has come of a line so far.
#[derive(Debug, Default)]
struct Unfinished {
    bytes: Vec<u8>,
    /// Parts of the line are written already; the first came at this time.
    since_ns: Option<u64>,
}

impl LogWriter {
    /// Opens the log for appending, making it where it is missing. A line that an earlier monitor left torn is closed off.
    pub fn open(path: &Path) -> Result<LogWriter, StoreError> {
        let file = OpenOptions::new().read(true).append(true).create(true).mode(0o640).open(path);
        let mut file = file.map_err(StoreError::io("open the log", path))?;
        if is_torn(&file) {
            file.write_all(b"\n").map_err(StoreError::io("write the log", path))?;
        }
        Ok(LogWriter { path: path.to_path_buf(), file, stdout: Unfinished::default(), stderr: Unfinished::default() })
    }

    /// Takes what the program wrote to `stream`; whole lines are in the file when it returns.
    pub fn write(&mut self, stream: Stream, bytes: &[u8], now_ns: u64) -> Result<(), StoreError> {
        let unfinished = self.unfinished(stream);
        unfinished.bytes.extend_from_slice(bytes);
        let lines = unfinished.take_lines(stream, now_ns);
        self.append(&lines)
    }

    /// The streams have ended: what is left of a line is written, without a newline.
    pub fn finish(mut self, now_ns: u64) -> Result<(), StoreError> {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let line = self.unfinished(stream).take_rest(stream, now_ns);
            self.append(&line)?;
        }
        Ok(())
    }

    fn unfinished(&mut self, stream: Stream) -> &mut Unfinished {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    fn append(&mut self, lines: &str) -> Result<(), StoreError> {
        self.file.write_all(lines.as_bytes()).map_err(StoreError::io("write the log", &self.path))
    }
}

impl Unfinished {
    fn take_lines(&mut self, stream: Stream, now_ns: u64) -> String {
        let mut lines = String::new();
        let mut rest = self.bytes.as_slice();
        loop {
            let window = rest.get(..PART_BYTES).unwrap_or(rest);
            let (length, is_whole) = match window.iter().position(|byte| *byte == b'\n') {
                Some(end) => (end + 1, true),
                None if window.len() == PART_BYTES => (PART_BYTES, false),
                None => break,
            };
            let at_ns = self.since_ns.unwrap_or(now_ns);
            self.since_ns = if is_whole { None } else { Some(at_ns) };
            let (line, after) = rest.split_at(length);
            lines.push_str(&LogEntry::line(line, stream, at_ns));
            rest = after;
        }
        self.bytes.drain(..self.bytes.len() - rest.len());
        lines
    }

    fn take_rest(&mut self, stream: Stream, now_ns: u64) -> String {
        let bytes = std::mem::take(&mut self.bytes);
        let at_ns = self.since_ns.take().unwrap_or(now_ns);
        if bytes.is_empty() { String::new() } else { LogEntry::line(&bytes, stream, at_ns) }
    }
}

fn is_torn(file: &File) -> bool {
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let mut last = [b'\n'];
    length > 0 && file.read_exact_at(&mut last, length - 1).is_ok() && last != *b"\n"
}
