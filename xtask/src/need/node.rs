//! node, which runs wasm tests and the browser tests, and the npm packages that a lock file pins.

use anyhow::{Result, bail};

use super::debian;
use crate::{process, workspace};

const VERSION_MIN: u32 = 18;

/// Makes sure of node 18 or newer.
pub fn version() -> Result<()> {
    debian::program("node", "nodejs")?;
    let text = process::output(process::program("node").arg("--version")).unwrap_or_default();
    let major = text.trim().trim_start_matches('v').split('.').next().and_then(|number| number.parse::<u32>().ok());
    match major {
        Some(major) if major >= VERSION_MIN => Ok(()),
        _ => bail!("node {VERSION_MIN} or newer is needed, this is {:?}: install a newer nodejs", text.trim()),
    }
}

/// Makes sure that `folder/node_modules` is what `folder/package-lock.json` says.
pub fn packages(folder: &str) -> Result<()> {
    version()?;
    let folder = workspace::root().join(folder);
    let lock = std::fs::read(folder.join("package-lock.json"))?;
    let mark = folder.join("node_modules/.installed-from");
    if std::fs::read(&mark).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    debian::program("npm", "npm")?;
    process::run(process::program("npm").args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&folder))?;
    Ok(std::fs::write(mark, lock)?)
}
