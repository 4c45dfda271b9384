//! `glassbox ns`: each namespace that the host and the containers are in, and who shares it. Plain data from a probe, and its text.
//!
//! Called by both kernels' executors for `ShowNamespaces`; it looks and changes nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::errno::Errno;
use crate::model::{ContainerId, State};
use crate::query::{Answer, Probe, Query, Subject};
use crate::step::NamespaceKind;

/// A namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NamespaceLine {
    /// As the file below /proc/PID/ns is called.
    #[serde(rename = "Type")]
    pub kind: String,
    /// The kernel's number for it: the inode of that file.
    pub inode: u64,
    /// How many processes are in it, of those that may be looked into.
    pub processes: usize,
    /// `host`, then the names of containers, the oldest first.
    pub shared_by: Vec<String>,
}

/// Every namespace of the host and of the running containers among `ids` (all, where there are none), kind by kind, the host's first.
pub fn lines(ids: &[ContainerId], state: &State, probe: &dyn Probe) -> Result<Vec<NamespaceLine>, Errno> {
    let mut subjects = vec![("host".to_string(), Subject::Host)];
    let wanted = |id: &ContainerId| ids.is_empty() || ids.contains(id);
    for container in
        state.newest_first().into_iter().rev().filter(|container| container.state.status.runs() && wanted(&container.id))
    {
        subjects.push((container.name.clone(), Subject::Container(container.id.clone())));
    }
    let processes = host_pids(probe)?;
    let mut all = Vec::new();
    for kind in NamespaceKind::ALL {
        all.extend(of_kind(kind, &subjects, &processes, probe));
    }
    Ok(all)
}

fn host_pids(probe: &dyn Probe) -> Result<Vec<u32>, Errno> {
    let Answer::Processes(all) = probe.ask(&Query::Processes(Subject::Host))? else { return Err(Errno::EINVAL) };
    Ok(all.into_iter().filter(|process| !process.zombie).map(|process| process.host_pid).collect())
}

fn of_kind(kind: NamespaceKind, subjects: &[(String, Subject)], pids: &[u32], probe: &dyn Probe) -> Vec<NamespaceLine> {
    // A process that has ended meanwhile, and one that may not be looked into, is in none.
    let number = |subject: Subject| match probe.ask(&Query::Namespace(subject, kind)) {
        Ok(Answer::Namespace(number)) => Some(number),
        _ => None,
    };
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    for pid in pids {
        if let Some(number) = number(Subject::Process(*pid)) {
            *counts.entry(number).or_default() += 1;
        }
    }
    let mut lines: Vec<NamespaceLine> = Vec::new();
    for (name, subject) in subjects {
        let Some(inode) = number(subject.clone()) else { continue };
        match lines.iter_mut().find(|line| line.inode == inode) {
            Some(line) => line.shared_by.push(name.clone()),
            None => lines.push(NamespaceLine {
                kind: kind.file().to_string(),
                inode,
                processes: counts.get(&inode).copied().unwrap_or_default(),
                shared_by: vec![name.clone()],
            }),
        }
    }
    lines
}

/// A table, or with `json` one object on each line.
pub fn text(lines: &[NamespaceLine], json: bool) -> String {
    if json {
        return lines.iter().map(|line| serde_json::to_string(line).unwrap_or_default() + "\n").collect();
    }
    let mut text = row("TYPE", "INODE", "PROCESSES", "SHARED BY");
    for line in lines {
        text.push_str(&row(&line.kind, &line.inode.to_string(), &line.processes.to_string(), &line.shared_by.join(", ")));
    }
    text
}

fn row(kind: &str, inode: &str, processes: &str, shared_by: &str) -> String {
    format!("{kind:<8}{inode:<13}{processes:<12}{shared_by}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two processes; the second has a pid namespace of its own.
    struct Two;

    impl Probe for Two {
        fn ask(&self, query: &Query) -> Result<Answer, Errno> {
            let fact = |pid| crate::query::ProcessFact { pid, parent: 0, host_pid: pid, argv: Vec::new(), zombie: false, uid: 0 };
            match query {
                Query::Processes(Subject::Host) => Ok(Answer::Processes(vec![fact(1), fact(7)])),
                Query::Namespace(Subject::Process(7) | Subject::Container(_), NamespaceKind::Pid) => {
                    Ok(Answer::Namespace(4_026_532_001))
                }
                Query::Namespace(_, kind) => Ok(Answer::Namespace(4_026_531_000 + *kind as u64)),
                _ => Err(Errno::EINVAL),
            }
        }
    }

    fn state() -> State {
        let mut state = State::default();
        let mut container = crate::step::samples::container();
        container.state.status = crate::model::Status::Running;
        state.containers.insert_mut(container.id.clone(), container);
        state
    }

    #[test]
    fn who_shares_is_told_by_the_inode() {
        let lines = lines(&[], &state(), &Two).unwrap();
        let of = |kind: &str| lines.iter().filter(|line| line.kind == kind).collect::<Vec<_>>();
        assert_eq!(of("net").len(), 1);
        assert_eq!((of("net")[0].processes, of("net")[0].shared_by.join(" ")), (2, "host web".to_string()));
        assert_eq!(of("pid").iter().map(|line| line.shared_by.join(" ")).collect::<Vec<_>>(), ["host", "web"]);
        assert_eq!(of("pid")[1].processes, 1);
    }

    #[test]
    fn both_forms_say_the_same() {
        let lines = lines(&[], &state(), &Two).unwrap();
        let table = text(&lines, false);
        assert!(table.starts_with("TYPE    INODE        PROCESSES   SHARED BY\n"), "{table}");
        assert!(table.contains("pid     4026532001   1           web\n"), "{table}");
        let back: Vec<NamespaceLine> = text(&lines, true).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(back, lines);
    }
}
