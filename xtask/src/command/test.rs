//! `cargo xtask test`: every stage in order, each under its heading with the runners' own output, and one table at the end.
//!
//! It goes on after a failure, so that one run tells all; it exits non-zero if any stage failed.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::stage::{self, Stage};
use crate::{need, process, workspace};

/// What a run from nothing leaves below `target`, in 10^9 bytes; and one that follows.
const ROOM_GB: u64 = 9;
const ROOM_AGAIN_GB: u64 = 2;

/// What may be said after `cargo xtask test`.
#[derive(clap::Args)]
pub struct Options {
    /// Only these stages
    #[arg(long, num_args = 1.., value_name = "NAME")]
    only: Vec<String>,
    /// Also the stage `vm`: the Linux suites in a booted stock Debian (builds the image the first time, as root)
    #[arg(long)]
    vm: bool,
    /// Also what takes hours of a night: the stage `fuzz`
    #[arg(long)]
    nightly: bool,
    /// Only the fast stages
    #[arg(long)]
    quick: bool,
    /// Stop at the first stage that fails
    #[arg(long)]
    fail_fast: bool,
}

struct Outcome {
    name: &'static str,
    took: Duration,
    error: Option<String>,
}

/// Runs the chosen stages.
pub fn run(options: &Options) -> Result<()> {
    let stages = chosen(options)?;
    if options.only.is_empty() && !options.quick {
        room()?;
    }
    let mut outcomes = Vec::new();
    for stage in &stages {
        let outcome = run_stage(stage);
        let failed = outcome.error.is_some();
        outcomes.push(outcome);
        if failed && options.fail_fast {
            break;
        }
    }
    print!("{}", table(&outcomes));
    match outcomes.iter().filter(|outcome| outcome.error.is_some()).count() {
        0 => Ok(()),
        failed => bail!("{failed} of {} stages failed", outcomes.len()),
    }
}

/// All stages together need room for what they build: it is named before an hour is spent.
fn room() -> Result<()> {
    let target = workspace::target();
    let (needed, why) = if target.join("debug/deps").exists() { (ROOM_AGAIN_GB, "at least") } else { (ROOM_GB, "about") };
    let free = process::output(process::program("df").args(["--output=avail", "--block-size=1000000000"]).arg(workspace::root()));
    let free: Option<u64> = free.and_then(|table| table.lines().last()?.trim().parse().ok());
    match free {
        Some(free) if free < needed => {
            bail!(
                "all tests need {why} {needed} GB below {}, and {free} GB are free: make room, and run this again",
                target.display()
            )
        }
        // Where it is not known, it shows.
        _ => Ok(()),
    }
}

fn chosen(options: &Options) -> Result<Vec<Stage>> {
    let mut stages = stage::all();
    let known: Vec<_> = stages.iter().map(|stage| stage.name).collect();
    if let Some(unknown) = options.only.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("there is no stage {unknown:?}; the stages are: {}", known.join(" "));
    }
    if !options.only.is_empty() {
        stages.retain(|stage| options.only.iter().any(|name| name == stage.name));
    }
    if options.only.is_empty() && !options.vm {
        stages.retain(|stage| stage.name != stage::VM.name);
    }
    if options.only.is_empty() && !options.nightly {
        stages.retain(|stage| stage.name != stage::FUZZ.name);
    }
    if options.only.is_empty() {
        stages.retain(|stage| stage.name != stage::DOCKER.name);
    }
    if options.quick {
        stages.retain(|stage| stage.quick);
    }
    Ok(stages)
}

fn run_stage(stage: &Stage) -> Outcome {
    println!("\n== {}: {} ==", stage.name, stage.about);
    let start = Instant::now();
    let result = need::ensure(stage.needs).and_then(|()| (stage.run)());
    let error = result.err().map(|error| format!("{error:#}"));
    if let Some(error) = &error {
        eprintln!("{}: {error}", stage.name);
    }
    Outcome { name: stage.name, took: start.elapsed(), error }
}

fn table(outcomes: &[Outcome]) -> String {
    let mut text = String::from("\n== stages ==\n");
    for outcome in outcomes {
        let seconds = outcome.took.as_secs_f64();
        let result = outcome.error.as_ref().map_or("passed".into(), |error| format!("FAILED: {}", first_line(error)));
        text += &format!("{:<10} {seconds:>7.1} s  {result}\n", outcome.name);
    }
    text
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_line_for_each_stage_and_says_why_one_failed() {
        let passed = Outcome { name: "format", took: Duration::from_millis(1500), error: None };
        let failed =
            Outcome { name: "lints", took: Duration::from_secs(75), error: Some("cargo clippy: exit status: 101\nmore".into()) };
        let text = table(&[passed, failed]);
        assert_eq!(
            text,
            "\n== stages ==\nformat         1.5 s  passed\nlints         75.0 s  FAILED: cargo clippy: exit status: 101\n"
        );
    }
}
