//! What an instruction is made of.

use super::super::origin::{need, planned};
use super::super::{Context, Planned, create};
use super::design::{Design, image, number, of_image};
use super::result::extracted;
use super::workspace::{Workspace, holder};
use super::{cache, mounts, program};
use crate::build::key::{INSTRUCTION, PARENT};
use crate::build::transfer::Manner;
use crate::build::{Copy, CopySource, Key, Miss, Part, Repository, Work};
use crate::layout::Layout;
use crate::model::{CacheRecord, Layer, Slot};
use crate::step::{BuildStep, FetchedFor, FilesRoot, ImageStep, PackedDirectory, Phase, Step, StoreStep};

const NS_PER_SECOND: u64 = 1_000_000_000;

pub(super) fn instruction(slot: Slot, design: &Design<'_>, context: &Context<'_>) -> Vec<Planned> {
    let Some(found) = design.found(slot, context) else { return Vec::new() };
    match &found.work {
        Work::Configure => {
            let step = BuildStep::Configure { slot, created_by: found.created_by };
            vec![planned(Step::Build(step), design.cause_of(slot))]
        }
        Work::Copy(copy) => {
            let web = Workspace::of_web(slot, context);
            let mut steps = fetched(slot, copy, &web, design);
            steps.extend(commits(slot, copy, design));
            // A commit says all: its files are fetched where there is no result.
            if copy.repositories.is_empty() {
                steps.extend(read_sources(slot, 0, copy, design, context));
            }
            steps.push(planned(Step::Phase(Phase::FindResult { slot }), design.cause_of(slot)));
            steps.extend((!copy.remote.is_empty()).then(|| remove(&web)));
            steps
        }
        Work::Run(run) => {
            let mut steps = mounts::read(slot, run, design, context);
            steps.push(planned(Step::Phase(Phase::FindResult { slot }), design.cause_of(slot)));
            steps
        }
        Work::MakeDirectory { .. } => find_result(slot, design, context),
    }
}

/// All that the result depends on.
fn key(slot: Slot, work: &Work, design: &Design<'_>, context: &Context<'_>) -> Key {
    let (parent, _) = design.below(slot, context);
    let mut parts = vec![Part::new(PARENT, parent)];
    match work {
        Work::Configure => {}
        Work::MakeDirectory { path } => parts.push(Part::new(INSTRUCTION, format!("WORKDIR {path}"))),
        Work::Run(run) => {
            parts.push(Part::new(INSTRUCTION, format!("RUN {}", crate::build::history::quoted_list(&run.argv))));
            parts.push(Part::new("directory", run.directory.clone()));
            parts.push(Part::new("user", run.user.clone()));
            parts.push(Part::new("network", run.network.clone()));
            for entry in &run.env {
                let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
                parts.push(Part::new(format!("variable {name}"), value));
            }
            parts.extend(mounts::parts(slot, run, context));
        }
        Work::Copy(copy) => {
            let mode = copy.mode.map(|mode| format!(" --chmod={mode:o}")).unwrap_or_default();
            let owner = if copy.owner.is_empty() { String::new() } else { format!(" --chown={}", copy.owner) };
            let sources = match copy.repositories.as_slice() {
                [] => copy.sources.join(" "),
                all => all.iter().map(of_repository).collect::<Vec<_>>().join(" "),
            };
            let verb = match (copy.unpack, copy.parents) {
                (true, _) => "ADD",
                (false, true) => "COPY --parents",
                (false, false) => "COPY",
            };
            parts.push(Part::new(INSTRUCTION, format!("{verb}{owner}{mode} {sources} to {}", copy.destination)));
            parts.extend(context.state.building.files.get(&(slot, 0)).into_iter().flatten().cloned());
            for (number, repository) in copy.repositories.iter().enumerate() {
                let commit = commit(slot, number, repository, context).unwrap_or_default();
                parts.push(Part::new(format!("commit of {}", repository.redacted()), commit));
            }
        }
    }
    if let Some(epoch) = design.build.input.files.epoch_seconds {
        parts.push(Part::new("variable SOURCE_DATE_EPOCH", epoch.to_string()));
    }
    Key { parts }
}

/// The files that are fetched for it. BuildKit knows them by their content: they are fetched before it looks into the cache.
fn fetched(slot: Slot, copy: &Copy, web: &Workspace, design: &Design<'_>) -> Vec<Planned> {
    if copy.remote.is_empty() {
        return Vec::new();
    }
    let mut steps = web.make(&["files"]);
    for remote in &copy.remote {
        let path = format!("{}/{}", web.directory("files"), remote.name);
        let step = BuildStep::FetchFile { remote: remote.clone(), path };
        steps.push(planned(Step::Build(step), design.cause_of(slot)));
    }
    steps
}

/// Which commits are meant: a reference may name another one at every build.
fn commits(slot: Slot, copy: &Copy, design: &Design<'_>) -> Vec<Planned> {
    let asked = copy.repositories.iter().enumerate().filter(|(_, repository)| repository.commit().is_none());
    let find = |(at, repository): (usize, &Repository)| {
        let place = FetchedFor::Instruction(slot, number(at));
        planned(Step::Build(BuildStep::FindCommit { place, repository: Box::new(repository.clone()) }), design.cause_of(slot))
    };
    asked.map(find).collect()
}

/// The commit of a repository that an instruction names; `None`: it is not known yet.
fn commit(slot: Slot, at: usize, repository: &Repository, context: &Context<'_>) -> Option<String> {
    let found = || context.state.building.commits.get(&(slot, number(at))).cloned();
    repository.commit().map(str::to_string).or_else(found)
}

/// What of a repository's address says which files come, but for the commit.
fn of_repository(repository: &Repository) -> String {
    let below = if repository.subdirectory.is_empty() { String::new() } else { format!(":{}", repository.subdirectory) };
    let kept = if repository.keep_git { " with .git" } else { "" };
    format!("{}{below}{kept}", repository.redacted())
}

/// The files of repositories.
fn fetched_commits(slot: Slot, copy: &Copy, web: &Workspace, design: &Design<'_>, context: &Context<'_>) -> Vec<Planned> {
    if copy.repositories.is_empty() {
        return Vec::new();
    }
    let mut steps = web.make(&["files"]);
    for (at, (repository, name)) in copy.repositories.iter().zip(&copy.sources).enumerate() {
        let name = format!("files/{name}");
        steps.extend(web.below(&[&name]));
        let step = BuildStep::FetchCommit {
            place: FetchedFor::Instruction(slot, number(at)),
            repository: Box::new(repository.clone()),
            commit: commit(slot, at, repository, context).unwrap_or_default(),
            path: web.directory(&name),
        };
        steps.push(planned(Step::Build(step), design.cause_of(slot)));
    }
    steps
}

/// Where files are copied from, the layers that are mounted there, and what has to be extracted for it.
pub(super) fn source(slot: Slot, from: &CopySource, design: &Design<'_>, context: &Context<'_>) -> (Option<Vec<Layer>>, String) {
    match from {
        CopySource::Web => (None, Workspace::of_web(slot, context).directory("files")),
        CopySource::Context => {
            let taken = &context.state.building.taken.directory;
            let typed = &design.build.input.context;
            let path = match typed.as_str() {
                _ if !taken.is_empty() => taken,
                _ if design.build.input.context_sent().is_some() => return (None, nothing(slot, context)),
                typed => typed,
            };
            (None, crate::copying::absolute(path, &context.host.cwd))
        }
        CopySource::Directory(path) => (None, path.clone()),
        CopySource::Stage(stage) => (Some(design.whole(*stage, context).1), String::new()),
        CopySource::Image(name) => (Some(image(name, context).map(of_image).unwrap_or_default().layers), String::new()),
    }
}

/// The context where nothing came but the Dockerfile: an empty directory.
fn nothing(slot: Slot, context: &Context<'_>) -> String {
    Workspace::of(slot, context).directory("empty")
}

pub(super) fn ignore(design: &Design<'_>) -> Option<String> {
    design.build.input.files.ignore.clone()
}

/// Reads what is copied (0), or what is mounted (from 1).
pub(super) fn read_sources(slot: Slot, mount: u16, copy: &Copy, design: &Design<'_>, context: &Context<'_>) -> Vec<Planned> {
    let workspace = Workspace::of(slot, context);
    let (layers, path) = source(slot, &copy.from, design, context);
    let from_nothing = path == nothing(slot, context);
    let from = if layers.is_some() { workspace.root("from") } else { FilesRoot { path, held: false } };
    let step = BuildStep::ReadSources { slot, mount, copy: copy.clone(), from, ignore: ignore(design) };
    let read = planned(Step::Build(step), design.cause_of(slot));
    let Some(layers) = layers else {
        let is_empty = mount == 0 && from_nothing;
        let made = if is_empty { workspace.make(&["empty"]) } else { Vec::new() };
        let removed = is_empty.then(|| remove(&workspace));
        return made.into_iter().chain([read]).chain(removed).collect();
    };
    let mut steps = extracted(&layers, context);
    steps.extend(workspace.make(&["from-upper", "from-work", "from", "empty"]));
    steps.extend(holder(vec![workspace.mounted_source(&layers, "from", context)], read, context));
    steps.push(remove(&workspace));
    steps
}

pub(super) fn remove(workspace: &Workspace) -> Planned {
    let why = "What was made in it is kept elsewhere by now.";
    planned(Step::Build(BuildStep::RemoveWorkspace { path: workspace.path.clone() }), need("CreateDirectory", why))
}

/// From the cache, or made.
pub(super) fn find_result(slot: Slot, design: &Design<'_>, context: &Context<'_>) -> Vec<Planned> {
    let Some(found) = design.found(slot, context) else { return Vec::new() };
    let key = key(slot, &found.work, design, context);
    let digest = key.digest();
    let path = Layout::new(&context.host.data_root).cached_result(&digest);
    let known = &context.state.build_cache;
    let why = "An instruction whose inputs are the same has the same result: it is not carried out again.";
    match known.get(&digest).filter(|_| !design.build.no_cache) {
        Some(record) => {
            let step = BuildStep::UseCached { slot, key: digest, path, record: Box::new(record.clone()) };
            vec![planned(Step::Build(step), design.cause_of(slot)).with(need("KeepResult", why))]
        }
        None => {
            if let Some(found) = cache::find(&digest, design.build, context) {
                return cache::take(slot, found, key, design, context);
            }
            let unread = matches!(&found.work, Work::Copy(copy) if is_unread(slot, copy, context));
            let missed = match () {
                () if design.build.no_cache => Miss::NotAsked,
                () if unread => Miss::NotRead,
                () => key.miss(known.values().map(|record| &record.key)),
            };
            let is_told = !matches!(missed, Miss::NotAsked | Miss::NotRead);
            let lacks = if is_told { cache::lacks(&key, design.build, context) } else { Vec::new() };
            let step = BuildStep::MissCache { slot, key: Box::new(key), why: missed, lacks, path };
            let mut steps = vec![planned(Step::Build(step), design.cause_of(slot)).with(need("KeepResult", why))];
            let (_, layers) = design.below(slot, context);
            steps.extend(extracted(&layers, context));
            let making = Making { slot, key: digest, design, context };
            steps.extend(making.work(&found.work, layers));
            steps
        }
    }
}

/// It is not known yet what is copied.
fn is_unread(slot: Slot, copy: &Copy, context: &Context<'_>) -> bool {
    match copy.repositories.as_slice() {
        [] => !context.state.building.files.contains_key(&(slot, 0)),
        all => all.iter().enumerate().any(|(at, repository)| commit(slot, at, repository, context).is_none()),
    }
}

/// A result that is made.
pub(super) struct Making<'a, 'c> {
    pub(super) slot: Slot,
    /// The digest of its key.
    pub(super) key: String,
    pub(super) design: &'a Design<'a>,
    pub(super) context: &'a Context<'c>,
}

impl Making<'_, '_> {
    /// The work itself, up to what is set aside.
    fn work(&self, work: &Work, layers: Vec<Layer>) -> Vec<Planned> {
        match work {
            Work::Configure => Vec::new(),
            Work::Run(run) => program::run(self, run, layers),
            Work::MakeDirectory { path } => self.make_directory(path, &layers),
            Work::Copy(copy) => self.copy(copy, &layers),
        }
    }

    fn make_directory(&self, path: &str, layers: &[Layer]) -> Vec<Planned> {
        let workspace = Workspace::of(self.slot, self.context);
        let layout = Layout::new(&self.context.host.data_root);
        let mut steps = workspace.make(&["upper", "merged"]);
        let step = StoreStep::MakeWorkingDirectory {
            layers: layers.iter().rev().map(|layer| layout.layer(&layer.diff_id)).collect(),
            upper: workspace.directory("upper"),
            merged: workspace.directory("merged"),
            path: path.to_string(),
        };
        steps.push(planned(Step::Store(step), self.design.cause_of(self.slot)));
        steps.push(self.set_aside(workspace.directory("upper")));
        steps.push(remove(&workspace));
        steps
    }

    fn copy(&self, copy: &Copy, layers: &[Layer]) -> Vec<Planned> {
        let (slot, design, context) = (self.slot, self.design, self.context);
        let workspace = Workspace::of(slot, context);
        let (from_layers, path) = source(slot, &copy.from, design, context);
        let mut names = vec!["upper", "work", "merged", "empty"];
        let mut mounts = vec![workspace.mounted(layers, context)];
        let from = match &from_layers {
            None => FilesRoot { path, held: false },
            Some(layers) => {
                names.extend(["from-upper", "from-work", "from"]);
                mounts.push(workspace.mounted_source(layers, "from", context));
                workspace.root("from")
            }
        };
        let step = BuildStep::BringFiles {
            copy: copy.clone(),
            from,
            to: workspace.root("merged"),
            ignore: ignore(design),
            manner: manner(design, context),
        };
        let web = Workspace::of_web(slot, context);
        let mut steps = fetched_commits(slot, copy, &web, design, context);
        steps.extend(workspace.make(&names));
        steps.extend(holder(mounts, planned(Step::Build(step), design.cause_of(slot)), context));
        steps.push(self.set_aside(workspace.directory("upper")));
        steps.push(remove(&workspace));
        steps.extend((!copy.repositories.is_empty()).then(|| remove(&web)));
        steps
    }

    /// What has been changed gets a place of its own.
    pub(super) fn set_aside(&self, upper: String) -> Planned {
        let directory = Workspace::of_changes(self.slot, self.context).path;
        let step = BuildStep::SetAside { slot: self.slot, key: self.key.clone(), upper, directory };
        let why = "What was changed outlives what it was made in.";
        planned(Step::Build(step), self.design.cause_of(self.slot)).with(need("PackLayer", why))
    }
}

pub(super) fn manner(design: &Design<'_>, context: &Context<'_>) -> Manner {
    Manner { moment_seconds: moment_seconds(design, context), callers: !context.host.is_root() }
}

fn moment_seconds(design: &Design<'_>, context: &Context<'_>) -> i64 {
    let epoch = design.build.input.files.epoch_seconds;
    i64::try_from(epoch.unwrap_or(context.host.now_ns / NS_PER_SECOND)).unwrap_or_default()
}

/// What is changed becomes a blob, and then the result.
pub(super) fn packed(slot: Slot, upper: String, without: Vec<String>, design: &Design<'_>, context: &Context<'_>) -> Vec<Planned> {
    let packed = PackedDirectory { compressed: true, ..pack(upper.clone(), without, design, context) };
    let why = "What an instruction has changed is a layer: an archive that is known by its digest.";
    vec![
        planned(Step::Image(ImageStep::PackLayer(packed)), design.cause_of(slot)).with(need("WriteImage", why)),
        planned(Step::Phase(Phase::KeepLayer { slot, upper }), design.cause_of(slot)),
    ]
}

/// How what is changed is packed.
pub(super) fn pack(upper: String, without: Vec<String>, design: &Design<'_>, context: &Context<'_>) -> PackedDirectory {
    let host = context.host;
    PackedDirectory {
        upper,
        blobs: Layout::new(&host.data_root).blobs(),
        user_xattr: !host.is_root(),
        uid_map: create::own_ids(host.uid, host),
        gid_map: create::own_ids(host.gid, host),
        epoch_seconds: design.build.input.files.epoch_seconds.and_then(|epoch| i64::try_from(epoch).ok()),
        without,
        compressed: false,
    }
}

/// The record of a result that is made now.
pub(super) fn record(slot: Slot, layer: Option<Layer>, design: &Design<'_>, context: &Context<'_>) -> Option<CacheRecord> {
    let found = design.found(slot, context)?;
    let epoch = design.build.input.files.epoch_seconds.map(|epoch| epoch.saturating_mul(NS_PER_SECOND));
    let created_ns = epoch.unwrap_or(context.host.now_ns);
    Some(CacheRecord { key: key(slot, &found.work, design, context), layer, created_ns })
}
