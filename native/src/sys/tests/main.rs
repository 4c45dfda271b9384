//! The system-call layer against the running kernel.
//!
//! Namespaces, credentials and filters belong to a process, and a child of a process with threads may do next to nothing. So each
//! case runs in a process of its own with one thread: this program starts itself once for every case. It understands as much of
//! libtest's command line as cargo test and nextest use. A case that cannot run here says why and is counted as ignored.
#![allow(unsafe_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::process::{Command, ExitCode, Stdio};

use glassbox::sys::mount::{MountFlags, set_propagation};
use glassbox::sys::process::{CloneFlags, CloneResult, clone_into, exit_now, set_parent_death_signal, unshare};
use glassbox::sys::wait::{Ended, wait_until_ended};
use glassbox_core::userland::Signal;

mod files;
mod mounts;
mod privileges;
mod processes;
mod terminals;

/// What a case answers: `Err` is the reason why it cannot run on this machine.
type Outcome = Result<(), String>;
type Case = (&'static str, fn() -> Outcome);

/// The exit status of a case that cannot run here.
const SKIPPED: i32 = 77;
/// A case that hangs is ended after this many seconds.
const SECONDS_MAX: u32 = 30;

fn cases() -> Vec<Case> {
    [processes::CASES, files::CASES, mounts::CASES, privileges::CASES, terminals::CASES].concat()
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if let Some(at) = arguments.iter().position(|argument| argument == "--case") {
        return run_case(&arguments[at + 1]);
    }
    let filters: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name: &str| filters.iter().any(|filter| if has("--exact") { name == *filter } else { name.contains(*filter) });
    let chosen = cases().into_iter().filter(|(name, _)| filters.is_empty() || wanted(name));
    if has("--list") {
        // There is none that is always ignored.
        chosen.filter(|_| !has("--ignored")).for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    run_all(&chosen.collect::<Vec<_>>())
}

fn run_all(chosen: &[Case]) -> ExitCode {
    let (mut failed, mut ignored) = (0, 0);
    println!("\nrunning {} tests", chosen.len());
    for (name, _) in chosen {
        let itself = std::env::current_exe().unwrap();
        let status = Command::new(itself).args(["--case", name]).stdin(Stdio::null()).status().unwrap();
        match status.code() {
            Some(0) => println!("test {name} ... ok"),
            Some(SKIPPED) => {
                ignored += 1;
                println!("test {name} ... ignored");
            }
            _ => {
                failed += 1;
                println!("test {name} ... FAILED ({status})");
            }
        }
    }
    let passed = chosen.len() - failed - ignored;
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {word}. {passed} passed; {failed} failed; {ignored} ignored; 0 measured; 0 filtered out\n");
    ExitCode::from(u8::from(failed > 0))
}

fn run_case(name: &str) -> ExitCode {
    let case = cases().into_iter().find(|(other, _)| *other == name).expect("a case of this name");
    // SAFETY: no pointers; the default action of SIGALRM ends this process.
    unsafe { libc::alarm(SECONDS_MAX) };
    match case.1() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{name} cannot run here: {reason}");
            ExitCode::from(SKIPPED as u8)
        }
    }
}

/// Runs `body` in a child with these namespaces; answers how it ended. The child's status is what `body` answers, 101 for a panic.
fn in_child(flags: CloneFlags, body: impl FnOnce() -> i32) -> Ended {
    match clone_into(flags, None).unwrap() {
        CloneResult::Child => {
            set_parent_death_signal(Signal::SIGKILL).unwrap();
            let status = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).unwrap_or(101);
            exit_now(status)
        }
        CloneResult::Parent { pidfd, .. } => wait_until_ended(&pidfd).unwrap(),
    }
}

/// Own mount namespace that tells nothing to the machine's, with an empty tmpfs on /tmp.
fn own_mounts() -> Outcome {
    needs_root()?;
    unshare(CloneFlags::NEW_MOUNT).map_err(|errno| format!("unshare(CLONE_NEWNS): {errno}"))?;
    set_propagation("/", MountFlags::PRIVATE | MountFlags::RECURSIVE).unwrap();
    let flags = MountFlags::NO_SUID | MountFlags::NO_EXEC;
    glassbox::sys::mount::mount(Some("tmpfs"), "/tmp", Some("tmpfs"), flags, Some("size=1m")).unwrap();
    Ok(())
}

fn needs_root() -> Outcome {
    match glassbox::sys::process::effective_ids().0 {
        0 => Ok(()),
        uid => Err(format!("needs root, runs as user {uid}")),
    }
}
