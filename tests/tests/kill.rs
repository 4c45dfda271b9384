//! The engine is killed (SIGKILL) just before every call by which it changes or asks for something, one run for each; after the next
//! command nothing is left: no mount, cgroup, process, network namespace, journal, directory.
//!
//! strace(1) is the hand that kills: exactly at the N-th call of a name. The points are read off a traced run of the same command.

// What serves hostile images.
#[allow(dead_code)]
mod served;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use glassbox_core::oci::digest;
use glassbox_tests::apart::apart;
use glassbox_tests::binary::{Engine, has_program, skip};
use glassbox_tests::leftovers::Count;
use glassbox_tests::trace::{self, KillPoint};
use served::Hostile;
use served::hostile::one_file;

/// Calls that change something or hand it over: the engine is killed before each of them.
const CHANGING: [&str; 29] = [
    "mkdir",
    "mkdirat",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "rmdir",
    "symlink",
    "symlinkat",
    "clone3",
    "write",
    "sendmsg",
    "recvmsg",
    "recvfrom",
    "socketpair",
    "pipe2",
    "flock",
    "fchmod",
    "ftruncate",
    "waitid",
    "wait4",
    "poll",
    "ppoll",
    "pidfd_send_signal",
    "setsid",
    "umask",
    "signalfd4",
    "exit_group",
];

/// Calls that only look, or are too many: the engine is killed before every third of them.
const LOOKING: [&str; 3] = ["openat", "close", "statx"];

/// Extracting makes hundreds of like calls: of all points, every so-many-th is enough.
const COLD_STRIDE: usize = 7;

/// So do pulls and builds.
const STORE_STRIDE: usize = 5;

/// Extracts the image.
const WARM: &[&str] = &["run --rm --network none toolbox true"];

/// Two stages that need each other in the last lines only; two of the layers are the same.
const STAGES: &str = "\
FROM toolbox AS make
RUN echo made > /made
FROM toolbox AS other
RUN echo other > /other
FROM toolbox
COPY Dockerfile /
COPY --from=make /made /
COPY --from=other /other /
";

/// A command that is killed, and what stands around it.
struct Case<'a> {
    /// Made ready before the count; the last container made is called `web`.
    prepare: &'static [&'static str],
    /// The image's layer is taken away before each run, so that it is extracted again.
    cold: bool,
    /// Killed.
    words: &'a [&'a str],
    /// Every process that comes to the point is killed, not the command's own alone.
    all: bool,
    /// What the command started may stand and run on: it is removed before counting.
    may_stand: bool,
}

impl Case<'_> {
    fn makes_image(&self) -> bool {
        matches!(self.words[0], "pull" | "build")
    }
}

#[test]
fn run_in_the_foreground() -> Result<()> {
    apart("run_in_the_foreground", || {
        let words = &["run", "--rm", "--network", "none", "-m", "64m", "toolbox", "true"];
        killed_everywhere(&Case { prepare: WARM, cold: false, words, all: false, may_stand: false })
    })
}

/// A volume that nobody named, one that is filled from the image, and a source that is made on the host.
#[test]
fn run_with_volumes() -> Result<()> {
    apart("run_with_volumes", || {
        let source = std::env::temp_dir().join(format!("glassbox-kill-source-{}", std::process::id()));
        let bind = format!("{}/deep:/bind", source.display());
        let words = &["run", "--rm", "--network", "none", "-v", "/own", "-v", "data:/etc", "-v", &bind, "toolbox", "true"];
        let done = killed_everywhere(&Case { prepare: WARM, cold: false, words, all: false, may_stand: false });
        let _ = std::fs::remove_dir_all(source);
        done
    })
}

#[test]
fn run_that_extracts_the_image() -> Result<()> {
    apart("run_that_extracts_the_image", || {
        let words = &["run", "--rm", "--network", "none", "toolbox", "true"];
        killed_everywhere(&Case { prepare: &[], cold: true, words, all: false, may_stand: false })
    })
}

#[test]
fn run_in_the_foreground_with_its_processes() -> Result<()> {
    apart("run_in_the_foreground_with_its_processes", || {
        let words = &["run", "--rm", "--network", "none", "-m", "64m", "toolbox", "true"];
        killed_everywhere(&Case { prepare: WARM, cold: false, words, all: true, may_stand: false })
    })
}

#[test]
fn run_below_a_parent() -> Result<()> {
    apart("run_below_a_parent", || {
        let words = &["run", "--rm", "--network", "none", "--cgroup-parent", "/glassbox-batch/night", "toolbox", "true"];
        killed_everywhere(&Case { prepare: WARM, cold: false, words, all: false, may_stand: false })
    })
}

#[test]
fn start_with_a_monitor() -> Result<()> {
    apart("start_with_a_monitor", || {
        let prepare = &["create --name web --network none -m 64m toolbox sleep 1"];
        killed_everywhere(&Case { prepare, cold: false, words: &["start", "web"], all: true, may_stand: true })
    })
}

#[test]
fn run_detached() -> Result<()> {
    apart("run_detached", || {
        let words = &["run", "-d", "--rm", "--network", "none", "-m", "64m", "toolbox", "sleep", "1"];
        killed_everywhere(&Case { prepare: WARM, cold: false, words, all: true, may_stand: true })
    })
}

#[test]
fn exec_in_a_container() -> Result<()> {
    apart("exec_in_a_container", || {
        let prepare = &["run -d --name web --network none toolbox sleep 1000"];
        killed_everywhere(&Case { prepare, cold: false, words: &["exec", "web", "true"], all: false, may_stand: false })
    })
}

#[test]
fn pause_of_a_container() -> Result<()> {
    apart("pause_of_a_container", || {
        let prepare = &["run -d --name web --network none toolbox sleep 1000"];
        killed_everywhere(&Case { prepare, cold: false, words: &["pause", "web"], all: false, may_stand: false })
    })
}

/// Blobs, index, layer: all of the image or nothing.
#[test]
fn commit_of_a_container() -> Result<()> {
    apart("commit_of_a_container", || {
        let prepare = &["run --name web --network none toolbox touch /made"];
        killed_everywhere(&Case { prepare, cold: false, words: &["commit", "web", "image"], all: false, may_stand: false })
    })
}

/// Blobs, index, files, names: whatever stands afterwards stands whole.
#[test]
fn pull_of_an_image() -> Result<()> {
    apart("pull_of_an_image", || {
        let layer = one_file(b"hello\n")?;
        let registry = Hostile::of_layer(layer.clone(), digest::of(&layer))?;
        let words = &["pull", &format!("{}/web:1", registry.authority())];
        killed_everywhere(&Case { prepare: &[], cold: false, words, all: true, may_stand: true })
    })
}

/// Layers that are copied, and some that programs make in stages beside each other.
#[test]
fn build_of_an_image() -> Result<()> {
    apart("build_of_an_image", || {
        let context = tempfile::TempDir::new()?;
        std::fs::write(context.path().join("Dockerfile"), STAGES)?;
        let words = &["build", "--network", "none", "-t", "web:1", &context.path().to_string_lossy()];
        killed_everywhere(&Case { prepare: WARM, cold: false, words, all: true, may_stand: true })
    })
}

#[test]
fn update_of_a_container() -> Result<()> {
    apart("update_of_a_container", || {
        let prepare = &["run -d --name web --network none toolbox sleep 1000"];
        let words = &["update", "--pids-limit", "30", "--cpu-shares", "300", "web"];
        killed_everywhere(&Case { prepare, cold: false, words, all: false, may_stand: false })
    })
}

/// The test of the test: a directory, a cgroup and a process that nobody clears away are found.
#[test]
fn a_planted_leftover_is_found() -> Result<()> {
    apart("a_planted_leftover_is_found", || {
        let engine = Engine::new()?;
        engine.succeed("ps -a")?;
        let before = Count::now(&engine.root());
        assert_eq!(Count::now(&engine.root()).since(&before), [""; 0]);
        let container = engine.root().join("containers/planted");
        std::fs::create_dir(&container)?;
        let mut sleeper = engine.program("unshare", &["--net", "sleep", "1000"]).spawn()?;
        let mount = engine.program("mount", &["-t", "tmpfs", "planted", &container.to_string_lossy()]).status()?;
        ensure!(mount.success(), "mount: {mount}");
        let cgroup = first_cgroup_tree()?.join("glassbox-planted");
        std::fs::create_dir(&cgroup)?;
        while Count::now(&engine.root()).networks.len() == before.networks.len() {
            std::thread::yield_now();
        }
        let found = Count::now(&engine.root()).since(&before);
        engine.program("umount", &[&container.to_string_lossy()]).status()?;
        sleeper.kill()?;
        sleeper.wait()?;
        std::fs::remove_dir(&cgroup)?;
        for what in ["mount", "cgroup", "process", "network namespace", "file"] {
            assert!(found.iter().any(|line| line.starts_with(what)), "no {what} in {found:?}");
        }
        Ok(())
    })
}

fn first_cgroup_tree() -> Result<std::path::PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
    let trees = mounts.lines().filter(|line| line.contains(" - cgroup2 ") || line.contains(" - cgroup "));
    let mut trees = trees.filter_map(|line| line.split(' ').nth(4)).filter(|tree| !tree.ends_with("cpuset"));
    trees.next().map(|tree| Path::new(tree).to_path_buf()).context("no cgroup tree is mounted")
}

fn killed_everywhere(case: &Case<'_>) -> Result<()> {
    if !has_program("strace") {
        skip("strace is not installed");
        return Ok(());
    }
    let points = points_of(case)?;
    let stride = match case {
        Case { cold: true, .. } => COLD_STRIDE,
        case if case.makes_image() => STORE_STRIDE,
        _ => 1,
    } * slow_stride();
    let engine = Engine::new()?;
    let nothing = Count::now(&engine.root());
    for line in case.prepare {
        engine.succeed(line)?;
    }
    let before = Count::now(&engine.root());
    let (mut runs, mut killed, mut problems) = (0, 0, Vec::new());
    for point in points.iter().step_by(stride) {
        if case.cold {
            let _ = std::fs::remove_dir_all(engine.root().join("layers"));
            std::fs::create_dir_all(engine.root().join("layers"))?;
        }
        let _ = std::fs::remove_dir_all(engine.root().join("volumes"));
        runs += 1;
        killed += usize::from(trace::kill_at(&engine, case.words, point, case.all)?);
        problems
            .extend(look(&engine, case, &before)?.into_iter().map(|problem| format!("{} {}: {problem}", point.call, point.number)));
        if problems.len() > 20 {
            break;
        }
    }
    eprintln!("{}: killed in {killed} of {runs} runs, {} leftovers", case.words.join(" "), problems.len());
    ensure!(problems.is_empty(), "left behind:\n{}", problems.join("\n"));
    let removed = engine.run("rm -f web")?;
    let left = Count::now(&engine.root()).since(&nothing);
    ensure!(left.is_empty(), "left behind after rm -f ({removed:?}):\n{}", left.join("\n"));
    ensure!(killed * 3 > runs * 2, "only {killed} of {runs} runs were killed: the test does not test");
    Ok(())
}

/// `GLASSBOX_KILL_STRIDE`: where the machine is slow, every so-many-th point is tried.
fn slow_stride() -> usize {
    let given = std::env::var("GLASSBOX_KILL_STRIDE").ok().and_then(|text| text.parse().ok());
    given.filter(|stride| *stride > 0).unwrap_or(1)
}

/// The next command recovers; then things are to be as before.
fn look(engine: &Engine, case: &Case<'_>, before: &Count) -> Result<Vec<String>> {
    let next = engine.run("ps -aq --no-trunc")?;
    let mut problems = Vec::new();
    if next.code != Some(0) || !next.stderr.is_empty() {
        problems.push(format!("the next command ended with {:?}: {}", next.code, next.stderr.trim()));
    }
    if case.words[0] == "commit" || case.makes_image() {
        let store = engine.run("fsck")?;
        if store.code != Some(0) || store.stdout.contains("unused: ") {
            problems.push(format!("fsck ended with {:?}: {}", store.code, store.stdout.trim()));
            engine.run("fsck --repair")?;
        }
    }
    if case.may_stand {
        clear(engine, case)?;
    }
    // A process that was ended a moment ago may still be on its way out.
    let mut left = Count::now(&engine.root()).since(before);
    for _ in 0..200 {
        if left.is_empty() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
        left = Count::now(&engine.root()).since(before);
    }
    problems.extend(left);
    // The last file of the image's /etc.
    let data = engine.root().join("volumes/data");
    if data.exists() && !data.join("_data/resolv.conf").exists() {
        problems.push("the volume data is half filled".to_string());
    }
    if !problems.is_empty() {
        let _ = engine.run("recover")?;
        clear(engine, case)?;
    }
    Ok(problems)
}

/// What was started is removed; what was there before stays. (strace has waited for the end of all that it followed.)
fn clear(engine: &Engine, case: &Case<'_>) -> Result<()> {
    if case.makes_image() {
        let named = if case.words[0] == "pull" { case.words[1] } else { "web:1" };
        engine.run(&format!("rmi -f {named}"))?;
        engine.run("builder prune -af")?;
    }
    if case.words[0] == "run" {
        for id in engine.run("ps -aq --no-trunc")?.stdout.lines() {
            engine.run_words(&["rm", "-f", id])?;
        }
    }
    Ok(())
}

/// Where to kill, read off a run that nobody kills.
fn points_of(case: &Case<'_>) -> Result<Vec<KillPoint>> {
    let engine = Engine::new()?;
    for line in case.prepare {
        engine.succeed(line)?;
    }
    let trace = trace::follow(&engine, case.words)?;
    ensure!(trace.ended.code == Some(0), "{}: {:?}", case.words.join(" "), trace.ended);
    engine.run("rm -f web")?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for calls in trace.processes.values().take(if case.all { usize::MAX } else { 1 }) {
        let mut own: BTreeMap<&str, usize> = BTreeMap::new();
        calls.iter().for_each(|call| *own.entry(&call.name).or_default() += 1);
        own.into_iter().for_each(|(name, count)| {
            let most = counts.entry(name).or_default();
            *most = (*most).max(count);
        });
    }
    let of = |name: &&'static str, stride: usize| -> Vec<KillPoint> {
        let most = counts.get(*name).copied().unwrap_or(0);
        (1..=most).step_by(stride).map(|number| KillPoint { call: (*name).to_string(), number }).collect()
    };
    let changing = CHANGING.iter().flat_map(|name| of(name, 1));
    let points: Vec<KillPoint> = changing.chain(LOOKING.iter().flat_map(|name| of(name, 3))).collect();
    if points.len() < 20 {
        bail!("only {} calls to kill at: was {} traced?", points.len(), case.words.join(" "));
    }
    Ok(points)
}
