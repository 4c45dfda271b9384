//! Stages over the source and its own tests: format, lints, tidy, unit and integration tests.

use anyhow::Result;

use super::{Stage, always};
use crate::need::Need;
use crate::{process, workspace};

/// The package whose tests need a kernel of their own, and so have a stage of their own.
pub const KERNEL_TESTS: &str = "glassbox-tests";

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
    run: || process::run(&mut process::cargo(&["test", "-p", KERNEL_TESTS, "--test", "tidy"])),
};

pub const TESTS: Stage = Stage {
    name: "tests",
    about: "unit and integration tests",
    quick: true,
    is_here: always,
    needs: &[Need::Target("x86_64-unknown-linux-musl"), Need::MuslTools],
    run: || process::run(&mut process::cargo(&["test", "--workspace", "--exclude", KERNEL_TESTS])),
};

fn lints() -> Result<()> {
    process::run(&mut process::cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    let wasm = ["clippy", "-p", "glassbox-core", "--target", "wasm32-unknown-unknown", "--", "-D", "warnings"];
    process::run(&mut process::cargo(&wasm))
}
