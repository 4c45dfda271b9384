//! Builds: with SOURCE_DATE_EPOCH the same Dockerfile and context come to the same bytes, on Linux, twice, and in the model; and one that is
//! interrupted ends at once.

// clippy.toml allows it in test functions; these are what they are made of.
#![allow(clippy::unwrap_used)]

mod shared;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, ensure};
use glassbox_core::host::HostFacts;
use glassbox_tests::apart::apart;
use glassbox_tests::binary::{Ended, Engine, skip};
use glassbox_tests::elsewhere::Served;
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

/// A program that waits until the other one is at work, for ten seconds at most.
fn meeting(own: &str, other: &str) -> String {
    let wait = format!("n=0; until test -e /meet/{other} || test $n = 200; do sleep 0.05; n=$((n+1)); done; test -e /meet/{other}");
    format!("RUN --mount=type=cache,target=/meet echo here > /meet/{own}; {wait}\n")
}

/// Stages that do not need each other are built at the same time: their programs meet. What is shown and kept is in the plan's order.
#[test]
fn stages_are_built_beside_each_other() -> anyhow::Result<()> {
    apart("stages_are_built_beside_each_other", || {
        let engine = Engine::new()?;
        let context = tempfile::tempdir()?;
        let directory = context.path().display().to_string();
        let (one, two) = (meeting("one", "two"), meeting("two", "one"));
        let last = "FROM toolbox\nCOPY --from=one /one /\nCOPY --from=two /two /\n";
        let text =
            format!("FROM toolbox AS one\n{one}RUN echo 1 > /one\nFROM toolbox AS two\n{two}RUN echo 2 > /two; echo told\n{last}");
        std::fs::write(context.path().join("Dockerfile"), text)?;
        let built = engine.run_words(&["build", "--progress", "plain", "-t", "web", &directory])?;
        ensure!(built.code == Some(0), "{built:?}");
        let parts: Vec<&str> = built
            .stderr
            .lines()
            .filter(|line| line.contains("] ") && !line.contains("[internal]"))
            .map(|line| &line[..3])
            .collect();
        ensure!(parts.iter().zip(2..).all(|(part, number)| part.trim_end() == format!("#{number}")), "{parts:?}");
        ensure!(built.stderr.contains(" told\n"), "{built:?}");
        let shown = engine.run_words(&["run", "--rm", "--network", "none", "web", "cat", "/one", "/two"])?;
        ensure!(shown.stdout == "1\n2\n", "{shown:?}");
        let again = engine.run_words(&["build", "--progress", "plain", "-t", "web", &directory])?;
        ensure!(again.stderr.matches("CACHED").count() == 6, "{again:?}");
        Ok(())
    })
}

/// When the blob of a layer that a build has made was written to its end.
fn blob_of(engine: &Engine, diff_id: &str) -> anyhow::Result<SystemTime> {
    for record in std::fs::read_dir(engine.root().join("build-cache"))? {
        let record: serde_json::Value = serde_json::from_slice(&std::fs::read(record?.path())?)?;
        if record["record"]["layer"]["diff_id"] == diff_id {
            let digits = record["record"]["layer"]["blob"].as_str().unwrap_or_default().trim_start_matches("sha256:");
            return Ok(std::fs::metadata(engine.root().join("images/blobs/sha256").join(digits))?.modified()?);
        }
    }
    anyhow::bail!("no result has {diff_id}")
}

/// Of which packing takes a while.
const LARGE_BYTES: u64 = 128 << 20;

/// While a layer is packed the next instruction goes on: what its program makes is older than the blob of the layer below. Whatever
/// becomes of the program, that layer is kept.
#[test]
fn an_instruction_goes_on_while_the_layer_below_is_packed() -> anyhow::Result<()> {
    apart("an_instruction_goes_on_while_the_layer_below_is_packed", || {
        let engine = Engine::new()?;
        let context = tempfile::tempdir()?;
        let directory = context.path().display().to_string();
        std::fs::File::create(context.path().join("large"))?.set_len(LARGE_BYTES)?;
        let build = |program: &str| -> anyhow::Result<Ended> {
            let text = format!("FROM toolbox\nCOPY large /\nENV A=b\nRUN {program}\nWORKDIR /srv\n");
            std::fs::write(context.path().join("Dockerfile"), text)?;
            engine.run_words(&["build", "--progress", "plain", "-t", "web", &directory])
        };
        let failed = build("test -s /large; exit 3")?;
        ensure!(failed.code == Some(1) && failed.stderr.contains("did not complete successfully: exit code: 3"), "{failed:?}");
        is_clean(&engine)?;
        let kept = build("exit 4")?;
        ensure!(kept.stderr.matches("CACHED").count() == 1, "{kept:?}");
        engine.succeed("builder prune -af")?;
        let built = build("test -s /large; echo made > /made")?;
        ensure!(built.code == Some(0) && !built.stderr.contains("CACHED"), "{built:?}");
        is_clean(&engine)?;
        let layers = engine.run_words(&["image", "inspect", "--format", "{{json .RootFS.Layers}}", "web"])?;
        let layers: Vec<String> = serde_json::from_str(&layers.stdout)?;
        let digits = |at: usize| layers[at].trim_start_matches("sha256:").to_string();
        let made = std::fs::metadata(engine.root().join("layers").join(digits(2)).join("made"))?.modified()?;
        let below = engine.root().join("layers").join(digits(1)).join("large");
        ensure!(std::fs::metadata(below)?.len() == LARGE_BYTES);
        let packed = blob_of(&engine, &layers[1])?;
        ensure!(made < packed, "the program wrote at {made:?}, and the layer below was packed at {packed:?}");
        Ok(())
    })
}

/// The second program says that it is at work, waits until it may go on, and reads what the first has made.
const WAITS: &str = "\
FROM toolbox
RUN echo from below > /below
RUN --mount=type=cache,target=/meet n=0; echo it is at work; until test -e /meet/go || test $n = 200; do sleep 0.05; n=$((n+1)); done; cat /below
";

/// What a build that goes on stands upon is not pruned away below it.
#[test]
fn pruning_spares_what_a_build_stands_upon() -> anyhow::Result<()> {
    apart("pruning_spares_what_a_build_stands_upon", || {
        let engine = Engine::new()?;
        let context = tempfile::tempdir()?;
        let directory = context.path().display().to_string();
        std::fs::write(context.path().join("Dockerfile"), WAITS)?;
        let mut build = engine.command(&["build", "--progress", "plain", &directory]);
        let mut build = build.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(build.stderr.take().context("it has a stderr")?).lines();
        while !lines.next().context("it ended too early")??.ends_with(" it is at work") {}
        let pruned = engine.succeed("builder prune -af --filter type=regular")?;
        ensure!(pruned.stdout.starts_with("Total reclaimed space: 0B"), "{pruned:?}");
        for mount in std::fs::read_dir(engine.root().join("build-mounts"))? {
            std::fs::write(mount?.path().join("_data/go"), "")?;
        }
        let rest = lines.collect::<Result<Vec<_>, _>>()?.join("\n");
        ensure!(build.wait()?.success() && rest.contains(" from below"), "{rest}");
        is_clean(&engine)?;
        let pruned = engine.succeed("builder prune -af")?;
        ensure!(pruned.stdout.contains("Deleted build cache objects:"), "{pruned:?}");
        Ok(())
    })
}

/// Two stages of which the second would never end; the first is what is told.
const ENDLESS_BESIDE: &str = "\
FROM toolbox AS one
RUN --mount=type=cache,target=/meet until test -e /meet/here; do sleep 0.05; done; FIRST
FROM toolbox AS two
RUN --mount=type=cache,target=/meet echo here > /meet/here; sleep 1000
FROM toolbox
COPY --from=one /one /
COPY --from=two /two /
";

fn is_clean(engine: &Engine) -> anyhow::Result<()> {
    ensure!(engine.succeed("ps -aq")?.stdout.is_empty());
    ensure!(std::fs::read_dir(engine.root().join("journal"))?.next().is_none(), "a journal is left");
    ensure!(std::fs::read_dir(engine.root().join("containers"))?.next().is_none(), "a container is left");
    let mut workspaces = std::fs::read_dir(engine.root().join("building")).into_iter().flatten();
    ensure!(workspaces.next().is_none(), "a workspace is left");
    let store = engine.run("fsck")?;
    ensure!(store.code == Some(0), "{store:?}");
    Ok(())
}

/// Where one fails, the other is given up, and its line of the file is shown.
#[test]
fn a_stage_that_fails_ends_those_beside_it() -> anyhow::Result<()> {
    apart("a_stage_that_fails_ends_those_beside_it", || {
        let engine = Engine::new()?;
        let context = tempfile::tempdir()?;
        let directory = context.path().display().to_string();
        let file = context.path().join("Dockerfile");
        std::fs::write(&file, ENDLESS_BESIDE.replace("FIRST", "echo no; exit 3"))?;
        let build = engine.run_words(&["build", "--progress", "plain", &directory])?;
        ensure!(build.code == Some(1) && build.stderr.contains("/Dockerfile:2\n"), "{build:?}");
        is_clean(&engine)?;
        let other_way = ENDLESS_BESIDE.replace("FIRST", "true").replace("sleep 1000", "echo gone; exit 4");
        std::fs::write(&file, other_way)?;
        let build = engine.run_words(&["build", "--progress", "plain", &directory])?;
        ensure!(build.code == Some(1) && build.stderr.contains("/Dockerfile:4\n"), "{build:?}");
        ensure!(build.stderr.contains(" gone\n") && build.stderr.contains("exit code: 4"), "{build:?}");
        ensure!(build.stderr.contains("docker run -it --rm "), "{build:?}");
        is_clean(&engine)
    })
}

/// An interrupt ends all of them; so does the end of one that somebody kills.
#[test]
fn stages_beside_each_other_end_with_the_build() -> anyhow::Result<()> {
    apart("stages_beside_each_other_end_with_the_build", || {
        let engine = Engine::new()?;
        let context = tempfile::tempdir()?;
        let directory = context.path().display().to_string();
        for (first, whom) in [("echo it is at work; sleep 1000", "the build"), ("true", "its copy")] {
            std::fs::write(context.path().join("Dockerfile"), ENDLESS_BESIDE.replace("FIRST", first))?;
            let mut build = engine.command(&["build", "--progress", "plain", &directory]);
            let mut build = build.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
            let mut lines = BufReader::new(build.stderr.take().context("it has a stderr")?).lines();
            let mark = if first == "true" { "[two 2/2] RUN " } else { " it is at work" };
            while !lines.next().context("it ended too early")??.contains(mark) {}
            let own = build.id().to_string();
            let mut killing = match whom {
                "the build" => Command::new("kill"),
                _ => Command::new("pkill"),
            };
            let words = if whom == "the build" { vec!["-INT", &own] } else { vec!["-KILL", "-P", &own, "-x", "glassbox"] };
            ensure!(killing.args(words).status()?.success(), "{whom} was not there");
            let rest = lines.collect::<Result<Vec<_>, _>>()?.join("\n");
            let code = build.wait()?.code();
            match whom {
                "the build" => ensure!(code == Some(130) && rest.ends_with("Canceled: context canceled"), "{code:?} {rest}"),
                _ => ensure!(code == Some(1) && rest.contains("the process that built a part of it was killed"), "{code:?} {rest}"),
            }
            is_clean(&engine)?;
            engine.succeed("builder prune -af")?;
        }
        Ok(())
    })
}

#[test]
fn add_fetches_what_a_url_leads_to() -> anyhow::Result<()> {
    apart("add_fetches_what_a_url_leads_to", || {
        let dated = "200 OK\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 6\r\n\r\nhello\n";
        let moved = "302 Found\r\nLocation: /file\r\nContent-Length: 0\r\n\r\n";
        let served = Served::new(vec![("/file", dated.into()), ("/moved", moved.into())])?;
        let (engine, url) = (Engine::new()?, served.url);
        let context = engine.scratch().join("ctx");
        std::fs::create_dir(&context)?;
        let write = |text: String| std::fs::write(context.join("Dockerfile"), format!("FROM toolbox\n{text}\n"));
        let sum = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        write(format!("ADD --checksum={sum} --chmod=644 {url}/file /a\nADD {url}/moved /d/"))?;
        let build = format!("build --network none -t it {}", context.display());
        let first = engine.succeed(&build)?;
        anyhow::ensure!(first.stderr.contains(&format!("fetching {url}/file done\n")), "{}", first.stderr);
        anyhow::ensure!(engine.succeed(&build)?.stderr.matches("CACHED").count() == 2);
        engine.succeed("create --name box --network none it true")?;
        for (file, mode) in [("a", 0o644), ("d/moved", 0o600)] {
            let copied = engine.scratch().join("copied");
            engine.succeed(&format!("cp box:/{file} {}", copied.display()))?;
            let found = std::fs::metadata(&copied)?;
            anyhow::ensure!((found.mode() & 0o777, found.mtime()) == (mode, 784_111_777), "{file}: {found:?}");
            anyhow::ensure!(std::fs::read_to_string(&copied)? == "hello\n", "{file}");
            std::fs::remove_file(&copied)?;
        }
        write(format!("ADD --checksum={} {url}/file /a", sum.replace('5', "6")))?;
        let refused = engine.run(&build)?;
        let words = format!("failed to load cache key: digest mismatch {sum}: {}", sum.replace('5', "6"));
        anyhow::ensure!(refused.stderr.contains(&words), "{}", refused.stderr);
        write(format!("ADD {url}/gone /a"))?;
        let refused = engine.run(&build)?;
        anyhow::ensure!(refused.stderr.contains("failed to load cache key: invalid response status 404"), "{}", refused.stderr);
        anyhow::ensure!(std::fs::read_dir(engine.root().join("building"))?.next().is_none(), "what was fetched is left");
        Ok(())
    })
}
