//! Writing the log: bytes as they come from the program's pipes or terminal become lines, and a full file makes room for the next.
//!
//! There is a file under the log's name at every moment: a reader finds the newest there, and the older ones under `NAME.1`, `NAME.2`, …,
//! or, packed, `NAME.1.gz`, `NAME.2.gz`, …. They are packed at once: dockerd does it meanwhile, and waits for it at the next full file.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use glassbox_core::model::log::{LogLines, LogRecord, Rotation};

use super::packed::{self, PACKED};
use super::{LogEntry, Stream};
use crate::store::StoreError;

/// The writing end of a container's log.
#[derive(Debug)]
pub struct LogWriter {
    path: PathBuf,
    file: File,
    lines: LogLines,
    rotation: Rotation,
    /// Of the file, as `rotation` counts.
    bytes: u64,
}

impl LogWriter {
    /// Opens the log for appending, making it where it is missing. A line that an earlier monitor left torn is closed off.
    pub fn open(path: &Path, rotation: Rotation) -> Result<LogWriter, StoreError> {
        let file = OpenOptions::new().read(true).append(true).create(true).mode(0o640).open(path);
        let mut file = file.map_err(StoreError::io("open the log", path))?;
        if is_torn(&file) {
            file.write_all(b"\n").map_err(StoreError::io("write the log", path))?;
        }
        let bytes = bytes_of(&mut file, &rotation).map_err(StoreError::io("read the log", path))?;
        Ok(LogWriter { path: path.to_path_buf(), file, lines: LogLines::default(), rotation, bytes })
    }

    /// Takes what the program wrote to `stream`; whole lines are in the file when it returns.
    pub fn write(&mut self, stream: Stream, bytes: &[u8], now_ns: u64) -> Result<(), StoreError> {
        let records = self.lines.take(stream, bytes, now_ns);
        self.append(&records)
    }

    /// The streams have ended: what is left of a line is written, without a newline.
    pub fn finish(mut self, now_ns: u64) -> Result<(), StoreError> {
        let records = self.lines.rest(now_ns);
        self.append(&records)
    }

    fn append(&mut self, records: &[LogRecord]) -> Result<(), StoreError> {
        let mut lines = String::new();
        for record in records {
            if self.rotation.is_full(self.bytes) {
                self.write_lines(&std::mem::take(&mut lines))?;
                self.rotate().map_err(StoreError::io("change the log's file", &self.path))?;
            }
            let line = record.json_line();
            if self.rotation.bytes_max.is_some() {
                self.bytes += self.rotation.bytes(record);
            }
            lines.push_str(&line);
        }
        self.write_lines(&lines)
    }

    fn write_lines(&mut self, lines: &str) -> Result<(), StoreError> {
        self.file.write_all(lines.as_bytes()).map_err(StoreError::io("write the log", &self.path))
    }

    /// Every file moves up by one, the last one goes, and a new one takes the place of the first.
    fn rotate(&mut self) -> std::io::Result<()> {
        for number in (2..self.rotation.files_max).rev() {
            move_up(&older(&self.path, number - 1), &older(&self.path, number))?;
        }
        if self.rotation.files_max > 1 {
            remove_both(&older(&self.path, 1))?;
            fs::hard_link(&self.path, older(&self.path, 1))?;
        }
        let new = named(&self.path, "new");
        let file = OpenOptions::new().read(true).append(true).create(true).truncate(false).mode(0o640).open(&new)?;
        file.set_len(0)?;
        fs::rename(&new, &self.path)?;
        (self.file, self.bytes) = (file, 0);
        if self.rotation.compress && self.rotation.files_max > 1 {
            packed::pack(&older(&self.path, 1))?;
        }
        Ok(())
    }
}

/// `NAME.1` is what was written before `NAME`, `NAME.2` what was before that.
pub(super) fn older(path: &Path, number: usize) -> PathBuf {
    named(path, &number.to_string())
}

pub(super) fn named(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{end}"));
    PathBuf::from(name)
}

/// A file of the log becomes an older one, packed or not. One that could not be packed (a full disk, a killed monitor) stays as it is.
fn move_up(from: &Path, to: &Path) -> std::io::Result<()> {
    remove_both(to)?;
    forgive_missing(fs::rename(named(from, PACKED), named(to, PACKED)))?;
    forgive_missing(fs::rename(from, to))
}

fn remove_both(path: &Path) -> std::io::Result<()> {
    forgive_missing(fs::remove_file(named(path, PACKED)))?;
    forgive_missing(fs::remove_file(path))
}

pub(super) fn forgive_missing(answer: std::io::Result<()>) -> std::io::Result<()> {
    answer.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// How full the file is.
fn bytes_of(file: &mut File, rotation: &Rotation) -> std::io::Result<u64> {
    if !rotation.counts_records() {
        return Ok(file.metadata()?.len());
    }
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let entries = text.split(|byte| *byte == b'\n').filter_map(LogEntry::parse);
    Ok(entries.map(|entry| rotation.bytes(&record_of(&entry))).sum())
}

fn record_of(entry: &LogEntry) -> LogRecord {
    // Any time of this century is as long as any other.
    const A_TIME: u64 = 1_795_264_496_120_000_000;
    LogRecord { bytes: entry.log.clone().into_bytes(), stream: entry.stream, at_ns: A_TIME, is_part: !entry.log.ends_with('\n') }
}

fn is_torn(file: &File) -> bool {
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let mut last = [b'\n'];
    length > 0 && file.read_exact_at(&mut last, length - 1).is_ok() && last != *b"\n"
}
