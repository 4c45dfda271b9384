//! Who `-u` means: a user as typed, looked up in the container's own /etc/passwd and /etc/group, by the rules that runc follows.
//! Pure: both kernels' executors of `SetUser` read the files and ask here.
//!
//! dockerd reads them before anything is mounted in the container (moby daemon/oci_linux.go, `getUser`): what a volume or a bind mount
//! shows in /etc names nobody (moby issue 39261). For such a container the files are read through its layers.

use std::io::Read;

use crate::errno::Errno;
use crate::home::PASSWD_BYTES_MAX;
use crate::oci::layer::{Merged, NodeKind, Tree};
use crate::workdir::{self, Shown};

/// Where the names of users are.
pub const PASSWD: &str = "/etc/passwd";
/// Where the names of groups are.
pub const GROUP: &str = "/etc/group";

/// A mount at `target` hides one of the two files.
pub fn is_hidden_by(target: &str) -> bool {
    [PASSWD, GROUP].iter().any(|file| file.strip_prefix(target).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// The identity of `user` with `groups` added, by the files in the layers of a container. ESRCH: no such name; the call that would have
/// set what was not found.
pub fn in_layers<T: Tree>(user: &str, groups: &[String], layers: &mut Merged<T>) -> Result<Identity, (&'static str, Errno)> {
    let passwd = text(layers, PASSWD).map_err(|errno| ("read", errno))?;
    let group = text(layers, GROUP).map_err(|errno| ("read", errno))?;
    let mut identity = resolve(user, &passwd, &group).map_err(|errno| ("setresuid", errno))?;
    identity.groups.extend(resolve_groups(groups, &group).map_err(|errno| ("setgroups", errno))?);
    Ok(identity)
}

/// A file of the layers, links followed; what is missing, or no file, is empty. EFBIG: more than is read of such a file.
fn text<T: Tree>(layers: &mut Merged<T>, path: &str) -> Result<String, Errno> {
    let found = workdir::file(path, |way| {
        let way = way.join("/");
        Ok(match layers.look(way.as_bytes()) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => Shown::Missing,
            Err(errno) => return Err(errno),
            Ok(look) => match look.kind {
                NodeKind::Directory => Shown::Directory,
                NodeKind::Symlink => Shown::Link(String::from_utf8_lossy(&layers.symlink_text(way.as_bytes())?).into_owned()),
                _ => Shown::Other,
            },
        })
    })?;
    let Some(found) = found.filter(|found| layers.look(found.as_bytes()).is_ok_and(|look| look.kind == NodeKind::File)) else {
        return Ok(String::new());
    };
    let mut bytes = Vec::new();
    let most = u64::try_from(PASSWD_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    layers.open(found.as_bytes())?.take(most).read_to_end(&mut bytes).map_err(|_| Errno::EIO)?;
    if bytes.len() > PASSWD_BYTES_MAX { Err(Errno::EFBIG) } else { Ok(String::from_utf8_lossy(&bytes).into_owned()) }
}

/// The ids of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

struct User<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
}

struct Group<'a> {
    name: &'a str,
    gid: u32,
    members: &'a str,
}

/// `user`, `uid`, `user:group`, `uid:gid`; empty: root. `passwd` and `group` are the texts of the two files. ESRCH: no such name.
pub fn resolve(text: &str, passwd: &str, group: &str) -> Result<Identity, Errno> {
    let (user, wanted_group) = text.split_once(':').unwrap_or((text, ""));
    let number: Option<u32> = if user.is_empty() { Some(0) } else { user.parse().ok() };
    let found = users(passwd).find(|entry| entry.name == user || number == Some(entry.uid));
    let uid = found.as_ref().map(|entry| entry.uid).or(number).ok_or(Errno::ESRCH)?;
    let mut identity = Identity { uid, gid: found.as_ref().map_or(0, |entry| entry.gid), groups: Vec::new() };
    if !wanted_group.is_empty() {
        let number: Option<u32> = wanted_group.parse().ok();
        let found = groups(group).find(|entry| entry.name == wanted_group || number == Some(entry.gid));
        identity.gid = found.map(|entry| entry.gid).or(number).ok_or(Errno::ESRCH)?;
    } else if let Some(user) = found {
        let member = |entry: &Group<'_>| entry.members.split(',').any(|member| member == user.name);
        identity.groups = groups(group).filter(member).map(|entry| entry.gid).collect();
    }
    Ok(identity)
}

/// Further groups: names of /etc/group, or numbers. ESRCH: no such name.
pub fn resolve_groups(names: &[String], group: &str) -> Result<Vec<u32>, Errno> {
    names.iter().map(|name| group_named(name, group).or_else(|| name.parse().ok()).ok_or(Errno::ESRCH)).collect()
}

/// User and own group of this name, and of no number.
pub fn user_named(name: &str, passwd: &str) -> Option<(u32, u32)> {
    users(passwd).find(|entry| entry.name == name).map(|entry| (entry.uid, entry.gid))
}

/// The group of this name, and of no number.
pub fn group_named(name: &str, group: &str) -> Option<u32> {
    groups(group).find(|entry| entry.name == name).map(|entry| entry.gid)
}

fn users(passwd: &str) -> impl Iterator<Item = User<'_>> {
    passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        Some(User { name, uid, gid })
    })
}

fn groups(group: &str) -> impl Iterator<Item = Group<'_>> {
    group.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let gid = fields.nth(1)?.parse().ok()?;
        Some(Group { name, gid, members: fields.next().unwrap_or("") })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nbroken\nann:x:1000:1001::/home/ann:/bin/sh\n";
    const GROUP: &str = "root:x:0:\nwheel:x:10:bob,ann\nann:x:1001:\nmail:x:12:ann\n";

    #[track_caller]
    fn check(text: &str, uid: u32, gid: u32, groups: &[u32]) {
        let expected = Identity { uid, gid, groups: groups.to_vec() };
        assert_eq!(resolve(text, PASSWD, GROUP), Ok(expected), "{text}");
    }

    #[test]
    fn names_and_numbers() {
        check("", 0, 0, &[]);
        check("root", 0, 0, &[]);
        check("ann", 1000, 1001, &[10, 12]);
        check("1000", 1000, 1001, &[10, 12]);
        check("ann:mail", 1000, 12, &[]);
        check("ann:77", 1000, 77, &[]);
        check("4711", 4711, 0, &[]);
        check("4711:wheel", 4711, 10, &[]);
    }

    #[test]
    fn further_groups_are_names_or_numbers() {
        let words = |all: &[&str]| all.iter().map(|word| (*word).to_string()).collect::<Vec<_>>();
        assert_eq!(resolve_groups(&words(&["wheel", "4711"]), GROUP), Ok(vec![10, 4711]));
        assert_eq!(resolve_groups(&words(&["crew"]), GROUP), Err(Errno::ESRCH));
    }

    #[test]
    fn unknown_names_are_refused() {
        assert_eq!(resolve("eve", PASSWD, GROUP), Err(Errno::ESRCH));
        assert_eq!(resolve("ann:crew", PASSWD, GROUP), Err(Errno::ESRCH));
        assert_eq!(resolve("-1", PASSWD, GROUP), Err(Errno::ESRCH));
        assert_eq!(resolve("ann", "", ""), Err(Errno::ESRCH));
    }
}
