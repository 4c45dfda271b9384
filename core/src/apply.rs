//! `apply`: the only place where an event changes the state.

mod build;
mod images;
mod network;
mod registry;

use crate::event::{Event, ImageEvent};
use crate::model::{Container, ContainerId, Ending, PackedLayer, State, Status, health, restart};

/// Changes `state` as `event` says. An event about something that is not there changes nothing.
pub fn apply(state: &mut State, event: &Event) {
    match event {
        Event::LayerExtracted { diff_id, .. } => {
            images::set_extracted(state, diff_id, true);
            build::set_extracted(state, diff_id, true);
        }
        Event::Build(event) => build::apply(state, event),
        Event::Registry(event) => registry::apply(state, event),
        Event::Network(event) => network::apply(state, event),
        Event::EndpointRecorded { id, network, endpoint } => network::endpoint_recorded(state, id, network, endpoint),
        Event::Image(ImageEvent::Tagged { name, id }) => images::tagged(state, name, id),
        Event::Image(ImageEvent::Untagged { name }) => images::untagged(state, name),
        Event::Image(ImageEvent::Forgotten { manifest }) => images::forgotten(state, manifest),
        Event::Image(ImageEvent::Recorded { image }) => images::recorded(state, image),
        Event::Image(ImageEvent::LayerRemoved { diff_id }) => {
            images::set_extracted(state, diff_id, false);
            build::set_extracted(state, diff_id, false);
        }
        Event::Image(ImageEvent::LayerPacked { upper, layer, whole }) => {
            state.packed.insert_mut(upper.clone(), PackedLayer { layer: layer.as_deref().cloned(), whole: *whole });
        }
        Event::ContainerRecorded { container } => state.containers.insert_mut(container.id.clone(), (**container).clone()),
        Event::ContainerStarted { id, pid, at_ns } => change(state, id, |container| {
            if container.state.status != Status::Restarting {
                // By a person, and not by its policy.
                (container.state.restart_count, container.state.restart_delay_ns) = (0, 0);
                container.state.stop_asked = false;
            }
            container.state.status = Status::Running;
            container.state.pid = Some(*pid);
            container.state.started_ns = *at_ns;
            container.state.exit_code = 0;
            container.state.oom_killed = false;
            container.state.ending = Ending::default();
            container.state.error.clear();
            health::started(container);
        }),
        Event::ContainerPaused { id, paused } => change(state, id, |container| {
            if container.state.status.runs() {
                container.state.status = if *paused { Status::Paused } else { Status::Running };
            }
        }),
        Event::ContainerExited { id, exit_code, oom_killed, at_ns, ending } => change(state, id, |container| {
            container.state.oom_killed = *oom_killed;
            container.state.ending = (**ending).clone();
            restart::ended(container, *exit_code, *at_ns);
            health::ended(container);
            container.release_all();
        }),
        Event::HealthProbed { id, probe } => change(state, id, |container| health::probed(container, probe)),
        Event::StopAsked { id } => change(state, id, |container| container.state.stop_asked = true),
        Event::RestartCancelled { id } => change(state, id, |container| container.state.status = Status::Exited),
        Event::ContainerFailed { id, exit_code, error, .. } => change(state, id, |container| {
            if container.state.status == Status::Restarting {
                container.state.status = Status::Exited;
            }
            container.state.pid = None;
            container.state.exit_code = *exit_code;
            container.state.error = error.clone();
            container.release_all();
        }),
        Event::ContainerRemoved { id } => {
            state.containers.remove_mut(id);
        }
        Event::VolumeCreated { volume } => state.volumes.insert_mut(volume.name.clone(), (**volume).clone()),
        Event::VolumeRemoved { name } => drop(state.volumes.remove_mut(name)),
        _ => {}
    }
}

fn change(state: &mut State, id: &ContainerId, how: impl FnOnce(&mut Container)) {
    if let Some(container) = state.containers.get_mut(id) {
        how(container);
    }
}
