//! `Chronicle`: from what a command does to what `docker events` tells of it, for both kernels.
//!
//! Asked by whoever walks a plan: when something is entered, and when a leaf has been carried out, with its outcome and the state before
//! it is applied. What is told is the engine's own doing, as dockerd tells of its own: never what is yet to come. Of networks nothing is
//! told: there are none on record.

use sha2::{Digest, Sha256};

use crate::cli::{Command, ExecProcess, ImageCommand};
use crate::model::happening::Happening;
use crate::model::{Container, ContainerId, MountKind, Status};
use crate::observe::Outcome;
use crate::plan::Context;
use crate::reference::{Reference, familiar};
use crate::step::{ClientStep, CopyEnd, CopyStep, ImageStep, Phase, ProcessStep, Step, StoreStep};

const NS_PER_SECOND: u64 = 1_000_000_000;

/// What a command remembers between its steps.
#[derive(Clone, Debug, Default)]
pub struct Chronicle {
    /// The exec under way: its container, and its id.
    exec: Option<(ContainerId, String)>,
    /// Execs so far.
    execs: u64,
    /// The container that is being stopped, as it was.
    stopping: Option<Container>,
    /// Bytes counted before a prune: of containers, of volumes.
    counted: (u64, u64),
}

impl Chronicle {
    /// A phase, or a leaf, is about to begin.
    pub fn entering(&mut self, step: &Step, context: &Context<'_>, at_ns: u64) -> Vec<Happening> {
        let of = |id: &ContainerId, action: &str| {
            context.state.containers.get(id).map(|container| Happening::of_container(container, action, at_ns))
        };
        let told = match step {
            Step::Phase(Phase::StartContainer { id }) if attaches(context, id) => of(id, "attach"),
            Step::Client(ClientStep::AttachStreams { id })
                if matches!(context.invocation.command, Command::AttachContainer { .. }) =>
            {
                of(id, "attach")
            }
            Step::Phase(Phase::ExecInContainer { id, exec }) => return self.exec_begins(id, exec, context, at_ns),
            Step::Phase(Phase::StopContainer { id, .. }) => {
                self.stopping = context.state.containers.get(id).cloned();
                None
            }
            _ => None,
        };
        told.into_iter().collect()
    }

    /// A leaf has been carried out; `context` has the state before its events are applied.
    pub fn after(&mut self, step: &Step, outcome: &Outcome, context: &Context<'_>, at_ns: u64) -> Vec<Happening> {
        match step {
            Step::Store(step) => self.stored(step, outcome, context, at_ns),
            Step::Process(ProcessStep::SendSignal { id, .. }) => {
                let told = outcome.sent.zip(context.state.containers.get(id)).map(|(sent, container)| {
                    Happening::of_container(container, "kill", at_ns).with("signal", sent.signal.to_string())
                });
                told.into_iter().collect()
            }
            Step::Client(step) => self.served(step, outcome, context, at_ns),
            Step::Copy(step) => copied(step, context, at_ns),
            Step::Phase(_)
            | Step::Cgroup(_)
            | Step::Process(_)
            | Step::Mount(_)
            | Step::Privilege(_)
            | Step::Build(_)
            | Step::Registry(_)
            | Step::Network(_) => Vec::new(),
            Step::Image(step) => image(step, outcome, context, at_ns),
        }
    }

    fn exec_begins(&mut self, id: &ContainerId, exec: &ExecProcess, context: &Context<'_>, at_ns: u64) -> Vec<Happening> {
        let Some(container) = context.state.containers.get(id) else { return Vec::new() };
        self.execs += 1;
        let mut hash = Sha256::new();
        hash.update(context.host.entropy);
        hash.update(id.0.as_bytes());
        hash.update(at_ns.to_le_bytes());
        hash.update(self.execs.to_le_bytes());
        let number: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let words = exec.argv.join(" ");
        let told =
            |action: &str| Happening::of_container(container, &format!("{action}: {words}"), at_ns).with("execID", number.as_str());
        let told = vec![told("exec_create"), told("exec_start")];
        self.exec = Some((id.clone(), number));
        told
    }

    fn exec_ends(&mut self, exit_code: Option<i32>, context: &Context<'_>, at_ns: u64) -> Vec<Happening> {
        let Some(((id, number), exit_code)) = self.exec.take().zip(exit_code) else { return Vec::new() };
        let Some(container) = context.state.containers.get(&id) else { return Vec::new() };
        let told = Happening::of_container(container, "exec_die", at_ns);
        vec![told.with("execID", number).with("exitCode", exit_code.to_string())]
    }

    fn stored(&mut self, step: &StoreStep, outcome: &Outcome, context: &Context<'_>, at_ns: u64) -> Vec<Happening> {
        let found = |id: &ContainerId| context.state.containers.get(id);
        let of = |id: &ContainerId, action: &str| -> Vec<Happening> {
            found(id).map(|container| Happening::of_container(container, action, at_ns)).into_iter().collect()
        };
        match step {
            StoreStep::RecordContainer { container, .. } => vec![Happening::of_container(container, "create", at_ns)],
            StoreStep::ReplaceRecord { container, before, .. } if container.name != before.name => {
                let old = format!("/{}", before.name);
                vec![Happening::of_container(container, "rename", at_ns).with("oldName", old)]
            }
            StoreStep::ReplaceRecord { container, .. } => {
                let updates = matches!(context.invocation.command, Command::UpdateContainers { .. });
                updates.then(|| Happening::of_container(container, "update", at_ns)).into_iter().collect()
            }
            StoreStep::RecordStart { id } => found(id).map_or_else(Vec::new, |container| started(container, context, at_ns)),
            StoreStep::RecordPause { id, paused } => of(id, if *paused { "pause" } else { "unpause" }),
            StoreStep::RecordExit { id } => {
                let ended = found(id).zip(outcome.status);
                ended.map_or_else(Vec::new, |(container, status)| died(container, status.code(), outcome.oom_killed, at_ns))
            }
            StoreStep::RecordProbe { id } => {
                let mut told = self.exec_ends(outcome.probe.as_ref().map(|probe| probe.exit_code), context, at_ns);
                told.extend(found(id).zip(outcome.probe.as_ref()).and_then(|(container, probe)| health(container, probe, at_ns)));
                told
            }
            StoreStep::RemoveContainerFiles { id, .. } => of(id, "destroy"),
            StoreStep::CreateVolume { volume, .. } => vec![Happening::of_volume(&volume.name, "create", at_ns)],
            StoreStep::RemoveVolume { name, .. } => vec![Happening::of_volume(name, "destroy", at_ns)],
            StoreStep::MeasureDirectory { path } => {
                let bytes = outcome.measured_bytes.unwrap_or_default();
                let of_volume = path.ends_with("/_data");
                *(if of_volume { &mut self.counted.1 } else { &mut self.counted.0 }) += bytes;
                Vec::new()
            }
            StoreStep::ExtractLayer { .. }
            | StoreStep::KeepDirectory { .. }
            | StoreStep::CreateDirectory { .. }
            | StoreStep::WriteFile { .. }
            | StoreStep::RewriteFile { .. }
            | StoreStep::WriteIdFile { .. }
            | StoreStep::CreateSource { .. }
            | StoreStep::RecordEndpoint { .. }
            | StoreStep::EditLines { .. }
            | StoreStep::FillVolume { .. }
            | StoreStep::MakeWorkingDirectory { .. }
            | StoreStep::NoteSignal { .. }
            | StoreStep::RecordStopAsked { .. }
            | StoreStep::RecordRestartCancelled { .. }
            | StoreStep::RecordFailure { .. } => Vec::new(),
        }
    }

    fn served(&mut self, step: &ClientStep, outcome: &Outcome, context: &Context<'_>, at_ns: u64) -> Vec<Happening> {
        match step {
            ClientStep::AttachStreams { .. } | ClientStep::WatchExec { .. } => {
                self.exec_ends(outcome.status.map(crate::userland::WaitStatus::code), context, at_ns)
            }
            ClientStep::AwaitExit { print: false, .. } if !outcome.timed_out => {
                let stopped = self.stopping.take();
                stopped.map(|container| Happening::of_container(&container, "stop", at_ns)).into_iter().collect()
            }
            ClientStep::ShowProcesses { id, .. } => {
                let container = context.state.containers.get(id);
                container.map(|container| Happening::of_container(container, "top", at_ns)).into_iter().collect()
            }
            ClientStep::PrintReclaimed { .. } => {
                let (containers, volumes) = std::mem::take(&mut self.counted);
                let pruned = |kind: &str, bytes: u64| {
                    let attributes = [("reclaimed".to_string(), bytes.to_string())].into();
                    Happening { number: 0, at_ns, kind: kind.into(), action: "prune".into(), id: String::new(), attributes }
                };
                match &context.invocation.command {
                    Command::PruneContainers { .. } | Command::PruneSystem { volumes: false, .. } => {
                        vec![pruned("container", containers)]
                    }
                    Command::PruneVolumes { .. } => vec![pruned("volume", volumes)],
                    Command::PruneSystem { .. } => vec![pruned("container", containers), pruned("volume", volumes)],
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        }
    }
}

/// The caller's terminal is connected before the container is started.
fn attaches(context: &Context<'_>, id: &ContainerId) -> bool {
    let restarting = context.state.containers.get(id).is_some_and(|container| container.state.status == Status::Restarting);
    let asked = match &context.invocation.command {
        Command::RunContainer(run) => !run.detach,
        Command::StartContainers { attach, interactive, .. } => *attach || *interactive,
        _ => false,
    };
    asked && !restarting
}

fn started(container: &Container, context: &Context<'_>, at_ns: u64) -> Vec<Happening> {
    let mounted = |mount: &crate::model::MountPoint| {
        let told = Happening::of_volume(&mount.name, "mount", at_ns).with("container", container.id.0.as_str());
        let told = told.with("destination", mount.target.as_str()).with("propagation", "");
        told.with("read/write", (!mount.read_only).to_string())
    };
    let volumes = container.mounts.iter().filter(|mount| mount.kind == MountKind::Volume);
    let mut told: Vec<Happening> = volumes.map(mounted).collect();
    told.push(Happening::of_container(container, "start", at_ns));
    let by_policy = container.state.status == Status::Restarting;
    if matches!(context.invocation.command, Command::RestartContainers { .. }) && !by_policy {
        told.push(Happening::of_container(container, "restart", at_ns));
    }
    told
}

/// The end of a container, with its volumes.
pub fn died(container: &Container, exit_code: i32, oom_killed: bool, at_ns: u64) -> Vec<Happening> {
    let mut told: Vec<Happening> = oom_killed.then(|| Happening::of_container(container, "oom", at_ns)).into_iter().collect();
    let volumes = container.mounts.iter().filter(|mount| mount.kind == MountKind::Volume);
    told.extend(
        volumes.map(|mount| Happening::of_volume(&mount.name, "unmount", at_ns).with("container", container.id.0.as_str())),
    );
    let seconds = at_ns.saturating_sub(container.state.started_ns) / NS_PER_SECOND;
    let end = Happening::of_container(container, "die", at_ns).with("execDuration", seconds.to_string());
    told.push(end.with("exitCode", exit_code.to_string()));
    told
}

/// Where the probe has changed how the container is.
fn health(container: &Container, probe: &crate::model::health::Probe, at_ns: u64) -> Option<Happening> {
    let word = |container: &Container| container.state.health.as_ref().map(|health| health.status.name().to_string());
    let mut after = container.clone();
    crate::model::health::probed(&mut after, probe);
    let now = word(&after).filter(|now| word(container).as_ref() != Some(now))?;
    Some(Happening::of_container(container, &format!("health_status: {now}"), at_ns))
}

/// Names of images that came and went, and images that went.
fn image(step: &ImageStep, outcome: &Outcome, context: &Context<'_>, at_ns: u64) -> Vec<Happening> {
    match step {
        ImageStep::RecordImage { id, .. } => made(id, true, context, at_ns),
        ImageStep::TagImage { id, name, .. } if context.state.exchange.image.as_ref().is_some_and(|image| image.id == *id) => {
            pulled(name, at_ns).into_iter().collect()
        }
        ImageStep::TagImage { id, name, .. } => {
            let mut told = vec![Happening::of_image(id, "tag", &familiar(name), at_ns)];
            told.extend(made(id, false, context, at_ns));
            told
        }
        ImageStep::ExportFiles { .. } => {
            let Command::Images(ImageCommand::Export { container, .. }) = &context.invocation.command else { return Vec::new() };
            let found = context.state.container(container).ok();
            found.map(|container| Happening::of_container(container, "export", at_ns)).into_iter().collect()
        }
        ImageStep::UntagImage { id, .. } => vec![Happening::of_image(id, "untag", id, at_ns)],
        ImageStep::ForgetImage { id, .. } => vec![Happening::of_image(id, "delete", id, at_ns)],
        ImageStep::SaveImages { images, .. } => {
            images.iter().map(|sent| Happening::of_image(&sent.id, "save", &sent.id, at_ns)).collect()
        }
        ImageStep::LoadImages { .. } => {
            outcome.received.images.iter().map(|image| Happening::of_image(&image.id, "load", &image.id, at_ns)).collect()
        }
        ImageStep::WriteBlob { .. }
        | ImageStep::RemoveBlob { .. }
        | ImageStep::RemoveLayer { .. }
        | ImageStep::PackLayer(_)
        | ImageStep::ImportLayer(_)
        | ImageStep::CheckStore { .. }
        | ImageStep::ShowLayers(_)
        | ImageStep::RemoveStray { .. }
        | ImageStep::ShowChanges(_) => Vec::new(),
    }
}

/// The name of a pull, and not the digest beside it.
fn pulled(name: &str, at_ns: u64) -> Option<Happening> {
    let mut name = Reference::parse(name).ok()?;
    let whole = name.familiar();
    name.tag.take()?;
    Some(Happening::of_image(&whole, "pull", &name.familiar(), at_ns))
}

/// What the command tells of an image that it has made: when it is in the store, and when all is done.
fn made(id: &str, recorded: bool, context: &Context<'_>, at_ns: u64) -> Vec<Happening> {
    let (mut told, is_last) = (Vec::new(), |name: &Option<String>| name.is_none() == recorded);
    match &context.invocation.command {
        Command::Images(ImageCommand::Commit(commit)) => {
            if recorded {
                told.push(Happening::of_image(id, "create", id, at_ns));
            }
            if let Some(container) = context.state.container(&commit.container).ok().filter(|_| is_last(&commit.name)) {
                let happening = Happening::of_container(container, "commit", at_ns).with("comment", commit.message.as_str());
                told.push(happening.with("imageID", id));
            }
        }
        Command::Images(ImageCommand::Import(import)) if is_last(&import.name) => {
            told.push(Happening::of_image(id, "import", id, at_ns));
        }
        _ => {}
    }
    told
}

fn copied(step: &CopyStep, context: &Context<'_>, at_ns: u64) -> Vec<Happening> {
    let (from, to) = match step {
        CopyStep::CopyFiles(copy) => (Some(&copy.from), Some(&copy.to)),
        CopyStep::PackArchive { from, .. } => (Some(from), None),
        CopyStep::UnpackArchive { to, .. } => (None, Some(to)),
    };
    let told = |end: Option<&CopyEnd>, action: &str| {
        let root = end.and_then(|end| end.container.as_ref())?;
        let container = context.state.containers.get(&root.id)?;
        Some(Happening::of_container(container, action, at_ns))
    };
    told(from, "archive-path").into_iter().chain(told(to, "extract-to-dir")).collect()
}

#[cfg(test)]
mod tests;
