//! What the engine finds on the modelled machine before it plans: facts, and no system calls of a step.

use super::kernel::Kernel;
use super::tables::{Content, InodeId, NodeId};
use crate::host::SourceKind;
use crate::userland::FileKind;

impl Kernel {
    /// What lies at a path of the host; `None`: nothing that the engine could see.
    pub fn source_kind(&self, path: &str) -> Option<SourceKind> {
        let place = self.walk(self.engine, path, true).ok()?;
        let kind = self.attributes(&place.node).ok()?.kind;
        Some(if kind == FileKind::Directory { SourceKind::Directory } else { SourceKind::File })
    }

    /// Bytes of all files below a path of the host.
    pub fn bytes_below(&self, path: &str) -> u64 {
        match self.walk(self.engine, path, true).map(|place| place.node) {
            Ok(NodeId::Inode(id)) => self.bytes_of(id),
            _ => 0,
        }
    }

    fn bytes_of(&self, id: InodeId) -> u64 {
        match self.inode(id).map(|inode| &inode.content) {
            Ok(Content::Directory { entries, .. }) => entries.values().map(|entry| self.bytes_of(*entry)).sum(),
            Ok(Content::File(data)) => data.len(),
            _ => 0,
        }
    }
}
