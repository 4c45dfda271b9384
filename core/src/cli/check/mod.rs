//! What Docker's client checks after the flags are read and before it asks a daemon, in its order.

mod container;
mod network;
mod platform;

use super::UsageError;
use super::error;
use super::front::{Call, Target};
use crate::copying::split_argument;
use crate::reference::Reference;

/// Refuses what the client refuses.
pub(crate) fn accepts(target: &Target<'_>) -> Result<(), UsageError> {
    let Target::Command(call) = target else {
        return Ok(());
    };
    match call.row.key {
        "run" | "create" => container::accepts(call),
        "start" => start(call),
        "exec" | "stop" | "kill" | "wait" | "logs" | "restart" => named(call, "invalid container name or ID: value is empty"),
        "rm" => named(call, "container name cannot be empty"),
        "inspect" => inspect(call),
        "cp" => copy(call),
        "pull" | "push" => name(call, 0, ""),
        "tag" => name(call, 0, "Error parsing reference: ").and_then(|()| name(call, 1, "Error parsing reference: ")),
        "commit" if call.arguments.get(1).is_some_and(|word| !word.text.is_empty()) => name(call, 1, ""),
        _ => Ok(()),
    }
}

/// The only container has a name; among several, an empty one is for the execution to report.
fn named(call: &Call<'_>, refusal: &str) -> Result<(), UsageError> {
    let only = call.row.key == "exec" || call.arguments.len() == 1;
    match call.arguments.first().filter(|word| only && word.text.is_empty()) {
        Some(word) => Err(error::bare(refusal, Some(word.span))),
        None => Ok(()),
    }
}

fn start(call: &Call<'_>) -> Result<(), UsageError> {
    let checkpoint = call.flag("checkpoint").filter(|flag| !flag.value.is_empty());
    let attached = ["attach", "interactive"].into_iter().filter(|name| call.is_on(name)).find_map(|name| call.flag(name));
    let many = call.arguments.len() > 1;
    match (attached, checkpoint) {
        (Some(flag), _) if many => Err(error::bare("you cannot start and attach multiple containers at once", Some(flag.span))),
        (None, Some(flag)) if many => Err(error::bare("you cannot restore multiple containers at once", Some(flag.span))),
        (None, None) => named(call, "invalid container name or ID: value is empty\nError: failed to start containers: "),
        _ => named(call, "invalid container name or ID: value is empty"),
    }
}

/// One end is in a container, the other is not.
fn copy(call: &Call<'_>) -> Result<(), UsageError> {
    let word = |at: usize| call.arguments.get(at).map_or("", |word| word.text.as_str());
    let span = |at: usize| call.arguments.get(at).map(|word| word.span);
    let container = |at: usize| split_argument(word(at)).0.is_some();
    match (word(0), word(1)) {
        ("", _) => Err(error::bare("source can not be empty", span(0))),
        (_, "") => Err(error::bare("destination can not be empty", span(1))),
        _ if container(0) && container(1) => Err(error::bare("copying between containers is not supported", span(1))),
        _ if !container(0) && !container(1) => Err(error::bare("must specify at least one container source", span(0))),
        _ => Ok(()),
    }
}

const TYPES: &[&str] = &["config", "container", "image", "network", "node", "plugin", "secret", "service", "task", "volume"];

fn inspect(call: &Call<'_>) -> Result<(), UsageError> {
    let Some(flag) = call.flag("type").filter(|flag| !TYPES.contains(&flag.value.as_str())) else {
        return Ok(());
    };
    let known = TYPES.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let what =
        if flag.value.is_empty() { "type is empty".to_string() } else { format!("unknown type: {}", error::quote(&flag.value)) };
    Err(error::bare(&format!("{what}: must be one of {known}"), Some(flag.span)))
}

/// The argument at `at`, if it is there, is an image's name.
fn name(call: &Call<'_>, at: usize, lead: &str) -> Result<(), UsageError> {
    let Some((word, reason)) =
        call.arguments.get(at).and_then(|word| Reference::parse(&word.text).err().map(|reason| (word, reason)))
    else {
        return Ok(());
    };
    let message = match lead {
        "" => error::echo(&reason.to_string()),
        _ => format!("{lead}{} is not a valid repository/tag: {}", error::quote(&word.text), error::echo(&reason.to_string())),
    };
    Err(error::bare(&message, Some(word.span)))
}
