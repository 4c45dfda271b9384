//! Small things that Linux does, seen on Linux first and then held against the model.

use super::bench::Bench;

#[track_caller]
fn check(line: &str, out: &str, err: &str, code: i32) {
    let shown = Bench::new().run(line);
    assert_eq!((shown.out.as_str(), shown.err.as_str(), shown.code), (out, err, Some(code)), "{line}");
}

#[test]
fn the_toolbox_does_not_know_every_name() {
    let err = "toolbox: /w: no such program\n";
    check("docker run --rm toolbox sh -c 'cp /bin/toolbox /w; /w echo copied; echo $?'", "127\n", err, 0);
    check("docker run --rm toolbox toolbox", "", "usage: toolbox NAME [ARG]...   (toolbox --list shows the names)\n", 127);
}

#[test]
fn only_the_kernel_makes_files_in_devpts() {
    let err =
        "sh: can't create /dev/pts/x: Permission denied\nmkdir: can't create directory '/dev/pts/y': Operation not permitted\n";
    check("docker run --rm toolbox sh -c 'echo hi > /dev/pts/x; mkdir /dev/pts/y; ls /dev/pts'", "ptmx\n", err, 0);
}

#[test]
fn unmounting_the_root_makes_it_read_only() {
    let err = "touch: /x: Read-only file system\n";
    check("docker run --rm --privileged toolbox sh -c 'umount / && touch /x'", "", err, 1);
}

#[test]
fn directories_have_the_sizes_of_their_file_systems() {
    let shown = Bench::new().run("docker run --rm toolbox ls -ld /dev /dev/pts /dev/shm /etc /sys");
    let sizes: Vec<&str> = shown.out.lines().filter_map(|line| line.split_whitespace().nth(4)).collect();
    assert_eq!(sizes, ["340", "0", "40", "4096", "0"], "{}", shown.out);
}

#[test]
fn a_process_tells_its_group_and_session() {
    let shown = Bench::new().run("docker run --rm -u 4711 toolbox cat /proc/self/status");
    assert!(shown.out.contains("\nGroups:\t \nNStgid:\t1\nNSpid:\t1\nNSpgid:\t1\nNSsid:\t1\n"), "{}", shown.out);
}

#[test]
fn a_removed_directory_has_no_path_but_a_way_up() {
    let err = "sh: pwd: getcwd: No such file or directory\ntouch: x: No such file or directory\n";
    check("docker run --rm toolbox sh -c 'mkdir a; cd a; rmdir ../a; pwd; touch x; cd ..; pwd'", "/\n", err, 0);
}

#[test]
fn hard_links_to_what_one_may_not_write_are_refused() {
    let err = "ln: hard: Operation not permitted\n";
    check(
        "docker run --rm -u 65534 toolbox sh -c 'cd /tmp; ln /etc/passwd hard; touch own; ln own second; ls'",
        "own\nsecond\n",
        err,
        0,
    );
}

#[test]
fn a_program_that_stops_itself_waits_for_sigcont() {
    let line = "docker run --rm toolbox sh -c 'sh -c \"kill -STOP \\$\\$; echo on\" & sleep 0.1; echo first; kill -CONT $!; wait'";
    check(line, "first\non\n", "", 0);
}
