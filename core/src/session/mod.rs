//! `Session`: commands typed one after the other into a modelled world, a timeline of what happened, and the way back.
//!
//! ```text
//! submit(line) ─▶ Job: plan + cursor ─step()─▶ leaf step in the model kernel ─observe─▶ events ─apply─▶ next World
//!                                              every World is kept: back, forward and jump are an index
//! ```
//!
//! Called by the playground, the book's transcripts, the lesson checker, and (for its predictions) by the step debugger on Linux. Pure:
//! a session is its list of commands and inputs ([`Recording`]); replayed, it gives the same events, byte for byte.

#[cfg(test)]
mod build_tests;
mod forecast;
#[cfg(test)]
mod forecast_tests;
mod job;
#[cfg(test)]
mod lifecycle_tests;
#[cfg(test)]
mod limits_tests;
mod lockstep;
#[cfg(test)]
mod registry_tests;
#[cfg(test)]
mod tests;
mod world;

use serde::{Deserialize, Serialize};

pub use forecast::{FORECAST_STEPS_MAX, Fate, Finding, Forecast, Foreseen, forecast};
pub use job::Role;
pub use lockstep::Lockstep;
pub use world::{Chunk, Stream, World, joined};

use crate::errno::Errno;
use crate::event::Event;
use crate::host::HostFacts;
use crate::plan::Node;

/// Worlds that a timeline keeps; the oldest commands have to be replayed to go further back.
pub const TIMELINE_STEPS_MAX: usize = 20_000;

/// One entry of the timeline: a leaf step that was carried out, or programs that ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Which of the session's commands it belongs to, counted from 0.
    pub command: usize,
    /// Whose step it is: the caller's command or the monitor of a container.
    pub role: Role,
    /// The step; `None`: programs ran, or the clock went on.
    pub node: Option<Node>,
    /// What it left behind, as the model kernel shows it.
    pub events: Vec<Event>,
    /// It failed.
    pub errno: Option<Errno>,
    /// The virtual time after it: nanoseconds since 1970.
    pub at_ns: u64,
}

/// What the session is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// Nothing is running in the foreground: the prompt is there. Holds the exit code of the last command.
    Ready(i32),
    /// There is more to do.
    Running,
    /// The program in the foreground waits for input.
    NeedsInput,
    /// The foreground waits for something that will never come (or for a clock that must be let on): `interrupt` ends it.
    Stuck,
}

/// A session as it is saved, shared and replayed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// 1
    pub format: u32,
    /// What was typed, in order.
    pub inputs: Vec<Input>,
}

/// Something that a person did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Input {
    /// A command at the prompt.
    Line(String),
    /// Bytes to the program in the foreground.
    Bytes(Vec<u8>),
    /// End of input (^D at the start of a line, without a terminal).
    End,
    /// ^C
    Interrupt,
    /// A file of the machine's own was saved in an editor, or removed: no program did it.
    File {
        /// Where: absolute. Directories that are not there are made.
        path: String,
        /// What it says; `None`: it is removed.
        text: Option<String>,
    },
    /// Nothing is typed for as long as containers wait to be started again: at the prompt the clock stands still otherwise.
    Rest,
}

/// The largest recording that is replayed: inputs, and bytes of one input.
pub const RECORDING_INPUTS_MAX: usize = 10_000;
/// See [`RECORDING_INPUTS_MAX`].
pub const INPUT_BYTES_MAX: usize = 1 << 20;

/// A modelled machine at work, and its past.
#[derive(Clone, Debug)]
pub struct Session {
    /// `worlds[i]` is the world after the first `i` entries.
    worlds: Vec<World>,
    entries: Vec<Entry>,
    /// Where in the timeline the session stands: entries before it have happened.
    at: usize,
    recording: Recording,
    /// The worlds at each prompt before a command was typed, by position: where a branch begins.
    prompts: Vec<(usize, World)>,
}

impl Session {
    /// A freshly booted machine.
    pub fn new(host: HostFacts) -> Session {
        let recording = Recording { format: 1, inputs: Vec::new() };
        Session { worlds: vec![World::boot(host)], entries: Vec::new(), at: 0, recording, prompts: Vec::new() }
    }

    /// The world at the present place of the timeline.
    pub fn world(&self) -> &World {
        &self.worlds[self.at]
    }

    /// Everything that has happened and, after going back, what will happen again.
    pub fn timeline(&self) -> &[Entry] {
        &self.entries
    }

    /// How many entries lie before the present place.
    pub fn position(&self) -> usize {
        self.at
    }

    /// What was typed so far.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }

    /// The text of the command that the entry before the present place belongs to, or of the one that is about to begin.
    pub fn command_text(&self) -> String {
        self.world().command_text().to_string()
    }

    /// The line of a command by its number, wherever the session stands.
    pub fn line_of(&self, command: usize) -> Option<&str> {
        self.worlds.last().and_then(|world| world.line_of(command))
    }

    /// What is going on at the present place.
    pub fn progress(&self) -> Progress {
        self.world().progress()
    }

    /// Takes an input. After going back, the future that was there is dropped: a branch. A line typed in the middle of a past command
    /// goes to the prompt before that command.
    pub fn give(&mut self, input: &Input) {
        let is_line = matches!(input, Input::Line(_));
        if is_line && self.at < self.entries.len() && !self.is_at_prompt() {
            self.return_to_prompt();
        }
        self.drop_future();
        if is_line && self.is_at_prompt() {
            self.prompts.push((self.at, self.world().clone()));
        }
        self.recording.inputs.truncate(self.world().inputs);
        self.recording.inputs.push(input.clone());
        if let Some(world) = self.worlds.last_mut() {
            world.give(input);
        }
    }

    /// Types a command and does nothing of it yet.
    pub fn submit(&mut self, line: &str) {
        self.give(&Input::Line(line.to_string()));
    }

    /// One entry further: a leaf step, or programs running until they wait. After going back: what happened then.
    pub fn step(&mut self) -> Progress {
        if self.at < self.entries.len() {
            self.at += 1;
            return self.progress();
        }
        let mut world = self.world().clone();
        if let Some(entry) = world.advance() {
            self.entries.push(entry);
            self.worlds.push(world);
            self.at += 1;
        } else if let Some(last) = self.worlds.last_mut() {
            *last = world;
        }
        self.forget_oldest();
        self.progress()
    }

    /// Steps until the prompt is back or input is needed, at most `steps_max` entries.
    pub fn run(&mut self, steps_max: usize) -> Progress {
        for _ in 0..steps_max {
            match self.progress() {
                Progress::Running => {
                    self.step();
                }
                other => return other,
            }
        }
        self.progress()
    }

    /// Types a command and carries it out until the prompt is back or input is needed.
    pub fn command(&mut self, line: &str) -> Progress {
        self.submit(line);
        self.run(TIMELINE_STEPS_MAX)
    }

    /// Goes to the place after the first `position` entries, at most to the end.
    pub fn jump(&mut self, position: usize) {
        self.at = position.min(self.entries.len());
    }

    /// Replays a recording on a fresh machine; what goes beyond the limits is refused with the limit's name.
    pub fn replay(host: HostFacts, recording: &Recording) -> Result<Session, String> {
        if recording.format != 1 {
            return Err(format!("this recording has format {}; format 1 is understood", recording.format));
        }
        if recording.inputs.len() > RECORDING_INPUTS_MAX {
            return Err(format!("more than {RECORDING_INPUTS_MAX} inputs (RECORDING_INPUTS_MAX)"));
        }
        let bytes = |input: &Input| match input {
            Input::Bytes(bytes) => bytes.len(),
            Input::File { text: Some(text), .. } => text.len(),
            _ => 0,
        };
        if recording.inputs.iter().any(|input| bytes(input) > INPUT_BYTES_MAX) {
            return Err(format!("an input of more than {INPUT_BYTES_MAX} bytes (INPUT_BYTES_MAX)"));
        }
        let mut session = Session::new(host);
        for input in &recording.inputs {
            session.give(input);
            session.run(TIMELINE_STEPS_MAX);
        }
        Ok(session)
    }

    fn is_at_prompt(&self) -> bool {
        matches!(self.progress(), Progress::Ready(_))
    }

    fn return_to_prompt(&mut self) {
        if let Some((at, world)) = self.prompts.iter().rev().find(|(at, _)| *at <= self.at).cloned() {
            self.at = at;
            self.drop_future();
            self.prompts.pop();
            if let Some(last) = self.worlds.last_mut() {
                *last = world;
            }
        }
    }

    fn drop_future(&mut self) {
        self.entries.truncate(self.at);
        self.worlds.truncate(self.at + 1);
        self.prompts.retain(|(at, _)| *at <= self.at);
    }

    /// Beyond the limit the first entry goes, with the world before it.
    fn forget_oldest(&mut self) {
        while self.entries.len() > TIMELINE_STEPS_MAX {
            self.entries.remove(0);
            self.worlds.remove(0);
            self.at = self.at.saturating_sub(1);
            self.prompts.retain(|(at, _)| *at > 0);
            self.prompts.iter_mut().for_each(|(at, _)| *at -= 1);
        }
    }
}
