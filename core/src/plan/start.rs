//! From a record to a running program: the phases of `start`, and what each is made of but for the root file system (`root`).

use super::namespaces::{self, Source, source};
use super::origin::{self, docker_default, need, oci_default, planned};
use super::{Context, Planned, limits};
use crate::accounts;
use crate::cli::Ulimit;
use crate::host::{CgroupVersion, Controller, HostFacts};
use crate::model::{Container, HostConfig, IdMapLine};
use crate::resource_limit::Resource;
use crate::step::{CgroupStep, NamespaceKind, Phase, PrivilegeStep, ProcessStep, Step, StoreStep};

/// The phases in their order.
pub(super) fn start(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let id = || container.id.clone();
    let command = || origin::command(context);
    let mut steps = Vec::new();
    if !container.host.cgroups.is_empty() {
        let cause = docker_default("Every container gets a cgroup of its own.", "engine/containers/resource_constraints/");
        steps.push(planned(Step::Phase(Phase::PrepareCgroup { id: id() }), cause));
    }
    steps.extend(super::storage::make_sources(container, context));
    steps.extend(super::network_files::anew(container, context));
    steps.push(planned(Step::Phase(Phase::CreateProcess { id: id() }), command()));
    let isolation = docker_default("A container is a process in namespaces of its own.", "engine/security/#kernel-namespaces");
    steps.push(planned(Step::Phase(Phase::IsolateProcess { id: id() }), isolation));
    if !container.networks.is_empty() {
        let cause = docker_default("A container is connected to the network bridge.", "engine/network/drivers/bridge/");
        let cause = origin::flag_or(context, container, "network", || cause);
        steps.push(planned(Step::Phase(Phase::PrepareNetworks { id: id() }), cause));
        let why = "A new network namespace has loopback alone.";
        steps.push(planned(Step::Phase(Phase::ConnectProcess { id: id() }), need("UnshareNamespace", why)));
    }
    steps.push(planned(Step::Phase(Phase::BuildRoot { id: id() }), origin::positional(context, "IMAGE")));
    let restrictions = restrictions(container);
    if !super::root::hide_paths(container, context).is_empty() {
        let cause = oci_default("maskedPaths, readonlyPaths and a read-only root.", "config-linux.md#masked-paths");
        steps.push(planned(Step::Phase(Phase::HidePaths { id: id() }), cause));
    }
    steps.push(planned(Step::Phase(Phase::DropPrivileges { id: id() }), restrictions));
    steps.push(planned(Step::Phase(Phase::RunProgram { id: id() }), origin::program(context, container)));
    steps.push(planned(Step::Store(StoreStep::RecordStart { id: id() }), command()));
    steps
}

fn restrictions(container: &Container) -> super::Cause {
    let what = if container.host.privileged {
        "--privileged keeps all capabilities."
    } else {
        "Root in a container is given 14 capabilities."
    };
    docker_default(what, "engine/security/#linux-kernel-capabilities")
}

/// The cgroup and its limits.
pub(super) fn prepare_cgroup(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let mut steps = Vec::new();
    let layout = &context.host.cgroup;
    for (directory, controllers) in &container.host.cgroups {
        let served: Vec<Controller> = controllers.iter().copied().filter(|c| *c != Controller::Devices).collect();
        let above = super::cgroup_parent::above(directory, &container.host.tuning.cgroup_parent);
        let mut top = true;
        for parent in &above {
            if !top {
                steps.extend(super::cgroup_parent::make(container, parent, controllers, context));
            }
            // The trees' roots were looked at; below them what is given already may be given again.
            let missing = served.iter().copied().filter(|controller| !top || !layout.enabled.contains(controller));
            let missing: Vec<Controller> = missing.filter(|_| layout.version == CgroupVersion::V2).collect();
            top = false;
            if !missing.is_empty() {
                let step = CgroupStep::EnableControllers { directory: parent.clone(), controllers: missing };
                let why = "A cgroup has the files of a controller only if its parent enables it.";
                steps.push(planned(Step::Cgroup(step), need("CreateCgroup", why)));
            }
        }
        let step = CgroupStep::CreateCgroup { directory: directory.clone(), controllers: controllers.clone(), shared: false };
        let cause = docker_default("Every container gets a cgroup of its own.", "engine/containers/resource_constraints/");
        steps.push(planned(Step::Cgroup(step), cause));
    }
    steps.extend(super::device::rules(container, context));
    steps.extend(limits::steps(container, context));
    steps
}

/// The container's first process and what the engine does to it from outside.
pub(super) fn create_process(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let mut made = Vec::new();
    let mut steps = Vec::new();
    for kind in [NamespaceKind::User, NamespaceKind::Pid] {
        match source(container, kind) {
            Source::New => made.push(kind),
            Source::Host => {}
            Source::Of(name) => steps.push(join(kind, name, container, context)),
        }
    }
    steps.extend(time_namespace(container, context));
    let numbers = || docker_default("Processes in a container number from 1.", "engine/security/#kernel-namespaces");
    let cause = origin::flag_or(context, container, "pid", numbers);
    let clone = ProcessStep::CloneProcess { namespaces: made, cgroup: born_in(container, context) };
    steps.push(planned(Step::Process(clone), cause));
    steps.extend(id_maps(container, context));
    steps
}

/// A time namespace takes its offsets only while nobody is in it: the engine makes it for its child, which is born there.
fn time_namespace(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    if source(container, NamespaceKind::Time) != Source::New {
        return Vec::new();
    }
    let cause = || origin::flag_or(context, container, flag(NamespaceKind::Time), || origin::command(context));
    let offsets = container.host.namespaces.time;
    vec![
        planned(Step::Process(ProcessStep::UnshareNamespace { kind: NamespaceKind::Time }), cause()),
        planned(Step::Process(ProcessStep::SetTimeOffsets { offsets }), cause()),
    ]
}

/// Into the namespace of another container.
fn join(kind: NamespaceKind, name: &str, container: &Container, context: &Context<'_>) -> Planned {
    let step = ProcessStep::JoinNamespace { kind, id: namespaces::id_of(name, context.state) };
    planned(Step::Process(step), origin::flag_or(context, container, flag(kind), || origin::command(context)))
}

/// The flag that says of a kind of namespace whose it is to be.
fn flag(kind: NamespaceKind) -> &'static str {
    match kind {
        NamespaceKind::User => "userns-own",
        NamespaceKind::Pid => "pid",
        NamespaceKind::Mount => "mount",
        NamespaceKind::Uts => "uts",
        NamespaceKind::Ipc => "ipc",
        NamespaceKind::Network => "network",
        NamespaceKind::Cgroup => "cgroupns",
        NamespaceKind::Time => "time-offset",
    }
}

pub(super) fn id_maps(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    maps_of_ids(&container.host.uid_map, &container.host.gid_map, context)
}

/// What is outside for the ids inside a user namespace; none where there is none.
pub(super) fn maps_of_ids(uids: &[IdMapLine], gids: &[IdMapLine], context: &Context<'_>) -> Vec<Planned> {
    if uids.is_empty() {
        return Vec::new();
    }
    let why = "Without a map every id inside is `nobody`, and no mount is allowed.";
    let map = |groups: bool, lines: &[IdMapLine]| {
        let step = ProcessStep::WriteIdMap { groups, lines: lines.to_vec() };
        planned(Step::Process(step), need("UnshareNamespace", why))
    };
    let deny = need("WriteIdMap", "An ordinary user may write a gid map only where setgroups is denied: user_namespaces(7).");
    let mut steps = vec![map(false, uids)];
    if !context.host.is_root() {
        steps.push(planned(Step::Process(ProcessStep::DenySetgroups), deny));
    }
    steps.push(map(true, gids));
    steps
}

/// On v2 there is one cgroup, and clone3(2) makes the process in it: nothing of it is ever outside the limits.
pub(super) fn born_in(container: &Container, context: &Context<'_>) -> Option<String> {
    let v2 = context.host.cgroup.version == CgroupVersion::V2;
    container.host.cgroups.first().filter(|_| v2).map(|(directory, _)| directory.clone())
}

/// The process into every cgroup of the container, where it was not born in the only one.
pub(super) fn join_cgroups(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    if born_in(container, context).is_some() {
        return Vec::new();
    }
    let why = "Limits hold for the processes that are in the cgroup, and for their children.";
    let join = |directory: &String| {
        planned(Step::Cgroup(CgroupStep::JoinCgroup { directory: directory.clone() }), need("WriteLimit", why))
    };
    container.host.cgroups.iter().map(|(directory, _)| join(directory)).collect()
}

/// Namespaces one by one, then what belongs into them.
pub(super) fn isolate(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let session = need("ExecProgram", "Signals that the engine's terminal sends must not reach the container's processes.");
    let mut steps = vec![planned(Step::Process(ProcessStep::StartSession), session)];
    for (kind, what) in [
        (NamespaceKind::Mount, "Mounts in a container are its own."),
        (NamespaceKind::Uts, "A container has a host name of its own."),
        (NamespaceKind::Ipc, "Message queues and shared memory are a container's own."),
        (NamespaceKind::Network, "A container has network interfaces of its own."),
    ] {
        steps.extend(namespace(kind, what, container, context));
    }
    steps.extend(names(container, context));
    // The cgroup that a process is in when it makes a cgroup namespace is the root there: cgroup_namespaces(7).
    steps.extend(join_cgroups(container, context));
    let what = "A container sees its own cgroup as the root.";
    steps.extend(namespace(NamespaceKind::Cgroup, what, container, context));
    steps
}

/// One of the process's own, or another's.
fn namespace(kind: NamespaceKind, what: &'static str, container: &Container, context: &Context<'_>) -> Option<Planned> {
    match source(container, kind) {
        Source::Host => None,
        Source::Of(name) => Some(join(kind, name, container, context)),
        Source::New => {
            let default = || docker_default(what, "engine/security/#kernel-namespaces");
            let cause =
                if kind == NamespaceKind::Mount { default() } else { origin::flag_or(context, container, flag(kind), default) };
            Some(planned(Step::Process(ProcessStep::UnshareNamespace { kind }), cause))
        }
    }
}

fn names(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let mut steps = Vec::new();
    if source(container, NamespaceKind::Uts) == Source::New {
        let hostname = container.process.hostname.clone();
        let default = || docker_default("The host name is the container's short id.", "reference/cli/docker/container/run/");
        let of_network =
            || origin::flag(context, container, "network").filter(|_| namespaces::networked(container, context.state).is_some());
        let cause = origin::flag_or(context, container, "hostname", || of_network().unwrap_or_else(default));
        steps.push(planned(Step::Process(ProcessStep::SetHostname { hostname }), cause));
    }
    if source(container, NamespaceKind::Network) == Source::New {
        let why = "In a new network namespace even loopback is down.";
        let step = ProcessStep::BringUpInterface { interface: "lo".into() };
        steps.push(planned(Step::Process(step), need("UnshareNamespace", why)));
    }
    steps
}

/// What needs a power that is given up next: raising a limit, lowering the rank.
fn tuning(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let tuning = &container.host.tuning;
    let limit = |(resource, limit): (Resource, Ulimit)| {
        let step = PrivilegeStep::SetResourceLimit { resource, limit: limit.pair() };
        planned(Step::Privilege(step), origin::flag_or(context, container, "ulimit", || origin::command(context)))
    };
    let mut steps: Vec<Planned> = tuning.limits().map(limit).collect();
    if let Some(profile) = super::confinement::apparmor_profile(container, context.host) {
        let cause = origin::flag_or(context, container, "security-opt", || {
            docker_default("Containers run under the profile docker-default.", "engine/security/apparmor/")
        });
        steps.push(planned(Step::Privilege(PrivilegeStep::SetAppArmorProfile { profile }), cause));
    }
    if tuning.oom_score_adj != 0 {
        let cause = origin::flag_or(context, container, "oom-score-adj", || origin::command(context));
        steps.push(planned(Step::Privilege(PrivilegeStep::SetOomScore { score: tuning.oom_score_adj }), cause));
    }
    steps
}

/// Capabilities, seccomp, user, in the order in which each still may.
///
/// `fence`: whose filter of system calls holds. It was made for the container's capabilities, and an exec with others gets the same.
pub(super) fn drop_privileges(container: &Container, fence: &HostConfig, context: &Context<'_>, user: &str) -> Vec<Planned> {
    let host = &container.host;
    let capabilities = host.capabilities;
    let mut steps = tuning(container, context);
    if host.no_new_privileges {
        let cause = origin::flag_or(context, container, "security-opt", || origin::command(context));
        steps.push(planned(Step::Privilege(PrivilegeStep::SetNoNewPrivileges), cause));
    }
    let capability_cause = || {
        let flag = ["privileged", "cap-add", "cap-drop"].iter().find_map(|name| origin::flag(context, container, name));
        flag.unwrap_or_else(|| docker_default("14 capabilities are given.", "engine/security/#linux-kernel-capabilities"))
    };
    steps.push(planned(Step::Privilege(PrivilegeStep::LimitBoundingSet { keep: capabilities }), capability_cause()));
    let filter = || {
        let cause = docker_default("The default seccomp profile refuses about 44 calls.", "engine/security/seccomp/");
        let cause = match host.confinement.seccomp_profile {
            Some(_) => origin::flag_or(context, container, "security-opt", || cause),
            None => cause,
        };
        let profile = super::confinement::own_profile(fence, context.host).map(Box::new);
        let capabilities = fence.capabilities;
        planned(Step::Privilege(PrivilegeStep::InstallSeccompFilter { capabilities, profile }), cause)
    };
    // Without no_new_privs a filter needs CAP_SYS_ADMIN, which the next steps take away: seccomp(2).
    if host.seccomp && !host.no_new_privileges {
        steps.push(filter());
    }
    let user_cause = origin::flag_or(context, container, "user", || {
        docker_default("Containers run as root unless the image says otherwise.", "reference/dockerfile/#user")
    });
    let groups = host.tuning.group_add.clone();
    let hidden = container.mounts.iter().any(|point| accounts::is_hidden_by(&point.target));
    let layers = hidden.then(|| Box::new(super::images::files_of(container, context)));
    let user = planned(Step::Privilege(PrivilegeStep::SetUser { user: user.to_string(), groups, layers }), user_cause);
    steps.push(match origin::flag(context, container, "group-add") {
        Some(cause) => user.with(cause),
        None => user,
    });
    steps.push(planned(Step::Privilege(PrivilegeStep::SetCapabilities { capabilities }), capability_cause()));
    if host.seccomp && host.no_new_privileges {
        steps.push(filter());
    }
    steps
}

/// execve.
pub(super) fn run_program(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let (argv, env) = (program(container), environment(container, context.host));
    let own_home = !has_home(&env);
    let secrets = container.process.secrets.clone();
    let step = ProcessStep::ExecProgram { argv, env, secrets, own_home };
    vec![planned(Step::Process(step), origin::program(context, container))]
}

/// Program and arguments, with the init program before them where one was asked for.
pub(crate) fn program(container: &Container) -> Vec<String> {
    let mut argv = container.process.argv();
    if let Some(runtime) = &container.host.wasi {
        argv.splice(0..0, super::wasi::runtime_argv(runtime, &container.host.resources));
    }
    if container.host.init {
        argv.splice(0..0, ["/sbin/docker-init".to_string(), "--".to_string()]);
    }
    argv
}

/// The environment as Docker puts it together: PATH, HOSTNAME, TERM with a terminal, the image's and the flags'. runc adds HOME, where it is
/// not set or empty.
pub(crate) fn environment(container: &Container, host: &HostFacts) -> Vec<String> {
    let mut env = vec!["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_string()];
    env.push(format!("HOSTNAME={}", container.process.hostname));
    if container.process.tty {
        env.push("TERM=xterm".to_string());
    }
    for entry in &container.process.env {
        super::create::set_env(&mut env, entry, host);
    }
    env.retain(|entry| entry != "HOME=");
    env
}

pub(super) fn has_home(env: &[String]) -> bool {
    env.iter().any(|entry| entry.starts_with("HOME="))
}
