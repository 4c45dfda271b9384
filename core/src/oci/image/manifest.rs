//! The image manifest (OCI image specification, manifest.md): which blobs an image is made of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ImageError, parsed, written};

/// Media types.
pub mod media {
    /// OCI's manifest.
    pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// OCI's configuration.
    pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// OCI's index.
    pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// A layer that is not compressed.
    pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    /// A layer compressed by gzip.
    pub const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    /// A layer compressed by zstd.
    pub const LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
    /// Docker's manifest.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker's index.
    pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
}

/// What a blob is, and how it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// See [`media`].
    pub media_type: String,
    /// `sha256:…`
    pub digest: String,
    /// Bytes.
    pub size: u64,
    /// Of an index: for which machine it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Notes; of an index, the image's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// A machine, as Go names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// `amd64`
    #[serde(default)]
    pub architecture: String,
    /// `linux`
    #[serde(default)]
    pub os: String,
    /// `v8`
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub variant: String,
}

impl Descriptor {
    /// Of these bytes.
    pub fn of(media_type: &str, bytes: &[u8]) -> Descriptor {
        let digest = crate::oci::digest::of(bytes);
        Descriptor { media_type: media_type.into(), digest, size: bytes.len() as u64, ..Descriptor::default() }
    }

    /// The name that an index gives it.
    pub fn name(&self) -> Option<&str> {
        self.annotations.get(super::NAME_ANNOTATION).map(String::as_str)
    }
}

/// The manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// 2
    pub schema_version: u32,
    /// OCI's or Docker's.
    #[serde(default = "own_type")]
    pub media_type: String,
    /// The configuration.
    pub config: Descriptor,
    /// The layers, from the lowest.
    pub layers: Vec<Descriptor>,
}

fn own_type() -> String {
    media::MANIFEST.to_string()
}

impl Manifest {
    /// Of a configuration and its layers.
    pub fn of(config: Descriptor, layers: Vec<Descriptor>) -> Manifest {
        Manifest { schema_version: 2, media_type: own_type(), config, layers }
    }

    /// Reads it; `digest` is for the complaint.
    pub fn read(bytes: &[u8], digest: &str) -> Result<Manifest, ImageError> {
        const WHAT: &str = "manifest";
        let found: Manifest = parsed(bytes, WHAT, digest)?;
        let wrong = |why: String| ImageError::Unreadable { what: WHAT, digest: digest.to_string(), why };
        if found.schema_version != 2 {
            return Err(wrong(format!("its schemaVersion is {}: only 2 is read", found.schema_version)));
        }
        let named = |blob: &&Descriptor| !crate::oci::digest::is_sha256(&blob.digest);
        let bad = found.layers.iter().chain([&found.config]).find(named).map(|blob| blob.digest.clone());
        match bad {
            Some(digest) => Err(wrong(format!("{digest:?} is no digest of sha256"))),
            None => Ok(found),
        }
    }

    /// As it stands in its blob.
    pub fn written(&self) -> Vec<u8> {
        written(self)
    }
}
