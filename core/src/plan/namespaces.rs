//! Which namespaces a container has of its own and which it shares; Docker's refusals where it cannot share them.
//!
//! Read by the phases of `start` and `exec`, by the lowering to the OCI's specification and by the views: all of them ask [`source`].
//! Containers are named by words as typed until they are created, by ids on record.

use super::lifecycle;
use super::{CommandError, Context, Plan, create, origin};
use crate::cli::{CgroupNamespace, ContainerSpec, IpcMode, NamespaceSpec, NetworkMode, PidMode, TimeOffsets};
use crate::host::{CgroupVersion, HostFacts};
use crate::model::{Container, ContainerId, State};
use crate::step::{ClientStep, NamespaceKind, Step};

/// Where a container's namespace of some kind comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source<'a> {
    /// A new one is made for it.
    New,
    /// It stays in the host's.
    Host,
    /// It joins that of another container.
    Of(&'a str),
}

/// Where the container's namespace of this kind comes from.
pub(crate) fn source(container: &Container, kind: NamespaceKind) -> Source<'_> {
    let host = &container.host;
    let own = |own: bool| if own { Source::New } else { Source::Host };
    match kind {
        NamespaceKind::User => own(!host.uid_map.is_empty()),
        NamespaceKind::Pid => match &host.namespaces.pid {
            PidMode::Own => Source::New,
            PidMode::Host => Source::Host,
            PidMode::Container(name) => Source::Of(name),
        },
        NamespaceKind::Mount => Source::New,
        NamespaceKind::Uts => own(!host.namespaces.uts_host),
        NamespaceKind::Ipc => match &host.namespaces.ipc {
            IpcMode::Private | IpcMode::Shareable | IpcMode::None => Source::New,
            IpcMode::Host => Source::Host,
            IpcMode::Container(name) => Source::Of(name),
        },
        NamespaceKind::Network => match &host.network {
            NetworkMode::Default | NetworkMode::None | NetworkMode::Named(_) => Source::New,
            NetworkMode::Host => Source::Host,
            NetworkMode::Container(name) => Source::Of(name),
        },
        NamespaceKind::Cgroup => own(cgroup_namespace(container) == CgroupNamespace::Private),
        NamespaceKind::Time => own(host.namespaces.time != TimeOffsets::default()),
    }
}

/// What was said, or what was taken when nothing was; of a record from before it was kept: where it has a cgroup.
pub(crate) fn cgroup_namespace(container: &Container) -> CgroupNamespace {
    let of_old = !container.host.cgroups.is_empty() && !container.host.privileged;
    let otherwise = if of_old { CgroupNamespace::Private } else { CgroupNamespace::Host };
    container.host.namespaces.cgroup.unwrap_or(otherwise)
}

/// It is, by itself or through others, in the host's namespace of this kind.
pub(crate) fn is_in_hosts(container: &Container, kind: NamespaceKind, state: &State) -> bool {
    let mut at = container;
    for _ in 0..=state.containers.size() {
        match source(at, kind) {
            Source::Host => return true,
            Source::New => return false,
            Source::Of(name) => match state.container(name) {
                Ok(next) => at = next,
                Err(_) => return false,
            },
        }
    }
    false
}

/// The container whose network it shares, if it is there: its names and addresses are this one's too.
pub(crate) fn networked<'a>(container: &Container, state: &'a State) -> Option<&'a Container> {
    let Source::Of(name) = source(container, NamespaceKind::Network) else { return None };
    state.container(name).ok()
}

/// The host name that it gets: that of the container whose network it shares.
pub(crate) fn hostname<'a>(container: &'a Container, state: &'a State) -> &'a str {
    &networked(container, state).unwrap_or(container).process.hostname
}

/// The container as its last start has left it: with the host name of the one whose network it shares.
pub(super) fn as_started(container: &Container, state: &State) -> Container {
    let mut shown = container.clone();
    if container.state.started_ns > 0 {
        shown.process.hostname = hostname(container, state).to_string();
    }
    shown
}

/// The id behind a word of a record; a word that leads nowhere stands for itself, and whoever looks it up finds nothing.
pub(super) fn id_of(word: &str, state: &State) -> ContainerId {
    state.container(word).map_or_else(|_| ContainerId(word.to_string()), |found| found.id.clone())
}

/// What goes on record: containers by their ids, and Docker's default of `--cgroupns`.
pub(super) fn recorded(spec: &ContainerSpec, context: &Context<'_>) -> Result<(NetworkMode, NamespaceSpec), CommandError> {
    check_there(spec, context)?;
    check_owner(spec, context)?;
    check_time(spec, context)?;
    check_user(spec, context)?;
    let id = |name: &String| id_of(name, context.state).0;
    let network = match &spec.network {
        NetworkMode::Container(name) => NetworkMode::Container(id(name)),
        other => other.clone(),
    };
    let asked = &spec.namespaces;
    let pid = match &asked.pid {
        PidMode::Container(name) => PidMode::Container(id(name)),
        other => other.clone(),
    };
    let ipc = match &asked.ipc {
        IpcMode::Container(name) => IpcMode::Container(id(name)),
        other => other.clone(),
    };
    let cgroup = Some(asked.cgroup.unwrap_or_else(|| default_cgroup_namespace(context.host)));
    Ok((network, NamespaceSpec { pid, ipc, cgroup, ..asked.clone() }))
}

/// `ns`: what cannot be compared is told, the rest is.
pub(super) fn compare(words: &[String], json: bool, context: &Context<'_>, plan: &mut Plan) {
    let mut ids = Vec::new();
    for word in words {
        match lifecycle::find(word, context) {
            Ok(container) if container.state.status.runs() => ids.push(container.id.clone()),
            Ok(container) => {
                plan.fail_later(&format!("glassbox: container {} is not running: it is in no namespace\n", container.name));
            }
            Err(message) => plan.fail_later(&message),
        }
    }
    if words.is_empty() || !ids.is_empty() {
        let step = Step::Client(ClientStep::ShowNamespaces { ids, json });
        plan.steps.push(origin::planned(step, origin::command(context)));
    }
}

/// Docker's default: one of its own on version 2, the host's on version 1, where names of cgroups are spread over several trees.
fn default_cgroup_namespace(host: &HostFacts) -> CgroupNamespace {
    if host.cgroup.version == CgroupVersion::V2 { CgroupNamespace::Private } else { CgroupNamespace::Host }
}

/// What dockerd refuses where it remaps users.
fn check_user(spec: &ContainerSpec, context: &Context<'_>) -> Result<(), CommandError> {
    let asked = &spec.namespaces;
    if !asked.user_own || !context.host.is_root() {
        return Ok(());
    }
    let refusals = [
        (asked.user_host, "conflicting options: --userns host and --userns-own", "userns-own"),
        (
            spec.privileged,
            "privileged mode is incompatible with user namespaces.  You must run the container in the host namespace when running \
             privileged mode",
            "privileged",
        ),
        (
            spec.network == NetworkMode::Host,
            "cannot share the host's network namespace when user namespaces are enabled",
            "network",
        ),
        (asked.pid == PidMode::Host, "cannot share the host PID namespace when user namespaces are enabled", "pid"),
    ];
    let refusal = refusals.into_iter().find(|(conflict, _, _)| *conflict);
    refusal.map_or(Ok(()), |(_, what, flag)| Err(create::refuse(context, what, Some(flag))))
}

/// Only who is root in the host's user namespace may make one, and with the offsets it has to be made before there is another.
fn check_time(spec: &ContainerSpec, context: &Context<'_>) -> Result<(), CommandError> {
    if spec.namespaces.time == TimeOffsets::default() || context.host.is_root() {
        return Ok(());
    }
    let message = "glassbox: --time-offset is not carried out for an ordinary user: the offsets of a time namespace are set before the \
                   container's user namespace is there.\nglassbox: run it as root, or leave the flag out.\n";
    let span = context.invocation.words.flag("time-offset").map(|used| used.span);
    Err(CommandError { message: message.to_string(), exit_code: 125, span })
}

/// Namespaces of another container of an ordinary user belong to its user namespace, which has no second one.
fn check_owner(spec: &ContainerSpec, context: &Context<'_>) -> Result<(), CommandError> {
    let asked = &spec.namespaces;
    let shared = [
        matches!(spec.network, NetworkMode::Container(_)).then_some("network"),
        matches!(asked.ipc, IpcMode::Container(_)).then_some("ipc"),
        matches!(asked.pid, PidMode::Container(_)).then_some("pid"),
    ];
    let own = !context.host.is_root() || asked.user_own;
    let Some(flag) = shared.into_iter().flatten().next().filter(|_| own) else { return Ok(()) };
    let message = format!(
        "glassbox: --{flag} container:… is not carried out from a user namespace of its own: the namespace belongs to the user namespace of \
         the other container.\nglassbox: run both as root without --userns-own, or use --{flag} host.\n"
    );
    let span = context.invocation.words.flag(flag).map(|used| used.span);
    Err(CommandError { message, exit_code: 125, span })
}

/// The daemon looks the two up when it makes the container, for their labels; where these do not matter it does not.
fn check_there(spec: &ContainerSpec, context: &Context<'_>) -> Result<(), CommandError> {
    let asked = &spec.namespaces;
    if asked.ipc == IpcMode::Host || asked.pid == PidMode::Host || spec.privileged {
        return Ok(());
    }
    let ipc = if let IpcMode::Container(name) = &asked.ipc { Some((name, "ipc")) } else { None };
    let pid = if let PidMode::Container(name) = &asked.pid { Some((name, "pid")) } else { None };
    for (name, flag) in ipc.into_iter().chain(pid) {
        lifecycle::find(name, context).map_err(|message| {
            let first = message.lines().next().unwrap_or_default();
            create::refuse(context, first.trim_start_matches("Error response from daemon: "), Some(flag))
        })?;
    }
    Ok(())
}

/// Why the container may not join an IPC namespace that is there: its container did not offer it.
pub(super) fn not_offered(container: &Container, state: &State) -> Option<String> {
    let Source::Of(name) = source(container, NamespaceKind::Ipc) else { return None };
    let donor = state.container(name).ok().filter(|donor| donor.state.status.runs())?;
    let offered = matches!(donor.host.namespaces.ipc, IpcMode::Shareable | IpcMode::Host | IpcMode::Container(_));
    (!offered).then(|| {
        let why = "non-shareable IPC (hint: use IpcMode:shareable for the donor container)";
        format!("failed to join IPC namespace: container {}: {why}", donor.id)
    })
}

/// Why nothing of `name` can be joined at this moment, in the daemon's words.
pub(super) fn not_running(kind: NamespaceKind, name: &str, state: &State) -> String {
    let network = kind == NamespaceKind::Network;
    let join = format!("failed to join {} namespace", kind.file().to_uppercase());
    let Ok(donor) = state.container(name) else {
        let join = if network { "joining network namespace of container" } else { &join };
        return format!("{join}: No such container: {name}");
    };
    if network {
        let is = crate::view::containers::state_word(donor);
        return format!("cannot join network namespace of a non running container: container {} is {is}", donor.name);
    }
    format!("{join}: container {} is not running", donor.id)
}
