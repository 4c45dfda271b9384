//! What Docker's client checks after the flags are read and before it asks a daemon, in its order.

mod container;
mod network;
mod platform;

use super::command::UsageError;
use super::error;
use super::front::{Call, Target};
use crate::reference::Reference;

/// Refuses what the client refuses.
pub(crate) fn accepts(target: &Target<'_>) -> Result<(), UsageError> {
    let Target::Command(call) = target else {
        return Ok(());
    };
    match call.row.key {
        "run" | "create" => container::accepts(call),
        "start" => named(call, "invalid container name or ID: value is empty").and_then(|()| start(call)),
        "exec" | "stop" | "kill" | "wait" | "logs" | "restart" => named(call, "invalid container name or ID: value is empty"),
        "rm" => named(call, "container name cannot be empty"),
        "inspect" => inspect(call),
        "pull" | "push" => name(call, 0, ""),
        "tag" => name(call, 0, "Error parsing reference: ").and_then(|()| name(call, 1, "Error parsing reference: ")),
        "commit" if call.arguments.get(1).is_some_and(|word| !word.text.is_empty()) => name(call, 1, ""),
        _ => Ok(()),
    }
}

/// The first container has a name.
fn named(call: &Call<'_>, refusal: &str) -> Result<(), UsageError> {
    match call.arguments.first().filter(|word| word.text.is_empty()) {
        Some(word) => Err(error::bare(refusal, Some(word.span))),
        None => Ok(()),
    }
}

fn start(call: &Call<'_>) -> Result<(), UsageError> {
    let attached = ["attach", "interactive"].into_iter().filter(|name| call.is_on(name)).find_map(|name| call.flag(name));
    match attached {
        Some(flag) if call.arguments.len() > 1 => {
            Err(error::bare("you cannot start and attach multiple containers at once", Some(flag.span)))
        }
        _ => Ok(()),
    }
}

const TYPES: &[&str] = &["config", "container", "image", "network", "node", "plugin", "secret", "service", "task", "volume"];

fn inspect(call: &Call<'_>) -> Result<(), UsageError> {
    match call.flag("type").filter(|flag| !flag.value.is_empty() && !TYPES.contains(&flag.value.as_str())) {
        Some(flag) => {
            let known = TYPES.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
            let message = format!("unknown type: {}: must be one of {known}", error::quote(&flag.value));
            Err(error::bare(&message, Some(flag.span)))
        }
        None => Ok(()),
    }
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
