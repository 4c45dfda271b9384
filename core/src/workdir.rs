//! The working directory of a new container: where in its layers it is, and what of it is missing. Pure; both kernels ask it.
//!
//! dockerd makes it when the container is made, in the container's own layer and below all mounts (moby container/container.go,
//! `SetupWorkingDirectory`). What is missing at the start, because something is mounted over it, runc makes then.

use crate::diagnosis::{Diagnosis, Finding};
use crate::errno::Errno;

/// As many links are followed: moby pkg/symlink.
const LINKS_MAX: usize = 255;

/// What the layers show somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Nothing.
    Missing,
    /// A directory.
    Directory,
    /// A link, with its text.
    Link(String),
    /// A file, or anything else that nothing can be below.
    Other,
}

/// Where it is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The names on the way, without links.
    pub names: Vec<String>,
    /// How many of them are there.
    pub there: usize,
}

/// Why there can be none, in dockerd's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The errno that says the same.
    pub errno: Errno,
    /// dockerd's words; empty: a call failed, and the errno is all.
    pub what: String,
    /// What is in the way, as the container names it; empty: nothing is.
    pub in_the_way: String,
    /// It is in the way at the very end: a file, and not a directory.
    pub at_end: bool,
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Refusal {
        Refusal { errno, what: String::new(), in_the_way: String::new(), at_end: false }
    }
}

impl Refusal {
    /// The call, or dockerd's words for it.
    pub fn call(&self) -> &str {
        if self.what.is_empty() { "mkdir" } else { &self.what }
    }

    /// What our own line says.
    pub fn finding(&self) -> Finding {
        let what = format!("{} is a file, not a directory: nothing can be below it, and no program starts there", self.in_the_way);
        let diagnosis = (!self.in_the_way.is_empty()).then(|| Diagnosis { what, advice: String::new() });
        Finding { diagnosis, ..Finding::default() }
    }
}

/// Follows `typed` below the root that `look` looks into. `merged`: where the root would be mounted, for dockerd's words.
pub fn find(typed: &str, merged: &str, mut look: impl FnMut(&[String]) -> Result<Shown, Errno>) -> Result<Found, Refusal> {
    let mut found = Found::default();
    let mut left = names(&crate::plan::clean(typed));
    let mut links = 0;
    while let Some(name) = left.pop() {
        if name == ".." {
            found.names.pop();
            found.there = found.there.min(found.names.len());
            continue;
        }
        found.names.push(name);
        if found.there + 1 < found.names.len() {
            continue;
        }
        match look(&found.names)? {
            Shown::Missing => {}
            Shown::Directory => found.there = found.names.len(),
            Shown::Link(text) => {
                links += 1;
                if links > LINKS_MAX {
                    let what = format!("too many links in {merged}{typed}");
                    return Err(Refusal { what, ..Errno::ELOOP.into() });
                }
                found.names.pop();
                if text.starts_with('/') {
                    found = Found::default();
                }
                left.extend(names(&text));
            }
            Shown::Other => return Err(not_a_directory(typed, merged, &found.names, left.pop())),
        }
    }
    Ok(found)
}

/// The file at `typed` below the root that `look` looks into: its name there, links followed. `None`: there is none.
pub fn file(typed: &str, look: impl FnMut(&[String]) -> Result<Shown, Errno>) -> Result<Option<String>, Errno> {
    match find(typed, "", look) {
        Err(refusal) if refusal.at_end => Ok(Some(refusal.in_the_way.trim_start_matches('/').to_string())),
        Err(Refusal { errno: Errno::ENOTDIR | Errno::ELOOP, .. }) | Ok(_) => Ok(None),
        Err(refusal) => Err(refusal.errno),
    }
}

fn not_a_directory(typed: &str, merged: &str, way: &[String], next: Option<String>) -> Refusal {
    let at_end = next.is_none();
    let what = match next {
        None => format!("Cannot mkdir: {typed} is not a directory"),
        Some(next) => format!("lstat {merged}/{}/{next}: not a directory", way.join("/")),
    };
    Refusal { errno: Errno::ENOTDIR, what, in_the_way: format!("/{}", way.join("/")), at_end }
}

/// The names of a path, the first one last.
fn names(path: &str) -> Vec<String> {
    path.split('/').rev().filter(|name| !name.is_empty() && *name != ".").map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// /etc/passwd, /bin -> usr/bin, /usr/bin, /up -> ../../etc, /round -> round
    fn look(way: &[String]) -> Result<Shown, Errno> {
        Ok(match way.join("/").as_str() {
            "etc" | "usr" | "usr/bin" => Shown::Directory,
            "etc/passwd" => Shown::Other,
            "bin" => Shown::Link("usr/bin".into()),
            "up" => Shown::Link("../../etc".into()),
            "far" => Shown::Link("/etc/passwd".into()),
            "round" => Shown::Link("/round".into()),
            _ => Shown::Missing,
        })
    }

    fn told(path: &str) -> String {
        match find(path, "/m", look) {
            Ok(found) => format!("{} {}", found.names.join("/"), found.there),
            Err(refusal) => refusal.what,
        }
    }

    #[test]
    fn links_are_followed_within_the_root() {
        assert_eq!(told("/etc"), "etc 1");
        assert_eq!(told("/bin/new/er"), "usr/bin/new/er 2");
        assert_eq!(told("/up/new"), "etc/new 1");
        assert_eq!(told("/none/../etc"), "etc 1");
        assert_eq!(told("/"), " 0");
        assert_eq!(told("/round"), "too many links in /m/round");
    }

    #[test]
    fn files_are_found_through_links() {
        let found = |path: &str| file(path, look).unwrap();
        assert_eq!(found("/etc/passwd").as_deref(), Some("etc/passwd"));
        assert_eq!(found("/far").as_deref(), Some("etc/passwd"));
        assert_eq!(found("/up/passwd").as_deref(), Some("etc/passwd"));
        assert_eq!((found("/etc"), found("/etc/none"), found("/etc/passwd/x"), found("/round")), (None, None, None, None));
    }

    #[test]
    fn a_file_is_refused_in_dockerds_words() {
        assert_eq!(told("/etc/passwd"), "Cannot mkdir: /etc/passwd is not a directory");
        assert_eq!(told("/far"), "Cannot mkdir: /far is not a directory");
        assert_eq!(told("/etc/passwd/x/y"), "lstat /m/etc/passwd/x: not a directory");
    }
}
