//! `create` and the first half of `run`: the image's config and the flags merged into a container, checked as Docker checks it.

mod of_image;

use super::origin::{self, planned};
use super::{CommandError, Context, Planned, cid_file, failure, image, limits, names, namespaces, network_files, storage};
use crate::cli::{ContainerSpec, NetworkMode, Resources};
use crate::host::{CgroupVersion, Controller, HostFacts};
use crate::layout::Layout;
use crate::model::{Container, ContainerId, ContainerState, HostConfig, IdMapLine, Image, ProcessConfig};
use crate::oci::{capability, runtime_spec};
use crate::step::{Phase, Step, StoreStep};

/// The container that `spec` asks for, or Docker's refusal.
pub(super) fn container(spec: &ContainerSpec, detached: bool, context: &Context<'_>) -> Result<Container, CommandError> {
    cid_file::check(spec, context)?;
    let image = image::find(spec, context)?;
    of_image(spec, image, detached, context)
}

/// The image is fetched first: the plan has these steps, and goes on when they are through.
pub(super) fn fetches(spec: &ContainerSpec, context: &Context<'_>, plan: &mut super::Plan) -> Result<bool, CommandError> {
    let Some(fetch) = image::fetch(spec, context) else { return Ok(false) };
    let (step, first) = match fetch {
        image::Fetch::First(step) => (step, true),
        image::Fetch::Done(step) => (step, false),
    };
    if first {
        cid_file::check(spec, context)?;
    }
    plan.steps.push(step);
    plan.goes_on = first;
    Ok(first)
}

/// The same, of this image whatever `spec` calls it.
pub(super) fn of_image(
    spec: &ContainerSpec,
    image: &Image,
    detached: bool,
    context: &Context<'_>,
) -> Result<Container, CommandError> {
    check_notes(spec).map_err(|(what, flag)| refuse(context, &what, Some(flag)))?;
    check_limits(spec, context)?;
    storage::check(&spec.storage, context)?;
    super::tuning::check(spec, context)?;
    super::device::check(spec, context)?;
    super::block_io::check_disks(spec, context)?;
    super::logging::check(spec, context)?;
    let id = names::fresh_id(&context.host.entropy);
    let name = choose_name(spec, context)?;
    // In a user namespace of its own a process holds every capability, over what belongs to that namespace.
    let in_hosts = context.host.is_root() && !spec.namespaces.user_own;
    let available = if in_hosts { context.host.capabilities } else { capability::CapabilitySet::ALL };
    let capabilities = capability::apply_available(&spec.cap_add, &spec.cap_drop, spec.privileged, available)
        .map_err(|error| refuse(context, &error.to_string(), Some("cap-add")))?;
    super::confinement::check(spec, capabilities, context)?;
    let process = merge_process(spec, image, &id, context)?;
    let (network, namespaces) = namespaces::recorded(spec, context)?;
    let networks = super::network::attachments(spec, context)?;
    let (mounts, shown) = storage::resolve(spec, &of_image::volumes(&image.config), context)?;
    let wasi = super::wasi::runtime(image, spec, context)?;
    let host = HostConfig { storage: shown, network, namespaces, wasi, ..host_config(spec, detached, capabilities, &id, context) };
    Ok(Container {
        id,
        name,
        created_ns: context.host.now_ns,
        image: spec.image.clone(),
        image_id: image.id.clone(),
        layers: image.layers.iter().map(|layer| layer.diff_id.clone()).collect(),
        process,
        host,
        mounts,
        networks,
        asked_for_names: false,
        state: ContainerState::default(),
        words: context.invocation.words.clone(),
    })
}

/// What the daemon refuses of flags that only say how: a runtime, a driver.
fn check_notes(spec: &ContainerSpec) -> Result<(), (String, &'static str)> {
    if spec.annotations.contains_key("") {
        let what = "invalid Annotations: the empty string is not permitted as an annotation key";
        return Err((what.to_string(), "annotation"));
    }
    if !["", "runc", "io.containerd.runc.v2"].contains(&spec.runtime.as_str()) && !super::wasi::is_runtime(&spec.runtime) {
        return Err((format!("unknown or invalid runtime name: {}", spec.runtime), "runtime"));
    }
    if !["", "default"].contains(&spec.isolation.to_lowercase().as_str()) {
        return Err((format!("invalid isolation ({}): linux only supports 'default'", spec.isolation), "isolation"));
    }
    if !spec.storage_options.is_empty() {
        let what = "--storage-opt is supported only for overlay over xfs with 'pquota' mount option";
        return Err((what.to_string(), "storage-opt"));
    }
    Ok(())
}

/// `run` or `create`, for Docker's closing line.
pub(super) fn subcommand(context: &Context<'_>) -> &'static str {
    if matches!(context.invocation.command, crate::cli::Command::CreateContainer(_)) { "create" } else { "run" }
}

/// Docker's frame for what the daemon refuses on `run` and `create`; `flag` is the one to blame.
pub(super) fn refuse(context: &Context<'_>, what: &str, flag: Option<&str>) -> CommandError {
    let subcommand = subcommand(context);
    let frame = match subcommand {
        "run" => format!("docker: Error response from daemon: {what}\n\nRun 'docker run --help' for more information\n"),
        _ => format!("Error response from daemon: {what}\n"),
    };
    let exit_code = if subcommand == "run" { failure::exit_code_of(what) } else { 1 };
    let span = flag.and_then(|name| context.invocation.words.flag(name)).map(|used| used.span);
    CommandError { message: frame, exit_code, span }
}

fn check_limits(spec: &ContainerSpec, context: &Context<'_>) -> Result<(), CommandError> {
    limits::check(&spec.resources, context.host).map_err(|(what, flag)| refuse(context, &what, Some(flag)))
}

fn choose_name(spec: &ContainerSpec, context: &Context<'_>) -> Result<String, CommandError> {
    let Some(name) = &spec.name else { return Ok(names::fresh_name(&context.host.entropy, context.state)) };
    let name = name.strip_prefix('/').unwrap_or(name);
    if !names::is_valid(name) {
        let what = format!("Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
        return Err(refuse(context, &what, Some("name")));
    }
    match context.state.containers.values().find(|container| container.name == name) {
        None => Ok(name.to_string()),
        Some(taken) => {
            let what = format!(
                "Conflict. The container name \"/{name}\" is already in use by container \"{}\". You have to remove (or rename) that \
                 container to be able to reuse that name.",
                taken.id
            );
            Err(refuse(context, &what, Some("name")))
        }
    }
}

fn merge_process(
    spec: &ContainerSpec,
    image: &Image,
    id: &ContainerId,
    context: &Context<'_>,
) -> Result<ProcessConfig, CommandError> {
    let (entrypoint, cmd) = image.config.program(spec.entrypoint.as_deref(), &spec.arguments);
    if entrypoint.is_empty() && cmd.is_empty() {
        return Err(refuse(context, "no command specified", None));
    }
    let env = merged_env(&spec.env, &image.config.env, context.host);
    let cwd = spec.workdir.clone().unwrap_or_else(|| image.config.working_dir.clone());
    let cwd = if cwd.is_empty() { "/".to_string() } else { cwd };
    if !cwd.starts_with('/') {
        let what = format!("the working directory '{cwd}' is invalid, it needs to be an absolute path");
        return Err(refuse(context, &what, Some("workdir")));
    }
    let host_network = spec.network == NetworkMode::Host;
    let own_name = if host_network { context.host.hostname.clone() } else { id.short().to_string() };
    let mut labels = image.config.labels.clone();
    labels.extend(spec.labels.iter().map(|label| split_pair(label)));
    Ok(ProcessConfig {
        entrypoint,
        cmd,
        env,
        secrets: Vec::new(),
        cwd,
        user: spec.user.clone().unwrap_or_else(|| image.config.user.clone()),
        hostname: spec.hostname.clone().unwrap_or(own_name),
        domainname: spec.domainname.clone(),
        tty: spec.tty,
        open_stdin: spec.interactive,
        attach: spec.attach.clone(),
        stop_signal: spec.stop_signal.or_else(|| image.config.stop_signal.as_deref().and_then(crate::userland::Signal::parse)),
        stop_signal_word: context
            .invocation
            .words
            .flag("stop-signal")
            .map(|used| used.value.clone())
            .filter(|word| !word.is_empty())
            .or_else(|| image.config.stop_signal.clone())
            .unwrap_or_default(),
        stop_timeout_seconds: spec.stop_timeout_seconds,
        healthcheck: of_image::healthcheck(spec.healthcheck.as_ref(), image.config.healthcheck.as_ref()),
        labels,
        exposed_ports: spec.exposed_ports.iter().chain(image.config.exposed_ports.keys()).cloned().collect(),
    })
}

fn split_pair(text: &str) -> (String, String) {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    (name.to_string(), value.to_string())
}

/// The command's own variables, then those of the image that it does not name: as dockerd puts them together.
fn merged_env(own: &[String], of_image: &[String], host: &HostFacts) -> Vec<String> {
    let name = |entry: &String| entry.split_once('=').map_or(entry.as_str(), |(name, _)| name).to_string();
    let named: Vec<String> = own.iter().map(name).collect();
    let mut env = Vec::new();
    own.iter().for_each(|entry| set_env(&mut env, entry, host));
    env.extend(of_image.iter().filter(|entry| !named.contains(&name(entry))).cloned());
    env
}

/// Sets or replaces a variable. `NAME` alone takes it from the caller's environment, or removes it where the caller has none.
pub(super) fn set_env(env: &mut Vec<String>, entry: &str, host: &HostFacts) {
    let (name, value) = match entry.split_once('=') {
        Some((name, value)) => (name, Some(value.to_string())),
        None => (entry, host.environment.get(entry).cloned()),
    };
    let at = env.iter().position(|known| known.split_once('=').map_or(known.as_str(), |(known, _)| known) == name);
    match (value, at) {
        (Some(value), Some(at)) => env[at] = format!("{name}={value}"),
        (Some(value), None) => env.push(format!("{name}={value}")),
        (None, Some(at)) => {
            env.remove(at);
        }
        (None, None) => {}
    }
}

/// The ids that a user namespace which root makes has in common with the host: all that a Debian system gives to users.
const SAME_IDS: u32 = 65_536;

/// For whoever is not root, root inside is herself outside.
pub(super) fn own_ids(outside: u32, host: &HostFacts) -> Vec<IdMapLine> {
    if host.is_root() { Vec::new() } else { vec![IdMapLine { inside: 0, outside, count: 1 }] }
}

fn host_config(
    spec: &ContainerSpec,
    detached: bool,
    capabilities: capability::CapabilitySet,
    id: &ContainerId,
    context: &Context<'_>,
) -> HostConfig {
    let host = context.host;
    let map = |outside: u32| match (host.is_root(), spec.namespaces.user_own) {
        (true, true) => vec![IdMapLine { inside: 0, outside: 0, count: SAME_IDS }],
        _ => own_ids(outside, host),
    };
    let resources = limits::complete(&spec.resources, &host.cgroup);
    HostConfig {
        auto_remove: spec.auto_remove,
        log: super::logging::config(spec),
        detached,
        network: spec.network.clone(),
        namespaces: spec.namespaces.clone(),
        read_only: spec.read_only,
        init: spec.init,
        wasi: None,
        cgroups: cgroups(&resources, &spec.tuning.cgroup_parent, host, id),
        made_parents: super::cgroup_parent::made(&resources, &spec.tuning.cgroup_parent, context),
        resources,
        storage: spec.storage.clone(),
        annotations: spec.annotations.clone(),
        cid_file: cid_file::path(spec, host).unwrap_or_default(),
        volume_driver: spec.volume_driver.clone(),
        tuning: spec.tuning.clone(),
        publishing: spec.publishing.clone(),
        naming: spec.naming.clone(),
        confinement: spec.confinement.clone(),
        devices: super::device::resolve(spec, host),
        disks: super::block_io::disks(spec, host),
        cap_add: spec.cap_add.clone(),
        cap_drop: spec.cap_drop.clone(),
        capabilities,
        privileged: spec.privileged,
        no_new_privileges: spec.no_new_privileges,
        seccomp: host.seccomp && !spec.privileged && !spec.seccomp_unconfined,
        uid_map: map(host.uid),
        gid_map: map(host.gid),
        restart: spec.restart,
    }
}

/// The container's cgroup directories: one on v2, one per controller on v1.
pub(super) fn cgroups(resources: &Resources, parent: &str, host: &HostFacts, id: &ContainerId) -> Vec<(String, Vec<Controller>)> {
    let mut all: Vec<(String, Vec<Controller>)> = Vec::new();
    if host.cgroup.version == CgroupVersion::None {
        return all;
    }
    for controller in limits::controllers(resources) {
        let Some(tree) = host.cgroup.directory(controller) else { continue };
        let below = super::cgroup_parent::levels(tree, parent).pop().unwrap_or_else(|| tree.trim_end_matches('/').to_string());
        let directory = format!("{below}/glassbox-{}", id.short());
        match all.iter_mut().find(|(known, _)| *known == directory) {
            Some((_, controllers)) => controllers.push(controller),
            None => all.push((directory, vec![controller])),
        }
    }
    // No controller keeps devices there but a program, which only the machine's root may attach.
    if let (CgroupVersion::V2, Some((_, controllers))) = (host.cgroup.version, all.first_mut().filter(|_| host.is_root())) {
        controllers.push(Controller::Devices);
    }
    all
}

/// The layers that are not extracted yet.
pub(super) fn prepare_image(image: &str, context: &Context<'_>) -> Vec<Planned> {
    let layout = Layout::new(&context.host.data_root);
    let Some(found) = context.state.image(image) else { return Vec::new() };
    let missing = found.layers.iter().filter(|layer| !layer.extracted).cloned();
    missing
        .map(|layer| {
            let directory = layout.layer(&layer.diff_id);
            let blob = (!found.embedded).then(|| layout.blob(&layer.blob));
            let step = StoreStep::ExtractLayer { image: image.to_string(), diff_id: layer.diff_id, blob, directory, own: false };
            planned(Step::Store(step), origin::need("MountOverlay", "The overlay's lower directories are extracted layers."))
        })
        .collect()
}

/// Directories, files, specification, record.
pub(super) fn create(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let layout = Layout::new(&context.host.data_root);
    let id = &container.id;
    let overlay = || origin::need("MountOverlay", "An overlay needs a directory for changes, and one for the kernel.");
    let mut steps = Vec::new();
    for (path, mode, cause) in [
        (layout.container(id), 0o711, origin::command(context)),
        (layout.of(id, "upper"), 0o755, overlay()),
        (layout.of(id, "work"), 0o700, overlay()),
    ] {
        steps.push(planned(Step::Store(StoreStep::CreateDirectory { path, mode }), cause));
    }
    for (name, contents, cause) in files(container, context) {
        let path = layout.of(id, name);
        steps.push(planned(Step::Store(StoreStep::WriteFile { path, mode: 0o644, contents }), cause));
    }
    steps.extend(working_directory(container, context));
    steps.extend(storage::create_volumes(container, context));
    let record = StoreStep::RecordContainer { container: Box::new(container.clone()), path: layout.of(id, "state.json") };
    steps.push(planned(Step::Store(record), origin::command(context)));
    steps.extend(cid_file::write(container, context));
    steps
}

/// Before the volumes: what is copied into them has it, too.
fn working_directory(container: &Container, context: &Context<'_>) -> Option<Planned> {
    let path = container.process.cwd.clone();
    if storage::clean(&path) == "/" {
        return None;
    }
    let layout = Layout::new(&context.host.data_root);
    let layers = container.layers.iter().rev().map(|diff_id| layout.layer(diff_id)).collect();
    let (upper, merged) = (layout.of(&container.id, "upper"), layout.merged());
    let step = StoreStep::MakeWorkingDirectory { layers, upper, merged, path };
    let cause = origin::flag_or(context, container, "workdir", || origin::positional(context, "IMAGE"));
    Some(planned(Step::Store(step), cause))
}

fn files(container: &Container, context: &Context<'_>) -> Vec<(&'static str, String, super::Cause)> {
    let spec = runtime_spec::to_json(runtime_spec::runtime_spec(container, context.state, context.host));
    let spec_cause = origin::oci_default("A runtime is given a bundle with a config.json.", "bundle.md");
    let mut files = vec![("config.json", spec, spec_cause)];
    files.extend(network_files::all(container, context));
    files
}

/// The phases of `create` for this container.
pub(super) fn phases(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let image = image::familiar(&container.image);
    vec![
        planned(Step::Phase(Phase::PrepareImage { image }), origin::positional(context, "IMAGE")),
        planned(Step::Phase(Phase::CreateContainer { container: Box::new(container.clone()) }), origin::command(context)),
    ]
}
