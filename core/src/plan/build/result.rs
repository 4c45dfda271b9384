//! What instructions come to, and the image that is made of it.

use super::super::images::{self, embedded_blobs};
use super::super::origin::{self, need, planned};
use super::super::{Context, Planned, architecture};
use super::design::Design;
use super::instruction::remove;
use super::workspace::Workspace;
use super::{afterwards, cache, instruction, names, outputs, program};
use crate::build::{Work, history};
use crate::dockerfile::check::Base;
use crate::layout::Layout;
use crate::model::{Layer, PackedLayer, Slot};
use crate::oci::image::ConfigFile;
use crate::step::{Added, AddedLayer, BuildStep, ImageDraft, Phase, Step, StoreStep};
use crate::wasi;

/// Those of the layers that are not extracted yet.
pub(super) fn extracted(layers: &[Layer], context: &Context<'_>) -> Vec<Planned> {
    images::extracted(layers, "", false, context)
}

/// What becomes of what an instruction has changed. Nothing, where its result was found: then nothing was set aside.
pub(super) fn pack(slot: Slot, design: &Design<'_>, context: &Context<'_>) -> Vec<Planned> {
    let aside = &context.state.building.aside;
    let stage = || aside.iter().filter(|(other, _)| other.stage == slot.stage);
    let removed = |path: &String| remove(&Workspace { path: path.clone() });
    // Whoever stood upon them is through.
    let mut steps: Vec<Planned> = stage().filter(|(other, _)| **other < slot).map(|(_, path)| removed(path)).collect();
    if let Some(path) = aside.get(&slot) {
        let work = design.found(slot, context).map(|found| found.work);
        match work {
            Some(Work::Run(run)) if context.state.building.failed.is_some() => {
                steps.extend(program::keep_failed(slot, &run, path.clone(), design, context));
            }
            Some(Work::Run(run)) => {
                let without = program::made_to_mount(&run);
                steps.extend(instruction::packed(slot, path.clone(), without, design, context));
            }
            _ => steps.extend(instruction::packed(slot, path.clone(), Vec::new(), design, context)),
        }
        steps.extend(design.is_last(slot, context).then(|| removed(path)));
    }
    steps
}

/// The layer that was packed stays, and with it what it depended on.
pub(super) fn keep(slot: Slot, upper: &str, design: &Design<'_>, context: &Context<'_>) -> Vec<Planned> {
    let PackedLayer { layer, whole } = context.state.packed.get(upper).cloned().unwrap_or_default();
    let mut steps: Vec<Planned> =
        layer.iter().flat_map(|layer| images::extracted(std::slice::from_ref(layer), "", true, context)).collect();
    if let Some(layer) = layer.as_ref().filter(|_| whole && !steps.is_empty()) {
        let directory = Layout::new(&context.host.data_root).layer(&layer.diff_id);
        let step = StoreStep::KeepDirectory { from: upper.to_string(), diff_id: layer.diff_id.clone(), directory };
        steps = vec![planned(Step::Store(step), need("MountOverlay", "The overlay's lower directories are extracted layers."))];
    }
    let layer = layer.map(|layer| Layer { extracted: true, ..layer });
    if let Some(record) = instruction::record(slot, layer, design, context) {
        let key = record.key.digest();
        let path = Layout::new(&context.host.data_root).cached_result(&key);
        let step = BuildStep::KeepResult { slot, key, path, record: Box::new(record) };
        let why = "The next build finds it by its key, and need not do it again.";
        steps.push(planned(Step::Build(step), design.cause_of(slot)).with(need("UseCached", why)));
    }
    steps
}

/// Configuration, manifest, names.
pub(super) fn export(design: &Design<'_>, context: &Context<'_>) -> Vec<Planned> {
    let target = design.resolved.target;
    let chain = design.chain(target);
    let bottom = chain.first().copied().unwrap_or(target);
    let base = match design.resolved.bases[bottom] {
        Base::Image(_) => design.base_image(bottom, context),
        Base::Scratch | Base::Stage(_) => None,
    };
    let Ok(scope) = design.scope(target, design.count(target), context) else { return Vec::new() };
    let epoch = design.build.input.files.epoch_seconds;
    let mut created = base.map(|image| image.created.clone()).unwrap_or_default();
    let mut added = Vec::new();
    for stage in chain {
        for (done, at) in design.done(stage, context).iter().zip(1u16..) {
            let slot = Slot { stage: u16::try_from(stage).unwrap_or_default(), instruction: at };
            let result = context.state.building.results.get(&slot);
            if let Some(result) = result.filter(|_| done.work != Work::Configure) {
                created = created.max(moment(result.created_ns));
            }
            let layer = result.and_then(|result| result.layers.first());
            let layer = layer.map_or(AddedLayer::None, |layer| AddedLayer::Known(Box::new(layer.clone())));
            let author = if done.created_by.starts_with("MAINTAINER ") { scope.author.as_str() } else { "" };
            added.push(Added { history: history::entry(&created, &done.created_by, author, false), layer });
        }
    }
    if let Some(epoch) = epoch {
        created = moment(epoch.saturating_mul(1_000_000_000));
        added.iter_mut().for_each(|added| added.history.created.clone_from(&created));
    } else if created.is_empty() {
        created = moment(context.host.now_ns);
        added.iter_mut().for_each(|added| added.history.created.clone_from(&created));
    }
    let mut config = scope.config;
    let labels = design.build.labels.iter().map(|label| label.split_once('=').unwrap_or((label, "")));
    config.labels.extend(labels.map(|(name, value)| (name.to_string(), value.to_string())));
    let (os, architecture) = match design.build.input.platform.as_str() {
        wasi::PLATFORM => (wasi::OS, wasi::ARCHITECTURE),
        // As its base is: nothing was run for another machine.
        _ => base
            .filter(|image| !image.architecture.is_empty())
            .map_or_else(|| ("linux", architecture(&context.host.machine)), |image| (&*image.os, &*image.architecture)),
    };
    let draft = ImageDraft {
        base: base.map(|image| image.layers.clone()).unwrap_or_default(),
        config: ConfigFile {
            created,
            author: scope.author,
            architecture: architecture.to_string(),
            os: os.to_string(),
            config,
            history: base.map(|image| image.history.clone()).unwrap_or_default(),
            cache: cache::inline(design, context),
            ..ConfigFile::default()
        },
        added,
        names: if outputs::keeps_image(design.build) { names(design.build).unwrap_or_default() } else { Vec::new() },
        told: design.build.quiet,
        noted: afterwards::is_wanted(design.build),
    };
    let mut steps = base.map(|image| embedded_blobs(&image.layers, context)).unwrap_or_default();
    let cause = origin::flag_of_command(context, "tag").unwrap_or_else(|| origin::command(context));
    steps.push(planned(Step::Phase(Phase::WriteImage { image: Box::new(draft) }), cause));
    steps
}

fn moment(nanoseconds: u64) -> String {
    crate::view::inspect::timestamp(nanoseconds)
}
