use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::layer::{extract, remove_parts};
use super::*;
use crate::test_support::{TempRoot, container};

#[test]
fn a_record_comes_back_as_it_was_saved() {
    let root = TempRoot::new();
    let store = root.store();
    let mut record = Record::of(container(&store, "aa"));
    store.save(&record).unwrap();
    record.container.name = "other".into();
    store.save(&record).unwrap();
    let loaded = store.load([]).unwrap();
    assert_eq!(loaded.state.container("other").unwrap(), &record.container);
    assert!(loaded.stale.is_empty() && loaded.unreadable.is_empty());
    assert_eq!(store.read(&record.container.id).unwrap(), Some(record));
    let files = fs::read_dir(store.layout().container(&ContainerId("aa".into()))).unwrap().count();
    assert_eq!(files, 1, "no temporary file is left");
}

#[test]
fn a_bad_record_is_named_and_hides_no_other() {
    let root = TempRoot::new();
    let store = root.store();
    store.save(&Record::of(container(&store, "aa"))).unwrap();
    let good = fs::read_to_string(store.layout().of(&ContainerId("aa".into()), "state.json")).unwrap();
    let bad = [
        ("b1", "garbage".to_string(), "expected value"),
        ("b2", "x".repeat(10 << 20), "expected value"),
        ("b3", good.replace("\"format\":1", "\"format\":2"), "it has format 2, and only format 1 is known"),
        ("b4", good.clone(), "it is about another container, aa"),
        ("b5", String::new(), "EOF"),
        ("b6", " ".repeat((16 << 20) + 1), "larger than 16 MiB"),
    ];
    for (id, text, _) in &bad {
        let directory = root.path().join("containers").join(id);
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("state.json"), text).unwrap();
    }
    let loaded = store.load([]).unwrap();
    assert_eq!(loaded.state.containers.size(), 1);
    assert_eq!(loaded.unreadable.len(), bad.len());
    for (error, (id, _, why)) in loaded.unreadable.iter().zip(&bad) {
        let text = error.to_string();
        assert!(text.contains(why) && text.contains(&format!("containers/{id}/state.json")), "{text}");
        assert!(text.contains("remove the directory"), "{text}");
    }
}

#[test]
fn a_running_record_is_stale_when_its_process_and_monitor_are_gone() {
    let root = TempRoot::new();
    let store = root.store();
    let mut running = container(&store, "aa");
    running.state.status = Status::Running;
    running.state.pid = Some(std::process::id());
    let mut record = Record::of(running);
    assert!(record.process.is_some() && !record.is_stale());
    let gone = ProcessIdentity { boot_id: "earlier".into(), ..record.process.clone().unwrap() };
    (record.process, record.monitor) = (Some(gone.clone()), Some(gone));
    store.save(&record).unwrap();
    assert_eq!(store.load([]).unwrap().stale, [ContainerId("aa".into())]);
}

#[test]
fn the_lock_is_exclusive() {
    let root = TempRoot::new();
    let store = root.store();
    let lock = store.lock().unwrap();
    let other = std::fs::File::open(root.path().join("lock")).unwrap();
    assert!(!sys::file::try_lock_exclusive(&other).unwrap());
    drop(lock);
    assert!(sys::file::try_lock_exclusive(&other).unwrap());
}

#[test]
fn a_relative_root_and_one_that_cannot_be_made_are_refused() {
    assert!(matches!(Store::open(Path::new("here")), Err(StoreError::Root { .. })));
    let error = Store::open(Path::new("/proc/nowhere")).unwrap_err().to_string();
    assert!(error.starts_with("cannot make the directory /proc/nowhere: "), "{error}");
}

#[test]
fn removal_follows_no_link_and_leaves_the_root() {
    let root = TempRoot::new();
    let store = root.store();
    let outside = TempRoot::new();
    fs::write(outside.path().join("kept"), "").unwrap();
    let tree = root.path().join("containers/aa");
    fs::create_dir_all(tree.join("upper")).unwrap();
    symlink(outside.path(), tree.join("upper/link")).unwrap();
    for path in [outside.path(), Path::new("/"), root.path(), &tree.join("../../../x"), &tree.join("upper/link/kept")] {
        assert!(matches!(store.remove(path), Err(StoreError::Outside { .. })), "{}", path.display());
    }
    store.remove(&tree).unwrap();
    store.remove(&tree).unwrap();
    assert!(!tree.exists() && outside.path().join("kept").exists());
    store.remove(&root.path().join("containers/none/deeper")).unwrap();
}

#[test]
fn directories_without_permissions_are_removed() {
    let root = TempRoot::new();
    let tree = root.path().join("containers/aa");
    fs::create_dir_all(tree.join("work/work")).unwrap();
    fs::write(tree.join("work/work/file"), "").unwrap();
    fs::set_permissions(tree.join("work/work"), fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(tree.join("work"), fs::Permissions::from_mode(0o555)).unwrap();
    root.store().remove(&tree).unwrap();
    assert!(!tree.exists());
}

#[test]
fn a_deep_tree_is_removed() {
    let root = TempRoot::new();
    let tree = root.path().join("containers/aa");
    // Deeper than a process may have descriptors, by steps that a path can name.
    let part = "d/".repeat(900);
    fs::create_dir_all(tree.join(&part)).unwrap();
    fs::create_dir_all(root.path().join("other").join(&part)).unwrap();
    fs::rename(root.path().join("other"), tree.join(&part).join("e")).unwrap();
    fs::write(tree.join("file"), "").unwrap();
    root.store().remove(&tree).unwrap();
    assert!(!tree.exists());
}

#[test]
fn a_record_that_goes_with_its_container_is_exchanged() {
    let root = TempRoot::new();
    let store = root.store();
    let mut container = container(&store, "aa");
    container.host.auto_remove = true;
    store.save_container(&container).unwrap();
    let first = store.edition(&container.id).unwrap();
    assert_eq!(store.edition(&container.id), Some(first));
    container.name = "another".into();
    store.save_container(&container).unwrap();
    assert_ne!(store.edition(&container.id), Some(first));
    assert_eq!(store.read(&container.id).unwrap().unwrap().container.name, "another");
    assert_eq!(fs::read_dir(store.layout().container(&container.id)).unwrap().count(), 1, "nothing is left of the first");
}

#[test]
fn a_layer_is_extracted_once_whoever_comes() {
    let root = TempRoot::new();
    root.store();
    let directory = root.path().join("layers/abc");
    let fill = |part: &Path| fs::write(part.join("file"), "program").map_err(StoreError::io("write", part));
    let done: Vec<bool> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(|| extract(&directory, fill).unwrap())).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(done.iter().filter(|done| **done).count(), 1);
    assert_eq!(fs::read(directory.join("file")).unwrap(), b"program");
    assert_eq!(fs::read_dir(root.path().join("layers")).unwrap().count(), 1, "no part is left");
}

#[test]
fn the_toolbox_image_stands_extracted() {
    let root = TempRoot::new();
    let store = root.store();
    let image = glassbox_core::oci::toolbox::image(&crate::toolbox::facts());
    let diff_id = image.layers[0].diff_id.clone();
    let directory = PathBuf::from(store.layout().layer(&diff_id));
    let extracted = |store: &Store| {
        let loaded = store.load([image.clone()]).unwrap();
        loaded.state.images.get(&image.id).unwrap().layers[0].extracted
    };
    assert!(!extracted(&store));
    crate::exec::store::extract(&diff_id, None, &directory, false).unwrap();
    assert!(extracted(&store));
    assert_eq!(fs::read(directory.join("bin/ls")).unwrap(), crate::toolbox::binary());
    assert_eq!(fs::metadata(directory.join("proc")).unwrap().permissions().mode() & 0o7777, 0o555);
}

#[test]
fn a_layer_that_is_not_what_its_image_says_leaves_nothing() {
    let root = TempRoot::new();
    root.store();
    let directory = root.path().join("layers/abc");
    let other = format!("sha256:{}", "0".repeat(64));
    let error = crate::exec::store::extract(&other, None, &directory, false).unwrap_err();
    assert!(error.call.contains("its archive has the digest"));
    assert_eq!(fs::read_dir(root.path().join("layers")).unwrap().count(), 0);
}

#[test]
fn what_a_dead_process_has_half_extracted_is_removed() {
    let root = TempRoot::new();
    root.store();
    let own = ProcessIdentity::own().unwrap();
    let dead = root.path().join(format!("layers/abc.part-{}-{}-0", own.pid, own.start_ticks + 1));
    let alive = root.path().join(format!("layers/abc.part-{}-{}-0", own.pid, own.start_ticks));
    fs::create_dir(&dead).unwrap();
    fs::create_dir(&alive).unwrap();
    remove_parts(root.path(), &root.path().join("layers/abc")).unwrap();
    assert!(!dead.exists() && alive.exists());
}
