//! What a container changed, as `docker diff` tells it: the directory of its changes held against the layers below.
//!
//! As dockerd compares two trees (moby's archive package, changes.go): a directory is changed where its mode or owner is, or something in
//! it; anything else also by size and time. Of what was deleted or added as a whole, the top alone is told as deleted, and each as added.
//! In a directory what is there comes first and what is gone after it; dockerd tells either in no order, here it is that of the bytes.

use super::form::{join, split};
use super::{LayerError, LayerFault, Look, Merged, NodeKind, OverlayForm, Tree};
use crate::archive::shown;
use crate::errno::Errno;

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was not there.
    Added,
    /// It is another one, or something in it is.
    Changed,
    /// It is gone.
    Deleted,
}

impl ChangeKind {
    /// Docker's letter.
    pub fn letter(self) -> char {
        match self {
            ChangeKind::Added => 'A',
            ChangeKind::Changed => 'C',
            ChangeKind::Deleted => 'D',
        }
    }
}

/// A file and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What.
    pub kind: ChangeKind,
    /// Where, without a slash at either end.
    pub path: Vec<u8>,
}

const CAPABILITY: &str = "security.capability";

/// The changes in Docker's order. `without`: what was only made to mount something on.
pub fn changes<T: Tree>(
    upper: &mut T,
    lower: &mut Merged<T>,
    form: OverlayForm,
    without: &[String],
) -> Result<Vec<Change>, LayerError> {
    let mut comparing = Comparing { upper, lower, form, without, found: Vec::new() };
    let mut pending = vec![Visit::There(Vec::new())];
    while let Some(visit) = pending.pop() {
        let (Visit::There(path) | Visit::Gone(path)) = &visit;
        let shown = shown(path);
        comparing.visit(visit, &mut pending).map_err(|fault| LayerError { entry: shown, fault })?;
    }
    Ok(with_parents(comparing.found))
}

/// What `docker diff` prints.
pub fn in_lines(changes: &[Change]) -> String {
    changes.iter().map(|change| format!("{} /{}\n", change.kind.letter(), String::from_utf8_lossy(&change.path))).collect()
}

enum Visit {
    There(Vec<u8>),
    Gone(Vec<u8>),
}

struct Comparing<'a, T> {
    upper: &'a mut T,
    lower: &'a mut Merged<T>,
    form: OverlayForm,
    without: &'a [String],
    /// None: a directory in which something may be changed.
    found: Vec<(Option<ChangeKind>, Vec<u8>)>,
}

fn call(call: &'static str) -> impl Fn(Errno) -> LayerFault {
    move |errno| LayerFault::Call { call, errno }
}

/// Nothing is there, perhaps not any more: the container may be running.
fn there<V>(answer: Result<V, Errno>, name: &'static str) -> Result<Option<V>, LayerFault> {
    match answer {
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
        answer => answer.map(Some).map_err(call(name)),
    }
}

impl<T: Tree> Comparing<'_, T> {
    fn visit(&mut self, visit: Visit, pending: &mut Vec<Visit>) -> Result<(), LayerFault> {
        let path = match visit {
            Visit::Gone(path) => {
                self.found.push((Some(ChangeKind::Deleted), path));
                return Ok(());
            }
            Visit::There(path) => path,
        };
        let Some(look) = there(self.upper.look(&path), "lstat")? else { return Ok(()) };
        if super::pack::is_left_out(self.upper, self.without, &path, &look)? {
            return Ok(());
        }
        let before = there(self.lower.look(&path), "lstat")?;
        let kind = match &before {
            None => Some(ChangeKind::Added),
            Some(before) if self.differs(&path, before, &look)? => Some(ChangeKind::Changed),
            Some(_) => None,
        };
        let is_directory = look.kind == NodeKind::Directory;
        if !path.is_empty() && (kind.is_some() || is_directory) {
            self.found.push((kind, path.clone()));
        }
        if is_directory {
            let old = before.is_some_and(|before| before.kind == NodeKind::Directory);
            self.directory(&path, old, pending)?;
        }
        Ok(())
    }

    /// What is in it comes first, and then what has gone.
    fn directory(&mut self, path: &[u8], old: bool, pending: &mut Vec<Visit>) -> Result<(), LayerFault> {
        let Some(names) = there(self.upper.names(path), "getdents")? else { return Ok(()) };
        let (mut still, mut gone) = (Vec::new(), Vec::new());
        for name in &names {
            let below = join(path, name);
            let Some(look) = there(self.upper.look(&below), "lstat")? else { continue };
            if look.kind != NodeKind::WHITEOUT {
                still.push(below);
            } else if old && there(self.lower.look(&below), "lstat")?.is_some() {
                gone.push(below);
            }
        }
        if old && self.is_opaque(path)? {
            let hidden = there(self.lower.names(path), "getdents")?.unwrap_or_default();
            gone.extend(hidden.into_iter().filter(|name| !names.contains(name)).map(|name| join(path, &name)));
            gone.sort_unstable();
        }
        pending.extend(gone.into_iter().rev().map(Visit::Gone));
        pending.extend(still.into_iter().rev().map(Visit::There));
        Ok(())
    }

    fn is_opaque(&mut self, path: &[u8]) -> Result<bool, LayerFault> {
        let attributes = there(self.upper.attributes(path, NodeKind::Directory), "listxattr")?.unwrap_or_default();
        Ok(attributes.iter().any(|(name, value)| name == self.form.opaque() && value == b"y"))
    }

    fn differs(&mut self, path: &[u8], before: &Look, now: &Look) -> Result<bool, LayerFault> {
        if (before.kind, before.mode, before.uid, before.gid) != (now.kind, now.mode, now.uid, now.gid) {
            return Ok(true);
        }
        if now.kind == NodeKind::Directory {
            return Ok(false);
        }
        if before.size_bytes != now.size_bytes || !is_same_time(before.modified, now.modified) {
            return Ok(true);
        }
        let capability = |attributes: Vec<crate::archive::Attribute>| {
            attributes.into_iter().find(|(name, _)| name == CAPABILITY).map(|(_, value)| value)
        };
        let old = self.lower.attributes(path, before.kind).map(capability).map_err(call("listxattr"))?;
        let new = there(self.upper.attributes(path, now.kind), "listxattr")?.and_then(capability);
        Ok(old != new)
    }
}

/// An archive has whole seconds: against those the rest does not count.
fn is_same_time(one: (i64, u32), other: (i64, u32)) -> bool {
    one.0 == other.0 && (one.1 == other.1 || one.1 == 0 || other.1 == 0)
}

/// A directory in which nothing is changed is none of it; one in which something is, is changed itself.
fn with_parents(found: Vec<(Option<ChangeKind>, Vec<u8>)>) -> Vec<Change> {
    let mut changed: Vec<Change> = Vec::new();
    let mut parents = std::collections::BTreeSet::new();
    // What is in a directory stands behind it.
    for (kind, path) in found.into_iter().rev() {
        let kind = kind.or_else(|| parents.contains(&path).then_some(ChangeKind::Changed));
        if let Some(kind) = kind {
            parents.insert(split(&path).0.to_vec());
            changed.push(Change { kind, path });
        }
    }
    changed.reverse();
    changed
}
