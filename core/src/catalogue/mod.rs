//! The catalogue: popular public images, as the model knows them.
//!
//! Configuration, history and sizes of layers are facts of the real images (`data/facts.json`, `data/more.json`; gathered from the public
//! repository docker-library/repo-info and the images' own documentation). The files are a model: a modest tree, in which programs and data
//! are known by name and size (`data/trees.txt`). So blobs and digests are the model's own, and never those of the real image.
//!
//! ```text
//! reference ─tag──▶ entry, version, distribution ─tree──▶ files of each layer ─archive──▶ blobs, configuration, manifest, index
//! ```
//!
//! Called by the model alone; Linux gets its images from registries.

mod archive;
mod entry;
mod image;
mod offer;
mod tag;
mod tree;

#[cfg(test)]
mod run_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tutorial_tests;

pub use image::{Blob, Listed};
pub use offer::Catalogue;

use crate::reference::Reference;

/// The image that a name leads to in the catalogue; a digest leads to none.
pub fn find(reference: &Reference) -> Option<Listed> {
    if reference.digest.is_some() {
        return None;
    }
    let tagged = reference.clone().tagged();
    let familiar = tagged.familiar();
    let (name, tag) = familiar.rsplit_once(':')?;
    let entries = entry::all();
    let chosen = tag::choose(&entries, name, tag)?;
    Some(image::build(&chosen, &familiar))
}

/// What the files of a modelled layer are long together, by its diff id: an archive of it holds only their beginnings.
pub fn content_bytes(image: &Listed, diff_id: &str) -> Option<u64> {
    image.blob(diff_id).map(|blob| blob.content_bytes)
}

/// The names that the catalogue has, sorted: those that a search shows.
pub fn names() -> Vec<String> {
    let mut names: Vec<String> = entry::all().into_iter().map(|entry| entry.name).collect();
    names.sort();
    names.dedup();
    names
}
