//! Steps of `cp` on Linux: the file system as a [`Machine`] of `glassbox_core::copying`, and tar archives from and to streams.
//!
//! Every path is opened below the root of its side by openat2(2) with RESOLVE_IN_ROOT ([`Root`]): what a container has put there decides
//! nothing about the host.

mod disk;

use std::io::{self, Read};

use glassbox_core::copying::{self, Copied, Refusal};
use glassbox_core::step::CopyStep;

use crate::sys::rootfs::Root;
pub use disk::Disk;

/// Why it could not be done.
#[derive(Debug)]
pub struct Failed(pub Refusal);

/// Carries the step out; an archive comes from `input`. What was copied, where there is something to be told of it.
pub fn carry_out(step: &CopyStep, from: Root, to: Root, input: impl Read) -> Result<Option<Copied>, Failed> {
    let mut disk = Disk::new(from, to);
    let done = match step {
        CopyStep::CopyFiles(copy) => copying::carry_out(&mut disk, copy).map(Some),
        CopyStep::PackArchive { from, follow_links } => {
            copying::pack(&mut disk, from, *follow_links, io::stdout().lock()).map(|()| None)
        }
        CopyStep::UnpackArchive { to, owner } => copying::unpack(&mut disk, to, owner, input).map(Some),
    };
    done.map_err(Failed)
}
