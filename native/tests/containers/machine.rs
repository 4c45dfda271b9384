//! The harness: a shell script with `$G` (glassbox) in namespaces of its own, and what it left behind.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use glassbox_tests::binary::skip;
use glassbox_tests::network::MACHINE;

/// No case takes longer, not even on an emulated machine.
const SECONDS_MAX: u32 = 120;

/// How long a cgroup may take to be gone that a just-ended engine was removing.
const PATIENCE: Duration = Duration::from_secs(3);

/// Runs at the end of each script: whatever is left of the engine's processes and mounts is written to `$LEFT`.
const EPILOGUE: &str = "
code=$?
tries=0
while set -- /proc/[0-9]*; [ $# -gt 1 ] && [ $tries -lt 100 ]; do tries=$((tries + 1)); sleep 0.02; done
for process in /proc/[0-9]*; do
  [ \"$process\" = /proc/1 ] || { read -r line < $process/comm && echo \"process $line\" >> $LEFT; }
done
grep /merged /proc/self/mountinfo >> $LEFT
for file in $GLASSBOX_ROOT/journal/*; do [ -e $file ] && echo \"journal $file\" >> $LEFT; done
exit $code
";

/// A data root and a place for files of the case.
pub struct Machine {
    directory: PathBuf,
    /// Held locked as long as the case lasts.
    _turn: Option<fs::File>,
}

/// What a script said.
#[derive(Debug)]
pub struct Ran {
    /// Exit code of its last command.
    pub code: i32,
    /// stdout
    pub out: String,
    /// stderr
    pub err: String,
}

impl Machine {
    /// `None`, and a line that says why, where the machine cannot run containers as root.
    pub fn new() -> Option<Machine> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if glassbox::sys::process::effective_ids().0 != 0 {
            skip("not root");
            return None;
        }
        let works = Command::new("unshare").args(["-mpfn", "--mount-proc", "true"]).status();
        if !works.is_ok_and(|status| status.success()) {
            skip("no new mount, pid and network namespaces here");
            return None;
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("glassbox-test-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        Some(Machine { directory, _turn: turn() })
    }

    /// A file of this case.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The script in its namespaces, ready to be started.
    pub fn command(&self, script: &str) -> Command {
        let mut command = Command::new("timeout");
        // unshare(1) holds SIGTERM back while its child runs.
        command.args(["--signal=KILL", &SECONDS_MAX.to_string(), "unshare", "-mpfn", "--kill-child", "--mount-proc", "sh", "-c"]);
        let bind = |tree: &str| {
            let own = self.own_cgroup(tree).display().to_string();
            format!("[ ! -d {own} ] || mount --bind {own} /sys/fs/cgroup/{tree}\n")
        };
        command.arg(format!("{MACHINE}\n{}{script}{EPILOGUE}", own_trees().map(bind).collect::<String>()));
        command.env("G", env!("CARGO_BIN_EXE_glassbox")).env("GLASSBOX_ROOT", self.path("root")).env("LEFT", self.path("left"));
        command.env_remove("GLASSBOX_RECORD").stdin(Stdio::null());
        command
    }

    /// Runs the script; nothing may be left after it.
    #[track_caller]
    pub fn run(&self, script: &str) -> Ran {
        self.make_own_cgroups();
        let before = self.cgroups();
        let output = self.command(script).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let ran = Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) };
        self.check_nothing_left(&before, &format!("{ran:?}"));
        ran
    }

    #[track_caller]
    fn check_nothing_left(&self, before: &BTreeSet<PathBuf>, said: &str) {
        let left = fs::read_to_string(self.path("left")).unwrap_or_default();
        assert_eq!(left, "", "left behind; {said}");
        let deadline = Instant::now() + PATIENCE;
        // Other engines may be at work on this machine: a cgroup with a process in it is theirs.
        let ours = || self.cgroups().difference(before).filter(|path| is_empty(path)).cloned().collect::<Vec<_>>();
        while !ours().is_empty() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(ours(), [] as [PathBuf; 0], "cgroups left behind; {said}");
    }

    fn own_cgroup(&self, tree: &str) -> PathBuf {
        let name = self.directory.file_name().unwrap_or_default();
        Path::new("/sys/fs/cgroup").join(tree).join(name)
    }

    /// On v1 trees the script sees own cgroups in the place of the roots: what other engines make and remove there does not count.
    fn make_own_cgroups(&self) {
        for tree in own_trees() {
            let _ = fs::create_dir(self.own_cgroup(tree));
        }
    }

    /// The cgroups of engines: of this case on v1, of all of this machine on the unified tree.
    fn cgroups(&self) -> BTreeSet<PathBuf> {
        let own = own_trees().map(|tree| self.own_cgroup(tree));
        let entries = own.chain(["/sys/fs/cgroup".into()]).filter_map(|top| fs::read_dir(top).ok()).flatten().flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("glassbox-")).map(|entry| entry.path()).collect()
    }
}

/// On the unified tree, whose root cannot be had twice, cases take turns: each would count what the others leave for a moment.
fn turn() -> Option<fs::File> {
    if own_trees().next().is_some() {
        return None;
    }
    let file = fs::File::create(std::env::temp_dir().join("glassbox-tests-unified")).unwrap();
    file.lock().unwrap();
    Some(file)
}

/// The v1 trees of this machine in which glassbox makes cgroups (cpuset is none: a new one takes no process).
fn own_trees() -> impl Iterator<Item = &'static str> {
    let is_tree = |tree: &&str| Path::new("/sys/fs/cgroup").join(tree).join("tasks").exists();
    ["memory", "cpu", "pids", "freezer", "devices", "blkio"].into_iter().filter(is_tree)
}

fn is_empty(cgroup: &Path) -> bool {
    fs::read_to_string(cgroup.join("cgroup.procs")).is_ok_and(|text| text.is_empty())
}

impl Drop for Machine {
    fn drop(&mut self) {
        for tree in own_trees() {
            let _ = fs::remove_dir(self.own_cgroup(tree));
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}
