//! `builder prune`: results that later builds would take, and the layers that nothing else is made of.

use std::collections::BTreeSet;

use super::super::origin::{self, planned};
use super::super::{Context, Plan, system};
use crate::layout::Layout;
use crate::model::Layer;
use crate::step::{BuildStep, ImageStep, Step};

/// Without `all`, what images are made of stays.
pub(in crate::plan) fn prune(all: bool, force: bool, context: &Context<'_>, plan: &mut Plan) {
    if !force {
        let which = if all { "all build cache" } else { "all dangling build cache" };
        let question = format!("WARNING! This will remove {which}. Are you sure you want to continue? [y/N] ");
        plan.steps.push(system::confirm(question, context));
    }
    let state = context.state;
    let of_images: BTreeSet<&str> =
        state.images.values().flat_map(|image| &image.layers).map(|layer| layer.diff_id.as_str()).collect();
    let of_containers: BTreeSet<&str> =
        state.containers.values().flat_map(|container| &container.layers).map(String::as_str).collect();
    let is_shared = |layer: &Layer| of_images.contains(layer.diff_id.as_str());
    let mut deleted = Vec::new();
    let mut gone: BTreeSet<&str> = BTreeSet::new();
    let layout = Layout::new(&context.host.data_root);
    let mut layers = Vec::new();
    for (key, record) in state.build_cache.iter() {
        if !all && record.layer.as_ref().is_some_and(is_shared) {
            continue;
        }
        let step = BuildStep::DropResult { key: key.clone(), path: layout.cached_result(key) };
        plan.steps.push(planned(Step::Build(step), origin::command(context)));
        deleted.push(key.trim_start_matches("sha256:").to_string());
        if let Some(layer) = record.layer.as_ref().filter(|layer| !is_shared(layer) && gone.insert(&layer.diff_id)) {
            layers.push(layer);
        }
    }
    for layer in layers {
        let directory = layout.layer(&layer.diff_id);
        let mut step = |step: ImageStep| plan.steps.push(planned(Step::Image(step), origin::command(context)));
        step(ImageStep::RemoveBlob { path: layout.blob(&layer.blob), digest: layer.blob.clone() });
        if layer.extracted && !of_containers.contains(layer.diff_id.as_str()) {
            plan.steps.push(system::measure(directory.clone()));
            let step = ImageStep::RemoveLayer { directory, diff_id: layer.diff_id.clone() };
            plan.steps.push(planned(Step::Image(step), origin::command(context)));
        }
    }
    for name in state.cache_mounts.keys() {
        let directory = layout.cache_mount(name);
        plan.steps.push(system::measure(format!("{directory}/_data")));
        let step = BuildStep::RemoveCacheMount { name: name.clone(), directory };
        plan.steps.push(planned(Step::Build(step), origin::command(context)));
        deleted.push(name.clone());
    }
    plan.steps.push(system::print_reclaimed(vec![("Deleted build cache objects:".to_string(), deleted)], context));
}
