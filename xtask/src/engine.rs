//! The engine as people get it: `glassbox`, optimised, one static file that runs on any Linux of this machine's architecture.
//!
//! Static with musl, and not position-independent, because it starts sooner: of every command half a millisecond would go to the
//! dynamic linker, and another third to glibc asking the processor what it can do (CPUID, which a virtual machine's hypervisor answers)
//! and to relocations. Only builds for a named target can be static, since compiler plug-ins are built for this machine alike.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::need::{self, Need, rustup};
use crate::{process, workspace};

/// One file without a dynamic linker, at a fixed address.
const FLAGS: &str = "-Ctarget-feature=+crt-static -Crelocation-model=static";

/// What is carried out for the profile, each line as often as its number says: what people wait for.
const TRAINING: &[(usize, &str)] = &[
    (40, "run --rm --network none toolbox true"),
    (4, "run --rm --network none toolbox sh -c 'echo a && ls /'"),
    (2, "run -d --name trained --network none toolbox sleep 60"),
    (2, "exec trained echo b"),
    (2, "ps -a"),
    (2, "inspect trained"),
    (2, "logs trained"),
    (2, "rm -f trained"),
    (4, "run --plan --rm -m 64m toolbox true"),
    (2, "images"),
];

/// Builds it, and says where it is.
pub fn build() -> Result<PathBuf> {
    // C code among the dependencies (ring) is compiled for musl.
    need::ensure(&[Need::Target("x86_64-unknown-linux-musl"), Need::MuslTools])?;
    compile(FLAGS, &workspace::target())
}

/// As `build`, with a profile of what its commands do (`rustc -Cprofile-use`): what a run needs stands together in the file, so that
/// a sixth fewer pages of it are touched, and is optimized for speed, all else for size. It takes twice as long.
/// Where no container can be started there is nothing to learn from, and the error says so.
pub fn build_trained() -> Result<PathBuf> {
    need::ensure(&[Need::Target("x86_64-unknown-linux-musl"), Need::MuslTools, Need::LlvmTools])?;
    let folder = workspace::target().join("training");
    let profile = folder.join("glassbox.profdata");
    // But for the counting as in the build that uses the profile: a function that has another name there has no counts. What the
    // container's process does before its program runs is not counted, since it never ends; that is little code, and stands together.
    let counts = compile(&format!("{FLAGS} -Cprofile-generate"), &folder)?;
    if !is_newer(&profile, &counts) {
        learn(&counts, &folder, &profile)?;
    }
    compile(&format!("{FLAGS} -Cprofile-use={}", profile.display()), &folder.join("release"))
}

/// Runs the training, and puts what was counted together.
fn learn(binary: &Path, folder: &Path, profile: &Path) -> Result<()> {
    let place = tempfile::Builder::new().prefix("run-").tempdir_in(folder)?;
    for (times, line) in TRAINING {
        for time in 0..*times {
            train(binary, line, time, place.path()).with_context(|| format!("training: glassbox {line}"))?;
        }
    }
    let counted = std::fs::read_dir(place.path())?.flatten().map(|entry| entry.path());
    let counted = counted.filter(|path| path.extension() == Some(OsStr::new("profraw")));
    let mut merge = process::program(&rustup::llvm_tool("llvm-profdata")?.to_string_lossy());
    process::run_quietly(merge.args(["merge", "-sparse", "-o"]).arg(profile).args(counted))
}

/// One command line, by a shell, which knows quotes.
fn train(binary: &Path, line: &str, time: usize, place: &Path) -> Result<()> {
    let line = line.replace("trained", &format!("trained-{time}"));
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec \"$0\" {line}")]).arg(binary).stdin(std::process::Stdio::null());
    shell.env("GLASSBOX_ROOT", place.join("root")).env("LLVM_PROFILE_FILE", place.join("%m.profraw"));
    process::run_quietly(&mut shell)
}

fn is_newer(file: &Path, other: &Path) -> bool {
    let changed = |path: &Path| std::fs::metadata(path).and_then(|file| file.modified()).ok();
    changed(file).is_some_and(|time| changed(other).is_some_and(|before| before < time))
}

/// Cargo with these compiler flags, into that directory.
fn compile(flags: &str, target: &Path) -> Result<PathBuf> {
    let triple = triple();
    let mut command = process::cargo(&["build", "--release", "-p", "glassbox", "--target", &triple, "--target-dir"]);
    command.arg(target).env(format!("CARGO_TARGET_{}_RUSTFLAGS", triple.to_uppercase().replace('-', "_")), flags);
    process::run(&mut command)?;
    let binary = target.join(triple).join("release/glassbox");
    if binary.is_file() { Ok(binary) } else { bail!("cargo has built no {}", binary.display()) }
}

/// Builds `glassbox-wasi`, the runtime for WebAssembly modules, which containers get to see and so is static; `profile` is one of cargo's.
/// Copies it to where each of `beside` is, which look for it there.
pub fn build_wasi(profile: &str, beside: &[PathBuf]) -> Result<()> {
    need::ensure(&[Need::Target("x86_64-unknown-linux-musl"), Need::MuslTools])?;
    let triple = triple();
    process::run(&mut process::cargo(&["build", "-p", "glassbox-wasi", "--target", &triple, "--profile", profile]))?;
    let folder = if profile == "dev" { "debug" } else { profile };
    let binary = workspace::target().join(triple).join(folder).join("glassbox-wasi");
    for engine in beside {
        // Not over a file that runs (ETXTBSY): another one under its name.
        let (place, new) = (engine.with_file_name("glassbox-wasi"), engine.with_file_name(".glassbox-wasi"));
        std::fs::copy(&binary, &new).with_context(|| format!("copying {} to {}", binary.display(), new.display()))?;
        std::fs::rename(&new, &place).with_context(|| format!("renaming it to {}", place.display()))?;
    }
    Ok(())
}

/// The target that it is built for.
pub fn triple() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}
