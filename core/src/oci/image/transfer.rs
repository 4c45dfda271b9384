//! Images as one archive: what `save` writes and `load` reads.
//!
//! ```text
//! blobs of the store ─▶ send ─▶ tar: blobs/sha256/…, index.json, manifest.json, oci-layout ─▶ receive ─▶ blobs of a store
//! ```
//! Written as Docker 28 writes it, so that both of its readers find what they look for: an image layout (OCI image specification,
//! image-layout.md) and Docker's own `manifest.json` over the same blobs. Both are read, and Docker's older form with `layer.tar` in a
//! directory for each layer. An archive is a stranger's: every file of it is kept under the digest that its bytes have, and what it says
//! it is has to agree; names in it lead nowhere.

mod receive;
mod send;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io::{self, Read, Write};

use thiserror::Error;

pub use receive::receive;
pub use send::{Sent, send};

use super::ImageError;
use crate::archive::{ArchiveError, Fault};
use crate::errno::Errno;
use crate::model::Image;
use crate::oci::layer::{Blob, Compression, Digested};
use crate::userland::FileKind;

/// Blobs of a store.
pub trait Blobs {
    /// A blob that is read.
    type Source: Read;
    /// A blob whose digest is not known yet.
    type Sink: Write;

    /// A blob that is there, and its bytes.
    fn open(&mut self, digest: &str) -> Result<(Self::Source, u64), Errno>;
    /// Whether it is there.
    fn has(&mut self, digest: &str) -> bool;
    /// A new file beside the blobs.
    fn create(&mut self) -> Result<Self::Sink, Errno>;
    /// All of it is written: it gets its name.
    fn keep(&mut self, blob: Self::Sink, digest: &str) -> Result<(), Errno>;
    /// It was not wanted.
    fn discard(&mut self, blob: Self::Sink);
    /// Removes a blob.
    fn remove(&mut self, digest: &str);
    /// The digest of what these bytes only stand for: the model knows of the toolbox's archive how long it is and what digest it has, and
    /// not its bytes. Never so of real ones.
    fn stands_for(&self, _blob: &Self::Sink) -> Option<String> {
        None
    }
}

/// A layer that has come in and is in no image yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// The digest of its blob.
    pub blob: String,
    /// The digest that its archive is said to have.
    pub diff_id: String,
}

/// Looks into layers that have come in, and may extract them: answers of each, in their order, the digest that its archive has.
pub type Look<'a, B> = &'a mut dyn FnMut(&mut B, &[Arrived]) -> Vec<Result<String, TransferError>>;

/// Looks only.
pub fn digests<B: Blobs>(blobs: &mut B, layers: &[Arrived]) -> Vec<Result<String, TransferError>> {
    let opened = |error: Errno| io::Error::from_raw_os_error(error.0);
    let mut digest = |blob: &str| archive_digest(blobs.open(blob).map_err(opened)?.0, blob);
    layers.iter().map(|layer| digest(&layer.blob).map_err(|error| TransferError::unreadable(&layer.blob, &error))).collect()
}

/// The `sha256:…` of the archive in a blob that has this digest: the diff id of a layer.
pub fn archive_digest(source: impl Read, blob: &str) -> io::Result<String> {
    let mut archive = Blob::new(source)?;
    if archive.compression() == Compression::None {
        return Ok(blob.to_string());
    }
    let mut digested = Digested::new(io::sink());
    io::copy(&mut archive, &mut digested)?;
    Ok(digested.digest())
}

/// Docker's list of the images in an archive.
pub(super) const DOCKER_LIST: &str = "manifest.json";
/// OCI's.
pub(super) const INDEX: &str = "index.json";
/// What says that there is an image layout.
pub(super) const LAYOUT_FILE: &str = "oci-layout";
/// Its content.
pub const LAYOUT: &str = "{\"imageLayoutVersion\":\"1.0.0\"}";
/// Where the blobs are.
pub(super) const BLOBS: &str = "blobs/sha256";
/// Under this annotation Docker and containerd keep the whole name.
pub(super) const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// Why an archive was not written, or not taken.
#[derive(Debug, Error)]
pub enum TransferError {
    /// It is no archive.
    #[error("invalid archive: {0}")]
    Archive(#[from] ArchiveError),
    /// What is in it is no image.
    #[error("invalid archive: {0}")]
    Image(#[from] ImageError),
    /// It holds no list of images.
    #[error("invalid archive: does not contain a manifest.json")]
    NoList,
    /// A file that it names is not in it.
    #[error("invalid archive: {0} is named in it and is not there")]
    NotThere(String),
    /// The archive of a layer is not the one that the configuration names. moby's words.
    #[error("invalid diffID for layer {number}: expected \"{expected}\", got \"{found}\"")]
    OtherArchive {
        /// Counted from 0.
        number: usize,
        /// The diff id that the configuration has.
        expected: String,
        /// The digest of its archive.
        found: String,
    },
    /// The archive of a layer cannot be extracted.
    #[error("{call}")]
    Layer {
        /// `unpack sha256:…: ` and why.
        call: String,
        /// The kernel's number for it.
        errno: Errno,
    },
    /// A blob is longer or shorter than who names it says.
    #[error("invalid archive: the {what} {digest} has {found} bytes, and {named} are named")]
    Length {
        /// `layer`
        what: &'static str,
        /// Its digest.
        digest: String,
        /// So many it should be.
        named: u64,
        /// So many there are.
        found: u64,
    },
    /// No image for this machine.
    #[error("invalid archive: no image in it is for {0}")]
    Platform(String),
    /// It could not be read or written.
    #[error("{doing}: {}", crate::copying::sentence(*errno))]
    Call {
        /// `write the blob`
        doing: &'static str,
        /// Why.
        errno: Errno,
    },
    /// A source or a destination failed.
    #[error("{0}")]
    Stream(std::io::Error),
}

impl TransferError {
    /// What is in a blob cannot be read.
    pub fn unreadable(blob: &str, error: &io::Error) -> TransferError {
        ArchiveError { entry: blob.to_string(), fault: Fault::of(error) }.into()
    }

    /// The kernel's number for it.
    pub fn errno(&self) -> Errno {
        match self {
            TransferError::Call { errno, .. } | TransferError::Layer { errno, .. } => *errno,
            TransferError::Stream(error) => error.raw_os_error().map_or(Errno::EIO, Errno),
            _ => Errno::EINVAL,
        }
    }
}

/// What was to be written, in Docker's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wording {
    /// `save`
    Save,
    /// `export`
    Export,
    /// `build --output`
    Build,
}

/// What Docker's client says of a file that an archive cannot be written to. `parent` and `there` are what lies at the file's directory and
/// at the file itself.
pub fn unwritable(wording: Wording, typed: &str, parent: Result<FileKind, Errno>, there: Option<FileKind>) -> Option<String> {
    let directory = match typed.trim_end_matches('/').rsplit_once('/') {
        Some(("", _)) => "/",
        Some((directory, _)) => directory,
        None => ".",
    };
    if wording == Wording::Build {
        return match (parent, there) {
            (Err(errno), _) => Some(format!("open {typed}: {}", crate::copying::sentence(errno))),
            (_, Some(FileKind::Directory)) => Some(format!("destination file {typed} is a directory")),
            _ => None,
        };
    }
    let why = match (parent, there) {
        (Err(errno), _) => format!("invalid output path: stat {directory}: {}", crate::copying::sentence(errno)),
        (Ok(kind), _) if kind != FileKind::Directory => format!("invalid output path: stat {typed}: not a directory"),
        (_, Some(FileKind::Directory)) => "cannot write to a directory".to_string(),
        (_, Some(FileKind::CharDevice)) => "cannot write to a character device file".to_string(),
        (_, Some(FileKind::BlockDevice)) => "cannot write to a block device file".to_string(),
        _ => return None,
    };
    let doing = match wording {
        Wording::Save => "save image",
        Wording::Export | Wording::Build => "export container",
    };
    Some(format!("failed to {doing}: {why}"))
}

/// Of an image that the store has already, the store's own manifest stays: the same image may have been compressed in another way.
/// What goes into the index, and the blobs that nobody wants then.
pub fn settle(received: Vec<Image>, known: &[&Image]) -> (Vec<Image>, Vec<String>) {
    let (mut kept, mut given_up) = (Vec::new(), Vec::new());
    for image in received {
        match known.iter().find(|known| known.id == image.id && known.stored) {
            Some(own) if own.manifest != image.manifest => {
                given_up.extend(blobs_of(&image).map(str::to_string));
                kept.push(Image { names: image.names, ..(*own).clone() });
            }
            _ => kept.push(image),
        }
    }
    let wanted: BTreeSet<&str> = kept.iter().chain(known.iter().copied()).flat_map(blobs_of).collect();
    given_up.retain(|digest| !wanted.contains(digest.as_str()));
    (kept, given_up)
}

/// All blobs that an image is made of.
pub(super) fn blobs_of(image: &Image) -> impl Iterator<Item = &str> {
    [image.id.as_str(), image.manifest.as_str()].into_iter().chain(image.layers.iter().map(|layer| layer.blob.as_str()))
}

pub(super) fn failed(doing: &'static str) -> impl Fn(Errno) -> TransferError {
    move |errno| TransferError::Call { doing, errno }
}

/// A document of the store, if it is there and not too long.
pub(super) fn document(blobs: &mut impl Blobs, digest: &str) -> Option<Vec<u8>> {
    let (source, _) = blobs.open(digest).ok()?;
    let mut bytes = Vec::new();
    source.take(super::DOCUMENT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
