//! The image configuration (OCI image specification, config.md), with what Docker adds to it.

use serde::{Deserialize, Serialize};

use super::{ImageError, parsed, written};
use crate::model::{History, ImageConfig};

/// The file whose digest is the image's id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigFile {
    /// RFC 3339; empty: not said.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub created: String,
    /// Who made it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// As Go names processors.
    pub architecture: String,
    /// Of the processor: `v8`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub variant: String,
    /// `linux`
    pub os: String,
    /// How a container of it runs.
    pub config: ImageConfig,
    /// Its layers.
    pub rootfs: RootFs,
    /// How it was made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<History>,
    /// Ours: results of builds that come with it, as `--cache-to` leaves them. Read by whoever asks for them ([`crate::build::shared`]).
    #[serde(rename = "glassbox.build.cache.v1", skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Box<crate::build::SharedCache>>,
}

/// The archives that make the root file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFs {
    /// `layers`
    #[serde(rename = "type")]
    pub kind: String,
    /// Digests of the archives, from the lowest.
    #[serde(default)]
    pub diff_ids: Vec<String>,
}

impl Default for RootFs {
    fn default() -> RootFs {
        RootFs { kind: "layers".into(), diff_ids: Vec::new() }
    }
}

impl ConfigFile {
    /// Reads it; `digest` is for the complaint.
    pub fn read(bytes: &[u8], digest: &str) -> Result<ConfigFile, ImageError> {
        const WHAT: &str = "configuration";
        let file: ConfigFile = parsed(bytes, WHAT, digest)?;
        match file.rootfs.diff_ids.iter().find(|diff_id| !crate::oci::digest::is_sha256(diff_id)) {
            None => Ok(file),
            Some(diff_id) => Err(ImageError::Unreadable {
                what: WHAT,
                digest: digest.to_string(),
                why: format!("{diff_id:?} is no digest of sha256"),
            }),
        }
    }

    /// As it stands in its blob.
    pub fn written(&self) -> Vec<u8> {
        written(self)
    }
}
