//! Many containers at once: 500 started as fast as they go, 200 at the same moment, ended in every way at random. Afterwards every record
//! says what is true, and nothing is left.
//!
//! `GLASSBOX_SEED` chooses other ends. In the emulated machine there are a tenth as many.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use glassbox_tests::apart::apart;
use glassbox_tests::binary::Engine;
use glassbox_tests::leftovers::Count;
use serde_json::Value;

/// Started one after the other.
const QUEUE: usize = 500;

/// Started at the same moment.
const CROWD: usize = 200;

/// How long what was ended may take to be gone: long, because a machine may be slow.
const PATIENCE: Duration = Duration::from_secs(120);

fn scaled(count: usize) -> usize {
    if std::env::var_os("GLASSBOX_VM").is_some() { count / 10 } else { count }
}

/// xorshift64: the same numbers on every machine.
struct Numbers(u64);

impl Numbers {
    fn new() -> Numbers {
        let seed = std::env::var("GLASSBOX_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1_u64);
        Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

#[test]
fn five_hundred_as_fast_as_they_go() -> Result<()> {
    apart("five_hundred_as_fast_as_they_go", || {
        let (engine, count) = (Engine::new()?, scaled(QUEUE));
        engine.succeed("run --rm --network none toolbox true")?;
        let nothing = Count::now(&engine.root());
        let start = Instant::now();
        for number in 0..count {
            engine.succeed(&format!("run -d --name c{number} --network none toolbox sleep 100000"))?;
        }
        eprintln!("{count} containers started in {:.1} s", start.elapsed().as_secs_f64());
        let listed = engine.succeed("ps")?.stdout;
        ensure!(listed.matches("Up ").count() == count, "ps shows {} of {count}", listed.matches("Up ").count());
        end_at_random(&engine, count)?;
        all_is_true(&engine, count)?;
        remove_all(&engine, &nothing)
    })
}

#[test]
fn two_hundred_at_once() -> Result<()> {
    apart("two_hundred_at_once", || {
        let (engine, count) = (Engine::new()?, scaled(CROWD));
        engine.succeed("run --rm --network none toolbox true")?;
        let nothing = Count::now(&engine.root());
        let lines = (0..count).map(|number| format!("run -d --name c{number} --network none toolbox sleep 100000"));
        for (line, ended) in at_once(&engine, lines.collect())? {
            ensure!(ended.0 == Some(0), "{line}: {ended:?}");
        }
        end_at_random(&engine, count)?;
        all_is_true(&engine, count)?;
        remove_all(&engine, &nothing)
    })
}

/// Exit code and stderr.
type Ended = (Option<i32>, String);

/// Carries all lines out at the same time. Answers how each ended.
fn at_once(engine: &Engine, lines: Vec<String>) -> Result<Vec<(String, Ended)>> {
    let start = |line: String| -> Result<(String, Child)> {
        let words: Vec<&str> = line.split(' ').collect();
        let child = engine.command(&words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        Ok((line, child))
    };
    let children = lines.into_iter().map(start).collect::<Result<Vec<_>>>()?;
    let end = |(line, child): (String, Child)| -> Result<(String, Ended)> {
        let output = child.wait_with_output()?;
        Ok((line, (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())))
    };
    children.into_iter().map(end).collect()
}

/// Two thirds of the containers: by a command, by SIGKILL to the program, by SIGKILL to the monitor, all in the same moment.
fn end_at_random(engine: &Engine, count: usize) -> Result<()> {
    let (mut numbers, mut lines) = (Numbers::new(), Vec::new());
    let records = records(&engine.root())?;
    for number in 0..count {
        let name = format!("c{number}");
        let record = records.get(&name).with_context(|| format!("{name} has no record"))?;
        let pid = |whose: &str| record[whose]["pid"].as_u64().with_context(|| format!("{name} has no {whose}"));
        match numbers.below(9) {
            0 => kill(pid("process")?)?,
            1 => kill(pid("monitor")?)?,
            2 => lines.push(format!("kill {name}")),
            3 => lines.push(format!("stop -t 0 {name}")),
            4 => lines.push(format!("rm -f {name}")),
            5 => lines.push(format!("restart -t 0 {name}")),
            _ => {}
        }
    }
    for (line, ended) in at_once(engine, lines)? {
        ensure!(ended.0 == Some(0), "{line}: {ended:?}");
    }
    Ok(())
}

fn kill(pid: u64) -> Result<()> {
    let status = std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status()?;
    ensure!(status.success(), "kill -KILL {pid}: {status}");
    Ok(())
}

/// What stands on disk, by the containers' names.
fn records(root: &Path) -> Result<BTreeMap<String, Value>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(root.join("containers"))? {
        let record: Value = serde_json::from_slice(&std::fs::read(entry?.path().join("state.json"))?)?;
        all.insert(record["container"]["name"].as_str().unwrap_or_default().to_string(), record);
    }
    Ok(all)
}

/// What is said to run runs, and what is said to have ended is gone; what was killed is soon said to have ended.
fn all_is_true(engine: &Engine, count: usize) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        // Whatever lost its monitor is put right by the next command that looks.
        engine.succeed("ps -a")?;
        let ids = engine.succeed("ps -aq --no-trunc")?.stdout;
        ensure!(!ids.is_empty() && ids.lines().count() <= count, "{} of {count} are listed", ids.lines().count());
        let words: Vec<&str> = ["inspect"].into_iter().chain(ids.lines()).collect();
        let shown: Value = serde_json::from_str(&engine.run_words(&words)?.stdout)?;
        let wrong: Vec<String> = shown.as_array().into_iter().flatten().filter_map(wrong_in).collect();
        if wrong.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("{} records do not say what is true:\n{}", wrong.len(), wrong.join("\n"));
        }
        std::thread::yield_now();
    }
}

fn wrong_in(shown: &Value) -> Option<String> {
    let state = &shown["State"];
    let pid = state["Pid"].as_u64().unwrap_or_default();
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let lives = pid != 0 && !text.is_empty() && !text.contains(") Z ") && !text.contains(") X ");
    let says = state["Running"].as_bool().unwrap_or_default();
    (says != lives).then(|| format!("{}: {state}, but process {pid} {}", shown["Name"], if lives { "lives" } else { "is gone" }))
}

fn remove_all(engine: &Engine, nothing: &Count) -> Result<()> {
    let ids = engine.succeed("ps -aq")?.stdout;
    let words: Vec<&str> = ["rm", "-f"].into_iter().chain(ids.lines()).collect();
    let removed = engine.run_words(&words)?;
    ensure!(removed.code == Some(0), "rm -f: {:?} {}", removed.code, removed.stderr);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = Count::now(&engine.root()).since(nothing);
        if left.is_empty() {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{} things are left:\n{}", left.len(), left.join("\n"));
        std::thread::yield_now();
    }
}
