//! Steps on images, made by the engine's process in files of the model's machine.

use std::rc::Rc;

use super::store::{make_directory, remove_tree, write_file};
use super::{Carried, Run, called, done};
use crate::errno::Errno;
use crate::model::State;
use crate::oci::image::Index;
use crate::oci::image::transfer::{LAYOUT, Wording};
use crate::sim::kernel::Kernel;
use crate::sim::tables::{Content, Data, NodeId};
use crate::step::{BlobContent, ImageStep};
use crate::userland::SysResult;

const BLOB_MODE: u32 = 0o644;
const DIRECTORY_MODE: u32 = 0o755;
/// The archive of the toolbox's layer is not in the model, only how long it is and what digest it has: this is what it begins with.
pub(super) const MODELLED_ARCHIVE: &str =
    "The archive of the toolbox image's layer is modelled: what follows stands for its bytes.\n";

pub(super) fn execute(step: &ImageStep, kernel: &mut Kernel, run: &mut Run, state: &State) -> Carried {
    match step {
        ImageStep::SaveImages { images, output } => super::transfer::save(kernel, run, images, output.as_ref())?,
        ImageStep::LoadImages { input, quiet } => return super::transfer::load(kernel, run, (input.as_ref(), *quiet), state),
        ImageStep::PackLayer(packed) => return super::layer::pack(kernel, run, packed),
        ImageStep::ImportLayer(imported) => return super::layer::import(kernel, run, imported),
        ImageStep::RecordImage { index, id, manifest, .. } => return super::layer::record(kernel, index, id, manifest),
        ImageStep::ShowChanges(files) => return super::layer::show_changes(kernel, run, files),
        ImageStep::ExportFiles { files, output } => super::layer::export(kernel, run, files, output.as_ref(), Wording::Export)?,
        ImageStep::CheckStore { user_xattr } => return super::layer::check(kernel, run, state, *user_xattr),
        ImageStep::ShowLayers(shown) => return super::layer::show_layers(kernel, run, shown),
        ImageStep::RemoveStray { path } => called(remove_tree(kernel, path), "unlinkat")?,
        ImageStep::WriteBlob { path, content, .. } => called(write_blob(kernel, path, content), "openat")?,
        ImageStep::TagImage { index, name, manifest, .. } => {
            called(change(kernel, index, |found| found.tag(name, manifest)), "rename")?;
        }
        ImageStep::UntagImage { index, name, .. } => called(
            change(kernel, index, |found| {
                found.untag(name);
            }),
            "rename",
        )?,
        ImageStep::ForgetImage { index, manifest, .. } => called(change(kernel, index, |found| found.remove(manifest)), "rename")?,
        ImageStep::RemoveBlob { path, .. } => {
            let engine = kernel.engine;
            called(kernel.remove_node(engine, path, false), "unlink")?;
        }
        ImageStep::RemoveLayer { directory, .. } => called(remove_tree(kernel, directory), "rmdir")?,
    }
    done(kernel)
}

fn write_blob(kernel: &mut Kernel, path: &str, content: &BlobContent) -> SysResult<()> {
    let directory = path.rsplit_once('/').map_or("/", |(directory, _)| directory);
    make_directory(kernel, directory, DIRECTORY_MODE)?;
    match content {
        BlobContent::Text(text) => write_file(kernel, path, BLOB_MODE, text),
        // The archive itself is not in the model, only how long it is.
        BlobContent::Toolbox => {
            let head = MODELLED_ARCHIVE.as_bytes().to_vec();
            let zeros = kernel.host.toolbox.archive_bytes.saturating_sub(head.len() as u64);
            write_data(kernel, path, BLOB_MODE, Data { bytes: Rc::new(head), zeros })
        }
    }
}

/// A new file with these bytes, in the place of one that is there.
pub(super) fn write_data(kernel: &mut Kernel, path: &str, mode: u32, data: Data) -> SysResult<()> {
    write_file(kernel, path, mode, "")?;
    let place = kernel.walk(kernel.engine, path, true)?;
    let NodeId::Inode(id) = place.node else { return Err(Errno::EINVAL) };
    kernel.inode_mut(id)?.content = Content::File(data);
    Ok(())
}

/// The content of a file of the machine's disk.
pub(super) fn data_at(kernel: &Kernel, path: &str) -> SysResult<Data> {
    let place = kernel.walk(kernel.engine, path, true)?;
    let NodeId::Inode(id) = place.node else { return Err(Errno::EINVAL) };
    match &kernel.inode(id)?.content {
        Content::File(data) => Ok(data.clone()),
        _ => Err(Errno::EISDIR),
    }
}

/// Reads the index, or begins one, and writes it as it is after the change.
pub(super) fn change(kernel: &mut Kernel, path: &str, how: impl FnOnce(&mut Index)) -> SysResult<()> {
    let mut index = match data_at(kernel, path) {
        Ok(data) => Index::read(&data.bytes).map_err(|_| Errno::EINVAL)?,
        Err(Errno::ENOENT) => Index::default(),
        Err(errno) => return Err(errno),
    };
    how(&mut index);
    let directory = path.rsplit_once('/').map_or("/", |(directory, _)| directory);
    make_directory(kernel, directory, DIRECTORY_MODE)?;
    write_file(kernel, &format!("{directory}/oci-layout"), BLOB_MODE, LAYOUT)?;
    write_file(kernel, path, BLOB_MODE, &index.written())
}
