//! Lowering: a container's record to the OCI runtime specification, the `config.json` that any OCI runtime takes.
//!
//! Source: the OCI runtime specification 1.2, config.md and config-linux.md; values as dockerd 28 fills them in.

use oci_spec::OciSpecError;
use oci_spec::runtime::{
    Capabilities, Capability as OciCapability, Linux, LinuxBuilder, LinuxCapabilitiesBuilder, LinuxCpuBuilder, LinuxIdMapping,
    LinuxIdMappingBuilder, LinuxMemoryBuilder, LinuxNamespace, LinuxNamespaceBuilder, LinuxNamespaceType, LinuxPidsBuilder,
    LinuxResources, LinuxResourcesBuilder, Mount, MountBuilder, Process, ProcessBuilder, RootBuilder, Spec, SpecBuilder,
    UserBuilder,
};

use super::{defaults, seccomp};
use crate::cli::NetworkMode;
use crate::host::{CgroupVersion, HostFacts};
use crate::layout::Layout;
use crate::model::{Container, HostConfig, IdMapLine};
use crate::step::MountFlags;

/// The period of the processor quota, microseconds.
const CPU_PERIOD_US: u64 = 100_000;

/// The specification, indented, with its newline; `env` is the environment as the program gets it.
pub fn to_json(container: &Container, env: &[String], host: &HostFacts) -> String {
    match runtime_spec(container, env, host) {
        Ok(spec) => serde_json::to_string_pretty(&spec).unwrap_or_default() + "\n",
        // A builder refuses only a missing field, and every field is given above.
        Err(error) => format!("{{\"error\": {:?}}}\n", error.to_string()),
    }
}

/// The specification of a container.
pub fn runtime_spec(container: &Container, env: &[String], host: &HostFacts) -> Result<Spec, OciSpecError> {
    let layout = Layout::new(&host.data_root);
    let root = RootBuilder::default().path(layout.of(&container.id, "merged")).readonly(container.host.read_only).build()?;
    SpecBuilder::default()
        .version("1.2.0")
        .root(root)
        .hostname(container.process.hostname.clone())
        .process(process(container, env)?)
        .mounts(mounts(container, host)?)
        .linux(linux(container, host)?)
        .build()
}

fn process(container: &Container, env: &[String]) -> Result<Process, OciSpecError> {
    let ids = container.process.user.split_once(':').unwrap_or((&container.process.user, ""));
    let id = |text: &str| text.parse::<u32>().unwrap_or(0);
    let (uid, gid) = (id(ids.0), id(ids.1));
    let mut user = UserBuilder::default().uid(uid).gid(gid);
    if !container.process.user.is_empty() && ids.0.parse::<u32>().is_err() {
        user = user.username(ids.0.to_string());
    }
    let given: Capabilities = container.host.capabilities.iter().filter_map(|known| oci_capability(known.name())).collect();
    let none = Capabilities::default;
    let capabilities = LinuxCapabilitiesBuilder::default()
        .bounding(given.clone())
        .effective(given.clone())
        .permitted(given)
        .inheritable(none())
        .ambient(none())
        .build()?;
    ProcessBuilder::default()
        .terminal(container.process.tty)
        .user(user.build()?)
        .args(container.process.argv())
        .env(env.to_vec())
        .cwd(container.process.cwd.clone())
        .capabilities(capabilities)
        .rlimits(Vec::new())
        .no_new_privileges(container.host.no_new_privileges)
        .build()
}

fn oci_capability(name: &str) -> Option<OciCapability> {
    serde_json::from_value(serde_json::Value::String(name.to_string())).ok()
}

fn mounts(container: &Container, host: &HostFacts) -> Result<Vec<Mount>, OciSpecError> {
    let layout = Layout::new(&host.data_root);
    let v2 = host.cgroup.version == CgroupVersion::V2 && !container.host.cgroups.is_empty();
    let mut all = Vec::new();
    for mount in defaults::mounts().iter().filter(|mount| mount.fs_type != "cgroup2" || v2) {
        let read_only = mount.flags.read_only && !container.host.privileged;
        let mut options = words(MountFlags { read_only, ..mount.flags });
        options.extend(mount.data.split(',').filter(|word| !word.is_empty()).map(str::to_string));
        let fs_type = if mount.fs_type == "cgroup2" { "cgroup" } else { mount.fs_type };
        let built = MountBuilder::default().destination(mount.target).typ(fs_type).source(mount.source).options(options).build()?;
        all.push(built);
    }
    for name in ["resolv.conf", "hostname", "hosts"] {
        let target = format!("/etc/{name}");
        let of_host = container.host.network == NetworkMode::Host && name != "hostname";
        let source = if of_host { target.clone() } else { layout.of(&container.id, name) };
        let options = vec!["bind".to_string(), "rprivate".to_string()];
        all.push(MountBuilder::default().destination(target).typ("bind").source(source).options(options).build()?);
    }
    Ok(all)
}

/// Flags as mount(8) words them.
fn words(flags: MountFlags) -> Vec<String> {
    flags
        .names()
        .into_iter()
        .map(|name| if name == "MS_RDONLY" { "ro".to_string() } else { name.trim_start_matches("MS_").to_lowercase() })
        .collect()
}

fn linux(container: &Container, host: &HostFacts) -> Result<Linux, OciSpecError> {
    let privileged = container.host.privileged;
    let hidden = |paths: &[&str]| -> Vec<String> {
        if privileged { Vec::new() } else { paths.iter().map(|path| (*path).to_string()).collect() }
    };
    let mut linux = LinuxBuilder::default()
        .namespaces(namespaces(container)?)
        .resources(resources(&container.host)?)
        .masked_paths(hidden(defaults::MASKED_PATHS))
        .readonly_paths(hidden(defaults::READONLY_PATHS));
    if let Some((directory, _)) = container.host.cgroups.first() {
        let root = host.cgroup.controllers.first().map_or("", |mount| mount.directory.as_str());
        linux = linux.cgroups_path(directory.trim_start_matches(root).to_string());
    }
    if !container.host.uid_map.is_empty() {
        linux = linux.uid_mappings(id_map(&container.host.uid_map)?).gid_mappings(id_map(&container.host.gid_map)?);
    }
    if container.host.seccomp {
        linux = linux.seccomp(seccomp::default_profile(&container.host.capabilities));
    }
    linux.build()
}

fn id_map(lines: &[IdMapLine]) -> Result<Vec<LinuxIdMapping>, OciSpecError> {
    let line = |line: &IdMapLine| {
        LinuxIdMappingBuilder::default().container_id(line.inside).host_id(line.outside).size(line.count).build()
    };
    lines.iter().map(line).collect()
}

fn namespaces(container: &Container) -> Result<Vec<LinuxNamespace>, OciSpecError> {
    let mut kinds = vec![LinuxNamespaceType::Pid, LinuxNamespaceType::Mount, LinuxNamespaceType::Uts, LinuxNamespaceType::Ipc];
    if container.host.network != NetworkMode::Host {
        kinds.push(LinuxNamespaceType::Network);
    }
    if !container.host.cgroups.is_empty() && !container.host.privileged {
        kinds.push(LinuxNamespaceType::Cgroup);
    }
    if !container.host.uid_map.is_empty() {
        kinds.push(LinuxNamespaceType::User);
    }
    kinds.into_iter().map(|kind| LinuxNamespaceBuilder::default().typ(kind).build()).collect()
}

fn resources(host: &HostConfig) -> Result<LinuxResources, OciSpecError> {
    let mut resources = LinuxResourcesBuilder::default();
    if host.memory_bytes_max > 0 {
        let limit = i64::try_from(host.memory_bytes_max).unwrap_or(i64::MAX);
        resources = resources.memory(LinuxMemoryBuilder::default().limit(limit).build()?);
    }
    if let Some(most) = host.pids_max {
        resources = resources.pids(LinuxPidsBuilder::default().limit(i64::try_from(most).unwrap_or(i64::MAX)).build()?);
    }
    if host.nano_cpus > 0 {
        let quota = i64::try_from(host.nano_cpus * CPU_PERIOD_US / 1_000_000_000).unwrap_or(i64::MAX);
        resources = resources.cpu(LinuxCpuBuilder::default().period(CPU_PERIOD_US).quota(quota).build()?);
    }
    resources.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_says_what_the_container_is() {
        let mut container = crate::step::samples::container();
        container.host.memory_bytes_max = 64 << 20;
        let spec = runtime_spec(&container, &["A=b".into()], &HostFacts::example()).unwrap();
        assert_eq!(spec.hostname().as_deref(), Some("web"));
        let memory = spec.linux().as_ref().and_then(|linux| linux.resources().as_ref()?.memory().as_ref()?.limit());
        assert_eq!(memory, Some(64 << 20));
        let parsed: Spec = serde_json::from_str(&to_json(&container, &[], &HostFacts::example())).unwrap();
        assert_eq!(parsed.process().as_ref().and_then(|process| process.args().clone()), Some(vec!["sh".to_string()]));
    }
}
