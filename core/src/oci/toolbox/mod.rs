//! The toolbox image: the one image that Glassbox brings along. One layer, whose archive is packed and hashed when Glassbox is built.
//!
//! Linux has the archive embedded and extracts it like any other; the page's machine makes the same files from [`files()`], with a model of
//! the binary. Size and digest of the archive are facts of the machine ([`ToolboxFacts`]), so that both kernels give the image one id.

mod files;

pub use files::{BINARY, ToolboxFile, ToolboxFileKind, files};

use crate::host::ToolboxFacts;
use crate::model::{History, Image, ImageConfig};
use crate::oci::image::{ConfigFile, Descriptor, Manifest, RootFs, assemble, media};
use crate::userland::NAMES;

/// How people write it.
pub const REFERENCE: &str = "toolbox:latest";

/// The text of a file of the image.
pub fn text(path: &str) -> Option<String> {
    match files().into_iter().find(|file| file.path == path)?.kind {
        ToolboxFileKind::Text(text) => Some(text.to_string()),
        _ => None,
    }
}

/// Configuration and manifest.
pub fn documents(facts: &ToolboxFacts) -> (ConfigFile, Manifest) {
    let made_by = |created_by: &str, empty_layer: bool| History {
        created_by: created_by.into(),
        comment: "glassbox".into(),
        empty_layer,
        ..History::default()
    };
    let config = ConfigFile {
        architecture: "amd64".into(),
        os: "linux".into(),
        config: ImageConfig {
            env: vec!["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into()],
            cmd: vec!["sh".into()],
            ..ImageConfig::default()
        },
        rootfs: RootFs { diff_ids: vec![facts.diff_id.clone()], ..RootFs::default() },
        history: vec![made_by("COPY toolbox /", false), made_by("CMD [\"sh\"]", true)],
        ..ConfigFile::default()
    };
    let layer = Descriptor {
        media_type: media::LAYER.into(),
        digest: facts.diff_id.clone(),
        size: facts.archive_bytes,
        ..Descriptor::default()
    };
    let manifest = Manifest::of(Descriptor::of(media::CONFIG, &config.written()), vec![layer]);
    (config, manifest)
}

/// The image, with this binary in it.
pub fn image(facts: &ToolboxFacts) -> Image {
    let (config, manifest) = documents(facts);
    let mut image = assemble(&crate::oci::digest::of(&manifest.written()), &manifest, config);
    image.names = vec![REFERENCE.into()];
    image.embedded = true;
    image.stored = false;
    image.layers.iter_mut().for_each(|layer| layer.size_bytes = content_bytes(facts.size_bytes));
    image
}

/// Bytes of the files in it, with a binary of so many.
fn content_bytes(binary_bytes: u64) -> u64 {
    let bytes = |kind: &ToolboxFileKind| match kind {
        ToolboxFileKind::Text(text) => text.len() as u64,
        ToolboxFileKind::Binary => binary_bytes,
        ToolboxFileKind::Directory | ToolboxFileKind::Link(_) => 0,
    };
    files().iter().map(|file| bytes(&file.kind)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::HostFacts;

    #[test]
    fn every_directory_stands_before_what_is_in_it() {
        let files = files();
        for (index, file) in files.iter().enumerate() {
            let (parent, _) = file.path.rsplit_once('/').unwrap();
            let known = files[..index].iter().any(|earlier| earlier.path == parent);
            assert!(parent.is_empty() || known, "{}", file.path);
        }
    }

    #[test]
    fn another_binary_is_another_layer_and_another_image() {
        let facts = HostFacts::example().toolbox;
        let other = ToolboxFacts { diff_id: format!("sha256:{}", "1".repeat(64)), ..facts.clone() };
        assert_eq!(image(&facts), image(&facts));
        assert_ne!(image(&facts).layers[0].diff_id, image(&other).layers[0].diff_id);
        assert_ne!(image(&facts).id, image(&other).id);
        assert_eq!(image(&facts).id.len(), "sha256:".len() + 64);
    }
}
