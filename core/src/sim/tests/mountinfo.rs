//! What mountinfo and sysfs say, held against Docker 28 on a stock Debian 12.

use super::bench::Bench;
use crate::query::{Answer, ChangeFact, Query, Subject};

#[test]
fn file_systems_show_their_options_in_their_own_order() {
    let shown = Bench::new().run("docker run --rm toolbox cat /proc/self/mountinfo").out;
    let has = |line: &str| assert!(shown.lines().any(|found| found.contains(line)), "{line}\n{shown}");
    has(" / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755,inode64");
    has(" / /dev/pts rw,nosuid,noexec,relatime - devpts devpts rw,gid=5,mode=620,ptmxmode=666");
    has(" / /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs ro");
    has(" / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate,memory_recursiveprot");
    has(" / /proc/acpi ro,relatime - tmpfs tmpfs ro,inode64");
}

#[test]
fn the_host_sees_the_cgroup_that_a_container_takes_for_the_root() {
    let mut bench = Bench::new();
    bench.run("docker run -d --name one toolbox sleep 100");
    let id = bench.id("one");
    let Ok(Answer::Mounts(mounts)) = bench.ask(&Query::Mounts(Subject::Container(id.clone()))) else { panic!() };
    let cgroup = mounts.iter().find(|mount| mount.target == "/sys/fs/cgroup").unwrap();
    assert_eq!((cgroup.root.as_str(), cgroup.source.as_str()), (format!("/glassbox-{}", id.short()).as_str(), "cgroup"));
    let dev = mounts.iter().find(|mount| mount.target == "/dev").unwrap();
    assert!(dev.flags.strictatime && !dev.flags.relatime, "{dev:?}");
}

#[test]
fn sysfs_shows_the_interfaces_of_the_network_namespace() {
    let mut bench = Bench::new();
    let shown = bench.run("docker run --rm toolbox cat /sys/class/net/lo/operstate /sys/class/net/eth0/operstate");
    assert_eq!(shown.out, "unknown\nup\n");
    let shown = bench.run("docker run --rm --network none toolbox cat /sys/class/net/lo/operstate /sys/class/net/eth0/operstate");
    assert_eq!(shown.out, "unknown\n");
    assert_eq!(bench.run("docker run --rm --network host toolbox ls /sys/class/net").out, "eth0\nglassbox0\nlo\n");
}

#[test]
fn changes_are_sorted_by_their_paths() {
    let mut bench = Bench::new();
    bench.run("docker run --name one toolbox sh -c 'rm /bin/ls /etc/group; echo x > /etc/new'");
    let Ok(Answer::Changes(changes)) = bench.ask(&Query::Changes(bench.id("one"))) else { panic!() };
    let expected = [
        ChangeFact::Present("/bin/".into()),
        ChangeFact::Removed("/bin/ls".into()),
        ChangeFact::Present("/etc/".into()),
        ChangeFact::Removed("/etc/group".into()),
        ChangeFact::Present("/etc/new".into()),
    ];
    let wanted: Vec<ChangeFact> = changes.iter().filter(|change| expected.contains(change)).cloned().collect();
    assert_eq!(wanted, expected, "{changes:?}");
}
