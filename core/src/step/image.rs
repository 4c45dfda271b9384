//! Steps on images: blobs, names and extracted layers in the store, which is an OCI image layout (image-layout.md).

use serde::{Deserialize, Serialize};

use super::{ContainerFiles, ImportedArchive, PackedDirectory, Undo};
use crate::oci::image::Descriptor;
use crate::oci::image::transfer::Sent;
use crate::view::layers::LayersShown;

/// A step on the images in the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ImageStep {
    /// A new file with a blob in it, named by its digest. Written beside its place and renamed, so that nobody reads half of it.
    WriteBlob {
        /// Where to: absolute.
        path: String,
        /// `sha256:…`
        digest: String,
        /// Its bytes.
        content: BlobContent,
    },
    /// Pack a directory of changes into a layer's blob: archive, digests and compression in one pass (OCI image specification, layer.md).
    /// Where nothing was changed there is no layer.
    PackLayer(PackedDirectory),
    /// Read an archive of files into a layer's blob.
    ImportLayer(ImportedArchive),
    /// Put a manifest into the index, without a name: from then on the store has the image.
    RecordImage {
        /// Absolute path of `index.json`.
        index: String,
        /// The image's id.
        id: String,
        /// Its manifest.
        manifest: Descriptor,
        /// The manifest is not in the index yet.
        fresh: bool,
    },
    /// Compare what a container changed with what lies below, and print it.
    ShowChanges(ContainerFiles),
    /// Write a container's files as an archive.
    ExportFiles {
        /// Which.
        files: ContainerFiles,
        /// A file of the caller's; none: to stdout.
        output: Option<CallersFile>,
    },
    /// Give a manifest a name in the index. Whoever had it before loses it.
    TagImage {
        /// Absolute path of `index.json`.
        index: String,
        /// In full: `docker.io/library/web:1`.
        name: String,
        /// The image's id.
        id: String,
        /// What the name leads to.
        manifest: Descriptor,
        /// What it led to before.
        before: Option<Descriptor>,
        /// The manifest is not in the index yet.
        fresh: bool,
    },
    /// Take a name out of the index. The image stays.
    UntagImage {
        /// Absolute path of `index.json`.
        index: String,
        /// In full.
        name: String,
        /// The image's id.
        id: String,
        /// What the name leads to.
        manifest: Descriptor,
    },
    /// Strike a manifest off the index, so that the store has the image no more.
    ForgetImage {
        /// Absolute path of `index.json`.
        index: String,
        /// The image's id.
        id: String,
        /// Its manifest's digest.
        manifest: String,
    },
    /// Write images with their names and blobs as one archive.
    SaveImages {
        /// Which.
        images: Vec<Sent>,
        /// A file of the caller's; none: to stdout.
        output: Option<CallersFile>,
    },
    /// Read an archive of images: each blob under the digest of its bytes, then the names.
    LoadImages {
        /// A file of the caller's; none: from stdin.
        input: Option<CallersFile>,
        /// Tell no ids.
        quiet: bool,
    },
    /// Remove a blob that no image has any more.
    RemoveBlob {
        /// Absolute.
        path: String,
        /// `sha256:…`
        digest: String,
    },
    /// Read all that is in the store, hold it against its digests, and print what is broken.
    CheckStore {
        /// Layers are marked with `user.overlay.*`.
        user_xattr: bool,
    },
    /// Compare an image's layers, and print what each brings and hides.
    ShowLayers(LayersShown),
    /// Remove what a command that was killed has half written.
    RemoveStray {
        /// A file or a directory: absolute.
        path: String,
    },
    /// Remove the extracted files of a layer that neither an image nor a container has any more.
    RemoveLayer {
        /// Absolute.
        directory: String,
        /// Which.
        diff_id: String,
    },
}

/// A file that the caller has named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallersFile {
    /// Absolute.
    pub path: String,
    /// As she has typed it, for what is said of it.
    pub typed: String,
}

/// Where a blob's bytes come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BlobContent {
    /// They are these: a document.
    Text(String),
    /// They are part of the program: the archive of the toolbox image's layer.
    Toolbox,
}

impl ImageStep {
    /// See [`super::Step::name`].
    pub fn name(&self) -> &'static str {
        match self {
            ImageStep::WriteBlob { .. } => "WriteBlob",
            ImageStep::PackLayer(_) => "PackLayer",
            ImageStep::ImportLayer(_) => "ImportLayer",
            ImageStep::RecordImage { .. } => "RecordImage",
            ImageStep::ShowChanges(_) => "ShowChanges",
            ImageStep::ExportFiles { .. } => "ExportFiles",
            ImageStep::TagImage { .. } => "TagImage",
            ImageStep::UntagImage { .. } => "UntagImage",
            ImageStep::ForgetImage { .. } => "ForgetImage",
            ImageStep::SaveImages { .. } => "SaveImages",
            ImageStep::LoadImages { .. } => "LoadImages",
            ImageStep::RemoveBlob { .. } => "RemoveBlob",
            ImageStep::CheckStore { .. } => "CheckStore",
            ImageStep::ShowLayers(_) => "ShowLayers",
            ImageStep::RemoveStray { .. } => "RemoveStray",
            ImageStep::RemoveLayer { .. } => "RemoveLayer",
        }
    }

    /// See [`super::Step::undo`].
    pub fn undo(&self) -> Undo {
        match self {
            ImageStep::WriteBlob { path, .. } => Undo::DropBlob { path: path.clone() },
            ImageStep::PackLayer(packed) => Undo::DropPacked { upper: packed.upper.clone() },
            ImageStep::ImportLayer(_) => Undo::DropPacked { upper: ImportedArchive::KEY.to_string() },
            ImageStep::RecordImage { index, manifest, fresh: true, .. } => {
                Undo::StrikeImage { index: index.clone(), manifest: manifest.digest.clone() }
            }
            ImageStep::RecordImage { .. } | ImageStep::ShowChanges(_) | ImageStep::CheckStore { .. } | ImageStep::ShowLayers(_) => {
                Undo::NothingChanged
            }
            ImageStep::TagImage { index, name, manifest, before, fresh, .. } => Undo::RestoreName {
                index: index.clone(),
                name: name.clone(),
                before: before.clone(),
                strike: fresh.then(|| manifest.digest.clone()),
            },
            ImageStep::UntagImage { index, name, manifest, .. } => {
                Undo::RestoreName { index: index.clone(), name: name.clone(), before: Some(manifest.clone()), strike: None }
            }
            ImageStep::SaveImages { .. } | ImageStep::ExportFiles { .. } => {
                Undo::LeftStanding { why: "The archive is the caller's: whoever reads it may have it already.".into() }
            }
            ImageStep::LoadImages { .. } => {
                Undo::LeftStanding { why: "Images that came in do no harm: rmi takes them away again.".into() }
            }
            ImageStep::ForgetImage { .. }
            | ImageStep::RemoveBlob { .. }
            | ImageStep::RemoveStray { .. }
            | ImageStep::RemoveLayer { .. } => {
                Undo::Impossible { why: "The files are deleted; nothing keeps a copy of them.".into() }
            }
        }
    }
}
