//! Tar archives from and to streams, by the crate `tar`, for both kernels. What an archive says is a stranger's word: names that lead out
//! are refused, and the headers that hold long names are bounded here.

use std::io::{self, Read, Write};

use tar::{Archive, Builder, Entry, EntryType, Header};

use super::{
    ArchiveEntry, ArchiveKind, Copied, Look, Machine, Refusal, Side, extraction_directory, owner_of, packed_source, unpack_entry,
    walk,
};
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

/// A header that holds a long name or attributes is no longer than this.
const EXTENSION_BYTES_MAX: u64 = 1 << 20;

fn failed(doing: &'static str) -> impl Fn(io::Error) -> Refusal {
    move |error| match error.raw_os_error() {
        Some(number) => Refusal::Call { doing: doing.to_string(), errno: Errno(number) },
        None => Refusal::Archive { why: broken(&error).to_string() },
    }
}

/// The crate's complaint of an archive, in the words of Go's archive/tar, which dockerd reads it with.
fn broken(error: &io::Error) -> &'static str {
    let ends = error.kind() == io::ErrorKind::UnexpectedEof || error.to_string().contains("failed to read entire block");
    if ends { "unexpected EOF" } else { "archive/tar: invalid tar header" }
}

/// Writes what is at an end to stdout.
pub fn pack(disk: &mut impl Streams, end: &CopyEnd, follow_links: bool, output: impl Write) -> Result<(), Refusal> {
    let (top, name) = packed_source(disk, end, follow_links)?;
    let mut builder = Builder::new(output);
    walk(disk, &top, &mut |disk, path, look| {
        let inside = path.strip_prefix(top.as_str()).unwrap_or_default();
        append(&mut builder, disk, path, &format!("{}{inside}", name.trim_matches('/')), look)
    })?;
    builder.into_inner().and_then(|mut out| out.flush()).map_err(failed("write to stdout"))
}

fn append(builder: &mut Builder<impl Write>, disk: &mut impl Streams, path: &str, name: &str, look: &Look) -> Result<(), Refusal> {
    let Some(kind) = look.kind else { return Ok(()) };
    let name = if name.is_empty() || name.starts_with('/') { format!(".{name}") } else { name.to_string() };
    let mut header = Header::new_gnu();
    header.set_mode(look.mode);
    header.set_uid(u64::from(look.uid));
    header.set_gid(u64::from(look.gid));
    header.set_mtime(u64::try_from(look.modified.0).unwrap_or_default());
    header.set_size(0);
    let written = failed("write to stdout");
    match kind {
        FileKind::File => {
            header.set_entry_type(EntryType::Regular);
            header.set_size(look.size_bytes);
            let file = disk.open(path).map_err(|errno| Refusal::Call { doing: format!("open {path}"), errno })?;
            // A file that grows or shrinks meanwhile: the header has said how long it is.
            let exact = file.take(look.size_bytes).chain(io::repeat(0)).take(look.size_bytes);
            builder.append_data(&mut header, &name, exact).map_err(written)
        }
        FileKind::Directory => {
            header.set_entry_type(EntryType::Directory);
            builder.append_data(&mut header, format!("{name}/"), io::empty()).map_err(written)
        }
        FileKind::Symlink => {
            header.set_entry_type(EntryType::Symlink);
            let text =
                disk.link_text(Side::From, path).map_err(|errno| Refusal::Call { doing: format!("readlink {path}"), errno })?;
            builder.append_link(&mut header, &name, &text).map_err(written)
        }
        FileKind::Fifo => {
            header.set_entry_type(EntryType::Fifo);
            builder.append_data(&mut header, &name, io::empty()).map_err(written)
        }
        FileKind::CharDevice | FileKind::BlockDevice => {
            let (major, minor, block) = look.device.unwrap_or_default();
            header.set_entry_type(if block { EntryType::Block } else { EntryType::Char });
            header.set_device_major(major).and_then(|()| header.set_device_minor(minor)).map_err(&written)?;
            builder.append_data(&mut header, &name, io::empty()).map_err(written)
        }
    }
}

/// Reads an archive into the directory at an end.
pub fn unpack<M: Streams>(disk: &mut M, end: &CopyEnd, owner: &CopyOwner, input: impl Read) -> Result<Copied, Refusal> {
    let directory = extraction_directory(disk, end)?;
    let owner = owner_of(disk, owner);
    let mut archive = Archive::new(input);
    let mut copied = Copied { directory: directory.clone(), ..Copied::default() };
    let (mut long, mut directories) = (Long::default(), Vec::new());
    for entry in archive.entries().map_err(failed("read from stdin"))?.raw(true) {
        let mut entry = entry.map_err(failed("read from stdin"))?;
        if long.take(&mut entry)? {
            continue;
        }
        let Some(found) = described(&entry, std::mem::take(&mut long))? else { continue };
        let made = unpack_entry(disk, &directory, &found, &owner, &mut |disk: &mut M, path| {
            let refused = |errno| Refusal::Call { doing: format!("open {path}"), errno };
            let mut file = disk.create(path).map_err(refused)?;
            let bytes = io::copy(&mut entry, &mut file).map_err(failed("read from stdin"))?;
            disk.close(path, file).map_err(refused)?;
            if bytes == found.look.size_bytes { Ok(()) } else { Err(Refusal::Archive { why: "unexpected EOF".into() }) }
        })?;
        directories.extend(made.map(|path| (path, found.look)));
        copied.entries += 1;
    }
    for (path, look) in directories.iter().rev() {
        disk.adorn(path, look, None).map_err(|errno| Refusal::Call { doing: format!("chmod {path}"), errno })?;
    }
    Ok(copied)
}

/// What headers before an entry say of it: GNU's long names, and the records of pax.
#[derive(Default)]
struct Long {
    name: Option<String>,
    link: Option<String>,
    size_bytes: Option<u64>,
}

impl Long {
    /// `true`: the entry was such a header.
    fn take(&mut self, entry: &mut Entry<'_, impl Read>) -> Result<bool, Refusal> {
        let kind = entry.header().entry_type();
        if !(kind.is_gnu_longname() || kind.is_gnu_longlink() || kind.is_pax_local_extensions() || kind.is_pax_global_extensions())
        {
            return Ok(false);
        }
        let size = entry.header().size().map_err(failed("read from stdin"))?;
        if size > EXTENSION_BYTES_MAX {
            return Err(Refusal::Archive {
                why: format!("glassbox: a header of {size} bytes is longer than {EXTENSION_BYTES_MAX}"),
            });
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(failed("read from stdin"))?;
        let text = |bytes: &[u8]| Some(String::from_utf8_lossy(bytes).trim_end_matches('\0').to_string());
        match () {
            () if kind.is_gnu_longname() => self.name = text(&bytes),
            () if kind.is_gnu_longlink() => self.link = text(&bytes),
            () if kind.is_pax_local_extensions() => self.take_records(&bytes),
            () => {}
        }
        Ok(true)
    }

    fn take_records(&mut self, bytes: &[u8]) {
        for record in tar::PaxExtensions::new(bytes).flatten() {
            let value = record.value().ok().map(str::to_string);
            match record.key() {
                Ok("path") => self.name = value,
                Ok("linkpath") => self.link = value,
                Ok("size") => self.size_bytes = value.and_then(|value| value.parse().ok()),
                _ => {}
            }
        }
    }
}

/// `None`: an entry of a kind that makes nothing.
fn described(entry: &Entry<'_, impl Read>, long: Long) -> Result<Option<ArchiveEntry>, Refusal> {
    let header = entry.header();
    let refused = failed("read from stdin");
    if long.size_bytes.is_some() {
        // The crate has read the entry by the size in its header, which pax overrules for files of more than 8 GiB.
        return Err(Refusal::Archive { why: "glassbox: entries of more than 8 GiB are not taken".into() });
    }
    let own = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_string);
    let invalid = || Refusal::Archive { why: "glassbox: a name in the archive is not UTF-8".into() };
    let name = long.name.or_else(|| own(&header.path_bytes())).ok_or_else(invalid)?;
    let link = match long.link {
        Some(link) => Some(link),
        None => header.link_name_bytes().map(|bytes| own(&bytes).ok_or_else(invalid)).transpose()?,
    };
    let device = || -> Option<(u32, u32)> { Some((header.device_major().ok()??, header.device_minor().ok()??)) };
    let (kind, file_kind, device) = match header.entry_type() {
        EntryType::Regular | EntryType::Continuous => (ArchiveKind::Plain, FileKind::File, None),
        EntryType::Directory => (ArchiveKind::Plain, FileKind::Directory, None),
        EntryType::Symlink => (ArchiveKind::Symlink(link.unwrap_or_default()), FileKind::Symlink, None),
        EntryType::Link => (ArchiveKind::Hardlink(link.unwrap_or_default()), FileKind::File, None),
        EntryType::Fifo => (ArchiveKind::Plain, FileKind::Fifo, None),
        EntryType::Char => (ArchiveKind::Plain, FileKind::CharDevice, device().map(|(major, minor)| (major, minor, false))),
        EntryType::Block => (ArchiveKind::Plain, FileKind::CharDevice, device().map(|(major, minor)| (major, minor, true))),
        _ => return Ok(None),
    };
    let id = |id: io::Result<u64>| id.map_err(&refused).and_then(|id| u32::try_from(id).map_err(|_| invalid_id()));
    let look = Look {
        kind: Some(file_kind),
        mode: header.mode().map_err(&refused)? & 0o7777,
        uid: id(header.uid())?,
        gid: id(header.gid())?,
        size_bytes: header.size().map_err(&refused)?,
        modified: (i64::try_from(header.mtime().map_err(&refused)?).unwrap_or_default(), 0),
        device,
    };
    Ok(Some(ArchiveEntry { name, kind, look }))
}

fn invalid_id() -> Refusal {
    Refusal::Call { doing: "lchown".into(), errno: Errno::EINVAL }
}
