//! Reading: layers laid over each other, compared with what lies below, held against their archives, and looked through.

use std::io::Read;

use super::cases::{self, archive, directory, file, symlink};
use super::*;
use crate::archive::Member;
use crate::errno::Errno;

type Entries<'a> = &'a [(Member, &'static str)];

/// A machine of its own for each layer.
fn machines(layers: &[Entries<'_>]) -> Vec<Kernel> {
    let booted = kernel();
    let made = |entries: &Entries<'_>| {
        let mut kernel = booted.clone();
        unpack(&mut disk(&mut kernel), &cases::OPTIONS, archive(entries).as_slice()).unwrap();
        kernel
    };
    layers.iter().map(made).collect()
}

/// The topmost first.
fn merged(machines: &mut [Kernel]) -> Merged<LayerDisk<'_>> {
    Merged::new(machines.iter_mut().map(disk).collect(), OverlayForm::Trusted)
}

fn text(tree: &mut impl Tree, path: &str) -> String {
    let mut text = String::new();
    tree.open(path.as_bytes()).unwrap().read_to_string(&mut text).unwrap();
    text
}

fn names(tree: &mut impl Tree, path: &str) -> Vec<String> {
    tree.names(path.as_bytes()).unwrap().into_iter().map(|name| String::from_utf8(name).unwrap()).collect()
}

#[test]
fn the_topmost_name_counts_and_marks_hide() {
    let lower =
        [directory("a"), file("a/x", "1"), file("a/y", "1"), directory("b"), file("b/z", "1"), directory("c"), file("c/q", "1")];
    let middle =
        [directory("a"), file("a/x", "22"), file("a/.wh.y", ""), directory("b"), file("b/.wh..wh..opq", ""), file("b/new", "2")];
    let upper = [directory("a"), file("a/y", "333"), file("c", "no directory")];
    let mut machines = machines(&[&upper, &middle, &lower]);
    let mut tree = merged(&mut machines);
    assert_eq!(
        (names(&mut tree, ""), names(&mut tree, "a"), names(&mut tree, "b")),
        (["a", "b", "c"].map(String::from).into(), ["x", "y"].map(String::from).into(), vec!["new".to_string()])
    );
    assert_eq!(
        (text(&mut tree, "a/x"), text(&mut tree, "a/y"), text(&mut tree, "c")),
        ("22".into(), "333".into(), "no directory".into())
    );
    assert_eq!(tree.look(b"b/z").unwrap_err(), Errno::ENOENT);
    assert_eq!(tree.look(b"c/q").unwrap_err(), Errno::ENOTDIR);
}

/// The merged tree as one layer is the layers one after the other in one directory.
#[test]
fn a_merged_tree_is_packed_as_the_layers_applied_in_order() {
    let lower = [directory("a"), file("a/x", "1"), symlink("l", "a/x"), directory("d"), file("d/e", "")];
    let upper = [directory("a"), file("a/.wh.x", ""), file("a/n", "2"), directory("d"), file("d/.wh..wh..opq", "")];
    let mut both = machines(&[&upper, &lower]);
    let mut packed = Vec::new();
    pack(&mut merged(&mut both), &PackOptions::default(), &mut packed).unwrap();
    let whole = [directory("a"), file("a/n", "2"), symlink("l", "a/x"), directory("d")];
    let mut one = machines(&[&whole]);
    let mut expected = Vec::new();
    pack(&mut disk(&mut one[0]), &PackOptions::default(), &mut expected).unwrap();
    assert!(packed == expected);
}

fn changed(upper: Entries<'_>, lower: Entries<'_>) -> String {
    let mut all = machines(&[upper, lower]);
    let (own, below) = all.split_at_mut(1);
    let found = changes(&mut disk(&mut own[0]), &mut merged(below), OverlayForm::Trusted, &["proc".into()]).unwrap();
    in_lines(&found)
}

fn with_mode(name: &'static str, mode: u32) -> (Member, &'static str) {
    let (member, text) = directory(name);
    (Member { mode, ..member }, text)
}

#[test]
fn changes_are_told_as_docker_tells_them() {
    let lower = [directory("a"), file("a/x", "1"), file("a/y", "1"), directory("b"), file("b/z", "1"), directory("c")];
    let upper = [directory("a"), file("a/.wh.y", ""), file("a/x", "22"), directory("new"), file("new/n", ""), directory("proc")];
    assert_eq!(changed(&upper, &lower), "C /a\nC /a/x\nD /a/y\nA /new\nA /new/n\n");
    // A directory that only was copied up is no change, one of another mode is.
    assert_eq!(changed(&[directory("a"), with_mode("c", 0o700)], &lower), "C /c\n");
    // Made anew: what was in it is gone.
    assert_eq!(changed(&[directory("b"), file("b/.wh..wh..opq", ""), file("b/m", "")], &lower), "C /b\nA /b/m\nD /b/z\n");
    // A whiteout of nothing, and of something else.
    assert_eq!(changed(&[file(".wh.nothing", ""), file(".wh.b", "")], &lower), "D /b\n");
    // A file where a directory was, and the other way round.
    assert_eq!(
        changed(&[file("b", ""), directory("a"), directory("a/x"), file("a/x/in", "")], &lower),
        "C /a\nC /a/x\nA /a/x/in\nC /b\n"
    );
    assert_eq!(changed(&[], &lower), "");
}

fn difference(extracted: Entries<'_>, said: Entries<'_>) -> Option<String> {
    let mut all = machines(&[extracted]);
    let limits = cases::OPTIONS.limits;
    compare(&mut disk(&mut all[0]), OverlayForm::Trusted, &limits, &mut archive(said).as_slice()).unwrap()
}

#[test]
fn what_stands_extracted_is_held_against_its_archive() {
    let said =
        [directory("a"), file("a/x", "12"), file("a/.wh.y", ""), symlink("l", "a"), directory("o"), file("o/.wh..wh..opq", "")];
    assert_eq!(difference(&said, &said), None);
    let without = |name: &str| said.iter().filter(|(member, _)| member.name != name.as_bytes()).cloned().collect::<Vec<_>>();
    assert_eq!(difference(&without("a/x"), &said).as_deref(), Some("/a/x is missing"));
    assert_eq!(difference(&without("a/.wh.y"), &said).as_deref(), Some("/a/y is missing"));
    assert_eq!(difference(&without("o/.wh..wh..opq"), &said).as_deref(), Some("/o hides other files"));
    let changed: Vec<_> = without("a/x").into_iter().chain([file("a/x", "21")]).collect();
    assert_eq!(difference(&changed, &said).as_deref(), Some("/a/x is another file"));
    let more: Vec<_> = said.iter().cloned().chain([file("more", "")]).collect();
    assert_eq!(difference(&more, &said).as_deref(), Some("/more is another file"));
}

#[test]
fn waste_is_found_with_its_cause() {
    let one = [directory("a"), file("a/big", "12345678"), file("a/old", "123"), directory("d"), file("d/in", "12")];
    let two = [directory("a"), file("a/old", "1234"), directory("d"), file("d/.wh..wh..opq", ""), file("d/more", "1")];
    let three = [directory("a"), file("a/.wh.big", ""), file("d", "now a file")];
    let mut all = machines(&[&one, &two, &three]);
    let mut trees: Vec<LayerDisk<'_>> = all.iter_mut().map(disk).collect();
    let explored = explore(&mut trees, OverlayForm::Trusted).unwrap();
    let waste: Vec<String> = explored
        .waste
        .iter()
        .map(|waste| format!("{} {} {}>{} {:?}", waste.path, waste.bytes, waste.layer, waste.by, waste.cause))
        .collect();
    assert_eq!(waste, ["/a/big 8 1>3 Removed", "/a/old 3 1>2 Changed", "/d/in 2 1>2 Removed", "/d/more 1 2>3 Changed"]);
    let said = |layer: usize| -> Vec<String> {
        explored.layers[layer].iter().map(|file| format!("{:?} {} {}", file.touch, file.path, file.bytes)).collect()
    };
    assert_eq!(said(1), ["Changed /a 0", "Changed /a/old 4", "Changed /d 0", "Added /d/more 1"]);
    assert_eq!(said(2), ["Changed /a 0", "Removed /a/big 0", "Changed /d 10"]);
}
