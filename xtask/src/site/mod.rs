//! What is served: `dist/`, made of the page and the book. Every tool that makes it is a library in Cargo.lock.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::workspace;

pub mod course;
pub mod page;

/// Builds everything into `dist/` and returns the folder.
pub fn build() -> Result<PathBuf> {
    let folder = workspace::root().join("dist");
    if folder.exists() {
        fs::remove_dir_all(&folder).context("clearing dist/")?;
    }
    fs::create_dir_all(&folder)?;
    page::build(&folder)?;
    course::build(&folder.join("book"))?;
    Ok(folder)
}

/// Copies the files of `from` and its folders into `to`.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
