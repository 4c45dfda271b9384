//! What looks at containers while they run, and changes nothing: `top`.

use super::lifecycle::find;
use super::origin::{self, planned};
use super::{CommandError, Context, Planned};
use crate::model::{Container, Status};
use crate::step::{ClientStep, Step};
use crate::view::top::{self, Refusal};

/// Docker's refusal of a container that has no process to look at.
fn check_runs(container: &Container) -> Result<(), String> {
    let id = &container.id;
    match container.state.status {
        Status::Running | Status::Paused => Ok(()),
        Status::Restarting => {
            Err(format!("Error response from daemon: Container {id} is restarting, wait until the container is running\n"))
        }
        Status::Created | Status::Exited => Err(format!("Error response from daemon: container {id} is not running\n")),
    }
}

/// `top`: as dockerd does, the options are judged before the container is looked for, but for those that ps judges.
pub(super) fn top(word: &str, options: &[String], context: &Context<'_>) -> Result<Planned, CommandError> {
    let refuse = |message: String, at: &str| CommandError { message, exit_code: 1, span: context.invocation.words.positional(at) };
    let container = find(word, context).map_err(|message| refuse(message, "CONTAINER"))?;
    check_runs(container).map_err(|message| refuse(message, "CONTAINER"))?;
    top::parse(options).map_err(|refusal| match refusal {
        Refusal::Daemon(what) => refuse(format!("Error response from daemon: {what}\n"), "ps"),
        Refusal::NotHere(what) => refuse(format!("glassbox: top: {what}\n"), "ps"),
    })?;
    let step = ClientStep::ShowProcesses { id: container.id.clone(), options: options.to_vec() };
    Ok(planned(Step::Client(step), origin::positional(context, "CONTAINER")))
}
