//! `--cidfile`: the container's id in a file of the caller's.

use super::create::subcommand;
use super::origin::{self, planned};
use super::storage::clean;
use super::{CommandError, Context, Planned, failure};
use crate::cli::ContainerSpec;
use crate::host::{HostFacts, SourceKind};
use crate::model::Container;
use crate::step::{Step, StoreStep};

/// The file, absolute.
pub(super) fn path(spec: &ContainerSpec, host: &HostFacts) -> Option<String> {
    absolute(&spec.cid_file, &host.cwd)
}

/// A path as the caller names it, absolute. `None`: it names nothing.
fn absolute(path: &str, cwd: &str) -> Option<String> {
    match path {
        "" => None,
        path if path.starts_with('/') => Some(clean(path)),
        path => Some(clean(&format!("{cwd}/{path}"))),
    }
}

/// The paths to be looked at before: the file, which may not be there, and its directory, which has to.
pub(super) fn looked_at(spec: &ContainerSpec, cwd: &str) -> Vec<String> {
    let file = absolute(&spec.cid_file, cwd);
    file.into_iter().flat_map(|file| [parent(&file), file]).collect()
}

fn parent(path: &str) -> String {
    match path.rsplit_once('/') {
        Some((parent, _)) if !parent.is_empty() => parent.to_string(),
        _ => "/".to_string(),
    }
}

/// Docker's client looks before it asks anything of the daemon.
pub(super) fn check(spec: &ContainerSpec, context: &Context<'_>) -> Result<(), CommandError> {
    let Some(file) = path(spec, context.host) else { return Ok(()) };
    let typed = &spec.cid_file;
    let sources = &context.host.sources;
    let what = match (sources.get(&file), sources.get(&parent(&file))) {
        (Some(_), _) => format!("container ID file found, make sure the other container isn't running or delete {typed}"),
        (None, Some(SourceKind::Directory)) => return Ok(()),
        (None, Some(SourceKind::File)) => format!("failed to create the container ID file: open {typed}: not a directory"),
        (None, None) => format!("failed to create the container ID file: open {typed}: no such file or directory"),
    };
    let (message, exit_code) = match subcommand(context) {
        "run" => (format!("docker: {what}\n\nRun 'docker run --help' for more information\n"), failure::exit_code_of(&what)),
        _ => (format!("{what}\n"), 1),
    };
    Err(CommandError { message, exit_code, span: context.invocation.words.flag("cidfile").map(|used| used.span) })
}

/// Writing it, once there is a container.
pub(super) fn write(container: &Container, context: &Context<'_>) -> Option<Planned> {
    let path = Some(container.host.cid_file.clone()).filter(|path| !path.is_empty())?;
    let step = StoreStep::WriteIdFile { path, contents: container.id.0.clone() };
    Some(planned(Step::Store(step), origin::flag_or(context, container, "cidfile", || origin::command(context))))
}
