//! Reading the log, from its beginning or its last lines, and on while it grows.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::LogEntry;
use crate::store::StoreError;

/// Between two looks at a log that is followed. Far below what a person notices, and about 0.1 % of a processor.
const PAUSE: Duration = Duration::from_millis(20);

/// What is read at once.
const BLOCK_BYTES: usize = 64 * 1024;

/// A line longer than this is none of ours: it is passed over. (16 KiB, each byte escaped, need 96 KiB.)
const LINE_BYTES_MAX: usize = 1 << 20;

/// The reading end of a container's log.
#[derive(Debug)]
pub struct LogReader {
    path: PathBuf,
    /// `None`: it does not exist yet: the container was never started.
    file: Option<File>,
    /// Read, but no newline has come.
    rest: Vec<u8>,
}

impl LogReader {
    /// Begins `tail` lines before the end; `None`: at the beginning.
    pub fn open(path: &Path, tail: Option<u64>) -> Result<LogReader, StoreError> {
        let mut reader = LogReader { path: path.to_path_buf(), file: None, rest: Vec::new() };
        if let (Some(tail), true) = (tail, reader.ensure_open()?) {
            let path = reader.path.clone();
            if let Some(file) = &mut reader.file {
                let start = start_of_last(file, tail).map_err(StoreError::io("read the log", &path))?;
                file.seek(SeekFrom::Start(start)).map_err(StoreError::io("read the log", &path))?;
            }
        }
        Ok(reader)
    }

    /// The next lines, some at a time; none: all that is there has been read.
    pub fn read(&mut self) -> Result<Vec<LogEntry>, StoreError> {
        let mut entries = Vec::new();
        while entries.is_empty() {
            let length = self.read_block()?;
            if length == 0 {
                break;
            }
            self.take_entries(&mut entries);
        }
        Ok(entries)
    }

    /// Hands each line to `sink` until `has_ended` says that no more will come and all is read, or `sink` answers `false`.
    ///
    /// `has_ended` is asked before each look, so that nothing written before the end is missed.
    pub fn follow(
        &mut self,
        mut has_ended: impl FnMut() -> bool,
        mut sink: impl FnMut(&LogEntry) -> bool,
    ) -> Result<(), StoreError> {
        loop {
            let ended = has_ended();
            let entries = self.read()?;
            if !entries.iter().all(&mut sink) {
                return Ok(());
            }
            match (entries.is_empty(), ended) {
                (false, _) => {}
                (true, true) => return Ok(()),
                (true, false) => thread::sleep(PAUSE),
            }
        }
    }

    fn read_block(&mut self) -> Result<usize, StoreError> {
        if !self.ensure_open()? {
            return Ok(0);
        }
        let Some(file) = &mut self.file else { return Ok(0) };
        let read = file.take(BLOCK_BYTES as u64).read_to_end(&mut self.rest);
        read.map_err(StoreError::io("read the log", &self.path))
    }

    fn take_entries(&mut self, entries: &mut Vec<LogEntry>) {
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else {
            if self.rest.len() > LINE_BYTES_MAX {
                self.rest.clear();
            }
            return;
        };
        let whole: Vec<u8> = self.rest.drain(..=end).collect();
        entries.extend(whole.split(|byte| *byte == b'\n').filter_map(LogEntry::parse));
    }

    /// `false`: there is no log.
    fn ensure_open(&mut self) -> Result<bool, StoreError> {
        if self.file.is_none() {
            self.file = match File::open(&self.path) {
                Ok(file) => Some(file),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(StoreError::io("open the log", &self.path)(error)),
            };
        }
        Ok(self.file.is_some())
    }
}

/// Where the last `tail` whole lines begin, looked for block by block from the end.
fn start_of_last(file: &File, tail: u64) -> std::io::Result<u64> {
    let mut block_end = file.metadata()?.len();
    let mut newlines = 0;
    let mut block = vec![0; BLOCK_BYTES];
    while block_end > 0 {
        let length = block_end.min(BLOCK_BYTES as u64);
        let start = block_end - length;
        let part = block.get_mut(..usize::try_from(length).unwrap_or(BLOCK_BYTES)).unwrap_or_default();
        file.read_exact_at(part, start)?;
        for (index, _) in part.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
            newlines += 1;
            if newlines > tail {
                return Ok(start + index as u64 + 1);
            }
        }
        block_end = start;
    }
    Ok(0)
}
