//! Any text is read as a Dockerfile and checked, also one with a .dockerignore behind a line of `=`; nothing panics, nothing hangs.

#![no_main]

use glassbox_core::dockerfile::{CheckInput, check};
use glassbox_core::view::build_check;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (file, ignore) = text.split_once("\n=\n").map_or((text, None), |(file, ignore)| (file, Some(ignore)));
    let report = check(&CheckInput {
        text: file,
        ignore,
        build_args: &[],
        target: None,
        platform: "linux/amd64",
        base: &|_| None,
    });
    let said = build_check::findings(&report, file, "Dockerfile") + &build_check::refusal(&report, file, "Dockerfile");
    assert!(!said.is_empty());
});
