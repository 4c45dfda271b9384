//! Traced runs: strace(1) with a file for each process, read back as calls; and strace as the hand that kills at an exact call.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::binary::{Ended, Engine};

/// Traces longer than this are refused.
const TRACE_BYTES_MAX: u64 = 64 << 20;

/// One call as strace printed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traced {
    /// `openat`
    pub name: String,
    /// As printed, without the parentheses.
    pub arguments: Vec<String>,
    /// What stands after ` = `: `3`, `-1 ENOENT (No such file or directory)`, `?`.
    pub result: String,
}

impl Traced {
    /// Reads a line; signals and ends are no calls.
    pub fn parse(line: &str) -> Option<Traced> {
        let (call, result) = line.rsplit_once(" = ")?;
        let (name, rest) = call.trim_end().split_once('(')?;
        let inner = rest.strip_suffix(')')?;
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        is_name.then(|| Traced { name: name.to_string(), arguments: arguments(inner), result: result.to_string() })
    }

    /// It did what it was to do.
    pub fn succeeded(&self) -> bool {
        !self.result.starts_with("-1")
    }
}

/// Splits at the commas that stand neither in a string nor in brackets.
pub fn arguments(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut depth, mut quoted, mut escaped) = (0_i32, false, false);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts.iter().map(|part| part.trim().to_string()).filter(|part| !part.is_empty()).collect()
}

/// The calls of each process, by its number: the first is the one that was started.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// In the order of their numbers.
    pub processes: BTreeMap<u32, Vec<Traced>>,
    /// What the command showed.
    pub ended: Ended,
}

/// Runs `glassbox` with these words under strace, and with all processes that come of it.
pub fn follow(engine: &Engine, words: &[&str]) -> Result<Trace> {
    let directory = tempfile::tempdir_in(engine.scratch())?;
    let prefix = directory.path().join("trace").display().to_string();
    let mut arguments = vec!["-ff", "-qq", "-s", "4096", "-e", "signal=none", "-o", &prefix, "--"];
    let binary = engine.binary().display().to_string();
    arguments.push(&binary);
    arguments.extend(words);
    let ended = engine.program("strace", &arguments).output().context("strace")?.into();
    Ok(Trace { processes: read(directory.path())?, ended })
}

fn read(directory: &Path) -> Result<BTreeMap<u32, Vec<Traced>>> {
    let mut processes = BTreeMap::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let pid = path.extension().and_then(|pid| pid.to_str()?.parse().ok()).context("a trace without a number")?;
        anyhow::ensure!(fs::metadata(&path)?.len() <= TRACE_BYTES_MAX, "the trace {} is too long", path.display());
        let bytes = fs::read(&path)?;
        processes.insert(pid, String::from_utf8_lossy(&bytes).lines().filter_map(Traced::parse).collect());
    }
    Ok(processes)
}

/// Where a process is killed: just before it makes this call for the so-many-th time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KillPoint {
    /// The call's name.
    pub call: String,
    /// Counted from 1.
    pub number: usize,
}

/// Runs `glassbox` with these words and kills its processes at the point: only the engine's first one, or (`all`) each that comes there.
/// `false`: none came there. Waits for the end of all that were followed.
pub fn kill_at(engine: &Engine, words: &[&str], point: &KillPoint, all: bool) -> Result<bool> {
    let log = engine.scratch().join("killed");
    let trace = format!("trace={}", point.call);
    let inject = format!("inject={}:signal=KILL:when={}", point.call, point.number);
    let log_path = log.display().to_string();
    let mut arguments = vec!["-q", "-e", &trace, "-e", &inject, "-o", &log_path];
    if all {
        arguments.push("-f");
    }
    let binary = engine.binary().display().to_string();
    arguments.extend(["--", &binary]);
    arguments.extend(words);
    engine.program("strace", &arguments).output().context("strace")?;
    Ok(String::from_utf8_lossy(&fs::read(&log)?).contains("+++ killed by SIGKILL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_a_call() {
        let line = r#"openat(AT_FDCWD, "/a, (b\"", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or directory)"#;
        let call = Traced::parse(line).unwrap();
        assert_eq!(call.name, "openat");
        assert_eq!(call.arguments, ["AT_FDCWD", r#""/a, (b\"""#, "O_RDONLY|O_CLOEXEC"]);
        assert!(!call.succeeded());
        let clone = Traced::parse("clone3({flags=CLONE_PIDFD, exit_signal=SIGCHLD}, 88) = 12").unwrap();
        assert_eq!(clone.arguments, ["{flags=CLONE_PIDFD, exit_signal=SIGCHLD}", "88"]);
        assert_eq!(Traced::parse("+++ exited with 0 +++"), None);
        assert_eq!(Traced::parse("getpid()                                = 7").unwrap().arguments, [""; 0]);
    }
}
