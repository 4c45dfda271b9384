//! pause and unpause: the freezer of a container's cgroup, and what its record says of it.

use super::origin::{self, need, planned};
use super::{Cause, Context, Plan, Planned, lifecycle};
use crate::host::{CgroupVersion, Controller};
use crate::model::{Container, Status};
use crate::step::{CgroupStep, Step, StoreStep};

/// A process that waits for a disk comes to a halt when the disk has answered.
const PATIENCE_NS: u64 = 2_000_000_000;

/// The file by which its processes are frozen; `None`: it has no cgroup that can.
fn freezer(container: &Container, context: &Context<'_>) -> Option<String> {
    let cgroups = &container.host.cgroups;
    if context.host.cgroup.version == CgroupVersion::V2 {
        return cgroups.first().map(|(directory, _)| format!("{directory}/cgroup.freeze"));
    }
    let found = cgroups.iter().find(|(_, controllers)| controllers.contains(&Controller::Freezer));
    found.map(|(directory, _)| format!("{directory}/freezer.state"))
}

fn set(file: String, frozen: bool, cause: Cause) -> Planned {
    planned(Step::Cgroup(CgroupStep::SetFreezer { file, frozen, patience_ns: PATIENCE_NS }), cause)
}

fn record(container: &Container, paused: bool) -> Planned {
    let step = StoreStep::RecordPause { id: container.id.clone(), paused };
    planned(Step::Store(step), need("SetFreezer", "ps, exec and start are to know that its processes stand still."))
}

pub(super) fn pause(words: &[String], context: &Context<'_>, plan: &mut Plan) {
    lifecycle::for_each(words, context, plan, |container, word, _| {
        let id = &container.id;
        match container.state.status {
            Status::Running => {}
            Status::Paused => return Err(format!("Error response from daemon: Container {id} is already paused\n")),
            Status::Restarting => {
                let what = format!("Container {id} is restarting, wait until the container is running");
                return Err(format!("Error response from daemon: {what}\n"));
            }
            Status::Created | Status::Exited => return Err(format!("Error response from daemon: container {id} is not running\n")),
        }
        let Some(file) = freezer(container, context) else {
            return Err(format!(
                "Error response from daemon: cannot pause container {id}: no freezer cgroup\n\
                 glassbox: only a cgroup can freeze processes, and this user has none; run as root, or have systemd delegate one\n"
            ));
        };
        let cause = origin::positional(context, "CONTAINER");
        Ok(vec![set(file, true, cause), record(container, true), lifecycle::echo(word, context)])
    });
}

pub(super) fn unpause(words: &[String], context: &Context<'_>, plan: &mut Plan) {
    lifecycle::for_each(words, context, plan, |container, word, _| {
        if container.state.status != Status::Paused {
            return Err(format!("Error response from daemon: Container {} is not paused\n", container.id));
        }
        let mut steps = thaw(container, origin::positional(context, "CONTAINER"), context);
        steps.push(lifecycle::echo(word, context));
        Ok(steps)
    });
}

/// What freezes a container for a while, and lets it go on: nothing where it does not run, or no cgroup can freeze it.
pub(super) fn meanwhile(container: &Container, context: &Context<'_>) -> (Vec<Planned>, Vec<Planned>) {
    let file = freezer(container, context).filter(|_| container.state.status == Status::Running);
    let Some(file) = file else { return Default::default() };
    let why = "What a program writes meanwhile would be half in the layer.";
    let (freeze, thaw) = (set(file.clone(), true, need("PackLayer", why)), set(file, false, need("PackLayer", why)));
    (vec![freeze, record(container, true)], vec![record(container, false), thaw])
}

/// A paused container goes on; of another one, nothing. Its record comes first: it may end as soon as it can.
pub(super) fn thaw(container: &Container, cause: Cause, context: &Context<'_>) -> Vec<Planned> {
    let file = freezer(container, context).filter(|_| container.state.status == Status::Paused);
    file.map_or_else(Vec::new, |file| vec![record(container, false), set(file, false, cause)])
}
