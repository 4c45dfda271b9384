//! A program in Rust, compiled for wasm32-wasip1 with its standard library, does the same in both kernels: interpreted in the model,
//! compiled by wasmtime on Linux, with the same answers from the files, streams and clocks of its container.

// clippy.toml allows it in test functions; these are what they are made of.
#![allow(clippy::unwrap_used)]

mod shared;

use std::process::Command;

use glassbox_tests::binary::skip;
use glassbox_tests::fixture::Exchange;
use glassbox_tests::kernels::{Machine, Model};
use glassbox_tests::suite;

/// What is tried: words for the probe, and what is expected of it. One container each.
const TRIED: &[(&str, &str, i32)] = &[
    ("args 'a b' ''", "args: /probe.wasm args a b \na b: a b is nothing that is known here\n:  is nothing that is known here\n", 0),
    ("env=GREETING env=NONE", "env: hello\nenv: not set\n", 0),
    (
        "write=/x append=/x middle=/x mkdir=/d mv=/x:/d/x cat=/d/x ls=/d rmdir=/d rm=/d/x rmdir=/d cat=/d",
        "write: 23 bytes\nappend: 34 bytes\nmiddle: line of 34\nmkdir: made\nmv: moved\ncat: first line\nsecond line\nthird line\n\n\
         ls: x\nrmdir: Uncategorized: Directory not empty (os error 55)\nrm: gone\nrmdir: gone\n\
         cat: NotFound: No such file or directory (os error 44)\n",
        0,
    ),
    ("cat=../../etc/hostname mkdir=/sys/x write=/proc/x", "", 0),
    ("sleep=30 sum=3000 process", "sleep: slept\n", 0),
    ("memory=4 memory=200", "memory: 4194304 bytes\nmemory: refused\n", 0),
    ("exit=7", "", 7),
    ("panic", "", 134),
];

fn compiled() -> Option<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let module = folder.path().join("probe.wasm");
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2024", "--target", "wasm32-wasip1", "-O", "-Cstrip=symbols", "-Cpanic=abort", "-o"]).arg(&module);
    let output = rustc.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/wasi/probe.rs")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() && said.contains("target may not be installed") {
        skip("the probe is compiled for wasm32-wasip1: rustup target add wasm32-wasip1");
        return None;
    }
    assert!(output.status.success(), "{said}");
    Some(std::fs::read(module).unwrap())
}

/// An archive with the module in it, as `import` takes it.
fn archive(module: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_size(module.len() as u64);
    header.set_mode(0o755);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, "probe.wasm", module).unwrap();
    archive.into_inner().unwrap()
}

fn did(machine: &mut dyn Machine, line: &str, piped: Option<Vec<u8>>) -> (String, String, i32) {
    let shown = machine.run(&Exchange { line: line.into(), piped, ..Exchange::default() }).unwrap().exchange;
    (shown.stdout, shown.stderr, shown.exit_code)
}

fn all(machine: &mut dyn Machine, archive: &[u8]) -> Vec<(String, String, i32)> {
    let import = "docker import --platform wasi/wasm --change 'ENTRYPOINT [\"/probe.wasm\"]' --change 'ENV GREETING=hello' - probe";
    let (_, stderr, code) = did(machine, import, Some(archive.to_vec()));
    assert_eq!(code, 0, "{}: {stderr}", machine.name());
    let run = |words: &&(&str, &str, i32)| format!("docker run --rm --network none -m 128m probe {}", words.0);
    let mut done: Vec<_> = TRIED.iter().map(|tried| did(machine, &run(&tried), None)).collect();
    done.push(did(machine, "docker run --rm -i --network none probe stdin", Some(b"from outside\n".to_vec())));
    done
}

#[test]
fn a_program_for_wasi_does_the_same_in_both_kernels() {
    if !suite::is_root() {
        skip("containers with all namespaces need root");
        return;
    }
    if !suite::binary().unwrap().with_file_name("glassbox-wasi").is_file() {
        skip("there is no glassbox-wasi beside glassbox");
        return;
    }
    let Some(module) = compiled() else { return };
    shared::share_mounts();
    let archive = archive(&module);
    let (_place, mut linux) = suite::linux().unwrap();
    let on_linux = all(&mut linux, &archive);
    let in_the_model = all(&mut Model::new(&linux.facts().unwrap()), &archive);
    for (at, (real, modelled)) in on_linux.iter().zip(&in_the_model).enumerate() {
        let tried = TRIED.get(at);
        assert_eq!(real, modelled, "{tried:?}");
        if let Some((words, expected, code)) = tried {
            assert!(real.0.contains(expected), "{words}: {}", real.0);
            assert_eq!(real.2, *code, "{words}: {}", real.1);
        }
    }
    assert_eq!(on_linux.last().unwrap().0, "stdin: \"from outside\\n\"\n");
}
