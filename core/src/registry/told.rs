//! What `pull` tells while it goes on, as dockerd does where nobody has a terminal: told by whoever walks the plan. On a terminal each layer
//! keeps its line ([`super::bars`]).

use crate::cli::{Command, ImageChoice, Invocation, Pull, RegistryCommand};
use crate::model::{Exchange, Layer, Standing, State, short_digest};
use crate::registry::reading::Content;
use crate::registry::{DOWNLOADS_AT_ONCE, UPLOADS_AT_ONCE, WantedImage};
use crate::step::{Phase, RegistryPhase, RegistryStep, Step, StoreStep};

/// What is told, by the command at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// `-q`
    quiet: bool,
    /// It is the command itself and not a need of another: `pull` tells on stdout, and the name at the end.
    own: bool,
    /// All images of a repository: what became of them is told at the end.
    all: bool,
    /// It was not looked whether the image is here.
    always: bool,
}

impl Told {
    /// For a command that may fetch an image.
    pub fn of(invocation: &Invocation) -> Option<Told> {
        match &invocation.command {
            Command::Registry(RegistryCommand::Pull(pull)) => {
                Some(Told { quiet: pull.quiet, own: true, all: pull.all, always: true })
            }
            Command::Registry(RegistryCommand::Push(push)) => Some(Told { quiet: push.quiet, own: true, all: false, always: true }),
            Command::RunContainer(run) => Some(Told::of_container(&run.spec.image_choice)),
            Command::CreateContainer(spec) => Some(Told::of_container(&spec.image_choice)),
            _ => None,
        }
    }

    fn of_container(choice: &ImageChoice) -> Told {
        Told { quiet: choice.quiet, own: false, all: false, always: choice.pull == Pull::Always }
    }

    /// A phase is about to begin.
    pub fn entering(self, step: &Step, state: &State) -> String {
        match step {
            Step::Phase(Phase::Registry(RegistryPhase::SendBlobs { pushed })) if !self.quiet => {
                let layers = || state.images.get(&pushed.id).into_iter().flat_map(|image| image.layers.iter().rev());
                let line = |layer: &Layer, words: &str| format!("{}: {words}\n", short_digest(&layer.diff_id));
                let prepared = layers().map(|layer| line(layer, "Preparing"));
                prepared.chain(layers().skip(UPLOADS_AT_ONCE).map(|layer| line(layer, "Waiting"))).collect()
            }
            Step::Phase(Phase::Registry(RegistryPhase::PullImage { wanted })) if !self.always && !self.quiet => {
                format!("Unable to find image '{}' locally\n", wanted.name.familiar())
            }
            _ => String::new(),
        }
    }

    /// It goes to stdout; else to stderr.
    pub fn to_stdout(self) -> bool {
        self.own
    }

    /// A layer is about to be extracted: told where each has a line of its own.
    pub fn extracting(self, step: &Step, state: &State) -> Option<String> {
        let Step::Store(StoreStep::ExtractLayer { diff_id, .. }) = step else { return None };
        let layers = &state.exchange.image.as_ref()?.layers;
        let layer = layers.iter().find(|layer| layer.diff_id == *diff_id).filter(|_| !self.quiet)?;
        Some(format!("{}: Extracting\n", short_digest(&layer.blob)))
    }

    /// A leaf has been carried out; the state is that after it.
    pub fn after(self, step: &Step, state: &State) -> String {
        if self.quiet {
            return String::new();
        }
        let Some(wanted) = &state.exchange.wanted else { return given(step, state) };
        match step {
            Step::Registry(RegistryStep::SendRequest(_)) => answered(wanted, state),
            Step::Store(StoreStep::ExtractLayer { diff_id, .. }) => {
                let layers = state.exchange.image.iter().flat_map(|image| &image.layers);
                let pulled = layers.filter(|layer| layer.diff_id == *diff_id).map(|layer| short_digest(&layer.blob));
                pulled.map(|blob| format!("{blob}: Pull complete\n")).collect()
            }
            _ => String::new(),
        }
    }

    /// A phase is through.
    pub fn leaving(self, step: &Step, state: &State) -> String {
        let (wanted, is_last) = match step {
            Step::Phase(Phase::Registry(RegistryPhase::KeepImage { wanted })) => (wanted, !self.all),
            Step::Phase(Phase::Registry(RegistryPhase::PullRepository { wanted })) => (wanted, true),
            _ => return String::new(),
        };
        let exchange = &state.exchange;
        let mut text = String::new();
        let is_image = matches!(step, Step::Phase(Phase::Registry(RegistryPhase::KeepImage { .. })));
        if let Some(digest) = exchange.digest().filter(|_| !self.quiet && is_image) {
            text = format!("Digest: {digest}\n");
        }
        if !self.quiet && is_last {
            let status = match exchange.is_newer() {
                true => "Downloaded newer image for",
                false => "Image is up to date for",
            };
            text.push_str(&format!("Status: {status} {}\n", wanted.name.familiar()));
        }
        if self.own && is_last {
            text.push_str(&format!("{}\n", wanted.name));
        }
        text
    }
}

/// Of an image that is given away.
fn given(step: &Step, state: &State) -> String {
    let Step::Registry(RegistryStep::SendRequest(request)) = step else { return String::new() };
    match state.exchange.last.as_ref().map(|answer| &answer.content) {
        Some(Content::Blob { digest, standing }) => {
            let words = match standing {
                Standing::There => "Layer already exists".to_string(),
                Standing::Mounted { from } => format!("Mounted from {from}"),
                Standing::Sent => "Pushed".to_string(),
                Standing::Missing | Standing::UploadAt(_) => return String::new(),
            };
            let layer = layer_of(digest, state);
            layer.map(|diff_id| format!("{}: {words}\n", short_digest(diff_id))).unwrap_or_default()
        }
        Some(Content::ManifestSent { digest, bytes }) => {
            let tag = request.url.rsplit('/').next().unwrap_or_default();
            format!("{tag}: digest: {digest} size: {bytes}\n")
        }
        _ => String::new(),
    }
}

/// The diff id of a layer by what goes to the registry of it; of a configuration there is none.
pub fn layer_of<'a>(blob: &str, state: &'a State) -> Option<&'a str> {
    let compressed = state.exchange.compressed.iter().find(|(_, made)| made.digest == blob).map(|(diff_id, _)| diff_id.as_str());
    let mut all = state.images.values().flat_map(|image| &image.layers);
    compressed.or_else(|| all.find(|layer| layer.blob == blob).map(|layer| layer.diff_id.as_str()))
}

fn answered(wanted: &WantedImage, state: &State) -> String {
    let exchange = &state.exchange;
    let Some(answer) = &exchange.last else { return String::new() };
    let begun = || format!("{}: Pulling from {}\n", shown_target(wanted), wanted.name.path);
    match &answer.content {
        Content::Index { .. } => begun(),
        Content::Manifest { .. } => {
            let first = if exchange.index.is_some() { String::new() } else { begun() };
            first + &layers(exchange, state)
        }
        Content::Layer { digest, .. } => {
            let blob = short_digest(digest);
            format!("{blob}: Verifying Checksum\n{blob}: Download complete\n")
        }
        _ => String::new(),
    }
}

/// Before the first layer comes.
fn layers(exchange: &Exchange, state: &State) -> String {
    let Some((_, manifest)) = &exchange.manifest else { return String::new() };
    let is_here = |digest: &str| exchange.has(digest, &manifest.config.digest, state);
    let line = |digest: &String| match is_here(digest) {
        true => format!("{}: Already exists\n", short_digest(digest)),
        false => format!("{}: Pulling fs layer\n", short_digest(digest)),
    };
    let fetched = manifest.layers.iter().filter(|layer| !is_here(&layer.digest));
    let waiting = fetched.skip(DOWNLOADS_AT_ONCE).map(|layer| format!("{}: Waiting\n", short_digest(&layer.digest)));
    manifest.layers.iter().map(|layer| line(&layer.digest)).chain(waiting).collect()
}

fn shown_target(wanted: &WantedImage) -> String {
    match (&wanted.name.digest, &wanted.name.tag) {
        (Some(_), _) => wanted.name.to_string(),
        (None, Some(tag)) => tag.clone(),
        (None, None) => String::new(),
    }
}
