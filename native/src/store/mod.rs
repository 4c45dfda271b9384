//! The engine's records on disk, as `core::layout` names them: who is on record, which layers stand extracted, logs.
//!
//! ```text
//! <root>/                 0711   lock (flock: held while an engine decides on names, records and layers)
//! <root>/layers/          0711   <diff id>/, <diff id>.part-PID-START-N (being extracted)
//! <root>/containers/      0711   <id>/state.json, <id>/<id>-json.log, …
//! <root>/images/          0755   an OCI image layout, see `images`; made with the first name that is given
//! <root>/volumes/         0711   <name>/{_data,volume.json}; made with the first volume
//! <root>/networks/        0711   <id>.json; made with the first network
//! <root>/events.log       0600   what was done: `glassbox events`; the lines before them in events.log.1
//! <root>/journal/         0700   see `crate::journal`
//! <root>/merged/          0755   where overlays appear, each in a mount namespace of its own; nothing is ever in it from outside
//! ```
//!
//! Called by `exec` and `main`. A record is replaced by rename(2), so that a reader sees the old one or the new one, never half of one.
//! One record that cannot be read never hides the others. Nothing here touches a path outside of the root, or follows a link there.

pub mod blobs;
mod build_cache;
pub mod error;
pub mod happenings;
pub mod identity;
pub mod images;
pub mod layer;
mod listing;
pub mod log;
pub mod network;
pub mod record;
pub mod remove;
mod size;
pub mod volume;

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use glassbox_core::layout::Layout;
use glassbox_core::model::{Container, ContainerId, Image, State, Status, predefined};

pub use error::StoreError;
pub use identity::ProcessIdentity;
pub use record::Record;
pub use size::bytes_below;

use crate::sys;

/// The records below a data root. Cheap to open; holds no descriptor and no lock.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    text: String,
}

/// The exclusive lock on the records; given back when dropped, and by the kernel when its process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// What the records say.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The state, with everything that could be read.
    pub state: State,
    /// Who runs the containers that are recorded as running.
    pub processes: BTreeMap<ContainerId, Record>,
    /// Recorded as running, but neither the process nor its monitor is there: `journal::settle` puts the record right.
    pub stale: Vec<ContainerId>,
    /// Records that could not be read: to be told, and no reason to stop.
    pub unreadable: Vec<StoreError>,
}

impl Store {
    /// Opens the records below `root` (absolute), making its directories where they are missing.
    pub fn open(root: &Path) -> Result<Store, StoreError> {
        let store = Store::at(root)?;
        let merged = PathBuf::from(store.layout().merged());
        if !merged.is_dir() {
            make_directory(&store.root, 0o711)?;
            make_directory(&store.root.join("layers"), 0o711)?;
            make_directory(&store.root.join("containers"), 0o711)?;
            make_directory(&store.journal(), 0o700)?;
            make_directory(&merged, 0o755)?;
        }
        Ok(store)
    }

    /// The records below `root`, for who neither reads nor writes any: nothing has to be there.
    pub fn at(root: &Path) -> Result<Store, StoreError> {
        let text = match root.to_str() {
            Some(text) if root.is_absolute() => text.trim_end_matches('/').to_string(),
            _ => return Err(StoreError::Root { path: root.to_path_buf() }),
        };
        Ok(Store { root: PathBuf::from(&text), text })
    }

    /// The data root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where things lie.
    pub fn layout(&self) -> Layout<'_> {
        Layout::new(&self.text)
    }

    /// The directory of the journals.
    pub fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    /// Waits for the exclusive lock. To be held from `load` until the new record is saved, so that no name is given twice and no layer
    /// is taken away between being seen and being used. Not to be taken twice by one process: the second waits for the first.
    pub fn lock(&self) -> Result<Lock, StoreError> {
        let path = self.root.join("lock");
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let file = file.map_err(StoreError::io("open", &path))?;
        sys::file::lock_exclusive(&file).map_err(|errno| StoreError::Io { doing: "lock", path, errno })?;
        Ok(Lock { _file: file })
    }

    /// Reads all records. `images` are those that the engine brings along, the others are in the store; which of their layers stand extracted is looked up.
    pub fn load(&self, images: impl IntoIterator<Item = Image>) -> Result<Loaded, StoreError> {
        let mut loaded = Loaded::default();
        for image in images {
            loaded.state.images.insert_mut(image.id.clone(), image);
        }
        let (stored, unreadable) = self.images();
        loaded.unreadable.extend(unreadable);
        loaded.state.add_images(stored);
        let looked = |diff_id: &str| Path::new(&self.layout().layer(diff_id)).is_dir();
        loaded.state.set_extracted(looked);
        for id in self.ids()? {
            match self.read(&id) {
                Ok(Some(record)) => loaded.add(record),
                Ok(None) => {}
                Err(error) => loaded.unreadable.push(error),
            }
        }
        let (volumes, unreadable) = volume::load(&self.root)?;
        loaded.unreadable.extend(unreadable);
        for volume in volumes {
            loaded.state.volumes.insert_mut(volume.name.clone(), volume);
        }
        let (networks, unreadable) = network::load(&self.root)?;
        loaded.unreadable.extend(unreadable);
        // Those that are always there, as they are on record where they are.
        for network in predefined(&self.text).into_iter().chain(networks) {
            loaded.state.networks.insert_mut(network.id.clone(), network);
        }
        Ok(loaded)
    }

    /// The ids that have a directory, sorted.
    fn ids(&self) -> Result<Vec<ContainerId>, StoreError> {
        let path = self.root.join("containers");
        let names = sys::directory::names(&path);
        let names = names.map_err(|errno| StoreError::Io { doing: "read the directory", path, errno })?;
        let mut ids: Vec<ContainerId> = names.into_iter().filter(|name| is_id(name)).map(ContainerId).collect();
        ids.sort();
        Ok(ids)
    }

    /// The record of one container; `None`: it has none (yet, or any more).
    pub fn read(&self, id: &ContainerId) -> Result<Option<Record>, StoreError> {
        record::read(Path::new(&self.layout().of(id, "state.json")), id)
    }

    /// Which record of the container stands on disk; `None`: none.
    pub fn edition(&self, id: &ContainerId) -> Option<record::Edition> {
        record::Edition::of(Path::new(&self.layout().of(id, "state.json")))
    }

    /// Writes a record, replacing the one before as a whole. `container` alone: see [`Record::of`].
    pub fn save(&self, record: &Record) -> Result<(), StoreError> {
        record::write(Path::new(&self.layout().of(&record.container.id, "state.json")), record)
    }

    /// As [`Store::save`] for a container whose monitor is the calling process.
    pub fn save_container(&self, container: &Container) -> Result<(), StoreError> {
        self.save(&Record::of(container.clone()))
    }

    /// Writes everything of `container` but its state: that stays what it is on record, with those who run it. `false`: it is not on
    /// record any more, or says so already.
    pub fn replace_container(&self, container: &Container) -> Result<bool, StoreError> {
        let Some(record) = self.read(&container.id)? else { return Ok(false) };
        let after = Container { state: record.container.state.clone(), ..container.clone() };
        if after == record.container {
            return Ok(false);
        }
        self.save(&Record { container: after, ..record }).map(|()| true)
    }

    /// Changes the container on record, whoever runs the container. `false`: it is not on record any more, or says so already.
    pub fn change(&self, id: &ContainerId, how: impl FnOnce(&mut Container)) -> Result<bool, StoreError> {
        let Some(record) = self.read(id)? else { return Ok(false) };
        let mut after = record.clone();
        how(&mut after.container);
        if after == record {
            return Ok(false);
        }
        self.save(&after).map(|()| true)
    }

    /// Writes down whether a container is paused. `false`: it does not run any more, or that is on record already.
    pub fn set_paused(&self, id: &ContainerId, paused: bool) -> Result<bool, StoreError> {
        let Some(mut record) = self.read(id)? else { return Ok(false) };
        let status = if paused { Status::Paused } else { Status::Running };
        if !record.container.state.status.has_process() || record.container.state.status == status {
            return Ok(false);
        }
        record.container.state.status = status;
        self.save(&record).map(|()| true)
    }

    /// Takes off a container's record what it has of a network. `false`: it is not on record any more, or has nothing.
    pub fn release_endpoint(&self, id: &ContainerId, network: &str) -> Result<bool, StoreError> {
        self.change(id, |container| container.release(network))
    }

    /// Removes a directory or file below the root with all in it; one that is gone already is no error.
    pub fn remove(&self, path: &Path) -> Result<(), StoreError> {
        remove::remove_tree(&self.root, path)
    }
}

impl Loaded {
    fn add(&mut self, record: Record) {
        let id = record.container.id.clone();
        if record.is_stale() {
            self.stale.push(id.clone());
        }
        self.state.containers.insert_mut(id.clone(), record.container.clone());
        if record.container.state.status.runs() {
            self.processes.insert(id, record);
        }
    }
}

fn is_id(name: &str) -> bool {
    !name.is_empty() && name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn make_directory(path: &Path, mode: u32) -> Result<(), StoreError> {
    match DirBuilder::new().recursive(true).mode(mode).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(StoreError::io("make the directory", path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
