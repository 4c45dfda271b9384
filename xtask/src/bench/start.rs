//! How fast our programs start: the toolbox, and a plan, which needs no kernel at all.

use std::process::Command;

use anyhow::Result;

use super::place::Place;
use super::{Measured, time};

/// The toolbox binary on disk.
pub fn toolbox_size(place: &Place, _n: usize) -> Result<Measured> {
    let bytes = std::fs::metadata(&place.toolbox)?.len();
    Ok(Measured { value: bytes as f64 / 1024.0 / 1024.0, detail: format!("{bytes} bytes") })
}

/// `true` of the toolbox, from start to end.
pub fn toolbox(place: &Place, n: usize) -> Result<Measured> {
    let make = || {
        let mut command = Command::new(&place.toolbox);
        command.arg("true");
        command
    };
    time::alone(n, &make)
}

/// A plan of a run, the whole process.
pub fn plan(place: &Place, n: usize) -> Result<Measured> {
    let make = || {
        let mut command = place.glassbox();
        command.args(["--plan", "run", "--rm", "-m", "64m", "--network", "none", "toolbox", "true"]);
        command
    };
    time::alone(n, &make)
}
