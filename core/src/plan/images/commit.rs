//! `commit`, `import`, `export`, `diff`: from a container's changes to a layer, and from files to archives and back.

use std::collections::BTreeSet;

use super::super::origin::{self, planned};
use super::super::{CommandError, Context, Plan, Planned, image, lifecycle, pause};
use super::{BlobContent, callers, written};
use crate::cli::{Commit, Healthcheck, Import};
use crate::dockerfile::configure::changed;
use crate::layout::Layout;
use crate::model::{Container, History, Image, ImageConfig, ImageHealthcheck, Layer, Nothing, ProcessConfig};
use crate::oci::defaults::MOUNT_POINTS;
use crate::oci::image::ConfigFile;
use crate::reference::{Reference, ReferenceError};
use crate::step::{Added, AddedLayer, ContainerFiles, ImageDraft, ImageStep, ImportedArchive, PackedDirectory, Phase, Step};
use crate::wasi;

fn refuse(message: String) -> CommandError {
    CommandError { message, exit_code: 1, span: None }
}

fn daemons(what: &str, ours: &str) -> CommandError {
    let next = if ours.is_empty() { String::new() } else { format!("glassbox: {ours}\n") };
    refuse(format!("Error response from daemon: {what}\n{next}"))
}

/// The name that the new image gets, in full; the refusal is the client's.
fn named(word: Option<&str>) -> Result<Vec<String>, CommandError> {
    let Some(word) = word else { return Ok(Vec::new()) };
    let wrong = |error: ReferenceError| {
        refuse(format!("{error}\nglassbox: a name is in small letters, with a tag after a colon: team/app:1\n"))
    };
    let name = Reference::parse(word).map_err(wrong)?;
    match name.digest {
        Some(_) => Err(refuse("refusing to create a tag with a digest reference\nglassbox: leave out what begins with @\n".into())),
        None => Ok(vec![name.tagged().to_string()]),
    }
}

fn found<'a>(word: &str, context: &Context<'a>) -> Result<&'a Container, CommandError> {
    let span = context.invocation.words.positional("CONTAINER");
    lifecycle::find(word, context).map_err(|message| CommandError { message, exit_code: 1, span })
}

const NS_PER_SECOND: u64 = 1_000_000_000;

/// RFC 3339 with all nine digits after the point: two configurations that differ in nothing else are of one length.
fn created(context: &Context<'_>) -> String {
    let now_ns = context.host.now_ns;
    let seconds = crate::view::inspect::timestamp(now_ns - now_ns % NS_PER_SECOND);
    format!("{}.{:09}Z", seconds.trim_end_matches('Z'), now_ns % NS_PER_SECOND)
}

/// What the container has changed, and on what.
pub(in crate::plan) fn files(container: &Container, context: &Context<'_>) -> ContainerFiles {
    let layout = Layout::new(&context.host.data_root);
    ContainerFiles {
        upper: layout.of(&container.id, "upper"),
        lower: container.layers.iter().rev().map(|diff_id| layout.layer(diff_id)).collect(),
        user_xattr: !container.host.uid_map.is_empty(),
        uid_map: container.host.uid_map.clone(),
        gid_map: container.host.gid_map.clone(),
        without: without(),
    }
}

fn without() -> Vec<String> {
    MOUNT_POINTS.iter().map(|path| (*path).to_string()).collect()
}

pub(super) fn diff(word: &str, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    if word.is_empty() {
        return Err(refuse("Container name cannot be empty\n".into()));
    }
    let container = found(word, context)?;
    plan.steps.push(planned(Step::Image(ImageStep::ShowChanges(files(container, context))), origin::command(context)));
    Ok(())
}

pub(super) fn export(word: &str, output: Option<&str>, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    if output.is_none() && context.host.terminal.is_some() {
        return Err(refuse("cowardly refusing to save to a terminal. Use the -o flag or redirect\n".into()));
    }
    let container = found(word, context)?;
    let output = output.map(|path| callers(path, context));
    let step = ImageStep::ExportFiles { files: files(container, context), output };
    plan.steps.push(planned(Step::Image(step), origin::command(context)));
    Ok(())
}

pub(super) fn commit(asked: &Commit, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let names = named(asked.name.as_deref())?;
    let container = found(&asked.container, context)?;
    let base = base_of(container, context)?;
    let config = changed(&config_of(container, &base.config), &asked.changes).map_err(|why| daemons(&why, ""))?;
    let upper = Layout::new(&context.host.data_root).of(&container.id, "upper");
    let history = History {
        created: created(context),
        created_by: container.process.cmd.join(" "),
        author: asked.author.clone(),
        comment: asked.message.clone(),
        empty_layer: false,
    };
    let draft = ImageDraft {
        base: base.layers.clone(),
        config: ConfigFile {
            created: created(context),
            author: asked.author.clone(),
            architecture: base.architecture.clone(),
            os: base.os.clone(),
            history: base.history.clone(),
            config,
            ..ConfigFile::default()
        },
        added: vec![Added { history, layer: AddedLayer::Packed { upper } }],
        names,
        told: true,
        noted: false,
    };
    let phase = Phase::CommitContainer { id: container.id.clone(), image: Box::new(draft), pause: asked.pause };
    plan.steps.push(planned(Step::Phase(phase), origin::command(context)));
    Ok(())
}

/// From the container's changes to the image.
pub(in crate::plan) fn commit_phase(container: &Container, image: &ImageDraft, pause: bool, context: &Context<'_>) -> Vec<Planned> {
    let layout = Layout::new(&context.host.data_root);
    let packed = PackedDirectory {
        upper: layout.of(&container.id, "upper"),
        blobs: layout.blobs(),
        user_xattr: !container.host.uid_map.is_empty(),
        uid_map: container.host.uid_map.clone(),
        gid_map: container.host.gid_map.clone(),
        epoch_seconds: None,
        without: without(),
        compressed: false,
    };
    let (before, after) = if pause { pause::meanwhile(container, context) } else { Default::default() };
    let mut steps = embedded_blobs(&image.base, context);
    steps.extend(before);
    steps.push(planned(Step::Image(ImageStep::PackLayer(packed)), origin::positional(context, "CONTAINER")));
    steps.extend(after);
    steps.push(put_together(image, context));
    steps
}

fn put_together(image: &ImageDraft, context: &Context<'_>) -> Planned {
    planned(Step::Phase(Phase::WriteImage { image: Box::new(image.clone()) }), origin::command(context))
}

/// From the archive to the image.
pub(in crate::plan) fn import_phase(archive: &ImportedArchive, image: &ImageDraft, context: &Context<'_>) -> Vec<Planned> {
    let read = ImageStep::ImportLayer(archive.clone());
    vec![planned(Step::Image(read), origin::positional(context, "file|URL|-")), put_together(image, context)]
}

/// The image that a container was made of; dockerd's refusal where that has gone.
fn base_of<'a>(container: &Container, context: &Context<'a>) -> Result<&'a Image, CommandError> {
    context.state.images.get(&container.image_id).ok_or_else(|| {
        let blob = Layout::new(&context.host.data_root).blob(&container.image_id);
        let what = format!("failed to get digest {}: open {blob}: no such file or directory", container.image_id);
        daemons(&what, "its image was deleted; copy the container's files out with: glassbox export CONTAINER")
    })
}

/// Of the image that is part of the program, the layers alone: the new image has documents of its own.
pub(in crate::plan) fn embedded_blobs(layers: &[Layer], context: &Context<'_>) -> Vec<Planned> {
    let Some(image) = context.state.embedded_image() else { return Vec::new() };
    let wanted: BTreeSet<&str> = layers.iter().map(|layer| layer.blob.as_str()).collect();
    let is_layer = |node: &Planned| match &node.step {
        Step::Image(ImageStep::WriteBlob { digest, content: BlobContent::Toolbox, .. }) => wanted.contains(digest.as_str()),
        _ => false,
    };
    written(image, "RecordImage", context).into_iter().filter(is_layer).collect()
}

/// How the container runs, as an image says it.
fn config_of(container: &Container, of_image: &ImageConfig) -> ImageConfig {
    let process = &container.process;
    let unnamed = container.host.storage.volumes.iter().filter(|word| !word.contains(':')).cloned();
    let volumes: BTreeSet<String> = of_image.volumes.keys().cloned().chain(unnamed).collect();
    ImageConfig {
        user: process.user.clone(),
        exposed_ports: process.exposed_ports.iter().map(|port| (port.clone(), Nothing {})).collect(),
        env: process.env.clone(),
        entrypoint: process.entrypoint.clone(),
        cmd: process.cmd.clone(),
        healthcheck: process.healthcheck.as_ref().map(healthcheck),
        volumes: volumes.into_iter().map(|path| (path, Nothing {})).collect(),
        working_dir: working_dir(container, of_image),
        on_build: Vec::new(),
        labels: process.labels.clone(),
        stop_signal: stop_signal(process),
        shell: of_image.shell.clone(),
    }
}

/// `/` where neither the command nor the image has said anything.
fn working_dir(container: &Container, of_image: &ImageConfig) -> String {
    let said = container.words.flag("workdir").is_some() || !of_image.working_dir.is_empty();
    if said { container.process.cwd.clone() } else { String::new() }
}

fn stop_signal(process: &ProcessConfig) -> Option<String> {
    Some(process.stop_signal_word.clone()).filter(|word| !word.is_empty())
}

fn healthcheck(check: &Healthcheck) -> ImageHealthcheck {
    ImageHealthcheck {
        test: check.test.clone(),
        interval: check.interval_ns,
        timeout: check.timeout_ns,
        start_period: check.start_period_ns,
        start_interval: check.start_interval_ns,
        retries: u64::from(check.retries),
    }
}

/// Docker's client takes a source with such a beginning for an address.
const ADDRESSES: [&str; 3] = ["http://", "https://", "git://"];

pub(super) fn import(asked: &Import, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    if ADDRESSES.iter().any(|scheme| asked.source.starts_with(scheme)) {
        let message = "glassbox: import from an address is understood but not carried out yet.\n\
                       glassbox: Fetch the archive first, and pipe it in: curl URL | glassbox import - NAME\n";
        return Err(refuse(message.into()));
    }
    let names = named(asked.name.as_deref())?;
    let (os, architecture) = platform(&asked.platform, context)?;
    let config = changed(&ImageConfig::default(), &asked.changes).map_err(|why| daemons(&why, ""))?;
    let input = (asked.source != "-").then(|| callers(&asked.source, context));
    let archive = ImportedArchive { input, blobs: Layout::new(&context.host.data_root).blobs() };
    // Docker's client names the stream, which the daemon reads, whatever it is.
    let comment = if asked.message.is_empty() { "Imported from -".to_string() } else { asked.message.clone() };
    let history = History { created: created(context), comment, ..History::default() };
    let draft = ImageDraft {
        base: Vec::new(),
        config: ConfigFile { created: created(context), os, architecture, config, ..ConfigFile::default() },
        added: vec![Added { history, layer: AddedLayer::Packed { upper: ImportedArchive::KEY.into() } }],
        names,
        told: true,
        noted: false,
    };
    let phase = Phase::ImportImage { archive, image: Box::new(draft) };
    plan.steps.push(planned(Step::Phase(phase), origin::command(context)));
    Ok(())
}

/// System and processor as an image says them.
fn platform(asked: &str, context: &Context<'_>) -> Result<(String, String), CommandError> {
    let own = image::processor(&context.host.machine).to_string();
    if asked.is_empty() {
        return Ok(("linux".into(), own));
    }
    let normal = image::normal(asked);
    match normal.split_once('/') {
        Some(("linux", rest)) => Ok(("linux".into(), rest.split('/').next().unwrap_or_default().to_string())),
        // As with containerd's store: a module is at home wherever there is a runtime.
        Some((wasi::OS, wasi::ARCHITECTURE)) => Ok((wasi::OS.into(), wasi::ARCHITECTURE.into())),
        _ => Err(daemons("operating system is not supported", "an image of files is for linux: --platform linux/arm64")),
    }
}
