//! Tests that mount, kill or connect run apart: in a mount, a pid and a network namespace, and on v1 cgroup trees in cgroups of their own.
//!
//! A test calls [`apart`] with its own name. Outside, that starts the test's executable again, for this one test, in new namespaces; inside,
//! it runs the body. `sh` is pid 1 there: it reaps what loses its parent.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::binary::{is_root, skip};
use crate::network::MACHINE;

/// Set in the inner process.
const INSIDE: &str = "GLASSBOX_TESTS_APART";

/// Runs `body` as root in namespaces of its own; as an ordinary user the test is skipped. `test`: its name, as libtest filters by it.
pub fn apart(test: &str, body: fn() -> Result<()>) -> Result<()> {
    if std::env::var_os(INSIDE).is_some() {
        let _cgroups = Cgroups::own()?;
        return body();
    }
    if !is_root() {
        skip(&format!("{test}: it mounts and makes cgroups, which takes root"));
        return Ok(());
    }
    let mut command = Command::new("unshare");
    command.args(["--mount", "--pid", "--net", "--fork", "--mount-proc", "--kill-child", "sh", "-c"]);
    command.args([&format!("{MACHINE} && \"$@\"; exit $?"), "sh"]);
    command.arg(std::env::current_exe()?).args(["--exact", test, "--nocapture"]).env(INSIDE, "1");
    let output = command.output().context("unshare")?;
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    let stdout = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("{test}, run apart: {}\n{stdout}{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    if !stdout.contains("1 passed") {
        bail!("{test}: no test of this name was run apart:\n{stdout}");
    }
    Ok(())
}

/// Own directories in the cgroup trees of v1, bound over the trees' roots: what others make and remove there is not seen here. A unified
/// machine has one tree whose root offers what others do not, so it is used as it is, by one test at a time.
#[derive(Debug)]
struct Cgroups {
    bound: Vec<(PathBuf, PathBuf)>,
    /// Held locked as long as it lives.
    alone: Option<fs::File>,
}

impl Cgroups {
    fn own() -> Result<Cgroups> {
        let mut own = Cgroups { bound: Vec::new(), alone: None };
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let has_v1 = mounts.lines().any(|line| line.contains(" - cgroup "));
        if !has_v1 {
            let lock = fs::File::create(std::env::temp_dir().join("glassbox-tests-unified"))?;
            lock.lock()?;
            own.alone = Some(lock);
            return Ok(own);
        }
        for tree in mounts.lines().filter(|line| line.contains(" - cgroup ") || line.contains(" - cgroup2 ")).filter_map(target) {
            own.bind(tree)?;
        }
        Ok(own)
    }

    /// The cpuset tree does not take processes in a new cgroup: glassbox's own stand in its root.
    fn bind(&mut self, tree: PathBuf) -> Result<()> {
        if tree.ends_with("cpuset") || self.bound.iter().any(|(bound, _)| *bound == tree) {
            return Ok(());
        }
        // The numbers of namespaces that have gone are given out again, and a test that failed may have left its directory.
        let place = fs::read_link("/proc/self/ns/mnt")?.to_string_lossy().replace(|c: char| !c.is_ascii_digit(), "");
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_nanos();
        let directory = tree.join(format!("glassbox-tests-{place}-{now}"));
        fs::create_dir(&directory).with_context(|| directory.display().to_string())?;
        let status = Command::new("mount").arg("--bind").arg(&directory).arg(&tree).status()?;
        self.bound.push((tree, directory));
        if status.success() { Ok(()) } else { bail!("mount --bind: {status}") }
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        for (tree, directory) in &self.bound {
            let _ = Command::new("umount").arg("--lazy").arg(tree).status();
            remove(directory);
        }
    }
}

fn remove(directory: &Path) {
    for child in fs::read_dir(directory).into_iter().flatten().flatten().filter(|child| child.path().is_dir()) {
        remove(&child.path());
    }
    if let Err(error) = fs::remove_dir(directory) {
        eprintln!("{}: {error}", directory.display());
    }
}

fn target(line: &str) -> Option<PathBuf> {
    line.split(' ').nth(4).map(PathBuf::from)
}
