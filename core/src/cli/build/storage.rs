//! The flags on storage, and the commands on volumes.

use super::{Call, listing, refused};
use crate::cli::storage::{MountSpec, StorageSpec};
use crate::cli::{Command, UsageError};
use crate::cli::{error, values};

pub(super) fn storage(call: &Call<'_>) -> Result<StorageSpec, UsageError> {
    let mut volumes: Vec<String> = Vec::new();
    for word in call.values("volume") {
        if !volumes.contains(&word) {
            volumes.push(word);
        }
    }
    let mounts = mounts(call)?;
    Ok(StorageSpec { volumes, mounts, tmpfs: call.values("tmpfs"), volumes_from: call.values("volumes-from") })
}

fn mounts(call: &Call<'_>) -> Result<Vec<MountSpec>, UsageError> {
    let mut all = Vec::new();
    for flag in call.uses("mount") {
        let mount = values::mount(&flag.value).map_err(|reason| refused(call, flag, &reason))?;
        let what = match (&mount.not_yet, mount.kind.as_str()) {
            (Some(option), _) => Some(option.clone()),
            (None, "image" | "npipe" | "cluster") => Some(format!("type={}", mount.kind)),
            _ => None,
        };
        if let Some(what) = what {
            let what = format!("--mount …{what}…");
            return Err(error::not_yet(&what, "Types bind, volume and tmpfs are carried out.", Some(flag.span)));
        }
        all.push(mount);
    }
    Ok(all)
}

/// Flags that make a volume one of a cluster.
const OF_CLUSTER: &[&str] = &[
    "availability",
    "group",
    "limit-bytes",
    "required-bytes",
    "scope",
    "secret",
    "sharing",
    "topology-preferred",
    "topology-required",
    "type",
];

pub(super) fn volume_command(call: &Call<'_>, volumes: Vec<String>) -> Result<Command, UsageError> {
    let filters = call.values("filter");
    Ok(match call.row.key {
        "volume create" => Command::CreateVolume {
            name: volumes.into_iter().next(),
            labels: call.values("label"),
            cluster: OF_CLUSTER.iter().any(|name| call.flag(name).is_some()),
            driver: call.flag("driver").map(|flag| flag.value.clone()).unwrap_or_default(),
            options: call.values("opt").iter().map(|word| word.split_once('=').unwrap_or((word, ""))).map(owned).collect(),
        },
        "volume ls" => Command::ListVolumes {
            quiet: call.is_on("quiet"),
            filters,
            format: listing::filled(call, "format"),
            cluster: call.is_on("cluster"),
        },
        "volume update" => Command::UpdateVolume { name: volumes.into_iter().next().unwrap_or_default() },
        "volume rm" => Command::RemoveVolumes { volumes, force: call.is_on("force") },
        _ => Command::PruneVolumes { all: call.is_on("all"), filters, force: call.is_on("force") },
    })
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_string(), value.to_string())
}
