//! Builds: with SOURCE_DATE_EPOCH the same Dockerfile and context come to the same bytes, on Linux, twice, and in the model; and one that is
//! interrupted ends at once.

// clippy.toml allows it in test functions; these are what they are made of.
#![allow(clippy::unwrap_used)]

mod shared;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use glassbox_core::host::HostFacts;
use glassbox_tests::apart::apart;
use glassbox_tests::binary::{Engine, skip};
use glassbox_tests::fixture::Fixture;
use glassbox_tests::kernels::{Machine, Model};
use glassbox_tests::suite;

/// Instructions of every kind that makes a layer; a file of the context is younger than the epoch.
const SCRIPT: &str = "\
# The same everywhere.
$ docker create -i --name box --network none toolbox sh -c 'mkdir -p /ctx/d; echo one > /ctx/d/one; echo two > /ctx/two; cat > /ctx/Dockerfile'
$ docker start -ai box
< FROM toolbox AS make
< WORKDIR /app
< COPY d two ./
< ENV GREETING=hello
< RUN echo $GREETING > greeting; mkdir sub; ln -s ../two sub/link; ln two three; rm one; chmod 600 greeting
< FROM toolbox
< COPY --from=make --chown=7:8 /app /app
< COPY --chmod=755 <<run /run.sh
< cat /app/greeting
< run
< USER 7
< CMD [\"sh\", \"/run.sh\"]
$ docker cp box:/ctx <place>/ctx
$ docker build -q --build-arg SOURCE_DATE_EPOCH=1700000000 -t web <place>/ctx
$ docker image inspect --format '{{.Id}} {{json .RootFS.Layers}} {{.Created}}' web
";

fn built(machine: &mut dyn Machine) -> String {
    let script = Fixture::parse("reproducible", SCRIPT).unwrap();
    let (shown, _) = suite::run(machine, &script).unwrap();
    let shown = |back: usize| &shown[shown.len() - back].exchange;
    assert_eq!(shown(2).exit_code, 0, "{}: {}", machine.name(), shown(2).stderr);
    assert!(shown(2).stdout.starts_with("sha256:"), "{}: {}", machine.name(), shown(2).stdout);
    format!("{}{}", shown(2).stdout, shown(1).stdout)
}

#[test]
fn the_same_build_comes_to_the_same_bytes_on_linux_twice_and_in_the_model() {
    if !suite::is_root() {
        skip("containers with all namespaces need root");
        return;
    }
    shared::share_mounts();
    let (_first_place, mut first) = suite::linux().unwrap();
    let on_linux = built(&mut first);
    let (_second_place, mut second) = suite::linux().unwrap();
    assert_eq!(on_linux, built(&mut second));
    let host = first.facts().unwrap();
    assert_eq!(on_linux, built(&mut Model::new(&host)));
    // Another machine's model, on which it is another day.
    let elsewhere = HostFacts { now_ns: host.now_ns + 86_400_000_000_000, ..host };
    assert_eq!(on_linux, built(&mut Model::new(&elsewhere)));
}

/// A build whose second RUN never ends.
const ENDLESS: &str = "FROM toolbox\nRUN echo one > /one\nRUN echo it is at work; sleep 1000\n";

/// Ctrl-C ends the RUN at once, also a second one; what was there before it stays in the cache, and nothing else is left.
#[test]
fn an_interrupt_ends_a_run_at_once() -> anyhow::Result<()> {
    apart("an_interrupt_ends_a_run_at_once", || {
        let engine = Engine::new()?;
        let context = tempfile::tempdir()?;
        let directory = context.path().display().to_string();
        std::fs::write(context.path().join("Dockerfile"), ENDLESS)?;
        let mut build = engine.command(&["build", "--progress", "plain", &directory]);
        let mut build = build.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(build.stderr.take().context("it has a stderr")?).lines();
        while !lines.next().context("it ended before its second RUN wrote anything")??.ends_with(" it is at work") {}
        let begun = Instant::now();
        ensure!(Command::new("kill").args(["-INT", &build.id().to_string()]).status()?.success());
        let rest = lines.collect::<Result<Vec<_>, _>>()?.join("\n");
        let code = build.wait()?.code();
        ensure!(code == Some(130) && rest.ends_with("Canceled: context canceled"), "{code:?} {rest}");
        ensure!(begun.elapsed() < Duration::from_secs(30), "it took {:?}", begun.elapsed());
        ensure!(engine.succeed("ps -aq")?.stdout.is_empty());
        std::fs::write(context.path().join("Dockerfile"), ENDLESS.replace("sleep 1000", "exit 0"))?;
        let again = engine.run_words(&["build", "--progress", "plain", &directory])?;
        ensure!(again.code == Some(0) && again.stderr.contains("CACHED"), "{again:?}");
        Ok(())
    })
}
