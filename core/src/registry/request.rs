//! A request to a registry as a step holds it.

use serde::{Deserialize, Serialize};

use super::http::Method;
use super::{Answered, Content};
use crate::oci::image::{Descriptor, Platform, media};
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
    /// To whom it goes.
    #[serde(default)]
    pub reach: Reach,
}

/// What is to be known of whom a request goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// A mirror: where it fails, the next one is asked, and the command goes on.
    pub mirror: bool,
    /// The certificate is not verified.
    pub insecure: bool,
}

impl Request {
    /// Without fields or a proof.
    pub fn of(method: Method, url: String, purpose: Purpose) -> Request {
        Request { method, url, fields: Vec::new(), proof: Proof::None, purpose, reach: Reach::default() }
    }

    /// What its end means: that a mirror fails is an answer too.
    pub fn ended(&self, answered: Result<Answered, String>) -> Result<Answered, String> {
        match answered {
            Err(why) if self.reach.mirror => Ok(Answered {
                method: self.method.name().to_string(),
                url: self.url.clone(),
                status: 0,
                hops: Vec::new(),
                attempts: 1,
                content: Content::MirrorFailed { why },
            }),
            answered => answered,
        }
    }

    /// What dockerd says where a name and a password are wanted and there are none.
    pub fn missing_login(&self) -> String {
        match self.purpose {
            Purpose::HasBlob { .. } | Purpose::StartUpload { .. } | Purpose::PutBlob { .. } | Purpose::PutManifest { .. } => {
                "no basic auth credentials".to_string()
            }
            _ => format!("{} \"{}\": no basic auth credentials", self.method.in_errors(), self.url),
        }
    }
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
    /// Whether the registry takes the login.
    LogIn,
    /// Which tags a repository has.
    ListTags {
        /// The repository: its name without a tag.
        wanted: WantedImage,
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
    /// The configuration of an image that brings a cache. It is read, and not kept.
    GetCache {
        /// Which `--cache-from`.
        number: u16,
        /// `sha256:…`
        digest: String,
        /// What the manifest names besides.
        layers: Vec<Descriptor>,
    },
    /// Whether the registry has a blob.
    HasBlob {
        /// `sha256:…`
        digest: String,
    },
    /// Where a blob can be sent to.
    StartUpload {
        /// `sha256:…`
        digest: String,
        /// A repository that has it, from which the registry may take it; empty: none is known.
        from: String,
    },
    /// A blob of the store that is sent.
    PutBlob {
        /// `sha256:…`
        digest: String,
        /// Bytes.
        size: u64,
        /// Where it is: absolute.
        path: String,
    },
    /// A manifest that is sent.
    PutManifest {
        /// `sha256:…`
        digest: String,
        /// Its bytes, which are text.
        text: String,
    },
}

impl Purpose {
    /// The blob whose bytes it moves, here or there: digest and size.
    pub fn moves(&self) -> Option<(&str, u64)> {
        match self {
            Purpose::PutBlob { digest, size, .. } => Some((digest, *size)),
            other => other.blob().map(|(digest, size, _)| (digest, size)),
        }
    }

    /// The blob that it fetches: digest, size, path.
    pub fn blob(&self) -> Option<(&str, u64, &str)> {
        match self {
            Purpose::GetConfig { digest, size, path } | Purpose::GetLayer { digest, size, path } => Some((digest, *size, path)),
            _ => None,
        }
    }
}

/// What somebody wants at a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Errand {
    /// An image.
    Pull,
    /// To give one away.
    Push,
    /// To be known.
    LogIn,
}

/// Somebody comes to a registry: what is to be known before anything is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// As names of images begin with it: `docker.io`, `localhost:5000`.
    pub domain: String,
    /// What a token has to allow: `repository:library/alpine:pull`; empty: nothing but who the caller is.
    pub scope: String,
    /// The first request after it: its method as Go's client names it in errors, and its path.
    pub first: (String, String),
    /// What for.
    pub errand: Errand,
}

/// An image that is given away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushedImage {
    /// In full, with tag.
    pub name: Reference,
    /// Its id.
    pub id: String,
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
