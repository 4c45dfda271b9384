//! What lies in the store, by its names alone: for `fsck` and `image prune`.

use std::fs;
use std::path::Path;

use glassbox_core::oci::audit::StoreListing;
use glassbox_core::oci::digest::is_sha256;

use super::{ProcessIdentity, Store};
use crate::journal;

impl Store {
    /// The listing. To be made under the lock on the records: then what a command at work has made is in its journal.
    pub fn listing(&self) -> StoreListing {
        let mut listing = StoreListing::default();
        let layout = self.layout();
        for (name, path, bytes) in entries(Path::new(&layout.blobs())) {
            let digest = format!("sha256:{name}");
            match is_sha256(&digest) {
                true => drop(listing.blobs.insert(digest, bytes)),
                false if is_dead(&name) => listing.strays.push(path),
                false => {}
            }
        }
        let beside = Path::new(&layout.image_index()).parent().map(Path::to_path_buf).unwrap_or_default();
        listing.strays.extend(entries(&beside).into_iter().filter(|(name, _, _)| is_dead(name)).map(|(_, path, _)| path));
        for (name, path, _) in entries(Path::new(&layout.layers())) {
            let diff_id = format!("sha256:{name}");
            match is_sha256(&diff_id) {
                true => drop(listing.layers.insert(diff_id)),
                false if is_dead(&name) => listing.strays.push(path),
                false => {}
            }
        }
        listing.containers = entries(Path::new(&layout.containers())).into_iter().map(|(name, _, _)| name).collect();
        listing.awaited = journal::awaited_blobs(self);
        listing
    }
}

/// Names, paths and sizes, sorted by name.
fn entries(directory: &Path) -> Vec<(String, String, u64)> {
    let mut all: Vec<(String, String, u64)> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let path = entry.path().into_os_string().into_string().ok()?;
            Some((name, path, entry.metadata().map_or(0, |metadata| metadata.len())))
        })
        .collect();
    all.sort_unstable();
    all
}

/// Its name tells who writes it: `.incoming-PID-START-N`, `….part-PID-START-N`, `.NAME.PID.N`; and that one is dead.
fn is_dead(name: &str) -> bool {
    if let Some(owner) = name.strip_prefix(".incoming-").or_else(|| name.split_once(".part-").map(|(_, owner)| owner)) {
        return ProcessIdentity::from_name(owner).is_some_and(|owner| !owner.is_alive());
    }
    // Beside its place for a moment only, under the lock that we hold.
    name.starts_with('.') && name.rsplit('.').take(2).all(|part| part.parse::<u32>().is_ok())
}
