//! Steps on images, made by the engine's process in files of the model's machine.

use std::rc::Rc;

use super::store::{make_directory, remove_tree, write_file};
use super::{Carried, called, done};
use crate::errno::Errno;
use crate::oci::image::Index;
use crate::sim::kernel::Kernel;
use crate::sim::tables::{Content, Data, NodeId};
use crate::step::{BlobContent, ImageStep};
use crate::userland::SysResult;

const BLOB_MODE: u32 = 0o644;
const DIRECTORY_MODE: u32 = 0o755;
/// What says that a directory is an image layout (OCI image specification, image-layout.md).
const LAYOUT: &str = "{\"imageLayoutVersion\":\"1.0.0\"}";

pub(super) fn execute(step: &ImageStep, kernel: &mut Kernel) -> Carried {
    match step {
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
            write_file(kernel, path, BLOB_MODE, "")?;
            let zeros = kernel.host.toolbox.archive_bytes;
            let place = kernel.walk(kernel.engine, path, true)?;
            let NodeId::Inode(id) = place.node else { return Err(Errno::EINVAL) };
            kernel.inode_mut(id)?.content = Content::File(Data { bytes: Rc::new(Vec::new()), zeros });
            Ok(())
        }
    }
}

/// Reads the index, or begins one, and writes it as it is after the change.
pub(super) fn change(kernel: &mut Kernel, path: &str, how: impl FnOnce(&mut Index)) -> SysResult<()> {
    let mut index = match kernel.walk(kernel.engine, path, true) {
        Ok(place) => {
            let NodeId::Inode(id) = place.node else { return Err(Errno::EINVAL) };
            let Content::File(data) = &kernel.inode(id)?.content else { return Err(Errno::EISDIR) };
            Index::read(&data.bytes).map_err(|_| Errno::EINVAL)?
        }
        Err(Errno::ENOENT) => Index::default(),
        Err(errno) => return Err(errno),
    };
    how(&mut index);
    let directory = path.rsplit_once('/').map_or("/", |(directory, _)| directory);
    make_directory(kernel, directory, DIRECTORY_MODE)?;
    write_file(kernel, &format!("{directory}/oci-layout"), BLOB_MODE, LAYOUT)?;
    write_file(kernel, path, BLOB_MODE, &index.written())
}
