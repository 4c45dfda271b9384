//! Images on disk: an OCI image layout (OCI image specification, image-layout.md), which other tools read as it is.
//!
//! ```text
//! <root>/images/oci-layout
//! <root>/images/index.json                 which manifests there are, and what they are called
//! <root>/images/blobs/sha256/<digest>      manifests, configurations, layers
//! ```
//!
//! The index is replaced by rename(2), under the lock on the records. A blob is written beside its place and renamed: what has its name
//! is whole.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use glassbox_core::model::Image;
use glassbox_core::oci::image::{self, DOCUMENT_BYTES_MAX, Index};

use super::{Store, StoreError};

/// What says that a directory is an image layout.
const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
const FILE_MODE: u32 = 0o644;
const DIRECTORY_MODE: u32 = 0o755;

impl Store {
    fn store_of_images(&self) -> PathBuf {
        self.root().join("images")
    }

    fn image_index(&self) -> PathBuf {
        PathBuf::from(self.layout().image_index())
    }

    /// The index; an empty one where there is none yet.
    pub fn read_index(&self) -> Result<Index, StoreError> {
        let path = self.image_index();
        let Some(bytes) = document(&path)? else { return Ok(Index::default()) };
        Index::read(&bytes).map_err(|error| StoreError::Image { path, why: error.to_string() })
    }

    /// Changes the index. The caller holds the lock on the records.
    pub fn change_index(&self, how: impl FnOnce(&mut Index)) -> Result<(), StoreError> {
        let mut index = self.read_index()?;
        how(&mut index);
        let path = self.image_index();
        let directory = path.parent().unwrap_or(Path::new("/"));
        make_directories(directory)?;
        let layout = directory.join("oci-layout");
        if !layout.exists() {
            replace(&layout, LAYOUT)?;
        }
        replace(&path, index.written().as_bytes())
    }

    /// Writes a blob. One that is there already is the same: its name says so.
    pub fn write_blob(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        make_directories(path.parent().unwrap_or(Path::new("/")))?;
        replace(path, bytes)
    }

    /// The image of a manifest whose documents are in the store.
    pub fn image_of(&self, manifest: &str) -> Result<Image, StoreError> {
        let read = |digest: &str| document(Path::new(&self.layout().blob(digest))).ok().flatten();
        image::one(manifest, &read).map_err(|error| StoreError::Image { path: self.store_of_images(), why: error.to_string() })
    }

    /// The images that the index names, and what cannot be read of them.
    pub fn images(&self) -> (Vec<Image>, Vec<StoreError>) {
        let index = match self.read_index() {
            Ok(index) => index,
            Err(error) => return (Vec::new(), vec![error]),
        };
        let read = |digest: &str| document(Path::new(&self.layout().blob(digest))).ok().flatten();
        let (images, errors) = image::all(&index, &read);
        let told = |error: image::ImageError| StoreError::Image { path: self.store_of_images(), why: error.to_string() };
        (images, errors.into_iter().map(told).collect())
    }
}

/// A file of at most so many bytes as a document may have and one more; `None`: there is none.
fn document(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(StoreError::io("read", path)(error)),
    };
    let mut bytes = Vec::new();
    file.take(DOCUMENT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(StoreError::io("read", path))?;
    Ok(Some(bytes))
}

pub(super) fn make_directories(path: &Path) -> Result<(), StoreError> {
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path).map_err(StoreError::io("make the directory", path))
}

/// Beside its place, to the disk, and there by rename(2).
fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let temporary = path.with_file_name(format!(".{name}.{}.{number}", std::process::id()));
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_data()?;
        fs::rename(&temporary, path)
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&temporary);
        StoreError::io("write", path)(error)
    })
}
