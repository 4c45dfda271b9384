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
