//! A build whose Dockerfile or context comes on stdin: what it is, is known when it is read. Then the command is planned anew.
//!
//! ```text
//! ReadInput ─▶ a Dockerfile: the build begins
//!          └─▶ an archive: TakeContext ─▶ CreateDirectory, UnpackContext, ReadDefinition ─▶ the build begins … RemoveWorkspace
//! ```

use std::borrow::Cow;

use super::super::origin::{self, need, planned};
use super::super::{CommandError, Context, Planned};
use super::workspace::Workspace;
use crate::build::{Definition, InputSeen};
use crate::cli::{BuildImage, Command, STDIN};
use crate::step::{BuildStep, Phase, Step};

/// What comes on stdin.
fn from_stdin(build: &BuildImage) -> bool {
    build.input.context == STDIN || build.input.file.as_deref() == Some(STDIN)
}

/// The steps before all others, and whether more is to be planned when they are through. `Err`: what came is of no use.
pub(super) fn steps(build: &BuildImage, context: &Context<'_>) -> Result<(Vec<Planned>, bool), CommandError> {
    if !from_stdin(build) {
        return Ok((Vec::new(), false));
    }
    let cause = || origin::flag_of_command(context, "file").unwrap_or_else(|| origin::command(context));
    let is_context = build.input.context == STDIN;
    let cause = if is_context { origin::positional(context, "PATH") } else { cause() };
    let mut steps = vec![planned(Step::Build(BuildStep::ReadInput { archive: is_context }), cause)];
    let taken = &context.state.building.taken;
    match &taken.seen {
        None => return Ok((steps, true)),
        Some(InputSeen::Dockerfile(_)) if is_context && build.input.file.is_some() => {
            let what = "ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles";
            let next = "glassbox: leave -f out, or send the files along: tar c . | docker build -f NAME -";
            let message = format!("ERROR: failed to build: {what}\n{next}\n");
            let span = context.invocation.words.flag("file").map(|flag| flag.span);
            return Err(CommandError { message, exit_code: 1, span });
        }
        Some(InputSeen::Dockerfile(_)) => return Ok((steps, false)),
        Some(InputSeen::Archive) => {}
    }
    let why = "What is in an archive can be copied when it is unpacked.";
    steps.push(planned(Step::Phase(Phase::TakeContext), need("ReadSources", why)).with(origin::command(context)));
    Ok((steps, taken.definition.is_none()))
}

/// What brings the context here.
pub(super) fn take(build: &BuildImage, context: &Context<'_>) -> Vec<Planned> {
    let workspace = Workspace::of_context(context);
    let path = workspace.path.clone();
    let file = build.input.file.clone().unwrap_or_else(|| "Dockerfile".to_string());
    let mut steps = workspace.make(&[]);
    let unpack = BuildStep::UnpackContext { path: path.clone() };
    steps.push(planned(Step::Build(unpack), origin::command(context)));
    steps.push(planned(Step::Build(BuildStep::ReadDefinition { path, file }), origin::command(context)));
    steps
}

/// What takes it away again.
pub(super) fn remove(context: &Context<'_>) -> Option<Planned> {
    let path = Some(context.state.building.taken.directory.clone()).filter(|path| !path.is_empty())?;
    let why = "It was brought here for this build alone.";
    Some(planned(Step::Build(BuildStep::RemoveWorkspace { path }), need("TakeContext", why)))
}

/// The same after a failure: what came before the failing step has been done, and stays otherwise.
pub(in crate::plan) fn after_failure(context: &Context<'_>) -> Vec<Planned> {
    if !matches!(context.invocation.command, Command::BuildImage(_)) {
        return Vec::new();
    }
    remove(context).into_iter().collect()
}

/// The build with the Dockerfile that came.
pub(super) fn settled<'a>(build: &'a BuildImage, context: &Context<'_>) -> Cow<'a, BuildImage> {
    let taken = &context.state.building.taken;
    let found = match &taken.seen {
        Some(InputSeen::Dockerfile(definition)) => Some(definition),
        _ => taken.definition.as_ref(),
    };
    let Some(Definition { name, text }) = found.filter(|_| from_stdin(build)) else { return Cow::Borrowed(build) };
    let mut build = build.clone();
    build.input.files.name.clone_from(name);
    build.input.files.dockerfile.clone_from(text);
    Cow::Owned(build)
}
