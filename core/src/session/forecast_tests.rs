//! What a build would do, and files that are saved in an editor.

use super::{Fate, Forecast, Input, Session, forecast};
use crate::errno::Errno;
use crate::host::HostFacts;
use crate::query::{Probe, Query, Subject};
use crate::view::dockerfile::{StageFate, Value};

const DOCKERFILE: &str = "FROM toolbox\nWORKDIR /app\nCOPY . .\nRUN cat list > got\nCMD [\"cat\", \"got\"]\n";

fn session(files: &[(&str, &str)]) -> Session {
    let mut session = Session::new(HostFacts::example());
    for (name, text) in files {
        session.give(&Input::File { path: format!("/project/{name}"), text: Some((*text).to_string()) });
    }
    session
}

fn fates(forecast: &Forecast) -> Vec<&'static str> {
    let word = |fate: &Fate| match fate {
        Fate::Base => "base",
        Fate::Cached => "cached",
        Fate::Built { .. } => "built",
        Fate::Configured => "configured",
        Fate::Left => "left",
    };
    forecast.instructions.iter().map(|one| word(&one.fate)).collect()
}

#[test]
fn a_file_that_was_saved_is_built_with() {
    let mut session = session(&[("Dockerfile", DOCKERFILE), ("list", "one\n")]);
    session.command("docker build -q -t web /project");
    session.command("docker run --rm web");
    let shown: String = session.world().output().iter().map(|chunk| chunk.text().into_owned()).collect();
    assert!(shown.contains("\n$ docker run --rm web\n"), "{shown}");
    assert!(shown.ends_with("\none\n"), "{shown} {:?}", session.progress());
    let again = Session::replay(HostFacts::example(), session.recording()).unwrap();
    assert_eq!(again.timeline(), session.timeline());
}

#[test]
fn nothing_is_there_before_the_first_build_and_all_of_it_after() {
    let mut session = session(&[("Dockerfile", DOCKERFILE), ("list", "one\n")]);
    let before = forecast(session.world(), "/project", DOCKERFILE).unwrap();
    assert_eq!(fates(&before), ["base", "built", "built", "built", "configured"]);
    assert_eq!((before.error.as_str(), before.advice.as_str(), before.cut), ("", "", false));
    session.command("docker build -q /project");
    let after = forecast(session.world(), "/project", DOCKERFILE).unwrap();
    assert_eq!(fates(&after), ["base", "cached", "cached", "cached", "configured"]);
}

#[test]
fn a_file_that_changes_costs_what_comes_after_it() {
    let mut session = session(&[("Dockerfile", DOCKERFILE), ("list", "one\n"), ("other", "1")]);
    session.command("docker build -q /project");
    session.give(&Input::File { path: "/project/other".into(), text: Some("2".into()) });
    let told = forecast(session.world(), "/project", DOCKERFILE).unwrap();
    assert_eq!(fates(&told), ["base", "cached", "built", "built", "configured"]);
    let Fate::Built { why } = &told.instructions[2].fate else { panic!("{told:?}") };
    assert!(why.contains("file other has changed"), "{why}");
    assert!(told.advice.starts_with("Line 4 is carried out again because line 3 copies files"), "{}", told.advice);
    assert_eq!(session.world().command_text(), "docker build -q /project", "the session itself has built nothing");
}

#[test]
fn what_stands_in_the_editor_counts_and_is_not_saved() {
    let session = session(&[("list", "one\n")]);
    let told = forecast(session.world(), "/project", "FROM toolbox\nRUN nosuch\nRUN true\n").unwrap();
    assert_eq!(fates(&told), ["base", "built", "left"]);
    assert!(told.error.contains("127") && !told.error.contains("docker run"), "{}", told.error);
    let wrong = forecast(session.world(), "/project", "FROM toolbox\nRUNN true\n").unwrap();
    assert_eq!(fates(&wrong)[..1], ["left"]);
    assert!(wrong.findings[0].message.contains("RUNN"), "{wrong:?}");
    assert_eq!(wrong.findings[0].lines.map(|lines| lines.first), Some(2));
}

#[test]
fn a_stage_that_the_target_does_not_need_is_left() {
    let text =
        "FROM toolbox AS one\nRUN echo 1 > /one\nFROM toolbox AS two\nRUN echo 2 > /two\nFROM scratch\nCOPY --from=two /two /\n";
    let told = forecast(session(&[]).world(), "/project", text).unwrap();
    assert_eq!(fates(&told), ["left", "left", "base", "built", "base", "built"]);
}

#[test]
fn a_file_can_be_removed_and_no_directory_replaced() {
    let mut session = session(&[("a/b", "text")]);
    session.give(&Input::File { path: "/project/a".into(), text: Some("x".into()) });
    session.give(&Input::File { path: "/project/a/b/c".into(), text: Some("x".into()) });
    session.give(&Input::File { path: "relative".into(), text: None });
    let shown: String = session.world().output().iter().map(|chunk| chunk.text().into_owned()).collect();
    assert_eq!(shown.lines().count(), 3, "{shown}");
    session.give(&Input::File { path: "/project/a/b".into(), text: None });
    let asked = session.world().probe().ask(&Query::FileBytes(Subject::Host, "/project/a/b".into()));
    assert_eq!(asked, Err(Errno::ENOENT));
}

#[test]
fn the_dockerfile_is_seen_from_above_with_what_its_stages_weigh() {
    let session = Session::new(HostFacts::example());
    let text = "ARG A=1\nFROM toolbox AS build\nRUN echo 12345 > /five\nFROM toolbox\nENV B=2\nCOPY --from=build /five /\n";
    let view = forecast(session.world(), "/project", text).unwrap().overview.unwrap();
    let found: Vec<_> = view.stages.iter().map(|stage| (stage.fate, stage.bytes)).collect();
    assert_eq!(found, [(StageFate::LeftBehind, Some(6)), (StageFate::InImage, Some(6))]);
    assert_eq!(view.stages[1].taken[0].told(), "build: /five to / (line 6)");
    assert_eq!(view.variables.names, ["A", "B"]);
    let last = view.variables.rows.last().unwrap();
    assert_eq!(last.cells, [None, Some(Value { value: "2".into(), stays: true })]);
    assert!(forecast(session.world(), "/project", "RUN true\n").unwrap().overview.is_none());
}
