//! The real kernel: a command carried out by the glassbox binary on the machine that serves this page, followed while it runs.
//!
//! Its steps come from its recording and stand in the same timeline as those of the model; its terminal is a real one. Plain data: what
//! is to be asked of the server comes out as [`Real::question`], what it answered goes in as [`Real::answered`].

use glassbox_core::cli;
use glassbox_core::errno::Errno;
use glassbox_core::event::Event;
use glassbox_core::plan::{Cause, Node, Planned, StepId};
use glassbox_core::session::{Chunk, Entry, Progress, Role, Stream};
use glassbox_core::step::Step;
use glassbox_core::view::machine::Machine;
use glassbox_core::view::observed::machine_seen;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::screen::Screen;
use crate::terminal::Typed;

/// What the terminal keeps of the commands' output, bytes; the oldest go first.
const OUTPUT_BYTES_MAX: usize = 256 * 1024;

/// What the server answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    available: Option<bool>,
    why: String,
    id: u64,
    output: String,
    recording: Vec<Recorded>,
    ended: bool,
    exit: Option<i32>,
}

/// A line of the recording; its first has only a format.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Recorded {
    id: String,
    role: Option<Role>,
    step: Option<Step>,
    causes: Vec<Cause>,
    events: Vec<Event>,
    errno: Option<String>,
}

/// What has run on the real kernel since the page was opened, and what runs now.
#[derive(Debug)]
pub struct Real {
    /// What the terminal shows.
    pub output: Vec<Chunk>,
    /// The steps of all commands.
    pub entries: Vec<Entry>,
    /// How many of them are looked at.
    pub position: usize,
    /// The commands, as the causes of their steps count letters.
    pub lines: Vec<String>,
    running: Option<Running>,
    exit: i32,
}

#[derive(Debug, Default)]
struct Running {
    line: String,
    /// What it has written, as a terminal shows it.
    screen: Screen,
    /// `None`: not started yet.
    id: Option<u64>,
    /// Lines of the recording that have come.
    known: usize,
    input: String,
    /// The terminal's rows and columns, as the server knows them.
    size: Option<(u16, u16)>,
}

impl Real {
    /// Nothing has run.
    pub fn new() -> Real {
        Real { output: Vec::new(), entries: Vec::new(), position: 0, lines: Vec::new(), running: None, exit: 0 }
    }

    /// Clears the screen and the timeline, but of a command that runs.
    pub fn forget(&mut self) {
        if self.running.is_none() {
            *self = Real::new();
        }
    }

    /// As a session tells it: a prompt, or a program that may want input.
    pub fn progress(&self) -> Progress {
        if self.running.is_some() { Progress::NeedsInput } else { Progress::Ready(self.exit) }
    }

    /// Takes what was typed; answers whether a command begins.
    pub fn typed(&mut self, typed: &Typed) -> bool {
        match (&mut self.running, typed) {
            (Some(running), Typed::Line(line)) => running.input.push_str(&format!("{line}\n")),
            (Some(running), Typed::EndOfInput) => running.input.push('\u{4}'),
            (Some(running), Typed::Interrupt) => running.input.push('\u{3}'),
            (None, Typed::Line(line)) if !line.trim().is_empty() => {
                self.begin(line);
                return true;
            }
            (None, _) => {}
        }
        false
    }

    fn begin(&mut self, line: &str) {
        self.show(Stream::Prompt, &format!("$ {line}\n"));
        // The binary is given words, not the line: it counts letters in the words joined.
        let joined = cli::words_of(line).ok().and_then(|words| cli::parse(&words).ok()).map(|parsed| parsed.words.text);
        self.lines.push(joined.unwrap_or_else(|| line.to_string()));
        self.running = Some(Running { line: line.to_string(), ..Running::default() });
    }

    /// What to ask the server next: path and body. `None`: nothing runs.
    pub fn question(&mut self, size: Option<(u16, u16)>) -> Option<(&'static str, Value)> {
        let running = self.running.as_mut()?;
        let new_size = size.filter(|_| size != running.size);
        running.size = size.or(running.size);
        if let Some(size) = new_size {
            running.screen.resize(size);
        }
        let sides = |(rows, columns): (u16, u16)| json!([rows, columns]);
        let Some(id) = running.id else {
            return Some(("live/start", json!({ "line": running.line, "size": new_size.map(sides) })));
        };
        let input = Some(std::mem::take(&mut running.input)).filter(|input| !input.is_empty());
        Some(("live/at", json!({ "id": id, "input": input, "size": new_size.map(sides), "known": running.known })))
    }

    /// Takes the server's answer, or why there is none. Answers whether anything is new.
    pub fn answered(&mut self, answer: Result<String, String>) -> bool {
        let parsed = answer.and_then(|text| serde_json::from_str::<Answer>(&text).map_err(|error| format!("the answer: {error}")));
        match parsed {
            Ok(answer) if answer.available != Some(false) => self.take(answer),
            Ok(Answer { why, .. }) | Err(why) => {
                self.show(Stream::Stderr, &format!("{}\n", why.trim_end()));
                (self.running, self.exit) = (None, 125);
                true
            }
        }
    }

    fn take(&mut self, answer: Answer) -> bool {
        let news = answer.ended || !answer.output.is_empty() || !answer.recording.is_empty();
        let Some(running) = self.running.as_mut() else { return false };
        running.id = running.id.or(Some(answer.id));
        running.known += answer.recording.len();
        let at_end = self.position == self.entries.len();
        let command = self.lines.len().saturating_sub(1);
        self.entries.extend(answer.recording.into_iter().filter_map(|line| entry(line, command)));
        if at_end {
            self.position = self.entries.len();
        }
        if !answer.output.is_empty() {
            running.screen.take(&answer.output);
            let text = running.screen.text();
            // What a command shows stands below its prompt, whole: it may draw over what it showed before.
            self.output.pop_if(|last| last.stream == Stream::Stdout);
            self.show(Stream::Stdout, &text);
        }
        if answer.ended {
            (self.running, self.exit) = (None, answer.exit.unwrap_or(-1));
        }
        news
    }

    fn show(&mut self, stream: Stream, text: &str) {
        if !text.is_empty() {
            self.output.push(Chunk::text_to(stream, text));
        }
        let mut bytes: usize = self.output.iter().map(|chunk| chunk.bytes.len()).sum();
        while bytes > OUTPUT_BYTES_MAX && self.output.len() > 1 {
            bytes -= self.output.remove(0).bytes.len();
        }
    }

    /// The pictures at the place that is looked at: what the command's steps up to there have shown.
    pub fn machine(&self) -> Machine {
        let past = self.entries.get(..self.position).unwrap_or_default();
        let command = past.last().map_or(0, |entry| entry.command);
        machine_seen(past.iter().filter(|entry| entry.command == command).flat_map(|entry| &entry.events))
    }
}

fn entry(line: Recorded, command: usize) -> Option<Entry> {
    let id = StepId(line.id.split('.').filter_map(|part| part.parse().ok()).collect());
    let node = Node::new(id, Planned { step: line.step?, causes: line.causes });
    let errno = line.errno.map(|name| Errno::from_name(&name).unwrap_or(Errno::EIO));
    let role = line.role.unwrap_or(Role::Command);
    Some(Entry { command, role, node: Some(node), events: line.events, errno, at_ns: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_started_followed_and_ended() {
        let mut real = Real::new();
        assert!(real.question(None).is_none());
        assert!(real.typed(&Typed::Line("docker run  toolbox".into())));
        assert_eq!(real.lines, ["run toolbox"]);
        assert_eq!(real.question(Some((24, 80))).unwrap().1["size"], json!([24, 80]));
        assert!(!real.answered(Ok(r#"{"available": true, "id": 7}"#.into())));
        real.typed(&Typed::Line("ls".into()));
        let (path, body) = real.question(Some((24, 80))).unwrap();
        assert_eq!((path, &body["id"], &body["input"], &body["size"]), ("live/at", &json!(7), &json!("ls\n"), &json!(null)));
        let line = r#"{"id":"1.2","role":"command","step":{"Process":"StartSession"},"causes":[],"events":["SessionStarted"]}"#;
        assert!(real.answered(Ok(format!(r#"{{"output":"a","recording":[{{"format":1}},{line}],"ended":true,"exit":3}}"#))));
        assert_eq!((real.progress(), real.position, real.entries.len()), (Progress::Ready(3), 1, 1));
        assert_eq!(real.output.last().unwrap().text(), "a\n");
        assert!(real.question(None).is_none());
    }

    #[test]
    fn a_refusal_ends_it_with_its_reason() {
        let mut real = Real::new();
        real.typed(&Typed::Line("docker ps".into()));
        assert!(real.answered(Err("403: no".into())));
        assert_eq!((real.progress(), real.output.last().unwrap().text().as_ref()), (Progress::Ready(125), "403: no\n"));
    }
}
