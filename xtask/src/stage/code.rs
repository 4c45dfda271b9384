//! Stages over the source and its own tests: format, lints, tidy, unit and integration tests.

use anyhow::Result;

use super::{Stage, always, kernel};
use crate::need::Need;
use crate::{process, workspace};

pub const FORMAT: Stage = Stage {
    name: "format",
    about: "the source is formatted",
    quick: true,
    is_here: always,
    needs: &[],
    run: || process::run(&mut process::cargo(&["fmt", "--all", "--check"])),
};

pub const LINTS: Stage = Stage {
    name: "lints",
    about: "the compiler and clippy have nothing to say",
    quick: true,
    is_here: always,
    needs: &[Need::Target("wasm32-unknown-unknown"), Need::Target("x86_64-unknown-linux-musl"), Need::MuslTools],
    run: lints,
};

pub const TIDY: Stage = Stage {
    name: "tidy",
    about: "sizes, names, homes of unsafe and of effects",
    quick: true,
    is_here: || workspace::root().join("tests/tests/tidy.rs").is_file(),
    needs: &[],
    run: || process::run(&mut process::cargo(&["test", "-p", "glassbox-tests", "--test", "tidy"])),
};

pub const TESTS: Stage = Stage {
    name: "tests",
    about: "unit and integration tests of what asks nothing of the kernel",
    quick: true,
    is_here: always,
    needs: &[],
    run: tests,
};

fn tests() -> Result<()> {
    let mut tests = process::cargo(&["test", "--workspace", "--no-fail-fast"]);
    tests.args(kernel::PACKAGES.iter().flat_map(|package| ["--exclude", package]));
    process::run(&mut tests)
}

fn lints() -> Result<()> {
    process::run(&mut process::cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    let wasm = ["clippy", "-p", "glassbox-core", "--target", "wasm32-unknown-unknown", "--", "-D", "warnings"];
    process::run(&mut process::cargo(&wasm))
}
