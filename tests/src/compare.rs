//! Two runs of the same fixture, compared: what was shown, the events in their order, and the answer to every question.

use glassbox_core::cli::Words;
use glassbox_core::event::Event;
use glassbox_core::query::Answer;

use crate::kernels::{Machine, Shown};

/// Everything that one kernel showed for a fixture, as lines of text that can be compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// One entry for each command.
    pub commands: Vec<Vec<String>>,
}

impl Account {
    /// What `shown` says, with ids, times and paths made alike.
    pub fn of(machine: &dyn Machine, shown: &[Shown], monitor: &[Vec<Event>]) -> Account {
        let mut normaliser = crate::suite::normaliser(machine);
        let nothing = Vec::new();
        let commands = shown.iter().enumerate().map(|(at, shown)| {
            let monitor = monitor.get(at).unwrap_or(&nothing);
            lines(shown, monitor).into_iter().map(|line| normaliser.text(&line)).collect()
        });
        Account { commands: commands.collect() }
    }

    /// The differences, a line each; empty: the two agree.
    pub fn differences(&self, other: &Account, names: (&str, &str)) -> Vec<String> {
        let mut all = Vec::new();
        for (at, (ours, theirs)) in self.commands.iter().zip(&other.commands).enumerate() {
            let only = |lines: &[String], others: &[String]| -> Vec<String> {
                lines.iter().filter(|line| !others.contains(line)).cloned().collect()
            };
            let (left, right) = (only(ours, theirs), only(theirs, ours));
            all.extend(left.iter().map(|line| format!("command {}: only {}: {line}", at + 1, names.0)));
            all.extend(right.iter().map(|line| format!("command {}: only {}: {line}", at + 1, names.1)));
            if left.is_empty() && right.is_empty() && ours != theirs {
                all.push(format!("command {}: the same lines in another order", at + 1));
            }
        }
        if self.commands.len() != other.commands.len() {
            all.push(format!("{} commands against {}", self.commands.len(), other.commands.len()));
        }
        all
    }
}

fn lines(shown: &Shown, monitor: &[Event]) -> Vec<String> {
    let mut all = vec![format!("exit code {}", shown.exchange.exit_code)];
    all.extend(shown.exchange.stdout.lines().map(|line| format!("stdout {line}")));
    all.extend(shown.exchange.stderr.lines().map(|line| format!("stderr {line}")));
    all.extend(shown.events.iter().map(|event| event_line("event", event)));
    all.extend(monitor.iter().map(|event| event_line("monitor", event)));
    for (query, answer) in &shown.answers {
        all.push(format!("asked {} answered {}", json(query), answer_text(answer)));
    }
    all
}

/// Files as text, so that ids in them are seen as ids.
fn answer_text(answer: &Result<Answer, String>) -> String {
    match answer {
        Ok(Answer::Bytes(bytes)) => format!("{:?}", String::from_utf8_lossy(bytes)),
        other => json(&other.as_ref().map(Answer::normalised)),
    }
}

fn event_line(whose: &str, event: &Event) -> String {
    let mut event = event.normalised();
    match &mut event {
        // Before the old root is gone the host's own mounts are counted too.
        Event::RootChanged { mounts } => *mounts = 0,
        // A digest of random bytes; the record itself is compared by what is asked and shown.
        // Fresh names are random; the text of the command begins with the program's name in one kernel and not in the other.
        Event::ContainerRecorded { container } => {
            container.name = "…".into();
            container.words = Words::default();
        }
        Event::FileWritten { path, size_bytes } if path.ends_with("config.json") => *size_bytes = 0,
        _ => {}
    }
    format!("{whose} {}", json(&event))
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
