//! A program in the foreground: its output, its exit code, and what surrounds it.

use super::Machine;

#[track_caller]
fn check(script: &str, code: i32, out: &str) {
    let Some(machine) = Machine::new() else { return };
    let ran = machine.run(script);
    assert_eq!((ran.code, ran.out.as_str()), (code, out), "{}", ran.err);
}

#[test]
fn output_goes_where_it_belongs() {
    let Some(machine) = Machine::new() else { return };
    let ran = machine.run("$G run --rm --network none toolbox sh -c 'echo out; echo err >&2'");
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "out\n", "err\n"));
}

#[test]
fn its_exit_code_is_the_commands() {
    check("$G run --rm --network none toolbox sh -c 'exit 7'", 7, "");
    check("$G run --rm --network none toolbox false", 1, "");
}

#[test]
fn stdin_is_passed_on_with_i_and_is_empty_without() {
    check("echo hello | $G run --rm -i --network none toolbox cat", 0, "hello\n");
    check("echo hello | $G run --rm --network none toolbox cat", 0, "");
}

#[test]
fn a_large_output_arrives_as_a_whole() {
    check(
        "$G run --rm --network none toolbox seq 200000 | tail -n 1; $G run --rm --network none toolbox seq 200000 | wc -l",
        0,
        "200000\n200000\n",
    );
}

#[test]
fn a_missing_program_is_127_and_one_that_cannot_be_executed_126() {
    let Some(machine) = Machine::new() else { return };
    let missing = machine.run("$G run --rm --network none toolbox nosuch");
    assert_eq!((missing.code, missing.out.as_str()), (127, ""));
    assert!(missing.err.contains("exec: \"nosuch\": executable file not found in $PATH"), "{}", missing.err);
    let refused = machine.run("$G run --rm --network none toolbox /etc/passwd");
    assert_eq!(refused.code, 126);
    assert!(refused.err.contains("exec: \"/etc/passwd\": permission denied"), "{}", refused.err);
    assert_eq!(machine.run("$G ps -aq").out, "");
}

#[test]
fn what_the_engine_refuses_is_125() {
    let Some(machine) = Machine::new() else { return };
    let script = "$G create --network none --name taken toolbox >/dev/null
        $G run --rm --network none --name taken toolbox; first=$?; $G rm taken; exit_with() { return $1; }; exit_with $first";
    let taken = machine.run(script);
    assert_eq!((taken.code, taken.out.as_str()), (125, "taken\n"));
    assert!(taken.err.contains("Conflict. The container name \"/taken\" is already in use by container"), "{}", taken.err);
    let unknown = machine.run("$G run --rm nosuchimage");
    assert_eq!(unknown.code, 125);
    assert!(unknown.err.contains("Unable to find image 'nosuchimage:latest' locally"), "{}", unknown.err);
}

#[test]
fn it_is_number_1_and_alone() {
    check("$G run --rm --network none toolbox sh -c 'echo $$; ls -d /proc/[0-9]*'", 0, "1\n/proc/1\n");
}

#[test]
fn its_names_and_directory_are_its_own() {
    check("$G run --rm --network none --hostname inside toolbox hostname; hostname | grep -c inside || true", 0, "inside\n0\n");
    check("$G run --rm --network none -w /a/b toolbox sh -c 'pwd; ls -ld /a/b | head -c 10'", 0, "/a/b\ndrwxr-xr-x");
    check("$G run --rm --network none toolbox ls /sys/class/net", 0, "lo\n");
    check("FOO=taken $G run --rm --network none -e FOO -e BAR=set toolbox sh -c 'echo $FOO $BAR $HOME'", 0, "taken set /root\n");
}

#[test]
fn changes_stay_in_the_upper_directory() {
    check(
        "$G run --network none --name ww toolbox sh -c 'echo x > /etc/new; rm /etc/group'
         $G start -a ww; ls $GLASSBOX_ROOT/containers/*/upper/etc; ls $GLASSBOX_ROOT/layers/*/etc | head -n 2; $G rm ww",
        0,
        "group\nnew\ngroup\nhostname\nww\n",
    );
}

#[test]
fn a_read_only_root_cannot_be_written() {
    let Some(machine) = Machine::new() else { return };
    let ran = machine.run("$G run --rm --network none --read-only toolbox sh -c 'touch /x; touch /dev/shm/y && echo shm'");
    assert_eq!((ran.code, ran.out.as_str()), (0, "shm\n"));
    assert!(ran.err.contains("Read-only file system"), "{}", ran.err);
}

#[test]
fn privileges_are_those_of_docker() {
    let script = "$G run --rm --network none toolbox cat /proc/self/status | grep -E '^(CapEff|CapBnd|CapInh|NoNewPrivs|Seccomp):'
        $G run --rm --network none -u 1000:5 --security-opt no-new-privileges toolbox sh -c 'id -u; id -g; cat /proc/self/status' \\
          | grep -E '^[0-9]|^(CapEff|NoNewPrivs):'";
    let expected = "CapInh:\t0000000000000000\nCapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb\nNoNewPrivs:\t0\nSeccomp:\t2\n\
                    1000\n5\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\n";
    check(script, 0, expected);
}

#[test]
fn an_unknown_user_is_refused() {
    let Some(machine) = Machine::new() else { return };
    let ran = machine.run("$G run --rm --network none -u eve toolbox id");
    assert_eq!(ran.code, 125);
    assert!(ran.err.contains("unable to find user eve: no matching entries in passwd file"), "{}", ran.err);
}

#[test]
fn hidden_and_read_only_paths() {
    check(
        "$G run --rm --network none toolbox sh -c 'wc -c < /proc/timer_list; ls /sys/firmware; echo 1 > /proc/sys/kernel/panic || echo refused' 2>/dev/null",
        0,
        "0\nrefused\n",
    );
}

#[test]
fn a_plan_writes_nothing() {
    let Some(machine) = Machine::new() else { return };
    let ran = machine
        .run("$G run --plan --rm toolbox true | tail -n 1; ls $GLASSBOX_ROOT 2>/dev/null; $G run --plan=json toolbox | head -c 1");
    assert!(ran.out.ends_with(" steps. Nothing was done.\n{"), "{}", ran.out);
}

#[test]
fn a_recording_holds_what_the_kernel_showed() {
    let Some(machine) = Machine::new() else { return };
    let file = machine.path("recording");
    let ran = machine.run(&format!("$G --record {} run --rm --network none toolbox sleep 0.2", file.display()));
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["format"], 1);
    // A step may have several events: on cgroup v2 the process is born in its cgroup.
    let events: Vec<&serde_json::Value> = lines.iter().filter_map(|line| line["events"].as_array()).flatten().collect();
    let has = |event: &str| events.iter().any(|found| found.get(event).is_some());
    for event in
        ["CgroupJoined", "ProcessCloned", "NamespaceEntered", "Mounted", "RootChanged", "CapabilitiesSet", "ContainerExited"]
    {
        assert!(has(event), "{event}");
    }
    let executed = events.iter().find_map(|found| found.get("ProgramExecuted")).unwrap();
    assert_eq!(executed["exe"], "/bin/toolbox");
}
