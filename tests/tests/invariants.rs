//! The invariants of the architecture that are not the tidy test's: planning is pure, every step has an explanation, a cause and an undo,
//! the same commands give the same events, a recording tells its format, and `core` does no I/O, not even by what it depends on.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test: what fails here is the test")]

use std::collections::BTreeSet;
use std::process::Command;
use std::rc::Rc;

use glassbox_core::cli;
use glassbox_core::explain::explain;
use glassbox_core::host::HostFacts;
use glassbox_core::model::State;
use glassbox_core::oci::toolbox::image;
use glassbox_core::plan::{self, Cause, Plan};
use glassbox_core::session::{Input, Session};
use glassbox_core::step::{Step, Undo, samples};
use glassbox_core::view::plan::{PlanNode, PlanTree, plan_tree};

/// All forms of commands, as typed into a machine on which `up` runs and `made` was created.
const LINES: [&str; 28] = [
    "run toolbox",
    "run --rm --network none toolbox true",
    "run -d --name bg toolbox sleep 1",
    "run -it toolbox sh",
    "run --rm -m 64m --cpus 0.5 --pids-limit 20 toolbox true",
    "run --rm --read-only --init toolbox true",
    "run --rm -u nobody -w /srv/new -e A=b toolbox true",
    "run --rm --hostname h --entrypoint echo toolbox hi",
    "run --rm --privileged toolbox true",
    "run --rm --cap-add SYS_ADMIN --cap-drop KILL toolbox true",
    "run --rm --security-opt no-new-privileges --network host toolbox true",
    "create --name new toolbox true",
    "start made",
    "start -a made",
    "stop up",
    "stop -t 1 up",
    "kill up",
    "kill -s TERM up",
    "rm made",
    "rm -f up",
    "wait up",
    "exec up true",
    "exec -d up sleep 1",
    "ps -a",
    "logs up",
    "logs -f up",
    "inspect up",
    "version",
];

/// A machine on which `up` runs and `made` was created.
fn machine() -> (State, HostFacts) {
    let host = HostFacts::example();
    let mut session = Session::new(host.clone());
    for line in ["run -d --name up --network none toolbox sleep 1000", "create --name made toolbox true"] {
        session.command(line);
    }
    let state = session.world().state().clone();
    assert_eq!(state.containers.size(), 2);
    (state, host)
}

fn planned(line: &str, state: &State, host: &HostFacts) -> (Plan, PlanTree) {
    let invocation = Rc::new(cli::parse_line(line).unwrap_or_else(|error| panic!("{line}: {}", error.message)));
    let plan = plan::plan(&invocation, state, host).unwrap_or_else(|error| panic!("{line}: {}", error.message));
    let tree = plan_tree(&plan, state, host);
    (plan, tree)
}

/// Every node of every tree.
fn all_nodes(tree: &PlanTree) -> Vec<&PlanNode> {
    let mut open: Vec<&PlanNode> = tree.steps.iter().chain(&tree.monitor).collect();
    let mut all = Vec::new();
    while let Some(node) = open.pop() {
        open.extend(&node.children);
        all.push(node);
    }
    all
}

/// A cause without a word in it is none. Answers what is missing.
fn empty_cause(cause: &Cause) -> bool {
    let text = match cause {
        Cause::Words { text, span } => return text.trim().is_empty() || span.start >= span.end,
        Cause::EarlierWords { text, .. } => text,
        Cause::ImageConfig { field, .. } => field,
        Cause::Dockerfile { line: 0, .. } => return true,
        Cause::Dockerfile { text, .. } => text,
        Cause::Default { what, .. } => what.as_ref(),
        Cause::Need { why, .. } => why.as_ref(),
    };
    text.trim().is_empty()
}

fn faults(node: &PlanNode) -> Vec<&'static str> {
    let why_not = matches!(&node.undo, Undo::Impossible { why } | Undo::LeftStanding { why } if why.trim().is_empty());
    let checks = [
        ("no cause", node.causes.is_empty()),
        ("an empty cause", node.causes.iter().any(empty_cause)),
        ("no headline", node.headline.trim().is_empty()),
        ("no why", node.why.trim().is_empty()),
        ("a leaf without a call", node.calls.is_empty() && !node.step.is_composite()),
        ("no reason for being without undo", why_not),
    ];
    checks.into_iter().filter(|(_, fault)| *fault).map(|(name, _)| name).collect()
}

#[test]
fn every_step_of_every_plan_has_an_explanation_a_cause_and_an_undo() {
    let (state, host) = machine();
    let mut steps = 0;
    let mut names = BTreeSet::new();
    for line in LINES {
        let (_, tree) = planned(line, &state, &host);
        assert!(!tree.steps.is_empty(), "{line} has no step");
        for node in all_nodes(&tree) {
            assert_eq!(faults(node), [""; 0], "{line}: {} {}", node.id, node.name);
            names.insert(node.name.clone());
            steps += 1;
        }
    }
    assert!(steps > 500, "only {steps} steps were looked at");
    let known: BTreeSet<String> = samples::all().iter().map(|step| step.name().to_string()).collect();
    let unknown: Vec<&String> = names.difference(&known).collect();
    assert!(unknown.is_empty(), "no sample of {unknown:?}");
}

#[test]
fn a_step_without_a_cause_is_found() {
    let (state, host) = machine();
    let (_, tree) = planned(LINES[1], &state, &host);
    let mut node = all_nodes(&tree)[0].clone();
    node.causes.clear();
    node.undo = Undo::Impossible { why: " ".into() };
    assert_eq!(faults(&node), ["no cause", "no reason for being without undo"]);
    node.causes.push(Cause::Need { of: "PivotRoot".into(), why: "".into() });
    assert_eq!(faults(&node)[0], "an empty cause");
}

#[test]
fn every_kind_of_step_is_explained_and_can_be_undone_or_says_why_not() {
    for step in samples::all() {
        let explanation = explain(&step);
        assert!(!explanation.headline.is_empty() && !explanation.why.is_empty(), "{}", step.name());
        if let Undo::Impossible { why } | Undo::LeftStanding { why } = step.undo() {
            assert!(why.trim().len() > 10, "{}: {why}", step.name());
        }
        assert_eq!(step.undo() == Undo::ByItsSteps, matches!(step, Step::Phase(_)), "{}", step.name());
    }
}

#[test]
fn planning_is_pure() {
    let (state, host) = machine();
    let (state_before, host_before) = (format!("{state:?}"), host.clone());
    for line in LINES {
        let (first, first_tree) = planned(line, &state, &host);
        let (second, second_tree) = planned(line, &state, &host);
        assert_eq!(first.steps, second.steps, "{line}");
        assert_eq!(first.monitor, second.monitor, "{line}");
        assert_eq!(first_tree.to_json(), second_tree.to_json(), "{line}");
        assert_eq!(first_tree.to_text(), second_tree.to_text(), "{line}");
    }
    assert_eq!(format!("{state:?}"), state_before, "planning has changed the state");
    assert_eq!(host, host_before);
}

#[test]
fn a_plan_depends_on_what_it_is_given() {
    let (state, host) = machine();
    let other = HostFacts { entropy: [9; 32], ..host.clone() };
    let json = |host: &HostFacts| planned("run --rm toolbox true", &state, host).1.to_json();
    assert_ne!(json(&host), json(&other), "ids are made of the entropy alone");
    let mut empty = State::default();
    let image = image(&host.toolbox);
    empty.images.insert_mut(image.id.clone(), image);
    let words = Rc::new(cli::parse_line("rm made").unwrap());
    let plan = plan::plan(&words, &empty, &host).unwrap();
    assert_eq!((plan.steps.len(), plan.exit_code), (0, 1));
}

/// The timeline of a session as text: steps, events, errors, times.
fn timeline(session: &Session) -> String {
    session.timeline().iter().map(|entry| serde_json::to_string(entry).unwrap() + "\n").collect()
}

#[test]
fn the_same_commands_give_the_same_events() {
    let lines = ["run --rm --network none toolbox sh -c 'echo a; ls /; hostname > /x'", "run -d --name w toolbox sleep 5"];
    let more = ["exec w ps", "ps -a", "stop -t 1 w", "logs w", "rm w", "run -m 32m toolbox nope", "run -i toolbox cat"];
    let mut first = Session::new(HostFacts::example());
    for line in lines.iter().chain(&more) {
        first.command(line);
    }
    first.give(&Input::Bytes(b"typed\n".to_vec()));
    first.run(1000);
    first.give(&Input::End);
    first.run(1000);
    let mut second = Session::replay(HostFacts::example(), first.recording()).unwrap();
    second.run(1000);
    assert!(first.timeline().len() > 150, "only {} entries", first.timeline().len());
    assert!(timeline(&first) == timeline(&second), "a replay differs");
    let third = Session::replay(HostFacts { entropy: [1; 32], ..HostFacts::example() }, first.recording()).unwrap();
    assert!(timeline(&first) != timeline(&third), "the comparison cannot fail");
}

#[test]
fn a_recording_of_another_format_is_refused() {
    let mut session = Session::new(HostFacts::example());
    session.command("ps");
    let mut recording = session.recording().clone();
    assert_eq!(recording.format, 1);
    assert!(Session::replay(HostFacts::example(), &recording).is_ok());
    recording.format = 2;
    let refused = Session::replay(HostFacts::example(), &recording).unwrap_err();
    assert!(refused.contains("format 2") && refused.contains("format 1"), "{refused}");
}

/// Crates that reach for the system. `core` may depend on none of them, however indirectly.
const IO_CRATES: [&str; 22] = [
    "nix",
    "libc",
    "rustix",
    "tokio",
    "mio",
    "socket2",
    "getrandom",
    "rand",
    "rand_core",
    "tempfile",
    "walkdir",
    "dirs",
    "chrono",
    "reqwest",
    "ureq",
    "hyper",
    "web-sys",
    "js-sys",
    "wasm-bindgen",
    "crossterm",
    "windows-sys",
    "rayon",
];

#[test]
fn core_depends_on_nothing_that_does_io() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let arguments = ["tree", "--offline", "--locked", "-p", "glassbox-core", "-e", "normal", "--prefix", "none", "--format", "{p}"];
    let target = ["--target", "wasm32-unknown-unknown"];
    let output = Command::new(env!("CARGO")).args(arguments).args(target).current_dir(root).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let names: BTreeSet<&str> = text.lines().filter_map(|line| line.split(' ').next()).filter(|name| !name.is_empty()).collect();
    assert!(names.contains("glassbox-core") && names.contains("serde"), "{names:?}");
    let found: Vec<&&str> = IO_CRATES.iter().filter(|name| names.contains(**name)).collect();
    assert!(found.is_empty(), "core depends on {found:?}");
}
