//! Recovery: undoing what dead engines have left. Every command begins with it; with nothing to do it costs one readdir.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::Instant;

use glassbox_core::errno::Errno;

use super::entry::{self, Entry, Pending};
use super::undo::{PATIENCE, PAUSE};
use super::{Report, owner_of, settle, undo};
use crate::store::{ProcessIdentity, Store, StoreError};
use crate::sys;

/// Undoes what the journals of dead owners tell. To be called before [`Store::lock`]: it takes that lock where there is work.
pub fn recover(store: &Store) -> Report {
    let mut report = Report::default();
    let directory = store.journal();
    let names = match sys::directory::names(&directory) {
        Ok(names) => names,
        Err(Errno::ENOENT) => return report,
        Err(errno) => {
            report.problems.push(StoreError::Io { doing: "read the directory", path: directory, errno });
            return report;
        }
    };
    for name in names {
        match recover_one(store, &directory.join(name)) {
            Ok(one) => report.merge(one),
            Err(error) => report.problems.push(error),
        }
    }
    report
}

fn recover_one(store: &Store, path: &Path) -> Result<Report, StoreError> {
    let owner_lives = || owner_of(path).is_some_and(|owner| owner.is_alive());
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("jsonl") => {}
        // Killed before it was locked: nothing was written.
        Some("new") if !owner_lives() => return forget(path).map(|()| Report::default()),
        _ => return Ok(Report::default()),
    }
    let Some(mut file) = open(path)? else { return Ok(Report::default()) };
    let free = try_lock(&file, path)?;
    // A journal that was committed or taken over since it was opened has another name or none: looked at after its owner's end.
    if (!free && owner_lives()) || !is_still(&file, path) {
        return Ok(Report::default());
    }
    let pending = read(&mut file, path)?;
    // What the owner made may hold the lock with it: ended first.
    let mut report = end_processes(&pending);
    if !free && !wait_for_lock(&file, path)? {
        report.problems.push(StoreError::Io { doing: "lock", path: path.to_path_buf(), errno: Errno::EBUSY });
        return Ok(report);
    }
    if is_still(&file, path) {
        undo_all(store, path, &pending, &mut report)?;
    }
    Ok(report)
}

fn undo_all(store: &Store, path: &Path, pending: &Pending, report: &mut Report) -> Result<(), StoreError> {
    let _lock = store.lock()?;
    for entry in pending.entries.iter().rev() {
        undo::carry_out(store, entry, report);
    }
    for id in &pending.watched {
        match settle(store, id) {
            Ok(true) => report.settled.push(id.clone()),
            Ok(false) => {}
            Err(error) => report.problems.push(error),
        }
    }
    // What it had not written to its end has no line of its own.
    for stray in store.listing().strays {
        report.problems.extend(store.remove(Path::new(&stray)).err());
    }
    if report.problems.is_empty() { forget(path) } else { Ok(()) }
}

fn end_processes(pending: &Pending) -> Report {
    let mut report = Report::default();
    for entry in pending.entries.iter().rev() {
        if let Entry::Process { process } = entry {
            match undo::end_process(process) {
                Ok(true) => report.undone.push(format!("ended the process {}", process.pid)),
                Ok(false) => {}
                Err(error) => report.problems.push(error),
            }
        }
    }
    report
}

fn open(path: &Path) -> Result<Option<File>, StoreError> {
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("open the journal", path)(error)),
    }
}

fn read(file: &mut File, path: &Path) -> Result<Pending, StoreError> {
    let mut bytes = Vec::new();
    file.take(entry::JOURNAL_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(StoreError::io("read the journal", path))?;
    let broken = |why: String| StoreError::Journal { path: path.to_path_buf(), why };
    if bytes.len() as u64 > entry::JOURNAL_BYTES_MAX {
        return Err(broken(format!("it is larger than {} MiB", entry::JOURNAL_BYTES_MAX >> 20)));
    }
    entry::replay(&bytes).map_err(broken)
}

fn try_lock(file: &File, path: &Path) -> Result<bool, StoreError> {
    sys::file::try_lock_exclusive(file).map_err(|errno| StoreError::Io { doing: "lock", path: path.to_path_buf(), errno })
}

/// The lock's last holders are on their way out.
fn wait_for_lock(file: &File, path: &Path) -> Result<bool, StoreError> {
    let deadline = Instant::now() + PATIENCE;
    while !try_lock(file, path)? {
        if Instant::now() >= deadline {
            return Ok(false);
        }
        thread::sleep(PAUSE);
    }
    Ok(true)
}

/// Nobody else has dealt with it, or taken it over, while we waited for the lock.
fn is_still(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

fn forget(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::io("remove the journal", path)(error)),
        _ => Ok(()),
    }
}

/// The blobs that living commands have made and not yet given to an image.
pub fn awaited_blobs(store: &Store) -> BTreeSet<String> {
    awaited(store, |_| true)
}

/// The same, without those of the calling process.
pub fn awaited_by_others(store: &Store) -> BTreeSet<String> {
    awaited(store, |owner| owner.pid != std::process::id())
}

fn awaited(store: &Store, counts: impl Fn(&ProcessIdentity) -> bool) -> BTreeSet<String> {
    let names = sys::directory::names(store.journal()).unwrap_or_default();
    let mut all = BTreeSet::new();
    for name in names {
        let path = store.journal().join(name);
        if !owner_of(&path).is_some_and(|owner| counts(&owner) && owner.is_alive()) {
            continue;
        }
        let pending = File::open(&path).ok().and_then(|mut file| read(&mut file, &path).ok()).unwrap_or_default();
        let digest = |entry: &Entry| match entry {
            Entry::Blob { path } => path.rsplit('/').next().map(|name| format!("sha256:{name}")),
            _ => None,
        };
        all.extend(pending.entries.iter().filter_map(digest));
    }
    all
}
