//! Steps on privileges, made by the process that becomes the container.

use oci_spec::runtime::LinuxSeccomp;

use super::{Carried, Failure, Run, called, done};
use crate::accounts::{GROUP, Identity, PASSWD, resolve, resolve_groups};
use crate::errno::Errno;
use crate::oci::capability::{Capability, CapabilitySet};
use crate::oci::seccomp::default_profile;
use crate::sim::kernel::Kernel;
use crate::sim::tables::HostPid;
use crate::step::{NamespaceKind, PrivilegeStep};
use crate::userland::SysResult;

pub(super) fn execute(step: &PrivilegeStep, kernel: &mut Kernel, run: &mut Run) -> Carried {
    let pid = run.process.ok_or(Errno::ESRCH)?;
    match step {
        PrivilegeStep::SetNoNewPrivileges => kernel.process_mut(pid)?.credentials.no_new_privileges = true,
        PrivilegeStep::InstallSeccompFilter { capabilities, profile } => {
            let profile = profile.as_deref().cloned().unwrap_or_else(|| default_profile(capabilities));
            called(install(kernel, pid, profile), "seccomp")?;
        }
        PrivilegeStep::SetAppArmorProfile { profile } => {
            called(set_apparmor(kernel, pid, profile), "write")?;
        }
        PrivilegeStep::LimitBoundingSet { keep } => {
            called(limit(kernel, pid, *keep), "prctl")?;
        }
        PrivilegeStep::SetResourceLimit { resource, limit } => {
            called(kernel.set_limit(pid, *resource, *limit), "prlimit64")?;
        }
        PrivilegeStep::SetOomScore { score } => {
            called(kernel.set_oom_score(pid, pid, &score.to_string()), "write")?;
        }
        PrivilegeStep::SetUser { user, groups: added, layers } => {
            let identity = match layers {
                Some(files) => super::layer::identity(kernel, files, user, added)?,
                None => look_up(kernel, pid, user, added)?,
            };
            called(set_user(kernel, pid, &identity), "setresuid")?;
        }
        PrivilegeStep::SetCapabilities { capabilities } => {
            called(set_capabilities(kernel, pid, *capabilities), "capset")?;
        }
    }
    done(kernel)
}

fn install(kernel: &mut Kernel, pid: HostPid, profile: LinuxSeccomp) -> SysResult<()> {
    let own = kernel.process(pid)?;
    let user = own.namespaces.of(NamespaceKind::User);
    if !own.credentials.no_new_privileges && !kernel.is_capable(pid, Capability::SysAdmin, user) {
        return Err(Errno::EACCES);
    }
    kernel.process_mut(pid)?.credentials.seccomp = Some(std::rc::Rc::new(profile));
    Ok(())
}

/// ENOENT: no such profile is loaded; EINVAL: no AppArmor answers.
fn set_apparmor(kernel: &mut Kernel, pid: HostPid, profile: &str) -> SysResult<()> {
    let loaded = kernel.host.apparmor.as_ref().ok_or(Errno::EINVAL)?;
    if !loaded.contains(profile) {
        return Err(Errno::ENOENT);
    }
    kernel.process_mut(pid)?.credentials.apparmor.0 = Some(profile.into());
    Ok(())
}

fn limit(kernel: &mut Kernel, pid: HostPid, keep: CapabilitySet) -> SysResult<()> {
    let credentials = &mut kernel.process_mut(pid)?.credentials;
    if credentials.bounding.minus(keep).is_empty() {
        return Ok(());
    }
    if !credentials.effective.contains(Capability::Setpcap) {
        return Err(Errno::EPERM);
    }
    credentials.bounding = credentials.bounding.intersection(keep);
    Ok(())
}

/// The container's /etc/passwd and /etc/group turn `USER[:GROUP]` into numbers, as seen inside. ESRCH: no such name.
fn look_up(kernel: &Kernel, pid: HostPid, user: &str, added: &[String]) -> Result<Identity, Failure> {
    let groups = text(kernel, pid, GROUP);
    let mut identity = called(resolve(user, &text(kernel, pid, PASSWD), &groups), "setresuid")?;
    identity.groups.extend(called(resolve_groups(added, &groups), "setgroups")?);
    Ok(identity)
}

pub(super) fn text(kernel: &Kernel, pid: HostPid, path: &str) -> String {
    const TEXT_BYTES_MAX: usize = 1 << 20;
    let read = || {
        let place = kernel.walk(pid, path, true)?;
        let inode = kernel.real(&place.node)?.ok_or(Errno::EINVAL)?;
        kernel.read_inode(inode, 0, TEXT_BYTES_MAX)
    };
    read().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// setgroups(2), setresgid(2), setresuid(2) with PR_SET_KEEPCAPS: the permitted set stays, the effective one goes unless root stays.
fn set_user(kernel: &mut Kernel, pid: HostPid, identity: &Identity) -> SysResult<()> {
    let Identity { uid, gid, groups } = identity;
    let ns = kernel.process(pid)?.namespaces.of(NamespaceKind::User);
    let outside = |id: u32, is_group: bool| kernel.id_outside(ns, id, is_group).ok_or(Errno::EINVAL);
    let (new_uid, new_gid) = (outside(*uid, false)?, outside(*gid, true)?);
    let denied =
        matches!(kernel.namespaces.get(&ns).map(|ns| &ns.data), Some(crate::sim::tables::NsData::User { setgroups: false, .. }));
    let mut new_groups =
        if denied { Vec::new() } else { groups.iter().map(|id| outside(*id, true)).collect::<SysResult<Vec<_>>>()? };
    new_groups.sort_unstable();
    let may = |capability| kernel.is_capable(pid, capability, ns);
    let old = &kernel.process(pid)?.credentials;
    if old.gid != new_gid && !may(Capability::Setgid) || old.uid != new_uid && !may(Capability::Setuid) {
        return Err(Errno::EPERM);
    }
    let credentials = &mut kernel.process_mut(pid)?.credentials;
    (credentials.uid, credentials.gid, credentials.groups) = (new_uid, new_gid, new_groups);
    Ok(())
}

fn set_capabilities(kernel: &mut Kernel, pid: HostPid, capabilities: CapabilitySet) -> SysResult<()> {
    let root = kernel.is_root_inside(pid);
    let credentials = &mut kernel.process_mut(pid)?.credentials;
    if !capabilities.minus(credentials.permitted).is_empty() && root {
        return Err(Errno::EPERM);
    }
    (credentials.effective, credentials.permitted) = (capabilities, capabilities);
    (credentials.inheritable, credentials.ambient) = (CapabilitySet::EMPTY, CapabilitySet::EMPTY);
    Ok(())
}
