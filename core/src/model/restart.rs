//! What a restart policy makes of a container's end: dockerd's rules and its back-off.

use super::{Container, ContainerState, Status};
use crate::cli::RestartPolicy;

/// The first wait before a start again; every further one is twice as long.
const DELAY_NS_MIN: u64 = 100_000_000;
/// And the longest.
const DELAY_NS_MAX: u64 = 60_000_000_000;
/// Whoever has run so long begins with the first wait again.
const RAN_NS_ENOUGH: u64 = 10_000_000_000;

/// Puts down that its first process has ended, at this moment and with this exit code: it has exited, or waits to be started again.
pub fn ended(container: &mut Container, exit_code: i32, at_ns: u64) {
    let policy = container.host.restart;
    let state = &mut container.state;
    (state.pid, state.exit_code, state.finished_ns) = (None, exit_code, at_ns);
    state.status = Status::Exited;
    if policy != RestartPolicy::No && at_ns.saturating_sub(state.started_ns) >= RAN_NS_ENOUGH {
        state.restart_delay_ns = 0;
    }
    if starts_again(policy, state) {
        state.status = Status::Restarting;
        state.restart_count += 1;
        state.restart_delay_ns = state.restart_delay_ns.saturating_mul(2).clamp(DELAY_NS_MIN, DELAY_NS_MAX);
    }
}

fn starts_again(policy: RestartPolicy, state: &ContainerState) -> bool {
    !state.stop_asked
        && match policy {
            RestartPolicy::No => false,
            RestartPolicy::Always | RestartPolicy::UnlessStopped => true,
            RestartPolicy::OnFailure { retries_max } => {
                state.exit_code != 0 && (retries_max == 0 || state.restart_count < retries_max)
            }
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn container(restart: RestartPolicy) -> Container {
        let mut container = crate::step::samples::container();
        container.host.restart = restart;
        container
    }

    /// The wait after each of these runs, in milliseconds; nothing: it stays ended.
    fn waits(container: &mut Container, runs: &[(i32, u64)]) -> Vec<Option<u64>> {
        let wait = |(exit_code, seconds): &(i32, u64)| {
            container.state.started_ns = SECOND;
            ended(container, *exit_code, SECOND + seconds * SECOND);
            (container.state.status == Status::Restarting).then_some(container.state.restart_delay_ns / 1_000_000)
        };
        runs.iter().map(wait).collect()
    }

    #[test]
    fn the_wait_doubles_up_to_a_minute_and_begins_anew_after_ten_seconds_of_running() {
        let short = [(1, 0); 12];
        let all = waits(&mut container(RestartPolicy::Always), &short);
        let expected = [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000];
        assert_eq!(all, expected.map(Some));
        assert_eq!(
            waits(&mut container(RestartPolicy::Always), &[(0, 0), (0, 9), (0, 10), (0, 0)]),
            [100, 200, 100, 200].map(Some)
        );
    }

    #[test]
    fn on_failure_counts_and_goes_by_the_exit_code() {
        let mut twice = container(RestartPolicy::OnFailure { retries_max: 2 });
        assert_eq!(waits(&mut twice, &[(1, 0), (137, 0), (1, 0)]), [Some(100), Some(200), None]);
        assert_eq!((twice.state.restart_count, twice.state.status), (2, Status::Exited));
        assert_eq!(waits(&mut container(RestartPolicy::OnFailure { retries_max: 0 }), &[(1, 0), (0, 0)]), [Some(100), None]);
    }

    #[test]
    fn whoever_was_stopped_stays_ended() {
        for policy in [RestartPolicy::Always, RestartPolicy::UnlessStopped, RestartPolicy::OnFailure { retries_max: 0 }] {
            let mut container = container(policy);
            container.state.stop_asked = true;
            assert_eq!(waits(&mut container, &[(137, 0)]), [None]);
        }
    }
}
