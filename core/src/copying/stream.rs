//! Tar archives from and to streams, by `archive`, for both kernels. What an archive says is a stranger's word: names that lead out
//! are refused.

use std::io::{self, Read, Write};

use super::{
    ArchiveEntry, ArchiveKind, Copied, Look, Machine, Owner, Refusal, Side, extraction_directory, owner_of, packed_source,
    unpack_entry, walk,
};
use crate::archive::{ArchiveError, Fault, Limits, Member, MemberKind, Reader, Writer};
use crate::errno::Errno;
use crate::step::{CopyEnd, CopyOwner};
use crate::userland::FileKind;

/// A machine whose files can be read and written piece by piece.
pub trait Streams: Machine {
    /// A file that is read.
    type Source: Read;
    /// A file that is written.
    type Sink: Write;
    /// A file of the source, itself: not what a link says.
    fn open(&mut self, path: &str) -> Result<Self::Source, Errno>;
    /// A new file of the destination.
    fn create(&mut self, path: &str) -> Result<Self::Sink, Errno>;
    /// All of it is written.
    fn close(&mut self, path: &str, file: Self::Sink) -> Result<(), Errno>;
}

/// What is read or written at once.
const PIECE_BYTES: usize = 64 << 10;

fn unwritten(error: io::Error) -> Refusal {
    match error.raw_os_error() {
        Some(number) => Refusal::Call { doing: "write to stdout".into(), errno: Errno(number) },
        None => Refusal::Archive { why: error.to_string() },
    }
}

/// What is wrong with an archive, in the words of Go's archive/tar, which dockerd reads it with; of what it would take, in ours.
fn unreadable(error: ArchiveError) -> Refusal {
    // Docker's words do not tell which entry it is.
    let with_entry = |words: &str| if error.entry.is_empty() { words.to_string() } else { format!("{words}\nglassbox: {error}") };
    let why = match &error.fault {
        Fault::Input { errno: Some(errno), .. } => return Refusal::Call { doing: "read from stdin".into(), errno: *errno },
        Fault::Truncated => with_entry("unexpected EOF"),
        Fault::Checksum | Fault::Header(_) | Fault::Extension(_) => with_entry("archive/tar: invalid tar header"),
        Fault::Input { why, .. } => why.clone(),
        Fault::Sparse | Fault::Exceeded { .. } => format!("glassbox: {error}"),
    };
    Refusal::Archive { why }
}

/// Writes what is at an end to stdout.
pub fn pack(disk: &mut impl Streams, end: &CopyEnd, follow_links: bool, output: impl Write) -> Result<(), Refusal> {
    let (top, name) = packed_source(disk, end, follow_links)?;
    let mut writer = Writer::new(output);
    walk(disk, &top, &mut |disk, path, look| {
        let inside = path.strip_prefix(top.as_str()).unwrap_or_default();
        append(&mut writer, disk, path, &format!("{}{inside}", name.trim_matches('/')), look)
    })?;
    writer.finish().map(drop).map_err(unwritten)
}

fn append(writer: &mut Writer<impl Write>, disk: &mut impl Streams, path: &str, name: &str, look: &Look) -> Result<(), Refusal> {
    let failed = |call: &str| {
        let doing = format!("{call} {path}");
        move |errno| Refusal::Call { doing, errno }
    };
    let Some(file_kind) = look.kind else { return Ok(()) };
    let name = name.trim_start_matches("./").trim_start_matches('/');
    let (major, minor, block) = look.device.unwrap_or_default();
    let (kind, link) = match file_kind {
        FileKind::File => (MemberKind::File, String::new()),
        FileKind::Directory => (MemberKind::Directory, String::new()),
        FileKind::Symlink => (MemberKind::Symlink, disk.link_text(Side::From, path).map_err(failed("readlink"))?),
        FileKind::Fifo => (MemberKind::Fifo, String::new()),
        FileKind::CharDevice | FileKind::BlockDevice if block => (MemberKind::BlockDevice { major, minor }, String::new()),
        FileKind::CharDevice | FileKind::BlockDevice => (MemberKind::CharDevice { major, minor }, String::new()),
    };
    let member = Member {
        name: if name.is_empty() { b".".to_vec() } else { name.into() },
        kind,
        link: link.into_bytes(),
        mode: look.mode,
        uid: u64::from(look.uid),
        gid: u64::from(look.gid),
        size_bytes: if kind == MemberKind::File { look.size_bytes } else { 0 },
        modified: (look.modified.0, 0),
        attributes: Vec::new(),
    };
    writer.member(&member).map_err(unwritten)?;
    if kind != MemberKind::File {
        return Ok(());
    }
    let file = disk.open(path).map_err(failed("open"))?;
    // A file that grows or shrinks meanwhile: the header has said how long it is.
    content(writer, file.take(look.size_bytes).chain(io::repeat(0)).take(look.size_bytes))
}

fn content(writer: &mut Writer<impl Write>, mut file: impl Read) -> Result<(), Refusal> {
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => writer.content(&buffer[..count]).map_err(unwritten)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unwritten(error)),
        }
    }
}

/// Reads an archive into the directory at an end.
pub fn unpack<M: Streams>(disk: &mut M, end: &CopyEnd, owner: &CopyOwner, input: impl Read) -> Result<Copied, Refusal> {
    let directory = extraction_directory(disk, end)?;
    let owner = owner_of(disk, owner);
    unpack_below(disk, &directory, &owner, input)
}

/// There is an archive in it, or one that is refused.
pub fn holds_archive(input: impl Read) -> bool {
    match Reader::new(input, Limits::of_disk()).next_member() {
        Ok(first) => first.is_some(),
        Err(error) => matches!(error.fault, Fault::Sparse | Fault::Exceeded { .. }),
    }
}

/// Reads an archive into a directory that is there.
pub fn unpack_below<M: Streams>(disk: &mut M, directory: &str, owner: &Owner, input: impl Read) -> Result<Copied, Refusal> {
    let mut reader = Reader::new(input, Limits::of_disk());
    let mut copied = Copied { directory: directory.to_string(), ..Copied::default() };
    let mut directories = Vec::new();
    while let Some(member) = reader.next_member().map_err(unreadable)? {
        let Some(found) = described(&member)? else { continue };
        let made = unpack_entry(disk, directory, &found, owner, &mut |disk: &mut M, path| {
            let refused = |errno| Refusal::Call { doing: format!("open {path}"), errno };
            let mut file = disk.create(path).map_err(refused)?;
            write_out(&mut reader, &mut file)?;
            disk.close(path, file).map_err(refused)
        })?;
        directories.extend(made.map(|path| (path, found.look)));
        copied.entries += 1;
    }
    for (path, look) in directories.iter().rev() {
        disk.adorn(path, look, None).map_err(|errno| Refusal::Call { doing: format!("chmod {path}"), errno })?;
    }
    Ok(copied)
}

fn write_out(reader: &mut Reader<impl Read>, file: &mut impl Write) -> Result<(), Refusal> {
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        let count = reader.read_content(&mut buffer).map_err(unreadable)?;
        if count == 0 {
            return Ok(());
        }
        file.write_all(&buffer[..count]).map_err(|error| match error.raw_os_error() {
            Some(number) => Refusal::Call { doing: "write".into(), errno: Errno(number) },
            None => Refusal::Archive { why: error.to_string() },
        })?;
    }
}

/// `None`: an entry of a kind that makes nothing.
fn described(member: &Member) -> Result<Option<ArchiveEntry>, Refusal> {
    let text = |bytes: &[u8]| {
        let invalid = || Refusal::Archive { why: "glassbox: a name in the archive is not UTF-8".into() };
        std::str::from_utf8(bytes).map(str::to_string).map_err(|_| invalid())
    };
    let link = text(&member.link)?;
    let (kind, file_kind, device) = match member.kind {
        MemberKind::File => (ArchiveKind::Plain, FileKind::File, None),
        MemberKind::Directory => (ArchiveKind::Plain, FileKind::Directory, None),
        MemberKind::Symlink => (ArchiveKind::Symlink(link), FileKind::Symlink, None),
        MemberKind::Hardlink => (ArchiveKind::Hardlink(link), FileKind::File, None),
        MemberKind::Fifo => (ArchiveKind::Plain, FileKind::Fifo, None),
        MemberKind::CharDevice { major, minor } => (ArchiveKind::Plain, FileKind::CharDevice, Some((major, minor, false))),
        MemberKind::BlockDevice { major, minor } => (ArchiveKind::Plain, FileKind::CharDevice, Some((major, minor, true))),
        MemberKind::Other(_) => return Ok(None),
    };
    let id = |id: u64| u32::try_from(id).map_err(|_| Refusal::Call { doing: "lchown".into(), errno: Errno::EINVAL });
    let look = Look {
        kind: Some(file_kind),
        mode: member.mode,
        uid: id(member.uid)?,
        gid: id(member.gid)?,
        size_bytes: member.size_bytes,
        modified: member.modified,
        device,
    };
    Ok(Some(ArchiveEntry { name: text(&member.name)?, kind, look }))
}
