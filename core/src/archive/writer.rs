//! Writing: ustar as long as everything fits, else records of pax before the entry. The choice is that of Go's archive/tar, which Docker
//! writes layers with, so that the same entries give the same bytes whoever writes them. Whole seconds, no names of users.

use std::io::{self, Write};

use super::header::{self, Block, USTAR};
use super::{Attribute, BLOCK_BYTES, Member, MemberKind, pax};

/// Seven octal digits.
const ID_MAX: u64 = 0o7_777_777;
/// Eleven.
const NUMBER_MAX: u64 = 0o77_777_777_777;

/// Writes members to a stream.
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
    written_bytes: u64,
    remaining_bytes: u64,
    padding_bytes: usize,
}

impl<W: Write> Writer<W> {
    /// Nothing is written yet.
    pub fn new(output: W) -> Writer<W> {
        Writer { output, written_bytes: 0, remaining_bytes: 0, padding_bytes: 0 }
    }

    /// The headers of a member; as many bytes of content as it says are to follow.
    pub fn member(&mut self, member: &Member) -> io::Result<()> {
        self.end_content()?;
        let records = records_of(member);
        if !records.is_empty() {
            let (directory, base) = split_last(&member.name);
            let name = [directory, b"PaxHeaders.0/", base].concat();
            let mut block = blank(&ascii(&name), b'x', records.len() as u64);
            self.header(&mut block)?;
            self.put(&records)?;
            self.fill(records.len() as u64)?;
        }
        let mut block = header_of(member);
        self.header(&mut block)?;
        self.remaining_bytes = if member.kind == MemberKind::File { member.size_bytes } else { 0 };
        self.padding_bytes = (self.remaining_bytes.wrapping_neg() % BLOCK_BYTES as u64) as usize;
        Ok(())
    }

    /// A piece of the content of the last member.
    pub fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.remaining_bytes = self
            .remaining_bytes
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| io::Error::other("more content than its header says"))?;
        self.put(bytes)
    }

    /// Two empty blocks. All bytes that were written, and where they went.
    pub fn finish(mut self) -> io::Result<(u64, W)> {
        self.end_content()?;
        self.put(&[0; 2 * BLOCK_BYTES])?;
        self.output.flush()?;
        Ok((self.written_bytes, self.output))
    }

    fn end_content(&mut self) -> io::Result<()> {
        if self.remaining_bytes > 0 {
            return Err(io::Error::other("less content than its header says"));
        }
        let padding = std::mem::take(&mut self.padding_bytes);
        self.put(&[0; BLOCK_BYTES][..padding])
    }

    fn fill(&mut self, length: u64) -> io::Result<()> {
        let padding = (length.wrapping_neg() % BLOCK_BYTES as u64) as usize;
        self.put(&[0; BLOCK_BYTES][..padding])
    }

    fn header(&mut self, block: &mut Block) -> io::Result<()> {
        let (sum, _) = header::sums(block);
        block[header::CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.put(block)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written_bytes += bytes.len() as u64;
        self.output.write_all(bytes)
    }
}

/// A directory's name has a slash at its end.
fn full_name(member: &Member) -> Vec<u8> {
    let slash: &[u8] = if member.kind == MemberKind::Directory && !member.name.ends_with(b"/") { b"/" } else { b"" };
    [member.name.as_slice(), slash].concat()
}

fn header_of(member: &Member) -> Block {
    let name = full_name(member);
    let (prefix, rest) = split(&name).unwrap_or((b"", &name));
    let fits = |text: &[u8], max: usize| text.len() <= max && text.is_ascii();
    let rest = if fits(rest, header::NAME.len()) { rest.to_vec() } else { ascii(rest) };
    let size = if member.kind == MemberKind::File { member.size_bytes } else { 0 };
    let mut block = blank(&rest, type_flag(member.kind), if size <= NUMBER_MAX { size } else { 0 });
    text(&mut block, header::PREFIX, prefix);
    text(&mut block, header::LINK, &ascii(&member.link));
    octal(&mut block, header::MODE, u64::from(member.mode & 0o7777));
    octal(&mut block, header::UID, if member.uid <= ID_MAX { member.uid } else { 0 });
    octal(&mut block, header::GID, if member.gid <= ID_MAX { member.gid } else { 0 });
    octal(&mut block, header::MODIFIED, seconds(member).min(NUMBER_MAX));
    if let MemberKind::CharDevice { major, minor } | MemberKind::BlockDevice { major, minor } = member.kind {
        octal(&mut block, header::MAJOR, u64::from(major).min(ID_MAX));
        octal(&mut block, header::MINOR, u64::from(minor).min(ID_MAX));
    }
    block
}

/// What lies before 1970 is put there: Docker does it when it unpacks.
fn seconds(member: &Member) -> u64 {
    u64::try_from(member.modified.0).unwrap_or_default()
}

/// What the header cannot hold, in the order of the keys.
fn records_of(member: &Member) -> Vec<u8> {
    let name = full_name(member);
    let mut records: Vec<(String, Vec<u8>)> = Vec::new();
    let number = |key: &str, value: u64| (key.to_string(), value.to_string().into_bytes());
    let in_header = name.is_ascii() && (name.len() <= header::NAME.len() || split(&name).is_some());
    if !in_header {
        records.push(("path".into(), name));
    }
    if member.link.len() > header::LINK.len() || !member.link.is_ascii() {
        records.push(("linkpath".into(), member.link.clone()));
    }
    let ids = [("uid", member.uid), ("gid", member.gid)];
    records.extend(ids.into_iter().filter(|(_, id)| *id > ID_MAX).map(|(key, id)| number(key, id)));
    if member.kind == MemberKind::File && member.size_bytes > NUMBER_MAX {
        records.push(number("size", member.size_bytes));
    }
    if seconds(member) > NUMBER_MAX {
        records.push(number("mtime", seconds(member)));
    }
    let attribute = |(name, value): &Attribute| (format!("{}{name}", pax::ATTRIBUTE), value.clone());
    records.extend(member.attributes.iter().map(attribute));
    records.sort_unstable();
    records.iter().flat_map(|(key, value)| pax::record(key, value)).collect()
}

fn type_flag(kind: MemberKind) -> u8 {
    match kind {
        MemberKind::File => b'0',
        MemberKind::Hardlink => b'1',
        MemberKind::Symlink => b'2',
        MemberKind::CharDevice { .. } => b'3',
        MemberKind::BlockDevice { .. } => b'4',
        MemberKind::Directory => b'5',
        MemberKind::Fifo => b'6',
        MemberKind::Other(flag) => flag,
    }
}

fn blank(name: &[u8], type_flag: u8, size: u64) -> Block {
    let mut block = [0; BLOCK_BYTES];
    text(&mut block, header::NAME, name);
    for field in [header::MODE, header::UID, header::GID, header::MODIFIED, header::MAJOR, header::MINOR] {
        octal(&mut block, field, 0);
    }
    octal(&mut block, header::SIZE, size);
    block[header::TYPE] = type_flag;
    block[header::MAGIC].copy_from_slice(USTAR);
    block
}

fn text(block: &mut Block, field: std::ops::Range<usize>, value: &[u8]) {
    let length = value.len().min(field.len());
    block[field.start..field.start + length].copy_from_slice(&value[..length]);
}

/// Digits with leading zeros and a NUL. The caller has seen to it that it fits.
fn octal(block: &mut Block, field: std::ops::Range<usize>, value: u64) {
    let digits = format!("{value:0width$o}\0", width = field.len() - 1);
    text(block, field, digits.as_bytes());
}

/// Of a name that is in a record: what of it can stand in a header.
fn ascii(name: &[u8]) -> Vec<u8> {
    let mut plain: Vec<u8> = name.iter().copied().filter(u8::is_ascii).collect();
    plain.truncate(header::NAME.len());
    plain
}

/// The directory with its slash, and the last name.
fn split_last(name: &[u8]) -> (&[u8], &[u8]) {
    let name = name.strip_suffix(b"/").unwrap_or(name);
    name.iter().rposition(|byte| *byte == b'/').map_or((b"", name), |slash| name.split_at(slash + 1))
}

/// Prefix and name of ustar, between which a slash is to be thought. `None`: it needs none, or does not fit.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    if name.len() <= header::NAME.len() || !name.is_ascii() {
        return None;
    }
    let within = name.strip_suffix(b"/").unwrap_or(name);
    let slash = within[..within.len().min(header::PREFIX.len() + 1)].iter().rposition(|byte| *byte == b'/')?;
    let (prefix, rest) = (&name[..slash], &name[slash + 1..]);
    (slash > 0 && !rest.is_empty() && rest.len() <= header::NAME.len()).then_some((prefix, rest))
}
