//! `ps -a` where there are many containers, beside podman with as many.

use anyhow::{Context, Result};

use super::place::Place;
use super::{Measured, time};

/// How many containers there are.
const CONTAINERS: usize = 1_000;

/// The time of `ps -a` with a thousand created containers, and the ratio to podman's.
pub fn with_a_thousand(place: &Place, n: usize) -> Result<Measured> {
    place.import_for_podman().context("podman's image")?;
    println!("making {CONTAINERS} containers by each …");
    for number in 0..CONTAINERS {
        let name = format!("many-{number}");
        time::succeed(place.glassbox().args(["create", "--network", "none", "--name", &name, "toolbox", "true"]))?;
        time::succeed(place.podman().args(["create", "--network", "none", "--name", &name, "toolbox", "true"]))?;
    }
    let ours = || {
        let mut command = place.glassbox();
        command.args(["ps", "-a"]);
        command
    };
    let theirs = || {
        let mut command = place.podman();
        command.args(["ps", "-a"]);
        command
    };
    time::beside(n, &ours, &theirs)
}
