//! Questions to predict: what is asked, and the answer, computed by Queries when it is asked.

use super::check::{named, subject, wrong_answer};
use super::fields::Fields;
use super::goal::{self, Goal, Who};
use super::{Diagnostic, report};
use crate::model::State;
use crate::query::{Answer, Probe, Query};
use toml::Value as Toml;

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Is it so? Yes or no.
    Truth(Goal),
    /// What is it?
    Value {
        /// Of which container.
        container: String,
        /// Which.
        value: Value,
    },
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// `processes`: how many it has.
    Processes,
    /// `hostname`
    Hostname,
    /// `uid`: of the first process, inside.
    Uid,
    /// `exit_code`
    ExitCode,
    /// `capabilities`: how many the first process can use.
    Capabilities,
    /// `changes`: how many paths it has changed in its own layer.
    Changes,
}

/// An answer, as a learner would give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Yes or no.
    Truth(bool),
    /// A number.
    Number(i64),
    /// A word.
    Text(String),
}

impl std::fmt::Display for Reply {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reply::Truth(truth) => out.write_str(if *truth { "yes" } else { "no" }),
            Reply::Number(number) => write!(out, "{number}"),
            Reply::Text(text) => out.write_str(text),
        }
    }
}

impl Ask {
    /// The answer, on the state that is there; an error says why there is none.
    pub fn reply(&self, state: &State, probe: &dyn Probe) -> Result<Reply, String> {
        match self {
            Ask::Truth(goal) => Ok(Reply::Truth(goal.check(state, probe).met)),
            Ask::Value { container, value } => {
                let query = query(container, *value, state)?;
                match (value, probe.ask(&query)) {
                    (Value::Processes, Ok(Answer::Processes(all))) => Ok(Reply::Number(all.len() as i64)),
                    (Value::Hostname, Ok(Answer::Text(text))) => Ok(Reply::Text(text)),
                    (Value::Uid, Ok(Answer::Credentials(seen))) => Ok(Reply::Number(i64::from(seen.uid))),
                    (Value::ExitCode, Ok(Answer::ContainerState(Some((_, code, _))))) => Ok(Reply::Number(i64::from(code))),
                    (Value::Capabilities, Ok(Answer::Capabilities(seen))) => Ok(Reply::Number(seen.effective.len() as i64)),
                    (Value::Changes, Ok(Answer::Changes(all))) => Ok(Reply::Number(all.len() as i64)),
                    (_, other) => Err(wrong_answer(&format!("`{container}`"), other).why),
                }
            }
        }
    }

    /// A learner's answer is the computed one; blanks around it and capitals do not count.
    pub fn is_answered_by(&self, given: &str, reply: &Reply) -> bool {
        given.trim().eq_ignore_ascii_case(&reply.to_string())
    }
}

fn query(container: &str, value: Value, state: &State) -> Result<Query, String> {
    let found = named(container, state)?.id.clone();
    match value {
        Value::ExitCode => return Ok(Query::ContainerState(found)),
        Value::Changes => return Ok(Query::Changes(found)),
        _ => {}
    }
    let subject = subject(&Who::Container(container.to_string()), state)?;
    Ok(match value {
        Value::Hostname => Query::Hostname(subject),
        Value::Uid => Query::Credentials(subject),
        Value::Capabilities => Query::Capabilities(subject),
        Value::Processes | Value::ExitCode | Value::Changes => Query::Processes(subject),
    })
}

/// `{ query = "hostname", container = "a" }`, or a goal: is it so?
pub(super) fn read(value: &Toml, place: &str, found: &mut Vec<Diagnostic>) -> Option<Ask> {
    let table = match value {
        Toml::Table(table) if table.contains_key("query") => table,
        other => return goal::read(other, place, 0, found).map(Ask::Truth),
    };
    let mut fields = Fields::new(table, place);
    let (word, container) = (fields.needed_text("query", found), fields.needed_text("container", found));
    fields.finish(found);
    let value = match word.as_str() {
        "process_on_host" => return Some(Ask::Truth(Goal::ProcessOnHost(container))),
        "processes" => Value::Processes,
        "hostname" => Value::Hostname,
        "uid" => Value::Uid,
        "exit_code" => Value::ExitCode,
        "capabilities" => Value::Capabilities,
        "changes" => Value::Changes,
        _ => {
            let known = "use process_on_host, processes, hostname, uid, exit_code, capabilities, changes, or write a goal";
            report(found, place, format!("`{word}` cannot be asked"), known);
            return None;
        }
    };
    Some(Ask::Value { container, value })
}
