//! What a session's commands are told of, in order.

use crate::host::HostFacts;
use crate::session::Session;

/// Each as `type action name`, of what these commands did.
fn told(lines: &[&str]) -> Vec<String> {
    let mut session = Session::new(HostFacts::example());
    for line in lines {
        session.command(line);
    }
    let told = |happening: &crate::model::happening::Happening| {
        let name = happening.attributes.get("name").cloned().unwrap_or_else(|| happening.id.clone());
        format!("{} {} {name}", happening.kind, happening.action)
    };
    session.world().state().happenings.iter().map(told).collect()
}

#[test]
fn a_run_in_the_foreground_is_told_in_dockers_order() {
    let run = "docker run --rm --name web --network none -v data:/data toolbox true";
    let expected = [
        "volume create data",
        "container create web",
        "container attach web",
        "volume mount data",
        "container start web",
        "volume unmount data",
        "container die web",
        "container destroy web",
    ];
    assert_eq!(told(&[run]), expected);
}

#[test]
fn a_restart_is_an_end_and_a_start() {
    let all = told(&["docker run -d --name web --network none toolbox sleep 1000", "docker restart -t 0 web"]);
    let expected = ["create", "start", "kill", "kill", "die", "stop", "start", "restart"];
    assert_eq!(all.iter().filter_map(|line| line.split(' ').nth(1)).collect::<Vec<_>>(), expected);
}

#[test]
fn an_exec_has_one_id_from_beginning_to_end() {
    let mut session = Session::new(HostFacts::example());
    session.command("docker run -d --name web --network none toolbox sleep 1000");
    session.command("docker exec web sh -c 'exit 3'");
    let state = session.world().state().clone();
    let of: Vec<_> = state.happenings.iter().filter(|happening| happening.action.starts_with("exec_")).collect();
    let actions: Vec<&str> = of.iter().map(|happening| happening.action.as_str()).collect();
    assert_eq!(actions, ["exec_create: sh -c exit 3", "exec_start: sh -c exit 3", "exec_die"]);
    let ids: std::collections::BTreeSet<_> = of.iter().map(|happening| &happening.attributes["execID"]).collect();
    assert_eq!((ids.len(), ids.first().map(|id| id.len())), (1, Some(64)));
    assert_eq!(of[2].attributes["exitCode"], "3");
}

#[test]
fn the_log_is_bounded() {
    let mut state = crate::model::State::of_engine("/var/lib/glassbox");
    let happening = |number: u64| crate::model::happening::Happening::of_volume("data", "create", number);
    (0..5000).for_each(|number| state.keep(vec![happening(number)]));
    assert!(state.happenings.len() <= 2 * crate::model::happening::HAPPENINGS_MAX);
    assert_eq!(state.happenings.last().map(|last| (last.number, last.at_ns)), Some((4999, 4999)));
}
