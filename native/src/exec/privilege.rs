//! Steps that take power away, carried out by the child in the container's root: capabilities(7), seccomp(2), credentials(7).

use std::fs::{self, OpenOptions};
use std::io::Write;

use glassbox_core::accounts::{self, GROUP, Identity, PASSWD};
use glassbox_core::errno::Errno;
use glassbox_core::oci::capability::CapabilitySet;
use glassbox_core::oci::seccomp::default_profile;
use glassbox_core::step::PrivilegeStep;

use super::{Done, Failure, NameCall};
use crate::sys::{bpf, capability, limits, process};

/// A larger /etc/passwd or /etc/group is not read.
const ACCOUNTS_BYTES_MAX: u64 = glassbox_core::home::PASSWD_BYTES_MAX as u64;

/// Carries the step out.
pub fn carry_out(step: &PrivilegeStep) -> Done {
    match step {
        PrivilegeStep::SetNoNewPrivileges => process::set_no_new_privs().call("prctl"),
        // The child asks the engine for the program: see `crate::child`.
        PrivilegeStep::InstallSeccompFilter { .. } => Err(Failure::of("seccomp", Errno::ENOSYS)),
        PrivilegeStep::SetAppArmorProfile { profile } => set_apparmor(APPARMOR_EXEC, profile),
        PrivilegeStep::LimitBoundingSet { keep } => capability::limit_bounding(*keep).call("prctl"),
        PrivilegeStep::SetUser { user, groups, .. } => set_user(&look_up(user, groups)?),
        PrivilegeStep::SetResourceLimit { resource, limit } => limits::set(*resource, *limit).call("prlimit64"),
        PrivilegeStep::SetOomScore { score } => set_oom_score(*score),
        PrivilegeStep::SetCapabilities { capabilities } => set_capabilities(*capabilities),
    }
}

/// The program that the step installs, as it is sent to the child; empty where the profile cannot be compiled. `None`: another step.
pub fn filter_of(step: &PrivilegeStep) -> Option<Vec<u8>> {
    let PrivilegeStep::InstallSeccompFilter { capabilities, profile } = step else { return None };
    let code = match profile {
        Some(profile) => bpf::compile(profile),
        None => bpf::compile(&default_profile(capabilities)),
    };
    Some(bpf::to_bytes(&code.unwrap_or_default()))
}

/// Where AppArmor takes the profile of the next execve(2).
const APPARMOR_EXEC: &str = "/proc/self/attr/apparmor/exec";

/// One write(2) of `exec PROFILE`. ENOENT: no such profile is loaded.
fn set_apparmor(path: &str, profile: &str) -> Done {
    let mut file = OpenOptions::new().write(true).open(path).call("openat")?;
    file.write_all(format!("exec {profile}").as_bytes()).call("write")
}

/// One write(2) with everything in it.
fn set_oom_score(score: i64) -> Done {
    let mut file = OpenOptions::new().write(true).open("/proc/self/oom_score_adj").call("openat")?;
    file.write_all(score.to_string().as_bytes()).call("write")
}

/// By the files as this process sees them.
fn look_up(user: &str, groups: &[String]) -> Result<Identity, Failure> {
    let group_file = file_of(GROUP)?;
    let mut identity = accounts::resolve(user, &file_of(PASSWD)?, &group_file).call("setresuid")?;
    identity.groups.extend(accounts::resolve_groups(groups, &group_file).call("setgroups")?);
    Ok(identity)
}

/// setgroups(2), setresgid(2), setresuid(2).
pub fn set_user(identity: &Identity) -> Done {
    if identity.uid != 0 {
        process::set_keep_capabilities(true).call("prctl")?;
    }
    set_groups(identity)?;
    process::setresgid(identity.gid).call("setresgid")?;
    process::setresuid(identity.uid).call("setresuid")
}

/// A user namespace whose maps were written without privilege denies setgroups(2) to everybody: there is then nothing to set.
fn set_groups(identity: &Identity) -> Done {
    match process::setgroups(&identity.groups) {
        Err(Errno::EPERM) if identity.groups.is_empty() && setgroups_is_denied() => Ok(()),
        answer => answer.call("setgroups"),
    }
}

fn setgroups_is_denied() -> bool {
    fs::read_to_string("/proc/self/setgroups").is_ok_and(|text| text.trim_end() == "deny")
}

/// The text of a file of accounts; a missing one is empty.
fn file_of(path: &str) -> Result<String, Failure> {
    match fs::metadata(path) {
        Err(_) => return Ok(String::new()),
        Ok(metadata) if metadata.len() > ACCOUNTS_BYTES_MAX => return Err(Failure::of("read", Errno::EFBIG)),
        Ok(_) => {}
    }
    Ok(String::from_utf8_lossy(&fs::read(path).call("read")?).into_owned())
}

/// `HOME=…` of the user that this process is now. What cannot be read names nobody.
pub fn home() -> String {
    let (uid, _) = process::effective_ids();
    let is_file = fs::metadata(PASSWD).is_ok_and(|metadata| metadata.is_file());
    let passwd = if is_file { file_of(PASSWD).unwrap_or_default() } else { String::new() };
    glassbox_core::home::variable(&passwd, uid)
}

fn set_capabilities(capabilities: CapabilitySet) -> Done {
    capability::set(capabilities, CapabilitySet::EMPTY).call("capset")?;
    capability::clear_ambient().call("prctl")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::TempRoot;

    #[test]
    fn apparmor_is_told_the_profile_of_the_next_program() {
        let root = TempRoot::new();
        let file = root.path().join("exec");
        let path = file.to_str().unwrap();
        assert_eq!(set_apparmor(path, "docker-default").unwrap_err(), Failure::of("openat", Errno::ENOENT));
        fs::write(path, "").unwrap();
        set_apparmor(path, "docker-default").unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "exec docker-default");
    }
}
