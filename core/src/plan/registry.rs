//! `pull`, and images that are not here: phases that expand with what the registry has answered so far (`State::exchange`).
//!
//! The order is dockerd's: who the caller is, `/v2/`, a token, HEAD for the tag, GET for the manifest by its digest, configuration, layers.

use super::origin::{self, docker_default, need, planned};
use super::{Cause, CommandError, Context, Plan, Planned, image};
use crate::cli::{PullImage, RegistryCommand};
use crate::layout::Layout;
use crate::model::Image;
use crate::oci::image::{Descriptor, Platform};
use crate::reference::Reference;
use crate::registry::endpoint::{bases, login_name};
use crate::registry::http::Method;
use crate::registry::request::manifest_types;
use crate::registry::{Challenge, Proof, Purpose, Request, WantedImage};
use crate::step::{BlobContent, ClientStep, ImageStep, Phase, RegistryPhase, RegistryStep, Step, StoreStep};

pub(super) fn command(command: &RegistryCommand, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    match command {
        RegistryCommand::Pull(pull) => pull_command(pull, context, plan),
    }
}

fn pull_command(pull: &PullImage, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let refused = |error: crate::reference::ReferenceError| CommandError {
        message: format!("{error}\nglassbox: a name is in small letters, with a tag after a colon: team/app:1\n"),
        exit_code: 1,
        span: context.invocation.words.positional("NAME"),
    };
    let name = Reference::parse(&pull.name).map_err(refused)?;
    if name.tag.is_none() && name.digest.is_none() && !pull.quiet {
        let text = format!("Using default tag: {}\n", crate::reference::DEFAULT_TAG);
        let cause = docker_default("A name without a tag means the tag latest.", "reference/cli/docker/image/pull/");
        plan.steps.push(planned(Step::Client(ClientStep::Print { text }), cause));
    }
    let name_cause = context.invocation.words.positionals.iter().find(|(word, _)| word.starts_with("NAME"));
    let cause = name_cause.map_or_else(|| origin::command(context), |(word, _)| origin::positional(context, word));
    plan.steps.push(pull_phase(wanted(name, &pull.platform, context), cause));
    Ok(())
}

/// The image of this name, for this platform or for the machine's own.
pub(super) fn wanted(name: Reference, platform: &str, context: &Context<'_>) -> WantedImage {
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
pub(super) fn pull_phase(wanted: WantedImage, cause: Cause) -> Planned {
    planned(Step::Phase(Phase::Registry(RegistryPhase::PullImage { wanted })), cause)
}

/// The parts of a phase, with what is known by now.
pub(super) fn expand(phase: &RegistryPhase, context: &Context<'_>) -> Vec<Planned> {
    match phase {
        RegistryPhase::PullImage { wanted } => pull(wanted, context),
        RegistryPhase::OpenRegistry { wanted } => open(wanted, context),
        RegistryPhase::OpenOtherwise { wanted } => match bases(&wanted.name.domain).get(1) {
            Some(base) if context.state.exchange.base.is_none() => vec![ping(base, false, wanted)],
            _ => Vec::new(),
        },
        RegistryPhase::GetToken { wanted } => token(wanted, context).into_iter().collect(),
        RegistryPhase::FindManifest { wanted } => find(wanted, context),
        RegistryPhase::ReadManifest { wanted } => read(wanted, context),
        RegistryPhase::ReadChosen { wanted } => chosen(wanted, context).into_iter().collect(),
        RegistryPhase::FetchBlobs { wanted } => fetch(wanted, context),
        RegistryPhase::KeepImage { wanted } => keep(wanted, context),
    }
}

fn part(phase: RegistryPhase, why: &'static str) -> Planned {
    planned(Step::Phase(Phase::Registry(phase)), need("PullImage", why))
}

fn send(request: Request, cause: Cause) -> Planned {
    planned(Step::Registry(RegistryStep::SendRequest(Box::new(request))), cause)
}

fn pull(wanted: &WantedImage, context: &Context<'_>) -> Vec<Planned> {
    let again = || wanted.clone();
    let variable = |name: &str| context.host.environment.get(name).filter(|value| !value.is_empty()).cloned();
    let home = || format!("{}/.docker", variable("HOME").unwrap_or_else(|| context.host.cwd.clone()));
    let config = format!("{}/config.json", variable("DOCKER_CONFIG").unwrap_or_else(home));
    let server = login_name(&wanted.name.domain).to_string();
    let login = RegistryStep::FindLogin { wanted: Box::new(again()), server, config };
    let kept = docker_default("Docker's client keeps logins in config.json.", "reference/cli/docker/login/");
    vec![
        planned(Step::Registry(login), kept),
        part(RegistryPhase::OpenRegistry { wanted: again() }, "A registry is asked for an image."),
        part(RegistryPhase::FindManifest { wanted: again() }, "An image is what its manifest names."),
        part(RegistryPhase::FetchBlobs { wanted: again() }, "The manifest names blobs, and they have to be here."),
        part(RegistryPhase::KeepImage { wanted: again() }, "An image is in the store when the index names it."),
    ]
}

fn open(wanted: &WantedImage, _context: &Context<'_>) -> Vec<Planned> {
    let bases = bases(&wanted.name.domain);
    let others = bases.len() > 1;
    let mut steps: Vec<Planned> = bases.first().map(|base| ping(base, others, wanted)).into_iter().collect();
    if others {
        let why = "Docker has the addresses of this machine among its insecure registries.";
        steps.push(part(RegistryPhase::OpenOtherwise { wanted: wanted.clone() }, why));
    }
    steps.push(part(RegistryPhase::GetToken { wanted: wanted.clone() }, "The registry may want a token."));
    steps
}

fn ping(base: &str, optional: bool, wanted: &WantedImage) -> Planned {
    let request = Request {
        method: Method::Get,
        url: format!("{base}/v2/"),
        fields: Vec::new(),
        proof: Proof::None,
        purpose: Purpose::Ping { optional },
    };
    let cause = match wanted.name.domain == crate::reference::DEFAULT_DOMAIN {
        true => docker_default("A name without a registry means Docker Hub.", "reference/cli/docker/image/pull/"),
        false => need("PullImage", "The name begins with this registry."),
    };
    send(request, cause)
}

/// Where the registry answers; before it has, where it is asked first.
fn base(wanted: &WantedImage, context: &Context<'_>) -> String {
    let known = context.state.exchange.base.clone();
    known.or_else(|| bases(&wanted.name.domain).pop()).unwrap_or_default()
}

fn manifest_url(wanted: &WantedImage, target: &str, context: &Context<'_>) -> String {
    format!("{}/v2/{}/manifests/{target}", base(wanted, context), wanted.name.path)
}

fn token(wanted: &WantedImage, context: &Context<'_>) -> Option<Planned> {
    let exchange = &context.state.exchange;
    let Some(Challenge::Bearer { realm, service }) = &exchange.challenge else { return None };
    let login = exchange.login.as_ref();
    let user = login.filter(|login| !login.is_token).map(|login| login.user.clone());
    let first = if wanted.name.digest.is_some() { "Get" } else { "Head" };
    let request = Request {
        method: if login.is_some_and(|login| login.is_token) { Method::Post } else { Method::Get },
        url: match login.is_some_and(|login| login.is_token) {
            true => realm.clone(),
            false => Challenge::token_url(realm, service, user.as_deref(), Some(&wanted.scope())),
        },
        fields: Vec::new(),
        proof: login.map_or(Proof::None, |login| Proof::Login { user: login.user.clone() }),
        purpose: Purpose::GetToken {
            scope: wanted.scope(),
            service: service.clone(),
            on_behalf: format!("{first} \"{}\"", manifest_url(wanted, wanted.target(), context)),
        },
    };
    Some(send(request, need("FindManifest", "Without a token the registry answers 401.")))
}

/// What shows who asks, as the registry wants it.
fn proof(wanted: &WantedImage, context: &Context<'_>) -> Proof {
    let exchange = &context.state.exchange;
    match (&exchange.challenge, &exchange.login) {
        (None, _) => Proof::None,
        (Some(Challenge::Bearer { .. }), _) => Proof::Token { scope: wanted.scope() },
        (Some(Challenge::Basic), Some(login)) => Proof::Login { user: login.user.clone() },
        (Some(Challenge::Basic), None) => Proof::Missing,
    }
}

fn find(wanted: &WantedImage, context: &Context<'_>) -> Vec<Planned> {
    let mut steps = Vec::new();
    if wanted.name.digest.is_none() {
        let request = Request {
            method: Method::Head,
            url: manifest_url(wanted, wanted.target(), context),
            fields: manifest_types(),
            proof: proof(wanted, context),
            purpose: Purpose::ResolveTag,
        };
        steps.push(send(request, need("ReadManifest", "A manifest is asked for by its digest, so that it cannot be another.")));
    }
    steps.push(part(RegistryPhase::ReadManifest { wanted: wanted.clone() }, "The manifest names all that the image is made of."));
    steps.push(part(RegistryPhase::ReadChosen { wanted: wanted.clone() }, "What was read may be a list of manifests."));
    steps
}

fn read(wanted: &WantedImage, context: &Context<'_>) -> Vec<Planned> {
    let resolved = context.state.exchange.resolved.as_ref().map(|found| found.digest.clone());
    let digest = wanted.name.digest.clone().or(resolved);
    let target = digest.clone().unwrap_or_else(|| wanted.target().to_string());
    let purpose = Purpose::GetManifest { wanted: wanted.clone(), digest, chosen: false };
    vec![get_manifest(wanted, &target, purpose, context)]
}

fn get_manifest(wanted: &WantedImage, target: &str, purpose: Purpose, context: &Context<'_>) -> Planned {
    let request = Request {
        method: Method::Get,
        url: manifest_url(wanted, target, context),
        fields: manifest_types(),
        proof: proof(wanted, context),
        purpose,
    };
    send(request, need("FetchBlobs", "The manifest says which blobs there are."))
}

fn chosen(wanted: &WantedImage, context: &Context<'_>) -> Option<Planned> {
    let chosen = context.state.exchange.chosen.as_ref()?;
    let purpose = Purpose::GetManifest { wanted: wanted.clone(), digest: Some(chosen.digest.clone()), chosen: true };
    let planned = get_manifest(wanted, &chosen.digest, purpose, context);
    Some(match origin::flag_of_command(context, "platform") {
        Some(cause) => planned.with(cause),
        None => planned,
    })
}

/// The configuration, then the layers from the lowest; each blob once.
fn fetch(wanted: &WantedImage, context: &Context<'_>) -> Vec<Planned> {
    let exchange = &context.state.exchange;
    let Some((_, manifest)) = &exchange.manifest else { return Vec::new() };
    let layout = Layout::new(&context.host.data_root);
    let get = |blob: &Descriptor, purpose: Purpose| {
        let request = Request {
            method: Method::Get,
            url: format!("{}/v2/{}/blobs/{}", base(wanted, context), wanted.name.path, blob.digest),
            fields: Vec::new(),
            proof: proof(wanted, context),
            purpose,
        };
        send(request, need("KeepImage", "The image is made of it, and it is not here."))
    };
    let config = &manifest.config;
    let (digest, size, path) = (config.digest.clone(), config.size, layout.blob(&config.digest));
    let mut steps = vec![get(config, Purpose::GetConfig { digest, size, path })];
    let mut seen = std::collections::BTreeSet::new();
    for layer in &manifest.layers {
        if seen.insert(&layer.digest) && !exchange.has(&layer.digest, &config.digest, context.state) {
            let (digest, size, path) = (layer.digest.clone(), layer.size, layout.blob(&layer.digest));
            steps.push(get(layer, Purpose::GetLayer { digest, size, path }));
        }
    }
    steps
}

/// Of an image that the store has already, the store's own manifest stays.
fn keep(wanted: &WantedImage, context: &Context<'_>) -> Vec<Planned> {
    let exchange = &context.state.exchange;
    let (Some(image), Some((descriptor, _))) = (&exchange.image, &exchange.manifest) else { return Vec::new() };
    let layout = Layout::new(&context.host.data_root);
    let known = context.state.images.get(&image.id).filter(|known| known.stored);
    let mut steps = Vec::new();
    let manifest = known.map_or_else(|| descriptor.clone(), super::images::manifest_of);
    if known.is_none() {
        let content = BlobContent::Text(exchange.manifest_text.clone());
        let write = ImageStep::WriteBlob { path: layout.blob(&descriptor.digest), digest: descriptor.digest.clone(), content };
        let why = "A registry and an index know an image by its manifest, which names configuration and layers.";
        steps.push(planned(Step::Image(write), need("RecordImage", why)));
        let fresh = !context.state.images.get(&image.id).is_some_and(|known| known.stored);
        let (index, id, manifest) = (layout.image_index(), image.id.clone(), manifest.clone());
        let record = ImageStep::RecordImage { index, id, manifest, fresh };
        steps.push(planned(Step::Image(record), need("TagImage", "A name leads to an image that the index has.")));
    }
    steps.extend(extract(image, context));
    steps.extend(names(wanted, image, &manifest, context));
    steps
}

/// As with dockerd, what came in stands extracted at once: whether an archive is what the configuration says is known then.
fn extract(image: &Image, context: &Context<'_>) -> Vec<Planned> {
    let layout = Layout::new(&context.host.data_root);
    let known = |diff_id: &str| {
        let mut all = context.state.images.values().flat_map(|image| &image.layers);
        all.any(|layer| layer.diff_id == diff_id && layer.extracted)
    };
    let mut seen = std::collections::BTreeSet::new();
    let missing = image.layers.iter().filter(|layer| seen.insert(&layer.diff_id) && !known(&layer.diff_id));
    let step = |layer: &crate::model::Layer| {
        let (directory, blob) = (layout.layer(&layer.diff_id), Some(layout.blob(&layer.blob)));
        let step = StoreStep::ExtractLayer { image: image.id.clone(), diff_id: layer.diff_id.clone(), blob, directory };
        planned(Step::Store(step), need("MountOverlay", "The overlay's lower directories are extracted layers."))
    };
    missing.map(step).collect()
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
        let before = before.map(super::images::manifest_of);
        let (name, id, manifest) = (name.to_string(), image.id.clone(), manifest.clone());
        let step = ImageStep::TagImage { index: index.clone(), name, id, manifest, before, fresh: false };
        Some(planned(Step::Image(step), origin::command(context)))
    };
    [digest, tag].into_iter().flatten().filter_map(step).collect()
}
