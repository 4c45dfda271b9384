//! The live engine: one command line, run by the glassbox binary on this machine's kernel, and what came of it as JSON.
//!
//! No shell sees the line: the core's own parser splits it. One command runs at a time, with a data root of its own under
//! `target/`, and both its time and its output are bounded.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::session::Sessions;
use crate::{engine, process, workspace};

const TIME_MAX: Duration = Duration::from_secs(30);
/// After this long past the first signal it is killed.
const GRACE: Duration = Duration::from_secs(3);
const OUTPUT_BYTES_MAX: usize = 256 * 1024;
/// For how long the output of a program that has ended is read on.
const LEFT_BEHIND: Duration = Duration::from_millis(500);
const RECORDING_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The engine, or the reason why there is none.
pub struct Engine {
    binary: Result<PathBuf, String>,
    one_at_a_time: Mutex<()>,
    time_max: Duration,
    sessions: Sessions,
}

impl Engine {
    /// Builds the Linux binary.
    pub fn build() -> Engine {
        let binary = if cfg!(target_os = "linux") { build() } else { Err("not available: this is not Linux".into()) };
        Engine { binary, one_at_a_time: Mutex::new(()), time_max: TIME_MAX, sessions: Sessions::default() }
    }

    /// The Linux binary that was built last.
    pub fn built() -> Engine {
        let static_one = format!("{}/release", engine::triple());
        let all = ["debug", &static_one].map(|folder| workspace::target().join(folder).join("glassbox"));
        let built_at = |path: &PathBuf| std::fs::metadata(path).and_then(|file| file.modified()).ok();
        let newest = all.into_iter().filter(|path| built_at(path).is_some()).max_by_key(built_at);
        let binary = newest.ok_or_else(|| "not available: no glassbox binary is built".to_string());
        Engine { binary, one_at_a_time: Mutex::new(()), time_max: TIME_MAX, sessions: Sessions::default() }
    }

    /// Runs one line, as `docker run …` or `glassbox run …`.
    ///
    /// The answer: `{"available", "exit", "stdout", "stderr", "truncated", "timed_out", "recording"}`, or
    /// `{"available": false, "why"}`. `recording` is the list of what the binary recorded: the format, then each leaf step with
    /// its events; empty if it recorded nothing, or too much.
    pub fn run(&self, line: &str) -> Value {
        let binary = match &self.binary {
            Ok(binary) => binary,
            Err(why) => return json!({ "available": false, "why": why }),
        };
        let words = match glassbox_core::cli::words_of(line) {
            Ok(words) => words,
            Err(error) => return refused(&error.message, error.exit_code),
        };
        let _one = self.one_at_a_time.lock();
        match self.run_words(binary, &words) {
            Ok(answer) => answer,
            Err(error) => json!({ "available": false, "why": format!("{error:#}") }),
        }
    }

    /// Starts one line at a terminal of its own. The answer: `{"available", "id"}`, or `{"available": false, "why"}`.
    pub fn start(&self, line: &str, asked: &Value) -> Value {
        let started = match (&self.binary, glassbox_core::cli::words_of(line)) {
            (Err(why), _) => Err(why.clone()),
            (Ok(_), Err(error)) => Err(error.message),
            (Ok(binary), Ok(words)) => self.sessions.start(binary, &words, asked).map_err(|error| format!("{error:#}")),
        };
        match started {
            Ok(id) => json!({ "available": true, "id": id }),
            Err(why) => json!({ "available": false, "why": why }),
        }
    }

    /// What is new in a session: `{"available", "output", "recording", "ended", "exit"}`; `asked` may hold `input`, `size` as
    /// rows and columns, and in `known` how many lines of the recording have been fetched.
    pub fn at(&self, asked: &Value) -> Value {
        match self.sessions.at(asked["id"].as_u64().unwrap_or(0), asked) {
            Ok(answer) => answer,
            Err(error) => json!({ "available": false, "why": format!("{error:#}"), "ended": true }),
        }
    }

    fn run_words(&self, binary: &Path, words: &[String]) -> Result<Value> {
        let place = tempfile::tempdir()?;
        let record = place.path().join("recording.json");
        let mut command = process::program(&binary.to_string_lossy());
        command.args(words).env("GLASSBOX_ROOT", workspace::target().join("live")).env("GLASSBOX_RECORD", &record);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("cannot start the glassbox binary")?;
        let stdout = child.stdout.take().map(Output::of);
        let stderr = child.stderr.take().map(Output::of);
        let (exit, timed_out) = wait(&mut child, self.time_max)?;
        let text = |output: Option<Output>| output.map(|output| output.take()).unwrap_or_default();
        let ((stdout, more), (stderr, even_more)) = (text(stdout), text(stderr));
        let truncated = more || even_more;
        let recording = recording(&record);
        Ok(json!({
            "available": true, "exit": exit, "stdout": stdout, "stderr": stderr,
            "truncated": truncated, "timed_out": timed_out, "recording": recording,
        }))
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.binary {
            Ok(_) if process::is_root() => write!(f, "this machine's kernel, as root"),
            Ok(_) => write!(f, "this machine's kernel, rootless"),
            Err(why) => write!(f, "{why}; the page runs in the model kernel"),
        }
    }
}

fn build() -> Result<PathBuf, String> {
    engine::build().map_err(|error| format!("not available: {error:#}"))
}

fn refused(message: &str, exit: i32) -> Value {
    json!({
        "available": true, "exit": exit, "stdout": "", "stderr": message,
        "truncated": false, "timed_out": false, "recording": [],
    })
}

/// The lines that the binary recorded.
fn recording(path: &Path) -> Vec<Value> {
    let is_bounded = std::fs::metadata(path).is_ok_and(|file| file.len() <= RECORDING_BYTES_MAX);
    let text = if is_bounded { std::fs::read_to_string(path).unwrap_or_default() } else { String::new() };
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// What a program writes, collected beside it: its first bytes, and how many there were in all.
struct Output {
    bytes: Arc<Mutex<(Vec<u8>, usize)>>,
    reader: JoinHandle<()>,
}

impl Output {
    fn of(mut pipe: impl Read + Send + 'static) -> Output {
        let bytes = Arc::new(Mutex::new((Vec::new(), 0)));
        let collected = Arc::clone(&bytes);
        let reader = std::thread::spawn(move || {
            let mut chunk = [0; 8192];
            while let Ok(length @ 1..) = pipe.read(&mut chunk) {
                let Ok(mut all) = collected.lock() else { return };
                let room = OUTPUT_BYTES_MAX - all.0.len();
                all.0.extend_from_slice(&chunk[..length.min(room)]);
                all.1 += length;
            }
        });
        Output { bytes, reader }
    }

    /// The text, and whether there was more. A process that was left behind may hold the pipe open: it is not waited for.
    fn take(&self) -> (String, bool) {
        let deadline = Instant::now() + LEFT_BEHIND;
        while !self.reader.is_finished() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        let Ok(all) = self.bytes.lock() else { return Default::default() };
        (String::from_utf8_lossy(&all.0).into_owned(), all.1 > all.0.len())
    }
}

/// Waits for the end; past the time asks it to end, and past the grace kills it.
fn wait(child: &mut Child, time_max: Duration) -> Result<(Option<i32>, bool)> {
    let start = Instant::now();
    let mut asked = false;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status.code(), asked));
        }
        if start.elapsed() > time_max && !asked {
            asked = true;
            process::run_quietly(process::program("kill").args(["-TERM", &child.id().to_string()]))?;
        }
        if start.elapsed() > time_max + GRACE {
            child.kill()?;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(test)]
impl Engine {
    /// An engine that runs another program.
    pub fn of(binary: &str, time_max: Duration) -> Engine {
        Engine { binary: Ok(binary.into()), one_at_a_time: Mutex::new(()), time_max, sessions: Sessions::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_without_a_shell() {
        let answer = Engine::of("/bin/echo", TIME_MAX).run("docker run 'a b' ; $(id) > /tmp/x");
        assert_eq!(answer["stdout"], "run a b ; $(id) > /tmp/x\n");
        assert_eq!((&answer["exit"], &answer["truncated"], &answer["recording"]), (&json!(0), &json!(false), &json!([])));
    }

    #[test]
    fn output_and_time_are_bounded() {
        let answer = Engine::of("/usr/bin/seq", TIME_MAX).run("docker 1 100000");
        assert_eq!((answer["truncated"].as_bool(), answer["stdout"].as_str().map(str::len)), (Some(true), Some(256 * 1024)));
        let answer = Engine::of("/bin/sleep", Duration::from_millis(50)).run("docker 60");
        assert_eq!((answer["timed_out"].as_bool(), answer["exit"].as_i64()), (Some(true), None));
    }

    #[test]
    fn a_process_that_is_left_behind_is_not_waited_for() {
        let start = Instant::now();
        let answer = Engine::of("/bin/sh", TIME_MAX).run("docker -c 'echo here; sleep 5 &'");
        assert_eq!((answer["stdout"].as_str(), answer["exit"].as_i64()), (Some("here\n"), Some(0)));
        assert!(start.elapsed() < Duration::from_secs(4));
    }

    #[test]
    fn without_an_engine_the_reason_is_told() {
        let engine = Engine {
            binary: Err("not here".into()),
            one_at_a_time: Mutex::new(()),
            time_max: TIME_MAX,
            sessions: Sessions::default(),
        };
        assert_eq!(engine.run("docker ps"), json!({ "available": false, "why": "not here" }));
    }
}
