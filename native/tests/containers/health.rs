//! Health checks: states are waited for, since the probes go by the clock.

use super::Machine;

/// A probe that was under way when its container ended leaves a journal, which the next command clears away.
const SETTLE: &str = "\nuntil [ \"$($G recover)\" = 'nothing to recover' ]; do :; done";

/// Waits until the template shows this of `ww`.
fn until(template: &str, wanted: &str) -> String {
    format!("until [ \"$($G inspect -f '{{{{{template}}}}}' ww)\" = {wanted} ]; do sleep 0.02; done\n")
}

#[test]
fn failures_in_a_row_make_it_unhealthy_and_a_success_healthy_again() {
    let Some(machine) = Machine::new() else { return };
    let run = "$G run -d --name ww --health-cmd 'test -e /well' --health-interval 50ms --health-retries 2 --network none toolbox sleep 1000 > /dev/null\n";
    let (unhealthy, healthy) = (until(".State.Health.Status", "unhealthy"), until(".State.Health.Status", "healthy"));
    let five = until("len .State.Health.Log", "5");
    let ran = machine.run(&format!(
        "{run}{unhealthy}$G exec ww touch /well\n{healthy}{five}$G ps --format '{{{{.Status}}}}'\n$G rm -f ww{SETTLE}"
    ));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert!(ran.out.contains("(healthy)\nww\n"), "{ran:?}");
}

#[test]
fn a_probe_that_takes_too_long_is_ended() {
    let Some(machine) = Machine::new() else { return };
    let run = "$G run -d --name ww --health-cmd 'echo begun; sleep 1000' --health-interval 50ms --health-timeout 200ms --health-retries 1 \
               --network none toolbox sleep 1000 > /dev/null\n";
    let unhealthy = until(".State.Health.Status", "unhealthy");
    let show = "$G inspect -f '{{with index .State.Health.Log 0}}{{.ExitCode}} {{.Output}}{{end}}' ww\n$G stop -t 0 ww\n$G rm ww";
    let ran = machine.run(&format!("{run}{unhealthy}{show}{SETTLE}"));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert_eq!(ran.out, "-1 Health check exceeded timeout (200ms): begun\n\nww\nww\n");
}

#[test]
fn a_container_that_is_started_again_begins_anew() {
    let Some(machine) = Machine::new() else { return };
    let run = "$G run -d --name ww --health-cmd true --health-interval 50ms --network none toolbox sleep 1000 > /dev/null\n";
    let (healthy, unhealthy) = (until(".State.Health.Status", "healthy"), until(".State.Health.Status", "unhealthy"));
    let ran = machine.run(&format!("{run}{healthy}$G stop -t 0 ww\n{unhealthy}$G start ww\n{healthy}$G rm -f ww{SETTLE}"));
    assert_eq!((ran.code, ran.out.as_str()), (0, "ww\nww\nww\n"), "{ran:?}");
}

#[test]
fn nobody_probes_a_paused_container_and_a_killed_monitor_takes_its_prober_along() {
    let Some(machine) = Machine::new() else { return };
    let run = "$G run -d --name ww --health-cmd true --health-interval 20ms --network none toolbox sleep 1000 > /dev/null\n";
    let healthy = until(".State.Health.Status", "healthy");
    let kill = "$G pause ww && $G unpause ww\npid=$($G inspect -f '{{.State.Pid}}' ww)
        kill -9 $(grep PPid: /proc/$pid/status | cut -f2)\n";
    let ran = machine.run(&format!(
        "{run}{healthy}{kill}until [ \"$($G inspect -f '{{{{.State.Status}}}}' ww)\" = exited ]; do sleep 0.02; done\n$G rm ww{SETTLE}"
    ));
    assert_eq!(ran.code, 0, "{ran:?}");
}
