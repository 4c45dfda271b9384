//! Builds: with SOURCE_DATE_EPOCH the same Dockerfile and context come to the same bytes, on Linux, twice, and in the model.

// clippy.toml allows it in test functions; these are what they are made of.
#![allow(clippy::unwrap_used)]

mod shared;

use glassbox_core::host::HostFacts;
use glassbox_tests::binary::skip;
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
