//! `events.log` below the data root: what `glassbox events` tells, a line of JSON each, with the lines of the file before it in
//! `events.log.1`. Never larger than [`LOG_BYTES_MAX`], and so that the last 256 are there.
//!
//! Appended by whoever does the act, with one write(2): a reader sees whole lines, or one that is not finished yet and is left for later.
//! A command never fails for want of it.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use glassbox_core::model::ContainerId;
use glassbox_core::model::happening::{HAPPENINGS_MAX, Happening};

use crate::sys::file;

/// A log that is larger is put aside, in the place of the one that was before.
pub const LOG_BYTES_MAX: u64 = 1 << 20;

/// The file below this data root.
pub fn path(root: &Path) -> PathBuf {
    root.join("events.log")
}

fn path_before(root: &Path) -> PathBuf {
    root.join("events.log.1")
}

/// Adds lines. Where that cannot be done nobody is told of them.
pub fn append(root: &Path, told: &[Happening]) {
    if told.is_empty() {
        return;
    }
    let line = |happening: &Happening| serde_json::to_string(happening).map(|text| text + "\n");
    let text: String = told.iter().filter_map(|happening| line(happening).ok()).collect();
    let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(path(root));
    let Ok(mut file) = opened else { return };
    let written = file.write_all(text.as_bytes());
    if written.is_ok() && file.metadata().is_ok_and(|metadata| metadata.len() > LOG_BYTES_MAX) {
        put_aside(root, &file);
    }
}

/// By one at a time, and only the file that is the log now.
fn put_aside(root: &Path, file: &File) {
    if file::lock_exclusive(file).is_err() {
        return;
    }
    let inode = |metadata: fs::Metadata| metadata.ino();
    if file.metadata().map(inode).ok() == fs::metadata(path(root)).map(inode).ok() {
        let _ = fs::rename(path(root), path_before(root));
    }
}

/// The last thing that was told of a container's start or end was its end.
pub fn has_ended(root: &Path, id: &ContainerId) -> bool {
    let files = [path(root), path_before(root)];
    files.iter().find_map(|file| last_turn(&fs::read(file).unwrap_or_default(), id)).is_some_and(|action| action == "die")
}

/// Only lines that name it are understood: there may be many others, and many containers to ask for.
fn last_turn(bytes: &[u8], id: &ContainerId) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().rev().filter(|line| line.contains(&id.0)).find_map(|line| {
        let happening: Happening = serde_json::from_str(line).ok()?;
        let turns = happening.id == id.0 && ["start", "die"].contains(&happening.action.as_str());
        turns.then_some(happening.action)
    })
}

/// Reads the log, from its last lines on.
#[derive(Debug)]
pub struct Reader {
    root: PathBuf,
    file: Option<File>,
    rest: Vec<u8>,
    is_first: bool,
}

impl Reader {
    /// Of this data root; there may be no log yet.
    pub fn open(root: &Path) -> Reader {
        Reader { root: root.to_path_buf(), file: None, rest: Vec::new(), is_first: true }
    }

    /// What was told since the last time; the first time the last of all.
    pub fn read(&mut self) -> Vec<Happening> {
        let mut all = Vec::new();
        if std::mem::take(&mut self.is_first) {
            all.extend(lines(&fs::read(path_before(&self.root)).unwrap_or_default()));
            all.extend(self.read_on());
            let surplus = all.len().saturating_sub(HAPPENINGS_MAX);
            return all.split_off(surplus);
        }
        all.extend(self.read_on());
        all
    }

    fn read_on(&mut self) -> Vec<Happening> {
        let mut all = self.read_file();
        let is_log = |file: &File| {
            let inode = |metadata: fs::Metadata| metadata.ino();
            file.metadata().map(inode).ok() == fs::metadata(path(&self.root)).map(inode).ok()
        };
        if !self.file.as_ref().is_some_and(is_log) {
            // Once more to the end of what was put aside, then the new one from its beginning.
            all.extend(self.read_file());
            self.rest.clear();
            self.file = File::open(path(&self.root)).ok();
            all.extend(self.read_file());
        }
        all
    }

    fn read_file(&mut self) -> Vec<Happening> {
        let Some(file) = &mut self.file else { return Vec::new() };
        let from = file.stream_position().unwrap_or_default();
        if file.take(2 * LOG_BYTES_MAX).read_to_end(&mut self.rest).is_err() {
            let _ = file.seek(SeekFrom::Start(from));
        }
        let end = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let whole: Vec<u8> = self.rest.drain(..end).collect();
        lines(&whole)
    }
}

/// One that cannot be read is left out.
fn lines(bytes: &[u8]) -> Vec<Happening> {
    bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::TempRoot;

    fn told(number: usize) -> Happening {
        Happening {
            number: 0,
            at_ns: number as u64,
            kind: "container".into(),
            action: if number.is_multiple_of(2) { "start" } else { "die" }.into(),
            id: "0123".into(),
            attributes: [("name".to_string(), "x".repeat(1000))].into(),
        }
    }

    #[test]
    fn the_last_are_there_however_many_there_were() {
        let scratch = TempRoot::new();
        let root = scratch.path();
        let mut follower = Reader::open(root);
        assert!(follower.read().is_empty());
        let mut followed = 0;
        for number in 0..3000 {
            append(root, &[told(number)]);
            followed += follower.read().len();
        }
        assert_eq!(followed, 3000);
        let last: Vec<u64> = Reader::open(root).read().iter().map(|happening| happening.at_ns).collect();
        assert_eq!(last, (3000 - HAPPENINGS_MAX as u64..3000).collect::<Vec<_>>());
        assert!(has_ended(root, &ContainerId("0123".into())) && !has_ended(root, &ContainerId("4567".into())));
        let size = |path: PathBuf| fs::metadata(path).unwrap().len();
        assert!(size(path(root)) + size(path_before(root)) < 3 * LOG_BYTES_MAX);
    }

    #[test]
    fn a_line_that_is_not_finished_is_left_for_later() {
        let scratch = TempRoot::new();
        let root = scratch.path();
        let whole = serde_json::to_string(&told(4)).unwrap() + "\n";
        let (head, tail) = whole.split_at(20);
        fs::write(path(root), format!("no json\n{head}")).unwrap();
        let mut reader = Reader::open(root);
        assert!(reader.read().is_empty());
        OpenOptions::new().append(true).open(path(root)).unwrap().write_all(tail.as_bytes()).unwrap();
        assert_eq!(reader.read(), [told(4)]);
    }
}
