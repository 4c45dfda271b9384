//! A container that does nothing, by glassbox, by the floor and by runc, on the same root file system.

use std::process::Command;

use anyhow::Result;

use super::place::Place;
use super::{Measured, time};

/// Against the floor: clone, overlay, proc, pivot_root, exec, and nothing else.
pub fn against_floor(place: &Place, n: usize) -> Result<Measured> {
    time::against(n, &|| glassbox(place), &|| place.floor())
}

/// Against runc, the runtime below Docker.
pub fn against_runc(place: &Place, n: usize) -> Result<Measured> {
    time::against(n, &|| glassbox(place), &|| place.runc())
}

/// The most memory that any of glassbox's processes has.
pub fn peak_memory(place: &Place, n: usize) -> Result<Measured> {
    time::peak(n, &place.peak, &|| glassbox(place))
}

fn glassbox(place: &Place) -> Command {
    let mut command = place.glassbox();
    command.args(["run", "--rm", "--network", "none", "toolbox", "true"]);
    command
}
