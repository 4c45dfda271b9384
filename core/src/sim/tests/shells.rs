//! The shell in containers: pipes, jobs, redirections, limits, signals, terminals.

use super::bench::{Bench, Shown};

fn sh(bench: &mut Bench, flags: &str, script: &str) -> Shown {
    bench.run(&format!("docker run {flags} toolbox sh -c '{script}'"))
}

fn out(script: &str) -> String {
    let shown = sh(&mut Bench::new(), "", script);
    [shown.out, shown.err].concat()
}

#[test]
fn pipes_redirections_and_substitutions() {
    assert_eq!(out("seq 3 | wc -l"), "3\n");
    assert_eq!(out("echo a > /tmp/f; echo b >> /tmp/f; cat /tmp/f"), "a\nb\n");
    assert_eq!(out("echo $(echo x; echo y)"), "x y\n");
    assert_eq!(out("cat < /etc/os-release | head -n 1"), "NAME=\"Glassbox toolbox\"\n");
    assert_eq!(out("yes | head -n 2"), "y\ny\n");
    assert_eq!(out("echo err > /dev/stderr; echo out > /dev/stdout"), "out\nerr\n");
    assert_eq!(out("mkdir -p /a/b; cd /a/b; pwd; cd ..; pwd; rm -r /a; ls /a"), "/a/b\n/a\nls: /a: No such file or directory\n");
    assert_eq!(out("echo one > /tmp/a; mv /tmp/a /tmp/b; cat /tmp/b;"), "one\n");
    assert_eq!(out("head -c 100000000 /dev/zero > /dev/shm/x"), "head: write error: No space left on device\n");
}

#[test]
fn background_jobs_and_signals() {
    assert_eq!(out("sleep 100 & kill $!; wait $!; echo $?"), "143\n");
    assert_eq!(out("trap \"echo got\" TERM; kill $$; echo after"), "got\nafter\n");
    assert_eq!(out("kill -9 $$; echo survived"), "survived\n");
    assert_eq!(out("(sleep 1; echo late) & echo early; wait"), "early\nlate\n");
    let mut bench = Bench::new();
    bench.run("docker run -d --name box toolbox sh -c 'trap \"exit 7\" TERM; while true; do sleep 1; done'");
    let before = bench.kernel.realtime_ns();
    bench.run("docker stop box");
    assert_eq!(bench.state.container("box").unwrap().state.exit_code, 7);
    assert!(bench.kernel.realtime_ns() - before < 3_000_000_000);
}

#[test]
fn limits_hold() {
    let mut bench = Bench::new();
    let shown = sh(&mut bench, "--pids-limit 3", "sleep 1 & sleep 1 & sleep 1 & wait");
    assert!(shown.err.contains("Resource temporarily unavailable") || shown.err.contains("fork"), "{shown:?}");
    let shown = sh(&mut bench, "-m 16m", "head -c 30000000 /dev/zero > /dev/shm/x; echo $?");
    assert!(shown.out.contains("137"), "{shown:?}");
    let shown = sh(
        &mut bench,
        "-m 64m --cpus 0.5 --pids-limit 9",
        "cd /sys/fs/cgroup; cat memory.max cpu.max pids.max; cat /proc/self/cgroup",
    );
    assert_eq!(shown.out, "67108864\n50000 100000\n9\n0::/\n");
}

#[test]
fn a_terminal_has_a_prompt_and_job_control_keys() {
    let mut bench = Bench::new();
    let shown = bench.run_with("docker run -it toolbox", &["echo hi\n", "sleep 100\n", "exit 3\n"]);
    assert!(shown.out.contains("echo hi\r\nhi\r\n"), "{shown:?}");
    assert_eq!(shown.code, Some(3));
}

#[test]
fn privileged_containers_may_mount() {
    let mut bench = Bench::new();
    let shown =
        sh(&mut bench, "--privileged", "mount -t tmpfs none /mnt || mkdir /mnt; mount -t tmpfs none /mnt && mount | tail -n 1");
    assert!(shown.out.contains("none on /mnt type tmpfs (rw"), "{shown:?}");
    let shown = sh(&mut bench, "", "mkdir /mnt; mount -t tmpfs none /mnt");
    assert!(shown.err.contains("Operation not permitted"), "{shown:?}");
    let shown = sh(&mut bench, "--privileged", "hostname other; hostname");
    assert_eq!(shown.out, "other\n");
}

#[test]
fn orphans_fall_to_the_first_process() {
    let mut bench = Bench::new();
    let shown = sh(&mut bench, "--init", "ps -o pid,ppid,args | head -n 3");
    assert!(shown.out.contains("    1     0 /sbin/docker-init -- sh -c"), "{shown:?}");
    let shown = sh(&mut bench, "", "sh -c \"sleep 1 & true\"; ps -o pid,ppid,comm; sleep 2; ps -o pid,comm | grep -c sleep");
    assert!(shown.out.contains("    1 sleep"), "{shown:?}");
}
