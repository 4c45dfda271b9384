//! `--cache-from` and `--cache-to`: results that come from elsewhere, and go there.
//!
//! ```text
//! ImportCache ─▶ registry: … manifest, SendRequest (the configuration: all keys)   directory, image here: ReadCache
//! FindResult of a key that such a cache has ─▶ FetchCached or TakeLayer, ExtractLayer, KeepResult, UseCached
//! ExportCache ─▶ registry: WriteBlob, … SendManifest, RemoveBlob   directory: WriteCache   the image itself: its configuration
//! ```

use super::super::origin::{self, need, planned};
use super::super::registry::{fetch_cached, read_cache, send_documents, wanted};
use super::super::{Context, Planned};
use super::design::Design;
use super::result::extracted;
use crate::build::key::Key;
use crate::build::shared::{self, SharedResult};
use crate::build::{Lack, SharedCache};
use crate::cli::{BuildCache, BuildImage, CacheKind};
use crate::copying::absolute;
use crate::layout::Layout;
use crate::model::{CacheRecord, Image, Layer, Slot};
use crate::oci::image::{Descriptor, Index, Manifest};
use crate::reference::Reference;
use crate::registry::WantedImage;
use crate::step::{BuildStep, CallersFile, Phase, Step};

fn cause(flag: &str, context: &Context<'_>) -> super::super::Cause {
    origin::flag_of_command(context, flag).unwrap_or_else(|| origin::command(context))
}

fn numbered(caches: &[BuildCache]) -> impl Iterator<Item = (&BuildCache, u16)> {
    caches.iter().zip(0u16..)
}

/// What sees what there is to take from. With `--no-cache` nothing is taken.
pub(super) fn import_phases(build: &BuildImage, context: &Context<'_>) -> Vec<Planned> {
    let phase = |(cache, number): (&BuildCache, u16)| {
        let shown = format!("importing cache manifest from {}", cache.place);
        planned(Step::Phase(Phase::ImportCache { number, shown }), cause("cache-from", context))
    };
    numbered(&build.cache_from).filter(|_| !build.no_cache).map(phase).collect()
}

fn wanted_of(cache: &BuildCache, context: &Context<'_>) -> Option<WantedImage> {
    Reference::parse(&cache.place).ok().map(|name| wanted(name, "", context))
}

/// A cache is what is wanted there.
pub(super) fn is_asked_for(build: &BuildImage, wanted: &WantedImage, context: &Context<'_>) -> bool {
    let caches = build.cache_from.iter().filter(|cache| cache.kind == CacheKind::Registry);
    caches.filter_map(|cache| wanted_of(cache, context)).any(|other| other.name == wanted.name)
}

/// As dockerd does, an image of that name that is here comes before the registry's.
fn image_here<'s>(cache: &BuildCache, context: &Context<'s>) -> Option<&'s Image> {
    let name = Reference::parse(&cache.place).ok()?;
    context.state.image_named(&name.tagged().familiar()).filter(|image| image.stored)
}

/// The parts of such a phase.
pub(super) fn import(number: u16, build: &BuildImage, context: &Context<'_>) -> Vec<Planned> {
    let Some(cache) = build.cache_from.get(usize::from(number)) else { return Vec::new() };
    let read = |directory, manifest| {
        let step = BuildStep::ReadCache { number, directory, manifest };
        vec![planned(Step::Build(step), cause("cache-from", context))]
    };
    match (cache.kind, image_here(cache, context)) {
        (CacheKind::Local, _) => read(absolute(&cache.place, &context.host.cwd), None),
        (_, Some(image)) => read(Layout::new(&context.host.data_root).images(), Some(image.manifest.clone())),
        _ => wanted_of(cache, context).map(|wanted| read_cache(&wanted, number, context)).unwrap_or_default(),
    }
}

/// The first of the caches that has a result for this key.
pub(super) fn find<'s>(key: &str, build: &BuildImage, context: &Context<'s>) -> Option<(u16, &'s SharedResult, Option<Layer>)> {
    let imported = &context.state.building.imported;
    let found = |number: u16| imported.get(&number)?.find(key).map(|(result, layer)| (number, result, layer));
    numbered(&build.cache_from).filter(|_| !build.no_cache).find_map(|(_, number)| found(number))
}

/// What the caches lack for this key.
pub(super) fn lacks(key: &Key, build: &BuildImage, context: &Context<'_>) -> Vec<Lack> {
    let imported = &context.state.building.imported;
    let lack = |(cache, number): (&BuildCache, u16)| Lack {
        from: cache.place.clone(),
        why: imported.get(&number).map(|cache| cache.miss(key)),
    };
    numbered(&build.cache_from).map(lack).collect()
}

/// Takes such a result in: from then on it is one of this machine's own.
pub(super) fn take(
    slot: Slot,
    found: (u16, &SharedResult, Option<Layer>),
    key: Key,
    design: &Design<'_>,
    context: &Context<'_>,
) -> Vec<Planned> {
    let (number, result, layer) = found;
    let mut steps = Vec::new();
    if let (Some(layer), Some(cache)) = (&layer, design.build.cache_from.get(usize::from(number))) {
        steps.extend(fetch(layer, cache, context));
        steps.extend(extracted(std::slice::from_ref(layer), context));
    }
    let layer = layer.map(|layer| Layer { extracted: true, ..layer });
    let (digest, created_ns) = (key.digest(), result.created_ns);
    let record = Box::new(CacheRecord { key, layer, created_ns });
    let path = Layout::new(&context.host.data_root).cached_result(&digest);
    let why = "The cache that was imported has a result of the same key.";
    let keep = BuildStep::KeepResult { slot, key: digest.clone(), path: path.clone(), record: record.clone() };
    steps.push(planned(Step::Build(keep), cause("cache-from", context)).with(need("ImportCache", why)));
    let used = BuildStep::UseCached { slot, key: digest, path, record };
    steps.push(planned(Step::Build(used), design.cause_of(slot)).with(need("KeepResult", why)));
    steps
}

/// The layer's blob, unless it is here.
fn fetch(layer: &Layer, cache: &BuildCache, context: &Context<'_>) -> Vec<Planned> {
    let state = context.state;
    let of_images = state.images.values().filter(|image| image.stored).flat_map(|image| &image.layers);
    let of_cache = state.build_cache.values().filter_map(|record| record.layer.as_ref());
    if of_images.chain(of_cache).any(|known| known.blob == layer.blob) {
        return Vec::new();
    }
    let path = Layout::new(&context.host.data_root).blob(&layer.blob);
    let why = "A layer of a cache is brought here when an instruction comes to it.";
    match cache.kind {
        CacheKind::Local => {
            let directory = absolute(&cache.place, &context.host.cwd);
            let step = BuildStep::TakeLayer { directory, digest: layer.blob.clone(), size: layer.blob_bytes, path };
            vec![planned(Step::Build(step), need("ExtractLayer", why))]
        }
        _ => wanted_of(cache, context).map(|wanted| fetch_cached(&wanted, layer, context)).unwrap_or_default(),
    }
}

/// The records of the results of these stages, each once.
fn records<'s>(stages: &[usize], design: &Design<'_>, context: &Context<'s>) -> Vec<&'s CacheRecord> {
    let mut records: Vec<&CacheRecord> = Vec::new();
    let stages = stages.iter().filter_map(|stage| Some((u16::try_from(*stage).ok()?, design.count(*stage))));
    for slot in stages.flat_map(|(stage, count)| (1u16..).take(count).map(move |instruction| Slot { stage, instruction })) {
        let result = context.state.building.results.get(&slot);
        let record = result.and_then(|result| context.state.build_cache.get(&result.key));
        records.extend(record.filter(|record| !records.iter().any(|other| other.key == record.key)));
    }
    records
}

/// What goes into the image's own configuration: `type=inline`.
pub(super) fn inline(design: &Design<'_>, context: &Context<'_>) -> Option<Box<SharedCache>> {
    let is_wanted = design.build.cache_to.iter().any(|cache| cache.kind == CacheKind::Inline);
    let stages = design.chain(design.resolved.target);
    is_wanted.then(|| Box::new(SharedCache::of(records(&stages, design, context).into_iter())))
}

/// What leaves the results elsewhere.
pub(super) fn export_phases(build: &BuildImage, context: &Context<'_>) -> Vec<Planned> {
    let phase = |(cache, number): (&BuildCache, u16)| {
        let shown =
            if cache.kind == CacheKind::Local { "exporting cache to client directory" } else { "exporting cache to registry" };
        planned(Step::Phase(Phase::ExportCache { number, shown: shown.to_string() }), cause("cache-to", context))
    };
    numbered(&build.cache_to).filter(|(cache, _)| cache.kind != CacheKind::Inline).map(phase).collect()
}

/// The parts of such a phase.
pub(super) fn export(number: u16, design: &Design<'_>, context: &Context<'_>) -> Vec<Planned> {
    let Some(cache) = design.build.cache_to.get(usize::from(number)) else { return Vec::new() };
    let stages = if cache.all { design.order() } else { design.chain(design.resolved.target) };
    let records = records(&stages, design, context);
    let mut layers: Vec<Layer> = Vec::new();
    for layer in records.iter().filter_map(|record| record.layer.as_ref()) {
        if !layers.iter().any(|other| other.diff_id == layer.diff_id) {
            layers.push(layer.clone());
        }
    }
    let (config, manifest) = shared::documents(SharedCache::of(records.into_iter()), &layers);
    let config = String::from_utf8_lossy(&config).into_owned();
    match (cache.kind, Reference::parse(&cache.place)) {
        (CacheKind::Local, _) => vec![written(cache, config, &manifest, context)],
        (CacheKind::Registry, Ok(name)) => send_documents(name.tagged(), config, &manifest, cause("cache-to", context), context),
        _ => Vec::new(),
    }
}

fn written(cache: &BuildCache, config: String, manifest: &Manifest, context: &Context<'_>) -> Planned {
    let text = manifest.written();
    let named = Descriptor::of(&manifest.media_type, &text);
    let index = Index { manifests: vec![named.clone()], ..Index::default() };
    let documents = vec![
        ("/oci-layout".to_string(), crate::oci::image::transfer::LAYOUT.to_string()),
        (shared::layout_blob(&manifest.config.digest), config),
        (shared::layout_blob(&named.digest), String::from_utf8_lossy(&text).into_owned()),
        ("/index.json".to_string(), index.written()),
    ];
    let step = BuildStep::WriteCache {
        output: CallersFile { path: absolute(&cache.place, &context.host.cwd), typed: cache.place.clone() },
        documents,
        layers: manifest.layers.clone(),
        blobs: Layout::new(&context.host.data_root).blobs(),
    };
    planned(Step::Build(step), cause("cache-to", context)).with(need("KeepResult", "Results are found by their keys, anywhere."))
}
