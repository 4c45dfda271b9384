//! Requests that go beside each other: which ones may, the plan says (`Step::together_at_most`). Of a pull threads fetch the layers, each
//! into a file without a name, and digest them; of a push they ask about the blobs and send them. Whoever walks the plan takes the answers
//! in the plan's order, and gives files their names.

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
use glassbox_core::registry::{Answered, Request};

use super::Client;
use crate::store::Store;
use crate::store::blobs::{Incoming, StoreBlobs};

/// So often the progress is told.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// What has come of a request.
pub struct Come {
    /// What was answered.
    pub answered: Answered,
    /// A blob whose digest is right; it has no name yet.
    pub blob: Option<Incoming>,
}

/// How far a request is.
#[derive(Debug)]
struct Part {
    request: Request,
    /// Bytes of its blob.
    moved: Arc<AtomicU64>,
}

/// What all threads know of.
struct Common {
    store: Store,
    /// Places of those that nobody has begun with.
    queue: Mutex<VecDeque<usize>>,
    parts: Vec<Part>,
    /// Files without a name; `None`: nothing more is to come.
    unnamed: Mutex<Option<Vec<PathBuf>>>,
}

type Finished = (usize, Result<Come, String>);

/// Requests that are on their way.
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
    pub fn start(client: &Client, store: &Store, requests: Vec<Request>, at_most: usize) -> Ahead {
        let common = Arc::new(Common {
            store: store.clone(),
            queue: Mutex::new((0..requests.len()).collect()),
            parts: requests.into_iter().map(|request| Part { request, moved: Arc::default() }).collect(),
            unnamed: Mutex::new(Some(Vec::new())),
        });
        let (done, finished) = channel();
        let count = common.parts.len().min(at_most);
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
        self.common.parts.iter().position(|part| part.request == *request)
    }

    /// Waits for it. `tell` is told meanwhile how far each blob is: digest, bytes, and of how many.
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
                let moved = part.moved.load(Ordering::Relaxed);
                if std::mem::replace(told, moved) != moved
                    && let Some((digest, size)) = part.request.purpose.moves()
                {
                    tell(digest, moved, size);
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
        let come = early.into_iter().chain(self.finished.try_iter()).filter_map(|(_, come)| come.ok()?.blob);
        let known = lock(&self.common.unnamed).take().unwrap_or_default();
        let paths = come.map(Incoming::into_path).chain(known);
        paths.for_each(|path| drop(fs::remove_file(path)));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Common {
    fn work(&self, mut client: Client, done: &Sender<Finished>) {
        loop {
            let Some(place) = lock(&self.queue).pop_front() else { return };
            let part = &self.parts[place];
            client.count_into(part.moved.clone());
            let mut aside = Aside { common: self, part, come: None };
            let answered = client.send(&part.request, &mut aside);
            let come = answered.map(|answered| Come { answered, blob: aside.come.take() });
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
        self.part.moved.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.blob.flush()
    }
}

impl<'a> Blobs for Aside<'a> {
    type Source = File;
    type Sink = Counted<'a>;

    fn open(&mut self, digest: &str) -> Result<(File, u64), Errno> {
        StoreBlobs { store: &self.common.store, announce: &mut |_| Ok(()) }.open(digest)
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
