//! An image whose layers are packed: its configuration, its manifest, its line in the index, its files, its names. `commit`, `import` and
//! builds end with it.

use super::super::origin::{self, need, planned};
use super::super::{Context, Planned};
use super::manifest_of;
use crate::layout::Layout;
use crate::model::{Image, Layer};
use crate::oci::image::{ConfigFile, Descriptor, Manifest, assemble, media};
use crate::step::{AddedLayer, BlobContent, BuildStep, ClientStep, ImageDraft, ImageStep, Step};

/// The parts; nothing as long as a layer is not packed.
pub(in crate::plan) fn write(draft: &ImageDraft, context: &Context<'_>) -> Vec<Planned> {
    let Some((config, layers)) = complete(draft, context) else { return Vec::new() };
    let text = config.written();
    let id = crate::oci::digest::of(&text);
    let mut steps = Vec::new();
    let image = match context.state.images.get(&id).filter(|known| known.stored) {
        // The same image, perhaps compressed in another way.
        Some(known) => known.clone(),
        None => fresh(config, &text, &layers, context, &mut steps),
    };
    let record = ImageStep::RecordImage {
        index: Layout::new(&context.host.data_root).image_index(),
        id: id.clone(),
        manifest: manifest_of(&image),
        fresh: !context.state.images.contains_key(&id),
    };
    steps.push(planned(Step::Image(record), origin::command(context)));
    // What is new stands extracted at once, as with dockerd.
    steps.extend(super::extracted(&layers, &id, true, context));
    for name in &draft.names {
        let before = crate::reference::Reference::parse(name).ok().and_then(|name| context.state.image_named(&name.familiar()));
        let step = ImageStep::TagImage {
            index: Layout::new(&context.host.data_root).image_index(),
            name: name.clone(),
            id: id.clone(),
            manifest: manifest_of(&image),
            before: before.filter(|known| known.stored).map(manifest_of),
            fresh: false,
        };
        steps.push(planned(Step::Image(step), origin::command(context)));
    }
    if draft.noted {
        let why = "What is left to do is planned for the image that there is.";
        steps.push(planned(Step::Build(BuildStep::NoteImage { id: id.clone() }), need("WriteImage", why)));
    }
    if draft.told {
        let told = ClientStep::Print { text: format!("{id}\n") };
        steps.push(planned(Step::Client(told), origin::command(context)));
    }
    steps
}

/// The configuration with all layers and instructions in it, and the layers; `None`: one is not packed yet.
fn complete(draft: &ImageDraft, context: &Context<'_>) -> Option<(ConfigFile, Vec<Layer>)> {
    let (mut config, mut layers) = (draft.config.clone(), draft.base.clone());
    for added in &draft.added {
        let layer = match &added.layer {
            AddedLayer::None => None,
            AddedLayer::Known(layer) => Some((**layer).clone()),
            AddedLayer::Packed { upper } => context.state.packed.get(upper)?.layer.clone(),
        };
        let mut history = added.history.clone();
        history.empty_layer = layer.is_none();
        config.history.push(history);
        layers.extend(layer);
    }
    config.rootfs.diff_ids = layers.iter().map(|layer| layer.diff_id.clone()).collect();
    Some((config, layers))
}

fn fresh(config: ConfigFile, text: &[u8], layers: &[Layer], context: &Context<'_>, steps: &mut Vec<Planned>) -> Image {
    let of = |layer: &Layer| Descriptor {
        media_type: layer.media_type.clone(),
        digest: layer.blob.clone(),
        size: layer.blob_bytes,
        ..Descriptor::default()
    };
    let manifest = Manifest::of(Descriptor::of(media::CONFIG, text), layers.iter().map(of).collect());
    let document = manifest.written();
    let digest = crate::oci::digest::of(&document);
    let layout = Layout::new(&context.host.data_root);
    let configured = "What the image is made of and how a container of it runs; the image's id is the digest of it.";
    let named = "A registry and an index know an image by its manifest, which names configuration and layers.";
    for (digest, bytes, why) in [(crate::oci::digest::of(text), text, configured), (digest.clone(), &document, named)] {
        let content = BlobContent::Text(String::from_utf8_lossy(bytes).into_owned());
        let step = ImageStep::WriteBlob { path: layout.blob(&digest), digest, content };
        steps.push(planned(Step::Image(step), need("RecordImage", why)));
    }
    assemble(&digest, &manifest, config)
}
