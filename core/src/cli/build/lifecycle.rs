//! The flags on what becomes of a container while nobody looks: `--restart`.

use super::Call;
use crate::cli::command::UsageError;
use crate::cli::error;
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
