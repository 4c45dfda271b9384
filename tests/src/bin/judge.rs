//! Docker's own answer to every fixture. `cargo xtask test --only docker` starts it, apart; `GLASSBOX_FIXTURE=a,b` picks some; `round-trips` is one more.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use glassbox_tests::docker::{Daemon, Verdict, judge, round_trips};
use glassbox_tests::suite;

/// The least number of fixtures that Docker agrees with wholly, so that an empty folder does not pass.
const AGREE_MIN: usize = 250;

fn main() -> Result<()> {
    let root = std::env::var_os("GLASSBOX_DOCKER_ROOT").context("GLASSBOX_DOCKER_ROOT names a root with docker.io in it")?;
    let only = std::env::var("GLASSBOX_FIXTURE").ok();
    let chosen = |name: &str| only.as_ref().is_none_or(|only| only.split(',').any(|word| word == name));
    let daemon = Daemon::start(&PathBuf::from(root))?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut problems = Vec::new();
    if chosen("round-trips") {
        round_trips(&daemon).context("round trip")?;
        println!("an image of each runs as it does with the other");
    }
    for fixture in suite::fixtures()?.iter().filter(|fixture| chosen(&fixture.name)) {
        let place = tempfile::tempdir_in(daemon.place())?;
        let verdict =
            judge(&daemon.client(), place.path(), fixture).unwrap_or_else(|error| Verdict::Wrong(vec![format!("{error:#}")]));
        daemon.clear()?;
        let kind = kind(&verdict);
        *counts.entry(kind).or_default() += 1;
        println!("{}: {kind}", fixture.name);
        match verdict {
            Verdict::NotAsked(why) => println!("  {why}"),
            Verdict::Wrong(lines) => problems.push(format!("{}:\n{}", fixture.name, lines.join("\n"))),
            Verdict::Agrees | Verdict::Differs(_) => {}
        }
    }
    println!("{counts:?}");
    if !problems.is_empty() {
        bail!("{} fixtures say what Docker does not\n{}", problems.len(), problems.join("\n"));
    }
    if only.is_none() && counts.get(kind(&Verdict::Agrees)).is_none_or(|agree| *agree < AGREE_MIN) {
        bail!("fewer than {AGREE_MIN} fixtures agree");
    }
    Ok(())
}

fn kind(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Agrees => "agrees",
        Verdict::Differs(_) => "agrees but for what it names",
        Verdict::NotAsked(_) => "not asked",
        Verdict::Wrong(_) => "WRONG",
    }
}
