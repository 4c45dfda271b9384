//! `kill -9` of the engine, and the ordinary user.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use glassbox_tests::binary::{copy_program, skip};

use super::Machine;

#[test]
fn a_killed_foreground_run_takes_its_container_along_and_the_next_command_cleans_up() {
    let Some(machine) = Machine::new() else { return };
    let ran = machine.run(
        "$G run --rm --network none toolbox sh -c 'echo up; sleep 100' > $GLASSBOX_ROOT.out & run=$!
         until grep -q up $GLASSBOX_ROOT.out; do sleep 0.02; done
         kill -9 $run; wait $run 2>/dev/null; $G ps -aq; ls $GLASSBOX_ROOT/containers",
    );
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
}

#[test]
fn a_killed_monitor_takes_its_container_along_and_the_record_says_so() {
    let Some(machine) = Machine::new() else { return };
    let ran = machine.run(
        "$G run -d --network none --name mm toolbox sleep 100 >/dev/null
         for process in /proc/[0-9]*; do read -r name < $process/comm; [ $name = glassbox ] && kill -9 ${process#/proc/}; done
         until $G recover | grep -q 'lost its monitor'; do :; done; $G ps -a | grep -c 'Exited (137)'; $G recover; $G rm mm",
    );
    assert_eq!((ran.code, ran.out.as_str()), (0, "1\nnothing to recover\nmm\n"), "{}", ran.err);
}

#[test]
fn killed_at_any_moment_it_leaves_nothing() {
    let Some(machine) = Machine::new() else { return };
    let ran = machine.run(
        "$G run --rm --network none toolbox true
         for delay in 0 0.001 0.002 0.003 0.004 0.005 0.006 0.008 0.010 0.012 0.015 0.020 0.030 0.040 0.050; do
           $G run --rm --network none toolbox sleep 0.02 & run=$!; sleep $delay; kill -9 $run 2>/dev/null; wait $run 2>/dev/null
           $G recover >/dev/null || echo problems after $delay
         done; ls $GLASSBOX_ROOT/containers $GLASSBOX_ROOT/journal",
    );
    let root = machine.path("root");
    assert_eq!(ran.out, format!("{0}/containers:\n\n{0}/journal:\n", root.display()), "{}", ran.err);
}

#[test]
fn an_ordinary_user_runs_containers() {
    let Some(machine) = Machine::new() else { return };
    let script = "export HOME=/; PATH=$PATH:/usr/sbin
        $G run --rm --network none toolbox sh -c 'id -u; echo $$; touch /new && ls /new'
        $G run -d --network none --name dd toolbox sleep 100 >/dev/null; $G exec dd sh -c 'id -u; echo exec'; $G rm -f dd
        $G run --rm --network host toolbox cat /proc/self/uid_map | tr -s ' '";
    let root = machine.path("root");
    fs::create_dir_all(&root).unwrap();
    // The binary lies where an ordinary user may not look.
    let binary = machine.path("glassbox");
    copy_program(Path::new(env!("CARGO_BIN_EXE_glassbox")), &binary).unwrap();
    for path in [&root, &binary] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        chown(path, Some(1000), Some(1000)).unwrap();
    }
    if !Command::new("setpriv").arg("--version").output().is_ok_and(|output| output.status.success()) {
        skip("no setpriv");
        return;
    }
    fs::write(machine.path("script"), script).unwrap();
    let path = machine.path("script");
    let ran = machine.run(&format!(
        "export G={}; setpriv --reuid 1000 --regid 1000 --clear-groups sh {}",
        binary.display(),
        path.display()
    ));
    let lines: Vec<&str> = ran.out.lines().collect();
    let expected = ["0", "1", "/new", "0", "exec", "dd", " 0 1000 1"];
    assert_eq!(lines, expected, "{ran:?}");
}
