//! Which stages may be built beside each other.

use super::super::{Context, PlanStage};
use super::design::Design;
use crate::build::{CopySource, Work};
use crate::dockerfile::check::Base;

/// For each of the stages that are wanted, in their order, its top-level steps, of which the first has the number `begin`: `counts` of them.
pub(super) fn stages(design: &Design<'_>, begin: usize, counts: &[usize], context: &Context<'_>) -> Vec<PlanStage> {
    let order = design.order();
    let mut all: Vec<PlanStage> = Vec::new();
    for ((at, stage), count) in order.iter().enumerate().zip(counts) {
        let begin = all.last().map_or(begin, |before| before.end);
        let is_needed = |(_, before): &(usize, &usize)| needs(design, *stage, **before, context);
        let needs = order[..at].iter().enumerate().filter(is_needed).map(|(at, _)| at).collect();
        all.push(PlanStage { begin, end: begin + count, needs });
    }
    all
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
