//! Blobs that come in: written beside the others, digested, and named when their digest is known.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use glassbox_core::errno::Errno;
use glassbox_core::oci::image::transfer::Blobs;

use super::{ProcessIdentity, Store, StoreError};

const BUFFER_BYTES: usize = 128 << 10;
/// What the names of those begin with that have no digest yet; the process that writes follows.
const INCOMING: &str = ".incoming-";

/// The blobs of a store, and whom to tell of a new one before it is there: whoever is killed leaves nothing behind.
pub struct StoreBlobs<'a> {
    /// The store.
    pub store: &'a Store,
    /// Told the digest.
    pub announce: &'a mut dyn FnMut(&str) -> Result<(), StoreError>,
}

/// A blob that is written.
#[derive(Debug)]
pub struct Incoming {
    file: BufWriter<File>,
    path: PathBuf,
}

impl Write for Incoming {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Incoming {
    /// A new one, beside the blobs.
    pub fn create(store: &Store) -> Result<Incoming, Errno> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let own = ProcessIdentity::own().ok_or(Errno::ESRCH)?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = store.root().join("images/blobs/sha256");
        super::images::make_directories(&directory).map_err(|error| error.errno().unwrap_or(Errno::EIO))?;
        let path = directory.join(format!("{INCOMING}{}-{}-{number}", own.pid, own.start_ticks));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&path).map_err(|error| errno(&error))?;
        Ok(Incoming { file: BufWriter::with_capacity(BUFFER_BYTES, file), path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it is; it is not written any more.
    pub fn into_path(self) -> PathBuf {
        self.path.clone()
    }

    /// All of it is on the disk.
    pub fn finish(&mut self) -> Result<(), Errno> {
        self.file.flush().and_then(|()| self.file.get_ref().sync_data()).map_err(|error| errno(&error))
    }
}

fn errno(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno)
}

impl Blobs for StoreBlobs<'_> {
    type Source = File;
    type Sink = Incoming;

    fn open(&mut self, digest: &str) -> Result<(File, u64), Errno> {
        let file = File::open(self.path(digest)).map_err(|error| errno(&error))?;
        let size = file.metadata().map_err(|error| errno(&error))?.len();
        Ok((file, size))
    }

    fn has(&mut self, digest: &str) -> bool {
        self.path(digest).is_file()
    }

    fn create(&mut self) -> Result<Incoming, Errno> {
        Incoming::create(self.store)
    }

    fn keep(&mut self, mut blob: Incoming, digest: &str) -> Result<(), Errno> {
        let path = self.path(digest);
        let told = blob.finish().and_then(|()| (self.announce)(digest).map_err(|error| error.errno().unwrap_or(Errno::EIO)));
        let named = told.and_then(|()| fs::rename(&blob.path, path).map_err(|error| errno(&error)));
        named.inspect_err(|_| {
            let _ = fs::remove_file(&blob.path);
        })
    }

    fn discard(&mut self, blob: Incoming) {
        let _ = fs::remove_file(&blob.path);
    }

    fn remove(&mut self, digest: &str) {
        let _ = fs::remove_file(self.path(digest));
    }
}

impl StoreBlobs<'_> {
    fn path(&self, digest: &str) -> PathBuf {
        PathBuf::from(self.store.layout().blob(digest))
    }
}

impl Store {
    /// Removes what dead processes have half written.
    pub fn remove_incoming(&self) {
        let Ok(entries) = fs::read_dir(self.root().join("images/blobs/sha256")) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let owner = name.to_str().and_then(|name| name.strip_prefix(INCOMING)).and_then(ProcessIdentity::from_name);
            if owner.is_some_and(|owner| !owner.is_alive()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Removes a blob, unless an image or a result of a build has it. `false`: it stayed, or was gone.
    pub fn drop_blob(&self, path: &Path) -> Result<bool, StoreError> {
        let (images, unreadable) = self.images();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let digest = format!("sha256:{name}");
        let has = |image: &glassbox_core::model::Image| {
            image.id == digest || image.manifest == digest || image.layers.iter().any(|layer| layer.blob == digest)
        };
        let is_cached = || self.cached_layers().iter().any(|layer| layer.blob == digest);
        if !unreadable.is_empty() || images.iter().any(has) || !path.exists() || is_cached() {
            return Ok(false);
        }
        self.remove(path).map(|()| true)
    }
}
