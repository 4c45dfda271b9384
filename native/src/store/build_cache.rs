//! What builds have left: a record of each result, `<root>/build-cache/<digest of its key>.json`.

use std::fs;
use std::path::Path;

use glassbox_core::build::record;
use glassbox_core::model::{Layer, State};

use super::Store;

impl Store {
    /// Reads the records of the directories that builds have as caches. One without a record is none yet, or no more.
    pub fn load_cache_mounts(&self, state: &mut State) {
        let Ok(entries) = fs::read_dir(self.root().join("build-mounts")) else { return };
        for entry in entries.flatten() {
            let bytes = fs::read(entry.path().join("mount.json")).ok().filter(|bytes| bytes.len() <= record::BYTES_MAX);
            if let (Some(mount), Ok(name)) = (bytes.and_then(|bytes| record::read_mount(&bytes)), entry.file_name().into_string()) {
                state.cache_mounts.insert_mut(name, mount);
            }
        }
    }

    /// The layers that results are made of.
    pub fn cached_layers(&self) -> Vec<Layer> {
        let mut state = State::default();
        self.load_build_cache(&mut state);
        state.build_cache.values().filter_map(|record| record.layer.clone()).collect()
    }

    /// Reads all records. One that cannot be read is no result: what it stands for is made again.
    pub fn load_build_cache(&self, state: &mut State) {
        let directory = self.root().join("build-cache");
        let Ok(entries) = fs::read_dir(&directory) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name();
            let Some(digits) = name.to_str().and_then(|name| name.strip_suffix(".json")) else { continue };
            let is_short = fs::metadata(&path).is_ok_and(|found| found.len() <= record::BYTES_MAX as u64);
            let Some(mut record) = fs::read(&path).ok().filter(|_| is_short).and_then(|bytes| record::read(&bytes)) else {
                continue;
            };
            let key = format!("sha256:{digits}");
            let blob_is_there = |blob: &str| Path::new(&self.layout().blob(blob)).exists();
            if record.key.digest() != key || record.layer.as_ref().is_some_and(|layer| !blob_is_there(&layer.blob)) {
                continue;
            }
            if let Some(layer) = &mut record.layer {
                layer.extracted = Path::new(&self.layout().layer(&layer.diff_id)).is_dir();
            }
            state.build_cache.insert_mut(key, record);
        }
    }
}
