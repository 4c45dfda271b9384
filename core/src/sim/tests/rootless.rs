//! Other machines: an ordinary user's, and one with version 1 control groups.

use super::bench::Bench;
use crate::errno::Errno;
use crate::host::{CgroupLayout, CgroupVersion, Controller, ControllerMount, HostFacts};
use crate::oci::capability::CapabilitySet;
use crate::query::battery;

fn ordinary_user() -> HostFacts {
    HostFacts {
        uid: 1000,
        gid: 1000,
        data_root: "/home/me/.local/share/glassbox".into(),
        capabilities: CapabilitySet::EMPTY,
        cgroup: CgroupLayout {
            version: CgroupVersion::None,
            controllers: Vec::new(),
            unified: None,
            enabled: Vec::new(),
            swap: true,
            real_time_groups: false,
            block: Default::default(),
        },
        ..HostFacts::example()
    }
}

fn hybrid() -> HostFacts {
    let mount = |controller: Controller| ControllerMount { controller, directory: format!("/sys/fs/cgroup/{}", controller.name()) };
    let controllers = [Controller::Memory, Controller::Cpu, Controller::Pids].map(mount).to_vec();
    let unified = Some("/sys/fs/cgroup/unified".to_string());
    HostFacts {
        cgroup: CgroupLayout {
            version: CgroupVersion::Hybrid,
            controllers,
            unified,
            enabled: Vec::new(),
            swap: true,
            real_time_groups: false,
            block: Default::default(),
        },
        ..HostFacts::example()
    }
}

#[test]
fn an_ordinary_user_is_root_inside() {
    let mut bench = Bench::on(ordinary_user());
    let shown = bench.run("docker run toolbox id");
    assert!(shown.out.starts_with("uid=0(root) gid=0(root)"), "{shown:?}");
    let shown = bench.run("docker run toolbox cat /proc/self/uid_map");
    assert_eq!(shown.out, "         0       1000          1\n");
    assert_eq!(bench.run("docker run toolbox touch /etc/mine").code, Some(0));
    bench.run("docker run -d --name one toolbox sleep 100");
    let shown = bench.run("docker exec one hostname");
    assert_eq!(shown.out.trim(), bench.id("one").short(), "{shown:?}");
}

#[test]
fn mounts_spread_to_an_ordinary_users_container_and_not_from_it() {
    let mut bench = Bench::on(ordinary_user());
    let inside = "toolbox sh -c \"grep ' /data ' /proc/self/mountinfo | grep -c master:\"";
    let shown = bench.run(&format!("docker run -v /srv:/data:rslave {inside}"));
    assert_eq!(shown.out, "1\n", "{shown:?}");
    let shown = bench.run("docker run -v /srv:/data:rshared toolbox true");
    assert_eq!(shown.failed, Some(("CopyMountTree".to_string(), Errno::EINVAL)), "{shown:?}");
}

#[test]
fn version_1_limits_are_files_of_their_own() {
    let mut bench = Bench::on(hybrid());
    let shown = bench.run("docker run -m 32m --pids-limit 5 --cpus 1.5 toolbox alloc 64m");
    assert_eq!(shown.code, Some(137), "{shown:?}");
    bench.run("docker run -d --name one -m 32m --cgroupns private toolbox sleep 9");
    let shown = bench.run("docker exec one cat /proc/self/cgroup");
    assert!(shown.out.contains(":memory:/\n") && shown.out.ends_with("0::/\n"), "{shown:?}");
}

#[test]
fn the_battery_is_answered() {
    for host in [HostFacts::example(), ordinary_user(), hybrid()] {
        let limited = host.is_root();
        let mut bench = Bench::on(host);
        bench.run("docker run -d --name one toolbox sleep 100");
        for (query, answer) in battery::ask(&bench.state, &crate::sim::SimProbe::new(&bench.kernel, &bench.state)) {
            let is_limit = matches!(query, crate::query::Query::LimitOf(..));
            assert!(answer.is_ok() || is_limit && !limited, "{query:?}: {answer:?}");
        }
    }
}
