//! Restart policies: what the monitor does when a container has ended and is to go on, and how somebody's wish that it end is kept.

use super::origin::{self, need, planned};
use super::{Context, Planned, lifecycle};
use crate::cli::RestartPolicy;
use crate::model::{Container, Status};
use crate::step::{ClientStep, Phase, Step, StoreStep};

/// Before a signal that is meant to end it: else its policy would start it again. Nothing where no policy would.
pub(super) fn asked_to_end(container: &Container) -> Vec<Planned> {
    if container.host.restart == RestartPolicy::No {
        return Vec::new();
    }
    let step = StoreStep::RecordStopAsked { id: container.id.clone() };
    vec![planned(Step::Store(step), need("SendSignal", "Its restart policy is not to start again what somebody has ended."))]
}

/// At the end of a clean-up: the wait, and the start that follows if nobody has changed her mind.
pub(super) fn phase(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    if container.host.restart == RestartPolicy::No {
        return Vec::new();
    }
    let cause = origin::flag_or(context, container, "restart", || origin::command(context));
    vec![planned(Step::Phase(Phase::RestartIfWanted { id: container.id.clone() }), cause)]
}

/// Nothing, if it has ended for good.
pub(super) fn restart_if_wanted(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    if container.state.status != Status::Restarting {
        return Vec::new();
    }
    let id = || container.id.clone();
    let wait = ClientStep::AwaitRestart { id: id(), delay_ns: container.state.restart_delay_ns };
    let backoff = origin::docker_default(
        "The first wait is 100 ms, and each further one is twice as long, up to a minute.",
        "engine/containers/start-containers-automatically/",
    );
    let cause = origin::flag_or(context, container, "restart", || origin::command(context));
    vec![planned(Step::Client(wait), backoff), planned(Step::Phase(Phase::StartAgain { id: id() }), cause)]
}

/// The start, or the end for good if somebody stopped it during the wait.
pub(super) fn start_again(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    if container.state.status != Status::Restarting {
        return Vec::new();
    }
    if container.state.stop_asked {
        let step = StoreStep::RecordRestartCancelled { id: container.id.clone() };
        return vec![planned(Step::Store(step), need("AwaitRestart", "Somebody has stopped it while it waited."))];
    }
    let cause = origin::flag_or(context, container, "restart", || origin::command(context));
    vec![planned(Step::Phase(Phase::StartContainer { id: container.id.clone() }), cause)]
}

/// What a monitor does next, once it is through: the same again for a container that it has started again.
pub fn monitor_again(id: &crate::model::ContainerId, context: &Context<'_>) -> Vec<Planned> {
    let runs = |container: &&Container| container.state.status == Status::Running;
    context.state.containers.get(id).filter(runs).map_or_else(Vec::new, |container| lifecycle::monitor(container, context))
}
