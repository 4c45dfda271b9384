//! The flags on what becomes of a container while nobody looks (`--restart`), and how one looks: `attach`.

use super::Call;
use crate::cli::command::{Command, UsageError};
use crate::cli::error;
use crate::cli::front;
use crate::cli::lifecycle::RestartPolicy;

/// `--restart`; the refusals are the daemon's.
pub(super) fn restart(call: &Call<'_>) -> Result<Option<RestartPolicy>, UsageError> {
    let Some(flag) = call.flag("restart") else { return Ok(None) };
    let refusal = |reason: String| {
        let reason = format!("Error response from daemon: {}", error::echo(&reason));
        match call.row.key {
            "run" => call.frame().value(&reason, Some(flag.span)),
            _ => error::bare(&reason, Some(flag.span)),
        }
    };
    RestartPolicy::parse(&flag.value).map(Some).map_err(refusal)
}

/// `--detach-keys`; what it names is for the daemon to judge.
pub(super) fn detach_keys(call: &Call<'_>) -> String {
    call.flag("detach-keys").map(|flag| flag.value.clone()).unwrap_or_default()
}

pub(super) fn attach(call: &Call<'_>, containers: Vec<String>) -> Command {
    Command::AttachContainer {
        container: containers.into_iter().next().unwrap_or_default(),
        no_stdin: call.is_on("no-stdin"),
        sig_proxy: call.flag("sig-proxy").is_none_or(front::is_on),
        detach_keys: detach_keys(call),
    }
}
