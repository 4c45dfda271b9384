//! The images that stages are built upon, or take files from: which of them have to be fetched before anything is built, and what is said
//! where one cannot be.
//!
//! BuildKit looks at an image of that name that is here first, as dockerd configures it, and asks a registry for what is not; with `--pull`
//! it asks in any case. A base may have triggers that name further images, so that a plan of fetching can follow upon another.

use super::super::origin;
use super::super::registry::{pull_phase, wanted};
use super::super::{CommandError, Context, Planned};
use super::cache;
use super::design::{Design, refused};
use super::input::settled;
use crate::catalogue::{self, Catalogue};
use crate::cli::BuildImage;
use crate::dockerfile::suggest::nearest;
use crate::dockerfile::{Fault, Lines};
use crate::model::{Image, State};
use crate::reference::Reference;
use crate::registry::model::Offer;
use crate::registry::refusal::in_a_build;
use crate::registry::{Purpose, WantedImage};
use crate::step::RegistryStep;

/// An image as a Dockerfile names it.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// As written.
    pub(super) name: String,
    /// Where.
    pub(super) lines: Lines,
    /// The instruction that names it.
    pub(super) text: String,
    /// What a registry would be asked for.
    pub(super) wanted: WantedImage,
    /// It says for which platform: one that is here may be for another.
    pub(super) by_platform: bool,
}

/// Each name leads to one image here.
pub(super) fn check(all: &[Named]) -> Result<(), Fault> {
    let other = |named: &Named| all.iter().find(|other| other.wanted.name == named.wanted.name && other.wanted != named.wanted);
    let Some((named, other)) = all.iter().find_map(|named| Some((named, other(named)?))) else { return Ok(()) };
    let (name, one, two) = (named.wanted.name.familiar(), shown(&named.wanted), shown(&other.wanted));
    let why = format!("{name} is wanted for {one} and for {two}, and here a name leads to one image");
    let next = "name one of them by its digest: NAME@sha256:…";
    Err(Fault::at(other.lines, format!("{why}\nglassbox: {next}")))
}

fn shown(wanted: &WantedImage) -> String {
    let platform = &wanted.platform;
    format!("{}/{}", platform.os, platform.architecture)
}

impl Named {
    /// The refusal is BuildKit's.
    pub(super) fn of(name: &str, lines: Lines, text: &str, platform: &str, context: &Context<'_>) -> Result<Named, Fault> {
        let refuse = |why| Fault::at(lines, format!("failed to parse stage name {}: {why}", crate::cli::quoted(name)));
        let wanted = wanted(Reference::parse(name).map_err(refuse)?, platform, context);
        Ok(Named { name: name.to_string(), lines, text: text.to_string(), wanted, by_platform: false })
    }

    fn is_here(&self, build: &BuildImage, context: &Context<'_>) -> bool {
        let platform = &self.wanted.platform;
        let fits = |image: &Image| !self.by_platform || (&image.os, &image.architecture) == (&platform.os, &platform.architecture);
        context.state.exchange.has_fetched(&self.wanted.name) || !build.pull && context.state.image(&self.name).is_some_and(fits)
    }
}

/// The phases that fetch what is wanted: those that are through, and whether there are others.
pub(super) fn steps(design: &Design<'_>, context: &Context<'_>) -> (Vec<Planned>, bool) {
    let mut images: Vec<&Named> = Vec::new();
    let all = design.images();
    for (fetched, _) in context.state.exchange.all_fetched() {
        images.extend(all.iter().find(|named| named.wanted == fetched));
    }
    let done = images.len();
    for named in all.iter().filter(|named| !named.is_here(design.build, context)) {
        if !images.iter().any(|other| other.wanted == named.wanted) {
            images.push(named);
        }
    }
    let asked = design.build.pull.then(|| origin::flag_of_command(context, "pull")).flatten();
    let step = |named: &&Named| {
        let step = pull_phase(named.wanted.clone(), design.cause(named.lines, &named.text));
        asked.iter().fold(step, |step, cause| step.with(cause.clone()))
    };
    (images.iter().map(step).collect(), images.len() > done)
}

/// The command's error, where a request has failed: in BuildKit's words, and then what may have been meant.
pub(in crate::plan) fn not_fetched(build: &BuildImage, step: &RegistryStep, words: &str, context: &Context<'_>) -> CommandError {
    let wanted = match step {
        RegistryStep::FindLogin { wanted: Some(wanted), .. } => Some(&**wanted),
        _ => context.state.exchange.wanted.as_ref(),
    };
    let (what, ours) = words.split_once('\n').unwrap_or((words, ""));
    let mut ours: String = ours.lines().map(|line| format!("{line}\n")).collect();
    let Some(wanted) = wanted else {
        // What is not fetched is given away.
        let mut error = refused(&Fault::nowhere(format!("failed to push {}: {what}", build.tags.join(", "))), build);
        error.message.push_str(&ours);
        return error;
    };
    let build = &*settled(build, context);
    let design = Design::of(build, context).ok();
    let images = design.as_ref().map(Design::images).unwrap_or_default();
    let named = images.iter().find(|named| named.wanted.name == wanted.name);
    let what = in_a_build(what, wanted);
    let is_layer = matches!(step, RegistryStep::SendRequest(request) if matches!(request.purpose, Purpose::GetLayer { .. }));
    if !is_layer && named.is_none_or(|named| named.is_here(build, context)) && cache::is_asked_for(build, wanted, context) {
        let what = format!("failed to configure registry cache importer: {what}");
        let mut error = refused(&Fault::nowhere(what), build);
        error.message.push_str(&ours);
        return error;
    }
    let message = if is_layer {
        format!("failed to compute cache key: failed to copy: {what}")
    } else {
        let name = named.map_or_else(|| wanted.name.familiar(), |named| named.name.clone());
        format!("{name}: failed to resolve source metadata for {}: {what}", wanted.name)
    };
    if !is_layer {
        ours.push_str(&meant(design.as_ref(), wanted, context.state));
    }
    let mut error = refused(&Fault { message, lines: named.map(|named| named.lines) }, build);
    error.message.push_str(&ours);
    error
}

/// What may have been meant: a stage, an image that is here, one that is well known; and what is here.
fn meant(design: Option<&Design<'_>>, wanted: &WantedImage, state: &State) -> String {
    let name = wanted.name.familiar();
    let (repository, tag) = name.rsplit_once(':').unwrap_or((&name, ""));
    let here: Vec<&str> = state.image_names();
    let stages: Vec<String> = design.map(Design::stage_names).unwrap_or_default();
    if let Some(stage) = nearest(repository, stages.iter().map(String::as_str)) {
        return format!("glassbox: did you mean the stage {stage}?\n");
    }
    let known = catalogue::names();
    let own: Vec<&str> = here.iter().map(|name| name.rsplit_once(':').map_or(*name, |(repository, _)| repository)).collect();
    if own.contains(&repository) {
        return format!("glassbox: the images here are: {}\n", here.join(", "));
    }
    if known.iter().any(|known| known == repository) {
        let tags = Catalogue::of(&wanted.name.domain).tags(&wanted.name.path);
        let near = nearest(tag, tags.iter().map(String::as_str));
        return near.map(|tag| format!("glassbox: did you mean {repository}:{tag}?\n")).unwrap_or_default();
    }
    match nearest(repository, own.into_iter().chain(known.iter().map(String::as_str))) {
        Some(image) => format!("glassbox: did you mean {image}?\n"),
        None => format!("glassbox: the images here are: {}\n", here.join(", ")),
    }
}
