//! What became of images: their names, their blobs, and the extracted files of their layers.

use serde::{Deserialize, Serialize};

use crate::model::{Image, Layer};

/// A fact about images in the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ImageEvent {
    /// A name leads to an image.
    Tagged {
        /// In full.
        name: String,
        /// The image's id.
        id: String,
    },
    /// A name leads nowhere any more.
    Untagged {
        /// In full.
        name: String,
    },
    /// The store has an image no more.
    Forgotten {
        /// Its manifest's digest.
        manifest: String,
    },
    /// A blob is there, under the name of its digest.
    BlobWritten {
        /// Its digest.
        digest: String,
    },
    /// The store has an image, with these names.
    Recorded {
        /// The image.
        image: Box<Image>,
    },
    /// A layer is packed. Where nothing was changed there is none.
    LayerPacked {
        /// What was packed: see [`crate::step::PackedDirectory::upper`].
        upper: String,
        /// The layer, whose blob is there.
        layer: Option<Box<Layer>>,
        /// What was packed is what the layer would be extracted to.
        #[serde(default)]
        whole: bool,
    },
    /// An archive of images, or of a container's files, is there.
    Saved {
        /// Which file.
        path: String,
    },
    /// A blob is gone.
    BlobRemoved {
        /// Its digest.
        digest: String,
    },
    /// What was half written is gone.
    StrayRemoved {
        /// Which file or directory.
        path: String,
    },
    /// The extracted files of a layer are gone.
    LayerRemoved {
        /// Which.
        diff_id: String,
    },
}

impl ImageEvent {
    pub(super) fn normalise(&mut self) {
        match self {
            ImageEvent::LayerPacked { layer: Some(layer), .. } => normalise_layer(layer),
            ImageEvent::Recorded { image } => {
                image.manifest_bytes = 0;
                // When the image and the last of its instructions were made; of the others the moment is the base's, or a build's.
                image.created.clear();
                image.history.iter_mut().for_each(|entry| entry.created.clear());
                for layer in &mut image.layers {
                    // As far as it is not extracted, its size is that of the blob.
                    (layer.blob_bytes, layer.size_bytes) = (0, 0);
                }
            }
            _ => {}
        }
    }
}

/// How long its blob is depends on the compressor.
pub(super) fn normalise_layer(layer: &mut Layer) {
    layer.blob_bytes = 0;
}
