//! `pull -a` and `push -a`: all images of a repository, at the registry or here.

use super::super::origin::{self, need, planned};
use super::super::{CommandError, Context, Planned};
use super::{base, find_login, part, proof, pull_phase, read_settings, send};
use crate::reference::Reference;
use crate::registry::http::Method;
use crate::registry::{Errand, Purpose, Request, Visit, WantedImage};
use crate::step::{Phase, RegistryPhase, Step};

/// What begins with `-a` has no tag of its own.
pub(super) fn untagged(name: &Reference, context: &Context<'_>) -> Result<(), CommandError> {
    if name.tag.is_none() && name.digest.is_none() {
        return Ok(());
    }
    let next = "glassbox: -a is for all tags of the repository: leave out what follows its name";
    let message = format!("tag can't be used with --all-tags/-a\n{next}\n");
    Err(CommandError { message, exit_code: 1, span: context.invocation.words.flag("all-tags").map(|flag| flag.span) })
}

/// The phase that fetches all of them.
pub(super) fn repository_phase(wanted: WantedImage, context: &Context<'_>) -> Planned {
    let cause = origin::flag_of_command(context, "all-tags").unwrap_or_else(|| origin::command(context));
    planned(Step::Phase(Phase::Registry(RegistryPhase::PullRepository { wanted })), cause)
}

pub(super) fn repository(wanted: &WantedImage, context: &Context<'_>) -> Vec<Planned> {
    let first = ("Get".to_string(), format!("/v2/{}/tags/list", wanted.name.path));
    let visit = Visit { domain: wanted.name.domain.clone(), scope: wanted.scope(), first, errand: Errand::Pull };
    let again = || wanted.clone();
    vec![
        read_settings(context),
        find_login(&wanted.name.domain, Some(again()), None, context),
        part("PullRepository", RegistryPhase::OpenRegistry { visit }, "A registry is asked for its tags."),
        part("PullTags", RegistryPhase::ListTags { wanted: again() }, "Nobody else knows which there are."),
        part("PullRepository", RegistryPhase::PullTags { wanted: again() }, "An image is found by its tag."),
    ]
}

pub(super) fn list(wanted: &WantedImage, context: &Context<'_>) -> Planned {
    let url = format!("{}/v2/{}/tags/list", base(&wanted.name.domain, context), wanted.name.path);
    let purpose = Purpose::ListTags { wanted: wanted.clone() };
    let request = Request { proof: proof(&wanted.scope(), context), ..Request::of(Method::Get, url, purpose) };
    send(request, need("PullTags", "Nobody else knows which there are."), context)
}

pub(super) fn pull(wanted: &WantedImage, context: &Context<'_>) -> Vec<Planned> {
    let of = |tag: &String| {
        let name = Reference { tag: Some(tag.clone()), ..wanted.name.clone() };
        pull_phase(WantedImage { name, ..wanted.clone() }, need("PullRepository", "The repository has this tag."))
    };
    context.state.exchange.tags.iter().map(of).collect()
}

/// The names of this repository here, sorted.
pub(super) fn here(repository: &Reference, context: &Context<'_>) -> Vec<Reference> {
    let all = context.state.image_names().into_iter().filter_map(|name| Reference::parse(name).ok());
    all.filter(|name| name.domain == repository.domain && name.path == repository.path && name.tag.is_some()).collect()
}
