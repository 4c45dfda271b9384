//! Sessions of the live engine: a command at a terminal of its own, which the page types into, reads and resizes.
//!
//! ```text
//! start {line, size} ─▶ pty + glassbox ─▶ id        at {id, input, size, known} ─▶ what is new: output, recorded steps, the end
//! ```
//!
//! The page asks again and again; a session that nobody asks about any more is ended.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::pty::{self, OpenptFlags};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::{Value, json};

use crate::{process, workspace};

/// Sessions at a time.
const SESSIONS_MAX: usize = 8;
/// A page that does not ask for so long is gone.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// For how long an answer waits for something new.
const NEWS_MAX: Duration = Duration::from_millis(150);
/// For how long the output of a program that has ended is read on.
const LEFT_BEHIND: Duration = Duration::from_millis(500);
/// Output that the page has not fetched yet; then the program waits.
const BACKLOG_BYTES_MAX: usize = 256 * 1024;
const RECORDING_BYTES_MAX: u64 = 16 * 1024 * 1024;
const TICK: Duration = Duration::from_millis(5);

/// All that are at work.
#[derive(Default)]
pub struct Sessions {
    all: Mutex<Numbered>,
}

#[derive(Default)]
struct Numbered {
    last: u64,
    at_work: BTreeMap<u64, Arc<Mutex<Session>>>,
}

impl Sessions {
    /// Starts the program with these words; answers the session's number.
    pub fn start(&self, binary: &Path, words: &[String], asked: &Value) -> Result<u64> {
        let mut all = self.all.lock().map_err(|_| anyhow::anyhow!("the sessions are broken"))?;
        all.at_work.retain(|_, session| session.lock().is_ok_and(|mut session| !session.is_forgotten()));
        ensure!(all.at_work.len() < SESSIONS_MAX, "more than {SESSIONS_MAX} commands at a time (SESSIONS_MAX); end one of them");
        let session = Session::start(binary, words, size(asked).unwrap_or((24, 80)))?;
        all.last += 1;
        let number = all.last;
        all.at_work.insert(number, Arc::new(Mutex::new(session)));
        Ok(number)
    }

    /// Types and resizes as asked, and tells what is new.
    pub fn at(&self, number: u64, asked: &Value) -> Result<Value> {
        let found = self.all.lock().ok().and_then(|all| all.at_work.get(&number).cloned());
        let session = found.context("this session is over")?;
        let answer = session.lock().map_err(|_| anyhow::anyhow!("the session is broken"))?.at(asked)?;
        if answer["ended"] == json!(true)
            && let Ok(mut all) = self.all.lock()
        {
            all.at_work.remove(&number);
        }
        Ok(answer)
    }
}

/// A program at its terminal. Dropped, the terminal is hung up and the program asked to end.
struct Session {
    child: Child,
    /// The page's side.
    master: File,
    /// Held while the program runs: else a terminal that nobody has open for a moment would count as hung up.
    slave: Option<File>,
    output: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
    place: tempfile::TempDir,
    asked: Instant,
}

impl Session {
    fn start(binary: &Path, words: &[String], size: (u16, u16)) -> Result<Session> {
        let place = tempfile::tempdir()?;
        let (master, slave) = open_terminal().context("no terminal")?;
        resize(&slave, size)?;
        // setsid(1) makes the terminal the controlling one, so that ^C and hanging up reach the program. A server that a shell
        // started in the background (`&`) ignores both keys' signals, and what is ignored stays so over exec(2): env(1) ends that.
        let mut command = process::program("setsid");
        command.args(["--ctty", "env", "--default-signal=INT,QUIT"]).arg(binary).args(words);
        command.env("GLASSBOX_ROOT", workspace::target().join("live")).env("GLASSBOX_RECORD", place.path().join("recording.json"));
        command
            .stdin(Stdio::from(slave.try_clone()?))
            .stdout(Stdio::from(slave.try_clone()?))
            .stderr(Stdio::from(slave.try_clone()?));
        let child = command.spawn().context("cannot start the glassbox binary")?;
        let output = Arc::new(Mutex::new(Vec::new()));
        let (from, into) = (master.try_clone()?, Arc::clone(&output));
        let reader = std::thread::spawn(move || read_all(from, &into));
        Ok(Session { child, master, slave: Some(slave), output, reader, place, asked: Instant::now() })
    }

    fn is_forgotten(&mut self) -> bool {
        self.asked.elapsed() > SILENCE_MAX
    }

    fn at(&mut self, asked: &Value) -> Result<Value> {
        self.asked = Instant::now();
        if let (Some(size), Some(slave)) = (size(asked), &self.slave) {
            resize(slave, size)?;
        }
        if let Some(input) = asked["input"].as_str() {
            self.master.write_all(input.as_bytes())?;
        }
        let known = asked["known"].as_u64().and_then(|known| usize::try_from(known).ok()).unwrap_or(0);
        let exit = self.wait_for_news(known)?;
        if exit.is_some() {
            self.slave = None;
            let deadline = Instant::now() + LEFT_BEHIND;
            while !self.reader.is_finished() && Instant::now() < deadline {
                std::thread::sleep(TICK);
            }
        }
        let recording = self.recorded(known);
        Ok(
            json!({ "output": self.take_output(exit.is_some()), "recording": recording, "ended": exit.is_some(), "exit": exit.flatten() }),
        )
    }

    /// Until there is output, a step or the end, but not for long. The exit code, once there is one.
    fn wait_for_news(&mut self, known: usize) -> Result<Option<Option<i32>>> {
        let deadline = Instant::now() + NEWS_MAX;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status.code()));
            }
            let has_output = self.output.lock().is_ok_and(|output| !output.is_empty());
            if has_output || Instant::now() > deadline || !self.recorded(known).is_empty() {
                return Ok(None);
            }
            std::thread::sleep(TICK);
        }
    }

    /// What was recorded beyond the first `known` lines.
    fn recorded(&self, known: usize) -> Vec<Value> {
        let path = self.place.path().join("recording.json");
        let is_bounded = std::fs::metadata(&path).is_ok_and(|file| file.len() <= RECORDING_BYTES_MAX);
        let text = if is_bounded { std::fs::read_to_string(path).unwrap_or_default() } else { String::new() };
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole.skip(known).filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// A character that has not come wholly yet is left for the next time, unless there is none.
    fn take_output(&self, last: bool) -> String {
        let Ok(mut output) = self.output.lock() else { return String::new() };
        let end = match std::str::from_utf8(&output) {
            Err(error) if error.error_len().is_none() && !last => error.valid_up_to(),
            _ => output.len(),
        };
        String::from_utf8_lossy(&output.drain(..end).collect::<Vec<u8>>()).into_owned()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Its own handler of SIGTERM rolls back what is half done.
            let _ = process::run_quietly(process::program("kill").args(["-TERM", &self.child.id().to_string()]));
        }
    }
}

fn size(asked: &Value) -> Option<(u16, u16)> {
    let side = |at: usize| asked["size"][at].as_u64().and_then(|side| u16::try_from(side).ok()).filter(|side| *side > 0);
    Some((side(0)?, side(1)?))
}

fn open_terminal() -> Result<(File, File)> {
    let master = pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    pty::grantpt(&master)?;
    pty::unlockpt(&master)?;
    let name = pty::ptsname(&master, Vec::new())?.into_string()?;
    let slave = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOCTTY).open(name)?;
    Ok((File::from(master), slave))
}

/// Rows and columns; Linux tells the foreground processes with SIGWINCH.
fn resize(slave: &File, (rows, columns): (u16, u16)) -> Result<()> {
    tcsetwinsize(slave, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 })?;
    Ok(())
}

/// Reads until the terminal is hung up (EIO).
fn read_all(mut from: File, into: &Mutex<Vec<u8>>) {
    let mut chunk = [0; 8192];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return,
            Ok(length) => {
                while into.lock().is_ok_and(|backlog| backlog.len() > BACKLOG_BYTES_MAX) {
                    std::thread::sleep(TICK);
                }
                let Ok(mut backlog) = into.lock() else { return };
                backlog.extend_from_slice(&chunk[..length]);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn until_the_end(sessions: &Sessions, number: u64, first: Value) -> (String, Value) {
        let (mut output, mut asked) = (String::new(), first);
        loop {
            let answer = sessions.at(number, &asked).unwrap();
            output.push_str(answer["output"].as_str().unwrap());
            if answer["ended"] == json!(true) {
                return (output, answer);
            }
            asked = json!({});
        }
    }

    fn shell(sessions: &Sessions, script: &str, size: Value) -> u64 {
        sessions.start(Path::new("/bin/sh"), &["-c".to_string(), script.to_string()], &json!({ "size": size })).unwrap()
    }

    #[test]
    fn a_program_has_a_terminal_that_is_typed_into_and_resized() {
        let sessions = Sessions::default();
        let number = shell(&sessions, "tty -s && stty size; read answer; stty size; echo got $answer; exit 3", json!([30, 100]));
        let (output, end) = until_the_end(&sessions, number, json!({ "size": [41, 77], "input": "käse\n" }));
        assert!(output.ends_with("41 77\r\ngot käse\r\n"), "{output}");
        assert_eq!(end["exit"], json!(3));
        assert!(sessions.at(number, &json!({})).is_err());
    }

    #[test]
    fn control_c_interrupts_it() {
        let sessions = Sessions::default();
        let number = shell(&sessions, "trap 'exit 9' INT; echo ready; while :; do sleep 0.01; done", json!([24, 80]));
        while !sessions.at(number, &json!({})).unwrap()["output"].as_str().unwrap().contains("ready") {}
        let (_, end) = until_the_end(&sessions, number, json!({ "input": "\u{3}" }));
        assert_eq!(end["exit"], json!(9));
    }
}
