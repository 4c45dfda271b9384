//! `glassbox --step`: the line debugger, driven as a person drives it: an order, its answer, the next order. Between the orders the test
//! looks at the machine itself (/proc, cgroup directories, files): what was taken back has to be gone, and there again after going on.

mod dialog;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use glassbox_tests::apart::apart;
use glassbox_tests::binary::Engine;
use glassbox_tests::leftovers::Count;

use dialog::{Answer, Dialog};

/// A container of every kind of step but a terminal's.
const RUN: &[&str] =
    &["run", "--rm", "-m", "32m", "--network", "none", "--hostname", "glass", "toolbox", "sh", "-c", "echo inside; exit 3"];

/// More steps than any plan here has.
const ORDERS_MAX: usize = 500;
/// The fewest steps that a run has: three cgroup trees make it some more than one.
const LEAVES_MIN: usize = 60;

/// An engine, and what stood before the debugger began.
struct Stage {
    engine: Engine,
    before: Count,
}

impl Stage {
    fn new() -> Result<Stage> {
        let engine = Engine::new()?;
        let before = Count::now(&engine.root());
        Ok(Stage { engine, before })
    }

    fn start(&self, words: &[&str]) -> Result<Dialog> {
        let step = ["--step"];
        Dialog::start(self.engine.command(&[&step, words].concat()))
    }

    fn nothing_left(&self) -> Result<()> {
        let left = Count::now(&self.engine.root()).since(&self.before);
        ensure!(left.is_empty(), "left behind: {left:#?}");
        Ok(())
    }

    /// The one directory below `containers/`.
    fn container(&self) -> Option<PathBuf> {
        let mut entries = fs::read_dir(self.engine.root().join("containers")).ok()?;
        Some(entries.next()?.ok()?.path())
    }

    fn layers(&self) -> usize {
        fs::read_dir(self.engine.root().join("layers")).map_or(0, Iterator::count)
    }

    fn cgroups(&self) -> usize {
        Count::now(&self.engine.root()).cgroups.difference(&self.before.cgroups).count()
    }
}

fn is_overlay_there(dialog: &Dialog) -> Result<bool> {
    let pid = dialog.child()?.context("there is no process in the container")?;
    let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo"))?;
    Ok(mounts.lines().any(|line| line.contains("/merged ") && line.contains(" - overlay ")))
}

fn has_own_network(dialog: &Dialog) -> Result<bool> {
    let pid = dialog.child()?.context("there is no process in the container")?;
    Ok(fs::read_link(format!("/proc/{pid}/ns/net"))? != fs::read_link("/proc/self/ns/net")?)
}

/// How often the program in the container wrote its line.
fn said_inside(all: &str) -> usize {
    all.lines().filter(|line| line.trim_start_matches("(glassbox) ") == "inside").count()
}

/// Goes on to before `name`.
fn go_to(dialog: &mut Dialog, name: &str) -> Result<()> {
    dialog.order(&format!("break {name}"))?;
    let answer = dialog.order("continue")?;
    answer.none_differs()?;
    ensure!(answer.upcoming().contains(&format!(" {name}: ")), "not before {name}: {}", answer.upcoming());
    dialog.order("delete")?;
    Ok(())
}

#[test]
fn each_step_shows_prediction_and_observation_and_they_agree() -> Result<()> {
    apart("each_step_shows_prediction_and_observation_and_they_agree", || {
        let stage = Stage::new()?;
        let mut dialog = stage.start(RUN)?;
        let (mut leaves, mut seen) = (0, Vec::new());
        for _ in 0..ORDERS_MAX {
            let upcoming = dialog.upcoming();
            let answer = dialog.order("into")?;
            if !upcoming.ends_with("(has parts)") {
                leaves += 1;
                ensure!(answer.verdicts() == 1, "{upcoming}: not one verdict: {}", answer.0);
                answer.steps_agree().with_context(|| upcoming.clone())?;
            }
            seen.push(upcoming);
            if dialog.has_ended() {
                break;
            }
        }
        ensure!(leaves > LEAVES_MIN, "only {leaves} steps: {seen:#?}");
        for name in
            ["ExtractLayer", "CreateCgroup", "PivotRoot", "ExecProgram", "RecordStart", "RecordExit", "RemoveContainerFiles"]
        {
            ensure!(seen.iter().any(|line| line.contains(&format!(" {name}: "))), "{name} was no step of its own: {seen:#?}");
        }
        let (code, all) = dialog.end()?;
        ensure!(code == Some(3) && said_inside(&all) == 1, "{code:?} {all}");
        stage.nothing_left()
    })
}

/// Steps into everything; each leaf has one verdict, and it is that model and Linux show the same. Answers exit code and all that was said.
fn agree_to_the_end(stage: &Stage, words: &[&str]) -> Result<(Option<i32>, String)> {
    let mut dialog = stage.start(words)?;
    for _ in 0..ORDERS_MAX {
        let upcoming = dialog.upcoming();
        let answer = dialog.order("into")?;
        if !upcoming.ends_with("(has parts)") {
            ensure!(answer.verdicts() == 1, "{words:?}: {upcoming}: not one verdict: {}", answer.0);
            answer.steps_agree().with_context(|| format!("{words:?}: {upcoming}"))?;
        }
        if dialog.has_ended() {
            break;
        }
    }
    dialog.end()
}

#[test]
fn commands_on_containers_that_are_there_are_predicted_too() -> Result<()> {
    apart("commands_on_containers_that_are_there_are_predicted_too", || {
        let stage = Stage::new()?;
        stage.engine.succeed("run -d --name box --network none toolbox sleep 1000")?;
        stage.engine.succeed("create --name short --network none toolbox echo inside")?;
        for (words, code, inside) in [
            (&["exec", "box", "echo", "inside"][..], 0, 1),
            (&["exec", "box", "false"], 1, 0),
            (&["start", "-a", "short"], 0, 1),
            (&["stop", "-t", "0", "box"], 0, 0),
            (&["rm", "box", "short"], 0, 0),
        ] {
            let (ended, all) = agree_to_the_end(&stage, words)?;
            ensure!(ended == Some(code) && said_inside(&all) == inside, "{words:?}: {ended:?} {all}");
        }
        stage.nothing_left()
    })
}

/// Orders first; what follows them on stdin is the archive, and the model reads it before Linux does.
#[test]
fn archives_go_through_the_debugger_byte_by_byte() -> Result<()> {
    apart("archives_go_through_the_debugger_byte_by_byte", || {
        let stage = Stage::new()?;
        stage.engine.succeed("run -d --name box --network none toolbox sleep 1000")?;
        stage.engine.succeed("create --name other --network none toolbox wc -c /tmp/bytes")?;
        stage.engine.succeed(r#"exec box sh -c 'printf "\377\376\000\200x" > /tmp/bytes'"#)?;
        let archive = stage.engine.command(&["cp", "box:/tmp/bytes", "-"]).output()?.stdout;
        ensure!(archive.windows(5).any(|bytes| bytes == [0xff, 0xfe, 0, 0x80, b'x']), "the bytes are not in it");
        for to in ["box:/var/tmp", "other:/tmp"] {
            let mut dialog = stage.start(&["cp", "-", to])?;
            dialog.type_line("continue")?;
            let (code, all) = dialog.pour(&archive)?;
            let answer = Answer(all);
            ensure!(code == Some(0), "{code:?} {}", answer.0);
            answer.steps_agree()?;
        }
        ensure!(stage.engine.succeed("exec box wc -c /var/tmp/bytes")?.stdout.trim_start().starts_with("5 "));
        ensure!(stage.engine.succeed("start -a other")?.stdout.trim_start().starts_with("5 "));
        let mut shown = stage.start(&["cp", "box:/tmp/bytes", "-"])?;
        shown.type_line("continue")?;
        let (code, all) = shown.end()?;
        ensure!(code == Some(0) && all.contains("bytes\0"), "{code:?} {all}");
        stage.engine.succeed("rm -f box other")?;
        stage.nothing_left()
    })
}

#[test]
fn what_is_taken_back_is_gone_and_there_again_after_going_on() -> Result<()> {
    apart("what_is_taken_back_is_gone_and_there_again_after_going_on", || {
        let stage = Stage::new()?;
        let mut dialog = stage.start(RUN)?;
        files_go_and_come(&stage, &mut dialog)?;
        cgroups_go_and_come(&stage, &mut dialog)?;
        namespaces_go_and_come(&mut dialog)?;
        mounts_go_and_come(&mut dialog)?;
        start_goes_and_comes(&stage, &mut dialog)?;
        let (code, all) = dialog.go_on_to_the_end()?;
        ensure!(code == Some(3) && said_inside(&all) == 1, "{code:?} {all}");
        stage.nothing_left()
    })
}

fn files_go_and_come(stage: &Stage, dialog: &mut Dialog) -> Result<()> {
    ensure!(dialog.order("back")?.0.contains("this is the beginning"));
    dialog.order("into")?;
    ensure!(dialog.upcoming().contains(" ExtractLayer: ") && stage.layers() == 0, "{}", dialog.upcoming());
    dialog.order("into")?.steps_agree()?;
    ensure!(stage.layers() == 1, "the layer is not there");
    ensure!(dialog.order("back")?.0.contains("ExtractLayer is taken back") && stage.layers() == 0, "the layer is still there");
    dialog.order("over")?.steps_agree()?;
    ensure!(stage.layers() == 1, "the layer is not there again");
    // CreateContainer as a whole, and its last two steps back.
    let answer = dialog.order("over")?;
    answer.steps_agree()?;
    ensure!(answer.verdicts() == 8, "{}", answer.0);
    let container = stage.container().context("no container")?;
    let (record, resolv) = (container.join("state.json"), container.join("resolv.conf"));
    ensure!(record.exists() && resolv.exists() && container.join("upper").is_dir());
    dialog.order("back")?;
    ensure!(!record.exists() && resolv.exists(), "the record is still there");
    dialog.order("back")?;
    ensure!(!resolv.exists() && container.is_dir(), "the file is still there");
    dialog.order("out")?.steps_agree()?;
    ensure!(record.exists() && resolv.exists(), "record and file are not there again");
    Ok(())
}

fn cgroups_go_and_come(stage: &Stage, dialog: &mut Dialog) -> Result<()> {
    go_to(dialog, "CreateCgroup")?;
    ensure!(stage.cgroups() == 0);
    dialog.order("into")?.steps_agree()?;
    ensure!(stage.cgroups() == 1, "the cgroup is not there");
    dialog.order("back")?;
    ensure!(stage.cgroups() == 0, "the cgroup is still there");
    go_to(dialog, "CloneProcess")?;
    ensure!(stage.cgroups() > 0 && dialog.child()?.is_none(), "no cgroup, or a process already");
    // The limit goes with its directory: that one is made again.
    let answer = dialog.order("back")?;
    ensure!(answer.0.contains("WriteLimit is taken back") && answer.upcoming().contains(" WriteLimit: "), "{}", answer.0);
    go_to(dialog, "CloneProcess")?;
    dialog.order("into")?.steps_agree()?;
    ensure!(dialog.child()?.is_some(), "no process");
    dialog.order("back")?;
    ensure!(dialog.child()?.is_none(), "the process is still there");
    Ok(())
}

fn namespaces_go_and_come(dialog: &mut Dialog) -> Result<()> {
    dialog.order("break 3.3.5")?;
    let answer = dialog.order("c")?;
    ensure!(answer.upcoming().contains("3.3.5 UnshareNamespace: Enter a new network namespace"), "{}", answer.upcoming());
    dialog.order("delete")?;
    ensure!(!has_own_network(dialog)?);
    dialog.order("into")?.steps_agree()?;
    ensure!(has_own_network(dialog)?, "it has no network namespace of its own");
    let namespaces = dialog.order("inspect namespaces")?.0;
    let net = fs::read_link(format!("/proc/{}/ns/net", dialog.child()?.context("no process")?))?;
    let number: String = net.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
    ensure!(
        namespaces.lines().any(|line| line.split_whitespace().collect::<Vec<_>>() == ["net", &number, "its", "own"]),
        "{namespaces}"
    );
    dialog.order("back")?;
    ensure!(!has_own_network(dialog)?, "it still has a network namespace of its own");
    // Two more: the IPC and the UTS namespace.
    dialog.order("back")?;
    let answer = dialog.order("back")?;
    ensure!(answer.upcoming().contains("Enter a new uts namespace"), "{}", answer.upcoming());
    Ok(())
}

fn mounts_go_and_come(dialog: &mut Dialog) -> Result<()> {
    go_to(dialog, "MountOverlay")?;
    ensure!(has_own_network(dialog)?, "it has no network namespace of its own again");
    ensure!(!is_overlay_there(dialog)?);
    let why = dialog.order("why")?.0;
    ensure!(why.contains("because: ") && why.contains("call: "), "{why}");
    dialog.order("into")?.steps_agree()?;
    ensure!(is_overlay_there(dialog)?, "the overlay is not there");
    ensure!(dialog.order("inspect mounts")?.0.contains("  overlay "));
    let before = dialog.child()?;
    dialog.order("back")?;
    ensure!(!is_overlay_there(dialog)?, "the overlay is still there");
    ensure!(dialog.child()? != before, "the process was not made again");
    dialog.order("into")?.steps_agree()?;
    ensure!(is_overlay_there(dialog)?, "the overlay is not there again");
    Ok(())
}

/// The record of a running container, and the way back over it to before its files.
fn start_goes_and_comes(stage: &Stage, dialog: &mut Dialog) -> Result<()> {
    go_to(dialog, "RecordStart")?;
    let status = || -> Result<String> {
        let bytes = fs::read(stage.container().context("no container")?.join("state.json"))?;
        let record: serde_json::Value = serde_json::from_slice(&bytes)?;
        Ok(record["container"]["state"]["status"].as_str().unwrap_or_default().to_string())
    };
    let created = status()?;
    dialog.order("into")?.steps_agree()?;
    let running = status()?;
    ensure!(created != running, "{created}");
    dialog.order("back")?;
    ensure!(status()? == created, "the record still says {}", status()?);
    dialog.order("into")?.steps_agree()?;
    ensure!(status()? == running, "the record says {}", status()?);
    while !dialog.upcoming().contains(" RecordContainer: ") {
        let answer = dialog.order("back")?;
        ensure!([" is taken back", " is left standing"].iter().any(|said| answer.0.contains(said)), "{}", answer.0);
    }
    let container = stage.container().context("no container")?;
    ensure!(stage.cgroups() == 0 && dialog.child()?.is_none() && !container.join("state.json").exists());
    Ok(())
}

#[test]
fn breaks_stop_before_a_step_a_call_and_a_number() -> Result<()> {
    apart("breaks_stop_before_a_step_a_call_and_a_number", || {
        let stage = Stage::new()?;
        let mut dialog = stage.start(RUN)?;
        ensure!(dialog.order("break")?.0.contains("break needs a name"));
        ensure!(dialog.order("fly")?.0.contains("fly is no order"));
        ensure!(dialog.order("shell")?.0.contains("no process yet"));
        ensure!(dialog.order("help")?.0.contains("take the last step back"));
        for name in ["RecordContainer", "pivot_root", "execve"] {
            dialog.order(&format!("break {name}"))?;
        }
        let mut stops = Vec::new();
        for _ in 0..3 {
            stops.push(dialog.order("c")?.upcoming());
        }
        let names: Vec<&str> = stops.iter().filter_map(|line| line.split([' ', ':']).nth(1)).collect();
        ensure!(names == ["RecordContainer", "PivotRoot", "ExecProgram"], "{stops:?}");
        let carried_out = dialog.order("where")?.0;
        ensure!(carried_out.contains(" PivotRoot\n") && !carried_out.contains(" ExecProgram\n"), "{carried_out}");
        ensure!(dialog.go_on_to_the_end()?.0 == Some(3));
        stage.nothing_left()
    })
}

#[test]
fn a_shell_in_the_half_made_container() -> Result<()> {
    apart("a_shell_in_the_half_made_container", || {
        let stage = Stage::new()?;
        let mut dialog = stage.start(RUN)?;
        go_to(&mut dialog, "DetachOldRoot")?;
        dialog.order("over")?.steps_agree()?;
        dialog.type_line("shell")?;
        dialog.type_line("echo $$ is not 1, on $(hostname); touch /by-hand; ls /dev/null /by-hand")?;
        let seen = dialog.read_until("/dev/null\n")?;
        ensure!(seen.contains(" is not 1, on glass\n") && seen.contains("/by-hand\n"), "{seen}");
        let upper = stage.container().context("no container")?.join("upper/by-hand");
        ensure!(upper.exists(), "what the shell wrote is not in the container's layer");
        dialog.type_line("exit")?;
        dialog.read_prompt()?;
        let processes = dialog.order("inspect processes")?.0;
        ensure!(processes.lines().filter(|line| line.starts_with("  ")).count() >= 1, "{processes}");
        let (code, all) = dialog.go_on_to_the_end()?;
        ensure!(code == Some(3) && said_inside(&all) == 1, "{code:?} {all}");
        stage.nothing_left()
    })
}

#[test]
fn leaving_at_any_step_undoes_everything() -> Result<()> {
    apart("leaving_at_any_step_undoes_everything", || {
        let places = "ExtractLayer WriteFile RecordContainer CreateCgroup WriteLimit CloneProcess JoinCgroup MountOverlay PivotRoot \
                      InstallSeccompFilter ExecProgram RecordStart AttachStreams WatchContainer RecordExit RemoveCgroup";
        let warm = Stage::new()?;
        // On the unified tree a process is born in its cgroup.
        let unified = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
        let places = places.split_whitespace().filter(|name| !unified || *name != "JoinCgroup");
        for (at, name) in places.enumerate() {
            // By an order and by the end of input, in turns; the first with nothing extracted yet.
            let mut dialog = warm.start(RUN)?;
            go_to(&mut dialog, name)?;
            if at % 2 == 0 {
                dialog.type_line("quit")?;
            }
            let (code, all) = dialog.end().with_context(|| name.to_string())?;
            ensure!(code == Some(0) && all.ends_with("everything that was done is undone\n"), "{name}: {code:?} {all}");
            warm.nothing_left().with_context(|| name.to_string())?;
            ensure!(warm.layers() == 0, "{name}: the layer is left");
            ensure!(warm.engine.succeed("ps -aq")?.stdout.is_empty(), "{name}: a container is on record");
        }
        Ok(())
    })
}

#[test]
fn going_back_anywhere_and_on_again_ends_the_same() -> Result<()> {
    apart("going_back_anywhere_and_on_again_ends_the_same", || {
        let places = "RecordContainer CloneProcess PivotRoot ExecProgram RecordStart AttachStreams WatchContainer RecordExit";
        for name in places.split_whitespace() {
            let stage = Stage::new()?;
            let mut dialog = stage.start(RUN)?;
            go_to(&mut dialog, name)?;
            let upcoming = dialog.upcoming();
            for _ in 0..3 {
                let answer = dialog.order("back")?;
                ensure!([" is taken back", " is left standing"].iter().any(|said| answer.0.contains(said)), "{name}: {}", answer.0);
            }
            go_to(&mut dialog, name)?;
            ensure!(dialog.upcoming() == upcoming, "{name}: {}", dialog.upcoming());
            let (code, all) = dialog.go_on_to_the_end()?;
            ensure!(code == Some(3), "{name}: {code:?} {all}");
            stage.nothing_left().with_context(|| name.to_string())?;
        }
        Ok(())
    })
}

/// The same command at a terminal, with `text` piped into it: util-linux's script(1) gives it one, and passes on what it reads itself.
fn at_a_terminal(command: &Command, text: &str) -> Command {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<String> = words.map(|word| format!("'{}'", word.to_string_lossy())).collect();
    let mut script = Command::new("script");
    script.args(["-qec", &format!("echo {text} | {}", words.join(" ")), "/dev/null"]);
    script.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    script
}

/// What is piped in is the container's; without a terminal there is nowhere to take orders from, and nothing is begun.
#[test]
fn orders_come_from_the_terminal_where_stdin_is_the_containers() -> Result<()> {
    apart("orders_come_from_the_terminal_where_stdin_is_the_containers", || {
        let stage = Stage::new()?;
        let words = ["--step", "run", "--rm", "-i", "--network", "none", "toolbox", "sh", "-c", "read line; echo got $line; cat"];
        let mut dialog = Dialog::start(at_a_terminal(&stage.engine.command(&words), "piped"))?;
        ensure!(dialog.order("into")?.upcoming().contains("ExtractLayer"), "the order was not heard");
        let (code, all) = dialog.go_on_to_the_end()?;
        ensure!(code == Some(0) && all.contains("got piped"), "{code:?} {all}");
        let apart = stage.engine.command(&words);
        let refused = Command::new("setsid")
            .arg("--wait")
            .arg(apart.get_program())
            .args(apart.get_args())
            .envs(apart.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .stdin(std::process::Stdio::null())
            .output()?;
        let told = String::from_utf8_lossy(&refused.stderr);
        ensure!(refused.status.code() == Some(125) && told.contains("/dev/tty: No such device or address"), "{refused:?}");
        stage.nothing_left()
    })
}

#[test]
fn a_failing_step_ends_the_command_as_without_a_debugger() -> Result<()> {
    apart("a_failing_step_ends_the_command_as_without_a_debugger", || {
        let stage = Stage::new()?;
        let words = ["run", "--name", "plain", "--network", "none", "toolbox", "no-such-program"];
        let plain = stage.engine.run_words(&words)?;
        let stepped = stage.start(&[&words[..2], &["stepped"], &words[3..]].concat())?.go_on_to_the_end()?;
        ensure!(plain.code == Some(127) && stepped.0 == plain.code, "{plain:?} {stepped:?}");
        ensure!(stepped.1.ends_with(&plain.stderr), "{stepped:?}\n{plain:?}");
        let listed = stage.engine.succeed("ps -a --format {{.Names}}:{{.Status}}");
        let listed = listed.map(|ended| ended.stdout).unwrap_or_default();
        ensure!(stage.engine.succeed("rm plain stepped")?.stdout == "plain\nstepped\n", "{listed}");
        stage.nothing_left()
    })
}

/// A step fails, and then what was done before it cannot be undone: both are said, the first one first, and the next command cleans up.
#[test]
fn a_failed_undo_does_not_hide_why_the_step_failed() -> Result<()> {
    apart("a_failed_undo_does_not_hide_why_the_step_failed", || {
        let stage = Stage::new()?;
        stage.engine.succeed("run --rm --network none toolbox true")?;
        let stage = Stage { before: Count::now(&stage.engine.root()), ..stage };
        let mut dialog = stage.start(&["create", "--network", "none", "toolbox", "true"])?;
        go_to(&mut dialog, "WriteFile")?;
        let container = stage.container().context("there is no directory of the container")?;
        let busy = container.join("busy").to_string_lossy().into_owned();
        fs::create_dir(container.join("config.json"))?;
        fs::create_dir(&busy)?;
        ensure!(stage.engine.program("mount", &["-t", "tmpfs", "tmpfs", &busy]).status()?.success(), "mount");
        let (code, all) = dialog.go_on_to_the_end()?;
        let position = |text: &str| all.rfind(text);
        let (first, second) = (position("is a directory"), position("cleaning up: "));
        ensure!(first.is_some() && second.is_some() && first < second && code == Some(1), "{code:?} {all}");
        ensure!(all.contains(&format!("something is mounted at {busy}")), "{all}");
        ensure!(container.is_dir() && stage.engine.succeed("ps -aq")?.stdout.is_empty(), "it is neither there nor on record");
        ensure!(stage.engine.program("umount", &[&busy]).status()?.success(), "umount");
        stage.engine.succeed("ps")?;
        stage.nothing_left()
    })
}

#[test]
fn a_container_is_started_again_and_a_detached_one_stays_attached() -> Result<()> {
    apart("a_container_is_started_again_and_a_detached_one_stays_attached", || {
        let stage = Stage::new()?;
        let words = ["run", "-d", "--name", "web", "--network", "none", "toolbox", "echo", "inside"];
        let (code, all) = stage.start(&words)?.go_on_to_the_end()?;
        ensure!(code == Some(0) && said_inside(&all) == 1, "{code:?} {all}");
        let mut dialog = stage.start(&["start", "web"])?;
        dialog.order("break AttachStreams")?;
        dialog.order("continue")?;
        ensure!(dialog.upcoming().contains(" AttachStreams: "), "{}", dialog.upcoming());
        dialog.type_line("quit")?;
        let (code, all) = dialog.end()?;
        ensure!(code == Some(0) && all.ends_with("everything that was done is undone\n"), "{code:?} {all}");
        ensure!(stage.engine.succeed("ps -a")?.stdout.contains("Exited (0)"), "the record does not say what it said before");
        let (code, all) = stage.start(&["start", "web"])?.go_on_to_the_end()?;
        ensure!(code == Some(0) && said_inside(&all) == 1, "{code:?} {all}");
        stage.engine.succeed("rm web")?;
        stage.nothing_left()
    })
}

#[test]
fn a_disagreement_would_be_seen() {
    let differs = "    Linux shows:  interface lo is up\n    model and Linux differ\n      predicted: interface lo is down\n";
    assert!(Answer(differs.into()).steps_agree().is_err());
    assert!(Answer("    the model cannot tell: …\n".into()).steps_agree().is_err());
    assert!(Answer("(glassbox) ".into()).steps_agree().is_err(), "nothing was carried out");
    assert!(Answer("    Linux shows:  x\n    predicted by the model: the same\n".into()).steps_agree().is_ok());
}
