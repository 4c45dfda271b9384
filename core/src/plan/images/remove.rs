//! `rmi` and `image prune`, as dockerd's graph driver store does it: names go first; an image goes when it has none left and nobody uses it.

use std::collections::BTreeSet;

use super::super::origin::{self, planned};
use super::super::{CommandError, Context, Plan, Planned, system};
use super::{manifest_of, missing, print};
use crate::layout::Layout;
use crate::model::{Container, Image, Layer, State, Status, short_digest};
use crate::reference::Reference;
use crate::step::{ImageStep, Step};
use crate::view::filter::Filters;

fn users<'a>(image: &'a Image, state: &'a State) -> impl Iterator<Item = &'a Container> {
    state.containers.values().filter(|container| container.image_id == image.id)
}

fn runs(container: &&Container) -> bool {
    matches!(container.state.status, Status::Running | Status::Paused | Status::Restarting)
}

/// Why an image cannot go: dockerd's words, and what to do.
fn conflict(image: &Image, force: bool, context: &Context<'_>) -> Option<String> {
    let refuse = |how: &str, why: String, next: &str| {
        Some(format!(
            "Error response from daemon: conflict: unable to delete {} ({how}) - {why}\nglassbox: {next}\n",
            short_digest(&image.id)
        ))
    };
    if let Some(container) = users(image, context.state).find(runs) {
        let why = format!("image is being used by running container {}", container.id.short());
        return refuse("cannot be forced", why, "stop and remove the container first");
    }
    if force {
        return None;
    }
    let container = users(image, context.state).next()?;
    let why = format!("image is being used by stopped container {}", container.id.short());
    refuse("must be forced", why, "remove the container first: glassbox rm CONTAINER")
}

pub(super) fn named(words: &[String], force: bool, context: &Context<'_>, plan: &mut Plan) {
    // What earlier words have taken away already.
    let mut state = context.state.clone();
    for word in words {
        let now = Context { state: &state, host: context.host, invocation: context.invocation };
        let Some(image) = state.image(word).cloned() else {
            let exit_code = plan.exit_code;
            plan.fail_later(&missing(word, &now));
            if force {
                // Told, and no failure; what failed before it stays one.
                plan.exit_code = exit_code;
            }
            continue;
        };
        let removed = Removal { image: &image, context: &now }.of(word, force, plan);
        match removed {
            Removed::Nothing => {}
            Removed::Name(name) => forget_name(&mut state, &image, &name),
            Removed::Image => {
                state.images.remove_mut(&image.id);
            }
        }
    }
}

fn forget_name(state: &mut State, image: &Image, name: &str) {
    if let Some(known) = state.images.get_mut(&image.id) {
        known.names.retain(|other| other != name);
    }
}

/// The steps that remove an image of which nobody is told.
pub(in crate::plan) fn forgotten(image: &Image, context: &Context<'_>) -> Vec<Planned> {
    Removal { image, context }.delete().0
}

enum Removed {
    Nothing,
    Name(String),
    Image,
}

struct Removal<'a> {
    image: &'a Image,
    context: &'a Context<'a>,
}

impl Removal<'_> {
    fn of(&self, word: &str, force: bool, plan: &mut Plan) -> Removed {
        let (image, context) = (self.image, self.context);
        let named = Reference::parse(word).map(|name| name.tagged().familiar()).ok().filter(|name| image.names.contains(name));
        if let Some(name) = named {
            return self.by_name(&name, force, plan);
        }
        if image.names.len() > 1 && !force {
            let why = format!(
                "Error response from daemon: conflict: unable to delete {} (must be forced) - image is referenced in multiple \
                 repositories\nglassbox: take the names away one by one, or all with -f\n",
                short_digest(&image.id)
            );
            plan.fail_later(&why);
            return Removed::Nothing;
        }
        if let Some(why) = self.embedded().or_else(|| conflict(image, force, context)) {
            plan.fail_later(&why);
            return Removed::Nothing;
        }
        image.names.iter().for_each(|name| self.untag_and_tell(name, plan));
        self.delete_and_tell(plan);
        Removed::Image
    }

    fn by_name(&self, name: &str, force: bool, plan: &mut Plan) -> Removed {
        let (image, context) = (self.image, self.context);
        let is_last = image.names.len() == 1;
        if is_last
            && !force
            && let Some(container) = users(image, context.state).next()
        {
            plan.fail_later(&format!(
                "Error response from daemon: conflict: unable to remove repository reference \"{name}\" (must force) - container {} is \
                 using its referenced image {}\nglassbox: remove the container first: glassbox rm CONTAINER\n",
                container.id.short(),
                short_digest(&image.id)
            ));
            return Removed::Nothing;
        }
        let own = image.embedded && name == crate::oci::toolbox::REFERENCE;
        if let Some(why) = self.embedded().filter(|_| is_last || own) {
            plan.fail_later(&why);
            return Removed::Nothing;
        }
        self.untag_and_tell(name, plan);
        if !is_last {
            return Removed::Name(name.to_string());
        }
        if let Some(why) = conflict(image, force, context) {
            plan.fail_later(&why);
            return Removed::Name(name.to_string());
        }
        self.delete_and_tell(plan);
        Removed::Image
    }

    /// The toolbox is part of the program.
    fn embedded(&self) -> Option<String> {
        self.image.embedded.then(|| {
            format!(
                "Error response from daemon: conflict: unable to delete {} (cannot be forced) - image is part of Glassbox\n\
                 glassbox: {} is always here: everything works offline with it\n",
                short_digest(&self.image.id),
                crate::oci::toolbox::REFERENCE
            )
        })
    }

    fn untag_and_tell(&self, name: &str, plan: &mut Plan) {
        plan.steps.push(self.untag(name));
        plan.steps.push(print(format!("Untagged: {name}\n"), self.context));
    }

    fn delete_and_tell(&self, plan: &mut Plan) {
        let (steps, deleted) = self.delete();
        plan.steps.extend(steps);
        let text: String = deleted.iter().map(|digest| format!("Deleted: {digest}\n")).collect();
        plan.steps.push(print(text, self.context));
    }

    /// The step that takes a name away.
    fn untag(&self, name: &str) -> Planned {
        let context = self.context;
        let full = Reference::parse(name).map_or_else(|_| name.to_string(), |name| name.to_string());
        let step = ImageStep::UntagImage {
            index: Layout::new(&context.host.data_root).image_index(),
            name: full,
            id: self.image.id.clone(),
            manifest: manifest_of(self.image),
        };
        planned(Step::Image(step), origin::positional(context, "IMAGE"))
    }

    /// The steps that remove the image, and what of it nobody else has; and what is told as deleted.
    fn delete(&self) -> (Vec<Planned>, Vec<String>) {
        let (image, context) = (self.image, self.context);
        let layout = Layout::new(&context.host.data_root);
        let (mut steps, mut deleted) = (Vec::new(), vec![image.id.clone()]);
        let mut step = |step: ImageStep| steps.push(planned(Step::Image(step), origin::positional(context, "IMAGE")));
        step(ImageStep::ForgetImage { index: layout.image_index(), id: image.id.clone(), manifest: image.manifest.clone() });
        let kept = Kept::of(image, context.state);
        for digest in [&image.manifest, &image.id].into_iter().filter(|digest| !kept.blobs.contains(digest.as_str())) {
            step(ImageStep::RemoveBlob { path: layout.blob(digest), digest: digest.clone() });
        }
        let chain = chain_ids(image);
        for (layer, chain_id) in image.layers.iter().zip(chain).rev() {
            if !kept.blobs.contains(layer.blob.as_str()) {
                step(ImageStep::RemoveBlob { path: layout.blob(&layer.blob), digest: layer.blob.clone() });
            }
            if !kept.layers.contains(layer.diff_id.as_str()) {
                deleted.push(chain_id);
                if layer.extracted {
                    step(ImageStep::RemoveLayer { directory: layout.layer(&layer.diff_id), diff_id: layer.diff_id.clone() });
                }
            }
        }
        (steps, deleted)
    }
}

/// What the other images and the containers are made of, and what later builds may take.
struct Kept<'a> {
    blobs: BTreeSet<&'a str>,
    layers: BTreeSet<&'a str>,
}

impl<'a> Kept<'a> {
    fn of(image: &Image, state: &'a State) -> Kept<'a> {
        let others: Vec<&Image> = state.images.values().filter(|other| other.id != image.id).collect();
        let cached = state.build_cache.values().filter_map(|record| record.layer.as_ref());
        let layers: Vec<&Layer> = others.iter().flat_map(|other| &other.layers).chain(cached).collect();
        // What is part of the program has no blobs in the store.
        let stored = || others.iter().filter(|other| other.stored);
        let documents = stored().flat_map(|other| [other.id.as_str(), other.manifest.as_str()]);
        let cached_blobs = state.build_cache.values().filter_map(|record| record.layer.as_ref());
        let blobs = stored().flat_map(|other| &other.layers).chain(cached_blobs).map(|layer| layer.blob.as_str());
        let used = state.containers.values().flat_map(|container| container.layers.iter().map(String::as_str));
        Kept {
            blobs: documents.chain(blobs).collect(),
            layers: layers.iter().map(|layer| layer.diff_id.as_str()).chain(used).collect(),
        }
    }
}

/// By which Docker knows a layer: of the lowest its diff id, of the others a digest of all below (OCI image specification, config.md).
fn chain_ids(image: &Image) -> Vec<String> {
    let mut below = String::new();
    let next = |diff_id: &String| {
        below = match below.as_str() {
            "" => diff_id.clone(),
            chain => crate::oci::digest::of(format!("{chain} {diff_id}").as_bytes()),
        };
        below.clone()
    };
    image.layers.iter().map(|layer| &layer.diff_id).map(next).collect()
}

/// Those without a name that no container has, or with `all` every one that no container has.
pub(super) fn prune(
    all: bool,
    force: bool,
    filters: &[(String, String)],
    context: &Context<'_>,
    plan: &mut Plan,
) -> Result<(), CommandError> {
    let daemon = |what: String| CommandError { message: format!("Error response from daemon: {what}\n"), exit_code: 1, span: None };
    let chosen = Filters::of_prune(filters, context.host).map_err(daemon)?;
    if !force {
        let which = if all { "all images without at least one container associated to them" } else { "all dangling images" };
        plan.steps.push(system::confirm(
            format!("WARNING! This will remove {which}.\nAre you sure you want to continue? [y/N] "),
            context,
        ));
    }
    let mut state = context.state.clone();
    let deleted = prune_unused(all, &chosen, &mut state, context, plan);
    if force {
        // While an answer is waited for, others may come to have it.
        plan.steps.extend(super::check::garbage(context));
    }
    plan.steps.push(system::print_reclaimed(vec![("Deleted Images:".to_string(), deleted)], context));
    Ok(())
}

/// The steps. `state`: what there is by then, and afterwards what is left. Answers what is told as deleted.
pub(in crate::plan) fn prune_unused(
    all: bool,
    chosen: &Filters,
    state: &mut State,
    context: &Context<'_>,
    plan: &mut Plan,
) -> Vec<String> {
    let mut deleted = Vec::new();
    for image in context.state.images.values() {
        let wanted = !image.embedded && (all || image.names.is_empty()) && users(image, state).next().is_none();
        if !wanted || !chosen.fits_image(image) {
            continue;
        }
        let now = Context { state, host: context.host, invocation: context.invocation };
        let kept = Kept::of(image, state);
        let goes = |layer: &&Layer| layer.extracted && !kept.layers.contains(layer.diff_id.as_str());
        for layer in image.layers.iter().filter(goes) {
            plan.steps.push(system::measure(Layout::new(&context.host.data_root).layer(&layer.diff_id)));
        }
        let removal = Removal { image, context: &now };
        plan.steps.extend(image.names.iter().map(|name| removal.untag(name)));
        deleted.extend(image.names.iter().map(|name| format!("untagged: {name}")));
        let (steps, digests) = removal.delete();
        plan.steps.extend(steps);
        deleted.extend(digests.iter().map(|digest| format!("deleted: {digest}")));
        state.images.remove_mut(&image.id);
    }
    deleted
}
