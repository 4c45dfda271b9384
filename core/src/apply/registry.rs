//! What registries have answered.

use crate::event::RegistryEvent;
use crate::model::{Exchange, State};

pub(super) fn apply(state: &mut State, event: &RegistryEvent) {
    match event {
        RegistryEvent::LoginLookedUp { wanted, login, .. } => {
            let before = state.image_named(&wanted.name.familiar()).map(|image| image.id.clone());
            state.exchange = Exchange::begin(wanted.clone(), login.clone(), before);
        }
        RegistryEvent::Answered(answered) => {
            state.exchange.take(answered);
            let config = state.exchange.manifest.as_ref().map(|(_, manifest)| manifest.config.digest.clone());
            let known = config.and_then(|config| state.images.get(&config)).filter(|image| image.stored);
            if let Some(image) = known {
                // All of it is here by now.
                state.exchange.image = Some(image.clone());
            }
        }
    }
}
