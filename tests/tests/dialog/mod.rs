//! A talk with the step debugger over pipes: an order goes in, its answer comes out up to the next prompt.

use std::fs;
use std::io::{PipeWriter, Read, Write, pipe};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

const PROMPT: &str = "(glassbox) ";

/// An answer that takes longer is none: the test fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// What an order brought, without the prompt.
#[derive(Clone, Debug)]
pub struct Answer(pub String);

impl Answer {
    /// How many carried-out steps say whether prediction and observation agree.
    pub fn verdicts(&self) -> usize {
        let verdict = |line: &&str| ["predicted by the model: the same", "model and Linux differ"].contains(&line.trim());
        self.0.lines().filter(verdict).count()
    }

    /// At least one step was carried out, and of all of them the model had predicted what Linux shows.
    pub fn steps_agree(&self) -> Result<()> {
        ensure!(self.verdicts() > 0, "no step was carried out: {}", self.0);
        self.none_differs()
    }

    /// Of the steps that were carried out, if any, the model had predicted what Linux shows.
    pub fn none_differs(&self) -> Result<()> {
        ensure!(!self.0.contains("model and Linux differ") && !self.0.contains("cannot tell"), "they differ: {}", self.0);
        Ok(())
    }

    /// The step before which the debugger stands.
    pub fn upcoming(&self) -> String {
        self.0.lines().last().unwrap_or_default().trim().to_string()
    }
}

/// A debugger at work.
pub struct Dialog {
    child: Child,
    input: Option<PipeWriter>,
    output: Receiver<Vec<u8>>,
    /// Everything that was said.
    all: String,
    /// Where in it the next answer begins.
    read: usize,
    ended: bool,
    last: Answer,
}

impl Dialog {
    /// Starts `command` and reads to the first prompt. stdout and stderr are one stream, as on a terminal.
    pub fn start(mut command: Command) -> Result<Dialog> {
        let (theirs, input) = pipe()?;
        let (mut reader, writer) = pipe()?;
        let child = command.stdin(theirs).stdout(writer.try_clone()?).stderr(writer).spawn().context("starting glassbox")?;
        // It holds the other side's ends.
        drop(command);
        let (sender, output) = channel();
        thread::spawn(move || {
            let mut block = [0; 4096];
            while let Ok(length) = reader.read(&mut block) {
                if sender.send(block[..length].to_vec()).is_err() || length == 0 {
                    return;
                }
            }
        });
        let input = Some(input);
        let mut dialog = Dialog { child, input, output, all: String::new(), read: 0, ended: false, last: Answer(String::new()) };
        dialog.read_prompt()?;
        Ok(dialog)
    }

    /// An order and its answer.
    pub fn order(&mut self, order: &str) -> Result<Answer> {
        self.type_line(order)?;
        self.read_prompt()
    }

    /// A line to whoever reads now.
    pub fn type_line(&mut self, line: &str) -> Result<()> {
        let input = self.input.as_mut().context("the input has ended")?;
        writeln!(input, "{line}").with_context(|| format!("typing {line}; so far:\n{}", self.all))
    }

    /// Everything else that its standard input holds.
    pub fn pour(mut self, bytes: &[u8]) -> Result<(Option<i32>, String)> {
        self.input.take().context("the input has ended")?.write_all(bytes)?;
        self.end()
    }

    /// What is said up to the next prompt, or to the end.
    pub fn read_prompt(&mut self) -> Result<Answer> {
        let text = self.read_until(PROMPT)?;
        let answer = Answer(text.strip_suffix(PROMPT).unwrap_or(&text).to_string());
        self.last = answer.clone();
        Ok(answer)
    }

    /// What is said up to and with `end`, or to the end of all.
    pub fn read_until(&mut self, end: &str) -> Result<String> {
        loop {
            let new = &self.all[self.read..];
            if let Some(at) = new.find(end) {
                let text = new[..at + end.len()].to_string();
                self.read += text.len();
                return Ok(text);
            }
            if self.ended {
                let text = new.to_string();
                self.read = self.all.len();
                return Ok(text);
            }
            self.receive()?;
        }
    }

    fn receive(&mut self) -> Result<()> {
        match self.output.recv_timeout(PATIENCE) {
            Ok(bytes) if bytes.is_empty() => self.ended = true,
            Ok(bytes) => self.all.push_str(&String::from_utf8_lossy(&bytes)),
            Err(_) => bail!("no answer; so far:\n{}", self.all),
        }
        Ok(())
    }

    /// The step before which it stands.
    pub fn upcoming(&self) -> String {
        self.last.upcoming()
    }

    /// It has said its last word.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// The process that becomes the container, as the kernel tells: the debugger's child that is no zombie.
    pub fn child(&self) -> Result<Option<u32>> {
        let pid = self.child.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        Ok(children.split_whitespace().next().map(str::parse).transpose()?)
    }

    /// Carries out all that is left; exit code, and everything that was said from the first prompt on.
    pub fn go_on_to_the_end(mut self) -> Result<(Option<i32>, String)> {
        let answer = self.order("continue")?;
        ensure!(self.ended, "it asks for more: {}", answer.0);
        self.end()
    }

    /// No more input: exit code, and everything that was said.
    pub fn end(mut self) -> Result<(Option<i32>, String)> {
        self.input = None;
        while !self.ended {
            self.receive()?;
        }
        Ok((self.child.wait()?.code(), std::mem::take(&mut self.all)))
    }
}

impl Drop for Dialog {
    fn drop(&mut self) {
        // Of a failed test: the container's process dies with the debugger.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
