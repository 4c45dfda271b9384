//! Docker's own answers, in `tests/build-check.txt`: asked of dockerd 28.5.2 with buildx 0.29.1, `docker build --check --progress quiet`.

use std::collections::BTreeMap;

use super::{CheckInput, Report, check};
use crate::view::build_check;

/// Also read where there are no files: as WebAssembly.
const ANSWERS: &str = include_str!("../../../../tests/build-check.txt");

/// An answer: `== NAME` lines, and what is between them.
fn parts(text: &str) -> BTreeMap<String, String> {
    let mut parts: BTreeMap<String, String> = BTreeMap::new();
    let mut name = String::new();
    for line in text.split_inclusive('\n') {
        match line.strip_prefix("== ") {
            Some(title) => {
                name = title.split([',', '\n']).next().unwrap_or_default().to_string();
                parts.insert(name.clone(), String::new());
            }
            None => parts.entry(name.clone()).or_default().push_str(line),
        }
    }
    parts
}

fn report(parts: &BTreeMap<String, String>) -> Report {
    let words: Vec<&str> = parts.get("arguments").map(|line| line.split_whitespace().collect()).unwrap_or_default();
    let of = |flag: &str| words.iter().position(|word| *word == flag).and_then(|at| words.get(at + 1)).copied();
    let build_args: Vec<(String, String)> = of("--build-arg")
        .and_then(|arg| arg.split_once('='))
        .map(|(name, value)| (name.into(), value.into()))
        .into_iter()
        .collect();
    check(&CheckInput {
        text: &parts["Dockerfile"],
        ignore: parts.get(".dockerignore").map(String::as_str),
        build_args: &build_args,
        target: of("--target"),
        platform: "linux/amd64",
        base: &|_| None,
    })
}

/// Names and answers.
fn cases() -> Vec<(&'static str, BTreeMap<String, String>)> {
    let cases = ANSWERS.strip_prefix("=== ").unwrap().trim_end().split("\n=== ");
    cases.map(|case| case.split_once('\n').unwrap()).map(|(name, text)| (name, parts(&format!("{text}\n")))).collect()
}

#[test]
fn what_is_said_of_a_dockerfile_is_what_docker_says() {
    let mut wrong = Vec::new();
    let cases = cases();
    assert!(cases.len() > 150);
    for (name, parts) in cases {
        let text = &parts["Dockerfile"];
        let report = report(&parts);
        // What is ours comes behind, and is marked.
        let refusal = build_check::refusal(&report, text, "Dockerfile");
        let refusal: String = refusal.split_inclusive('\n').filter(|line| !line.starts_with("glassbox: ")).collect();
        let said = (build_check::findings(&report, text, "Dockerfile"), refusal);
        let docker = (parts["stdout"].clone(), parts.get("stderr").cloned().unwrap_or_default());
        if said != docker {
            wrong.push(format!("{name}\n  docker {docker:?}\n  here   {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}
