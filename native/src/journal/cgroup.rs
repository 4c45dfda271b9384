//! Ending and removing a cgroup: cgroups(7). On v2 `cgroup.kill` ends all in it at once; on v1 the processes are ended one by one.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use glassbox_core::errno::Errno;
use glassbox_core::userland::Signal;

use super::undo::{PATIENCE, PAUSE};
use crate::store::StoreError;
use crate::sys;

/// The digits of an id in a cgroup's name: `ContainerId::short`.
const SHORT_ID_DIGITS: usize = 12;

/// Removes a container's cgroup, after ending whatever runs in it or below. `Ok(false)`: it was gone.
///
/// The shared parent, `…/glassbox`, is removed only if it is empty: what is in it belongs to other containers.
pub fn remove_cgroup(directory: &Path) -> Result<bool, StoreError> {
    if !directory.is_dir() {
        return Ok(false);
    }
    refuse_foreign(directory)?;
    if is_shared(directory) {
        return remove_empty_cgroup(directory);
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        end_cgroup(directory)?;
        match remove_with_children(directory) {
            Ok(()) => return Ok(true),
            // EBUSY: a process in it has been killed but has not ended yet.
            Err(error) if error.errno() == Some(Errno::EBUSY) && Instant::now() < deadline => thread::sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
}

/// Removes a cgroup above those of containers that was made for them. `Ok(false)`: it is gone, or something is in it, which may be
/// anybody's: it stays, and nothing in it is touched.
pub fn remove_empty_cgroup(directory: &Path) -> Result<bool, StoreError> {
    if !directory.join("cgroup.procs").is_file() {
        return Ok(false);
    }
    match fs::remove_dir(directory) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.raw_os_error().map(Errno), Some(Errno::EBUSY | Errno::ENOTEMPTY | Errno::ENOENT)) => Ok(false),
        Err(error) => Err(StoreError::io("remove the cgroup", directory)(error)),
    }
}

/// SIGKILL for all processes in the cgroup and below it, except the caller. What ends need not have ended when it returns.
pub fn end_cgroup(directory: &Path) -> Result<(), StoreError> {
    refuse_foreign(directory)?;
    let kill = directory.join("cgroup.kill");
    if !holds_caller(directory) && fs::write(&kill, "1").is_ok() {
        return Ok(());
    }
    for child in children(directory) {
        end_cgroup(&child)?;
    }
    thaw(directory);
    for pid in processes(directory) {
        match sys::process::kill(pid, Some(Signal::SIGKILL)) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(StoreError::Io { doing: "end the processes of", path: directory.to_path_buf(), errno }),
        }
    }
    Ok(())
}

/// A frozen process is not ended before it is thawed (v1). A cgroup without such a file has nothing to thaw.
pub fn thaw(directory: &Path) {
    for (file, word) in [("freezer.state", "THAWED"), ("cgroup.freeze", "0")] {
        let open = fs::OpenOptions::new().write(true).open(directory.join(file));
        let _ = open.and_then(|mut file| std::io::Write::write_all(&mut file, word.as_bytes()));
    }
}

/// Writes to a file of one of our cgroups. `Ok(false)`: it is gone.
pub fn write_back(file: &Path, value: &str) -> Result<bool, StoreError> {
    let Some(directory) = file.parent().filter(|directory| directory.is_dir()) else { return Ok(false) };
    refuse_foreign(directory)?;
    let open = fs::OpenOptions::new().write(true).open(file);
    let written = open.and_then(|mut file| std::io::Write::write_all(&mut file, value.as_bytes()));
    written.map(|()| true).map_err(StoreError::io("write", file))
}

fn remove_with_children(directory: &Path) -> Result<(), StoreError> {
    for child in children(directory) {
        remove_with_children(&child)?;
    }
    match fs::remove_dir(directory) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(StoreError::io("remove the cgroup", directory)(error)),
        _ => Ok(()),
    }
}

/// In a cgroup file system, all directories are cgroups.
fn children(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

/// Pids that can be ended from here: not 0 (in another pid namespace), not the caller.
fn processes(directory: &Path) -> Vec<i32> {
    let text = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    let own = sys::process::getpid();
    text.lines().filter_map(|line| line.trim().parse().ok()).filter(|pid| *pid > 1 && *pid != own).collect()
}

fn holds_caller(directory: &Path) -> bool {
    let own = sys::process::getpid().to_string();
    fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default().lines().any(|line| line.trim() == own)
}

/// A parent of our cgroups: named as they are, but not for a container.
fn is_shared(directory: &Path) -> bool {
    is_ours(directory) && !is_of_container(directory)
}

/// It is named as the cgroup of a container is.
pub fn is_of_container(directory: &Path) -> bool {
    let name = directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let id = name.strip_prefix("glassbox-");
    id.is_some_and(|id| id.len() == SHORT_ID_DIGITS && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The parent of all our cgroups, or the cgroup of a container.
fn is_ours(directory: &Path) -> bool {
    directory.file_name().is_some_and(|name| name.to_string_lossy().starts_with("glassbox"))
}

/// Only `…/glassbox…` and what lies below, and only if it is a cgroup.
fn refuse_foreign(directory: &Path) -> Result<(), StoreError> {
    let plain = directory.is_absolute() && !directory.components().any(|part| part == std::path::Component::ParentDir);
    if plain && directory.ancestors().any(is_ours) && directory.join("cgroup.procs").is_file() {
        return Ok(());
    }
    Err(StoreError::Outside { path: directory.to_path_buf(), root: PathBuf::from("a cgroup glassbox") })
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Command};

    use super::*;

    /// A directory of our own in each cgroup tree in which one can be made; removed when it is dropped.
    struct Parents(Vec<PathBuf>);

    impl Parents {
        fn new(name: &str) -> Parents {
            let trees = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/pids"].map(Path::new);
            let parents = trees.iter().filter(|tree| tree.join("cgroup.procs").exists());
            let parents = parents.map(|tree| tree.join(format!("glassbox-test-{name}-{}", std::process::id())));
            let made: Vec<PathBuf> = parents.filter(|parent| fs::create_dir(parent).is_ok()).collect();
            if made.is_empty() {
                glassbox_tests::binary::skip("no cgroup can be made here");
            }
            Parents(made)
        }
    }

    impl Drop for Parents {
        fn drop(&mut self) {
            for parent in &self.0 {
                let _ = remove_with_children(parent);
            }
        }
    }

    fn sleeper_in(cgroup: &Path) -> Child {
        fs::create_dir_all(cgroup).unwrap();
        let child = Command::new("sleep").arg("1000").spawn().unwrap();
        fs::write(cgroup.join("cgroup.procs"), child.id().to_string()).unwrap();
        child
    }

    #[test]
    fn what_runs_in_it_and_below_is_ended_first() {
        for parent in &Parents::new("end").0 {
            let cgroup = parent.join("abc");
            let mut children = [sleeper_in(&cgroup), sleeper_in(&cgroup.join("deeper"))];
            let waiter = std::thread::spawn(move || children.each_mut().map(|child| child.wait().unwrap().signal()));
            assert_eq!(remove_cgroup(&cgroup), Ok(true), "{}", cgroup.display());
            assert_eq!(waiter.join().unwrap(), [Some(9); 2]);
            assert!(!cgroup.exists());
            assert_eq!(remove_cgroup(&cgroup), Ok(false));
        }
    }

    #[test]
    fn what_a_container_leaves_in_its_own_is_ended() {
        for parent in &Parents::new("own").0 {
            let cgroup = parent.join("glassbox-0123456789ab");
            let mut child = sleeper_in(&cgroup);
            let waiter = std::thread::spawn(move || child.wait().unwrap().signal());
            assert_eq!(remove_cgroup(&cgroup), Ok(true), "{}", cgroup.display());
            assert_eq!(waiter.join().unwrap(), Some(9));
        }
    }

    #[test]
    fn the_shared_parent_stays_while_others_are_in_it() {
        for parent in &Parents::new("parent").0 {
            let cgroup = parent.join("abc");
            let mut child = sleeper_in(&cgroup);
            assert_eq!(remove_cgroup(parent), Ok(false));
            assert_eq!(child.try_wait().unwrap(), None, "another container's process is left alone");
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(remove_cgroup(&cgroup), Ok(true));
            assert_eq!(remove_cgroup(parent), Ok(true));
        }
    }

    #[test]
    fn one_above_containers_goes_when_it_is_empty() {
        for parent in &Parents::new("above").0 {
            let (above, cgroup) = (parent.join("batch"), parent.join("batch/glassbox-0123456789ab"));
            let mut child = sleeper_in(&cgroup);
            assert_eq!(remove_empty_cgroup(&above), Ok(false));
            assert_eq!(child.try_wait().unwrap(), None, "what is in it is left alone");
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(remove_cgroup(&cgroup), Ok(true));
            assert_eq!((remove_empty_cgroup(&above), remove_empty_cgroup(&above)), (Ok(true), Ok(false)));
        }
        let elsewhere = std::env::temp_dir().join(format!("glassbox-empty-{}", std::process::id()));
        fs::create_dir(&elsewhere).unwrap();
        assert_eq!(remove_empty_cgroup(&elsewhere), Ok(false), "only a cgroup is removed");
        fs::remove_dir(elsewhere).unwrap();
    }

    #[test]
    fn only_our_own_cgroups_are_touched() {
        let elsewhere = std::env::temp_dir().join(format!("glassbox-no-cgroup-{}", std::process::id()));
        fs::create_dir(&elsewhere).unwrap();
        for path in [Path::new("/sys/fs/cgroup"), Path::new("/sys/fs/cgroup/glassbox/../pids"), &elsewhere] {
            let answer = remove_cgroup(path);
            assert!(matches!(answer, Err(StoreError::Outside { .. }) | Ok(false)), "{answer:?}");
        }
        fs::remove_dir(elsewhere).unwrap();
    }
}
