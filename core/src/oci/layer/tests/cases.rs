//! Archives, and what is to become of each: the same in the model (here) and on Linux (`tests/tests/layers.rs`, which includes this file).

use super::api::*;

/// An archive, and what is to come of it.
pub struct Case {
    pub name: &'static str,
    pub archive: Vec<u8>,
    pub options: UnpackOptions,
    /// The lines of [`listing`], or the error.
    pub expected: Result<Vec<&'static str>, &'static str>,
}

pub const OPTIONS: UnpackOptions =
    UnpackOptions { limits: LayerLimits::of_linux(1 << 20), form: OverlayForm::Trusted, owners: true, devices: true };

/// What lies in a directory: a line for each path.
pub fn listing(disk: &mut impl Disk) -> Vec<String> {
    let mut lines = Vec::new();
    let mut pending: Vec<Vec<u8>> = vec![Vec::new()];
    let mut seen: Vec<((u64, u64), Vec<u8>)> = Vec::new();
    while let Some(path) = pending.pop() {
        let look = disk.look(&path).unwrap();
        if look.kind == NodeKind::Directory {
            let names = disk.names(&path).unwrap();
            pending.extend(
                names.iter().rev().map(|name| if path.is_empty() { name.clone() } else { [&path, &b"/"[..], name].concat() }),
            );
        }
        let shown = String::from_utf8_lossy(&path).into_owned();
        let extended = disk.attributes(&path, look.kind).unwrap();
        let wanted = |name: &str| name == "trusted.overlay.opaque" || name == "security.capability" || name == "user.note";
        let extended: String = extended
            .iter()
            .filter(|(name, _)| wanted(name))
            .map(|(name, value)| format!(" {name}={}", value.escape_ascii()))
            .collect();
        let kind = match look.kind {
            NodeKind::WHITEOUT => format!("{shown} removed"),
            _ if path.is_empty() => String::new(),
            _ => format!("{shown} {} {:o} {}:{} @{}", kind(disk, &path, &look), look.mode, look.uid, look.gid, look.modified.0),
        };
        let first = seen
            .iter()
            .find(|(identity, _)| *identity == look.identity)
            .map(|(_, first)| String::from_utf8_lossy(first).into_owned());
        match first {
            Some(first) if look.kind != NodeKind::Directory && look.kind != NodeKind::WHITEOUT => {
                lines.push(format!("{shown} is {first}"))
            }
            _ if path.is_empty() && extended.is_empty() => {}
            _ => lines.push(format!("{kind}{extended}").trim_start().to_string()),
        }
        seen.push((look.identity, path));
    }
    lines
}

fn kind(disk: &mut impl Disk, path: &[u8], look: &Look) -> String {
    match look.kind {
        NodeKind::File => {
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut disk.open(path).unwrap(), &mut content).unwrap();
            assert_eq!(content.len() as u64, look.size_bytes);
            format!("file {:?}", String::from_utf8_lossy(&content))
        }
        NodeKind::Symlink => format!("-> {}", String::from_utf8_lossy(&disk.symlink_text(path).unwrap())),
        NodeKind::Directory => "directory".into(),
        NodeKind::Fifo => "fifo".into(),
        NodeKind::Socket => "socket".into(),
        NodeKind::CharDevice { major, minor } => format!("char {major},{minor}"),
        NodeKind::BlockDevice { major, minor } => format!("block {major},{minor}"),
    }
}

/// Holds a case against what became of it in an empty directory.
pub fn check(case: &Case, disk: &mut impl Disk) {
    let answer = unpack(disk, &case.options, case.archive.as_slice());
    match (&case.expected, answer) {
        (Ok(lines), Ok(told)) => {
            assert_eq!(listing(disk), *lines, "{}", case.name);
            assert_eq!(told.archive_bytes, case.archive.len() as u64, "{}", case.name);
        }
        (Err(expected), Err(error)) => assert_eq!(error.to_string(), format!("glassbox: layer: {expected}"), "{}", case.name),
        (_, answer) => panic!("{}: {answer:?}", case.name),
    }
}

pub fn entry(name: &str, kind: MemberKind) -> Member {
    Member {
        name: name.into(),
        kind,
        link: Vec::new(),
        mode: 0o644,
        uid: 0,
        gid: 0,
        size_bytes: 0,
        modified: (1000, 0),
        attributes: Vec::new(),
    }
}

pub fn file(name: &str, content: &'static str) -> (Member, &'static str) {
    (Member { size_bytes: content.len() as u64, ..entry(name, MemberKind::File) }, content)
}

pub fn directory(name: &str) -> (Member, &'static str) {
    (Member { mode: 0o755, ..entry(name, MemberKind::Directory) }, "")
}

pub fn symlink(name: &str, to: &str) -> (Member, &'static str) {
    (Member { link: to.into(), ..entry(name, MemberKind::Symlink) }, "")
}

pub fn hardlink(name: &str, to: &str) -> (Member, &'static str) {
    (Member { link: to.into(), ..entry(name, MemberKind::Hardlink) }, "")
}

pub fn archive(members: &[(Member, &str)]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (member, content) in members {
        writer.member(member).unwrap();
        writer.content(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().1
}

/// A file named in Latin-1.
pub fn not_text() -> Vec<u8> {
    archive(&[(Member { name: b"caf\xe9".to_vec(), ..entry("", MemberKind::File) }, "")])
}

fn case(name: &'static str, members: &[(Member, &str)], lines: &[&'static str]) -> Case {
    Case { name, archive: archive(members), options: OPTIONS, expected: Ok(lines.to_vec()) }
}

fn refused(name: &'static str, members: &[(Member, &str)], error: &'static str) -> Case {
    Case { name, archive: archive(members), options: OPTIONS, expected: Err(error) }
}

/// All of them.
pub fn all() -> Vec<Case> {
    [trees(), replacements(), whiteouts(), ways_out(), odd_kinds(), limits(), broken()].into_iter().flatten().collect()
}

fn trees() -> Vec<Case> {
    let owned = Member { uid: 70_000, gid: 5, mode: 0o4755, modified: (-5, 0), ..file("bin/su", "su").0 };
    let mut capable = file("bin/ping", "ping");
    capable.0.attributes = vec![
        ("security.capability".into(), b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec()),
        ("trusted.overlay.redirect".into(), b"/etc".to_vec()),
        ("user.overlay.opaque".into(), b"y".to_vec()),
    ];
    vec![
        case("nothing", &[], &[]),
        case("the top says nothing", &[directory("./"), directory("/")], &[]),
        case(
            "owners, modes, times",
            &[directory("bin/"), (owned, "su")],
            &["bin directory 755 0:0 @1000", "bin/su file \"su\" 4755 70000:5 @0"],
        ),
        case(
            "marks of overlayfs are not taken from an archive",
            &[directory("bin"), capable],
            &[
                "bin directory 755 0:0 @1000",
                "bin/ping file \"ping\" 644 0:0 @1000 security.capability=\\x01\\x00\\x00\\x02\\x00 \\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00",
            ],
        ),
        case(
            "directories that are left out, absolute names, dots",
            &[file("/a/b/c", "x"), file("./a/../d", "y")],
            &[
                "a directory 755 0:0 @1000",
                "a/b directory 755 0:0 @1000",
                "a/b/c file \"x\" 644 0:0 @1000",
                "d file \"y\" 644 0:0 @1000",
            ],
        ),
        case(
            "links",
            &[file("a", "x"), symlink("b", "a"), hardlink("c", "/a"), hardlink("d", "./b")],
            &["a file \"x\" 644 0:0 @1000", "b -> a 777 0:0 @1000", "c is a", "d is b"],
        ),
        case(
            "a directory that is a link is followed within the layer",
            &[directory("usr/"), directory("usr/lib"), symlink("lib", "/usr/lib"), file("lib/x", "x")],
            &[
                "lib -> /usr/lib 777 0:0 @1000",
                "usr directory 755 0:0 @1000",
                "usr/lib directory 755 0:0 @1000",
                "usr/lib/x file \"x\" 644 0:0 @1000",
            ],
        ),
    ]
}

fn replacements() -> Vec<Case> {
    let closed = (Member { mode: 0o700, modified: (2000, 0), ..directory("a").0 }, "");
    vec![
        case("a later file", &[file("a", "one"), file("a", "two")], &["a file \"two\" 644 0:0 @1000"]),
        case(
            "a later directory keeps what is in it",
            &[directory("a"), file("a/b", "x"), closed],
            &["a directory 700 0:0 @2000", "a/b file \"x\" 644 0:0 @1000"],
        ),
        case("a file in the place of a directory", &[directory("a/b/c"), file("a", "x")], &["a file \"x\" 644 0:0 @1000"]),
        case(
            "a directory in the place of a link",
            &[directory("b"), symlink("a", "b"), directory("a"), file("a/x", "x")],
            &["a directory 755 0:0 @1000", "a/x file \"x\" 644 0:0 @1000", "b directory 755 0:0 @1000"],
        ),
        case(
            "what had two names keeps the other",
            &[file("a", "one"), hardlink("b", "a"), file("a", "two")],
            &["a file \"two\" 644 0:0 @1000", "b file \"one\" 644 0:0 @1000"],
        ),
        refused(
            "a directory below a file",
            &[file("a", "x"), file("a/b", "y")],
            "\"a/b\": its directory \"a\" is none: not a directory",
        ),
    ]
}

fn whiteouts() -> Vec<Case> {
    vec![
        case("one is removed", &[file("a/.wh.b", "")], &["a directory 755 0:0 @1000", "a/b removed"]),
        case("whatever kind the whiteout is", &[directory(".wh.b")], &["b removed"]),
        case(
            "everything in a directory",
            &[directory("a"), file("a/.wh..wh..opq", ""), file("a/b", "x")],
            &["a directory 755 0:0 @1000 trusted.overlay.opaque=y", "a/b file \"x\" 644 0:0 @1000"],
        ),
        case("everything", &[file(".wh..wh..opq", "")], &["trusted.overlay.opaque=y"]),
        case(
            "a whiteout is about the layers below: before",
            &[file(".wh.a", ""), directory("a"), file(".wh.b", ""), file("b", "x")],
            &["a directory 755 0:0 @1000 trusted.overlay.opaque=y", "b file \"x\" 644 0:0 @1000"],
        ),
        case(
            "a whiteout is about the layers below: after",
            &[directory("a"), file("a/x", ""), file(".wh.a", ""), file("b", "x"), file(".wh.b", "")],
            &["a directory 755 0:0 @1000 trusted.overlay.opaque=y", "a/x file \"\" 644 0:0 @1000", "b file \"x\" 644 0:0 @1000"],
        ),
        case(
            "a directory that is left out, over a whiteout",
            &[file(".wh.a", ""), file("a/x", "")],
            &["a directory 755 0:0 @1000 trusted.overlay.opaque=y", "a/x file \"\" 644 0:0 @1000"],
        ),
        case("AUFS' own", &[directory(".wh..wh.plnk"), file(".wh..wh.plnk/1.2", "x"), file(".wh..wh.aufs", "")], &[]),
        case("a device of no number", &[(entry("a", MemberKind::CharDevice { major: 0, minor: 0 }), "")], &["a removed"]),
        refused("of nothing", &[file("a/.wh.", "")], "\"a/.wh.\": it says that something is removed, and does not name it"),
        refused("of the directory", &[file("a/.wh..", "")], "\"a/.wh..\": it says that something is removed, and does not name it"),
        refused("of the one above", &[file(".wh...", "")], "\".wh...\": it says that something is removed, and does not name it"),
        refused("with a slash", &[file(".wh.a/b", "")], "\".wh.a/b\": it says that something is removed, and does not name it"),
        refused("of the top", &[file(".wh./", "")], "\".wh./\": it says that something is removed, and does not name it"),
        refused(
            "by a link out",
            &[symlink("a", "/nowhere"), file("a/.wh.b", "")],
            "\"a/.wh.b\": its directory \"a\" is none: no such file or directory",
        ),
        refused(
            "a second name for a whiteout",
            &[file(".wh.a", ""), hardlink("b", "a")],
            "\"b\": it is a hard link to \"a\", which the layer does not have (yet)",
        ),
    ]
}

fn ways_out() -> Vec<Case> {
    vec![
        refused("above", &[file("../x", "")], "\"../x\": it leads out of the layer"),
        refused("above, later", &[file("a/../../x", "")], "\"a/../../x\": it leads out of the layer"),
        refused("above the root", &[file("/../x", "")], "\"/../x\": it leads out of the layer"),
        refused(
            "by a link",
            &[symlink("a", "../../../tmp"), file("a/x", "")],
            "\"a/x\": its directory \"a\" is none: no such file or directory",
        ),
        refused(
            "by an absolute link",
            &[symlink("a", "/etc"), file("a/passwd", "")],
            "\"a/passwd\": its directory \"a\" is none: no such file or directory",
        ),
        refused(
            "by a link to itself",
            &[symlink("a", "a"), file("a/x", "")],
            "\"a/x\": its directory \"a\" is none: too many levels of symbolic links",
        ),
        case(
            "a link up stays at the top",
            &[symlink("a", "../../.."), file("a/x", "")],
            &["a -> ../../.. 777 0:0 @1000", "x file \"\" 644 0:0 @1000"],
        ),
        case("the last name is not followed", &[symlink("a", "/etc/passwd"), file("a", "x")], &["a file \"x\" 644 0:0 @1000"]),
        refused(
            "a hard link above",
            &[hardlink("a", "../../etc/passwd")],
            "\"a\": it is a hard link that leads out of the layer, to \"../../etc/passwd\"",
        ),
        refused(
            "a hard link by a link",
            &[symlink("a", "/etc"), hardlink("b", "a/passwd")],
            "\"b\": it is a hard link to \"a/passwd\", which the layer does not have (yet)",
        ),
        refused(
            "a hard link to nothing",
            &[hardlink("b", "a")],
            "\"b\": it is a hard link to \"a\", which the layer does not have (yet)",
        ),
        refused(
            "a hard link to itself",
            &[file("a", ""), hardlink("a", "a")],
            "\"a\": it is a hard link to \"a\", which the layer does not have (yet)",
        ),
        refused("a hard link to a directory", &[directory("a"), hardlink("b", "a")], "\"b\": link: operation not permitted"),
        refused(
            "a hard link into what it takes the place of",
            &[file("a/x", ""), hardlink("a", "a/x")],
            "\"a\": it is a hard link to \"a/x\", which the layer does not have (yet)",
        ),
    ]
}

fn odd_kinds() -> Vec<Case> {
    let devices = [
        (entry("null", MemberKind::CharDevice { major: 1, minor: 3 }), ""),
        (entry("disk", MemberKind::BlockDevice { major: 8, minor: 1 }), ""),
        (entry("pipe", MemberKind::Fifo), ""),
    ];
    let user = UnpackOptions { devices: false, ..OPTIONS };
    vec![
        case(
            "devices and fifos",
            &devices,
            &["disk block 8,1 644 0:0 @1000", "null char 1,3 644 0:0 @1000", "pipe fifo 644 0:0 @1000"],
        ),
        Case { options: user, ..case("where there may be no devices", &devices, &["pipe fifo 644 0:0 @1000"]) },
        refused(
            "of no known type",
            &[(entry("a", MemberKind::Other(b'Q')), "")],
            "\"a\": it is of type \"Q\", which layers do not have",
        ),
        refused("a top that is a link", &[symlink(".", "/etc")], "\".\": the top of a layer can only be a directory"),
        refused(
            "nobody's",
            &[(Member { uid: 1 << 32, ..entry("a", MemberKind::File) }, "")],
            "\"a\": its owner 4294967296 is no number of a user",
        ),
        refused(
            "an owner that means nobody is to be set",
            &[(Member { gid: 0xffff_ffff, ..entry("a", MemberKind::File) }, "")],
            "\"a\": its owner 4294967295 is no number of a user",
        ),
        refused("a link that says nothing", &[symlink("a", "")], "\"a\": symlink: no such file or directory"),
    ]
}

fn limits() -> Vec<Case> {
    let with = |change: fn(&mut LayerLimits), case: Case| {
        let mut options = case.options;
        change(&mut options.limits);
        Case { options, ..case }
    };
    let bomb = Member { size_bytes: 10_000_000_000, ..entry("zeros", MemberKind::File) };
    let mut bytes = Vec::new();
    Writer::new(&mut bytes).member(&bomb).unwrap();
    let many: Vec<_> = (0..50).map(|number| file(&format!("f{number}"), "")).collect();
    let directories: Vec<_> = (0..50).map(|number| directory(&format!("d{number}"))).collect();
    let deep = "d/".repeat(300);
    let long = file(&"n".repeat(256), "");
    let shown: &'static str = Box::leak(format!("\"{}…\": more than 255 bytes in a name", "n".repeat(120)).into_boxed_str());
    let path: &'static str = Box::leak(format!("\"{}…\": more than 4095 bytes in a path", "p".repeat(120)).into_boxed_str());
    let depth: &'static str =
        Box::leak(format!("\"{}…\": more than 256 directories within each other", "d/".repeat(60)).into_boxed_str());
    let mut noted = file("noted", "");
    noted.0.attributes = vec![("user.note".into(), vec![b'x'; 2 << 20])];
    vec![
        Case {
            name: "10 GB",
            archive: bytes,
            options: OPTIONS,
            expected: Err("\"zeros\": more than 1048576 bytes in the archive"),
        },
        with(|limits| limits.archive.entries_max = 20, refused("entries", &many, "\"f20\": more than 20 entries")),
        with(
            |limits| limits.directory_bytes_max = 40,
            refused("directories", &directories, "\"d16/\": more than 40 bytes in the names of directories"),
        ),
        refused("a long name", &[long], shown),
        refused("a long path", &[file(&"p".repeat(5000), "")], path),
        refused("a deep path", &[file(&format!("{deep}x"), "")], depth),
        refused("long records", &[noted], "\"PaxHeaders.0/noted\": more than 1048576 bytes in a header"),
        Case {
            name: "zeros for ever after the end",
            archive: [archive(&[file("a", "")]), vec![0; 2 << 20]].concat(),
            options: OPTIONS,
            expected: Err("more than 1048576 bytes in the archive"),
        },
    ]
}

fn broken() -> Vec<Case> {
    let whole = archive(&[file("a", "content")]);
    let cut = |name, end: usize, expected| Case { name, archive: whole[..end].to_vec(), options: OPTIONS, expected: Err(expected) };
    let mut damaged = whole.clone();
    damaged[100] = b'7';
    vec![
        cut("cut in a header", 100, "the archive ends in the middle of it"),
        cut("cut in the content", 515, "\"a\": the archive ends in the middle of it"),
        cut("cut in what fills it up", 700, "\"a\": the archive ends in the middle of it"),
        Case { name: "damaged", archive: damaged, options: OPTIONS, expected: Err("\"a\": the checksum of its header is wrong") },
        Case {
            name: "no archive",
            archive: vec![b'x'; 600],
            options: OPTIONS,
            expected: Err(Box::leak(format!("\"{}\": the checksum of its header is wrong", "x".repeat(100)).into_boxed_str())),
        },
    ]
}
