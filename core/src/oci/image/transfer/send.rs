//! Writing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};

use serde_json::{Value, json};

use super::super::{Descriptor, Index, NAME_ANNOTATION, one};
use super::{BLOBS, Blobs, CONTAINERD_NAME, DOCKER_LIST, INDEX, LAYOUT, LAYOUT_FILE, TransferError, document, failed};
use crate::archive::{Member, MemberKind, Writer};
use crate::errno::Errno;
use crate::model::Image;
use crate::reference::Reference;

const PIECE_BYTES: usize = 128 << 10;

/// An image that is written, and the names that go with it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Sent {
    /// Its id.
    pub id: String,
    /// Its manifest.
    pub manifest: Descriptor,
    /// In full, with tag.
    pub names: Vec<String>,
}

/// Writes images as an archive.
pub fn send<B: Blobs>(blobs: &mut B, images: &[Sent], output: impl Write) -> Result<(), TransferError> {
    let mut writer = Writer::new(output);
    let (mut index, mut list, mut wanted) = (Index::default(), Vec::new(), BTreeSet::new());
    for sent in images {
        let found: BTreeMap<String, Vec<u8>> = documents(blobs, &sent.manifest.digest)?;
        let image = one(&sent.manifest.digest, &|digest| found.get(digest).cloned())?;
        wanted.extend([image.manifest.clone(), image.id.clone()]);
        wanted.extend(image.layers.iter().map(|layer| layer.blob.clone()));
        list.push(listed(&image, &sent.names));
        index.manifests.extend(entries(sent));
    }
    let put = TransferError::Stream;
    for directory in ["blobs/", "blobs/sha256/"] {
        writer.member(&member(directory, MemberKind::Directory, 0)).map_err(put)?;
    }
    for digest in &wanted {
        let (mut source, size) = blobs.open(digest).map_err(failed("open the blob"))?;
        writer.member(&member(&path(digest), MemberKind::File, size)).map_err(put)?;
        let mut buffer = vec![0; PIECE_BYTES];
        loop {
            match source.read(&mut buffer).map_err(put)? {
                0 => break,
                count => writer.content(&buffer[..count]).map_err(put)?,
            }
        }
    }
    let index = serde_json::to_string(&index).unwrap_or_default();
    for (name, text) in [(INDEX, index), (DOCKER_LIST, Value::from(list).to_string()), (LAYOUT_FILE, LAYOUT.to_string())] {
        writer.member(&member(name, MemberKind::File, text.len() as u64)).map_err(put)?;
        writer.content(text.as_bytes()).map_err(put)?;
    }
    writer.finish().map(drop).map_err(put)
}

/// Manifest and configuration of an image.
fn documents<B: Blobs>(blobs: &mut B, manifest: &str) -> Result<BTreeMap<String, Vec<u8>>, TransferError> {
    let missing = || failed("open the blob")(Errno::ENOENT);
    let bytes = document(blobs, manifest).ok_or_else(missing)?;
    let config = super::super::Manifest::read(&bytes, manifest)?.config.digest;
    let config_bytes = document(blobs, &config).ok_or_else(missing)?;
    Ok([(manifest.to_string(), bytes), (config, config_bytes)].into())
}

fn path(digest: &str) -> String {
    format!("{BLOBS}/{}", digest.trim_start_matches("sha256:"))
}

/// What Docker's own list says of an image.
fn listed(image: &Image, names: &[String]) -> Value {
    let familiar: Vec<String> = names.iter().filter_map(|name| Reference::parse(name).ok()).map(|name| name.familiar()).collect();
    let layers: Vec<String> = image.layers.iter().map(|layer| path(&layer.blob)).collect();
    json!({ "Config": path(&image.id), "RepoTags": familiar, "Layers": layers })
}

/// A line of the index for each name, as Docker writes it: the tag where the specification has a name, the whole name beside it.
fn entries(sent: &Sent) -> Vec<Descriptor> {
    if sent.names.is_empty() {
        return vec![sent.manifest.clone()];
    }
    let entry = |name: &String| {
        let tag = Reference::parse(name).ok().and_then(|name| name.tag).unwrap_or_default();
        let annotations = [(CONTAINERD_NAME.to_string(), name.clone()), (NAME_ANNOTATION.to_string(), tag)].into();
        Descriptor { annotations, ..sent.manifest.clone() }
    };
    sent.names.iter().map(entry).collect()
}

fn member(name: &str, kind: MemberKind, size_bytes: u64) -> Member {
    let mode = if kind == MemberKind::Directory { 0o755 } else { 0o644 };
    let (link, attributes) = (Vec::new(), Vec::new());
    Member { name: name.into(), kind, link, mode, uid: 0, gid: 0, size_bytes, modified: (0, 0), attributes }
}
