//! `LinuxProbe`: answers queries from /proc, cgroup file systems and the data root. It looks and never changes anything.
//!
//! What is asked from outside of a namespace and has no file in /proc (the host name, the flags of network interfaces) is asked from
//! inside, see `inside`. Files of a container are reached through /proc/PID/root without following any link out of it, see `files`.

mod changes;
mod files;
mod inside;
mod limits;
mod processes;

use std::fs;
use std::path::Path;

use glassbox_core::errno::Errno;
use glassbox_core::model::{ContainerId, ContainerState};
use glassbox_core::query::{Answer, CredentialsFact, MountFact, Probe, Query, Subject};
use glassbox_core::step::NamespaceKind;
use glassbox_core::sysctl;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::procfs::{self, Status};
use super::{mountinfo, ports};
use crate::store::{Store, StoreError};
use crate::sys;
use crate::sys::netlink::{Netlink, Nft};

/// Looks at the running kernel. Keeps nothing: each question is a new look.
#[derive(Clone, Debug)]
pub struct LinuxProbe {
    store: Store,
}

impl LinuxProbe {
    /// With the records in which containers are looked up.
    pub fn new(store: &Store) -> LinuxProbe {
        LinuxProbe { store: store.clone() }
    }

    /// The pid of a subject. ENOENT: no such container; ESRCH: it does not run.
    pub fn pid_of(&self, subject: &Subject) -> Result<u32, Errno> {
        match subject {
            Subject::Host => Ok(std::process::id()),
            Subject::Process(pid) => Ok(*pid),
            Subject::Container(id) => {
                let record = self.store.read(id).map_err(errno_of)?.ok_or(Errno::ENOENT)?;
                let process = record.process.filter(crate::store::ProcessIdentity::is_alive);
                process.map(|process| process.pid).ok_or(Errno::ESRCH)
            }
        }
    }

    fn container_state(&self, id: &ContainerId) -> Result<Answer, Errno> {
        let state = self.record(id)?;
        Ok(Answer::ContainerState(state.map(|state| (state.status, state.exit_code, state.oom_killed))))
    }

    fn record(&self, id: &ContainerId) -> Result<Option<Box<ContainerState>>, Errno> {
        Ok(self.store.read(id).map_err(errno_of)?.map(|record| Box::new(record.container.state)))
    }

    fn shares(&self, one: &Subject, other: &Subject, kind: NamespaceKind) -> Result<bool, Errno> {
        Ok(self.namespace(one, kind)? == self.namespace(other, kind)?)
    }

    fn namespace(&self, subject: &Subject, kind: NamespaceKind) -> Result<u64, Errno> {
        procfs::namespace(self.pid_of(subject)?, kind.file())
    }

    fn root_of(&self, subject: &Subject) -> Result<files::View, Errno> {
        match subject {
            Subject::Host => Ok(files::View::Host),
            other => self.pid_of(other).map(files::View::Process),
        }
    }
}

impl Probe for LinuxProbe {
    fn ask(&self, query: &Query) -> Result<Answer, Errno> {
        Ok(match query {
            Query::ContainerState(id) => self.container_state(id)?,
            Query::Record(id) => Answer::Record(self.record(id)?),
            Query::Processes(subject) => Answer::Processes(processes::in_namespace_of(self.pid_of(subject)?)?),
            Query::Mounts(subject) => Answer::Mounts(mounts(self.pid_of(subject)?)?),
            Query::Namespace(subject, kind) => Answer::Namespace(self.namespace(subject, *kind)?),
            Query::SharesNamespace(one, other, kind) => Answer::Truth(self.shares(one, other, *kind)?),
            Query::LimitOf(subject, limit) => Answer::Limit(limits::of(self.pid_of(subject)?, *limit)?),
            Query::Capabilities(subject) => Answer::Capabilities(Status::of(self.pid_of(subject)?)?.capability_sets()?),
            Query::Credentials(subject) => Answer::Credentials(credentials(self.pid_of(subject)?)?),
            Query::Hostname(subject) => Answer::Text(hostname(self.pid_of(subject)?)?),
            Query::Sysctl(subject, name) => Answer::Text(setting(self.pid_of(subject)?, name)?),
            Query::Interfaces(subject) => Answer::Interfaces(told_by_netlink(self.pid_of(subject)?, Netlink::interfaces)?),
            Query::Routes(subject) => Answer::Routes(told_by_netlink(self.pid_of(subject)?, Netlink::routes)?),
            Query::Rules(subject) => Answer::Rules(told_from(self.pid_of(subject)?, || Nft::open()?.rules())?),
            Query::Listening(subject) => Answer::Listening(ports::places(&self.pid_of(subject)?.to_string())),
            Query::FileBytes(subject, path) => Answer::Bytes(self.root_of(subject)?.bytes(path)?),
            Query::Directory(subject, path) => Answer::Names(self.root_of(subject)?.names(path)?),
            Query::Program(subject) => program(self.pid_of(subject)?)?,
            Query::Changes(id) => Answer::Changes(changes::of(Path::new(&self.store.layout().of(id, "upper")))?),
            Query::IsDeviceFence(directory) => Answer::Truth(is_device_fence(directory)?),
            Query::Exists(path) => Answer::Truth(exists(path)?),
        })
    }
}

fn errno_of(error: StoreError) -> Errno {
    error.errno().unwrap_or(Errno::EIO)
}

fn mounts(pid: u32) -> Result<Vec<MountFact>, Errno> {
    Ok(mountinfo::parse(&procfs::read(pid, "mountinfo")?).iter().map(mountinfo::Mount::fact).collect())
}

fn credentials(pid: u32) -> Result<CredentialsFact, Errno> {
    /// SECCOMP_MODE_FILTER, seccomp(2)
    const FILTER: u32 = 2;
    let status = Status::of(pid)?;
    let uids = procfs::id_map(&procfs::read_text(pid, "uid_map")?);
    let gids = procfs::id_map(&procfs::read_text(pid, "gid_map")?);
    let mut groups: Vec<u32> = status.numbers("Groups").into_iter().map(|group| procfs::inside(&gids, group)).collect();
    groups.sort_unstable();
    Ok(CredentialsFact {
        uid: procfs::inside(&uids, status.number("Uid", 1)?),
        gid: procfs::inside(&gids, status.number("Gid", 1)?),
        groups,
        no_new_privileges: status.number("NoNewPrivs", 0)? == 1,
        seccomp_filter: status.number("Seccomp", 0).unwrap_or(0) == FILTER,
    })
}

/// /proc/sys/kernel/hostname shows the reader's UTS namespace: it is read from within the subject's.
fn hostname(pid: u32) -> Result<String, Errno> {
    let read = || fs::read_to_string("/proc/sys/kernel/hostname").map_err(|error| sys::errno_of(&error));
    inside::ask(pid, NamespaceKind::Uts, read).map(|text| text.trim_end().to_string())
}

/// /proc/sys shows the reader's namespaces.
fn setting(pid: u32, name: &str) -> Result<String, Errno> {
    let kind = sysctl::namespace(name).ok_or(Errno::EINVAL)?;
    let path = sysctl::path(name);
    let read = || fs::read_to_string(&path).map_err(|error| sys::errno_of(&error));
    inside::ask(pid, kind, read).map(|text| text.trim_end().to_string())
}

/// rtnetlink(7) tells of the asker's network namespace: it is asked from within the subject's. The answer comes as JSON, which goes
/// through a pipe where it has to.
fn told_by_netlink<T: Serialize + DeserializeOwned>(
    pid: u32,
    ask: impl Fn(&mut Netlink) -> Result<T, Errno> + Sync,
) -> Result<T, Errno> {
    told_from(pid, || ask(&mut Netlink::open()?))
}

/// The same of whatever else is told of the asker's network namespace.
fn told_from<T: Serialize + DeserializeOwned>(pid: u32, ask: impl Fn() -> Result<T, Errno> + Sync) -> Result<T, Errno> {
    let look = || serde_json::to_string(&ask()?).map_err(|_| Errno::EINVAL);
    serde_json::from_str(&inside::ask(pid, NamespaceKind::Network, look)?).map_err(|_| Errno::EINVAL)
}

/// Both links say the path as the process's own mounts have it.
fn program(pid: u32) -> Result<Answer, Errno> {
    Ok(Answer::Program(procfs::read_link(pid, "cwd")?, procfs::read_link(pid, "exe")?))
}

/// v1 lists what is allowed; on v2 a program is attached.
fn is_device_fence(directory: &str) -> Result<bool, Errno> {
    match fs::read_to_string(Path::new(directory).join("devices.list")) {
        Ok(text) => Ok(text.trim_end() != "a *:* rwm"),
        Err(_) => {
            let cgroup = fs::File::open(directory).map_err(|error| sys::errno_of(&error))?;
            Ok(sys::device_program::attached(&cgroup)? > 0)
        }
    }
}

/// A link is there even when what it says is not.
fn exists(path: &str) -> Result<bool, Errno> {
    match fs::symlink_metadata(path).map_err(|error| sys::errno_of(&error)) {
        Ok(_) => Ok(true),
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(false),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests;
