//! What Docker shows for a fixture, held against what the fixture says.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use super::Client;
use crate::fixture::{Exchange, Fixture, Kept};
use crate::normalise::Normaliser;
use crate::suite::PLACE;

/// Ours by design: said after Docker's own line.
const OURS: &str = "glassbox:";

/// containerd 1.7, which Docker 28 is delivered with, adds it to each error of runc's; containerd 2, which Debian has, does not.
const CONTAINERD_TAIL: &str = ": unknown";

/// So begins the reason where Docker shows the same at other times.
const BY_CHANCE: &str = "at times: ";

/// Docker and a fixture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Docker shows what the fixture says.
    Agrees,
    /// But for as many commands, where the fixture says why not.
    Differs(usize),
    /// There is nothing of Docker's in it, or it cannot be asked; why.
    NotAsked(String),
    /// One line each.
    Wrong(Vec<String>),
}

/// Runs the fixture's commands in `place`, and compares.
pub fn judge(client: &Client, place: &Path, fixture: &Fixture) -> Result<Verdict> {
    if let Some(why) = &fixture.docker_not_asked {
        return Ok(Verdict::NotAsked(why.clone()));
    }
    let is_dockers = |exchange: &&Exchange| exchange.line.starts_with("docker ");
    if fixture.commands.iter().filter(is_dockers).count() == 0 {
        return Ok(Verdict::NotAsked("only commands that Docker does not have".to_string()));
    }
    let place_text = place.to_string_lossy().into_owned();
    let root = client.data_root();
    let mut theirs = Normaliser::new(&[(&root, "<root>"), (&place_text, PLACE)]);
    let (mut wrong, mut files) = (Vec::new(), Kept::default());
    let began = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let began = format!("{}.{:09}", began.as_secs(), began.subsec_nanos());
    for exchange in fixture.commands.iter().filter(is_dockers) {
        // The daemon has seen other fixtures: what it tells is told from this one's beginning.
        let context = format!("{}: {}", fixture.name, exchange.line);
        let (bare, kept) = files.opened(exchange).context(context.clone())?;
        let line = bare.line.replace(PLACE, &place_text).replace("--since 1h", &format!("--since {began}"));
        let mut shown = client.run(&Exchange { line, ..bare }).context(context)?;
        files.keep(kept, &mut shown);
        wrong.extend(faults(exchange, &shown, &mut theirs));
    }
    let by_design = fixture.commands.iter().filter(|exchange| !exchange.differs.is_empty()).count();
    Ok(match (wrong.is_empty(), by_design) {
        (false, _) => Verdict::Wrong(wrong),
        (true, 0) => Verdict::Agrees,
        (true, count) => Verdict::Differs(count),
    })
}

/// What is wrong about this command.
fn faults(expected: &Exchange, shown: &Exchange, theirs: &mut Normaliser) -> Vec<String> {
    let found = differences(expected, shown, theirs);
    match (expected.differs.is_empty(), found.is_empty()) {
        (true, _) => found,
        (false, false) => Vec::new(),
        (false, true) if expected.differs.starts_with(BY_CHANCE) => Vec::new(),
        (false, true) => vec![format!("$ {}\n  Docker agrees: take its `~` line out", expected.line)],
    }
}

fn differences(expected: &Exchange, shown: &Exchange, theirs: &mut Normaliser) -> Vec<String> {
    let mut all = Vec::new();
    let mut compare = |what: &str, ours: &str, theirs: &str| {
        if ours != theirs {
            all.extend(only(ours, theirs).map(|line| format!("  {what} glassbox: {line}")));
            all.extend(only(theirs, ours).map(|line| format!("  {what}   docker: {line}")));
            if all.is_empty() {
                all.push(format!("  {what}: the same lines in another order, or another count of them"));
            }
        }
    };
    compare("stdout", &plain(&expected.stdout), &plain(&theirs.text(&shown.stdout)));
    compare("stderr", &plain(&without_ours(&expected.stderr)), &plain(&theirs.text(&shown.stderr)));
    compare("code", &expected.exit_code.to_string(), &shown.exit_code.to_string());
    if !all.is_empty() {
        all.insert(0, format!("$ {}", expected.line));
    }
    all
}

fn only<'a>(ours: &'a str, theirs: &'a str) -> impl Iterator<Item = &'a str> {
    ours.lines().filter(move |line| !theirs.lines().any(|other| other == *line))
}

fn without_ours(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with(OURS)).map(|line| format!("{line}\n")).collect()
}

/// As a fixture can hold it: each line ends, without blanks, and what containerd adds is gone.
fn plain(text: &str) -> String {
    let line = |line: &str| {
        let line = line.replace(&format!("{CONTAINERD_TAIL}: Are you trying"), ": Are you trying");
        format!("{}\n", line.strip_suffix(CONTAINERD_TAIL).unwrap_or(&line).trim_end())
    };
    text.lines().filter(|line| !is_chance(line)).map(line).collect()
}

/// The client's `cp` notices at times that the daemon has refused what it was sending.
fn is_chance(line: &str) -> bool {
    line.starts_with("time=") && line.contains(" level=error msg=\"Can't ") && line.contains("io: read/write on closed pipe")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(stdout: &str, stderr: &str, exit_code: i32) -> Exchange {
        Exchange { stdout: stdout.into(), stderr: stderr.into(), exit_code, ..Exchange::default() }
    }

    #[test]
    fn what_is_ours_by_design_is_left_out() {
        let ours = exchange("a\n", "Error: x: unknown\nglassbox: do y\n", 1);
        assert!(differences(&ours, &exchange("a\n", "Error: x\n", 1), &mut Normaliser::default()).is_empty());
    }

    #[test]
    fn every_difference_is_found() {
        let ours = exchange("a\nb\n", "c\n", 1);
        let found = |other: Exchange| differences(&ours, &other, &mut Normaliser::default()).len();
        assert_eq!(found(exchange("b\na\n", "c\n", 1)), 2);
        assert_eq!(found(exchange("a\nb\n", "d\n", 1)), 3);
        assert_eq!(found(exchange("a\nb\n", "c\n", 2)), 3);
        assert_eq!(found(exchange("a\nb\nb\n", "c\n", 1)), 2);
    }
}
