//! `state.json`: one container's record, format 1. Replaced as a whole; read with a limit; anything unknown is an error that names it.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use glassbox_core::errno::Errno;
use glassbox_core::model::{Container, ContainerId};
use serde::{Deserialize, Serialize};

use super::{ProcessIdentity, StoreError};
use crate::sys::file;

/// The format that is written, and the only one that is read.
pub const FORMAT: u32 = 1;

/// A larger record is refused, in reading and in writing. (The longest command line that Linux takes is 2 MiB.)
pub const RECORD_BYTES_MAX: u64 = 16 << 20;

/// Most records are shorter: room for them is made at once.
const USUAL_BYTES: usize = 8 << 10;

/// What stands on disk of one container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Always [`FORMAT`].
    pub format: u32,
    /// While it runs: its first process.
    pub process: Option<ProcessIdentity>,
    /// While it runs: the process that keeps its log and will record its end.
    pub monitor: Option<ProcessIdentity>,
    /// The container.
    pub container: Container,
}

/// Only the format: looked at before the rest is understood.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

impl Record {
    /// The record of `container` as its state says: of a running one the process `state.pid` is looked up, and the calling process is
    /// taken for its monitor.
    pub fn of(container: Container) -> Record {
        let running = container.state.status.runs();
        let process = container.state.pid.filter(|_| running).and_then(ProcessIdentity::of);
        let monitor = if running { ProcessIdentity::own() } else { None };
        Record { format: FORMAT, process, monitor, container }
    }

    /// Recorded as running, but its process and its monitor are gone.
    pub fn is_stale(&self) -> bool {
        let alive = |identity: &Option<ProcessIdentity>| identity.as_ref().is_some_and(ProcessIdentity::is_alive);
        self.container.state.status.runs() && !alive(&self.process) && !alive(&self.monitor)
    }
}

/// Reads the record at `path`, which has to be that of `id`. `None`: there is none.
pub fn read(path: &Path, id: &ContainerId) -> Result<Option<Record>, StoreError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(StoreError::io("read", path)(error)),
    };
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    file.take(RECORD_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(StoreError::io("read", path))?;
    let record = parse(&bytes).map_err(|why| StoreError::Record { path: path.to_path_buf(), why })?;
    if record.container.id != *id {
        let why = format!("it is about another container, {}", record.container.id.short());
        return Err(StoreError::Record { path: path.to_path_buf(), why });
    }
    Ok(Some(record))
}

/// A record from the bytes of its file, or why they are none.
pub fn parse(bytes: &[u8]) -> Result<Record, String> {
    if bytes.len() as u64 > RECORD_BYTES_MAX {
        return Err(format!("it is larger than {} MiB", RECORD_BYTES_MAX >> 20));
    }
    // As a rule it is what is expected; only if not is it asked which format it has.
    let whole: Result<Record, serde_json::Error> = serde_json::from_slice(bytes);
    if whole.as_ref().is_ok_and(|record| record.format == FORMAT) {
        return whole.map_err(|error| error.to_string());
    }
    let head: Head = serde_json::from_slice(bytes).map_err(|error| format!("{error}"))?;
    if head.format != FORMAT {
        return Err(format!("it has format {}, and only format {FORMAT} is known", head.format));
    }
    whole.map_err(|error| error.to_string())
}

/// Which of the records that were written one after the other stands on disk: each is a file of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edition {
    inode: u64,
    written_s: i64,
    written_ns: i64,
}

impl Edition {
    /// Of the record at `path`, if there is one: stat(2).
    pub fn of(path: &Path) -> Option<Edition> {
        let metadata = fs::metadata(path).ok()?;
        Some(Edition { inode: metadata.ino(), written_s: metadata.mtime(), written_ns: metadata.mtime_nsec() })
    }
}

/// Writes the record beside `path` and puts it there at once. No fsync: it has to outlive this process, not the machine's power.
///
/// A rename over a file makes ext4 write the new one to the disk first, which is wanted for records that are to be there after the
/// machine has lost its power. That of a container that is removed at its end is of no use then: it is exchanged with the old one,
/// which takes a tenth of the time.
pub fn write(path: &Path, record: &Record) -> Result<(), StoreError> {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    serde_json::to_writer(&mut bytes, record)
        .map_err(|error| StoreError::Record { path: path.to_path_buf(), why: error.to_string() })?;
    if bytes.len() as u64 > RECORD_BYTES_MAX {
        return Err(StoreError::Io { doing: "write", path: path.to_path_buf(), errno: Errno::EFBIG });
    }
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_file_name(format!(".state.json.{}.{number}", std::process::id()));
    let put = || if record.container.host.auto_remove { exchange(&temporary, path) } else { fs::rename(&temporary, path) };
    let written = write_new(&temporary, &bytes).and_then(|()| put());
    written.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        StoreError::io("write", path)(error)
    })
}

/// As rename(2), but what was at `path` is removed by itself. Where there was nothing, or the file system knows no exchange: rename(2).
fn exchange(temporary: &Path, path: &Path) -> std::io::Result<()> {
    if file::exchange(temporary, path).is_err() {
        return fs::rename(temporary, path);
    }
    fs::remove_file(temporary)
}

fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)
}
