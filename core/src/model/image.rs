//! Images: a configuration and ordered read-only layers, known by the digest of the configuration and, to people, by names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::State;
use crate::reference::{AnyReference, Reference};

/// An image that the engine holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// `sha256:` and the digest of its configuration file.
    pub id: String,
    /// What people call it, familiar and with tag (`toolbox:latest`), sorted. None: it is dangling.
    pub names: Vec<String>,
    /// Names with the digest that a registry gave (`alpine@sha256:…`), sorted: where it came from, or went to.
    #[serde(default)]
    pub digests: Vec<String>,
    /// `sha256:` and the digest of its manifest.
    pub manifest: String,
    /// Bytes of its manifest.
    pub manifest_bytes: u64,
    /// RFC 3339, as the configuration says; empty: it does not.
    pub created: String,
    /// Who made it; often empty.
    pub author: String,
    /// As Go names processors: `amd64`.
    pub architecture: String,
    /// `linux`
    pub os: String,
    /// What the configuration says under `config`.
    pub config: ImageConfig,
    /// How it was made, from the first instruction on.
    pub history: Vec<History>,
    /// From the lowest to the topmost.
    pub layers: Vec<Layer>,
    /// It is part of the program, and cannot be removed.
    pub embedded: bool,
    /// Its blobs are in the store, and the index has its manifest. Those of the embedded image are written when somebody wants them there.
    pub stored: bool,
}

/// The `config` part of an OCI image configuration, with Docker's four additions; in the names of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ImageConfig {
    /// USER; empty: root.
    #[serde(deserialize_with = "or_null", skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// EXPOSE: `80/tcp`.
    #[serde(deserialize_with = "or_null", skip_serializing_if = "BTreeMap::is_empty")]
    pub exposed_ports: BTreeMap<String, Nothing>,
    /// `NAME=value`
    #[serde(deserialize_with = "or_null", skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// ENTRYPOINT in exec form; empty: none.
    #[serde(deserialize_with = "or_null", skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// CMD in exec form; empty: none.
    #[serde(deserialize_with = "or_null", skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    /// HEALTHCHECK; Docker's addition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<ImageHealthcheck>,
    /// VOLUME
    #[serde(deserialize_with = "or_null", skip_serializing_if = "BTreeMap::is_empty")]
    pub volumes: BTreeMap<String, Nothing>,
    /// WORKDIR; empty: `/`.
    #[serde(deserialize_with = "or_null", skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// ONBUILD; Docker's addition.
    #[serde(deserialize_with = "or_null", skip_serializing_if = "Vec::is_empty")]
    pub on_build: Vec<String>,
    /// LABEL
    #[serde(deserialize_with = "or_null", skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// STOPSIGNAL, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    /// SHELL; Docker's addition.
    #[serde(deserialize_with = "or_null", skip_serializing_if = "Vec::is_empty")]
    pub shell: Vec<String>,
}

impl ImageConfig {
    /// ENTRYPOINT and CMD as Docker merges them with what is typed: a new entrypoint drops the image's CMD, an empty one clears it;
    /// arguments replace CMD. Both empty: there is no command.
    pub fn program(&self, entrypoint: Option<&str>, arguments: &[String]) -> (Vec<String>, Vec<String>) {
        match entrypoint {
            Some("") => (Vec::new(), arguments.to_vec()),
            Some(word) => (vec![word.to_string()], arguments.to_vec()),
            None if arguments.is_empty() => (self.entrypoint.clone(), self.cmd.clone()),
            None => (self.entrypoint.clone(), arguments.to_vec()),
        }
    }
}

/// An empty JSON object: in these files a set is an object whose values say nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {}

/// HEALTHCHECK as the configuration keeps it; times in nanoseconds, 0: Docker's default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ImageHealthcheck {
    /// `CMD` or `CMD-SHELL` and the words after it, or `NONE`.
    #[serde(deserialize_with = "or_null")]
    pub test: Vec<String>,
    /// Between two probes.
    #[serde(skip_serializing_if = "is_zero")]
    pub interval: u64,
    /// How long a probe may take.
    #[serde(skip_serializing_if = "is_zero")]
    pub timeout: u64,
    /// How long failures do not count after the start.
    #[serde(skip_serializing_if = "is_zero")]
    pub start_period: u64,
    /// Between two probes in that time.
    #[serde(skip_serializing_if = "is_zero")]
    pub start_interval: u64,
    /// So many failures in a row make it unhealthy.
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: u64,
}

/// One instruction that an image was made by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// RFC 3339; empty: not said.
    #[serde(deserialize_with = "or_null", skip_serializing_if = "String::is_empty")]
    pub created: String,
    /// The instruction.
    #[serde(deserialize_with = "or_null", skip_serializing_if = "String::is_empty")]
    pub created_by: String,
    /// Who.
    #[serde(deserialize_with = "or_null", skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// What builder, or what somebody had to say of it.
    #[serde(deserialize_with = "or_null", skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// It changed no file, and has no layer.
    #[serde(skip_serializing_if = "is_false")]
    pub empty_layer: bool,
}

/// A layer: a set of changes to a file tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// `sha256:` and the digest of the tar archive, not compressed.
    pub diff_id: String,
    /// `sha256:` and the digest of the blob that is kept: of the archive as it was compressed.
    pub blob: String,
    /// Bytes of that blob.
    pub blob_bytes: u64,
    /// Bytes of the files in it, as far as they are known without extracting it; else of the blob.
    pub size_bytes: u64,
    /// Its media type: how it is compressed.
    pub media_type: String,
    /// Its files stand extracted under the data root.
    pub extracted: bool,
}

impl Layer {
    /// Of changes that lie in a directory and are not packed yet: it is known by where it is.
    pub fn aside(directory: &str) -> Layer {
        let none = String::new;
        let diff_id = directory.to_string();
        Layer { diff_id, blob: none(), blob_bytes: 0, size_bytes: 0, media_type: none(), extracted: true }
    }

    /// It is not packed yet.
    pub fn is_aside(&self) -> bool {
        is_aside(&self.diff_id)
    }
}

/// Changes that are not packed yet are known by where they are, and have no digest.
pub fn is_aside(diff_id: &str) -> bool {
    diff_id.starts_with('/')
}

/// Docker writes `null` where it has nothing.
fn or_null<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(input: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(input)?.unwrap_or_default())
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// The first twelve digits of an id or a digest, as `docker images` shows them.
pub fn short_digest(digest: &str) -> &str {
    let digits = digest.trim_start_matches("sha256:");
    digits.get(..12).unwrap_or(digits)
}

impl Image {
    /// A further familiar name leads to it: with a tag, or with the digest that a registry gave.
    pub fn lead_to(&mut self, name: Option<String>) {
        if let Some(name) = name {
            let all = if name.contains('@') { &mut self.digests } else { &mut self.names };
            all.push(name);
            all.sort();
            all.dedup();
        }
    }

    /// The same image as the store has it: with its manifest, and the names of both.
    fn join(&mut self, stored: Image) {
        let mut names = std::mem::take(&mut self.names);
        names.extend(stored.names.iter().cloned());
        names.sort();
        names.dedup();
        let digests = stored.digests.clone();
        let known = |layer: &Layer| self.layers.iter().find(|known| known.diff_id == layer.diff_id);
        let layers = stored.layers.iter().map(|layer| match known(layer) {
            Some(own) => Layer { size_bytes: own.size_bytes, extracted: own.extracted, ..layer.clone() },
            None => layer.clone(),
        });
        *self = Image { names, digests, layers: layers.collect(), embedded: self.embedded, stored: true, ..stored };
    }
}

impl State {
    /// The image that is part of the program.
    pub fn embedded_image(&self) -> Option<&Image> {
        self.images.values().find(|image| image.embedded)
    }

    /// Of which layers the files stand extracted is looked up.
    pub fn set_extracted(&mut self, looked: impl Fn(&str) -> bool) {
        let ids: Vec<String> = self.images.keys().cloned().collect();
        for id in ids {
            if let Some(image) = self.images.get_mut(&id) {
                image.layers.iter_mut().for_each(|layer| layer.extracted = looked(&layer.diff_id));
            }
        }
    }

    /// Takes in what the store has: the embedded image may be among it.
    pub fn add_images(&mut self, stored: Vec<Image>) {
        for image in &stored {
            let taken = |known: &Image| known.id != image.id && known.names.iter().any(|name| image.names.contains(name));
            let ids: Vec<String> = self.images.values().filter(|known| taken(known)).map(|known| known.id.clone()).collect();
            for id in ids {
                if let Some(known) = self.images.get_mut(&id) {
                    known.names.retain(|name| !image.names.contains(name));
                }
            }
        }
        for image in stored {
            match self.images.get_mut(&image.id) {
                Some(known) => known.join(image),
                None => self.images.insert_mut(image.id.clone(), image),
            }
        }
    }

    /// The image of this familiar name with its tag: `toolbox:latest`.
    pub fn image_named(&self, name: &str) -> Option<&Image> {
        self.images.values().find(|image| image.names.iter().chain(&image.digests).any(|known| known == name))
    }

    /// The image that `word` means, as Docker looks it up: a name, `latest` where no tag is given; else an id or the beginning of one.
    pub fn image(&self, word: &str) -> Option<&Image> {
        let named = match Reference::parse_any(word) {
            Ok(AnyReference::Named(name)) => self.image_named(&name.tagged().familiar()),
            Ok(AnyReference::Id(id)) => self.images.get(&id),
            Err(_) => None,
        };
        named.or_else(|| self.image_by_id(word))
    }

    fn image_by_id(&self, word: &str) -> Option<&Image> {
        let digits = word.strip_prefix("sha256:").unwrap_or(word);
        let is_hex = !digits.is_empty() && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let mut found = self.images.values().filter(|image| is_hex && image.id.trim_start_matches("sha256:").starts_with(digits));
        match (found.next(), found.next()) {
            (Some(image), None) => Some(image),
            _ => None,
        }
    }

    /// What people call the images here, sorted.
    pub fn image_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.images.values().flat_map(|image| image.names.iter().map(String::as_str)).collect();
        names.sort_unstable();
        names
    }
}
