//! A plan as a tree: what `--plan` shows, as text or JSON, without carrying anything out.

use serde::{Deserialize, Serialize};

use crate::apply::apply;
use crate::event::Event;
use crate::explain::{Call, cause_sentence, explain};
use crate::host::HostFacts;
use crate::model::State;
use crate::plan::{Cause, Context, Cursor, Node, Plan, Planned, Visit};
use crate::step::{Place, Step, StoreStep, Undo};

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
    PlanTree { format: FORMAT, command: plan.invocation.words.text.clone(), warnings: plan.warnings.clone(), steps, monitor }
}

fn walk(steps: Vec<Planned>, plan: &Plan, state: &mut State, host: &HostFacts) -> Vec<PlanNode> {
    let mut cursor = Cursor::new(steps, Vec::new());
    let mut open: Vec<PlanNode> = Vec::new();
    let mut done = Vec::new();
    while let Some(visit) = cursor.advance(&Context { state, host, invocation: &plan.invocation }) {
        match visit {
            Visit::Enter(node) => open.push(plan_node(node)),
            Visit::Leaf(node) => {
                foresee(&node.step, state);
                open.last_mut().map_or(&mut done, |parent| &mut parent.children).push(plan_node(node));
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

fn plan_node(node: Node) -> PlanNode {
    let explanation = explain(&node.step);
    PlanNode {
        id: node.id.to_string(),
        name: node.step.name().to_string(),
        place: node.step.place(),
        headline: explanation.headline,
        why: explanation.why,
        causes: node.causes,
        calls: explanation.calls,
        undo: node.step.undo(),
        step: node.step,
        children: Vec::new(),
    }
}

/// What later steps need to be expanded: the record of the container.
pub(crate) fn foresee(step: &Step, state: &mut State) {
    match step {
        Step::Store(StoreStep::RecordContainer { container, .. }) => {
            apply(state, &Event::ContainerRecorded { container: container.clone() });
        }
        Step::Store(StoreStep::ExtractLayer { image, diff_id, directory }) => {
            let event = Event::LayerExtracted { image: image.clone(), diff_id: diff_id.clone(), directory: directory.clone() };
            apply(state, &event);
        }
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

    /// An indented tree: number, headline, causes, calls.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.command);
        for warning in &self.warnings {
            text.push_str(&format!("! {warning}\n"));
        }
        text.push('\n');
        self.steps.iter().for_each(|node| write_node(node, 0, &mut text));
        if !self.monitor.is_empty() {
            text.push_str("\nThen the monitor of the container:\n");
            self.monitor.iter().for_each(|node| write_node(node, 0, &mut text));
        }
        text.push_str(&format!("\n{} steps. Nothing was done.\n", self.leaves()));
        text
    }
}

fn write_node(node: &PlanNode, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    text.push_str(&format!("{indent}{} {}\n", node.id, node.headline));
    for cause in &node.causes {
        text.push_str(&format!("{indent}    because: {}\n", cause_sentence(cause)));
    }
    for call in &node.calls {
        text.push_str(&format!("{indent}    {call}\n"));
    }
    node.children.iter().for_each(|child| write_node(child, depth + 1, text));
}
