//! `RUN --mount`: what is read for the key, what is laid ready before the program runs, and what is mounted for it.
//!
//! Files are copied into a directory of their own, so that `.dockerignore` holds and what the program changes is gone with it.

use sha2::{Digest, Sha256};

use super::super::origin::{need, planned};
use super::super::{Context, Planned};
use super::design::Design;
use super::instruction::{ignore, manner, read_sources, remove, source};
use super::workspace::{Workspace, holder, source_directories};
use crate::build::{Copy, CopySource, Mounted, Part, Run, RunMount};
use crate::cli::BuildAgent;
use crate::dockerfile::mounts::Sharing;
use crate::layout::Layout;
use crate::model::{CacheMount, MountKind, MountPoint, Slot};
use crate::step::{BuildStep, FilesRoot, Step};

/// Of a script with an interpreter of its own.
const SCRIPT_MODE: u32 = 0o755;

/// The mounts with their numbers, from 1.
fn numbered(run: &Run) -> impl Iterator<Item = (u16, &RunMount)> {
    (1u16..).zip(&run.mounts)
}

/// What is copied for a mount.
fn copied(from: &CopySource, source: &str) -> Copy {
    Copy { from: from.clone(), sources: vec![source.to_string()], destination: "/".to_string(), ..Copy::default() }
}

/// The files that are mounted are read for the key.
pub(super) fn read(slot: Slot, run: &Run, design: &Design<'_>, context: &Context<'_>) -> Vec<Planned> {
    let mut steps = Vec::new();
    for (number, mount) in numbered(run) {
        if let Some((from, source)) = mount.files() {
            steps.extend(read_sources(slot, number, &copied(from, source), design, context));
        }
    }
    steps
}

/// What a key says of the mounts.
pub(super) fn parts(slot: Slot, run: &Run, context: &Context<'_>) -> Vec<Part> {
    let mut all = Vec::new();
    for (number, mount) in numbered(run) {
        all.push(Part::new(format!("mount at {}", mount.target), mount.in_key()));
        let files = context.state.building.files.get(&(slot, number)).into_iter().flatten();
        all.extend(files.map(|part| Part::new(format!("{} mounted at {}", part.what, mount.target), part.value.clone())));
    }
    all
}

/// What a program has mounted, and the steps before and after it.
#[derive(Default)]
pub(super) struct Ready {
    pub(super) before: Vec<Planned>,
    pub(super) points: Vec<MountPoint>,
    /// More variables.
    pub(super) env: Vec<String>,
    /// Variables that have a secret.
    pub(super) secrets: Vec<(String, String)>,
}

/// Lays everything ready.
pub(super) fn ready(slot: Slot, run: &Run, design: &Design<'_>, context: &Context<'_>) -> Ready {
    let mut ready = Ready::default();
    if run.mounts.is_empty() {
        return ready;
    }
    let workspace = Workspace::of(slot, context);
    ready.before = workspace.make(&["empty"]);
    let mut laying = Laying { slot, workspace, design, context, ready };
    for (number, mount) in numbered(run) {
        laying.mount(number, mount);
    }
    laying.ready
}

/// Behind the program: what was laid ready goes.
pub(super) fn cleared(slot: Slot, run: &Run, design: &Design<'_>, context: &Context<'_>) -> Vec<Planned> {
    if run.mounts.is_empty() {
        return Vec::new();
    }
    let unlock = |mount: &RunMount| {
        let directory = Layout::new(&context.host.data_root).cache_mount(&name_of(mount, design, context)?);
        let why = "The program has ended.";
        Some(planned(Step::Build(BuildStep::UnlockCacheMount { directory }), need("LockCacheMount", why)))
    };
    let mut steps: Vec<Planned> = run.mounts.iter().filter_map(unlock).collect();
    steps.push(remove(&Workspace::of(slot, context)));
    steps
}

/// The paths that are made in the container's root to mount something on, and those above them.
pub(super) fn made_for(run: &Run) -> Vec<String> {
    let mut all = Vec::new();
    for mount in run.mounts.iter().filter(|mount| !matches!(&mount.what, Mounted::Secret { file: false, .. })) {
        let target = mount.target.trim_matches('/');
        let above = target.match_indices('/').map(|(at, _)| &target[..at]);
        all.extend(above.chain([target]).map(str::to_string));
    }
    all
}

/// The name of a cache's directory: its id, and what it began with.
fn name_of(mount: &RunMount, design: &Design<'_>, context: &Context<'_>) -> Option<String> {
    let Mounted::Cache { id, from, .. } = &mount.what else { return None };
    let begun = match from {
        None | Some(CopySource::Context | CopySource::Directory(_) | CopySource::Web) => String::new(),
        Some(CopySource::Stage(stage)) => design.whole(*stage, context).0,
        Some(CopySource::Image(name)) => name.clone(),
    };
    let digest = Sha256::digest(format!("{id}\n{begun}").as_bytes());
    Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

struct Laying<'a, 'c> {
    slot: Slot,
    workspace: Workspace,
    design: &'a Design<'a>,
    context: &'a Context<'c>,
    ready: Ready,
}

impl Laying<'_, '_> {
    fn step(&mut self, step: BuildStep) {
        self.ready.before.push(planned(Step::Build(step), self.design.cause_of(self.slot)));
    }

    fn point(&mut self, mount: &RunMount, source: String) {
        self.ready.points.push(MountPoint {
            kind: MountKind::Bind,
            source,
            target: mount.target.clone(),
            read_only: mount.read_only,
            recursive: true,
            flag: "mount".to_string(),
            ..MountPoint::default()
        });
    }

    fn mount(&mut self, number: u16, mount: &RunMount) {
        match &mount.what {
            Mounted::Files { from, source } => {
                let name = format!("mount-{number}");
                self.ready.before.extend(self.workspace.below(&[&name]));
                let top = self.workspace.directory(&name);
                self.bring(number, from, source, &top);
                let source = if self.is_file(number) { format!("{top}/{}", last(source)) } else { top };
                self.point(mount, source);
            }
            Mounted::Script { name, content } => {
                let place = format!("mount-{number}");
                self.ready.before.extend(self.workspace.below(&[&place]));
                let to = self.workspace.directory(&place);
                let root = FilesRoot { path: to.clone(), held: false };
                let inline = vec![(name.clone(), content.clone())];
                let copy = Copy { inline, destination: "/".to_string(), mode: Some(SCRIPT_MODE), ..Copy::default() };
                let manner = manner(self.design, self.context);
                self.step(BuildStep::BringFiles { copy, from: root.clone(), to: root, ignore: None, manner });
                self.point(mount, to);
            }
            Mounted::Cache { .. } => self.cache(number, mount),
            Mounted::Memory { size_bytes } => {
                let size = if *size_bytes == 0 { String::new() } else { format!("size={size_bytes}") };
                self.ready.points.push(MountPoint {
                    kind: MountKind::Tmpfs,
                    target: mount.target.clone(),
                    read_only: mount.read_only,
                    options: size,
                    flag: "mount".to_string(),
                    ..MountPoint::default()
                });
            }
            Mounted::Secret { id, file, variable, required, owner, mode } => {
                let known = self.design.build.secrets.iter().any(|secret| secret.id == *id);
                if !known && !required {
                    return;
                }
                if *file || !known {
                    let path = self.workspace.directory(&format!("secret-{number}"));
                    self.step(BuildStep::PlaceSecret { id: id.clone(), path: path.clone(), owner: *owner, mode: *mode });
                    self.point(mount, path);
                }
                self.ready.secrets.extend(variable.iter().map(|name| (name.clone(), id.clone())));
            }
            Mounted::Agent { id, required } => {
                let of = |agent: &&BuildAgent| agent.id == *id;
                let socket = self.design.build.agents.iter().find(of).map(|agent| agent.socket.clone());
                if socket.is_none() && !required {
                    return;
                }
                let socket = socket.map(|socket| crate::copying::absolute(&socket, &self.context.host.cwd));
                self.step(BuildStep::FindAgent { id: id.clone(), socket: socket.clone() });
                self.point(mount, socket.unwrap_or_default());
                if !self.ready.env.iter().any(|entry| entry.starts_with("SSH_AUTH_SOCK=")) {
                    self.ready.env.push(format!("SSH_AUTH_SOCK={}", mount.target));
                }
            }
        }
    }

    fn cache(&mut self, number: u16, mount: &RunMount) {
        let Mounted::Cache { id, sharing, from, source, owner, mode } = &mount.what else { return };
        let Some(name) = name_of(mount, self.design, self.context) else { return };
        let directory = Layout::new(&self.context.host.data_root).cache_mount(&name);
        let data = format!("{directory}/_data");
        if self.context.state.cache_mounts.get(&name).is_none() {
            let kept = CacheMount { id: id.clone(), created_ns: self.context.host.now_ns };
            let directory = directory.clone();
            self.step(BuildStep::MakeCacheMount { name, directory, mount: kept, owner: *owner, mode: *mode });
            if let Some(from) = from {
                self.bring(number, from, "/", &data);
            }
        }
        self.step(BuildStep::LockCacheMount { directory, alone: *sharing != Sharing::Shared });
        self.point(mount, if source == "/" { data } else { format!("{data}{source}") });
    }

    /// What was read of the source is a file.
    fn is_file(&self, number: u16) -> bool {
        let parts = self.context.state.building.files.get(&(self.slot, number));
        parts.and_then(|parts| parts.first()).is_some_and(|first| !first.what.starts_with("directory "))
    }

    /// Copies the files into a directory.
    fn bring(&mut self, number: u16, from: &CopySource, path: &str, to: &str) {
        let (layers, context_path) = source(self.slot, from, self.design, self.context);
        let name = format!("from-{number}");
        let root = match &layers {
            Some(_) => self.workspace.root(&name),
            None => FilesRoot { path: context_path, held: false },
        };
        let step = BuildStep::BringFiles {
            copy: copied(from, path),
            from: root,
            to: FilesRoot { path: to.to_string(), held: false },
            ignore: ignore(self.design),
            manner: manner(self.design, self.context),
        };
        let step = planned(Step::Build(step), self.design.cause_of(self.slot));
        let Some(layers) = layers else { return self.ready.before.push(step) };
        let [upper, work, merged, _] = source_directories(&name);
        self.ready.before.extend(super::result::extracted(&layers, self.context));
        self.ready.before.extend(self.workspace.below(&[&upper, &work, &merged]));
        let mounted = self.workspace.mounted_source(&layers, &name, self.context);
        self.ready.before.extend(holder(vec![mounted], step, self.context));
    }
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}
