//! Blobs: a layer's archive as registries keep it. What it is compressed with is told by its first bytes, whatever its media type says.
//!
//! gzip by zlib-rs and zstd by ruzstd, both pure Rust: they are in the page too. bzip2 and xz, which Docker reads in `import` and `ADD`, are
//! no layers' and refused plainly.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read, Write};

use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use flate2::{Compression as Level, GzBuilder};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::Digested;

/// How an archive is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// RFC 1952; several members are read as one.
    Gzip,
    /// RFC 8878; several frames are read as one, skippable ones are skipped.
    Zstd,
}

/// As much of a blob as tells.
const MAGIC_BYTES: usize = 6;
/// The window that a zstd frame may ask for, which is held in memory: what the encoder of Docker and containerd asks for at its best.
const ZSTD_WINDOW_BYTES_MAX: u64 = 32 << 20;
/// What comes out of a compressed blob may be so many times as long as what has gone in: whole systems come to three or four, text to ten,
/// gzip's own limit is 1032. More is a bomb,
pub const EXPANSION_MAX: u64 = 200;
/// unless it is no longer than this: an empty database, a sparse log.
pub const EXPANSION_FREE_BYTES: u64 = 128 << 20;
const BUFFER_BYTES: usize = 128 << 10;
/// zlib's own choice between time and size. Another one is another digest.
const GZIP_LEVEL: u32 = 6;

impl Compression {
    /// By the first bytes. An error names what is not read.
    pub(crate) fn of(head: &[u8]) -> io::Result<Compression> {
        const SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];
        let refused =
            |what: &str| Err(io::Error::new(io::ErrorKind::InvalidData, format!("layers are not compressed with {what}")));
        match head {
            [0x1f, 0x8b, ..] => Ok(Compression::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Ok(Compression::Zstd),
            [0x50..=0x5f, rest @ ..] if rest.starts_with(&SKIPPABLE) => Ok(Compression::Zstd),
            [b'B', b'Z', b'h', ..] => refused("bzip2"),
            [0xfd, b'7', b'z', b'X', b'Z', 0] => refused("xz"),
            _ => Ok(Compression::None),
        }
    }

    /// The media type of a layer that is so compressed: OCI image specification, layer.md.
    pub fn media_type(self) -> &'static str {
        match self {
            Compression::None => "application/vnd.oci.image.layer.v1.tar",
            Compression::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
            Compression::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
        }
    }
}

type Source<R> = BufReader<Digested<Chain<Cursor<Vec<u8>>, R>>>;

/// A blob that is read: what comes out is the archive, and the blob's own bytes are digested as they go in.
pub struct Blob<R: Read> {
    compression: Compression,
    decoder: Decoder<R>,
    /// Bytes of the archive that have come out.
    out_bytes: u64,
    /// It may come to whatever it likes.
    is_own: bool,
}

enum Decoder<R: Read> {
    Plain(Source<R>),
    Gzip(Box<MultiGzDecoder<Source<R>>>),
    Zstd(Source<R>, Box<FrameDecoder>),
}

impl<R: Read> Blob<R> {
    /// Reads its first bytes.
    pub fn new(mut input: R) -> io::Result<Blob<R>> {
        let mut head = Vec::new();
        input.by_ref().take(MAGIC_BYTES as u64).read_to_end(&mut head)?;
        let compression = Compression::of(&head)?;
        let source = BufReader::with_capacity(BUFFER_BYTES, Digested::new(Cursor::new(head).chain(input)));
        let decoder = match compression {
            Compression::None => Decoder::Plain(source),
            Compression::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(source))),
            Compression::Zstd => {
                let mut decoder = FrameDecoder::new();
                decoder.set_max_window_size(ZSTD_WINDOW_BYTES_MAX);
                Decoder::Zstd(source, Box::new(decoder))
            }
        };
        Ok(Blob { compression, decoder, out_bytes: 0, is_own: false })
    }

    /// One that was packed here, or that nothing is made of: see [`EXPANSION_MAX`].
    pub fn own(self) -> Blob<R> {
        Blob { is_own: true, ..self }
    }

    /// What its first bytes say.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    fn source(&self) -> &Source<R> {
        match &self.decoder {
            Decoder::Plain(source) | Decoder::Zstd(source, _) => source,
            Decoder::Gzip(decoder) => decoder.get_ref(),
        }
    }

    /// Reads what is left of the blob. Its `sha256:…` and its bytes.
    pub fn finish(self) -> io::Result<(String, u64)> {
        let mut source = match self.decoder {
            Decoder::Plain(source) | Decoder::Zstd(source, _) => source,
            Decoder::Gzip(decoder) => decoder.into_inner(),
        };
        io::copy(&mut source, &mut io::sink())?;
        let digested = source.into_inner();
        Ok((digested.digest(), digested.passed_bytes()))
    }
}

impl<R: Read> Read for Blob<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.decoder {
            Decoder::Plain(source) => return source.read(buffer),
            Decoder::Gzip(decoder) => decoder.read(buffer),
            Decoder::Zstd(source, decoder) => frames(source, decoder, buffer),
        }?;
        self.out_bytes += count as u64;
        let allowed = (self.source().get_ref().passed_bytes().saturating_mul(EXPANSION_MAX)).max(EXPANSION_FREE_BYTES);
        if self.out_bytes > allowed && !self.is_own {
            let why = format!(
                "what it is compressed to is more than {EXPANSION_MAX} times shorter (EXPANSION_MAX): it would fill the disk from nothing"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        Ok(count)
    }
}

/// A piece of what the frames say, one after the other.
fn frames(source: &mut impl BufRead, decoder: &mut FrameDecoder, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        if decoder.can_collect() > 0 || buffer.is_empty() {
            return decoder.read(buffer);
        }
        if !decoder.is_finished() {
            decoder.decode_blocks(&mut *source, BlockDecodingStrategy::UptoBlocks(1)).map_err(broken)?;
        } else if source.fill_buf()?.is_empty() {
            return Ok(0);
        } else {
            next_frame(source, decoder)?;
        }
    }
}

fn next_frame(source: &mut impl BufRead, decoder: &mut FrameDecoder) -> io::Result<()> {
    match decoder.reset(&mut *source) {
        Ok(()) => Ok(()),
        Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
            let skipped = io::copy(&mut source.take(u64::from(length)), &mut io::sink())?;
            if skipped == u64::from(length) { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
        }
        Err(error) => Err(broken(error)),
    }
}

/// The source's own error, where that is the reason.
fn broken(error: FrameDecoderError) -> io::Error {
    let mut reason: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(found) = reason {
        if let Some(own) = found.downcast_ref::<io::Error>() {
            return own.raw_os_error().map_or_else(|| own.kind().into(), io::Error::from_raw_os_error);
        }
        reason = found.source();
    }
    io::Error::new(io::ErrorKind::InvalidData, format!("zstd: {error}"))
}

/// An archive that is written, compressed, and the blob digested. The same archive gives the same blob everywhere: no time, no name, no
/// operating system in the header, one level.
pub struct Compressor<W: Write>(Encoder<W>);

enum Encoder<W: Write> {
    Plain(Digested<W>),
    Gzip(Box<GzEncoder<Digested<W>>>),
}

impl<W: Write> Compressor<W> {
    /// gzip.
    pub fn gzip(output: W) -> Compressor<W> {
        let unknown_system = 255;
        let builder = GzBuilder::new().mtime(0).operating_system(unknown_system);
        Compressor(Encoder::Gzip(Box::new(builder.write(Digested::new(output), Level::new(GZIP_LEVEL)))))
    }

    /// As it is.
    pub fn none(output: W) -> Compressor<W> {
        Compressor(Encoder::Plain(Digested::new(output)))
    }

    /// All is written. The blob's `sha256:…`, its bytes, and where it went.
    pub fn finish(self) -> io::Result<(String, u64, W)> {
        let mut digested = match self.0 {
            Encoder::Plain(digested) => digested,
            Encoder::Gzip(encoder) => encoder.finish()?,
        };
        digested.flush()?;
        Ok((digested.digest(), digested.passed_bytes(), digested.into_inner()))
    }
}

impl<W: Write> Write for Compressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Encoder::Plain(digested) => digested.write(bytes),
            Encoder::Gzip(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Encoder::Plain(digested) => digested.flush(),
            Encoder::Gzip(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf 'a layer\n' | zstd`: one frame with a checksum.
    const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd\x04\x58\x41\0\0a layer\n\xff\x5c\x4f\x24";

    fn read(bytes: &[u8]) -> io::Result<(Compression, Vec<u8>, String)> {
        let mut blob = Blob::new(bytes)?;
        let mut archive = Vec::new();
        blob.read_to_end(&mut archive)?;
        let compression = blob.compression();
        let (digest, length) = blob.finish()?;
        assert_eq!(length, bytes.len() as u64);
        Ok((compression, archive, digest))
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut compressor = Compressor::gzip(Vec::new());
        compressor.write_all(bytes).unwrap();
        let (digest, length, blob) = compressor.finish().unwrap();
        assert_eq!(length, blob.len() as u64);
        assert_eq!(read(&blob).unwrap().2, digest);
        blob
    }

    #[test]
    fn what_is_compressed_comes_out_again() {
        let text: Vec<u8> = (0..300_000_u32).flat_map(|number| (number / 7).to_le_bytes()).collect();
        let blob = gzip(&text);
        assert_eq!(read(&blob).unwrap().0, Compression::Gzip);
        assert!(read(&blob).unwrap().1 == text && blob.len() < text.len() / 2);
        assert_eq!(read(b"plain").unwrap().1, b"plain");
        assert_eq!(read(b"").unwrap().0, Compression::None);
    }

    /// Another digest here is another digest of every layer that is pushed: not without need.
    #[test]
    fn the_same_archive_is_the_same_blob() {
        let text: Vec<u8> =
            (0..50_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_string().into_bytes()).collect();
        let blob = gzip(&text);
        assert_eq!(blob[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
        assert_eq!(read(&blob).unwrap().2, "sha256:b62e60ca2a789c29ce146b8b357767e3b8f25ab7c8a5e52876f859c8107595a5");
    }

    #[test]
    fn members_and_frames_follow_each_other() {
        let two = [gzip(b"one"), gzip(b"two")].concat();
        assert_eq!(read(&two).unwrap().1, b"onetwo");
        let skippable = [&[0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"xyz"].concat();
        let all = [&skippable[..], ZSTD, &skippable, ZSTD].concat();
        let (compression, archive, _) = read(&all).unwrap();
        assert_eq!((compression, archive.as_slice()), (Compression::Zstd, &b"a layer\na layer\n"[..]));
        let cut = read(&all[..all.len() - 3]).unwrap_err();
        assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof, "{cut}");
    }

    #[test]
    fn what_is_cut_or_broken_is_told() {
        let blob = gzip(&[7; 100_000]);
        for end in [8, 20, blob.len() - 1] {
            assert_eq!(read(&blob[..end]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof, "{end}");
        }
        let mut broken = blob.clone();
        let last = broken.len() - 5;
        broken[last] ^= 1;
        assert!(read(&broken).is_err(), "a wrong checksum");
        assert!(read(&[&blob[..], b"garbage"].concat()).is_err());
        assert!(read(&[0x28, 0xb5, 0x2f, 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff]).is_err());
        for (head, what) in [(&b"BZh91AY"[..], "bzip2"), (b"\xfd7zXZ\0", "xz")] {
            assert!(read(head).unwrap_err().to_string().ends_with(what));
        }
    }
}
