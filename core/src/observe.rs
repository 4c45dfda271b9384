//! `observe`: from a step that was carried out to the events that its kernel shows.
//!
//! Written once for both kernels: what the step left behind is asked of a [`Probe`]; only what no later look could tell (a pid, a wait
//! status) comes from the execution itself as an [`Outcome`]. Nothing is copied from the step into an event but its own name for a
//! place to look at.
//!
//! Two events are acts that leave nothing to look at: a signal that was handled is gone, and so is what went to a terminal. They hold what
//! the call itself took ([`Outcome::sent`], [`Outcome::printed`]). When a container was started or could not be, and how a process
//! that has been waited for ended, the engine alone knows: no kernel shows it afterwards.

mod build;
mod image;
mod network;
mod process;
mod registry;

use serde::{Deserialize, Serialize};

use crate::copying::Copied;
use crate::diagnosis::program::Refused;
use crate::errno::Errno;
use crate::event::Event;
use crate::model::{Account, Container, ContainerId, ContainerState, Ending, Image, Layer, Status, Volume};
use crate::oci::image::Descriptor;
use crate::query::{Answer, CapabilitiesFact, CredentialsFact, MountFact, Probe, Query, Subject};
use crate::registry::{Answered, Settings};
use crate::resource_limit;
use crate::step::{CgroupStep, ClientStep, CopyRoot, CopyStep, Limit, MountStep, PrivilegeStep, ProcessStep, Step, StoreStep};
use crate::userland::WaitStatus;

/// What has come in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// Images, as they were read from their blobs when these had their names.
    pub images: Vec<Image>,
    /// Those of their layers that were extracted.
    pub extracted: Vec<ExtractedLayer>,
}

/// A layer that was extracted when its image came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtractedLayer {
    /// The digest of its archive.
    pub diff_id: String,
    /// Where its files are.
    pub directory: String,
}

/// What only the execution of a step could tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The process that was made, as the host numbers it.
    pub pid: Option<u32>,
    /// How a process ended.
    pub status: Option<WaitStatus>,
    /// The OOM killer acted in the container's cgroup while it ran.
    pub oom_killed: bool,
    /// When, nanoseconds since 1970.
    pub at_ns: u64,
    /// The slave of a terminal that was opened, as the container names it.
    pub terminal: Option<String>,
    /// Waiting ended because time ran out.
    pub timed_out: bool,
    /// The signal that kill(2) or pidfd_send_signal(2) took.
    pub sent: Option<Sent>,
    /// There was no process any more that a signal could go to, and none was needed: its end was wanted.
    #[serde(default)]
    pub ended_before: bool,
    /// What is known of the end besides its status.
    #[serde(default)]
    pub ending: Box<Ending>,
    /// execve(2) refused the program.
    #[serde(default)]
    pub refused: Option<Box<Refused>>,
    /// What was copied, and where to.
    pub copied: Option<Box<Copied>>,
    /// What an archive held.
    #[serde(default)]
    pub received: Box<Received>,
    /// The files of an instruction of a build.
    #[serde(default)]
    pub files: Option<Box<BuildFiles>>,
    /// The layer that was packed; nothing where nothing was changed.
    #[serde(default)]
    pub packed: Option<Box<Layer>>,
    /// What was packed is what that layer would be extracted to.
    #[serde(default)]
    pub whole: bool,
    /// What came of a step on a registry.
    #[serde(default)]
    pub heard: Option<Box<Heard>>,
    /// How many bytes were counted.
    pub measured_bytes: Option<u64>,
    /// The process that was ended.
    pub ended_pid: Option<u32>,
    /// What a probe of a container's health has shown; nothing, where the container ended meanwhile.
    #[serde(default)]
    pub probe: Option<Box<crate::model::health::Probe>>,
    /// What write(2) to the caller's stdout took; where that is closed, nothing.
    pub printed: String,
}

impl Outcome {
    fn exited(&self, id: &ContainerId) -> Option<Event> {
        let status = self.status?;
        let (oom_killed, at_ns) = (self.oom_killed, self.at_ns);
        Some(Event::ContainerExited { id: id.clone(), exit_code: status.code(), oom_killed, at_ns, ending: self.ending.clone() })
    }

    fn refused(&self) -> Option<Event> {
        self.refused.as_ref().map(|refused| Event::ExecRefused { refused: (**refused).clone() })
    }

    fn probed(&self, id: &ContainerId) -> Vec<Event> {
        self.probe.iter().map(|probe| Event::HealthProbed { id: id.clone(), probe: (**probe).clone() }).collect()
    }
}

/// What came of a step on a registry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Heard {
    /// An answer.
    Answer(Box<Answered>),
    /// How registries are reached, and the file that says so.
    Settings(Option<String>, Settings),
    /// Who the caller is.
    Login(Account),
    /// A document of the store.
    Document(String),
    /// What a layer was compressed to, and whether that was not there before.
    Compressed(Descriptor, bool),
}

/// The files of an instruction of a build.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BuildFiles {
    /// What stdin holds, or what a URL led to.
    pub seen: Option<crate::build::InputSeen>,
    /// A Dockerfile that was read.
    pub definition: Option<crate::build::Definition>,
    /// The commit that a reference names.
    pub commit: Option<String>,
    /// A cache that was read.
    pub cache: Option<Box<crate::build::ImportedCache>>,
    /// What they are, for its key.
    pub parts: Vec<crate::build::Part>,
    /// How many files, directories and links were made.
    pub made: u64,
}

/// A signal as a kernel took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// To this process of the host.
    pub pid: u32,
    /// Its number.
    pub signal: i32,
}

/// Of a record on disk, what an event tells.
#[derive(Deserialize)]
struct Record {
    container: Container,
}

/// The processes that a step was about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actors {
    /// The process that becomes the container's first (or that of an exec), once it is there.
    pub process: Option<u32>,
}

/// One look: the step, what its execution told, and whom to ask.
struct Look<'a> {
    outcome: &'a Outcome,
    actors: Actors,
    probe: &'a dyn Probe,
}

/// The events that `step` left behind, as `probe` shows them. A probe that cannot look is an error: an event is never made up.
pub fn observe(step: &Step, outcome: &Outcome, actors: Actors, probe: &dyn Probe) -> Result<Vec<Event>, Errno> {
    let look = Look { outcome, actors, probe };
    match step {
        Step::Phase(_) => Ok(Vec::new()),
        Step::Store(step) => look.store(step),
        Step::Cgroup(step) => look.cgroup(step),
        Step::Process(step) => look.process(step),
        Step::Mount(step) => look.mount(step),
        Step::Privilege(step) => look.privilege(step),
        Step::Client(step) => Ok(look.client(step)),
        Step::Copy(step) => look.copied(step),
        Step::Image(step) => look.image(step),
        Step::Build(step) => look.build(step),
        Step::Registry(step) => look.registry(step),
        Step::Network(step) => look.network(step),
    }
}

impl Look<'_> {
    fn store(&self, step: &StoreStep) -> Result<Vec<Event>, Errno> {
        let at_ns = self.outcome.at_ns;
        Ok(match step {
            StoreStep::ExtractLayer { image, diff_id, directory, .. } => self.if_there(directory, || Event::LayerExtracted {
                image: image.clone(),
                diff_id: diff_id.clone(),
                directory: directory.clone(),
            })?,
            StoreStep::KeepDirectory { diff_id, directory, .. } => self.if_there(directory, || Event::LayerExtracted {
                image: String::new(),
                diff_id: diff_id.clone(),
                directory: directory.clone(),
            })?,
            StoreStep::CreateDirectory { path, .. } => self.if_there(path, || Event::DirectoryCreated { path: path.clone() })?,
            StoreStep::WriteFile { path, .. }
            | StoreStep::RewriteFile { path, .. }
            | StoreStep::EditLines { path, .. }
            | StoreStep::WriteIdFile { path, .. } => {
                let size_bytes = self.bytes(Subject::Host, path)?.len() as u64;
                vec![Event::FileWritten { path: path.clone(), size_bytes }]
            }
            StoreStep::RecordContainer { container, path } | StoreStep::ReplaceRecord { container, path, .. } => {
                self.recorded(path, &container.id)?
            }
            StoreStep::RecordStart { id } => {
                let pid = self.actors.process.ok_or(Errno::ESRCH)?;
                vec![Event::ContainerStarted { id: id.clone(), pid, at_ns }]
            }
            StoreStep::RecordExit { id } => vec![self.exited(id)?],
            StoreStep::RecordProbe { id } => self.outcome.probed(id),
            StoreStep::NoteSignal { id, path, .. } => {
                let sent = serde_json::from_slice(&self.bytes(Subject::Host, path)?).map_err(|_| Errno::EIO)?;
                vec![Event::SignalNoted { id: id.clone(), sent }]
            }
            StoreStep::RecordEndpoint { id, .. } => match self.on_record(id)? {
                Some(_) => essential(&Step::Store(step.clone()), self.outcome, self.actors),
                None => Vec::new(),
            },
            StoreStep::RecordPause { id, .. }
            | StoreStep::RecordStopAsked { id }
            | StoreStep::RecordRestartCancelled { id }
            | StoreStep::RecordFailure { id, .. } => match self.on_record(id)? {
                Some(state) => told_by_record(step, id, *state, at_ns).into_iter().collect(),
                None => Vec::new(),
            },
            StoreStep::RemoveContainerFiles { id, directory } => {
                self.if_gone(directory, || Event::ContainerRemoved { id: id.clone() })?
            }
            StoreStep::CreateSource { path, .. } => self.if_there(path, || Event::SourceCreated { path: path.clone() })?,
            StoreStep::CreateVolume { directory, .. } => self.volume(directory)?,
            StoreStep::FillVolume { name, directory, .. } => {
                let query = Query::Directory(Subject::Host, directory.clone());
                let Answer::Names(names) = self.probe.ask(&query)? else { return Err(Errno::EINVAL) };
                vec![Event::VolumeFilled { name: name.clone(), names }]
            }
            StoreStep::MakeWorkingDirectory { upper, path, .. } => {
                // Nothing is there where the image has the directory, or a link on the way leads elsewhere.
                let made = format!("{upper}{}", crate::plan::clean(path));
                self.if_there(&made, || Event::DirectoryCreated { path: made.clone() })?
            }
            StoreStep::MeasureDirectory { path } => {
                let measured = |bytes| Event::DirectoryMeasured { path: path.clone(), bytes };
                self.outcome.measured_bytes.map(measured).into_iter().collect()
            }
            StoreStep::RemoveVolume { name, directory } => {
                self.if_gone(directory, || Event::VolumeRemoved { name: name.clone() })?
            }
        })
    }

    /// As the record says when it is read back.
    fn recorded(&self, path: &str, id: &ContainerId) -> Result<Vec<Event>, Errno> {
        if !self.exists(path)? {
            return Ok(Vec::new());
        }
        let record: Record = serde_json::from_slice(&self.bytes(Subject::Host, path)?).map_err(|_| Errno::EIO)?;
        let is_it = record.container.id == *id;
        Ok(if is_it { vec![Event::ContainerRecorded { container: Box::new(record.container) }] } else { Vec::new() })
    }

    /// As the record says when it is read back.
    fn volume(&self, directory: &str) -> Result<Vec<Event>, Errno> {
        let path = format!("{directory}/volume.json");
        if !self.exists(&path)? || !self.exists(&format!("{directory}/_data"))? {
            return Ok(Vec::new());
        }
        let volume: Volume = serde_json::from_slice(&self.bytes(Subject::Host, &path)?).map_err(|_| Errno::EIO)?;
        Ok(vec![Event::VolumeCreated { volume: Box::new(volume) }])
    }

    /// As the record says when it is read back.
    fn on_record(&self, id: &ContainerId) -> Result<Option<Box<ContainerState>>, Errno> {
        let Answer::Record(state) = self.probe.ask(&Query::Record(id.clone()))? else { return Err(Errno::EINVAL) };
        Ok(state)
    }

    fn exited(&self, id: &ContainerId) -> Result<Event, Errno> {
        self.outcome.exited(id).ok_or(Errno::ECHILD)
    }

    fn cgroup(&self, step: &CgroupStep) -> Result<Vec<Event>, Errno> {
        Ok(match step {
            CgroupStep::EnableControllers { directory, controllers } => {
                let text = self.text(Subject::Host, &format!("{directory}/cgroup.subtree_control"))?;
                let has = |name: &str| text.split_whitespace().any(|word| word == name);
                let controllers = controllers.iter().copied().filter(|controller| has(controller.name())).collect();
                vec![Event::ControllersEnabled { directory: directory.clone(), controllers }]
            }
            CgroupStep::CreateCgroup { directory, .. } => {
                self.if_there(directory, || Event::CgroupCreated { directory: directory.clone() })?
            }
            CgroupStep::WriteLimit { file, limit, .. } => vec![self.limit(file, *limit)?],
            CgroupStep::RestrictDevices { directory, .. } => {
                let Answer::Truth(fence) = self.probe.ask(&Query::IsDeviceFence(directory.clone()))? else {
                    return Err(Errno::EINVAL);
                };
                if fence { vec![Event::DevicesRestricted { directory: directory.clone() }] } else { Vec::new() }
            }
            CgroupStep::JoinCgroup { directory } => {
                self.joined(directory, self.actors.process.ok_or(Errno::ESRCH)?)?.into_iter().collect()
            }
            CgroupStep::SetFreezer { file, frozen: false, .. } if !self.exists(file)? => Vec::new(),
            CgroupStep::SetFreezer { file, .. } => vec![Event::CgroupFrozen { file: file.clone(), frozen: self.is_frozen(file)? }],
            CgroupStep::RemoveCgroup { directory, .. } => {
                if self.exists(directory)? {
                    Vec::new()
                } else {
                    vec![Event::CgroupRemoved { directory: directory.clone() }]
                }
            }
        })
    }

    /// v1 says it in the same file, v2 in `cgroup.events`.
    fn is_frozen(&self, file: &str) -> Result<bool, Errno> {
        match file.strip_suffix("/cgroup.freeze") {
            Some(directory) => {
                let text = self.text(Subject::Host, &format!("{directory}/cgroup.events"))?;
                Ok(text.lines().any(|line| line == "frozen 1"))
            }
            None => Ok(self.text(Subject::Host, file)?.trim_end() == "FROZEN"),
        }
    }

    fn joined(&self, directory: &str, pid: u32) -> Result<Option<Event>, Errno> {
        let members = self.text(Subject::Host, &format!("{directory}/cgroup.procs"))?;
        let inside = members.lines().any(|line| line == pid.to_string());
        Ok(inside.then(|| Event::CgroupJoined { directory: directory.to_string(), pid }))
    }

    fn limit(&self, file: &str, limit: Limit) -> Result<Event, Errno> {
        // One line for each disk.
        let value = self.text(Subject::Host, file)?.trim_end().replace('\n', ", ");
        Ok(Event::LimitSet { limit, value })
    }

    fn mount(&self, step: &MountStep) -> Result<Vec<Event>, Errno> {
        Ok(match step {
            MountStep::MakeMountsPrivate => {
                let info = self.text(Subject::Host, &self.proc("mountinfo")?)?;
                let shared_left = info.lines().filter(|line| line.split(" - ").next().unwrap_or("").contains(" shared:")).count();
                vec![Event::MountsMadePrivate { shared_left }]
            }
            MountStep::MountOverlay { merged_dir: target, .. }
            | MountStep::MountFilesystem { target, .. }
            | MountStep::BindMount { target, .. }
            | MountStep::BindSubpath { target, .. }
            | MountStep::AttachMountTree { target, .. }
            | MountStep::ShareMount { target, .. } => {
                let mount = self.mount_at(target)?.ok_or(Errno::ENOENT)?;
                vec![Event::Mounted { mount }]
            }
            // A tree that is mounted nowhere yet is in no table.
            MountStep::CopyMountTree { .. } => Vec::new(),
            MountStep::SetPropagation { target, .. } => {
                vec![Event::PropagationSet { mount: self.mount_at(target)?.ok_or(Errno::ENOENT)? }]
            }
            MountStep::MakeDeviceNode { path, .. } | MountStep::MakeSymlink { path, .. } => self.node_made(path)?,
            MountStep::PivotRoot { .. } => vec![Event::RootChanged { mounts: self.mounts()?.len() }],
            MountStep::DetachOldRoot => vec![Event::OldRootDetached { mounts: self.mounts()?.len() }],
            MountStep::MaskPath { path } | MountStep::MakePathReadOnly { path } => {
                vec![Event::PathGuarded { path: path.clone(), mount: self.mount_at(path)? }]
            }
            MountStep::MakeRootReadOnly => vec![Event::PathGuarded { path: "/".into(), mount: self.mount_at("/")? }],
        })
    }

    /// The process finds the name in the directory: a link may lead nowhere yet, so it is not followed.
    fn node_made(&self, path: &str) -> Result<Vec<Event>, Errno> {
        let (directory, name) = path.rsplit_once('/').ok_or(Errno::EINVAL)?;
        let query = Query::Directory(self.subject()?, format!("{directory}/"));
        let Answer::Names(names) = self.probe.ask(&query)? else { return Err(Errno::EINVAL) };
        let there = names.iter().any(|known| known == name);
        Ok(if there { vec![Event::NodeMade { path: path.to_string() }] } else { Vec::new() })
    }

    fn mounts(&self) -> Result<Vec<MountFact>, Errno> {
        let Answer::Mounts(all) = self.probe.ask(&Query::Mounts(self.subject()?))? else { return Err(Errno::EINVAL) };
        Ok(all)
    }

    /// The topmost mount at `target`.
    fn mount_at(&self, target: &str) -> Result<Option<MountFact>, Errno> {
        self.probe.mount_at(&self.subject()?, target)
    }

    fn privilege(&self, step: &PrivilegeStep) -> Result<Vec<Event>, Errno> {
        Ok(match step {
            PrivilegeStep::SetNoNewPrivileges | PrivilegeStep::InstallSeccompFilter { .. } | PrivilegeStep::SetUser { .. } => {
                vec![Event::CredentialsSet { credentials: self.credentials()? }]
            }
            PrivilegeStep::SetResourceLimit { resource, .. } => {
                let text = self.text(Subject::Host, &self.proc("limits")?)?;
                let limit = resource_limit::in_table(&text, *resource).ok_or(Errno::EINVAL)?;
                vec![Event::ResourceLimitSet { resource: *resource, limit }]
            }
            // What is to hold after execve(2) shows in the same file.
            PrivilegeStep::SetAppArmorProfile { .. } => {
                let text = self.text(Subject::Host, &self.proc("attr/apparmor/exec")?)?;
                vec![Event::AppArmorProfileSet { profile: text.trim_end().to_string() }]
            }
            PrivilegeStep::SetOomScore { .. } => {
                let text = self.text(Subject::Host, &self.proc("oom_score_adj")?)?;
                vec![Event::OomScoreSet { score: text.trim_end().parse().map_err(|_| Errno::EINVAL)? }]
            }
            PrivilegeStep::LimitBoundingSet { .. } | PrivilegeStep::SetCapabilities { .. } => {
                vec![Event::CapabilitiesSet { capabilities: self.capabilities()? }]
            }
        })
    }

    fn credentials(&self) -> Result<CredentialsFact, Errno> {
        let Answer::Credentials(fact) = self.probe.ask(&Query::Credentials(self.subject()?))? else { return Err(Errno::EINVAL) };
        Ok(fact)
    }

    fn capabilities(&self) -> Result<CapabilitiesFact, Errno> {
        let Answer::Capabilities(fact) = self.probe.ask(&Query::Capabilities(self.subject()?))? else { return Err(Errno::EINVAL) };
        Ok(fact)
    }

    /// The name is looked for in the directory. What went to a stream left nothing.
    fn copied(&self, step: &CopyStep) -> Result<Vec<Event>, Errno> {
        let (Some(copied), to) = (&self.outcome.copied, step.destination()) else { return Ok(Vec::new()) };
        let Some(to) = to else { return Ok(Vec::new()) };
        let (subject, above) = match &to.container {
            None => (Subject::Host, ""),
            Some(CopyRoot { mounted: Some(merged), .. }) => (self.subject()?, merged.as_str()),
            Some(root) => (Subject::Container(root.id.clone()), ""),
        };
        let query = Query::Directory(subject, format!("{above}{}", copied.directory));
        let Answer::Names(names) = self.probe.ask(&query)? else { return Err(Errno::EINVAL) };
        if !copied.name.is_empty() && !names.contains(&copied.name) {
            return Ok(Vec::new());
        }
        let (directory, name) = (copied.directory.clone(), copied.name.clone());
        Ok(vec![Event::FilesCopied { directory, name, entries: copied.entries }])
    }

    /// What was printed and how waiting ended only the execution can tell.
    fn client(&self, step: &ClientStep) -> Vec<Event> {
        match step {
            ClientStep::Print { .. } | ClientStep::PrintReclaimed { .. } if self.outcome.printed.is_empty() => Vec::new(),
            // The numbers are the kernel's own: they are shown, and are no news.
            ClientStep::ShowNamespaces { .. }
            | ClientStep::ShowProcesses { .. }
            | ClientStep::ShowEvents { .. }
            | ClientStep::ShowStats { .. } => Vec::new(),
            ClientStep::Print { .. } | ClientStep::PrintReclaimed { .. } => {
                vec![Event::Printed { stderr: false, text: self.outcome.printed.clone() }]
            }
            ClientStep::AttachStreams { .. } | ClientStep::WatchExec { .. } => {
                let ended = self.outcome.status.map(|status| Event::ProcessExited { exit_code: status.code() });
                ended.into_iter().collect()
            }
            ClientStep::AwaitExit { id, .. } => {
                let exit_code = self.outcome.status.map(WaitStatus::code);
                vec![Event::WaitEnded { id: id.clone(), exit_code }]
            }
            ClientStep::Confirm { .. }
            | ClientStep::WatchContainer { .. }
            | ClientStep::AwaitRestart { .. }
            | ClientStep::AwaitProbe { .. }
            | ClientStep::CollectProbe { .. }
            | ClientStep::ShowLog { .. } => Vec::new(),
        }
    }

    fn subject(&self) -> Result<Subject, Errno> {
        Ok(Subject::Process(self.actors.process.ok_or(Errno::ESRCH)?))
    }

    fn pid_inside_host(&self) -> Result<u32, Errno> {
        self.actors.process.ok_or(Errno::ESRCH)
    }

    fn proc(&self, file: &str) -> Result<String, Errno> {
        Ok(format!("/proc/{}/{file}", self.actors.process.ok_or(Errno::ESRCH)?))
    }

    fn program(&self) -> Result<(String, String), Errno> {
        let Answer::Program(cwd, exe) = self.probe.ask(&Query::Program(self.subject()?))? else { return Err(Errno::EINVAL) };
        Ok((cwd, exe))
    }

    fn exists(&self, path: &str) -> Result<bool, Errno> {
        let Answer::Truth(there) = self.probe.ask(&Query::Exists(path.to_string()))? else { return Err(Errno::EINVAL) };
        Ok(there)
    }

    fn if_gone(&self, path: &str, event: impl FnOnce() -> Event) -> Result<Vec<Event>, Errno> {
        Ok(if self.exists(path)? { Vec::new() } else { vec![event()] })
    }

    fn if_there(&self, path: &str, event: impl FnOnce() -> Event) -> Result<Vec<Event>, Errno> {
        Ok(if self.exists(path)? { vec![event()] } else { Vec::new() })
    }

    fn bytes(&self, subject: Subject, path: &str) -> Result<Vec<u8>, Errno> {
        let Answer::Bytes(bytes) = self.probe.ask(&Query::FileBytes(subject, path.to_string()))? else { return Err(Errno::EINVAL) };
        Ok(bytes)
    }

    fn text(&self, subject: Subject, path: &str) -> Result<String, Errno> {
        Ok(String::from_utf8_lossy(&self.bytes(subject, path)?).into_owned())
    }
}

/// What a container's record says, read back, of the step that wrote it.
fn told_by_record(step: &StoreStep, id: &ContainerId, state: ContainerState, at_ns: u64) -> Option<Event> {
    let id = || id.clone();
    match step {
        StoreStep::RecordPause { .. } => {
            let paused = state.status == Status::Paused;
            state.status.has_process().then(|| Event::ContainerPaused { id: id(), paused })
        }
        StoreStep::RecordStopAsked { .. } => state.stop_asked.then(|| Event::StopAsked { id: id() }),
        StoreStep::RecordRestartCancelled { .. } => (state.status == Status::Exited).then(|| Event::RestartCancelled { id: id() }),
        StoreStep::RecordFailure { .. } if !state.error.is_empty() => {
            Some(Event::ContainerFailed { id: id(), exit_code: state.exit_code, error: state.error, at_ns })
        }
        _ => None,
    }
}

/// The events that a plain run needs to keep the state right, without looking at anything but the outcome.
pub fn essential(step: &Step, outcome: &Outcome, actors: Actors) -> Vec<Event> {
    let at_ns = outcome.at_ns;
    let step = match step {
        Step::Store(step) => step,
        Step::Image(step) => return image::essential(step, outcome),
        Step::Build(step) => return build::essential(step, outcome),
        Step::Registry(step) => return registry::essential(step, outcome),
        Step::Network(step) => return network::essential(step),
        Step::Process(ProcessStep::ExecProgram { .. }) => return outcome.refused().into_iter().collect(),
        _ => return Vec::new(),
    };
    match step {
        StoreStep::ExtractLayer { image, diff_id, directory, .. } => {
            vec![Event::LayerExtracted { image: image.clone(), diff_id: diff_id.clone(), directory: directory.clone() }]
        }
        StoreStep::KeepDirectory { diff_id, directory, .. } => {
            vec![Event::LayerExtracted { image: String::new(), diff_id: diff_id.clone(), directory: directory.clone() }]
        }
        StoreStep::RecordContainer { container, .. } | StoreStep::ReplaceRecord { container, .. } => vec![recorded(container)],
        StoreStep::RecordStart { id } => {
            let started = actors.process.map(|pid| Event::ContainerStarted { id: id.clone(), pid, at_ns });
            started.into_iter().collect()
        }
        StoreStep::RecordPause { id, paused } => vec![Event::ContainerPaused { id: id.clone(), paused: *paused }],
        StoreStep::RecordEndpoint { id, network, endpoint } => {
            vec![Event::EndpointRecorded { id: id.clone(), network: network.clone(), endpoint: endpoint.clone() }]
        }
        StoreStep::RecordExit { id } => outcome.exited(id).into_iter().collect(),
        StoreStep::RecordProbe { id } => outcome.probed(id),
        StoreStep::RecordStopAsked { id } => vec![Event::StopAsked { id: id.clone() }],
        StoreStep::RecordRestartCancelled { id } => vec![Event::RestartCancelled { id: id.clone() }],
        StoreStep::RecordFailure { id, exit_code, error } => {
            vec![Event::ContainerFailed { id: id.clone(), exit_code: *exit_code, error: error.clone(), at_ns }]
        }
        StoreStep::RemoveContainerFiles { id, .. } => vec![Event::ContainerRemoved { id: id.clone() }],
        StoreStep::CreateVolume { volume, .. } => vec![Event::VolumeCreated { volume: volume.clone() }],
        StoreStep::RemoveVolume { name, .. } => vec![Event::VolumeRemoved { name: name.clone() }],
        StoreStep::CreateDirectory { .. }
        | StoreStep::WriteFile { .. }
        | StoreStep::RewriteFile { .. }
        | StoreStep::EditLines { .. }
        | StoreStep::WriteIdFile { .. }
        | StoreStep::NoteSignal { .. }
        | StoreStep::CreateSource { .. }
        | StoreStep::MeasureDirectory { .. }
        | StoreStep::MakeWorkingDirectory { .. }
        | StoreStep::FillVolume { .. } => Vec::new(),
    }
}

fn recorded(container: &Container) -> Event {
    Event::ContainerRecorded { container: Box::new(container.clone()) }
}
