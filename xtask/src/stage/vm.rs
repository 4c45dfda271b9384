//! The Linux suites once more in a booted stock Debian, as root and as an ordinary user.
//!
//! The test programs are built static here and run there; they and the files they read have the same absolute paths in the guest,
//! so that a test does not know the difference.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Stage, always};
use crate::need::Need;
use crate::vm::{self, User, VmJob};
use crate::{process, workspace};

const TARGET: &str = "x86_64-unknown-linux-musl";
/// Optimised: the machine's processor is emulated.
const PROFILE: &str = "guest";
/// The packages whose tests ask something of the kernel.
const PACKAGES: [&str; 2] = ["glassbox", "glassbox-tests"];
/// Test programs that ask nothing of the kernel: they read the source, or ask cargo, node, git, or a registry and programs of other people.
const NOT_THERE: [&str; 9] = ["tidy", "invariants", "wasm", "registry", "mirrors", "repositories", "roundtrip", "hostile", "wasi"];
/// What the tests read, if it is there.
const READ: [&str; 4] = ["tests", "lessons", "book/src", "core/src"];
/// Generated sequences that are run there.
const SEQUENCES: u64 = 100;
/// Of the calls before which the engine is killed, every so-many-th.
const KILL_STRIDE: usize = 10;
/// Of the fixtures that ask nothing of limits, every so-many-th is run.
const FIXTURE_STRIDE: usize = 2;
const TIMEOUT: Duration = Duration::from_secs(40 * 60);

pub const VM: Stage = Stage {
    name: "vm",
    about: "the Linux suites in a booted stock Debian 12",
    quick: false,
    is_here: always,
    needs: &[
        Need::Target(TARGET),
        Need::MuslTools,
        Need::Program("qemu-system-x86_64", "qemu-system-x86"),
        Need::Program("debootstrap", "debootstrap"),
        Need::Program("mke2fs", "e2fsprogs"),
    ],
    run: suites,
};

fn suites() -> Result<()> {
    let programs = build()?;
    println!(
        "its processor is emulated: of what the stage `kernel` runs, {SEQUENCES} of 1000 sequences, every {KILL_STRIDE}th kill, and every \
         {FIXTURE_STRIDE}nd fixture besides those on limits"
    );
    let failed: Vec<_> = [User::Root, User::Learner].into_iter().filter_map(|user| suite(user, &programs).err()).collect();
    if failed.is_empty() {
        return Ok(());
    }
    bail!(failed.iter().map(|error| format!("{error:#}")).collect::<Vec<_>>().join("; "))
}

fn suite(user: User, programs: &Programs) -> Result<()> {
    println!("-- as {} --", user.name());
    let result = vm::run(&VmJob { files: programs.files(), command: programs.script(), user, timeout: TIMEOUT })?;
    println!("-- as {}: exit status {} after {:.1} s --", user.name(), result.status, result.took.as_secs_f64());
    if result.status != 0 {
        bail!("as {}: a suite failed in the machine", user.name());
    }
    // A green exit status of a run that tested nothing would prove nothing.
    if passed(&result.output) == 0 {
        bail!("as {}: no test ran in the machine", user.name());
    }
    Ok(())
}

/// How many tests the runners' closing lines count as passed.
fn passed(output: &str) -> u64 {
    let closing = output.lines().filter_map(|line| line.strip_prefix("test result: ok. "));
    closing.filter_map(|rest| rest.split_once(' ')?.0.parse::<u64>().ok()).sum()
}

/// What was built: programs to run, and programs that these start.
struct Programs {
    tests: Vec<Program>,
    binaries: Vec<Program>,
}

struct Program {
    path: PathBuf,
    /// Its package's folder: where cargo would start it.
    folder: PathBuf,
}

impl Programs {
    fn files(&self) -> Vec<(PathBuf, PathBuf)> {
        let read = READ.iter().map(|folder| workspace::root().join(folder)).filter(|folder| folder.exists());
        let all = self.tests.iter().chain(&self.binaries).map(|program| program.path.clone()).chain(read);
        all.map(|path| (path.clone(), path)).collect()
    }

    /// Runs every program, and fails if one failed.
    fn script(&self) -> String {
        let mut script = String::from("export PATH=/usr/sbin:/usr/bin:/sbin:/bin GLASSBOX_VM=1 RUST_BACKTRACE=1 TMPDIR=/var/tmp\n");
        script += &format!("export GLASSBOX_SEQUENCES={SEQUENCES} GLASSBOX_KILL_STRIDE={KILL_STRIDE}\n");
        script += &format!("export GLASSBOX_FIXTURE_STRIDE={FIXTURE_STRIDE}\nfailed=0\n");
        for test in &self.tests {
            let (folder, program) = (quoted(&test.folder), quoted(&test.path));
            script += &format!("echo '     Running' {program}\n{{ cd {folder} 2>/dev/null || cd /; }} && {program} || failed=1\n");
        }
        script + "exit $failed\n"
    }
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

fn build() -> Result<Programs> {
    let how = ["--profile", PROFILE, "--target", TARGET, "--message-format", "json-render-diagnostics"];
    let mut args = [&["test", "--no-run"], &how[..]].concat();
    args.extend(PACKAGES.iter().flat_map(|package| ["-p", package]));
    let tests = executables(&args, true)?;
    let binaries = [&["build"], &how[..], &["-p", "glassbox", "-p", "glassbox-toolbox"]].concat();
    Ok(Programs { tests, binaries: executables(&binaries, false)? })
}

/// Runs cargo and reads from its messages which test programs, or which others, it made.
fn executables(args: &[&str], tests: bool) -> Result<Vec<Program>> {
    println!("$ cargo {}", args.join(" "));
    let output = process::cargo(args).stderr(std::process::Stdio::inherit()).output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("cargo {}: {}", args.join(" "), output.status);
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(messages.filter(|message| message["profile"]["test"] == tests).filter_map(|message| program(&message)).collect())
}

fn program(message: &Value) -> Option<Program> {
    let path = PathBuf::from(message["executable"].as_str()?);
    let name = message["target"]["name"].as_str()?;
    if NOT_THERE.contains(&name) {
        return None;
    }
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?.to_path_buf();
    Some(Program { path, folder })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passed_tests_are_counted_over_all_closing_lines() {
        assert_eq!(passed("test result: ok. 35 passed; 0 failed\nx\ntest result: ok. 2 passed; 0 failed\n"), 37);
        assert_eq!(passed("test result: FAILED. 66 passed; 1 failed"), 0);
    }

    #[test]
    fn every_program_runs_and_a_failure_is_kept() {
        let program = |path: &str| Program { path: path.into(), folder: "/w/native".into() };
        let programs = Programs { tests: vec![program("/t/lib-1"), program("/t/it's")], binaries: vec![] };
        let script = programs.script();
        assert!(script.contains("&& '/t/lib-1' || failed=1\n"), "{script}");
        assert!(script.contains("&& '/t/it'\\''s' || failed=1\n") && script.ends_with("exit $failed\n"), "{script}");
    }
}
