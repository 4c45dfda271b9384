//! `RUN`: a program in a container of its own, and what becomes of what it has changed.
//!
//! Where it fails, what it has left becomes an image without a name: one can look around in it. The next build that fails takes the last
//! one's place, and `image prune` takes it away.

use super::super::images::{embedded_blobs, forgotten};
use super::super::origin::{need, planned};
use super::super::{Context, Planned, architecture, create, lifecycle};
use super::design::Design;
use super::instruction::{Making, pack};
use super::mounts;
use super::workspace::id_of;
use crate::build::{Run, history};
use crate::cli::{ContainerSpec, NetworkMode};
use crate::host::HostFacts;
use crate::layout::Layout;
use crate::model::{Container, Image, ImageConfig, Layer, Slot, State};
use crate::oci::image::ConfigFile;
use crate::step::{Added, AddedLayer, BuildStep, ClientStep, ImageDraft, ImageStep, Phase, Step};

/// BuildKit's name for what a RUN runs in.
const HOSTNAME: &str = "buildkitsandbox";
/// The label of an image that a failed program has left: of which build.
const FAILED_LABEL: &str = "glassbox.failed-build";

pub(super) fn run(making: &Making<'_, '_>, run: &Run, layers: Vec<Layer>) -> Vec<Planned> {
    let Making { slot, design, context, .. } = *making;
    let ready = mounts::ready(slot, run, design, context);
    let Some(mut container) = container(slot, run, layers, context) else { return Vec::new() };
    container.process.env.extend(ready.env);
    container.process.secrets = ready.secrets;
    container.mounts.extend(ready.points);
    container.mounts.sort_by_key(crate::model::MountPoint::depth);
    let id = || container.id.clone();
    let cause = || design.cause_of(slot);
    let mut steps = ready.before;
    steps.extend([
        planned(Step::Phase(Phase::CreateContainer { container: Box::new(container.clone()) }), cause()),
        planned(Step::Phase(Phase::StartContainer { id: id() }), cause()),
        planned(Step::Client(ClientStep::AttachStreams { id: id() }), cause()),
    ]);
    steps.extend(lifecycle::monitor(&container, context));
    steps.push(planned(Step::Build(BuildStep::NoteExit { slot, id: id() }), need("CheckExit", "It is known by its exit code.")));
    steps.push(making.set_aside(Layout::new(&context.host.data_root).of(&container.id, "upper")));
    let gone = "It was made for this instruction alone.";
    steps.push(planned(Step::Phase(Phase::RemoveContainer { id: id() }), need("CreateContainer", gone)));
    steps.extend(mounts::cleared(slot, run, design, context));
    steps
}

/// What was only made in it to mount something on.
pub(super) fn made_to_mount(run: &Run) -> Vec<String> {
    let mut all: Vec<String> = crate::oci::defaults::MOUNT_POINTS.iter().map(|path| (*path).to_string()).collect();
    all.extend(mounts::made_for(run));
    all
}

/// The builds of a Dockerfile.
fn label_of(design: &Design<'_>, host: &HostFacts) -> String {
    crate::copying::absolute(&design.build.input.files.name, &host.cwd)
}

/// The images that failed builds of this Dockerfile have left.
pub(super) fn failed_images<'s>(design: &Design<'_>, host: &HostFacts, state: &'s State) -> Vec<&'s Image> {
    let label = label_of(design, host);
    let fits = |image: &&Image| image.names.is_empty() && image.config.labels.get(FAILED_LABEL) == Some(&label);
    state.images.values().filter(fits).collect()
}

/// The program has failed: what it has left becomes an image.
pub(super) fn keep_failed(slot: Slot, run: &Run, upper: String, design: &Design<'_>, context: &Context<'_>) -> Vec<Planned> {
    let unused = |image: &&Image| !context.state.containers.values().any(|container| container.image_id == image.id);
    let earlier = failed_images(design, context.host, context.state);
    let mut steps: Vec<Planned> = earlier.into_iter().filter(unused).flat_map(|image| forgotten(image, context)).collect();
    let pack = pack(upper.clone(), made_to_mount(run), design, context);
    let why = "One can look around in it, and see why the program has failed.";
    steps.push(planned(Step::Image(ImageStep::PackLayer(pack)), design.cause_of(slot)).with(need("WriteImage", why)));
    let (_, base) = design.below(slot, context);
    let created = crate::view::inspect::timestamp(context.host.now_ns);
    let told = |text: String| history::entry(&created, &text, "", false);
    let entries = base.iter().map(|layer| Added {
        history: told("an instruction before the one that failed".to_string()),
        layer: AddedLayer::Known(Box::new(layer.clone())),
    });
    let last = Added { history: told(format!("RUN {} # failed", run.argv.join(" "))), layer: AddedLayer::Packed { upper } };
    let config = ImageConfig {
        env: run.env.clone(),
        cmd: vec![shell_of(run)],
        working_dir: run.directory.clone(),
        user: run.user.clone(),
        labels: [(FAILED_LABEL.to_string(), label_of(design, context.host))].into(),
        ..ImageConfig::default()
    };
    let draft = ImageDraft {
        config: ConfigFile {
            created: created.clone(),
            architecture: architecture(&context.host.machine).to_string(),
            os: "linux".to_string(),
            config,
            ..ConfigFile::default()
        },
        added: entries.chain([last]).collect(),
        ..ImageDraft::default()
    };
    steps.extend(embedded_blobs(&base, context));
    steps.push(
        planned(Step::Phase(Phase::WriteImage { image: Box::new(draft) }), design.cause_of(slot)).with(need("CheckExit", why)),
    );
    steps
}

/// What one would look around with: the shell that the program was for, or the usual one.
pub(super) fn shell_of(run: &Run) -> String {
    match run.argv.as_slice() {
        [shell, flag, ..] if flag == "-c" => shell.rsplit('/').next().unwrap_or(shell).to_string(),
        _ => "sh".to_string(),
    }
}

/// What the program runs in.
fn container(slot: Slot, run: &Run, layers: Vec<Layer>, context: &Context<'_>) -> Option<Container> {
    let config = ImageConfig {
        env: run.env.clone(),
        cmd: run.argv.clone(),
        working_dir: run.directory.clone(),
        user: run.user.clone(),
        ..ImageConfig::default()
    };
    let name = format!("build-{}", id_of(slot, context).get(..12).unwrap_or_default());
    let image = Image { config, layers, ..crate::oci::toolbox::image(&context.host.toolbox) };
    let image = Image { id: String::new(), names: Vec::new(), embedded: false, ..image };
    let network = match run.network.as_str() {
        "none" => NetworkMode::None,
        "host" => NetworkMode::Host,
        _ => NetworkMode::Default,
    };
    let spec = ContainerSpec { name: Some(name), hostname: Some(HOSTNAME.to_string()), network, ..ContainerSpec::default() };
    let mut entropy = context.host.entropy;
    for (byte, digit) in entropy.iter_mut().zip(id_of(slot, context).bytes()) {
        *byte ^= digit;
    }
    let host = HostFacts { entropy, ..context.host.clone() };
    let own = Context { host: &host, ..*context };
    // A bridge is for containers on record: the address of one is.
    let container = create::of_image(&spec, &image, false, &own).ok()?;
    Some(Container { networks: Vec::new(), ..container })
}
