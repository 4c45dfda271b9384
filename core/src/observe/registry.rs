//! What requests to registries leave behind.

use super::{Look, Outcome};
use crate::errno::Errno;
use crate::event::{Event, RegistryEvent};
use crate::step::RegistryStep;

impl Look<'_> {
    /// An answer is gone when it has been read: what it said the request alone could tell. A blob is there to be looked for.
    pub(super) fn registry(&self, step: &RegistryStep) -> Result<Vec<Event>, Errno> {
        if let RegistryStep::SendRequest(request) = step
            && let Some((_, _, path)) = request.purpose.blob()
            && !self.exists(path)?
        {
            return Err(Errno::ENOENT);
        }
        Ok(essential(step, self.outcome))
    }
}

/// Without looking at anything but the outcome.
pub(super) fn essential(step: &RegistryStep, outcome: &Outcome) -> Vec<Event> {
    let event = match step {
        RegistryStep::FindLogin { wanted, server, .. } => Some(RegistryEvent::LoginLookedUp {
            wanted: (**wanted).clone(),
            server: server.clone(),
            login: outcome.login.as_deref().cloned(),
        }),
        RegistryStep::SendRequest(_) => outcome.answered.as_ref().map(|answered| RegistryEvent::Answered((**answered).clone())),
    };
    event.into_iter().map(|event| Event::Registry(Box::new(event))).collect()
}
