//! An image with everything that could be lost on its way from one engine to another, and what a container of it shows.

use std::fs;
use std::path::Path;

use anyhow::Result;

/// What shows how a container was started, and how it ends.
const SHOWS: &str = "id -u; id -g; pwd; echo $GREETING $PATH; cat f; ls -l f | cut -c 1-10; exit 7";

/// Writes the context of its build.
pub fn write_context(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)?;
    fs::write(directory.join("given"), "given\n")?;
    let dockerfile = format!(
        "FROM toolbox\nENV GREETING=hello PATH=/srv:/bin\nLABEL a=b\nWORKDIR /srv/deep\nCOPY given f\n\
         RUN echo more >> f && chown 7:8 f && chmod 4750 f\nEXPOSE 80\nVOLUME /data\nUSER 7:8\nENTRYPOINT [\"sh\", \"-c\"]\nCMD [\"{SHOWS}\"]\n"
    );
    Ok(fs::write(directory.join("Dockerfile"), dockerfile)?)
}

/// The exit code and the output of a container of it.
pub fn expected() -> (Option<i32>, String) {
    (Some(7), "7\n8\n/srv/deep\nhello /srv:/bin\ngiven\nmore\n-rwsr-x---\n".to_string())
}
