//! The container's root file system: mounts, devices, the new root, and what is hidden in it.

use super::namespaces::{self, Source, source};
use super::origin::{self, docker_default, need, oci_default, planned};
use super::{Context, Planned, storage};
use crate::cli::IpcMode;
use crate::device::DeviceKind;
use crate::host::CgroupVersion;
use crate::layout::Layout;
use crate::model::Container;
use crate::oci::defaults::{self, DefaultMount};
use crate::step::{MountFlags, MountStep, NamespaceKind, ProcessStep, Step};

/// Everything up to the moment at which the container's root is `/`.
pub(super) fn build(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let layout = Layout::new(&context.host.data_root);
    let root = layout.merged();
    let private =
        need("MountOverlay", "Mounts of a new namespace still spread to the host wherever it shares them (mount_namespaces(7)).");
    let mut steps = storage::copied_trees(container, context);
    steps.extend([planned(Step::Mount(MountStep::MakeMountsPrivate), private), overlay(container, context, &layout)]);
    steps.extend(filesystems(container, context, &root));
    steps.extend(devices(container, &root, context));
    steps.extend(super::device::nodes(container, context, &root));
    steps.extend(files(container, context, &layout, &root));
    let pivot = oci_default("root.path becomes the root directory.", "config.md#root");
    steps.push(planned(Step::Mount(MountStep::PivotRoot { new_root: root }), pivot));
    let detach = need("PivotRoot", "As long as the old root is mounted, the host's files can be reached through it.");
    steps.push(planned(Step::Mount(MountStep::DetachOldRoot), detach));
    steps.extend(finish(container, context));
    steps
}

pub(super) fn overlay(container: &Container, context: &Context<'_>, layout: &Layout<'_>) -> Planned {
    let step = MountStep::MountOverlay {
        lower_dirs: container.layers.iter().rev().map(|diff_id| layout.layer(diff_id)).collect(),
        upper_dir: layout.of(&container.id, "upper"),
        work_dir: layout.of(&container.id, "work"),
        merged_dir: layout.merged(),
        user_xattr: !container.host.uid_map.is_empty(),
        volatile: container.host.auto_remove,
    };
    planned(Step::Mount(step), origin::positional(context, "IMAGE"))
}

/// proc, dev, devpts, sys, cgroup, mqueue, shm.
fn filesystems(container: &Container, context: &Context<'_>, root: &str) -> Vec<Planned> {
    let rootless = !container.host.uid_map.is_empty();
    let v2 = context.host.cgroup.version == CgroupVersion::V2 && !container.host.cgroups.is_empty();
    let mut steps = Vec::new();
    for mount in defaults::mounts() {
        // What the command mounts takes the place of a default.
        if mount.fs_type == "cgroup2" && !v2 || container.mounts.iter().any(|point| point.target == mount.target) {
            continue;
        }
        let target = format!("{root}{}", mount.target);
        let cause = oci_default("The file systems that every Linux program expects.", "config-linux.md#default-filesystems");
        let writable = container.host.confinement.writable_cgroups && mount.fs_type == "cgroup2";
        let read_only = mount.flags.read_only && !container.host.privileged && !writable;
        let flags = MountFlags { read_only, ..mount.flags };
        match origin_of(mount, container) {
            MountOrigin::Left => continue,
            MountOrigin::Host => {
                let step = MountStep::BindMount { source: mount.target.into(), target, recursive: true, flags, top_only: false };
                steps.push(planned(Step::Mount(step), cause));
                continue;
            }
            MountOrigin::Of(name) => {
                let id = namespaces::id_of(name, context.state);
                let step = MountStep::ShareMount { id, path: mount.target.into(), target, read_only: None };
                steps.push(planned(Step::Mount(step), origin::flag_or(context, container, "ipc", || cause)));
                continue;
            }
            MountOrigin::Kernel => {}
        }
        let data = defaults::data(mount, container.host.tuning.shm_bytes);
        let data = if rootless { without_gid(&data) } else { data };
        let cause = if mount.target == "/dev/shm" { origin::flag_or(context, container, "shm-size", || cause) } else { cause };
        let step = MountStep::MountFilesystem { fs_type: mount.fs_type.into(), source: mount.source.into(), target, flags, data };
        steps.push(planned(Step::Mount(step), cause));
    }
    steps
}

/// Where one of the default file systems comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MountOrigin<'a> {
    /// The kernel makes it.
    Kernel,
    /// The host's is bound.
    Host,
    /// That of another container.
    Of(&'a str),
    /// It is left out.
    Left,
}

/// /dev/shm goes with the IPC namespace. What shows a namespace of the host's can be mounted only by who owns that: an ordinary user has
/// the host's bound instead.
pub(crate) fn origin_of<'a>(mount: &DefaultMount, container: &'a Container) -> MountOrigin<'a> {
    let rootless = !container.host.uid_map.is_empty();
    let shown = match mount.fs_type {
        "sysfs" => NamespaceKind::Network,
        "proc" => NamespaceKind::Pid,
        "mqueue" => NamespaceKind::Ipc,
        "cgroup2" => NamespaceKind::Cgroup,
        _ if mount.target == "/dev/shm" => {
            return match &container.host.namespaces.ipc {
                IpcMode::Private | IpcMode::Shareable => MountOrigin::Kernel,
                IpcMode::None => MountOrigin::Left,
                IpcMode::Host => MountOrigin::Host,
                IpcMode::Container(name) => MountOrigin::Of(name),
            };
        }
        _ => return MountOrigin::Kernel,
    };
    if rootless && source(container, shown) == Source::Host { MountOrigin::Host } else { MountOrigin::Kernel }
}

/// Mount options without `gid=`: an id that is not mapped cannot be named in a user namespace.
fn without_gid(data: &str) -> String {
    data.split(',').filter(|option| !option.starts_with("gid=")).collect::<Vec<_>>().join(",")
}

/// Device nodes (bind mounts of the host's for an ordinary user, who may not make any) and the usual links.
fn devices(container: &Container, root: &str, context: &Context<'_>) -> Vec<Planned> {
    let rootless = !container.host.uid_map.is_empty();
    let cause = || oci_default("Default devices and links in /dev.", "config-linux.md#default-devices");
    let mut steps = Vec::new();
    // A directory put over /dev keeps what it has, as with runc.
    if container.mounts.iter().any(|point| point.target == "/dev") {
        return steps;
    }
    for device in defaults::device_nodes() {
        let path = format!("{root}{}", device.path);
        let step = if rootless {
            plain_bind(device.path.into(), path)
        } else {
            MountStep::MakeDeviceNode {
                path,
                kind: DeviceKind::Char,
                major: device.major,
                minor: device.minor,
                mode: device.mode,
                owner: (0, 0),
            }
        };
        steps.push(planned(Step::Mount(step), cause()));
    }
    // runc makes /dev/core only where there is something behind it.
    let is_there = |target: &str| target != "/proc/kcore" || context.host.guarded_paths.contains_key(target);
    for (path, target) in defaults::device_links().iter().filter(|(_, target)| is_there(target)) {
        let step = MountStep::MakeSymlink { target: (*target).into(), path: format!("{root}{path}") };
        steps.push(planned(Step::Mount(step), cause()));
    }
    steps
}

/// One file of the host, as it is.
pub(super) fn plain_bind(source: String, target: String) -> MountStep {
    MountStep::BindMount { source, target, recursive: false, flags: MountFlags::default(), top_only: false }
}

/// hostname, hosts, resolv.conf, what the command mounts, and the init program.
fn files(container: &Container, context: &Context<'_>, layout: &Layout<'_>, root: &str) -> Vec<Planned> {
    let bind = |source: String, name: &str| plain_bind(source, format!("{root}{name}"));
    let mut steps = Vec::new();
    for part in storage::parts(container) {
        match part {
            storage::Part::Point(point) => steps.extend(storage::root_mounts(point, root, container, context)),
            storage::Part::File(name) => {
                let cause = docker_default("Docker manages these three files.", "engine/network/#dns-services");
                let owner = namespaces::networked(container, context.state).unwrap_or(container);
                steps.push(planned(Step::Mount(bind(layout.of(&owner.id, name), &format!("/etc/{name}"))), cause));
            }
        }
    }
    if let Some(runtime) = &container.host.wasi {
        let cause =
            origin::need("ExecProgram", "execve(2) runs no WebAssembly module: a runtime that the host has compiles and runs it.");
        steps.push(planned(Step::Mount(bind(runtime.program.clone(), crate::wasi::RUNTIME)), cause));
    }
    if container.host.init {
        let toolbox = context.state.embedded_image().and_then(|image| image.layers.first());
        if let Some(layer) = toolbox {
            let source = format!("{}/bin/toolbox", layout.layer(&layer.diff_id));
            let cause = origin::flag_or(context, container, "init", || origin::command(context));
            steps.push(planned(Step::Mount(bind(source, "/sbin/docker-init")), cause));
        }
    }
    steps
}

/// The working directory and the terminal, while the root can still be written.
fn finish(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let path = container.process.cwd.clone();
    let default = || docker_default("WORKDIR of the image, else `/`.", "reference/dockerfile/#workdir");
    let cause = origin::flag_or(context, container, "workdir", default);
    let mut steps = vec![planned(Step::Process(ProcessStep::ChangeDirectory { path, make: true }), cause)];
    if !container.process.domainname.is_empty() {
        // dockerd has no other way to say it to a runtime than the setting.
        let (name, value) = (crate::sysctl::DOMAIN_NAME.to_string(), container.process.domainname.clone());
        let cause = origin::flag_or(context, container, "domainname", || origin::command(context));
        steps.push(planned(Step::Process(ProcessStep::SetSysctl { name, value }), cause));
    }
    // Before /proc/sys is made read-only.
    steps.extend(default_sysctls(container).map(|(name, value, why)| {
        let cause = docker_default(why, "engine/release-notes/20.10/#20100");
        planned(Step::Process(ProcessStep::SetSysctl { name: name.to_string(), value: value.to_string() }), cause)
    }));
    steps.extend(container.host.tuning.sysctls.iter().map(|(name, value)| {
        let cause = origin::use_of(context, container, "sysctl", &format!("{name}={value}"));
        planned(Step::Process(ProcessStep::SetSysctl { name: name.clone(), value: value.clone() }), cause)
    }));
    if container.process.tty {
        let cause = origin::flag_or(context, container, "tty", || origin::command(context));
        steps.push(planned(Step::Process(terminal(context)), cause));
    }
    steps
}

/// Those of [`crate::sysctl::DEFAULTS`] that the container gets: name, value, and what it is for.
pub(crate) fn default_sysctls(container: &Container) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let own_network = source(container, NamespaceKind::Network) == Source::New;
    let own_users = source(container, NamespaceKind::User) != Source::Host;
    let asked = &container.host.tuning.sysctls;
    let given = crate::sysctl::DEFAULTS
        .iter()
        .filter(move |(name, _, groups, _)| own_network && !(*groups && own_users) && !asked.contains_key(*name));
    given.map(|(name, value, _, why)| (*name, *value, *why))
}

/// A terminal of the size of the caller's.
pub(super) fn terminal(context: &Context<'_>) -> ProcessStep {
    let (rows, columns) = context.host.terminal.unwrap_or((24, 80));
    ProcessStep::OpenTerminal { rows, columns }
}

/// Masked paths, read-only paths, read-only root.
pub(super) fn hide_paths(container: &Container, context: &Context<'_>) -> Vec<Planned> {
    let mut steps = Vec::new();
    if !container.host.privileged && !container.host.confinement.system_paths_unconfined {
        for path in defaults::MASKED_PATHS {
            let cause = oci_default(
                "linux.maskedPaths, Docker's list: they tell of or act on the whole host.",
                "config-linux.md#masked-paths",
            );
            steps.push(planned(Step::Mount(MountStep::MaskPath { path: (*path).into() }), cause));
        }
        for path in defaults::READONLY_PATHS {
            let cause = oci_default("linux.readonlyPaths, Docker's list.", "config-linux.md#readonly-paths");
            steps.push(planned(Step::Mount(MountStep::MakePathReadOnly { path: (*path).into() }), cause));
        }
    }
    if container.host.read_only {
        let cause = origin::flag_or(context, container, "read-only", || origin::command(context));
        steps.push(planned(Step::Mount(MountStep::MakeRootReadOnly), cause));
    }
    steps
}
