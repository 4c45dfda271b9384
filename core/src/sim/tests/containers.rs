//! Containers from run to rm.

use super::bench::Bench;
use crate::model::Status;
use crate::query::{Answer, ChangeFact, Query, Subject};

#[test]
fn a_container_runs_a_program_and_its_exit_code_comes_back() {
    let mut bench = Bench::new();
    let shown = bench.run("docker run --name one toolbox echo hello world");
    assert_eq!((shown.out.as_str(), shown.err.as_str(), shown.code), ("hello world\n", "", Some(0)), "{shown:?}");
    let container = bench.state.container("one").unwrap();
    assert_eq!((container.state.status, container.state.exit_code), (Status::Exited, 0));
    assert_eq!(bench.run("docker run toolbox false").code, Some(1));
}

#[test]
fn a_container_sees_its_own_processes_names_and_mounts() {
    let mut bench = Bench::new();
    assert_eq!(bench.run("docker run --hostname box toolbox hostname").out, "box\n");
    let shown = bench.run("docker run toolbox ps -o pid,ppid,args");
    assert_eq!(shown.out, "  PID  PPID COMMAND\n    1     0 ps -o pid,ppid,args\n");
    let shown = bench.run("docker run toolbox cat /proc/mounts");
    assert!(shown.out.starts_with("overlay / overlay rw,relatime,lowerdir="), "{}", shown.out);
    assert!(shown.out.contains("\nproc /proc proc rw,nosuid,nodev,noexec,relatime 0 0\n"), "{}", shown.out);
    assert!(
        shown.out.contains("\ntmpfs /dev tmpfs rw,nosuid,size=65536k,mode=755 0 0\n")
            || shown.out.contains("tmpfs /dev tmpfs rw,nosuid"),
        "{}",
        shown.out
    );
    assert!(!shown.out.contains("/dev/vda1 / "), "{}", shown.out);
    assert_eq!(bench.run("docker run toolbox ls /").out.lines().next(), Some("bin"));
}

#[test]
fn changes_go_to_the_upper_directory() {
    let mut bench = Bench::new();
    let shown = bench.run("docker run --name one toolbox rm /etc/os-release");
    assert_eq!((shown.err.as_str(), shown.code), ("", Some(0)));
    bench.run("docker run --name two toolbox touch /tmp/new");
    let removed = bench.ask(&Query::Changes(bench.id("one")));
    let Ok(Answer::Changes(changes)) = removed else { panic!("{removed:?}") };
    assert!(changes.contains(&ChangeFact::Removed("/etc/os-release".into())), "{changes:?}");
    let Ok(Answer::Changes(changes)) = bench.ask(&Query::Changes(bench.id("two"))) else { panic!() };
    assert!(changes.contains(&ChangeFact::Present("/tmp/new".into())), "{changes:?}");
}

#[test]
fn a_detached_container_is_stopped_after_its_patience_and_removed() {
    let mut bench = Bench::new();
    let shown = bench.run("docker run -d --name one toolbox sleep 1000");
    assert_eq!(shown.out.trim().len(), 64);
    let id = bench.id("one");
    assert_eq!(bench.ask(&Query::ContainerState(id.clone())), Ok(Answer::ContainerState(Some((Status::Running, 0, false)))));
    let Ok(Answer::Processes(processes)) = bench.ask(&Query::Processes(Subject::Container(id.clone()))) else { panic!() };
    assert_eq!((processes.len(), processes[0].pid, processes[0].argv.join(" ")), (1, 1, "sleep 1000".to_string()));
    let before = bench.kernel.realtime_ns();
    bench.run("docker stop one");
    // sleep does not catch SIGTERM, and the first process of a pid namespace is sheltered from what it does not catch.
    assert!(bench.kernel.realtime_ns() - before >= 10_000_000_000);
    assert_eq!(bench.state.container("one").unwrap().state.exit_code, 137);
    bench.run("docker rm one");
    assert!(bench.state.container("one").is_err());
    let dir = format!("{}/containers/{id}", bench.host.data_root);
    assert_eq!(bench.ask(&Query::Exists(dir)), Ok(Answer::Truth(false)));
}

#[test]
fn exec_joins_the_namespaces_of_a_running_container() {
    let mut bench = Bench::new();
    bench.run("docker run -d --name one --hostname inner toolbox sleep 1000");
    assert_eq!(bench.run("docker exec one hostname").out, "inner\n");
    let shown = bench.run("docker exec one ps -o pid,ppid,args");
    assert_eq!(shown.out, "  PID  PPID COMMAND\n    1     0 sleep 1000\n    3     0 ps -o pid,ppid,args\n");
    assert_eq!(bench.run("docker exec one cat").code, Some(0));
    assert_eq!(bench.run_with("docker exec -i one cat", &["typed\n"]).out, "typed\n");
}

#[test]
fn a_program_that_takes_too_much_memory_is_killed() {
    let mut bench = Bench::new();
    let shown = bench.run("docker run --name one -m 32m toolbox alloc 64m");
    assert_eq!(shown.code, Some(137), "{shown:?}");
    assert!(bench.state.container("one").unwrap().state.oom_killed);
    assert_eq!(bench.run("docker run -m 32m toolbox alloc 16m").out, "allocated 16777216 bytes\n");
}

#[test]
fn programs_that_cannot_be_started_say_why() {
    let mut bench = Bench::new();
    let failed = |shown: super::bench::Shown| shown.failed.map(|(step, errno)| format!("{step} {}", errno.name()));
    assert_eq!(failed(bench.run("docker run toolbox nonsense")).as_deref(), Some("ExecProgram ENOENT"));
    assert_eq!(failed(bench.run("docker run toolbox /etc/passwd")).as_deref(), Some("ExecProgram EACCES"));
    assert_eq!(failed(bench.run("docker run toolbox /etc/passwd/x")).as_deref(), Some("ExecProgram ENOTDIR"));
    assert_eq!(failed(bench.run("docker run -u nobodyatall toolbox id")).as_deref(), Some("SetUser ESRCH"));
}

#[test]
fn logs_tell_what_was_written_and_a_terminal_echoes() {
    let mut bench = Bench::new();
    bench.run("docker run -d --name one toolbox seq 3");
    assert_eq!(bench.run("docker logs one").out, "1\n2\n3\n");
    assert_eq!(bench.run("docker logs --tail 1 one").out, "3\n");
    let shown = bench.run_with("docker run -it toolbox cat", &["hi\n"]);
    assert_eq!(shown.out, "hi\r\nhi\r\n");
    assert_eq!(bench.run_with("docker run -it toolbox cat", &["h", "^C"]).out, "h^C");
    assert_eq!(bench.run("docker run -t toolbox tty").out, "/dev/pts/0\r\n");
}

#[test]
fn capabilities_and_read_only_roots_refuse() {
    let mut bench = Bench::new();
    let shown = bench.run("docker run --read-only toolbox touch /x");
    assert_eq!(shown.err, "touch: /x: Read-only file system\n");
    let shown = bench.run("docker run toolbox hostname other");
    assert!(shown.err.contains("Operation not permitted"), "{shown:?}");
    let shown = bench.run("docker run -u nobody toolbox id");
    assert!(shown.out.starts_with("uid=65534(nobody) gid=65534(nogroup)"), "{shown:?}");
    let shown = bench.run("docker run toolbox cat /proc/self/status");
    assert!(shown.out.contains("CapEff:\t00000000a80425fb\n") && shown.out.contains("Seccomp:\t2\n"), "{}", shown.out);
    assert_eq!(bench.run("docker run toolbox cat /proc/kcore").out, "");
}

#[test]
fn nothing_is_left_of_a_container_that_removes_itself() {
    let mut bench = Bench::new();
    let before = (bench.kernel.processes.size(), bench.kernel.mounts.size(), bench.kernel.namespaces.size());
    bench.run("docker run --rm -m 16m toolbox true");
    let after = (bench.kernel.processes.size(), bench.kernel.mounts.size(), bench.kernel.namespaces.size());
    assert_eq!(before, after);
    assert_eq!(bench.state.containers.size(), 0);
    assert_eq!(bench.kernel.cgroups.size(), 1);
    assert_eq!(bench.kernel.files.size(), 0);
}
