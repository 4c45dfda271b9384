//! `cp`: files in and out of a container. A running one is reached by its own root; for one that does not run, a process with a mount
//! namespace of its own mounts it for as long.

use super::origin::{self, need, planned};
use super::storage::clean;
use super::{CommandError, Context, Plan, Planned, lifecycle, root, start, storage};
use crate::cli::Command;
use crate::copying::{absolute, parent_of, split_argument};
use crate::layout::Layout;
use crate::model::{Container, MountKind, MountPoint, Propagation};
use crate::step::{CopyEnd, CopyFiles, CopyOwner, CopyRoot, CopyStep, MountStep, NamespaceKind, Phase, ProcessStep, Step};

/// The stream instead of a path.
const STREAM: &str = "-";

/// What the command says.
struct Asked<'a> {
    from: &'a str,
    to: &'a str,
    archive: bool,
    follow_links: bool,
    quiet: Option<bool>,
}

pub(super) fn copy(command: &Command, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    let Command::CopyFiles { from, to, archive, follow_links, quiet } = command else { return Ok(()) };
    let asked = Asked { from, to, archive: *archive, follow_links: *follow_links, quiet: *quiet };
    let (source, target) = (split_argument(from), split_argument(to));
    if source.0.is_some() && target.1 != STREAM {
        check_output(target.1, context)?;
    }
    let word = source.0.or(target.0).unwrap_or_default();
    let container = lifecycle::find(word, context).map_err(|message| {
        // What comes from a stream goes into a directory: Docker's client says so of a container that is not there, too.
        let ours = "glassbox: there is no such container; see which there are with: glassbox ps -a";
        let lost = format!("destination \"{to}\" must be a directory\n{ours}\n");
        refuse(if from == STREAM { lost } else { message }, context)
    })?;
    if let (Some(_), path) = target {
        check_writable(container, path).map_err(|what| refuse(format!("Error response from daemon: {what}\n"), context))?;
    }
    let step = copy_step(&asked, container, word, context);
    let phase = Phase::CopyInContainer { id: container.id.clone(), copy: Box::new(step) };
    plan.steps.push(planned(Step::Phase(phase), origin::command(context)));
    Ok(())
}

fn refuse(message: String, context: &Context<'_>) -> CommandError {
    CommandError { message, exit_code: 1, span: context.invocation.words.positional("CONTAINER:SRC_PATH") }
}

/// The paths of the host to be looked at before: where something is to be copied to, its directory, and what the container mounts.
pub(super) fn looked_at(from: &str, to: &str, context: (&crate::model::State, &str)) -> Vec<String> {
    let (state, cwd) = context;
    let word = split_argument(from).0.or(split_argument(to).0).unwrap_or_default();
    let mounts = state.container(word.trim()).map(|container| storage::sources(&container.mounts)).unwrap_or_default();
    let host = split_argument(to).1;
    let path = clean(&absolute(host, cwd));
    mounts.into_iter().chain([parent_of(&path), path]).collect()
}

/// Docker's client looks before it asks anything of the daemon.
fn check_output(path: &str, context: &Context<'_>) -> Result<(), CommandError> {
    let whole = absolute(path, &context.host.cwd);
    let directory = parent_of(&clean(&whole));
    if context.host.sources.contains_key(&directory) {
        return Ok(());
    }
    let message = format!("invalid output path: directory \"{directory}\" does not exist\n");
    Err(refuse(message, context))
}

/// The daemon's refusal of a destination that is mounted read-only.
fn check_writable(container: &Container, path: &str) -> Result<(), String> {
    let whole = clean(&absolute(path, "/"));
    let below = |target: &str| whole == target || whole.starts_with(&format!("{}/", target.trim_end_matches('/')));
    let point = container.mounts.iter().filter(|point| below(&point.target)).max_by_key(|point| point.depth());
    match point {
        Some(point) if point.read_only => Err("mounted volume is marked read-only".to_string()),
        None if container.host.read_only => Err("container rootfs is marked read-only".to_string()),
        _ => Ok(()),
    }
}

fn copy_step(asked: &Asked<'_>, container: &Container, word: &str, context: &Context<'_>) -> CopyStep {
    let Asked { from, to, archive, follow_links, quiet } = *asked;
    let merged = || Layout::new(&context.host.data_root).merged();
    let root =
        || CopyRoot { id: container.id.clone(), word: word.to_string(), mounted: (!container.state.status.runs()).then(merged) };
    let end = |argument: &str| match split_argument(argument) {
        (Some(_), path) => CopyEnd { container: Some(root()), path: absolute(path, "/") },
        (None, path) => CopyEnd { container: None, path: absolute(path, &context.host.cwd) },
    };
    let owner = match split_argument(to).0 {
        None => CopyOwner::Caller,
        Some(_) if !container.host.uid_map.is_empty() => CopyOwner::Caller,
        Some(_) if archive && !container.process.user.is_empty() => CopyOwner::User { user: container.process.user.clone() },
        Some(_) => CopyOwner::Kept,
    };
    if to == STREAM {
        return CopyStep::PackArchive { from: end(from), follow_links };
    }
    if from == STREAM {
        return CopyStep::UnpackArchive { to: end(to), owner };
    }
    let told = quiet.map_or(context.host.terminal.is_some(), |quiet| !quiet);
    CopyStep::CopyFiles(CopyFiles { from: end(from), to: end(to), follow_links, owner, told })
}

/// From the mounted root to the copies.
pub(super) fn phase(container: &Container, copy: &CopyStep, context: &Context<'_>) -> Vec<Planned> {
    let leaf = planned(Step::Copy(copy.clone()), origin::command(context));
    let Some(merged) = copy.root().and_then(|root| root.mounted.as_deref()) else { return vec![leaf] };
    let mut steps = mount(container, merged, context);
    steps.push(leaf);
    let why = "Its mounts end with the process: nothing of the container stays mounted.";
    steps.push(planned(Step::Process(ProcessStep::EndProcess), need("CloneProcess", why)));
    steps
}

/// A process that does nothing but hold the container's mounts.
fn mount(container: &Container, merged: &str, context: &Context<'_>) -> Vec<Planned> {
    let why =
        "A container that does not run has no root directory, only layers. Mounts need a mount namespace, and that a process.";
    let namespaces = if container.host.uid_map.is_empty() { Vec::new() } else { vec![NamespaceKind::User] };
    let clone = ProcessStep::CloneProcess { namespaces, cgroup: None };
    let mut steps = vec![planned(Step::Process(clone), need("CopyFiles", why))];
    steps.extend(start::id_maps(container, context));
    let own = ProcessStep::UnshareNamespace { kind: NamespaceKind::Mount };
    steps.push(planned(Step::Process(own), need("MountOverlay", "Nobody else is to see these mounts.")));
    let private = "Mounts of a new namespace still spread to the host wherever it shares them (mount_namespaces(7)).";
    steps.push(planned(Step::Mount(MountStep::MakeMountsPrivate), need("MountOverlay", private)));
    steps.push(root::overlay(container, context, &Layout::new(&context.host.data_root)));
    let there = |source: &str| context.host.sources.contains_key(source);
    for point in &container.mounts {
        let missing = point.kind == MountKind::Bind && !there(&point.source);
        if point.kind != MountKind::Tmpfs && !missing {
            // Nothing spreads from what is mounted for a moment, as with dockerd (moby daemon/containerfs_linux.go).
            let point = MountPoint { propagation: Propagation::RPrivate, ..point.clone() };
            steps.extend(storage::root_mounts(&point, merged, container, context));
        }
    }
    steps
}
