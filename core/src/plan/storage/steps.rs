//! The steps for storage: sources and volumes made, volumes filled, mounts, volumes removed.

use super::super::origin::{self, docker_default, need, planned};
use super::super::{Context, Planned};
use super::{foreign, spec};
use crate::cli::Command;
use crate::layout::Layout;
use crate::model::{ANONYMOUS_LABEL, Backing, Container, ContainerId, MountKind, MountPoint, Propagation, Volume};
use crate::step::{MountFlags, MountStep, SourceMount, Step, StoreStep};

/// The word that asks for a mount.
fn cause(point: &MountPoint, container: &Container, context: &Context<'_>) -> super::super::Cause {
    origin::use_of(context, container, &point.flag, &point.word)
}

/// Volumes that are not there yet, and what the image has at their places.
pub(in crate::plan) fn create_volumes(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let layout = Layout::new(&context.host.data_root);
    let mut steps = Vec::new();
    let mut made: Vec<&str> = Vec::new();
    for point in container.mounts.iter().filter(|point| point.kind == MountKind::Volume) {
        let cause = || cause(point, container, context);
        let known = context.state.volumes.get(&point.name);
        let volume = known.cloned().unwrap_or_else(|| volume_of(point, container, context));
        let backing = volume.backing();
        if known.is_none() && !made.contains(&point.name.as_str()) {
            made.push(&point.name);
            steps.push(planned(Step::Store(create_volume(volume, &layout)), cause()));
        }
        let used = context.state.users_of_volume(&point.name).iter().any(|id| **id != container.id);
        // What would be copied into memory is gone before the container starts, in Docker too.
        if let (true, Some((directory, of_host))) = (point.copies, directory_of(&backing, &point.name, &layout)) {
            let step = StoreStep::FillVolume {
                name: point.name.clone(),
                layers: layers_of(container, &layout),
                path: point.target.clone(),
                directory,
                subpath: point.subpath.clone(),
                used: used || of_host,
            };
            let fills = docker_default(
                "An empty volume begins with what the image has at its place.",
                "engine/storage/volumes/#populate-a-volume-using-a-container",
            );
            steps.push(planned(Step::Store(step), cause()).with(fills));
        }
    }
    steps
}

/// The topmost first: the working directory is in the container's own.
fn layers_of(container: &Container, layout: &Layout<'_>) -> Vec<String> {
    let own = (super::clean(&container.process.cwd) != "/").then(|| layout.of(&container.id, "upper"));
    own.into_iter().chain(container.layers.iter().rev().map(|diff_id| layout.layer(diff_id))).collect()
}

/// Where a volume's files are, and whether that is a directory of the host's own; `None`: in memory.
fn directory_of(backing: &Backing, name: &str, layout: &Layout<'_>) -> Option<(String, bool)> {
    match backing {
        Backing::Host { device, .. } => Some((device.clone(), true)),
        Backing::Memory { .. } | Backing::Other { .. } => None,
        Backing::Own => Some((layout.volume_data(name), false)),
    }
}

pub(in crate::plan::storage) fn create_volume(volume: Volume, layout: &Layout<'_>) -> StoreStep {
    let directory = layout.volume(&volume.name);
    StoreStep::CreateVolume { volume: Box::new(volume), directory }
}

fn volume_of(point: &MountPoint, container: &Container, context: &Context<'_>) -> Volume {
    let asked = super::asked_as(point, &container.host.storage);
    let options = asked.map(|mount| mount.driver_options.clone()).unwrap_or_default();
    let mut labels: std::collections::BTreeMap<String, String> = asked
        .iter()
        .flat_map(|mount| &mount.labels)
        .map(|label| label.split_once('=').map_or((label.clone(), String::new()), |(name, value)| (name.into(), value.into())))
        .collect();
    if point.anonymous {
        labels.insert(ANONYMOUS_LABEL.to_string(), String::new());
    }
    let labels = Some(labels).filter(|labels| !labels.is_empty());
    Volume { name: point.name.clone(), created_ns: context.host.now_ns, labels, options }
}

/// Sources of `-v` that the host does not have.
pub(in crate::plan) fn make_sources(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let mut made: Vec<&str> = Vec::new();
    let mut steps = Vec::new();
    for point in container.mounts.iter().filter(|point| point.makes_source) {
        // dockerd passes over what lies behind a file: the mount will fail.
        let behind = super::is_behind_file(&point.source, context.host);
        if behind || context.host.sources.contains_key(&point.source) || made.contains(&point.source.as_str()) {
            continue;
        }
        made.push(&point.source);
        let step = StoreStep::CreateSource { path: point.source.clone(), mode: 0o755 };
        let why = docker_default("-v makes a missing source; --mount refuses it.", "engine/storage/bind-mounts/#syntax");
        steps.push(planned(Step::Store(step), cause(point, container, context)).with(why));
    }
    steps
}

/// What is put into the new root between the default file systems and pivot_root.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part<'a> {
    /// resolv.conf, hostname, hosts: the name in /etc.
    File(&'static str),
    /// What the command asks for.
    Point(&'a MountPoint),
}

/// As Docker orders them: by the depth of their targets. Of the three files, what the command covers is left out.
pub(crate) fn parts(container: &Container) -> Vec<Part<'_>> {
    const FILES_DEPTH: usize = 2;
    let covered = |name: &&str| container.mounts.iter().any(|point| point.target == format!("/etc/{name}"));
    let files = ["resolv.conf", "hostname", "hosts"].into_iter().filter(|name| !covered(name)).map(Part::File);
    let mut all: Vec<Part<'_>> = container.mounts.iter().map(Part::Point).chain(files).collect();
    all.sort_by_key(|part| match part {
        Part::File(_) => FILES_DEPTH,
        Part::Point(point) => point.depth(),
    });
    all
}

/// The step that mounts `point` below `root`; after it, those that make of its propagation what was asked for.
pub(in crate::plan) fn root_mounts(point: &MountPoint, root: &str, container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let target = format!("{root}{}", point.target);
    let flags = MountFlags { read_only: point.read_only, ..MountFlags::default() };
    let bind = |source: String, target: String, recursive: bool, flags: MountFlags| MountStep::BindMount {
        source,
        target,
        recursive,
        flags,
        top_only: point.top_only,
    };
    let step = match point.kind {
        MountKind::Tmpfs => {
            let (flags, data) = spec::tmpfs_mount(&point.options);
            MountStep::MountFilesystem { fs_type: "tmpfs".into(), source: "tmpfs".into(), target, flags, data }
        }
        MountKind::Bind if spreads(point) => return attached(point, target, flags, container, context),
        MountKind::Bind => bind(point.source.clone(), target, point.recursive, flags),
        MountKind::Volume => {
            let layout = Layout::new(&context.host.data_root);
            let backing = super::backing_of(point, container, context.state);
            match (directory_of(&backing, &point.name, &layout), backing) {
                (Some((directory, _)), _) if !point.subpath.is_empty() => {
                    MountStep::BindSubpath { directory, subpath: point.subpath.clone(), target, flags }
                }
                (_, Backing::Host { device, recursive, read_only }) => {
                    let flags = MountFlags { read_only: point.read_only || read_only, ..flags };
                    bind(device, target, recursive, flags)
                }
                (_, Backing::Memory { options }) => {
                    let (flags, data) = spec::mount_options(MountFlags::default(), &options);
                    let own = MountStep::MountFilesystem { fs_type: "tmpfs".into(), source: "tmpfs".into(), target, flags, data };
                    shared_or(own, point, container, context)
                }
                (_, Backing::Other { fs_type, device, options }) => {
                    let (flags, data) = foreign::options(&options);
                    let own = MountStep::MountFilesystem { fs_type, source: device, target, flags, data };
                    shared_or(own, point, container, context)
                }
                (_, Backing::Own) => bind(point.source.clone(), target, point.recursive, flags),
            }
        }
    };
    vec![planned(Step::Mount(step), cause(point, container, context))]
}

/// Mounts made later may appear on the other side: the mount is copied before the container's mounts are made private.
fn spreads(point: &MountPoint) -> bool {
    point.kind == MountKind::Bind && point.propagation != Propagation::RPrivate
}

/// The copies of what is mounted with a propagation of its own, made while the mounts still are as the host has them.
pub(in crate::plan) fn copied_trees(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let copied = |point: &MountPoint| {
        let needs = match point.propagation {
            shared if shared.is_shared() => SourceMount::Shared,
            slave if slave.is_slave() && !super::propagation::is_implied(point, &container.host.storage, context.host) => {
                SourceMount::SharedOrSlave
            }
            _ => SourceMount::Any,
        };
        let step = MountStep::CopyMountTree { source: point.source.clone(), recursive: point.recursive, needs };
        let copied = planned(Step::Mount(step), cause(point, container, context));
        if super::propagation::is_implied(point, &container.host.storage, context.host) {
            let why = "A source that holds the engine's own directory is mounted rslave, so that no mount in it is kept busy.";
            return copied.with(docker_default(why, "engine/storage/bind-mounts/#configure-bind-propagation"));
        }
        copied
    };
    // In the order in which they are attached.
    let points = parts(container).into_iter().filter_map(|part| match part {
        Part::Point(point) => Some(point).filter(|point| spreads(point)),
        Part::File(_) => None,
    });
    points.map(copied).collect()
}

fn attached(point: &MountPoint, target: String, flags: MountFlags, container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let attach = MountStep::AttachMountTree {
        source: point.source.clone(),
        target: target.clone(),
        recursive: point.recursive,
        flags,
        top_only: point.top_only,
    };
    let set = |propagation: &Propagation| MountStep::SetPropagation { target: target.clone(), propagation: *propagation };
    let becomes = super::propagation::in_order(point.propagation, super::propagation::of_root(container));
    let steps = std::iter::once(attach).chain(becomes.iter().map(set));
    steps.map(|step| planned(Step::Mount(step), cause(point, container, context))).collect()
}

/// A volume that is mounted: that of a container that runs and has it, else `own`. It is unmounted when none runs any more.
fn shared_or(own: MountStep, point: &MountPoint, container: &Container, context: &Context<'_>) -> MountStep {
    let has = |other: &MountPoint| other.kind == MountKind::Volume && other.name == point.name;
    let others = context.state.containers.values().filter(|other| other.id != container.id && other.state.status.has_process());
    let donor = others.into_iter().find_map(|other| Some((other, other.mounts.iter().find(|point| has(point))?)));
    match (donor, own) {
        (Some((other, there)), MountStep::MountFilesystem { target, .. }) => {
            let (id, path) = (other.id.clone(), there.target.clone());
            MountStep::ShareMount { id, path, target, read_only: Some(point.read_only) }
        }
        (_, MountStep::MountFilesystem { fs_type, source, target, flags, data }) => {
            let flags = MountFlags { read_only: flags.read_only || point.read_only, ..flags };
            MountStep::MountFilesystem { fs_type, source, target, flags, data }
        }
        (_, own) => own,
    }
}

/// The volumes that go with the container when it is removed, if volumes do: `--rm`, `rm -v`. Nobody named them, and no other container
/// has them.
fn volumes_that_go<'a>(container: &'a Container, context: &Context<'_>) -> Vec<&'a MountPoint> {
    let asked = matches!(context.invocation.command, Command::RemoveContainers { volumes: true, .. });
    let unused = |point: &&MountPoint| context.state.users_of_volume(&point.name).iter().all(|id| **id == container.id);
    let points = container.mounts.iter().filter(|point| point.anonymous && (asked || container.host.auto_remove));
    points.filter(unused).collect()
}

/// Their directories: whoever finds a removal half done, the record gone, removes them.
pub fn directories_that_go(id: &ContainerId, context: &Context<'_>) -> Vec<String> {
    let layout = Layout::new(&context.host.data_root);
    let points = context.state.containers.get(id).map(|container| volumes_that_go(container, context)).unwrap_or_default();
    points.iter().map(|point| layout.volume(&point.name)).collect()
}

/// Removing them.
pub(in crate::plan) fn remove_volumes(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let layout = Layout::new(&context.host.data_root);
    let step = |point: &MountPoint| {
        let step = StoreStep::RemoveVolume { name: point.name.clone(), directory: layout.volume(&point.name) };
        planned(Step::Store(step), need("RemoveContainerFiles", "Nobody named it, so nobody could ask for it again."))
    };
    volumes_that_go(container, context).into_iter().map(step).collect()
}
