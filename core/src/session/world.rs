//! `World`: a state and the model kernel beside it, with the commands at work in it. One cheap-to-clone snapshot.

use std::borrow::Cow;
use std::rc::Rc;

use rpds::Vector;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::job::{Job, Role, Turn};
use super::{Entry, Input, Progress};
use crate::apply::apply;
use crate::cli::{self, Invocation, Mode, UsageError};
use crate::diagnosis::steps;
use crate::errno::Errno;
use crate::host::HostFacts;
use crate::layout::Layout;
use crate::model::{Image, Layer, State};
use crate::oci::layer::{OverlayForm, Waste};
use crate::oci::toolbox;
use crate::plan;
use crate::query::{Answer, Probe, Query, Subject};
use crate::sim::{self, Kernel, SimProbe};
use crate::view::dockerfile::DockerfileView;
use crate::view::stack::{self, ImageStack, Shelf};

/// Where a piece of output went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stream {
    /// The prompt and what was typed at it.
    Prompt,
    /// stdout, and everything that a container's terminal shows.
    Stdout,
    /// stderr
    Stderr,
}

/// A piece of what the caller is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Where it went.
    pub stream: Stream,
    /// What, byte by byte: an archive goes through as well as text.
    pub bytes: Vec<u8>,
}

impl Chunk {
    /// Text to `stream`.
    pub fn text_to(stream: Stream, text: &str) -> Chunk {
        Chunk { stream, bytes: text.as_bytes().to_vec() }
    }

    /// As a terminal shows it: what is no UTF-8 is replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// It is no text: a file to be kept rather than something to read.
    pub fn is_binary(&self) -> bool {
        self.bytes.contains(&0) || std::str::from_utf8(&self.bytes).is_err()
    }

    /// It ends within a character, whose rest may come with the next piece.
    fn ends_within_character(&self) -> bool {
        std::str::from_utf8(&self.bytes).is_err_and(|error| error.error_len().is_none())
    }
}

/// The pieces in their order, those put together that share a character.
pub fn joined<'a>(chunks: impl Iterator<Item = &'a Chunk>) -> Vec<Chunk> {
    let mut all: Vec<Chunk> = Vec::new();
    for chunk in chunks {
        match all.last_mut() {
            Some(last) if last.stream == chunk.stream && last.ends_within_character() => last.bytes.extend_from_slice(&chunk.bytes),
            _ => all.push(chunk.clone()),
        }
    }
    all
}

/// The most bytes of output that a world keeps; the oldest go first.
pub const OUTPUT_CHUNKS_MAX: usize = 4_000;
/// How many times programs that nobody waits for get to run before the prompt is given back.
const SETTLE_TURNS_MAX: u32 = 50;
/// And how many turns a person waits for containers that are started again and again.
const REST_TURNS_MAX: u32 = 1_000;

/// What typing a command takes at the least, on the virtual clock.
const COMMAND_NS: u64 = 1_000_000;

/// A snapshot of everything.
#[derive(Clone, Debug)]
pub struct World {
    host: Rc<HostFacts>,
    state: State,
    kernel: Kernel,
    foreground: Option<Job>,
    monitors: Vec<Job>,
    output: Vector<Chunk>,
    /// Commands given so far.
    commands: usize,
    /// Inputs given so far, of any kind.
    pub(super) inputs: usize,
    exit_code: i32,
    settling: u32,
    /// The clock goes on meanwhile, where a container waits to be started again.
    rests: bool,
    line: Rc<str>,
    /// The lines of all commands, by their number.
    lines: Vector<Rc<str>>,
    /// Nothing could go on the last time: input is awaited, or there is nothing to come.
    stalled: bool,
}

impl World {
    /// A machine that has booted, with the toolbox image and nothing else.
    pub fn boot(host: HostFacts) -> World {
        let mut state = State::of_engine(&host.data_root);
        let image = toolbox::image(&host.toolbox);
        state.images.insert_mut(image.id.clone(), image);
        World {
            kernel: sim::boot(&host),
            host: Rc::new(host),
            state,
            foreground: None,
            monitors: Vec::new(),
            output: Vector::new(),
            commands: 0,
            inputs: 0,
            exit_code: 0,
            settling: 0,
            rests: false,
            line: Rc::from(""),
            lines: Vector::new(),
            stalled: false,
        }
    }

    /// All that the engine knows.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The machine's facts as they are now.
    pub fn facts(&self) -> HostFacts {
        let mut hash = Sha256::new();
        hash.update(self.host.entropy);
        hash.update((self.commands as u64).to_le_bytes());
        HostFacts { now_ns: self.kernel.realtime_ns(), entropy: hash.finalize().into(), ..(*self.host).clone() }
    }

    /// As [`World::facts`], with what the machine has at the paths that a command names, and the sizes that it asks for.
    fn facts_for(&self, invocation: &Invocation) -> HostFacts {
        let mut facts = self.facts();
        let wanted = plan::wanted(invocation, &self.state, &facts);
        let kinds = wanted.sources.into_iter().filter_map(|path| Some((path.clone(), self.kernel.source_kind(&path)?)));
        facts.sources = kinds.collect();
        let owners = wanted.owners.into_iter().filter_map(|path| Some((path.clone(), self.kernel.file_owner(&path)?)));
        facts.owners = owners.collect();
        facts.devices = wanted.devices.iter().flat_map(|path| self.kernel.devices_below(path)).collect();
        facts.devices.sort_by(|one, other| one.host.cmp(&other.host));
        if wanted.network {
            facts.network = self.kernel.host_network();
        }
        if wanted.operating_system {
            let text = plan::OS_RELEASE.iter().find_map(|path| self.kernel.text_of_host(path)).unwrap_or_default();
            facts.operating_system = crate::view::info::operating_system(&text);
        }
        if wanted.store {
            facts.store = crate::sim::store_listing(&self.kernel);
        }
        facts.disk = plan::disk_usage(&invocation.command, &self.state, &facts.data_root, |path| self.kernel.bytes_below(path));
        facts
    }

    /// The model kernel, to be asked.
    pub fn probe(&self) -> SimProbe<'_> {
        SimProbe::new(&self.kernel, &self.state)
    }

    /// The files below a directory of the host, with what they say: those that are text and not too long to be edited.
    pub fn texts_below(&self, directory: &str) -> Vec<(String, String)> {
        let paths = self.kernel.files_below(directory);
        paths.into_iter().filter_map(|path| self.kernel.text_of_host(&path).map(|text| (path, text))).collect()
    }

    /// Its images, layer by layer.
    pub fn image_stacks(&self) -> Vec<ImageStack> {
        stack::stacks(&self.state, self)
    }

    /// What the caller's terminal has shown.
    pub fn output(&self) -> &Vector<Chunk> {
        &self.output
    }

    /// The line of the command at work, or of the last one.
    pub fn command_text(&self) -> &str {
        &self.line
    }

    /// The line of a command by its number, as an [`Entry`] has it.
    pub fn line_of(&self, command: usize) -> Option<&str> {
        self.lines.get(command).map(AsRef::as_ref)
    }

    /// Commands given so far, those included that were refused before any step.
    pub fn commands(&self) -> usize {
        self.commands
    }

    /// The exit code of the last command.
    pub fn exit_code(&self) -> i32 {
        self.exit_code
    }

    /// The command in the foreground.
    pub fn foreground(&self) -> Option<&Invocation> {
        self.foreground.as_ref().map(|job| job.invocation())
    }

    /// See [`super::Session::progress`].
    pub fn progress(&self) -> Progress {
        match &self.foreground {
            Some(_) if !self.stalled => Progress::Running,
            Some(job) if job.wants_input(&self.kernel) => Progress::NeedsInput,
            Some(_) => Progress::Stuck,
            None if self.settling > 0 => Progress::Running,
            None => Progress::Ready(self.exit_code),
        }
    }

    /// Takes an input. A line while a command runs goes to its standard input.
    pub fn give(&mut self, input: &Input) {
        self.inputs += 1;
        if let Input::File { path, text } = input {
            return self.save(path, text.as_deref());
        }
        self.stalled = false;
        match (&mut self.foreground, input) {
            (None, Input::Line(line)) => self.begin(line),
            (None, Input::Rest) => (self.settling, self.rests) = (REST_TURNS_MAX, true),
            (None, _) => {}
            (Some(job), Input::Line(line)) => job.feed(&mut self.kernel, format!("{line}\n").as_bytes()),
            (Some(job), Input::Bytes(bytes)) => job.feed(&mut self.kernel, bytes),
            (Some(job), Input::End) => job.end_of_input(&mut self.kernel),
            (Some(job), Input::Interrupt) => job.interrupt(&mut self.kernel),
            (Some(_), Input::Rest | Input::File { .. }) => {}
        }
    }

    /// What cannot be saved is told where output goes: a directory stands at its place, or a file at one of its directories.
    fn save(&mut self, path: &str, text: Option<&str>) {
        if let Err(errno) = sim::exec::save(&mut self.kernel, path, text) {
            self.show(Stream::Stderr, &format!("glassbox: {path} cannot be saved: {errno}\n"));
        }
    }

    fn begin(&mut self, line: &str) {
        self.show(Stream::Prompt, &format!("$ {line}\n"));
        if line.trim().is_empty() {
            return;
        }
        self.commands += 1;
        // No two commands happen at the same moment: what they create has an order.
        self.kernel.pass(COMMAND_NS);
        self.line = Rc::from(line);
        self.lines.push_back_mut(Rc::clone(&self.line));
        match cli::parse_line(line).and_then(|invocation| self.read_named_files(invocation)) {
            Ok(invocation) => self.plan(Rc::new(invocation)),
            Err(error) => self.refuse(&error.message, error.exit_code),
        }
    }

    /// From the model's own files; the caller stands in `/`.
    fn read_named_files(&self, invocation: Invocation) -> Result<Invocation, UsageError> {
        let read = |path: &str| {
            let path = if path.starts_with('/') { path.to_string() } else { format!("/{path}") };
            match self.probe().ask(&Query::FileBytes(Subject::Host, path))? {
                Answer::Bytes(bytes) => Ok(bytes),
                _ => Err(Errno::EINVAL),
            }
        };
        let named = steps::named_files(&invocation);
        cli::with_named_files(invocation, &|| self.host.environment.clone(), &read).map_err(|mut error| {
            let why = steps::of_refusal(&error.message, named, &self.kernel.files_of_host());
            let newline = if why.is_empty() { "" } else { "\n" };
            error.message.push_str(&format!("{newline}{why}"));
            error
        })
    }

    /// What stands in the Dockerfile of this build, seen from above; `None`: it cannot be read.
    pub(super) fn overview_of(&self, line: &str) -> Option<DockerfileView> {
        let invocation = cli::parse_line(line).and_then(|invocation| self.read_named_files(invocation)).ok()?;
        plan::overview_of(&invocation, &self.state, &self.facts_for(&invocation))
    }

    fn refuse(&mut self, message: &str, exit_code: i32) {
        let newline = if message.ends_with('\n') { "" } else { "\n" };
        self.show(Stream::Stderr, &format!("{message}{newline}"));
        self.exit_code = exit_code;
    }

    fn plan(&mut self, invocation: Rc<Invocation>) {
        self.state.exchange = Default::default();
        self.state.building.taken = Default::default();
        let facts = self.facts_for(&invocation);
        match plan::plan(&invocation, &self.state, &facts) {
            Err(error) => {
                let named = plan::named_sources(&invocation, &self.state, &facts.cwd);
                let why = steps::of_refusal(&error.message, named, &self.kernel.files_of_host());
                self.refuse(&format!("{}{why}", error.message), error.exit_code);
            }
            Ok(plan) => match invocation.mode {
                Mode::Plan { json } => {
                    let tree = crate::view::plan::plan_tree(&plan, &self.state, &facts);
                    let text = if json { tree.to_json() } else { tree.to_text() };
                    self.show(Stream::Stdout, &text);
                    self.exit_code = 0;
                }
                Mode::Execute | Mode::Explain | Mode::Step => {
                    for warning in &plan.warnings {
                        self.show(Stream::Stderr, &format!("{warning}\n"));
                    }
                    self.foreground = Some(Job::command(plan, facts, self.commands.saturating_sub(1)));
                }
            },
        }
    }

    /// One entry further; `None`: there is nothing to do.
    pub fn advance(&mut self) -> Option<Entry> {
        let entry = self.go_on();
        self.stalled = entry.is_none() && self.foreground.is_some();
        entry
    }

    fn go_on(&mut self) -> Option<Entry> {
        if !self.foreground.as_ref().is_some_and(Job::holds_records)
            && let Some(entry) = self.advance_monitors()
        {
            return Some(entry);
        }
        let Some(mut job) = self.foreground.take() else { return self.settle() };
        let turn = job.advance(&mut self.kernel, &mut self.state);
        self.take_shown(&mut job);
        match turn {
            Turn::Stepped(entry) => {
                self.after_step(&job, &entry);
                self.foreground = Some(job);
                Some(self.stamped(*entry))
            }
            Turn::Waiting => {
                self.foreground = Some(job);
                // Whoever waits has let go of the records.
                self.advance_monitors().or_else(|| self.let_programs_run())
            }
            Turn::Finished(exit_code) => {
                self.exit_code = exit_code;
                self.settling = SETTLE_TURNS_MAX;
                None
            }
        }
    }

    fn advance_monitors(&mut self) -> Option<Entry> {
        for at in 0..self.monitors.len() {
            let mut job = self.monitors.remove(at);
            match job.advance(&mut self.kernel, &mut self.state) {
                Turn::Stepped(entry) => {
                    self.tell_of_end(&entry);
                    let health = started(&entry).and_then(|id| job.health_of(id, &self.state));
                    self.monitors.insert(at, job);
                    self.monitors.extend(health);
                    return Some(self.stamped(*entry));
                }
                Turn::Waiting => self.monitors.insert(at, job),
                Turn::Finished(_) => return self.advance_monitors(),
            }
        }
        None
    }

    /// The command in the foreground may be about a container that has ended.
    fn tell_of_end(&mut self, entry: &Entry) {
        let ended = entry.events.iter().find_map(|event| match event {
            crate::event::Event::ContainerExited { id, .. } => self.state.containers.get(id),
            _ => None,
        });
        if let (Some(job), Some(container)) = (&mut self.foreground, ended) {
            job.saw_end(container);
        }
    }

    /// A container has started: its monitor begins to watch.
    fn after_step(&mut self, job: &Job, entry: &Entry) {
        for event in &entry.events {
            if let crate::event::Event::ContainerStarted { id, .. } = event {
                self.monitors.extend(job.monitor_of(id));
                self.monitors.extend(job.health_of(id, &self.state));
            }
        }
        self.monitors.extend(job.watcher_of_exec(entry));
    }

    fn stamped(&self, entry: Entry) -> Entry {
        Entry { at_ns: self.kernel.realtime_ns(), ..entry }
    }

    fn programs_ran(&self) -> Entry {
        let command = self.commands.saturating_sub(1);
        self.stamped(Entry { command, role: Role::Command, node: None, events: Vec::new(), errno: None, at_ns: 0 })
    }

    fn take_shown(&mut self, job: &mut Job) {
        for chunk in job.take_output(&mut self.kernel) {
            self.keep(chunk);
        }
    }

    /// Programs run until all wait; where all wait for time alone, the clock goes on, but not while a person is waited for.
    fn let_programs_run(&mut self) -> Option<Entry> {
        let ran = self.kernel.run(sim::RESUMES_PER_TURN);
        let waits_for_a_person = self.foreground.as_ref().is_some_and(|job| job.wants_input(&self.kernel));
        let waits_for_a_person = waits_for_a_person && !self.kernel.is_held_back();
        if ran.resumed > 0 || !waits_for_a_person && self.kernel.let_clock_go_on(self.nearest_deadline()) {
            return Some(self.programs_ran());
        }
        None
    }

    fn nearest_deadline(&self) -> Option<u64> {
        let jobs = self.foreground.iter().chain(&self.monitors);
        jobs.filter_map(Job::deadline_ns).min()
    }

    /// After a command the programs in the background run until they wait, but no clock is let on for them.
    fn settle(&mut self) -> Option<Entry> {
        if self.settling == 0 {
            return None;
        }
        self.settling -= 1;
        let ran = self.kernel.run(sim::RESUMES_PER_TURN);
        let restarts = self.rests && ran.resumed == 0 && self.monitors.iter().any(Job::restarts);
        if ran.resumed == 0 && !(restarts && self.kernel.let_clock_go_on(self.nearest_deadline())) {
            (self.settling, self.rests) = (0, false);
            return None;
        }
        Some(self.programs_ran())
    }

    fn show(&mut self, stream: Stream, text: &str) {
        self.keep(Chunk::text_to(stream, text));
    }

    fn keep(&mut self, chunk: Chunk) {
        if chunk.bytes.is_empty() {
            return;
        }
        self.output.push_back_mut(chunk);
        if self.output.len() > OUTPUT_CHUNKS_MAX {
            self.output = self.output.iter().skip(OUTPUT_CHUNKS_MAX / 2).cloned().collect();
        }
    }

    /// Carries events into the state.
    pub(super) fn apply_all(state: &mut State, events: &[crate::event::Event]) {
        events.iter().for_each(|event| apply(state, event));
    }
}

/// The container that has been started in this entry.
impl Shelf for World {
    fn bytes(&self, layer: &Layer) -> u64 {
        match layer.extracted {
            true => self.kernel.bytes_below(&Layout::new(&self.host.data_root).layer(&layer.diff_id)),
            false => layer.size_bytes,
        }
    }

    fn waste(&self, image: &Image) -> Vec<Waste> {
        if !image.layers.iter().all(|layer| layer.extracted) {
            return Vec::new();
        }
        let layout = Layout::new(&self.host.data_root);
        let directories: Vec<String> = image.layers.iter().map(|layer| layout.layer(&layer.diff_id)).collect();
        let form = if self.host.is_root() { OverlayForm::Trusted } else { OverlayForm::User };
        sim::exec::hidden(&self.kernel, &directories, form).unwrap_or_default()
    }
}

fn started(entry: &Entry) -> Option<&crate::model::ContainerId> {
    entry.events.iter().find_map(|event| match event {
        crate::event::Event::ContainerStarted { id, .. } => Some(id),
        _ => None,
    })
}
