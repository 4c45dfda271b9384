//! Any bytes as an archive for `cp -` are unpacked or refused, and nothing outside of the directory is touched.

#![no_main]

use std::fs::{self, File};

use glassbox::exec::copy;
use glassbox::sys::rootfs::Root;
use glassbox_core::step::{CopyEnd, CopyOwner, CopyStep};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a directory");
    let inside = folder.path().join("inside");
    fs::create_dir(&inside).expect("a directory");
    fs::write(folder.path().join("kept"), "as it was").expect("a file");
    let (from, to) = (Root::open(&inside).expect("a root"), Root::open(&inside).expect("a root"));
    let to_end = CopyEnd { container: None, path: "/".into() };
    let _ = copy::carry_out(&CopyStep::UnpackArchive { to: to_end, owner: CopyOwner::Kept }, from, to, bytes);
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).expect("a list").map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    assert_eq!(names, ["inside", "kept"]);
    assert_eq!(fs::read(folder.path().join("kept")).expect("a file"), b"as it was");
    drop(File::open(&inside));
});
