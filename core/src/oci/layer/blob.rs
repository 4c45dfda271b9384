//! A directory of changes into the blobs of a store, in one pass: the archive is digested, compressed, and the blob digested again on its
//! way to the disk.

use std::io::{Read, Write};

use super::{Blob, Compression, Compressor, Digested, LayerError, LayerFault, PackOptions, Tree, pack};
use crate::archive::Fault;
use crate::errno::Errno;
use crate::model::Layer;
use crate::oci::image::transfer::Blobs;

const PIECE_BYTES: usize = 128 << 10;

/// A blob that is written and has no name yet, and the layer that it will be.
#[derive(Debug)]
pub struct Fresh<S> {
    /// The layer; not extracted.
    pub layer: Layer,
    /// The directory is what the layer would be extracted to.
    pub whole: bool,
    /// The blob: to be kept under [`Layer::blob`], or discarded.
    pub sink: S,
}

fn cannot(call: &'static str) -> impl Fn(Errno) -> LayerError {
    move |errno| LayerError { entry: String::new(), fault: LayerFault::Call { call, errno } }
}

/// Packs a directory. `None`: nothing was changed.
pub fn pack_blob<B: Blobs>(
    blobs: &mut B,
    disk: &mut impl Tree,
    options: &PackOptions,
    compressed: bool,
) -> Result<Option<Fresh<B::Sink>>, LayerError> {
    let mut output = compressor(blobs.create().map_err(cannot("openat"))?, compressed);
    let packed = match pack(disk, options, &mut output) {
        Ok(packed) => packed,
        Err(error) => {
            discard(blobs, output);
            return Err(error);
        }
    };
    if packed.is_empty() {
        discard(blobs, output);
        return Ok(None);
    }
    let (blob, blob_bytes, sink) = output.finish()?;
    let layer = layer(packed.diff_id, (blob, blob_bytes), packed.content_bytes, compressed);
    Ok(Some(Fresh { layer, whole: !packed.differs, sink }))
}

/// Takes an archive of files in, whatever it is compressed with. That it is one is seen when it is extracted.
pub fn import_blob<B: Blobs>(blobs: &mut B, input: impl Read) -> Result<Fresh<B::Sink>, LayerError> {
    let mut output = compressor(blobs.create().map_err(cannot("openat"))?, false);
    match import(input, &mut output) {
        Ok((diff_id, bytes)) => {
            let (blob, blob_bytes, sink) = output.finish()?;
            Ok(Fresh { layer: layer(diff_id, (blob, blob_bytes), bytes, false), whole: false, sink })
        }
        Err(error) => {
            discard(blobs, output);
            Err(error)
        }
    }
}

fn import(input: impl Read, output: impl Write) -> Result<(String, u64), LayerError> {
    let failed = |error: std::io::Error| LayerError { entry: String::new(), fault: LayerFault::Archive(Fault::of(&error)) };
    let mut archive = Blob::new(input).map_err(failed)?;
    let mut digested = Digested::new(output);
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        match archive.read(&mut buffer).map_err(failed)? {
            0 => break,
            count => digested.write_all(&buffer[..count]).map_err(failed)?,
        }
    }
    Ok((digested.digest(), digested.passed_bytes()))
}

fn compressor<S: Write>(sink: S, compressed: bool) -> Compressor<S> {
    if compressed { Compressor::gzip(sink) } else { Compressor::none(sink) }
}

fn discard<B: Blobs>(blobs: &mut B, output: Compressor<B::Sink>) {
    if let Ok((_, _, sink)) = output.finish() {
        blobs.discard(sink);
    }
}

fn layer(diff_id: String, blob: (String, u64), size_bytes: u64, compressed: bool) -> Layer {
    let compression = if compressed { Compression::Gzip } else { Compression::None };
    let media_type = compression.media_type().to_string();
    Layer { diff_id, blob: blob.0, blob_bytes: blob.1, size_bytes, media_type, extracted: false }
}
