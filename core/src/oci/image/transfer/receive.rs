//! Reading.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};

use serde::Deserialize;

use super::super::{DOCUMENT_BYTES_MAX, Descriptor, ImageError, Index, Manifest, NAME_ANNOTATION, media, one, parsed};
use super::{
    Arrived, BLOBS, Blobs, CONTAINERD_NAME, DOCKER_LIST, INDEX, LAYOUT_FILE, Look, TransferError, blobs_of, document, failed,
};
use crate::archive::{ArchiveError, Fault, Limits, Member, MemberKind, Reader, inside, shown};
use crate::model::{Image, Layer};
use crate::oci::digest::is_sha256;
use crate::oci::layer::{Blob, Digested};
use crate::reference::Reference;

const PIECE_BYTES: usize = 128 << 10;
/// Indexes within indexes.
const DEPTH_MAX: usize = 4;
/// Images in one archive.
const IMAGES_MAX: usize = 1_000;

/// Takes all images of an archive, which may be compressed, into the store: their blobs, manifests included. They are not in its index
/// yet; `names` are those of the archive. Of an archive that is refused no blob stays. `look` is given the layers that are new.
pub fn receive<B: Blobs>(
    blobs: &mut B,
    platform: (&str, &str),
    input: impl Read,
    look: Look<'_, B>,
) -> Result<Vec<Image>, TransferError> {
    let mut incoming = Incoming {
        blobs,
        look,
        platform: (platform.0.to_string(), platform.1.to_string()),
        new: BTreeSet::new(),
        stand_ins: BTreeSet::new(),
        files: BTreeMap::new(),
        links: BTreeMap::new(),
        documents: BTreeMap::new(),
    };
    let images = incoming.all(input);
    let kept: BTreeSet<&str> = images.iter().flatten().flat_map(blobs_of).collect();
    for digest in incoming.new.iter().filter(|digest| !kept.contains(digest.as_str())) {
        incoming.blobs.remove(digest);
    }
    images
}

/// A line of Docker's list.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Vec<String>,
}

struct Incoming<'a, B> {
    blobs: &'a mut B,
    look: Look<'a, B>,
    platform: (String, String),
    /// Blobs that were not there before.
    new: BTreeSet<String>,
    /// Blobs whose bytes are not those of their digests: the model's.
    stand_ins: BTreeSet<String>,
    /// Digest and bytes of every file.
    files: BTreeMap<String, (String, u64)>,
    /// Where links lead, as paths in the archive.
    links: BTreeMap<String, String>,
    /// The lists of images.
    documents: BTreeMap<String, Vec<u8>>,
}

impl<B: Blobs> Incoming<'_, B> {
    fn all(&mut self, input: impl Read) -> Result<Vec<Image>, TransferError> {
        let archive = Blob::new(input).map_err(TransferError::Stream)?;
        let mut reader = Reader::new(archive, Limits::of_disk());
        while let Some(member) = reader.next_member()? {
            self.take(&member, &mut reader)?;
        }
        reader.finish()?;
        let is_layout = self.documents.contains_key(INDEX) && self.files.contains_key(LAYOUT_FILE);
        let images = if is_layout { self.by_index()? } else { self.by_list()? };
        self.are_as_named(&images)?;
        Ok(images)
    }

    /// The layers are there, as long as the manifests say, and their archives are the ones that the configurations name.
    fn are_as_named(&mut self, images: &[Image]) -> Result<(), TransferError> {
        let (mut seen, mut fresh) = (BTreeSet::new(), Vec::new());
        for (number, layer) in images.iter().flat_map(|image| image.layers.iter().enumerate()) {
            if !seen.insert((&layer.blob, &layer.diff_id)) {
                continue;
            }
            let missing = |_| ImageError::Missing { what: "layer", digest: layer.blob.clone() };
            let (_, bytes) = self.blobs.open(&layer.blob).map_err(missing)?;
            if !self.stand_ins.contains(&layer.blob) {
                of_length("layer", &layer.blob, layer.blob_bytes, bytes)?;
            }
            // What was here before has been looked at when it came, and is looked at again when it is extracted.
            if self.new.contains(&layer.blob) {
                fresh.push((number, layer));
            }
        }
        let arrived = |(_, layer): &(usize, &Layer)| Arrived { blob: layer.blob.clone(), diff_id: layer.diff_id.clone() };
        let arrived: Vec<Arrived> = fresh.iter().map(arrived).collect();
        for ((number, layer), found) in fresh.into_iter().zip((self.look)(self.blobs, &arrived)) {
            let found = found?;
            if found != layer.diff_id {
                return Err(TransferError::OtherArchive { number, expected: layer.diff_id.clone(), found });
            }
        }
        Ok(())
    }

    /// A file goes to the blobs, whatever it is called.
    fn take(&mut self, member: &Member, reader: &mut Reader<impl Read>) -> Result<(), TransferError> {
        let named = inside(&member.name).and_then(|path| String::from_utf8(path).ok());
        let wrong = |why: &str| TransferError::NotThere(format!("{} ({why})", shown(&member.name)));
        let path = named.ok_or_else(|| wrong("no path that leads into the archive"))?;
        match member.kind {
            MemberKind::File if path == INDEX || path == DOCKER_LIST => {
                let bytes = self.text(member, reader)?;
                self.documents.insert(path, bytes);
            }
            MemberKind::File => {
                let (digest, bytes) = self.store(reader)?;
                match path.strip_prefix(BLOBS).and_then(|rest| rest.strip_prefix('/')) {
                    Some(name) if format!("sha256:{name}") != digest => {
                        let wanted = format!("sha256:{name}");
                        return Err(ImageError::Damaged { what: "blob", digest: wanted, found: digest }.into());
                    }
                    _ => {}
                }
                self.files.insert(path, (digest, bytes));
            }
            MemberKind::Symlink | MemberKind::Hardlink => {
                let text = if member.kind == MemberKind::Hardlink {
                    member.link.clone()
                } else {
                    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
                    [parent.as_bytes(), b"/", &member.link].concat()
                };
                let target = inside(&text).and_then(|target| String::from_utf8(target).ok());
                self.links.insert(path, target.ok_or_else(|| wrong("a link that leads out"))?);
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&self, member: &Member, reader: &mut Reader<impl Read>) -> Result<Vec<u8>, TransferError> {
        if member.size_bytes > DOCUMENT_BYTES_MAX as u64 {
            let fault = Fault::Exceeded { limit: "bytes in a document", max: DOCUMENT_BYTES_MAX as u64 };
            return Err(reader.error(fault).into());
        }
        let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            match reader.read_content(&mut buffer)? {
                0 => return Ok(bytes),
                count => bytes.extend_from_slice(&buffer[..count]),
            }
        }
    }

    fn store(&mut self, reader: &mut Reader<impl Read>) -> Result<(String, u64), TransferError> {
        let mut sink = Digested::new(self.blobs.create().map_err(failed("write the blob"))?);
        let mut buffer = vec![0; PIECE_BYTES];
        let copied = loop {
            match reader.read_content(&mut buffer) {
                Ok(0) => break Ok(()),
                Ok(count) => {
                    if let Err(error) = sink.write_all(&buffer[..count]) {
                        break Err(TransferError::Stream(error));
                    }
                }
                Err(error) => break Err(error.into()),
            }
        };
        let (digest, bytes) = (sink.digest(), sink.passed_bytes());
        let sink = sink.into_inner();
        let stands_for = self.blobs.stands_for(&sink);
        self.stand_ins.extend(stands_for.clone());
        let digest = stands_for.unwrap_or(digest);
        self.finish(sink, copied, &digest)?;
        Ok((digest, bytes))
    }

    fn finish(&mut self, sink: B::Sink, copied: Result<(), TransferError>, digest: &str) -> Result<(), TransferError> {
        let known = self.blobs.has(digest);
        if copied.is_err() || known {
            self.blobs.discard(sink);
            return copied;
        }
        self.blobs.keep(sink, digest).map_err(failed("write the blob"))?;
        self.new.insert(digest.to_string());
        Ok(())
    }

    /// The digest of what lies at a path of the archive, links followed.
    fn at(&self, path: &str) -> Result<&(String, u64), TransferError> {
        let mut path = path;
        for _ in 0..=self.links.len() {
            match self.links.get(path) {
                Some(target) => path = target,
                None => break,
            }
        }
        self.files.get(path).ok_or_else(|| TransferError::NotThere(path.to_string()))
    }

    fn by_index(&mut self) -> Result<Vec<Image>, TransferError> {
        let index = Index::read(self.documents.get(INDEX).map(Vec::as_slice).unwrap_or_default())?;
        let list = self.list()?.unwrap_or_default();
        let mut images: Vec<Image> = Vec::new();
        for entry in &index.manifests {
            let manifest = self.chosen(entry, 0)?;
            let mut image = self.image(&manifest.digest, manifest.size)?;
            image.names = name_of(entry).into_iter().collect();
            if image.names.is_empty() {
                // Older writers give the names in Docker's list alone.
                let own = list.iter().filter(|listed| self.at(&listed.config).is_ok_and(|(digest, _)| *digest == image.id));
                image.names = own.flat_map(names_of).collect();
            }
            self.add(&mut images, image)?;
        }
        Ok(images)
    }

    fn add(&self, images: &mut Vec<Image>, image: Image) -> Result<(), TransferError> {
        let count = images.len();
        match images.iter_mut().find(|known| known.id == image.id) {
            Some(known) => {
                known.names.extend(image.names);
                known.names.sort();
                known.names.dedup();
            }
            None if count == IMAGES_MAX => {
                let fault = Fault::Exceeded { limit: "images", max: IMAGES_MAX as u64 };
                return Err(ArchiveError { entry: String::new(), fault }.into());
            }
            None => images.push(image),
        }
        Ok(())
    }

    /// The manifest that an entry means: itself, or of an index the one for this machine.
    fn chosen(&mut self, entry: &Descriptor, depth: usize) -> Result<Descriptor, TransferError> {
        if ![media::INDEX, media::DOCKER_INDEX].contains(&entry.media_type.as_str()) {
            return Ok(entry.clone());
        }
        if depth == DEPTH_MAX {
            let fault = Fault::Exceeded { limit: "indexes within each other", max: DEPTH_MAX as u64 };
            return Err(ArchiveError { entry: entry.digest.clone(), fault }.into());
        }
        let missing = || TransferError::Image(ImageError::Missing { what: "index", digest: entry.digest.clone() });
        let bytes = if is_sha256(&entry.digest) { document(self.blobs, &entry.digest) } else { None }.ok_or_else(missing)?;
        let index = Index::read(&bytes)?;
        let (os, architecture) = &self.platform;
        let own = |entry: &&Descriptor| {
            entry.platform.as_ref().is_none_or(|platform| platform.os == *os && platform.architecture == *architecture)
        };
        let found = index.manifests.iter().find(own).cloned();
        let nobody = || TransferError::Platform(format!("{os}/{architecture}"));
        let found = found.ok_or_else(nobody)?;
        self.chosen(&found, depth + 1)
    }

    fn image(&mut self, manifest: &str, bytes_named: u64) -> Result<Image, TransferError> {
        let missing = |what, digest: &str| ImageError::Missing { what, digest: digest.to_string() };
        let read = |blobs: &mut B, digest: &str| if is_sha256(digest) { document(blobs, digest) } else { None };
        let bytes = read(self.blobs, manifest).ok_or_else(|| missing("manifest", manifest))?;
        of_length("manifest", manifest, bytes_named, bytes.len() as u64)?;
        let config = Manifest::read(&bytes, manifest)?.config;
        let config_bytes = read(self.blobs, &config.digest).ok_or_else(|| missing("configuration", &config.digest))?;
        of_length("configuration", &config.digest, config.size, config_bytes.len() as u64)?;
        let both = [(manifest, bytes), (config.digest.as_str(), config_bytes)];
        let found = |digest: &str| both.iter().find(|(known, _)| *known == digest).map(|(_, bytes)| bytes.clone());
        Ok(one(manifest, &found)?)
    }

    fn list(&self) -> Result<Option<Vec<Listed>>, TransferError> {
        let Some(bytes) = self.documents.get(DOCKER_LIST) else { return Ok(None) };
        Ok(Some(parsed(bytes, "list of images", "")?))
    }

    /// By Docker's list: there is no manifest of OCI's, so it is made here.
    fn by_list(&mut self) -> Result<Vec<Image>, TransferError> {
        let list = self.list()?.ok_or(TransferError::NoList)?;
        let mut images = Vec::new();
        for listed in &list {
            let (config, size) = self.at(&listed.config)?.clone();
            let config = Descriptor { media_type: media::CONFIG.into(), digest: config, size, ..Descriptor::default() };
            let mut layers = Vec::new();
            for path in &listed.layers {
                let (digest, size) = self.at(path)?.clone();
                let source = self.blobs.open(&digest).map_err(failed("open the blob"))?.0;
                let media_type = Blob::new(source).map_err(TransferError::Stream)?.compression().media_type().to_string();
                layers.push(Descriptor { media_type, digest, size, ..Descriptor::default() });
            }
            let document = Manifest::of(config, layers).written();
            let manifest = self.write(&document)?;
            let mut image = self.image(&manifest, document.len() as u64)?;
            image.names = names_of(listed).collect();
            self.add(&mut images, image)?;
        }
        Ok(images)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<String, TransferError> {
        let digest = crate::oci::digest::of(bytes);
        let mut sink = self.blobs.create().map_err(failed("write the blob"))?;
        let written = sink.write_all(bytes).map_err(TransferError::Stream);
        self.finish(sink, written, &digest)?;
        Ok(digest)
    }
}

/// A descriptor says how long a blob is (OCI image specification, descriptor.md).
fn of_length(what: &'static str, digest: &str, named: u64, found: u64) -> Result<(), TransferError> {
    // A document that is too long is refused as such by whoever reads it.
    match named == found || (found > DOCUMENT_BYTES_MAX as u64 && what != "layer") {
        true => Ok(()),
        false => Err(TransferError::Length { what, digest: digest.to_string(), named, found }),
    }
}

/// The familiar name that an entry of an index has: containerd's, or a whole one where the specification has a name.
fn name_of(entry: &Descriptor) -> Option<String> {
    let whole = |name: &&String| name.contains(['/', ':']);
    let own = entry.annotations.get(NAME_ANNOTATION).filter(whole);
    let name = Reference::parse(entry.annotations.get(CONTAINERD_NAME).or(own)?).ok()?;
    Some(name.tagged().familiar())
}

fn names_of(listed: &Listed) -> impl Iterator<Item = String> {
    let names = listed.repo_tags.iter().flatten();
    names.filter_map(|name| Reference::parse(name).ok()).map(|name| name.tagged().familiar())
}
