//! Planning: `(Command, &State, &HostFacts)` to steps, and a composite step to smaller ones. Pure.
//!
//! [`plan`] gives the top of the tree; [`expand`] gives the children of a composite step with the state at that moment. A [`Cursor`]
//! walks the tree lazily, depth first, and serves every executor: the model kernel, Linux, the step debugger, `--plan`.
//!
//! One file per command, one per group of phases.

mod attach;
mod block_io;
mod build;
mod cause;
mod cgroup_parent;
mod cid_file;
mod confinement;
mod copy;
mod create;
mod cursor;
mod device;
mod exec;
pub mod failure;
pub mod health;
mod image;
mod images;
mod inspect;
mod lifecycle;
pub(crate) mod limits;
mod logging;
mod names;
pub(crate) mod namespaces;
pub(crate) mod network;
mod network_files;
mod origin;
mod pause;
mod ports;
mod records;
mod registry;
mod restart;
pub(crate) mod root;
mod start;
mod storage;
mod system;
mod tuning;
mod update;
mod wanted;
mod wasi;
mod watch;

use std::rc::Rc;

use serde::{Deserialize, Serialize};

pub use build::overview_of;
pub use cause::Cause;
pub(crate) use confinement::{apparmor_profile, seccomp_profile};
pub use cursor::{AFTERWARDS, Cursor, Node, StepId, Visit};
pub use image::processor as architecture;
pub use restart::monitor_again;
pub(crate) use start::{environment, program};
pub(crate) use storage::{
    Part, backing_of, clean, foreign::options as foreign_options, parts, propagation, spec::mount_options, spec::tmpfs_mount,
};
pub use storage::{directories_that_go, named_sources};
pub use wanted::{OS_RELEASE, Wanted, disk_usage, wanted};

use crate::cli::{Command, Invocation, NetworkMode, RunContainer, Span};
use crate::host::{CgroupVersion, HostFacts, NETWORK_FILE_BYTES_MAX};
use crate::model::{Container, Slot, State};
use crate::step::{ClientStep, LogView, Phase, Step};

/// A step and why it is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// The step.
    pub step: Step,
    /// Never empty.
    pub causes: Vec<Cause>,
}

/// What a command turns into.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The command.
    pub invocation: Rc<Invocation>,
    /// What the caller's command does, in order.
    pub steps: Vec<Planned>,
    /// What goes on when the command started a container: watch it, then clean up. Carried out by the monitor: for a detached container
    /// a process of its own, else by the same one, after `steps` reached `AttachStreams`.
    pub monitor: Vec<Planned>,
    /// What goes to stderr before the first step: Docker's warnings.
    pub warnings: Vec<String>,
    /// What goes to stderr after the last step: containers that could not be dealt with.
    pub late_errors: String,
    /// Where `steps` are about several containers: one part for each. A failure in one part does not keep the next from being carried out.
    pub parts: Vec<PlanPart>,
    /// Of a build: what an executor may carry out beside the rest.
    pub pieces: Vec<PlanPiece>,
    /// The words for which nothing could be planned.
    pub failed: Vec<String>,
    /// When its steps are through, the command is planned anew: what comes then depends on the image that they fetch. The new plan begins
    /// with the same steps.
    pub goes_on: bool,
    /// The command's exit code when all steps succeed and none of them sets another.
    pub exit_code: i32,
}

/// The steps of a plan that are about one of several containers: from the end of the part before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanPart {
    /// As typed.
    pub word: String,
    /// How many top-level steps there are up to its end.
    pub end: usize,
}

/// Steps of a plan that need not wait for all that stand before them: a stage of a build that needs none of those before it, or an
/// instruction while the changes of the one before are packed. Steps are those at the top, counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanPiece {
    /// The first.
    pub begin: usize,
    /// The one behind the last.
    pub end: usize,
    /// All before this one have to be through.
    pub after: usize,
    /// An instruction whose changes are to be packed meanwhile: without any there is nothing to go on beside.
    pub beside: Option<Slot>,
    /// Directories that it leaves behind, and a later step removes.
    pub leaves: Vec<String>,
}

impl Plan {
    /// Without steps.
    fn begin(invocation: &Rc<Invocation>) -> Plan {
        Plan {
            invocation: invocation.clone(),
            steps: Vec::new(),
            monitor: Vec::new(),
            warnings: Vec::new(),
            late_errors: String::new(),
            parts: Vec::new(),
            pieces: Vec::new(),
            failed: Vec::new(),
            goes_on: false,
            exit_code: 0,
        }
    }

    /// Something could not be planned; the rest goes on, and the command ends with 1.
    fn fail_later(&mut self, message: &str) {
        self.late_errors.push_str(message);
        self.exit_code = 1;
    }

    /// The steps for one of several containers.
    fn add_part(&mut self, word: &str, steps: Vec<Planned>) {
        self.steps.extend(steps);
        self.parts.push(PlanPart { word: word.to_string(), end: self.steps.len() });
    }

    /// Nothing can be planned for one of several containers.
    fn fail_part(&mut self, word: &str, message: &str) {
        self.fail_later(message);
        self.failed.push(word.to_string());
    }
}

impl Planned {
    /// With a further cause.
    fn with(mut self, cause: Cause) -> Planned {
        self.causes.push(cause);
        self
    }
}

/// A command that cannot be planned or failed, in Docker's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandError {
    /// What goes to stderr: Docker's own lines, word for word, then ours, each marked `glassbox: `. Ends with a newline.
    pub message: String,
    /// Docker's exit code.
    pub exit_code: i32,
    /// The word that is to blame, where one is.
    pub span: Option<Span>,
}

/// What expansion may look at.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// All that the engine knows at this moment.
    pub state: &'a State,
    /// The machine.
    pub host: &'a HostFacts,
    /// The command being carried out.
    pub invocation: &'a Invocation,
}

/// What the command turns into, or why it cannot be done.
pub fn plan(invocation: &Rc<Invocation>, state: &State, host: &HostFacts) -> Result<Plan, CommandError> {
    let context = Context { state, host, invocation };
    let mut plan = Plan::begin(invocation);
    if !invocation.notices.is_empty() {
        plan.steps.push(print(invocation.notices.clone(), &context));
    }
    match &invocation.command {
        Command::RunContainer(run) => plan_run(run, &context, &mut plan)?,
        Command::CreateContainer(spec) => plan_create(spec, &context, &mut plan)?,
        Command::AttachContainer { container, detach_keys, .. } => {
            plan.steps.extend(attach::attach(container, detach_keys, &context)?);
        }
        Command::StartContainers { containers, attach, interactive, detach_keys } => {
            let attached = *attach || *interactive;
            attach::check_keys_of_start(containers, if attached { detach_keys } else { "" }, &context)?;
            lifecycle::start(containers, attached, &context, &mut plan);
        }
        Command::StopContainers { containers, signal, timeout_seconds } => {
            lifecycle::stop(containers, *signal, *timeout_seconds, &context, &mut plan);
        }
        Command::KillContainers { containers, signal } => lifecycle::kill(containers, *signal, &context, &mut plan),
        Command::RemoveContainers { containers, force, .. } => lifecycle::remove(containers, *force, &context, &mut plan),
        Command::WaitContainers { containers } => lifecycle::wait(containers, &context, &mut plan),
        Command::ExecProcess(exec) => lifecycle::exec_process(exec, &context, &mut plan)?,
        Command::RestartContainers { containers, signal, timeout_seconds } => {
            records::restart(containers, *signal, *timeout_seconds, &context, &mut plan);
        }
        Command::UpdateContainers { containers, resources, restart } => {
            update::update(containers, resources, *restart, &context, &mut plan);
        }
        Command::PauseContainers { containers } => pause::pause(containers, &context, &mut plan),
        Command::UnpauseContainers { containers } => pause::unpause(containers, &context, &mut plan),
        Command::RenameContainer { container, name } => plan.steps.extend(records::rename(container, name, &context)?),
        Command::ShowPorts { container, port } => ports::published(container, port.as_deref(), &context, &mut plan)?,
        Command::ShowDiskUsage { verbose, format } => system::df(*verbose, format.as_deref(), &context, &mut plan)?,
        Command::PruneSystem { .. } => system::prune(&invocation.command, &context, &mut plan)?,
        Command::CopyFiles { .. } => copy::copy(&invocation.command, &context, &mut plan)?,
        Command::PruneContainers { force, filters } => records::prune(*force, filters, &context, &mut plan)?,
        Command::ListContainers(asked) => lifecycle::list(asked, &context, &mut plan)?,
        Command::ShowProcesses { .. } | Command::ShowStats { .. } | Command::ShowEvents { .. } => watch::on(&context, &mut plan)?,
        Command::ShowLogs { container, follow, tail, timestamps, details, since, until } => {
            let asked = LogView { follow: *follow, tail: *tail, timestamps: *timestamps, details: *details, ..LogView::default() };
            plan.steps.extend(lifecycle::logs(container, asked, since, until, &context)?);
        }
        Command::CompareNamespaces { containers, json } => namespaces::compare(containers, *json, &context, &mut plan),
        Command::CreateVolume { .. }
        | Command::ListVolumes { .. }
        | Command::UpdateVolume { .. }
        | Command::RemoveVolumes { .. }
        | Command::PruneVolumes { .. } => storage::volume::on(&context, &mut plan)?,
        Command::ExplainRefusal { container, call } => {
            plan.steps.extend(lifecycle::why(container, call.as_deref(), &context)?);
        }
        Command::Networks(command) => network::commands::on(command, &context, &mut plan)?,
        Command::InspectObjects { .. } => inspect::objects(&invocation.command, &context, &mut plan),
        Command::PrintCompletion { shell } => plan.steps.push(print(crate::cli::completion_script(shell).to_string(), &context)),
        Command::Help { topic } => plan.steps.push(print(format!("{}\n", crate::cli::help(topic).trim_end()), &context)),
        Command::Images(command) => images::command(command, &context, &mut plan)?,
        Command::Registry(command) => registry::command(command, &context, &mut plan)?,
        Command::BuildImage(build) => build::build(build, &context, &mut plan)?,
        Command::PruneBuilds(asked) => build::prune(asked, &context, &mut plan)?,
        Command::ShowDockerfile { input, json } => build::show_dockerfile(input, *json, &context, &mut plan)?,
        Command::CheckBuild(check) => build::check_only(check, &context, &mut plan),
        Command::ShowVersion { format } => system::version(format.as_deref(), &context, &mut plan)?,
        Command::ShowInfo { format } => system::info(format.as_deref(), &context, &mut plan)?,
        Command::Version => plan.steps.push(print(format!("Glassbox version {}\n", env!("CARGO_PKG_VERSION")), &context)),
    }
    Ok(plan)
}

fn print(text: String, context: &Context<'_>) -> Planned {
    origin::planned(Step::Client(ClientStep::Print { text }), origin::command(context))
}

fn plan_run(run: &RunContainer, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    attach::check_terminal(run.spec.interactive && run.spec.tty && !run.detach, context)?;
    if create::fetches(&run.spec, context, plan)? {
        return Ok(());
    }
    let container = create::container(&run.spec, run.detach, context)?;
    let id = || container.id.clone();
    plan.warnings = warnings(&run.spec, &container, context);
    let not_offered = namespaces::not_offered(&container, context.state).or_else(|| network_files::not_known(&container));
    let not_offered = not_offered.or_else(|| network::cannot_connect(&container, context));
    if let Some(what) = not_offered.or_else(|| logging::not_initialised(&container)) {
        return not_started(&container, run.detach, &what, context, plan);
    }
    if !run.detach
        && let Err(refusal) = attach::check_keys(&run.detach_keys, context)
    {
        // The daemon refuses to attach anybody, and the client starts nothing then.
        plan.steps.extend(create::phases(&container, context));
        plan.fail_later(&refusal.message);
        return Ok(());
    }
    plan.steps.extend(create::phases(&container, context));
    plan.steps.extend(run.detach.then(|| print_id(&container, context)));
    plan.steps.push(origin::planned(Step::Phase(Phase::StartContainer { id: id() }), origin::command(context)));
    if !run.detach {
        let cause = origin::flag_or(context, &container, "attach", || origin::command(context));
        plan.steps.push(origin::planned(Step::Client(ClientStep::AttachStreams { id: id() }), cause));
    }
    plan.monitor = lifecycle::monitor(&container, context);
    Ok(())
}

/// Docker's client tells it when the container is made, before it asks for the start.
fn print_id(container: &Container, context: &Context<'_>) -> Planned {
    let cause = origin::flag_or(context, container, "detach", || origin::command(context));
    origin::planned(Step::Client(ClientStep::Print { text: format!("{}\n", container.id) }), cause)
}

/// The container is made and stays, with the reason on record; with `--rm` it would go again at once.
fn not_started(
    container: &Container,
    detached: bool,
    what: &str,
    context: &Context<'_>,
    plan: &mut Plan,
) -> Result<(), CommandError> {
    let refusal = create::refuse(context, what, None);
    if container.host.auto_remove && !detached {
        return Err(refusal);
    }
    if !container.host.auto_remove {
        plan.steps.extend(create::phases(container, context));
    }
    plan.steps.extend(detached.then(|| print_id(container, context)));
    if !container.host.auto_remove {
        plan.steps.push(failure::record(container, &refusal, context));
    }
    plan.late_errors.push_str(&refusal.message);
    plan.exit_code = refusal.exit_code;
    Ok(())
}

fn plan_create(spec: &crate::cli::ContainerSpec, context: &Context<'_>, plan: &mut Plan) -> Result<(), CommandError> {
    if create::fetches(spec, context, plan)? {
        return Ok(());
    }
    let container = create::container(spec, false, context)?;
    plan.warnings = warnings(spec, &container, context);
    plan.steps.extend(create::phases(&container, context));
    plan.steps.push(print(format!("{}\n", container.id), context));
    Ok(())
}

/// What will not be as asked for, said before it happens.
fn warnings(spec: &crate::cli::ContainerSpec, container: &Container, context: &Context<'_>) -> Vec<String> {
    let mut all: Vec<String> = network_files::warning(container).into_iter().collect();
    let host = &container.host;
    if limits::any(&host.resources) && context.host.cgroup.version == CgroupVersion::None {
        all.push("WARNING: Your kernel does not support cgroup limits for this user. Limits discarded.".to_string());
        all.push("glassbox: no cgroup can be written to by this user; run as root, or have systemd delegate one".to_string());
    } else {
        all.extend(limits::warnings(&spec.resources, &context.host.cgroup));
    }
    let leaves = namespaces::source(container, crate::step::NamespaceKind::Pid) != namespaces::Source::New;
    if leaves && host.cgroups.is_empty() {
        all.push("glassbox: neither a pid namespace nor a cgroup ends what this program leaves behind: it goes on when the container ends".into());
    }
    if spec.network == crate::cli::NetworkMode::Host && !container.host.publishing.bindings.is_empty() {
        all.push("WARNING: Published ports are discarded when using host network mode".to_string());
    }
    all.extend(confinement::warnings(container, context.host));
    all.extend(storage::warnings(container, context));
    if host.network == NetworkMode::Default && container.networks.is_empty() {
        all.push("glassbox: only root may make a bridge: this container has loopback alone, as with --network none".to_string());
    }
    if host.network == NetworkMode::Host {
        let too_large = context.host.network_files.iter().filter(|(_, text)| text.is_none());
        all.extend(too_large.map(|(path, _)| {
            format!("glassbox: {path} is larger than {NETWORK_FILE_BYTES_MAX} bytes: the container gets one of its own instead of a copy")
        }));
    }
    all
}

/// The parts of a composite step with the state at this moment; empty for a leaf, and for a container that has gone.
pub fn expand(step: &Step, context: &Context<'_>) -> Vec<Planned> {
    let Step::Phase(phase) = step else { return Vec::new() };
    if let Phase::PrepareImage { image } = phase {
        return create::prepare_image(image, context);
    }
    if let Some(steps) = build::expand(phase, context) {
        return steps;
    }
    match phase {
        Phase::WriteImage { image } => return images::write(image, context),
        Phase::ImportImage { archive, image } => return images::import_phase(archive, image, context),
        Phase::Registry(phase) => return registry::expand(phase, context),
        _ => {}
    }
    if let Phase::CreateContainer { container } = phase {
        return create::create(container, context);
    }
    let Some(found) = phase.container().and_then(|id| context.state.containers.get(id)) else { return Vec::new() };
    let hostname = namespaces::hostname(found, context.state);
    if hostname == found.process.hostname {
        return expand_for(phase, found, context);
    }
    // In another's network it has the other's name.
    let mut container = found.clone();
    container.process.hostname = hostname.to_string();
    expand_for(phase, &container, context)
}

fn expand_for(phase: &Phase, container: &Container, context: &Context<'_>) -> Vec<Planned> {
    match phase {
        Phase::PrepareImage { .. }
        | Phase::CreateContainer { .. }
        | Phase::BuildInstruction { .. }
        | Phase::FindResult { .. }
        | Phase::PackResult { .. }
        | Phase::KeepLayer { .. }
        | Phase::ExportImage
        | Phase::ExportOutput { .. }
        | Phase::ImportCache { .. }
        | Phase::ExportCache { .. }
        | Phase::TakeContext { .. }
        | Phase::Registry(_)
        | Phase::ImportImage { .. }
        | Phase::WriteImage { .. } => Vec::new(),
        Phase::CommitContainer { image, pause, .. } => images::commit_phase(container, image, *pause, context),
        Phase::StartContainer { .. } => start::start(container, context),
        Phase::PrepareCgroup { .. } => start::prepare_cgroup(container, context),
        Phase::PrepareNetworks { .. } => network::prepare(container, context),
        Phase::ConnectProcess { .. } => network::connect(container, context),
        Phase::CreateProcess { .. } => start::create_process(container, context),
        Phase::IsolateProcess { .. } => start::isolate(container, context),
        Phase::BuildRoot { .. } => root::build(container, context),
        Phase::HidePaths { .. } => root::hide_paths(container, context),
        Phase::DropPrivileges { .. } => start::drop_privileges(container, &container.host, context, &container.process.user),
        Phase::RunProgram { .. } => start::run_program(container, context),
        Phase::ExecInContainer { exec, .. } => exec::exec(container, exec, context),
        Phase::CopyInContainer { copy, .. } => copy::phase(container, copy, context),
        Phase::StopContainer { signal, timeout_seconds, .. } => {
            lifecycle::stop_phase(container, *signal, *timeout_seconds, context)
        }
        Phase::KillIfRunning { .. } => lifecycle::kill_if_running(container, context),
        Phase::CleanUpContainer { .. } => lifecycle::clean_up(container, context),
        Phase::CheckHealth { .. } => health::check_health(container, context),
        Phase::RunProbe { .. } => health::run_probe(container, context),
        Phase::RestartIfWanted { .. } => restart::restart_if_wanted(container, context),
        Phase::StartAgain { .. } => restart::start_again(container, context),
        Phase::RemoveContainer { .. } => lifecycle::remove_phase(container, context),
    }
}
