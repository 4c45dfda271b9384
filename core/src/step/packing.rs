//! What steps that make images are told: what is packed, read and put together. `commit`, `import` and builds use the same.

use serde::{Deserialize, Serialize};

use super::CallersFile;
use crate::model::{History, IdMapLine, Layer};
use crate::oci::image::ConfigFile;
use crate::oci::layer::{OverlayForm, PackOptions};

/// A directory of changes that becomes a layer's blob.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedDirectory {
    /// What is packed: an overlay's upper directory, absolute. Later steps know the layer by it.
    pub upper: String,
    /// Where blobs are: absolute.
    pub blobs: String,
    /// Its marks are `user.overlay.*`: the overlay was mounted in a user namespace.
    pub user_xattr: bool,
    /// The ids of the container that changed it; empty: the machine's.
    pub uid_map: Vec<IdMapLine>,
    /// As `uid_map`, for groups.
    pub gid_map: Vec<IdMapLine>,
    /// SOURCE_DATE_EPOCH: later times become this one.
    pub epoch_seconds: Option<i64>,
    /// Left out where nothing is in them: what was only made to mount something on.
    pub without: Vec<String>,
    /// The blob is compressed with gzip; else it is the archive as it is.
    pub compressed: bool,
}

impl PackedDirectory {
    /// How it is packed.
    pub fn options(&self) -> PackOptions {
        PackOptions {
            form: if self.user_xattr { OverlayForm::User } else { OverlayForm::Trusted },
            epoch_seconds: self.epoch_seconds,
            uid_map: self.uid_map.clone(),
            gid_map: self.gid_map.clone(),
            without: self.without.clone(),
        }
    }
}

/// The files of a container: its layers and its own changes, as an overlay shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerFiles {
    /// Its own changes: absolute.
    pub upper: String,
    /// The layers below, the topmost first: absolute.
    pub lower: Vec<String>,
    /// The overlay is mounted in a user namespace.
    pub user_xattr: bool,
    /// The container's ids; empty: the machine's.
    pub uid_map: Vec<IdMapLine>,
    /// As `uid_map`, for groups.
    pub gid_map: Vec<IdMapLine>,
    /// No changes of the container: what was only made to mount something on.
    pub without: Vec<String>,
}

/// An archive of files that becomes a layer's blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedArchive {
    /// A file of the caller's; none: stdin.
    pub input: Option<CallersFile>,
    /// Where blobs are: absolute. Later steps know the layer by [`ImportedArchive::KEY`].
    pub blobs: String,
}

impl ImportedArchive {
    /// By which later steps know the layer.
    pub const KEY: &str = "import";
}

/// An image that is put together: what it stands on, and what was added.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ImageDraft {
    /// The layers that it stands on, from the lowest.
    pub base: Vec<Layer>,
    /// Its configuration with the history of what it stands on. Layers, and the history of what was added, come in when they are known.
    pub config: ConfigFile,
    /// What was added, in order.
    pub added: Vec<Added>,
    /// Its names in full, with tags; none: it has none.
    pub names: Vec<String>,
    /// Its id is told on stdout.
    pub told: bool,
    /// Something is left to do with it, which is planned when it is there.
    #[serde(default)]
    pub noted: bool,
}

/// An instruction that was added.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Added {
    /// What history tells of it. Whether it has a layer is seen then.
    pub history: History,
    /// Its layer.
    pub layer: AddedLayer,
}

/// The layer of an instruction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum AddedLayer {
    /// It has none.
    #[default]
    None,
    /// The one that an earlier step packed: known by its upper directory. Where nothing was changed there is none.
    Packed {
        /// See [`PackedDirectory::upper`].
        upper: String,
    },
    /// It is known already: from the cache of builds.
    Known(Box<Layer>),
}
