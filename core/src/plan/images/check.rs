//! `fsck` and `layers`: the store and its layers, looked through; and what nobody has, removed.

use super::super::origin::{self, need, planned};
use super::super::{CommandError, Context, Plan, Planned};
use super::found;
use crate::layout::Layout;
use crate::step::{ImageStep, Phase, Step};
use crate::view::layers::{LayersAsked, LayersShown};

/// The steps that remove what no image and no container has.
pub(super) fn garbage(context: &Context<'_>) -> Vec<Planned> {
    let layout = Layout::new(&context.host.data_root);
    let listing = &context.host.store;
    let why = "Nothing in the index leads to it: a command that was killed has left it.";
    let step = |step: ImageStep| planned(Step::Image(step), need("CheckStore", why));
    let blobs = listing
        .garbage_blobs(context.state)
        .into_iter()
        .map(|(digest, _)| ImageStep::RemoveBlob { path: layout.blob(digest), digest: digest.clone() });
    let layers = listing
        .garbage_layers(context.state)
        .into_iter()
        .map(|diff_id| ImageStep::RemoveLayer { directory: layout.layer(diff_id), diff_id: diff_id.clone() });
    let strays = listing.strays.iter().map(|path| ImageStep::RemoveStray { path: path.clone() });
    blobs.chain(layers).chain(strays).map(step).collect()
}

pub(super) fn check(repair: bool, context: &Context<'_>, plan: &mut Plan) {
    if repair {
        plan.steps.extend(garbage(context));
    }
    let step = ImageStep::CheckStore { user_xattr: !context.host.is_root() };
    plan.steps.push(planned(Step::Image(step), origin::command(context)));
}

pub(super) fn layers(word: &str, asked: &LayersAsked, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let image = found(word, context)?;
    if asked.layer.is_some_and(|number| number > image.layers.len()) {
        let span = context.invocation.words.flag("layer").map(|flag| flag.span);
        let message = format!("glassbox: the image has {} layers, counted from 1\n", image.layers.len());
        return Err(CommandError { message, exit_code: 1, span });
    }
    if image.layers.iter().any(|layer| !layer.extracted) {
        let phase = Phase::PrepareImage { image: word.to_string() };
        plan.steps.push(planned(Step::Phase(phase), need("ShowLayers", "Layers are compared as they stand extracted.")));
    }
    let layout = Layout::new(&context.host.data_root);
    let shown = LayersShown::of(image, |diff_id| layout.layer(diff_id), !context.host.is_root(), asked.clone());
    plan.steps.push(planned(Step::Image(ImageStep::ShowLayers(shown)), origin::positional(context, "IMAGE")));
    Ok(())
}
