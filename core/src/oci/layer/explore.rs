//! What each layer of an image brings, changes and removes, and which of its bytes nobody sees: for `glassbox layers`.
//!
//! Layers are read as they stand extracted, in overlayfs' form. A byte is wasted where a later layer has another file of the name, or has
//! removed it: it is in the image all the same, and goes over the network each time.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::form::join;
use super::{LayerError, LayerFault, NodeKind, OverlayForm, Tree};
use crate::archive::shown;
use crate::errno::Errno;

/// An image with more files in all its layers is not looked through: its table would not fit into memory.
pub const FILES_MAX: usize = 2_000_000;

/// What a layer does to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Touch {
    /// It was not there.
    Added,
    /// It was there.
    Changed,
    /// It goes.
    Removed,
}

impl Touch {
    /// What a later layer has done with a file that it hides.
    pub fn hiding_told(self) -> &'static str {
        if self == Touch::Removed { "removed" } else { "overwritten" }
    }
}

/// A path that a layer has something to say of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    /// Absolute, in the image.
    pub path: String,
    /// What the layer does.
    pub touch: Touch,
    /// `file`, `directory`, `link`, `device`, `fifo`; of what is removed, what it was.
    pub kind: String,
    /// Bytes of a file in this layer.
    pub bytes: u64,
    /// Permission bits.
    pub mode: u32,
    /// Owner and group.
    pub owner: (u32, u32),
    /// A directory that hides all that was in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub opaque: bool,
}

/// Bytes of one layer that another one hides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waste {
    /// Absolute, in the image.
    pub path: String,
    /// How many.
    pub bytes: u64,
    /// The layer that has them, from 1.
    pub layer: usize,
    /// The layer that hides them.
    pub by: usize,
    /// `Changed` or `Removed`.
    pub cause: Touch,
}

impl Waste {
    /// What the later layer has done with it.
    pub fn cause_told(&self) -> &'static str {
        self.cause.hiding_told()
    }
}

/// What is in the layers of an image, from the lowest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explored {
    /// Of each layer its paths, in order.
    pub layers: Vec<Vec<Touched>>,
    /// The largest first.
    pub waste: Vec<Waste>,
}

/// What the layers below show under a path.
#[derive(Clone, Debug)]
struct Seen {
    kind: &'static str,
    bytes: u64,
    /// The layer whose bytes they are, from 1.
    layer: usize,
}

/// Looks through layers, from the lowest.
pub fn explore<T: Tree>(layers: &mut [T], form: OverlayForm) -> Result<Explored, LayerError> {
    let mut explorer = Explorer { form, seen: BTreeMap::new(), explored: Explored::default(), files: 0 };
    for (index, layer) in layers.iter_mut().enumerate() {
        explorer.layer(layer, index + 1)?;
    }
    let mut explored = explorer.explored;
    explored.waste.sort_by(|one, other| (other.bytes, &one.path, one.layer).cmp(&(one.bytes, &other.path, other.layer)));
    Ok(explored)
}

struct Explorer {
    form: OverlayForm,
    seen: BTreeMap<Vec<u8>, Seen>,
    explored: Explored,
    files: usize,
}

fn call(call: &'static str) -> impl Fn(Errno) -> LayerFault {
    move |errno| LayerFault::Call { call, errno }
}

fn name_of(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Directory => "directory",
        NodeKind::File => "file",
        NodeKind::Symlink => "link",
        NodeKind::Fifo => "fifo",
        NodeKind::Socket => "socket",
        NodeKind::CharDevice { .. } | NodeKind::BlockDevice { .. } => "device",
    }
}

fn absolute(path: &[u8]) -> String {
    format!("/{}", String::from_utf8_lossy(path))
}

impl Explorer {
    fn layer<T: Tree>(&mut self, tree: &mut T, number: usize) -> Result<(), LayerError> {
        let (mut touched, mut links) = (Vec::new(), BTreeSet::new());
        let mut pending = vec![Vec::new()];
        while let Some(path) = pending.pop() {
            let answer = self.path(tree, (number, &path), &mut touched, &mut links, &mut pending);
            answer.map_err(|fault| LayerError { entry: shown(&path), fault })?;
        }
        self.explored.layers.push(touched);
        Ok(())
    }

    fn path<T: Tree>(
        &mut self,
        tree: &mut T,
        at: (usize, &Vec<u8>),
        touched: &mut Vec<Touched>,
        links: &mut BTreeSet<(u64, u64)>,
        pending: &mut Vec<Vec<u8>>,
    ) -> Result<(), LayerFault> {
        let (number, path) = at;
        let look = tree.look(path).map_err(call("lstat"))?;
        self.files += 1;
        if self.files > FILES_MAX {
            return Err(LayerFault::Archive(crate::archive::Fault::Exceeded { limit: "files in an image", max: FILES_MAX as u64 }));
        }
        if look.kind == NodeKind::WHITEOUT {
            touched.extend(self.removed(path, number));
            return Ok(());
        }
        // overlayfs does not look at the mark of a top.
        let opaque = !path.is_empty() && look.kind == NodeKind::Directory && self.is_opaque(tree, path)?;
        if opaque {
            self.hide_below(path, number, Touch::Removed);
        }
        // Of a file with several names the bytes are there once.
        let again = look.links > 1 && look.kind != NodeKind::Directory && !links.insert(look.identity);
        let bytes = if look.kind == NodeKind::File && !again { look.size_bytes.max(look.modelled_bytes) } else { 0 };
        let kind = name_of(look.kind);
        if !path.is_empty() {
            let before = self.replace(path, number, (kind, bytes));
            let touch = if before { Touch::Changed } else { Touch::Added };
            let owner = (look.uid, look.gid);
            touched.push(Touched { path: absolute(path), touch, kind: kind.into(), bytes, mode: look.mode, owner, opaque });
        }
        if look.kind == NodeKind::Directory {
            let names = tree.names(path).map_err(call("getdents"))?;
            pending.extend(names.iter().rev().map(|name| join(path, name)));
        }
        Ok(())
    }

    fn is_opaque<T: Tree>(&self, tree: &mut T, path: &[u8]) -> Result<bool, LayerFault> {
        let attributes = tree.attributes(path, NodeKind::Directory).map_err(call("listxattr"))?;
        Ok(attributes.iter().any(|(name, value)| name == self.form.opaque() && value == b"y"))
    }

    /// A whiteout of what is there.
    fn removed(&mut self, path: &[u8], number: usize) -> Option<Touched> {
        let before = self.seen.get(path)?.clone();
        self.hide_below(path, number, Touch::Removed);
        self.hide(path, number, Touch::Removed);
        let (touch, kind) = (Touch::Removed, before.kind.to_string());
        Some(Touched { path: absolute(path), touch, kind, bytes: 0, mode: 0, owner: (0, 0), opaque: false })
    }

    /// Something else is there now. Whether there was something before.
    fn replace(&mut self, path: &[u8], number: usize, now: (&'static str, u64)) -> bool {
        let before = self.seen.get(path).map(|seen| seen.kind);
        if before == Some("directory") && now.0 != "directory" {
            self.hide_below(path, number, Touch::Changed);
        }
        self.hide(path, number, Touch::Changed);
        self.seen.insert(path.to_vec(), Seen { kind: now.0, bytes: now.1, layer: number });
        before.is_some()
    }

    fn hide(&mut self, path: &[u8], by: usize, cause: Touch) {
        if let Some(seen) = self.seen.remove(path).filter(|seen| seen.bytes > 0 && seen.layer != by) {
            self.explored.waste.push(Waste { path: absolute(path), bytes: seen.bytes, layer: seen.layer, by, cause });
        }
    }

    /// All that is in a directory.
    fn hide_below(&mut self, path: &[u8], by: usize, cause: Touch) {
        let below = if path.is_empty() { Vec::new() } else { join(path, b"") };
        let within = self.seen.range(below.clone()..).map(|(known, _)| known).take_while(|known| known.starts_with(&below));
        // What this layer has put there itself stays: it stands in the archive behind the mark.
        let hidden: Vec<Vec<u8>> =
            within.filter(|known| self.seen.get(*known).is_some_and(|seen| seen.layer != by)).cloned().collect();
        hidden.iter().for_each(|known| self.hide(known, by, cause));
    }
}
