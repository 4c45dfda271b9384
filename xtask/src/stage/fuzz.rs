//! The fuzz targets of `fuzz/`, by libFuzzer: each for a while, from the corpus that is kept there.
//!
//! Built with the compiler's own coverage instrumentation, so that the pinned toolchain suffices. What crashed one is written to
//! `fuzz/artifacts/TARGET/`; a copy of it in the corpus keeps it from coming back.

use anyhow::{Context, Result, bail};

use super::Stage;
use crate::need::Need;
use crate::stage::kernel;
use crate::{process, workspace};

/// What strangers write, one program for each: see `fuzz/fuzz_targets`.
const TARGETS: [&str; 6] = ["grammar", "config_json", "records", "archive", "dockerfile", "layer"];

/// For each target, unless `GLASSBOX_FUZZ_SECONDS` says otherwise.
const SECONDS: u64 = 300;

const TRIPLE: &str = "x86_64-unknown-linux-gnu";

/// Edges are counted, comparisons are told: what libFuzzer is steered by.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
                     -Cllvm-args=-sanitizer-coverage-trace-compares";

pub const FUZZ: Stage = Stage {
    name: "fuzz",
    about: "five minutes of each fuzz target (only with --nightly)",
    quick: false,
    is_here: || workspace::root().join("fuzz/Cargo.toml").is_file(),
    needs: &[Need::Target("x86_64-unknown-linux-musl"), Need::MuslTools, Need::Program("g++", "g++")],
    run: fuzz,
};

fn fuzz() -> Result<()> {
    let folder = workspace::target().join("fuzz");
    let mut build = process::cargo(&["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target", TRIPLE]);
    build.env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS", FLAGS).env("CARGO_TARGET_DIR", &folder);
    process::run(&mut build)?;
    let seconds = match std::env::var("GLASSBOX_FUZZ_SECONDS") {
        Ok(text) => text.parse().with_context(|| format!("GLASSBOX_FUZZ_SECONDS is no number: {text}"))?,
        Err(_) => SECONDS,
    };
    let found: Vec<_> = TARGETS.into_iter().filter_map(|target| one(target, seconds).err()).collect();
    if found.is_empty() {
        return Ok(());
    }
    bail!(found.iter().map(|error| format!("{error:#}")).collect::<Vec<_>>().join("; "))
}

/// What it finds on the way goes to a corpus below `target`; what is worth keeping is copied by hand.
fn one(target: &str, seconds: u64) -> Result<()> {
    let program = workspace::target().join("fuzz").join(TRIPLE).join("release").join(target);
    let artifacts = workspace::root().join("fuzz/artifacts").join(target);
    let found = workspace::target().join("fuzz/corpus").join(target);
    for folder in [&artifacts, &found] {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    // Root's archive target makes files of every kind: in namespaces of its own.
    let mut command = kernel::program_apart(&program);
    command.arg(&found).arg(workspace::root().join("fuzz/corpus").join(target));
    command.args([format!("-max_total_time={seconds}"), format!("-artifact_prefix={}/", artifacts.display())]);
    command.args(["-timeout=20", "-rss_limit_mb=4096", "-max_len=65536", "-print_final_stats=1", "-verbosity=0"]);
    process::run(&mut command).with_context(|| format!("fuzz target {target} found something, see {}", artifacts.display()))
}
