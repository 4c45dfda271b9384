//! `glassbox dockerfile`: what stands in a Dockerfile, seen from above. It is read as a build reads it, line by line; nothing is built.

use super::super::{Context, Plan, origin};
use super::design::{Design, Visitor, number, refused};
use crate::build::{Copy, CopySource, Scope, Work};
use crate::cli::{BuildImage, CheckBuild, Command, Invocation};
use crate::dockerfile::check::Base;
use crate::dockerfile::{Fault, Instruction, Kind};
use crate::host::HostFacts;
use crate::model::{Slot, State};
use crate::plan::CommandError;
use crate::step::{ClientStep, Step};
use crate::view::argv::ArgvView;
use crate::view::dockerfile::{DockerfileView, StageFate, StageView, Taken, Value, VariablesRow, VariablesView};
use crate::view::in_json;

/// Prints it, as text or as JSON.
pub(in crate::plan) fn show(build: &CheckBuild, json: bool, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let whole = BuildImage { input: build.clone(), ..BuildImage::default() };
    let view = overview(&whole, context).map_err(|fault| refused(&fault, &whole))?;
    let text = if json { in_json(&view) } else { view.to_text() };
    plan.steps.push(origin::planned(Step::Client(ClientStep::Print { text }), origin::command(context)));
    Ok(())
}

/// The view of the Dockerfile that a build names, with the sizes of what the last build has come to, if it was this one. `None`: this is no
/// build, or the Dockerfile cannot be read.
pub fn overview_of(invocation: &Invocation, state: &State, host: &HostFacts) -> Option<DockerfileView> {
    match &invocation.command {
        Command::BuildImage(build) => overview(build, &Context { state, host, invocation }).ok(),
        _ => None,
    }
}

/// Its stages, with the sizes of what the build at hand has come to; none: the Dockerfile cannot be read.
pub(super) fn stages(build: &BuildImage, context: &Context<'_>) -> Vec<StageView> {
    overview(build, context).map(|view| view.stages).unwrap_or_default()
}

/// The error is BuildKit's.
fn overview(build: &BuildImage, context: &Context<'_>) -> Result<DockerfileView, Fault> {
    let design = Design::of(build, context)?;
    let target = design.resolved.target;
    let config = design.scope(target, design.count(target), context)?.config;
    let stages = (0..design.resolved.file.stages.len()).map(|stage| stage_view(stage, &design, context)).collect();
    let name = build.tags.first().map_or("IMAGE", String::as_str);
    let wanted = design.order().into_iter().filter(|stage| design.base_image(*stage, context).is_none());
    let missing = wanted.filter_map(|stage| match &design.resolved.bases[stage] {
        Base::Image(name) => Some(name.clone()),
        Base::Scratch | Base::Stage(_) => None,
    });
    let missing = missing.collect::<std::collections::BTreeSet<_>>().into_iter().collect();
    Ok(DockerfileView { missing, variables: variables(&design, context), stages, argv: ArgvView::of(name, &config, None, &[]) })
}

/// The names of an ARG or ENV.
fn named(instruction: &Instruction) -> Vec<&str> {
    match &instruction.kind {
        Kind::Arg(args) => args.iter().map(|(name, _)| name.as_str()).collect(),
        Kind::Env(pairs) => pairs.iter().map(|(name, _)| name.as_str()).collect(),
        _ => Vec::new(),
    }
}

fn variables(design: &Design<'_>, context: &Context<'_>) -> VariablesView {
    let file = &design.resolved.file;
    let instructions = file.stages.iter().flat_map(|stage| &stage.instructions);
    let mut names: Vec<String> = Vec::new();
    for name in file.global_args.iter().chain(instructions).flat_map(named) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_string());
        }
    }
    let row = |line: u32, text: &str, value: &dyn Fn(&str) -> Option<Value>| VariablesRow {
        line,
        text: text.to_string(),
        cells: names.iter().map(|name| value(name)).collect(),
    };
    let of_file = |name: &str| {
        let value = design.resolved.global.iter().rev().find(|(known, _)| known == name)?.1.clone()?;
        Some(Value { value, stays: false })
    };
    let mut rows = Vec::new();
    for (at, arg) in file.global_args.iter().enumerate() {
        let so_far = || file.global_args[..=at].iter().flat_map(named);
        rows.push(row(arg.lines.first, &arg.text, &|name| of_file(name).filter(|_| so_far().any(|known| known == name))));
    }
    for (at, stage) in file.stages.iter().enumerate() {
        rows.push(row(stage.lines.first, &stage.text(), &of_file));
        let mut of_stage = Vec::new();
        let visit: Visitor<'_> = &mut |instruction, _, scope| {
            of_stage.push(row(instruction.lines.first, &instruction.text, &|name| value_in(scope, name)));
        };
        // As far as it can be read: what is not built may hold what no build has looked at.
        let _ = design.walk(at, design.count(at), context, visit);
        rows.extend(of_stage);
    }
    let target = design.resolved.target;
    if let Ok(scope) = design.scope(target, design.count(target), context) {
        rows.push(row(0, "the image, and its containers", &|name| value_in(&scope, name).filter(|value| value.stays)));
    }
    let declares = |name: &&String| {
        let all = design.chain(target).into_iter().flat_map(|stage| &file.stages[stage].instructions);
        all.filter(|instruction| matches!(instruction.kind, Kind::Arg(_))).flat_map(named).any(|known| known == name.as_str())
    };
    let in_history = names.iter().filter(declares).cloned().collect();
    VariablesView { rows, in_history, names }
}

fn value_in(scope: &Scope, name: &str) -> Option<Value> {
    let value = scope.value(name)?;
    Some(Value { stays: scope.config.env.iter().any(|entry| entry.split_once('=') == Some((name, &value))), value })
}

fn stage_view(stage: usize, design: &Design<'_>, context: &Context<'_>) -> StageView {
    let all = design.done(stage, context);
    let chain = design.chain(design.resolved.target);
    let fate = match (chain.contains(&stage), design.resolved.wanted[stage]) {
        (true, _) => StageFate::InImage,
        (false, true) => StageFate::LeftBehind,
        (false, false) => StageFate::NotBuilt,
    };
    let results = all.iter().zip(1u16..).filter(|(done, _)| done.work != Work::Configure);
    let slots = results.map(|(_, instruction)| Slot { stage: number(stage), instruction });
    let layers: Option<Vec<u64>> = slots
        .map(|slot| {
            context.state.building.results.get(&slot).map(|result| result.layers.iter().map(|layer| layer.size_bytes).sum())
        })
        .collect();
    let mut taken = Vec::new();
    for (at, done) in all.iter().enumerate() {
        let line = design.lines_of(Slot { stage: number(stage), instruction: number(at + 1) });
        taken.extend(takes(&done.work, line.map_or(0, |lines| lines.first), design));
    }
    StageView {
        name: design.stage_name(stage).unwrap_or_else(|| format!("stage-{stage}")),
        line: design.resolved.file.stages[stage].lines.first,
        base: design.base_name(stage),
        fate,
        instructions: all.iter().filter(|done| done.work != Work::Configure).count(),
        bytes: layers.filter(|layers| !layers.is_empty()).map(|layers| layers.iter().sum()),
        taken,
    }
}

/// Files that an instruction takes from stages and images.
fn takes(work: &Work, line: u32, design: &Design<'_>) -> Vec<Taken> {
    let from = |source: &CopySource| match source {
        CopySource::Stage(stage) => design.stage_name(*stage),
        CopySource::Image(name) => Some(name.clone()),
        CopySource::Context | CopySource::Web | CopySource::Directory(_) => None,
    };
    match work {
        Work::Copy(Copy { from: source, sources, destination, .. }) => from(source)
            .map(|from| Taken { line, from, paths: sources.clone(), to: destination.clone(), mounted: false })
            .into_iter()
            .collect(),
        Work::Run(run) => {
            let files = run.mounts.iter().filter_map(|mount| Some((mount, mount.files()?)));
            let taken = files.filter_map(|(mount, (source, path))| {
                Some(Taken { line, from: from(source)?, paths: vec![path.to_string()], to: mount.target.clone(), mounted: true })
            });
            taken.collect()
        }
        Work::Configure | Work::MakeDirectory { .. } => Vec::new(),
    }
}
