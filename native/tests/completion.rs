//! The completion scripts in the shells that they are for: bash, zsh and fish, asked as a person asks them.

#![allow(clippy::unwrap_used, reason = "a test: what fails here is the test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use glassbox_tests::binary::skip;

/// A data root with a volume in it, the program on the PATH, and the script of the shell.
struct Scratch(PathBuf);

impl Scratch {
    fn new(shell: &str) -> Option<Scratch> {
        if std::env::var_os("GLASSBOX_VM").is_some() {
            // It asks nothing of the kernel, and the stock machine has no shells to spare: the host's own run is what counts.
            return None;
        }
        if Command::new(shell).arg("--version").stdout(Stdio::null()).status().is_err() {
            skip(&format!("{shell} is not here: apt-get install {shell}"));
            return None;
        }
        let path = std::env::temp_dir().join(format!("glassbox-completion-{}-{shell}", std::process::id()));
        fs::create_dir_all(path.join("bin")).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_glassbox"), path.join("bin/glassbox")).unwrap();
        let scratch = Scratch(path);
        assert!(scratch.command("glassbox").args(["volume", "create", "data"]).stdout(Stdio::null()).status().unwrap().success());
        let script = scratch.command("glassbox").args(["completion", shell]).output().unwrap();
        fs::write(scratch.0.join("script"), script.stdout).unwrap();
        Some(scratch)
    }

    fn command(&self, program: &str) -> Command {
        let program = if program == "glassbox" { self.0.join("bin/glassbox") } else { Path::new(program).to_path_buf() };
        let path = format!("{}:{}", self.0.join("bin").display(), std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new(program);
        command.env("PATH", path).env("GLASSBOX_ROOT", self.0.join("root")).env("HOME", &self.0).current_dir(&self.0);
        command
    }

    /// What the shell says of each line.
    fn answers(&self, shell: &str, script: &str) -> String {
        let output = self.command(shell).args(["-c", script]).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// As readline calls it: words split at blanks, `=` and `:`.
const BASH: &str = r#"
source ./script
try() {
    read -ra COMP_WORDS <<< "$(sed 's/\([=:]\)/ \1 /g' <<< "$1")"
    [[ $1 == *' ' ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    compopt() { :; }
    _glassbox
    echo "${COMPREPLY[*]}"
}
try 'glassbox ru'
try 'glassbox run --cid'
try 'glassbox run --pull nev'
try 'glassbox run --pull=nev'
try 'glassbox volume rm '
try 'glassbox run -v da'
try 'glassbox run toolbox scr'
"#;

#[test]
fn bash_completes() {
    let Some(scratch) = Scratch::new("bash") else { return };
    let expected = "run\n--cidfile\nnever\nnever\ndata\ndata:\nscript\n";
    assert_eq!(scratch.answers("bash", BASH), expected);
}

#[test]
fn fish_completes() {
    let Some(scratch) = Scratch::new("fish") else { return };
    let lines = ["glassbox run --pull nev", "glassbox run --pull=nev", "glassbox volume rm ", "glassbox run toolbox scr"];
    let asked: String = lines.iter().map(|line| format!("complete -C '{line}'\n")).collect();
    let said = scratch.answers("fish", &format!("source ./script\n{asked}"));
    assert_eq!(said, "never\n--pull=never\ndata\nscript\n");
}

/// The function as zsh's line editor calls it, with what it hands its words to written out instead of shown.
const ZSH: &str = r#"
compdef() { :; }
_describe() { print -l -- "${(@P)5}" "${@:6}"; }
_files() { print files; }
source ./script
try() { words=("$@"); CURRENT=$#; _glassbox; }
try glassbox ru
try glassbox run --pull nev
try glassbox run --pull=nev
try glassbox volume rm ''
try glassbox run -v da
"#;

#[test]
fn zsh_completes() {
    let Some(scratch) = Scratch::new("zsh") else { return };
    let expected = "run\nnever\n--pull=never\ndata\ndata:\n-S\n\nfiles\n";
    assert_eq!(scratch.answers("zsh", ZSH), expected);
}
