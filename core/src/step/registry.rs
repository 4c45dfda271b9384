//! Steps on registries: each request is one.

use serde::{Deserialize, Serialize};

use super::Undo;
use crate::registry::{Proof, Purpose, Request, WantedImage};

/// A step on a registry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RegistryStep {
    /// Look up who the caller is to a registry: in Docker's `config.json`, or by asking the program that keeps it.
    FindLogin {
        /// What is to be fetched.
        wanted: Box<WantedImage>,
        /// Under which name the login is kept.
        server: String,
        /// The file: absolute.
        config: String,
    },
    /// Send a request, and take the answer.
    SendRequest(Box<Request>),
}

/// A composite step on a registry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RegistryPhase {
    /// From a name to an image in the store.
    PullImage {
        /// Which.
        wanted: WantedImage,
    },
    /// Whether there is a registry, and whom it lets in.
    OpenRegistry {
        /// For which image.
        wanted: WantedImage,
    },
    /// The same at the next URL, if nobody answered at the first.
    OpenOtherwise {
        /// For which image.
        wanted: WantedImage,
    },
    /// A token, if it wants one.
    GetToken {
        /// For which image.
        wanted: WantedImage,
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
}

impl RegistryStep {
    /// See [`super::Step::name`].
    pub fn name(&self) -> &'static str {
        match self {
            RegistryStep::FindLogin { .. } => "FindLogin",
            RegistryStep::SendRequest(_) => "SendRequest",
        }
    }

    /// See [`super::Step::undo`].
    pub fn undo(&self) -> Undo {
        match self {
            RegistryStep::FindLogin { .. } => Undo::NothingChanged,
            RegistryStep::SendRequest(request) => match (request.purpose.blob(), &request.purpose) {
                (Some((_, _, path)), _) => Undo::DropBlob { path: path.to_string() },
                (None, Purpose::GetToken { .. }) => {
                    Undo::LeftStanding { why: "A token is good for minutes, and is forgotten with the command.".into() }
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
            RegistryPhase::OpenRegistry { .. } => "OpenRegistry",
            RegistryPhase::OpenOtherwise { .. } => "OpenOtherwise",
            RegistryPhase::GetToken { .. } => "GetToken",
            RegistryPhase::FindManifest { .. } => "FindManifest",
            RegistryPhase::ReadManifest { .. } => "ReadManifest",
            RegistryPhase::ReadChosen { .. } => "ReadChosen",
            RegistryPhase::FetchBlobs { .. } => "FetchBlobs",
            RegistryPhase::KeepImage { .. } => "KeepImage",
        }
    }

    /// The image that it is about.
    pub fn wanted(&self) -> &WantedImage {
        match self {
            RegistryPhase::PullImage { wanted }
            | RegistryPhase::OpenRegistry { wanted }
            | RegistryPhase::OpenOtherwise { wanted }
            | RegistryPhase::GetToken { wanted }
            | RegistryPhase::FindManifest { wanted }
            | RegistryPhase::ReadManifest { wanted }
            | RegistryPhase::ReadChosen { wanted }
            | RegistryPhase::FetchBlobs { wanted }
            | RegistryPhase::KeepImage { wanted } => wanted,
        }
    }
}

/// Samples of both, for tests that go through all steps.
pub(super) fn samples() -> (Vec<RegistryPhase>, Vec<RegistryStep>) {
    use crate::oci::image::Platform;
    let name =
        crate::reference::Reference { domain: "docker.io".into(), path: "library/web".into(), tag: Some("1".into()), digest: None };
    let wanted = || WantedImage {
        name: name.clone(),
        platform: Platform { os: "linux".into(), architecture: "amd64".into(), variant: String::new() },
    };
    let request = |purpose: Purpose| {
        let url = "https://registry-1.docker.io/v2/".to_string();
        let method =
            if purpose == Purpose::ResolveTag { crate::registry::http::Method::Head } else { crate::registry::http::Method::Get };
        RegistryStep::SendRequest(Box::new(Request { method, url, fields: Vec::new(), proof: Proof::None, purpose }))
    };
    let (digest, path, size) = (|| "sha256:00".to_string(), || "/r/images/blobs/sha256/00".to_string(), 2);
    let phases = vec![
        RegistryPhase::PullImage { wanted: wanted() },
        RegistryPhase::OpenRegistry { wanted: wanted() },
        RegistryPhase::OpenOtherwise { wanted: wanted() },
        RegistryPhase::GetToken { wanted: wanted() },
        RegistryPhase::FindManifest { wanted: wanted() },
        RegistryPhase::ReadManifest { wanted: wanted() },
        RegistryPhase::ReadChosen { wanted: wanted() },
        RegistryPhase::FetchBlobs { wanted: wanted() },
        RegistryPhase::KeepImage { wanted: wanted() },
    ];
    let steps = vec![
        RegistryStep::FindLogin {
            wanted: Box::new(wanted()),
            server: "docker.io".into(),
            config: "/root/.docker/config.json".into(),
        },
        request(Purpose::Ping { optional: false }),
        request(Purpose::GetToken {
            scope: wanted().scope(),
            service: "registry.docker.io".into(),
            on_behalf: "Head \"u\"".into(),
        }),
        request(Purpose::ResolveTag),
        request(Purpose::GetManifest { wanted: wanted(), digest: None, chosen: false }),
        request(Purpose::GetConfig { digest: digest(), size, path: path() }),
        request(Purpose::GetLayer { digest: digest(), size, path: path() }),
    ];
    (phases, steps)
}
