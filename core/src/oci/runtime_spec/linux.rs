//! `linux`: namespaces, id maps, limits, hidden paths, the system call filter.

use oci_spec::runtime::{
    Linux, LinuxCpu, LinuxIdMapping, LinuxIdMappingBuilder, LinuxMemory, LinuxNamespace, LinuxNamespaceType, LinuxPids,
    LinuxResources,
};

use crate::cli::NetworkMode;
use crate::host::{CgroupVersion, HostFacts};
use crate::model::{Container, HostConfig, IdMapLine};
use crate::oci::{defaults, seccomp};

/// The period of Docker's processor quota, microseconds.
const CPU_PERIOD_US: u64 = 100_000;

pub(super) fn linux(container: &Container, host: &HostFacts) -> Linux {
    let config = &container.host;
    let paths = |all: &[&str]| (!config.privileged).then(|| all.iter().map(|path| (*path).to_string()).collect());
    let mut linux = Linux::default();
    linux
        .set_uid_mappings(id_map(&config.uid_map))
        .set_gid_mappings(id_map(&config.gid_map))
        .set_resources((!config.cgroups.is_empty()).then(|| resources(config)))
        .set_cgroups_path(cgroups_path(container, host).map(Into::into))
        .set_namespaces(Some(namespaces(container)))
        .set_seccomp(config.seccomp.then(|| seccomp::default_profile(&config.capabilities)))
        .set_rootfs_propagation(Some("rprivate".to_string()))
        .set_masked_paths(paths(defaults::MASKED_PATHS))
        .set_readonly_paths(paths(defaults::READONLY_PATHS));
    linux
}

fn id_map(lines: &[IdMapLine]) -> Option<Vec<LinuxIdMapping>> {
    let of = |line: &IdMapLine| {
        LinuxIdMappingBuilder::default().container_id(line.inside).host_id(line.outside).size(line.count).build().ok()
    };
    (!lines.is_empty()).then(|| lines.iter().filter_map(of).collect())
}

fn resources(config: &HostConfig) -> LinuxResources {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let mut resources = LinuxResources::default();
    if config.memory_bytes_max > 0 {
        let mut memory = LinuxMemory::default();
        memory.set_limit(Some(signed(config.memory_bytes_max)));
        resources.set_memory(Some(memory));
    }
    if let Some(most) = config.pids_max {
        let mut pids = LinuxPids::default();
        pids.set_limit(signed(most));
        resources.set_pids(Some(pids));
    }
    if config.nano_cpus > 0 {
        let mut cpu = LinuxCpu::default();
        cpu.set_quota(Some(signed(config.nano_cpus * CPU_PERIOD_US / 1_000_000_000)));
        cpu.set_period(Some(CPU_PERIOD_US));
        resources.set_cpu(Some(cpu));
    }
    resources
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

fn namespaces(container: &Container) -> Vec<LinuxNamespace> {
    let config = &container.host;
    let wanted = [
        (!config.uid_map.is_empty(), LinuxNamespaceType::User),
        (true, LinuxNamespaceType::Pid),
        (true, LinuxNamespaceType::Mount),
        (true, LinuxNamespaceType::Uts),
        (true, LinuxNamespaceType::Ipc),
        (config.network != NetworkMode::Host, LinuxNamespaceType::Network),
        (crate::plan::has_cgroup_namespace(container), LinuxNamespaceType::Cgroup),
    ];
    let of = |kind: LinuxNamespaceType| {
        let mut namespace = LinuxNamespace::default();
        namespace.set_typ(kind);
        namespace
    };
    wanted.into_iter().filter(|(wanted, _)| *wanted).map(|(_, kind)| of(kind)).collect()
}
