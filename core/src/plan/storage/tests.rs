use std::rc::Rc;

use super::word::{clean, is_mode};
use super::*;
use crate::cli;
use crate::host::{HostFacts, SourceKind};
use crate::model::{Container, Volume};
use crate::plan::{Plan, plan};
use crate::step::{Phase, Step, StoreStep};

fn state(host: &HostFacts) -> State {
    let mut state = State::of_engine("/var/lib/glassbox");
    let image = crate::oci::toolbox::image(&host.toolbox);
    state.images.insert_mut(image.id.clone(), image);
    state
}

fn planned(line: &str, host: &HostFacts, state: &State) -> Result<Plan, CommandError> {
    plan(&Rc::new(cli::parse_line(line).unwrap()), state, host)
}

/// The container that a line makes.
fn made(line: &str) -> Container {
    let host = HostFacts::example();
    let plan = planned(line, &host, &state(&host)).unwrap();
    let container = plan.steps.into_iter().find_map(|planned| match planned.step {
        Step::Phase(Phase::CreateContainer { container }) => Some(*container),
        _ => None,
    });
    container.unwrap()
}

#[track_caller]
fn refused(line: &str, expected: &str) {
    let host = HostFacts::example();
    let error = planned(line, &host, &state(&host)).unwrap_err();
    let first = error.message.lines().next().unwrap();
    assert_eq!(first.trim_start_matches("docker: ").trim_start_matches("Error response from daemon: "), expected);
    assert_eq!(error.exit_code, 125);
}

#[test]
fn paths_are_cleaned_as_go_does() {
    for (path, expected) in [("/a//b/./c/", "/a/b/c"), ("/../a", "/a"), ("/a/../..", "/"), ("a/../../b", "../b"), ("/", "/")] {
        assert_eq!(clean(path), expected);
    }
}

#[test]
fn a_mode_has_at_most_one_option_of_each_kind() {
    for mode in ["", "ro", "rw,z", "ro,rprivate,nocopy", "Z,cached"] {
        assert!(is_mode(mode), "{mode}");
    }
    for mode in ["ro,rw", "often", "z,Z", "ro,", "shared,slave"] {
        assert!(!is_mode(mode), "{mode}");
    }
}

#[test]
fn points_are_ordered_by_depth_and_known_by_kind() {
    let container = made("run -v /srv/x:/a/b/c:ro -v data:/a --tmpfs /t:size=1m -v /u --mount type=volume,target=/m toolbox");
    let shown: Vec<(&str, MountKind, bool)> =
        container.mounts.iter().map(|point| (point.target.as_str(), point.kind, point.anonymous)).collect();
    let volume = MountKind::Volume;
    let expected = [
        ("/a", volume, false),
        ("/m", volume, true),
        ("/t", MountKind::Tmpfs, false),
        ("/u", volume, true),
        ("/a/b/c", MountKind::Bind, false),
    ];
    assert_eq!(shown, expected);
    let names: BTreeSet<&str> = container.mounts.iter().filter(|point| point.anonymous).map(|point| point.name.as_str()).collect();
    assert!(names.len() == 2 && names.iter().all(|name| name.len() == 64), "{names:?}");
    assert!(container.mounts[4].read_only && container.mounts[4].makes_source);
}

#[test]
fn relative_sources_of_the_client_are_made_absolute() {
    let container = made("run -v ./x:/a -v ..:/b toolbox");
    assert_eq!(container.host.storage.volumes, ["/root/x:/a", "/:/b"]);
}

#[test]
fn the_daemons_refusals() {
    refused("run -v /a:/x -v /b:/x toolbox", "Duplicate mount point: /x");
    refused("run -v /x:ro toolbox", "invalid volume specification: '/x:ro'");
    let volume = "invalid volume specification: 'x': invalid mount config for type \"volume\": invalid mount path: 'x' mount path must be absolute";
    refused("run -v x toolbox", volume);
    let missing = "invalid mount config for type \"bind\": bind source path does not exist: /nothere";
    refused("run --mount type=bind,source=/nothere,target=/x toolbox", missing);
    refused("run --volumes-from nobody toolbox", "No such container: nobody");
}

#[test]
fn what_the_host_has_decides_over_mount_alone() {
    let sources = [("/srv".to_string(), SourceKind::Directory)].into();
    let host = HostFacts { sources, ..HostFacts::example() };
    let line = "run --mount type=bind,source=/srv/,target=/x toolbox";
    assert!(planned(line, &host, &state(&host)).is_ok());
    let invocation = cli::parse_line(line).unwrap();
    assert_eq!(named_sources(&invocation, &state(&host), "/").into_iter().collect::<Vec<_>>(), ["/srv"]);
}

#[test]
fn a_volume_in_use_is_not_removed_and_one_that_is_there_is_not_made_again() {
    let host = HostFacts::example();
    let mut state = state(&host);
    state.volumes.insert_mut("data".into(), Volume { name: "data".into(), ..Volume::default() });
    let container = made("create -v data:/x toolbox");
    let id = container.id.clone();
    state.containers.insert_mut(id.clone(), container);
    let plan = planned("volume rm data", &host, &state).unwrap();
    assert!(plan.late_errors.contains(&format!("remove data: volume is in use - [{id}]")), "{}", plan.late_errors);
    let plan = planned("volume create data", &host, &state).unwrap();
    assert!(!plan.steps.iter().any(|planned| matches!(planned.step, Step::Store(StoreStep::CreateVolume { .. }))));
}
