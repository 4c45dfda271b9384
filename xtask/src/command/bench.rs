//! `cargo xtask bench`: named measurements against their bounds, as one table.
//!
//! Ratios are of runs that alternate, so that what disturbs one disturbs the other. Everything runs in a mount and pid namespace of
//! its own. With `--check` a missed bound is a failure; without, it is only told.

use anyhow::{Context, Result, bail};

use crate::bench::{self, Row, place::Place};
use crate::need::{self, Need};
use crate::process;

/// Says that this process is already in namespaces of its own.
const APART: &str = "GLASSBOX_BENCH_APART";

/// What may be said after `cargo xtask bench`.
#[derive(clap::Args)]
pub struct Options {
    /// Only measurements whose name contains one of these
    names: Vec<String>,
    /// Fail if a bound is missed
    #[arg(long)]
    check: bool,
    /// Measure this binary; without, one is built as `cargo xtask build` does
    #[arg(long, value_name = "FILE")]
    glassbox: Option<std::path::PathBuf>,
    /// How many runs of each; the median counts
    #[arg(short, default_value_t = 41)]
    n: usize,
}

/// Measures, prints the table, and with `--check` fails on a missed bound.
pub fn run(options: &Options) -> Result<()> {
    if std::env::var_os(APART).is_none() {
        return apart();
    }
    let place = Place::prepare(options.glassbox.clone())?;
    let mut rows = Vec::new();
    for measurement in bench::all() {
        let chosen = options.names.is_empty() || options.names.iter().any(|name| measurement.name.contains(name));
        if chosen {
            println!("measuring {} …", measurement.name);
            let row = Row::of(&measurement, (measurement.measure)(&place, options.n.max(1)));
            print!("{}", bench::table(std::slice::from_ref(&row)));
            rows.push(row);
        }
    }
    print!("\n{}", bench::table(&rows));
    match rows.iter().filter(|row| !row.is_kept()).count() {
        0 => Ok(()),
        missed if options.check => bail!("{missed} of {} bounds are missed", rows.len()),
        _ => Ok(()),
    }
}

/// The same command once more, where its mounts and processes are its own.
fn apart() -> Result<()> {
    need::ensure(&[
        Need::Target("x86_64-unknown-linux-musl"),
        Need::MuslTools,
        Need::Program("runc", "runc"),
        Need::Program("podman", "podman"),
        Need::Program("buildah", "buildah"),
        Need::Program("umoci", "umoci"),
        Need::Program("skopeo", "skopeo"),
        Need::Program("mke2fs", "e2fsprogs"),
    ])?;
    if !process::is_root() {
        bail!("the bench makes namespaces and overlays as runc does: sudo -E cargo xtask bench");
    }
    let this = std::env::current_exe().context("the path of this program")?;
    let mut command = process::program("unshare");
    command.args(["--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]).arg(this).args(std::env::args_os().skip(1));
    let status = command.env(APART, "1").status().context("cannot start unshare")?;
    if status.success() { Ok(()) } else { bail!("the bench did not pass: {status}") }
}
