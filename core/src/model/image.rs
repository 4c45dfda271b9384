//! Images: a config and ordered read-only layers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// An image that the engine holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// As people write it, with tag: `toolbox:latest`.
    pub reference: String,
    /// `sha256:` and the digest of its configuration.
    pub id: String,
    /// What the OCI image configuration says under `config`.
    pub config: ImageConfig,
    /// From the lowest to the topmost.
    pub layers: Vec<Layer>,
}

/// The `config` part of an OCI image configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// `NAME=value`
    pub env: Vec<String>,
    /// ENTRYPOINT in exec form; empty: none.
    pub entrypoint: Vec<String>,
    /// CMD in exec form; empty: none.
    pub cmd: Vec<String>,
    /// WORKDIR; empty: `/`.
    pub working_dir: String,
    /// USER; empty: root.
    pub user: String,
    /// LABEL
    pub labels: BTreeMap<String, String>,
    /// STOPSIGNAL, as written.
    pub stop_signal: Option<String>,
}

/// A layer: a set of changes to a file tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// `sha256:` and the digest of the uncompressed tar archive, or of the description where a layer is generated.
    pub diff_id: String,
    /// Bytes of file content.
    pub size_bytes: u64,
    /// Its files stand extracted under the data root.
    pub extracted: bool,
}
