//! The two kernels a fixture is run by, behind one face: the model (a [`Session`]) and Linux (the `glassbox` binary).

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use glassbox_core::cli::Invocation;
use glassbox_core::event::Event;
use glassbox_core::host::HostFacts;
use glassbox_core::query::{Answer, Query};
use glassbox_core::session::{Input, Progress, Role, Session};

use crate::fixture::Exchange;

/// What a kernel showed for one command.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    /// stdout, stderr, exit code.
    pub exchange: Exchange,
    /// Events of the command itself, in order.
    pub events: Vec<Event>,
    /// Events of the monitors of containers, in order.
    pub monitor_events: Vec<Event>,
    /// Every question of the battery with its answer; an errno's name where there was none.
    pub answers: Vec<(Query, Result<Answer, String>)>,
}

/// Something that can carry out the commands of a fixture, one after the other.
pub trait Machine {
    /// What it is called in a report.
    fn name(&self) -> &str;
    /// Carries out one command and looks at what it left.
    fn run(&mut self, exchange: &Exchange) -> Result<Shown>;
    /// The data root, for normalising.
    fn data_root(&self) -> String;
}

/// The model kernel.
pub struct Model {
    session: Session,
    host: HostFacts,
}

/// The most entries that one command of a fixture may take.
const STEPS_MAX: usize = 5_000;

impl Model {
    /// A model of the machine with these facts.
    pub fn new(host: &HostFacts) -> Model {
        Model { session: Session::new(host.clone()), host: host.clone() }
    }

    fn finish(&mut self, stdin: &str) -> i32 {
        let mut input = Some(stdin);
        for _ in 0..STEPS_MAX {
            match self.session.progress() {
                Progress::Ready(code) => return code,
                Progress::Running => {
                    self.session.step();
                }
                Progress::NeedsInput => match input.take() {
                    Some(text) if !text.is_empty() => self.session.give(&Input::Bytes(text.as_bytes().to_vec())),
                    _ => self.session.give(&Input::End),
                },
                Progress::Stuck => self.session.give(&Input::Interrupt),
            }
        }
        -1
    }
}

impl Machine for Model {
    fn name(&self) -> &str {
        "the model"
    }

    fn data_root(&self) -> String {
        self.host.data_root.clone()
    }

    fn run(&mut self, exchange: &Exchange) -> Result<Shown> {
        let from = self.session.position();
        let printed = self.session.world().output().len();
        self.session.submit(&exchange.line);
        let exit_code = self.finish(&exchange.stdin);
        let mut shown = Shown { exchange: Exchange { exit_code, ..exchange.clone() }, ..Shown::default() };
        shown.exchange.stdout.clear();
        shown.exchange.stderr.clear();
        for chunk in self.session.world().output().iter().skip(printed) {
            match chunk.stream {
                glassbox_core::session::Stream::Stdout => shown.exchange.stdout.push_str(&chunk.text),
                glassbox_core::session::Stream::Stderr => shown.exchange.stderr.push_str(&chunk.text),
                glassbox_core::session::Stream::Prompt => {}
            }
        }
        for entry in &self.session.timeline()[from..self.session.position()] {
            let to = if entry.role == Role::Command { &mut shown.events } else { &mut shown.monitor_events };
            to.extend(entry.events.iter().cloned());
        }
        let world = self.session.world();
        shown.answers = crate::battery::ask(world.state(), &world.probe());
        Ok(shown)
    }
}

/// Linux, by the `glassbox` binary, with a data root of its own.
pub struct Linux {
    binary: PathBuf,
    root: PathBuf,
}

impl Linux {
    /// `root`: an empty directory, removed by the caller.
    pub fn new(binary: &Path, root: &Path) -> Linux {
        Linux { binary: binary.to_path_buf(), root: root.to_path_buf() }
    }

    /// The machine's facts, as the binary reads them off.
    pub fn facts(&self) -> Result<HostFacts> {
        let output = self.command(&["facts".to_string()]).output().context("glassbox facts")?;
        serde_json::from_slice(&output.stdout).context("the output of glassbox facts")
    }

    fn command(&self, arguments: &[String]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).env_clear().env("GLASSBOX_ROOT", &self.root).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.current_dir("/");
        command
    }

    fn execute(&self, exchange: &Exchange, record: &Path) -> Result<Exchange> {
        let invocation: Invocation = match glassbox_core::cli::parse_line(&exchange.line) {
            Ok(invocation) => invocation,
            Err(error) => {
                return Ok(Exchange { stderr: error.message, stdout: String::new(), exit_code: error.exit_code, ..exchange.clone() });
            }
        };
        let words = crate::words::of(&invocation.words.text)?;
        let mut command = self.command(&words);
        command.env("GLASSBOX_RECORD", record).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("starting glassbox")?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read its input ends first: that is no failure.
            let _ = stdin.write_all(exchange.stdin.as_bytes());
        }
        let output = child.wait_with_output()?;
        let Some(exit_code) = output.status.code() else { bail!("glassbox was ended: {}", output.status) };
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Exchange { stdout: text(output.stdout), stderr: text(output.stderr), exit_code, ..exchange.clone() })
    }

    fn probe(&self) -> Result<Vec<(Query, Result<Answer, String>)>> {
        let output = self.command(&["probe".to_string()]).output().context("glassbox probe")?;
        serde_json::from_slice(&output.stdout).context("the output of glassbox probe")
    }
}

impl Machine for Linux {
    fn name(&self) -> &str {
        "Linux"
    }

    fn data_root(&self) -> String {
        self.root.to_string_lossy().into_owned()
    }

    fn run(&mut self, exchange: &Exchange) -> Result<Shown> {
        let record = self.root.with_extension("record");
        let _ = std::fs::remove_file(&record);
        let mut shown = Shown { exchange: self.execute(exchange, &record)?, ..Shown::default() };
        let text = std::fs::read_to_string(&record).unwrap_or_default();
        for line in text.lines().skip(1) {
            let value: serde_json::Value = serde_json::from_str(line).with_context(|| format!("a line of the record: {line}"))?;
            let events: Vec<Event> = serde_json::from_value(value["events"].clone())?;
            let monitor = value["role"] == "monitor";
            if monitor { shown.monitor_events.extend(events) } else { shown.events.extend(events) }
        }
        shown.answers = self.probe()?;
        Ok(shown)
    }
}
