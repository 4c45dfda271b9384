//! A booted stock Debian 12: the distribution's cloud kernel, cgroup v2 alone, systemd's layout, under QEMU without KVM.
//!
//! ```text
//! image   debootstrap + kernel ──▶ target/vm/KEY/{vmlinuz, initrd, disk.img}      made once, about a minute
//! job     files + command      ──▶ a tar on the second disk
//! boot    qemu ──▶ systemd ──▶ agent ──▶ login session ──▶ the command            about ten seconds
//! ```
//!
//! The disk is opened as a snapshot: a job sees a fresh machine, whatever the one before it did.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

mod boot;
mod image;
mod job;

/// Who runs a job in the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum User {
    /// uid 0, in a login session of its own.
    Root,
    /// An ordinary user (uid 1000, with subordinate ids), in a login session of its own.
    Learner,
}

impl User {
    /// The name in the machine's passwd file.
    pub fn name(self) -> &'static str {
        match self {
            User::Root => "root",
            User::Learner => "learner",
        }
    }
}

/// What the machine has to do.
pub struct VmJob {
    /// Files or folders of this machine, and the absolute path that each has in the guest.
    pub files: Vec<(PathBuf, PathBuf)>,
    /// A shell script, run by the guest's `sh`.
    pub command: String,
    /// Who runs it.
    pub user: User,
    /// From switching on to the closing line.
    pub timeout: Duration,
}

/// What came of it.
pub struct VmResult {
    /// The script's exit status.
    pub status: i32,
    /// What it wrote, standard output and error in one.
    pub output: String,
    /// From switching on to the closing line.
    pub took: Duration,
}

/// Boots the machine, runs the job, switches it off. The job's output is shown while it comes.
///
/// Fails if the image cannot be built, or if no closing line came in time; a script that fails is not an error here.
pub fn run(job: &VmJob) -> Result<VmResult> {
    let image = image::cached()?;
    let disk = job::disk(job)?;
    boot::run(&image, disk.path(), job.timeout)
}
