//! The OCI runtime specification of a container, `config.json`: what any runtime needs to know to make it.
//!
//! Lowered from the container's record, by the same rules by which `plan` makes steps of it. Called by `plan::create`, which has the text
//! written beside the record. It says what the steps do and nothing more: where Docker's own file has what Glassbox does not carry out
//! (device rules of the cgroup, the shares of swap), this one has not.
//!
//! Source: the OCI runtime specification 1.2, config.md and config-linux.md.

mod linux;
mod process;
mod text;

use oci_spec::runtime::{LinuxSeccomp, Mount, Root, Spec};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;
use text::FieldALine;

use super::defaults::{self, DefaultMount};
use crate::host::{CgroupVersion, HostFacts};
use crate::layout::Layout;
use crate::model::{Backing, Container, MountKind, MountPoint, Propagation, State};
use crate::plan::namespaces::{Source, hostname, networked, source};
use crate::plan::root::{MountOrigin, origin_of};
use crate::plan::{Part, backing_of, foreign_options, mount_options, tmpfs_mount};
use crate::step::{MountFlags, NamespaceKind};

/// The version of the specification that is followed.
const VERSION: &str = "1.2.1";

/// Most texts are shorter: room is made once.
const USUAL_BYTES: usize = 15 << 10;

/// What `container` is, in the words of the OCI. `state` tells where the program of `--init` lies.
pub fn runtime_spec(container: &Container, state: &State, host: &HostFacts) -> Spec {
    let mut container = container.clone();
    container.process.hostname = hostname(&container, state).to_string();
    let container = &container;
    let mut root = Root::default();
    root.set_path(Layout::new(&host.data_root).merged().into());
    root.set_readonly(Some(container.host.read_only));
    let own_name = source(container, NamespaceKind::Uts) == Source::New;
    let mut spec = Spec::default();
    if !container.host.annotations.is_empty() {
        spec.set_annotations(Some(container.host.annotations.clone().into_iter().collect()));
    }
    spec.set_version(VERSION.to_string())
        .set_root(Some(root))
        .set_mounts(Some(mounts(container, state, host)))
        .set_process(Some(process::process(container, host)))
        .set_hostname(own_name.then(|| container.process.hostname.clone()))
        .set_linux(Some(linux::linux(container, state, host)));
    spec
}

/// The specification as text: keys and capabilities sorted, so that the same container has the same bytes everywhere.
pub fn to_json(mut spec: Spec) -> String {
    // Hundreds of names, in an order of their own: they go from the profile into the text.
    let seccomp = spec.linux_mut().as_mut().and_then(|linux| linux.seccomp_mut().as_mut()).map(std::mem::take);
    let mut value = serde_json::to_value(&spec).unwrap_or(Value::Null);
    if let Some(sets) = value.pointer_mut("/process/capabilities").and_then(Value::as_object_mut) {
        for names in sets.values_mut().filter_map(Value::as_array_mut) {
            names.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
        }
    }
    // The crate keeps these in hash maps, whose order differs from one process to the next.
    for path in ["/annotations", "/linux/timeOffsets", "/linux/sysctl"] {
        if let Some(map) = value.pointer_mut(path).and_then(Value::as_object_mut) {
            map.sort_keys();
        }
    }
    let mut text = Vec::with_capacity(USUAL_BYTES);
    let whole = WithSeccomp { value: &value, seccomp: seccomp.as_ref() };
    // Only a writer that fails, or a map with keys that are no text, could make it fail.
    let _ = whole.serialize(&mut serde_json::Serializer::with_formatter(&mut text, FieldALine::default()));
    text.push(b'\n');
    String::from_utf8(text).unwrap_or_default()
}

/// A specification, or a part of it, whose seccomp profile stands beside it.
struct WithSeccomp<'a> {
    value: &'a Value,
    seccomp: Option<&'a LinuxSeccomp>,
}

impl Serialize for WithSeccomp<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Value::Object(fields) = self.value else { return self.value.serialize(serializer) };
        let mut map = serializer.serialize_map(Some(fields.len()))?;
        for (key, value) in fields {
            match (key.as_str(), self.seccomp) {
                ("linux", seccomp) => map.serialize_entry(key, &WithSeccomp { value, seccomp })?,
                ("seccomp", Some(profile)) => map.serialize_entry(key, profile)?,
                _ => map.serialize_entry(key, value)?,
            }
        }
        map.end()
    }
}

/// In a user namespace of its own, made by an ordinary user.
fn is_rootless(container: &Container) -> bool {
    !container.host.uid_map.is_empty()
}

fn mounts(container: &Container, state: &State, host: &HostFacts) -> Vec<Mount> {
    let v2 = host.cgroup.version == CgroupVersion::V2 && !container.host.cgroups.is_empty();
    let covered = |target: &str| container.mounts.iter().any(|point| point.target == target);
    let wanted = defaults::mounts().iter().filter(|mount| (mount.fs_type != "cgroup2" || v2) && !covered(mount.target));
    let mut all: Vec<Mount> = wanted.filter_map(|mount| file_system(mount, container, state)).collect();
    let layout = Layout::new(&host.data_root);
    for part in crate::plan::parts(container) {
        all.push(match part {
            Part::File(name) => bind(
                &layout.of(&networked(container, state).unwrap_or(container).id, name),
                &format!("/etc/{name}"),
                &["rprivate"],
                false,
            ),
            Part::Point(point) => point_mount(point, &backing_of(point, container, state)),
        });
    }
    if let Some(runtime) = &container.host.wasi {
        all.push(bind(&runtime.program, crate::wasi::RUNTIME, &["rprivate"], false));
    }
    let toolbox = state.embedded_image().and_then(|image| image.layers.first());
    if let Some(layer) = toolbox.filter(|_| container.host.init) {
        let source = format!("{}{}", layout.layer(&layer.diff_id), super::toolbox::BINARY);
        all.push(bind(&source, "/sbin/docker-init", &["rprivate"], false));
    }
    all
}

/// What the command mounts.
fn point_mount(point: &MountPoint, backing: &Backing) -> Mount {
    let (fs_type, source, (flags, data)) = match (point.kind, backing) {
        (MountKind::Tmpfs, _) => ("tmpfs", "tmpfs", tmpfs_mount(&point.options)),
        (_, Backing::Memory { options }) => {
            ("tmpfs", "tmpfs", mount_options(MountFlags { read_only: point.read_only, ..MountFlags::default() }, options))
        }
        (_, Backing::Other { fs_type, device, options }) => {
            let (flags, data) = foreign_options(options);
            let flags = MountFlags { read_only: flags.read_only || point.read_only, ..flags };
            (fs_type.as_str(), device.as_str(), (flags, data))
        }
        _ => return point_bind(point, backing),
    };
    let mut options = option_names(flags);
    options.extend(data.split(',').filter(|option| !option.is_empty()).map(str::to_string));
    let mut made = Mount::default();
    made.set_destination(point.target.clone().into())
        .set_typ(Some(fs_type.to_string()))
        .set_source(Some(source.into()))
        .set_options(Some(options));
    made
}

/// A file or directory of the host; `rro`: what is mounted below it is read-only as well.
fn point_bind(point: &MountPoint, backing: &Backing) -> Mount {
    let (source, recursive, read_only) = match backing {
        Backing::Host { device, recursive, read_only } => (device.as_str(), *recursive, *read_only || point.read_only),
        _ => (point.source.as_str(), point.recursive, point.read_only),
    };
    let source = if point.subpath.is_empty() { source.to_string() } else { format!("{source}/{}", point.subpath) };
    let access = match (read_only, point.top_only) {
        (false, _) => None,
        (true, true) => Some("ro"),
        (true, false) => Some("rro"),
    };
    let spreads = if point.kind == MountKind::Bind { point.propagation } else { Propagation::default() };
    let options: Vec<&str> = access.into_iter().chain([spreads.word()]).collect();
    bind(&source, &point.target, &options, recursive)
}

/// A file system that the kernel makes. Its options are those of mount(8), as config.md wants them.
fn file_system(mount: &DefaultMount, container: &Container, state: &State) -> Option<Mount> {
    let writable = container.host.confinement.writable_cgroups && mount.fs_type == "cgroup2";
    let read_only = mount.flags.read_only && !container.host.privileged && !writable;
    let flags = MountFlags { read_only, ..mount.flags };
    let mut options = option_names(flags);
    let names: Vec<&str> = options.iter().map(String::as_str).collect();
    match origin_of(mount, container) {
        MountOrigin::Left => return None,
        MountOrigin::Host => return Some(bind(mount.target, mount.target, &names, true)),
        MountOrigin::Of(name) => {
            let donor = state.container(name).ok().and_then(|donor| donor.state.pid).unwrap_or_default();
            return Some(bind(&format!("/proc/{donor}/root{}", mount.target), mount.target, &[], false));
        }
        MountOrigin::Kernel => {}
    }
    let data = defaults::data(mount, container.host.tuning.shm_bytes);
    let data = data.split(',').filter(|option| !option.is_empty());
    options.extend(data.filter(|option| !(is_rootless(container) && option.starts_with("gid="))).map(str::to_string));
    // The specification knows one name for both versions of cgroups.
    let fs_type = if mount.fs_type == "cgroup2" { "cgroup" } else { mount.fs_type };
    let mut made = Mount::default();
    made.set_destination(mount.target.into())
        .set_typ(Some(fs_type.to_string()))
        .set_source(Some(mount.source.into()))
        .set_options(Some(options));
    Some(made)
}

fn bind(source: &str, target: &str, options: &[&str], recursive: bool) -> Mount {
    let first = if recursive { "rbind" } else { "bind" };
    let options = [first].iter().chain(options).map(|option| (*option).to_string()).collect();
    let mut made = Mount::default();
    made.set_destination(target.into())
        .set_typ(Some("bind".to_string()))
        .set_source(Some(source.into()))
        .set_options(Some(options));
    made
}

fn option_names(flags: MountFlags) -> Vec<String> {
    let all = [
        (flags.no_suid, "nosuid"),
        (flags.no_exec, "noexec"),
        (flags.no_dev, "nodev"),
        (flags.read_only, "ro"),
        (flags.relatime, "relatime"),
        (flags.strictatime, "strictatime"),
    ];
    all.into_iter().filter(|(set, _)| *set).map(|(_, name)| name.to_string()).collect()
}

#[cfg(test)]
mod tests;
