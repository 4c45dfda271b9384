//! The index of an image layout (OCI image specification, image-layout.md): which manifests there are, and what they are called.

use crate::model::Image;
use crate::reference::Reference;
use serde::{Deserialize, Serialize};

use super::{Descriptor, ImageError, media, parsed};

/// Under this annotation an index keeps a name. The specification's; skopeo finds an image in a layout by it.
pub const NAME_ANNOTATION: &str = "org.opencontainers.image.ref.name";

/// `index.json`. A manifest with two names stands there twice; one without a name is dangling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// 2
    pub schema_version: u32,
    /// OCI's or Docker's.
    #[serde(default = "own_type")]
    pub media_type: String,
    /// In the order in which they came.
    pub manifests: Vec<Descriptor>,
}

fn own_type() -> String {
    media::INDEX.to_string()
}

impl Default for Index {
    fn default() -> Index {
        Index { schema_version: 2, media_type: own_type(), manifests: Vec::new() }
    }
}

impl Index {
    /// Reads it.
    pub fn read(bytes: &[u8]) -> Result<Index, ImageError> {
        parsed(bytes, "index", "")
    }

    /// As it stands in its file: with line breaks, because people look at it.
    pub fn written(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Gives a manifest a name (the full one, with tag); whoever had it before loses it, and stays as dangling if it was its last.
    pub fn tag(&mut self, name: &str, manifest: &Descriptor) {
        self.untag(name);
        let mut named = manifest.clone();
        named.annotations.insert(NAME_ANNOTATION.to_string(), name.to_string());
        self.manifests.retain(|entry| entry.digest != manifest.digest || entry.name().is_some());
        self.manifests.push(named);
    }

    /// Takes a name away. The manifest stays, without a name if it had no other. `false`: nobody had it.
    pub fn untag(&mut self, name: &str) -> bool {
        let Some(at) = self.manifests.iter().position(|entry| entry.name() == Some(name)) else { return false };
        let digest = self.manifests[at].digest.clone();
        if self.manifests.iter().filter(|entry| entry.digest == digest).count() > 1 {
            self.manifests.remove(at);
        } else {
            self.manifests[at].annotations.remove(NAME_ANNOTATION);
        }
        true
    }

    /// Lets a name lead where it led before; `strike` is a manifest that had come with it, and goes.
    pub fn restore(&mut self, name: &str, before: Option<&Descriptor>, strike: Option<&str>) {
        self.untag(name);
        if let Some(manifest) = before {
            self.tag(name, manifest);
        }
        if let Some(manifest) = strike {
            self.remove(manifest);
        }
    }

    /// Images that came in: their names lead to them, and one without a name is dangling.
    pub fn take_in(&mut self, images: &[Image]) {
        for image in images {
            let manifest = Descriptor {
                media_type: media::MANIFEST.into(),
                digest: image.manifest.clone(),
                size: image.manifest_bytes,
                ..Descriptor::default()
            };
            let names = image.names.iter().filter_map(|name| Reference::parse(name).ok());
            names.for_each(|name| self.tag(&name.to_string(), &manifest));
            if !self.manifests.iter().any(|entry| entry.digest == manifest.digest) {
                self.manifests.push(manifest);
            }
        }
    }

    /// Strikes a manifest off, with all its names.
    pub fn remove(&mut self, manifest: &str) {
        self.manifests.retain(|entry| entry.digest != manifest);
    }
}
