//! Claims: the kernel calls that explanations name are those that a run makes, with these arguments and in this order. Each case is
//! planned with `--plan=json`, then carried out under strace(1), and the two are held against each other.
//!
//! Needs root and strace; without them it says that it skips, and in CI fails. Everything runs in a mount and pid namespace of its own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test: what fails here is the test")]

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use glassbox_core::explain::claim::{parse_trace, unfounded, unnamed};
use glassbox_core::explain::{Call, CallWhen};
use glassbox_core::step::{ProcessStep, Step, StoreStep};
use glassbox_core::view::plan::{PlanNode, PlanTree};
use glassbox_tests::binary::{copy_program, skip};

/// A data root that goes with it, and a copy of the binary that anybody may execute.
struct Scratch(PathBuf, Caller);

/// Who calls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Caller {
    Root,
    Nobody,
}

impl Caller {
    /// What stands before a command line.
    fn prefix(self) -> &'static [&'static str] {
        match self {
            Caller::Root => &["env"],
            Caller::Nobody => &["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"],
        }
    }
}

impl Scratch {
    fn new(name: &str, caller: Caller) -> Scratch {
        let path = std::env::temp_dir().join(format!("glassbox-claims-{}-{name}", std::process::id()));
        fs::create_dir_all(path.join("root")).unwrap();
        if can_trace() && caller == Caller::Nobody {
            [path.clone(), path.join("root")].iter().for_each(|path| chown(path, Some(65534), Some(65534)).unwrap());
        }
        // Where it was built an ordinary user may not look.
        copy_program(Path::new(env!("CARGO_BIN_EXE_glassbox")), &path.join("glassbox")).unwrap();
        Scratch(path, caller)
    }

    fn glassbox(&self) -> String {
        self.0.join("glassbox").display().to_string()
    }

    fn trace(&self) -> PathBuf {
        self.0.join("trace")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("GLASSBOX_ROOT", self.0.join("root")).env_remove("LC_ALL");
        command
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn can_trace() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let root = status.lines().any(|line| line.starts_with("Uid:\t0\t"));
    root && Command::new("strace").arg("-V").output().is_ok_and(|output| output.status.success())
}

/// Leaves in the order of the plan, with the calls that they claim.
fn leaves(nodes: &[PlanNode], all: &mut Vec<PlanNode>) {
    for node in nodes {
        if node.step.is_composite() { leaves(&node.children, all) } else { all.push(node.clone()) }
    }
}

/// The id under which `line` would create a container.
fn planned_id(leaves: &[PlanNode]) -> Option<String> {
    leaves.iter().find_map(|node| match &node.step {
        Step::Store(StoreStep::RecordContainer { container, .. }) => Some(container.id.0.clone()),
        _ => None,
    })
}

/// The name of a volume that nobody named.
fn planned_volume(leaves: &[PlanNode]) -> Option<String> {
    leaves.iter().find_map(|node| match &node.step {
        Step::Store(StoreStep::CreateVolume { volume, .. }) if volume.is_anonymous() => Some(volume.name.clone()),
        _ => None,
    })
}

/// The id under which the traced run created one: the name of the first directory that it made below `containers` or `volumes`.
fn traced_id(trace: &[Call], below: &str) -> Option<String> {
    let made = trace.iter().filter(|call| call.name.starts_with("mkdir"));
    made.flat_map(|call| &call.arguments).find_map(|argument| {
        let id = argument.split_once(&format!("/{below}/"))?.1.get(..64)?;
        id.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| id.to_string())
    })
}

fn claims(leaves: &[PlanNode], trace: &[Call]) -> Vec<(String, Vec<Call>)> {
    let ids = planned_id(leaves).zip(traced_id(trace, "containers"));
    let volumes = planned_volume(leaves).zip(traced_id(trace, "volumes"));
    let renamed = |text: &String| {
        ids.iter()
            .chain(&volumes)
            .fold(text.clone(), |text, (planned, traced)| text.replace(planned, traced).replace(&planned[..12], &traced[..12]))
    };
    let call = |call: &Call| Call { arguments: call.arguments.iter().map(renamed).collect(), ..call.clone() };
    leaves.iter().map(|node| (format!("{} {}", node.id, node.name), node.calls.iter().map(call).collect())).collect()
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

fn plan(scratch: &Scratch, words: &[&str]) -> PlanTree {
    let prefix = scratch.1.prefix();
    let output = run(scratch.command(prefix[0]).args(&prefix[1..]).arg(scratch.glassbox()).arg("--plan=json").args(words));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{words:?}: {error}: {output:?}"))
}

fn traced(scratch: &Scratch, words: &[&str]) -> Vec<Call> {
    let mut inside = vec!["-mpfn", "--mount-proc"];
    inside.extend(scratch.1.prefix());
    inside.extend(["strace", "-f", "-s", "65536", "-o"]);
    let output = run(scratch.command("unshare").args(inside).arg(scratch.trace()).arg(scratch.glassbox()).args(words));
    let text = fs::read_to_string(scratch.trace()).unwrap_or_default();
    assert!(output.status.code().is_some_and(|code| code < 125), "{words:?}: {output:?}");
    parse_trace(&text)
}

/// The calls by which a process is turned into a container: none of them is made that no step names.
const WORK: &[&str] = &[
    "capset",
    "clone",
    "clone3",
    "execve",
    "fsmount",
    "mknod",
    "mknodat",
    "mount",
    "mount_setattr",
    "move_mount",
    "pivot_root",
    "seccomp",
    "setgid",
    "setgroups",
    "sethostname",
    "setns",
    "setresgid",
    "setresuid",
    "setsid",
    "setuid",
    "umount2",
    "unshare",
];

/// The engine's own way back: the time namespace that it made for its child is not for what it makes later. The child goes on meanwhile.
fn way_back() -> Call {
    Call { name: "setns".into(), arguments: vec!["…".into(), "CLONE_NEWTIME".into()], when: CallWhen::Always }
}

/// A call that is no step's: a command that does not stay forks the process that watches the container. It shares everything with
/// the engine and is no part of the container.
fn monitor() -> Call {
    let arguments = vec!["{flags=CLONE_PIDFD, …".to_string(), "88".to_string()];
    Call { name: "clone3".into(), arguments, when: CallWhen::Repeated }
}

type Claimed = (String, Vec<Call>);

/// `own`: what the engine does for itself, at any time, while the process that it has made goes on.
#[track_caller]
fn assert_bears_out(
    words: &[&str],
    steps: &[PlanNode],
    (claims, own): (&[Claimed], &[Claimed]),
    trace: &[Call],
    what: impl Fn() -> String,
) {
    if words[0] == "run" {
        for order in orders(steps, claims) {
            assert_made(&order, trace, &what);
        }
    } else {
        assert_made(claims, trace, &what);
    }
    assert_made(own, trace, &what);
    assert_named(&[claims, own].concat(), trace, what);
}

#[track_caller]
fn assert_made(claims: &[(String, Vec<Call>)], trace: &[Call], what: impl Fn() -> String) {
    let missing = unfounded(claims, trace);
    let missing: Vec<String> = missing.iter().map(|claim| format!("{}: {}", claim.step, claim.call)).collect();
    assert!(missing.is_empty(), "claimed, but not made: {}\n{}", what(), missing.join("\n"));
}

#[track_caller]
fn assert_named(claims: &[(String, Vec<Call>)], trace: &[Call], what: impl Fn() -> String) {
    let unnamed: Vec<String> = unnamed(claims, trace, WORK).iter().map(ToString::to_string).collect();
    assert!(unnamed.is_empty(), "made, but named by no step: {}\n{}", what(), unnamed.join("\n"));
}

/// The orders in which a plain `run` makes its process: what does not need it is carried out beside it (`engine/beside.rs`), so that the
/// engine's calls and the process's own come after clone3(2) in any mixture, each in the plan's order. Where there is nothing of the
/// kind it is the plan's order.
fn orders(leaves: &[PlanNode], claims: &[(String, Vec<Call>)]) -> [Vec<(String, Vec<Call>)>; 2] {
    let waits = |node: &PlanNode| node.step.may_follow_clone();
    let alone = |node: &PlanNode| node.step.needs_nothing();
    let in_cgroup = |node: &PlanNode| matches!(&node.step, Step::Process(ProcessStep::CloneProcess { cgroup: Some(_), .. }));
    let clones = |node: &PlanNode| matches!(node.step, Step::Process(ProcessStep::CloneProcess { .. }));
    let clone = leaves.iter().position(clones).filter(|at| !in_cgroup(&leaves[*at]) && leaves.get(at + 1).is_some_and(alone));
    let Some(clone) = clone else { return [claims.to_vec(), claims.to_vec()] };
    let put_off = leaves[..clone].iter().rposition(|node| !waits(node)).map_or(0, |at| at + 1);
    let rest = leaves.iter().skip(clone + 1).position(|node| !alone(node)).map_or(leaves.len(), |at| clone + 1 + at);
    let order = |middle: &[(String, Vec<Call>)]| [&claims[..put_off], &claims[clone..=clone], middle, &claims[rest..]].concat();
    [order(&claims[put_off..clone]), order(&claims[clone + 1..rest])]
}

/// Answers how many calls were held against the trace.
#[track_caller]
fn check(scratch: &Scratch, words: &[&str]) -> usize {
    let tree = plan(scratch, words);
    let mut steps = Vec::new();
    leaves(&tree.steps, &mut steps);
    leaves(&tree.monitor, &mut steps);
    let trace = traced(scratch, words);
    let mut claims = claims(&steps, &trace);
    if words[0] == "start" {
        claims.push(("the monitor".into(), vec![monitor()]));
    }
    let own = if words.contains(&"--time-offset") { vec![("the engine".to_string(), vec![way_back()])] } else { Vec::new() };
    assert_bears_out(words, &steps, (&claims, &own), &trace, || format!("{words:?}, {}", keep(scratch)));
    claims.iter().map(|(_, calls)| calls.len()).sum()
}

/// Keeps the trace of a failed case.
fn keep(scratch: &Scratch) -> String {
    let kept: &Path = &std::env::temp_dir().join("glassbox-claims.trace");
    fs::copy(scratch.trace(), kept).map_or_else(|error| error.to_string(), |_| format!("trace: {}", kept.display()))
}

const CASES: &[&[&str]] = &[
    &["run", "--network", "none", "toolbox", "true"],
    &["run", "--rm", "--network", "none", "toolbox", "echo", "hi", "\"you\""],
    &["run", "-m", "64m", "--pids-limit", "20", "--cpus", "0.5", "--hostname", "web", "--network", "none", "toolbox", "hostname"],
    &["run", "--rm", "-u", "nobody", "--network", "host", "--security-opt", "no-new-privileges", "toolbox", "id"],
    &["run", "--rm", "-u", "4711:12", "--cap-drop", "ALL", "--network", "none", "toolbox", "id"],
    &[
        "run",
        "--rm",
        "--device",
        "/dev/kmsg:/dev/of/log:r",
        "--device-cgroup-rule",
        "c 1:* m",
        "--network",
        "none",
        "toolbox",
        "true",
    ],
    &["run", "--rm", "--ulimit", "nofile=64:128", "--oom-score-adj", "300", "--network", "none", "toolbox", "true"],
    &["run", "--rm", "--sysctl", "net.ipv4.ip_forward=1", "--group-add", "4711", "--network", "none", "toolbox", "true"],
    &[
        "run",
        "--rm",
        "--device-read-bps",
        "/dev/vda:1mb",
        "--device-write-iops",
        "/dev/vda:100",
        "--network",
        "none",
        "toolbox",
        "true",
    ],
    &["run", "--rm", "--cgroup-parent", "/glassbox-claims/a", "--network", "none", "toolbox", "true"],
    &["run", "--rm", "--read-only", "--init", "--network", "none", "toolbox", "sh", "-c", "exit 3"],
    &["run", "--rm", "--privileged", "--network", "none", "toolbox", "true"],
    &["run", "--rm", "-t", "--network", "none", "toolbox", "tty"],
    &["run", "--rm", "-w", "/srv/new", "-e", "A=b", "--entrypoint", "pwd", "--network", "none", "toolbox"],
    &["run", "--rm", "--security-opt", "seccomp=unconfined", "--cap-add", "SYS_ADMIN", "--network", "none", "toolbox", "true"],
    &["run", "--rm", "-v", "data:/etc", "-v", "/own", "--tmpfs", "/run:size=1m", "--network", "none", "toolbox", "true"],
    &["run", "--rm", "--mount", "type=bind,source=/usr,target=/usr/of,readonly", "--network", "none", "toolbox", "true"],
    &["run", "--rm", "-v", "part:/data", "--network", "none", "--domainname", "example.org", "toolbox", "mkdir", "/data/a"],
    &[
        "run",
        "--rm",
        "--mount",
        "type=volume,source=part,target=/data,volume-subpath=a,readonly",
        "--network",
        "none",
        "toolbox",
        "true",
    ],
    &["volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=1m,nodev", "memory"],
    &["run", "--rm", "-v", "memory:/data", "--network", "none", "toolbox", "true"],
    &["volume", "create", "-o", "type=none", "-o", "device=/usr/share", "-o", "o=rbind,ro", "shared"],
    &["run", "--rm", "-v", "shared:/data", "--network", "none", "toolbox", "true"],
    &[
        "run",
        "--rm",
        "--mount",
        "type=bind,source=/usr,target=/usr/of,readonly,bind-recursive=writable",
        "--network",
        "none",
        "toolbox",
        "true",
    ],
    &["run", "--rm", "--network", "none", "-v", "/:/host:ro", "toolbox", "true"],
    &["run", "--rm", "--network", "none", "--pid", "host", "--uts", "host", "--cgroupns", "private", "toolbox", "true"],
    &["run", "--rm", "--network", "none", "--ipc", "host", "--cgroupns", "host", "toolbox", "true"],
    &["run", "--rm", "--network", "none", "--ipc", "none", "toolbox", "true"],
    &["run", "--rm", "--network", "none", "--time-offset", "boottime=240h", "--time-offset", "monotonic=-1s", "toolbox", "true"],
    &["run", "--rm", "--network", "none", "--userns-own", "toolbox", "id"],
    &["ns"],
    &["volume", "create", "more"],
    &["volume", "rm", "more"],
    &["create", "--name", "made", "--network", "none", "toolbox", "true"],
    &["cp", "/proc/sys/kernel/ostype", "made:/tmp"],
    &["cp", "made:/etc", "-"],
    &["start", "made"],
    &["rm", "made"],
];

/// What is asked of a container that runs: `docker run -d` first, all in one pid namespace, which has to last from one command to the next.
const RUNNING: &[&[&str]] = &[
    &["exec", "web", "cat", "/proc/1/comm"],
    &["exec", "-t", "-u", "nobody", "-w", "/tmp", "-e", "A=b", "web", "tty"],
    &["run", "--rm", "--network", "container:web", "--ipc", "container:web", "--pid", "container:web", "toolbox", "true"],
    &["run", "--rm", "--network", "none", "-v", "memory:/here:ro", "toolbox", "true"],
    &["run", "--rm", "--network", "none", "-v", "/usr:/here:rshared", "-v", "/usr/share:/there:ro,slave", "toolbox", "true"],
    &["ns", "web"],
    &["top", "web"],
    &["stats", "--no-stream", "web"],
    &["events", "--since", "1h", "--until", "0s"],
    &["cp", "/proc/sys/kernel/ostype", "web:/tmp"],
    &["cp", "web:/etc", "-"],
    &["pause", "web"],
    &["unpause", "web"],
    &["update", "--pids-limit", "30", "--cpu-shares", "300", "web"],
    &["rename", "web", "site"],
    &["rename", "site", "web"],
    &["kill", "-s", "USR1", "web"],
    &["stop", "-t", "1", "web"],
    &["logs", "web"],
    &["start", "web"],
    &["kill", "web"],
    &["rm", "-f", "web"],
];

#[test]
fn so_are_those_of_commands_on_a_running_container() {
    if !can_trace() {
        skip("needs root and strace");
        return;
    }
    let scratch = Scratch::new("running", Caller::Root);
    let glassbox = scratch.glassbox();
    let mut script = format!(
        "mount --make-rshared / || exit
         {glassbox} volume create -o type=tmpfs -o device=tmpfs memory || exit
         {glassbox} run -d --name web --network none --ipc shareable -v memory:/memory toolbox sleep 1000 || exit\n"
    );
    for (at, words) in RUNNING.iter().enumerate() {
        let words = words.join(" ");
        let (plan, trace) = (scratch.0.join(format!("{at}.json")), scratch.0.join(format!("{at}.trace")));
        // strace would wait for the monitor of a container that is started.
        let strace = if words.starts_with("start") { "" } else { "strace -f -s 65536 -o" };
        let trace = if strace.is_empty() { String::new() } else { trace.display().to_string() };
        script += &format!("{glassbox} --plan=json {words} > {}\n{strace} {trace} {glassbox} {words}\n", plan.display());
    }
    let output = run(scratch.command("unshare").args(["-mpfn", "--mount-proc", "sh", "-c", &script]));
    let mut calls = 0;
    for (at, words) in RUNNING.iter().enumerate() {
        let read = |ending: &str| fs::read_to_string(scratch.0.join(format!("{at}.{ending}"))).unwrap_or_default();
        let tree: PlanTree = serde_json::from_str(&read("json")).unwrap_or_else(|error| panic!("{words:?}: {error}: {output:?}"));
        let mut steps = Vec::new();
        leaves(&tree.steps, &mut steps);
        if words[0] == "start" {
            continue;
        }
        let trace = parse_trace(&read("trace"));
        let claims = claims(&steps, &trace);
        calls += claims.iter().map(|(_, calls)| calls.len()).sum::<usize>();
        assert!(!steps.is_empty(), "{words:?}: {output:?}");
        assert_bears_out(words, &steps, (&claims, &[]), &trace, || format!("{words:?}"));
    }
    assert!(calls > 100, "only {calls} calls were held against traces");
}

#[test]
fn the_calls_that_explanations_name_are_made_in_that_order() {
    if !can_trace() {
        skip("needs root and strace");
        return;
    }
    let scratch = Scratch::new("cases", Caller::Root);
    let calls: usize = CASES.iter().map(|words| check(&scratch, words)).sum();
    assert!(calls > 100 * 10, "only {calls} calls were held against traces");
}

/// Where the steps are told one by one they are carried out one by one: the plan's order and no other.
#[test]
fn a_run_that_is_explained_keeps_the_order_of_the_plan() {
    if !can_trace() {
        skip("needs root and strace");
        return;
    }
    let scratch = Scratch::new("explained", Caller::Root);
    let words = ["run", "--rm", "-m", "64m", "--network", "none", "toolbox", "true"];
    let tree = plan(&scratch, &words);
    let mut steps = Vec::new();
    leaves(&tree.steps, &mut steps);
    leaves(&tree.monitor, &mut steps);
    let trace = traced(&scratch, &[&["--explain"], &words[..]].concat());
    let claims = claims(&steps, &trace);
    assert!(claims.iter().map(|(_, calls)| calls.len()).sum::<usize>() > 100);
    assert_made(&claims, &trace, || format!("{words:?}, {}", keep(&scratch)));
}

#[test]
fn so_are_those_of_an_ordinary_user() {
    let prefix = Caller::Nobody.prefix();
    let scratch = Scratch::new("ordinary", Caller::Nobody);
    let reaches = || scratch.command(prefix[0]).args(&prefix[1..]).arg(scratch.glassbox()).arg("ps").output();
    if !can_trace() || !reaches().is_ok_and(|output| output.status.success()) {
        skip("needs root, strace, setpriv, and a folder for temporary files that anybody may enter");
        return;
    }
    check(&scratch, &["run", "--rm", "--network", "none", "toolbox", "id"]);
    check(&scratch, &["run", "--rm", "--network", "host", "--hostname", "web", "toolbox", "cat", "/proc/self/uid_map"]);
}
