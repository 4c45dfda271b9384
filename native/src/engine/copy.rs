//! Steps of `cp`: which root each end lies below, and what the caller is told.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use glassbox_core::errno::Errno;
use glassbox_core::model::ContainerId;
use glassbox_core::observe::Outcome;
use glassbox_core::plan::CommandError;
use glassbox_core::step::{BuildStep, CopyEnd, CopyStep, Step};
use glassbox_core::view::copied;

use super::frame::Target;
use super::{Engine, say};
use crate::exec::copy::{self, Failed};
use crate::exec::{Done, Failure, NameCall};
use crate::sys::rootfs::Root;

impl Engine {
    /// A container that does not run may not be started while its root is mounted here: the records are held for as long. But never while
    /// a stream is waited for: an archive is read to its end before. To read what a running container or nobody writes takes no lock.
    pub(super) fn enter_copy(&mut self, id: &ContainerId, copy: &CopyStep) -> Result<(), CommandError> {
        self.target = Some(Target::holder(id));
        let mounted = copy.root().is_some_and(|root| root.mounted.is_some());
        if !mounted || matches!(copy, CopyStep::PackArchive { .. }) {
            self.unlock_records();
            return Ok(());
        }
        if matches!(copy, CopyStep::UnpackArchive { .. }) {
            self.unlock_records();
            self.spool().map_err(|error| refused(&format!("read from stdin: {error}")))?;
            self.lock_records()?;
            if self.store.read(id).ok().flatten().is_none_or(|record| record.container.state.status.runs()) {
                return Err(refused("glassbox: the container was started or removed in the meantime; run the command again"));
            }
        }
        Ok(())
    }

    pub(super) fn copy(&mut self, step: &CopyStep, outcome: &mut Outcome) -> Done {
        let host = CopyEnd { container: None, path: "/".into() };
        let (from, to) = match step {
            CopyStep::CopyFiles(copy) => (&copy.from, &copy.to),
            CopyStep::PackArchive { from, .. } => (from, &host),
            CopyStep::UnpackArchive { to, .. } => (&host, to),
        };
        let (from, to) = (self.root_of(from)?, self.root_of(to)?);
        let input: Box<dyn Read> = match &self.spooled {
            Some(file) => Box::new(from_its_beginning(file).map_err(|_| Failure::of("lseek", Errno::EIO))?),
            None => Box::new(io::stdin().lock()),
        };
        let done =
            copy::carry_out(step, from, to, input).map_err(|Failed(refusal)| Failure::of(&refusal.to_string(), refusal.errno()))?;
        if let (CopyStep::CopyFiles(copy), Some(copied)) = (step, &done)
            && copy.told
        {
            say(&copied::summary(copy, copied));
        }
        outcome.copied = done.map(Box::new);
        Ok(())
    }

    /// Reads all of stdin into a file without a name, once; it is there until the command ends.
    pub(super) fn spool(&mut self) -> io::Result<&File> {
        let spooled = match self.spooled.take() {
            Some(file) => file,
            None => spool(self.store.root())?,
        };
        Ok(self.spooled.insert(spooled))
    }

    /// The archive that a step is about to read from stdin, for whoever looks ahead: at most `bytes_max`. `None`: it reads none, or more.
    pub(crate) fn input_of(&mut self, step: &Step, bytes_max: usize) -> Option<Vec<u8>> {
        let reads = matches!(
            step,
            Step::Copy(CopyStep::UnpackArchive { .. })
                | Step::Build(BuildStep::ReadInput { remote: None, .. } | BuildStep::UnpackContext { .. })
        );
        if !reads {
            return None;
        }
        let mut bytes = Vec::new();
        let file = from_its_beginning(self.spool().ok()?).ok()?;
        file.take(bytes_max as u64 + 1).read_to_end(&mut bytes).ok()?;
        (bytes.len() <= bytes_max).then_some(bytes)
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

/// To be read from its first byte, again and again.
pub(super) fn from_its_beginning(mut file: &File) -> io::Result<&File> {
    file.rewind()?;
    Ok(file)
}

/// All of stdin, in a file without a name.
fn spool(directory: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new().read(true).write(true).custom_flags(libc::O_TMPFILE).mode(0o600).open(directory)?;
    io::copy(&mut io::stdin().lock(), &mut file)?;
    Ok(file)
}

fn refused(message: &str) -> CommandError {
    CommandError { message: format!("{message}\n"), exit_code: 1, span: None }
}
