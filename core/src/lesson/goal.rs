//! Goals as written: conditions on the state, put together with `all`, `any`, `not`.

use toml::{Table, Value};

use super::fields::Fields;
use super::{Diagnostic, GOAL_DEPTH_MAX, report};
use crate::model::Status;
use crate::oci::capability::Capability;
use crate::step::{Limit, NamespaceKind};

/// A condition on the state and the machine.
#[derive(Clone, Debug, PartialEq)]
pub enum Goal {
    /// Every one.
    All(Vec<Goal>),
    /// At least one.
    Any(Vec<Goal>),
    /// Not this.
    Not(Box<Goal>),
    /// A container is as wanted.
    Container {
        /// Its name.
        name: String,
        /// What is wanted.
        is: Condition,
    },
    /// Two are, or are not, in the same namespace.
    Shares {
        /// One.
        a: Who,
        /// The other.
        b: Who,
        /// Which namespace.
        kind: NamespaceKind,
    },
    /// A limit of a container's cgroup, as the kernel reports it.
    Limit {
        /// Its name.
        container: String,
        /// Which.
        kind: Limit,
        /// `None`: no limit.
        is: Option<u64>,
    },
    /// A file as a container (or the host) sees it.
    File {
        /// Who looks.
        seen_by: Who,
        /// Absolute path.
        path: String,
        /// What is wanted.
        is: FileFact,
    },
    /// The container's first process is one of the host's processes.
    ProcessOnHost(String),
}

/// What is wanted of a container.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// It is there, in whatever state, or it is not.
    Exists(bool),
    /// Its state.
    Status(Status),
    /// It has ended with this code.
    ExitCode(i32),
    /// The OOM killer ended it, or not.
    OomKilled(bool),
    /// The host name in its UTS namespace.
    Hostname(String),
    /// Its root is mounted read-only, or not.
    ReadOnly(bool),
    /// The effective user of its first process, inside.
    Uid(u32),
    /// How many processes its pid namespace has.
    Processes(u32),
    /// Its first process can use this capability.
    Capability(Capability),
}

/// What is wanted of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum FileFact {
    /// It can be read, or there is none.
    Exists(bool),
    /// Exactly this text; a newline at the end does not count.
    Content(String),
    /// This text somewhere in it.
    Contains(String),
}

/// Of whom a goal speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// `host`
    Host,
    /// A container by name.
    Container(String),
}

impl Who {
    pub(super) fn named(word: String) -> Who {
        if word == "host" { Who::Host } else { Who::Container(word) }
    }
}

impl std::fmt::Display for Who {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Who::Host => out.write_str("the host"),
            Who::Container(name) => write!(out, "`{name}`"),
        }
    }
}

/// A goal from its value: a table, or a list of which all are to be met.
pub(super) fn read(value: &Value, place: &str, depth: usize, found: &mut Vec<Diagnostic>) -> Option<Goal> {
    if depth >= GOAL_DEPTH_MAX {
        report(found, place, format!("nested deeper than {GOAL_DEPTH_MAX} (GOAL_DEPTH_MAX)"), "take the goal apart into steps");
        return None;
    }
    match value {
        Value::Array(_) => read_list(value, place, depth, found).map(Goal::All),
        Value::Table(table) => read_table(table, place, depth, found),
        other => {
            report(
                found,
                place,
                format!("a goal cannot be a {}", other.type_str()),
                "write a table: `{ container = \"a\", state = \"running\" }`",
            );
            None
        }
    }
}

/// Every one of them, or `None`: a list of which a part is missing would say something else.
fn read_list(value: &Value, place: &str, depth: usize, found: &mut Vec<Diagnostic>) -> Option<Vec<Goal>> {
    let all = match value {
        Value::Array(all) if !all.is_empty() && all.len() <= super::LIST_MAX => all,
        _ => {
            report(found, place, "not a list of 1 to 64 goals (LIST_MAX)", "write `[ { … }, { … } ]`");
            return None;
        }
    };
    let read: Vec<Option<Goal>> =
        all.iter().enumerate().map(|(at, value)| read(value, &format!("{place}, item {}", at + 1), depth + 1, found)).collect();
    read.into_iter().collect()
}

fn read_table(table: &Table, place: &str, depth: usize, found: &mut Vec<Diagnostic>) -> Option<Goal> {
    let mut fields = Fields::new(table, place);
    let kinds = ["not", "all", "any", "shares", "limit", "file", "process_on_host", "container"];
    let goal = match kinds.iter().find(|kind| table.contains_key(**kind)).copied() {
        Some("not") => {
            fields.get("not").and_then(|value| read(value, place, depth + 1, found)).map(|goal| Goal::Not(Box::new(goal)))
        }
        Some("all") => fields.get("all").and_then(|value| read_list(value, place, depth, found)).map(Goal::All),
        Some("any") => fields.get("any").and_then(|value| read_list(value, place, depth, found)).map(Goal::Any),
        Some("shares") => fields.table("shares", found).and_then(|table| shares(table, place, found)),
        Some("limit") => fields.table("limit", found).and_then(|table| limit(table, place, found)),
        Some("file") => fields.table("file", found).and_then(|table| file(table, place, found)),
        Some("process_on_host") => fields.text("process_on_host", found).map(Goal::ProcessOnHost),
        Some(_) => container(&mut fields, found),
        None => {
            report(found, place, "no condition is written here", format!("use one of: {}", kinds.join(", ")));
            return None;
        }
    };
    fields.finish(found);
    goal
}

fn container(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<Goal> {
    let before = found.len();
    let name = fields.text("container", found)?;
    let number = |value: i64| u32::try_from(value).ok();
    let mut wanted: Vec<Condition> = Vec::new();
    wanted.extend(fields.truth("exists", found).map(Condition::Exists));
    wanted.extend(status(fields, found).map(Condition::Status));
    wanted.extend(fields.integer("exit_code", found).and_then(|code| i32::try_from(code).ok()).map(Condition::ExitCode));
    wanted.extend(fields.truth("oom_killed", found).map(Condition::OomKilled));
    wanted.extend(fields.text("hostname", found).map(Condition::Hostname));
    wanted.extend(fields.truth("read_only", found).map(Condition::ReadOnly));
    wanted.extend(fields.integer("uid", found).and_then(number).map(Condition::Uid));
    wanted.extend(fields.integer("processes", found).and_then(number).map(Condition::Processes));
    wanted.extend(capability(fields, found).map(Condition::Capability));
    if wanted.is_empty() && found.len() == before {
        report(
            found,
            fields.place(),
            "nothing is wanted of the container",
            "add `state`, `exists`, `hostname` or another condition",
        );
    }
    let mut goals: Vec<Goal> = wanted.into_iter().map(|is| Goal::Container { name: name.clone(), is }).collect();
    if goals.len() > 1 { Some(Goal::All(goals)) } else { goals.pop() }
}

fn status(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<Status> {
    let word = fields.text("state", found)?;
    let status = match word.as_str() {
        "created" => Status::Created,
        "running" => Status::Running,
        "paused" => Status::Paused,
        "restarting" => Status::Restarting,
        "exited" => Status::Exited,
        _ => {
            report(found, fields.place(), format!("`{word}` is no state of a container"), "use created, running, paused or exited");
            return None;
        }
    };
    Some(status)
}

fn capability(fields: &mut Fields<'_>, found: &mut Vec<Diagnostic>) -> Option<Capability> {
    let word = fields.text("capability", found)?;
    let capability = Capability::parse(&word);
    if capability.is_none() {
        report(found, fields.place(), format!("`{word}` is no capability"), "use a name of capabilities(7), such as NET_ADMIN");
    }
    capability
}

fn shares(table: &Table, place: &str, found: &mut Vec<Diagnostic>) -> Option<Goal> {
    let mut fields = Fields::new(table, format!("{place}, shares"));
    let (a, b) = (Who::named(fields.needed_text("a", found)), Who::named(fields.needed_text("b", found)));
    let word = fields.needed_text("kind", found);
    let kind = match word.as_str() {
        "user" => Some(NamespaceKind::User),
        "pid" => Some(NamespaceKind::Pid),
        "mount" => Some(NamespaceKind::Mount),
        "uts" => Some(NamespaceKind::Uts),
        "ipc" => Some(NamespaceKind::Ipc),
        "network" => Some(NamespaceKind::Network),
        "cgroup" => Some(NamespaceKind::Cgroup),
        "time" => Some(NamespaceKind::Time),
        _ => {
            let kinds = "use user, pid, mount, uts, ipc, network, cgroup or time";
            report(found, fields.place(), format!("`{word}` is no kind of namespace"), kinds);
            None
        }
    };
    fields.finish(found);
    Some(Goal::Shares { a, b, kind: kind? })
}

fn limit(table: &Table, place: &str, found: &mut Vec<Diagnostic>) -> Option<Goal> {
    let mut fields = Fields::new(table, format!("{place}, limit"));
    let container = fields.needed_text("container", found);
    let word = fields.needed_text("kind", found);
    let kind = match word.as_str() {
        "memory" => Some(Limit::Memory),
        "pids" => Some(Limit::Pids),
        "cpu_quota" => Some(Limit::CpuQuota),
        _ => {
            report(found, fields.place(), format!("`{word}` is no limit"), "use memory (bytes), pids or cpu_quota (microseconds)");
            None
        }
    };
    let is = match fields.get("is") {
        Some(Value::Integer(number)) => u64::try_from(*number).ok().map(Some),
        Some(Value::String(word)) if word == "none" => Some(None),
        _ => None,
    };
    if is.is_none() {
        report(found, fields.place(), "`is` is missing or no number", "write `is = 67108864` or `is = \"none\"`");
    }
    fields.finish(found);
    Some(Goal::Limit { container, kind: kind?, is: is? })
}

fn file(table: &Table, place: &str, found: &mut Vec<Diagnostic>) -> Option<Goal> {
    let mut fields = Fields::new(table, format!("{place}, file"));
    let seen_by = Who::named(fields.needed_text("container", found));
    let path = fields.needed_text("path", found);
    let mut wanted: Vec<FileFact> = Vec::new();
    wanted.extend(fields.truth("exists", found).map(FileFact::Exists));
    wanted.extend(fields.text("content", found).map(FileFact::Content));
    wanted.extend(fields.text("contains", found).map(FileFact::Contains));
    if !path.starts_with('/') {
        report(found, fields.place(), "`path` is not absolute", "begin it with `/`");
    }
    if wanted.len() != 1 {
        report(found, fields.place(), "not exactly one of `exists`, `content` and `contains`", "keep one, or write two goals");
    }
    fields.finish(found);
    Some(Goal::File { seen_by, path, is: wanted.pop()? })
}
