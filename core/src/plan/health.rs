//! Health checks: a wait, a further process in the container, and what its exit code says. Beside the monitor, as long as it runs.

use super::origin::{self, docker_default, need, planned};
use super::{Context, Planned};
use crate::cli::ExecProcess;
use crate::model::{Container, ContainerId, Status, health};
use crate::step::{ClientStep, Phase, Step, StoreStep};

/// What goes on beside a container that has a health check and runs: the next probe. Asked again after each.
pub fn probe_again(id: &ContainerId, context: &Context<'_>) -> Vec<Planned> {
    let container = context.state.containers.get(id).filter(|container| container.state.status.has_process());
    let Some(container) = container.filter(|container| health::check(container).is_some()) else { return Vec::new() };
    let cause = origin::flag_or(context, container, "health-cmd", || origin::command(context));
    vec![planned(Step::Phase(Phase::CheckHealth { id: id.clone() }), cause)]
}

/// The wait and the probe.
pub(super) fn check_health(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let Some(check) = health::check(container) else { return Vec::new() };
    let id = || container.id.clone();
    let default = || docker_default("A container is looked at every 30 seconds.", "reference/dockerfile/#healthcheck");
    let interval = origin::flag_or(context, container, "health-interval", default);
    let wait = ClientStep::AwaitProbe { id: id(), delay_ns: health::delay_ns(container, check) };
    let probe = origin::flag_or(context, container, "health-cmd", || origin::command(context));
    vec![planned(Step::Client(wait), interval), planned(Step::Phase(Phase::RunProbe { id: id() }), probe)]
}

/// The process, its end, the record.
pub(super) fn run_probe(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let Some(check) = health::check(container).filter(|_| container.state.status == Status::Running) else { return Vec::new() };
    let id = || container.id.clone();
    let exec = ExecProcess { container: container.id.0.clone(), argv: health::argv(check), ..ExecProcess::default() };
    let cause = || origin::flag_or(context, container, "health-cmd", || origin::command(context));
    let default = || docker_default("A probe may take 30 seconds.", "reference/dockerfile/#healthcheck");
    let timeout = origin::flag_or(context, container, "health-timeout", default);
    let collect = ClientStep::CollectProbe { id: id(), timeout_ns: health::timeout_ns(check) };
    vec![
        planned(Step::Phase(Phase::ExecInContainer { id: id(), exec: Box::new(exec) }), cause()),
        planned(Step::Client(collect), timeout),
        record(&container.id),
    ]
}

/// Also of a probe that could not be started.
pub fn record(id: &ContainerId) -> Planned {
    let step = StoreStep::RecordProbe { id: id.clone() };
    planned(Step::Store(step), need("CheckHealth", "ps, inspect and whoever waits for it are to know how it is."))
}
