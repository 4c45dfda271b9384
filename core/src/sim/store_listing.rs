//! What lies in the model's store, by its names alone.

use crate::layout::Layout;
use crate::oci::audit::StoreListing;
use crate::oci::digest::is_sha256;
use crate::sim::kernel::Kernel;

/// The listing of the machine's store. Nobody is killed in the model: there is nothing half written.
pub fn store_listing(kernel: &Kernel) -> StoreListing {
    let layout = Layout::new(&kernel.host.data_root);
    let place = |path: &str| kernel.walk(kernel.engine, path, true);
    let names = |path: &str| place(path).and_then(|place| kernel.names(&place.node)).unwrap_or_default();
    let bytes = |path: &str| place(path).and_then(|place| kernel.attributes(&place.node)).map_or(0, |found| found.size);
    let digests =
        |directory: &str| names(directory).into_iter().map(|name| format!("sha256:{name}")).filter(|digest| is_sha256(digest));
    StoreListing {
        blobs: digests(&layout.blobs()).map(|digest| (digest.clone(), bytes(&layout.blob(&digest)))).collect(),
        layers: digests(&layout.layers()).collect(),
        containers: names(&layout.containers()).into_iter().collect(),
        ..StoreListing::default()
    }
}
