//! How a layer writes that something of the layers below is gone: in an archive by names, on a disk as overlayfs wants it.

/// Which extended attributes overlayfs reads its marks from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OverlayForm {
    /// `trusted.overlay.*`: root's.
    #[default]
    Trusted,
    /// `user.overlay.*`: in a user namespace, where the mount option is `userxattr`.
    User,
}

impl OverlayForm {
    /// The mark of a directory that hides those of the layers below; its value is `y`.
    pub fn opaque(self) -> &'static str {
        match self {
            OverlayForm::Trusted => "trusted.overlay.opaque",
            OverlayForm::User => "user.overlay.opaque",
        }
    }

    /// The marks of something that is not whole here: it lies in another layer, or under another name.
    pub(super) fn references(self) -> [&'static str; 2] {
        match self {
            OverlayForm::Trusted => ["trusted.overlay.redirect", "trusted.overlay.metacopy"],
            OverlayForm::User => ["user.overlay.redirect", "user.overlay.metacopy"],
        }
    }
}

/// What the names of whiteouts begin with.
pub(super) const PREFIX: &[u8] = b".wh.";
/// A directory that hides those of the layers below has this in it.
pub(super) const OPAQUE: &[u8] = b".wh..wh..opq";
/// What AUFS keeps for itself, where layers were once made by it.
const OWN: &[u8] = b".wh..wh.";

/// What a path in an archive says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said<'a> {
    /// A file, a directory, whatever.
    Node(&'a [u8]),
    /// That the layers below have nothing under this path.
    Whiteout(Vec<u8>),
    /// That they have nothing in this directory.
    Opaque(&'a [u8]),
    /// AUFS' own.
    Nothing,
    /// A whiteout of no name.
    Invalid,
}

/// Directory and last name.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    path.iter().rposition(|byte| *byte == b'/').map_or((b"", path), |slash| (&path[..slash], &path[slash + 1..]))
}

pub(super) fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() { name.to_vec() } else { [directory, b"/", name].concat() }
}

/// Reads a path that is clean.
pub(super) fn said(path: &[u8]) -> Said<'_> {
    let (directory, name) = split(path);
    if directory.split(|byte| *byte == b'/').chain([name]).any(|part| part.starts_with(OWN) && part != OPAQUE) {
        return Said::Nothing;
    }
    if directory.split(|byte| *byte == b'/').any(|part| part.starts_with(PREFIX)) {
        return Said::Invalid;
    }
    match name.strip_prefix(PREFIX) {
        _ if name == OPAQUE => Said::Opaque(directory),
        Some(b"" | b"." | b"..") => Said::Invalid,
        Some(hidden) => Said::Whiteout(join(directory, hidden)),
        None => Said::Node(path),
    }
}

/// Whether an attribute is part of a layer: what files are allowed to do, who may, and what people have noted. `trusted.*` is the machine's,
/// overlayfs' own marks are made from names alone, and labels of SELinux belong to the machine that gives them.
pub(super) fn is_kept(attribute: &str) -> bool {
    match attribute {
        "security.capability" | "system.posix_acl_access" | "system.posix_acl_default" => true,
        name => name.starts_with("user.") && !name.starts_with("user.overlay."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_is_hidden() {
        assert_eq!(said(b"a/b"), Said::Node(b"a/b"));
        assert_eq!(said(b"a/.wh.b"), Said::Whiteout(b"a/b".to_vec()));
        assert_eq!(said(b".wh.b"), Said::Whiteout(b"b".to_vec()));
        assert_eq!(said(b"a/.wh..wh..opq"), Said::Opaque(b"a"));
        assert_eq!(said(b".wh..wh..opq"), Said::Opaque(b""));
        for own in [&b".wh..wh.plnk"[..], b".wh..wh.aufs", b".wh..wh.plnk/12.34", b"a/.wh..wh.orph/b"] {
            assert_eq!(said(own), Said::Nothing);
        }
        for invalid in [&b".wh."[..], b".wh..", b".wh...", b"a/.wh.", b"a/.wh...", b".wh.a/b", b"a/.wh..wh..opq/b"] {
            assert_eq!(said(invalid), Said::Invalid, "{}", String::from_utf8_lossy(invalid));
        }
        assert_eq!(said(b".wh...."), Said::Whiteout(b"...".to_vec()));
    }

    #[test]
    fn marks_of_overlayfs_are_no_part_of_a_layer() {
        assert!(is_kept("security.capability") && is_kept("user.note") && is_kept("system.posix_acl_access"));
        for own in
            ["trusted.overlay.opaque", "trusted.overlay.redirect", "user.overlay.opaque", "security.selinux", "trusted.x", "x"]
        {
            assert!(!is_kept(own), "{own}");
        }
    }
}
