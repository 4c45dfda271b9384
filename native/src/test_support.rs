//! For the unit tests of this package: a data root that goes when it is dropped, and a container to put on record.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use glassbox_core::model::{Container, ContainerId};
use glassbox_core::step::samples;

use crate::store::Store;

/// An empty directory below the machine's directory for temporary files.
pub struct TempRoot(PathBuf);

impl TempRoot {
    /// A new one.
    pub fn new() -> TempRoot {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("glassbox-test-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        TempRoot(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A store in it.
    pub fn store(&self) -> Store {
        Store::open(&self.0).unwrap()
    }
}

impl Drop for TempRoot {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A created container, with its directory below `store`.
pub fn container(store: &Store, id: &str) -> Container {
    let id = ContainerId(id.into());
    std::fs::create_dir_all(store.layout().container(&id)).unwrap();
    Container { name: format!("name-{id}"), id, layers: vec!["sha256:abc".into()], created_ns: 1, ..samples::container() }
}
