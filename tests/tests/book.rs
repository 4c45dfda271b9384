//! The book: every transcript of a chapter runs on Linux, in order and on one machine, and shows what the chapter says. That the model
//! shows the same is tested beside the book's library; that their events agree is the fidelity suite's.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use glassbox_tests::binary::skip;
use glassbox_tests::suite;

fn chapters() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../book/src");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "md"));
    paths.sort();
    paths
}

#[test]
fn every_transcript_shows_on_linux_what_the_chapter_says() {
    if !fs::read_to_string("/proc/self/status").is_ok_and(|text| text.contains("\nUid:\t0\t")) {
        skip("containers with all namespaces need root");
        return;
    }
    let mut commands = 0;
    for path in chapters() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let fixture = glassbox_book::fixture(&name, &fs::read_to_string(&path).unwrap()).unwrap();
        let (_place, mut linux) = suite::linux().unwrap();
        let (shown, _) = suite::run(&mut linux, &fixture).unwrap();
        assert_eq!(suite::rendered(&linux, &fixture, &shown), fixture.render(&fixture.commands), "{name}");
        commands += fixture.commands.len();
    }
    println!("{commands} commands of the book ran on Linux");
    assert!(commands >= 15, "only {commands} commands in the whole book");
}
