//! Steps on control groups: plain files and directories in a cgroup file system, cgroups(7).

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use glassbox_core::errno::Errno;
use glassbox_core::step::CgroupStep;

use super::{Done, NameCall};
use crate::{journal, sys};

/// Carries the step out; `JoinCgroup` in the process that joins.
pub fn carry_out(step: &CgroupStep) -> Done {
    match step {
        CgroupStep::EnableControllers { directory, controllers } => {
            let words: Vec<String> = controllers.iter().map(|controller| format!("+{}", controller.name())).collect();
            write(&format!("{directory}/cgroup.subtree_control"), &words.join(" "))
        }
        CgroupStep::CreateCgroup { directory, .. } => create(directory),
        CgroupStep::WriteLimit { file, value, .. } => write(file, value),
        CgroupStep::JoinCgroup { directory } => write(&format!("{directory}/tasks"), "0"),
        CgroupStep::RemoveCgroup { directory } => remove(directory),
    }
}

/// An empty cgroup that a former start has left serves as well: its limits are written next.
fn create(directory: &str) -> Done {
    match DirBuilder::new().mode(0o755).create(directory) {
        Err(error) if sys::errno_of(&error) == Errno::EEXIST => Ok(()),
        answer => answer.call("mkdir"),
    }
}

/// One write(2) with everything in it: that is how cgroup files take a value.
fn write(file: &str, value: &str) -> Done {
    let mut open = OpenOptions::new().write(true).open(file).call("openat")?;
    open.write_all(value.as_bytes()).call("write")
}

/// Most often it is empty, since all that ran in it ended with the first process: then rmdir(2) is all.
fn remove(directory: &str) -> Done {
    if fs::remove_dir(directory).is_ok() {
        return Ok(());
    }
    journal::remove_cgroup(Path::new(directory)).map(drop).call("rmdir")
}
