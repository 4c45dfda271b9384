//! A seccomp profile as Docker's `--security-opt seccomp=FILE` takes it, resolved to the runtime specification's for one container:
//! groups that its capabilities, this architecture or this kernel do not open are left out.
//!
//! Source: Docker's documentation of the format, and what dockerd does with each field.

use oci_spec::runtime::{Arch, LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSyscall};
use serde::Deserialize;

use super::capability::CapabilitySet;
use crate::host::is_at_least;

/// More rules than this are refused.
const RULES_MAX: usize = 4096;
/// This architecture, as profiles name it.
const ARCHITECTURE: &str = "amd64";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct File {
    default_action: Option<LinuxSeccompAction>,
    default_errno_ret: Option<u32>,
    architectures: Vec<Arch>,
    arch_map: Vec<ArchMap>,
    syscalls: Vec<Call>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ArchMap {
    architecture: Arch,
    #[serde(default)]
    sub_architectures: Option<Vec<Arch>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Call {
    #[serde(default)]
    name: String,
    #[serde(default)]
    names: Vec<String>,
    action: LinuxSeccompAction,
    #[serde(default)]
    errno_ret: Option<u32>,
    #[serde(default)]
    args: Option<Vec<LinuxSeccompArg>>,
    #[serde(default)]
    includes: Condition,
    #[serde(default)]
    excludes: Condition,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Condition {
    caps: Vec<String>,
    arches: Vec<String>,
    min_kernel: String,
}

/// What of it holds for a container with these capabilities on this kernel; `None`: it filters nothing. An error is dockerd's.
pub fn resolve(text: &str, capabilities: &CapabilitySet, kernel_release: &str) -> Result<Option<LinuxSeccomp>, String> {
    if !text.trim_start().starts_with('{') {
        let kind = if text.trim_start().starts_with('[') { "array" } else { "value" };
        return Err(format!(
            "Decoding seccomp profile failed: json: cannot unmarshal {kind} into Go value of type seccomp.Seccomp"
        ));
    }
    let file: File = serde_json::from_str(text).map_err(|error| format!("Decoding seccomp profile failed: {error}"))?;
    let Some(default_action) = file.default_action else {
        let empty = file.syscalls.is_empty();
        return if empty { Ok(None) } else { Err("Decoding seccomp profile failed: no defaultAction".to_string()) };
    };
    if !file.architectures.is_empty() && !file.arch_map.is_empty() {
        return Err(
            "both 'architectures' and 'archMap' are specified in the seccomp profile, use either 'architectures' or 'archMap'"
                .into(),
        );
    }
    if file.syscalls.len() > RULES_MAX {
        return Err(format!("Decoding seccomp profile failed: more than {RULES_MAX} rules"));
    }
    let mut rules = Vec::new();
    for call in &file.syscalls {
        if !call.name.is_empty() && !call.names.is_empty() {
            return Err("'name' and 'names' were specified in the seccomp profile, use either 'name' or 'names'".to_string());
        }
        if applies(call, capabilities, kernel_release) {
            rules.push(rule(call));
        }
    }
    let mut profile = LinuxSeccomp::default();
    profile.set_default_action(default_action);
    profile.set_default_errno_ret(file.default_errno_ret);
    profile.set_architectures(Some(architectures(&file)).filter(|all| !all.is_empty()));
    profile.set_syscalls(Some(rules));
    Ok(Some(profile))
}

fn architectures(file: &File) -> Vec<Arch> {
    let native = file.arch_map.iter().find(|map| map.architecture == Arch::ScmpArchX86_64);
    let mapped =
        native.into_iter().flat_map(|map| std::iter::once(map.architecture).chain(map.sub_architectures.iter().flatten().copied()));
    file.architectures.iter().copied().chain(mapped).collect()
}

fn applies(call: &Call, capabilities: &CapabilitySet, kernel_release: &str) -> bool {
    let has = |name: &String| capabilities.iter().any(|capability| capability.name() == name);
    let here = |arches: &Vec<String>| arches.iter().any(|arch| arch == ARCHITECTURE);
    let excluded = here(&call.excludes.arches)
        || call.excludes.caps.iter().any(has)
        || !call.excludes.min_kernel.is_empty() && is_at_least(kernel_release, &call.excludes.min_kernel);
    let included = (call.includes.arches.is_empty() || here(&call.includes.arches))
        && call.includes.caps.iter().all(has)
        && (call.includes.min_kernel.is_empty() || is_at_least(kernel_release, &call.includes.min_kernel));
    included && !excluded
}

fn rule(call: &Call) -> LinuxSyscall {
    let mut rule = LinuxSyscall::default();
    let names = if call.name.is_empty() { call.names.clone() } else { vec![call.name.clone()] };
    rule.set_names(names);
    rule.set_action(call.action);
    rule.set_errno_ret(call.errno_ret);
    rule.set_args(call.args.clone().filter(|args| !args.is_empty()));
    rule
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errno::Errno;
    use crate::oci::capability::Capability;
    use crate::oci::seccomp::verdict;

    #[track_caller]
    fn refusal(text: &str, capabilities: CapabilitySet, call: &str, first: u64) -> Option<Errno> {
        let profile = resolve(text, &capabilities, "6.1.0-41-amd64").unwrap().unwrap();
        verdict(&profile, call, &[first, 0, 0, 0, 0, 0]).refusal()
    }

    #[test]
    fn groups_are_opened_by_capability_architecture_and_kernel() {
        let text = r#"{"defaultAction":"SCMP_ACT_ALLOW","archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]}],
            "syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO","excludes":{"caps":["CAP_SYS_ADMIN"]}},
            {"name":"chmod","action":"SCMP_ACT_ERRNO","errnoRet":38,"includes":{"minKernel":"5.0"}},
            {"names":["link"],"action":"SCMP_ACT_ERRNO","includes":{"arches":["s390x"]}},
            {"names":["kill"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]}]}"#;
        let (none, admin) = (CapabilitySet::EMPTY, CapabilitySet::EMPTY.with(Capability::SysAdmin));
        assert_eq!(refusal(text, none, "mkdir", 0), Some(Errno::EPERM));
        assert_eq!(refusal(text, admin, "mkdir", 0), None);
        assert_eq!(refusal(text, none, "chmod", 0), Some(Errno(38)));
        assert_eq!(refusal(text, none, "link", 0), None);
        assert_eq!((refusal(text, none, "kill", 1), refusal(text, none, "kill", 2)), (Some(Errno::EPERM), None));
    }

    #[test]
    fn what_dockerd_refuses() {
        let told = |text: &str| resolve(text, &CapabilitySet::EMPTY, "6.1").unwrap_err();
        assert!(told("[]").starts_with("Decoding seccomp profile failed: "));
        let both = r#"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86"],"archMap":[{"architecture":"SCMP_ARCH_X86_64"}]}"#;
        assert!(told(both).starts_with("both 'architectures' and 'archMap' are specified"));
        let names = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"a","names":["b"],"action":"SCMP_ACT_ERRNO"}]}"#;
        assert!(told(names).starts_with("'name' and 'names' were specified"));
        assert_eq!(resolve("{}", &CapabilitySet::EMPTY, "6.1"), Ok(None));
    }
}
