//! A layer's archive, made into a directory as overlayfs wants it.
//!
//! The rules are those of moby and containerd: a later entry takes the place of an earlier one of the same name, unless both are
//! directories; directories that the archive leaves out are root's, 0755; what an entry for the top says of it is left out; times before
//! 1970 are 1970. Where the order of entries is left open by them, OCI's image specification decides: a whiteout is about the layers
//! below, wherever it stands in the archive.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Write};

use super::form::{self, Said, join, split};
use super::{Attributes, Digested, Disk, LayerError, LayerFault, NodeKind, OverlayForm};
use crate::archive::{Fault, Limits, Member, MemberKind, Reader, inside, shown};
use crate::errno::Errno;

/// What is taken of a layer; more is refused by the name that stands here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerLimits {
    /// Of the archive: its bytes, which no content can exceed, entries, paths, headers.
    pub archive: Limits,
    /// Bytes of one name: NAME_MAX.
    pub name_bytes_max: usize,
    /// Directories within each other.
    pub depth_max: usize,
    /// Bytes in the paths of all directories: they are remembered, since what is made in a directory changes its time.
    pub directory_bytes_max: u64,
}

impl LayerLimits {
    /// Those of Linux, with as many bytes in the archive as the caller takes.
    pub const fn of_linux(archive_bytes_max: u64) -> LayerLimits {
        LayerLimits {
            archive: Limits { archive_bytes_max, ..Limits::of_disk() },
            name_bytes_max: 255,
            depth_max: 256,
            directory_bytes_max: 32 << 20,
        }
    }

    /// Those that packing keeps to.
    pub(super) fn of_packing() -> LayerLimits {
        LayerLimits::of_linux(u64::MAX)
    }

    /// A path below the top: how long its names are, and how many there are.
    pub(super) fn check(&self, path: &[u8]) -> Answer<()> {
        let parts = || path.split(|byte| *byte == b'/');
        if parts().any(|part| part.len() > self.name_bytes_max) {
            return exceeded("bytes in a name", self.name_bytes_max as u64);
        }
        if parts().count() > self.depth_max {
            return exceeded("directories within each other", self.depth_max as u64);
        }
        Ok(())
    }

    /// What the paths of all directories have come to.
    pub(super) fn check_directories(&self, bytes: u64) -> Answer<()> {
        let max = self.directory_bytes_max;
        if bytes > max { exceeded("bytes in the names of directories", max) } else { Ok(()) }
    }
}

/// How a layer is unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnpackOptions {
    /// What is taken.
    pub limits: LayerLimits,
    /// What overlayfs reads its marks from.
    pub form: OverlayForm,
    /// Owners are given as the archive says; else everything is the caller's.
    pub owners: bool,
    /// Devices are made; else, as in a user namespace, they are left out and counted.
    pub devices: bool,
}

/// What was unpacked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Entries of the archive.
    pub entries: u64,
    /// Bytes of files.
    pub content_bytes: u64,
    /// Bytes of the archive.
    pub archive_bytes: u64,
    /// `sha256:…` of all of the archive, with what follows its end.
    pub diff_id: String,
    /// Devices that were not made.
    pub devices_left_out: u64,
    /// Extended attributes that are no part of a layer, or that the file system does not take.
    pub attributes_left_out: u64,
}

/// Pieces of content.
const PIECE_BYTES: usize = 128 << 10;
/// Of directories that the archive leaves out.
const IMPLIED_MODE: u32 = 0o755;

/// Makes what `input`, a tar archive that is not compressed, says in the empty directory that `disk` is, and reads `input` to its end.
/// On an error the directory is left half made: the caller removes it.
pub fn unpack(disk: &mut impl Disk, options: &UnpackOptions, input: impl Read) -> Result<Unpacked, LayerError> {
    let input = Digested::new(BufReader::with_capacity(PIECE_BYTES, input));
    let mut reader = Reader::new(input, options.limits.archive);
    let mut unpacking = Unpacking {
        disk,
        options,
        told: Unpacked::default(),
        parent: None,
        directories: BTreeMap::new(),
        directory_bytes: 0,
        buffer: vec![0; PIECE_BYTES],
    };
    while let Some(member) = reader.next_member()? {
        let answer = unpacking.member(&member, &mut reader);
        answer.map_err(|fault| LayerError { entry: shown(&member.name), fault })?;
    }
    unpacking.give_times()?;
    let archive_bytes = reader.finish()?;
    Ok(Unpacked { archive_bytes, diff_id: reader.into_input().digest(), ..unpacking.told })
}

struct Unpacking<'a, D> {
    disk: &'a mut D,
    options: &'a UnpackOptions,
    told: Unpacked,
    /// The directory that is known to be there.
    parent: Option<Vec<u8>>,
    /// Times that are given at the end.
    directories: BTreeMap<Vec<u8>, (i64, u32)>,
    directory_bytes: u64,
    buffer: Vec<u8>,
}

type Answer<T> = Result<T, LayerFault>;

fn call(call: &'static str) -> impl Fn(Errno) -> LayerFault {
    move |errno| LayerFault::Call { call, errno }
}

fn exceeded<T>(limit: &'static str, max: u64) -> Answer<T> {
    Err(LayerFault::Archive(Fault::Exceeded { limit, max }))
}

impl<D: Disk> Unpacking<'_, D> {
    fn member(&mut self, member: &Member, reader: &mut Reader<impl Read>) -> Answer<()> {
        self.told.entries += 1;
        let path = inside(&member.name).ok_or(LayerFault::Outside)?;
        self.options.limits.check(&path)?;
        if path.is_empty() {
            return if member.kind == MemberKind::Directory { Ok(()) } else { Err(LayerFault::Top) };
        }
        match form::said(&path) {
            Said::Nothing => Ok(()),
            Said::Invalid => Err(LayerFault::Whiteout),
            Said::Opaque(directory) => {
                self.directory(directory, member)?;
                self.hide_below(directory)
            }
            Said::Whiteout(hidden) => {
                self.parents(&hidden, member)?;
                self.whiteout(&hidden)
            }
            Said::Node(path) => {
                self.parents(path, member)?;
                self.node(path, member, reader)
            }
        }
    }

    /// The directories above a path.
    fn parents(&mut self, path: &[u8], member: &Member) -> Answer<()> {
        self.directory(split(path).0, member)
    }

    /// A directory that is there or is made: with those above it, and with the time of the entry that needs it.
    fn directory(&mut self, path: &[u8], member: &Member) -> Answer<()> {
        if self.parent.as_deref() == Some(path) {
            return Ok(());
        }
        if self.disk.enter(path).is_err() {
            let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
            for end in ends.chain([path.len()]) {
                self.implied(&path[..end], member)?;
            }
        }
        self.parent = Some(path.to_vec());
        Ok(())
    }

    fn implied(&mut self, path: &[u8], member: &Member) -> Answer<()> {
        let errno = match self.disk.enter(path) {
            Ok(()) => return Ok(()),
            Err(errno) => errno,
        };
        let found = self.disk.look(path).map(|look| look.kind);
        if !matches!(found, Err(Errno::ENOENT) | Ok(NodeKind::WHITEOUT)) {
            return Err(LayerFault::Parent { path: shown(path), errno });
        }
        self.make_directory(path)?;
        let owner = self.options.owners.then_some((0, 0));
        let modified = since_1970(member.modified);
        let attributes = Attributes { mode: IMPLIED_MODE, owner, modified, extended: Vec::new() };
        self.disk.adorn(path, NodeKind::Directory, &attributes).map_err(call("chmod"))?;
        self.remember(path, modified)
    }

    /// mkdir(2), or the directory that is there. In the place of a whiteout it hides what the whiteout hid.
    fn make_directory(&mut self, path: &[u8]) -> Answer<()> {
        match self.disk.make_directory(path) {
            Err(Errno::EEXIST) => {}
            answer => return answer.map_err(call("mkdir")),
        }
        let kind = self.disk.look(path).map_err(call("lstat"))?.kind;
        if kind == NodeKind::Directory {
            return Ok(());
        }
        self.clear(path)?;
        self.disk.make_directory(path).map_err(call("mkdir"))?;
        if kind == NodeKind::WHITEOUT { self.hide_below(path) } else { Ok(()) }
    }

    fn hide_below(&mut self, directory: &[u8]) -> Answer<()> {
        self.disk.set_attribute(directory, self.options.form.opaque(), b"y").map_err(call("setxattr"))
    }

    /// About the layers below alone: what this layer has under the name stays, and hides them too.
    fn whiteout(&mut self, path: &[u8]) -> Answer<()> {
        match self.disk.make_node(path, NodeKind::WHITEOUT) {
            Err(Errno::EEXIST) => match self.disk.look(path).map_err(call("lstat"))?.kind {
                NodeKind::Directory => self.hide_below(path),
                _ => Ok(()),
            },
            answer => answer.map_err(call("mknod")),
        }
    }

    fn node(&mut self, path: &[u8], member: &Member, reader: &mut Reader<impl Read>) -> Answer<()> {
        let kind = match member.kind {
            MemberKind::File => return self.file(path, member, reader),
            MemberKind::Hardlink => return self.hardlink(path, member),
            MemberKind::Other(flag) => return Err(LayerFault::Kind(flag)),
            MemberKind::Directory => {
                self.make_directory(path)?;
                self.remember(path, since_1970(member.modified))?;
                NodeKind::Directory
            }
            MemberKind::Symlink => {
                self.place(path, |disk| disk.make_symlink(path, &member.link)).map_err(call("symlink"))?;
                NodeKind::Symlink
            }
            MemberKind::Fifo => self.special(path, NodeKind::Fifo)?,
            MemberKind::CharDevice { major: 0, minor: 0 } => return self.whiteout(path),
            MemberKind::CharDevice { .. } | MemberKind::BlockDevice { .. } if !self.options.devices => {
                self.told.devices_left_out += 1;
                return Ok(());
            }
            MemberKind::CharDevice { major, minor } => self.special(path, NodeKind::CharDevice { major, minor })?,
            MemberKind::BlockDevice { major, minor } => self.special(path, NodeKind::BlockDevice { major, minor })?,
        };
        let attributes = self.attributes(member)?;
        self.told.attributes_left_out += self.disk.adorn(path, kind, &attributes).map_err(call("chown"))?;
        Ok(())
    }

    fn special(&mut self, path: &[u8], kind: NodeKind) -> Answer<NodeKind> {
        self.place(path, |disk| disk.make_node(path, kind)).map_err(call("mknod")).map(|()| kind)
    }

    fn file(&mut self, path: &[u8], member: &Member, reader: &mut Reader<impl Read>) -> Answer<()> {
        let attributes = self.attributes(member)?;
        let mut file = self.place(path, |disk| disk.create(path)).map_err(call("open"))?;
        loop {
            match reader.read_content(&mut self.buffer).map_err(|error| LayerFault::Archive(error.fault))? {
                0 => break,
                count => file.write_all(&self.buffer[..count]).map_err(|error| call("write")(errno_of(&error)))?,
            }
        }
        self.told.content_bytes += member.size_bytes;
        self.told.attributes_left_out += self.disk.close(path, file, &attributes).map_err(call("chown"))?;
        Ok(())
    }

    fn hardlink(&mut self, path: &[u8], member: &Member) -> Answer<()> {
        let target = || shown(&member.link);
        let existing = inside(&member.link).ok_or_else(|| LayerFault::LinkOutside { target: target() })?;
        self.options.limits.check(&existing)?;
        let nothing = || LayerFault::LinkToNothing { target: target() };
        match self.disk.look(&existing) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => return Err(nothing()),
            // A whiteout is no file of the layer.
            Ok(look) if look.kind == NodeKind::WHITEOUT || existing == path => return Err(nothing()),
            answer => answer.map_err(call("lstat"))?,
        };
        match self.place(path, |disk| disk.make_hardlink(path, &existing)) {
            // It was in the directory whose place the link takes.
            Err(Errno::ENOENT) => Err(nothing()),
            answer => answer.map_err(call("link")),
        }
    }

    /// Makes something under a name; what is there goes first.
    fn place<T>(&mut self, path: &[u8], mut make: impl FnMut(&mut D) -> Result<T, Errno>) -> Result<T, Errno> {
        match make(self.disk) {
            Err(Errno::EEXIST) => {
                self.clear_away(path)?;
                make(self.disk)
            }
            answer => answer,
        }
    }

    fn clear(&mut self, path: &[u8]) -> Answer<()> {
        self.clear_away(path).map_err(call("unlink"))
    }

    fn clear_away(&mut self, path: &[u8]) -> Result<(), Errno> {
        self.parent = None;
        let below = join(path, b"");
        let gone = |known: &Vec<u8>| known == path || known.starts_with(&below);
        let within = self.directories.range(path.to_vec()..).map(|(known, _)| known);
        let old: Vec<Vec<u8>> = within.take_while(|known| known.starts_with(path)).filter(|known| gone(known)).cloned().collect();
        for directory in old {
            self.directory_bytes -= directory.len() as u64;
            self.directories.remove(&directory);
        }
        self.disk.remove(path)
    }

    fn remember(&mut self, path: &[u8], modified: (i64, u32)) -> Answer<()> {
        if self.directories.insert(path.to_vec(), modified).is_none() {
            self.directory_bytes += path.len() as u64;
        }
        self.options.limits.check_directories(self.directory_bytes)
    }

    fn attributes(&mut self, member: &Member) -> Answer<Attributes> {
        let extended: Vec<_> = member.attributes.iter().filter(|(name, _)| form::is_kept(name)).cloned().collect();
        self.told.attributes_left_out += (member.attributes.len() - extended.len()) as u64;
        // The last number means "as it is": chown(2).
        let id = |id: u64| u32::try_from(id).ok().filter(|id| *id != u32::MAX).ok_or(LayerFault::Owner(id));
        let owner = (id(member.uid)?, id(member.gid)?);
        let owner = self.options.owners.then_some(owner);
        Ok(Attributes { mode: member.mode, owner, modified: since_1970(member.modified), extended })
    }

    /// By the names that the entries had. A directory that went by way of a link is not found any more.
    fn give_times(&mut self) -> Result<(), LayerError> {
        for (path, modified) in self.directories.iter().rev() {
            match self.disk.set_time(path, *modified) {
                Ok(()) | Err(Errno::ENOENT | Errno::ENOTDIR) => {}
                Err(errno) => return Err(LayerError { entry: shown(path), fault: call("utimensat")(errno) }),
            }
        }
        Ok(())
    }
}

fn since_1970(modified: (i64, u32)) -> (i64, u32) {
    if modified.0 < 0 { (0, 0) } else { modified }
}

pub(super) fn errno_of(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno)
}
