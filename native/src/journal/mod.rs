//! The journal: what a running engine process has begun and how it is undone, so that after `kill -9` at any point the next command can.
//!
//! **What is written when.** Before a step that leaves something beyond its process (a directory, a file, a cgroup), one line with its
//! `Undo` ([`Journal::will`]); after `CloneProcess`, the new process ([`Journal::made_process`]). Between clone and that line the child
//! dies with the engine (PR_SET_PDEATHSIG), so nothing is lost there. All else ends with the process or a directory.
//! What a step finds already there is not its own, and is not written down.
//!
//! **Whose it is.** One file per command, `<root>/journal/PID-START-N.jsonl`, under flock(2) while its owner lives. Free lock or dead owner:
//! whoever comes next ([`recover`]) takes the lock and undoes, the last line first. A recovery that is killed itself leaves the file, and
//! the next begins again: undoing what is gone is no error.
//!
//! **Why no fsync.** What a process has written is in the page cache and outlives it. Only a power cut loses it, and that ends the
//! processes, mounts and cgroups as well.
//!
//! **What a crash leaves**, by the moment: before `will`, nothing; between `will` and the step, a line about what is not there (undone:
//! nothing to do); in the middle of a line, a torn last line, whose step had not begun (it is passed over); after the step, its effect and
//! its line (undone); after `commit`, the whole effect, wanted; after [`Journal::watch`], a container without a monitor: it is ended, its
//! cgroups are removed, and it is recorded as exited with 137 (with `--rm`: removed).
//!
//! Only paths below the data root, cgroups below a directory `glassbox…` or empty ones that were made for containers, and processes known by pid, start time and boot are touched.

mod cgroup;
mod entry;
mod recover;
mod settle;
mod undo;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use glassbox_core::errno::Errno;
use glassbox_core::model::ContainerId;
use glassbox_core::step::Undo;

use crate::store::{ProcessIdentity, Store, StoreError};
use crate::sys;
use entry::{Entry, Line};

pub use cgroup::{end_cgroup, is_of_container, remove_cgroup, remove_empty_cgroup};
pub use entry::{Pending, replay};
pub use recover::{awaited_blobs, recover};
pub use settle::{settle, settle_stale};

/// A place in a journal: everything after it can be undone by [`Journal::undo_to`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(usize);

/// What was undone, and what could not be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Each in words, in the order of undoing: `removed the cgroup /sys/fs/cgroup/glassbox/…`.
    pub undone: Vec<String>,
    /// Containers whose monitor had died: their records say so now, or they are gone (`--rm`).
    pub settled: Vec<ContainerId>,
    /// What failed. After a crash the journal is kept, and the next command tries again.
    pub problems: Vec<StoreError>,
}

impl Report {
    /// Nothing was to be done.
    pub fn is_empty(&self) -> bool {
        *self == Report::default()
    }

    fn merge(&mut self, other: Report) {
        self.undone.extend(other.undone);
        self.settled.extend(other.settled);
        self.problems.extend(other.problems);
    }
}

/// The journal of the calling process. Dropped without `commit` it stays, and counts as that of a dead owner once the lock is free.
#[derive(Debug)]
pub struct Journal {
    store: Store,
    path: PathBuf,
    file: File,
    entries: Vec<Kept>,
    /// What could not be undone and is nobody's any more: left to the next command.
    stuck: Vec<Entry>,
}

/// What stands in a journal: in the order in which it was written, the last is undone first.
#[derive(Clone, Debug, PartialEq)]
enum Kept {
    /// To be undone.
    Entry(Entry),
    /// To be undone, and not in the file: an entry before it is the tree that it lies in, with which it goes after a crash.
    Within(Entry),
    /// From here on the files written down before are not to be undone after a crash.
    Watch,
}

impl Journal {
    /// A new, empty journal, locked by the calling process. A forked child shares the lock until it executes a program or ends.
    pub fn create(store: &Store) -> Result<Journal, StoreError> {
        let name = own_name()?;
        let path = store.journal().join(format!("{name}.jsonl"));
        // Under another name until it is locked, so that nobody takes it for a dead owner's.
        let new = store.journal().join(format!("{name}.new"));
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&new);
        let file = file.map_err(StoreError::io("make the journal", &new))?;
        let locked =
            sys::file::try_lock_exclusive(&file).map_err(|errno| StoreError::Io { doing: "lock", path: new.clone(), errno });
        locked.and_then(|_| fs::rename(&new, &path).map_err(StoreError::io("make the journal", &path)))?;
        Ok(Journal { store: store.clone(), path, file, entries: Vec::new(), stuck: Vec::new() })
    }

    /// To be called before a step is carried out, with its undo. What is there already, and what needs no journal, is not written down.
    pub fn will(&mut self, undo: &Undo) -> Result<(), StoreError> {
        match Entry::of_undo(undo) {
            // It is to be there after all.
            Some(entry) if self.stuck.contains(&entry) => {
                self.stuck.retain(|stuck| *stuck != entry);
                self.push(entry)
            }
            Some(entry) if !entry.exists() => self.push(entry),
            _ => Ok(()),
        }
    }

    /// To be called before a directory below the data root is removed: who finds the journal finishes it.
    pub fn will_remove(&mut self, path: &str) -> Result<(), StoreError> {
        self.push(Entry::Tree { path: path.to_string() })
    }

    /// To be called when a step has made a process, before it is let go. ESRCH: it is gone already.
    pub fn made_process(&mut self, pid: u32) -> Result<(), StoreError> {
        let missing =
            || StoreError::Io { doing: "find the process", path: PathBuf::from(format!("/proc/{pid}")), errno: Errno::ESRCH };
        let process = ProcessIdentity::of(pid).ok_or_else(missing)?;
        self.push(Entry::Process { process })
    }

    /// From now on the files of the container stay: should the owner die, the container is ended and its record put right instead.
    /// To be called before `RecordStart`; `commit` follows when the end is recorded and the cgroups are removed. Whoever steps back over
    /// it with [`Journal::undo_to`] has the files undone again.
    pub fn watch(&mut self, id: &ContainerId) -> Result<(), StoreError> {
        self.write(&Line::Watch { id: id.clone() })?;
        self.entries.push(Kept::Watch);
        Ok(())
    }

    /// For a monitor process that was forked with this journal in its memory: it becomes the owner. To be called before the process
    /// that made the journal ends; that one must then drop its copy with [`Journal::leave`].
    pub fn adopt(&mut self) -> Result<(), StoreError> {
        let path = self.store.journal().join(format!("{}.jsonl", own_name()?));
        fs::rename(&self.path, &path).map_err(StoreError::io("take over the journal", &self.path))?;
        self.path = path;
        Ok(())
    }

    /// For the process whose journal a monitor has taken over with [`Journal::adopt`]: nothing more is written here.
    pub fn leave(self) {
        drop(self);
    }

    /// The effect stands, nothing is to be undone: the journal is removed. What was to go before and could not is all that stays in it.
    pub fn commit(self) -> Result<(), StoreError> {
        if !self.stuck.is_empty() {
            return self.leave_stuck().map_err(StoreError::io("write the journal", &self.path));
        }
        fs::remove_file(&self.path).map_err(StoreError::io("remove the journal", &self.path))
    }

    fn leave_stuck(&self) -> std::io::Result<()> {
        let lines = self.stuck.iter().map(|entry| Line::Will { entry: entry.clone() }.to_bytes());
        let new = self.path.with_extension("new");
        fs::write(&new, lines.collect::<Vec<_>>().concat())?;
        fs::rename(new, &self.path)
    }

    /// Where we are.
    pub fn mark(&self) -> Mark {
        Mark(self.entries.len())
    }

    /// Undoes everything after `mark`, the last first: one step back, or a failing phase. A process that is a child of the caller is
    /// left as a zombie for it to reap. What fails is told; the directory of a container that never came to be is tried again by the
    /// next command, while other things may have become somebody's by then.
    pub fn undo_to(&mut self, mark: Mark) -> Report {
        let mut report = Report::default();
        while self.entries.len() > mark.0 {
            let Some(kept) = self.entries.pop() else { break };
            if let Kept::Entry(entry) | Kept::Within(entry) = &kept {
                let before = report.problems.len();
                undo::carry_out(&self.store, entry, &mut report);
                if report.problems.len() > before && entry.is_for_good(&self.store) {
                    self.stuck.push(entry.clone());
                }
            }
            if matches!(kept, Kept::Within(_)) {
                continue;
            }
            if let Err(error) = self.write(&Line::Undone) {
                report.problems.push(error);
            }
        }
        report
    }

    /// Undoes everything, and ends the journal.
    pub fn roll_back(mut self) -> Report {
        let mut report = self.undo_to(Mark(0));
        report.problems.extend(self.commit().err());
        report
    }

    fn push(&mut self, entry: Entry) -> Result<(), StoreError> {
        let since = self.entries.iter().rev().take_while(|kept| **kept != Kept::Watch);
        if since.into_iter().any(|kept| matches!(kept, Kept::Entry(tree) if tree.holds(&entry))) {
            self.entries.push(Kept::Within(entry));
            return Ok(());
        }
        self.write(&Line::Will { entry: entry.clone() })?;
        self.entries.push(Kept::Entry(entry));
        Ok(())
    }

    /// One write(2): a line is there as a whole or, killed in between, torn at the end of the file.
    fn write(&mut self, line: &Line) -> Result<(), StoreError> {
        self.file.write_all(&line.to_bytes()).map_err(StoreError::io("write the journal", &self.path))
    }
}

/// `PID-START-N` of the calling process.
fn own_name() -> Result<String, StoreError> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let missing = || StoreError::Io { doing: "read", path: PathBuf::from("/proc/self/stat"), errno: Errno::ENOENT };
    let own = ProcessIdentity::own().ok_or_else(missing)?;
    Ok(format!("{}-{}-{}", own.pid, own.start_ticks, COUNT.fetch_add(1, Ordering::Relaxed)))
}

/// The owner that a journal's name tells.
fn owner_of(path: &Path) -> Option<ProcessIdentity> {
    ProcessIdentity::from_name(path.file_stem()?.to_str()?)
}

#[cfg(test)]
mod tests;
