//! An image of the catalogue into the model's store, as if it had been pulled.

use std::rc::Rc;

use super::image::{change, write_data};
use super::store::make_directory;
use super::transfer::FILE_MODE;
use crate::catalogue::Listed;
use crate::errno::Errno;
use crate::layout::Layout;
use crate::model::Image;
use crate::oci::image::one;
use crate::sim::kernel::Kernel;
use crate::sim::tables::Data;
use crate::userland::SysResult;

/// Its blobs and its line in the index. The image is not extracted; its layers are as long as those of the real one.
pub fn shelve(kernel: &mut Kernel, listed: &Listed) -> SysResult<Image> {
    let host = Rc::clone(&kernel.host);
    let layout = Layout::new(&host.data_root);
    for blob in [&listed.manifest, &listed.config].into_iter().chain(&listed.layers) {
        let path = layout.blob(&blob.descriptor.digest);
        make_directory(kernel, path.rsplit_once('/').map_or("/", |(directory, _)| directory), 0o755)?;
        write_data(kernel, &path, FILE_MODE, Data { bytes: Rc::new(blob.bytes.clone()), zeros: 0 })?;
    }
    let read = |digest: &str| listed.blob(digest).map(|blob| blob.bytes.clone());
    let mut image = one(&listed.manifest.descriptor.digest, &read).map_err(|_| Errno::EINVAL)?;
    image.names = vec![listed.name.clone()];
    for layer in &mut image.layers {
        layer.size_bytes = listed.blob(&layer.blob).map_or(layer.size_bytes, |blob| blob.content_bytes);
    }
    change(kernel, &layout.image_index(), |index| index.take_in(std::slice::from_ref(&image)))?;
    Ok(image)
}
