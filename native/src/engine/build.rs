//! Steps of a build: the files of instructions, the cache, and what it tells of its progress.

use std::fs;
use std::path::{Path, PathBuf};

use glassbox_core::build::progress::Progress;
use glassbox_core::build::transfer::{self, TransferFault};
use glassbox_core::build::{record, work};
use glassbox_core::dockerfile::ignore::Ignore;
use glassbox_core::errno::Errno;
use glassbox_core::observe::{BuildFiles, Outcome};
use glassbox_core::plan::CommandError;
use glassbox_core::step::{BuildStep, FilesRoot, Step};

use super::{Engine, say};
use crate::exec::copy::Disk;
use crate::exec::{Done, Failure, NameCall};
use crate::observe::facts::now_ns;
use crate::streams::pump::Told;
use crate::sys::rootfs::Root;

fn refused(fault: &TransferFault) -> Failure {
    Failure::of(&fault.told(), fault.errno())
}

impl Told for Progress {
    fn told(&mut self, bytes: &[u8]) -> String {
        self.wrote(bytes, now_ns())
    }
}

impl Engine {
    pub(super) fn build(&self, step: &BuildStep, outcome: &mut Outcome) -> Done {
        match step {
            BuildStep::LoadDefinition { .. }
            | BuildStep::UseBase { .. }
            | BuildStep::Configure { .. }
            | BuildStep::MissCache { .. } => Ok(()),
            BuildStep::ReadSources { copy, from, ignore, .. } => {
                let ignore = ignore.as_deref().map(Ignore::read);
                let mut disk = Disk::new(self.files_root(from)?, self.files_root(from)?);
                let found = transfer::find(&mut disk, copy, ignore.as_ref()).map_err(|fault| refused(&fault))?;
                let parts = transfer::parts(&mut disk, copy, &found).map_err(|fault| refused(&fault))?;
                outcome.files = Some(Box::new(BuildFiles { parts, made: 0 }));
                Ok(())
            }
            BuildStep::UseCached { path, .. } => fs::metadata(path).map(drop).call("openat"),
            BuildStep::BringFiles { copy, from, to, ignore, manner } => {
                let ignore = ignore.as_deref().map(Ignore::read);
                let mut disk = Disk::new(self.files_root(from)?, self.files_root(to)?);
                let found = transfer::find(&mut disk, copy, ignore.as_ref()).map_err(|fault| refused(&fault))?;
                let made = transfer::bring(&mut disk, copy, &found, *manner).map_err(|fault| refused(&fault))?;
                outcome.files = Some(Box::new(BuildFiles { parts: Vec::new(), made }));
                Ok(())
            }
            BuildStep::CheckExit { id, argv } => {
                match self.state.containers.get(id).map_or(0, |container| container.state.exit_code) {
                    0 => Ok(()),
                    code => Err(Failure::of(&work::failed(argv, code), Errno::ECANCELED)),
                }
            }
            BuildStep::RemoveWorkspace { path } => self.store.remove(Path::new(path)).call("rmdir"),
            BuildStep::DropResult { path, .. } => fs::remove_file(path).call("unlink"),
            BuildStep::KeepResult { path, record: kept, .. } => {
                self.store.write_blob(Path::new(path), record::written(kept).as_bytes()).call("rename")
            }
        }
    }

    fn files_root(&self, root: &FilesRoot) -> Result<Root, Failure> {
        let path = match (root.held, &self.child) {
            (false, _) => PathBuf::from(&root.path),
            (true, Some(child)) => PathBuf::from(format!("/proc/{}/root{}", child.pid, root.path)),
            (true, None) => return Err(Failure::of("open", Errno::ESRCH)),
        };
        Root::open(path).call("open")
    }

    pub(super) fn tell_entering(&mut self, step: &Step) {
        if let Some(progress) = &mut self.progress {
            say(&progress.entering(step, now_ns()));
        }
    }

    pub(super) fn tell_after(&mut self, step: &Step) {
        if let Some(progress) = &mut self.progress {
            say(&progress.after(step));
        }
    }

    pub(super) fn tell_leaving(&mut self, step: &Step) {
        if let Some(progress) = &mut self.progress {
            say(&progress.leaving(step, now_ns()));
        }
    }

    pub(super) fn tell_failed(&mut self, error: &CommandError) {
        if let Some(progress) = &mut self.progress {
            say(&progress.failed(&error.message, now_ns()));
        }
    }
}
