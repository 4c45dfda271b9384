//! How the files come to their place.

use super::super::work::Copy;
use super::{Answer, Entry, Manner, Source, TransferFault, failed};
use crate::accounts;
use crate::copying::{Look, Side, Streams, holds_archive, unpack_below};
use crate::errno::Errno;
use crate::oci::layer::Blob;
use crate::plan::clean;
use crate::userland::FileKind;
use crate::workdir::{self, Shown};

/// Of a directory that is missing on the way.
const DIRECTORY_MODE: u32 = 0o755;
/// Of a file that stands in the Dockerfile.
const INLINE_MODE: u32 = 0o644;

/// Brings them to their place. Answers how many files, directories and links were made.
pub fn bring(machine: &mut impl Streams, copy: &Copy, sources: &[Source], manner: Manner) -> Answer<u64> {
    let owner = owner(machine, copy)?;
    let is_directory = copy.destination.ends_with('/') || sources.len() + copy.inline.len() > 1;
    let mut bringing = Bringing { machine, copy, owner, manner, made: 0, adorned: Vec::new() };
    let into = bringing.is_directory(&copy.destination)? || is_directory;
    for (name, content) in &copy.inline {
        let target = bringing.place(&copy.destination, name, into)?;
        bringing.inline(&target, content)?;
    }
    for source in sources {
        let Some(first) = source.entries.first() else { continue };
        let destination = bringing.parents(source)?;
        if first.look.is_directory() {
            let top = bringing.directory(&destination, Some(first.look))?;
            for entry in source.entries.iter().skip(1) {
                bringing.put(entry, &format!("{}/{}", top.trim_end_matches('/'), entry.inside))?;
            }
        } else if !bringing.unpacked(first)? {
            let target = bringing.place(&destination, &source.name, into || copy.parents)?;
            bringing.put(first, &target)?;
        }
    }
    bringing.adorn_directories()?;
    Ok(bringing.made)
}

/// Whose the copies become; `None`: whoever owned the original. A name brings its own group, a number the group of the same number
/// (BuildKit, solver/llbsolver/ops/user_linux.go).
fn owner(machine: &mut impl Streams, copy: &Copy) -> Answer<Option<(u32, u32)>> {
    if copy.owner.is_empty() {
        return Ok(copy.from.is_callers().then_some((0, 0)));
    }
    let (user, group) = copy.owner.split_once(':').map_or((copy.owner.as_str(), None), |(user, group)| (user, Some(group)));
    let unknown = |kind: &str, name: &str| TransferFault::NoUser { who: format!("{kind} {name}") };
    let numbered = || user.parse().ok().map(|number: u32| (number, number));
    let named = accounts::user_named(user, &machine.text(Side::To, accounts::PASSWD));
    let (uid, own) = named.or_else(numbered).ok_or_else(|| unknown("user", user))?;
    let Some(group) = group else { return Ok(Some((uid, own))) };
    let named = accounts::group_named(group, &machine.text(Side::To, accounts::GROUP));
    let gid = named.or_else(|| group.parse().ok()).ok_or_else(|| unknown("group", group))?;
    Ok(Some((uid, gid)))
}

struct Bringing<'a, M> {
    machine: &'a mut M,
    copy: &'a Copy,
    owner: Option<(u32, u32)>,
    manner: Manner,
    made: u64,
    /// Directories that get mode and time when they are filled.
    adorned: Vec<(String, Look)>,
}

impl<M: Streams> Bringing<'_, M> {
    /// There is a directory at the destination, links followed.
    fn is_directory(&mut self, path: &str) -> Answer<bool> {
        let found = self.find(path)?;
        Ok(found.there == found.names.len())
    }

    fn find(&mut self, path: &str) -> Answer<workdir::Found> {
        let machine = &mut *self.machine;
        let look = |names: &[String]| {
            let path = format!("/{}", names.join("/"));
            Ok(match machine.look(Side::To, &path) {
                Err(Errno::ENOENT) => Shown::Missing,
                Err(errno) => return Err(errno),
                Ok(look) if look.is_directory() => Shown::Directory,
                Ok(look) if look.kind == Some(FileKind::Symlink) => Shown::Link(machine.link_text(Side::To, &path)?),
                Ok(_) => Shown::Other,
            })
        };
        match workdir::find(path, "", look) {
            Ok(found) => Ok(found),
            // A file at the very end is written over.
            Err(refusal) if refusal.errno == Errno::ENOTDIR && refusal.in_the_way == clean(path) => {
                let names: Vec<String> = clean(path).split('/').filter(|name| !name.is_empty()).map(str::to_string).collect();
                Ok(workdir::Found { there: names.len() - 1, names })
            }
            Err(refusal) if refusal.errno == Errno::ENOTDIR => {
                Err(TransferFault::Clash { path: refusal.in_the_way, directory: false })
            }
            Err(refusal) => Err(failed("lstat", path)(refusal.errno)),
        }
    }

    /// The directory at `path`, made with what is missing on the way; with `look` it becomes a copy of that one where it is new.
    fn directory(&mut self, path: &str, look: Option<Look>) -> Answer<String> {
        let found = self.find(path)?;
        let missing = found.names.len() - found.there;
        let mut at = format!("/{}", found.names.get(..found.there).unwrap_or_default().join("/"));
        for (left, name) in (0..missing).rev().zip(found.names.iter().skip(found.there)) {
            at = format!("{}/{name}", at.trim_end_matches('/'));
            if self.machine.look(Side::To, &at).is_ok() {
                return Err(TransferFault::Clash { path: at, directory: false });
            }
            self.machine.make_directory(&at).map_err(failed("mkdir", &at))?;
            self.made += 1;
            match look.filter(|_| left == 0) {
                Some(look) => self.adorned.push((at.clone(), look)),
                None => {
                    let look = Look { mode: DIRECTORY_MODE, ..self.bare() };
                    self.adorn_with(&at, &look, self.owner.unwrap_or_default())?;
                }
            }
        }
        Ok(at)
    }

    /// Where a source comes to: with `--parents`, below the directories that it names.
    fn parents(&mut self, source: &Source) -> Answer<String> {
        let mut at = self.copy.destination.clone();
        let (mut from, names) = source.above.clone();
        for name in names.split('/').filter(|name| !name.is_empty()) {
            (at, from) = (format!("{}/{name}", at.trim_end_matches('/')), format!("{}/{name}", from.trim_end_matches('/')));
            let look = self.machine.look(Side::From, &from).map_err(failed("lstat", &from))?;
            self.directory(&at, Some(look))?;
        }
        Ok(at)
    }

    /// `ADD`: what is an archive is unpacked, and not put there itself.
    fn unpacked(&mut self, entry: &Entry) -> Answer<bool> {
        if !self.copy.unpack || entry.look.kind != Some(FileKind::File) {
            return Ok(false);
        }
        let path = entry.path.as_str();
        let opened = |machine: &mut M| {
            let file = machine.open(path).map_err(failed("open", path))?;
            let next = "glassbox: gzip and zstd are unpacked here; COPY keeps the file as it is";
            let unreadable = |error: std::io::Error| {
                let what = error.to_string().replace("layers are not compressed", "what is compressed");
                TransferFault::Archive { path: path.to_string(), why: format!("{what} is not read\n{next}") }
            };
            Blob::new(file).map_err(unreadable)
        };
        if !holds_archive(opened(self.machine)?) {
            return Ok(false);
        }
        let directory = self.directory(&self.copy.destination, None)?;
        let owner = match (self.manner.callers, self.copy.owner.is_empty()) {
            (true, _) => None,
            (false, true) => Some(None),
            (false, false) => Some(self.owner),
        };
        let input = opened(self.machine)?;
        let refused =
            |refusal: crate::copying::Refusal| TransferFault::Archive { path: path.to_string(), why: refusal.to_string() };
        self.made += unpack_below(self.machine, &directory, &owner, input).map_err(refused)?.entries;
        Ok(true)
    }

    fn bare(&self) -> Look {
        Look {
            kind: Some(FileKind::Directory),
            mode: 0,
            uid: 0,
            gid: 0,
            size_bytes: 0,
            modified: (self.manner.moment_seconds, 0),
            device: None,
        }
    }

    /// The path of a file: in the destination, or the destination itself.
    fn place(&mut self, destination: &str, name: &str, into: bool) -> Answer<String> {
        let (directory, name) = match destination.rsplit_once('/') {
            _ if into => (destination, name),
            Some((directory, name)) => (directory, name),
            None => ("/", destination),
        };
        let directory = self.directory(if directory.is_empty() { "/" } else { directory }, None)?;
        Ok(format!("{}/{name}", directory.trim_end_matches('/')))
    }

    /// Takes away what is in the way; `true`: a directory that stays.
    fn clear(&mut self, target: &str, is_directory: bool) -> Answer<bool> {
        let Ok(there) = self.machine.look(Side::To, target) else { return Ok(false) };
        match (there.is_directory(), is_directory) {
            (true, true) => Ok(true),
            (false, false) => self.machine.remove(target).map(|()| false).map_err(failed("unlink", target)),
            (directory, _) => Err(TransferFault::Clash { path: target.to_string(), directory }),
        }
    }

    fn put(&mut self, entry: &Entry, target: &str) -> Answer<()> {
        let look = entry.look;
        let Some(kind) = look.kind else { return Ok(()) };
        if self.clear(target, look.is_directory())? {
            return Ok(());
        }
        match kind {
            FileKind::Directory => {
                self.machine.make_directory(target).map_err(failed("mkdir", target))?;
                self.adorned.push((target.to_string(), look));
            }
            FileKind::File => self.machine.copy_file(&entry.path, target).map_err(failed("open", target))?,
            FileKind::Symlink => {
                let text = self.machine.link_text(Side::From, &entry.path).map_err(failed("readlink", &entry.path))?;
                self.machine.make_link(target, &text).map_err(failed("symlink", target))?;
            }
            FileKind::CharDevice | FileKind::BlockDevice | FileKind::Fifo => {
                self.machine.make_node(target, &look).map_err(failed("mknod", target))?;
            }
        }
        self.made += 1;
        if look.is_directory() { Ok(()) } else { self.adorn(target, look) }
    }

    fn inline(&mut self, target: &str, content: &str) -> Answer<()> {
        use std::io::Write;
        self.clear(target, false)?;
        let mut file = self.machine.create(target).map_err(failed("open", target))?;
        let written = file.write_all(content.as_bytes());
        written.map_err(|error| failed("write", target)(Errno(error.raw_os_error().unwrap_or(Errno::EIO.0))))?;
        self.machine.close(target, file).map_err(failed("close", target))?;
        self.made += 1;
        let look = Look { kind: Some(FileKind::File), mode: INLINE_MODE, ..self.bare() };
        self.adorn(target, look)
    }

    fn adorn(&mut self, path: &str, look: Look) -> Answer<()> {
        let mode = self.copy.mode.filter(|_| look.kind != Some(FileKind::Symlink)).unwrap_or(look.mode);
        let owner = self.owner.unwrap_or((look.uid, look.gid));
        self.adorn_with(path, &Look { mode, ..look }, owner)
    }

    fn adorn_with(&mut self, path: &str, look: &Look, owner: (u32, u32)) -> Answer<()> {
        // Files of another stage are the caller's already: there is nobody else.
        let kept = self.owner.is_none() || owner == (0, 0);
        let owner = if self.manner.callers && kept { None } else { Some(owner) };
        self.machine.adorn(path, look, owner).map_err(failed("chown", path))
    }

    /// The deepest first: what is made in a directory changes its time.
    fn adorn_directories(&mut self) -> Answer<()> {
        let all = std::mem::take(&mut self.adorned);
        all.iter().rev().try_for_each(|(path, look)| self.adorn(path, *look))
    }
}
