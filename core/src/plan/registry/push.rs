//! `push`: every blob that the registry does not have, then the manifest. Layers that are kept as they were packed are compressed first.

use super::super::origin::{self, need, planned};
use super::super::{CommandError, Context, Plan, Planned, images};
use super::{base, find_login, name_cause, part, proof, send, tags};
use crate::cli::PushImage;
use crate::layout::Layout;
use crate::model::{Image, Standing};
use crate::oci::image::{Descriptor, Manifest, media};
use crate::reference::{DEFAULT_TAG, Reference};
use crate::registry::http::{Method, escaped};
use crate::registry::send::closing;
use crate::registry::{Errand, Purpose, PushedImage, Request, Visit};
use crate::step::{ClientStep, ImageStep, Phase, RegistryPhase, RegistryStep, Step};

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
        find_login(&pushed.name.domain, None, context),
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

pub(super) fn blobs(pushed: &PushedImage, context: &Context<'_>) -> Vec<Planned> {
    let Some((manifest, _)) = document(pushed, context) else { return Vec::new() };
    let mut seen = std::collections::BTreeSet::new();
    let all = manifest.layers.iter().chain([&manifest.config]).filter(|blob| seen.insert(blob.digest.clone()));
    let phase = |blob: &Descriptor| RegistryPhase::SendBlob { pushed: pushed.clone(), blob: blob.clone() };
    all.map(|blob| part("SendManifest", phase(blob), "The manifest names it.")).collect()
}

fn request(pushed: &PushedImage, method: Method, url: String, purpose: Purpose, context: &Context<'_>) -> Planned {
    let proof = proof(&scope(pushed), context);
    send(Request { method, url, fields: Vec::new(), proof, purpose }, need("SendManifest", "The manifest names this blob."))
}

/// Asked for first: images share layers, at a registry too.
pub(super) fn blob(pushed: &PushedImage, blob: &Descriptor, context: &Context<'_>) -> Vec<Planned> {
    let url = format!("{}/v2/{}/blobs/{}", base(&pushed.name.domain, context), pushed.name.path, blob.digest);
    let asked = request(pushed, Method::Head, url, Purpose::HasBlob { digest: blob.digest.clone() }, context);
    let (again, why) = (|| (pushed.clone(), blob.clone()), "What the registry has is not sent again.");
    let ((one, first), (other, second)) = (again(), again());
    vec![
        asked,
        part("SendManifest", RegistryPhase::StartBlob { pushed: one, blob: first }, why),
        part("SendManifest", RegistryPhase::PutBlob { pushed: other, blob: second }, why),
    ]
}

/// Another repository of the same registry that is known to have the image.
fn source(pushed: &PushedImage, context: &Context<'_>) -> Option<String> {
    let known = image(pushed, context)?.digests.iter().filter_map(|name| Reference::parse(name).ok());
    let mut others = known.filter(|name| name.domain == pushed.name.domain && name.path != pushed.name.path);
    others.next().map(|name| name.path)
}

pub(super) fn start(pushed: &PushedImage, blob: &Descriptor, context: &Context<'_>) -> Vec<Planned> {
    if context.state.exchange.standing.get(&blob.digest) != Some(&Standing::Missing) {
        return Vec::new();
    }
    let from = source(pushed, context);
    let mount = from.as_ref().map(|from| format!("?from={}&mount={}", escaped(from), escaped(&blob.digest))).unwrap_or_default();
    let url = format!("{}/v2/{}/blobs/uploads/{mount}", base(&pushed.name.domain, context), pushed.name.path);
    let purpose = Purpose::StartUpload { digest: blob.digest.clone(), from: from.unwrap_or_default() };
    vec![request(pushed, Method::Post, url, purpose, context)]
}

pub(super) fn put(pushed: &PushedImage, blob: &Descriptor, context: &Context<'_>) -> Vec<Planned> {
    let Some(Standing::UploadAt(location)) = context.state.exchange.standing.get(&blob.digest) else { return Vec::new() };
    let url = closing(location, &blob.digest);
    let path = Layout::new(&context.host.data_root).blob(&blob.digest);
    let purpose = Purpose::PutBlob { digest: blob.digest.clone(), size: blob.size, path };
    vec![request(pushed, Method::Put, url, purpose, context)]
}

/// The manifest, the name that the image has there from now on, and no copy of what was compressed.
pub(super) fn manifest(pushed: &PushedImage, context: &Context<'_>) -> Vec<Planned> {
    let (Some((manifest, text)), Some(image)) = (document(pushed, context), image(pushed, context)) else { return Vec::new() };
    let tag = pushed.name.tag.as_deref().unwrap_or(DEFAULT_TAG);
    let url = format!("{}/v2/{}/manifests/{tag}", base(&pushed.name.domain, context), pushed.name.path);
    let digest = crate::oci::digest::of(text.as_bytes());
    let fields = vec![("Content-Type".to_string(), manifest.media_type.clone())];
    let purpose = Purpose::PutManifest { digest: digest.clone(), text };
    let put = Request { method: Method::Put, url, fields, proof: proof(&scope(pushed), context), purpose };
    let mut steps = vec![send(put, name_cause(context))];
    let layout = Layout::new(&context.host.data_root);
    let exchange = &context.state.exchange;
    for blob in exchange.compressed.values().filter(|blob| exchange.made.contains(&blob.digest)) {
        let step = ImageStep::RemoveBlob { path: layout.blob(&blob.digest), digest: blob.digest.clone() };
        steps.push(planned(Step::Image(step), need("CompressLayer", "It was made for the way alone.")));
    }
    let name = Reference { tag: None, digest: Some(digest), ..pushed.name.clone() };
    if image.stored && !image.digests.contains(&name.familiar()) {
        let (index, name, id) = (layout.image_index(), name.to_string(), image.id.clone());
        let step = ImageStep::TagImage { index, name, id, manifest: images::manifest_of(image), before: None, fresh: false };
        steps.push(planned(Step::Image(step), origin::command(context)));
    }
    steps
}
