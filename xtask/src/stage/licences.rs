//! Licences and banned crates, by cargo-deny, from `deny.toml`. Offline: advisories are not asked for.
//!
//! cargo-deny is built once into `target/tools` (2.5 minutes on two cores), so that a machine needs nothing but cargo.

use std::path::PathBuf;

use anyhow::Result;

use super::{Stage, always};
use crate::{process, workspace};

const VERSION: &str = "0.20.2";

pub const LICENCES: Stage = Stage {
    name: "licences",
    about: "every dependency may be used, none is banned",
    quick: false,
    is_here: always,
    needs: &[],
    run: check,
};

fn check() -> Result<()> {
    let program = cargo_deny()?;
    let mut check = process::program(&program.to_string_lossy());
    // `check` alone would fetch the advisory database.
    process::run(check.args(["--workspace", "--all-features", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"]))
}

fn cargo_deny() -> Result<PathBuf> {
    let folder = workspace::target().join("tools");
    let program = folder.join("bin/cargo-deny");
    let version = process::output(process::program(&program.to_string_lossy()).arg("--version"));
    if !version.is_some_and(|text| text.trim().ends_with(VERSION)) {
        let root = folder.to_string_lossy().into_owned();
        let build = folder.join("build").to_string_lossy().into_owned();
        let args = [
            "install",
            "--debug",
            "--locked",
            "cargo-deny",
            "--version",
            VERSION,
            "--root",
            &root,
            "--target-dir",
            &build,
            "--quiet",
        ];
        process::run(&mut process::cargo(&args))?;
        // 320 MB of intermediate files that nobody reads again.
        std::fs::remove_dir_all(folder.join("build"))?;
    }
    Ok(program)
}
