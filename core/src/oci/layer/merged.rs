//! Layers laid over each other, read as overlayfs would show them: the topmost name counts, a whiteout hides what is below it, an opaque
//! directory all that is below in it.

use std::collections::BTreeSet;

use super::form::{join, split};
use super::{Look, NodeKind, OverlayForm, Tree};
use crate::archive::Attribute;
use crate::errno::Errno;

/// Layers, the topmost first.
#[derive(Debug)]
pub struct Merged<T> {
    layers: Vec<T>,
    form: OverlayForm,
    /// The directories on the way to the one that was read last, and in which layers each is.
    way: Vec<(Vec<u8>, Vec<usize>)>,
}

type Answer<T> = Result<T, Errno>;

/// Nothing of the name.
fn is_missing(errno: Errno) -> bool {
    matches!(errno, Errno::ENOENT | Errno::ENOTDIR)
}

impl<T: Tree> Merged<T> {
    /// The topmost first; `form`: how they are marked.
    pub fn new(layers: Vec<T>, form: OverlayForm) -> Merged<T> {
        Merged { layers, form, way: Vec::new() }
    }

    /// The layers that have a part of a directory, the topmost first.
    fn parts(&mut self, directory: &[u8]) -> Answer<Vec<usize>> {
        while self.way.last().is_some_and(|(known, _)| !is_within(directory, known)) {
            self.way.pop();
        }
        if let Some((known, parts)) = self.way.last()
            && known == directory
        {
            return Ok(parts.clone());
        }
        let above = match directory {
            b"" => (0..self.layers.len()).collect(),
            path => self.parts(split(path).0)?,
        };
        let parts = self.parts_among(directory, &above)?;
        self.way.push((directory.to_vec(), parts.clone()));
        Ok(parts)
    }

    fn parts_among(&mut self, directory: &[u8], above: &[usize]) -> Answer<Vec<usize>> {
        let mut parts = Vec::new();
        for index in above {
            match self.layers[*index].look(directory) {
                Err(errno) if is_missing(errno) => {}
                Ok(look) if look.kind == NodeKind::Directory => {
                    parts.push(*index);
                    // overlayfs does not look at the mark of a top.
                    if !directory.is_empty() && self.is_opaque(*index, directory)? {
                        break;
                    }
                }
                // What is no directory hides the directories below it.
                Ok(look) if look.kind == NodeKind::WHITEOUT || !parts.is_empty() => break,
                Ok(_) => return Err(Errno::ENOTDIR),
                Err(errno) => return Err(errno),
            }
        }
        if parts.is_empty() { Err(Errno::ENOENT) } else { Ok(parts) }
    }

    fn is_opaque(&mut self, index: usize, directory: &[u8]) -> Answer<bool> {
        let mark = self.form.opaque();
        let attributes = self.layers[index].attributes(directory, NodeKind::Directory)?;
        Ok(attributes.iter().any(|(name, value)| name == mark && value == b"y"))
    }

    /// The layer that a name is seen of.
    fn topmost(&mut self, path: &[u8]) -> Answer<(usize, Look)> {
        let within = if path.is_empty() { (0..self.layers.len()).collect() } else { self.parts(split(path).0)? };
        for index in within {
            match self.layers[index].look(path) {
                Err(errno) if is_missing(errno) => {}
                Ok(look) if look.kind == NodeKind::WHITEOUT => return Err(Errno::ENOENT),
                answer => return answer.map(|look| (index, look)),
            }
        }
        Err(Errno::ENOENT)
    }
}

/// `path` is `directory`, or in it.
fn is_within(path: &[u8], directory: &[u8]) -> bool {
    let rest = path.strip_prefix(directory);
    rest.is_some_and(|rest| directory.is_empty() || rest.is_empty() || rest.starts_with(b"/"))
}

impl<T: Tree> Tree for Merged<T> {
    type Source = T::Source;

    fn look(&mut self, path: &[u8]) -> Answer<Look> {
        self.topmost(path).map(|(_, look)| look)
    }

    fn names(&mut self, path: &[u8]) -> Answer<Vec<Vec<u8>>> {
        let (mut seen, mut names) = (BTreeSet::new(), Vec::new());
        for index in self.parts(path)? {
            for name in self.layers[index].names(path)? {
                if seen.contains(&name) {
                    continue;
                }
                if self.layers[index].look(&join(path, &name))?.kind != NodeKind::WHITEOUT {
                    names.push(name.clone());
                }
                seen.insert(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn symlink_text(&mut self, path: &[u8]) -> Answer<Vec<u8>> {
        let (index, _) = self.topmost(path)?;
        self.layers[index].symlink_text(path)
    }

    fn open(&mut self, path: &[u8]) -> Answer<T::Source> {
        let (index, _) = self.topmost(path)?;
        self.layers[index].open(path)
    }

    /// Without the mark of an opaque directory: there is nothing below.
    fn attributes(&mut self, path: &[u8], kind: NodeKind) -> Answer<Vec<Attribute>> {
        let (index, _) = self.topmost(path)?;
        let mark = self.form.opaque();
        let mut all = self.layers[index].attributes(path, kind)?;
        all.retain(|(name, _)| name != mark);
        Ok(all)
    }
}
