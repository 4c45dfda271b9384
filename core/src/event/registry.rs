//! What became known of a registry: its answers, the caller's login, and what is ready to be sent.

use serde::{Deserialize, Serialize};

use crate::model::Account;
use crate::oci::image::{Descriptor, Manifest};
use crate::registry::{Answered, Settings, WantedImage};

/// A fact about a registry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RegistryEvent {
    /// It was read how registries are reached.
    SettingsRead {
        /// In this file; `None`: nobody says anything.
        file: Option<String>,
        /// So.
        settings: Settings,
    },
    /// It was looked up who the caller is to it: what is asked of it from now on is about this image.
    LoginLookedUp {
        /// What is to be fetched, if that is what it is for.
        wanted: Option<WantedImage>,
        /// The mirror that is asked for it; `None`: the registry itself.
        #[serde(default)]
        mirror: Option<String>,
        /// Under which name the login is kept.
        server: String,
        /// Who; `None`: nobody in particular.
        login: Option<Account>,
    },
    /// It has answered.
    Answered(Answered),
    /// Whose password was given.
    PasswordTaken {
        /// The name.
        login: Account,
    },
    /// A login is kept.
    LoginKept {
        /// Under which name.
        server: String,
        /// The file that says so.
        config: String,
    },
    /// No login is kept any more.
    LoginDropped {
        /// Under which name it was.
        server: String,
    },
    /// The manifest of an image was read in the store.
    ManifestRead {
        /// Which.
        manifest: Descriptor,
        /// Its bytes, which are text.
        text: String,
    },
    /// A layer is there in compressed form.
    LayerCompressed {
        /// Which.
        diff_id: String,
        /// The blob.
        blob: Descriptor,
        /// It was not there before.
        fresh: bool,
    },
}

impl RegistryEvent {
    /// A configuration holds times, and a time is written without the zeros at its end: how long it is differs from run to run.
    pub(super) fn normalise(&mut self) {
        let RegistryEvent::ManifestRead { manifest, text } = self else { return };
        let Ok(mut read) = Manifest::read(text.as_bytes(), &manifest.digest) else { return };
        read.config.size = 0;
        *text = String::from_utf8_lossy(&read.written()).into_owned();
    }
}
