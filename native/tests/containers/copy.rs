//! `cp` with archives: what a stranger's archive says stays below the directory that it is unpacked into.

use std::fs;

use glassbox_core::host::HostFacts;
use glassbox_core::session::{Input, Progress, Session};

use crate::Machine;

/// A header of the ustar format, by hand: a program that makes archives would refuse to write most of these.
fn entry(name: &str, kind: u8, link: &str, size: u64, content: &[u8]) -> Vec<u8> {
    let mut header = [0u8; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{size:011o}"));
    put(136, "00000000000");
    put(148, "        ");
    put(157, link);
    put(257, "ustar");
    put(263, "00");
    header[156] = kind;
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let mut all = header.to_vec();
    all.extend(content);
    all.resize(all.len().next_multiple_of(512), 0);
    all
}

#[test]
fn an_archive_goes_round() {
    let Some(machine) = Machine::new() else { return };
    let ran = machine.run(
        "$G run --name box --network none toolbox sh -c 'mkdir -p /data/deep; echo hi > /data/deep/file; ln -s file /data/deep/link; chmod 640 /data/deep/file' || exit
         $G create --name other --network none toolbox sh -c 'cat /tmp/data/deep/link; readlink /tmp/data/deep/link; set -- $(ls -ln /tmp/data/deep/file); echo $1' > /dev/null
         $G cp box:/data - | $G cp - other:/tmp || exit
         $G start -a other
         $G rm box other > /dev/null",
    );
    assert_eq!((ran.code, ran.out.as_str()), (0, "hi\nfile\n-rw-r-----\n"), "{ran:?}");
}

/// Without when something was made: the time, and the sum that it is a part of.
fn timeless(archive: &[u8]) -> Vec<u8> {
    let mut blocks = archive.to_vec();
    for block in blocks.chunks_mut(512).filter(|block| block[257..].starts_with(b"ustar")) {
        block[136..156].fill(0);
    }
    blocks
}

#[test]
fn both_kernels_make_the_same_archive_and_take_each_others() {
    let Some(machine) = Machine::new() else { return };
    let made = r#"mkdir -p /data/deep/empty; printf "\377\376\000hi" > /data/bytes; echo hi > /data/deep/file; ln -s file /data/link; chmod 4750 /data/deep/file"#;
    let run = format!("run --name box --network none toolbox sh -c '{made}'");
    let mut model = Session::new(HostFacts::example());
    let output = |model: &Session| model.world().output().iter().flat_map(|chunk| chunk.bytes.clone()).collect::<Vec<u8>>();
    model.command(&format!("docker {run}"));
    let before = output(&model).len();
    model.command("docker cp box:/data -");
    let shown = output(&model).split_off(before);
    let prompt = shown.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let predicted = shown[prompt..].to_vec();
    assert!(predicted.windows(5).any(|bytes| bytes == b"\xff\xfe\0hi"));
    fs::write(machine.path("predicted"), &predicted).unwrap();
    let look = "ls -ln /tmp/data /tmp/data/deep | grep -o \"^[-dl][-rwxs]*\"; cat /tmp/data/deep/file; wc -c /tmp/data/bytes";
    let ran = machine.run(&format!(
        "$G {run} || exit; $G cp box:/data - > {made}
         $G create --name other --network none toolbox sh -c '{look}' > /dev/null
         $G cp - other:/tmp < {predicted} || exit; $G start -a other
         $G rm box other > /dev/null",
        made = machine.path("made").display(),
        predicted = machine.path("predicted").display(),
    ));
    let archive = fs::read(machine.path("made")).unwrap();
    assert_eq!(timeless(&archive), timeless(&predicted), "{ran:?}");
    model.command(&format!("docker create --name other --network none toolbox sh -c '{look}'"));
    model.command("docker cp - other:/tmp");
    model.give(&Input::Bytes(archive));
    model.give(&Input::End);
    assert_eq!(model.run(100), Progress::Ready(0), "{}", String::from_utf8_lossy(&output(&model)));
    let before = output(&model).len();
    model.command("docker start -a other");
    let shown = String::from_utf8(output(&model).split_off(before)).unwrap();
    assert_eq!((ran.code, ran.out.as_str()), (0, shown.split_once('\n').unwrap().1), "{ran:?}");
}

#[test]
fn names_that_lead_out_are_refused() {
    for (entries, expected) in [
        (vec![entry("../../evil", b'0', "", 4, b"evil")], "is outside of"),
        (vec![entry("link", b'2', "../../..", 0, b"")], "invalid symlink"),
        (vec![entry("name", b'1', "../../etc/passwd", 0, b"")], "invalid hardlink"),
        (vec![entry("huge", b'0', "", 8_000_000_000, b"little")], "unexpected EOF"),
        (vec![entry("././@LongLink", b'L', "", 2_000_000_000, b"a")], "more than 1048576 bytes in a header"),
        (vec![b"no archive".repeat(100)], "Error response from daemon"),
    ] {
        let Some(machine) = Machine::new() else { return };
        let archive = machine.path("archive.tar");
        fs::write(&archive, entries.concat()).unwrap();
        let ran = machine.run(&format!(
            "$G create --name box --network none toolbox > /dev/null || exit 9
             $G cp - box:/var/tmp < {}; code=$?
             $G rm box > /dev/null; exit $code",
            archive.display()
        ));
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains(expected), "{expected}: {ran:?}");
    }
}

#[test]
fn a_link_in_an_archive_leads_to_the_containers_files() {
    let Some(machine) = Machine::new() else { return };
    let outside = machine.path("outside");
    fs::create_dir(&outside).unwrap();
    let link = outside.display().to_string();
    let entries = [entry("link", b'2', &link, 0, b""), entry("link/evil", b'0', "", 4, b"evil"), vec![0; 1024]].concat();
    fs::write(machine.path("archive.tar"), entries).unwrap();
    let archive = machine.path("archive.tar").display().to_string();
    let ran = machine.run(&format!(
        "$G create --name box --network none toolbox > /dev/null || exit 9
         $G cp - box:/var/tmp < {archive}
         $G rm box > /dev/null"
    ));
    assert!(ran.err.contains("link/evil: no such file or directory"), "{ran:?}");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{ran:?}");
}
