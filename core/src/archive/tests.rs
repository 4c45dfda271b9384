//! The reader against what the crate `tar` writes, the crate against what the writer writes, and headers that are none.

use std::io::Read;

use tar::{Builder, EntryType, Header};

use super::*;

const LIMITS: Limits = Limits { archive_bytes_max: 1 << 20, entries_max: 100, path_bytes_max: 4095, extension_bytes_max: 1 << 16 };

fn members(bytes: &[u8], limits: Limits) -> Result<Vec<(Member, Vec<u8>)>, ArchiveError> {
    let mut reader = Reader::new(bytes, limits);
    let mut all = Vec::new();
    while let Some(member) = reader.next_member()? {
        let (mut content, mut buffer) = (Vec::new(), [0; 100]);
        loop {
            match reader.read_content(&mut buffer)? {
                0 => break,
                count => content.extend_from_slice(&buffer[..count]),
            }
        }
        all.push((member, content));
    }
    assert_eq!(reader.finish()?, bytes.len() as u64);
    Ok(all)
}

fn plain(name: &str, kind: MemberKind) -> Member {
    Member {
        name: name.into(),
        kind,
        link: Vec::new(),
        mode: 0o644,
        uid: 0,
        gid: 0,
        size_bytes: 0,
        modified: (1_700_000_000, 0),
        attributes: Vec::new(),
    }
}

fn written(members: &[(Member, Vec<u8>)]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (member, content) in members {
        writer.member(member).unwrap();
        writer.content(content).unwrap();
    }
    let (length, bytes) = writer.finish().unwrap();
    assert_eq!(length, bytes.len() as u64);
    bytes
}

/// An archive of one file by the crate `tar`.
fn by_crate(header: &mut Header, name: &str, content: &[u8]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    header.set_size(content.len() as u64);
    builder.append_data(header, name, content).unwrap();
    builder.into_inner().unwrap()
}

fn file_header() -> Header {
    let mut header = Header::new_gnu();
    header.set_mode(0o4755);
    header.set_uid(70_000);
    header.set_gid(3_000_000_000);
    header.set_mtime(1_600_000_000);
    header
}

#[test]
fn what_the_crate_writes_is_read() {
    for name in ["a", &"long/".repeat(60), "ein-Ärger"] {
        let name = format!("{name}file");
        let found = members(&by_crate(&mut file_header(), &name, b"content"), LIMITS).unwrap();
        let [(member, content)] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((member.name.as_slice(), member.kind), (name.as_bytes(), MemberKind::File));
        assert_eq!((member.mode, member.uid, member.gid, member.modified), (0o4755, 70_000, 3_000_000_000, (1_600_000_000, 0)));
        assert_eq!(content, b"content");
    }
}

fn many() -> Vec<(Member, Vec<u8>)> {
    let long = "deep/".repeat(40);
    let longer = "x".repeat(200);
    let link = |name: &str, kind, link: &str| Member { link: link.into(), ..plain(name, kind) };
    let file = |name: &str, content: &[u8]| {
        (Member { size_bytes: content.len() as u64, ..plain(name, MemberKind::File) }, content.to_vec())
    };
    let mut all = vec![
        (plain("directory/", MemberKind::Directory), Vec::new()),
        file("empty", b""),
        file("block", &[7; 512]),
        file(&format!("{long}name"), b"prefix"),
        file(&longer, b"pax"),
        file("Grüße", b"utf"),
        (link("short-link", MemberKind::Symlink, "../x"), Vec::new()),
        (link("long-link", MemberKind::Symlink, &longer), Vec::new()),
        (link("hard", MemberKind::Hardlink, "empty"), Vec::new()),
        (plain("fifo", MemberKind::Fifo), Vec::new()),
        (plain("null", MemberKind::CharDevice { major: 1, minor: 3 }), Vec::new()),
        (plain("disk", MemberKind::BlockDevice { major: 8, minor: 1 }), Vec::new()),
    ];
    let mut special = file("special", b"x");
    special.0.uid = 4_000_000_000;
    special.0.attributes = vec![("security.capability".into(), vec![0, 1, b'\n', 0xff]), ("user.note".into(), b"a=b".to_vec())];
    all.push(special);
    all
}

#[test]
fn what_is_written_is_read_again() {
    assert_eq!(members(&written(&many()), LIMITS).unwrap(), many());
}

#[test]
fn the_crate_reads_what_is_written() {
    let bytes = written(&many());
    let mut archive = tar::Archive::new(bytes.as_slice());
    for (entry, (member, content)) in archive.entries().unwrap().zip(many()) {
        let mut entry = entry.unwrap();
        assert_eq!(entry.path_bytes().as_ref(), member.name);
        assert_eq!(entry.link_name_bytes().map(|link| link.into_owned()).unwrap_or_default(), member.link);
        assert_eq!(entry.header().mtime().unwrap(), 1_700_000_000);
        let mut read = Vec::new();
        entry.read_to_end(&mut read).unwrap();
        assert_eq!(read, content);
    }
}

#[test]
fn sizes_of_more_than_eight_gigabytes_are_in_a_record() {
    let mut writer = Writer::new(Vec::new());
    let huge = Member { size_bytes: 10_000_000_000, ..plain("huge", MemberKind::File) };
    writer.member(&huge).unwrap();
    assert!(writer.finish().is_err(), "its content is missing");
    let mut bytes = Vec::new();
    Writer::new(&mut bytes).member(&huge).unwrap();
    let mut reader = Reader::new(bytes.as_slice(), Limits { archive_bytes_max: 1 << 40, ..LIMITS });
    assert_eq!(reader.next_member().unwrap(), Some(huge));
    let refused = members(&bytes, LIMITS).unwrap_err();
    assert_eq!(refused.to_string(), "\"huge\": more than 1048576 bytes in the archive");
}

fn with_header(change: impl Fn(&mut [u8; 512])) -> Result<Vec<(Member, Vec<u8>)>, ArchiveError> {
    let mut header = file_header();
    header.set_path("victim").unwrap();
    header.set_size(0);
    header.set_entry_type(EntryType::Regular);
    header.set_cksum();
    let mut block = *header.as_bytes();
    change(&mut block);
    members(&[&block[..], &[0; 1024]].concat(), LIMITS)
}

/// The sum made right again.
fn resummed(block: &mut [u8; 512]) {
    let (sum, _) = header::sums(block);
    block[header::CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

#[test]
fn broken_headers_are_refused_by_name() {
    let refused = |change: fn(&mut [u8; 512])| with_header(change).unwrap_err().to_string();
    assert_eq!(refused(|block| block[0] = b'V'), "\"Victim\": the checksum of its header is wrong");
    let number = refused(|block| {
        block[header::SIZE].copy_from_slice(b"0000000009x\0");
        resummed(block);
    });
    assert_eq!(number, "\"victim\": its header has no valid size");
    let negative = refused(|block| {
        block[header::SIZE].fill(0xff);
        resummed(block);
    });
    assert_eq!(negative, "\"victim\": its header has no valid size");
    let sparse = refused(|block| {
        block[header::TYPE] = b'S';
        resummed(block);
    });
    assert!(sparse.contains("sparse"), "{sparse}");
}

#[test]
fn a_truncated_archive_says_so_wherever_it_ends() {
    let bytes = written(&many());
    let content_ends = bytes.len() - 1024;
    for end in (0..content_ends).step_by(100).filter(|end| end % 512 != 0) {
        let refused = members(&bytes[..end], LIMITS).unwrap_err();
        assert_eq!(refused.fault, Fault::Truncated, "{end}");
    }
    // Without the two empty blocks it is whole all the same: Go's library takes it too.
    assert_eq!(members(&bytes[..content_ends], LIMITS).unwrap().len(), many().len());
}

#[test]
fn limits_are_named() {
    let bytes = written(&many());
    let refused = |limits: Limits| members(&bytes, limits).unwrap_err().to_string();
    assert_eq!(refused(Limits { entries_max: 2, ..LIMITS }), "\"block\": more than 2 entries");
    let path = refused(Limits { path_bytes_max: 150, ..LIMITS });
    assert!(path.starts_with("\"deep/") && path.ends_with("more than 150 bytes in a path"), "{path}");
    assert!(refused(Limits { extension_bytes_max: 10, ..LIMITS }).ends_with("more than 10 bytes in a header"));
    assert!(refused(Limits { archive_bytes_max: 1000, ..LIMITS }).ends_with("more than 1000 bytes in the archive"));
}

#[test]
fn records_that_are_none_are_refused() {
    for (records, why) in [
        (&b"no length"[..], "no length"),
        (b"99 path=x\n", "a length that is not that of its record"),
        (b"9 path=xx", "a length that is not that of its record"),
        (b"8 pathx\n", "no ="),
        (b"12 path=a\0b\n", "a NUL in a name"),
        (b"11 size=-1\n", "size"),
        (b"4294967295999999999999 path=x\n", "no length"),
    ] {
        let Err(Fault::Extension(found)) = pax::Records::parse(records) else { panic!("{records:?}") };
        assert_eq!(found, why, "{}", shown(records));
    }
    assert_eq!(pax::Records::parse(b"22 GNU.sparse.major=1\n").unwrap_err(), Fault::Sparse);
    let twice = pax::Records::parse(b"10 path=a\n10 path=b\n20 mtime=-1.5000000\n").unwrap();
    assert_eq!((twice.name.as_deref(), twice.modified), (Some(&b"b"[..]), Some((-2, 500_000_000))));
}

#[test]
fn a_size_that_no_file_has_is_refused() {
    let mut bytes = Vec::new();
    Writer::new(&mut bytes).member(&Member { size_bytes: u64::MAX, ..plain("huge", MemberKind::File) }).unwrap();
    let refused = Reader::new(bytes.as_slice(), Limits::of_disk()).next_member().unwrap_err();
    assert_eq!(refused.to_string(), "\"huge\": its header has no valid size");
}

#[test]
fn headers_without_an_entry_do_not_go_on_for_ever() {
    let mut header = file_header();
    header.set_path("pax").unwrap();
    header.set_entry_type(EntryType::XHeader);
    header.set_size(0);
    header.set_cksum();
    let refused = members(&header.as_bytes().repeat(20), LIMITS).unwrap_err();
    assert_eq!(refused.to_string(), "\"pax\": more than 8 headers before one entry");
    assert_eq!(members(header.as_bytes(), LIMITS).unwrap_err().fault, Fault::Truncated);
}

#[test]
fn names_stay_inside() {
    for (name, expected) in [
        ("a/b", Some("a/b")),
        ("./a//../b/", Some("b")),
        ("/etc/passwd", Some("etc/passwd")),
        (".", Some("")),
        ("", Some("")),
        ("..", None),
        ("a/../../x", None),
        ("/../../x", None),
    ] {
        assert_eq!(inside(name.as_bytes()).as_deref(), expected.map(str::as_bytes), "{name}");
    }
    assert_eq!(shown(b"a\x00\xff\n"), "a\\0\\xff\\n");
    assert_eq!(shown(&[b'x'; 500]).chars().count(), 121);
}
