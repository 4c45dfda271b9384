//! From the words of `cp` to a source and a destination: what is there is looked at, links are followed where Docker follows them.

use super::paths::{self, Destination, Source, asserts_directory, directory_and_name, is_current, join};
use super::{Look, Machine, Refusal, Side, container_of};
use crate::errno::Errno;
use crate::plan::clean;
use crate::step::CopyEnd;
use crate::userland::FileKind;

/// Longer chains of links are not followed.
const LINKS_MAX: usize = 10;

fn missing(end: &CopyEnd, path: &str, errno: Errno) -> Refusal {
    let (directory, name) = directory_and_name(path);
    match container_of(end) {
        Some(_) if errno == Errno::ENOTDIR => {
            Refusal::Call { doing: format!("Error response from daemon: lstat {}", end.path), errno }
        }
        Some(container) => Refusal::NotInContainer { path: end.path.clone(), container: container.to_string() },
        // The client puts a slash between the directory and the name, whatever the directory ends with.
        None if name == "." || name == "/" => Refusal::NotOnHost { path: clean(path), errno },
        None => Refusal::NotOnHost { path: format!("{directory}/{name}"), errno },
    }
}

/// What a link at `path` says, as a path of the same side.
fn link_target(machine: &mut impl Machine, side: Side, path: &str) -> Result<String, Errno> {
    let text = machine.link_text(side, &clean(path))?;
    Ok(if text.starts_with('/') { clean(&text) } else { clean(&join(&directory_and_name(path).0, &text)) })
}

/// The end of a chain of links: its path, and what is there.
fn followed(machine: &mut impl Machine, side: Side, path: &str) -> Result<(String, Look), Errno> {
    let mut path = clean(path);
    for _ in 0..LINKS_MAX {
        let look = machine.look(side, &path)?;
        if look.kind != Some(FileKind::Symlink) {
            return Ok((path, look));
        }
        path = link_target(machine, side, &path)?;
    }
    Err(Errno::ELOOP)
}

/// The directories of the host that a path names, from above: the first that is missing is the one that Docker's client tells of.
fn check_directories(machine: &mut impl Machine, end: &CopyEnd) -> Result<(), Refusal> {
    if end.container.is_some() {
        return Ok(());
    }
    let directory = paths::parent_of(&end.path);
    let mut at = String::new();
    for name in directory.split('/').filter(|name| !name.is_empty()) {
        at = format!("{at}/{name}");
        followed(machine, Side::From, &at).map_err(|errno| Refusal::NotOnHost { path: at.clone(), errno })?;
    }
    Ok(())
}

pub(super) fn source(machine: &mut impl Machine, end: &CopyEnd, follow: bool) -> Result<Source, Refusal> {
    check_directories(machine, end)?;
    let (_, name) = directory_and_name(&end.path);
    let refused = |errno| missing(end, &end.path, errno);
    let current = is_current(&end.path);
    let (path, look) = if follow || asserts_directory(&end.path) {
        followed(machine, Side::From, &end.path).map_err(refused)?
    } else {
        let path = clean(&end.path);
        let look = machine.look(Side::From, &path).map_err(refused)?;
        (path, look)
    };
    if asserts_directory(&end.path) && !look.is_directory() {
        return Err(refused(Errno::ENOTDIR));
    }
    Ok(Source { path: if current { format!("{path}/.") } else { path }, name, is_directory: look.is_directory() })
}

pub(super) fn destination(machine: &mut impl Machine, end: &CopyEnd) -> Result<Destination, Refusal> {
    let mut path = end.path.clone();
    for _ in 0..LINKS_MAX {
        let look = match machine.look(Side::To, &clean(&path)) {
            Ok(look) => look,
            Err(_) => return Ok(Destination { path, exists: false, is_directory: false }),
        };
        match look.kind {
            Some(FileKind::Symlink) => {
                path = link_target(machine, Side::To, &path).map_err(|errno| Refusal::call("readlink", &path, errno))?;
            }
            Some(FileKind::File | FileKind::Directory) => {
                return Ok(Destination { path, exists: true, is_directory: look.is_directory() });
            }
            _ => return Err(Refusal::Device { typed: typed(end) }),
        }
    }
    Err(Refusal::Call { doing: format!("too many symlinks in {}", end.path), errno: Errno::ELOOP })
}

/// `CONTAINER:PATH`
pub(super) fn typed(end: &CopyEnd) -> String {
    container_of(end).map_or_else(|| end.path.clone(), |container| format!("{container}:{}", end.path))
}

/// The directory to copy into: it has to be there.
pub(super) fn directory(machine: &mut impl Machine, end: &CopyEnd, path: &str) -> Result<String, Refusal> {
    let (found, look) = followed(machine, Side::To, path).map_err(|errno| match container_of(end) {
        Some(container) => Refusal::NotInContainer { path: path.to_string(), container: container.to_string() },
        None => Refusal::NotOnHost { path: path.to_string(), errno },
    })?;
    if look.is_directory() { Ok(found) } else { Err(Refusal::ExtractionPoint) }
}

/// Of `cp - CONTAINER:PATH`: the directory that an archive is extracted into.
pub fn extraction_directory(machine: &mut impl Machine, end: &CopyEnd) -> Result<String, Refusal> {
    match destination(machine, end)? {
        found if found.is_directory => directory(machine, end, &clean(&found.path)),
        _ => Err(Refusal::NotExtractable { typed: typed(end) }),
    }
}

/// Of `cp CONTAINER:PATH -`: the path that is packed, and the name under which.
pub fn packed_source(machine: &mut impl Machine, end: &CopyEnd, follow: bool) -> Result<(String, String), Refusal> {
    let source = source(machine, end, follow)?;
    Ok((clean(&source.path), source.name))
}
