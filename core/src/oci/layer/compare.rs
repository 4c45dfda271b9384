//! A layer's archive held against what stands extracted of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use super::form::{Said, join, said};
use super::{Digested, LayerError, LayerLimits, NodeKind, OverlayForm, Tree};
use crate::archive::{MemberKind, Reader, inside, shown};
use crate::errno::Errno;

/// What the archive has last said of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Expected {
    Directory,
    File {
        bytes: u64,
        digest: String,
    },
    Symlink(Vec<u8>),
    /// A device, a fifo: that there is one. Where devices are not made, that there is none.
    Other,
    Whiteout,
}

const PIECE_BYTES: usize = 128 << 10;

/// The first difference, in words; `None`: there is none. Owners, times and attributes are not compared: the machine may not take them.
pub fn compare<T: Tree>(
    tree: &mut T,
    form: OverlayForm,
    limits: &LayerLimits,
    archive: &mut impl Read,
) -> Result<Option<String>, LayerError> {
    let (expected, opaque) = expected(archive, limits)?;
    let call = |call: &'static str, path: &[u8]| {
        let entry = shown(path);
        move |errno: Errno| LayerError { entry, fault: super::LayerFault::Call { call, errno } }
    };
    let mut seen = BTreeSet::new();
    let mut pending = vec![Vec::new()];
    while let Some(path) = pending.pop() {
        let look = tree.look(&path).map_err(call("lstat", &path))?;
        let said = expected.get(&path);
        let same = match (said, look.kind) {
            (Some(Expected::Directory) | None, NodeKind::Directory) => true,
            (Some(Expected::Whiteout), kind) => kind == NodeKind::WHITEOUT,
            (Some(Expected::Symlink(text)), NodeKind::Symlink) => {
                tree.symlink_text(&path).map_err(call("readlink", &path))? == *text
            }
            (Some(Expected::File { bytes, digest }), NodeKind::File) => {
                look.size_bytes == *bytes && content(tree, &path).map_err(call("read", &path))? == *digest
            }
            (Some(Expected::Other), kind) => !matches!(kind, NodeKind::File | NodeKind::Directory | NodeKind::Symlink),
            _ => false,
        };
        if !same {
            return Ok(Some(format!("/{} is another file", shown(&path))));
        }
        if look.kind == NodeKind::Directory {
            let attributes = tree.attributes(&path, look.kind).map_err(call("listxattr", &path))?;
            let marked = attributes.iter().any(|(name, value)| name == form.opaque() && value == b"y");
            if marked != opaque.contains(&path) && !path.is_empty() {
                return Ok(Some(format!("/{} hides other files", shown(&path))));
            }
            let names = tree.names(&path).map_err(call("getdents", &path))?;
            pending.extend(names.iter().rev().map(|name| join(&path, name)));
        }
        seen.insert(path);
    }
    let missing = expected.iter().find(|(path, expected)| !seen.contains(*path) && **expected != Expected::Other);
    Ok(missing.map(|(path, _)| format!("/{} is missing", shown(path))))
}

fn content<T: Tree>(tree: &mut T, path: &[u8]) -> Result<String, Errno> {
    let mut digested = Digested::new(tree.open(path)?);
    std::io::copy(&mut digested, &mut std::io::sink()).map_err(|error| super::unpack::errno_of(&error))?;
    Ok(digested.digest())
}

type All = (BTreeMap<Vec<u8>, Expected>, BTreeSet<Vec<u8>>);

/// What the archive says, entry by entry; the last of a name counts.
fn expected(archive: &mut impl Read, limits: &LayerLimits) -> Result<All, LayerError> {
    let mut reader = Reader::new(archive, limits.archive);
    let (mut all, mut opaque) = (BTreeMap::new(), BTreeSet::new());
    let mut buffer = vec![0; PIECE_BYTES];
    while let Some(member) = reader.next_member()? {
        let Some(path) = inside(&member.name) else { continue };
        match said(&path) {
            Said::Whiteout(hidden) => drop(all.insert(hidden, Expected::Whiteout)),
            Said::Opaque(directory) => drop(opaque.insert(directory.to_vec())),
            Said::Nothing | Said::Invalid => {}
            Said::Node(_) => {
                let expected = match member.kind {
                    MemberKind::Directory => Expected::Directory,
                    MemberKind::Symlink => Expected::Symlink(member.link.clone()),
                    MemberKind::Hardlink => {
                        let target = inside(&member.link).unwrap_or_default();
                        all.get(&target).cloned().unwrap_or(Expected::Other)
                    }
                    MemberKind::File => {
                        let mut digested = Digested::new(std::io::sink());
                        loop {
                            match reader.read_content(&mut buffer)? {
                                0 => break,
                                count => drop(std::io::Write::write_all(&mut digested, &buffer[..count])),
                            }
                        }
                        Expected::File { bytes: member.size_bytes, digest: digested.digest() }
                    }
                    _ => Expected::Other,
                };
                put(&mut all, path, expected);
            }
        }
    }
    Ok((all, opaque))
}

/// What was in a directory goes with it, where something else takes its place.
fn put(all: &mut BTreeMap<Vec<u8>, Expected>, path: Vec<u8>, expected: Expected) {
    if expected != Expected::Directory && all.get(&path) == Some(&Expected::Directory) {
        let below = join(&path, b"");
        let gone: Vec<Vec<u8>> =
            all.range(below.clone()..).map(|(known, _)| known).take_while(|known| known.starts_with(&below)).cloned().collect();
        gone.iter().for_each(|known| drop(all.remove(known)));
    }
    all.insert(path, expected);
}
