//! `--security-opt` and the flags on devices, of `run` and `create`, with what dockerd refuses of them.

use super::Call;
use crate::cli::confinement::{Confinement, DeviceMapping};
use crate::cli::error;
use crate::cli::values;
use crate::cli::{ContainerSpec, FlagUse, UsageError};

/// Reads them into the specification; the last of a kind holds.
pub(super) fn options(call: &Call<'_>, spec: &mut ContainerSpec) -> Result<(), UsageError> {
    let mut confinement = Confinement {
        devices: call.values("device").iter().map(|text| DeviceMapping::parse(text)).collect(),
        device_rules: call.values("device-cgroup-rule"),
        ..Confinement::default()
    };
    for flag in call.uses("security-opt") {
        option(call, flag, spec, &mut confinement)?;
    }
    spec.confinement = confinement;
    Ok(())
}

fn option(call: &Call<'_>, flag: &FlagUse, spec: &mut ContainerSpec, confinement: &mut Confinement) -> Result<(), UsageError> {
    let text = flag.value.as_str();
    if text == "systempaths=unconfined" {
        confinement.system_paths_unconfined = true;
        return Ok(());
    }
    confinement.security_options.push(text.to_string());
    if text == "no-new-privileges" {
        spec.no_new_privileges = true;
        return Ok(());
    }
    if text == "disable" {
        return Ok(());
    }
    let pair = text.split_once('=').or_else(|| text.split_once(':'));
    let Some((key, value)) = pair else { return Err(refused(call, flag, 1)) };
    let switch = || values::boolean(value).map_err(|_| refused(call, flag, 2));
    match key {
        "label" => {}
        "apparmor" => confinement.apparmor = Some(value.to_string()),
        "no-new-privileges" => spec.no_new_privileges = switch()?,
        "writable-cgroups" => confinement.writable_cgroups = switch()?,
        "seccomp" => {
            spec.seccomp_unconfined = value == "unconfined";
            confinement.seccomp_profile = (!matches!(value, "unconfined" | "builtin")).then(|| value.to_string());
        }
        _ => return Err(refused(call, flag, 2)),
    }
    Ok(())
}

/// dockerd's words.
fn refused(call: &Call<'_>, flag: &FlagUse, number: u8) -> UsageError {
    let reason = format!("Error response from daemon: invalid --security-opt {number}: {}", error::quote(&flag.value));
    let next = "glassbox: there are no-new-privileges, seccomp=, apparmor=, label=, systempaths=unconfined, writable-cgroups=";
    let mut refusal = match call.row.key {
        "run" => call.frame().value(&reason, Some(flag.span)),
        _ => error::bare(&reason, Some(flag.span)),
    };
    refusal.message = format!("{}\n{next}", refusal.message.trim_end());
    refusal
}
