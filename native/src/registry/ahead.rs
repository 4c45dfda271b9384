//! Layers that come beside each other: which ones may, the plan says (`Step::may_come_together`); here threads fetch them, each into a file
//! without a name, and digest them. Whoever walks the plan takes them in the plan's order, and gives them their names.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use glassbox_core::errno::Errno;
use glassbox_core::oci::image::transfer::Blobs;
use glassbox_core::registry::{Answered, DOWNLOADS_AT_ONCE, Request};

use super::Client;
use crate::store::Store;
use crate::store::blobs::Incoming;

/// So often the progress is told.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// A blob that has come, and its digest is right.
pub struct Come {
    /// What was answered.
    pub answered: Answered,
    /// Its bytes; it has no name yet.
    pub blob: Incoming,
}

/// How far a blob is.
#[derive(Debug)]
struct Part {
    digest: String,
    size: u64,
    come: AtomicU64,
}

/// What all threads know of.
struct Common {
    store: Store,
    queue: Mutex<VecDeque<(usize, Request)>>,
    parts: Vec<Part>,
    /// Files without a name; `None`: nothing more is to come.
    unnamed: Mutex<Option<Vec<PathBuf>>>,
}

type Finished = (usize, Result<Come, String>);

/// Blobs that are on their way.
pub struct Ahead {
    common: Arc<Common>,
    finished: Receiver<Finished>,
    /// Which have come before their turn.
    early: Vec<Finished>,
    threads: Vec<JoinHandle<()>>,
    taken: usize,
}

impl std::fmt::Debug for Ahead {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Ahead({:?})", self.common.parts)
    }
}

impl Ahead {
    /// Begins with the first ones.
    pub fn start(client: &Client, store: &Store, requests: Vec<Request>) -> Ahead {
        let part = |request: &Request| {
            let (digest, size, _) = request.purpose.blob().unwrap_or_default();
            Part { digest: digest.to_string(), size, come: AtomicU64::new(0) }
        };
        let common = Arc::new(Common {
            store: store.clone(),
            parts: requests.iter().map(part).collect(),
            queue: Mutex::new(requests.into_iter().enumerate().collect()),
            unnamed: Mutex::new(Some(Vec::new())),
        });
        let (done, finished) = channel();
        let count = common.parts.len().min(DOWNLOADS_AT_ONCE);
        let work = |_| {
            let (common, client, done) = (common.clone(), client.clone(), done.clone());
            std::thread::spawn(move || common.work(client, &done))
        };
        Ahead { threads: (0..count).map(work).collect(), common, finished, early: Vec::new(), taken: 0 }
    }

    /// It is on its way.
    pub fn has(&self, request: &Request) -> bool {
        self.place(request).is_some()
    }

    fn place(&self, request: &Request) -> Option<usize> {
        let (digest, _, _) = request.purpose.blob()?;
        self.common.parts.iter().position(|part| part.digest == digest)
    }

    /// Waits for it. `tell` is told meanwhile what has come of each blob: digest, bytes, and of how many.
    pub fn take(&mut self, request: &Request, tell: &mut dyn FnMut(&str, u64, u64)) -> Result<Come, String> {
        let wanted = self.place(request).ok_or("nobody fetches it")?;
        let mut told = vec![0; self.common.parts.len()];
        loop {
            if let Some(at) = self.early.iter().position(|(place, _)| *place == wanted) {
                let (_, come) = self.early.swap_remove(at);
                self.taken += 1;
                return come;
            }
            match self.finished.recv_timeout(TELL_EVERY) {
                Ok(finished) => self.early.push(finished),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err("unexpected EOF".to_string()),
            }
            for (part, told) in self.common.parts.iter().zip(&mut told) {
                let come = part.come.load(Ordering::Relaxed);
                if std::mem::replace(told, come) != come {
                    tell(&part.digest, come, part.size);
                }
            }
        }
    }

    /// All have been taken.
    pub fn is_through(&self) -> bool {
        self.taken == self.common.parts.len()
    }

    /// All have come: no thread is left, before the engine makes processes and namespaces.
    pub fn end(mut self) {
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

impl Drop for Ahead {
    /// What came in vain goes. A thread that waits for a server is not waited for: it finds that nothing more is to come.
    fn drop(&mut self) {
        lock(&self.common.queue).clear();
        let early = std::mem::take(&mut self.early);
        let come = early.into_iter().chain(self.finished.try_iter()).filter_map(|(_, come)| come.ok());
        let known = lock(&self.common.unnamed).take().unwrap_or_default();
        let paths = come.map(|come| come.blob.into_path()).chain(known);
        paths.for_each(|path| drop(fs::remove_file(path)));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Common {
    fn work(&self, mut client: Client, done: &Sender<Finished>) {
        loop {
            let Some((place, request)) = lock(&self.queue).pop_front() else { return };
            let mut aside = Aside { common: self, part: &self.parts[place], come: None };
            let answered = client.send(&request, &mut aside);
            let come = answered.and_then(|answered| {
                let blob = aside.come.take().ok_or("unexpected EOF")?;
                Ok(Come { answered, blob })
            });
            let failed = come.is_err();
            if done.send((place, come)).is_err() || failed {
                return;
            }
        }
    }
}

/// Where a thread puts its blob.
struct Aside<'a> {
    common: &'a Common,
    part: &'a Part,
    come: Option<Incoming>,
}

/// A blob on its way: counted.
struct Counted<'a> {
    blob: Incoming,
    part: &'a Part,
    common: &'a Common,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if lock(&self.common.unnamed).is_none() {
            return Err(io::Error::from_raw_os_error(Errno::ECANCELED.0));
        }
        let count = self.blob.write(bytes)?;
        self.part.come.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.blob.flush()
    }
}

impl<'a> Blobs for Aside<'a> {
    type Source = File;
    type Sink = Counted<'a>;

    fn open(&mut self, _digest: &str) -> Result<(File, u64), Errno> {
        Err(Errno::ENOENT)
    }

    fn has(&mut self, _digest: &str) -> bool {
        false
    }

    fn create(&mut self) -> Result<Counted<'a>, Errno> {
        let mut unnamed = lock(&self.common.unnamed);
        let paths = unnamed.as_mut().ok_or(Errno::ECANCELED)?;
        let blob = Incoming::create(&self.common.store)?;
        paths.push(blob.path().to_path_buf());
        Ok(Counted { blob, part: self.part, common: self.common })
    }

    fn keep(&mut self, mut counted: Counted<'a>, _digest: &str) -> Result<(), Errno> {
        counted.blob.finish().inspect_err(|_| drop(fs::remove_file(counted.blob.path())))?;
        self.come = Some(counted.blob);
        Ok(())
    }

    fn discard(&mut self, counted: Counted<'a>) {
        let _ = fs::remove_file(counted.blob.path());
    }

    fn remove(&mut self, _digest: &str) {}
}
