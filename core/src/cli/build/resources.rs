//! The flags on resources, of `run`, `create` and `update`.

use super::{Call, block_io, bytes, number, refused};
use crate::cli::UsageError;
use crate::cli::error;
use crate::cli::resources::Resources;
use crate::cli::table;
use crate::cli::values;

pub(super) fn resources(call: &Call<'_>) -> Result<Resources, UsageError> {
    let text = |name: &str| call.flag(name).map(|flag| flag.value.clone()).unwrap_or_default();
    let swappiness = number(call, "memory-swappiness")?.filter(|value| *value != -1);
    Ok(Resources {
        memory_bytes_max: bytes(call, "memory")?,
        memory_swap_bytes_max: swap_bytes(call)?,
        memory_reservation_bytes: bytes(call, "memory-reservation")?,
        memory_swappiness: swappiness.map(|value| at_least_zero(call, "memory-swappiness", value)).transpose()?,
        nano_cpus: nano_cpus(call)?,
        cpu_period_us: natural(call, "cpu-period")?,
        cpu_quota_us: number(call, "cpu-quota")?.unwrap_or_default(),
        cpu_rt_period_us: number(call, "cpu-rt-period")?.unwrap_or_default(),
        cpu_rt_runtime_us: number(call, "cpu-rt-runtime")?.unwrap_or_default(),
        cpu_shares: natural(call, "cpu-shares")?,
        cpuset_cpus: text("cpuset-cpus"),
        cpuset_mems: text("cpuset-mems"),
        pids_max: number(call, "pids-limit")?,
        oom_kill_disable: call.is_on("oom-kill-disable"),
        block_io: block_io::block_io(call)?,
    })
}

/// Of `update`: at least one of them.
pub(super) fn changed(call: &Call<'_>) -> Result<Resources, UsageError> {
    if call.flags.iter().all(|flag| table::flag("update", &flag.name).is_none()) {
        return Err(error::bare("you must provide one or more flags when using this command", None));
    }
    resources(call)
}

/// -1 is no limit, which `values::bytes` does not know.
fn swap_bytes(call: &Call<'_>) -> Result<i64, UsageError> {
    let Some(flag) = call.flag("memory-swap") else { return Ok(0) };
    if flag.value == "-1" {
        return Ok(-1);
    }
    values::bytes(&flag.value).map_err(|reason| refused(call, flag, &reason))
}

fn natural(call: &Call<'_>, name: &str) -> Result<u64, UsageError> {
    let value = number(call, name)?.unwrap_or_default();
    at_least_zero(call, name, value)
}

/// Docker's client takes a negative number here, and its daemon refuses it or writes it where the kernel does.
fn at_least_zero(call: &Call<'_>, name: &str, value: i64) -> Result<u64, UsageError> {
    if value < 0
        && let ("cpu-shares", Some(flag)) = (name, call.flag(name))
    {
        let what = format!("invalid CPU shares ({value}): value must be a positive integer");
        return Err(super::namespaces::daemon(call, &what, Some(flag)));
    }
    u64::try_from(value).map_err(|_| UsageError {
        message: format!("glassbox: --{name} cannot be negative: give a number such as {}, or leave the flag out", example(name)),
        exit_code: error::EXIT_FLAG,
        span: call.flag(name).map(|flag| flag.span),
    })
}

fn example(name: &str) -> &'static str {
    match name {
        "cpu-period" => "100000",
        "cpu-shares" => "512",
        "memory-swappiness" => "60",
        _ => "1",
    }
}

/// Docker's client takes a negative number, and its daemon refuses it as out of range.
fn nano_cpus(call: &Call<'_>) -> Result<u64, UsageError> {
    let Some(flag) = call.flag("cpus") else { return Ok(0) };
    let billionths = values::nano_cpus(&flag.value).map_err(|reason| refused(call, flag, &reason))?;
    // As if there were too many: dockerd has one answer for both.
    Ok(u64::try_from(billionths).unwrap_or(u64::MAX))
}
