//! A cache that goes from one machine to another: `--cache-to` writes it, `--cache-from` reads it. For both kernels.
//!
//! ```text
//! results of a build ─▶ a configuration with all keys in it ─▶ a manifest that names it and the layers ─▶ registry, directory, image
//! ```
//! It travels as an image of OCI's, so that any registry takes it. What BuildKit exports is another thing: its keys are digests of its own
//! operations (LLB), and none of ours is to be found by them.

use serde::{Deserialize, Serialize};

use super::Part;
use super::key::{Change, INSTRUCTION, Key, Miss, PARENT};
use super::transfer::followed;
use crate::copying::{Machine, Side, Streams};
use crate::errno::Errno;
use crate::model::{CacheRecord, Layer};
use crate::oci::digest;
use crate::oci::image::{ConfigFile, DOCUMENT_BYTES_MAX, Descriptor, Index, Manifest, media};
use crate::userland::FileKind;

/// Parts of a key that are exported one by one; of a longer one all files are one part.
const PARTS_MAX: usize = 1000;
/// What the folded files are called.
const FILES: &str = "its files";
/// Of a configuration that is no image's.
const UNKNOWN: &str = "unknown";
/// The configuration of a cache that BuildKit has exported to a registry or a directory.
const BUILDKITS: &str = "application/vnd.buildkit.cacheconfig.v0";

/// A cache as it is given away: it stands in a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedCache {
    /// In the order in which they were built.
    pub results: Vec<SharedResult>,
}

/// The result of an instruction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedResult {
    /// The digest of its key.
    pub key: String,
    /// What the key is made of: it tells why another is not this one.
    pub parts: Vec<Part>,
    /// The diff id of its layer; none: it changed no file.
    pub layer: Option<String>,
    /// Bytes of the layer's files.
    pub size_bytes: u64,
    /// When it was made: nanoseconds since 1970.
    pub created_ns: u64,
}

/// A cache that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedCache {
    /// Which `--cache-from`, counted from 0.
    pub number: u16,
    /// What is in it.
    pub results: Vec<SharedResult>,
    /// The layers that come with it.
    pub layers: Vec<Layer>,
}

/// What an imported cache lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lack {
    /// Its name, as typed.
    pub from: String,
    /// Why there is nothing in it for a key; none: nothing could be read of it.
    pub why: Option<Miss>,
}

/// The files of an instruction as one part: what is neither its instruction, nor before it, nor one of few.
fn folded(parts: &[Part]) -> Vec<Part> {
    let stays = |part: &&Part| {
        part.what == PARENT
            || part.what == INSTRUCTION
            || ["directory", "user", "network"].contains(&part.what.as_str())
            || part.what.starts_with("variable ")
    };
    let all = Key { parts: parts.iter().filter(|part| !stays(part)).cloned().collect() };
    parts.iter().filter(stays).cloned().chain([Part::new(FILES, all.digest())]).collect()
}

impl SharedResult {
    /// Of a record.
    pub fn of(record: &CacheRecord) -> SharedResult {
        let parts = &record.key.parts;
        SharedResult {
            key: record.key.digest(),
            parts: if parts.len() > PARTS_MAX { folded(parts) } else { parts.clone() },
            layer: record.layer.as_ref().map(|layer| layer.diff_id.clone()),
            size_bytes: record.layer.as_ref().map_or(0, |layer| layer.size_bytes),
            created_ns: record.created_ns,
        }
    }

    /// What is different in this key.
    fn changes(&self, key: &Key) -> Vec<Change> {
        let is_folded = self.parts.iter().any(|part| part.what == FILES);
        let own = Key { parts: if is_folded { folded(&key.parts) } else { key.parts.clone() } };
        own.changes_since(&Key { parts: self.parts.clone() })
    }
}

impl SharedCache {
    /// Of these records.
    pub fn of<'a>(records: impl Iterator<Item = &'a CacheRecord>) -> SharedCache {
        let mut cache = SharedCache { results: records.map(SharedResult::of).collect() };
        if cache.bytes() > DOCUMENT_BYTES_MAX / 2 {
            cache.results.iter_mut().for_each(|result| result.parts = folded(&result.parts));
        }
        cache
    }

    fn bytes(&self) -> usize {
        // Strings and numbers can be written without fail.
        serde_json::to_vec(self).map_or(0, |bytes| bytes.len())
    }
}

/// Configuration and manifest of a cache with these layers, each of them once.
pub fn documents(cache: SharedCache, layers: &[Layer]) -> (Vec<u8>, Manifest) {
    let mut file =
        ConfigFile { architecture: UNKNOWN.into(), os: UNKNOWN.into(), cache: Some(Box::new(cache)), ..ConfigFile::default() };
    file.rootfs.diff_ids = layers.iter().map(|layer| layer.diff_id.clone()).collect();
    let bytes = file.written();
    let blob = |layer: &Layer| Descriptor {
        media_type: layer.media_type.clone(),
        digest: layer.blob.clone(),
        size: layer.blob_bytes,
        ..Descriptor::default()
    };
    let manifest = Manifest::of(Descriptor::of(media::CONFIG, &bytes), layers.iter().map(blob).collect());
    (bytes, manifest)
}

/// What a configuration may bring besides what it says of an image.
#[derive(Deserialize)]
struct Brought {
    #[serde(default, rename = "glassbox.build.cache.v1")]
    own: Option<SharedCache>,
    #[serde(default, rename = "moby.buildkit.cache.v0")]
    buildkits: Option<serde_json::Value>,
}

/// What is said of a cache that another builder has left; `None`: it is none.
pub fn unreadable_kind(media_type: &str) -> Option<String> {
    (media_type == BUILDKITS).then(|| {
        "it is a cache that BuildKit has exported\n\
         glassbox: its keys are digests of BuildKit's own operations, and glassbox makes none of these: nothing can be found in it\n\
         glassbox: export one with glassbox: --cache-to type=registry,ref=NAME"
            .to_string()
    })
}

impl ImportedCache {
    /// Reads the configuration of a manifest with these layers. `Err`: why there is nothing to take.
    pub fn read(number: u16, layers: &[Descriptor], bytes: &[u8], named: &str) -> Result<ImportedCache, String> {
        let told = |error: crate::oci::image::ImageError| error.to_string();
        let file = ConfigFile::read(bytes, named).map_err(told)?;
        let found = digest::of(bytes);
        if found != named {
            return Err(format!("verification failed for digest {named}\nglassbox: its bytes have the digest {found}"));
        }
        let brought: Brought = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let results = match (brought.own, brought.buildkits) {
            (Some(own), _) => own.results,
            (None, Some(_)) => return Err(unreadable_kind(BUILDKITS).unwrap_or_default()),
            (None, None) => {
                let next = "glassbox: --cache-to type=inline writes one into the image that is built";
                return Err(format!("there is no cache in it\n{next}"));
            }
        };
        if file.rootfs.diff_ids.len() != layers.len() {
            let (count, named) = (layers.len(), file.rootfs.diff_ids.len());
            return Err(format!("its manifest names {count} layers, its configuration {named}"));
        }
        let layer = |(diff_id, blob): (String, &Descriptor)| Layer {
            diff_id,
            blob: blob.digest.clone(),
            blob_bytes: blob.size,
            size_bytes: blob.size,
            media_type: blob.media_type.clone(),
            extracted: false,
        };
        let layers = file.rootfs.diff_ids.into_iter().zip(layers).map(layer).collect();
        Ok(ImportedCache { number, results, layers })
    }

    /// Its result for this key, and its layer.
    pub fn find(&self, key: &str) -> Option<(&SharedResult, Option<Layer>)> {
        let result = self.results.iter().find(|result| result.key == key)?;
        match &result.layer {
            None => Some((result, None)),
            Some(diff_id) => {
                let layer = self.layers.iter().find(|layer| layer.diff_id == *diff_id)?;
                Some((result, Some(Layer { size_bytes: result.size_bytes, ..layer.clone() })))
            }
        }
    }

    /// Why there is none.
    pub fn miss(&self, key: &Key) -> Miss {
        if self.results.iter().any(|result| result.key == key.digest()) {
            return Miss::LayerGone;
        }
        let own = |what: &str| key.parts.iter().find(|part| part.what == what).map(|part| &part.value);
        let comparable = |result: &&SharedResult| {
            let theirs = |what: &str| result.parts.iter().find(|part| part.what == what).map(|part| &part.value);
            theirs(INSTRUCTION) == own(INSTRUCTION) || theirs(PARENT) == own(PARENT)
        };
        let nearest = self.results.iter().filter(comparable).map(|result| result.changes(key)).min_by_key(Vec::len);
        nearest.map_or(Miss::New, Miss::changed)
    }
}

/// BuildKit's words for a directory that cannot be read.
pub fn unread(why: &str) -> String {
    format!("failed to configure local cache importer: {why}")
}

/// The name of a blob in a directory that is an OCI image layout.
pub fn layout_blob(digest: &str) -> String {
    format!("/blobs/sha256/{}", digest.trim_start_matches("sha256:"))
}

/// Reads a cache from an OCI image layout: the root of the machine's first side. `manifest`: which; none: the index has one alone.
pub fn read_layout<M: Streams>(machine: &mut M, number: u16, manifest: Option<&str>) -> Result<ImportedCache, String> {
    let manifest = match manifest {
        Some(digest) => digest.to_string(),
        None => {
            let index = Index::read(&document(machine, "/index.json")?).map_err(|error| error.to_string())?;
            match index.manifests.as_slice() {
                [one] => one.digest.clone(),
                all => {
                    let next = "glassbox: --cache-to type=local,dest=DIRECTORY writes such a directory";
                    return Err(format!("its index names {} manifests: one is a cache\n{next}", all.len()));
                }
            }
        }
    };
    let bytes = blob(machine, &manifest)?;
    let read = Manifest::read(&bytes, &manifest).map_err(|error| unreadable_index(&bytes).unwrap_or(error.to_string()))?;
    if let Some(why) = unreadable_kind(&read.config.media_type) {
        return Err(why);
    }
    let bytes = blob(machine, &read.config.digest)?;
    ImportedCache::read(number, &read.layers, &bytes, &read.config.digest)
}

/// BuildKit keeps its cache in an index of blobs, too.
pub fn unreadable_index(bytes: &[u8]) -> Option<String> {
    let index = Index::read(bytes).ok()?;
    index.manifests.iter().find_map(|entry| unreadable_kind(&entry.media_type))
}

fn blob<M: Streams>(machine: &mut M, named: &str) -> Result<Vec<u8>, String> {
    if !digest::is_sha256(named) {
        return Err(format!("{named:?} is no digest of sha256"));
    }
    let bytes = document(machine, &layout_blob(named))?;
    let found = digest::of(&bytes);
    match found == named {
        true => Ok(bytes),
        false => Err(format!("verification failed for digest {named}\nglassbox: its bytes have the digest {found}")),
    }
}

/// A short file below the root.
fn document<M: Streams + Machine>(machine: &mut M, path: &str) -> Result<Vec<u8>, String> {
    use std::io::Read;
    let failed = |errno: Errno| format!("open {}: {}", path.trim_start_matches('/'), errno.sentence().to_lowercase());
    let (found, look) = followed(machine, path).map_err(failed)?;
    if look.kind != Some(FileKind::File) {
        return Err(failed(if look.is_directory() { Errno::EISDIR } else { Errno::EINVAL }));
    }
    machine.look(Side::From, &found).map_err(failed)?;
    let file = machine.open(&found).map_err(failed)?;
    let mut bytes = Vec::new();
    let read = file.take(DOCUMENT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| failed(Errno(error.raw_os_error().unwrap_or(Errno::EIO.0))))?;
    match bytes.len() > DOCUMENT_BYTES_MAX {
        true => Err(format!("{path} is longer than {DOCUMENT_BYTES_MAX} bytes (DOCUMENT_BYTES_MAX)")),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(files: usize) -> CacheRecord {
        let mut parts = vec![Part::new(PARENT, "p"), Part::new(INSTRUCTION, "COPY . to /")];
        parts.extend((0..files).map(|at| Part::new(format!("file {at}"), "1")));
        let (diff_id, blob, media_type) = (digest::of(b"d"), digest::of(b"b"), media::LAYER_GZIP.to_string());
        let layer = Layer { diff_id, blob, blob_bytes: 3, size_bytes: 9, media_type, extracted: true };
        CacheRecord { key: Key { parts }, layer: Some(layer), created_ns: 7 }
    }

    fn travelled(files: usize) -> ImportedCache {
        let record = record(files);
        let layers: Vec<Layer> = record.layer.iter().cloned().collect();
        let (config, manifest) = documents(SharedCache::of([&record].into_iter()), &layers);
        ImportedCache::read(0, &manifest.layers, &config, &manifest.config.digest).unwrap()
    }

    #[test]
    fn what_is_exported_is_found_again() {
        for files in [1, PARTS_MAX + 1] {
            let (cache, record) = (travelled(files), record(files));
            let (result, layer) = cache.find(&record.key.digest()).unwrap();
            let layer = layer.unwrap();
            assert_eq!((result.created_ns, layer.size_bytes, layer.blob_bytes), (7, 9, 3));
        }
    }

    #[test]
    fn a_miss_tells_what_the_cache_has_instead() {
        let mut key = record(2).key;
        key.parts[2].value = "2".into();
        let Miss::Changed { parts } = travelled(2).miss(&key) else { panic!("not a change") };
        assert_eq!(parts.iter().map(|part| part.what.as_str()).collect::<Vec<_>>(), ["file 0"]);
        let Miss::Changed { parts } = travelled(PARTS_MAX + 1).miss(&key) else { panic!("not a change") };
        assert_eq!(parts.iter().map(|part| part.what.as_str()).collect::<Vec<_>>(), [FILES]);
        assert_eq!(travelled(1).miss(&Key { parts: vec![Part::new(INSTRUCTION, "RUN x")] }), Miss::New);
    }

    #[test]
    fn another_builders_cache_is_said_to_be_one() {
        let read = |text: &str| ImportedCache::read(0, &[], text.as_bytes(), &digest::of(text.as_bytes())).unwrap_err();
        let image = r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}"#;
        assert!(read(&format!("{image},\"moby.buildkit.cache.v0\":\"AAAA\"}}")).starts_with("it is a cache that BuildKit"));
        assert!(read(&format!("{image}}}")).starts_with("there is no cache in it\n"));
        assert!(read(&format!("{image},\"glassbox.build.cache.v1\":7}}")).contains("invalid type"));
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{BUILDKITS}","digest":"sha256:0","size":1}}]}}"#);
        assert!(unreadable_index(index.as_bytes()).is_some());
    }
}
