//! What the debugger writes: the step at hand, what was predicted and observed, and answers to `inspect`.

use glassbox_core::event::Event;
use glassbox_core::explain::{cause_sentence, explain};
use glassbox_core::plan::Node;
use glassbox_core::query::{Answer, Probe, Query, Subject};
use glassbox_core::view::{compare, events::event_line, machine};

use crate::engine::Engine;
use crate::observe::LinuxProbe;

/// The line before the prompt.
pub fn upcoming(node: &Node) -> String {
    let parts = if node.step.is_composite() { "  (has parts)" } else { "" };
    format!("{}{} {}: {}{parts}\n", "  ".repeat(node.depth()), node.id, node.step.name(), explain(&node.step).headline)
}

/// The explanation in full.
pub fn why(node: &Node) -> String {
    let explanation = explain(&node.step);
    let mut text = format!("  {}\n", explanation.why);
    node.causes.iter().for_each(|cause| text.push_str(&format!("  because: {}\n", cause_sentence(cause))));
    explanation.calls.iter().for_each(|call| text.push_str(&format!("  call: {call}\n")));
    explanation.see.iter().for_each(|line| text.push_str(&format!("  see: {line}\n")));
    text
}

/// What the model predicted and what Linux shows.
pub fn carried_out(predicted: Option<&[Event]>, observed: &[Event]) -> String {
    let mut text = String::new();
    for line in observed.iter().map(event_line).filter(|line| !line.is_empty()) {
        text.push_str(&format!("    Linux shows:  {line}\n"));
    }
    match predicted {
        None => text.push_str("    the model cannot tell: this command is about containers that it does not hold\n"),
        Some(predicted) => {
            let comparison = compare::compare(predicted, observed);
            if comparison.agrees() {
                text.push_str("    predicted by the model: the same\n");
            } else {
                comparison.to_text().lines().for_each(|line| text.push_str(&format!("    {line}\n")));
            }
        }
    }
    text
}

/// The steps that were carried out.
pub fn past<'a>(nodes: impl Iterator<Item = &'a Node>) -> String {
    nodes.map(|node| format!("  {} {}\n", node.id, node.step.name())).collect()
}

/// The answer to `inspect WHAT`.
pub fn inspect(what: &str, engine: &Engine, process: Option<i32>) -> String {
    let probe = LinuxProbe::new(&engine.store);
    let subject = process.and_then(|pid| u32::try_from(pid).ok()).map_or(Subject::Host, Subject::Process);
    let ask = |query: Query| match probe.ask(&query) {
        Ok(answer) => answer_text(&answer),
        Err(errno) => format!("  {errno}\n"),
    };
    match what {
        "processes" => ask(Query::Processes(subject)),
        "mounts" => ask(Query::Mounts(subject)),
        "credentials" => ask(Query::Credentials(subject.clone())) + &ask(Query::Capabilities(subject)),
        "namespaces" => namespaces(&subject, &probe),
        "state" => machine::machine(&engine.state, &probe).namespaces.iter().map(|row| format!("  {}\n", row.who)).collect(),
        _ => "glassbox: inspect processes | namespaces | mounts | credentials | state\n".to_string(),
    }
}

fn namespaces(subject: &Subject, probe: &dyn Probe) -> String {
    let mut text = String::new();
    for kind in glassbox_core::step::NamespaceKind::ALL {
        let number = probe.ask(&Query::Namespace(subject.clone(), kind));
        let shared = probe.ask(&Query::SharesNamespace(Subject::Host, subject.clone(), kind));
        if let (Ok(Answer::Namespace(number)), Ok(Answer::Truth(shared))) = (number, shared) {
            let whose = if shared { "the host's" } else { "its own" };
            text.push_str(&format!("  {:<7} {number}  {whose}\n", kind.file()));
        }
    }
    text
}

fn answer_text(answer: &Answer) -> String {
    match answer {
        Answer::Processes(all) => {
            all.iter().map(|process| format!("  {:>6} {:>6} {}\n", process.host_pid, process.pid, process.argv.join(" "))).collect()
        }
        Answer::Mounts(all) => {
            all.iter().map(|mount| format!("  {:<8} {} {}\n", mount.fs_type, mount.target, mount.flags.names().join("|"))).collect()
        }
        Answer::Credentials(fact) => format!(
            "  uid {} gid {} groups {:?} no_new_privs {} seccomp {}\n",
            fact.uid, fact.gid, fact.groups, fact.no_new_privileges, fact.seccomp_filter
        ),
        Answer::Capabilities(fact) => format!("  effective {}\n  bounding {}\n", fact.effective, fact.bounding),
        other => format!("  {other:?}\n"),
    }
}
