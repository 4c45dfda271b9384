//! A plan as a tree: what `--plan` shows, as text or JSON, without carrying anything out.

use serde::{Deserialize, Serialize};

use crate::apply::apply;
use crate::event::Event;
use crate::explain::{Call, cause_sentence, explain};
use crate::host::HostFacts;
use crate::model::State;
use crate::observe::{Actors, Outcome, essential};
use crate::plan::{Cause, Context, Cursor, Node, Plan, Planned, Visit};
use crate::step::{BuildStep, Place, Step, StoreStep, Undo};

/// The JSON document's format.
const FORMAT: u32 = 1;

/// A plan as a tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanTree {
    /// 1
    pub format: u32,
    /// The command's text.
    pub command: String,
    /// Warnings that would be shown first.
    pub warnings: Vec<String>,
    /// What the command does.
    pub steps: Vec<PlanNode>,
    /// What comes after these steps is planned when they have fetched an image.
    #[serde(default)]
    pub goes_on: bool,
    /// What the monitor of a started container does afterwards.
    pub monitor: Vec<PlanNode>,
}

/// A step in the tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanNode {
    /// Its place: `2.3.1`.
    pub id: String,
    /// `PivotRoot`
    pub name: String,
    /// Whose process.
    pub place: Place,
    /// What it does.
    pub headline: String,
    /// Why.
    pub why: String,
    /// Why it is in the plan.
    pub causes: Vec<Cause>,
    /// The kernel calls.
    pub calls: Vec<Call>,
    /// How it is undone.
    pub undo: Undo,
    /// The step itself.
    pub step: Step,
    /// Its parts.
    pub children: Vec<PlanNode>,
}

/// Walks the plan on a copy of the state, in which what the steps would record is taken for done.
pub fn plan_tree(plan: &Plan, state: &State, host: &HostFacts) -> PlanTree {
    let mut state = state.clone();
    let steps = walk(plan.steps.clone(), plan, &mut state, host);
    let monitor = walk(plan.monitor.clone(), plan, &mut state, host);
    let command = plan.invocation.words.text.clone();
    PlanTree { format: FORMAT, command, warnings: plan.warnings.clone(), steps, goes_on: plan.goes_on, monitor }
}

fn walk(steps: Vec<Planned>, plan: &Plan, state: &mut State, host: &HostFacts) -> Vec<PlanNode> {
    let mut cursor = Cursor::new(steps, Vec::new());
    let mut open: Vec<PlanNode> = Vec::new();
    let mut done = Vec::new();
    while let Some(visit) = cursor.advance(&Context { state, host, invocation: &plan.invocation }) {
        match visit {
            Visit::Enter(node) => open.push(plan_node(&node)),
            Visit::Leaf(node) => {
                foresee(&node.step, state);
                open.last_mut().map_or(&mut done, |parent| &mut parent.children).push(plan_node(&node));
            }
            Visit::Leave(_) => {
                if let Some(closed) = open.pop() {
                    open.last_mut().map_or(&mut done, |parent| &mut parent.children).push(closed);
                }
            }
        }
    }
    done
}

fn plan_node(node: &Node) -> PlanNode {
    let explanation = explain(&node.step);
    PlanNode {
        id: node.id.to_string(),
        name: node.step.name().to_string(),
        place: node.step.place(),
        headline: explanation.headline,
        why: explanation.why,
        causes: node.causes.clone(),
        calls: explanation.calls,
        undo: node.step.undo(),
        step: node.step.clone(),
        children: Vec::new(),
    }
}

fn foreseen(step: &BuildStep) -> Vec<Event> {
    essential(&Step::Build(step.clone()), &Outcome::default(), Actors::default())
}

/// What later steps need to be expanded: the record of the container.
pub(crate) fn foresee(step: &Step, state: &mut State) {
    match step {
        Step::Store(StoreStep::RecordContainer { container, .. }) => {
            apply(state, &Event::ContainerRecorded { container: container.clone() });
        }
        Step::Store(StoreStep::ExtractLayer { image, diff_id, directory, .. }) => {
            let event = Event::LayerExtracted { image: image.clone(), diff_id: diff_id.clone(), directory: directory.clone() };
            apply(state, &event);
        }
        // The files that an instruction copies are not read for this.
        Step::Build(step) if !matches!(step, BuildStep::ReadSources { .. }) => {
            foreseen(step).iter().for_each(|event| apply(state, event));
        }
        Step::Store(StoreStep::CreateVolume { volume, .. }) => apply(state, &Event::VolumeCreated { volume: volume.clone() }),
        _ => {}
    }
}

impl PlanTree {
    /// How many leaves the plan has.
    pub fn leaves(&self) -> usize {
        fn count(nodes: &[PlanNode]) -> usize {
            nodes.iter().map(|node| if node.children.is_empty() { 1 } else { count(&node.children) }).sum()
        }
        count(&self.steps) + count(&self.monitor)
    }

    /// JSON, with its newline.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// An indented tree: number, headline, why, causes, calls. What a step shares with the one before it is not said twice, and digests
    /// are cut; the JSON has everything.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.command);
        for warning in &self.warnings {
            text.push_str(&format!("! {warning}\n"));
        }
        text.push('\n');
        write_nodes(&self.steps, 0, &mut text);
        if self.goes_on {
            let fetches = self.steps.iter().any(|step| step.name == "PullImage");
            let (when, what) = if fetches { ("the image is here", "the image says") } else { ("this is done", "comes of it") };
            text.push_str(&format!("\nThe rest is planned when {when}: it depends on what {what}.\n"));
        }
        if !self.monitor.is_empty() {
            text.push_str("\nThen the monitor of the container:\n");
            write_nodes(&self.monitor, 0, &mut text);
        }
        text.push_str(&format!("\n{} steps. Nothing was done.\n", self.leaves()));
        with_short_digests(&text)
    }
}

fn write_nodes(nodes: &[PlanNode], depth: usize, text: &mut String) {
    let mut before: Option<&PlanNode> = None;
    for node in nodes {
        write_node(node, before, depth, text);
        before = Some(node);
    }
}

fn write_node(node: &PlanNode, before: Option<&PlanNode>, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    text.push_str(&format!("{indent}{} {}\n", node.id, node.headline));
    if before.is_none_or(|before| before.why != node.why) {
        text.push_str(&format!("{indent}    {}\n", node.why));
    }
    if before.is_none_or(|before| before.causes != node.causes) {
        for cause in &node.causes {
            text.push_str(&format!("{indent}    because: {}\n", cause_sentence(cause)));
        }
    }
    for call in &node.calls {
        text.push_str(&format!("{indent}    > {call}\n"));
    }
    write_nodes(&node.children, depth + 1, text);
}

/// The hexadecimal digits of a digest or an id.
const DIGEST_DIGITS: usize = 64;
/// Those that are shown, as `docker ps` does.
const SHORT_DIGITS: usize = 12;

fn with_short_digests(text: &str) -> String {
    let mut short = String::with_capacity(text.len());
    for part in text.split_inclusive(|character: char| !character.is_ascii_hexdigit()) {
        match part.split_at_checked(DIGEST_DIGITS) {
            Some((digest, rest)) if rest.chars().count() == 1 => {
                short.push_str(digest.get(..SHORT_DIGITS).unwrap_or(digest));
                short.push('…');
                short.push_str(rest);
            }
            _ => short.push_str(part),
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    fn tree(line: &str) -> PlanTree {
        let host = HostFacts::example();
        let mut state = State::of_engine("/var/lib/glassbox");
        let image = crate::oci::toolbox::image(&host.toolbox);
        state.images.insert_mut(image.id.clone(), image);
        let invocation = Rc::new(crate::cli::parse_line(line).unwrap());
        let plan = crate::plan::plan(&invocation, &state, &host).unwrap();
        plan_tree(&plan, &state, &host)
    }

    fn each(nodes: &[PlanNode], check: &mut dyn FnMut(&PlanNode)) {
        for node in nodes {
            check(node);
            each(&node.children, check);
        }
    }

    #[test]
    fn every_step_is_there_with_a_cause_and_points_at_its_words() {
        let line = "docker run -m 64m --network none toolbox true";
        let tree = tree(line);
        let mut names = Vec::new();
        each(&tree.steps, &mut |node| {
            assert!(!node.causes.is_empty(), "{} {}", node.id, node.name);
            names.push(node.name.clone());
            for cause in &node.causes {
                if let Cause::Words { text, span } = cause {
                    assert_eq!(&line[span.start..span.end], text);
                }
            }
        });
        for name in ["CreateContainer", "WriteLimit", "PivotRoot", "ExecProgram", "RecordStart"] {
            assert!(names.iter().any(|known| known == name), "{name}");
        }
        let start = tree.steps.iter().find(|node| node.name == "StartContainer").unwrap();
        assert_eq!(cause_sentence(&start.causes[0]), "You wrote `run`.");
        assert_eq!(tree.monitor.len(), 2);
    }

    #[test]
    fn json_comes_back_as_it_went() {
        let tree = tree("docker run -d --init toolbox sh -c 'echo hi'");
        assert_eq!(serde_json::from_str::<PlanTree>(&tree.to_json()).unwrap(), tree);
    }

    #[test]
    fn the_text_says_why_once_and_cuts_digests() {
        let text = tree("docker run --network none toolbox true").to_text();
        assert_eq!(text.matches("It tells of the whole host or acts on it.").count(), 1);
        assert!(text.contains("> pivot_root(\".\", \".\")\n") && text.contains("steps. Nothing was done.\n"));
        let longest = text.split(|character: char| !character.is_ascii_hexdigit()).map(str::len).max();
        assert_eq!(longest, Some(SHORT_DIGITS));
    }

    #[test]
    fn only_digests_are_cut() {
        let digest = "ab".repeat(32);
        assert_eq!(with_short_digests(&format!("/{digest}/x {digest}\n")), "/abababababab…/x abababababab…\n");
        for text in ["feedface 1\n", &format!("{}é", "a".repeat(63)), &format!("{}…", "a".repeat(62))] {
            assert_eq!(with_short_digests(text), text);
        }
        assert_eq!(with_short_digests(&format!("{digest}0\n")), format!("{digest}0\n"));
    }
}
