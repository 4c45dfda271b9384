//! What Docker's client checks after the flags are read and before it asks a daemon.

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
        "run" | "create" => container(call),
        "start" => start(call),
        _ => Ok(()),
    }
}

fn container(call: &Call<'_>) -> Result<(), UsageError> {
    let frame = call.frame();
    if let Some(flag) = call.flag("pull").filter(|flag| !["always", "missing", "never", ""].contains(&flag.value.as_str())) {
        let message =
            format!("invalid pull option: '{}': must be one of \"always\", \"missing\" or \"never\"", error::echo(&flag.value));
        return Err(frame.value(&message, Some(flag.span)));
    }
    if let Some(flag) = call.flag("restart").filter(|flag| call.is_on("rm") && !["no", ""].contains(&flag.value.as_str())) {
        return Err(frame.value("conflicting options: cannot specify both --restart and --rm", Some(flag.span)));
    }
    image(call)
}

fn image(call: &Call<'_>) -> Result<(), UsageError> {
    let Some(word) = call.arguments.first() else {
        return Ok(());
    };
    match (Reference::parse_any(&word.text), call.row.key) {
        (Ok(_), _) => Ok(()),
        (Err(reason), "run") => Err(call.frame().value(&error::echo(&reason.to_string()), Some(word.span))),
        (Err(reason), _) => Err(error::bare(&error::echo(&reason.to_string()), Some(word.span))),
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
