//! `Cursor`: a place in a plan's tree, walked lazily and depth first. Plain data, so that a world holding one can be cloned.

use std::ops::Deref;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::{Context, PlanPart, Planned, expand};
use crate::step::Step;

/// Stands in a place for what is left to do when a step has failed.
pub const AFTERWARDS: u16 = u16::MAX;

/// The place of a step in its plan: `2.3.1` is the first part of the third part of the second step; `2.after.1` the first of those that
/// follow when the second has failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StepId(pub Vec<u16>);

impl std::fmt::Display for StepId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |part: &u16| if *part == AFTERWARDS { "after".to_string() } else { part.to_string() };
        let parts: Vec<String> = self.0.iter().map(shown).collect();
        out.write_str(&parts.join("."))
    }
}

/// A step at its place: it reads as the [`Planned`] that it is. Steps are made once, when their parent is expanded; a node points to one
/// of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Node {
    /// Its place.
    pub id: StepId,
    steps: Rc<Vec<Planned>>,
    index: usize,
}

/// A node as it is written down.
#[derive(Serialize, Deserialize)]
struct Written {
    id: StepId,
    #[serde(flatten)]
    planned: Planned,
}

impl From<Written> for Node {
    fn from(written: Written) -> Node {
        Node::new(written.id, written.planned)
    }
}

impl From<Node> for Written {
    fn from(node: Node) -> Written {
        Written { planned: node.deref().clone(), id: node.id }
    }
}

impl Node {
    /// One that stands alone: a line of a recording.
    pub fn new(id: StepId, planned: Planned) -> Node {
        Node { id, steps: Rc::new(vec![planned]), index: 0 }
    }

    /// 0 for a step at the top.
    pub fn depth(&self) -> usize {
        self.id.0.len().saturating_sub(1)
    }
}

impl Deref for Node {
    type Target = Planned;

    fn deref(&self) -> &Planned {
        // Whoever makes a node has looked at the step.
        &self.steps[self.index]
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Node) -> bool {
        self.id == other.id && **self == **other
    }
}

/// What the cursor comes upon.
#[derive(Clone, Debug, PartialEq)]
pub enum Visit {
    /// A composite step, before its parts: nothing is to be done for it.
    Enter(Rc<Node>),
    /// A leaf: to be carried out now.
    Leaf(Rc<Node>),
    /// A composite step is through.
    Leave(Rc<Node>),
}

#[derive(Clone, Debug)]
struct Frame {
    parent: Option<Rc<Node>>,
    prefix: Vec<u16>,
    steps: Rc<Vec<Planned>>,
    next: usize,
}

/// A place in a plan.
#[derive(Clone, Debug)]
pub struct Cursor {
    stack: Vec<Frame>,
}

/// Composite steps nested deeper than this are a fault of the planner.
pub const DEPTH_MAX: usize = 16;

impl Cursor {
    /// Before the first of `steps`; their ids begin with `prefix` (empty for the top).
    pub fn new(steps: Vec<Planned>, prefix: Vec<u16>) -> Cursor {
        Cursor { stack: vec![Frame { parent: None, prefix, steps: Rc::new(steps), next: 0 }] }
    }

    /// After the first `done` of `steps`, which have been carried out.
    pub fn after(steps: Vec<Planned>, done: usize) -> Cursor {
        let next = done.min(steps.len());
        Cursor { stack: vec![Frame { parent: None, prefix: Vec::new(), steps: Rc::new(steps), next }] }
    }

    /// How many steps there are at the top.
    pub fn len(&self) -> usize {
        self.stack.first().map_or(0, |frame| frame.steps.len())
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next thing on the way. The caller has carried out every leaf before, and applied its events to the state in `context`.
    pub fn advance(&mut self, context: &Context<'_>) -> Option<Visit> {
        let frame = self.stack.last_mut()?;
        if frame.next >= frame.steps.len() {
            let parent = self.stack.pop().and_then(|frame| frame.parent);
            return parent.map(Visit::Leave);
        }
        let index = frame.next;
        frame.next += 1;
        let mut id = Vec::with_capacity(frame.prefix.len() + 1);
        id.extend_from_slice(&frame.prefix);
        id.push(u16::try_from(frame.next).unwrap_or(u16::MAX));
        let node = Rc::new(Node { id: StepId(id), steps: Rc::clone(&frame.steps), index });
        if !node.step.is_composite() || self.stack.len() >= DEPTH_MAX {
            return Some(Visit::Leaf(node));
        }
        let steps = Rc::new(expand(&node.step, context));
        let id = node.id.0.clone();
        self.stack.push(Frame { parent: Some(Rc::clone(&node)), prefix: id, steps, next: 0 });
        Some(Visit::Enter(node))
    }

    /// For a composite step that was just entered: its parts with the state as it is by now.
    pub fn expand_again(&mut self, context: &Context<'_>) {
        let Some(frame) = self.stack.last_mut().filter(|frame| frame.next == 0) else { return };
        if let Some(parent) = &frame.parent {
            frame.steps = Rc::new(expand(&parent.step, context));
        }
    }

    /// The part that is being walked: that of the top-level step come upon last.
    pub fn part<'a>(&self, parts: &'a [PlanPart]) -> Option<&'a PlanPart> {
        let next = self.stack.first()?.next;
        parts.iter().find(|part| part.end >= next)
    }

    /// Leaves out what is left of the part that is being walked; without parts, all.
    pub fn skip_part(&mut self, parts: &[PlanPart]) {
        self.skip_to(self.part(parts).map_or(usize::MAX, |part| part.end));
    }

    /// The number of the top-level step that comes next, counted from 0; `None`: one is being walked.
    pub fn next_at_top(&self) -> Option<usize> {
        self.stack.first().filter(|_| self.stack.len() == 1).map(|top| top.next)
    }

    /// A walk over the top-level steps from `begin` up to the one before `end`.
    pub fn over(&self, begin: usize, end: usize) -> Cursor {
        let steps = self.stack.first().map(|top| top.steps.iter().take(end).cloned().collect()).unwrap_or_default();
        Cursor::after(steps, begin)
    }

    /// Goes on at this top-level step.
    pub fn skip_to(&mut self, next: usize) {
        self.stack.truncate(1);
        if let Some(top) = self.stack.first_mut() {
            top.next = next.min(top.steps.len());
        }
    }

    /// Where what is being walked is done without if it fails, leaves out what is left of it: it is only left. `false`: it is not so.
    pub fn skip_optional(&mut self) -> bool {
        let is_optional = |frame: &Frame| {
            frame.parent.as_ref().is_some_and(|parent| matches!(&parent.step, Step::Phase(phase) if phase.is_optional()))
        };
        let Some(at) = self.stack.iter().position(is_optional) else { return false };
        self.stack.iter_mut().skip(at).for_each(|frame| frame.next = frame.steps.len());
        true
    }

    /// Leaves out what is left of the innermost composite step that is being walked.
    pub fn skip_rest_of_composite(&mut self) {
        if let Some(frame) = self.stack.last_mut() {
            frame.next = frame.steps.len();
        }
    }
}
