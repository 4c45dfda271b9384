//! Steps of `cp`: which root each end lies below, and what the caller is told.

use std::path::PathBuf;

use glassbox_core::errno::Errno;
use glassbox_core::observe::Outcome;
use glassbox_core::step::{CopyEnd, CopyStep};
use glassbox_core::view::copied;

use super::{Engine, say};
use crate::exec::copy::{self, Failed};
use crate::exec::{Done, Failure, NameCall};
use crate::sys::rootfs::Root;

impl Engine {
    pub(super) fn copy(&mut self, step: &CopyStep, outcome: &mut Outcome) -> Done {
        let host = CopyEnd { container: None, path: "/".into() };
        let (from, to) = match step {
            CopyStep::CopyFiles(copy) => (&copy.from, &copy.to),
            CopyStep::PackArchive { from, .. } => (from, &host),
            CopyStep::UnpackArchive { to, .. } => (&host, to),
        };
        let (from, to) = (self.root_of(from)?, self.root_of(to)?);
        let done = copy::carry_out(step, from, to).map_err(|Failed(refusal)| Failure::of(&refusal.to_string(), refusal.errno()))?;
        if let (CopyStep::CopyFiles(copy), Some(copied)) = (step, &done)
            && copy.told
        {
            say(&copied::summary(copy, copied));
        }
        outcome.copied = done;
        Ok(())
    }

    fn root_of(&self, end: &CopyEnd) -> Result<Root, Failure> {
        let gone = || Failure::of("open", Errno::ESRCH);
        let path = match &end.container {
            None => PathBuf::from("/"),
            Some(root) => match &root.mounted {
                Some(merged) => {
                    let pid = self.child.as_ref().map(|child| child.pid).ok_or_else(gone)?;
                    PathBuf::from(format!("/proc/{pid}/root{merged}"))
                }
                None => {
                    let pid = self.state.containers.get(&root.id).and_then(|container| container.state.pid).ok_or_else(gone)?;
                    PathBuf::from(format!("/proc/{pid}/root"))
                }
            },
        };
        Root::open(path).call("open")
    }
}
