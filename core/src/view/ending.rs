//! Why a container ended as it did, in words: what Docker's exit code leaves open.
//!
//! Shown after a `run` in the foreground, and by `glassbox why`. Only what is known is said: a cause that is one of several possible ones
//! is called that.

use crate::cli::PidMode;
use crate::diagnosis::Diagnosis;
use crate::model::{Container, SentSignal, SignalReason};
use crate::resource_limit::Resource;
use crate::userland::Signal;

const SIGNAL_BASE: i32 = 128;

/// Exit codes by which a shell, env(1) or the loader says that it could not run a program.
const CANNOT_EXECUTE: i32 = 126;
const NOT_FOUND: i32 = 127;

/// What the caller of a foreground command is told, after everything else; empty: the exit code says it all.
pub fn told(container: &Container) -> String {
    causes(container).iter().map(line).collect()
}

/// As `told`, and what an exit code by itself means; for somebody who asks.
pub fn explained(container: &Container) -> String {
    let mut all = causes(container);
    if all.is_empty() {
        all.extend(by_itself(container));
    }
    all.iter().map(|cause| format!("{cause}\n", cause = sentence(cause))).collect()
}

/// What is said of a process of `exec` whose program was refused.
pub fn line(cause: &Diagnosis) -> String {
    format!("glassbox: {}\n", sentence(cause))
}

fn sentence(cause: &Diagnosis) -> String {
    if cause.advice.is_empty() { cause.what.clone() } else { format!("{}; {}", cause.what, cause.advice) }
}

/// What ended it, and what happened meanwhile.
fn causes(container: &Container) -> Vec<Diagnosis> {
    let ending = &container.state.ending;
    if let Some(refused) = &ending.refused {
        return refused.diagnosis.clone().into_iter().collect();
    }
    if ending.unseen {
        let what = "nobody saw it end: its monitor was killed, and the next command ended what was left of it (137)";
        return vec![Diagnosis::new(what, "")];
    }
    let mut all: Vec<Diagnosis> = match ending.signal {
        Some(signal) => vec![by_signal(container, Signal(signal))],
        None => asked(container).into_iter().collect(),
    };
    if ending.oom_kills > 0 && !is_by_oom_killer(container) {
        all.push(others_killed(container));
    }
    if ending.forks_refused > 0 {
        all.push(forks_refused(container));
    }
    all
}

fn sent(container: &Container) -> Option<SentSignal> {
    container.state.ending.sent_to(container.state.started_ns)
}

/// SIGKILL, counted by the OOM killer and sent by no command.
fn is_by_oom_killer(container: &Container) -> bool {
    let ending = &container.state.ending;
    let killed = ending.signal == Some(Signal::SIGKILL.0);
    killed && ending.oom_kills > 0 && sent(container).is_none_or(|sent| sent.signal != Signal::SIGKILL.0)
}

fn by_signal(container: &Container, signal: Signal) -> Diagnosis {
    if is_by_oom_killer(container) {
        return by_oom_killer(container);
    }
    match sent(container) {
        Some(sent) if sent.signal == signal.0 => by_command(container, sent),
        _ if signal == Signal::SIGKILL => stray_kill(container),
        _ => forced(container, signal),
    }
}

fn by_oom_killer(container: &Container) -> Diagnosis {
    let limit = container.host.resources.memory_bytes_max;
    match container.state.ending.memory_limit_hits {
        Some(hits) if hits > 0 => Diagnosis::new(
            format!("the kernel's OOM killer ended it: it needed more than its memory limit of {}", bytes(limit)),
            "allow more with -m, or find out what it needs: glassbox stats",
        ),
        None if limit > 0 => Diagnosis::new(format!("the kernel's OOM killer ended it; its memory limit is {}", bytes(limit)), ""),
        _ => Diagnosis::new(
            "the kernel's OOM killer ended it: the memory of the machine, or of a cgroup above, ran out, not its own limit",
            "see: dmesg | grep -i oom",
        ),
    }
}

fn others_killed(container: &Container) -> Diagnosis {
    let count = container.state.ending.oom_kills;
    let what = match count {
        1 => "the kernel's OOM killer ended a process in it".to_string(),
        _ => format!("the kernel's OOM killer ended {count} processes in it"),
    };
    let limit = container.host.resources.memory_bytes_max;
    match container.state.ending.memory_limit_hits {
        Some(hits) if hits > 0 => Diagnosis::new(format!("{what}: its memory limit is {}", bytes(limit)), "allow more with -m"),
        None if limit > 0 => Diagnosis::new(format!("{what}; its memory limit is {}", bytes(limit)), ""),
        _ => Diagnosis::new(what, "see: dmesg | grep -i oom"),
    }
}

fn forks_refused(container: &Container) -> Diagnosis {
    let most = container.host.resources.pids_max.unwrap_or_default();
    let what = match container.state.ending.forks_refused {
        1 => "the kernel refused it a further process".to_string(),
        many => format!("the kernel refused it a further process {many} times"),
    };
    Diagnosis::new(format!("{what}: its limit is {most} (--pids-limit)"), "")
}

/// It is number 1 of a pid namespace of its own, for which the kernel has no default actions.
fn is_pid_one(container: &Container) -> bool {
    container.host.namespaces.pid == PidMode::Own
}

fn by_command(container: &Container, sent: SentSignal) -> Diagnosis {
    let name = Signal(sent.signal).name();
    match sent.reason {
        SignalReason::Kill => Diagnosis::new(format!("kill sent it {name}"), ""),
        SignalReason::Remove => Diagnosis::new(format!("rm --force sent it {name}"), ""),
        SignalReason::Stop => Diagnosis::new(format!("stop sent it {name}"), ""),
        SignalReason::Restart => Diagnosis::new(format!("restart sent it {name}"), ""),
        SignalReason::StopTimeout { seconds, first } => patience_over(container, "stop", seconds, Signal(first)),
        SignalReason::RestartTimeout { seconds, first } => patience_over(container, "restart", seconds, Signal(first)),
    }
}

fn patience_over(container: &Container, command: &str, seconds: u64, first: Signal) -> Diagnosis {
    let name = first.name();
    let what = format!("{command} sent it {name}, waited {seconds} s, and then sent SIGKILL");
    if container.host.init {
        return Diagnosis::new(what, format!("its init passed {name} on, and the program did not end: have it handle {name}"));
    }
    if is_pid_one(container) {
        let advice = format!("pid 1 has no default handlers: have the program handle {name}, or run it with --init");
        return Diagnosis::new(what, advice);
    }
    Diagnosis::new(what, format!("the program did not end on {name}: have it handle the signal"))
}

fn stray_kill(container: &Container) -> Diagnosis {
    let limits: Vec<Resource> = container.host.tuning.limits().map(|(resource, _)| resource).collect();
    let inside = if is_pid_one(container) { "from outside the container " } else { "" };
    let what = format!("it ended by SIGKILL {inside}that no command of Glassbox has sent, and not by the OOM killer");
    if limits.iter().any(|resource| resource.name() == "cpu") {
        return Diagnosis::new(what, "its limit --ulimit cpu sends it too; else somebody has: kill -9 on the host");
    }
    Diagnosis::new(what, "somebody on the host has: kill -9")
}

/// Signals that the kernel sends for what a process does. To pid 1 of a pid namespace no other comes through without a handler.
fn forced(container: &Container, signal: Signal) -> Diagnosis {
    const FAULTS: [(i32, &str, &str); 5] = [
        (11, "it accessed memory that it does not have", "look for a core dump or a debugger: the program has a fault"),
        (7, "it accessed memory that cannot be there (a mapped file that was cut off, a full /dev/shm)", "see: --shm-size"),
        (4, "it executed an instruction that this processor does not have", "was it built for a newer processor?"),
        (8, "it divided by zero, or alike", "the program has a fault"),
        (31, "its seccomp filter ends a process for a call that it made", "see: --security-opt seccomp=unconfined"),
    ];
    let name = signal.name();
    match FAULTS.iter().find(|(number, ..)| *number == signal.0) {
        Some((_, why, advice)) if is_pid_one(container) => Diagnosis::new(format!("the kernel ended it by {name}: {why}"), *advice),
        Some((_, why, advice)) => Diagnosis::new(format!("it ended by {name}: {why}, or somebody has sent the signal"), *advice),
        None => Diagnosis::new(format!("it ended by {name}, which no command of Glassbox has sent"), ""),
    }
}

/// It ended by itself after a signal that somebody has sent.
fn asked(container: &Container) -> Option<Diagnosis> {
    let (sent, code) = (sent(container)?, container.state.exit_code);
    let signal = Signal(sent.signal);
    let command = match sent.reason {
        SignalReason::Kill => "kill",
        SignalReason::Stop => "stop",
        SignalReason::Restart => "restart",
        _ => return None,
    };
    let name = signal.name();
    (code == SIGNAL_BASE + signal.0).then(|| {
        let by = if container.host.init { "its init exited" } else { "it exited" };
        Diagnosis::new(format!("{command} sent it {name}, and {by} with {code}: 128 + {}", signal.0), "")
    })
}

/// What an exit code means that the program itself has chosen.
fn by_itself(container: &Container) -> Option<Diagnosis> {
    let code = container.state.exit_code;
    if container.state.started_ns == 0 || !container.state.error.is_empty() {
        return None;
    }
    let what = match code {
        0 => "its program ended by itself, with 0".to_string(),
        CANNOT_EXECUTE | NOT_FOUND => {
            let which = if code == NOT_FOUND { "did not find" } else { "found and could not execute" };
            let said = format!("its program ran, and itself exited with {code}");
            let what = format!("{said}: so a shell, env or the loader of shared libraries says that it {which} what it was to run");
            return Some(Diagnosis::new(what, format!("its own words: glassbox logs {}", container.name)));
        }
        _ => match Signal(code - SIGNAL_BASE) {
            signal if Signal::NAMED.iter().any(|(_, named)| *named == signal) => {
                let said = format!("its program itself exited with {code}, and was not ended by a signal");
                format!(
                    "{said}: so a shell or an init says that a process of its own ended by {} (128 + {})",
                    signal.name(),
                    signal.0
                )
            }
            _ => format!("its program itself exited with {code}: what that means is the program's affair"),
        },
    };
    Some(Diagnosis::new(what, ""))
}

/// In the largest unit that divides it.
fn bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = UNITS.iter().find(|(size, _)| bytes >= *size && bytes.is_multiple_of(*size));
    unit.map_or_else(|| format!("{bytes} bytes"), |(size, name)| format!("{} {name}", bytes / size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::program::Refused;
    use crate::errno::Errno;

    /// The words for an end, with a limit of 16 MiB and one of 4 processes.
    fn why(exit_code: i32, change: impl FnOnce(&mut Container)) -> String {
        let mut container = crate::step::samples::container();
        (container.host.resources.memory_bytes_max, container.host.resources.pids_max) = (16 << 20, Some(4));
        container.host.namespaces.pid = PidMode::Own;
        (container.state.exit_code, container.state.started_ns) = (exit_code, 1);
        change(&mut container);
        told(&container)
    }

    fn killed(change: impl FnOnce(&mut crate::model::Ending)) -> String {
        why(137, |container| {
            container.state.ending.signal = Some(9);
            change(&mut container.state.ending);
        })
    }

    fn by(signal: i32, reason: SignalReason) -> Option<SentSignal> {
        Some(SentSignal { signal, reason, started_ns: 1 })
    }

    #[test]
    fn four_ways_to_137() {
        let oom = killed(|ending| (ending.oom_kills, ending.memory_limit_hits) = (1, Some(3)));
        assert!(oom.starts_with("glassbox: the kernel's OOM killer ended it: it needed more than its memory limit of 16 MiB"));
        let machine = killed(|ending| (ending.oom_kills, ending.memory_limit_hits) = (1, Some(0)));
        assert!(machine.contains("the memory of the machine"));
        let timeout = killed(|ending| ending.sent = by(9, SignalReason::StopTimeout { seconds: 10, first: 15 }));
        assert!(timeout.contains("stop sent it SIGTERM, waited 10 s, and then sent SIGKILL; pid 1 has no default handlers"));
        assert_eq!(killed(|ending| ending.sent = by(9, SignalReason::Kill)), "glassbox: kill sent it SIGKILL\n");
        let stray = killed(|ending| ending.sent = by(10, SignalReason::Kill));
        assert!(stray.contains("from outside the container that no command of Glassbox has sent"));
        assert_eq!(why(137, |_| {}), "", "its own exit code");
    }

    #[test]
    fn a_signal_of_an_earlier_run_is_none() {
        let earlier = SentSignal { signal: 9, reason: SignalReason::Kill, started_ns: 0 };
        assert!(killed(|ending| ending.sent = Some(earlier)).contains("no command of Glassbox"));
    }

    #[test]
    fn what_happened_besides_is_told_too() {
        let child = why(0, |container| (container.state.ending.oom_kills, container.state.ending.memory_limit_hits) = (2, Some(5)));
        assert!(child.contains("ended 2 processes in it: its memory limit is 16 MiB"));
        let forks = why(0, |container| container.state.ending.forks_refused = 7);
        assert_eq!(forks, "glassbox: the kernel refused it a further process 7 times: its limit is 4 (--pids-limit)\n");
    }

    #[test]
    fn faults_and_requests() {
        let fault = why(139, |container| container.state.ending.signal = Some(11));
        assert!(fault.contains("the kernel ended it by SIGSEGV"));
        let asked = why(143, |container| container.state.ending.sent = by(15, SignalReason::Stop));
        assert!(asked.contains("stop sent it SIGTERM, and it") && asked.contains("128 + 15"));
        let diagnosis = Some(Diagnosis::new("/x is empty", ""));
        let refused = Refused { program: "/x".into(), errno: Errno::ENOEXEC, diagnosis };
        assert_eq!(why(255, |container| container.state.ending.refused = Some(refused)), "glassbox: /x is empty\n");
    }
}
