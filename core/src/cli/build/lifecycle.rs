//! The flags on what becomes of a container while nobody looks (`--restart`), and how one looks: `attach`.

use super::Call;
use crate::cli::error;
use crate::cli::front;
use crate::cli::lifecycle::{Healthcheck, RestartPolicy};
use crate::cli::values;
use crate::cli::{Command, FlagUse, UsageError};

/// `--restart`; the refusals are the daemon's.
pub(super) fn restart(call: &Call<'_>) -> Result<Option<RestartPolicy>, UsageError> {
    let Some(flag) = call.flag("restart") else { return Ok(None) };
    RestartPolicy::parse(&flag.value).map(Some).map_err(|reason| daemons(call, flag, &reason))
}

/// A refusal of the daemon's.
fn daemons(call: &Call<'_>, flag: &FlagUse, reason: &str) -> UsageError {
    let reason = format!("Error response from daemon: {}", error::echo(reason));
    match call.row.key {
        "run" => call.frame().value(&reason, Some(flag.span)),
        _ => error::bare(&reason, Some(flag.span)),
    }
}

/// `--health-cmd` and its companions; `None`: none of them was given.
pub(super) fn healthcheck(call: &Call<'_>) -> Result<Option<Healthcheck>, UsageError> {
    if call.is_on("no-healthcheck") {
        return Ok(Some(Healthcheck { test: vec!["NONE".into()], ..Healthcheck::default() }));
    }
    let time = |name: &str| call.flag(name).map_or(0, |flag| values::number::duration_ns(&flag.value));
    let line = call.flag("health-cmd").map(|flag| flag.value.clone()).filter(|line| !line.is_empty());
    let retries = super::number(call, "health-retries")?.unwrap_or_default();
    let check = Healthcheck {
        test: line.map_or_else(Vec::new, |line| vec!["CMD-SHELL".into(), line]),
        interval_ns: time("health-interval"),
        timeout_ns: time("health-timeout"),
        start_period_ns: time("health-start-period"),
        start_interval_ns: time("health-start-interval"),
        retries: u32::try_from(retries).unwrap_or_default(),
    };
    let flag = call.flags.iter().find(|flag| flag.name.starts_with("health-"));
    match (check.refusal(), flag) {
        (Some(reason), Some(flag)) => Err(daemons(call, flag, &reason)),
        _ => Ok(Some(check).filter(|check| *check != Healthcheck::default())),
    }
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
