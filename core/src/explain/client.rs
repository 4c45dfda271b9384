//! Steps for the caller, in words.

use super::{Call, CallWhen, Explanation, call, explanation};
use crate::step::ClientStep;

pub(super) fn explain(step: &ClientStep) -> Explanation {
    match step {
        ClientStep::Print { .. } => explanation(
            "Print the answer",
            "The command is done, and this is what you asked for.",
            vec![call("write", &["1", "…", "…"])],
            &[],
            "end",
        ),
        ClientStep::Confirm { .. } => {
            let calls = vec![call("write", &["1", "…", "…"]), call("read", &["0", "…", "…"]).when(CallWhen::Repeated)];
            explanation("Ask before deleting", "What is deleted is gone. -f says yes before it is asked.", calls, &[], "end")
        }
        ClientStep::PrintReclaimed { .. } => explanation(
            "Print what was deleted",
            "A container's upper directory held what it had written, a volume its files. Their bytes were counted before they went.",
            vec![call("write", &["1", "…", "…"])],
            &["du -sb"],
            "end",
        ),
        ClientStep::AttachStreams { .. } => {
            let why =
                "The program's output goes into pipes or a terminal, and the engine carries it to you. It ends with the process.";
            explanation("Carry input and output until it ends", why, vec![poll(), reap()], &["ls -l /proc/PID/fd"], "program")
        }
        ClientStep::WatchContainer { .. } => {
            let why = "Only a parent is told how a process ended. The monitor keeps the log and waits for that.";
            // Nothing is left to do where the streams were carried to the end already.
            let calls = vec![poll(), reap().when(CallWhen::Repeated)];
            explanation("Watch the container until it ends", why, calls, &["glassbox logs"], "end")
        }
        ClientStep::WatchExec { .. } => program_left_alone(),
        ClientStep::AwaitProbe { delay_ns, .. } => next_probe(*delay_ns),
        ClientStep::CollectProbe { .. } => {
            let why = "Exit code 0 says that it is well. A probe that takes too long says that it is not, and is ended.";
            explanation("Wait for the probe's exit code", why, vec![poll(), reap()], &["glassbox inspect"], "end")
        }
        ClientStep::AwaitRestart { delay_ns, .. } => restart(*delay_ns),
        ClientStep::AwaitExit { timeout_seconds, .. } => {
            let headline = match timeout_seconds {
                Some(seconds) => format!("Wait at most {seconds} seconds until it has ended"),
                None => "Wait until it has ended".to_string(),
            };
            let why = "The container's monitor records the end. Until then there is nothing to do.";
            let calls = vec![call("pidfd_open", &["…", "0"]).when(CallWhen::IfPresent), poll()];
            explanation(headline, why, calls, &["glassbox ps -a"], "end")
        }
        ClientStep::ShowNamespaces { .. } => {
            let calls =
                vec![call("readlink", &["\"/proc/…/ns/…\"", "…", "…"]).when(CallWhen::Repeated), call("write", &["1", "…", "…"])];
            let why = "A namespace has no name but the number of its file below /proc/PID/ns. Who has the same number is in the same one.";
            explanation("Compare namespaces", why, calls, &["ls -l /proc/PID/ns", "lsns"], "namespaces")
        }
        ClientStep::ShowProcesses { .. } => processes(),
        ClientStep::ShowStats { .. } => usage(),
        ClientStep::ShowEvents { view } => events(view.until_ns.is_none()),
        ClientStep::ShowLog { view, .. } => {
            let calls = vec![
                call("openat", &["AT_FDCWD", "…-json.log\"", "O_RDONLY|O_CLOEXEC"]),
                call("read", &["…", "…", "…"]).when(CallWhen::Repeated),
            ];
            let why = "What the program wrote to stdout and stderr was kept in a file, line by line.";
            let headline = if view.follow { "Show the log and follow it" } else { "Show the log" };
            explanation(headline, why, calls, &[], "end")
        }
    }
}

fn processes() -> Explanation {
    let read = |path| call("openat", &["AT_FDCWD", path, "O_RDONLY|O_CLOEXEC"]).when(CallWhen::Repeated);
    let calls = vec![read("\"/proc/stat\""), read("\"/proc/…/stat\""), call("write", &["1", "…", "…"])];
    let why = "Its cgroup lists the container's processes by the host's numbers; what ps says of each is read from /proc.";
    explanation("Look for its processes", why, calls, &["ps -ef", "cat CGROUP/cgroup.procs"], "process")
}

fn usage() -> Explanation {
    let calls = vec![
        call("openat", &["AT_FDCWD", "\"/proc/stat\"", "O_RDONLY|O_CLOEXEC"]).when(CallWhen::IfPresent),
        call("poll", &["…", "…", "1000"]).when(CallWhen::IfPresent),
    ];
    let why =
        "Its cgroups count what a container uses. How much of a processor that is shows only between two looks, a second apart.";
    explanation("Look what containers use", why, calls, &["cat CGROUP/memory.current", "cat CGROUP/cpu.stat"], "limits")
}

fn events(follows: bool) -> Explanation {
    let calls = vec![call("openat", &["AT_FDCWD", "…/events.log\"", "O_RDONLY|O_CLOEXEC"]).when(CallWhen::IfPresent)];
    let why = "Whoever changes a container or a volume adds a line to a file below the data root. It is read, and looked at again.";
    let headline = if follows { "Tell what happens, as it happens" } else { "Tell what has happened" };
    explanation(headline, why, calls, &["tail -f DATA_ROOT/events.log"], "end")
}

fn program_left_alone() -> Explanation {
    let why = "Only a parent is told how a process ended. Until it has asked, the process stays as a zombie, and so does its pid namespace.";
    explanation("Watch the program until it ends", why, vec![poll(), reap()], &["glassbox top", "glassbox events"], "end")
}

fn next_probe(delay_ns: u64) -> Explanation {
    let why = "A process that is there may still do nothing useful. From time to time it is tried out.";
    let headline = format!("Wait {} ms before the next probe", delay_ns / 1_000_000);
    explanation(headline, why, vec![poll()], &["glassbox ps"], "end")
}

fn restart(delay_ns: u64) -> Explanation {
    let why = "A program that fails at once would fail again at once. Each wait is twice as long as the one before.";
    let headline = format!("Wait {} ms before it is started again", delay_ns / 1_000_000);
    explanation(headline, why, vec![poll()], &["glassbox ps"], "end")
}

fn reap() -> Call {
    call("waitid", &["P_PIDFD", "…", "…", "WEXITED", "…"])
}

fn poll() -> Call {
    call("poll", &["…", "…", "…"]).when(CallWhen::Repeated)
}
