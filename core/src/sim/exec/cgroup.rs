//! Steps on control groups: mkdir, write and rmdir in cgroup file systems.

use super::{Carried, Failure, Run, called, done};
use crate::errno::Errno;
use crate::sim::kernel::Kernel;
use crate::sim::tables::{FsKind, HostPid, NodeId};
use crate::step::{CgroupStep, CpuShares, freezer_word};
use crate::userland::SysResult;

pub(super) fn execute(step: &CgroupStep, kernel: &mut Kernel, run: &mut Run) -> Carried {
    match step {
        CgroupStep::EnableControllers { directory, controllers } => {
            let text: Vec<String> = controllers.iter().map(|controller| format!("+{}", controller.name())).collect();
            write(kernel, &format!("{directory}/cgroup.subtree_control"), &text.join(" "))?;
        }
        CgroupStep::CreateCgroup { directory, shared, .. } => {
            match kernel.make_node(kernel.engine, directory, crate::sim::tree::directory(0), 0o755) {
                Err(Errno::EEXIST) if *shared => {}
                made => called(made, "mkdir")?,
            }
        }
        CgroupStep::WriteLimit { file, value, before, .. } => {
            write(kernel, file, value)?;
            let shares = value.parse().unwrap_or(CpuShares::MIN);
            if CpuShares::are_read_again(file) && !(CpuShares::MIN..=CpuShares::MAX).contains(&shares) {
                // A step that failed is undone with the others.
                before.iter().try_for_each(|before| write(kernel, file, before))?;
                called(Err(Errno::ERANGE), "read")?;
            }
        }
        CgroupStep::RestrictDevices { directory, rules, program: _ } => called(kernel.restrict_devices(directory, rules), "bpf")?,
        CgroupStep::JoinCgroup { directory } => {
            let pid = run.process.ok_or(Errno::ESRCH)?;
            write_as(kernel, pid, &format!("{directory}/tasks"), "0")?;
        }
        // The model's processes come to a halt at once.
        CgroupStep::SetFreezer { file, frozen, patience_ns: _ } => match write(kernel, file, freezer_word(file, *frozen)) {
            // What was to go on has ended meanwhile, and its monitor has cleaned up.
            Err(Failure { errno: Errno::ENOENT, .. }) if !frozen => {}
            answer => answer?,
        },
        CgroupStep::RemoveCgroup { directory, shared: false } => called(remove(kernel, directory), "rmdir")?,
        CgroupStep::RemoveCgroup { directory, shared: true } => called(remove_empty(kernel, directory), "rmdir")?,
    }
    done(kernel)
}

/// A write to a file of the kernel, by the engine.
pub(super) fn write(kernel: &mut Kernel, path: &str, text: &str) -> Result<(), super::Failure> {
    write_as(kernel, kernel.engine, path, text)
}

pub(super) fn write_as(kernel: &mut Kernel, pid: HostPid, path: &str, text: &str) -> Result<(), super::Failure> {
    let opened = kernel.walk(pid, path, true).and_then(|place| {
        kernel.check_writable(&place)?;
        kernel.may_node(pid, &place.node, crate::sim::credentials::WRITE)?;
        Ok(place)
    });
    let place = called(opened, "openat")?;
    called(kernel.made_write(&place.node, pid, text), "write")
}

/// fork(2) into a cgroup: CLONE_INTO_CGROUP of clone3(2). The engine is in it for the moment of the call, as the child is for good.
pub(super) fn fork_into(kernel: &mut Kernel, directory: &str) -> SysResult<HostPid> {
    let engine = kernel.engine;
    let place = kernel.walk(engine, directory, true)?;
    let NodeId::Path(super_id, path) = &place.node else { return Err(Errno::EBADF) };
    let FsKind::Cgroup(index) = kernel.fs_kind(*super_id)? else { return Err(Errno::EBADF) };
    let own = kernel.process(engine)?.cgroups.get(index).cloned().ok_or(Errno::EBADF)?;
    kernel.join_cgroup(index, path, engine)?;
    let made = kernel.fork_process(engine, None);
    kernel.join_cgroup(index, &own, engine)?;
    made
}

/// rmdir(2) of what others may be in: then it stays.
pub(super) fn remove_empty(kernel: &mut Kernel, directory: &str) -> SysResult<()> {
    match kernel.remove_node(kernel.engine, directory, true) {
        Err(Errno::EBUSY | Errno::ENOTEMPTY | Errno::ENOENT) => Ok(()),
        answer => answer,
    }
}

/// rmdir(2), after ending what still runs in it. One that is not there is no error.
pub(super) fn remove(kernel: &mut Kernel, directory: &str) -> SysResult<()> {
    let engine = kernel.engine;
    let place = match kernel.walk(engine, directory, true) {
        Ok(place) => place,
        Err(Errno::ENOENT) => return Ok(()),
        Err(errno) => return Err(errno),
    };
    if let NodeId::Path(super_id, path) = &place.node
        && let FsKind::Cgroup(index) = kernel.fs_kind(*super_id)?
    {
        kernel.kill_cgroup(index, path);
    }
    kernel.remove_node(engine, directory, true)
}
