//! Devices in the model kernel: making their nodes, mknod(2), and the device cgroup's say on it and on each use.

use std::rc::Rc;

use super::kernel::Kernel;
use super::overlay::parent_of;
use super::tables::{Content, FsKind, HostPid, NodeId};
use crate::device::{DeviceKind, DeviceRule, is_allowed};
use crate::errno::Errno;
use crate::host::Controller;
use crate::oci::capability::Capability;
use crate::step::NamespaceKind;
use crate::userland::SysResult;

impl Kernel {
    /// mknod(2). Over the machine's devices only its own root has power, whatever a user namespace says.
    pub(super) fn make_device(
        &mut self,
        pid: HostPid,
        path: &str,
        kind: DeviceKind,
        (major, minor): (u32, u32),
        mode: u32,
    ) -> SysResult<()> {
        self.check_filter(pid, "mknod")?;
        let target = self.walk_parent(pid, path)?;
        if target.name.is_empty() || self.lookup(&target).is_ok() {
            return Err(Errno::EEXIST);
        }
        self.check_entries(pid, &target.dir)?;
        let first = self.process(super::process::HOST_INIT)?.namespaces.of(NamespaceKind::User);
        if !self.is_capable(pid, Capability::Mknod, first) {
            return Err(Errno::EPERM);
        }
        self.check_device(pid, kind, (major, minor), 'm')?;
        let content = if kind == DeviceKind::Char { Content::Device(major, minor) } else { Content::Block(major, minor) };
        self.make_node(pid, path, content, mode)
    }

    /// EPERM where a device cgroup that the process is in, or one above it, refuses the use.
    pub(super) fn check_device(&self, pid: HostPid, kind: DeviceKind, number: (u32, u32), access: char) -> SysResult<()> {
        for (index, own) in self.process(pid)?.cgroups.iter().enumerate() {
            let mut at: &str = own;
            loop {
                let rules = self.cgroup(index, at).ok().and_then(|cgroup| cgroup.devices.clone());
                if rules.is_some_and(|rules| !is_allowed(&rules, kind, number.0, number.1, access)) {
                    return Err(Errno::EPERM);
                }
                if at.is_empty() {
                    break;
                }
                at = parent_of(at);
            }
        }
        Ok(())
    }

    /// v2: what the program that is attached to a cgroup allows; v1: what its files were told.
    pub(super) fn restrict_devices(&mut self, directory: &str, rules: &[DeviceRule]) -> SysResult<()> {
        let place = self.walk(self.engine, directory, true)?;
        let NodeId::Path(super_id, path) = &place.node else { return Err(Errno::EBADF) };
        let FsKind::Cgroup(index) = self.fs_kind(*super_id)? else { return Err(Errno::EBADF) };
        let hierarchy = self.hierarchies.get(index).ok_or(Errno::EBADF)?;
        if !hierarchy.unified && !hierarchy.controllers.contains(&Controller::Devices) {
            return Err(Errno::ENOENT);
        }
        self.cgroup_mut(index, path)?.devices = Some(Rc::new(rules.to_vec()));
        Ok(())
    }

    /// Whether the cgroup refuses any device.
    pub(super) fn is_device_fence(&self, directory: &str) -> SysResult<bool> {
        let place = self.walk(self.engine, directory, true)?;
        let NodeId::Path(super_id, path) = &place.node else { return Err(Errno::EBADF) };
        let FsKind::Cgroup(index) = self.fs_kind(*super_id)? else { return Err(Errno::EBADF) };
        Ok(self.cgroup(index, path)?.devices.is_some())
    }
}
