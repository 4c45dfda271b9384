//! A directory as overlayfs has it (an `upper`), made into a layer's archive. The same tree gives the same bytes, whoever packs it.
//!
//! Each directory stands before what is in it, and names in a directory stand in the order of their bytes. ustar, with records of pax
//! where it does not suffice: [`crate::archive::Writer`]. Numbers of users and no names, whole seconds, extended attributes in the
//! order of their names. Of hard links the first name has the content. Whiteouts are `.wh.NAME` in the place of their name, the mark of an
//! opaque directory is the first in it; both are empty files of root's without any permission. The top itself has no entry:
//! Docker writes none, and leaves one out that it reads. Sockets are left out.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use super::form::{self, OPAQUE, PREFIX, join, split};
use super::unpack::errno_of;
use super::{Digested, LayerError, LayerFault, LayerLimits, Look, NodeKind, OverlayForm, Tree};
use crate::archive::{Attribute, Fault, Member, MemberKind, Writer, shown};
use crate::errno::Errno;
use crate::model::IdMapLine;

/// How a directory is packed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackOptions {
    /// What overlayfs writes its marks to.
    pub form: OverlayForm,
    /// SOURCE_DATE_EPOCH: later times become this one. reproducible-builds.org/specs/source-date-epoch
    pub epoch_seconds: Option<i64>,
    /// In a layer owners are those that the container saw. Empty: it saw the machine's.
    pub uid_map: Vec<IdMapLine>,
    /// As `uid_map`, for groups.
    pub gid_map: Vec<IdMapLine>,
    /// Paths without slashes at their ends that are left out where nothing is in them: what was only made to mount something on.
    pub without: Vec<String>,
}

/// What was packed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// `sha256:…` of the archive.
    pub diff_id: String,
    /// Bytes of the archive.
    pub archive_bytes: u64,
    /// Bytes of files.
    pub content_bytes: u64,
    /// Entries.
    pub entries: u64,
    /// Sockets.
    pub left_out: u64,
    /// The directory holds less, more or something else than the archive, but for fractions of a second: it cannot stand for the layer.
    pub differs: bool,
}

const PIECE_BYTES: usize = 128 << 10;
/// What ends an archive.
const END_BYTES: u64 = 1024;

/// Writes the archive to `output`.
pub fn pack(disk: &mut impl Tree, options: &PackOptions, output: impl Write) -> Result<Packed, LayerError> {
    let mut packing = Packing {
        disk,
        options,
        writer: Writer::new(Digested::new(output)),
        limits: LayerLimits::of_packing(),
        told: Packed::default(),
        directory_bytes: 0,
        names: BTreeMap::new(),
        buffer: vec![0; PIECE_BYTES],
    };
    packing.walk()?;
    let told = packing.told;
    let (archive_bytes, output) = packing
        .writer
        .finish()
        .map_err(|error| LayerError { entry: String::new(), fault: LayerFault::Archive(Fault::of(&error)) })?;
    Ok(Packed { diff_id: output.digest(), archive_bytes, ..told })
}

impl Packed {
    /// Nothing was changed: there is no layer to be made of it.
    pub fn is_empty(&self) -> bool {
        self.archive_bytes <= END_BYTES
    }
}

struct Packing<'a, D, W> {
    disk: &'a mut D,
    options: &'a PackOptions,
    writer: Writer<Digested<W>>,
    /// Nobody is given a layer that is refused when it is unpacked.
    limits: LayerLimits,
    told: Packed,
    directory_bytes: u64,
    /// First names of what has several.
    names: BTreeMap<(u64, u64), Vec<u8>>,
    buffer: Vec<u8>,
}

type Answer<T> = Result<T, LayerFault>;

/// Of a directory that is made to mount something on.
const MADE_MODE: u32 = 0o755;
const MODE_BITS: u32 = 0o7777;

/// A place that was made to mount something on, with nothing in it but such places.
pub(super) fn is_left_out(disk: &mut impl Tree, without: &[String], path: &[u8], look: &Look) -> Answer<bool> {
    if !without.iter().any(|known| known.as_bytes() == path) {
        return Ok(false);
    }
    match look.kind {
        NodeKind::File => Ok(look.size_bytes == 0),
        NodeKind::Directory => {
            let names = disk.names(path).map_err(call("getdents"))?;
            // One above such a place may have been there before, and be changed: what was made for it has the usual mode.
            if !names.is_empty() && look.mode & MODE_BITS != MADE_MODE {
                return Ok(false);
            }
            for name in names {
                let below = join(path, &name);
                let look = disk.look(&below).map_err(call("lstat"))?;
                if !is_left_out(disk, without, &below, &look)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// An id as the container saw it.
fn inside(outside: u32, map: &[IdMapLine]) -> Answer<u64> {
    let line = map.iter().find(|line| outside.checked_sub(line.outside).is_some_and(|above| above < line.count));
    match line {
        _ if map.is_empty() => Ok(u64::from(outside)),
        Some(line) => Ok(u64::from(line.inside) + u64::from(outside - line.outside)),
        None => Err(LayerFault::Unmapped(outside)),
    }
}

fn call(call: &'static str) -> impl Fn(Errno) -> LayerFault {
    move |errno| LayerFault::Call { call, errno }
}

impl<D: Tree, W: Write> Packing<'_, D, W> {
    fn walk(&mut self) -> Result<(), LayerError> {
        let mut pending: Vec<Vec<u8>> = vec![Vec::new()];
        while let Some(path) = pending.pop() {
            let answer = self.entry(&path, &mut pending);
            answer.map_err(|fault| LayerError { entry: shown(&path), fault })?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &[u8], pending: &mut Vec<Vec<u8>>) -> Answer<()> {
        let look = match self.disk.look(path) {
            // Gone meanwhile: its container runs.
            Err(Errno::ENOENT) if !path.is_empty() => return Ok(()),
            answer => answer.map_err(call("lstat"))?,
        };
        if is_left_out(self.disk, &self.options.without, path, &look)? {
            self.told.differs = true;
            return Ok(());
        }
        let (directory, name) = split(path);
        if name.starts_with(PREFIX) {
            return Err(LayerFault::Reserved);
        }
        if look.kind == NodeKind::WHITEOUT {
            return self.mark(join(directory, &[PREFIX, name].concat()));
        }
        let attributes = self.disk.attributes(path, look.kind).map_err(call("listxattr"))?;
        let mark = |wanted: &'static str| attributes.iter().find(|(name, _)| name == wanted);
        if let Some(attribute) = self.options.form.references().into_iter().find(|name| mark(name).is_some()) {
            return Err(LayerFault::Reference { attribute });
        }
        let is_opaque = mark(self.options.form.opaque()).is_some_and(|(_, value)| value == b"y");
        let is_own = |name: &str| name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.");
        self.told.differs |= attributes.iter().any(|(name, _)| !form::is_kept(name) && !is_own(name));
        if path.is_empty() {
            // It has no entry, and becomes what a directory is that is made for a layer.
            self.told.differs |= look.mode & MODE_BITS != MADE_MODE || (look.uid, look.gid) != (0, 0);
        } else {
            let kept = attributes.into_iter().filter(|(name, _)| form::is_kept(name)).collect();
            self.node(path, &look, kept)?;
        }
        if look.kind == NodeKind::Directory {
            if is_opaque {
                self.mark(join(path, OPAQUE))?;
            }
            let names = self.disk.names(path).map_err(call("getdents"))?;
            pending.extend(names.iter().rev().map(|name| join(path, name)));
        }
        Ok(())
    }

    /// A whiteout, or an opaque directory's.
    fn mark(&mut self, name: Vec<u8>) -> Answer<()> {
        let modified = (self.options.epoch_seconds.unwrap_or_default(), 0);
        let (kind, link, attributes) = (MemberKind::File, Vec::new(), Vec::new());
        self.put(&Member { name, kind, link, mode: 0, uid: 0, gid: 0, size_bytes: 0, modified, attributes })
    }

    fn node(&mut self, path: &[u8], look: &Look, attributes: Vec<Attribute>) -> Answer<()> {
        let (kind, link) = match look.kind {
            NodeKind::Socket => {
                self.told.left_out += 1;
                self.told.differs = true;
                return Ok(());
            }
            _ if self.first_name(path, look).is_some_and(|first| first != path) => {
                (MemberKind::Hardlink, self.names.get(&look.identity).cloned().unwrap_or_default())
            }
            NodeKind::File => (MemberKind::File, Vec::new()),
            NodeKind::Directory => (MemberKind::Directory, Vec::new()),
            NodeKind::Symlink => (MemberKind::Symlink, self.disk.symlink_text(path).map_err(call("readlink"))?),
            NodeKind::Fifo => (MemberKind::Fifo, Vec::new()),
            NodeKind::CharDevice { major, minor } => (MemberKind::CharDevice { major, minor }, Vec::new()),
            NodeKind::BlockDevice { major, minor } => (MemberKind::BlockDevice { major, minor }, Vec::new()),
        };
        let is_file = kind == MemberKind::File;
        let modified_seconds = self.clamped(look.modified.0);
        let is_translated = !self.options.uid_map.is_empty() || !self.options.gid_map.is_empty();
        self.told.differs |= is_translated || modified_seconds != look.modified.0;
        let member = Member {
            name: path.to_vec(),
            kind,
            link,
            mode: look.mode,
            uid: inside(look.uid, &self.options.uid_map)?,
            gid: inside(look.gid, &self.options.gid_map)?,
            size_bytes: if is_file { look.size_bytes } else { 0 },
            modified: (modified_seconds, 0),
            attributes: if kind == MemberKind::Hardlink { Vec::new() } else { attributes },
        };
        self.put(&member)?;
        self.told.content_bytes += if is_file { look.modelled_bytes.saturating_sub(look.size_bytes) } else { 0 };
        if is_file { self.content(path, look.size_bytes) } else { Ok(()) }
    }

    /// Of what has several names, the one that was packed first.
    fn first_name(&mut self, path: &[u8], look: &Look) -> Option<&[u8]> {
        if look.kind == NodeKind::Directory || look.links < 2 {
            return None;
        }
        Some(self.names.entry(look.identity).or_insert_with(|| path.to_vec()))
    }

    fn clamped(&self, seconds: i64) -> i64 {
        self.options.epoch_seconds.map_or(seconds, |epoch| seconds.min(epoch))
    }

    fn put(&mut self, member: &Member) -> Answer<()> {
        self.told.entries += 1;
        self.limits.check(&member.name)?;
        let path_bytes = member.name.len().max(member.link.len());
        self.limits.archive.check(self.told.entries, path_bytes).map_err(LayerFault::Archive)?;
        if member.kind == MemberKind::Directory {
            self.directory_bytes += member.name.len() as u64;
            self.limits.check_directories(self.directory_bytes)?;
        }
        self.writer.member(member).map_err(|error| LayerFault::Archive(Fault::of(&error)))
    }

    /// A file that grows or shrinks meanwhile: the header has said how long it is.
    fn content(&mut self, path: &[u8], size_bytes: u64) -> Answer<()> {
        let mut file = self.disk.open(path).map_err(call("open"))?;
        let mut left = size_bytes;
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
            let count = match file.read(&mut self.buffer[..wanted]) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                answer => answer.map_err(|error| call("read")(errno_of(&error)))?,
            };
            if count == 0 {
                self.buffer[..wanted].fill(0);
            }
            let count = if count == 0 { wanted } else { count };
            self.writer.content(&self.buffer[..count]).map_err(|error| LayerFault::Archive(Fault::of(&error)))?;
            left -= count as u64;
        }
        self.told.content_bytes += size_bytes;
        Ok(())
    }
}
