//! `--mount` and `--tmpfs`, judged as dockerd judges them (moby volume/mounts/linux_parser.go), and made mount points of.

use std::collections::BTreeSet;

use super::Refusal;
use super::word::{self, clean};
use crate::cli::MountSpec;
use crate::host::HostFacts;
use crate::model::{MountKind, MountPoint, Propagation};
use crate::step::MountFlags;

/// Docker's refusal of a mount before there is a container.
pub(super) fn check(mount: &MountSpec, host: &HostFacts) -> Result<(), Refusal> {
    let wrong = |reason: String| (format!("invalid mount config for type \"{}\": {reason}", mount.kind), "mount");
    check_target(&mount.target, &mount.kind).map_err(|reason| (reason, "mount"))?;
    match mount.kind.as_str() {
        "bind" => check_bind(mount, host).map_err(wrong),
        "volume" if mount.source.is_empty() && mount.read_only => {
            Err(wrong("must not set ReadOnly mode when using anonymous volumes".to_string()))
        }
        "volume" => check_subpath(mount).map_err(wrong),
        "tmpfs" if !mount.source.is_empty() => Err(wrong("field Source must not be specified".to_string())),
        "tmpfs" => Ok(()),
        _ => Err(wrong("mount type unknown".to_string())),
    }
}

fn check_subpath(mount: &MountSpec) -> Result<(), String> {
    let leaves = |path: &str| path.starts_with('/') || clean(path) == ".." || clean(path).starts_with("../");
    match mount.subpath.as_str() {
        "" => Ok(()),
        _ if mount.source.is_empty() => Err("must not set Subpath when using anonymous volumes".to_string()),
        path if leaves(path) => Err("subpath must be a relative path within the volume".to_string()),
        _ => Ok(()),
    }
}

fn check_bind(mount: &MountSpec, host: &HostFacts) -> Result<(), String> {
    if mount.source.is_empty() {
        return Err("field Source must not be empty".to_string());
    }
    if !mount.propagation.is_empty() && !word::PROPAGATION.contains(&mount.propagation.as_str()) {
        return Err(format!("invalid propagation mode: {}", mount.propagation));
    }
    if !mount.source.starts_with('/') {
        return Err(format!("invalid mount path: '{}' mount path must be absolute", mount.source));
    }
    if super::is_behind_file(&clean(&mount.source), host) {
        return Err(format!("stat {}: not a directory", mount.source));
    }
    if !host.sources.contains_key(&clean(&mount.source)) {
        return Err(format!("bind source path does not exist: {}", mount.source));
    }
    Ok(())
}

/// Where nothing can be mounted.
pub(super) fn check_target(target: &str, kind: &str) -> Result<(), String> {
    let frame = |reason: String| format!("invalid mount config for type \"{kind}\": {reason}");
    path_refusal(target).map_or(Ok(()), |reason| Err(frame(reason)))
}

fn path_refusal(target: &str) -> Option<String> {
    match clean(target).as_str() {
        _ if target.is_empty() => Some("field Target must not be empty".to_string()),
        "/" => Some("invalid specification: destination can't be '/'".to_string()),
        path if path.starts_with('/') => None,
        _ => Some(format!("invalid mount path: '{target}' mount path must be absolute")),
    }
}

/// What a `--mount` puts where.
pub(super) fn mount_point(mount: &MountSpec) -> MountPoint {
    let kind = match mount.kind.as_str() {
        "bind" => MountKind::Bind,
        "tmpfs" => MountKind::Tmpfs,
        _ => MountKind::Volume,
    };
    MountPoint {
        kind,
        name: if kind == MountKind::Volume { mount.source.clone() } else { String::new() },
        source: if kind == MountKind::Bind { clean(&mount.source) } else { String::new() },
        target: clean(&mount.target),
        read_only: mount.read_only,
        mode: if kind == MountKind::Volume { "z".to_string() } else { String::new() },
        recursive: mount.recursion != "disabled",
        top_only: mount.recursion == "writable",
        subpath: mount.subpath.clone(),
        anonymous: kind == MountKind::Volume && mount.source.is_empty(),
        copies: kind == MountKind::Volume && !mount.no_copy,
        makes_source: false,
        options: tmpfs_options(mount),
        propagation: Propagation::default(),
        flag: "mount".to_string(),
        word: mount.text.clone(),
    }
}

/// The options as the daemon hands them on: a size in the largest unit that divides it.
fn tmpfs_options(mount: &MountSpec) -> String {
    let mut all = Vec::new();
    if mount.kind != "tmpfs" {
        return String::new();
    }
    if mount.read_only {
        all.push("ro".to_string());
    }
    if let Some(mode) = mount.tmpfs_mode.filter(|mode| *mode != 0) {
        all.push(format!("mode={mode:o}"));
    }
    if mount.tmpfs_bytes_max != 0 {
        let units = [(30, "g"), (20, "m"), (10, "k")];
        let unit = units.into_iter().find(|(bits, _)| mount.tmpfs_bytes_max.is_multiple_of(1 << bits));
        all.push(unit.map_or_else(
            || format!("size={}", mount.tmpfs_bytes_max),
            |(bits, unit)| format!("size={}{unit}", mount.tmpfs_bytes_max >> bits),
        ));
    }
    all.join(",")
}

/// `PATH[:OPTIONS]`
fn split(word: &str) -> (&str, &str) {
    word.split_once(':').unwrap_or((word, ""))
}

/// Docker's refusal of a `--tmpfs`. Of its options dockerd says so only when the container starts; here it is said at once.
pub(super) fn check_tmpfs(word: &str) -> Result<(), Refusal> {
    let (target, options) = split(word);
    if let Some(reason) = path_refusal(target) {
        return Err((reason, "tmpfs"));
    }
    match options.split(',').find(|option| !option.is_empty() && !is_tmpfs_option(option)) {
        Some(option) => {
            Err((format!("invalid tmpfs option {}", crate::cli::quoted(option.split('=').next().unwrap_or(option))), "tmpfs"))
        }
        None => Ok(()),
    }
}

const FLAGS: &[&str] = &[
    "ro",
    "rw",
    "suid",
    "nosuid",
    "dev",
    "nodev",
    "exec",
    "noexec",
    "relatime",
    "norelatime",
    "strictatime",
    "nostrictatime",
    "async",
    "sync",
    "atime",
    "noatime",
    "diratime",
    "nodiratime",
];
const DATA: &[&str] = &["size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"];

fn is_tmpfs_option(option: &str) -> bool {
    FLAGS.contains(&option) || option.split_once('=').is_some_and(|(name, _)| DATA.contains(&name))
}

pub(super) fn tmpfs_targets(words: &[String]) -> BTreeSet<String> {
    words.iter().map(|word| clean(split(word).0)).collect()
}

pub(super) fn tmpfs_points(words: &[String]) -> Vec<MountPoint> {
    let point = |word: &String| {
        let (target, options) = split(word);
        MountPoint {
            kind: MountKind::Tmpfs,
            target: clean(target),
            read_only: word::is_read_only(options),
            options: options.to_string(),
            flag: "tmpfs".to_string(),
            word: word.clone(),
            ..MountPoint::default()
        }
    };
    words.iter().map(point).collect()
}

/// Flags and data of mount(2) for a file system of memory: Docker's noexec, nosuid, nodev, and what the options say after them.
pub(crate) fn tmpfs_mount(options: &str) -> (MountFlags, String) {
    mount_options(MountFlags::GUARDED, options)
}

/// The same of options as mount(8) takes them, from the flags that hold where nothing is said.
pub(crate) fn mount_options(mut flags: MountFlags, options: &str) -> (MountFlags, String) {
    let mut data: Vec<&str> = Vec::new();
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option {
            "ro" => flags.read_only = true,
            "rw" => flags.read_only = false,
            "nosuid" | "suid" => flags.no_suid = option == "nosuid",
            "nodev" | "dev" => flags.no_dev = option == "nodev",
            "noexec" | "exec" => flags.no_exec = option == "noexec",
            "relatime" | "norelatime" => flags.relatime = option == "relatime",
            "strictatime" | "nostrictatime" => flags.strictatime = option == "strictatime",
            _ if option.contains('=') => {
                let name = option.split('=').next().unwrap_or(option);
                data.retain(|known| known.split('=').next() != Some(name));
                data.push(option);
            }
            _ => {}
        }
    }
    (flags, data.join(","))
}
