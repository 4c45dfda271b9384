//! What the answers of a registry have told so far, while an image is fetched or given away: what the next request depends on.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Image, State};
use crate::oci::image::{Descriptor, Manifest, put_together};
use crate::registry::reading::{Answered, Content};
use crate::registry::{Challenge, Settings, WantedImage};

/// The exchange at hand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exchange {
    /// How registries are reached.
    pub settings: Settings,
    /// What is fetched.
    pub wanted: Option<WantedImage>,
    /// The mirror that is asked for it: its URL.
    pub mirror: Option<String>,
    /// It was given up.
    pub refused: bool,
    /// The image that the name led to when it began.
    pub before: Option<String>,
    /// Who the caller is to this registry.
    pub login: Option<Account>,
    /// The URL that the registry answers at, without a path: `https://registry-1.docker.io`.
    pub base: Option<String>,
    /// How it wants to be shown who asks.
    pub challenge: Option<Challenge>,
    /// Scopes for which there is a token.
    pub granted: BTreeSet<String>,
    /// All tags of the repository.
    pub tags: Vec<String>,
    /// An image that was fetched before this one, in this command, was none that its name had led to.
    pub newer: bool,
    /// What the tag leads to.
    pub resolved: Option<Descriptor>,
    /// The list of manifests that it leads to, if it is one.
    pub index: Option<Descriptor>,
    /// The manifest that was chosen from it.
    pub chosen: Option<Descriptor>,
    /// The manifest: what it is, and what it says.
    pub manifest: Option<(Descriptor, Manifest)>,
    /// Its bytes.
    pub manifest_text: String,
    /// Blobs that came in, and their bytes.
    pub fetched: BTreeMap<String, u64>,
    /// Blobs of it that somebody has taken away since: looked for when it is to be kept, and nobody else may change the store.
    pub gone: BTreeSet<String>,
    /// The image of manifest and configuration.
    pub image: Option<Image>,
    /// How blobs that are given away stand at the registry, by digest.
    pub standing: BTreeMap<String, Standing>,
    /// What layers were compressed to, by their diff ids.
    pub compressed: BTreeMap<String, Descriptor>,
    /// Blobs that were made for the way alone.
    pub made: BTreeSet<String>,
    /// The last answer.
    pub last: Option<Answered>,
    /// Images that this command has fetched before this one, in order, and their ids.
    pub before_it: Vec<(WantedImage, String)>,
}

/// How a blob stands at a registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// It is not there.
    Missing,
    /// It can be sent to this URL.
    UploadAt(String),
    /// It is there.
    There,
    /// It was taken from another repository.
    Mounted {
        /// Which.
        from: String,
    },
    /// It was sent.
    Sent,
}

/// Who somebody is to a registry; the secret is not here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The name.
    pub user: String,
    /// An identity token, and no password.
    pub is_token: bool,
}

impl Exchange {
    /// A new one.
    pub fn begin(wanted: Option<WantedImage>, login: Option<Account>, before: Option<String>) -> Exchange {
        Exchange { wanted, before, login, ..Exchange::default() }
    }

    /// How registries are reached from now on; nothing is found yet.
    pub fn set_out(&mut self, settings: &Settings) {
        self.settings = settings.clone();
        (self.manifest, self.mirror, self.refused) = (None, None, false);
    }

    /// All that was asked for has come: a mirror gave it, and nobody else is asked.
    pub fn is_found(&self) -> bool {
        self.manifest.is_some() && !self.refused
    }

    /// The image, unless whoever began to give it was given up.
    fn given(&self) -> Option<&Image> {
        self.image.as_ref().filter(|_| !self.refused)
    }

    /// What Docker calls the image's digest: that of what the name leads to.
    pub fn digest(&self) -> Option<&str> {
        let manifest = self.manifest.as_ref().map(|(descriptor, _)| descriptor);
        self.index.as_ref().or(manifest).map(|descriptor| descriptor.digest.as_str())
    }

    /// What comes after it, in the same command.
    #[must_use]
    pub fn after(self, before: &Exchange) -> Exchange {
        // What a mirror has given before it was given up is here.
        let fetched = if before.refused { before.fetched.clone() } else { self.fetched };
        Exchange { settings: before.settings.clone(), fetched, before_it: before.all_fetched(), newer: before.is_newer(), ..self }
    }

    /// An image has come that its name did not lead to before.
    pub fn is_newer(&self) -> bool {
        self.newer || self.given().is_some_and(|image| self.before.as_deref() != Some(image.id.as_str()))
    }

    /// Images that this command has fetched, in order, and their ids.
    pub fn all_fetched(&self) -> Vec<(WantedImage, String)> {
        let last = self.wanted.clone().zip(self.given().map(|image| image.id.clone()));
        self.before_it.iter().cloned().chain(last).collect()
    }

    /// This image has been fetched, in this command.
    pub fn has_fetched(&self, name: &crate::reference::Reference) -> bool {
        self.all_fetched().iter().any(|(wanted, _)| wanted.name == *name)
    }

    /// A layer's blob is in the store, with an image that is there; so is all of an image that is there by its configuration.
    pub fn has(&self, blob: &str, config: &str, state: &State) -> bool {
        let mut stored = state.images.values().filter(|image| image.stored);
        stored.any(|image| image.id == config || image.layers.iter().any(|layer| layer.blob == blob))
    }

    /// A manifest is known.
    pub fn read(&mut self, manifest: &Descriptor, text: &str) {
        let read = Manifest::read(text.as_bytes(), &manifest.digest);
        self.manifest = read.ok().map(|read| (manifest.clone(), read));
        self.manifest_text = text.to_string();
    }

    /// Takes an answer in.
    pub fn take(&mut self, answered: &Answered) {
        match &answered.content {
            Content::Open => self.base = base_of(&answered.url),
            Content::Challenge(challenge) => {
                self.base = base_of(&answered.url);
                self.challenge = Some(challenge.clone());
            }
            Content::Unreachable { .. }
            | Content::Unresolved
            | Content::LoggedIn
            | Content::Cache(_)
            | Content::ManifestSent { .. } => {}
            Content::MirrorFailed { .. } => self.refused = true,
            Content::Blob { digest, standing } => drop(self.standing.insert(digest.clone(), standing.clone())),
            Content::Token { scope } => drop(self.granted.insert(scope.clone())),
            Content::Tags(tags) => self.tags = tags.clone(),
            Content::Resolved(found) => self.resolved = Some(found.clone()),
            Content::Index { index, chosen } => (self.index, self.chosen) = (Some(index.clone()), Some(chosen.clone())),
            Content::Manifest { manifest, text } => {
                self.read(manifest, text);
            }
            Content::Config { digest, file } => {
                self.fetched.insert(digest.clone(), 0);
                if let Some((descriptor, manifest)) = &self.manifest {
                    self.image = put_together(&descriptor.digest, manifest, (**file).clone()).ok();
                }
            }
            Content::Layer { digest, bytes } => drop(self.fetched.insert(digest.clone(), *bytes)),
        }
        self.last = Some(answered.clone());
    }
}

/// `https://a:1/hub/v2/` → `https://a:1/hub`
fn base_of(url: &str) -> Option<String> {
    url.strip_suffix("/v2/").map(str::to_string)
}
