//! The machine as the events of a real run tell it: what was seen of it step by step, for the page that shows that run.
//!
//! A recording has what was observed after each step and nothing else, so the picture holds the processes that the engine made and
//! not what they made themselves. `machine` asks a kernel; this asks the past.

use super::machine::{Machine, NamespaceRow, ProcessRow};
use crate::event::Event;
use crate::step::NamespaceKind;

/// The engine and its latest child, as far as they were seen.
#[derive(Default)]
struct Seen {
    pid: Option<u32>,
    pid_inside: u32,
    argv: Option<Vec<String>>,
    container: Option<String>,
    own: Vec<NamespaceKind>,
    ended: bool,
}

/// Both pictures after these events, oldest first.
pub fn machine_seen<'a>(events: impl Iterator<Item = &'a Event>) -> Machine {
    let mut seen = Seen::default();
    events.for_each(|event| seen.take(event));
    let kinds = NamespaceKind::ALL.iter().map(|kind| kind.file().to_string()).collect();
    let row = |who: &str, own: &[NamespaceKind]| NamespaceRow {
        who: who.to_string(),
        cells: NamespaceKind::ALL.iter().map(|kind| if own.contains(kind) { "B" } else { "A" }.to_string()).collect(),
    };
    let mut namespaces = vec![row("host", &[])];
    let processes: Vec<ProcessRow> = seen.process().into_iter().collect();
    if !processes.is_empty() {
        namespaces.push(row(seen.container.as_deref().unwrap_or("new process"), &seen.own));
    }
    Machine { processes, kinds, namespaces }
}

impl Seen {
    fn take(&mut self, event: &Event) {
        match event {
            Event::ContainerRecorded { container } => self.container = Some(container.name.clone()),
            Event::ProcessCloned { pid, pid_inside, new_namespaces } => {
                let container = self.container.take();
                *self =
                    Seen { pid: Some(*pid), pid_inside: *pid_inside, own: new_namespaces.clone(), container, ..Seen::default() };
            }
            Event::NamespaceEntered { kind, shared_with_host, .. } => {
                self.own.retain(|known| known != kind);
                if !shared_with_host {
                    self.own.push(*kind);
                }
            }
            Event::ProgramExecuted { argv, .. } => self.argv = Some(argv.clone()),
            Event::ProcessExited { .. } | Event::ContainerExited { .. } => self.ended = true,
            _ => {}
        }
    }

    fn process(&self) -> Option<ProcessRow> {
        let pid = self.pid.filter(|_| !self.ended)?;
        let command = self.argv.as_ref().map_or_else(|| "glassbox (before its program)".to_string(), |argv| argv.join(" "));
        Some(ProcessRow { depth: 0, pid, pid_inside: self.pid_inside, command, container: self.container.clone(), zombie: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_child_of_the_engine_is_there_from_its_clone_to_its_end() {
        let cloned = Event::ProcessCloned { pid: 812, pid_inside: 1, new_namespaces: vec![NamespaceKind::Pid] };
        let entered = Event::NamespaceEntered { kind: NamespaceKind::Uts, number: 7, shared_with_host: false };
        let executed = Event::ProgramExecuted { exe: "/bin/id".into(), argv: vec!["id".into(), "-u".into()] };
        let events = [cloned, entered, executed, Event::ProcessExited { exit_code: 0 }];
        let at = |many: usize| machine_seen(events.iter().take(many));
        assert_eq!(at(0).processes, []);
        assert_eq!(at(1).processes[0].command, "glassbox (before its program)");
        let own = |machine: &Machine| machine.namespaces[1].cells.iter().filter(|cell| *cell == "B").count();
        assert_eq!((own(&at(1)), own(&at(2))), (1, 2));
        let row = &at(3).processes[0];
        assert_eq!((row.pid, row.pid_inside, row.command.as_str()), (812, 1, "id -u"));
        assert_eq!((at(4).processes.len(), at(4).namespaces.len()), (0, 1));
    }
}
