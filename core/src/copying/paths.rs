//! Paths as words: a trailing `/` or `/.` means something to `cp`, and is kept.

use super::Refusal;
use crate::plan::clean;

/// `CONTAINER:PATH`, or a path of the host. What begins with `/` or `.` is a path, whatever else is in it.
pub fn split_argument(argument: &str) -> (Option<&str>, &str) {
    match argument.split_once(':') {
        Some((container, path)) if !argument.starts_with('/') && !container.starts_with('.') && !container.is_empty() => {
            (Some(container), path)
        }
        Some(("", path)) => (None, path),
        _ => (None, argument),
    }
}

/// The path from `base`, as it was typed: what links on the way lead to, the kernel sees.
pub fn joined(path: &str, base: &str) -> String {
    if path.starts_with('/') { path.to_string() } else { format!("{}/{path}", base.trim_end_matches('/')) }
}

/// The path from `base`, in its shortest form but for a `/` or `/.` at its end.
pub fn absolute(path: &str, base: &str) -> String {
    let whole = clean(&joined(path, base));
    let slash = if whole.ends_with('/') { "" } else { "/" };
    match path {
        path if is_current(path) => format!("{whole}{slash}."),
        path if path.ends_with('/') => format!("{whole}{slash}"),
        _ => whole,
    }
}

/// It ends with the name `.`: what is in the directory is meant, and not the directory.
pub(super) fn is_current(path: &str) -> bool {
    path == "." || path.ends_with("/.")
}

/// It says that it is a directory.
pub(super) fn asserts_directory(path: &str) -> bool {
    path.ends_with('/') || is_current(path)
}

/// The directory and the name of an absolute path: `.` where the content is meant, `/` for the root.
pub(crate) fn directory_and_name(path: &str) -> (String, String) {
    let whole = clean(path);
    if is_current(path) {
        return (whole, ".".to_string());
    }
    match whole.rsplit_once('/') {
        Some(("", "")) | None => ("/".to_string(), "/".to_string()),
        Some(("", name)) => ("/".to_string(), name.to_string()),
        Some((directory, name)) => (directory.to_string(), name.to_string()),
    }
}

/// The directory that a path lies in.
pub(crate) fn parent_of(path: &str) -> String {
    directory_and_name(&clean(path)).0
}

pub(super) fn join(directory: &str, name: &str) -> String {
    if directory.ends_with('/') { format!("{directory}{name}") } else { format!("{directory}/{name}") }
}

/// What is copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// Absolute, with its trailing `/.`.
    pub path: String,
    /// The name that it takes along; other than that of `path` where a link was followed.
    pub name: String,
    pub is_directory: bool,
}

/// Where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Destination {
    /// Absolute, with its trailing `/`.
    pub path: String,
    pub exists: bool,
    pub is_directory: bool,
}

/// The directory to copy into, and the name there; no name: what is in the source, and not the source.
pub(super) fn place(source: &Source, destination: &Destination) -> Result<(String, Option<String>), Refusal> {
    let (directory, name) = directory_and_name(&destination.path);
    match (destination.exists, destination.is_directory, source.is_directory) {
        (true, true, _) => {
            let own = Some(source.name.clone()).filter(|name| name != "." && name != "/");
            Ok((clean(&destination.path), own))
        }
        (true, false, true) => Err(Refusal::DirectoryOverFile),
        (false, _, false) if asserts_directory(&destination.path) => Err(Refusal::NoSuchDirectory),
        _ => Ok((directory, Some(name))),
    }
}
