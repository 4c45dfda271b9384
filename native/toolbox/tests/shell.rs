//! The real toolbox, run: snippets with what they must print and how they must end, held against the machine's own /bin/sh.
//!
//! Each case runs in an empty directory, with a `bin` whose links lead to the toolbox as the only PATH. Where /bin/sh is there
//! (dash on Debian), it runs the same snippet over the same programs: both shells must agree with the expectation.

#![allow(clippy::unwrap_used)] // a test: what cannot be set up must fail it

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const TOOLBOX: &str = env!("CARGO_BIN_EXE_toolbox");

mod cases;

/// A directory of the test's own, gone when dropped.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let path = std::env::temp_dir().join(format!("glassbox-toolbox-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(path.join("bin")).unwrap();
        for name in glassbox_core::userland::Program::NAMES {
            symlink(TOOLBOX, path.join("bin").join(name)).unwrap();
        }
        Place(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a snippet printed and how it ended.
fn run(shell: &Path, snippet: &str, place: &Place) -> (String, String, i32) {
    let work = place.0.join("work");
    let _ = std::fs::remove_dir_all(&work);
    std::fs::create_dir(&work).unwrap();
    let output = Command::new(shell)
        .args(["-c", snippet, "sh", "one", "two words"])
        .current_dir(&work)
        .env_clear()
        .env("PATH", place.0.join("bin"))
        .env("HOME", "/home/me")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr), output.status.code().unwrap_or(-1))
}

fn check(ours: bool) {
    let place = Place::new(if ours { "ours" } else { "theirs" });
    let shell = if ours { place.0.join("bin/sh") } else { PathBuf::from("/bin/sh") };
    let mut failures = Vec::new();
    let all = cases::BOTH.iter().chain(if ours { cases::OURS } else { &[] });
    for (snippet, stdout, status) in all {
        let (got, stderr, code) = run(&shell, snippet, &place);
        if (got.as_str(), code) != (*stdout, *status) {
            failures.push(format!("{snippet}\n  wanted {stdout:?} {status}\n  got    {got:?} {code}\n  stderr {stderr:?}"));
        }
    }
    assert!(failures.is_empty(), "{} cases:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn our_shell_does_what_the_cases_say() {
    check(true);
}

#[test]
fn the_machines_shell_agrees() {
    if !Path::new("/bin/sh").exists() {
        eprintln!("skipped: no /bin/sh to compare with");
        return;
    }
    check(false);
}

#[test]
fn errors_are_told_with_the_right_words() {
    let place = Place::new("errors");
    let shell = place.0.join("bin/sh");
    for (snippet, stderr, status) in cases::ERRORS {
        let (_, got, code) = run(&shell, snippet, &place);
        assert_eq!((got.as_str(), code), (*stderr, *status), "{snippet}");
    }
}

#[test]
fn a_script_on_the_standard_input_leaves_the_rest_to_its_commands() {
    use std::io::Write;
    let place = Place::new("input");
    let mut child = Command::new(place.0.join("bin/sh"))
        .env("PATH", place.0.join("bin"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let script = "read x\nfirst line\necho got $x\nif true\nthen cat\nfi\nthe rest\nis text\n";
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "got first line\nthe rest\nis text\n");
}

#[test]
fn init_hands_signals_on_and_ends_as_its_child() {
    use std::io::Read;
    let place = Place::new("init");
    let mut child = Command::new(place.0.join("bin/init"))
        .args(["--", "sh", "-c", "trap 'echo caught; exit 7' TERM; echo ready; while :; do sleep 0.05; done"])
        .env("PATH", place.0.join("bin"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut ready = [0; 6];
    stdout.read_exact(&mut ready).unwrap();
    let killed = Command::new(place.0.join("bin/kill")).arg(child.id().to_string()).status().unwrap();
    assert!(killed.success());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!((rest.as_str(), child.wait().unwrap().code()), ("caught\n", Some(7)));
}

#[test]
fn an_interactive_shell_prompts_and_survives_an_interrupt() {
    use std::io::{Read, Write};
    let place = Place::new("prompt");
    let mut child = Command::new(place.0.join("bin/sh"))
        .arg("-i")
        .env_clear()
        .env("PATH", place.0.join("bin"))
        .env("PS1", "> > ")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut stderr = child.stderr.take().unwrap();
    stdin.write_all(b"if true\nthen echo a\nfi\n").unwrap();
    let mut first = [0; 2];
    stdout.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"a\n");
    let killed = Command::new(place.0.join("bin/kill")).args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    // What is typed before the interrupt has come is lost with its line.
    let mut errors = Vec::new();
    let mut byte = [0];
    while !errors.ends_with(b"\n> > ") {
        stderr.read_exact(&mut byte).unwrap();
        errors.extend(byte);
    }
    stdin.write_all(b"nosuch\necho )\n").unwrap();
    drop(stdin);
    stderr.read_to_end(&mut errors).unwrap();
    let status = child.wait().unwrap();
    let errors = String::from_utf8_lossy(&errors);
    assert!(errors.starts_with("> > "), "{errors:?}");
    assert!(errors.contains("\n> > sh: nosuch: not found\n"), "{errors:?}");
    assert!(errors.contains("syntax error: unexpected \")\"\n> > "), "{errors:?}");
    // At the end of the input, the status of what came last.
    assert_eq!(status.code(), Some(2));
}
