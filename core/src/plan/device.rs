//! The devices of a container: which of the host's it gets, the nodes, and the rules of the device cgroup.

use std::collections::BTreeSet;

use super::origin::{self, docker_default, planned};
use super::{CommandError, Context, Planned, create};
use crate::cli::{Command, ContainerSpec, DeviceMapping, Invocation};
use crate::device::{self, Device};
use crate::host::{CgroupVersion, Controller, HostFacts, SourceKind};
use crate::model::Container;
use crate::oci::defaults;
use crate::step::{CgroupStep, MountStep, Step};

/// Where a privileged container's devices come from.
const DEV: &str = "/dev";

/// The paths of the host at which a command wants devices, and what is below them: [`HostFacts::devices`].
pub(super) fn named_devices(invocation: &Invocation) -> BTreeSet<String> {
    let spec = match &invocation.command {
        Command::RunContainer(run) => &run.spec,
        Command::CreateContainer(spec) => spec,
        _ => return BTreeSet::new(),
    };
    let all = spec.privileged.then(|| DEV.to_string());
    let disks = spec.resources.block_io.devices().map(str::to_string);
    all.into_iter().chain(spec.confinement.devices.iter().map(|device| device.host.clone())).chain(disks).collect()
}

/// dockerd's refusal of a device that the host does not have.
pub(super) fn check(spec: &ContainerSpec, context: &Context<'_>) -> Result<(), CommandError> {
    for mapping in spec.confinement.devices.iter().filter(|_| !spec.privileged) {
        if found(mapping, context.host).next().is_some() {
            continue;
        }
        let why = match context.host.sources.get(&mapping.host) {
            None => "no such file or directory",
            Some(SourceKind::Directory | SourceKind::File) => "not a device node",
        };
        let what = format!("error gathering device information while adding custom device \"{}\": {why}", mapping.host);
        return Err(create::refuse(context, &what, Some("device")));
    }
    Ok(())
}

/// The device itself, or all below the directory.
fn found<'a>(mapping: &'a DeviceMapping, host: &'a HostFacts) -> impl Iterator<Item = Device> + 'a {
    host.devices.iter().filter_map(move |device| {
        let rest = device.host.strip_prefix(mapping.host.trim_end_matches('/'))?;
        let inside = rest.is_empty() || rest.starts_with('/');
        let path = format!("{}{rest}", mapping.container.trim_end_matches('/'));
        inside.then(|| Device { path, permissions: mapping.permissions.clone(), ..device.clone() })
    })
}

/// What the container gets besides the default ones: all of the host's if it is privileged, else those that were named.
pub(super) fn resolve(spec: &ContainerSpec, host: &HostFacts) -> Vec<Device> {
    let whole = DeviceMapping { host: DEV.into(), container: DEV.into(), permissions: "rwm".into() };
    let mappings = if spec.privileged { std::slice::from_ref(&whole) } else { spec.confinement.devices.as_slice() };
    let default = |device: &Device| {
        let linked = defaults::device_links().iter().any(|(path, _)| *path == device.path);
        linked || defaults::device_nodes().iter().any(|known| known.path == device.path)
    };
    let mut all: Vec<Device> = Vec::new();
    for device in mappings.iter().flat_map(|mapping| found(mapping, host)) {
        all.retain(|known| known.path != device.path);
        all.push(device);
    }
    all.retain(|device| !default(device));
    all
}

/// The nodes; an ordinary user, who may make none, gets the host's own.
pub(super) fn nodes(container: &Container, context: &Context<'_>, root: &str) -> Vec<Planned> {
    let rootless = !container.host.uid_map.is_empty();
    let node = |device: &Device| {
        let path = format!("{root}{}", device.path);
        let step = if rootless {
            super::root::plain_bind(device.host.clone(), path)
        } else {
            let Device { kind, major, minor, mode, uid, gid, .. } = *device;
            MountStep::MakeDeviceNode { path, kind, major, minor, mode, owner: (uid, gid) }
        };
        let flag = if container.host.privileged { "privileged" } else { "device" };
        planned(Step::Mount(step), origin::flag_or(context, container, flag, || origin::command(context)))
    };
    container.host.devices.iter().map(node).collect()
}

/// The rules, where there is a device cgroup and anything is refused.
pub(super) fn rules(container: &Container, context: &Context<'_>) -> Option<Planned> {
    if container.host.privileged {
        return None;
    }
    let rules = device::rules(&container.host.devices, &container.host.confinement.device_rules);
    let (directory, _) = container.host.cgroups.iter().find(|(_, controllers)| controllers.contains(&Controller::Devices))?;
    let program = context.host.cgroup.version == CgroupVersion::V2;
    let step = CgroupStep::RestrictDevices { directory: directory.clone(), rules, program };
    let cause = ["device", "device-cgroup-rule"].iter().find_map(|name| origin::flag(context, container, name));
    let default =
        || docker_default("A container may use a dozen devices that do no harm.", "engine/containers/run/#runtime-privilege");
    Some(planned(Step::Cgroup(step), cause.unwrap_or_else(default)))
}
