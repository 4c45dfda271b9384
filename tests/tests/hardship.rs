//! Hard times: a store that cannot be written, a clock that jumps, a monitor that is killed, two commands at once on one container. The
//! state stays true, and errors say what happened. (A full disk and garbage in the records: `bad_input`.)

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use glassbox_tests::apart::apart;
use glassbox_tests::binary::{Ended, Engine};
use glassbox_tests::leftovers::Count;
use serde_json::Value;

/// Long, because a machine may be slow.
const PATIENCE: Duration = Duration::from_secs(30);

const DAY_NS: u64 = 86_400 * 1_000_000_000;

fn inspected(engine: &Engine, name: &str) -> Result<Value> {
    let shown: Value = serde_json::from_str(&engine.succeed(&format!("inspect {name}"))?.stdout)?;
    Ok(shown[0].clone())
}

fn record_of(engine: &Engine, name: &str) -> Result<PathBuf> {
    let id = inspected(engine, name)?["Id"].as_str().context("no id")?.to_string();
    Ok(engine.root().join("containers").join(id).join("state.json"))
}

fn until(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !holds()? {
        ensure!(Instant::now() < deadline, "in vain waited for: {what}");
        std::thread::yield_now();
    }
    Ok(())
}

#[test]
fn a_store_that_can_only_be_read() -> Result<()> {
    apart("a_store_that_can_only_be_read", || {
        let engine = Engine::new()?;
        engine.succeed("create --name old --network none toolbox true")?;
        let before = Count::now(&engine.root());
        let root_text = engine.root().to_string_lossy().into_owned();
        mounted(&engine, &["--bind", &root_text, &root_text])?;
        mounted(&engine, &["-o", "remount,ro,bind", &root_text])?;
        let changing = ["run --rm --network none toolbox true", "start old", "rename old new", "rm old", "volume create v"];
        let mut problems = Vec::new();
        for line in changing {
            let ended = engine.run(line)?;
            let says = ended.stderr.contains("Read-only file system") || ended.stderr.contains("read-only");
            if ended.code == Some(0) || !says || !ended.stderr.contains("glassbox: ") {
                problems.push(format!("{line}: {:?} {}", ended.code, ended.stderr));
            }
        }
        let looked = engine.run("ps -a")?;
        if looked.code != Some(0) || !looked.stdout.contains("old") {
            problems.push(format!("ps -a: {looked:?}"));
        }
        let status = engine.program("umount", &[&root_text]).status()?;
        ensure!(status.success(), "umount: {status}");
        ensure!(problems.is_empty(), "{}", problems.join("\n"));
        let left = Count::now(&engine.root()).since(&before);
        ensure!(left.is_empty(), "left: {left:?}");
        engine.succeed("start -a old")?;
        Ok(())
    })
}

/// Where nothing can be written, not even the directories of the store.
#[test]
fn what_needs_no_store_works_without_one() -> Result<()> {
    apart("what_needs_no_store_works_without_one", || {
        let engine = Engine::new()?;
        let ask = |line: &str| -> Result<Ended> {
            let words: Vec<&str> = line.split(' ').collect();
            Ok(Ended::from(engine.command(&words).env("GLASSBOX_ROOT", "/proc/glassbox").output()?))
        };
        let dockerfile = engine.scratch().join("Dockerfile");
        std::fs::write(&dockerfile, "FROM toolbox\nCMD [\"true\"]\n")?;
        let check = format!("build --check {}", engine.scratch().display());
        let anywhere =
            ["--version", "--help", "run --help", "version", "completion bash", &check, "run --plan --network none toolbox true"];
        for line in anywhere {
            let ended = ask(line)?;
            ensure!(ended.code == Some(0) && ended.stderr.is_empty() && !ended.stdout.is_empty(), "{line}: {ended:?}");
        }
        let refused = ask("run --rm --network none toolbox true")?;
        ensure!(refused.code == Some(125) && refused.stderr.contains("/proc/glassbox"), "{refused:?}");
        Ok(())
    })
}

/// The program cannot be run, and then the container (`--rm`) cannot be removed: both are said, the first one first.
#[test]
fn a_failed_removal_does_not_hide_why_the_start_failed() -> Result<()> {
    apart("a_failed_removal_does_not_hide_why_the_start_failed", || {
        let engine = Engine::new()?;
        engine.succeed("run --rm --network none toolbox true")?;
        let nothing = Count::now(&engine.root());
        engine.succeed("create --rm --name box --network none toolbox nothing")?;
        let busy = record_of(&engine, "box")?.with_file_name("busy");
        std::fs::create_dir(&busy)?;
        let busy_text = busy.to_string_lossy().into_owned();
        mounted(&engine, &["-t", "tmpfs", "tmpfs", &busy_text])?;
        let ended = engine.run("start -a box")?;
        let position = |text: &str| ended.stderr.find(text);
        let (first, second) = (position("executable file not found"), position("unable to remove filesystem for"));
        ensure!(first.is_some() && second.is_some() && first < second, "{ended:?}");
        ensure!(ended.code == Some(1), "{ended:?}");
        let again = engine.run("rm box")?;
        ensure!(again.code == Some(1) && again.stderr.contains("has something mounted at"), "{again:?}");
        let status = engine.program("umount", &[&busy_text]).status()?;
        ensure!(status.success(), "umount: {status}");
        // It is on record still, and can be removed.
        engine.succeed("rm box")?;
        let left = Count::now(&engine.root()).since(&nothing);
        ensure!(left.is_empty(), "left: {left:?}");
        Ok(())
    })
}

fn mounted(engine: &Engine, words: &[&str]) -> Result<()> {
    let status = engine.program("mount", words).status()?;
    ensure!(status.success(), "mount {words:?}: {status}");
    Ok(())
}

/// The clock of the machine is nobody's to set here: the records are moved instead, by a day in either direction.
#[test]
fn a_clock_that_jumps() -> Result<()> {
    apart("a_clock_that_jumps", || {
        for ahead in [true, false] {
            let engine = Engine::new()?;
            let nothing = Count::now(&engine.root());
            engine.succeed("run -d --name web --network none toolbox sleep 100000")?;
            let path = record_of(&engine, "web")?;
            let mut record: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
            shift(&mut record["container"], ahead);
            std::fs::write(&path, serde_json::to_vec(&record)?)?;
            let listed = engine.succeed("ps")?.stdout;
            ensure!(listed.contains("Up ") && listed.contains("web"), "{listed}");
            ensure!(ahead || listed.contains("25 hours") || listed.contains("24 hours") || listed.contains("day"), "{listed}");
            engine.succeed("logs -t web")?;
            let start = Instant::now();
            engine.succeed("stop -t 1 web")?;
            ensure!(start.elapsed() < PATIENCE, "the time of stop went by the wrong clock");
            let state = inspected(&engine, "web")?["State"].clone();
            ensure!(state["Status"] == "exited" && state["ExitCode"] == 137, "{state}");
            ensure!(engine.succeed("ps -a")?.stdout.contains("Exited (137)"), "ps -a");
            engine.succeed("start web")?;
            engine.succeed("rm -f web")?;
            let left = Count::now(&engine.root()).since(&nothing);
            ensure!(left.is_empty(), "left: {left:?}");
        }
        Ok(())
    })
}

/// Every time in the record that is not zero.
fn shift(value: &mut Value, ahead: bool) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                match field.as_u64().filter(|time| name.ends_with("_ns") && *time > DAY_NS) {
                    Some(time) => *field = (if ahead { time + DAY_NS } else { time - DAY_NS }).into(),
                    None => shift(field, ahead),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| shift(item, ahead)),
        _ => {}
    }
}

#[test]
fn a_monitor_that_is_killed() -> Result<()> {
    apart("a_monitor_that_is_killed", || {
        let engine = Engine::new()?;
        let nothing = Count::now(&engine.root());
        for options in ["", "--rm ", "--init ", "-v /data "] {
            engine.succeed(&format!("run -d {options}--name web --network none toolbox sleep 100000"))?;
            let record: Value = serde_json::from_slice(&std::fs::read(record_of(&engine, "web")?)?)?;
            let monitor = record["monitor"]["pid"].as_u64().context("no monitor")?;
            ensure!(engine.program("kill", &["-KILL", &monitor.to_string()]).status()?.success(), "kill");
            until("the record says so", || {
                let listed = engine.succeed("ps -a")?.stdout;
                Ok(!listed.contains("Up ") && (options == "--rm " || listed.contains("Exited (137)")))
            })?;
            if options != "--rm " {
                engine.succeed("start web")?;
            }
            engine.run("rm -fv web")?;
            let left = Count::now(&engine.root()).since(&nothing);
            ensure!(left.is_empty(), "{options}: left: {left:?}");
        }
        Ok(())
    })
}

#[test]
fn two_commands_at_once() -> Result<()> {
    apart("two_commands_at_once", || {
        let engine = Engine::new()?;
        engine.succeed("run --rm --network none toolbox true")?;
        let nothing = Count::now(&engine.root());
        let commands = [
            "start web",
            "stop -t 0 web",
            "kill web",
            "rm -f web",
            "rm web",
            "restart -t 0 web",
            "rename web other",
            "pause web",
            "exec web true",
        ];
        let mut problems = Vec::new();
        for (number, one) in commands.iter().enumerate() {
            for other in &commands[number..] {
                let mut commands = [*one, other].map(|line| engine.command(&line.split(' ').collect::<Vec<_>>()));
                engine.succeed("run -d --name web --network none toolbox sleep 100000")?;
                let children = commands.each_mut().map(|command| command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn());
                let ends = ends_of(&engine, children, [*one, *other].contains(&"pause web"))?;
                problems.extend(
                    ends.iter()
                        .zip([one, other])
                        .filter_map(|(ended, line)| odd(line, ended))
                        .map(|what| format!("{one} | {other}: {what}")),
                );
                problems.extend(untrue(&engine)?.map(|what| format!("{one} | {other}: {what}")));
                let _ = engine.run("rm -f web other")?;
                let mut left = Vec::new();
                until("all is gone", || {
                    left = Count::now(&engine.root()).since(&nothing);
                    Ok(left.is_empty())
                })
                .with_context(|| format!("{one} | {other}: left {left:?}"))?;
            }
        }
        ensure!(problems.is_empty(), "{}", problems.join("\n"));
        Ok(())
    })
}

/// What is executed in a container that is paused meanwhile goes on when that does.
fn ends_of(engine: &Engine, children: [std::io::Result<Child>; 2], paused: bool) -> Result<Vec<Ended>> {
    let mut ends = Vec::new();
    for child in children {
        let mut child = child?;
        until("the command ends", || {
            if paused {
                engine.run("unpause web")?;
            }
            Ok(child.try_wait()?.is_some())
        })?;
        ends.push(Ended::from(child.wait_with_output()?));
    }
    Ok(ends)
}

/// A command that came too late is refused in words; it neither ends by a signal nor says nothing.
fn odd(line: &str, ended: &Ended) -> Option<String> {
    let refused = matches!(ended.code, Some(1 | 125 | 126 | 127 | 137)) && !ended.stderr.is_empty();
    // The process of an exec ends with its container.
    let ended_with_it = line.starts_with("exec") && ended.code == Some(137);
    (ended.code != Some(0) && !refused && !ended_with_it || ended.stderr.contains("panicked")).then(|| format!("{line}: {ended:?}"))
}

fn untrue(engine: &Engine) -> Result<Option<String>> {
    for name in ["web", "other"] {
        let ended = engine.run(&format!("inspect {name}"))?;
        if ended.code != Some(0) {
            continue;
        }
        let shown: Value = serde_json::from_str(&ended.stdout)?;
        let state = &shown[0]["State"];
        let pid = state["Pid"].as_u64().unwrap_or_default();
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let lives = pid != 0 && !stat.is_empty() && !stat.contains(") Z ");
        if state["Running"].as_bool() != Some(lives) {
            return Ok(Some(format!("{name}: {state}, process {pid}: {lives}")));
        }
    }
    Ok(None)
}

/// What is broken is told with what to do; what nobody has is told, and goes when that is wished.
#[test]
fn a_damaged_store_is_told() -> Result<()> {
    apart("a_damaged_store_is_told", || {
        let engine = Engine::new()?;
        well(&engine, &["run", "--name", "box", "--network", "none", "toolbox", "sh", "-c", "echo made > /made"])?;
        engine.succeed("commit box web")?;
        ensure!(engine.succeed("fsck")?.stdout.contains("nothing is broken"));
        let blobs = engine.root().join("images/blobs/sha256");
        let layer = well(&engine, &["image", "inspect", "-f", "{{index .RootFS.Layers 1}}", "web"])?.stdout;
        let layer = layer.trim().trim_start_matches("sha256:").to_string();
        // Nobody's: a blob of three bytes, and one that was never finished.
        let nobodys = blobs.join("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        std::fs::write(&nobodys, "abc")?;
        std::fs::write(blobs.join(".incoming-999999-1-0"), "half")?;
        let told = engine.succeed("fsck")?.stdout;
        ensure!(told.matches("unused: ").count() == 2 && told.contains("nothing is broken"), "{told}");
        engine.succeed("fsck --repair")?;
        ensure!(!nobodys.exists() && engine.succeed("fsck")?.stdout.matches("unused: ").count() == 0);
        // The files that containers see are not those of the archive any more.
        std::fs::write(engine.root().join("layers").join(&layer).join("made"), "else")?;
        told_broken(&engine, "/made is another file")?;
        std::fs::write(engine.root().join("layers").join(&layer).join("made"), "made\n")?;
        ensure!(engine.run("fsck")?.code == Some(0));
        // A blob that is another than its name says, and one that is gone.
        let mut bytes = std::fs::read(blobs.join(&layer))?;
        bytes[600] ^= 1;
        std::fs::write(blobs.join(&layer), bytes)?;
        told_broken(&engine, "is damaged")?;
        std::fs::remove_file(blobs.join(&layer))?;
        told_broken(&engine, "is missing")
    })
}

fn told_broken(engine: &Engine, what: &str) -> Result<()> {
    let told = engine.run("fsck")?;
    ensure!(told.code == Some(1) && told.stdout.contains("broken: ") && told.stdout.contains(what), "{what}: {told:?}");
    Ok(())
}

fn well(engine: &Engine, words: &[&str]) -> Result<Ended> {
    let ended = engine.run_words(words)?;
    ensure!(ended.code == Some(0), "{words:?}: {ended:?}");
    Ok(ended)
}
