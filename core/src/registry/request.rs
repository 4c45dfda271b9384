//! A request to a registry as a step holds it.

use serde::{Deserialize, Serialize};

use super::http::Method;
use crate::oci::image::{Platform, media};
use crate::reference::Reference;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Absolute.
    pub url: String,
    /// Header fields, without the one that shows who asks.
    pub fields: Vec<(String, String)>,
    /// What goes into `Authorization`.
    pub proof: Proof,
    /// What it is for: how its answer is read.
    pub purpose: Purpose,
}

/// What shows who asks. The secret itself is known to whoever sends the request alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proof {
    /// Nothing.
    None,
    /// Name and password are wanted, and there are none: the request is not sent.
    Missing,
    /// The name and the password of the login.
    Login {
        /// The name.
        user: String,
    },
    /// The token that was got for this scope.
    Token {
        /// `repository:library/alpine:pull`
        scope: String,
    },
}

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// Whether there is a registry, and whom it lets in.
    Ping {
        /// No answer at all is no failure: there is another URL to ask.
        optional: bool,
    },
    /// A token for a scope; the login goes with it, where there is one.
    GetToken {
        /// `repository:library/alpine:pull`
        scope: String,
        /// Whose registry it is for, as its challenge says.
        service: String,
        /// For which request, as Go's client begins an error: `Head "https://…"`.
        on_behalf: String,
    },
    /// Which manifest a tag leads to.
    ResolveTag,
    /// A manifest, or an index of manifests.
    GetManifest {
        /// What is pulled.
        wanted: WantedImage,
        /// Its digest; none: what the tag leads to, because the registry did not say.
        digest: Option<String>,
        /// It was chosen from an index.
        chosen: bool,
    },
    /// A configuration.
    GetConfig {
        /// `sha256:…`
        digest: String,
        /// Bytes.
        size: u64,
        /// Where to: absolute.
        path: String,
    },
    /// A layer.
    GetLayer {
        /// `sha256:…`
        digest: String,
        /// Bytes.
        size: u64,
        /// Where to: absolute.
        path: String,
    },
}

impl Purpose {
    /// The blob that it fetches: digest, size, path.
    pub fn blob(&self) -> Option<(&str, u64, &str)> {
        match self {
            Purpose::GetConfig { digest, size, path } | Purpose::GetLayer { digest, size, path } => Some((digest, *size, path)),
            _ => None,
        }
    }
}

/// An image that is to be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedImage {
    /// In full: with a tag or a digest.
    pub name: Reference,
    /// For which machine.
    pub platform: Platform,
}

impl WantedImage {
    /// What follows `manifests/`: the digest, else the tag.
    pub fn target(&self) -> &str {
        self.name.digest.as_deref().or(self.name.tag.as_deref()).unwrap_or(crate::reference::DEFAULT_TAG)
    }

    /// What a token has to allow for it.
    pub fn scope(&self) -> String {
        format!("repository:{}:pull", self.name.path)
    }
}

/// The kinds of manifests that are understood, as `Accept` names them.
pub fn manifest_types() -> Vec<(String, String)> {
    let types = [media::DOCKER_MANIFEST, media::DOCKER_INDEX, media::MANIFEST, media::INDEX];
    types.iter().map(|kind| ("Accept".to_string(), (*kind).to_string())).collect()
}
