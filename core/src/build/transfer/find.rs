//! Which files there are for a source, and what they are for a cache key.

use std::io::Read;

use sha2::{Digest, Sha256};

use super::super::key::Part;
use super::super::work::{Copy, CopySource};
use super::{Absence, Answer, ENTRIES_MAX, Entry, Source, TransferFault, failed};
use crate::copying::{Look, Side, Streams};
use crate::dockerfile::ignore::{self, Ignore};
use crate::dockerfile::suggest::nearest;
use crate::errno::Errno;
use crate::plan::clean;
use crate::userland::FileKind;

/// As many links are followed: path_resolution(7).
const LINKS_MAX: usize = 40;
const PIECE_BYTES: usize = 64 << 10;

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
pub(in crate::build) fn followed(machine: &mut impl Streams, path: &str) -> Result<(String, Look), Errno> {
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
