//! `builder prune`, and what of it `system prune` does: results that later builds would take, the layers that nothing else is made of, and
//! directories that builds have as caches.

use std::collections::BTreeSet;

use super::super::origin::{self, planned};
use super::super::{CommandError, Context, Plan, system};
use crate::build::key::PARENT;
use crate::cli::PruneBuilds;
use crate::layout::Layout;
use crate::model::{Layer, State, is_aside};
use crate::step::{BuildStep, ImageStep, Step};

/// What BuildKit calls a result, and a directory that builds have as a cache.
const TYPES: [&str; 2] = ["regular", "exec.cachemount"];

/// Something that can go.
struct Candidate<'a> {
    /// Its key, or its name.
    id: &'a str,
    created_ns: u64,
    bytes: u64,
    what: What<'a>,
}

enum What<'a> {
    Result(Option<&'a Layer>),
    Mount,
}

/// Which of them go.
#[derive(Default)]
pub(in crate::plan) struct Chosen {
    /// Also what images are made of.
    pub(in crate::plan) all: bool,
    until_ns: Option<u64>,
    kind: Option<String>,
    id: Option<String>,
    keep_bytes: u64,
}

impl Chosen {
    pub(in crate::plan) fn of(asked: &PruneBuilds, context: &Context<'_>) -> Result<Chosen, CommandError> {
        let refuse = |what: String| {
            let next = "glassbox: there are until=24h, type=regular, type=exec.cachemount and id=ID\n";
            CommandError { message: format!("Error response from daemon: {what}\n{next}"), exit_code: 1, span: None }
        };
        let mut chosen = Chosen { all: asked.all, keep_bytes: asked.keep_bytes, ..Chosen::default() };
        for (name, value) in &asked.filters {
            match name.as_str() {
                "until" | "unused-for" => chosen.until_ns = Some(crate::cli::moment(value, context.host).map_err(refuse)?),
                "type" if TYPES.contains(&value.as_str()) => chosen.kind = Some(value.clone()),
                "id" => chosen.id = Some(value.clone()),
                _ => return Err(refuse(format!("invalid filter '{name}={value}'"))),
            }
        }
        Ok(chosen)
    }

    fn fits(&self, candidate: &Candidate<'_>) -> bool {
        let kind = TYPES[usize::from(matches!(candidate.what, What::Mount))];
        let digits = candidate.id.trim_start_matches("sha256:");
        self.until_ns.is_none_or(|until_ns| candidate.created_ns <= until_ns)
            && self.kind.as_deref().is_none_or(|asked| asked == kind)
            && self.id.as_deref().is_none_or(|asked| digits.starts_with(asked))
    }
}

/// The command itself.
pub(in crate::plan) fn prune(asked: &PruneBuilds, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let chosen = Chosen::of(asked, context)?;
    if !asked.force {
        let which = if asked.all { "all build cache" } else { "all dangling build cache" };
        let question = format!("WARNING! This will remove {which}. Are you sure you want to continue? [y/N] ");
        plan.steps.push(system::confirm(question, context));
    }
    let deleted = prune_cache(&chosen, context.state, context, plan);
    plan.steps.push(system::print_reclaimed(vec![("Deleted build cache objects:".to_string(), deleted)], context));
    Ok(())
}

/// How many results of the cache a result stands upon: of two that are equally old, the one below goes first.
fn depth(id: &str, state: &State) -> usize {
    let parent = |id: &str| {
        let parts = &state.build_cache.get(id)?.key.parts;
        parts.iter().find(|part| part.what == PARENT).map(|part| part.value.clone())
    };
    std::iter::successors(parent(id), |id| parent(id)).take(state.build_cache.size()).count()
}

/// The steps. `state`: what there is by then. Answers what is told as deleted.
pub(in crate::plan) fn prune_cache(chosen: &Chosen, state: &State, context: &Context<'_>, plan: &mut Plan) -> Vec<String> {
    let of_images: BTreeSet<&str> =
        state.images.values().flat_map(|image| &image.layers).map(|layer| layer.diff_id.as_str()).collect();
    let of_containers: BTreeSet<&str> =
        state.containers.values().flat_map(|container| &container.layers).map(String::as_str).collect();
    let is_shared = |layer: &Layer| of_images.contains(layer.diff_id.as_str());
    let mut candidates = candidates(state, context);
    // A program of a build that goes on stands upon what that build has come to so far.
    let building = state.containers.values().filter(|container| container.layers.iter().any(|layer| is_aside(layer)));
    let begun_ns = building.map(|container| container.created_ns).min().unwrap_or(u64::MAX);
    candidates.retain(|candidate| matches!(candidate.what, What::Mount) || candidate.created_ns < begun_ns);
    candidates.retain(|candidate| chosen.all || !matches!(candidate.what, What::Result(Some(layer)) if is_shared(layer)));
    let mut left: u64 = candidates.iter().map(|candidate| candidate.bytes).sum();
    candidates.sort_by_cached_key(|candidate| (candidate.created_ns, depth(candidate.id, state)));
    let layout = Layout::new(&context.host.data_root);
    let (mut deleted, mut layers, mut gone) = (Vec::new(), Vec::new(), BTreeSet::new());
    for candidate in candidates.iter().filter(|candidate| chosen.fits(candidate)) {
        if chosen.keep_bytes > 0 && left <= chosen.keep_bytes {
            break;
        }
        left -= candidate.bytes;
        deleted.push(candidate.id.trim_start_matches("sha256:").to_string());
        let step = match candidate.what {
            What::Result(layer) => {
                layers.extend(layer.filter(|layer| !is_shared(layer) && gone.insert(&layer.diff_id)));
                BuildStep::DropResult { key: candidate.id.to_string(), path: layout.cached_result(candidate.id) }
            }
            What::Mount => {
                let directory = layout.cache_mount(candidate.id);
                plan.steps.push(system::measure(format!("{directory}/_data")));
                BuildStep::RemoveCacheMount { name: candidate.id.to_string(), directory }
            }
        };
        plan.steps.push(planned(Step::Build(step), origin::command(context)));
    }
    // What another result still has stays.
    let kept = |layer: &Layer| {
        let others = state.build_cache.iter().filter(|(key, _)| !deleted.iter().any(|gone| key.ends_with(gone.as_str())));
        others.filter_map(|(_, record)| record.layer.as_ref()).any(|other| other.diff_id == layer.diff_id)
    };
    for layer in layers.into_iter().filter(|layer| !kept(layer)) {
        let directory = layout.layer(&layer.diff_id);
        let mut step = |step: ImageStep| plan.steps.push(planned(Step::Image(step), origin::command(context)));
        step(ImageStep::RemoveBlob { path: layout.blob(&layer.blob), digest: layer.blob.clone() });
        if layer.extracted && !of_containers.contains(layer.diff_id.as_str()) {
            plan.steps.push(system::measure(directory.clone()));
            let step = ImageStep::RemoveLayer { directory, diff_id: layer.diff_id.clone() };
            plan.steps.push(planned(Step::Image(step), origin::command(context)));
        }
    }
    deleted
}

fn candidates<'a>(state: &'a State, context: &Context<'_>) -> Vec<Candidate<'a>> {
    let results = state.build_cache.iter().map(|(key, record)| Candidate {
        id: key,
        created_ns: record.created_ns,
        bytes: record.layer.as_ref().map_or(0, |layer| layer.size_bytes),
        what: What::Result(record.layer.as_ref()),
    });
    let mounts = state.cache_mounts.iter().map(|(name, mount)| Candidate {
        id: name,
        created_ns: mount.created_ns,
        bytes: context.host.disk.cache_mounts.get(name).copied().unwrap_or_default(),
        what: What::Mount,
    });
    results.chain(mounts).collect()
}
