//! Health checks: what a probe's result makes of a container, by dockerd's rules.

use serde::{Deserialize, Serialize};

use super::{Container, Status};
use crate::cli::Healthcheck;

/// Results that are kept.
const LOG_MAX: usize = 5;
/// Bytes of a probe's output that are kept.
pub const OUTPUT_BYTES_MAX: usize = 4096;
/// Docker's defaults.
const INTERVAL_NS: u64 = 30_000_000_000;
const TIMEOUT_NS: u64 = 30_000_000_000;
const START_INTERVAL_NS: u64 = 5_000_000_000;
const RETRIES: u32 = 3;

/// Docker's states of health.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// No probe has succeeded yet, and not enough have failed.
    #[default]
    Starting,
    /// The last probe succeeded, or too few have failed since.
    Healthy,
    /// Too many probes have failed in a row; or nobody probes any more.
    Unhealthy,
}

impl HealthStatus {
    /// Docker's word.
    pub fn name(self) -> &'static str {
        match self {
            HealthStatus::Starting => "starting",
            HealthStatus::Healthy => "healthy",
            HealthStatus::Unhealthy => "unhealthy",
        }
    }
}

/// One probe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Nanoseconds since 1970.
    pub start_ns: u64,
    /// Nanoseconds since 1970.
    pub end_ns: u64,
    /// 0: well; -1: it took too long, or could not be started.
    pub exit_code: i32,
    /// What it wrote, or why there is nothing.
    pub output: String,
}

/// How a container is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The state.
    pub status: HealthStatus,
    /// Probes that have failed in a row.
    pub failing_streak: u32,
    /// The last few probes.
    pub log: Vec<Probe>,
}

/// The check that is carried out while it runs.
pub fn check(container: &Container) -> Option<&Healthcheck> {
    container.process.healthcheck.as_ref().filter(|check| check.test.first().is_some_and(|kind| kind != "NONE"))
}

/// The words of the probe's command.
pub fn argv(check: &Healthcheck) -> Vec<String> {
    match check.test.split_first() {
        Some((kind, rest)) if kind == "CMD-SHELL" => {
            let shell = ["/bin/sh".to_string(), "-c".to_string()];
            shell.into_iter().chain(rest.iter().cloned()).collect()
        }
        Some((_, rest)) => rest.to_vec(),
        None => Vec::new(),
    }
}

fn or(value: u64, default: u64) -> u64 {
    if value == 0 { default } else { value }
}

/// The longest that a probe may take.
pub fn timeout_ns(check: &Healthcheck) -> u64 {
    or(check.timeout_ns, TIMEOUT_NS)
}

/// The wait before the next probe.
pub fn delay_ns(container: &Container, check: &Healthcheck) -> u64 {
    let state = &container.state;
    let health = state.health.clone().unwrap_or_default();
    let now_ns = health.log.last().map_or(state.started_ns, |probe| probe.end_ns);
    let starts = now_ns.saturating_sub(state.started_ns) < check.start_period_ns && health.status == HealthStatus::Starting;
    if starts { or(check.start_interval_ns, START_INTERVAL_NS) } else { or(check.interval_ns, INTERVAL_NS) }
}

/// Docker's words for a probe that took too long.
pub fn too_long(timeout_ns: u64, written: &str) -> String {
    let time = go_duration(timeout_ns);
    if written.is_empty() {
        format!("Health check exceeded timeout ({time})")
    } else {
        format!("Health check exceeded timeout ({time}): {written}")
    }
}

/// As Go prints a time below a minute: `1.5s`, `200ms`; longer ones with minutes and hours before.
fn go_duration(ns: u64) -> String {
    let seconds = ns as f64 / 1e9;
    match ns {
        0..1_000 => format!("{ns}ns"),
        1_000..1_000_000 => format!("{}µs", ns as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{}ms", ns as f64 / 1e6),
        1_000_000_000..60_000_000_000 => format!("{seconds}s"),
        _ => {
            let (minutes, rest) = (ns / 60_000_000_000, (ns % 60_000_000_000) as f64 / 1e9);
            if minutes < 60 { format!("{minutes}m{rest}s") } else { format!("{}h{}m{rest}s", minutes / 60, minutes % 60) }
        }
    }
}

/// It has been started.
pub fn started(container: &mut Container) {
    container.state.health = check(container).map(|_| Health::default());
}

/// Nobody probes any more.
pub fn ended(container: &mut Container) {
    if let Some(health) = &mut container.state.health {
        health.status = HealthStatus::Unhealthy;
    }
}

/// A probe is over. One of a container that runs no more says nothing.
pub fn probed(container: &mut Container, probe: &Probe) {
    let started_ns = container.state.started_ns;
    let Some(check) = check(container).cloned().filter(|_| container.state.status == Status::Running) else { return };
    let Some(health) = &mut container.state.health else { return };
    if health.log.len() >= LOG_MAX {
        health.log.remove(0);
    }
    health.log.push(probe.clone());
    if probe.exit_code == 0 {
        (health.failing_streak, health.status) = (0, HealthStatus::Healthy);
        return;
    }
    let excused = health.status == HealthStatus::Starting && probe.start_ns.saturating_sub(started_ns) < check.start_period_ns;
    if !excused {
        health.failing_streak += 1;
        if health.failing_streak >= if check.retries == 0 { RETRIES } else { check.retries } {
            health.status = HealthStatus::Unhealthy;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn container(check: Healthcheck) -> Container {
        let mut container = crate::step::samples::container();
        container.process.healthcheck = Some(Healthcheck { test: vec!["CMD-SHELL".into(), "true".into()], ..check });
        container.state.status = Status::Running;
        started(&mut container);
        container
    }

    fn states(container: &mut Container, probes: &[(u64, i32)]) -> Vec<&'static str> {
        let state = |(seconds, exit_code): &(u64, i32)| {
            let at = seconds * SECOND;
            probed(container, &Probe { start_ns: at, end_ns: at, exit_code: *exit_code, output: String::new() });
            container.state.health.as_ref().unwrap().status.name()
        };
        probes.iter().map(state).collect()
    }

    #[test]
    fn so_many_failures_in_a_row_make_it_unhealthy() {
        let mut three = container(Healthcheck::default());
        let seen = states(&mut three, &[(1, 1), (2, 1), (3, 0), (4, 1), (5, -1), (6, 1), (7, 1), (8, 0)]);
        let expected = ["starting", "starting", "healthy", "healthy", "healthy", "unhealthy", "unhealthy", "healthy"];
        assert_eq!(seen, expected);
        assert_eq!(three.state.health.as_ref().unwrap().log.len(), LOG_MAX);
        let mut once = container(Healthcheck { retries: 1, ..Healthcheck::default() });
        assert_eq!(states(&mut once, &[(1, 2)]), ["unhealthy"]);
    }

    #[test]
    fn too_long_is_told_in_dockers_words() {
        assert_eq!(too_long(1_500_000_000, ""), "Health check exceeded timeout (1.5s)");
        assert_eq!(too_long(200_000_000, "hm\n"), "Health check exceeded timeout (200ms): hm\n");
        assert_eq!((go_duration(90_000_000_000), go_duration(3_600_000_000_000)), ("1m30s".into(), "1h0m0s".into()));
    }

    #[test]
    fn while_it_starts_failures_are_excused_and_probes_come_sooner() {
        let check = Healthcheck { retries: 1, start_period_ns: 10 * SECOND, start_interval_ns: 7, ..Healthcheck::default() };
        let mut slow = container(check.clone());
        assert_eq!(delay_ns(&slow, &check), 7);
        assert_eq!(states(&mut slow, &[(1, 1), (9, 1), (11, 1)]), ["starting", "starting", "unhealthy"]);
        let mut quick = container(check.clone());
        assert_eq!(states(&mut quick, &[(1, 0), (2, 1)]), ["healthy", "unhealthy"]);
        assert_eq!(delay_ns(&quick, &check), INTERVAL_NS);
    }
}
