//! `linux`: namespaces, id maps, limits, hidden paths, the system call filter.

use std::collections::BTreeMap;

use oci_spec::runtime::{
    Linux, LinuxBlockIo, LinuxCpu, LinuxDevice, LinuxDeviceBuilder, LinuxDeviceCgroup, LinuxDeviceCgroupBuilder, LinuxDeviceType,
    LinuxIdMapping, LinuxIdMappingBuilder, LinuxMemory, LinuxNamespace, LinuxNamespaceType, LinuxPids, LinuxResources,
    LinuxThrottleDevice, LinuxThrottleDeviceBuilder, LinuxTimeOffset, LinuxWeightDeviceBuilder,
};

use crate::cli::{BlockIo, DeviceNumber, Resources, TimeOffsets};
use crate::device::{self, Device, DeviceKind, DeviceRule};
use crate::host::{CgroupVersion, HostFacts};
use crate::model::{Container, HostConfig, IdMapLine, State};
use crate::oci::defaults;
use crate::plan::limits;
use crate::plan::namespaces::{Source, source};
use crate::plan::propagation::of_root;
use crate::plan::root::default_sysctls;
use crate::step::NamespaceKind;

pub(super) fn linux(container: &Container, state: &State, host: &HostFacts) -> Linux {
    let config = &container.host;
    let paths = |all: &[&str]| {
        (!config.privileged && !config.confinement.system_paths_unconfined)
            .then(|| all.iter().map(|path| (*path).to_string()).collect())
    };
    let mut linux = Linux::default();
    linux
        .set_uid_mappings(id_map(&config.uid_map))
        .set_gid_mappings(id_map(&config.gid_map))
        .set_resources((!config.cgroups.is_empty()).then(|| resources(config)))
        .set_cgroups_path(cgroups_path(container, host).map(Into::into))
        .set_namespaces(Some(namespaces(container, state)))
        .set_time_offsets(time_offsets(config.namespaces.time))
        .set_sysctl(Some(sysctls(container)).filter(|all| !all.is_empty()).map(|all| all.into_iter().collect()))
        .set_seccomp(crate::plan::seccomp_profile(config, host))
        .set_devices(devices(config))
        .set_rootfs_propagation(Some(of_root(container).unwrap_or_default().word().to_string()))
        .set_masked_paths(paths(defaults::MASKED_PATHS))
        .set_readonly_paths(paths(defaults::READONLY_PATHS));
    linux
}

/// Those that were asked for, and the domain name, which Docker hands on this way.
fn sysctls(container: &Container) -> BTreeMap<String, String> {
    let domain = Some(&container.process.domainname).filter(|name| !name.is_empty());
    let domain = domain.map(|name| (crate::sysctl::DOMAIN_NAME.to_string(), name.clone()));
    let defaults = default_sysctls(container).map(|(name, value, _)| (name.to_string(), value.to_string()));
    defaults.chain(container.host.tuning.sysctls.clone()).chain(domain).collect()
}

fn devices(config: &HostConfig) -> Option<Vec<LinuxDevice>> {
    let of = |device: &Device| {
        let kind = if device.kind == DeviceKind::Char { LinuxDeviceType::C } else { LinuxDeviceType::B };
        let builder = LinuxDeviceBuilder::default().path(&device.path).typ(kind).major(i64::from(device.major));
        builder.minor(i64::from(device.minor)).file_mode(device.mode).uid(device.uid).gid(device.gid).build().ok()
    };
    (!config.devices.is_empty()).then(|| config.devices.iter().filter_map(of).collect())
}

/// What no rule allows is refused: the first rule, as Docker writes it.
fn device_rules(config: &HostConfig) -> Vec<LinuxDeviceCgroup> {
    let none = LinuxDeviceCgroupBuilder::default().allow(config.privileged).access("rwm").build().ok();
    let kind = |rule: &DeviceRule| match rule.kind {
        None => LinuxDeviceType::A,
        Some(DeviceKind::Char) => LinuxDeviceType::C,
        Some(DeviceKind::Block) => LinuxDeviceType::B,
    };
    let of = |rule: &DeviceRule| {
        let mut made = LinuxDeviceCgroup::default();
        made.set_allow(true).set_typ(Some(kind(rule))).set_access(Some(rule.access.clone()));
        made.set_major(rule.major.map(i64::from)).set_minor(rule.minor.map(i64::from));
        made
    };
    let rules = if config.privileged { Vec::new() } else { device::rules(&config.devices, &config.confinement.device_rules) };
    none.into_iter().chain(rules.iter().map(of)).collect()
}

/// By clock, in whatever map the specification's type has: the text is sorted when it is written.
fn time_offsets<M: FromIterator<(String, LinuxTimeOffset)>>(offsets: TimeOffsets) -> Option<M> {
    let of = |(clock, seconds, nanoseconds): (&str, i64, i64)| {
        let mut offset = LinuxTimeOffset::default();
        offset.set_secs(Some(seconds)).set_nanosecs(u32::try_from(nanoseconds).ok());
        (clock.to_string(), offset)
    };
    (offsets != TimeOffsets::default()).then(|| offsets.parts().into_iter().map(of).collect())
}

fn id_map(lines: &[IdMapLine]) -> Option<Vec<LinuxIdMapping>> {
    let of = |line: &IdMapLine| {
        LinuxIdMappingBuilder::default().container_id(line.inside).host_id(line.outside).size(line.count).build().ok()
    };
    (!lines.is_empty()).then(|| lines.iter().filter_map(of).collect())
}

fn resources(config: &HostConfig) -> LinuxResources {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let asked = &config.resources;
    let mut resources = LinuxResources::default();
    resources.set_devices(Some(device_rules(config)));
    let memory = memory(asked);
    resources.set_memory((memory != LinuxMemory::default()).then_some(memory));
    if let Some(most) = asked.pids_max.filter(|most| *most > 0) {
        let mut pids = LinuxPids::default();
        pids.set_limit(most);
        resources.set_pids(Some(pids));
    }
    let mut cpu = LinuxCpu::default();
    if let Some((quota, period)) = limits::quota(asked) {
        cpu.set_quota(quota.map(signed)).set_period(Some(period));
    }
    cpu.set_shares(Some(asked.cpu_shares).filter(|shares| *shares > 0));
    cpu.set_cpus(filled(&asked.cpuset_cpus)).set_mems(filled(&asked.cpuset_mems));
    resources.set_cpu((cpu != LinuxCpu::default()).then_some(cpu));
    resources.set_block_io((asked.block_io != BlockIo::default()).then(|| block_io(config)));
    resources
}

/// The numbers are those of runc and v1: a runtime makes v2's of them.
fn block_io(config: &HostConfig) -> LinuxBlockIo {
    let asked = &config.resources.block_io;
    let numbers = |device: &str| config.disks.get(device).map_or((0, 0), |(major, minor)| (i64::from(*major), i64::from(*minor)));
    let rates = |all: &[DeviceNumber]| -> Option<Vec<LinuxThrottleDevice>> {
        let of = |rate: &DeviceNumber| {
            let (major, minor) = numbers(&rate.device);
            LinuxThrottleDeviceBuilder::default().major(major).minor(minor).rate(rate.number).build().ok()
        };
        (!all.is_empty()).then(|| all.iter().filter_map(of).collect())
    };
    let weight = |number: u64| u16::try_from(number).ok().filter(|weight| *weight > 0);
    let weights = asked.weight_device.iter().filter_map(|disk| {
        let (major, minor) = numbers(&disk.device);
        LinuxWeightDeviceBuilder::default().major(major).minor(minor).weight(weight(disk.number)?).build().ok()
    });
    let mut block = LinuxBlockIo::default();
    block.set_weight(weight(asked.weight));
    block.set_weight_device((!asked.weight_device.is_empty()).then(|| weights.collect()));
    block.set_throttle_read_bps_device(rates(&asked.read_bps)).set_throttle_write_bps_device(rates(&asked.write_bps));
    block.set_throttle_read_iops_device(rates(&asked.read_iops)).set_throttle_write_iops_device(rates(&asked.write_iops));
    block
}

fn memory(asked: &Resources) -> LinuxMemory {
    let bytes = |number: u64| i64::try_from(number).ok().filter(|number| *number > 0);
    let mut memory = LinuxMemory::default();
    memory.set_limit(bytes(asked.memory_bytes_max)).set_reservation(bytes(asked.memory_reservation_bytes));
    memory.set_swap(Some(asked.memory_swap_bytes_max).filter(|swap| *swap != 0)).set_swappiness(asked.memory_swappiness);
    memory
}

fn filled(text: &str) -> Option<String> {
    Some(text.to_string()).filter(|text| !text.is_empty())
}

/// Relative to where cgroups are mounted, though it begins with a slash: config-linux.md, "Cgroups Path".
fn cgroups_path(container: &Container, host: &HostFacts) -> Option<String> {
    let (directory, _) = container.host.cgroups.first()?;
    let below = directory.strip_prefix("/sys/fs/cgroup").unwrap_or(directory);
    if host.cgroup.version == CgroupVersion::V2 {
        return Some(below.to_string());
    }
    // v1: below the directory of the controller.
    below.trim_start_matches('/').split_once('/').map(|(_, rest)| format!("/{rest}"))
}

/// Those that it does not share with the host. One that is joined has the path by which it can be found as long as its container runs.
fn namespaces(container: &Container, state: &State) -> Vec<LinuxNamespace> {
    let of = |kind: NamespaceKind| {
        let mut namespace = LinuxNamespace::default();
        namespace.set_typ(kind_of(kind));
        match source(container, kind) {
            Source::Host => return None,
            Source::New => {}
            Source::Of(name) => {
                let pid = state.container(name).ok().and_then(|donor| donor.state.pid);
                namespace.set_path(pid.map(|pid| format!("/proc/{pid}/ns/{}", kind.file()).into()));
            }
        }
        Some(namespace)
    };
    NamespaceKind::ALL.into_iter().filter_map(of).collect()
}

fn kind_of(kind: NamespaceKind) -> LinuxNamespaceType {
    match kind {
        NamespaceKind::User => LinuxNamespaceType::User,
        NamespaceKind::Pid => LinuxNamespaceType::Pid,
        NamespaceKind::Mount => LinuxNamespaceType::Mount,
        NamespaceKind::Uts => LinuxNamespaceType::Uts,
        NamespaceKind::Ipc => LinuxNamespaceType::Ipc,
        NamespaceKind::Network => LinuxNamespaceType::Network,
        NamespaceKind::Cgroup => LinuxNamespaceType::Cgroup,
        NamespaceKind::Time => LinuxNamespaceType::Time,
    }
}
