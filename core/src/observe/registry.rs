//! What requests to registries leave behind.

use super::{Heard, Look, Outcome};
use crate::errno::Errno;
use crate::event::{Event, RegistryEvent};
use crate::registry::Content;
use crate::step::RegistryStep;

impl Look<'_> {
    /// An answer is gone when it has been read: what it said the request alone could tell. A blob is there to be looked for.
    pub(super) fn registry(&self, step: &RegistryStep) -> Result<Vec<Event>, Errno> {
        if let RegistryStep::SendRequest(request) = step
            && let Some((_, _, path)) = request.purpose.blob()
            && !is_given_up(self.outcome)
            && !self.exists(path)?
        {
            return Err(Errno::ENOENT);
        }
        Ok(essential(step, self.outcome))
    }
}

/// A mirror has not given it.
fn is_given_up(outcome: &Outcome) -> bool {
    let heard = outcome.heard.as_deref();
    matches!(heard, Some(Heard::Answer(answered)) if matches!(answered.content, Content::MirrorFailed { .. }))
}

/// Without looking at anything but the outcome.
pub(super) fn essential(step: &RegistryStep, outcome: &Outcome) -> Vec<Event> {
    let event = match (step, outcome.heard.as_deref()) {
        (RegistryStep::ReadDaemonSettings { .. }, Some(Heard::Settings(file, settings))) => {
            RegistryEvent::SettingsRead { file: file.clone(), settings: settings.clone() }
        }
        (RegistryStep::FindLogin { wanted, mirror, server, .. }, heard) => {
            let login = match heard {
                Some(Heard::Login(login)) => Some(login.clone()),
                _ => None,
            };
            let (wanted, mirror, server) = (wanted.as_deref().cloned(), mirror.clone(), server.clone());
            RegistryEvent::LoginLookedUp { wanted, mirror, server, login }
        }
        (RegistryStep::SendRequest(_), Some(Heard::Answer(answered))) => RegistryEvent::Answered((**answered).clone()),
        (RegistryStep::TakePassword { .. }, Some(Heard::Login(login))) => RegistryEvent::PasswordTaken { login: login.clone() },
        (RegistryStep::KeepLogin { server, config, .. }, _) => {
            RegistryEvent::LoginKept { server: server.clone(), config: config.clone() }
        }
        (RegistryStep::DropLogin { server, .. }, _) => RegistryEvent::LoginDropped { server: server.clone() },
        (RegistryStep::ReadStoredManifest { manifest, .. }, Some(Heard::Document(text))) => {
            RegistryEvent::ManifestRead { manifest: manifest.clone(), text: text.clone() }
        }
        (RegistryStep::CompressLayer { diff_id, .. }, Some(Heard::Compressed(blob, fresh))) => {
            RegistryEvent::LayerCompressed { diff_id: diff_id.clone(), blob: blob.clone(), fresh: *fresh }
        }
        _ => return Vec::new(),
    };
    vec![Event::Registry(Box::new(event))]
}
