//! What of a build may be carried out beside the rest: stages that do not need each other, and an instruction while the changes of the
//! one before are packed.

use super::super::{Context, PlanPiece};
use super::design::{Design, number};
use super::workspace::Workspace;
use crate::build::{CopySource, Work};
use crate::dockerfile::check::Base;
use crate::model::Slot;

/// The top-level steps of a stage, counted from 0.
pub(super) struct Span {
    pub(super) stage: usize,
    /// The first.
    pub(super) begin: usize,
    /// The one behind the last of each instruction.
    pub(super) ends: Vec<usize>,
}

impl Span {
    fn end(&self) -> usize {
        self.ends.last().copied().unwrap_or(self.begin + 1)
    }

    /// The first step of an instruction, counted from 0.
    fn begin_of(&self, at: usize) -> usize {
        at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(self.begin + 1)
    }
}

/// The stages in their order.
pub(super) fn pieces(design: &Design<'_>, spans: &[Span], context: &Context<'_>) -> Vec<PlanPiece> {
    let mut all: Vec<PlanPiece> = spans.iter().flat_map(|span| instructions(design, span, context)).collect();
    let first = spans.first().map_or(0, |span| span.begin);
    for (at, span) in spans.iter().enumerate().skip(1) {
        let needed = spans[..at].iter().filter(|before| needs(design, span.stage, before.stage, context));
        let after = needed.map(Span::end).max().unwrap_or(first);
        all.push(PlanPiece { begin: span.begin, end: span.end(), after, beside: None, leaves: Vec::new() });
    }
    all.sort_by_key(|piece| piece.begin);
    all
}

/// Each instruction that changes files may begin when the one before it has changed what it changes. Behind it stand a phase in which that
/// is packed, and perhaps a look at how its program has ended.
fn instructions(design: &Design<'_>, span: &Span, context: &Context<'_>) -> Vec<PlanPiece> {
    let all = design.done(span.stage, context);
    let changing: Vec<usize> = (0..all.len()).filter(|at| all[*at].work != Work::Configure).collect();
    let slot = |at: usize| Slot { stage: number(span.stage), instruction: number(at + 1) };
    let piece = |pair: &[usize]| {
        let [before, at] = *pair else { return None };
        Some(PlanPiece {
            begin: *span.ends.get(before)?,
            end: span.begin_of(at) + 1,
            after: span.begin_of(before) + 1,
            beside: Some(slot(before)),
            leaves: vec![Workspace::of_changes(slot(at), context).path],
        })
    };
    changing.windows(2).filter_map(piece).collect()
}

fn needs(design: &Design<'_>, stage: usize, before: usize, context: &Context<'_>) -> bool {
    let bases = &design.resolved.bases;
    let all = design.done(stage, context);
    let mut sources = all.iter().flat_map(|done| done.work.sources());
    bases[stage] == Base::Stage(before)
        || sources.any(|source| *source == CopySource::Stage(before))
        || (bases[stage] == bases[before] && begins_alike(design, stage, before, context))
}

/// Their first results are the same: whoever comes second finds them in the cache.
fn begins_alike(design: &Design<'_>, stage: usize, before: usize, context: &Context<'_>) -> bool {
    let first = |stage| design.done(stage, context).iter().map(|done| done.work.clone()).find(|work| *work != Work::Configure);
    let own = first(stage);
    own.is_some() && own == first(before)
}
