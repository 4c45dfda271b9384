//! Watchers: `--explain` tells each step on stderr while it is carried out; `--record` writes steps and events to a file.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use glassbox_core::errno::Errno;
use glassbox_core::event::Event;
use glassbox_core::explain::{cause_sentence, explain};
use glassbox_core::plan::{CommandError, Node};
use glassbox_core::session::Role;
use glassbox_core::step::{ClientStep, Step};
use glassbox_core::view::events::event_line;
use serde_json::{Value, json};

use super::{Watcher, say};

/// The format of a recording.
const RECORDING_FORMAT: u32 = 1;

/// Tells: number and headline, why, causes, calls; then what the kernel shows.
#[derive(Debug)]
pub struct Narrator;

impl Watcher for Narrator {
    fn enter(&mut self, node: &Node) {
        let explanation = explain(&node.step);
        say(&format!("{}{} {}: {}\n", indent(node), node.id, node.step.name(), explanation.headline));
    }

    fn before(&mut self, node: &Node) {
        let (explanation, indent) = (explain(&node.step), indent(node));
        let mut text = format!("{indent}{} {}: {}\n", node.id, node.step.name(), explanation.headline);
        text.push_str(&format!("{indent}    {}\n", explanation.why));
        node.causes.iter().for_each(|cause| text.push_str(&format!("{indent}    because: {}\n", cause_sentence(cause))));
        explanation.calls.iter().for_each(|call| text.push_str(&format!("{indent}    {call}\n")));
        say(&text);
    }

    fn after(&mut self, node: &Node, events: &[Event]) {
        let indent = indent(node);
        let lines = events.iter().map(event_line).filter(|line| !line.is_empty());
        say(&lines.map(|line| format!("{indent}  = {line}\n")).collect::<String>());
    }

    fn failed(&mut self, node: &Node, errno: Errno) {
        say(&format!("{}  = it failed with {}; what its phase did is undone now\n", indent(node), errno.name()));
    }
}

fn indent(node: &Node) -> String {
    "  ".repeat(node.depth())
}

/// Writes a JSON line for the format, then one for each leaf: its place, the step, and the events or the errno.
#[derive(Debug)]
pub struct Recorder {
    file: File,
    /// Since the streams of a container in the foreground have ended, this process is its monitor.
    monitor: bool,
}

impl Recorder {
    /// A new file; one that is there is replaced.
    pub fn create(path: &Path) -> Result<Recorder, CommandError> {
        let refused = |error: std::io::Error| CommandError {
            message: format!("glassbox: cannot record to {}: {error}\n", path.display()),
            exit_code: 125,
            span: None,
        };
        let mut recorder = Recorder { file: File::create(path).map_err(refused)?, monitor: false };
        recorder.write(&json!({ "format": RECORDING_FORMAT }));
        Ok(recorder)
    }

    /// A full disk ends the recording, not the command.
    fn write(&mut self, line: &Value) {
        let _ = self.file.write_all(format!("{line}\n").as_bytes());
    }
}

impl Watcher for Recorder {
    fn before(&mut self, node: &Node) {
        // Within a plan's own steps a container that is watched is the command's affair: that of an instruction of a build.
        let watches = matches!(node.step, Step::Client(ClientStep::WatchContainer { .. } | ClientStep::WatchExec { .. }));
        self.monitor |= node.depth() == 0 && watches;
    }

    fn after(&mut self, node: &Node, events: &[Event]) {
        let role = if self.monitor { Role::Monitor } else { Role::Command };
        self.write(&json!({ "id": node.id.to_string(), "role": role, "step": node.step, "causes": node.causes, "events": events }));
    }

    fn failed(&mut self, node: &Node, errno: Errno) {
        let role = if self.monitor { Role::Monitor } else { Role::Command };
        let (id, causes) = (node.id.to_string(), &node.causes);
        self.write(&json!({ "id": id, "role": role, "step": node.step, "causes": causes, "events": [], "errno": errno.name() }));
    }
}
