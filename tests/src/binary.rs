//! The `glassbox` binary under test: where it is, and one data root of its own for each test.
//!
//! `GLASSBOX_BIN` names it; else it is `target/debug/glassbox` beside the test's executable. A test that cannot run here says why.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// Where programs are looked up.
pub const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// The binary, absolute.
pub fn find() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("GLASSBOX_BIN").filter(|path| !path.is_empty()) {
        return fs::canonicalize(&path).with_context(|| format!("GLASSBOX_BIN: {}", path.to_string_lossy()));
    }
    let executable = std::env::current_exe()?;
    let beside = executable.ancestors().nth(2).map(|directory| directory.join("glassbox")).filter(|path| path.is_file());
    beside.with_context(|| "no glassbox binary beside the tests: build it with `cargo build -p glassbox`".to_string())
}

/// Copies a program, by cp(1). Were it written here, a process that another test starts at this moment would inherit the open file, and
/// executing the copy would fail with ETXTBSY.
pub fn copy_program(from: &Path, to: &Path) -> Result<()> {
    let status = Command::new("cp").arg("--").arg(from).arg(to).status().context("cp")?;
    if status.success() { Ok(()) } else { bail!("cp {} {}: {status}", from.display(), to.display()) }
}

/// The effective user is root.
pub fn is_root() -> bool {
    fs::read_to_string("/proc/self/status")
        .is_ok_and(|status| status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0")))
}

/// A program is installed.
pub fn has_program(name: &str) -> bool {
    PATH.split(':').any(|directory| Path::new(directory).join(name).is_file())
}

/// Says on stderr that a test was skipped, and why. Where everything that tests need has to be there, in CI and as root in the stock
/// machine (`cargo xtask test --vm`), the test fails instead.
pub fn skip(why: &str) {
    let is_set = |name: &str| std::env::var_os(name).is_some();
    let must_run = is_set("CI") || (is_set("GLASSBOX_VM") && is_root());
    assert!(!must_run, "skipped where nothing may be: {why}");
    eprintln!("skipped: {why}");
}

/// What a command left to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// The exit code; `None`: a signal ended it.
    pub code: Option<i32>,
    /// That signal.
    pub signal: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Ended {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (code, signal) = (output.status.code(), output.status.signal());
        Ended { code, signal, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

/// The binary with a data root of its own, which goes when it is dropped.
#[derive(Debug)]
pub struct Engine {
    binary: PathBuf,
    directory: TempDir,
}

impl Engine {
    /// A fresh data root.
    pub fn new() -> Result<Engine> {
        let directory = tempfile::Builder::new().prefix("glassbox-tests-").tempdir()?;
        Ok(Engine { binary: find()?, directory })
    }

    /// The binary.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// The data root. It need not exist yet.
    pub fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    /// A directory beside the data root, for traces and the like.
    pub fn scratch(&self) -> &Path {
        self.directory.path()
    }

    /// `program` with these arguments, in the environment of a test.
    pub fn program(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().env("GLASSBOX_ROOT", self.root()).env("PATH", PATH).env("HOME", "/root");
        command.current_dir("/").stdin(Stdio::null());
        command
    }

    /// `glassbox` with these arguments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.program(&self.binary.to_string_lossy(), arguments)
    }

    /// Runs `glassbox` with the words of this line, to its end.
    pub fn run(&self, line: &str) -> Result<Ended> {
        let words = glassbox_core::cli::words_of(line).map_err(|error| anyhow::anyhow!(error.message))?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.run_words(&words)
    }

    /// Runs `glassbox` with these words, to its end.
    pub fn run_words(&self, words: &[&str]) -> Result<Ended> {
        Ok(self.command(words).output().context("starting glassbox")?.into())
    }

    /// As `run`; anything but exit code 0 is an error.
    pub fn succeed(&self, line: &str) -> Result<Ended> {
        let ended = self.run(line)?;
        if ended.code != Some(0) {
            bail!("{line}: ended with {:?}, signal {:?}: {}", ended.code, ended.signal, ended.stderr);
        }
        Ok(ended)
    }
}
