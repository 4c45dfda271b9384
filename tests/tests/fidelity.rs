//! Fidelity: every fixture by the model kernel and by Linux; what is shown, the ordered events and every answer have to agree, and
//! Linux has to show what the fixture says. `GLASSBOX_BLESS=1` writes what Linux shows into the fixtures.

// clippy.toml allows it in test functions; these are what they are made of.
#![allow(clippy::unwrap_used)]

mod shared;

use glassbox_tests::binary::skip;
use glassbox_tests::compare::Account;
use glassbox_tests::fixture::Fixture;
use glassbox_tests::kernels::{Machine, Model};
use glassbox_tests::suite;

/// The least number of fixtures, so that an empty folder does not pass.
const FIXTURES_MIN: usize = 60;

#[test]
fn every_fixture_shows_the_same_on_both_kernels() {
    if !suite::is_root() {
        skip("containers with all namespaces need root");
        return;
    }
    shared::share_mounts();
    let fixtures = suite::fixtures().unwrap();
    assert!(fixtures.len() >= FIXTURES_MIN, "only {} fixtures", fixtures.len());
    let only = std::env::var("GLASSBOX_FIXTURE").ok();
    let stride = stride();
    let wanted: Vec<_> = fixtures
        .iter()
        .enumerate()
        .filter(|(at, fixture)| at % stride == 0 || fixture.requires.iter().any(|what| what != "root"))
        .map(|(_, fixture)| fixture)
        .filter(|fixture| only.as_ref().is_none_or(|only| only.split(',').any(|name| fixture.name == name)))
        .collect();
    let outcomes = suite::at_once(&wanted, |fixture| compared(fixture));
    let skipped: Vec<&String> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    let problems: Vec<String> = outcomes.iter().flatten().flatten().cloned().collect();
    println!("{} fixtures compared, {} skipped {skipped:?}", outcomes.len() - skipped.len(), skipped.len());
    assert!(skipped.is_empty() || std::env::var_os("CI").is_none(), "skipped in CI: {skipped:?}");
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
}

/// `GLASSBOX_FIXTURE_STRIDE`: where the machine is slow, every so-many-th is run, and all that ask something of its limits.
fn stride() -> usize {
    let given = std::env::var("GLASSBOX_FIXTURE_STRIDE").ok().and_then(|text| text.parse().ok());
    given.unwrap_or(1).max(1)
}

/// What is wrong with it on this machine, or why it cannot run here.
fn compared(fixture: &Fixture) -> Result<Vec<String>, String> {
    let (_place, mut linux) = suite::linux().unwrap();
    let host = linux.facts().unwrap();
    if let Some(why) = suite::missing(fixture, &host) {
        return Err(why);
    }
    let mut problems = Vec::new();
    let (shown, seen) = suite::run(&mut linux, fixture).unwrap();
    let rendered = suite::rendered(&linux, fixture, &shown);
    let path = suite::folder().join(format!("{}.txt", fixture.name));
    if std::env::var_os("GLASSBOX_BLESS").is_some() {
        std::fs::write(&path, &rendered).unwrap();
    } else if rendered != std::fs::read_to_string(&path).unwrap() {
        problems.push(format!("{}: Linux shows otherwise than the fixture says:\n{rendered}", fixture.name));
    }
    let (_, predicted) = suite::run(&mut Model::new(&host), fixture).unwrap();
    let differences = predicted.differences(&seen, ("the model", "Linux"));
    if !differences.is_empty() {
        problems.push(format!("{}: the kernels differ\n  {}", fixture.name, differences.join("\n  ")));
    }
    Ok(problems)
}

/// The suite can fail: a model of another machine, and an account with one line changed, are told apart.
#[test]
fn a_planted_divergence_is_found() {
    let fixtures = suite::fixtures().unwrap();
    let fixture = fixtures.iter().find(|fixture| fixture.name == "memory-limit").unwrap();
    let host = glassbox_core::host::HostFacts::example();
    let mut other = host.clone();
    other.guarded_paths.remove("/proc/kcore");
    let account = |host| suite::run(&mut Model::new(host), fixture).unwrap().1;
    let (ours, theirs) = (account(&host), account(&other));
    assert!(ours.differences(&ours, ("a", "b")).is_empty());
    assert!(ours.differences(&theirs, ("a", "b")).iter().any(|line| line.contains("/proc/kcore")), "{theirs:?}");
    let mut planted: Account = ours.clone();
    planted.commands[0][0].push('!');
    assert!(!ours.differences(&planted, ("a", "b")).is_empty());
    let mut swapped = ours.clone();
    swapped.commands[0].swap(5, 6);
    assert!(!ours.differences(&swapped, ("a", "b")).is_empty(), "an exchange of two events goes unseen");
    let _: &dyn Machine = &Model::new(&host);
}
