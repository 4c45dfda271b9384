//! COPY and ADD: which files there are for a source, what they are for a cache key, and how they come to their place. Over a
//! [`Streams`] machine with two sides, so that both kernels do the same.
//!
//! BuildKit's rules: of a directory the content is copied; a file goes into what ends with `/` or is a directory; a link that is named as
//! a source is followed within its root, links in directories stay links; missing directories are made with mode 755.

use std::io::Read;

use sha2::{Digest, Sha256};

use super::key::Part;
use super::work::{Copy, CopySource};
use crate::copying::{Look, Side, Streams, holds_archive, unpack_below};
use crate::dockerfile::ignore::{self, Ignore};
use crate::dockerfile::suggest::nearest;
use crate::errno::Errno;
use crate::oci::layer::Blob;
use crate::plan::clean;
use crate::userland::FileKind;
use crate::workdir::{self, Shown};

/// More files are not copied by one instruction.
pub const ENTRIES_MAX: usize = 1_000_000;
/// As many links are followed: path_resolution(7).
const LINKS_MAX: usize = 40;
const PIECE_BYTES: usize = 64 << 10;
/// Of a directory that is missing on the way.
const DIRECTORY_MODE: u32 = 0o755;
/// Of a file that stands in the Dockerfile.
const INLINE_MODE: u32 = 0o644;

/// Whose copies become, and of when what is made on the way is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Manner {
    /// Seconds since 1970.
    pub moment_seconds: i64,
    /// What would be root's is the caller's: inside her user namespace she is root, and nobody else is there.
    pub callers: bool,
}

/// Why a source is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absence {
    /// No more is known.
    Plain,
    /// It would be outside of the root that it is looked for in.
    Outside,
    /// A line of `.dockerignore` leaves it out.
    Ignored {
        /// Counted from 1.
        line: u32,
        /// What stands there.
        pattern: String,
    },
    /// There is another one with nearly that name.
    Near {
        /// Its path, as it would be written.
        path: String,
    },
}

/// Why files cannot be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferFault {
    /// A source is not there.
    NotFound {
        /// Absolute below its root.
        path: String,
        /// Why.
        absence: Absence,
    },
    /// An archive cannot be unpacked.
    Archive {
        /// Which.
        path: String,
        /// Why.
        why: String,
    },
    /// A user or group has no number.
    NoUser {
        /// `user foo`, `group foo`
        who: String,
    },
    /// A directory is in the way of a file, or the other way round.
    Clash {
        /// Where.
        path: String,
        /// A directory is there.
        directory: bool,
    },
    /// Too many files.
    TooMany,
    /// A call failed.
    Call {
        /// On what.
        path: String,
        /// Which.
        call: &'static str,
        /// What the kernel said.
        errno: Errno,
    },
}

impl TransferFault {
    /// The errno that says the same.
    pub fn errno(&self) -> Errno {
        match self {
            TransferFault::NotFound { .. } => Errno::ENOENT,
            TransferFault::NoUser { .. } => Errno::EINVAL,
            TransferFault::Archive { .. } => Errno::EINVAL,
            TransferFault::Clash { directory: true, .. } => Errno::EISDIR,
            TransferFault::Clash { directory: false, .. } => Errno::ENOTDIR,
            TransferFault::TooMany => Errno::E2BIG,
            TransferFault::Call { errno, .. } => *errno,
        }
    }
}

impl TransferFault {
    /// BuildKit's words, and ours in a line behind them.
    pub fn told(&self) -> String {
        match self {
            TransferFault::NotFound { absence, .. } => {
                let ours = match absence {
                    Absence::Plain => "paths are those of the build context, and nothing outside of it is seen".to_string(),
                    Absence::Outside => {
                        "../ does not lead out of the build context: name a directory further up as the context, and the \
                                         Dockerfile with -f"
                            .to_string()
                    }
                    Absence::Ignored { line, pattern } => format!("line {line} of .dockerignore leaves it out: {pattern}"),
                    Absence::Near { path } => format!("did you mean {path}?"),
                };
                format!("{self}\nglassbox: {ours}")
            }
            _ => self.to_string(),
        }
    }
}

impl std::fmt::Display for TransferFault {
    /// BuildKit's words, as far as they do not name places of its own.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TransferFault::NotFound { path, .. } => {
                write!(out, "failed to compute cache key: failed to calculate checksum of ref: {path:?}: not found")
            }
            TransferFault::Archive { path, why } => write!(out, "failed to unpack {path}: {why}"),
            TransferFault::NoUser { who } => write!(out, "unable to find {who}: invalid argument"),
            TransferFault::Clash { path, directory: true } => write!(out, "cannot replace to directory {path} with file"),
            TransferFault::Clash { path, directory: false } => write!(out, "cannot copy to non-directory: {path}"),
            TransferFault::TooMany => write!(out, "more than {ENTRIES_MAX} files"),
            TransferFault::Call { path, call, errno } => write!(out, "{call} {path}: {}", errno.sentence().to_lowercase()),
        }
    }
}

type Answer<T> = Result<T, TransferFault>;

fn failed(call: &'static str, path: &str) -> impl Fn(Errno) -> TransferFault {
    move |errno| TransferFault::Call { path: path.to_string(), call, errno }
}

/// Something to be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is, below the root of its side.
    pub path: String,
    /// Its path within the directory that was named; empty: that directory itself, or a file that was named.
    pub inside: String,
    /// What it is.
    pub look: Look,
}

/// What a source holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Its last name, as it was written.
    pub name: String,
    /// With `--parents`, the directories that are made for it: where they are, and their path from there.
    pub above: (String, String),
    /// Itself first, a directory before what is in it.
    pub entries: Vec<Entry>,
}

/// All that the sources of an instruction hold. `ignore`: that of the context.
pub fn find(machine: &mut impl Streams, copy: &Copy, ignore: Option<&Ignore>) -> Answer<Vec<Source>> {
    let ignore = ignore.filter(|_| copy.from == CopySource::Context);
    let exclude = Ignore::read(&copy.exclude.join("\n"));
    let mut found = Vec::new();
    let mut count = 0;
    for written in &copy.sources {
        let paths = matching(machine, &clean(&format!("/{written}")), ignore);
        for path in paths.map_err(|fault| explained(machine, written, fault))? {
            let mut source = held(machine, &path, ignore, &exclude).map_err(|fault| explained(machine, written, fault))?;
            if copy.parents {
                source.above = above(written, &path, source.entries.first().is_some_and(|first| first.look.is_directory()));
            }
            count += source.entries.len();
            if count > ENTRIES_MAX {
                return Err(TransferFault::TooMany);
            }
            found.push(source);
        }
    }
    Ok(found)
}

/// `--parents`: what stands behind `/./` is made at the destination; without it, all.
fn above(written: &str, path: &str, is_directory: bool) -> (String, String) {
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    let before = written.split_once("/./").map_or("", |(before, _)| before);
    let left = before.split('/').filter(|name| !matches!(*name, "" | ".")).count().min(names.len());
    let end = if is_directory { names.len() } else { names.len().saturating_sub(1) };
    (format!("/{}", names[..left].join("/")), names.get(left..end).unwrap_or_default().join("/"))
}

/// What else is to be said of a source that is not there.
fn explained(machine: &mut impl Streams, written: &str, fault: TransferFault) -> TransferFault {
    let TransferFault::NotFound { path, absence: Absence::Plain } = fault else { return fault };
    let mut depth = 0_i32;
    let leads_out = written.split('/').any(|name| {
        depth += match name {
            "" | "." => 0,
            ".." => -1,
            _ => 1,
        };
        depth < 0
    });
    let absence = match nearest_to(machine, &path) {
        _ if leads_out => Absence::Outside,
        Some(path) => Absence::Near { path },
        None => Absence::Plain,
    };
    TransferFault::NotFound { path, absence }
}

/// The path with the first name that is not there put right.
fn nearest_to(machine: &mut impl Streams, path: &str) -> Option<String> {
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    let mut at = String::new();
    for (number, name) in names.iter().enumerate() {
        let there = format!("{at}/{name}");
        if machine.look(Side::From, &there).is_ok() {
            at = there;
            continue;
        }
        let known = machine.names(Side::From, if at.is_empty() { "/" } else { &at }).ok()?;
        let near = nearest(name, known.iter().map(String::as_str))?;
        let rest = names.get(number + 1..).unwrap_or_default().iter().map(|name| format!("/{name}")).collect::<String>();
        return Some(format!("{}{near}{rest}", format!("{at}/").trim_start_matches('/')));
    }
    None
}

fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

fn left_out(path: &str, ignore: Option<&Ignore>) -> Option<u32> {
    ignore.and_then(|ignore| ignore.leaves_out(path.trim_start_matches('/')))
}

/// The paths that a pattern fits; a path without one is answered as it is.
fn matching(machine: &mut impl Streams, pattern: &str, ignore: Option<&Ignore>) -> Answer<Vec<String>> {
    let mut paths = vec![String::new()];
    let names: Vec<&str> = pattern.split('/').filter(|name| !name.is_empty()).collect();
    for name in &names {
        if !is_pattern(name) {
            paths.iter_mut().for_each(|path| *path = format!("{path}/{name}"));
            continue;
        }
        let mut next = Vec::new();
        for path in &paths {
            let directory = if path.is_empty() { "/" } else { path.as_str() };
            let Ok(there) = machine.names(Side::From, directory) else { continue };
            let fitting = there.iter().filter(|there| ignore::wildcard(name, there)).map(|there| format!("{path}/{there}"));
            next.extend(fitting.filter(|path| left_out(path, ignore).is_none()));
        }
        paths = next;
    }
    if names.iter().any(|name| is_pattern(name)) {
        paths.retain(|path| machine.look(Side::From, path).is_ok());
    }
    if paths.is_empty() {
        return Err(TransferFault::NotFound { path: pattern.to_string(), absence: Absence::Plain });
    }
    Ok(paths)
}

/// A source, and all that is in it.
fn held(machine: &mut impl Streams, path: &str, ignore: Option<&Ignore>, exclude: &Ignore) -> Answer<Source> {
    let path = if path.is_empty() { "/" } else { path };
    let not_found = |line: Option<u32>| {
        let pattern = |line| ignore.map_or("", |ignore| ignore.text_of(line)).to_string();
        let absence = line.map_or(Absence::Plain, |line| Absence::Ignored { line, pattern: pattern(line) });
        TransferFault::NotFound { path: path.to_string(), absence }
    };
    let (real, look) = followed(machine, path).map_err(|_| not_found(None))?;
    if let Some(line) = left_out(path, ignore).filter(|_| !look.is_directory()) {
        return Err(not_found(Some(line)));
    }
    let mut entries = vec![Entry { path: real.clone(), inside: String::new(), look }];
    let name = path.rsplit('/').next().unwrap_or_default().to_string();
    if !look.is_directory() {
        entries.retain(|_| exclude.leaves_out(&name).is_none());
        return Ok(Source { name, entries, ..Source::default() });
    }
    below(machine, &real, &mut entries)?;
    let outside = |entry: &Entry| {
        let inside = entry.inside.is_empty() || exclude.leaves_out(&entry.inside).is_none();
        inside && (entry.path == "/" || left_out(&entry.path, ignore).is_none())
    };
    let kept = with_their_directories(entries, outside);
    match (kept.is_empty(), left_out(path, ignore)) {
        (true, line @ Some(_)) => Err(not_found(line)),
        _ => Ok(Source { name, entries: kept, ..Source::default() }),
    }
}

/// Those that are wanted, with the directories that they are in: a pattern may take in again what lies in one that is left out.
fn with_their_directories(entries: Vec<Entry>, wanted: impl Fn(&Entry) -> bool) -> Vec<Entry> {
    let mut kept = Vec::new();
    let mut inner: Option<String> = None;
    for entry in entries.into_iter().rev() {
        let holds = inner.as_ref().is_some_and(|inner| entry.inside.is_empty() || inner.starts_with(&format!("{}/", entry.inside)));
        if wanted(&entry) || holds {
            inner = Some(entry.inside.clone());
            kept.push(entry);
        }
    }
    kept.reverse();
    kept
}

fn below(machine: &mut impl Streams, top: &str, entries: &mut Vec<Entry>) -> Answer<()> {
    let mut pending = vec![(top.to_string(), String::new())];
    while let Some((path, inside)) = pending.pop() {
        if !inside.is_empty() {
            let look = machine.look(Side::From, &path).map_err(failed("lstat", &path))?;
            entries.push(Entry { path: path.clone(), inside: inside.clone(), look });
            if entries.len() > ENTRIES_MAX {
                return Err(TransferFault::TooMany);
            }
            if !look.is_directory() {
                continue;
            }
        }
        let names = machine.names(Side::From, &path).map_err(failed("open", &path))?;
        let join = |directory: &str, name: &str| {
            let directory = directory.trim_end_matches('/');
            if directory.is_empty() && !path.starts_with('/') { name.to_string() } else { format!("{directory}/{name}") }
        };
        pending.extend(names.iter().rev().map(|name| {
            let within = if inside.is_empty() { name.clone() } else { format!("{inside}/{name}") };
            (join(&path, name), within)
        }));
    }
    Ok(())
}

/// Where a path of the source leads to, and what is there.
fn followed(machine: &mut impl Streams, path: &str) -> Result<(String, Look), Errno> {
    let mut path = clean(path);
    for _ in 0..LINKS_MAX {
        let look = machine.look(Side::From, &path)?;
        if look.kind != Some(FileKind::Symlink) {
            return Ok((path, look));
        }
        let text = machine.link_text(Side::From, &path)?;
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        path = clean(&if text.starts_with('/') { text } else { format!("{directory}/{text}") });
    }
    Err(Errno::ELOOP)
}

/// What the files are, for a cache key: content, kind, mode, and owner where that is kept; not when they were changed.
pub fn parts(machine: &mut impl Streams, copy: &Copy, sources: &[Source]) -> Answer<Vec<Part>> {
    let mut parts = Vec::new();
    for (name, content) in &copy.inline {
        parts.push(Part::new(format!("file <<{name}"), crate::oci::digest::of(content.as_bytes())));
    }
    for entry in sources.iter().flat_map(|source| &source.entries) {
        let kept = !copy.from.is_callers() && copy.owner.is_empty();
        let owner = if kept { format!(" {}:{}", entry.look.uid, entry.look.gid) } else { String::new() };
        let (kind, content) = match entry.look.kind {
            Some(FileKind::Directory) => ("directory", String::new()),
            Some(FileKind::File) => ("file", format!(" {}", digest(machine, &entry.path)?)),
            Some(FileKind::Symlink) => {
                let text = machine.link_text(Side::From, &entry.path).map_err(failed("readlink", &entry.path))?;
                ("link", format!(" to {text}"))
            }
            _ => ("node", String::new()),
        };
        let what = format!("{kind} {}", entry.path.trim_start_matches('/'));
        parts.push(Part::new(what, format!("{:o}{owner}{content}", entry.look.mode)));
    }
    Ok(parts)
}

fn digest(machine: &mut impl Streams, path: &str) -> Answer<String> {
    let mut file = machine.open(path).map_err(failed("open", path))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(crate::oci::digest::in_words(hash.finalize().as_slice())),
            Ok(count) => hash.update(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed("read", path)(Errno(error.raw_os_error().unwrap_or(Errno::EIO.0)))),
        }
    }
}

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

/// Whose the copies become; `None`: whoever owned the original.
fn owner(machine: &mut impl Streams, copy: &Copy) -> Answer<Option<(u32, u32)>> {
    if copy.owner.is_empty() {
        return Ok(copy.from.is_callers().then_some((0, 0)));
    }
    let (user, group) = copy.owner.split_once(':').map_or((copy.owner.as_str(), None), |(user, group)| (user, Some(group)));
    let number = |machine: &mut dyn FnMut(&str) -> String, file: &str, kind: &str, name: &str| {
        let text = machine(file);
        let line = text.lines().find(|line| line.split(':').next() == Some(name));
        let named = line.and_then(|line| line.split(':').nth(2)).and_then(|number| number.parse().ok());
        named.or_else(|| name.parse().ok()).ok_or_else(|| TransferFault::NoUser { who: format!("{kind} {name}") })
    };
    let mut text = |file: &str| machine.text(Side::To, file);
    let uid: u32 = number(&mut text, "/etc/passwd", "user", user)?;
    let gid = match group {
        Some(group) => number(&mut text, "/etc/group", "group", group)?,
        None => uid,
    };
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
