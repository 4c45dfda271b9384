//! Limits as a container on a stock machine of the model meets them: processor time, disks, the cgroups above its own.

use super::*;
use crate::errno::Errno;
use crate::host::{CgroupVersion, Controller, ControllerMount};
use crate::query::{Answer, Probe, Query, Subject};

/// What the last command has shown, and its exit code.
fn run(session: &mut Session, line: &str) -> (String, i32) {
    let before = session.world().output().len();
    let progress = session.command(line);
    let Progress::Ready(code) = progress else { panic!("{progress:?}: {line}") };
    let shown = session.world().output().iter().skip(before).map(|chunk| chunk.text().into_owned()).collect();
    (shown, code)
}

fn file(session: &Session, path: &str) -> Result<String, Errno> {
    match session.world().probe().ask(&Query::FileBytes(Subject::Host, path.into()))? {
        Answer::Bytes(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        _ => Err(Errno::EINVAL),
    }
}

#[test]
fn who_has_used_up_the_processor_time_of_a_period_waits() {
    let mut session = Session::new(HostFacts::example());
    let counts = "until grep -q \"^nr_throttled [1-9]\" /sys/fs/cgroup/cpu.stat; do :; done; echo throttled";
    let (shown, code) = run(&mut session, &format!("docker run --rm --network none --cpus 0.05 toolbox sh -c '{counts}'"));
    assert!(shown.ends_with("throttled\n") && code == 0, "{shown}");
    let mut time = |cpus: &str| {
        let before = session.world().facts().now_ns;
        let work = "i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done";
        assert_eq!(run(&mut session, &format!("docker run --rm --network none {cpus} toolbox sh -c '{work}'")).1, 0);
        session.world().facts().now_ns - before
    };
    let (free, limited) = (time(""), time("--cpus 0.1"));
    assert!(limited > 5 * free, "{free} ns without a limit, {limited} ns with a tenth of a processor");
    assert!(time("--cpus 1") < 2 * free, "one program never needs more than one processor");
}

#[test]
fn who_sleeps_is_never_held_back() {
    let mut session = Session::new(HostFacts::example());
    run(&mut session, "docker run -d --name box --network none --cpus 0.5 toolbox sleep 1000");
    let (shown, _) = run(&mut session, "docker exec box cat /sys/fs/cgroup/cpu.stat");
    assert!(shown.contains("\nnr_throttled 0\nthrottled_usec 0\n"), "{shown}");
}

#[test]
fn disks_are_limited_by_their_numbers() {
    let mut session = Session::new(HostFacts::example());
    let rates = "--device-read-bps /dev/vda:1mb --device-write-iops /dev/vda:100 --blkio-weight 500";
    let look = "toolbox cat /sys/fs/cgroup/io.max /sys/fs/cgroup/io.weight";
    let (shown, _) = run(&mut session, &format!("docker run --rm --network none {rates} {look}"));
    assert!(shown.ends_with("\n254:0 rbps=1048576 wbps=max riops=max wiops=100\ndefault 4950\n"), "{shown}");
    for part in ["/dev/vda1", "/dev/null"] {
        let (shown, code) = run(&mut session, &format!("docker run --rm --network none --device-read-bps {part}:1mb toolbox true"));
        assert!(shown.contains("/io.max: no such device") && code == 125, "{shown}");
    }
    run(&mut session, "docker run -d --name box --network none toolbox sleep 1000");
    let (shown, _) = run(&mut session, "docker update --blkio-weight 300 box");
    assert!(shown.contains("box runs without a cgroup for --blkio-weight"), "{shown}");
    run(&mut session, "docker run -d --name disk --network none --blkio-weight 500 toolbox sleep 1000");
    run(&mut session, "docker update --blkio-weight 10 disk");
    assert!(run(&mut session, "docker exec disk cat /sys/fs/cgroup/io.weight").0.ends_with("\ndefault 1\n"));
    let (shown, code) = run(&mut session, "docker update --blkio-weight 5 disk");
    assert!(shown.contains("Range of blkio weight is from 10 to 1000") && code == 1, "{shown}");
}

#[test]
fn a_parent_that_was_made_goes_with_its_last_container() {
    let mut session = Session::new(HostFacts::example());
    let parent = "/sys/fs/cgroup/batch/night";
    for name in ["one", "other"] {
        let line =
            format!("docker run -d --name {name} --network none --cgroup-parent /batch/night --pids-limit 9 toolbox sleep 1000");
        assert_eq!(run(&mut session, &line).1, 0, "{name}");
        let id = session.world().state().container(name).unwrap().id.short().to_string();
        assert_eq!(file(&session, &format!("{parent}/glassbox-{id}/pids.max")), Ok("9\n".to_string()));
    }
    run(&mut session, "docker rm -f one");
    assert_eq!(file(&session, &format!("{parent}/cgroup.type")), Ok("domain\n".to_string()));
    run(&mut session, "docker rm -f other");
    assert_eq!(file(&session, "/sys/fs/cgroup/batch/cgroup.type"), Err(Errno::ENOENT));
}

/// A machine with a tree for each controller, as it was before version 2.
fn with_trees() -> Session {
    let mut host = HostFacts::example();
    let trees = [("cpu", Controller::Cpu), ("memory", Controller::Memory), ("pids", Controller::Pids)];
    host.cgroup.version = CgroupVersion::V1;
    let tree = |(name, controller)| ControllerMount { controller, directory: format!("/sys/fs/cgroup/{name}") };
    host.cgroup.controllers = trees.map(tree).into();
    host.cgroup.unified = None;
    Session::new(host)
}

#[test]
fn shares_beyond_their_bounds_are_read_again_and_refused() {
    let mut session = with_trees();
    let (shown, code) = run(&mut session, "docker run --network none --name one --cpu-shares 1 toolbox true");
    let what = "error setting cgroup config for procHooks process: the minimum allowed cpu-shares is 2";
    assert!(shown.contains(what) && code == 125, "{shown}");
    run(&mut session, "docker run -d --network none --name box --cpu-shares 300 toolbox sleep 1000");
    let (shown, code) = run(&mut session, "docker update --cpu-shares 300000 box");
    let what = "runc did not terminate successfully: exit status 1: the maximum allowed cpu-shares is 262144";
    assert!(shown.contains("Cannot update container ") && shown.contains(what) && code == 1, "{shown}");
    let state = session.world().state();
    let container = state.container("box").unwrap();
    assert_eq!(container.host.resources.cpu_shares, 300);
    let (directory, _) = container.host.cgroups.iter().find(|(directory, _)| directory.starts_with("/sys/fs/cgroup/cpu/")).unwrap();
    assert_eq!(file(&session, &format!("{directory}/cpu.shares")).unwrap(), "300\n");
    assert_eq!(run(&mut session, "docker update --cpu-shares 2 box").1, 0);
}
