use std::collections::BTreeMap;
use std::io::Cursor;

use super::super::{ConfigFile, Descriptor, Index, Manifest, NAME_ANNOTATION, RootFs, media};
use super::*;
use crate::archive::{Member, MemberKind, Writer};
use crate::model::Image;
use crate::oci::digest;

/// Blobs in memory.
#[derive(Clone, Debug, Default, PartialEq)]
struct Memory(BTreeMap<String, Vec<u8>>);

impl Blobs for Memory {
    type Source = Cursor<Vec<u8>>;
    type Sink = Vec<u8>;

    fn open(&mut self, digest: &str) -> Result<(Self::Source, u64), Errno> {
        let bytes = self.0.get(digest).ok_or(Errno::ENOENT)?.clone();
        let length = bytes.len() as u64;
        Ok((Cursor::new(bytes), length))
    }

    fn has(&mut self, digest: &str) -> bool {
        self.0.contains_key(digest)
    }

    fn create(&mut self) -> Result<Vec<u8>, Errno> {
        Ok(Vec::new())
    }

    fn keep(&mut self, blob: Vec<u8>, digest: &str) -> Result<(), Errno> {
        self.0.insert(digest.to_string(), blob);
        Ok(())
    }

    fn discard(&mut self, _: Vec<u8>) {}

    fn remove(&mut self, digest: &str) {
        self.0.remove(digest);
    }
}

impl Memory {
    fn put(&mut self, bytes: &[u8]) -> String {
        self.0.insert(digest::of(bytes), bytes.to_vec());
        digest::of(bytes)
    }

    /// An image of one layer, and what sends it.
    fn image(&mut self, layer: &[u8], names: &[&str]) -> Sent {
        self.put(layer);
        let config = config(layer);
        self.put(&config);
        let manifest = Manifest::of(Descriptor::of(media::CONFIG, &config), vec![Descriptor::of(media::LAYER, layer)]).written();
        self.put(&manifest);
        let names = names.iter().map(|name| (*name).to_string()).collect();
        Sent { id: digest::of(&config), manifest: Descriptor::of(media::MANIFEST, &manifest), names }
    }
}

fn config(layer: &[u8]) -> Vec<u8> {
    let rootfs = RootFs { diff_ids: vec![digest::of(layer)], ..RootFs::default() };
    ConfigFile { architecture: "amd64".into(), os: "linux".into(), rootfs, ..ConfigFile::default() }.written()
}

/// An archive of these files; what begins with `->` is a symbolic link.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (name, content) in files {
        let link = content.strip_prefix(b"->").map(<[u8]>::to_vec);
        let kind = if link.is_some() { MemberKind::Symlink } else { MemberKind::File };
        let size_bytes = if link.is_some() { 0 } else { content.len() as u64 };
        let (link, name) = (link.unwrap_or_default(), name.as_bytes().to_vec());
        let is_file = kind == MemberKind::File;
        writer
            .member(&Member { name, kind, link, mode: 0o644, uid: 0, gid: 0, size_bytes, modified: (0, 0), attributes: Vec::new() })
            .unwrap();
        if is_file {
            writer.content(content).unwrap();
        }
    }
    writer.finish().unwrap().1
}

fn received(bytes: &[u8]) -> (Memory, Result<Vec<Image>, String>) {
    let mut store = Memory::default();
    let images = receive(&mut store, ("linux", "amd64"), bytes, &mut digests).map_err(|error| error.to_string());
    (store, images)
}

fn names(images: &[Image]) -> Vec<String> {
    images.iter().map(|image| image.names.join(" ")).collect()
}

#[test]
fn what_is_sent_is_received_with_names_and_nothing_besides() {
    let mut store = Memory::default();
    let one = store.image(b"layer one", &["docker.io/library/web:1", "docker.io/library/web:2"]);
    let two = store.image(b"layer two", &[]);
    store.put(b"of another image");
    let mut bytes = Vec::new();
    send(&mut store, &[one, two], &mut bytes).unwrap();
    let (taken, images) = received(&bytes);
    assert_eq!(names(&images.unwrap()), ["web:1 web:2", ""]);
    store.remove(&digest::of(b"of another image"));
    assert_eq!(taken, store);
}

#[test]
fn dockers_older_form_is_read_with_its_links() {
    let layer = b"a layer";
    let text = config(layer);
    let name = format!("{}.json", digest::of(&text).trim_start_matches("sha256:"));
    let list = format!(r#"[{{"Config":"{name}","RepoTags":["web:1"],"Layers":["b/layer.tar"]}}]"#);
    let bytes = archive(&[
        ("a/layer.tar", layer),
        ("a/VERSION", b"1.0"),
        ("b/layer.tar", b"->../a/layer.tar"),
        (&name, &text),
        ("manifest.json", list.as_bytes()),
    ]);
    let (store, images) = received(&bytes);
    let images = images.unwrap();
    assert_eq!((names(&images), images[0].layers[0].blob.clone()), (vec!["web:1".to_string()], digest::of(layer)));
    // Layer, configuration, manifest; VERSION did not stay.
    assert_eq!(store.0.len(), 3);
}

#[test]
fn of_an_index_of_several_machines_the_own_one_is_taken() {
    let mut store = Memory::default();
    let (own, other) = (store.image(b"own", &[]), store.image(b"other", &[]));
    let platform = |sent: &Sent, architecture: &str| Descriptor {
        platform: Some(super::super::Platform { os: "linux".into(), architecture: architecture.into(), variant: String::new() }),
        ..sent.manifest.clone()
    };
    let inner = Index { manifests: vec![platform(&other, "arm64"), platform(&own, "amd64")], ..Index::default() };
    let inner = serde_json::to_vec(&inner).unwrap();
    let mut entry = Descriptor::of(media::INDEX, &inner);
    entry.annotations.insert(NAME_ANNOTATION.into(), "localhost:5000/web:1".into());
    let outer = Index { manifests: vec![entry.clone()], ..Index::default() }.written();
    store.put(&inner);
    let mut files: Vec<(String, Vec<u8>)> =
        store.0.iter().map(|(digest, bytes)| (format!("blobs/sha256/{}", &digest[7..]), bytes.clone())).collect();
    files.extend([("oci-layout".to_string(), LAYOUT.into()), ("index.json".to_string(), outer.into_bytes())]);
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let (taken, images) = received(&archive(&files));
    let images = images.unwrap();
    assert_eq!((names(&images), images[0].manifest.clone()), (vec!["localhost:5000/web:1".to_string()], own.manifest.digest));
    assert!(!taken.0.contains_key(&digest::of(b"other")) && taken.0.len() == 3);
    let arm = receive(&mut Memory::default(), ("linux", "s390x"), archive(&files).as_slice(), &mut digests).unwrap_err();
    assert_eq!(arm.to_string(), "invalid archive: no image in it is for linux/s390x");
}

#[test]
fn what_is_refused_leaves_nothing_behind() {
    let mut store = Memory::default();
    let sent = store.image(b"layer", &["docker.io/library/web:1"]);
    let mut whole = Vec::new();
    send(&mut store, &[sent], &mut whole).unwrap();
    let damaged = archive(&[(&format!("blobs/sha256/{}", "0".repeat(64)), b"x")]);
    let no_layer = config(b"gone");
    let list = r#"[{"Config":"c.json","RepoTags":null,"Layers":["gone/layer.tar"]}]"#;
    let cases: [(&[u8], &str); 6] = [
        (&whole[..1540], "the archive ends in the middle of it"),
        (b"no archive at all", "invalid archive"),
        (&damaged, "is damaged: its bytes have the digest"),
        (&archive(&[("x", b"1")]), "does not contain a manifest.json"),
        (&archive(&[("../x", b"1")]), "no path that leads into the archive"),
        (&archive(&[("c.json", &no_layer), ("manifest.json", list.as_bytes())]), "gone/layer.tar is named in it and is not there"),
    ];
    for (bytes, why) in cases {
        let (store, images) = received(bytes);
        let error = images.unwrap_err();
        assert!(error.contains(why), "{error}");
        assert_eq!(store, Memory::default(), "{why}");
    }
}

#[test]
fn an_image_that_is_there_keeps_its_manifest_and_gets_the_names() {
    let mut store = Memory::default();
    let sent = store.image(b"layer", &["docker.io/library/web:1"]);
    let mut bytes = Vec::new();
    send(&mut store, &[sent], &mut bytes).unwrap();
    let own = receive(&mut Memory::default(), ("linux", "amd64"), bytes.as_slice(), &mut digests).unwrap().remove(0);
    let mut other = own.clone();
    (other.manifest, other.names) = (digest::of(b"other"), vec!["web:2".into()]);
    other.layers[0].blob = digest::of(b"compressed");
    let (kept, given_up) = settle(vec![other.clone()], &[&own]);
    assert_eq!((kept[0].manifest.clone(), kept[0].names.clone()), (own.manifest.clone(), other.names.clone()));
    assert_eq!(given_up, [digest::of(b"other"), digest::of(b"compressed")]);
    assert_eq!(settle(vec![other.clone()], &[]), (vec![other], Vec::new()));
}

#[test]
fn where_no_archive_can_be_written_is_said_in_dockers_words() {
    let (directory, file) = (FileKind::Directory, FileKind::File);
    let said = |typed: &str, parent, there| unwritable(super::Wording::Save, typed, parent, there);
    let missing = "failed to save image: invalid output path: stat no/such: no such file or directory";
    assert_eq!(said("no/such/x.tar", Err(Errno::ENOENT), None).as_deref(), Some(missing));
    assert_eq!(said("/tmp", Ok(directory), Some(directory)).as_deref(), Some("failed to save image: cannot write to a directory"));
    let device = "failed to save image: cannot write to a character device file";
    assert_eq!(said("/dev/null", Ok(directory), Some(FileKind::CharDevice)).as_deref(), Some(device));
    assert_eq!((said("x", Ok(directory), Some(file)), said("x", Ok(directory), None)), (None, None));
}

#[test]
fn links_that_lead_round_and_round_end() {
    let list = br#"[{"Config":"a","RepoTags":[],"Layers":[]}]"#;
    let (_, images) = received(&archive(&[("a", b"->b"), ("b", b"->a"), ("manifest.json", list)]));
    assert!(images.unwrap_err().contains("is named in it and is not there"));
}
