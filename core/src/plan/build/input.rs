//! A build whose Dockerfile or context is no file of the caller's: it comes on stdin, from a URL, or from a git repository. What it is, is
//! known when it is there; then the command is planned anew.
//!
//! ```text
//! ReadInput ─▶ a Dockerfile: the build begins
//!          └─▶ an archive ─────────▶ TakeContext ─▶ CreateDirectory, UnpackContext, ReadDefinition ─▶ the build begins … RemoveWorkspace
//! FindCommit ─▶ a commit ──────────▶ TakeContext ─▶ CreateDirectory, FetchCommit, ReadDefinition ───▶ the build begins … RemoveWorkspace
//! ```

use std::borrow::Cow;

use super::super::origin::{self, need, planned};
use super::super::{CommandError, Context, Planned};
use super::instruction::remove as remove_workspace;
use super::workspace::Workspace;
use crate::build::{Definition, InputSeen, Repository};
use crate::cli::{BuildImage, Command, Sent};
use crate::step::{BuildStep, FetchedFor, Phase, Step};

/// The steps before all others, and whether more is to be planned when they are through. `Err`: what came is of no use.
pub(super) fn steps(build: &BuildImage, context: &Context<'_>) -> Result<(Vec<Planned>, bool), CommandError> {
    let (sent, file) = (build.input.context_sent(), build.input.file_sent());
    let taken = &context.state.building.taken;
    let mut steps = Vec::new();
    if let Some(read) = read_input(sent.as_ref(), file.as_ref(), context) {
        steps.push(read);
        match &taken.seen {
            None => return Ok((steps, true)),
            Some(InputSeen::Dockerfile(_)) if file.is_none() && build.input.file.is_some() => return Err(ambiguous(context)),
            Some(InputSeen::Dockerfile(_)) if file.is_none() => return Ok((steps, false)),
            Some(_) => {}
        }
    }
    let shown = match &sent {
        None => return Ok((steps, false)),
        Some(Sent::Repository(repository)) => {
            if repository.commit().is_none() {
                let step = BuildStep::FindCommit { place: FetchedFor::Context, repository: Box::new(repository.clone()) };
                steps.push(planned(Step::Build(step), origin::positional(context, "PATH")));
            }
            if commit(repository, context).is_none() {
                return Ok((steps, true));
            }
            format!("[internal] load git source {}", repository.redacted())
        }
        Some(_) => "[internal] load remote build context".to_string(),
    };
    let why = "What COPY and ADD name can be found when the context is a directory.";
    steps.push(planned(Step::Phase(Phase::TakeContext { shown }), need("ReadSources", why)).with(origin::command(context)));
    Ok((steps, file.is_none() && taken.definition.is_none()))
}

/// What is read whole before anything is known of it.
fn read_input(sent: Option<&Sent>, file: Option<&Sent>, context: &Context<'_>) -> Option<Planned> {
    let archive = file.is_none();
    let remote = match file.or(sent)? {
        Sent::Stdin => None,
        Sent::File(remote) => Some(Box::new(remote.clone())),
        Sent::Repository(_) => return None,
    };
    let by_flag = || origin::flag_of_command(context, "file").unwrap_or_else(|| origin::command(context));
    let cause = if archive { origin::positional(context, "PATH") } else { by_flag() };
    Some(planned(Step::Build(BuildStep::ReadInput { archive, remote }), cause))
}

fn ambiguous(context: &Context<'_>) -> CommandError {
    let what = "ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles";
    let next = "glassbox: leave -f out, or send the files along: tar c . | docker build -f NAME -";
    let message = format!("ERROR: failed to build: {what}\n{next}\n");
    let span = context.invocation.words.flag("file").map(|flag| flag.span);
    CommandError { message, exit_code: 1, span }
}

/// The commit whose files are the context; `None`: it is not known yet.
fn commit(repository: &Repository, context: &Context<'_>) -> Option<String> {
    repository.commit().map(str::to_string).or_else(|| context.state.building.taken.commit.clone())
}

/// What brings the context here.
pub(super) fn take(build: &BuildImage, context: &Context<'_>) -> Vec<Planned> {
    let workspace = Workspace::of_context(context);
    let path = workspace.path.clone();
    let mut steps = workspace.make(&[]);
    let step = match build.input.context_sent() {
        Some(Sent::Repository(repository)) => {
            let commit = commit(&repository, context).unwrap_or_default();
            let repository = Box::new(repository);
            BuildStep::FetchCommit { place: FetchedFor::Context, repository, commit, path: path.clone() }
        }
        _ => BuildStep::UnpackContext { path: path.clone() },
    };
    steps.push(planned(Step::Build(step), origin::command(context)));
    if build.input.file_sent().is_none() {
        let file = build.input.file.clone().unwrap_or_else(|| "Dockerfile".to_string());
        steps.push(planned(Step::Build(BuildStep::ReadDefinition { path, file }), origin::command(context)));
    }
    steps
}

/// What takes it away again.
pub(super) fn remove(build: &BuildImage, context: &Context<'_>) -> Option<Planned> {
    let path = match build.input.context_sent()? {
        // It comes in any case.
        Sent::Repository(_) => Workspace::of_context(context).path,
        _ => context.state.building.taken.directory.clone(),
    };
    (!path.is_empty()).then(|| removed(path))
}

fn removed(path: String) -> Planned {
    let why = "It was brought here for this build alone.";
    planned(Step::Build(BuildStep::RemoveWorkspace { path }), need("TakeContext", why))
}

/// The same after a failure: what came before the failing step has been done, and stays otherwise.
pub(in crate::plan) fn after_failure(context: &Context<'_>) -> Vec<Planned> {
    if !matches!(context.invocation.command, Command::BuildImage(_)) {
        return Vec::new();
    }
    let building = &context.state.building;
    let aside = building.aside.values().map(|path| remove_workspace(&Workspace { path: path.clone() }));
    let context = Some(&building.taken.directory).filter(|path| !path.is_empty()).map(|path| removed(path.clone()));
    aside.chain(context).collect()
}

/// The build with the Dockerfile that came.
pub(super) fn settled<'a>(build: &'a BuildImage, context: &Context<'_>) -> Cow<'a, BuildImage> {
    let taken = &context.state.building.taken;
    let found = match &taken.seen {
        Some(InputSeen::Dockerfile(definition)) => Some(definition),
        _ => taken.definition.as_ref(),
    };
    let is_sent = build.input.context_sent().is_some() || build.input.file_sent().is_some();
    let Some(Definition { name, text }) = found.filter(|_| is_sent) else { return Cow::Borrowed(build) };
    let mut build = build.clone();
    build.input.files.name.clone_from(name);
    build.input.files.dockerfile.clone_from(text);
    Cow::Owned(build)
}
