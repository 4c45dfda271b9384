//! Whose a mounted file is, and what its permission bits say to the container's program: inode(7), path_resolution(7), capabilities(7).
//!
//! A bind mount shows the host's own file with the host's numbers; whoever asks from inside is a number too. Asked for by
//! `glassbox why CONTAINER PATH`. Nothing is run and nothing is opened: owner, group and mode come with the facts.

use crate::accounts::{GROUP, PASSWD, resolve, resolve_groups};
use crate::host::{HostFacts, OwnerFact};
use crate::model::{Backing, Container, IdMapLine, MountKind, MountPoint, State};
use crate::oci::capability::Capability;
use crate::oci::toolbox;
use crate::plan::{backing_of, clean};

/// What is asked of a file.
const READ: u32 = 4;
const WRITE: u32 = 2;
const SEARCH: u32 = 1;

/// A path of a container, and what it is on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mounted<'a> {
    /// The mount that it lies on.
    pub point: &'a MountPoint,
    /// It can be written to as far as the mount goes.
    pub writable: bool,
    /// The directories of the host from the mount's root down, the path itself last.
    pub way: Vec<String>,
}

/// The program that asks, by its numbers inside the container.
struct Asker {
    uid: u32,
    gids: Vec<u32>,
    /// CAP_DAC_OVERRIDE, which execve(2) leaves to root alone.
    overrides: bool,
}

/// Where a path of the container lies on the host; `None`: on none of its mounts, or in memory.
pub fn mounted<'a>(path: &str, container: &'a Container, state: &State, data_root: &str) -> Option<Mounted<'a>> {
    let path = clean(path);
    let below = |target: &str| path == target || path.strip_prefix(target).is_some_and(|rest| rest.starts_with('/'));
    let point = container.mounts.iter().filter(|point| below(&point.target)).max_by_key(|point| point.depth())?;
    let (source, writable) = match (point.kind, backing_of(point, container, state)) {
        (MountKind::Tmpfs, _) | (_, Backing::Memory { .. } | Backing::Other { .. }) => return None,
        (_, Backing::Host { device, read_only, .. }) => (device, !read_only),
        (MountKind::Volume, _) => (crate::layout::Layout::new(data_root).volume_data(&point.name), true),
        (MountKind::Bind, _) => (point.source.clone(), true),
    };
    let source = if point.subpath.is_empty() { source } else { clean(&format!("{source}/{}", point.subpath)) };
    let mut way = vec![source];
    for name in path.strip_prefix(&point.target).unwrap_or_default().split('/').filter(|name| !name.is_empty()) {
        let next = format!("{}/{name}", way.last().map_or("", String::as_str));
        way.push(next);
    }
    Some(Mounted { point, writable: writable && !point.read_only, way })
}

/// A number of the host as it is inside, or the other way round; without a map they are the same.
fn mapped(id: u32, map: &[IdMapLine], inwards: bool) -> Option<u32> {
    if map.is_empty() {
        return Some(id);
    }
    map.iter().find_map(|line| {
        let (from, to) = if inwards { (line.outside, line.inside) } else { (line.inside, line.outside) };
        id.checked_sub(from).filter(|at| *at < line.count).map(|at| to + at)
    })
}

/// Ids of `USER[:GROUP]`; names are those of the toolbox image. `None`: a name that only the container knows.
fn asker(container: &Container) -> Option<Asker> {
    let text = |file: &str| toolbox::text(file).unwrap_or_default();
    let groups = text(GROUP);
    let identity = resolve(&container.process.user, &text(PASSWD), &groups).ok()?;
    let more = resolve_groups(&container.host.tuning.group_add, &groups).ok()?;
    let (uid, gids) = (identity.uid, [vec![identity.gid], identity.groups, more].concat());
    let overrides = uid == 0 && container.host.capabilities.contains(Capability::DacOverride);
    Some(Asker { uid, gids, overrides })
}

/// Which three bits count, who they are for, and what they allow.
fn bits(owner: &OwnerFact, asker: &Asker, container: &Container) -> (&'static str, u32) {
    let host = &container.host;
    if mapped(asker.uid, &host.uid_map, false) == Some(owner.uid) {
        return ("its owner", owner.mode >> 6 & 7);
    }
    let in_group = asker.gids.iter().any(|gid| mapped(*gid, &host.gid_map, false) == Some(owner.gid));
    if in_group { ("its group", owner.mode >> 3 & 7) } else { ("others", owner.mode & 7) }
}

fn letters(bits: u32) -> String {
    [(READ, 'r'), (WRITE, 'w'), (SEARCH, 'x')].iter().map(|(bit, letter)| if bits & bit > 0 { *letter } else { '-' }).collect()
}

/// The text of `why CONTAINER PATH`; `Err`: what it cannot be told of, and why.
pub fn text(path: &str, container: &Container, state: &State, host: &HostFacts) -> Result<String, String> {
    let found = mounted(path, container, state, &host.data_root).ok_or_else(|| {
        let all: Vec<&str> = container.mounts.iter().map(|point| point.target.as_str()).collect();
        let all = if all.is_empty() { "nothing".to_string() } else { all.join(" ") };
        format!("{path} of {} is no file of the host; mounted from outside there is: {all}", container.name)
    })?;
    let asker = asker(container).ok_or_else(|| {
        format!("the number of the user {} is known in the container alone: glassbox exec … id", container.process.user)
    })?;
    let last = found.way.last().cloned().unwrap_or_default();
    let missing = found.way.iter().find(|path| !host.owners.contains_key(*path));
    if let Some(missing) = missing {
        return Err(format!("{missing} is not there on the host, or you may not look at it"));
    }
    let way: Vec<(&String, &OwnerFact)> = found.way.iter().filter_map(|path| Some((path, host.owners.get(path)?))).collect();
    let Some((_, owner)) = way.last() else { return Err(format!("{last} is not there on the host")) };
    let kind = if owner.directory { "directory" } else { "file" };
    let gids: Vec<String> = asker.gids.iter().map(u32::to_string).collect();
    let mut text = format!(
        "{} is {last} of the host\n  owner: uid {}, gid {}, mode {:04o}: a {kind}\n  asks:  uid {}, gid {}{}\n",
        clean(path),
        owner.uid,
        owner.gid,
        owner.mode,
        asker.uid,
        gids.join(" "),
        if asker.overrides { ", with CAP_DAC_OVERRIDE" } else { "" },
    );
    text += &outside_words(&asker, container);
    let blocked = way.iter().take(way.len() - 1).find(|(_, owner)| !may(owner, &asker, container, SEARCH));
    let judge = Judge { asker: &asker, container, path: &last, owner };
    for (word, wanted) in [("read", READ), ("write", if owner.directory { WRITE | SEARCH } else { WRITE })] {
        text += &match blocked {
            Some((path, owner)) => Judge { path, owner, ..judge }.refusal(word, SEARCH),
            None if wanted & WRITE > 0 && !found.writable => {
                let opens = "the mount without ro";
                format!(
                    "  {word}: -1 EROFS (Read-only file system)\n    read-only says no: the mount is.\n    opened by: {opens}\n"
                )
            }
            None if may(owner, &asker, container, wanted) => format!("  {word}: allowed\n"),
            None => judge.refusal(word, wanted),
        };
    }
    Ok(text)
}

/// In a user namespace of its own the container's numbers are others on the host.
fn outside_words(asker: &Asker, container: &Container) -> String {
    let outside = mapped(asker.uid, &container.host.uid_map, false);
    match outside {
        _ if container.host.uid_map.is_empty() || outside == Some(asker.uid) => String::new(),
        Some(uid) => format!("         which is uid {uid} on the host: the container has a user namespace of its own\n"),
        None => "         which is nobody on the host: the container's user namespace does not map it\n".to_string(),
    }
}

/// Root's override holds for files whose owner and group its user namespace knows.
fn may(owner: &OwnerFact, asker: &Asker, container: &Container, wanted: u32) -> bool {
    let host = &container.host;
    let known = mapped(owner.uid, &host.uid_map, true).is_some() && mapped(owner.gid, &host.gid_map, true).is_some();
    asker.overrides && known && (owner.directory || wanted & SEARCH == 0) || bits(owner, asker, container).1 & wanted == wanted
}

#[derive(Clone, Copy)]
struct Judge<'a> {
    asker: &'a Asker,
    container: &'a Container,
    path: &'a str,
    owner: &'a OwnerFact,
}

impl Judge<'_> {
    fn refusal(&self, word: &str, wanted: u32) -> String {
        let (whose, allowed) = bits(self.owner, self.asker, self.container);
        let host = &self.container.host;
        let (name, who) = match whose {
            "its owner" => ("u", "it is its owner".to_string()),
            "its group" => ("g", format!("it is not its owner, but in its group {}", self.owner.gid)),
            _ => ("o", "it is neither its owner nor in its group".to_string()),
        };
        let missing: String = letters(wanted & !allowed).replace('-', "");
        let path = self.path;
        let run_as = mapped(self.owner.uid, &host.uid_map, true)
            .zip(mapped(self.owner.gid, &host.gid_map, true))
            .filter(|_| self.owner.mode >> 6 & wanted == wanted)
            .map(|(uid, gid)| format!("-u {uid}:{gid}"));
        let own = mapped(self.asker.uid, &host.uid_map, false).filter(|_| whose != "its owner");
        let chown = own.map(|uid| format!("on the host: chown {uid} {path}"));
        let chmod = Some(format!("on the host: chmod {name}+{missing} {path}"));
        let opens: Vec<String> = run_as.into_iter().chain(chown).chain(chmod).collect();
        format!(
            "  {word}: -1 EACCES (Permission denied)\n    permission bits say no: to uid {} {path} says {}, for {who}.\n    opened by: {}\n",
            self.asker.uid,
            letters(allowed),
            opens.join("; or "),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::samples;

    fn told(user: &str, owner: OwnerFact, path: &str) -> String {
        let mut container = samples::container();
        container.process.user = user.into();
        container.mounts = vec![MountPoint { source: "/srv".into(), target: "/data".into(), ..MountPoint::default() }];
        let mut host = HostFacts::example();
        host.owners = [("/srv".to_string(), owner), ("/srv/deep".to_string(), owner)].into();
        text(path, &container, &State::of_engine("/var/lib/glassbox"), &host).unwrap_or_else(|error| error)
    }

    const ROOTS: OwnerFact = OwnerFact { uid: 0, gid: 0, mode: 0o755, directory: true };

    #[test]
    fn the_bits_that_count_are_those_of_owner_group_or_others() {
        let others = told("1000:1000", ROOTS, "/data");
        assert!(others.contains("  read: allowed\n  write: -1 EACCES (Permission denied)\n"), "{others}");
        assert!(
            others.contains("opened by: -u 0:0; or on the host: chown 1000 /srv; or on the host: chmod o+w /srv\n"),
            "{others}"
        );
        let group = told("1000", ROOTS, "/data");
        assert!(group.contains("it is not its owner, but in its group 0"), "{group}");
        let owner = told("1000", OwnerFact { uid: 1000, mode: 0o500, ..ROOTS }, "/data");
        assert!(owner.contains("opened by: on the host: chmod u+w /srv\n"), "{owner}");
        assert!(told("", ROOTS, "/data").contains("write: allowed"));
    }

    #[test]
    fn directories_above_are_asked_first() {
        let shut = told("1000:1000", OwnerFact { mode: 0o700, ..ROOTS }, "/data/deep");
        assert!(shut.contains("read: -1 EACCES") && shut.contains("chmod o+x /srv\n"), "{shut}");
        assert_eq!(told("", ROOTS, "/other"), "/other of web is no file of the host; mounted from outside there is: /data");
        assert_eq!(told("", ROOTS, "/data/gone"), "/srv/gone is not there on the host, or you may not look at it");
        assert!(told("somebody", ROOTS, "/data").contains("known in the container alone"));
    }

    #[test]
    fn numbers_are_others_in_a_user_namespace() {
        let map = [IdMapLine { inside: 0, outside: 1000, count: 1 }];
        assert_eq!((mapped(0, &map, false), mapped(1, &map, false), mapped(1000, &map, true)), (Some(1000), None, Some(0)));
        assert_eq!(mapped(7, &[], true), Some(7));
    }
}
