//! A build that failed: the place in the Dockerfile, BuildKit's words, and what to do.

use super::super::{CommandError, Context};
use super::design::{Design, refused};
use super::input::settled;
use super::program::{failed_images, shell_of};
use crate::build::Work;
use crate::cli::BuildImage;
use crate::dockerfile::Fault;
use crate::model::{BuildResult, Layer, Slot, short_digest};

/// The command's error. `what`: BuildKit's words or the kernel's; `ours`: what else is known.
pub(in crate::plan) fn failure(build: &BuildImage, what: &str, ours: &str, context: &Context<'_>) -> CommandError {
    let build = &*settled(build, context);
    let design = Design::of(build, context).ok();
    let slot = design.as_ref().and_then(|design| at_hand(design, context));
    let lines = design.as_ref().zip(slot).and_then(|(design, slot)| design.lines_of(slot));
    let mut error = refused(&Fault { message: what.to_string(), lines }, build);
    error.message.push_str(ours);
    if let (Some(design), Some(_)) = (&design, &context.state.building.failed) {
        error.message.push_str(&way_in(design, slot, context));
    }
    error
}

/// The command that opens a shell in what the program has left.
fn way_in(design: &Design<'_>, slot: Option<Slot>, context: &Context<'_>) -> String {
    let found = slot.and_then(|slot| design.found(slot, context)).map(|found| found.work);
    let (Some(Work::Run(run)), Some(image)) = (found, failed_images(design, context.host, context.state).last().copied()) else {
        return String::new();
    };
    let (id, shell) = (short_digest(&image.id), shell_of(&run));
    format!(
        "glassbox: look around in what it has left: docker run -it --rm {id} {shell}\n\
         glassbox: that image goes with the next build that fails, or with: docker image prune\n"
    )
}

/// The instruction that was being carried out: the first without a result of the stage that was begun last and is not through. A copy of
/// the engine that builds a stage beside others knows nothing of those.
fn at_hand(design: &Design<'_>, context: &Context<'_>) -> Option<Slot> {
    let results = &context.state.building.results;
    let slot = |stage: usize, instruction| Slot { stage: u16::try_from(stage).unwrap_or(u16::MAX), instruction };
    let without = |stage: &usize| {
        let all = design.done(*stage, context);
        let works = all.iter().zip(1u16..).filter(|(done, _)| done.work != Work::Configure);
        let is_packed_elsewhere = |slot| context.state.building.packed_elsewhere == Some(slot);
        let is_open = |slot: &Slot| {
            let is_aside = |result: &BuildResult| result.layers.iter().any(Layer::is_aside);
            results.get(slot).is_none_or(|result| is_aside(result) && !is_packed_elsewhere(*slot))
        };
        works.map(|(_, at)| slot(*stage, at)).find(is_open)
    };
    let order = design.order();
    let begun = order.iter().filter(|stage| results.get(&slot(**stage, 0)).is_some());
    begun.rev().find_map(without).or_else(|| order.iter().find_map(without))
}
