//! An image from Docker's builder to this engine, and from this engine's to Docker: with the same output, environment, user and exit code.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::Daemon;
use crate::binary::Engine;
use crate::fixture::Exchange;
use crate::marked;

const RUN: [&str; 5] = ["run", "--rm", "--network", "none", "app"];

/// Both ways, by archives; an error says what was lost.
pub fn round_trips(daemon: &Daemon) -> Result<()> {
    let place = tempfile::tempdir_in(daemon.place())?;
    marked::write_context(&place.path().join("context"))?;
    to_docker(daemon, place.path()).context("built here, for Docker")?;
    daemon.clear()?;
    from_docker(daemon, place.path()).context("built by Docker, for us")?;
    daemon.clear()
}

fn to_docker(daemon: &Daemon, place: &Path) -> Result<()> {
    let engine = Engine::new()?;
    let (context, archive) = (place.join("context"), place.join("ours.tar"));
    engine.succeed(&format!("build -q -t app {}", context.display()))?;
    engine.succeed(&format!("save -o {} app", archive.display()))?;
    docker(daemon, &["load", "-q", "-i", &archive.display().to_string()])?;
    let ran = daemon.client().words(&RUN)?;
    same((Some(ran.exit_code), ran.stdout))?;
    // What they are called is a digest of all that they are.
    let theirs = docker(daemon, &["inspect", "--format", "{{.Id}}", "app"])?.stdout;
    let ours = engine.succeed("inspect --format {{.Id}} app")?.stdout;
    ensure!(ours == theirs, "the image is {ours:?} here and {theirs:?} there");
    Ok(())
}

fn from_docker(daemon: &Daemon, place: &Path) -> Result<()> {
    let engine = Engine::new()?;
    let (context, archive) = (place.join("context").display().to_string(), place.join("theirs.tar").display().to_string());
    // By the builder that the daemon itself has.
    docker(daemon, &["build", "-q", "-t", "app", &context])?;
    docker(daemon, &["save", "-o", &archive, "app"])?;
    engine.succeed(&format!("load -q -i {archive}"))?;
    let ran = engine.run(&RUN.join(" "))?;
    same((ran.code, ran.stdout))
}

fn same(shown: (Option<i32>, String)) -> Result<()> {
    let expected = marked::expected();
    ensure!(shown == expected, "a container shows {shown:?} instead of {expected:?}");
    Ok(())
}

fn docker(daemon: &Daemon, words: &[&str]) -> Result<Exchange> {
    let done = daemon.client().words(words)?;
    ensure!(done.exit_code == 0, "docker {}: {}", words.join(" "), done.stderr);
    Ok(done)
}
