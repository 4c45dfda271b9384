//! The simulator as the page runs it, as wasm: `tests/wasm/bench.mjs` in node, on `dist/`, which is built of what is here.

use anyhow::{Context, Result};
use serde_json::Value;

use super::Measured;
use super::place::Place;
use crate::{process, site, workspace};

/// Thousands of steps a second.
pub fn steps(_place: &Place, _n: usize) -> Result<Measured> {
    let answer = bench()?;
    Ok(Measured { value: number(&answer, "steps_per_second")? / 1000.0, detail: "median of 5 times 10000 steps".into() })
}

/// A jump in a timeline of 10000 steps.
pub fn jump(_place: &Place, _n: usize) -> Result<Measured> {
    let answer = bench()?;
    let most = number(&answer, "jump_ms_max")?;
    Ok(Measured { value: number(&answer, "jump_ms_median")?, detail: format!("median of 200, worst {most:.2}") })
}

/// What a build would do after an edit at the end of a Dockerfile of 60 lines.
pub fn replan(_place: &Place, _n: usize) -> Result<Measured> {
    let answer = bench()?;
    let most = number(&answer, "replan_ms_max")?;
    Ok(Measured { value: number(&answer, "replan_ms_median")?, detail: format!("median of 50, worst {most:.2}") })
}

fn bench() -> Result<Value> {
    let dist = site::build()?;
    let script = workspace::root().join("tests/wasm/bench.mjs");
    let output = process::program("node").arg(script).arg(dist).output().context("cannot start node")?;
    let told = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "node: {}: {}", output.status, told.trim());
    serde_json::from_slice(&output.stdout).context("the answer of tests/wasm/bench.mjs")
}

fn number(answer: &Value, name: &str) -> Result<f64> {
    answer[name].as_f64().with_context(|| format!("tests/wasm/bench.mjs tells no {name}"))
}
