use std::collections::BTreeMap;

use super::*;
use crate::host::HostFacts;
use crate::oci::{digest, toolbox};

/// The toolbox's documents as blobs, and an index that names them.
fn store() -> (Index, BTreeMap<String, Vec<u8>>) {
    let (config, manifest) = toolbox::documents(&HostFacts::example().toolbox);
    let (config, manifest) = (config.written(), manifest.written());
    let mut index = Index::default();
    index.tag("docker.io/library/toolbox:latest", &Descriptor::of(media::MANIFEST, &manifest));
    let blobs = [config, manifest].map(|bytes| (digest::of(&bytes), bytes));
    (index, blobs.into_iter().collect())
}

#[test]
fn what_is_written_is_what_the_specifications_own_crate_reads() {
    let (index, blobs) = store();
    let read = oci_spec::image::ImageIndex::from_reader(index.written().as_bytes()).unwrap();
    let entry = &read.manifests()[0];
    assert_eq!(entry.annotations().as_ref().unwrap()[NAME_ANNOTATION], "docker.io/library/toolbox:latest");
    let manifest = oci_spec::image::ImageManifest::from_reader(blobs[&entry.digest().to_string()].as_slice()).unwrap();
    assert_eq!(manifest.layers().len(), 1);
    let config =
        oci_spec::image::ImageConfiguration::from_reader(blobs[&manifest.config().digest().to_string()].as_slice()).unwrap();
    assert_eq!(config.rootfs().diff_ids(), &[HostFacts::example().toolbox.diff_id]);
    assert_eq!(config.config().as_ref().unwrap().cmd().as_ref().unwrap(), &["sh".to_string()]);
}

#[test]
fn an_image_comes_back_as_it_was_written() {
    let (index, blobs) = store();
    let (images, errors) = all(&index, &|digest| blobs.get(digest).cloned());
    assert_eq!(errors, []);
    let mut wanted = toolbox::image(&HostFacts::example().toolbox);
    (wanted.embedded, wanted.stored) = (false, true);
    wanted.layers[0].size_bytes = wanted.layers[0].blob_bytes;
    assert_eq!(images, [wanted]);
}

#[test]
fn damaged_and_missing_blobs_are_told_and_hide_no_other_image() {
    let (mut index, mut blobs) = store();
    let lost = Descriptor { digest: digest::of(b"lost"), ..Descriptor::of(media::MANIFEST, b"lost") };
    index.manifests.insert(0, lost.clone());
    let (images, errors) = all(&index, &|digest| blobs.get(digest).cloned());
    assert_eq!((images.len(), errors), (1, vec![ImageError::Missing { what: "manifest", digest: lost.digest }]));
    let manifest = index.manifests[1].digest.clone();
    blobs.insert(manifest.clone(), b"{}".to_vec());
    let (images, errors) = all(&index, &|digest| blobs.get(digest).cloned());
    assert!(images.is_empty());
    assert_eq!(
        errors[1].to_string(),
        format!("the manifest {manifest} is damaged: its bytes have the digest {}", digest::of(b"{}"))
    );
}

#[test]
fn a_digest_that_leads_out_of_the_store_is_never_asked_for() {
    let asked = |digest: &str| -> Option<Vec<u8>> { panic!("asked for {digest}") };
    assert!(one("sha256:../../etc/passwd", &asked).is_err());
    let config = format!(r#"{{"mediaType":"x","size":1,"digest":"sha256:{}"}}"#, "../".repeat(21) + "x");
    let text = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[]}}"#);
    let error = Manifest::read(text.as_bytes(), "sha256:1").unwrap_err().to_string();
    assert!(error.contains("is no digest of sha256"), "{error}");
}

#[test]
fn nulls_of_other_tools_are_read_as_nothing() {
    let text = r#"{"architecture":"arm64","os":"linux","created":"2026-01-01T00:00:00Z","config":{"Env":null,"Cmd":null,"Volumes":null,
        "Labels":null,"OnBuild":null,"User":"","ExposedPorts":{"80/tcp":{}},"Healthcheck":{"Test":["CMD","true"],"Interval":5}},
        "container_config":{"Hostname":""},"rootfs":{"type":"layers","diff_ids":[]},"history":[{"created_by":"x","empty_layer":true}]}"#;
    let file = ConfigFile::read(text.as_bytes(), "").unwrap();
    assert_eq!(file.config.exposed_ports.keys().collect::<Vec<_>>(), ["80/tcp"]);
    assert_eq!(file.config.healthcheck.unwrap().interval, 5);
    assert!(file.history[0].empty_layer && file.config.env.is_empty());
}

#[test]
fn names_move_from_manifest_to_manifest_and_the_last_leaves_it_dangling() {
    let (one, two) = (Descriptor::of(media::MANIFEST, b"1"), Descriptor::of(media::MANIFEST, b"2"));
    let mut index = Index::default();
    index.tag("docker.io/library/a:1", &one);
    index.tag("docker.io/library/b:1", &one);
    index.tag("docker.io/library/a:1", &two);
    let shown = |index: &Index| -> Vec<(String, String)> {
        let entry = |entry: &Descriptor| (entry.name().unwrap_or("-").to_string(), entry.digest[7..9].to_string());
        index.manifests.iter().map(entry).collect()
    };
    let (first, second) = (one.digest[7..9].to_string(), two.digest[7..9].to_string());
    assert_eq!(shown(&index), [("docker.io/library/b:1".into(), first.clone()), ("docker.io/library/a:1".into(), second.clone())]);
    assert!(index.untag("docker.io/library/b:1") && !index.untag("docker.io/library/b:1"));
    assert_eq!(shown(&index), [("-".into(), first.clone()), ("docker.io/library/a:1".into(), second.clone())]);
    index.tag("docker.io/library/c:1", &one);
    assert_eq!(shown(&index), [("docker.io/library/a:1".into(), second), ("docker.io/library/c:1".into(), first)]);
}

#[test]
fn a_document_that_is_too_long_is_called_so() {
    let (index, mut blobs) = store();
    let config = Manifest::read(&blobs[&index.manifests[0].digest], "").unwrap().config.digest;
    // As whoever reads gives it: cut off behind the limit, so that its digest is another one.
    blobs.insert(config.clone(), vec![b' '; DOCUMENT_BYTES_MAX + 1]);
    let (_, errors) = all(&index, &|digest| blobs.get(digest).cloned());
    let expected = format!("the configuration {config} cannot be read: it is longer than 4194304 bytes (DOCUMENT_BYTES_MAX)");
    assert_eq!(errors[0].to_string(), expected);
}
