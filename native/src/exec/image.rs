//! Steps on images, by way of `crate::store`.

use std::fs;
use std::path::Path;

use glassbox_core::errno::Errno;
use glassbox_core::step::{BlobContent, ImageStep};

use super::{Done, Failure, NameCall};
use crate::store::Store;

/// Carries the step out.
pub fn carry_out(step: &ImageStep, store: &Store) -> Done {
    match step {
        ImageStep::WriteBlob { path, content, .. } => {
            let bytes = match content {
                BlobContent::Text(text) => text.as_bytes(),
                BlobContent::Toolbox => crate::toolbox::ARCHIVE,
            };
            store.write_blob(Path::new(path), bytes).call("write")
        }
        ImageStep::TagImage { name, manifest, .. } => store.change_index(|index| index.tag(name, manifest)).call("rename"),
        ImageStep::UntagImage { name, .. } => store
            .change_index(|index| {
                index.untag(name);
            })
            .call("rename"),
        ImageStep::ForgetImage { manifest, .. } => store.change_index(|index| index.remove(manifest)).call("rename"),
        // The engine's: they have to do with the caller.
        ImageStep::SaveImages { .. }
        | ImageStep::LoadImages { .. }
        | ImageStep::PackLayer(_)
        | ImageStep::ImportLayer(_)
        | ImageStep::RecordImage { .. }
        | ImageStep::ShowChanges(_)
        | ImageStep::CheckStore { .. }
        | ImageStep::ShowLayers(_)
        | ImageStep::ExportFiles { .. } => Err(Failure::of(step.name(), Errno::ENOSYS)),
        ImageStep::RemoveBlob { path, .. } => fs::remove_file(path).call("unlink"),
        ImageStep::RemoveStray { path } => store.remove(Path::new(path)).call("unlinkat"),
        ImageStep::RemoveLayer { directory, .. } => store.remove(Path::new(directory)).call("rmdir"),
    }
}
