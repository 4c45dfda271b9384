//! What the engine finds on the modelled machine before it plans: facts, and no system calls of a step.

use std::collections::BTreeSet;

use super::kernel::Kernel;
use super::tables::{Content, NodeId};
use crate::device::{Device, DeviceKind, NOT_DEVICES};
use crate::host::{OwnerFact, SourceKind};
use crate::userland::FileKind;

/// So many files are listed.
pub const FILES_LISTED_MAX: usize = 200;

impl Kernel {
    /// What lies at a path of the host; `None`: nothing that the engine could see.
    pub fn source_kind(&self, path: &str) -> Option<SourceKind> {
        let place = self.walk(self.engine, path, true).ok()?;
        let kind = self.attributes(&place.node).ok()?.kind;
        Some(if kind == FileKind::Directory { SourceKind::Directory } else { SourceKind::File })
    }

    /// The beginning of a file of the host, as text; `None`: there is none.
    pub fn text_of_host(&self, path: &str) -> Option<String> {
        const BYTES_MAX: usize = 64 << 10;
        let place = self.walk(self.engine, path, true).ok()?;
        let NodeId::Inode(id) = place.node else { return None };
        Some(String::from_utf8_lossy(&self.read_inode(id, 0, BYTES_MAX).ok()?).into_owned())
    }

    /// The regular files below a directory of the host, by name: the first [`FILES_LISTED_MAX`].
    pub fn files_below(&self, directory: &str) -> Vec<String> {
        let Ok(place) = self.walk(self.engine, directory, true) else { return Vec::new() };
        let mut found = Vec::new();
        for name in self.names(&place.node).unwrap_or_default() {
            let path = format!("{}/{name}", directory.trim_end_matches('/'));
            let kind = self.walk(self.engine, &path, false).and_then(|place| self.attributes(&place.node)).map(|found| found.kind);
            match kind {
                Ok(FileKind::Directory) => found.extend(self.files_below(&path)),
                Ok(FileKind::File) => found.push(path),
                _ => {}
            }
        }
        found.truncate(FILES_LISTED_MAX);
        found
    }

    /// Whose the file at a path of the host is.
    pub fn file_owner(&self, path: &str) -> Option<OwnerFact> {
        let place = self.walk(self.engine, path, true).ok()?;
        let found = self.attributes(&place.node).ok()?;
        let directory = found.kind == FileKind::Directory;
        Some(OwnerFact { uid: found.uid, gid: found.gid, mode: found.mode & 0o7777, directory })
    }

    /// The device at a path of the host, or all below it.
    pub fn devices_below(&self, path: &str) -> Vec<Device> {
        let Ok(place) = self.walk(self.engine, path, true) else { return Vec::new() };
        let Ok(attributes) = self.attributes(&place.node) else { return Vec::new() };
        if attributes.kind == FileKind::Directory {
            let names = self.names(&place.node).unwrap_or_default();
            let names = names.into_iter().filter(|name| !NOT_DEVICES.contains(&name.as_str()));
            return names.flat_map(|name| self.devices_below(&format!("{}/{name}", path.trim_end_matches('/')))).collect();
        }
        let kind = match attributes.kind {
            FileKind::CharDevice => DeviceKind::Char,
            FileKind::BlockDevice => DeviceKind::Block,
            _ => return Vec::new(),
        };
        let Some((major, minor)) = attributes.rdev else { return Vec::new() };
        let (mode, uid, gid) = (attributes.mode, attributes.uid, attributes.gid);
        vec![Device { host: path.into(), path: path.into(), kind, major, minor, mode, uid, gid, permissions: "rwm".into() }]
    }

    /// Bytes of all files and links below a path of the host; of a file with several names once.
    pub fn bytes_below(&self, path: &str) -> u64 {
        let Ok(NodeId::Inode(top)) = self.walk(self.engine, path, true).map(|place| place.node) else { return 0 };
        let (mut pending, mut seen, mut bytes) = (vec![top], BTreeSet::new(), 0);
        while let Some(id) = pending.pop() {
            if !seen.insert(id) {
                continue;
            }
            match self.inode(id).map(|inode| &inode.content) {
                Ok(Content::Directory { entries, .. }) => pending.extend(entries.values().copied()),
                Ok(Content::File(data)) => bytes += data.len(),
                Ok(Content::Symlink(target)) => bytes += target.len() as u64,
                _ => {}
            }
        }
        bytes
    }
}
