//! A layer on its way to a registry: compressed by gzip (RFC 1952), with the same bytes every time.

use std::io::{self, Read, Write};

use flate2::{Compression, GzBuilder};

use crate::oci::image::transfer::Blobs;
use crate::oci::image::{Descriptor, media};
use crate::oci::layer::Digested;

const PIECE_BYTES: usize = 128 << 10;
/// RFC 1952, 2.3.1: of an operating system that is not said.
const UNKNOWN_SYSTEM: u8 = 255;

/// Compresses a blob of the store into another. Answers what that is, and whether it is new there.
pub fn compress<B: Blobs>(blobs: &mut B, digest: &str) -> Result<(Descriptor, bool), String> {
    let failed = |errno: crate::errno::Errno| format!("compress the layer {digest}: {}", crate::copying::sentence(errno));
    let (source, _) = blobs.open(digest).map_err(failed)?;
    let sink = Digested::new(blobs.create().map_err(failed)?);
    let mut writer = GzBuilder::new().mtime(0).operating_system(UNKNOWN_SYSTEM).write(sink, Compression::default());
    let copied = copy(source, &mut writer).and_then(|()| writer.try_finish());
    let sink = writer.get_mut();
    let (found, size) = (sink.digest(), sink.passed_bytes());
    let told = copied.map_err(|error| format!("compress the layer {digest}: {error}"));
    let descriptor = Descriptor { media_type: media::LAYER_GZIP.into(), digest: found.clone(), size, ..Descriptor::default() };
    let sink = writer.finish().map_err(|error| format!("compress the layer {digest}: {error}"))?.into_inner();
    let known = blobs.has(&found);
    if known || told.is_err() {
        blobs.discard(sink);
        return told.map(|()| (descriptor, false));
    }
    blobs.keep(sink, &found).map_err(failed)?;
    Ok((descriptor, true))
}

fn copy(mut source: impl Read, sink: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(()),
            count => sink.write_all(&buffer[..count])?,
        }
    }
}
