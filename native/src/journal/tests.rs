use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command};

use glassbox_core::model::Status;

use super::*;
use crate::store::Record;
use crate::test_support::{TempRoot, container};

/// A journal whose owner is dead: it bears the name of a process that is not there, and its lock is free (once no child that another
/// test is forking at this moment has a copy of it).
fn abandon(journal: Journal) {
    let name = journal.path.file_stem().unwrap().to_str().unwrap();
    let parts: Vec<u64> = name.split('-').map(|part| part.parse().unwrap()).collect();
    let dead = journal.store.journal().join(format!("{}-{}-{}.jsonl", parts[0], parts[1] + 1, parts[2]));
    fs::rename(&journal.path, dead).unwrap();
}

fn tree(path: &Path) -> Undo {
    Undo::RemoveTree { path: path.to_str().unwrap().into() }
}

fn sleeper() -> Child {
    Command::new("sleep").arg("1000").spawn().unwrap()
}

#[test]
fn a_dead_owners_steps_are_undone_the_last_first_and_only_once() {
    let root = TempRoot::new();
    let store = root.store();
    let mut journal = Journal::create(&store).unwrap();
    let directory = root.path().join("containers/aa");
    journal.will(&tree(&directory)).unwrap();
    fs::create_dir(&directory).unwrap();
    let file = directory.join("hosts");
    journal.will(&Undo::RemoveFile { path: file.to_str().unwrap().into() }).unwrap();
    fs::write(&file, "").unwrap();
    let other = root.path().join("containers/aa2");
    journal.will(&tree(&other)).unwrap();
    fs::create_dir(&other).unwrap();
    journal.will(&tree(&root.path().join("containers/never-made"))).unwrap();
    assert!(recover(&store).is_empty(), "its owner lives");
    assert!(file.exists());
    abandon(journal);
    let report = recover(&store);
    // The file went with its directory.
    assert_eq!(report.undone, [&other, &directory].map(|path| format!("removed the directory {}", path.display())));
    assert!(report.problems.is_empty() && !directory.exists());
    assert!(recover(&store).is_empty());
    assert_eq!(fs::read_dir(store.journal()).unwrap().count(), 0);
}

#[test]
fn a_step_back_within_a_tree_undoes_that_step_alone() {
    let root = TempRoot::new();
    let store = root.store();
    let mut journal = Journal::create(&store).unwrap();
    let directory = root.path().join("containers/aa");
    journal.will(&tree(&directory)).unwrap();
    fs::create_dir(&directory).unwrap();
    let mark = journal.mark();
    let file = directory.join("hosts");
    journal.will(&Undo::RemoveFile { path: file.to_str().unwrap().into() }).unwrap();
    fs::write(&file, "").unwrap();
    assert_eq!(journal.undo_to(mark).undone, [format!("removed the file {}", file.display())]);
    assert!(directory.exists() && !file.exists());
    abandon(journal);
    assert_eq!(recover(&store).undone.len(), 1, "the directory is still to be undone");
}

#[test]
fn what_filled_a_volume_half_way_goes_and_what_was_in_it_before_stays() {
    let root = TempRoot::new();
    let store = root.store();
    let data = |name: &str| root.path().join(format!("volumes/{name}/_data"));
    let emptied = |name: &str| Undo::EmptyDirectory { path: data(name).to_str().unwrap().into() };
    ["new", "old"].iter().for_each(|name| fs::create_dir_all(data(name)).unwrap());
    fs::write(data("old").join("mine"), "").unwrap();
    let mut journal = Journal::create(&store).unwrap();
    journal.will(&emptied("new")).unwrap();
    journal.will(&emptied("old")).unwrap();
    fs::create_dir(data("new").join("sub")).unwrap();
    fs::write(data("new").join("half"), "").unwrap();
    abandon(journal);
    assert_eq!(recover(&store).undone, [format!("emptied the directory {}", data("new").display())]);
    assert_eq!(fs::read_dir(data("new")).unwrap().count(), 0);
    assert!(data("old").join("mine").exists());
}

#[test]
fn what_was_there_before_is_not_undone() {
    let root = TempRoot::new();
    let store = root.store();
    let mut journal = Journal::create(&store).unwrap();
    journal.will(&tree(&root.path().join("layers"))).unwrap();
    abandon(journal);
    assert!(recover(&store).is_empty());
    assert!(root.path().join("layers").is_dir());
}

#[test]
fn a_committed_journal_is_gone_and_its_effect_stands() {
    let root = TempRoot::new();
    let store = root.store();
    let mut journal = Journal::create(&store).unwrap();
    let directory = root.path().join("containers/aa");
    journal.will(&tree(&directory)).unwrap();
    fs::create_dir(&directory).unwrap();
    journal.commit().unwrap();
    assert!(recover(&store).is_empty());
    assert!(directory.is_dir());
}

#[test]
fn stepping_back_undoes_to_the_mark_and_no_further() {
    let root = TempRoot::new();
    let store = root.store();
    let mut journal = Journal::create(&store).unwrap();
    let (first, second) = (root.path().join("containers/aa"), root.path().join("containers/bb"));
    journal.will(&tree(&first)).unwrap();
    fs::create_dir(&first).unwrap();
    let mark = journal.mark();
    journal.will(&tree(&second)).unwrap();
    fs::create_dir(&second).unwrap();
    assert_eq!(journal.undo_to(mark).undone.len(), 1);
    assert!(first.exists() && !second.exists());
    fs::create_dir(&second).unwrap();
    abandon(journal);
    assert_eq!(recover(&store).undone.len(), 1, "what was stepped back over is no longer ours");
    assert!(!first.exists() && second.exists());
}

#[test]
fn stepping_back_over_a_watch_takes_the_files_too() {
    let root = TempRoot::new();
    let store = root.store();
    let mut journal = Journal::create(&store).unwrap();
    let directory = root.path().join("containers/aa");
    journal.will(&tree(&directory)).unwrap();
    fs::create_dir(&directory).unwrap();
    let before_watch = journal.mark();
    journal.watch(&ContainerId("aa".into())).unwrap();
    assert!(journal.undo_to(before_watch).is_empty() && directory.exists());
    journal.watch(&ContainerId("aa".into())).unwrap();
    assert_eq!(journal.roll_back().undone.len(), 1);
    assert!(!directory.exists());
}

#[test]
fn rolling_back_ends_the_process_and_leaves_no_journal() {
    let root = TempRoot::new();
    let store = root.store();
    let mut child = sleeper();
    let mut journal = Journal::create(&store).unwrap();
    journal.made_process(child.id()).unwrap();
    let report = journal.roll_back();
    assert_eq!(report.undone, [format!("ended the process {}", child.id())]);
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    assert_eq!(fs::read_dir(store.journal()).unwrap().count(), 0);
}

#[test]
fn another_process_with_the_same_number_is_left_alone() {
    let mut child = sleeper();
    let identity = ProcessIdentity::of(child.id()).unwrap();
    let earlier = ProcessIdentity { start_ticks: identity.start_ticks - 1, ..identity.clone() };
    assert_eq!(undo::end_process(&earlier), Ok(false));
    assert!(identity.is_alive());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_container_whose_monitor_died_is_recorded_as_exited_with_137() {
    let root = TempRoot::new();
    let store = root.store();
    let mut child = sleeper();
    let mut running = container(&store, "aa");
    let mut journal = Journal::create(&store).unwrap();
    journal.watch(&running.id).unwrap();
    running.state.status = Status::Running;
    running.state.pid = Some(child.id());
    store.save(&Record::of(running.clone())).unwrap();
    abandon(journal);
    let report = recover(&store);
    assert_eq!((report.settled, report.problems), (vec![running.id.clone()], vec![]));
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    let state = store.read(&running.id).unwrap().unwrap().container.state;
    assert_eq!((state.status, state.exit_code, state.pid), (Status::Exited, 137, None));
    assert!(state.finished_ns > 1_700_000_000_000_000_000);
    assert!(recover(&store).is_empty());
}

#[test]
fn a_container_with_rm_whose_monitor_died_is_gone() {
    let root = TempRoot::new();
    let store = root.store();
    let mut running = container(&store, "aa");
    running.host.auto_remove = true;
    store.save_container(&running).unwrap();
    let mut journal = Journal::create(&store).unwrap();
    journal.watch(&running.id).unwrap();
    abandon(journal);
    assert_eq!(recover(&store).settled, [running.id.clone()]);
    assert!(!Path::new(&store.layout().container(&running.id)).exists());
}

#[test]
fn a_stale_record_without_a_journal_is_settled_after_loading() {
    let root = TempRoot::new();
    let store = root.store();
    let mut running = container(&store, "aa");
    running.state.status = Status::Running;
    store.save(&Record { monitor: None, ..Record::of(running.clone()) }).unwrap();
    let mut loaded = store.load([]).unwrap();
    assert_eq!(loaded.stale.len(), 1);
    assert_eq!(settle_stale(&store, &mut loaded).settled, [running.id.clone()]);
    assert_eq!(loaded.state.containers.get(&running.id).unwrap().state.exit_code, 137);
}

#[test]
fn paths_outside_of_the_root_are_refused_and_told() {
    let root = TempRoot::new();
    let store = root.store();
    let outside = TempRoot::new();
    let path = outside.path().join("kept");
    let mut journal = Journal::create(&store).unwrap();
    journal.will(&tree(&path)).unwrap();
    fs::create_dir(&path).unwrap();
    abandon(journal);
    let report = recover(&store);
    assert!(matches!(report.problems.as_slice(), [StoreError::Outside { .. }]), "{report:?}");
    assert!(path.is_dir());
}

#[test]
fn a_layer_that_another_container_uses_stays() {
    let root = TempRoot::new();
    let store = root.store();
    let layer = root.path().join("layers/abc");
    for used in [true, false] {
        let mut journal = Journal::create(&store).unwrap();
        journal.will(&tree(&layer)).unwrap();
        fs::create_dir(&layer).unwrap();
        if used {
            store.save_container(&container(&store, "aa")).unwrap();
        }
        abandon(journal);
        assert!(recover(&store).problems.is_empty());
        assert_eq!(layer.exists(), used);
        let _ = fs::remove_dir(&layer);
        store.remove(&root.path().join("containers/aa")).unwrap();
    }
}

#[test]
fn half_a_journal_that_was_never_locked_is_forgotten() {
    let root = TempRoot::new();
    let store = root.store();
    let own = ProcessIdentity::own().unwrap();
    let dead = store.journal().join(format!("{}-{}-0.new", own.pid, own.start_ticks + 1));
    let alive = store.journal().join(format!("{}-{}-99.new", own.pid, own.start_ticks));
    fs::write(&dead, "").unwrap();
    fs::write(&alive, "").unwrap();
    assert!(recover(&store).is_empty());
    assert!(!dead.exists() && alive.exists());
}

#[test]
fn a_dead_owner_whose_child_holds_the_lock() {
    let root = TempRoot::new();
    let store = root.store();
    let journal = Journal::create(&store).unwrap();
    let own = ProcessIdentity::own().unwrap();
    let renamed = store.journal().join(format!("{}-{}-0.jsonl", own.pid, own.start_ticks + 1));
    fs::rename(&journal.path, &renamed).unwrap();
    let mut child = sleeper();
    let process = ProcessIdentity::of(child.id()).unwrap();
    fs::write(&renamed, Line::Will { entry: Entry::Process { process } }.to_bytes()).unwrap();
    let reaper = std::thread::spawn(move || {
        let status = child.wait().unwrap();
        drop(journal);
        status.signal()
    });
    let report = recover(&store);
    assert_eq!((report.undone.len(), report.problems.len()), (1, 0), "{report:?}");
    assert_eq!(reaper.join().unwrap(), Some(9));
    assert!(!renamed.exists());
}

/// Not a test of its own: run by the next one in a process that it kills, with the data root in this variable.
const VICTIM: &str = "GLASSBOX_TEST_VICTIM_ROOT";

#[test]
fn victim() {
    let Ok(root) = std::env::var(VICTIM) else { return };
    let store = Store::open(Path::new(&root)).unwrap();
    let mut journal = Journal::create(&store).unwrap();
    let directory = store.root().join("containers/aa");
    journal.will(&tree(&directory)).unwrap();
    fs::create_dir(&directory).unwrap();
    journal.made_process(sleeper().id()).unwrap();
    journal.will(&tree(&directory.join("upper"))).unwrap();
    fs::write(store.root().join("ready"), "").unwrap();
    loop {
        std::thread::park();
    }
}

#[test]
fn an_engine_that_is_killed_leaves_nothing_after_the_next_command() {
    let root = TempRoot::new();
    let store = root.store();
    let mut command = Command::new(std::env::current_exe().unwrap());
    let mut engine = command.args(["journal::tests::victim", "--exact"]).env(VICTIM, root.path()).spawn().unwrap();
    while !root.path().join("ready").exists() {
        assert_eq!(engine.try_wait().unwrap(), None);
        std::thread::yield_now();
    }
    assert!(recover(&store).is_empty(), "it lives");
    let owner = ProcessIdentity::of(engine.id()).unwrap();
    engine.kill().unwrap();
    while owner.is_alive() {
        std::thread::yield_now();
    }
    let report = recover(&store);
    assert_eq!((report.undone.len(), &report.problems), (2, &vec![]), "{report:?}");
    assert!(report.undone[0].starts_with("ended the process "), "{report:?}");
    assert!(!root.path().join("containers/aa").exists());
    assert_eq!(fs::read_dir(store.journal()).unwrap().count(), 0);
    engine.wait().unwrap();
}

#[test]
fn a_record_that_was_replaced_is_put_back_but_for_its_state() {
    let root = TempRoot::new();
    let store = root.store();
    let mut before = container(&store, "aa");
    before.name = "old".into();
    store.save(&Record::of(before.clone())).unwrap();
    let mut journal = Journal::create(&store).unwrap();
    journal.will(&Undo::RestoreRecord { container: Box::new(before.clone()), path: String::new() }).unwrap();
    let mut renamed = before.clone();
    renamed.name = "new".into();
    assert_eq!(store.replace_container(&renamed), Ok(true));
    let mut ended = Record::of(renamed);
    ended.container.state.exit_code = 3;
    store.save(&ended).unwrap();
    abandon(journal);
    assert_eq!(recover(&store).undone, ["wrote the record of old as it was"]);
    let found = store.read(&before.id).unwrap().unwrap().container;
    assert_eq!((found.name.as_str(), found.state.exit_code), ("old", 3));
    assert!(recover(&store).is_empty());
}

#[test]
fn a_pause_that_was_half_done_is_taken_back() {
    let root = TempRoot::new();
    let store = root.store();
    let mut child = sleeper();
    let mut running = container(&store, "aa");
    (running.state.status, running.state.pid) = (Status::Running, Some(child.id()));
    store.save(&Record::of(running.clone())).unwrap();
    let mut journal = Journal::create(&store).unwrap();
    let gone = root.path().join("glassbox-gone/cgroup.freeze").to_str().unwrap().to_string();
    journal.will(&Undo::WriteBack { file: gone, value: "0".into() }).unwrap();
    journal.will(&Undo::RestorePause { id: running.id.clone(), paused: false }).unwrap();
    assert_eq!(store.set_paused(&running.id, true), Ok(true));
    assert_eq!(store.read(&running.id).unwrap().unwrap().container.state.status, Status::Paused);
    abandon(journal);
    let report = recover(&store);
    assert_eq!((report.undone.len(), report.problems.len()), (1, 0), "{report:?}");
    assert_eq!(store.read(&running.id).unwrap().unwrap().container.state.status, Status::Running);
    assert_eq!(store.set_paused(&running.id, false), Ok(false));
    child.kill().unwrap();
    child.wait().unwrap();
}
