//! A file of the log that is full, packed by gzip(1), and a file of the log as it is read, packed or not.
//!
//! dockerd keeps a note in the comment of the archive (moby daemon/logger/loggerutils/logfile.go), and so does this: which file it was.
//! A reader that has the file open, or has read it, knows it again by that.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use flate2::bufread::GzDecoder;
use flate2::{Compression, GzBuilder};
use serde::{Deserialize, Serialize};

use super::reader::BLOCK_BYTES;
use super::writer::{forgive_missing, named};

/// The end of a packed file's name.
pub(super) const PACKED: &str = "gz";

/// A file that takes no more lines: nothing else that ever has its number is as long and was written to at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Origin {
    device: u64,
    inode: u64,
    bytes: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl Origin {
    fn of(file: &File) -> io::Result<Origin> {
        let found = file.metadata()?;
        let (seconds, nanoseconds) = (found.mtime(), found.mtime_nsec());
        Ok(Origin { device: found.dev(), inode: found.ino(), bytes: found.len(), seconds, nanoseconds })
    }
}

/// Packs a file that takes no more lines beside it, and takes it away. What a killed one has left half done is written anew.
pub(super) fn pack(path: &Path) -> io::Result<()> {
    let mut plain = File::open(path)?;
    let note = serde_json::to_vec(&Origin::of(&plain)?)?;
    let half = named(path, "packing");
    let new = OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(&half)?;
    let mut archive = GzBuilder::new().comment(note).write(new, Compression::default());
    io::copy(&mut plain, &mut archive)?;
    archive.finish()?.flush()?;
    fs::rename(&half, named(path, PACKED))?;
    forgive_missing(fs::remove_file(path))
}

/// A file of the log that is read, from its beginning on.
#[derive(Debug)]
pub(super) enum LogFile {
    /// As it was written; it may still grow.
    Plain(File),
    /// Packed: the archive, and which file it was.
    Packed {
        /// What is in it.
        text: Box<GzDecoder<BufReader<File>>>,
        /// What is packed; `None`: nothing says it.
        origin: Option<Identity>,
    },
}

/// By which a file is known again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    origin: Origin,
    /// It is packed: its inode may be another's by now.
    packed: bool,
}

impl LogFile {
    /// The file of this name, packed or not; `None`: there is neither.
    pub(super) fn open(path: &Path) -> io::Result<Option<LogFile>> {
        for (name, is_packed) in [(path.to_path_buf(), false), (named(path, PACKED), true)] {
            match File::open(name) {
                Ok(file) if is_packed => return LogFile::packed(file).map(Some),
                Ok(file) => return Ok(Some(LogFile::Plain(file))),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn packed(file: File) -> io::Result<LogFile> {
        let text = Box::new(GzDecoder::new(BufReader::new(file)));
        let note = text.header().and_then(|header| header.comment()).map(serde_json::from_slice);
        let origin = note.and_then(Result::ok).map(|origin| Identity { origin, packed: true });
        Ok(LogFile::Packed { text, origin })
    }

    /// By which it is known again.
    pub(super) fn identity(&self) -> io::Result<Option<Identity>> {
        match self {
            LogFile::Plain(file) => Ok(Some(Identity { origin: Origin::of(file)?, packed: false })),
            LogFile::Packed { origin, .. } => Ok(*origin),
        }
    }

    /// It is this file, which may have been packed meanwhile.
    pub(super) fn is(&self, other: Identity) -> bool {
        let Ok(Some(own)) = self.identity() else { return false };
        let place = |origin: Origin| (origin.device, origin.inode);
        if own.packed || other.packed { own.origin == other.origin } else { place(own.origin) == place(other.origin) }
    }
}

impl Identity {
    /// Device and inode, of one that is not packed.
    pub(super) fn place(self) -> Option<(u64, u64)> {
        (!self.packed).then_some((self.origin.device, self.origin.inode))
    }
}

impl LogFile {
    /// What is read next are the last `tail` whole lines; how many there are, at most so many.
    pub(super) fn begin_at_last(&mut self, tail: u64) -> io::Result<u64> {
        if let LogFile::Plain(file) = self {
            let (start, lines) = start_of_last(file, tail)?;
            file.seek(SeekFrom::Start(start))?;
            return Ok(lines);
        }
        // Nobody knows before the end how many lines there are.
        let (_, all) = self.after_newlines(u64::MAX)?;
        self.again()?;
        let (start, _) = self.after_newlines(all.saturating_sub(tail))?;
        self.again()?;
        io::copy(&mut self.take(start), &mut io::sink())?;
        Ok(all.min(tail))
    }

    /// How many bytes are read up to the newline of this number, and how many newlines these are; all, if there are fewer.
    fn after_newlines(&mut self, most: u64) -> io::Result<(u64, u64)> {
        let (mut before, mut newlines) = (0, 0);
        let mut block = vec![0; BLOCK_BYTES];
        while newlines < most {
            let length = self.read(&mut block)?;
            for (index, _) in block.iter().take(length).enumerate().filter(|(_, byte)| **byte == b'\n') {
                newlines += 1;
                if newlines == most {
                    return Ok((before + index as u64 + 1, newlines));
                }
            }
            before += length as u64;
            if length == 0 {
                break;
            }
        }
        Ok((before, newlines))
    }

    /// A packed file from its beginning.
    fn again(&mut self) -> io::Result<()> {
        if let LogFile::Packed { text, .. } = self {
            let mut file = text.get_ref().get_ref().try_clone()?;
            file.rewind()?;
            *self = LogFile::packed(file)?;
        }
        Ok(())
    }
}

impl Read for LogFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            LogFile::Plain(file) => file.read(into),
            LogFile::Packed { text, .. } => text.read(into),
        }
    }
}

/// Where the last `tail` whole lines begin, looked for block by block from the end; and how many there are, at most so many.
fn start_of_last(file: &File, tail: u64) -> std::io::Result<(u64, u64)> {
    let mut block_end = file.metadata()?.len();
    let mut newlines = 0;
    let mut block = vec![0; BLOCK_BYTES];
    while block_end > 0 {
        let length = block_end.min(BLOCK_BYTES as u64);
        let start = block_end - length;
        let part = block.get_mut(..usize::try_from(length).unwrap_or(BLOCK_BYTES)).unwrap_or_default();
        file.read_exact_at(part, start)?;
        for (index, _) in part.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
            newlines += 1;
            if newlines > tail {
                return Ok((start + index as u64 + 1, tail));
            }
        }
        block_end = start;
    }
    Ok((0, newlines))
}
