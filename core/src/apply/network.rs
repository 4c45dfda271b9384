//! What events about networks change.

use crate::event::NetworkEvent;
use crate::model::{ContainerId, Endpoint, State};

pub(super) fn apply(state: &mut State, event: &NetworkEvent) {
    match event {
        NetworkEvent::NetworkRecorded { network } => state.networks.insert_mut(network.id.clone(), (**network).clone()),
        NetworkEvent::NetworkRemoved { id } => drop(state.networks.remove_mut(id)),
        _ => {}
    }
}

/// What a container has of a network; one that was named before it was there is known by its id from then on.
pub(super) fn endpoint_recorded(state: &mut State, id: &ContainerId, network: &str, endpoint: &Endpoint) {
    let State { containers, networks, .. } = state;
    let (Some(container), Some(network)) = (containers.get_mut(id), networks.get(network)) else { return };
    if let Some(attachment) = container.networks.iter_mut().find(|attachment| attachment.is_to(network)) {
        attachment.network_id.clone_from(&network.id);
        attachment.endpoint = Some(endpoint.clone());
    }
}
