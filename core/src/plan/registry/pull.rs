//! `pull`: who the caller is, `/v2/`, a token, HEAD for the tag, GET for the manifest by its digest, configuration, layers.

use std::collections::BTreeSet;

use super::super::origin::{self, docker_default, need, planned};
use super::super::{Cause, CommandError, Context, Plan, Planned, image, images};
use super::{base, find_login, name_cause, part, proof, read_settings, send, tags};
use crate::cli::PullImage;
use crate::layout::Layout;
use crate::model::Image;
use crate::oci::image::{Descriptor, Manifest, Platform};
use crate::reference::{DEFAULT_DOMAIN, Reference};
use crate::registry::http::Method;
use crate::registry::request::manifest_types;
use crate::registry::{Errand, Purpose, Request, Visit, WantedImage};
use crate::step::{BlobContent, ClientStep, ImageStep, Phase, RegistryPhase, Step};

pub(super) fn command(pull: &PullImage, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let refused = |error: crate::reference::ReferenceError| CommandError {
        message: format!("{error}\nglassbox: a name is in small letters, with a tag after a colon: team/app:1\n"),
        exit_code: 1,
        span: context.invocation.words.positional("NAME"),
    };
    let name = Reference::parse(&pull.name).map_err(refused)?;
    if pull.all {
        tags::untagged(&name, context)?;
        let WantedImage { platform, .. } = wanted(name.clone(), &pull.platform, context);
        plan.steps.push(tags::repository_phase(WantedImage { name, platform }, context));
        return Ok(());
    }
    if name.tag.is_none() && name.digest.is_none() && !pull.quiet {
        let text = format!("Using default tag: {}\n", crate::reference::DEFAULT_TAG);
        let cause = docker_default("A name without a tag means the tag latest.", "reference/cli/docker/image/pull/");
        plan.steps.push(planned(Step::Client(ClientStep::Print { text }), cause));
    }
    plan.steps.push(pull_phase(wanted(name, &pull.platform, context), name_cause(context)));
    Ok(())
}

/// The image of this name, for this platform or for the machine's own.
pub(in crate::plan) fn wanted(name: Reference, platform: &str, context: &Context<'_>) -> WantedImage {
    let mut name = name.tagged();
    if name.digest.is_some() {
        name.tag = None;
    }
    let own = format!("linux/{}", image::processor(&context.host.machine));
    let text = if platform.is_empty() { own } else { image::normal(platform) };
    let mut parts = text.split('/').map(str::to_string);
    let mut next = || parts.next().unwrap_or_default();
    WantedImage { name, platform: Platform { os: next(), architecture: next(), variant: next() } }
}

/// The phase that fetches it.
pub(in crate::plan) fn pull_phase(wanted: WantedImage, cause: Cause) -> Planned {
    planned(Step::Phase(Phase::Registry(RegistryPhase::PullImage { wanted })), cause)
}

pub(super) fn pull(wanted: &WantedImage, context: &Context<'_>) -> Vec<Planned> {
    let again = || wanted.clone();
    vec![
        read_settings(context),
        part("PullImage", RegistryPhase::AskRegistries { wanted: again() }, "A registry is asked for an image."),
        part("PullImage", RegistryPhase::KeepImage { wanted: again() }, "An image is in the store when the index names it."),
    ]
}

/// The mirrors of Docker Hub, in the order in which `daemon.json` names them, and then Docker Hub; any other registry alone.
pub(super) fn everybody(wanted: &WantedImage, context: &Context<'_>) -> Vec<Planned> {
    let mirrors = &context.state.exchange.settings.mirrors;
    if mirrors.is_empty() || wanted.name.domain != DEFAULT_DOMAIN {
        return ask(wanted, None, context);
    }
    let phase = |mirror: Option<&String>| RegistryPhase::AskRegistry { wanted: wanted.clone(), mirror: mirror.cloned() };
    let asked =
        mirrors.iter().map(|mirror| (Some(mirror), "daemon.json names it among the mirrors of Docker Hub (registry-mirrors)."));
    let all = asked.chain([(None, "Where no mirror has the image, Docker Hub is asked.")]);
    all.map(|(mirror, why)| part("PullImage", phase(mirror), why)).collect()
}

/// One of them, if nobody has given the image yet.
pub(super) fn one(wanted: &WantedImage, mirror: Option<&str>, context: &Context<'_>) -> Vec<Planned> {
    if context.state.exchange.is_found() { Vec::new() } else { ask(wanted, mirror, context) }
}

fn ask(wanted: &WantedImage, mirror: Option<&str>, context: &Context<'_>) -> Vec<Planned> {
    let again = || wanted.clone();
    let part = |phase, why| part("PullImage", phase, why);
    vec![
        find_login(&wanted.name.domain, Some(again()), mirror, context),
        part(RegistryPhase::OpenRegistry { visit: visit(wanted) }, "A registry is asked for an image."),
        part(RegistryPhase::FindManifest { wanted: again() }, "An image is what its manifest names."),
        part(RegistryPhase::FetchBlobs { wanted: again() }, "The manifest names blobs, and they have to be here."),
    ]
}

/// What reads the cache of an image at a registry. Its layers stay there.
pub(in crate::plan) fn read_cache(wanted: &WantedImage, number: u16, context: &Context<'_>) -> Vec<Planned> {
    let again = || wanted.clone();
    let part = |phase, why| part("ImportCache", phase, why);
    vec![
        read_settings(context),
        find_login(&wanted.name.domain, Some(again()), None, context),
        part(RegistryPhase::OpenRegistry { visit: visit(wanted) }, "A registry is asked for a cache."),
        part(RegistryPhase::FindManifest { wanted: again() }, "A cache travels as an image does: behind a manifest."),
        part(RegistryPhase::ReadSharedCache { wanted: again(), number }, "The keys stand in the configuration."),
    ]
}

pub(super) fn shared(wanted: &WantedImage, number: u16, context: &Context<'_>) -> Option<Planned> {
    let (_, manifest) = context.state.exchange.manifest.as_ref()?;
    let (digest, layers) = (manifest.config.digest.clone(), manifest.layers.clone());
    let request = get_blob(wanted, &manifest.config.digest, Purpose::GetCache { number, digest, layers }, context);
    Some(send(request, need("UseCached", "A result is found by its key."), context))
}

/// A layer of such a cache. The registry is visited again where another has been since.
pub(in crate::plan) fn fetch_cached(wanted: &WantedImage, layer: &crate::model::Layer, context: &Context<'_>) -> Vec<Planned> {
    let blob = Descriptor {
        media_type: layer.media_type.clone(),
        digest: layer.blob.clone(),
        size: layer.blob_bytes,
        ..Descriptor::default()
    };
    let why = "A layer of a cache is brought here when an instruction comes to it.";
    let fetch = part("ExtractLayer", RegistryPhase::FetchCached { wanted: wanted.clone(), blob: Box::new(blob) }, why);
    if context.state.exchange.wanted.as_ref() == Some(wanted) {
        return vec![fetch];
    }
    let open = part("FetchCached", RegistryPhase::OpenRegistry { visit: visit(wanted) }, "Another registry was asked last.");
    vec![read_settings(context), find_login(&wanted.name.domain, Some(wanted.clone()), None, context), open, fetch]
}

pub(super) fn cached(wanted: &WantedImage, blob: &Descriptor, context: &Context<'_>) -> Planned {
    let path = Layout::new(&context.host.data_root).blob(&blob.digest);
    let purpose = Purpose::GetLayer { digest: blob.digest.clone(), size: blob.size, path };
    let why = "The result of an instruction is this layer.";
    send(get_blob(wanted, &blob.digest, purpose, context), need("ExtractLayer", why), context)
}

fn get_blob(wanted: &WantedImage, digest: &str, purpose: Purpose, context: &Context<'_>) -> Request {
    let url = format!("{}/v2/{}/blobs/{digest}", base(&wanted.name.domain, context), wanted.name.path);
    Request { proof: proof(&wanted.scope(), context), ..Request::of(Method::Get, url, purpose) }
}

fn visit(wanted: &WantedImage) -> Visit {
    let method = if wanted.name.digest.is_some() { "Get" } else { "Head" };
    let first = (method.to_string(), format!("/v2/{}/manifests/{}", wanted.name.path, wanted.target()));
    Visit { domain: wanted.name.domain.clone(), scope: wanted.scope(), first, errand: Errand::Pull }
}

fn manifest_url(wanted: &WantedImage, target: &str, context: &Context<'_>) -> String {
    format!("{}/v2/{}/manifests/{target}", base(&wanted.name.domain, context), wanted.name.path)
}

/// A request for a manifest.
fn asked(wanted: &WantedImage, method: Method, target: &str, purpose: Purpose, context: &Context<'_>) -> Request {
    let (fields, proof) = (manifest_types(), proof(&wanted.scope(), context));
    Request { fields, proof, ..Request::of(method, manifest_url(wanted, target, context), purpose) }
}

pub(super) fn find(wanted: &WantedImage, context: &Context<'_>) -> Vec<Planned> {
    let mut steps = Vec::new();
    if context.state.exchange.refused {
        return steps;
    }
    if wanted.name.digest.is_none() {
        let request = asked(wanted, Method::Head, wanted.target(), Purpose::ResolveTag, context);
        let why = "A manifest is asked for by its digest, so that it cannot be another.";
        steps.push(send(request, need("ReadManifest", why), context));
    }
    steps.push(part(
        "PullImage",
        RegistryPhase::ReadManifest { wanted: wanted.clone() },
        "The manifest names all that the image is made of.",
    ));
    steps.push(part(
        "PullImage",
        RegistryPhase::ReadChosen { wanted: wanted.clone() },
        "What was read may be a list of manifests.",
    ));
    steps
}

pub(super) fn read(wanted: &WantedImage, context: &Context<'_>) -> Vec<Planned> {
    if context.state.exchange.refused {
        return Vec::new();
    }
    let resolved = context.state.exchange.resolved.as_ref().map(|found| found.digest.clone());
    let digest = wanted.name.digest.clone().or(resolved);
    let target = digest.clone().unwrap_or_else(|| wanted.target().to_string());
    let purpose = Purpose::GetManifest { wanted: wanted.clone(), digest, chosen: false };
    vec![get_manifest(wanted, &target, purpose, context)]
}

fn get_manifest(wanted: &WantedImage, target: &str, purpose: Purpose, context: &Context<'_>) -> Planned {
    let request = asked(wanted, Method::Get, target, purpose, context);
    send(request, need("FetchBlobs", "The manifest says which blobs there are."), context)
}

pub(super) fn chosen(wanted: &WantedImage, context: &Context<'_>) -> Option<Planned> {
    let chosen = context.state.exchange.chosen.as_ref().filter(|_| !context.state.exchange.refused)?;
    let purpose = Purpose::GetManifest { wanted: wanted.clone(), digest: Some(chosen.digest.clone()), chosen: true };
    let planned = get_manifest(wanted, &chosen.digest, purpose, context);
    Some(match origin::flag_of_command(context, "platform") {
        Some(cause) => planned.with(cause),
        None => planned,
    })
}

/// The configuration, then the layers from the lowest; each blob once.
pub(super) fn fetch(wanted: &WantedImage, context: &Context<'_>) -> Vec<Planned> {
    let exchange = &context.state.exchange;
    let Some((_, manifest)) = exchange.manifest.as_ref().filter(|_| !exchange.refused) else { return Vec::new() };
    let config = &manifest.config.digest;
    let is_here = |digest: &str| exchange.fetched.contains_key(digest) || exchange.has(digest, config, context.state);
    requests(wanted, manifest, context, |digest| digest == config || !is_here(digest))
}

/// For the blobs of the image that are asked for.
fn requests(wanted: &WantedImage, manifest: &Manifest, context: &Context<'_>, is_asked: impl Fn(&str) -> bool) -> Vec<Planned> {
    let layout = Layout::new(&context.host.data_root);
    let get = |blob: &Descriptor, purpose: Purpose| {
        let why = "The image is made of it, and it is not here.";
        send(get_blob(wanted, &blob.digest, purpose, context), need("KeepImage", why), context)
    };
    let mut seen = BTreeSet::new();
    let blobs = std::iter::once(&manifest.config).chain(&manifest.layers);
    let asked = blobs.filter(|blob| seen.insert(&blob.digest) && is_asked(&blob.digest));
    let of = |blob: &Descriptor| {
        let (digest, size, path) = (blob.digest.clone(), blob.size, layout.blob(&blob.digest));
        match blob.digest == manifest.config.digest {
            true => get(blob, Purpose::GetConfig { digest, size, path }),
            false => get(blob, Purpose::GetLayer { digest, size, path }),
        }
    };
    asked.map(of).collect()
}

/// Of an image that the store has already, the store's own manifest stays. What others have taken away meanwhile is fetched again: an image
/// that went, or what a command had fetched that failed.
pub(super) fn keep(wanted: &WantedImage, context: &Context<'_>) -> Vec<Planned> {
    let exchange = &context.state.exchange;
    let (Some(image), Some((descriptor, read))) = (&exchange.image, &exchange.manifest) else { return Vec::new() };
    let layout = Layout::new(&context.host.data_root);
    let known = context.state.images.get(&image.id).filter(|known| known.stored);
    let mut steps = in_vain(read, context);
    let manifest = known.map_or_else(|| descriptor.clone(), images::manifest_of);
    if known.is_none() {
        steps.extend(requests(wanted, read, context, |digest| exchange.gone.contains(digest)));
        let content = BlobContent::Text(exchange.manifest_text.clone());
        let write = ImageStep::WriteBlob { path: layout.blob(&descriptor.digest), digest: descriptor.digest.clone(), content };
        let why = "A registry and an index know an image by its manifest, which names configuration and layers.";
        steps.push(planned(Step::Image(write), need("RecordImage", why)));
        let fresh = !context.state.images.get(&image.id).is_some_and(|known| known.stored);
        let (index, id, manifest) = (layout.image_index(), image.id.clone(), manifest.clone());
        let record = ImageStep::RecordImage { index, id, manifest, fresh };
        steps.push(planned(Step::Image(record), need("TagImage", "A name leads to an image that the index has.")));
    }
    // As with dockerd, at once: whether an archive is what the configuration says is known then.
    steps.extend(images::extracted(&image.layers, &image.id, false, context));
    steps.extend(names(wanted, image, &manifest, context));
    steps
}

/// What a mirror has given for another image than the one that the name leads to in the end.
fn in_vain(manifest: &Manifest, context: &Context<'_>) -> Vec<Planned> {
    let exchange = &context.state.exchange;
    let layout = Layout::new(&context.host.data_root);
    let wanted: BTreeSet<&String> = std::iter::once(&manifest.config).chain(&manifest.layers).map(|blob| &blob.digest).collect();
    let step = |digest: &String| {
        let step = ImageStep::RemoveBlob { path: layout.blob(digest), digest: digest.clone() };
        planned(Step::Image(step), need("AskRegistry", "A mirror gave it, and the image that was found is not made of it."))
    };
    let is_used = |digest: &str| {
        context
            .state
            .images
            .values()
            .filter(|image| image.stored)
            .any(|image| image.id == digest || image.layers.iter().any(|layer| layer.blob == digest))
    };
    exchange.fetched.keys().filter(|digest| !wanted.contains(digest) && !is_used(digest)).map(step).collect()
}

/// The tag, and the digest that it led to.
fn names(wanted: &WantedImage, image: &Image, manifest: &Descriptor, context: &Context<'_>) -> Vec<Planned> {
    let index = Layout::new(&context.host.data_root).image_index();
    let digest =
        context.state.exchange.digest().map(|digest| Reference { tag: None, digest: Some(digest.into()), ..wanted.name.clone() });
    let tag = Some(wanted.name.clone()).filter(|name| name.digest.is_none());
    let step = |name: Reference| {
        let before = context.state.image_named(&name.familiar()).filter(|known| known.stored);
        if before.is_some_and(|before| before.id == image.id) {
            return None;
        }
        let before = before.map(images::manifest_of);
        let (name, id, manifest) = (name.to_string(), image.id.clone(), manifest.clone());
        let step = ImageStep::TagImage { index: index.clone(), name, id, manifest, before, fresh: false };
        Some(planned(Step::Image(step), origin::command(context)))
    };
    [digest, tag].into_iter().flatten().filter_map(step).collect()
}
