//! The model's files as a process of it sees them, for [`crate::diagnosis`].

use super::kernel::Kernel;
use super::tables::{HostPid, Place};
use crate::diagnosis::{Files, Seen};
use crate::errno::Errno;
use crate::userland::FileKind;

/// As this process sees them.
#[derive(Clone, Copy, Debug)]
pub struct SeenBy<'a> {
    kernel: &'a Kernel,
    pid: HostPid,
}

impl Kernel {
    /// The files as this process sees them.
    pub fn seen_by(&self, pid: HostPid) -> SeenBy<'_> {
        SeenBy { kernel: self, pid }
    }

    /// The files of the host, as the engine sees them.
    pub fn files_of_host(&self) -> SeenBy<'_> {
        self.seen_by(self.engine)
    }
}

impl SeenBy<'_> {
    fn seen(&self, place: &Place) -> Result<Seen, Errno> {
        let attributes = self.kernel.attributes(&place.node)?;
        let link = match attributes.kind {
            FileKind::Symlink => Some(self.kernel.link_text(&place.node, self.pid)?),
            _ => None,
        };
        let uid = self.kernel.shown_id(self.pid, attributes.uid, false);
        Ok(Seen { kind: attributes.kind, mode: attributes.mode, uid, link })
    }
}

impl Files for SeenBy<'_> {
    fn look(&self, path: &str) -> Result<Seen, Errno> {
        self.seen(&self.kernel.walk(self.pid, path, false)?)
    }

    fn stat(&self, path: &str) -> Result<Seen, Errno> {
        self.seen(&self.kernel.walk(self.pid, path, true)?)
    }

    fn read(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, Errno> {
        let place = self.kernel.walk(self.pid, path, true)?;
        let inode = self.kernel.real(&place.node)?.ok_or(Errno::EACCES)?;
        self.kernel.read_inode(inode, offset, length)
    }

    fn may_execute(&self, path: &str) -> Result<(), Errno> {
        self.kernel.check_executable(self.pid, &self.kernel.walk(self.pid, path, true)?)
    }

    fn is_on_noexec(&self, path: &str) -> bool {
        let mount = self.kernel.walk(self.pid, path, true).and_then(|place| self.kernel.mount_of(place.mount).map(|at| at.flags));
        mount.is_ok_and(|flags| flags.no_exec)
    }
}
