//! `state.json`: one container's record, format 1. Replaced as a whole; read with a limit; anything unknown is an error that names it.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use glassbox_core::errno::Errno;
use glassbox_core::model::{Container, ContainerId};
use serde::{Deserialize, Serialize};

use super::{ProcessIdentity, StoreError};

/// The format that is written, and the only one that is read.
pub const FORMAT: u32 = 1;

/// A larger record is refused, in reading and in writing. (The longest command line that Linux takes is 2 MiB.)
pub const RECORD_BYTES_MAX: u64 = 16 << 20;

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
    let mut bytes = Vec::new();
    file.take(RECORD_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(StoreError::io("read", path))?;
    let record = parse(&bytes).map_err(|why| StoreError::Record { path: path.to_path_buf(), why })?;
    if record.container.id != *id {
        let why = format!("it is about another container, {}", record.container.id.short());
        return Err(StoreError::Record { path: path.to_path_buf(), why });
    }
    Ok(Some(record))
}

fn parse(bytes: &[u8]) -> Result<Record, String> {
    if bytes.len() as u64 > RECORD_BYTES_MAX {
        return Err(format!("it is larger than {} MiB", RECORD_BYTES_MAX >> 20));
    }
    let head: Head = serde_json::from_slice(bytes).map_err(|error| format!("{error}"))?;
    if head.format != FORMAT {
        return Err(format!("it has format {}, and only format {FORMAT} is known", head.format));
    }
    serde_json::from_slice(bytes).map_err(|error| format!("{error}"))
}

/// Writes the record beside `path` and renames it there. No fsync: it has to outlive this process, not the machine's power.
pub fn write(path: &Path, record: &Record) -> Result<(), StoreError> {
    let bytes =
        serde_json::to_vec(record).map_err(|error| StoreError::Record { path: path.to_path_buf(), why: error.to_string() })?;
    if bytes.len() as u64 > RECORD_BYTES_MAX {
        return Err(StoreError::Io { doing: "write", path: path.to_path_buf(), errno: Errno::EFBIG });
    }
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_file_name(format!(".state.json.{}.{number}", std::process::id()));
    let written = write_new(&temporary, &bytes).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        StoreError::io("write", path)(error)
    })
}

fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)
}
