//! What explanations claim, held against a trace: each process made the calls that its steps name, in that order.
//!
//! ```text
//! --plan=json ─▶ claims by actor (engine, monitor, container) ─┐
//! strace -ff  ─▶ calls by process ─────────────────────────────┴─▶ a claim that finds no call, in words
//! ```
//! A claim matches the next call of its name whose arguments agree; `…` agrees with anything, flags are compared as sets. A claim that is
//! not always made is tried and may find nothing.

use std::collections::BTreeSet;

use glassbox_core::explain::{Call, CallWhen};
use glassbox_core::step::{Phase, Place, Step};
use glassbox_core::view::plan::{PlanNode, PlanTree};

use crate::trace::Traced;

/// A call that a step's explanation names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// `2.3.1 PivotRoot`
    pub step: String,
    /// What it names.
    pub call: Call,
}

/// The claims of a plan by who is to make the calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// The process that was started.
    pub engine: Vec<Claim>,
    /// The monitor of a detached container; without one, the engine makes these after its own.
    pub monitor: Vec<Claim>,
    /// The process that becomes the container's.
    pub container: Vec<Claim>,
}

impl Claims {
    /// Of a plan. `detached`: what belongs to starting is done by a monitor.
    pub fn of(tree: &PlanTree, detached: bool) -> Claims {
        let mut claims = Claims::default();
        tree.steps.iter().for_each(|node| claims.add(node, detached, false));
        tree.monitor.iter().for_each(|node| claims.add(node, detached, detached));
        claims
    }

    fn add(&mut self, node: &PlanNode, detached: bool, in_monitor: bool) {
        let starts = matches!(node.step, Step::Phase(Phase::StartContainer { .. }));
        let in_monitor = in_monitor || (detached && starts);
        let list = match node.place {
            Place::Container => &mut self.container,
            Place::Engine if in_monitor => &mut self.monitor,
            Place::Engine => &mut self.engine,
        };
        let step = format!("{} {}", node.id, node.name);
        list.extend(node.calls.iter().map(|call| Claim { step: step.clone(), call: call.clone() }));
        node.children.iter().for_each(|child| self.add(child, detached, in_monitor));
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.engine.len() + self.monitor.len() + self.container.len()
    }
}

/// How a list of claims was met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Met {
    /// Claims that found their call.
    pub held: usize,
    /// Claims of calls not always made that found none.
    pub absent: usize,
    /// The first claim that had to find its call and did not: everything after it is unknown.
    pub broken: Option<String>,
}

/// Holds the claims against the calls of one process. `same`: makes ids and paths of both sides alike.
pub fn hold(claims: &[Claim], calls: &[Traced], same: &dyn Fn(&str) -> String) -> Met {
    let mut met = Met::default();
    let mut at = 0;
    for (index, claim) in claims.iter().enumerate() {
        let limit = if claim.call.when == CallWhen::Always { calls.len() } else { horizon(claims, index, calls, at, same) };
        match (at..limit).find(|place| agrees(&claim.call, &calls[*place], same)) {
            Some(place) => {
                at = place + 1;
                met.held += 1;
            }
            None if claim.call.when != CallWhen::Always => met.absent += 1,
            None => {
                met.broken = Some(report(claim, calls, at));
                return met;
            }
        }
    }
    met
}

/// A call that is not always made is looked for only before the next one that is.
fn horizon(claims: &[Claim], index: usize, calls: &[Traced], at: usize, same: &dyn Fn(&str) -> String) -> usize {
    let next = claims[index + 1..].iter().find(|claim| claim.call.when == CallWhen::Always);
    let found = next.and_then(|claim| (at..calls.len()).find(|place| agrees(&claim.call, &calls[*place], same)));
    found.unwrap_or(calls.len())
}

/// The claim, and the calls of that name that were made instead.
fn report(claim: &Claim, calls: &[Traced], at: usize) -> String {
    let seen = calls[at..].iter().filter(|call| call.name == claim.call.name).take(4);
    let seen: Vec<String> = seen.map(|call| format!("    {}({})", call.name, call.arguments.join(", "))).collect();
    let after = calls[..at].last().map(|call| format!("{}({})", call.name, call.arguments.join(", "))).unwrap_or_default();
    format!("{} names {}, which was not made after {after}; instead:\n{}", claim.step, claim.call, seen.join("\n"))
}

fn agrees(claimed: &Call, traced: &Traced, same: &dyn Fn(&str) -> String) -> bool {
    if claimed.name != traced.name || !traced.succeeded() {
        return false;
    }
    // What follows a last `…` may be any number of further arguments.
    let open = claimed.arguments.last().is_some_and(|last| last == "…");
    let fits = if open {
        traced.arguments.len() + 1 >= claimed.arguments.len()
    } else {
        traced.arguments.len() == claimed.arguments.len()
    };
    fits && claimed.arguments.iter().zip(&traced.arguments).all(|(claimed, traced)| alike(&same(claimed), &same(traced)))
}

fn alike(claimed: &str, traced: &str) -> bool {
    if let Some((before, after)) = claimed.split_once('…') {
        return traced.starts_with(before) && traced.ends_with(after);
    }
    claimed == traced || (is_flags(claimed) && flags(claimed) == flags(traced))
}

fn is_flags(text: &str) -> bool {
    text.contains('|') && !text.contains('"')
}

fn flags(text: &str) -> BTreeSet<&str> {
    text.split('|').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(name: &str, arguments: &[&str], when: CallWhen) -> Claim {
        let arguments = arguments.iter().map(|argument| (*argument).to_string()).collect();
        Claim { step: "1 Test".into(), call: Call { name: name.into(), arguments, when } }
    }

    fn met(claims: &[Claim], lines: &[&str]) -> Met {
        let calls: Vec<Traced> = lines.iter().filter_map(|line| Traced::parse(line)).collect();
        hold(claims, &calls, &|text| text.to_string())
    }

    #[test]
    fn order_and_arguments_count() {
        let claims = [claim("chdir", &["\"/a\""], CallWhen::Always), claim("umount2", &["\".\"", "MNT_DETACH"], CallWhen::Always)];
        let lines = ["chdir(\"/a\") = 0", "getpid() = 3", "umount2(\".\", MNT_DETACH) = 0"];
        assert_eq!(met(&claims, &lines), Met { held: 2, absent: 0, broken: None });
        assert!(met(&claims, &[lines[2], lines[0]]).broken.unwrap().contains("umount2"));
        assert!(met(&claims, &["chdir(\"/b\") = 0", lines[2]]).broken.unwrap().contains("chdir"));
        assert!(met(&claims, &["chdir(\"/a\") = -1 ENOENT (No such file or directory)", lines[2]]).broken.is_some());
    }

    #[test]
    fn flags_are_sets_and_an_ellipsis_is_anything() {
        let claims = [claim("mount", &["NULL", "\"/\"", "NULL", "MS_REC|MS_PRIVATE", "…"], CallWhen::Always)];
        assert_eq!(met(&claims, &["mount(NULL, \"/\", NULL, MS_PRIVATE|MS_REC, NULL) = 0"]).broken, None);
        assert!(met(&claims, &["mount(NULL, \"/\", NULL, MS_REC, NULL) = 0"]).broken.is_some());
        let clone = [claim("clone3", &["{flags=CLONE_PIDFD|CLONE_NEWPID…}", "…"], CallWhen::Always)];
        assert_eq!(met(&clone, &["clone3({flags=CLONE_PIDFD|CLONE_NEWPID, pidfd=0x7}, 88) = 9"]).broken, None);
        assert!(met(&clone, &["clone3({flags=CLONE_PIDFD, pidfd=0x7}, 88) = 9"]).broken.is_some());
    }

    #[test]
    fn a_call_not_always_made_may_be_absent_and_does_not_run_ahead() {
        let claims = [claim("mkdir", &["…", "…"], CallWhen::IfMissing), claim("chdir", &["…"], CallWhen::Always)];
        let met_late = met(&claims, &["chdir(\"/\") = 0", "mkdir(\"/x\", 0755) = 0"]);
        assert_eq!(met_late, Met { held: 1, absent: 1, broken: None });
    }
}
