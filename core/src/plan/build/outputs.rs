//! `--output`: what a build has come to, written where the caller wants it. Files are those of the target's layers; an archive of an image
//! needs the image, and is planned when there is one.

use super::super::origin::{self, need, planned};
use super::super::{Context, Planned, create, images};
use super::design::Design;
use super::instruction::remove;
use super::names;
use super::result::extracted;
use super::workspace::Workspace;
use crate::cli::{BuildImage, BuildOutput, OutputKind, STDIN};
use crate::copying::absolute;
use crate::layout::Layout;
use crate::model::Layer;
use crate::oci::image::transfer::Sent;
use crate::step::{BuildStep, CallersFile, ContainerFiles, ImageStep, Phase, Step};

/// An image is kept, as it is where nothing else was said.
pub(super) fn keeps_image(build: &BuildImage) -> bool {
    build.outputs.is_empty() || build.outputs.iter().any(|output| output.kind == OutputKind::Image)
}

/// There is to be an image, if only to be written into an archive.
pub(super) fn needs_image(build: &BuildImage) -> bool {
    build.outputs.is_empty() || build.outputs.iter().any(BuildOutput::wants_image)
}

/// What is done with files; or, when there is one, with the image.
pub(super) fn phases(build: &BuildImage, of_image: bool, context: &Context<'_>) -> Vec<Planned> {
    let cause = origin::flag_of_command(context, "output").unwrap_or_else(|| origin::command(context));
    let wanted = |kind: OutputKind| match of_image {
        true => kind == OutputKind::Archive,
        false => matches!(kind, OutputKind::Files | OutputKind::Directory),
    };
    let all = build.outputs.iter().zip(0u16..).filter(|(output, _)| wanted(output.kind));
    let phase = |(output, number): (&BuildOutput, u16)| {
        let shown = match output.kind {
            OutputKind::Directory => "exporting to client directory".to_string(),
            OutputKind::Files => "exporting to client tarball".to_string(),
            _ => format!("exporting to {} image format", output.name),
        };
        planned(Step::Phase(Phase::ExportOutput { number, shown }), cause.clone())
    };
    all.map(phase).collect()
}

fn callers(output: &BuildOutput, context: &Context<'_>) -> Option<CallersFile> {
    let file = CallersFile { path: absolute(&output.dest, &context.host.cwd), typed: output.dest.clone() };
    (output.dest != STDIN).then_some(file)
}

/// The parts of such a phase.
pub(super) fn export(number: u16, design: &Design<'_>, context: &Context<'_>) -> Vec<Planned> {
    let Some(output) = design.build.outputs.get(usize::from(number)) else { return Vec::new() };
    let cause = origin::flag_of_command(context, "output").unwrap_or_else(|| origin::command(context));
    let file = callers(output, context);
    if output.kind == OutputKind::Archive {
        let image = context.state.building.image.as_ref().and_then(|id| context.state.images.get(id));
        let names = || output.tags.iter().cloned().chain(names(design.build).unwrap_or_default()).collect();
        let sent = image.map(|image| Sent { id: image.id.clone(), manifest: images::manifest_of(image), names: names() });
        let step = |sent| Step::Image(ImageStep::SaveImages { images: vec![sent], output: file });
        return sent.map(|sent| planned(step(sent), cause)).into_iter().collect();
    }
    let (_, layers) = design.whole(design.resolved.target, context);
    let mut steps = extracted(&layers, context);
    let workspace = Workspace::of_output(context);
    let step = BuildStep::WriteOutput {
        files: files(&layers, &workspace, context),
        directory: output.kind == OutputKind::Directory,
        output: file,
    };
    let write = planned(Step::Build(step), cause).with(need("PackLayer", "What the target has come to lies in its layers."));
    if layers.is_empty() {
        steps.extend(workspace.make(&["empty"]));
        steps.extend([write, remove(&workspace)]);
    } else {
        steps.push(write);
    }
    steps
}

/// The layers, as an overlay would show them.
fn files(layers: &[Layer], workspace: &Workspace, context: &Context<'_>) -> ContainerFiles {
    let (host, layout) = (context.host, Layout::new(&context.host.data_root));
    let mut all = layers.iter().rev().map(|layer| layout.layer(&layer.diff_id));
    ContainerFiles {
        upper: all.next().unwrap_or_else(|| workspace.directory("empty")),
        lower: all.collect(),
        user_xattr: !host.is_root(),
        uid_map: create::own_ids(host.uid, host),
        gid_map: create::own_ids(host.gid, host),
        without: Vec::new(),
    }
}
