//! Propagation of bind mounts as dockerd decides it (moby daemon/volumes.go, daemon/oci_linux.go) and runc carries it out.

use super::{Refusal, asked_as, word};
use crate::cli::{StorageSpec, quoted};
use crate::host::HostFacts;
use crate::model::{Container, MountKind, MountPoint, Propagation};

/// What the command says of it; `None`: nothing.
fn asked(point: &MountPoint, shown: &StorageSpec) -> Option<Propagation> {
    let named = asked_as(point, shown).map_or_else(|| word::propagation(&point.mode), |mount| mount.propagation.as_str());
    Propagation::of(named)
}

/// dockerd compares the two as texts: `/va` counts as well as `/var`.
fn holds_data_root(point: &MountPoint, host: &HostFacts) -> bool {
    point.kind == MountKind::Bind && (point.source.starts_with(&host.data_root) || host.data_root.starts_with(&point.source))
}

/// rslave because of the engine's own directory, not because anybody asked for it.
pub(super) fn is_implied(point: &MountPoint, shown: &StorageSpec, host: &HostFacts) -> bool {
    holds_data_root(point, host) && asked(point, shown).is_none()
}

/// Settles what each mount's is to be.
pub(super) fn settle(points: &mut [MountPoint], shown: &StorageSpec, host: &HostFacts) -> Result<(), Refusal> {
    for point in points.iter_mut().filter(|point| point.kind == MountKind::Bind && point.flag != "volumes-from") {
        let asked = asked(point, shown);
        point.propagation = match asked {
            None if holds_data_root(point, host) => Propagation::RSlave,
            None => Propagation::RPrivate,
            Some(known @ (Propagation::RSlave | Propagation::RShared)) => known,
            Some(other) if holds_data_root(point, host) => return Err(within_data_root(point, other, host)),
            Some(other) => other,
        };
    }
    Ok(())
}

fn within_data_root(point: &MountPoint, asked: Propagation, host: &HostFacts) -> Refusal {
    let (root, source, asked) = (quoted(&host.data_root), quoted(&point.source), quoted(asked.word()));
    let what = format!(
        "invalid mount config: must use either propagation mode \"rslave\" or \"rshared\" when mount source is within the daemon root, \
         daemon root: {root}, bind mount source: {source}, propagation: {asked}"
    );
    (what, if point.flag == "mount" { "mount" } else { "volume" })
}

/// linux.rootfsPropagation of the runtime specification: what runc makes of all mounts before it binds any. `None`: nothing spreads, so
/// that Docker says nothing of it.
pub(crate) fn of_root(container: &Container) -> Option<Propagation> {
    let has =
        |is: fn(Propagation) -> bool| container.mounts.iter().any(|point| point.kind == MountKind::Bind && is(point.propagation));
    match (has(Propagation::is_shared), has(Propagation::is_slave)) {
        (true, _) => Some(Propagation::Shared),
        (false, true) => Some(Propagation::RSlave),
        (false, false) => None,
    }
}

/// What is done to a mount one after the other. Where runc makes all mounts slaves before it binds them, those below it are slaves as well,
/// whatever becomes of the mount itself.
pub(super) fn in_order(asked: Propagation, root: Option<Propagation>) -> Vec<Propagation> {
    match asked {
        _ if root == Some(Propagation::Shared) => vec![asked],
        Propagation::Slave => vec![Propagation::RSlave],
        Propagation::Private => vec![Propagation::RSlave, Propagation::Private],
        other => vec![other],
    }
}
