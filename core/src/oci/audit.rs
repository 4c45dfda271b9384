//! Whether a store is whole: what `glassbox fsck` finds, and what to do about it.
//!
//! Every blob is read and its digest compared with its name; every image's manifest, configuration and layers are followed; a layer's archive
//! is held against what stands extracted of it. What nobody has is no damage: it only takes place, and `--repair` removes it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use serde::{Deserialize, Serialize};

use super::image::transfer::Blobs;
use super::image::{DOCUMENT_BYTES_MAX, Index, one};
use super::layer::{Blob, Digested, LayerLimits, OverlayForm, Tree, compare};
use crate::errno::Errno;
use crate::model::{Image, Layer, State};
use crate::reference::Reference;
use crate::view::reclaimed::human_size;

/// What lies in the store, by its names alone: looked at before the plan, for commands that go through it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StoreListing {
    /// Blobs by digest, and their bytes.
    pub blobs: BTreeMap<String, u64>,
    /// Blobs that a command at work has made and not yet given to an image.
    pub awaited: BTreeSet<String>,
    /// Files and directories that a dead command has half written: absolute.
    pub strays: Vec<String>,
    /// Extracted layers, by diff id.
    pub layers: BTreeSet<String>,
    /// Directories of containers, by id.
    pub containers: BTreeSet<String>,
}

impl StoreListing {
    /// The blobs that neither an image nor the cache of builds has.
    pub fn garbage_blobs(&self, state: &State) -> Vec<(&String, u64)> {
        let has = |digest: &str| {
            let of = |image: &&Image| image.stored && (image.id == digest || image.manifest == digest || layer_of(image, digest));
            let cached = |layer: &Layer| layer.blob == digest;
            state.images.values().any(|image| of(&image)) || cached_layers(state).any(cached)
        };
        let free = |digest: &str| !has(digest) && !self.awaited.contains(digest);
        self.blobs.iter().filter(|(digest, _)| free(digest)).map(|(digest, bytes)| (digest, *bytes)).collect()
    }

    /// The extracted layers that no image, no container and no cached result has.
    pub fn garbage_layers(&self, state: &State) -> Vec<&String> {
        let of_images = state.images.values().flat_map(|image| image.layers.iter().map(|layer| &layer.diff_id));
        let of_containers = state.containers.values().flat_map(|container| &container.layers);
        let of_builds = cached_layers(state).map(|layer| &layer.diff_id);
        let used: BTreeSet<&String> = of_images.chain(of_containers).chain(of_builds).collect();
        self.layers.iter().filter(|diff_id| !used.contains(diff_id)).collect()
    }
}

/// What later builds may take.
fn cached_layers(state: &State) -> impl Iterator<Item = &Layer> {
    state.build_cache.values().filter_map(|record| record.layer.as_ref())
}

fn layer_of(image: &Image, digest: &str) -> bool {
    image.layers.iter().any(|layer| layer.blob == digest)
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// It is damage; else it only takes place.
    pub broken: bool,
    /// What, in a sentence without its point.
    pub what: String,
    /// What to do about it.
    pub next: String,
}

/// What was looked at, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Images.
    pub images: usize,
    /// Blobs.
    pub blobs: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Layers that stand extracted.
    pub layers: usize,
    /// Containers.
    pub containers: usize,
    /// Damage first.
    pub findings: Vec<Finding>,
}

impl Audit {
    /// Something is damaged.
    pub fn is_broken(&self) -> bool {
        self.findings.iter().any(|finding| finding.broken)
    }

    /// What `fsck` prints.
    pub fn text(&self) -> String {
        let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        let mut text = format!(
            "{}, {}, {} extracted, {}\n",
            count(self.images, "image"),
            count(self.blobs, "blob"),
            count(self.layers, "layer"),
            count(self.containers, "container")
        );
        for finding in &self.findings {
            let word = if finding.broken { "broken" } else { "unused" };
            text += &format!("{word}: {}\n        {}\n", finding.what, finding.next);
        }
        if !self.is_broken() {
            text += "nothing is broken\n";
        }
        text
    }
}

/// What a kernel gives to look at.
pub trait Shelves {
    /// Blobs.
    type Blobs: Blobs;
    /// An extracted layer.
    type Tree<'s>: Tree
    where
        Self: 's;

    /// The bytes of `index.json`; `None`: there is none.
    fn index(&mut self) -> Result<Option<Vec<u8>>, Errno>;
    /// The blobs.
    fn blobs(&mut self) -> &mut Self::Blobs;
    /// The extracted files of a layer.
    fn layer(&mut self, diff_id: &str) -> Result<Self::Tree<'_>, Errno>;
    /// A blob of this digest only stands for its bytes: nothing can be said of them.
    fn is_stand_in(&self, digest: &str) -> bool;
}

/// Looks through a store.
pub fn audit<S: Shelves>(shelves: &mut S, listing: &StoreListing, state: &State, user_xattr: bool) -> Audit {
    let form = if user_xattr { OverlayForm::User } else { OverlayForm::Trusted };
    let mut auditor = Auditor { shelves, listing, state, form, images: Vec::new(), read: BTreeSet::new(), told: Audit::default() };
    auditor.index();
    auditor.layers();
    auditor.other_blobs();
    auditor.containers();
    auditor.unused();
    let mut told = auditor.told;
    (told.blobs, told.bytes) = (listing.blobs.len(), listing.blobs.values().sum());
    (told.layers, told.containers) = (listing.layers.len(), listing.containers.len());
    told.findings.sort_by_key(|finding| !finding.broken);
    told
}

struct Auditor<'a, S> {
    shelves: &'a mut S,
    listing: &'a StoreListing,
    state: &'a State,
    form: OverlayForm,
    /// The images that the index has, and how they are called.
    images: Vec<(String, Image)>,
    /// Blobs whose digest has been compared.
    read: BTreeSet<String>,
    told: Audit,
}

impl<S: Shelves> Auditor<'_, S> {
    fn broken(&mut self, what: String, next: String) {
        self.told.findings.push(Finding { broken: true, what, next });
    }

    fn index(&mut self) {
        let text = match self.shelves.index() {
            Ok(None) => return,
            Ok(Some(bytes)) => Index::read(&bytes).map_err(|error| error.to_string()),
            Err(errno) => Err(format!("the index cannot be read: {}", crate::copying::sentence(errno))),
        };
        let index = match text {
            Ok(index) => index,
            Err(why) => {
                let next = "Without it no image is found. Move images/index.json away, and load or build the images again.";
                return self.broken(why, next.to_string());
            }
        };
        let mut seen = BTreeSet::new();
        for entry in &index.manifests {
            let familiar = entry.name().and_then(|name| Reference::parse(name).ok()).map(|name| name.familiar());
            let name = familiar.unwrap_or_else(|| entry.digest.clone());
            if !seen.insert(entry.digest.clone()) {
                continue;
            }
            let blobs = std::cell::RefCell::new(self.shelves.blobs());
            let read = |digest: &str| document(&mut **blobs.borrow_mut(), digest);
            match one(&entry.digest, &read) {
                Ok(image) => {
                    self.read.extend([image.id.clone(), image.manifest.clone()]);
                    self.images.push((name, image));
                }
                Err(error) => self.broken(format!("{name}: {error}"), get_again(&name)),
            }
        }
        self.told.images = self.images.len();
    }

    fn layers(&mut self) {
        let all: Vec<(String, Layer)> = self
            .images
            .iter()
            .flat_map(|(name, image)| image.layers.iter().map(move |layer| (name.clone(), layer.clone())))
            .collect();
        for (name, layer) in all {
            if self.read.insert(layer.blob.clone()) && !self.shelves.is_stand_in(&layer.blob) {
                self.layer(&name, &layer);
            }
        }
    }

    /// The blob's digest, its archive's, and what stands extracted of it, in one pass.
    fn layer(&mut self, name: &str, layer: &Layer) {
        let opened = self.shelves.blobs().open(&layer.blob);
        let source = match opened {
            Ok((source, _)) => source,
            Err(Errno::ENOENT) => return self.broken(format!("{name}: the layer {} is missing", layer.blob), get_again(name)),
            Err(errno) => {
                let why = crate::copying::sentence(errno);
                return self.broken(format!("{name}: the layer {} cannot be read: {why}", layer.blob), get_again(name));
            }
        };
        let mut tree = if self.listing.layers.contains(&layer.diff_id) { self.shelves.layer(&layer.diff_id).ok() } else { None };
        let found = read_layer(source, tree.as_mut(), self.form);
        drop(tree);
        match found {
            Err(why) => self.broken(format!("{name}: the layer {} is damaged: {why}", layer.blob), get_again(name)),
            Ok(found) if found.blob != layer.blob => {
                let what = format!("{name}: the layer {} is damaged: its bytes have the digest {}", layer.blob, found.blob);
                self.broken(what, get_again(name));
            }
            Ok(found) if found.diff_id != layer.diff_id => {
                let what = format!("{name}: the layer {} holds another archive than the image says: {}", layer.blob, found.diff_id);
                self.broken(what, get_again(name));
            }
            Ok(found) => {
                if let Some(difference) = found.difference {
                    let what = format!("{name}: the extracted layer {} is not what its archive says: {difference}", layer.diff_id);
                    let next =
                        "Remove the containers of the image, then: glassbox rmi it, and load it again. It is extracted anew.";
                    self.broken(what, next.to_string());
                }
            }
        }
    }

    /// Those that are no image's, too.
    fn other_blobs(&mut self) {
        for digest in self.listing.blobs.keys() {
            if self.read.contains(digest) || self.listing.awaited.contains(digest) || self.shelves.is_stand_in(digest) {
                continue;
            }
            let found = self.shelves.blobs().open(digest).and_then(|(source, _)| digest_of(source));
            if let Ok(found) = found.map(|found| (found != *digest).then_some(found))
                && let Some(found) = found
            {
                let what = format!("the blob {digest} is damaged: its bytes have the digest {found}");
                self.broken(what, "No image has it: glassbox fsck --repair removes it.".to_string());
            }
        }
    }

    fn containers(&mut self) {
        for id in &self.listing.containers {
            if !self.state.containers.values().any(|container| container.id.0 == *id) {
                let what = format!("the container {id} has no record that can be read");
                self.broken(what, format!("Nobody can start it. Look into its directory, containers/{id}, and remove it."));
            }
        }
        for container in self.state.containers.values() {
            for diff_id in container.layers.iter().filter(|diff_id| !self.listing.layers.contains(*diff_id)) {
                let what = format!("the container {} stands on the layer {diff_id}, which is not extracted", container.name);
                self.told.findings.push(Finding {
                    broken: true,
                    what,
                    next: format!("Make it anew from its image: glassbox rm {} and run it again.", container.name),
                });
            }
        }
    }

    fn unused(&mut self) {
        const NEXT: &str = "glassbox fsck --repair removes it.";
        let mut unused = |what: String| {
            self.told.findings.push(Finding { broken: false, what, next: NEXT.to_string() });
        };
        for (digest, bytes) in self.listing.garbage_blobs(self.state) {
            unused(format!("the blob {digest} ({}): no image has it", human_size(bytes)));
        }
        for diff_id in self.listing.garbage_layers(self.state) {
            unused(format!("the extracted layer {diff_id}: no image and no container has it"));
        }
        for path in &self.listing.strays {
            unused(format!("{path}: a command that was killed has left it"));
        }
    }
}

fn get_again(name: &str) -> String {
    format!("Delete the image and get it again: glassbox rmi {name}")
}

fn document(blobs: &mut impl Blobs, digest: &str) -> Option<Vec<u8>> {
    let (source, _) = blobs.open(digest).ok()?;
    let mut bytes = Vec::new();
    source.take(DOCUMENT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn digest_of(source: impl Read) -> Result<String, Errno> {
    let mut digested = Digested::new(source);
    let failed = |error: std::io::Error| error.raw_os_error().map_or(Errno::EIO, Errno);
    std::io::copy(&mut digested, &mut std::io::sink()).map_err(failed)?;
    Ok(digested.digest())
}

/// What one pass through a layer's blob tells.
struct Found {
    blob: String,
    diff_id: String,
    difference: Option<String>,
}

fn read_layer<T: Tree>(source: impl Read, tree: Option<&mut T>, form: OverlayForm) -> Result<Found, String> {
    const ARCHIVE_BYTES_MAX: u64 = 64 << 30;
    let mut archive = Digested::new(Blob::new(source).map_err(|error| error.to_string())?.own());
    let limits = LayerLimits::of_linux(ARCHIVE_BYTES_MAX);
    let difference = match tree {
        Some(tree) => compare(tree, form, &limits, &mut archive).map_err(|error| error.to_string())?,
        None => None,
    };
    // What follows the end of the archive belongs to its digest.
    std::io::copy(&mut archive, &mut std::io::sink()).map_err(|error| error.to_string())?;
    let diff_id = archive.digest();
    let (blob, _) = archive.into_inner().finish().map_err(|error| error.to_string())?;
    Ok(Found { blob, diff_id, difference })
}
