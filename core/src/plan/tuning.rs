//! What dockerd and runc refuse of the settings and limits of each process.

use super::{CommandError, Context, create};
use crate::cli::{ContainerSpec, IpcMode, NetworkMode};
use crate::step::NamespaceKind;
use crate::sysctl;

/// proc_pid_oom_score_adj(5)
const OOM_SCORES: std::ops::RangeInclusive<i64> = -1000..=1000;

pub(super) fn check(spec: &ContainerSpec, context: &Context<'_>) -> Result<(), CommandError> {
    let score = spec.tuning.oom_score_adj;
    if !OOM_SCORES.contains(&score) {
        let what = format!("Invalid value {score}, range for oom score adj is [-1000, 1000]");
        return Err(create::refuse(context, &what, Some("oom-score-adj")));
    }
    let shared = shared(spec);
    let domain = (!spec.domainname.is_empty()).then_some(sysctl::DOMAIN_NAME);
    for name in spec.tuning.sysctls.keys().map(String::as_str).chain(domain) {
        if let Some(what) = sysctl::refusal(name, &shared) {
            let what = format!("{RUNC_FRAME}{what}: unknown");
            let flag = if Some(name) == domain { "domainname" } else { "sysctl" };
            let mut error = create::refuse(context, &what, Some(flag));
            error.message +=
                "glassbox: it would change the host's own setting; use a namespace of its own, or set it on the host\n";
            return Err(error);
        }
    }
    Ok(())
}

/// Around what runc refuses before it makes anything.
const RUNC_FRAME: &str = "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create \
                          failed: ";

/// The namespaces that the container shares with the host.
fn shared(spec: &ContainerSpec) -> Vec<NamespaceKind> {
    let network = (spec.network == NetworkMode::Host).then_some(NamespaceKind::Network);
    let ipc = (spec.namespaces.ipc == IpcMode::Host).then_some(NamespaceKind::Ipc);
    let uts = spec.namespaces.uts_host.then_some(NamespaceKind::Uts);
    network.into_iter().chain(ipc).chain(uts).collect()
}
