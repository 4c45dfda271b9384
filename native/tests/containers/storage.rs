//! What fixtures cannot say: mounts that the host has below a source, which both kernels would have to have.

use super::Machine;

/// A directory with a file system of memory mounted in it, and a file in that.
const NESTED: &str = "mkdir -p $PLACE/below; mount -t tmpfs none $PLACE/below; echo seen > $PLACE/below/file; ";

#[test]
fn read_only_reaches_the_mounts_below_unless_said_otherwise() {
    let Some(machine) = Machine::new() else { return };
    let place = machine.path("place");
    let place = place.to_str().unwrap();
    let run = |options: &str| {
        let script = format!(
            "PLACE={place}; {NESTED}
             $G run --rm --network none --mount type=bind,source=$PLACE,target=/data{options} toolbox \
             sh -c 'cat /data/below/file; echo more > /data/below/new && echo written'"
        );
        machine.run(&script)
    };
    let plain = run("");
    assert_eq!((plain.code, plain.out.as_str()), (0, "seen\nwritten\n"), "{}", plain.err);
    for options in [",readonly", ",readonly,bind-recursive=readonly,bind-propagation=rprivate"] {
        let ran = run(options);
        assert_eq!((ran.code, ran.out.as_str()), (1, "seen\n"), "{options}: {}", ran.err);
        assert!(ran.err.contains("Read-only file system"), "{}", ran.err);
    }
    let top = run(",readonly,bind-recursive=writable");
    assert_eq!((top.code, top.out.as_str()), (0, "seen\nwritten\n"), "{}", top.err);
    let alone = run(",bind-recursive=disabled");
    assert_eq!(alone.code, 0, "{}", alone.err);
    assert_eq!(alone.out, "written\n", "the mount below is left out");
}

#[test]
fn a_volume_with_rbind_has_the_mounts_below_its_device() {
    let Some(machine) = Machine::new() else { return };
    let place = machine.path("place");
    let place = place.to_str().unwrap();
    for (how, expected) in [("rbind", "seen\n"), ("bind", "")] {
        let script = format!(
            "PLACE={place}; {NESTED}
             $G volume create -o type=none -o o={how} -o device=$PLACE {how} > /dev/null || exit 9
             $G run --rm --network none -v {how}:/data toolbox sh -c 'cat /data/below/file 2> /dev/null; true'"
        );
        let ran = machine.run(&script);
        assert_eq!((ran.code, ran.out.as_str()), (0, expected), "{how}: {}", ran.err);
    }
}

#[test]
fn what_the_host_mounts_later_appears_in_a_slave() {
    let Some(machine) = Machine::new() else { return };
    let place = machine.path("place");
    let place = place.to_str().unwrap();
    let script = format!(
        "PLACE={place}; mkdir -p $PLACE/below; mount --bind $PLACE $PLACE; mount --make-shared $PLACE
         for mode in rshared rslave rprivate; do
             $G run -d --name $mode --network none --cap-add SYS_ADMIN -v $PLACE:/data:$mode toolbox sleep 1000 > /dev/null || exit 9
         done
         mount -t tmpfs none $PLACE/below; touch $PLACE/below/seen
         for mode in rshared rslave rprivate; do echo $mode $($G exec $mode ls /data/below); done
         $G exec rshared umount /data/below || exit 8
         echo host $(ls $PLACE/below) slave $($G exec rslave ls /data/below)
         $G exec rslave mount -t tmpfs none /data/below || exit 7
         grep -c $PLACE/below /proc/self/mountinfo
         $G exec rshared mount -t tmpfs none /data/below || exit 6
         grep -c $PLACE/below /proc/self/mountinfo
         $G rm -f rshared rslave rprivate > /dev/null; umount $PLACE/below; umount $PLACE"
    );
    let ran = machine.run(&script);
    assert_eq!((ran.code, ran.out.as_str()), (0, "rshared seen\nrslave seen\nrprivate\nhost slave\n0\n1\n"), "{}", ran.err);
}

#[test]
fn a_source_that_is_not_shared_is_refused_and_the_container_stays() {
    let Some(machine) = Machine::new() else { return };
    let place = machine.path("place");
    let place = place.to_str().unwrap();
    for (mode, words) in [("shared", "shared"), ("rshared", "shared"), ("slave", "shared or slave"), ("rslave", "shared or slave")]
    {
        let script = format!(
            "PLACE={place}; mkdir -p $PLACE; mount -t tmpfs none $PLACE; mkdir $PLACE/deep
             $G run --name refused --network none -v $PLACE/deep:/data:{mode} toolbox true; code=$?
             $G inspect --format '{{{{.State.Status}}}} {{{{.State.ExitCode}}}}' refused; $G rm refused > /dev/null; umount $PLACE; exit_with() {{ return $1; }}; exit_with $code"
        );
        let ran = machine.run(&script);
        let said =
            format!("docker: Error response from daemon: path {place}/deep is mounted on {place} but it is not a {words} mount\n");
        assert_eq!((ran.code, ran.out.as_str()), (125, "created 128\n"), "{mode}: {}", ran.err);
        assert!(ran.err.starts_with(&said), "{mode}: {}", ran.err);
    }
}
