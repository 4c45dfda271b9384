//! The fences that `--security-opt` moves: the seccomp profile and the AppArmor profile that apply.

use oci_spec::runtime::LinuxSeccomp;

use super::{CommandError, Context, create};
use crate::cli::ContainerSpec;
use crate::host::HostFacts;
use crate::model::{Container, HostConfig};
use crate::oci::capability::CapabilitySet;
use crate::oci::{seccomp, seccomp_file};

/// The profile that dockerd loads and applies unless another one is named.
const DOCKER_DEFAULT: &str = "docker-default";

/// dockerd's refusal of a profile that it cannot read.
pub(super) fn check(spec: &ContainerSpec, capabilities: CapabilitySet, context: &Context<'_>) -> Result<(), CommandError> {
    let Some(text) = &spec.confinement.seccomp_profile else { return Ok(()) };
    let read = seccomp_file::resolve(text, &capabilities, &context.host.kernel_release);
    read.map(drop).map_err(|what| {
        let mut error = create::refuse(context, &what, Some("security-opt"));
        error.message += "glassbox: the format is that of Docker's own profile: docs.docker.com/engine/security/seccomp/\n";
        error
    })
}

/// Another profile than the default one; `None` also where that profile filters nothing.
pub(super) fn own_profile(config: &HostConfig, host: &HostFacts) -> Option<LinuxSeccomp> {
    let text = config.confinement.seccomp_profile.as_ref()?;
    seccomp_file::resolve(text, &config.capabilities, &host.kernel_release).ok().flatten()
}

/// What filters the container's calls.
pub(crate) fn seccomp_profile(config: &HostConfig, host: &HostFacts) -> Option<LinuxSeccomp> {
    let profile = || own_profile(config, host).unwrap_or_else(|| seccomp::default_profile(&config.capabilities));
    config.seccomp.then(profile)
}

/// The AppArmor profile that the program runs under. Without AppArmor there is none, as with dockerd; the default one applies where it
/// is loaded.
pub(crate) fn apparmor_profile(container: &Container, host: &HostFacts) -> Option<String> {
    let loaded = host.apparmor.as_ref()?;
    match container.host.confinement.apparmor.as_deref() {
        Some("unconfined") => None,
        Some(profile) if !profile.is_empty() => Some(profile.to_string()),
        _ if container.host.privileged => None,
        _ => loaded.contains(DOCKER_DEFAULT).then(|| DOCKER_DEFAULT.to_string()),
    }
}

/// What was asked for and is not there to confine anything.
pub(super) fn warnings(container: &Container, host: &HostFacts) -> Vec<String> {
    let asked = container.host.confinement.apparmor.as_deref().filter(|profile| !matches!(*profile, "" | "unconfined"));
    let mut all = Vec::new();
    if let (Some(profile), None) = (asked, &host.apparmor) {
        all.push(format!(
            "glassbox: this kernel has no AppArmor: the profile {profile} confines nothing here (dockerd says nothing)"
        ));
    }
    let labels = container.host.confinement.security_options.iter().filter(|option| {
        let label = option.strip_prefix("label=").or_else(|| option.strip_prefix("label:"));
        label.is_some_and(|label| label != "disable")
    });
    all.extend(
        labels.map(|option| {
            format!("glassbox: {option}: SELinux labels are not set, as where dockerd runs without --selinux-enabled")
        }),
    );
    let rules = !container.host.confinement.device_rules.is_empty();
    let has_cgroup = container.host.cgroups.iter().any(|(_, controllers)| controllers.contains(&crate::host::Controller::Devices));
    if rules && !has_cgroup && !container.host.privileged {
        all.push(
            "glassbox: no device cgroup can be made by this user: --device-cgroup-rule allows nothing that is not allowed".into(),
        );
    }
    all
}
