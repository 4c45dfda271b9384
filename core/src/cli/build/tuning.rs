//! The flags on limits of each process, kernel settings and groups, of `run` and `create`.

use super::{Call, bytes, number};
use crate::cli::UsageError;
use crate::cli::tuning::{Tuning, Ulimit};
use crate::cli::values;

pub(super) fn tuning(call: &Call<'_>) -> Result<Tuning, UsageError> {
    let pair = |value: &String| value.split_once('=').map(|(name, value)| (name.to_string(), value.to_string()));
    Ok(Tuning {
        sysctls: call.values("sysctl").iter().filter_map(pair).collect(),
        ulimits: call.values("ulimit").iter().filter_map(|value| ulimit(value)).collect(),
        shm_bytes: bytes(call, "shm-size")?,
        oom_score_adj: number(call, "oom-score-adj")?.unwrap_or_default(),
        group_add: call.values("group-add"),
        cgroup_parent: call.flag("cgroup-parent").map(|flag| flag.value.clone()).unwrap_or_default(),
    })
}

/// The check of its kind has come before: `NAME=SOFT[:HARD]`.
fn ulimit(value: &str) -> Option<(String, Ulimit)> {
    let (name, limits) = value.split_once('=')?;
    let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
    let (soft, hard) = (values::int_of(soft, 10).ok()?, values::int_of(hard, 10).ok()?);
    Some((name.to_string(), Ulimit { soft, hard }))
}
