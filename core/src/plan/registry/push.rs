//! `push`: every blob that the registry does not have, then the manifest. Layers that are kept as they were packed are compressed first.

use super::super::origin::{self, need, planned};
use super::super::{Cause, CommandError, Context, Plan, Planned, images};
use super::{base, find_login, name_cause, part, proof, read_settings, send, tags};
use crate::cli::PushImage;
use crate::layout::Layout;
use crate::model::{Image, Standing};
use crate::oci::image::{Descriptor, Manifest, media};
use crate::reference::{DEFAULT_TAG, Reference};
use crate::registry::http::{Method, escaped};
use crate::registry::send::closing;
use crate::registry::{Errand, Purpose, PushedImage, Request, Visit};
use crate::step::{BlobContent, ClientStep, ImageStep, Phase, RegistryPhase, RegistryStep, Step};

pub(super) fn command(push: &PushImage, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let span = context.invocation.words.positionals.iter().find(|(word, _)| word.starts_with("NAME")).map(|(_, span)| *span);
    let refused = |message: String| CommandError { message, exit_code: 1, span };
    let mut name = Reference::parse(&push.name).map_err(|error| refused(format!("{error}\n")))?;
    if push.all {
        tags::untagged(&name, context)?;
    }
    if name.digest.is_some() {
        return Err(refused("cannot push a digest reference\nglassbox: leave out what begins with @\n".into()));
    }
    let print = |text: String| planned(Step::Client(ClientStep::Print { text }), origin::command(context));
    if name.tag.is_none() && !push.all {
        if !push.quiet {
            plan.steps.push(print(format!("Using default tag: {DEFAULT_TAG}\n")));
        }
        name.tag = Some(DEFAULT_TAG.to_string());
    }
    let repository = Reference { tag: None, ..name.clone() };
    if !push.quiet {
        plan.steps.push(print(format!("The push refers to repository [{repository}]\n")));
    }
    let names = if push.all { tags::here(&repository, context) } else { vec![name.clone()] };
    let images: Vec<(Reference, &Image)> =
        names.into_iter().filter_map(|name| context.state.image_named(&name.familiar()).map(|image| (name, image))).collect();
    if images.is_empty() {
        let all = context.state.image_names().join(", ");
        let next = format!("glassbox: the images here are: {all}; `tag` gives one the name under which it is pushed");
        plan.fail_later(&format!("An image does not exist locally with the tag: {}\n{next}\n", repository.familiar()));
        return Ok(());
    }
    let mut written = std::collections::BTreeSet::new();
    for (name, image) in images {
        if written.insert(&image.id) {
            plan.steps.extend(images::written(image, "TagImage", context));
        }
        let phase = Step::Phase(Phase::Registry(RegistryPhase::PushImage { pushed: PushedImage { name, id: image.id.clone() } }));
        plan.steps.push(planned(phase, name_cause(context)));
    }
    if push.quiet {
        plan.steps.push(print(format!("{name}\n")));
    }
    Ok(())
}

fn scope(pushed: &PushedImage) -> String {
    format!("repository:{}:pull,push", pushed.name.path)
}

fn image<'a>(pushed: &PushedImage, context: &Context<'a>) -> Option<&'a Image> {
    context.state.images.get(&pushed.id)
}

fn is_packed_alone(media_type: &str) -> bool {
    media_type.ends_with(".tar")
}

pub(super) fn push(pushed: &PushedImage, context: &Context<'_>) -> Vec<Planned> {
    let Some(image) = image(pushed, context) else { return Vec::new() };
    let layout = Layout::new(&context.host.data_root);
    let first = ("Post".to_string(), format!("/v2/{}/blobs/uploads/", pushed.name.path));
    let visit = Visit { domain: pushed.name.domain.clone(), scope: scope(pushed), first, errand: Errand::Push };
    let read = RegistryStep::ReadStoredManifest { path: layout.blob(&image.manifest), manifest: images::manifest_of(image) };
    let mut steps = vec![
        read_settings(context),
        find_login(&pushed.name.domain, None, None, context),
        planned(Step::Registry(read), need("SendManifest", "The manifest names all that has to be at the registry.")),
        part("PushImage", RegistryPhase::OpenRegistry { visit }, "A registry is asked whether it takes the image."),
    ];
    for layer in image.layers.iter().filter(|layer| is_packed_alone(&layer.media_type)) {
        let step = RegistryStep::CompressLayer { diff_id: layer.diff_id.clone(), path: layout.blob(&layer.blob) };
        let why = "Layers that were made here are kept as they were packed; on the way they are to be short.";
        steps.push(planned(Step::Registry(step), need("SendBlobs", why)));
    }
    let again = || pushed.clone();
    steps.push(part(
        "PushImage",
        RegistryPhase::SendBlobs { pushed: again() },
        "A manifest is taken when all that it names is there.",
    ));
    steps.push(part("PushImage", RegistryPhase::SendManifest { pushed: again() }, "The tag has to lead to it."));
    steps
}

/// Gives away a configuration and a manifest that no image here has, and the layers that the manifest names.
pub(in crate::plan) fn send_documents(
    name: Reference,
    config: String,
    manifest: &Manifest,
    cause: Cause,
    context: &Context<'_>,
) -> Vec<Planned> {
    let layout = Layout::new(&context.host.data_root);
    let text = manifest.written();
    let named = Descriptor::of(&manifest.media_type, &text);
    let text = String::from_utf8_lossy(&text).into_owned();
    let pushed = PushedImage { name, id: String::new() };
    let first = ("Post".to_string(), format!("/v2/{}/blobs/uploads/", pushed.name.path));
    let visit = Visit { domain: pushed.name.domain.clone(), scope: scope(&pushed), first, errand: Errand::Push };
    let documents = [(manifest.config.digest.clone(), config), (named.digest.clone(), text)];
    let write = |(digest, text): &(String, String)| {
        let content = BlobContent::Text(text.clone());
        let step = ImageStep::WriteBlob { path: layout.blob(digest), digest: digest.clone(), content };
        planned(Step::Image(step), need("SendBlobs", "What is sent is read from the store."))
    };
    let mut steps: Vec<Planned> = documents.iter().map(write).collect();
    let read = RegistryStep::ReadStoredManifest { path: layout.blob(&named.digest), manifest: named };
    let again = || pushed.clone();
    steps.extend([
        read_settings(context),
        find_login(&pushed.name.domain, None, None, context),
        planned(Step::Registry(read), need("SendManifest", "The manifest names all that has to be at the registry.")),
        planned(Step::Phase(Phase::Registry(RegistryPhase::OpenRegistry { visit })), cause),
        part("ExportCache", RegistryPhase::SendBlobs { pushed: again() }, "A manifest is taken when all that it names is there."),
        part("ExportCache", RegistryPhase::SendManifest { pushed: again() }, "The tag has to lead to it."),
    ]);
    let remove = |(digest, _): &(String, String)| {
        let step = ImageStep::RemoveBlob { path: layout.blob(digest), digest: digest.clone() };
        planned(Step::Image(step), need("WriteBlob", "It was made for the way alone."))
    };
    steps.extend(documents.iter().map(remove));
    steps
}

/// What goes to the registry: configuration, and layers from the lowest.
fn document(pushed: &PushedImage, context: &Context<'_>) -> Option<(Manifest, String)> {
    let exchange = &context.state.exchange;
    let (_, stored) = exchange.manifest.as_ref()?;
    if exchange.compressed.is_empty() {
        return Some((stored.clone(), exchange.manifest_text.clone()));
    }
    let image = image(pushed, context)?;
    let of = |(layer, own): (&crate::model::Layer, &Descriptor)| exchange.compressed.get(&layer.diff_id).unwrap_or(own).clone();
    let config = Descriptor { media_type: media::CONFIG.into(), ..stored.config.clone() };
    let manifest = Manifest::of(config, image.layers.iter().zip(&stored.layers).map(of).collect());
    let text = String::from_utf8_lossy(&manifest.written()).into_owned();
    Some((manifest, text))
}

/// Of all blobs the same is asked at once, because what comes next of each depends on the answer about it.
pub(super) fn rounds(pushed: &PushedImage) -> Vec<Planned> {
    let again = || pushed.clone();
    [
        (RegistryPhase::AskBlobs { pushed: again() }, "What the registry has is not sent again."),
        (RegistryPhase::StartBlobs { pushed: again() }, "The registry says where a blob can be sent to."),
        (RegistryPhase::PutBlobs { pushed: again() }, "The manifest names them."),
    ]
    .map(|(phase, why)| part("SendManifest", phase, why))
    .into()
}

/// All that the manifest names, each once: layers from the topmost, as dockerd sends them, and the configuration.
fn blobs(pushed: &PushedImage, context: &Context<'_>) -> Vec<Descriptor> {
    let Some((manifest, _)) = document(pushed, context) else { return Vec::new() };
    let mut seen = std::collections::BTreeSet::new();
    let all = manifest.layers.iter().rev().chain([&manifest.config]);
    all.filter(|blob| seen.insert(blob.digest.clone())).cloned().collect()
}

/// A URL of the repository.
fn url(pushed: &PushedImage, rest: &str, context: &Context<'_>) -> String {
    format!("{}/v2/{}/{rest}", base(&pushed.name.domain, context), pushed.name.path)
}

fn request(pushed: &PushedImage, method: Method, url: String, purpose: Purpose, context: &Context<'_>) -> Planned {
    let request = Request { proof: proof(&scope(pushed), context), ..Request::of(method, url, purpose) };
    send(request, need("SendManifest", "The manifest names this blob."), context)
}

/// Images share layers, at a registry too.
pub(super) fn asked(pushed: &PushedImage, context: &Context<'_>) -> Vec<Planned> {
    let of = |blob: Descriptor| {
        let url = url(pushed, &format!("blobs/{}", blob.digest), context);
        request(pushed, Method::Head, url, Purpose::HasBlob { digest: blob.digest }, context)
    };
    blobs(pushed, context).into_iter().map(of).collect()
}

/// Another repository of the same registry that is known to have the image.
fn source(pushed: &PushedImage, context: &Context<'_>) -> Option<String> {
    let known = image(pushed, context)?.digests.iter().filter_map(|name| Reference::parse(name).ok());
    let mut others = known.filter(|name| name.domain == pushed.name.domain && name.path != pushed.name.path);
    others.next().map(|name| name.path)
}

pub(super) fn started(pushed: &PushedImage, context: &Context<'_>) -> Vec<Planned> {
    let from = source(pushed, context);
    let of = |blob: Descriptor| {
        let mount =
            from.as_ref().map(|from| format!("?from={}&mount={}", escaped(from), escaped(&blob.digest))).unwrap_or_default();
        let url = url(pushed, &format!("blobs/uploads/{mount}"), context);
        let purpose = Purpose::StartUpload { digest: blob.digest, from: from.clone().unwrap_or_default() };
        request(pushed, Method::Post, url, purpose, context)
    };
    let is_missing = |blob: &Descriptor| context.state.exchange.standing.get(&blob.digest) == Some(&Standing::Missing);
    blobs(pushed, context).into_iter().filter(is_missing).map(of).collect()
}

pub(super) fn put(pushed: &PushedImage, context: &Context<'_>) -> Vec<Planned> {
    let layout = Layout::new(&context.host.data_root);
    let of = |blob: Descriptor| {
        let Some(Standing::UploadAt(location)) = context.state.exchange.standing.get(&blob.digest) else { return None };
        let url = closing(location, &blob.digest);
        let purpose = Purpose::PutBlob { path: layout.blob(&blob.digest), size: blob.size, digest: blob.digest };
        Some(request(pushed, Method::Put, url, purpose, context))
    };
    blobs(pushed, context).into_iter().filter_map(of).collect()
}

/// The manifest, the name that the image has there from now on, and no copy of what was compressed.
pub(super) fn manifest(pushed: &PushedImage, context: &Context<'_>) -> Vec<Planned> {
    let Some((manifest, text)) = document(pushed, context) else { return Vec::new() };
    let tag = pushed.name.tag.as_deref().unwrap_or(DEFAULT_TAG);
    let url = url(pushed, &format!("manifests/{tag}"), context);
    let digest = crate::oci::digest::of(text.as_bytes());
    let fields = vec![("Content-Type".to_string(), manifest.media_type.clone())];
    let purpose = Purpose::PutManifest { digest: digest.clone(), text };
    let put = Request { fields, proof: proof(&scope(pushed), context), ..Request::of(Method::Put, url, purpose) };
    let mut steps = vec![send(put, name_cause(context), context)];
    let layout = Layout::new(&context.host.data_root);
    let exchange = &context.state.exchange;
    for blob in exchange.compressed.values().filter(|blob| exchange.made.contains(&blob.digest)) {
        let step = ImageStep::RemoveBlob { path: layout.blob(&blob.digest), digest: blob.digest.clone() };
        steps.push(planned(Step::Image(step), need("CompressLayer", "It was made for the way alone.")));
    }
    let name = Reference { tag: None, digest: Some(digest), ..pushed.name.clone() };
    // What is no image of this machine's has no name here.
    if let Some(image) = image(pushed, context).filter(|image| image.stored)
        && !image.digests.contains(&name.familiar())
    {
        let (index, name, id) = (layout.image_index(), name.to_string(), image.id.clone());
        let step = ImageStep::TagImage { index, name, id, manifest: images::manifest_of(image), before: None, fresh: false };
        steps.push(planned(Step::Image(step), origin::command(context)));
    }
    steps
}
