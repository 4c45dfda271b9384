//! What registries have answered.

use crate::event::RegistryEvent;
use crate::model::{Exchange, State};
use crate::registry::Content;

pub(super) fn apply(state: &mut State, event: &RegistryEvent) {
    match event {
        RegistryEvent::SettingsRead { settings, .. } => state.exchange.set_out(settings),
        RegistryEvent::LoginLookedUp { wanted, mirror, login, .. } => {
            let before =
                wanted.as_ref().and_then(|wanted| state.image_named(&wanted.name.familiar())).map(|image| image.id.clone());
            let next = Exchange { mirror: mirror.clone(), ..Exchange::begin(wanted.clone(), login.clone(), before) };
            state.exchange = next.after(&state.exchange);
        }
        RegistryEvent::PasswordTaken { login } => state.exchange = Exchange::begin(None, Some(login.clone()), None),
        RegistryEvent::LoginKept { .. } | RegistryEvent::LoginDropped { .. } => {}
        RegistryEvent::ManifestRead { manifest, text } => state.exchange.read(manifest, text),
        RegistryEvent::LayerCompressed { diff_id, blob, fresh } => {
            state.exchange.compressed.insert(diff_id.clone(), blob.clone());
            if *fresh {
                state.exchange.made.insert(blob.digest.clone());
            }
        }
        RegistryEvent::Answered(answered) => {
            state.exchange.take(answered);
            if let Content::Cache(cache) = &answered.content {
                state.building.imported.insert_mut(cache.number, (**cache).clone());
            }
            let config = state.exchange.manifest.as_ref().map(|(_, manifest)| manifest.config.digest.clone());
            // Of an image that is given away nothing comes in.
            let known = config
                .filter(|_| state.exchange.wanted.is_some())
                .and_then(|config| state.images.get(&config))
                .filter(|image| image.stored);
            if let Some(image) = known {
                // All of it is here by now.
                state.exchange.image = Some(image.clone());
            }
        }
    }
}
