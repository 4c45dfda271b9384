//! Layers, and how each is to end.

use super::archive::{archive, entry, file, hardlink, header, pax, symlink, with_field};

/// How it ends.
#[derive(Clone, Copy, Debug)]
pub enum Ends {
    /// It is taken, and does no harm.
    Contained,
    /// The error has these words.
    Refused(&'static str),
}

/// A layer.
pub struct Case {
    pub name: &'static str,
    pub layer: Vec<u8>,
    /// As the layer of an image.
    pub ends: Ends,
    /// As what ADD unpacks.
    pub added: Ends,
}

fn both(name: &'static str, entries: &[Vec<u8>], ends: Ends) -> Case {
    Case { name, layer: archive(entries), ends, added: ends }
}

fn refused(name: &'static str, entries: &[Vec<u8>], words: &'static str) -> Case {
    both(name, entries, Ends::Refused(words))
}

fn contained(name: &'static str, entries: &[Vec<u8>]) -> Case {
    both(name, entries, Ends::Contained)
}

/// All of them.
pub fn all() -> Vec<Case> {
    [ways_out(), marks(), kinds(), quirks(), lengths()].into_iter().flatten().collect()
}

fn ways_out() -> Vec<Case> {
    let out =
        |name, entries: &[Vec<u8>]| Case { added: Ends::Refused("is outside of \"/\""), ..refused(name, entries, "leads out") };
    vec![
        out("..", &[file("../x")]),
        out(".. later", &[file("a/../../x")]),
        out(".. above the root", &[file("/../../etc/passwd")]),
        out(".. by pax", &[pax(&[("path", "../../x")]), file("x")]),
        out(".. by GNU", &[entry("././@LongLink", b'L', "", b"../../x\0"), file("x")]),
        contained("absolute", &[file("/etc/passwd"), file("//etc/shadow")]),
        Case {
            // ADD finds the machine's directory of that name in the image: there is none.
            added: Ends::Refused("tmp"),
            ..refused("through a link", &[symlink("a", "/tmp/nowhere-at-all"), file("a/kept")], "\"a/kept\"")
        },
        contained("through a link up", &[symlink("a", "../../../../../.."), file("a/x")]),
        refused("through a link to itself", &[symlink("a", "a"), file("a/x")], "too many levels of symbolic links"),
        Case { added: Ends::Refused("invalid hardlink"), ..out("a hard link out", &[hardlink("a", "../../../../etc/passwd")]) },
        Case {
            added: Ends::Refused("link /a: no such file or directory"),
            ..refused("a hard link to nothing", &[hardlink("a", "/etc/shadow-of-nobody")], "which the layer does not have")
        },
        Case {
            added: Ends::Contained,
            ..refused(
                "a hard link through a link",
                &[symlink("a", "/"), hardlink("b", "a/bin/sh")],
                "which the layer does not have",
            )
        },
        contained("the last name is a link", &[symlink("a", "/etc/passwd"), file("a")]),
    ]
}

/// In what ADD unpacks such names are names, and no file of an image may have one.
fn marks() -> Vec<Case> {
    let added = Ends::Refused(".wh.");
    let says = "it says that something is removed, and does not name it";
    vec![
        Case { added, ..refused("a whiteout of ..", &[file(".wh...")], says) },
        Case { added, ..refused("a whiteout of the root", &[file(".wh..")], says) },
        Case { added, ..refused("a whiteout of nothing", &[file("a/.wh.")], says) },
        Case { added, ..contained("a whiteout", &[file(".wh.etc"), file("a/.wh.b")]) },
        Case { added, ..contained("opaque on the root", &[file(".wh..wh..opq"), file("x")]) },
        Case { added, ..refused("below a whiteout", &[file(".wh.a/b")], says) },
    ]
}

fn kinds() -> Vec<Case> {
    let device = |name: &str, flag: u8| {
        let entry = with_field(entry(name, flag, "", b""), 329, b"0000010\0");
        with_field(entry, 337, b"0000001\0")
    };
    vec![
        contained("devices", &[device("disk", b'4'), device("tty", b'3')]),
        contained("a fifo", &[entry("pipe", b'6', "", b"")]),
        contained("set-user-id", &[with_field(file("su"), 100, b"0004755\0")]),
        Case {
            added: Ends::Refused("cannot overwrite non-directory"),
            ..contained(
                "again and again",
                &[file("a"), entry("a", b'5', "", b""), file("a/b"), symlink("a/b", "c"), file("a"), hardlink("b", "a"), file("b")],
            )
        },
        Case { added: Ends::Contained, ..refused("a kind of its own", &[entry("a", b'Q', "", b"")], "of type \"Q\"") },
        Case {
            added: Ends::Contained,
            ..refused("a root that is a link", &[symlink("./", "/etc")], "the top of a layer can only be a directory")
        },
    ]
}

/// What does not begin as an archive does is a file to ADD, as it is to BuildKit, and put there as it is.
fn no_archive(name: &'static str, entries: &[Vec<u8>], words: &'static str) -> Case {
    Case { added: Ends::Contained, ..refused(name, entries, words) }
}

fn quirks() -> Vec<Case> {
    let sized = |size: &[u8]| header(b"a", b'0', size, b"");
    let negative = [&[0xff; 11][..], &[0]].concat();
    let huge = [&[0x80][..], &[0; 3], &[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]].concat();
    let past = [&[0x80][..], &[0xff; 11]].concat();
    let ten_gigabytes = format!("{:o} ", 10_u64 << 30);
    let sparse = [("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "a"), ("GNU.sparse.realsize", "1")];
    vec![
        refused("sparse, GNU's", &[entry("a", b'S', "", b"")], "it is a sparse file"),
        refused("sparse, pax'", &[pax(&sparse), file("a")], "it is a sparse file"),
        no_archive("a negative size", &[sized(&negative)], "no valid size"),
        refused("nearly 2^63 bytes", &[sized(&huge)], "\"a\""),
        no_archive("2^88 bytes", &[sized(&past)], "no valid size"),
        no_archive("a size that is none", &[sized(b"0000000000x\0")], "no valid size"),
        refused("10 GB that are not there", &[sized(ten_gigabytes.as_bytes())], "ends in the middle of it"),
        no_archive("a size of -1 by pax", &[pax(&[("size", "-1")]), file("a")], "pax records"),
        no_archive("a path with a NUL", &[pax(&[("path", "a\0b")]), file("a")], "pax records"),
        no_archive("records that are none", &[entry("x", b'x', "", b"99999999999999999999 a=b\n"), file("a")], "pax records"),
        no_archive("a header that nothing follows", &[entry("././@LongLink", b'L', "", b"name\0")], "ends in the middle of it"),
        contained("global records", &[entry("g", b'g', "", b"17 path=../../x\n\0"), file("a")]),
    ]
}

fn lengths() -> Vec<Case> {
    let long = |bytes: usize| [entry("././@LongLink", b'L', "", "n".repeat(bytes).as_bytes()), file("x")];
    let deep = "d/".repeat(300);
    let many: Vec<Vec<u8>> = (0..10).map(|_| entry("././@LongLink", b'L', "", b"name\0")).chain([file("x")]).collect();
    vec![
        Case { added: Ends::Refused("file name too long"), ..refused("a long name", &long(300), "more than 255 bytes in a name") },
        refused("a long path", &long(5000), "more than 4095 bytes in a path"),
        refused("a longer header than is read", &long(2 << 20), "more than 1048576 bytes in a header"),
        refused("headers before headers", &many, "more than 8 headers before one entry"),
        Case {
            added: Ends::Refused("more than 256 directories within each other"),
            ..refused("deep", &[pax(&[("path", &format!("{deep}x"))]), file("x")], "more than 256 directories within each other")
        },
    ]
}
