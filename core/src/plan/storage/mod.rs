//! Bind mounts, volumes and file systems of memory: from the words of `run` and `create` to what a container has mounted, by dockerd's
//! rules (moby volume/mounts, daemon/volumes.go), and the steps for it.
//!
//! `word` reads `-v`; `spec` judges `--mount` and `--tmpfs`; `steps` makes steps; `volume` are the commands on volumes.

pub(crate) mod foreign;
pub(crate) mod propagation;
pub(crate) mod spec;
mod steps;
pub(crate) mod volume;
mod word;

use std::collections::BTreeSet;

pub use steps::directories_that_go;
pub(crate) use steps::{Part, parts};
pub(super) use steps::{copied_trees, create_volumes, make_sources, remove_volumes, root_mounts};
pub(crate) use word::clean;

use super::{CommandError, Context, create, lifecycle, names};
use crate::cli::{Command, ContainerSpec, Invocation, MountSpec, StorageSpec};
use crate::host::{HostFacts, SourceKind};
use crate::layout::Layout;
use crate::model::{Backing, Container, MountKind, MountPoint, State, backing};

/// Why something cannot be mounted, and the flag that asks for it.
type Refusal = (String, &'static str);

/// What is refused before there is a container at all: `--mount` and `--tmpfs`, as the daemon looks at them first.
pub(super) fn check(spec: &StorageSpec, context: &Context<'_>) -> Result<(), CommandError> {
    let refuse = |(what, flag): Refusal| create::refuse(context, &what, Some(flag));
    for mount in &spec.mounts {
        spec::check(mount, context.host).map_err(refuse)?;
    }
    spec.tmpfs.iter().try_for_each(|word| spec::check_tmpfs(word)).map_err(refuse)
}

/// `--volume-driver`: Docker looks the driver up when it makes the first volume.
fn check_driver(points: &[MountPoint], driver: &str) -> Result<(), Refusal> {
    match points.iter().find(|point| point.kind == MountKind::Volume && point.flag == "volume") {
        Some(point) if !volume::is_local(driver) => {
            Err((format!("create {}: {}", point.name, volume::unknown_driver(driver)), "volume-driver"))
        }
        _ => Ok(()),
    }
}

/// The volumes of `--mount` that are not there yet, as the driver looks at them when it makes them.
fn check_volumes(points: &[MountPoint], shown: &StorageSpec, context: &Context<'_>) -> Result<(), Refusal> {
    for point in points.iter().filter(|point| point.kind == MountKind::Volume) {
        let frame = |what: String| (format!("create {}: {what}", point.name), "mount");
        let options = match (context.state.volumes.get(&point.name), asked_as(point, shown)) {
            (Some(volume), _) => &volume.options,
            (None, None) => continue,
            (None, Some(mount)) if !volume::is_local(&mount.driver) => return Err(frame(volume::unknown_driver(&mount.driver))),
            (None, Some(mount)) => &mount.driver_options,
        };
        volume::check_options(options).map_err(frame)?;
    }
    Ok(())
}

/// What dockerd would mount on the host, and cannot be mounted alike in the container's own namespaces.
fn refuse_others(points: &[MountPoint], shown: &StorageSpec, context: &Context<'_>) -> Result<(), CommandError> {
    for point in points.iter().filter(|point| point.kind == MountKind::Volume) {
        let known = context.state.volumes.get(&point.name).map(|volume| &volume.options);
        let options = known.or_else(|| asked_as(point, shown).map(|mount| &mount.driver_options));
        let refusal = options.map(backing).and_then(|backing| foreign::refusal(&backing, &point.subpath));
        if let Some(message) = refusal {
            let span = context.invocation.words.flag(&point.flag).map(|used| used.span);
            return Err(CommandError { message, exit_code: 125, span });
        }
    }
    Ok(())
}

/// Volumes into which nothing is copied, said before it happens.
pub(super) fn warnings(container: &Container, context: &Context<'_>) -> Vec<String> {
    let copied = |point: &&MountPoint| point.kind == MountKind::Volume && point.copies;
    let foreign = |point: &MountPoint| matches!(backing_of(point, container, context.state), Backing::Other { .. });
    let told = |point: &MountPoint| {
        format!(
            "glassbox: the volume {} is mounted in the container alone: what the image has at {} is not copied into it",
            point.name, point.target
        )
    };
    container.mounts.iter().filter(copied).filter(|point| foreign(point)).map(told).collect()
}

/// The `--mount` that a mount point comes from.
fn asked_as<'a>(point: &MountPoint, shown: &'a StorageSpec) -> Option<&'a MountSpec> {
    shown.mounts.iter().find(|mount| point.flag == "mount" && mount.text == point.word)
}

/// What lies behind a mount point that is a volume; one that is about to be made is as its `--mount` says.
pub(crate) fn backing_of(point: &MountPoint, container: &Container, state: &State) -> Backing {
    match state.volumes.get(&point.name) {
        _ if point.kind != MountKind::Volume => Backing::Own,
        Some(volume) => volume.backing(),
        None => asked_as(point, &container.host.storage).map_or(Backing::Own, |mount| backing(&mount.driver_options)),
    }
}

/// What the container has mounted, the shallowest first; and what HostConfig shows.
pub(super) fn resolve(
    asked: &ContainerSpec,
    of_image: &BTreeSet<String>,
    context: &Context<'_>,
) -> Result<(Vec<MountPoint>, StorageSpec), CommandError> {
    let shown = absolute(&asked.storage, &context.host.cwd);
    let mut all = Gathered::default();
    let refuse = |(what, flag): Refusal| create::refuse(context, &what, Some(flag));
    for word in &shown.volumes_from {
        all.take_over(word, context).map_err(refuse)?;
    }
    let (mut unnamed, tmpfs) = (Vec::new(), spec::tmpfs_targets(&shown.tmpfs));
    for typed in &shown.volumes {
        match word::read(typed).map_err(|what| refuse((what, "volume")))? {
            word::Read::Unnamed(target) => unnamed.push((target, typed.clone())),
            word::Read::Mount(mount) => {
                if tmpfs.contains(&mount.target) {
                    return Err(refuse(duplicate(&mount.target, "volume")));
                }
                all.add(mount).map_err(refuse)?;
            }
        }
    }
    for mount in &shown.mounts {
        all.add(spec::mount_point(mount)).map_err(refuse)?;
    }
    for mount in spec::tmpfs_points(&shown.tmpfs) {
        all.put(mount);
    }
    unnamed.extend(of_image.iter().map(|target| (target.clone(), target.clone())));
    for (target, typed) in unnamed {
        // Where something is mounted already, the volume that nobody named is not made.
        if !all.points.iter().any(|point| point.target == target) {
            all.points.push(word::unnamed(target, typed));
        }
    }
    let mut points = all.points;
    propagation::settle(&mut points, &shown, context.host).map_err(refuse)?;
    let layout = Layout::new(&context.host.data_root);
    let unnamed = points.iter_mut().filter(|point| point.kind == MountKind::Volume && point.name.is_empty());
    for (number, point) in unnamed.enumerate() {
        point.name = names::fresh_volume(&context.host.entropy, number);
        point.anonymous = true;
    }
    check_driver(&points, &asked.volume_driver).map_err(refuse)?;
    check_volumes(&points, &shown, context).map_err(refuse)?;
    refuse_others(&points, &shown, context)?;
    for point in points.iter_mut().filter(|point| point.kind == MountKind::Volume) {
        point.source = layout.volume_data(&point.name);
    }
    points.sort_by_key(MountPoint::depth);
    Ok((points, shown))
}

/// What was gathered so far. What comes from other containers may be covered by the command's own; of its own no two may meet.
#[derive(Default)]
struct Gathered {
    points: Vec<MountPoint>,
    own: BTreeSet<String>,
}

impl Gathered {
    fn add(&mut self, point: MountPoint) -> Result<(), Refusal> {
        let flag = if point.flag == "mount" { "mount" } else { "volume" };
        if !self.own.insert(point.target.clone()) {
            return Err(duplicate(typed_target(&point).unwrap_or(&point.target), flag));
        }
        if point.kind == MountKind::Volume && !point.name.is_empty() {
            volume::check_name(&point.name).map_err(|what| (format!("create {}: {what}", point.name), flag))?;
        }
        self.put(point);
        Ok(())
    }

    fn put(&mut self, point: MountPoint) {
        self.points.retain(|known| known.target != point.target);
        self.points.push(point);
    }

    /// `--volumes-from CONTAINER[:MODE]`
    fn take_over(&mut self, word: &str, context: &Context<'_>) -> Result<(), Refusal> {
        let flag = "volumes-from";
        let (name, mode) = word.split_once(':').unwrap_or((word, ""));
        if name.is_empty() {
            return Err((format!("invalid volumes-from specification: '{word}'"), flag));
        }
        if !word::is_mode(mode) {
            return Err((format!("invalid mode: {mode}"), flag));
        }
        let lost = |message: String| {
            let first = message.lines().next().unwrap_or_default();
            (first.trim_start_matches("Error response from daemon: ").to_string(), flag)
        };
        let container = lifecycle::find(name, context).map_err(lost)?;
        for point in container.mounts.iter().filter(|point| point.kind != MountKind::Tmpfs) {
            self.put(MountPoint {
                read_only: point.read_only || word::is_read_only(mode),
                mode: if mode.is_empty() { point.mode.clone() } else { mode.to_string() },
                anonymous: false,
                copies: false,
                flag: flag.to_string(),
                word: word.to_string(),
                ..point.clone()
            });
        }
        Ok(())
    }
}

/// What `--mount` says of the target, letter for letter.
fn typed_target(point: &MountPoint) -> Option<&str> {
    let fields = point.word.split(',').filter_map(|field| field.split_once('='));
    let mut targets = fields.filter(|(name, _)| matches!(*name, "target" | "dst" | "destination")).map(|(_, target)| target);
    targets.next().filter(|_| point.flag == "mount")
}

fn duplicate(target: &str, flag: &'static str) -> Refusal {
    (format!("Duplicate mount point: {target}"), flag)
}

/// Docker's client makes `.` and what begins with `./` absolute, from the caller's directory.
fn absolute(spec: &StorageSpec, cwd: &str) -> StorageSpec {
    let mut spec = spec.clone();
    for word in &mut spec.volumes {
        if let Some((source, rest)) = word.split_once(':').filter(|(source, _)| source.starts_with('.')) {
            *word = format!("{}:{rest}", word::clean(&format!("{cwd}/{source}")));
        }
    }
    for mount in &mut spec.mounts {
        if mount.source == "." || mount.source.starts_with("./") {
            mount.source = word::clean(&format!("{cwd}/{}", mount.source));
        }
    }
    spec
}

/// The paths of the host that a command names as sources: what is there is to stand in [`crate::host::HostFacts::sources`].
pub fn named_sources(invocation: &Invocation, state: &State, cwd: &str) -> BTreeSet<String> {
    let spec = match &invocation.command {
        Command::RunContainer(run) => &run.spec,
        Command::CreateContainer(spec) => spec,
        Command::StartContainers { containers, .. } | Command::RestartContainers { containers, .. } => {
            let found = containers.iter().filter_map(|word| state.container(word.trim()).ok());
            return found.flat_map(|container| sources(&container.mounts)).collect();
        }
        Command::CopyFiles { from, to, .. } => return super::copy::looked_at(from, to, (state, cwd)).into_iter().collect(),
        _ => return BTreeSet::new(),
    };
    let shown = absolute(&spec.storage, cwd);
    let own = shown.volumes.iter().filter_map(|typed| match word::read(typed) {
        Ok(word::Read::Mount(mount)) => Some(mount),
        _ => None,
    });
    let all: Vec<MountPoint> = own.chain(shown.mounts.iter().map(spec::mount_point)).collect();
    let others = shown.volumes_from.iter().filter_map(|word| state.container(word.split(':').next().unwrap_or(word)).ok());
    let looked_at = super::cid_file::looked_at(spec, cwd);
    others
        .flat_map(|container| sources(&container.mounts))
        .chain(sources(&all))
        .chain(looked_at)
        .chain(spec.confinement.devices.iter().map(|device| device.host.clone()))
        .chain(spec.resources.block_io.devices().map(str::to_string))
        .collect()
}

/// The paths of the host that `why CONTAINER PATH` is about: what is known of them is to stand in [`crate::host::HostFacts::owners`].
pub(super) fn named_owners(invocation: &Invocation, state: &State, data_root: &str) -> BTreeSet<String> {
    let Command::ExplainRefusal { container, call: Some(path) } = &invocation.command else { return BTreeSet::new() };
    let found = state.container(container.trim()).ok().filter(|_| path.starts_with('/'));
    let mounted = found.and_then(|container| crate::permission::mounted(path, container, state, data_root));
    mounted.map(|mounted| mounted.way.into_iter().collect()).unwrap_or_default()
}

/// What of the way to a path is to be known as well: whether one of its elements is a file.
pub(super) fn ways(paths: &BTreeSet<String>) -> BTreeSet<String> {
    paths.iter().flat_map(|path| above(path)).map(str::to_string).collect()
}

fn above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at]).filter(|above| !above.is_empty())
}

/// Nothing can be at this path: an element before its last one is a file.
pub(super) fn is_behind_file(path: &str, host: &HostFacts) -> bool {
    above(path).any(|above| host.sources.get(above) == Some(&SourceKind::File))
}

pub(super) fn sources(mounts: &[MountPoint]) -> Vec<String> {
    let binds = mounts.iter().filter(|mount| mount.kind == MountKind::Bind && mount.source.starts_with('/'));
    binds.map(|mount| mount.source.clone()).collect()
}

#[cfg(test)]
mod tests;
