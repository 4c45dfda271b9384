//! The core's own tests once more, compiled to WebAssembly: what holds natively holds in the page.

use anyhow::Result;

use super::{Stage, always};
use crate::need::Need;
use crate::{process, workspace};

pub const WASM: Stage = Stage {
    name: "wasm",
    about: "the core's tests as WebAssembly, under node's WASI",
    quick: false,
    is_here: always,
    needs: &[Need::Target("wasm32-wasip1"), Need::Node],
    run: core_tests,
};

fn core_tests() -> Result<()> {
    // Node 20 dies (SIGSEGV, in V8's collector) where incremental marking is finished while a module's memory grows.
    let runner = format!("node --no-warnings --no-incremental-marking {}", workspace::root().join("xtask/wasi.mjs").display());
    let mut tests = process::cargo(&["test", "-p", "glassbox-core", "--target", "wasm32-wasip1"]);
    process::run(tests.env("CARGO_TARGET_WASM32_WASIP1_RUNNER", runner))
}
