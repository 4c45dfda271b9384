//! The machine in two pictures: its processes as a tree, and which namespaces host and containers share. Plain data from a probe.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::State;
use crate::query::{Answer, Probe, ProcessFact, Query, Subject};
use crate::step::NamespaceKind;

/// Both pictures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Processes, a parent before its children.
    pub processes: Vec<ProcessRow>,
    /// The columns of `namespaces`.
    pub kinds: Vec<String>,
    /// The host, then each running container.
    pub namespaces: Vec<NamespaceRow>,
}

/// A process in the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessRow {
    /// How many ancestors are shown above it.
    pub depth: usize,
    /// Pid on the host.
    pub pid: u32,
    /// Pid in its own pid namespace.
    pub pid_inside: u32,
    /// Its arguments, joined by blanks.
    pub command: String,
    /// The name of its container.
    pub container: Option<String>,
    /// It ended and has not been waited for.
    pub zombie: bool,
}

/// A row of the matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceRow {
    /// `host`, or a container's name.
    pub who: String,
    /// For each kind a letter: equal letters in a column are the same namespace, and `A` is the host's. `-`: cannot be told.
    pub cells: Vec<String>,
}

/// The pictures at this moment.
pub fn machine(state: &State, probe: &dyn Probe) -> Machine {
    let mut subjects = vec![("host".to_string(), Subject::Host)];
    for container in state.newest_first().into_iter().rev().filter(|container| container.state.status.runs()) {
        subjects.push((container.name.clone(), Subject::Container(container.id.clone())));
    }
    Machine {
        processes: tree(&subjects, probe),
        kinds: NamespaceKind::ALL.iter().map(|kind| kind.file().to_string()).collect(),
        namespaces: matrix(&subjects, probe),
    }
}

fn processes(subject: &Subject, probe: &dyn Probe) -> Vec<ProcessFact> {
    match probe.ask(&Query::Processes(subject.clone())) {
        Ok(Answer::Processes(all)) => all,
        _ => Vec::new(),
    }
}

fn tree(subjects: &[(String, Subject)], probe: &dyn Probe) -> Vec<ProcessRow> {
    let mut inside: BTreeMap<u32, (u32, String)> = BTreeMap::new();
    for (name, subject) in subjects.iter().skip(1) {
        for process in processes(subject, probe) {
            inside.insert(process.host_pid, (process.pid, name.clone()));
        }
    }
    let all = processes(&Subject::Host, probe);
    let mut children: BTreeMap<u32, Vec<&ProcessFact>> = BTreeMap::new();
    all.iter().for_each(|process| children.entry(process.parent).or_default().push(process));
    let mut rows = Vec::new();
    let mut stack: Vec<(usize, &ProcessFact)> = children.get(&0).into_iter().flatten().rev().map(|process| (0, *process)).collect();
    while let Some((depth, process)) = stack.pop() {
        let known = inside.get(&process.host_pid);
        rows.push(ProcessRow {
            depth,
            pid: process.host_pid,
            pid_inside: known.map_or(process.pid, |(pid, _)| *pid),
            command: process.argv.join(" "),
            container: known.map(|(_, name)| name.clone()),
            zombie: process.zombie,
        });
        stack.extend(children.get(&process.host_pid).into_iter().flatten().rev().map(|child| (depth + 1, *child)));
    }
    rows
}

fn matrix(subjects: &[(String, Subject)], probe: &dyn Probe) -> Vec<NamespaceRow> {
    let mut seen: Vec<Vec<u64>> = vec![Vec::new(); NamespaceKind::ALL.len()];
    let mut rows = Vec::new();
    for (who, subject) in subjects {
        let mut cells = Vec::new();
        for (kind, seen) in NamespaceKind::ALL.into_iter().zip(&mut seen) {
            cells.push(match probe.ask(&Query::Namespace(subject.clone(), kind)) {
                Ok(Answer::Namespace(number)) => letter(seen, number),
                _ => "-".to_string(),
            });
        }
        rows.push(NamespaceRow { who: who.clone(), cells });
    }
    rows
}

/// The letter of a namespace in its column: A for the first that turned up, then B; beyond Z the number itself.
fn letter(seen: &mut Vec<u64>, number: u64) -> String {
    let at = seen.iter().position(|known| *known == number).unwrap_or_else(|| {
        seen.push(number);
        seen.len() - 1
    });
    u8::try_from(at).ok().filter(|at| *at < 26).map_or_else(|| number.to_string(), |at| char::from(b'A' + at).to_string())
}

impl Machine {
    /// Both pictures as text.
    pub fn to_text(&self) -> String {
        let mut text = String::from("PROCESSES (pid on the host, pid inside)\n");
        for row in &self.processes {
            let container = row.container.as_ref().map_or_else(String::new, |name| format!("  [{name}]"));
            let indent = "  ".repeat(row.depth);
            text.push_str(&format!("{:>7} {:>5}  {indent}{}{container}\n", row.pid, row.pid_inside, row.command));
        }
        text.push_str("NAMESPACES (equal letters: the same)\n");
        text.push_str(&format!("{:<20}{}\n", "", self.kinds.iter().map(|kind| format!("{kind:<8}")).collect::<String>()));
        for row in &self.namespaces {
            let cells: String = row.cells.iter().map(|cell| format!("{cell:<8}")).collect();
            text.push_str(&format!("{:<20}{cells}\n", row.who));
        }
        text
    }
}
