//! Steps on registries: each request is one.

use serde::{Deserialize, Serialize};

use super::Undo;
use crate::oci::image::Descriptor;
use crate::registry::{Purpose, PushedImage, Request, Visit, WantedImage};

/// Where a password comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PasswordSource {
    /// It stands in the command.
    Command,
    /// The caller's standard input.
    Stdin,
    /// The caller is asked for it at her terminal.
    Terminal,
}

/// A step on a registry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RegistryStep {
    /// Read how registries are reached: the first of these files that is there.
    ReadDaemonSettings {
        /// Glassbox's own: absolute.
        own: String,
        /// dockerd's: absolute.
        docker: String,
    },
    /// Look up who the caller is to a registry: in Docker's `config.json`, or by asking the program that keeps it.
    FindLogin {
        /// What is to be fetched, if that is what it is for.
        wanted: Option<Box<WantedImage>>,
        /// The mirror that is to be asked for it; `None`: the registry itself.
        #[serde(default)]
        mirror: Option<String>,
        /// Under which name the login is kept.
        server: String,
        /// The file: absolute.
        config: String,
    },
    /// Send a request, and take the answer.
    SendRequest(Box<Request>),
    /// Take the password that the caller gives.
    TakePassword {
        /// Whose; empty: the caller is asked.
        user: String,
        /// Where it comes from.
        source: PasswordSource,
    },
    /// Keep the login in Docker's `config.json`, or have it kept by the program that the file names.
    KeepLogin {
        /// Under which name.
        server: String,
        /// Whose; empty: of whoever was asked.
        user: String,
        /// The file: absolute.
        config: String,
    },
    /// Keep it no more.
    DropLogin {
        /// Under which name it is kept.
        server: String,
        /// The file: absolute.
        config: String,
    },
    /// Read the manifest of an image in the store.
    ReadStoredManifest {
        /// Absolute.
        path: String,
        /// What it is.
        manifest: Descriptor,
    },
    /// Compress a layer, as registries keep them.
    CompressLayer {
        /// Which.
        diff_id: String,
        /// Its blob: absolute.
        path: String,
    },
}

/// A composite step on a registry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RegistryPhase {
    /// From a name to an image in the store.
    PullImage {
        /// Which.
        wanted: WantedImage,
    },
    /// Whoever may have it, one after the other: the mirrors of Docker Hub, and the registry itself.
    AskRegistries {
        /// Of which image.
        wanted: WantedImage,
    },
    /// One of them, if nobody has given it yet.
    AskRegistry {
        /// Of which image.
        wanted: WantedImage,
        /// A mirror's URL; `None`: the registry itself.
        mirror: Option<String>,
    },
    /// All images of a repository.
    PullRepository {
        /// Its name, without a tag.
        wanted: WantedImage,
    },
    /// Which tags it has.
    ListTags {
        /// Its name, without a tag.
        wanted: WantedImage,
    },
    /// The image of each.
    PullTags {
        /// Its name, without a tag.
        wanted: WantedImage,
    },
    /// Whether there is a registry, and whom it lets in.
    OpenRegistry {
        /// Whose visit.
        visit: Visit,
    },
    /// The same at the next URL, if nobody answered at the first.
    OpenOtherwise {
        /// Whose visit.
        visit: Visit,
    },
    /// A token, if it wants one.
    GetToken {
        /// Whose visit.
        visit: Visit,
    },
    /// From a name to a manifest.
    FindManifest {
        /// Of which image.
        wanted: WantedImage,
    },
    /// The manifest that the name leads to.
    ReadManifest {
        /// Of which image.
        wanted: WantedImage,
    },
    /// If that is a list: the one for this machine.
    ReadChosen {
        /// Of which image.
        wanted: WantedImage,
    },
    /// Its configuration and its layers, those that are not here.
    FetchBlobs {
        /// Of which image.
        wanted: WantedImage,
    },
    /// Manifest, line in the index, files, name.
    KeepImage {
        /// Which.
        wanted: WantedImage,
    },
    /// Of an image that brings a cache: its configuration, where the cache stands.
    ReadSharedCache {
        /// Of which image.
        wanted: WantedImage,
        /// Which `--cache-from`.
        number: u16,
    },
    /// A layer of a cache.
    FetchCached {
        /// Of which image.
        wanted: WantedImage,
        /// The layer.
        blob: Box<Descriptor>,
    },
    /// From an image in the store to a name at a registry.
    PushImage {
        /// Which.
        pushed: PushedImage,
    },
    /// All blobs that it is made of.
    SendBlobs {
        /// Of which image.
        pushed: PushedImage,
    },
    /// Which of them are there.
    AskBlobs {
        /// Of which image.
        pushed: PushedImage,
    },
    /// Where those can be sent to that are not.
    StartBlobs {
        /// Of which image.
        pushed: PushedImage,
    },
    /// And there they go.
    PutBlobs {
        /// Of which image.
        pushed: PushedImage,
    },
    /// Its manifest, under its name.
    SendManifest {
        /// Of which image.
        pushed: PushedImage,
    },
    /// From a password to a login that is kept.
    LogIn {
        /// Where.
        visit: Visit,
        /// Whose; empty: the caller is asked.
        user: String,
        /// Where the password comes from.
        source: PasswordSource,
    },
    /// Show the password to the registry.
    ShowLogin {
        /// Where.
        visit: Visit,
    },
}

impl RegistryStep {
    /// See [`super::Step::name`].
    pub fn name(&self) -> &'static str {
        match self {
            RegistryStep::ReadDaemonSettings { .. } => "ReadDaemonSettings",
            RegistryStep::FindLogin { .. } => "FindLogin",
            RegistryStep::SendRequest(_) => "SendRequest",
            RegistryStep::TakePassword { .. } => "TakePassword",
            RegistryStep::KeepLogin { .. } => "KeepLogin",
            RegistryStep::DropLogin { .. } => "DropLogin",
            RegistryStep::ReadStoredManifest { .. } => "ReadStoredManifest",
            RegistryStep::CompressLayer { .. } => "CompressLayer",
        }
    }

    /// See [`super::Step::undo`].
    pub fn undo(&self) -> Undo {
        match self {
            RegistryStep::ReadDaemonSettings { .. }
            | RegistryStep::FindLogin { .. }
            | RegistryStep::TakePassword { .. }
            | RegistryStep::ReadStoredManifest { .. } => Undo::NothingChanged,
            RegistryStep::KeepLogin { .. } => {
                Undo::LeftStanding { why: "A login that is kept is yours: logout takes it away.".into() }
            }
            RegistryStep::DropLogin { .. } => Undo::Impossible { why: "Nothing keeps a copy of the password.".into() },
            // Which blob that is, is written down when it is known.
            RegistryStep::CompressLayer { diff_id, .. } => Undo::DropPacked { upper: diff_id.clone() },
            RegistryStep::SendRequest(request) => match (request.purpose.blob(), &request.purpose) {
                (Some((_, _, path)), _) => Undo::DropBlob { path: path.to_string() },
                (None, Purpose::GetToken { .. }) => {
                    Undo::LeftStanding { why: "A token is good for minutes, and is forgotten with the command.".into() }
                }
                (None, Purpose::StartUpload { .. } | Purpose::PutBlob { .. } | Purpose::PutManifest { .. }) => {
                    Undo::LeftStanding { why: "What was sent is the registry's: nobody takes it back.".into() }
                }
                (None, _) => Undo::NothingChanged,
            },
        }
    }
}

impl RegistryPhase {
    /// See [`super::Step::name`].
    pub fn name(&self) -> &'static str {
        match self {
            RegistryPhase::PullImage { .. } => "PullImage",
            RegistryPhase::AskRegistries { .. } => "AskRegistries",
            RegistryPhase::AskRegistry { .. } => "AskRegistry",
            RegistryPhase::PullRepository { .. } => "PullRepository",
            RegistryPhase::ListTags { .. } => "ListTags",
            RegistryPhase::PullTags { .. } => "PullTags",
            RegistryPhase::OpenRegistry { .. } => "OpenRegistry",
            RegistryPhase::OpenOtherwise { .. } => "OpenOtherwise",
            RegistryPhase::GetToken { .. } => "GetToken",
            RegistryPhase::FindManifest { .. } => "FindManifest",
            RegistryPhase::ReadManifest { .. } => "ReadManifest",
            RegistryPhase::ReadChosen { .. } => "ReadChosen",
            RegistryPhase::FetchBlobs { .. } => "FetchBlobs",
            RegistryPhase::KeepImage { .. } => "KeepImage",
            RegistryPhase::ReadSharedCache { .. } => "ReadSharedCache",
            RegistryPhase::FetchCached { .. } => "FetchCached",
            RegistryPhase::PushImage { .. } => "PushImage",
            RegistryPhase::SendBlobs { .. } => "SendBlobs",
            RegistryPhase::AskBlobs { .. } => "AskBlobs",
            RegistryPhase::StartBlobs { .. } => "StartBlobs",
            RegistryPhase::PutBlobs { .. } => "PutBlobs",
            RegistryPhase::SendManifest { .. } => "SendManifest",
            RegistryPhase::LogIn { .. } => "LogIn",
            RegistryPhase::ShowLogin { .. } => "ShowLogin",
        }
    }
}

/// Samples of both, for tests that go through all steps.
pub(super) fn samples() -> (Vec<RegistryPhase>, Vec<RegistryStep>) {
    let name =
        crate::reference::Reference { domain: "docker.io".into(), path: "library/web".into(), tag: Some("1".into()), digest: None };
    let platform = crate::oci::image::Platform { os: "linux".into(), architecture: "amd64".into(), variant: String::new() };
    let wanted = WantedImage { name: name.clone(), platform };
    let pushed = PushedImage { name, id: "sha256:00".into() };
    let blob = Descriptor::of("application/vnd.oci.image.layer.v1.tar+gzip", b"");
    (phases(&wanted, &pushed), steps(&wanted, &blob))
}

fn phases(wanted: &WantedImage, pushed: &PushedImage) -> Vec<RegistryPhase> {
    let (wanted, pushed) = (|| wanted.clone(), || pushed.clone());
    let visit = || Visit {
        domain: "docker.io".into(),
        scope: wanted().scope(),
        first: ("Head".into(), "/v2/".into()),
        errand: crate::registry::Errand::Pull,
    };
    vec![
        RegistryPhase::PullImage { wanted: wanted() },
        RegistryPhase::AskRegistries { wanted: wanted() },
        RegistryPhase::AskRegistry { wanted: wanted(), mirror: Some("https://mirror.gcr.io".into()) },
        RegistryPhase::PullRepository { wanted: wanted() },
        RegistryPhase::ListTags { wanted: wanted() },
        RegistryPhase::PullTags { wanted: wanted() },
        RegistryPhase::OpenRegistry { visit: visit() },
        RegistryPhase::OpenOtherwise { visit: visit() },
        RegistryPhase::GetToken { visit: visit() },
        RegistryPhase::FindManifest { wanted: wanted() },
        RegistryPhase::ReadManifest { wanted: wanted() },
        RegistryPhase::ReadChosen { wanted: wanted() },
        RegistryPhase::FetchBlobs { wanted: wanted() },
        RegistryPhase::KeepImage { wanted: wanted() },
        RegistryPhase::ReadSharedCache { wanted: wanted(), number: 0 },
        RegistryPhase::FetchCached { wanted: wanted(), blob: Box::new(Descriptor::default()) },
        RegistryPhase::PushImage { pushed: pushed() },
        RegistryPhase::SendBlobs { pushed: pushed() },
        RegistryPhase::AskBlobs { pushed: pushed() },
        RegistryPhase::StartBlobs { pushed: pushed() },
        RegistryPhase::PutBlobs { pushed: pushed() },
        RegistryPhase::SendManifest { pushed: pushed() },
        RegistryPhase::LogIn { visit: visit(), user: "ann".into(), source: PasswordSource::Stdin },
        RegistryPhase::ShowLogin { visit: visit() },
    ]
}

fn steps(wanted: &WantedImage, blob: &Descriptor) -> Vec<RegistryStep> {
    let (wanted, blob) = (|| wanted.clone(), || blob.clone());
    let config = || "/root/.docker/config.json".to_string();
    let request = |purpose: Purpose| {
        let url = "https://registry-1.docker.io/v2/".to_string();
        let method =
            if purpose == Purpose::ResolveTag { crate::registry::http::Method::Head } else { crate::registry::http::Method::Get };
        RegistryStep::SendRequest(Box::new(Request::of(method, url, purpose)))
    };
    let (digest, path, size) = (|| "sha256:00".to_string(), || "/r/images/blobs/sha256/00".to_string(), 2);
    vec![
        RegistryStep::ReadDaemonSettings { own: "/var/lib/glassbox/daemon.json".into(), docker: "/etc/docker/daemon.json".into() },
        RegistryStep::FindLogin {
            wanted: Some(Box::new(wanted())),
            mirror: None,
            server: "docker.io".into(),
            config: "/root/.docker/config.json".into(),
        },
        request(Purpose::Ping { optional: false }),
        request(Purpose::GetToken {
            scope: wanted().scope(),
            service: "registry.docker.io".into(),
            on_behalf: "Head \"u\"".into(),
        }),
        request(Purpose::ListTags { wanted: wanted() }),
        request(Purpose::ResolveTag),
        request(Purpose::GetManifest { wanted: wanted(), digest: None, chosen: false }),
        request(Purpose::GetConfig { digest: digest(), size, path: path() }),
        request(Purpose::GetLayer { digest: digest(), size, path: path() }),
        request(Purpose::GetCache { number: 0, digest: digest(), layers: Vec::new() }),
        request(Purpose::LogIn),
        request(Purpose::HasBlob { digest: digest() }),
        request(Purpose::StartUpload { digest: digest(), from: "other".into() }),
        request(Purpose::PutBlob { digest: digest(), size, path: path() }),
        request(Purpose::PutManifest { digest: digest(), text: "{}".into() }),
        RegistryStep::TakePassword { user: "ann".into(), source: PasswordSource::Stdin },
        RegistryStep::TakePassword { user: String::new(), source: PasswordSource::Terminal },
        RegistryStep::KeepLogin { server: "docker.io".into(), user: "ann".into(), config: config() },
        RegistryStep::DropLogin { server: "docker.io".into(), config: config() },
        RegistryStep::ReadStoredManifest { path: path(), manifest: blob() },
        RegistryStep::CompressLayer { diff_id: digest(), path: path() },
    ]
}
