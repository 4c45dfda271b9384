//! Reading the log, from its beginning or its last lines, and on while it grows and its files change.
//!
//! The files are opened together, the oldest first in line. A file that was renamed meanwhile is read to its end, and then those that
//! came after it.

use std::collections::VecDeque;
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::LogEntry;
use super::packed::{Identity, LogFile};
use super::writer::older;
use crate::store::StoreError;

/// Between two looks at a log that is followed. Far below what a person notices, and about 0.1 % of a processor.
const PAUSE: Duration = Duration::from_millis(20);

/// What is read at once.
pub(super) const BLOCK_BYTES: usize = 64 * 1024;

/// A line longer than this is none of ours: it is passed over. (16 KiB, each byte escaped, need 96 KiB.)
const LINE_BYTES_MAX: usize = 1 << 20;

/// Files that change again and again while they are opened are taken as they are in the end.
const ATTEMPTS_MAX: usize = 100;

/// The reading end of a container's log.
#[derive(Debug)]
pub struct LogReader {
    path: PathBuf,
    /// Being read; `None`: there is none yet: the container was never started.
    file: Option<LogFile>,
    /// Those that were begun after it, the oldest first.
    next: VecDeque<LogFile>,
    /// Read, but no newline has come.
    rest: Vec<u8>,
}

impl LogReader {
    /// Begins `tail` lines before the end; `None`: at the beginning.
    pub fn open(path: &Path, tail: Option<u64>) -> Result<LogReader, StoreError> {
        let failed = StoreError::io("read the log", path);
        let mut next = open_all(path).map_err(StoreError::io("open the log", path))?;
        if let Some(tail) = tail {
            begin_at_last(&mut next, tail).map_err(failed)?;
        }
        let file = next.pop_front();
        Ok(LogReader { path: path.to_path_buf(), file, next, rest: Vec::new() })
    }

    /// The next lines, some at a time; none: all that is there has been read.
    pub fn read(&mut self) -> Result<Vec<LogEntry>, StoreError> {
        let mut entries = Vec::new();
        while entries.is_empty() {
            if self.read_block()? == 0 && !self.go_on()? {
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
        let Some(file) = &mut self.file else { return Ok(0) };
        let read = file.take(BLOCK_BYTES as u64).read_to_end(&mut self.rest);
        read.map_err(StoreError::io("read the log", &self.path))
    }

    /// At the end of a file: `false`, if there is nothing to go on with.
    fn go_on(&mut self) -> Result<bool, StoreError> {
        if self.next.is_empty() && !self.find_newer()? {
            return Ok(false);
        }
        // It takes no more lines since there is a newer one: what was written until then is to be read first.
        if self.read_block()? == 0 {
            self.rest.clear();
            self.file = self.next.pop_front();
        }
        Ok(true)
    }

    fn find_newer(&mut self) -> Result<bool, StoreError> {
        let failed = StoreError::io("open the log", &self.path);
        let held = self.file.as_ref().map(LogFile::identity).transpose();
        let held = held.map_err(StoreError::io("read the log", &self.path))?.flatten();
        let newest = identity_at(&self.path);
        if newest.is_none() || newest == held.and_then(Identity::place) {
            return Ok(false);
        }
        self.next = open_all(&self.path).map_err(failed)?;
        let known = self.next.iter().position(|file| held.is_some_and(|held| file.is(held)));
        // One that has been pushed out was older than all that are there.
        if let Some(known) = known {
            self.next.drain(..=known);
        }
        Ok(!self.next.is_empty())
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
}

/// Device and inode: no other file has them as long as this one is open.
fn identity_at(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// All files of the log, the oldest first. Where they changed while they were opened, they are opened anew.
fn open_all(path: &Path) -> std::io::Result<VecDeque<LogFile>> {
    let mut files = VecDeque::new();
    for _ in 0..ATTEMPTS_MAX {
        files = open_once(path)?;
        let newest = files.back().map(LogFile::identity).transpose()?.flatten();
        if newest.and_then(Identity::place) == identity_at(path) {
            break;
        }
    }
    Ok(files)
}

fn open_once(path: &Path) -> std::io::Result<VecDeque<LogFile>> {
    let Some(newest) = LogFile::open(path)? else { return Ok(VecDeque::new()) };
    let mut files = VecDeque::from([newest]);
    let mut missing = 0;
    let mut number = 1;
    // One may be missing for a moment: the others are being renamed.
    while missing < 2 {
        match LogFile::open(&older(path, number))? {
            None => missing += 1,
            Some(file) => {
                missing = 0;
                let found = file.identity()?;
                // As long as a file is about to be renamed it has both names; one that is packed moves up meanwhile.
                if !files.iter().any(|known| found.is_some_and(|found| known.is(found))) {
                    files.push_front(file);
                }
            }
        }
        number += 1;
    }
    Ok(files)
}

/// Leaves of the files those with the last `tail` lines, and places the first of them where these begin.
fn begin_at_last(files: &mut VecDeque<LogFile>, tail: u64) -> std::io::Result<()> {
    let mut left = tail;
    for index in (0..files.len()).rev() {
        let Some(file) = files.get_mut(index) else { continue };
        let lines = file.begin_at_last(left)?;
        if lines >= left || index == 0 {
            files.drain(..index);
            break;
        }
        left -= lines;
    }
    Ok(())
}
