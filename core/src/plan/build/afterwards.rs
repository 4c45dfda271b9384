//! What is done with the image that a build has come to: files of results, and giving it away. Planned when there is an image.

use std::collections::BTreeMap;

use super::super::origin::{self, planned};
use super::super::{Context, Planned, images};
use super::{names, outputs, overview};
use crate::cli::{BuildImage, OutputKind};
use crate::copying::absolute;
use crate::model::Image;
use crate::reference::Reference;
use crate::registry::PushedImage;
use crate::step::{BuildStep, ClientStep, Phase, RegistryPhase, Step};
use crate::view::dockerfile::sizes_to_text;

/// Something is left to do when the image is there.
pub(super) fn is_wanted(build: &BuildImage) -> bool {
    let archive = build.outputs.iter().any(|output| output.kind == OutputKind::Archive);
    let is_wanted = archive || build.push || build.sizes || !build.id_file.is_empty() || !build.metadata_file.is_empty();
    is_wanted && outputs::needs_image(build)
}

/// buildx writes its files at the very end.
pub(super) fn steps(build: &BuildImage, id: &str, context: &Context<'_>) -> Vec<Planned> {
    let Some(image) = context.state.images.get(id) else { return Vec::new() };
    let names = names(build).unwrap_or_default();
    let cause = |flag: &str| origin::flag_of_command(context, flag).unwrap_or_else(|| origin::command(context));
    let mut steps = outputs::phases(build, true, context);
    for name in names.iter().filter(|_| build.push).filter_map(|name| Reference::parse(name).ok()) {
        let phase = RegistryPhase::PushImage { pushed: PushedImage { name, id: id.to_string() } };
        steps.push(planned(Step::Phase(Phase::Registry(phase)), cause("push")));
    }
    let files = [
        ("iidfile", "image ID file", &build.id_file, id.to_string()),
        ("metadata-file", "metadata file", &build.metadata_file, metadata(image, &names)),
    ];
    for (flag, what, typed, contents) in files.into_iter().filter(|(_, _, typed, _)| !typed.is_empty()) {
        let path = absolute(typed, &context.host.cwd);
        let step = BuildStep::WriteResultFile { path, what: what.to_string(), contents };
        steps.push(planned(Step::Build(step), cause(flag)));
    }
    if build.sizes {
        let text = sizes_to_text(&overview::stages(build, context));
        steps.push(planned(Step::Client(ClientStep::Print { text }), cause("sizes")));
    }
    steps
}

/// BuildKit's keys (`containerimage.*`, `image.name`), as buildx writes them: sorted, indented by two.
fn metadata(image: &Image, names: &[String]) -> String {
    let manifest = images::manifest_of(image);
    let descriptor = serde_json::json!({
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": manifest.size,
    });
    let mut all = BTreeMap::from([
        ("containerimage.config.digest", serde_json::json!(image.id)),
        ("containerimage.descriptor", descriptor),
        ("containerimage.digest", serde_json::json!(manifest.digest)),
    ]);
    if !names.is_empty() {
        all.insert("image.name", serde_json::json!(names.join(",")));
    }
    // Strings and numbers can be written without fail.
    serde_json::to_string_pretty(&all).unwrap_or_default()
}
