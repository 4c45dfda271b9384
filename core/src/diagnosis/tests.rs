//! Over files that are named in a table.

use std::collections::BTreeMap;

use super::path::{Fault, element, fault};
use super::program::{Asked, Refusal, Shebang, candidates, fault as refused, lookup_fault};
use super::{Diagnosis, Files, Seen};
use crate::errno::Errno;
use crate::userland::FileKind;

/// Files by their paths: a directory, a link, or bytes with a mode.
#[derive(Default)]
struct Table(BTreeMap<String, (FileKind, u32, Vec<u8>)>);

impl Table {
    fn with(mut self, path: &str, mode: u32, bytes: &[u8]) -> Table {
        for (at, _) in path.match_indices('/').skip(1) {
            self.0.entry(path[..at].to_string()).or_insert((FileKind::Directory, 0o755, Vec::new()));
        }
        self.0.insert(path.to_string(), (FileKind::File, mode, bytes.to_vec()));
        self
    }

    fn link(self, path: &str, target: &str) -> Table {
        let mut table = self.with(path, 0o777, target.as_bytes());
        table.0.insert(path.to_string(), (FileKind::Symlink, 0o777, target.as_bytes().to_vec()));
        table
    }

    fn found(&self, path: &str) -> Result<&(FileKind, u32, Vec<u8>), Errno> {
        for (at, _) in path.match_indices('/').skip(1) {
            match self.0.get(&path[..at]) {
                Some((FileKind::Directory, 0, _)) => return Err(Errno::EACCES),
                Some((FileKind::Directory, ..)) => {}
                Some(_) => return Err(Errno::ENOTDIR),
                None => return Err(Errno::ENOENT),
            }
        }
        self.0.get(path).ok_or(Errno::ENOENT)
    }
}

impl Files for Table {
    fn look(&self, path: &str) -> Result<Seen, Errno> {
        let (kind, mode, bytes) = self.found(path)?;
        let link = (*kind == FileKind::Symlink).then(|| String::from_utf8_lossy(bytes).into_owned());
        Ok(Seen { kind: *kind, mode: *mode, uid: 0, link })
    }

    fn stat(&self, path: &str) -> Result<Seen, Errno> {
        match self.look(path)? {
            Seen { link: Some(target), .. } => self.look(&target),
            seen => Ok(seen),
        }
    }

    fn read(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, Errno> {
        let bytes = &self.found(path)?.2;
        Ok(bytes.iter().skip(usize::try_from(offset).unwrap_or(usize::MAX)).take(length).copied().collect())
    }

    fn may_execute(&self, path: &str) -> Result<(), Errno> {
        if self.stat(path)?.mode & 0o111 != 0 { Ok(()) } else { Err(Errno::EACCES) }
    }

    fn is_on_noexec(&self, path: &str) -> bool {
        path.starts_with("/noexec/")
    }
}

const ASKED: Asked<'static> = Asked { name: "x", path: "/bin:/usr/bin", machine: "x86_64" };

fn why(table: &Table, file: &str) -> String {
    refused(table, file, ASKED, Errno::ENOEXEC).map_or_else(String::new, |Diagnosis { what, .. }| what)
}

/// An ELF file of 64 bits with a loader, least significant byte first.
fn elf(machine: u16, kind: u16, loader: &str) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(64, 0);
    bytes[16..18].copy_from_slice(&kind.to_le_bytes());
    bytes[18..20].copy_from_slice(&machine.to_le_bytes());
    bytes[32..40].copy_from_slice(&64u64.to_le_bytes());
    bytes[54..56].copy_from_slice(&56u16.to_le_bytes());
    if !loader.is_empty() {
        bytes[56..58].copy_from_slice(&2u16.to_le_bytes());
        let mut headers = vec![0; 112];
        headers[0] = 1;
        headers[56] = 3;
        headers[64..72].copy_from_slice(&176u64.to_le_bytes());
        headers[88..96].copy_from_slice(&(loader.len() as u64 + 1).to_le_bytes());
        bytes.extend(headers);
        bytes.extend(loader.bytes());
        bytes.push(0);
    }
    bytes
}

#[test]
fn the_element_that_is_at_fault() {
    let table = Table::default().with("/data/a/file", 0o644, b"").link("/data/up", "/nowhere/x").link("/data/round", "/data/round");
    let at = |path: &str| element(&table, path).map(|element| (element.path, element.fault));
    assert_eq!(at("/data/a/file"), None);
    assert_eq!(at("/data/./a/../a/file"), None);
    assert_eq!(at("/data/a/file/x/y"), Some(("/data/a/file".into(), Fault::NotADirectory(FileKind::File))));
    assert_eq!(at("/data/b/c"), Some(("/data/b".into(), Fault::Missing)));
    assert_eq!(at("/data/up"), Some(("/nowhere".into(), Fault::Missing)));
    assert_eq!(at("/data/round/x"), Some(("/data/round".into(), Fault::Loop)));
    let words = |path: &str| fault(&table, path).unwrap().what;
    assert_eq!(words("/data/b/c"), "/data/b does not exist: of /data/b/c only /data is there");
    assert_eq!(words("/data/b"), "/data/b does not exist");
    assert_eq!(words("/data/a/file/x"), "/data/a/file is a file, not a directory: nothing can be below it");
    assert_eq!(words("/data/round"), "/data/round is a link to /data/round, and that leads back to it");
    assert!(words("/data/up").starts_with("/nowhere does not exist (/data/up is a link to /nowhere/x)"));
}

#[test]
fn a_link_is_named_only_where_the_element_comes_from_it() {
    let table = Table::default().with("/real/here", 0o644, b"").link("/short", "/real");
    let found = element(&table, "/short/gone").unwrap();
    assert_eq!((found.path.as_str(), found.link), ("/real/gone", None));
}

#[test]
fn a_closed_directory() {
    let mut table = Table::default().with("/root/x", 0o755, b"");
    table.0.insert("/root".into(), (FileKind::Directory, 0, Vec::new()));
    assert_eq!(element(&table, "/root/x").unwrap().fault, Fault::Closed);
}

#[test]
fn where_a_program_is_looked_for() {
    assert_eq!(candidates("ls", "/bin::/sbin/"), ["/bin/ls", "./ls", "/sbin/ls"]);
    assert_eq!(candidates("./ls", "/bin"), ["./ls"]);
    assert!(candidates("", "/bin").is_empty() && candidates("ls", "").is_empty());
}

#[test]
fn scripts() {
    let interpreters = |table: Table| table.with("/bin/sh", 0o755, &elf(62, 2, "")).with("/bin/shut", 0o644, b"");
    let script = |text: &[u8]| why(&interpreters(Table::default().with("/x", 0o755, text)), "/x");
    assert!(script(b"#!/bin/bash -e\n").ends_with("(first line: #!/bin/bash -e) cannot be executed: /bin/bash does not exist"));
    assert!(script(b"#! /bin/sh/x\n").ends_with("/bin/sh is a file, not a directory: nothing can be below it"));
    assert!(script(b"#!/bin/shut\n").ends_with("/bin/shut is there, and has no x bit (mode 0644)"));
    assert!(script(b"#!/bin/sh\r\n").contains("CR LF") && script(b"#!/bin/sh\r\n").contains("\"/bin/sh\\r\""));
    assert_eq!(script(b"#!/bin/sh\n"), "");
    assert_eq!(script(b"#!  \n"), "/x names no interpreter after #!");
    assert!(script(&[b"#!/".as_slice(), &[b'a'; 300]].concat()).contains("longer than the 256 bytes"));
    assert!(script(b"\xef\xbb\xbf#!/bin/sh\n").contains("byte order mark"));
    assert!(script("echo grüezi\n".as_bytes()).contains("is text and does not begin with #!"));
    assert_eq!(script(b""), "/x is empty");
    assert!(script(b"\x01\x02\x03").ends_with("(it begins with 01 02 03)"));
}

#[test]
fn a_chain_of_interpreters_that_is_too_long() {
    let table =
        (0..8).fold(Table::default(), |table, at| table.with(&format!("/{at}"), 0o755, format!("#!/{}\n", at + 1).as_bytes()));
    assert!(why(&table, "/0").ends_with("5 deep"));
}

#[test]
fn a_shebang_is_read_as_the_kernel_does() {
    let read = |text: &str| Shebang::read(text.as_bytes()).map(|script| (script.interpreter, script.argument));
    assert_eq!(read("#! /usr/bin/env  -S a b \nrest"), Ok(("/usr/bin/env".into(), Some("-S a b".into()))));
    assert_eq!(read("#!/bin/sh\t\n"), Ok(("/bin/sh".into(), None)));
    assert_eq!(read("#!/bin/sh"), Ok(("/bin/sh".into(), None)));
    assert_eq!(read("#!/usr/bin/env bash\r\n"), Ok(("/usr/bin/env".into(), Some("bash\r".into()))));
    assert!(read("#!\n").is_err());
}

#[test]
fn machines() {
    let program = |machine, bytes: fn(u16) -> Vec<u8>| why(&Table::default().with("/x", 0o755, &bytes(machine)), "/x");
    let little = |machine| elf(machine, 2, "");
    assert_eq!(program(183, little), "/x is a program for 64-bit ARM (arm64); this machine is x86_64");
    assert!(program(243, little).contains("riscv64") && program(9999, little).contains("machine 9999 of elf.h"));
    assert_eq!(program(62, |machine| elf(machine, 1, "")), "/x is an object file (.o): it was not linked");
    assert!(program(62, |machine| elf(machine, 2, "")[..20].to_vec()).contains("cut off"));
    let big = |machine: u16| {
        let mut bytes = vec![0x7f, b'E', b'L', b'F', 2, 2, 1];
        bytes.resize(64, 0);
        bytes[16..18].copy_from_slice(&2u16.to_be_bytes());
        bytes[18..20].copy_from_slice(&machine.to_be_bytes());
        bytes
    };
    assert!(program(22, big).contains("s390x") && program(8, big).contains("mips64)"));
}

#[test]
fn loaders() {
    let table = |loader| Table::default().with("/x", 0o755, &elf(62, 3, loader)).with("/lib/ld-musl-x86_64.so.1", 0o755, b"");
    let glibc = refused(&table("/lib64/ld-linux-x86-64.so.2"), "/x", ASKED, Errno::ENOENT).unwrap();
    assert!(glibc.what.contains("(/lib64/ld-linux-x86-64.so.2) cannot be executed: /lib64 does not exist"));
    assert!(glibc.advice.contains("built for glibc"));
    assert_eq!(why(&table("/lib/ld-musl-x86_64.so.1"), "/x"), "");
}

#[test]
fn names_that_are_not_found() {
    let table = Table::default().with("/bin/shut", 0o644, b"").with("/noexec/tool", 0o755, b"");
    let told = |name, path, refusal| {
        let asked = Asked { name, path, ..ASKED };
        lookup_fault(&table, asked, refusal).map_or_else(String::new, |why| why.what)
    };
    let bare = |name| told(name, "/bin", Refusal::NotFound);
    assert_eq!(bare("shut"), "/bin/shut is there, and has no x bit (mode 0644)");
    assert!(bare("-it").contains("after the image") && bare("ls -l").contains("is one word"));
    assert_eq!(bare("gone"), "no gone in /bin");
    assert!(told("gone", "", Refusal::NotFound).contains("PATH is empty"));
    assert_eq!(told("/bin/x", "", Refusal::Unseen(Errno::ENOENT)), "/bin/x does not exist");
    assert!(told("/noexec/tool", "", Refusal::Closed(Errno::EACCES)).contains("a mount with noexec"));
    assert_eq!(told("/bin", "", Refusal::Closed(Errno::EISDIR)), "/bin is a directory");
}

#[test]
fn docker_s_words_and_codes() {
    let told = |refusal: Refusal| refusal.told("/x");
    assert_eq!(told(Refusal::Closed(Errno::EISDIR)), ("exec: \"/x\": is a directory".into(), 126));
    assert_eq!(told(Refusal::Unseen(Errno::ENOENT)), ("exec: \"/x\": stat /x: no such file or directory".into(), 127));
    assert_eq!(told(Refusal::Unseen(Errno::EACCES)), ("exec: \"/x\": stat /x: permission denied".into(), 126));
    assert_eq!(told(Refusal::Unseen(Errno::ELOOP)).1, 125);
}

#[test]
fn the_paths_of_a_step_and_of_a_message() {
    use super::steps::{of_refusal, of_step};
    use crate::step::{MountFlags, MountStep, Step};

    let table = Table::default().with("/root/c/merged/etc/passwd", 0o644, b"").with("/here", 0o644, b"");
    let bind = |target: &str| {
        Step::Mount(MountStep::BindMount {
            source: "/here".into(),
            target: target.into(),
            recursive: true,
            top_only: false,
            flags: MountFlags::default(),
        })
    };
    let told = |target: &str| of_step(&bind(target), Errno::ENOTDIR, &table).diagnosis.map(|why| why.what);
    assert_eq!(told("/root/c/merged/etc/passwd/x"), Some("/etc/passwd is a file, not a directory: nothing can be below it".into()));
    assert_eq!(told("/root/c/merged/etc/passwd"), None);
    let named = || ["/here/x".to_string()];
    assert!(of_refusal("open /here/x: not a directory", named(), &table).starts_with("glassbox: /here is a file"));
    assert_eq!(of_refusal("open /other: not a directory", named(), &table), "");
    assert_eq!(of_refusal("open /gone: no such file", ["/gone".to_string()], &table), "", "Docker's line says it");
}
