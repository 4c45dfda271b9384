//! Packing: canonical, and the inverse of unpacking.

use super::cases::{self, archive, directory, entry, file, hardlink, symlink};
use super::*;

const PACK: PackOptions =
    PackOptions { form: OverlayForm::Trusted, epoch_seconds: None, uid_map: Vec::new(), gid_map: Vec::new(), without: Vec::new() };

/// Unpacked in a model of its own, and packed again.
fn again(booted: &Kernel, bytes: &[u8], options: &PackOptions) -> (Packed, Vec<u8>) {
    let mut kernel = booted.clone();
    let told = unpack(&mut disk(&mut kernel), &cases::OPTIONS, bytes).unwrap();
    let mut packed = Vec::new();
    let answer = pack(&mut disk(&mut kernel), options, &mut packed).unwrap();
    assert_eq!(answer.archive_bytes, packed.len() as u64);
    assert!(told.content_bytes >= answer.content_bytes);
    (answer, packed)
}

fn names(bytes: &[u8]) -> Vec<String> {
    let mut reader = crate::archive::Reader::new(bytes, cases::OPTIONS.limits.archive);
    let mut names = Vec::new();
    while let Some(member) = reader.next_member().unwrap() {
        names.push(String::from_utf8(member.name).unwrap());
    }
    names
}

#[test]
fn entries_stand_in_one_order() {
    let one = [directory("b"), file("b/z", "z"), file("b-c", ""), file("b/.wh.a", ""), file("b/.wh..wh..opq", ""), file("B", "")];
    let mut other = one.to_vec();
    other.reverse();
    let (packed, bytes) = again(&kernel(), &archive(&one), &PACK);
    assert_eq!(names(&bytes), ["B", "b/", "b/.wh..wh..opq", "b/.wh.a", "b/z", "b-c"]);
    assert_eq!(again(&kernel(), &archive(&other), &PACK).1, bytes);
    assert_eq!((packed.entries, packed.content_bytes), (6, 1));
}

/// Another digest here is another digest of every layer that is built.
#[test]
fn the_same_tree_has_the_same_digest_for_ever() {
    let tree = [
        directory("etc"),
        file("etc/motd", "hello\n"),
        symlink("etc/link", "motd"),
        hardlink("etc/other", "etc/motd"),
        file(".wh.gone", ""),
        file("etc/.wh..wh..opq", ""),
        (entry("null", MemberKind::CharDevice { major: 1, minor: 3 }), ""),
    ];
    let (packed, _) = again(&kernel(), &archive(&tree), &PACK);
    assert_eq!(packed.diff_id, "sha256:18d750e49aeab246641f3d01286a24b512827e6c57f51eb9c4e5214121073407");
    let clamped = again(&kernel(), &archive(&tree), &PackOptions { epoch_seconds: Some(10), ..PACK });
    assert_ne!(clamped.0.diff_id, packed.diff_id);
    let later = again(&kernel(), &archive(&tree), &PackOptions { epoch_seconds: Some(5000), ..PACK });
    assert_eq!(names(&later.1), names(&clamped.1));
}

#[test]
fn an_empty_directory_is_no_layer() {
    let (packed, bytes) = again(&kernel(), &archive(&[]), &PACK);
    assert!(packed.is_empty() && bytes == [0; 1024]);
}

#[test]
fn what_cannot_be_in_a_layer_is_refused() {
    let mut kernel = kernel();
    let mut disk = disk(&mut kernel);
    disk.make_directory(b"a").unwrap();
    let sink = disk.create(b"a/.wh.b").unwrap();
    disk.close(b"a/.wh.b", sink, &Attributes::default()).unwrap();
    let refused = pack(&mut disk, &PACK, Vec::new()).unwrap_err().to_string();
    assert!(refused.starts_with("glassbox: layer: \"a/.wh.b\": its name begins with .wh."), "{refused}");
    disk.remove(b"a/.wh.b").unwrap();
    disk.set_attribute(b"a", "trusted.overlay.redirect", b"/b").unwrap();
    let refused = pack(&mut disk, &PACK, Vec::new()).unwrap_err().to_string();
    assert_eq!(refused, "glassbox: layer: \"a\": its content is in another layer (trusted.overlay.redirect)");
}

/// xorshift64*: the same trees each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides
    }
}

/// A tree in an order of its own: entries below random directories, of all kinds, with names of all lengths.
fn random_tree(dice: &mut Dice) -> Vec<(Member, &'static str)> {
    let mut paths = vec![String::new()];
    let mut members: Vec<(Member, &'static str)> = Vec::new();
    for number in 0..1 + dice.roll(30) {
        let parent = paths[dice.roll(paths.len() as u64) as usize].clone();
        let long = if dice.roll(8) == 0 { "ä-long-name".repeat(15) } else { String::new() };
        let path = format!("{parent}n{number}{long}");
        let files: Vec<String> = members
            .iter()
            .filter(|(member, _)| member.kind == MemberKind::File && !member.name.starts_with(b".wh."))
            .map(|(member, _)| String::from_utf8_lossy(&member.name).into_owned())
            .filter(|name| !name.contains(".wh."))
            .collect();
        let mut made = match dice.roll(9) {
            0..=1 => {
                paths.push(format!("{path}/"));
                directory(&path)
            }
            2..=3 => file(&path, ["", "x", "some content\n"][dice.roll(3) as usize]),
            4 => symlink(&path, "../somewhere"),
            5 if !files.is_empty() => hardlink(&path, &files[dice.roll(files.len() as u64) as usize]),
            6 => file(&format!("{parent}.wh.n{number}"), ""),
            7 => (entry(&path, MemberKind::Fifo), ""),
            8 if !parent.is_empty() => file(&format!("{parent}.wh..wh..opq"), ""),
            _ => (entry(&path, MemberKind::BlockDevice { major: 7, minor: number as u32 }), ""),
        };
        made.0.mode = [0o644, 0o4755, 0o1777, 0][dice.roll(4) as usize];
        made.0.uid = [0, 1000, 3_000_000][dice.roll(3) as usize];
        made.0.modified = (dice.roll(2_000_000_000) as i64, 0);
        if made.0.kind == MemberKind::Directory && dice.roll(2) == 0 {
            made.0.attributes.push(("user.note".into(), vec![0, b'\n', 255]));
        }
        members.push(made);
    }
    members
}

#[test]
fn unpacking_what_was_packed_is_the_tree_again() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let booted = kernel();
    for round in 0..200 {
        let tree = archive(&random_tree(&mut dice));
        let (first, bytes) = again(&booted, &tree, &PACK);
        let (second, same) = again(&booted, &bytes, &PACK);
        assert!(bytes == same && first == second, "round {round}");
        let (mut one, mut two) = (booted.clone(), booted.clone());
        unpack(&mut disk(&mut one), &cases::OPTIONS, tree.as_slice()).unwrap();
        let told = unpack(&mut disk(&mut two), &cases::OPTIONS, bytes.as_slice()).unwrap();
        assert_eq!(cases::listing(&mut disk(&mut one)), cases::listing(&mut disk(&mut two)), "round {round}");
        assert_eq!((told.diff_id, told.archive_bytes), (first.diff_id, first.archive_bytes));
    }
}

/// One to four bytes are others; mostly the sum of their header is right all the same.
fn changed(archive: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = archive.to_vec();
    for _ in 0..1 + dice.roll(4) {
        let at = dice.roll(bytes.len() as u64) as usize;
        bytes[at] = [0, 0xff, b'0', b'/', b'.', b'1', dice.roll(256) as u8][dice.roll(7) as usize];
        let start = at / 512 * 512;
        if dice.roll(5) > 0 {
            bytes[start + 148..start + 156].fill(b' ');
            let sum: u32 = bytes[start..start + 512].iter().map(|byte| u32::from(*byte)).sum();
            bytes[start + 148..start + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
    bytes
}

#[test]
fn a_changed_archive_is_unpacked_or_refused() {
    let booted = kernel();
    let mut dice = Dice(7);
    let (mut taken, mut refused) = (0, 0);
    for case in cases::all().into_iter().filter(|case| (1..20_000).contains(&case.archive.len()) && case.archive.len() % 512 == 0) {
        for _ in 0..20 {
            let mut kernel = booted.clone();
            match unpack(&mut disk(&mut kernel), &case.options, changed(&case.archive, &mut dice).as_slice()) {
                Err(error) => {
                    assert!(error.to_string().len() < 1000, "{error}");
                    refused += 1;
                }
                Ok(_) => {
                    let mut packed = Vec::new();
                    pack(&mut disk(&mut kernel), &PACK, &mut packed).unwrap();
                    assert_eq!(again(&booted, &packed, &PACK).1, packed, "{}", case.name);
                    taken += 1;
                }
            }
        }
    }
    assert!(taken > 100 && refused > 100, "{taken} {refused}");
}
