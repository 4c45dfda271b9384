//! Networks on disk: a file of each, named by its id.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use glassbox_core::model::Network;

use super::{Store, StoreError};

/// A larger record is refused.
const RECORD_BYTES_MAX: u64 = 1 << 20;

fn directory(root: &Path) -> PathBuf {
    root.join("networks")
}

fn file(root: &Path, id: &str) -> PathBuf {
    directory(root).join(format!("{id}.json"))
}

/// Writes the record of a network.
pub fn save(root: &Path, network: &Network) -> Result<(), StoreError> {
    let below = directory(root);
    if !below.is_dir() {
        DirBuilder::new().recursive(true).mode(0o711).create(&below).map_err(StoreError::io("make the directory", &below))?;
    }
    let path = file(root, &network.id);
    let bytes = serde_json::to_vec(network).map_err(|error| StoreError::Record { path: path.clone(), why: error.to_string() })?;
    let temporary = below.join(format!(".{}.{}", network.id, std::process::id()));
    let open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary);
    let written = open.and_then(|mut file| file.write_all(&bytes)).and_then(|()| fs::rename(&temporary, &path));
    written.map_err(StoreError::io("write", &path))
}

/// Strikes a network off the record.
pub fn remove(store: &Store, id: &str) -> Result<(), StoreError> {
    store.remove(&file(store.root(), id))
}

/// All that are on record, and what could not be read.
pub fn load(root: &Path) -> Result<(Vec<Network>, Vec<StoreError>), StoreError> {
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    let path = directory(root);
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok((found, unreadable)),
        Err(error) => return Err(StoreError::io("read the directory", &path)(error)),
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(id) = name.to_str().and_then(|name| name.strip_suffix(".json")).filter(|id| !id.starts_with('.')) else {
            continue;
        };
        match read(&entry.path()) {
            Ok(network) if network.id == id => found.push(network),
            Ok(_) => {}
            Err(error) => unreadable.push(error),
        }
    }
    Ok((found, unreadable))
}

fn read(path: &Path) -> Result<Network, StoreError> {
    let mut bytes = Vec::new();
    let open = fs::File::open(path).map_err(StoreError::io("read", path))?;
    open.take(RECORD_BYTES_MAX).read_to_end(&mut bytes).map_err(StoreError::io("read", path))?;
    serde_json::from_slice(&bytes).map_err(|error| StoreError::Record { path: path.to_path_buf(), why: error.to_string() })
}
