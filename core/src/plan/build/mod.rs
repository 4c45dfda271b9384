//! `build`: each instruction of the stages that the target needs is a step at the top, so that what is done before a failure stays for
//! the next build.
//!
//! ```text
//! PullImage (what is not here: then the command is planned anew)
//! BuildInstruction ─▶ ReadSources (COPY, ADD) ─▶ FindResult ─▶ UseCached
//!                                                          └─▶ MissCache, the work itself, SetAside
//! PackResult ───────▶ what was set aside: PackLayer ─▶ KeepLayer                   (beside the next BuildInstruction: see `beside`)
//! ```
//! The Dockerfile is read again at each expansion: what a stage says up to a line is a function of the file and of what its bases say.

mod afterwards;
mod beside;
mod cache;
mod check;
mod contexts;
mod design;
mod failure;
mod fetch;
mod input;
mod instruction;
mod mounts;
mod outputs;
mod overview;
mod program;
mod prune;
mod result;
mod workspace;

use super::origin::{self, planned};
use super::{CommandError, Context, Plan, Planned, architecture};
use crate::cli::BuildImage;
use crate::reference::Reference;
use crate::step::{BuildStep, Phase, Step};

pub(super) use check::check_only;
use design::Design;
pub(super) use failure::failure;
pub(super) use fetch::not_fetched;
pub(super) use input::after_failure;
pub use overview::overview_of;
pub(super) use overview::show as show_dockerfile;
pub(super) use prune::{Chosen, prune, prune_cache};

pub(super) fn build(build: &BuildImage, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    if names(build)?.is_empty() && build.push {
        let message =
            "ERROR: failed to build: tag is needed when pushing to registry\nglassbox: give the image a name: -t team/app:1\n";
        let span = context.invocation.words.flag("push").map(|flag| flag.span);
        return Err(CommandError { message: message.to_string(), exit_code: 1, span });
    }
    check_platform(build, context)?;
    let (taking, goes_on) = input::steps(build, context)?;
    plan.steps.extend(taking);
    if goes_on {
        plan.goes_on = true;
        return Ok(());
    }
    let build = &*input::settled(build, context);
    let design = Design::of(build, context).map_err(|fault| design::refused(&fault, build))?;
    let files = &build.input.files;
    let load = BuildStep::LoadDefinition { name: files.name.clone(), bytes: files.dockerfile.len() as u64 };
    plan.steps.push(planned(Step::Build(load), origin::command(context)));
    let (fetching, goes_on) = fetch::steps(&design, context);
    plan.steps.extend(fetching);
    if goes_on {
        plan.goes_on = true;
        return Ok(());
    }
    plan.steps.extend(cache::import_phases(build, context));
    let mut spans = Vec::new();
    for stage in design.order() {
        let mut span = beside::Span { stage, begin: plan.steps.len(), ends: Vec::new() };
        plan.steps.push(design.base(stage, context));
        for steps in design.instructions(stage, context) {
            plan.steps.extend(steps);
            span.ends.push(plan.steps.len());
        }
        spans.push(span);
    }
    plan.pieces = beside::pieces(&design, &spans, context);
    if outputs::needs_image(build) {
        plan.steps.push(planned(Step::Phase(Phase::ExportImage), origin::command(context)));
    }
    plan.steps.extend(outputs::phases(build, false, context));
    plan.steps.extend(cache::export_phases(build, context));
    plan.steps.extend(input::remove(build, context));
    if afterwards::is_wanted(build) {
        match &context.state.building.image {
            Some(id) => plan.steps.extend(afterwards::steps(build, id, context)),
            None => plan.goes_on = true,
        }
    }
    Ok(())
}

/// The parts of a phase of a build; `None`: it is another's.
pub(super) fn expand(phase: &Phase, context: &Context<'_>) -> Option<Vec<Planned>> {
    let is_builds = matches!(
        phase,
        Phase::BuildInstruction { .. }
            | Phase::FindResult { .. }
            | Phase::PackResult { .. }
            | Phase::KeepLayer { .. }
            | Phase::ExportImage
            | Phase::ExportOutput { .. }
            | Phase::ImportCache { .. }
            | Phase::ExportCache { .. }
            | Phase::TakeContext { .. }
    );
    if !is_builds {
        return None;
    }
    let crate::cli::Command::BuildImage(build) = &context.invocation.command else { return Some(Vec::new()) };
    if matches!(phase, Phase::TakeContext { .. }) {
        return Some(input::take(build, context));
    }
    let build = &*input::settled(build, context);
    // It was read without a fault when the command was planned.
    let Ok(design) = Design::of(build, context) else { return Some(Vec::new()) };
    Some(match phase {
        Phase::BuildInstruction { slot, .. } => instruction::instruction(*slot, &design, context),
        Phase::FindResult { slot } => instruction::find_result(*slot, &design, context),
        Phase::PackResult { slot } => result::pack(*slot, &design, context),
        Phase::KeepLayer { slot, upper } => result::keep(*slot, upper, &design, context),
        Phase::ImportCache { number, .. } => cache::import(*number, build, context),
        Phase::ExportCache { number, .. } => cache::export(*number, &design, context),
        Phase::ExportOutput { number, .. } => outputs::export(*number, &design, context),
        _ => result::export(&design, context),
    })
}

/// Programs of another machine do not run here.
fn check_platform(build: &BuildImage, context: &Context<'_>) -> Result<(), CommandError> {
    let own = architecture(&context.host.machine);
    let asked = build.input.platform.as_str();
    // What is in an image for `wasi/wasm` runs anywhere; its stages need programs of this machine only where they have a RUN.
    if asked.is_empty() || asked == own || asked == format!("linux/{own}") || asked == crate::wasi::PLATFORM {
        return Ok(());
    }
    let message = format!(
        "ERROR: failed to build: glassbox builds for the machine that it runs on, linux/{own}, and not for {asked}\n\
         glassbox: leave --platform out, or build with Docker and its emulators\n"
    );
    Err(CommandError { message, exit_code: 1, span: context.invocation.words.flag("platform").map(|flag| flag.span) })
}

/// The names that the image gets, in full; the refusal is the client's.
fn names(build: &BuildImage) -> Result<Vec<String>, CommandError> {
    let named = |tag: &String| match Reference::parse(tag) {
        Ok(name) if name.digest.is_none() => Ok(name.tagged().to_string()),
        found => {
            let why = found.err().map_or_else(|| "a digest cannot be chosen".to_string(), |error| error.to_string());
            let next = "glassbox: a name is in small letters, with a tag after a colon: team/app:1\n";
            let message = format!("ERROR: failed to build: invalid tag {tag:?}: {why}\n{next}");
            Err(CommandError { message, exit_code: 1, span: None })
        }
    };
    build.tags.iter().map(named).collect()
}
