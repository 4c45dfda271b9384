//! The calls of `syscall` in the model kernel: the seccomp filter first, then what each call asks for, then what it does.

use super::kernel::Kernel;
use super::tables::HostPid;
use crate::device::DeviceKind;
use crate::errno::Errno;
use crate::step::{MountFlags, NamespaceKind};
use crate::userland::{Attempt, OpenFlags, Over, SysResult};

const NODE: &str = "/tmp/.null";
const LOG: &str = "/tmp/.log";
const FILE: &str = "/.glassbox";
const WRITE: OpenFlags = OpenFlags { read: false, write: true, ..OpenFlags::READ };

impl Kernel {
    pub(super) fn attempt(&mut self, pid: HostPid, attempt: Attempt) -> SysResult<()> {
        let demand = attempt.demand();
        let [first, second] = demand.arguments;
        self.check_filter_with(pid, demand.call, &[first, second, 0, 0, 0, 0])?;
        if matches!(attempt, Attempt::Mknod | Attempt::OpenDevice) {
            let target = self.walk_parent(pid, NODE)?;
            self.check_writable(&target.dir)?;
        }
        if let Some((capability, over)) = demand.capability {
            let owner = match over {
                Over::Machine => self.process(super::process::HOST_INIT)?.namespaces.of(NamespaceKind::User),
                Over::Own(kind) => self.owner_of(pid, kind)?,
            };
            if !self.is_capable(pid, capability, owner) {
                return Err(demand.refusal);
            }
        }
        let profile = self.process(pid)?.credentials.apparmor.1.clone();
        let denied = matches!(attempt, Attempt::Mount | Attempt::PivotRoot);
        if denied && profile.as_deref() == Some("docker-default") {
            return Err(Errno::EACCES);
        }
        if let Some(errno) = demand.answer {
            return Err(errno);
        }
        match attempt {
            Attempt::Mount => {
                let at = self.walk(pid, "/tmp", true)?;
                self.mount_fs(pid, "tmpfs", "none", at, MountFlags::default(), "").map(drop)
            }
            Attempt::Umount => {
                let place = self.walk(pid, "/dev/mqueue", true)?;
                self.unmount(pid, &place, true)
            }
            Attempt::Unshare => self.unshare(pid, NamespaceKind::Uts).map(drop),
            Attempt::UnshareUser => self.unshare_user(pid).map(drop),
            Attempt::Sethostname => self.set_hostname_of(pid, "glassbox"),
            Attempt::Mknod => {
                self.make_device(pid, NODE, DeviceKind::Char, (1, 3), 0o600)?;
                self.remove_node(pid, NODE, false)
            }
            Attempt::WriteProcSys => {
                let file = self.open_path(pid, "/proc/sys/kernel/hostname", WRITE, 0)?;
                self.release(file);
                Ok(())
            }
            Attempt::WriteRoot => {
                let file = self.open_path(pid, FILE, OpenFlags { create: true, ..WRITE }, 0o600)?;
                self.release(file);
                self.remove_node(pid, FILE, false)
            }
            Attempt::OpenDevice => {
                self.make_device(pid, LOG, DeviceKind::Char, (1, 11), 0o600)?;
                let opened = self.open_path(pid, LOG, WRITE, 0).map(|file| self.release(file));
                self.remove_node(pid, LOG, false)?;
                opened
            }
            // What they do is not seen in this model: the own namespace, the own root, a priority, a socket, addresses.
            _ => Ok(()),
        }
    }
}
