//! Reading: members one after the other, with what the headers before them say.

use std::io::{self, Read};

use super::header::{self, Block, Header};
use super::pax::Records;
use super::{ArchiveError, BLOCK_BYTES, Fault, Member, MemberKind, shown};

/// What is taken of an archive; more is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole archive: headers, contents, and what follows them.
    pub archive_bytes_max: u64,
    /// Entries.
    pub entries_max: u64,
    /// Bytes of a name, and of the text of a link: PATH_MAX without its NUL.
    pub path_bytes_max: usize,
    /// Bytes of a header that holds a long name, or the records of pax. Go's archive/tar takes as much.
    pub extension_bytes_max: u64,
}

/// GNU's long name, its long link, and pax may stand before one entry, and some write them twice.
const EXTENSIONS_MAX: u64 = 8;

impl Limits {
    /// What is unpacked onto a disk that its owner has asked to fill: as long as it likes.
    pub const fn of_disk() -> Limits {
        Limits { archive_bytes_max: u64::MAX, entries_max: 1_000_000, path_bytes_max: 4095, extension_bytes_max: 1 << 20 }
    }

    /// The entry with this number, counted from 1, and the longer one of its name and its link.
    pub(crate) fn check(&self, entries: u64, path_bytes: usize) -> Result<(), Fault> {
        if path_bytes > self.path_bytes_max {
            return Err(Fault::Exceeded { limit: "bytes in a path", max: self.path_bytes_max as u64 });
        }
        if entries > self.entries_max {
            return Err(Fault::Exceeded { limit: "entries", max: self.entries_max });
        }
        Ok(())
    }
}

/// Reads members from a stream.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    limits: Limits,
    read_bytes: u64,
    entries: u64,
    /// Of the content of the last member.
    remaining_bytes: u64,
    padding_bytes: u64,
    /// The last member, as it can be shown.
    entry: String,
}

impl<R: Read> Reader<R> {
    /// From the first header on.
    pub fn new(input: R, limits: Limits) -> Reader<R> {
        Reader { input, limits, read_bytes: 0, entries: 0, remaining_bytes: 0, padding_bytes: 0, entry: String::new() }
    }

    /// The next member; what has not been read of the content before it is passed over. `None`: the archive has ended.
    pub fn next_member(&mut self) -> Result<Option<Member>, ArchiveError> {
        let answer = self.advance();
        answer.map_err(|fault| self.error(fault))
    }

    /// A piece of the content of the last member; 0: that was all of it.
    pub fn read_content(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        self.piece(buffer).map_err(|fault| self.error(fault))
    }

    /// Reads what follows the end of the archive: it belongs to the bytes that a digest is made of. All bytes of it.
    pub fn finish(&mut self) -> Result<u64, ArchiveError> {
        self.entry.clear();
        let mut buffer = [0; 8 * BLOCK_BYTES];
        loop {
            match self.take(&mut buffer) {
                Ok(0) => return Ok(self.read_bytes),
                Ok(_) => {}
                Err(fault) => return Err(self.error(fault)),
            }
        }
    }

    /// What is read.
    pub fn into_input(self) -> R {
        self.input
    }

    /// The error, with the entry at which it happened.
    pub fn error(&self, fault: Fault) -> ArchiveError {
        ArchiveError { entry: self.entry.clone(), fault }
    }

    fn advance(&mut self) -> Result<Option<Member>, Fault> {
        self.pass_over()?;
        let (mut long, mut records) = (Long::default(), Records::default());
        for _ in 0..=EXTENSIONS_MAX {
            let Some(block) = self.header()? else {
                return if long.is_empty() { Ok(None) } else { Err(Fault::Truncated) };
            };
            self.entry = shown(&Header::raw_name(&block));
            let header = Header::check(&block)?;
            match header.type_flag() {
                b'L' => long.name = Some(self.long_text(&header)?),
                b'K' => long.link = Some(self.long_text(&header)?),
                b'x' | b'X' => {
                    records = Records::parse(&self.extension(&header)?)?;
                    long.records = true;
                }
                // Docker's library hands global records to nobody: they count for nothing.
                b'g' => drop(self.extension(&header)?),
                b'S' => return Err(Fault::Sparse),
                _ => return self.member(&header, long, records).map(Some),
            }
        }
        Err(Fault::Exceeded { limit: "headers before one entry", max: EXTENSIONS_MAX })
    }

    fn member(&mut self, header: &Header<'_>, long: Long, records: Records) -> Result<Member, Fault> {
        let name = records.name.or(long.name).unwrap_or_else(|| header.name());
        self.entry = shown(&name);
        let link = records.link.or(long.link).unwrap_or_else(|| header.link());
        self.entries += 1;
        self.limits.check(self.entries, name.len().max(link.len()))?;
        let kind = kind_of(header, &name)?;
        // Whatever the size says: nothing follows these.
        let has_content = matches!(kind, MemberKind::File | MemberKind::Other(_));
        let declared = records.size_bytes.map_or_else(|| header.size(), Ok)?;
        let size_bytes = if has_content { declared } else { 0 };
        self.expect(size_bytes)?;
        let id = |id: Option<u64>, field, what| id.map_or_else(|| header.unsigned(field, what), Ok);
        Ok(Member {
            kind,
            link,
            mode: (header.unsigned(header::MODE, "mode")? & 0o7777) as u32,
            uid: id(records.uid, header::UID, "uid")?,
            gid: id(records.gid, header::GID, "gid")?,
            size_bytes,
            modified: records.modified.map_or_else(|| header.modified().map(|seconds| (seconds, 0)), Ok)?,
            attributes: records.attributes,
            name,
        })
    }

    /// So much follows.
    fn expect(&mut self, size_bytes: u64) -> Result<(), Fault> {
        if i64::try_from(size_bytes).is_err() {
            return Err(Fault::Header("size"));
        }
        if size_bytes > self.limits.archive_bytes_max.saturating_sub(self.read_bytes) {
            return Err(self.too_long());
        }
        self.remaining_bytes = size_bytes;
        self.padding_bytes = size_bytes.wrapping_neg() % BLOCK_BYTES as u64;
        Ok(())
    }

    fn too_long(&self) -> Fault {
        Fault::Exceeded { limit: "bytes in the archive", max: self.limits.archive_bytes_max }
    }

    /// GNU's: up to a NUL.
    fn long_text(&mut self, header: &Header<'_>) -> Result<Vec<u8>, Fault> {
        let bytes = self.extension(header)?;
        Ok(header::text(&bytes).to_vec())
    }

    fn extension(&mut self, header: &Header<'_>) -> Result<Vec<u8>, Fault> {
        let size = header.size()?;
        if size > self.limits.extension_bytes_max {
            return Err(Fault::Exceeded { limit: "bytes in a header", max: self.limits.extension_bytes_max });
        }
        self.expect(size)?;
        let mut bytes = Vec::new();
        let mut buffer = [0; BLOCK_BYTES];
        loop {
            match self.piece(&mut buffer)? {
                0 => break,
                count => bytes.extend_from_slice(&buffer[..count]),
            }
        }
        self.pass_over()?;
        Ok(bytes)
    }

    fn piece(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        let wanted = usize::try_from(self.remaining_bytes).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        match self.take(&mut buffer[..wanted])? {
            0 => Err(Fault::Truncated),
            count => {
                self.remaining_bytes -= count as u64;
                Ok(count)
            }
        }
    }

    /// To the next header. Some writers leave out what fills the last block up; Go's reader takes that for the end, and so does this one.
    fn pass_over(&mut self) -> Result<(), Fault> {
        let (content, padding) = (std::mem::take(&mut self.remaining_bytes), std::mem::take(&mut self.padding_bytes));
        if self.skip(content)? < content {
            return Err(Fault::Truncated);
        }
        match self.skip(padding)? {
            passed if passed == padding || passed == 0 => Ok(()),
            _ => Err(Fault::Truncated),
        }
    }

    /// How many bytes were there to be passed over.
    fn skip(&mut self, bytes: u64) -> Result<u64, Fault> {
        let mut buffer = [0; 8 * BLOCK_BYTES];
        let mut left = bytes;
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            match self.take(&mut buffer[..wanted])? {
                0 => break,
                count => left -= count as u64,
            }
        }
        Ok(bytes - left)
    }

    /// `None`: the end, which is two empty blocks, or the end of the stream.
    fn header(&mut self) -> Result<Option<Block>, Fault> {
        let Some(block) = self.block()? else { return Ok(None) };
        if block != [0; BLOCK_BYTES] {
            return Ok(Some(block));
        }
        match self.block()? {
            Some(second) if second != [0; BLOCK_BYTES] => Err(Fault::Header("type: it stands after an empty block")),
            _ => Ok(None),
        }
    }

    fn block(&mut self) -> Result<Option<Block>, Fault> {
        let mut block = [0; BLOCK_BYTES];
        let mut filled = 0;
        while filled < BLOCK_BYTES {
            match self.take(&mut block[filled..])? {
                0 if filled == 0 => return Ok(None),
                0 => return Err(Fault::Truncated),
                count => filled += count,
            }
        }
        Ok(Some(block))
    }

    fn take(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        let count = loop {
            match self.input.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                answer => break answer.map_err(|error| Fault::of(&error))?,
            }
        };
        self.read_bytes += count as u64;
        if self.read_bytes > self.limits.archive_bytes_max { Err(self.too_long()) } else { Ok(count) }
    }
}

/// What GNU's headers say of the entry that follows, and whether pax said something.
#[derive(Debug, Default)]
struct Long {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    records: bool,
}

impl Long {
    fn is_empty(&self) -> bool {
        self.name.is_none() && self.link.is_none() && !self.records
    }
}

fn kind_of(header: &Header<'_>, name: &[u8]) -> Result<MemberKind, Fault> {
    Ok(match header.type_flag() {
        // v7 has no directories: a slash at the end of a name says it.
        b'0' | 0 if name.ends_with(b"/") => MemberKind::Directory,
        b'0' | b'7' | 0 => MemberKind::File,
        b'1' => MemberKind::Hardlink,
        b'2' => MemberKind::Symlink,
        b'3' => header.device().map(|(major, minor)| MemberKind::CharDevice { major, minor })?,
        b'4' => header.device().map(|(major, minor)| MemberKind::BlockDevice { major, minor })?,
        b'5' => MemberKind::Directory,
        b'6' => MemberKind::Fifo,
        other => MemberKind::Other(other),
    })
}
