//! Image layers: archives of changes, and the directories that overlayfs merges.
//!
//! ```text
//! blob ─▶ compression: gzip, zstd, none; digest of the blob ─▶ unpack: entry by entry, diff id ─▶ directory in overlayfs' form
//! directory in overlayfs' form ─▶ pack: sorted, whole seconds, diff id ─▶ Compressor: digest of the blob ─▶ blob
//! ```
//! Written once for both kernels: each is a [`Disk`]. A layer is a stranger's: [`LayerLimits`] bound it, names are resolved below the top of
//! the disk alone, and the rest of what it could try is refused with the entry's name ([`LayerFault`]). On an error the directory is
//! left half made: **the caller removes it**. OCI image specification, layer.md; moby's and containerd's archive packages for what
//! it leaves open; Documentation/filesystems/overlayfs.rst.

mod blob;
mod changes;
mod compare;
mod compression;
mod digest;
mod disk;
mod explore;
mod fault;
mod form;
mod merged;
mod pack;
mod unpack;

pub use blob::{Fresh, import_blob, pack_blob};
pub use changes::{Change, ChangeKind, changes, in_lines};
pub use compare::compare;
pub use compression::{Blob, Compression, Compressor};
pub use digest::Digested;
pub use disk::{Attributes, Disk, Look, NodeKind, Tree};
pub use explore::{Explored, Touch, Touched, Waste, explore};
pub use fault::{LayerError, LayerFault};
pub use form::OverlayForm;
pub use merged::Merged;
pub use pack::{PackOptions, Packed, pack};
pub use unpack::{LayerLimits, UnpackOptions, Unpacked, unpack};

#[cfg(test)]
mod tests;
