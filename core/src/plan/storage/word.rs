//! The words of `-v`: `PATH`, `SOURCE:PATH`, `SOURCE:PATH:MODE`. Rules and texts are those of moby's volume/mounts/linux_parser.go.

use super::spec;
use crate::model::{MountKind, MountPoint, Propagation};

/// What a word asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// A path alone: a volume that nobody named.
    Unnamed(String),
    /// A path of the host or a volume.
    Mount(MountPoint),
}

/// Reads a word of `-v`.
pub(super) fn read(word: &str) -> Result<Read, String> {
    let wrong = || format!("invalid volume specification: '{word}'");
    let fields: Vec<&str> = word.splitn(4, ':').collect();
    let (source, target, mode) = match fields[..] {
        [target] => return unnamed_target(target).map(Read::Unnamed),
        // A path and a mode are no volume: a volume that nobody named has none.
        [_, mode] if is_mode(mode) => return Err(wrong()),
        [source, target] => (source, target, ""),
        [source, target, mode] => (source, target, mode),
        _ => return Err(wrong()),
    };
    if !is_mode(mode) {
        return Err(format!("invalid mode: {mode}"));
    }
    let kind = if source.starts_with('/') { MountKind::Bind } else { MountKind::Volume };
    let kind_name = if kind == MountKind::Bind { "bind" } else { "volume" };
    spec::check_target(target, kind_name).map_err(|reason| format!("{}: {reason}", wrong()))?;
    let bind = kind == MountKind::Bind;
    if !bind && !propagation(mode).is_empty() {
        return Err(format!("{}: invalid mount config for type \"volume\": field BindOptions must not be specified", wrong()));
    }
    let copies = !bind && !mode.split(',').any(|option| option == "nocopy");
    Ok(Read::Mount(MountPoint {
        kind,
        name: if bind { String::new() } else { source.to_string() },
        source: if bind { clean(source) } else { String::new() },
        target: clean(target),
        read_only: is_read_only(mode),
        mode: shown_mode(mode, bind),
        recursive: true,
        top_only: false,
        subpath: String::new(),
        anonymous: false,
        copies,
        makes_source: bind,
        options: String::new(),
        propagation: Propagation::default(),
        flag: "volume".to_string(),
        word: word.to_string(),
    }))
}

/// Docker notes `z` for a volume of its own driver where nothing was said.
fn shown_mode(mode: &str, bind: bool) -> String {
    if mode.is_empty() && !bind { "z".to_string() } else { mode.to_string() }
}

fn unnamed_target(target: &str) -> Result<String, String> {
    let reason = match clean(target).as_str() {
        "/" => "invalid specification: destination can't be '/'".to_string(),
        path if path.starts_with('/') => return Ok(path.to_string()),
        _ => format!("invalid mount path: '{target}' mount path must be absolute"),
    };
    Err(format!("invalid volume specification: '{target}': invalid mount config for type \"volume\": {reason}"))
}

/// A volume that nobody named, at `target`.
pub(super) fn unnamed(target: String, word: String) -> MountPoint {
    MountPoint {
        kind: MountKind::Volume,
        target,
        recursive: true,
        anonymous: true,
        copies: true,
        flag: "volume".to_string(),
        word,
        ..MountPoint::default()
    }
}

const ACCESS: &[&str] = &["ro", "rw"];
const LABELS: &[&str] = &["z", "Z"];
const COPY: &[&str] = &["nocopy"];
const CONSISTENCY: &[&str] = &["consistent", "cached", "delegated"];
/// Propagation modes of mount_namespaces(7).
pub(super) const PROPAGATION: &[&str] = &["private", "rprivate", "slave", "rslave", "shared", "rshared"];

/// A mode of `-v`: of each kind of option at most one.
pub(super) fn is_mode(mode: &str) -> bool {
    let kinds = [ACCESS, LABELS, COPY, CONSISTENCY, PROPAGATION];
    let mut counts = [0; 5];
    for option in mode.split(',').filter(|_| !mode.is_empty()) {
        match kinds.iter().position(|kind| kind.contains(&option)) {
            Some(kind) => counts[kind] += 1,
            None => return false,
        }
    }
    counts.iter().all(|count| *count <= 1)
}

/// `ro` stands in the mode.
pub(super) fn is_read_only(mode: &str) -> bool {
    mode.split(',').any(|option| option == "ro")
}

/// The propagation that a mode names; empty: none.
pub(super) fn propagation(mode: &str) -> &str {
    mode.split(',').find(|option| PROPAGATION.contains(option)).unwrap_or_default()
}

/// The shortest form of a path, without looking at any link: Go's path.Clean.
pub(crate) fn clean(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." if names.last().is_some_and(|last| *last != "..") => drop(names.pop()),
            ".." if absolute => {}
            name => names.push(name),
        }
    }
    let joined = names.join("/");
    if absolute { format!("/{joined}") } else { joined }
}
