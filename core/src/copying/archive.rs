//! Entries of a tar archive, put below a directory: whatever their names say, nothing is made outside of it.

use super::paths::join;
use super::tree::{self, Owner};
use super::{Look, Machine, Refusal, Side, paths};
use crate::plan::clean;
use crate::userland::FileKind;

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArchiveKind {
    /// A file, a directory, a device: what its look says.
    Plain,
    /// A symbolic link that says this.
    Symlink(String),
    /// Another name of this entry.
    Hardlink(String),
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveEntry {
    /// Its path in the archive.
    pub name: String,
    /// What it is.
    pub kind: ArchiveKind,
    /// Mode, owner, time.
    pub look: Look,
}

/// Makes the entry below `directory`; its content, where it is a file, is written by `content` to the path that it is given. Answers the
/// path of a directory: mode and time are to be given to it once more at the end, since what is made in it changes its time.
pub fn unpack_entry<M: Machine>(
    machine: &mut M,
    directory: &str,
    entry: &ArchiveEntry,
    owner: &Owner,
    content: &mut dyn FnMut(&mut M, &str) -> Result<(), Refusal>,
) -> Result<Option<String>, Refusal> {
    let name =
        inside(&entry.name).ok_or_else(|| Refusal::Outside { name: entry.name.clone(), directory: directory.to_string() })?;
    if name.is_empty() {
        return Ok(None);
    }
    let target = join(directory, &name);
    make_parents(machine, directory, &name)?;
    if tree::clear(machine, &target, directory, &entry.look, false)? {
        return tree::adorn(machine, &target, &entry.look, owner).map(|()| Some(target));
    }
    let at = target.as_str();
    let failed = |call: &'static str| move |errno| Refusal::call(call, at, errno);
    match (&entry.kind, entry.look.kind) {
        (ArchiveKind::Symlink(text), _) => {
            refuse_link_out(directory, &target, text)?;
            machine.make_link(&target, text).map_err(failed("symlink"))?;
        }
        (ArchiveKind::Hardlink(text), _) => {
            let other =
                inside(text).ok_or_else(|| Refusal::LinkOut { kind: "hardlink", path: target.clone(), target: text.clone() })?;
            return machine.make_hardlink(&join(directory, &other), &target).map(|()| None).map_err(failed("link"));
        }
        (_, Some(FileKind::Directory)) => machine.make_directory(&target).map_err(failed("mkdir"))?,
        (_, Some(FileKind::File)) => content(machine, &target)?,
        (_, Some(_)) => machine.make_node(&target, &entry.look).map_err(failed("mknod"))?,
        (_, None) => return Ok(None),
    }
    tree::adorn(machine, &target, &entry.look, owner)?;
    Ok(entry.look.is_directory().then_some(target))
}

/// The path below the directory; `None`: it leads out.
fn inside(name: &str) -> Option<String> {
    crate::archive::inside(name.as_bytes()).and_then(|path| String::from_utf8(path).ok())
}

/// Directories that the archive leaves out.
fn make_parents(machine: &mut impl Machine, directory: &str, name: &str) -> Result<(), Refusal> {
    let mut at = directory.to_string();
    let (above, _) = name.rsplit_once('/').unwrap_or(("", name));
    for part in above.split('/').filter(|part| !part.is_empty()) {
        at = join(&at, part);
        match machine.look(Side::To, &at) {
            // A link leads nowhere but within the container's root.
            Ok(_) => {}
            Err(_) => machine.make_directory(&at).map_err(|errno| Refusal::call("mkdir", &at, errno))?,
        }
    }
    Ok(())
}

/// A relative link may not lead out of the directory; an absolute one is looked at from there.
fn refuse_link_out(directory: &str, path: &str, text: &str) -> Result<(), Refusal> {
    let target = clean(&join(&paths::parent_of(path), text));
    let below = directory == "/" || target == directory || target.starts_with(&format!("{directory}/"));
    if below { Ok(()) } else { Err(Refusal::LinkOut { kind: "symlink", path: path.to_string(), target: text.to_string() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_below_the_directory() {
        for (name, expected) in [
            ("a/b", Some("a/b")),
            ("./a/../b/", Some("b")),
            ("/etc/passwd", Some("etc/passwd")),
            (".", Some("")),
            ("..", None),
            ("../x", None),
            ("a/../../x", None),
            ("/../../x", None),
        ] {
            assert_eq!(inside(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn a_relative_link_may_not_lead_out() {
        assert!(refuse_link_out("/srv", "/srv/a/link", "../b").is_ok());
        assert!(refuse_link_out("/srv", "/srv/a/link", "/etc/passwd").is_ok());
        assert!(refuse_link_out("/", "/link", "../../etc").is_ok());
        let refusal = refuse_link_out("/srv", "/srv/link", "../etc").unwrap_err().to_string();
        assert_eq!(refusal, "Error response from daemon: invalid symlink \"/srv/link\" -> \"../etc\"");
        assert!(refuse_link_out("/srv", "/srv/link", "../srvx").is_err());
    }
}
