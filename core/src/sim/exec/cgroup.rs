//! Steps on control groups: mkdir, write and rmdir in cgroup file systems.

use super::{Carried, Run, called, done};
use crate::errno::Errno;
use crate::sim::kernel::Kernel;
use crate::sim::tables::{FsKind, NodeId};
use crate::step::CgroupStep;
use crate::userland::SysResult;

pub(super) fn execute(step: &CgroupStep, kernel: &mut Kernel, run: &mut Run) -> Carried {
    match step {
        CgroupStep::EnableControllers { directory, controllers } => {
            let text: Vec<String> = controllers.iter().map(|controller| format!("+{}", controller.name())).collect();
            write(kernel, &format!("{directory}/cgroup.subtree_control"), &text.join(" "))?;
        }
        CgroupStep::CreateCgroup { directory, .. } => {
            let made = kernel.make_node(kernel.engine, directory, crate::sim::tree::directory(0), 0o755);
            called(made, "mkdir")?;
        }
        CgroupStep::WriteLimit { file, value, .. } => write(kernel, file, value)?,
        CgroupStep::JoinCgroup { directory } => {
            let pid = run.process.ok_or(Errno::ESRCH)?;
            write(kernel, &format!("{directory}/cgroup.procs"), &pid.to_string())?;
        }
        CgroupStep::RemoveCgroup { directory } => called(remove(kernel, directory), "rmdir")?,
    }
    done(kernel)
}

/// A write to a file of the kernel, by the engine.
pub(super) fn write(kernel: &mut Kernel, path: &str, text: &str) -> Result<(), super::Failure> {
    let engine = kernel.engine;
    let written = kernel.walk(engine, path, true).and_then(|place| {
        kernel.check_writable(&place)?;
        kernel.may_node(engine, &place.node, crate::sim::credentials::WRITE)?;
        kernel.made_write(&place.node, engine, text)
    });
    called(written, "write")
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
