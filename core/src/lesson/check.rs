//! Goals as checked: by Queries alone, on the state that is there.

use super::goal::{Condition, FileFact, Goal, Who};
use crate::errno::Errno;
use crate::model::{Container, State, Status};
use crate::query::{Answer, Probe, ProcessFact, Query, Subject};
use crate::step::Limit;

/// Whether a goal is met, and why (not).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// It is.
    pub met: bool,
    /// The reason, as a sentence without a full stop.
    pub why: String,
}

impl Verdict {
    fn new(met: bool, why: impl Into<String>) -> Verdict {
        Verdict { met, why: why.into() }
    }
}

impl Goal {
    /// Looks whether the state meets the goal. What cannot be looked at does not meet it.
    pub fn check(&self, state: &State, probe: &dyn Probe) -> Verdict {
        match self {
            Goal::All(goals) => all(goals, state, probe),
            Goal::Any(goals) => any(goals, state, probe),
            Goal::Not(goal) => {
                let verdict = goal.check(state, probe);
                Verdict { met: !verdict.met, ..verdict }
            }
            Goal::Container { name, is } => container(name, is, state, probe),
            Goal::Shares { a, b, kind } => match (subject(a, state), subject(b, state)) {
                (Ok(one), Ok(other)) => {
                    let words = format!("the {} namespace", kind.file());
                    match probe.ask(&Query::SharesNamespace(one, other, *kind)) {
                        Ok(Answer::Truth(true)) => Verdict::new(true, format!("{a} and {b} share {words}")),
                        Ok(_) => Verdict::new(false, format!("{a} and {b} do not share {words}")),
                        Err(errno) => unseen(&words, errno),
                    }
                }
                (Err(why), _) | (_, Err(why)) => Verdict::new(false, why),
            },
            Goal::Limit { container, kind, is } => limit(container, *kind, *is, state, probe),
            Goal::File { seen_by, path, is } => file(seen_by, path, is, state, probe),
            Goal::ProcessOnHost(name) => process_on_host(name, state, probe),
        }
    }
}

/// The first that is not met decides.
fn all(goals: &[Goal], state: &State, probe: &dyn Probe) -> Verdict {
    let verdicts: Vec<Verdict> = goals.iter().map(|goal| goal.check(state, probe)).collect();
    match verdicts.iter().find(|verdict| !verdict.met) {
        Some(unmet) => unmet.clone(),
        None => Verdict::new(true, joined(&verdicts)),
    }
}

fn any(goals: &[Goal], state: &State, probe: &dyn Probe) -> Verdict {
    let verdicts: Vec<Verdict> = goals.iter().map(|goal| goal.check(state, probe)).collect();
    match verdicts.iter().find(|verdict| verdict.met) {
        Some(met) => met.clone(),
        None => Verdict::new(false, joined(&verdicts)),
    }
}

fn joined(verdicts: &[Verdict]) -> String {
    verdicts.iter().map(|verdict| verdict.why.as_str()).collect::<Vec<_>>().join("; ")
}

fn unseen(what: &str, errno: Errno) -> Verdict {
    Verdict::new(false, format!("{what} could not be looked at: {errno}"))
}

/// The container of that very name; an id or a prefix does not count.
pub(super) fn named<'a>(name: &str, state: &'a State) -> Result<&'a Container, String> {
    state.containers.values().find(|container| container.name == name).ok_or_else(|| format!("there is no container `{name}`"))
}

/// Whom to ask about; a container has a namespace, a view and limits only while it runs.
pub(super) fn subject(who: &Who, state: &State) -> Result<Subject, String> {
    match who {
        Who::Host => Ok(Subject::Host),
        Who::Container(name) => {
            let container = named(name, state)?;
            match container.state.status {
                Status::Running | Status::Paused => Ok(Subject::Container(container.id.clone())),
                other => Err(format!("`{name}` does not run: it is {}", word(other))),
            }
        }
    }
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Created => "created",
        Status::Running => "running",
        Status::Paused => "paused",
        Status::Restarting => "restarting",
        Status::Exited => "exited",
    }
}

fn container(name: &str, is: &Condition, state: &State, probe: &dyn Probe) -> Verdict {
    let there = named(name, state);
    if let Condition::Exists(wanted) = is {
        let why = if there.is_ok() { format!("there is a container `{name}`") } else { format!("there is no container `{name}`") };
        return Verdict::new(there.is_ok() == *wanted, why);
    }
    match there {
        Err(why) => Verdict::new(false, why),
        Ok(found) => match is {
            Condition::Status(_) | Condition::ExitCode(_) | Condition::OomKilled(_) => recorded(found, is, probe),
            _ => running(name, is, state, probe),
        },
    }
}

/// Conditions that the record answers.
fn recorded(container: &Container, is: &Condition, probe: &dyn Probe) -> Verdict {
    let name = &container.name;
    let (status, code, oom) = match probe.ask(&Query::ContainerState(container.id.clone())) {
        Ok(Answer::ContainerState(Some(seen))) => seen,
        Ok(_) => return Verdict::new(false, format!("there is no container `{name}`")),
        Err(errno) => return unseen(&format!("the state of `{name}`"), errno),
    };
    match is {
        Condition::Status(wanted) => Verdict::new(status == *wanted, format!("`{name}` is {}", word(status))),
        Condition::ExitCode(wanted) if status == Status::Exited => {
            Verdict::new(code == *wanted, format!("`{name}` ended with exit code {code}"))
        }
        Condition::OomKilled(wanted) if status == Status::Exited => {
            let not = if oom { "" } else { "not " };
            Verdict::new(oom == *wanted, format!("`{name}` was {not}ended for want of memory"))
        }
        _ => Verdict::new(false, format!("`{name}` has not ended: it is {}", word(status))),
    }
}

/// Conditions that only a running container can meet.
fn running(name: &str, is: &Condition, state: &State, probe: &dyn Probe) -> Verdict {
    let subject = match subject(&Who::Container(name.to_string()), state) {
        Ok(subject) => subject,
        Err(why) => return Verdict::new(false, why),
    };
    match is {
        Condition::Hostname(wanted) => match probe.ask(&Query::Hostname(subject)) {
            Ok(Answer::Text(seen)) => Verdict::new(seen == *wanted, format!("the host name in `{name}` is `{seen}`")),
            other => wrong_answer("the host name", other),
        },
        Condition::ReadOnly(wanted) => match probe.ask(&Query::Mounts(subject)) {
            Ok(Answer::Mounts(mounts)) => {
                let seen = mounts.iter().rev().find(|mount| mount.target == "/").is_some_and(|mount| mount.flags.read_only);
                let words = if seen { "read-only" } else { "writable" };
                Verdict::new(seen == *wanted, format!("the root of `{name}` is {words}"))
            }
            other => wrong_answer("the mounts", other),
        },
        Condition::Uid(wanted) => match probe.ask(&Query::Credentials(subject)) {
            Ok(Answer::Credentials(seen)) => Verdict::new(seen.uid == *wanted, format!("`{name}` runs as user {}", seen.uid)),
            other => wrong_answer("the credentials", other),
        },
        Condition::Processes(wanted) => match probe.ask(&Query::Processes(subject)) {
            Ok(Answer::Processes(seen)) => {
                Verdict::new(seen.len() as u64 == u64::from(*wanted), format!("`{name}` has {} processes", seen.len()))
            }
            other => wrong_answer("the processes", other),
        },
        Condition::Capability(wanted) => match probe.ask(&Query::Capabilities(subject)) {
            Ok(Answer::Capabilities(seen)) => {
                let met = seen.effective.contains(*wanted);
                let has = if met { "has" } else { "does not have" };
                Verdict::new(met, format!("`{name}` {has} {}", wanted.name()))
            }
            other => wrong_answer("the capabilities", other),
        },
        _ => Verdict::new(false, format!("`{name}` cannot be asked that")),
    }
}

pub(super) fn wrong_answer(what: &str, answer: Result<Answer, Errno>) -> Verdict {
    match answer {
        Err(errno) => unseen(what, errno),
        Ok(_) => Verdict::new(false, format!("{what}: the answer was about something else")),
    }
}

fn limit(container: &str, kind: Limit, is: Option<u64>, state: &State, probe: &dyn Probe) -> Verdict {
    let subject = match subject(&Who::Container(container.to_string()), state) {
        Ok(subject) => subject,
        Err(why) => return Verdict::new(false, why),
    };
    match probe.ask(&Query::LimitOf(subject, kind)) {
        Ok(Answer::Limit(seen)) => {
            let words = seen.map_or("none".to_string(), |number| number.to_string());
            Verdict::new(seen == is, format!("the limit of `{container}` is {words}"))
        }
        other => wrong_answer("the limit", other),
    }
}

fn file(seen_by: &Who, path: &str, is: &FileFact, state: &State, probe: &dyn Probe) -> Verdict {
    let subject = match subject(seen_by, state) {
        Ok(subject) => subject,
        Err(why) => return Verdict::new(false, why),
    };
    let content = match probe.ask(&Query::FileBytes(subject, path.to_string())) {
        Ok(Answer::Bytes(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(Errno::ENOENT | Errno::ENOTDIR) => {
            return Verdict::new(*is == FileFact::Exists(false), format!("there is no {path} in {seen_by}"));
        }
        other => return wrong_answer(path, other),
    };
    match is {
        FileFact::Exists(wanted) => Verdict::new(*wanted, format!("there is {path} in {seen_by}")),
        FileFact::Content(wanted) => {
            let met = content.strip_suffix('\n').unwrap_or(&content) == wanted.strip_suffix('\n').unwrap_or(wanted);
            Verdict::new(met, format!("{path} in {seen_by} {}", if met { "is as wanted" } else { "has another content" }))
        }
        FileFact::Contains(wanted) => {
            let met = content.contains(wanted.as_str());
            Verdict::new(met, format!("{path} in {seen_by} {} `{wanted}`", if met { "contains" } else { "does not contain" }))
        }
    }
}

/// The container's processes, as the host numbers them, are among the host's own.
fn process_on_host(name: &str, state: &State, probe: &dyn Probe) -> Verdict {
    let subject = match subject(&Who::Container(name.to_string()), state) {
        Ok(subject) => subject,
        Err(why) => return Verdict::new(false, why),
    };
    let first = match probe.ask(&Query::Processes(subject)) {
        Ok(Answer::Processes(all)) => all.into_iter().next(),
        other => return wrong_answer("the processes", other),
    };
    let host: Vec<ProcessFact> = match probe.ask(&Query::Processes(Subject::Host)) {
        Ok(Answer::Processes(all)) => all,
        other => return wrong_answer("the host's processes", other),
    };
    let met = first.is_some_and(|first| host.iter().any(|process| process.host_pid == first.host_pid));
    let has = if met { "has" } else { "has no" };
    Verdict::new(met, format!("the host {has} a process of its own for `{name}`"))
}
