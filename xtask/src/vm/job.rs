//! A job as a disk: a tar with the command, the user's name and the files at their guest paths. The agent unpacks it at `/`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::VmJob;
use crate::{process, workspace};

/// Writes the tar. It is deleted when the value is dropped.
pub fn disk(job: &VmJob) -> Result<tempfile::NamedTempFile> {
    let folder = workspace::target().join("vm");
    let stage = tempfile::Builder::new().prefix("job-").tempdir_in(&folder)?;
    let root = stage.path();
    fs::create_dir(root.join("job"))?;
    fs::write(root.join("job/user"), job.user.name())?;
    fs::write(root.join("job/command"), &job.command)?;
    for (host, guest) in &job.files {
        place(host, &inside(root, guest)?)?;
    }
    let disk = tempfile::Builder::new().prefix("job-").suffix(".tar").tempfile_in(&folder)?;
    let mut tar = process::program("tar");
    tar.args(["--owner=0", "--group=0", "-cf"]).arg(disk.path()).arg("-C").arg(root).arg(".");
    process::run_quietly(&mut tar)?;
    // A disk has whole sectors; tar pads to its own blocks of 10 KiB, which is a multiple.
    Ok(disk)
}

fn inside(root: &Path, guest: &Path) -> Result<PathBuf> {
    let Ok(relative) = guest.strip_prefix("/") else { bail!("{} is not an absolute path", guest.display()) };
    Ok(root.join(relative))
}

fn place(host: &Path, staged: &Path) -> Result<()> {
    let parent = staged.parent().context("a guest path has a parent")?;
    fs::create_dir_all(parent)?;
    process::run_quietly(process::program("cp").args(["-rL", "--preserve=mode,timestamps", "--reflink=auto"]).arg(host).arg(staged))
}
