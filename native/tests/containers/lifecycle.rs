//! Containers that outlive the command that started them, and commands on them.

use std::path::Path;

use super::Machine;

#[test]
fn from_run_to_rm() {
    let Some(machine) = Machine::new() else { return };
    let ran = machine.run(
        "id=$($G run -d --network none --name web toolbox sh -c 'echo started; sleep 100')
         [ $(echo $id | wc -c) = 65 ] || echo bad id
         $G ps -q; $G ps --no-trunc -q | grep -c $id
         until $G logs web | grep -q started; do sleep 0.02; done
         $G stop -t 1 web; $G ps -q; $G ps -a | grep -c 'Exited (137)'
         $G logs web; $G wait web; $G rm web; $G ps -aq; echo $id | cut -c1-12",
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    let id = lines.last().copied().unwrap_or_default();
    assert_eq!(lines, [id, "1", "web", "1", "started", "137", "web", id], "{}", ran.err);
}

#[test]
fn the_caller_is_free_at_once() {
    let Some(machine) = Machine::new() else { return };
    // The pipe ends only when nobody holds it any more: a monitor that did would make `cat` wait.
    let ran = machine.run("{ $G run -d --network none --name ss toolbox sleep 100; cd /; } 2>&1 | cat | wc -l; $G rm -f ss");
    assert_eq!((ran.code, ran.out.trim()), (0, "1\nss"), "{}", ran.err);
}

#[test]
fn exec_is_a_further_process_in_it() {
    let Some(machine) = Machine::new() else { return };
    let ran = machine.run(
        "$G run -d --network none --name web --hostname h toolbox sleep 100 >/dev/null
         $G exec web sh -c 'hostname; ls -d /proc/[0-9]*'; echo in | $G exec -i web cat
         $G exec -u nobody -w /tmp -e A=b web sh -c 'id -u; pwd; echo $A'
         $G exec web sh -c 'exit 9'; echo $?; $G exec web nosuch >/dev/null; echo $?; $G exec web /etc/passwd >/dev/null; echo $?
         $G exec -d web touch /tmp/made; until $G exec web ls /tmp | grep made; do sleep 0.02; done
         $G kill web; $G exec web true; echo $?; $G rm web",
    );
    let expected = "h\n/proc/1\n/proc/2\nin\n65534\n/tmp\nb\n9\n127\n126\nmade\nweb\n1\nweb\n";
    assert_eq!(ran.out, expected, "{}", ran.err);
    assert!(ran.err.contains("is not running"), "{}", ran.err);
}

#[test]
fn an_exec_is_in_the_containers_cgroup() {
    let Some(machine) = Machine::new() else { return };
    let ran = machine.run(
        "$G run -d --network none --name web toolbox sleep 100 >/dev/null
         $G exec web cat /proc/1/cgroup /proc/self/cgroup | sort | uniq -c | grep -vc ' 2 '; $G rm -f web",
    );
    assert_eq!(ran.out, "0\nweb\n", "{}", ran.err);
}

#[test]
fn it_can_be_started_again() {
    let Some(machine) = Machine::new() else { return };
    let ran = machine.run(
        "$G create --network none --name nn toolbox sh -c 'echo again >> /count; wc -l < /count; exit 3'
         $G ps -a | grep -c Created; $G start nn; $G wait nn; $G start -a nn; echo $?; $G logs nn; $G rm nn",
    );
    let out: Vec<&str> = ran.out.lines().skip(1).collect();
    assert_eq!(out, ["1", "nn", "3", "2", "3", "1", "2", "nn"], "{}", ran.err);
}

#[test]
fn a_detached_start_that_fails_is_told_and_stays_on_record() {
    let Some(machine) = Machine::new() else { return };
    let ran = machine.run(
        "$G run -d --network none --name bad toolbox nosuch; echo $?; $G ps -a | grep -c Created
         $G start bad; echo $?; $G inspect bad | grep -c 'executable file not found'; $G rm bad
         $G run -d --rm --network none --name gone toolbox nosuch; echo $?; $G ps -aq",
    );
    // The id is told before the start: of both that were run.
    let (ids, told): (Vec<&str>, Vec<&str>) = ran.out.lines().partition(|line| line.len() == 64);
    assert_eq!((ids.len(), told), (2, vec!["127", "1", "1", "1", "bad", "127"]), "{}", ran.err);
}

#[test]
fn wait_tells_the_code_of_a_container_that_removes_itself() {
    let Some(machine) = Machine::new() else { return };
    // It ends when whoever waits has begun to: as soon as the promise of an exit code is open.
    let ran = machine.run(
        "$G run -d --rm --network none --name ww toolbox sh -c 'until [ -e /go ]; do sleep 0.02; done; exit 5' >/dev/null
         $G wait ww > $GLASSBOX_ROOT.out & waiting=$!
         until ls -l /proc/$waiting/fd | grep -q /exit_code; do sleep 0.02; done
         $G exec ww touch /go; wait $waiting; echo $?; cat $GLASSBOX_ROOT.out; $G ps -aq; $G wait ww 2>/dev/null; echo $?",
    );
    assert_eq!(ran.out, "0\n5\n1\n", "{}", ran.err);
}

#[test]
fn signals_reach_the_first_process() {
    let Some(machine) = Machine::new() else { return };
    let ran = machine.run(
        "$G run -d --network none --name tt toolbox sh -c 'trap \"echo term; exit 4\" TERM; while true; do sleep 0.05; done' >/dev/null
         until $G exec tt true; do sleep 0.02; done; sleep 0.3
         $G stop tt; $G wait tt; $G logs tt; $G rm tt
         $G run -d --network none --name kk toolbox sleep 100 >/dev/null; $G exec kk kill -9 1; $G ps -q | wc -l; $G kill kk; $G wait kk; $G rm kk",
    );
    assert_eq!(ran.out, "tt\n4\nterm\ntt\n1\nkk\n137\nkk\n", "{}", ran.err);
}

#[test]
fn the_foreground_passes_signals_on() {
    let Some(machine) = Machine::new() else { return };
    let script = "trap \"echo got; exit 6\" TERM; echo ready; while true; do sleep 0.05; done";
    let ran = machine.run(&format!(
        "$G run --rm --network none toolbox sh -c '{script}' > $GLASSBOX_ROOT.out & run=$!
         until grep -q ready $GLASSBOX_ROOT.out; do sleep 0.02; done; kill $run; wait $run; echo $?; cat $GLASSBOX_ROOT.out"
    ));
    assert_eq!(ran.out, "6\nready\ngot\n", "{}", ran.err);
}

#[test]
fn logs_are_followed_to_the_end() {
    let Some(machine) = Machine::new() else { return };
    let ran = machine.run(
        "$G run -d --network none --name ll toolbox sh -c 'for i in 1 2 3; do echo $i; sleep 0.1; done; echo e >&2' >/dev/null
         $G logs -f ll; $G logs -n 1 ll 2>/dev/null; $G logs -t ll 2>&1 | grep -c '^20..-..-..T.*Z [123e]$'; $G rm ll",
    );
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("1\n2\n3\n4\nll\n", "e\n"));
}

#[test]
fn limits_stand_in_the_cgroups() {
    let Some(machine) = Machine::new() else { return };
    let ran = machine.run(
        "id=$($G run -d --network none --name mm -m 64m --pids-limit 20 --cpus 0.5 toolbox sleep 100 | cut -c1-12)
         cd /sys/fs/cgroup
         if [ -d glassbox-$id ]; then cd glassbox-$id; cat memory.max pids.max; cut -d' ' -f1 cpu.max
         else cat memory/glassbox-$id/memory.limit_in_bytes pids/glassbox-$id/pids.max cpu/glassbox-$id/cpu.cfs_quota_us; fi
         cd /; $G rm -f mm",
    );
    assert_eq!(ran.out, "67108864\n20\n50000\nmm\n", "{}", ran.err);
}

#[test]
fn a_parent_that_was_made_goes_with_the_last_of_its_containers() {
    let Some(machine) = Machine::new() else { return };
    let ran = machine.run(
        "T=/sys/fs/cgroup; [ -d $T/pids ] && T=$T/pids
         there() { [ -d $T/$1 ] && echo $2 is there || echo $2 is gone; }
         mkdir $T/glassbox-kept
         P=glassbox-kept/made/deep
         $G run -d --network none --name aa --pids-limit 20 --cgroup-parent /$P toolbox sleep 100 >/dev/null
         id=$($G run -d --network none --name bb --pids-limit 30 --cgroup-parent $P/ toolbox sleep 100 | cut -c1-12)
         cat $T/$P/glassbox-$id/pids.max; $G exec bb true && grep -c . $T/$P/glassbox-$id/cgroup.procs
         $G rm -f aa; there $P deep; $G rm -f bb; there $P deep; there glassbox-kept/made made; there glassbox-kept kept
         rmdir $T/glassbox-kept",
    );
    assert_eq!(ran.out, "30\n1\naa\ndeep is there\nbb\ndeep is gone\nmade is gone\nkept is there\n", "{}", ran.err);
}

#[test]
fn a_parent_that_another_engine_removes_meanwhile_is_made_again() {
    let Some(machine) = Machine::new() else { return };
    // Each has a data root of its own, and so no lock in common.
    let ran = machine.run(
        "loop() { for n in 1 2 3 4 5 6 7 8; do GLASSBOX_ROOT=$GLASSBOX_ROOT/$1 $G run --rm --network none --pids-limit 50 \
             --cgroup-parent glassbox-race/deep toolbox true || echo failed $1; done; }
         loop one & loop two & loop three & wait
         for top in /sys/fs/cgroup/glassbox-race /sys/fs/cgroup/*/glassbox-race; do
             [ ! -d $top ] || rmdir $top/deep $top || rmdir $top
         done 2>/dev/null; echo done",
    );
    assert_eq!(ran.out, "done\n", "{}", ran.err);
}

#[test]
fn who_has_used_up_the_processor_time_of_a_period_waits() {
    let Some(machine) = Machine::new() else { return };
    let ran = machine.run(
        "id=$($G run -d --network none --name busy --cpus 0.1 toolbox sh -c 'while :; do :; done' | cut -c1-12)
         F=/sys/fs/cgroup/glassbox-$id/cpu.stat; [ -f $F ] || F=/sys/fs/cgroup/cpu/glassbox-$id/cpu.stat
         until grep -q '^nr_throttled [1-9]' $F; do sleep 0.02; done; grep -c '^throttled_[a-z]* [1-9]' $F; $G rm -f busy",
    );
    assert_eq!(ran.out, "1\nbusy\n", "{}", ran.err);
}

#[test]
fn what_is_no_disk_is_refused_by_the_kernel() {
    let Some(machine) = Machine::new() else { return };
    // The kernel looks for a disk of the number: 1:3, that of /dev/null, is a RAM disk where there are any. 5:0 is none anywhere.
    let ran = machine.run("$G run --rm --network none --device-read-bps /dev/tty:1mb toolbox true; echo $?; $G ps -aq");
    let can = Path::new("/sys/fs/cgroup/blkio/blkio.throttle.read_bps_device").exists()
        || std::fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").is_ok_and(|text| text.contains("io "));
    let code = if can { "125\n" } else { "0\n" };
    assert_eq!(ran.out, code, "{}", ran.err);
    let told = if can { "no such device" } else { "Block I/O BPS read limit discarded" };
    assert!(ran.err.contains(told), "{}", ran.err);
}

#[test]
fn a_fork_bomb_and_a_memory_hog_are_contained() {
    let Some(machine) = Machine::new() else { return };
    let ran = machine.run(
        "$G run --network none --name oo -m 16m toolbox alloc 200m >/dev/null 2>&1; echo $?; $G inspect oo | grep OOMKilled | tr -d ' ,'; $G rm oo
         $G run --rm --network none --pids-limit 5 toolbox sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 0.2 & done; wait; echo end' 2>&1 | grep -c 'temporarily unavailable\\|end'",
    );
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines.get(..3), Some(&["137", "\"OOMKilled\":true", "oo"][..]), "{ran:?}");
    assert_ne!(lines.get(3), Some(&"0"), "{ran:?}");
}
