//! The two kernels a fixture is run by, behind one face: the model (a [`Session`]) and Linux (the `glassbox` binary).

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use glassbox_core::event::Event;
use glassbox_core::host::HostFacts;
use glassbox_core::model::{Container, Status};
use glassbox_core::query::{Answer, Query};
use glassbox_core::session::{Input, Progress, Recording, Role, Session, Stream, joined};

use crate::fixture::Exchange;
use crate::network::Network;
use crate::still;

/// What a kernel showed for one command.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    /// stdout, stderr, exit code.
    pub exchange: Exchange,
    /// Events of the command itself, in order.
    pub events: Vec<Event>,
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
    /// For each command so far: the events of the monitor of the container that it started, in order.
    fn monitor_events(&mut self) -> Result<Vec<Vec<Event>>>;
}

/// The model kernel.
pub struct Model {
    session: Session,
    host: HostFacts,
    commands: usize,
}

/// The most entries that one command of a fixture may take.
const STEPS_MAX: usize = 5_000;

impl Model {
    /// A model of the machine with these facts.
    pub fn new(host: &HostFacts) -> Model {
        Model { session: Session::new(host.clone()), host: host.clone(), commands: 0 }
    }

    /// What was typed so far.
    pub fn recording(&self) -> &Recording {
        self.session.recording()
    }

    fn finish(&mut self, stdin: &[u8]) -> i32 {
        let mut input = Some(stdin);
        for _ in 0..STEPS_MAX {
            match self.session.progress() {
                Progress::Ready(code) => return code,
                Progress::Running => {
                    self.session.step();
                }
                Progress::NeedsInput => match input.take() {
                    Some(bytes) if !bytes.is_empty() => self.session.give(&Input::Bytes(bytes.to_vec())),
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

    fn monitor_events(&mut self) -> Result<Vec<Vec<Event>>> {
        let mut all = vec![Vec::new(); self.commands];
        for entry in self.session.timeline().iter().filter(|entry| entry.role == Role::Monitor) {
            if let Some(events) = all.get_mut(entry.command) {
                events.extend(entry.events.iter().cloned());
            }
        }
        Ok(all)
    }

    fn run(&mut self, exchange: &Exchange) -> Result<Shown> {
        let from = self.session.position();
        let printed = self.session.world().output().len();
        self.session.submit(&exchange.line);
        let exit_code = self.finish(exchange.input());
        let restarting = |container: &Container| container.state.status == Status::Restarting;
        if self.session.world().state().containers.values().any(restarting) {
            self.session.give(&Input::Rest);
            self.finish(&[]);
        }
        let mut shown = Shown { exchange: Exchange { exit_code, ..exchange.clone() }, ..Shown::default() };
        shown.exchange.stdout.clear();
        shown.exchange.stderr.clear();
        for chunk in joined(self.session.world().output().iter().skip(printed)) {
            match chunk.stream {
                Stream::Stdout => shown.exchange.written.extend_from_slice(&chunk.bytes),
                Stream::Stderr => shown.exchange.stderr.push_str(&chunk.text()),
                Stream::Prompt => {}
            }
        }
        shown.exchange.stdout = String::from_utf8_lossy(&shown.exchange.written).into_owned();
        let entries = &self.session.timeline()[from..self.session.position()];
        let own = entries.iter().filter(|entry| entry.role == Role::Command);
        shown.events = own.flat_map(|entry| entry.events.iter().cloned()).collect();
        self.commands += 1;
        let world = self.session.world();
        shown.answers = glassbox_core::query::battery::ask(world.state(), &world.probe());
        Ok(shown)
    }
}

/// Linux, by the `glassbox` binary, with a data root of its own.
pub struct Linux {
    binary: PathBuf,
    root: PathBuf,
    records: Vec<PathBuf>,
    network: Option<Network>,
}

impl Linux {
    /// `root`: an empty directory, removed by the caller. As root it has a network namespace of its own.
    pub fn new(binary: &Path, root: &Path) -> Result<Linux> {
        let network = Network::new()?;
        Ok(Linux { binary: binary.to_path_buf(), root: root.to_path_buf(), records: Vec::new(), network })
    }

    /// The machine's facts, as the binary reads them off.
    pub fn facts(&self) -> Result<HostFacts> {
        let output = self.command(&["facts".to_string()]).output().context("glassbox facts")?;
        serde_json::from_slice(&output.stdout).context("the output of glassbox facts")
    }

    /// Runs these words to their end, without input.
    pub fn words(&self, words: &[&str]) -> Result<Exchange> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_string()).collect();
        let output = self.command(&words).stdin(Stdio::null()).output().context("starting glassbox")?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let exit_code = output.status.code().unwrap_or(-1);
        Ok(Exchange { stdout: text(output.stdout), stderr: text(output.stderr), exit_code, ..Exchange::default() })
    }

    fn command(&self, arguments: &[String]) -> Command {
        let mut command = self.network.as_ref().map_or_else(|| Command::new(&self.binary), |network| network.command(&self.binary));
        command
            .args(arguments)
            .env_clear()
            .env("TZ", "UTC0")
            .env("GLASSBOX_ROOT", &self.root)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.current_dir("/");
        command
    }

    fn execute(&self, exchange: &Exchange, record: &Path) -> Result<Exchange> {
        let words = glassbox_core::cli::words_of(&exchange.line).map_err(|error| anyhow::anyhow!(error.message))?;
        let mut command = self.command(&words);
        command.env("GLASSBOX_RECORD", record).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("starting glassbox")?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read its input ends first: that is no failure.
            let _ = stdin.write_all(exchange.input());
        }
        let output = child.wait_with_output()?;
        let Some(exit_code) = output.status.code() else { bail!("glassbox was ended: {}", output.status) };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        Ok(Exchange { stdout, stderr, exit_code, written: output.stdout, ..exchange.clone() })
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

    fn monitor_events(&mut self) -> Result<Vec<Vec<Event>>> {
        self.records.iter().map(|record| recorded(record, "monitor")).collect()
    }

    fn run(&mut self, exchange: &Exchange) -> Result<Shown> {
        let record = self.root.with_extension(format!("record-{}", self.records.len()));
        self.records.push(record.clone());
        let exchange = self.execute(exchange, &record)?;
        still::wait(&self.root)?;
        Ok(Shown { exchange, events: recorded(&record, "command")?, answers: self.probe()? })
    }
}

impl Drop for Linux {
    fn drop(&mut self) {
        for record in &self.records {
            let _ = std::fs::remove_file(record);
        }
    }
}

/// The events of a role in a record; none where the command was refused before there was one.
fn recorded(record: &Path, role: &str) -> Result<Vec<Event>> {
    let text = std::fs::read_to_string(record).unwrap_or_default();
    let mut all = Vec::new();
    for line in text.lines().skip(1) {
        let value: serde_json::Value = serde_json::from_str(line).with_context(|| format!("a line of the record: {line}"))?;
        if value["role"] == role {
            all.extend(serde_json::from_value::<Vec<Event>>(value["events"].clone())?);
        }
    }
    Ok(all)
}
