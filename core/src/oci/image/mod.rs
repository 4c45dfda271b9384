//! The files that an image is made of, as the OCI image specification has them: configuration, manifest, index. Pure: bytes in, bytes out.
//!
//! They are types of our own and not those of the crate `oci-spec`: that keeps labels and annotations in a `HashMap`, whose order would
//! make another digest at every start, and knows nothing of Docker's `Healthcheck`, `OnBuild` and `Shell`. A test reads what is written
//! here by that crate.

mod config;
mod index;
mod manifest;
#[cfg(test)]
mod tests;
pub mod transfer;

use thiserror::Error;

pub use config::{ConfigFile, RootFs};
pub use index::{Index, NAME_ANNOTATION};
pub use manifest::{Descriptor, Manifest, Platform, media};

use crate::model::{Image, Layer};
use crate::reference::Reference;

/// A longer configuration, manifest or index is not read: containerd's bound for manifests.
pub const DOCUMENT_BYTES_MAX: usize = 4 << 20;
/// An image of more layers is not taken: an overlay cannot have more lower directories (500, OVL_MAX_STACK), and Docker stops at 125.
pub const LAYERS_MAX: usize = 125;

/// Why files do not make an image.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ImageError {
    /// A file that is not what it should be.
    #[error("the {what} {digest} cannot be read: {why}")]
    Unreadable {
        /// `manifest`, `configuration`, `index`
        what: &'static str,
        /// Which; empty for the index.
        digest: String,
        /// The reader's complaint.
        why: String,
    },
    /// A blob is not what its name says.
    #[error("the {what} {digest} is damaged: its bytes have the digest {found}")]
    Damaged {
        /// What it should be.
        what: &'static str,
        /// Its name.
        digest: String,
        /// Its bytes' digest.
        found: String,
    },
    /// It is not there.
    #[error("the {what} {digest} is missing")]
    Missing {
        /// What it should be.
        what: &'static str,
        /// Its name.
        digest: String,
    },
    /// Manifest and configuration do not agree.
    #[error("the manifest {digest} names {layers} layers, its configuration {diff_ids}")]
    Layers {
        /// The manifest.
        digest: String,
        /// Blobs.
        layers: usize,
        /// Archives.
        diff_ids: usize,
    },
    /// Beyond a limit.
    #[error("the image has {count} layers, more than {LAYERS_MAX}")]
    TooManyLayers {
        /// So many.
        count: usize,
    },
}

/// All images of a store: the index names manifests, `read` gives a blob by its digest. What cannot be read is told beside the others.
pub fn all(index: &Index, read: &impl Fn(&str) -> Option<Vec<u8>>) -> (Vec<Image>, Vec<ImageError>) {
    let (mut images, mut errors) = (Vec::<Image>::new(), Vec::new());
    for entry in &index.manifests {
        let name = entry.name().and_then(|name| Reference::parse(name).ok()).map(|name| name.familiar());
        if let Some(known) = images.iter_mut().find(|image| image.manifest == entry.digest) {
            known.lead_to(name);
            continue;
        }
        match one(&entry.digest, read) {
            Ok(mut image) => {
                image.lead_to(name);
                images.push(image);
            }
            Err(error) => errors.push(error),
        }
    }
    (images, errors)
}

/// The image of a manifest, without names.
pub fn one(manifest: &str, read: &impl Fn(&str) -> Option<Vec<u8>>) -> Result<Image, ImageError> {
    let bytes = blob("manifest", manifest, read)?;
    let document = Manifest::read(&bytes, manifest)?;
    let id = document.config.digest.clone();
    let file = ConfigFile::read(&blob("configuration", &id, read)?, &id)?;
    // As it was written by whoever wrote it.
    put_together(manifest, &document, file).map(|image| Image { manifest_bytes: bytes.len() as u64, ..image })
}

fn blob(what: &'static str, digest: &str, read: &impl Fn(&str) -> Option<Vec<u8>>) -> Result<Vec<u8>, ImageError> {
    let missing = || ImageError::Missing { what, digest: digest.to_string() };
    let bytes = if super::digest::is_sha256(digest) { read(digest) } else { None }.ok_or_else(missing)?;
    of_bearable_length(&bytes, what, digest)?;
    let found = super::digest::of(&bytes);
    if found == digest { Ok(bytes) } else { Err(ImageError::Damaged { what, digest: digest.to_string(), found }) }
}

/// An image of its manifest and its configuration, if they fit together.
pub fn put_together(digest: &str, manifest: &Manifest, file: ConfigFile) -> Result<Image, ImageError> {
    let (layers, diff_ids) = (manifest.layers.len(), file.rootfs.diff_ids.len());
    if layers > LAYERS_MAX {
        return Err(ImageError::TooManyLayers { count: layers });
    }
    if layers != diff_ids {
        return Err(ImageError::Layers { digest: digest.to_string(), layers, diff_ids });
    }
    Ok(assemble(digest, manifest, file))
}

/// Of a manifest and a configuration that fit together.
pub fn assemble(digest: &str, manifest: &Manifest, file: ConfigFile) -> Image {
    let layer = |(diff_id, blob): (String, &Descriptor)| Layer {
        diff_id,
        blob: blob.digest.clone(),
        blob_bytes: blob.size,
        size_bytes: blob.size,
        media_type: blob.media_type.clone(),
        extracted: false,
    };
    Image {
        id: manifest.config.digest.clone(),
        names: Vec::new(),
        digests: Vec::new(),
        manifest: digest.to_string(),
        manifest_bytes: manifest.written().len() as u64,
        created: file.created,
        author: file.author,
        architecture: file.architecture,
        os: file.os,
        config: file.config,
        history: file.history,
        layers: file.rootfs.diff_ids.into_iter().zip(&manifest.layers).map(layer).collect(),
        embedded: false,
        stored: true,
    }
}

/// A document as it stands in a blob: JSON without blanks, in the order of its fields.
fn written<T: serde::Serialize>(document: &T) -> Vec<u8> {
    serde_json::to_vec(document).unwrap_or_default()
}

fn parsed<T: serde::de::DeserializeOwned>(bytes: &[u8], what: &'static str, digest: &str) -> Result<T, ImageError> {
    of_bearable_length(bytes, what, digest)?;
    serde_json::from_slice(bytes).map_err(|error| ImageError::Unreadable {
        what,
        digest: digest.to_string(),
        why: error.to_string(),
    })
}

/// Of a longer document no more is read than shows that it is too long: its digest says nothing.
fn of_bearable_length(bytes: &[u8], what: &'static str, digest: &str) -> Result<(), ImageError> {
    if bytes.len() <= DOCUMENT_BYTES_MAX {
        return Ok(());
    }
    let why = format!("it is longer than {DOCUMENT_BYTES_MAX} bytes (DOCUMENT_BYTES_MAX)");
    Err(ImageError::Unreadable { what, digest: digest.to_string(), why })
}

/// The complaint of a layer whose archive is not the one that the configuration names.
pub fn other_archive(diff_id: &str, found: &str) -> String {
    format!("unpack {diff_id}: its archive has the digest {found}")
}
