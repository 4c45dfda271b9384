//! Layers that have come in with an archive: each is extracted while it is digested, by all processors at once.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use glassbox_core::observe::ExtractedLayer;
use glassbox_core::oci::image::transfer::{Arrived, TransferError, archive_digest};

use crate::exec::Failure;
use crate::exec::store::extract_new;
use crate::store::Store;

/// Of each layer, in their order, the digest of its archive. `unpacked` is given those that were not there before.
pub(super) fn look_into(
    store: &Store,
    layers: &[Arrived],
    unpacked: &mut Vec<ExtractedLayer>,
) -> Vec<Result<String, TransferError>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let places = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        places.map_while(|at| Some((at, one(store, layers.get(at)?)))).collect::<Vec<_>>()
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(layers.len());
    let mut found: Vec<_> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        own.into_iter().chain(others.into_iter().flat_map(|other| other.join().unwrap_or_default())).collect()
    });
    found.sort_unstable_by_key(|(at, _)| *at);
    let mut digests = Vec::new();
    for ((_, answer), layer) in found.into_iter().zip(layers) {
        digests.push(answer.map(|(digest, is_new)| {
            if is_new {
                let directory = store.layout().layer(&layer.diff_id);
                unpacked.push(ExtractedLayer { diff_id: layer.diff_id.clone(), directory });
            }
            digest
        }));
    }
    digests
}

fn one(store: &Store, layer: &Arrived) -> Result<(String, bool), TransferError> {
    let (blob, directory) = (store.layout().blob(&layer.blob), store.layout().layer(&layer.diff_id));
    let refused = |failure: Failure| TransferError::Layer { call: failure.call, errno: failure.errno };
    match extract_new(&layer.diff_id, Path::new(&blob), Path::new(&directory)).map_err(refused)? {
        Some(found) => Ok(found),
        None => {
            let digest = File::open(&blob).and_then(|file| archive_digest(file, &layer.blob));
            digest.map(|digest| (digest, false)).map_err(|error| TransferError::unreadable(&layer.blob, &error))
        }
    }
}
