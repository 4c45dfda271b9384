//! attach: the caller's terminal, connected to a container that runs already.

use super::lifecycle::find;
use super::origin::{self, planned};
use super::{CommandError, Context, Planned};
use crate::cli::DetachKeys;
use crate::model::Status;
use crate::step::{ClientStep, Step};

pub(super) fn attach(word: &str, keys: &str, context: &Context<'_>) -> Result<Vec<Planned>, CommandError> {
    let span = context.invocation.words.positional("CONTAINER");
    let refuse = |message: String| CommandError { message, exit_code: 1, span };
    let container = find(word, context).map_err(refuse)?;
    let not_now = match container.state.status {
        Status::Running => None,
        Status::Paused => Some("cannot attach to a paused container, unpause it first"),
        Status::Restarting => Some("cannot attach to a restarting container, wait until it is running"),
        Status::Created | Status::Exited => Some("cannot attach to a stopped container, start it first"),
    };
    if let Some(why) = not_now {
        return Err(refuse(format!("{why}\n")));
    }
    check_keys(keys, context)?;
    let step = ClientStep::AttachStreams { id: container.id.clone() };
    Ok(vec![planned(Step::Client(step), origin::positional(context, "CONTAINER"))])
}

/// dockerd's refusal of keys that are none.
pub(super) fn check_keys(keys: &str, context: &Context<'_>) -> Result<(), CommandError> {
    if DetachKeys::parse(keys).is_some() {
        return Ok(());
    }
    let what = format!("Error response from daemon: Invalid detach keys ({keys}) provided\n");
    let hint = "glassbox: name keys by commas: letters, or ctrl- and a letter, as in: --detach-keys ctrl-x,x\n";
    let span = context.invocation.words.flag("detach-keys").map(|flag| flag.span);
    Err(CommandError { message: format!("{what}{hint}"), exit_code: 1, span })
}
