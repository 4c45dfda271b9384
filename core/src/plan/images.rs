//! `images`, `history`, `tag`, `rmi`, `image prune`, `commit` and what is like it: names are lines of the index, images are manifests that it has.

mod check;
mod commit;
mod extract;
mod list;
mod remove;
mod write;

use super::origin::{self, need, planned};
use super::{CommandError, Context, Plan, Planned, image};
use crate::cli::ImageCommand;
use crate::copying::joined;
use crate::layout::Layout;
use crate::model::Image;
use crate::oci::image::transfer::Sent;
use crate::oci::image::{Descriptor, media};
use crate::oci::toolbox;
use crate::reference::{Reference, ReferenceError};
use crate::step::{BlobContent, CallersFile, ClientStep, ImageStep, Step};
use crate::view::argv::ArgvView;
use crate::view::images::{self, HistoryView};
use crate::view::in_json;
use crate::view::tags::{self, TagsView};
pub(super) use commit::files as files_of;
pub(super) use commit::{commit_phase, embedded_blobs, import_phase};
pub(super) use extract::extracted;
pub(super) use remove::{forgotten, prune_unused};
pub(super) use write::write;

pub(super) fn command(command: &ImageCommand, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    match command {
        ImageCommand::List(asked) => {
            let text = list::text(asked, context)?;
            plan.steps.push(print(text, context));
        }
        ImageCommand::History { image, no_trunc, quiet, human, format } => {
            let view = HistoryView { no_trunc: *no_trunc, quiet: *quiet, human: *human, format: format.as_deref() };
            let span = context.invocation.words.flag("format").map(|flag| flag.span);
            let found = found(image, context)?;
            let text = images::history(found, view, context.host).map_err(|what| CommandError {
                message: format!("{what}\n"),
                exit_code: 1,
                span,
            })?;
            plan.steps.push(print(text, context));
        }
        ImageCommand::Tag { source, target } => tag(source, target, context, plan)?,
        ImageCommand::Remove { images, force } => remove::named(images, *force, context, plan),
        ImageCommand::Prune { all, force, filters } => remove::prune(*all, *force, filters, context, plan)?,
        ImageCommand::Save { images, output } => save(images, output.as_deref(), context, plan)?,
        ImageCommand::Commit(asked) => commit::commit(asked, context, plan)?,
        ImageCommand::Import(asked) => commit::import(asked, context, plan)?,
        ImageCommand::Export { container, output } => commit::export(container, output.as_deref(), context, plan)?,
        ImageCommand::Check { repair } => check::check(*repair, context, plan),
        ImageCommand::Tags { name, json } => {
            let view = TagsView::of(name.as_deref(), context.state);
            if let (Some(word), true) = (name, view.tags.is_empty()) {
                let span = context.invocation.words.positional("NAME:TAG");
                return Err(CommandError { message: tags::none(word), exit_code: 1, span });
            }
            let text = if *json { in_json(&view) } else { view.to_text(context.host.now_ns) };
            plan.steps.push(print(text, context));
        }
        ImageCommand::Argv { image, entrypoint, arguments, json } => {
            let view = ArgvView::of(image, &found(image, context)?.config, entrypoint.as_deref(), arguments);
            let text = if *json { in_json(&view) } else { view.to_text() };
            plan.steps.push(print(text, context));
        }
        ImageCommand::Layers { image, asked } => check::layers(image, asked, context, plan)?,
        ImageCommand::Diff { container } => commit::diff(container, context, plan)?,
        ImageCommand::Load { input, quiet } => {
            if input.is_none() && context.host.terminal.is_some() {
                let message = "requested load from stdin, but stdin is empty\nglassbox: name the archive with -i, or pipe it in\n";
                return Err(CommandError { message: message.into(), exit_code: 1, span: None });
            }
            let input = input.as_ref().map(|path| callers(path, context));
            plan.steps.push(planned(Step::Image(ImageStep::LoadImages { input, quiet: *quiet }), origin::command(context)));
        }
    }
    Ok(())
}

fn print(text: String, context: &Context<'_>) -> Planned {
    planned(Step::Client(ClientStep::Print { text }), origin::command(context))
}

/// dockerd's words for an image that is not here.
fn missing(word: &str, context: &Context<'_>) -> String {
    refusal(&format!("No such image: {}", image::with_tag(word)), context)
}

fn refusal(words: &str, context: &Context<'_>) -> String {
    format!("Error response from daemon: {words}\nglassbox: the images here are: {}\n", context.state.image_names().join(", "))
}

/// dockerd looks an image that is saved up in a way of its own, and tells a missing one by its name as typed (moby
/// image/tarexport/save.go).
fn missing_saved(word: &str, context: &Context<'_>) -> CommandError {
    let tagged = image::with_tag(word) == word;
    let words = if tagged { "reference does not exist".to_string() } else { format!("No such image: {word}") };
    CommandError { message: refusal(&words, context), exit_code: 1, span: context.invocation.words.positional("IMAGE") }
}

fn found<'a>(word: &str, context: &Context<'a>) -> Result<&'a Image, CommandError> {
    let span = context.invocation.words.positional("IMAGE").or_else(|| context.invocation.words.positional("SOURCE_IMAGE:TAG"));
    context.state.image(word).ok_or_else(|| CommandError { message: missing(word, context), exit_code: 1, span })
}

/// The client's refusal of a name.
fn not_a_name(word: &str, error: &ReferenceError) -> CommandError {
    let next = "a name is in small letters, with a tag after a colon: team/app:1";
    let message = format!("Error parsing reference: \"{word}\" is not a valid repository/tag: {error}\nglassbox: {next}\n");
    CommandError { message, exit_code: 1, span: None }
}

fn tag(source: &str, target: &str, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    Reference::parse_any(source).map_err(|error| not_a_name(source, &error))?;
    let name = Reference::parse(target).map_err(|error| not_a_name(target, &error))?;
    if name.digest.is_some() {
        let message = "refusing to create a tag with a digest reference\nglassbox: leave out what begins with @\n".to_string();
        return Err(CommandError { message, exit_code: 1, span: None });
    }
    let image = found(source, context)?;
    let name = name.tagged();
    if image.names.contains(&name.familiar()) && image.stored {
        return Ok(());
    }
    plan.steps.extend(written(image, "TagImage", context));
    plan.steps.push(named(image, &name, context));
    Ok(())
}

/// The blobs of the image that is part of the program, if they are not in the store yet.
pub(super) fn written(image: &Image, of: &'static str, context: &Context<'_>) -> Vec<Planned> {
    if image.stored {
        return Vec::new();
    }
    let layout = Layout::new(&context.host.data_root);
    let (config, manifest) = toolbox::documents(&context.host.toolbox);
    let text = |bytes: Vec<u8>| BlobContent::Text(String::from_utf8_lossy(&bytes).into_owned());
    let layers = image.layers.iter().map(|layer| (layer.blob.clone(), BlobContent::Toolbox));
    let documents = [(image.id.clone(), text(config.written())), (image.manifest.clone(), text(manifest.written()))];
    let write = |(digest, content): (String, BlobContent)| {
        let step = ImageStep::WriteBlob { path: layout.blob(&digest), digest, content };
        planned(
            Step::Image(step),
            need(of, "The toolbox is part of the program: its files come into the store when it gets a name."),
        )
    };
    layers.chain(documents).map(write).collect()
}

pub(super) fn manifest_of(image: &Image) -> Descriptor {
    Descriptor {
        media_type: media::MANIFEST.into(),
        digest: image.manifest.clone(),
        size: image.manifest_bytes,
        ..Descriptor::default()
    }
}

/// The step that lets a name lead to an image.
fn named(image: &Image, name: &Reference, context: &Context<'_>) -> Planned {
    let familiar = name.familiar();
    let before = context.state.image_named(&familiar).filter(|known| known.stored);
    let step = ImageStep::TagImage {
        index: Layout::new(&context.host.data_root).image_index(),
        name: name.to_string(),
        id: image.id.clone(),
        manifest: manifest_of(image),
        before: before.map(manifest_of),
        fresh: !image.stored,
    };
    planned(Step::Image(step), origin::command(context))
}

fn callers(typed: &str, context: &Context<'_>) -> CallersFile {
    CallersFile { path: joined(typed, &context.host.cwd), typed: typed.to_string() }
}

/// A name gives the image with that name, an id the image without any.
fn save(words: &[String], output: Option<&str>, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    if output.is_none() && context.host.terminal.is_some() {
        let next = "glassbox: an archive is no text; give it a file: -o images.tar, or > images.tar";
        let message = format!("cowardly refusing to save to a terminal. Use the -o flag or redirect\n{next}\n");
        return Err(CommandError { message, exit_code: 1, span: None });
    }
    let mut images: Vec<Sent> = Vec::new();
    for word in words {
        let image = context.state.image(word).ok_or_else(|| missing_saved(word, context))?;
        if !image.stored && !images.iter().any(|sent| sent.id == image.id) {
            plan.steps.extend(written(image, "TagImage", context));
            let own = Reference::parse(toolbox::REFERENCE).map_err(|error| not_a_name(toolbox::REFERENCE, &error))?;
            plan.steps.push(named(image, &own, context));
        }
        let name = Reference::parse(word).ok().map(Reference::tagged).filter(|name| image.names.contains(&name.familiar()));
        let names: Vec<String> = name.iter().map(Reference::to_string).collect();
        match images.iter_mut().find(|sent| sent.id == image.id) {
            Some(sent) => sent.names.extend(names),
            None => images.push(Sent { id: image.id.clone(), manifest: manifest_of(image), names }),
        }
    }
    let output = output.map(|path| callers(path, context));
    plan.steps.push(planned(Step::Image(ImageStep::SaveImages { images, output }), origin::command(context)));
    Ok(())
}
