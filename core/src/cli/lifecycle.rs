//! `RestartPolicy` and `Healthcheck`: what `--restart` and `--health-…` say, in Docker's words and numbers.

use serde::{Deserialize, Serialize};

/// When a container that has ended is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartPolicy {
    /// `no`: never.
    #[default]
    No,
    /// `always`: until somebody stops it.
    Always,
    /// `unless-stopped`: as `always`. (They differ where a daemon starts again, and Glassbox has none.)
    UnlessStopped,
    /// `on-failure[:N]`: when its exit code is not 0, at most so often; 0: without end.
    OnFailure {
        /// The most starts again.
        #[serde(default)]
        retries_max: u32,
    },
}

/// How one finds out whether a container is well: Docker's HealthConfig. 0: Docker's default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Healthcheck {
    /// `CMD-SHELL` and a line for the shell, `CMD` and words, or `NONE`; empty: what the image says.
    pub test: Vec<String>,
    /// Between two probes, nanoseconds.
    pub interval_ns: u64,
    /// The longest that one may take.
    pub timeout_ns: u64,
    /// While it starts failures do not count, for so long.
    pub start_period_ns: u64,
    /// Between two probes while it starts.
    pub start_interval_ns: u64,
    /// Failures in a row that make it unhealthy.
    pub retries: u32,
}

impl Healthcheck {
    /// dockerd's refusal of times that are too short.
    pub(super) fn refusal(&self) -> Option<String> {
        const LEAST_NS: u64 = 1_000_000;
        let times = [
            ("Interval", self.interval_ns),
            ("Timeout", self.timeout_ns),
            ("StartPeriod", self.start_period_ns),
            ("StartInterval", self.start_interval_ns),
        ];
        let short = times.into_iter().find(|(_, time)| (1..LEAST_NS).contains(time));
        short.map(|(name, _)| format!("{name} in Healthcheck cannot be less than 1ms"))
    }
}

impl RestartPolicy {
    /// Docker's word.
    pub fn name(self) -> &'static str {
        match self {
            RestartPolicy::No => "no",
            RestartPolicy::Always => "always",
            RestartPolicy::UnlessStopped => "unless-stopped",
            RestartPolicy::OnFailure { .. } => "on-failure",
        }
    }

    /// What `inspect` shows as MaximumRetryCount.
    pub fn retries_max(self) -> u32 {
        match self {
            RestartPolicy::OnFailure { retries_max } => retries_max,
            _ => 0,
        }
    }

    /// From the flag's value, which Docker's client has taken; else the daemon's refusal.
    pub(super) fn parse(value: &str) -> Result<RestartPolicy, String> {
        let (name, count) = value.split_once(':').unwrap_or((value, ""));
        let count = if count.is_empty() { 0 } else { super::values::int_of(count, 10).unwrap_or_default() };
        let policy = match name {
            "" => return Ok(RestartPolicy::No),
            "no" => RestartPolicy::No,
            "always" => RestartPolicy::Always,
            "unless-stopped" => RestartPolicy::UnlessStopped,
            "on-failure" if count < 0 => {
                return Err("invalid restart policy: maximum retry count cannot be negative".into());
            }
            "on-failure" => return Ok(RestartPolicy::OnFailure { retries_max: u32::try_from(count).unwrap_or(u32::MAX) }),
            other => {
                let known = "'no', 'always', 'on-failure', or 'unless-stopped'";
                return Err(format!("invalid restart policy: unknown policy '{other}'; use one of {known}"));
            }
        };
        let only = "invalid restart policy: maximum retry count can only be used with 'on-failure'";
        match count {
            0 => Ok(policy),
            1.. => Err(only.into()),
            _ => Err(format!("{only} and cannot be negative")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_as_dockerd_reads_them() {
        assert_eq!(RestartPolicy::parse("on-failure"), Ok(RestartPolicy::OnFailure { retries_max: 0 }));
        assert_eq!(RestartPolicy::parse("on-failure:3"), Ok(RestartPolicy::OnFailure { retries_max: 3 }));
        assert_eq!(RestartPolicy::parse("always"), Ok(RestartPolicy::Always));
        assert_eq!(RestartPolicy::parse("unless-stopped:0"), Ok(RestartPolicy::UnlessStopped));
        assert_eq!(RestartPolicy::parse(""), Ok(RestartPolicy::No));
        let refusal = |value: &str| RestartPolicy::parse(value).unwrap_err();
        assert_eq!(refusal("always:2"), "invalid restart policy: maximum retry count can only be used with 'on-failure'");
        let negative = "invalid restart policy: maximum retry count can only be used with 'on-failure' and cannot be negative";
        assert_eq!(refusal("no:-1"), negative);
        assert_eq!(refusal("on-failure:-1"), "invalid restart policy: maximum retry count cannot be negative");
        let unknown =
            "invalid restart policy: unknown policy 'never'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'";
        assert_eq!(refusal("never"), unknown);
    }
}
