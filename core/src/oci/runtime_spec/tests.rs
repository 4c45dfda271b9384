use std::rc::Rc;

use oci_spec::runtime::LinuxNamespaceType;

use super::*;
use crate::model::IdMapLine;
use crate::oci::capability::CapabilitySet;
use crate::plan::{Context, Cursor, Visit, plan};
use crate::step::{MountStep, NamespaceKind, ProcessStep, Step, samples};
use crate::view::plan::foresee;

fn state(host: &HostFacts) -> State {
    let mut state = State::of_engine("/var/lib/glassbox");
    let image = crate::oci::toolbox::image(&host.toolbox);
    state.images.insert_mut(image.id.clone(), image);
    state
}

fn spec_of(change: impl FnOnce(&mut Container)) -> Spec {
    let host = HostFacts::example();
    let mut container = samples::container();
    change(&mut container);
    runtime_spec(&container, &state(&host), &host)
}

fn process(spec: &Spec) -> &oci_spec::runtime::Process {
    spec.process().as_ref().unwrap()
}

/// The leaves of `line`, and the container that it records.
fn planned(line: &str, host: &HostFacts) -> (Vec<Step>, Container) {
    let invocation = Rc::new(crate::cli::parse_line(line).unwrap());
    let mut state = state(host);
    let plan = plan(&invocation, &state, host).unwrap();
    let mut cursor = Cursor::new(plan.steps, Vec::new());
    let mut leaves = Vec::new();
    while let Some(visit) = cursor.advance(&Context { state: &state, host, invocation: &invocation }) {
        if let Visit::Leaf(node) = visit {
            foresee(&node.step, &mut state);
            leaves.push(node.step.clone());
        }
    }
    (leaves, state.containers.values().next().unwrap().clone())
}

/// The specification says what the steps do: the same mounts in the same order, program, environment, namespaces.
#[track_caller]
fn check_against_plan(line: &str, host: &HostFacts) {
    let (leaves, container) = planned(line, host);
    let spec = runtime_spec(&container, &state(host), host);
    let linux = spec.linux().as_ref().unwrap();
    let merged = Layout::new(&host.data_root).merged();
    let mut targets = Vec::new();
    let mut kinds = Vec::new();
    let mut sysctls = std::collections::HashMap::new();
    for step in &leaves {
        match step {
            Step::Mount(
                MountStep::MountFilesystem { target, .. }
                | MountStep::BindMount { target, .. }
                | MountStep::BindSubpath { target, .. }
                | MountStep::AttachMountTree { target, .. }
                | MountStep::ShareMount { target, .. },
            ) => {
                targets.push(target.strip_prefix(&merged).unwrap().to_string());
            }
            Step::Process(ProcessStep::CloneProcess { namespaces, .. }) => kinds.extend(namespaces.clone()),
            Step::Process(ProcessStep::UnshareNamespace { kind } | ProcessStep::JoinNamespace { kind, .. }) => kinds.push(*kind),
            Step::Process(ProcessStep::SetSysctl { name, value }) => drop(sysctls.insert(name.clone(), value.clone())),
            Step::Process(ProcessStep::ExecProgram { argv, env, .. }) => {
                assert_eq!(process(&spec).args().as_ref(), Some(argv), "{line}");
                assert_eq!(process(&spec).env().as_ref(), Some(env), "{line}");
            }
            _ => {}
        }
    }
    targets.retain(|target| !crate::oci::defaults::device_nodes().iter().any(|device| device.path == target));
    let mounts = spec.mounts().as_ref().unwrap();
    let destinations: Vec<String> = mounts.iter().map(|mount| mount.destination().display().to_string()).collect();
    assert_eq!(destinations, targets, "{line}");
    assert_eq!(linux.sysctl().clone().unwrap_or_default(), sysctls, "{line}");
    let written = linux.namespaces().as_ref().unwrap();
    let written: Vec<LinuxNamespaceType> = written.iter().map(|namespace| namespace.typ()).collect();
    let asked: Vec<LinuxNamespaceType> = kinds.iter().map(|kind: &NamespaceKind| kind.file().try_into().unwrap()).collect();
    assert_eq!(written, asked, "{line}");
}

#[test]
fn it_says_what_the_steps_do() {
    let root = HostFacts::example();
    let ordinary = HostFacts { uid: 1000, gid: 1000, ..HostFacts::example() };
    for line in [
        "docker run --network none toolbox true",
        "docker run --network host --init -e A=b --name web toolbox echo hi",
        "docker run --privileged -t --hostname web toolbox",
        "docker run --network none -m 64m --pids-limit 5 --cpus 0.5 -u nobody --read-only toolbox id",
        "docker run --network none --pid host --ipc host --uts host --cgroupns private toolbox true",
        "docker run --network none --ipc none --cgroupns host toolbox true",
        "docker run --network none -v /srv:/a/b:ro -v data:/a --tmpfs /run:size=1m --tmpfs /dev/shm -v /x:/etc/hosts toolbox id",
    ] {
        check_against_plan(line, &root);
        check_against_plan(line, &ordinary);
    }
}

#[test]
fn disks_are_told_by_their_numbers() {
    let spec = spec_of(|container| {
        let rate = |device: &str, number| crate::cli::DeviceNumber { device: device.into(), number };
        let block = &mut container.host.resources.block_io;
        block.weight = 300;
        block.weight_device = vec![rate("/dev/vda", 200)];
        block.read_bps = vec![rate("/dev/vda", 1 << 20), rate("/dev/vdb", 5)];
        container.host.disks = [("/dev/vda".into(), (254, 0)), ("/dev/vdb".into(), (254, 16))].into();
        container.host.cgroups = vec![("/sys/fs/cgroup/glassbox-0".into(), vec![crate::host::Controller::Io])];
    });
    let value: Value = serde_json::from_str(&to_json(spec)).unwrap();
    let block = value.pointer("/linux/resources/blockIO").unwrap();
    let expected = serde_json::json!({
        "weight": 300,
        "weightDevice": [{ "major": 254, "minor": 0, "weight": 200 }],
        "throttleReadBpsDevice": [{ "major": 254, "minor": 0, "rate": 1 << 20 }, { "major": 254, "minor": 16, "rate": 5 }],
    });
    assert_eq!(*block, expected);
}

#[test]
fn the_same_container_has_the_same_bytes() {
    let text = to_json(spec_of(|_| {}));
    assert_eq!(text, to_json(spec_of(|_| {})));
    let value: Value = serde_json::from_str(&text).unwrap();
    let names: Vec<&str> =
        value["process"]["capabilities"]["bounding"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(names.len(), CapabilitySet::ALL.len());
    assert!(names.is_sorted(), "{names:?}");
}

#[test]
fn maps_are_in_the_order_of_their_keys() {
    let keys: Vec<String> = (0..20).map(|number| format!("key.{number:02}")).collect();
    let spec = spec_of(|container| {
        container.host.annotations = keys.iter().map(|key| (key.clone(), String::new())).collect();
        container.host.tuning.sysctls = keys.iter().map(|key| (key.clone(), String::new())).collect();
    });
    let value: Value = serde_json::from_str(&to_json(spec)).unwrap();
    let defaults = crate::sysctl::DEFAULTS.iter().map(|(name, ..)| (*name).to_string()).collect();
    for (path, more) in [("/annotations", Vec::new()), ("/linux/sysctl", defaults)] {
        let found: Vec<&String> = value.pointer(path).unwrap().as_object().unwrap().keys().collect();
        assert_eq!(found, keys.iter().chain(&more).collect::<Vec<_>>(), "{path}");
    }
}

#[test]
fn clocks_and_namespaces_of_others_are_told() {
    let spec = spec_of(|container| {
        container.host.namespaces.time = crate::cli::TimeOffsets { monotonic_ns: -1_500_000_000, boottime_ns: 2_000_000_000 };
        container.host.network = crate::cli::NetworkMode::Container("other".into());
    });
    let value: Value = serde_json::from_str(&to_json(spec)).unwrap();
    let offsets = &value["linux"]["timeOffsets"];
    assert_eq!((&offsets["monotonic"]["secs"], &offsets["monotonic"]["nanosecs"]), (&(-2).into(), &500_000_000.into()));
    assert_eq!(offsets.as_object().unwrap().keys().collect::<Vec<_>>(), ["boottime", "monotonic"]);
    let kinds: Vec<&str> = value["linux"]["namespaces"].as_array().unwrap().iter().filter_map(|one| one["type"].as_str()).collect();
    assert!(kinds.contains(&"time") && kinds.contains(&"network"), "{kinds:?}");
}

#[test]
fn limits_stand_under_resources() {
    let spec = spec_of(|container| {
        container.host.cgroups = vec![("/sys/fs/cgroup/glassbox-x".into(), Vec::new())];
        container.host.resources.memory_bytes_max = 64 << 20;
        container.host.resources.pids_max = Some(5);
        container.host.resources.nano_cpus = 500_000_000;
    });
    let linux = spec.linux().as_ref().unwrap();
    let resources = serde_json::to_value(linux.resources()).unwrap();
    assert_eq!(resources["memory"]["limit"], 64 << 20);
    assert_eq!(resources["pids"]["limit"], 5);
    assert_eq!((&resources["cpu"]["quota"], &resources["cpu"]["period"]), (&50_000.into(), &100_000.into()));
    assert_eq!(linux.cgroups_path().as_ref().unwrap().to_str(), Some("/glassbox-x"));
}

#[test]
fn who_is_not_root_keeps_the_bounding_set_only() {
    let spec = spec_of(|container| container.process.user = "nobody".into());
    let (user, sets) = (process(&spec).user(), process(&spec).capabilities().as_ref().unwrap());
    assert_eq!((user.uid(), user.gid()), (65534, 65534));
    assert!(sets.effective().as_ref().unwrap().is_empty() && !sets.bounding().as_ref().unwrap().is_empty());
    let other = spec_of(|container| container.process.user = "4711:12".into());
    assert_eq!((process(&other).user().uid(), process(&other).user().gid()), (4711, 12));
}

#[test]
fn privileged_hides_nothing_and_an_ordinary_user_maps_herself() {
    let privileged = spec_of(|container| container.host.privileged = true);
    assert_eq!(privileged.linux().as_ref().unwrap().masked_paths(), &None);
    let line = IdMapLine { inside: 0, outside: 1000, count: 1 };
    let rootless = spec_of(|container| (container.host.uid_map, container.host.gid_map) = (vec![line], vec![line]));
    let linux = rootless.linux().as_ref().unwrap();
    assert_eq!(linux.uid_mappings().as_ref().unwrap()[0].host_id(), 1000);
    assert_eq!(linux.masked_paths().as_ref().unwrap().len(), 12);
    assert!(!to_json(rootless).contains("gid=5"));
}
