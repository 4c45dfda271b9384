//! `SimProbe`: the model kernel's answers to queries. It looks and changes nothing.

use super::kernel::Kernel;
use super::tables::{Content, HostPid, Inode, NodeId, Place, ProcessState};
use super::walk::Walker;
use crate::errno::Errno;
use crate::layout::Layout;
use crate::model::{ContainerId, ContainerState, State};
use crate::query::{Answer, CapabilitiesFact, ChangeFact, CredentialsFact, MountFact, Probe, ProcessFact, Query, Subject};
use crate::step::{Limit, NamespaceKind};
use crate::userland::{FileKind, SysResult};

/// The most bytes of a file that an answer gives.
const FILE_BYTES_MAX: usize = 1 << 20;

/// Asks the model.
#[derive(Clone, Copy, Debug)]
pub struct SimProbe<'a> {
    kernel: &'a Kernel,
    state: &'a State,
}

impl<'a> SimProbe<'a> {
    /// Over this kernel; containers are looked up in `state`.
    pub fn new(kernel: &'a Kernel, state: &'a State) -> SimProbe<'a> {
        SimProbe { kernel, state }
    }

    fn pid(&self, subject: &Subject) -> SysResult<HostPid> {
        match subject {
            Subject::Host => Ok(self.kernel.engine),
            Subject::Process(pid) => self.kernel.process(*pid).map(|_| *pid),
            Subject::Container(id) => {
                let pid = self.state.containers.get(id).ok_or(Errno::ENOENT)?.state.pid.ok_or(Errno::ESRCH)?;
                self.kernel.process(pid).map(|_| pid)
            }
        }
    }

    /// As the subject sees paths, with the power of the kernel itself.
    fn walk(&self, pid: HostPid, path: &str) -> SysResult<Place> {
        let process = self.kernel.process(pid)?;
        let walker = Walker { root: process.root.clone(), cwd: process.root.clone(), viewer: pid, checked: false };
        self.kernel.walk_as(&walker, path, true)
    }

    fn bytes(&self, pid: HostPid, path: &str) -> SysResult<Vec<u8>> {
        let place = self.walk(pid, path)?;
        match self.kernel.attributes(&place.node)?.kind {
            FileKind::Directory => return Err(Errno::EISDIR),
            FileKind::File => {}
            _ => return Err(Errno::ENXIO),
        }
        match self.kernel.real(&place.node)? {
            Some(inode) => self.kernel.read_inode(inode, 0, FILE_BYTES_MAX),
            None => self.kernel.made_text(&place.node, pid),
        }
    }

    fn processes(&self, pid: HostPid) -> SysResult<Answer> {
        let ns = self.kernel.own_pid_ns(pid);
        let fact = |other: HostPid| {
            let process = self.kernel.process(other).ok()?;
            let zombie = matches!(process.state, ProcessState::Zombie(_));
            Some(ProcessFact {
                pid: self.kernel.number_in(other, ns)?,
                parent: self.kernel.number_in(process.parent, ns).unwrap_or(0),
                host_pid: other,
                argv: if zombie { Vec::new() } else { process.argv.to_vec() },
                zombie,
                uid: self.kernel.shown_id(pid, process.credentials.uid, false),
            })
        };
        let mut all: Vec<ProcessFact> = self.kernel.processes.keys().filter_map(|other| fact(*other)).collect();
        all.sort_by_key(|process| process.pid);
        Ok(Answer::Processes(all))
    }

    fn limit(&self, pid: HostPid, limit: Limit) -> SysResult<Answer> {
        let controller = limit.controller();
        let index = self.kernel.hierarchies.iter().position(|hierarchy| hierarchy.controllers.contains(&controller));
        let index = index.ok_or(Errno::ENOENT)?;
        let own = self.kernel.process(pid)?.cgroups.get(index).cloned().ok_or(Errno::ENOENT)?;
        let cgroup = self.kernel.cgroup(index, &own)?;
        Ok(Answer::Limit(match limit {
            Limit::Memory => cgroup.memory_bytes_max,
            Limit::Swap => cgroup.swap_bytes_max,
            Limit::Pids => cgroup.pids_max,
            Limit::CpuQuota => cgroup.cpu_quota,
            Limit::CpuPeriod => cgroup.cpu_period,
            Limit::MemoryReservation => cgroup.memory_reservation_bytes,
            Limit::Swappiness => cgroup.swappiness,
            Limit::CpuShares => cgroup.cpu_shares,
            // Not a number, or one for each disk.
            _ => return Err(Errno::EINVAL),
        }))
    }

    fn capabilities(&self, pid: HostPid) -> SysResult<Answer> {
        let credentials = &self.kernel.process(pid)?.credentials;
        Ok(Answer::Capabilities(CapabilitiesFact {
            effective: credentials.effective,
            permitted: credentials.permitted,
            inheritable: credentials.inheritable,
            bounding: credentials.bounding,
            ambient: credentials.ambient,
        }))
    }

    fn credentials(&self, pid: HostPid) -> SysResult<Answer> {
        let credentials = &self.kernel.process(pid)?.credentials;
        let mut groups: Vec<u32> = credentials.groups.iter().map(|group| self.kernel.shown_id(pid, *group, true)).collect();
        groups.sort_unstable();
        Ok(Answer::Credentials(CredentialsFact {
            uid: self.kernel.shown_id(pid, credentials.uid, false),
            gid: self.kernel.shown_id(pid, credentials.gid, true),
            groups,
            no_new_privileges: credentials.no_new_privileges,
            seccomp_filter: credentials.seccomp.is_some(),
        }))
    }

    fn program(&self, pid: HostPid) -> SysResult<Answer> {
        let process = self.kernel.process(pid)?;
        let path = |place: &Place| self.kernel.path_of_file(place, &process.root);
        let cwd = path(&process.cwd).unwrap_or_else(|| "/".to_string());
        let exe = process.exe.as_ref().and_then(path).unwrap_or_default();
        Ok(Answer::Program(cwd, exe))
    }

    /// As the file says.
    fn record(&self, id: &ContainerId) -> SysResult<Option<Box<ContainerState>>> {
        match self.bytes(self.kernel.engine, &Layout::new(&self.kernel.host.data_root).of(id, "state.json")) {
            Ok(bytes) => Ok(Some(Box::new(super::exec::container_of(&bytes)?.state))),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// The upper directory of a container, whiteouts told apart.
    fn changes(&self, id: &ContainerId) -> SysResult<Answer> {
        let upper = Layout::new(&self.kernel.host.data_root).of(id, "upper");
        let place = self.walk(self.kernel.engine, &upper)?;
        let NodeId::Inode(top) = place.node else { return Err(Errno::ENOTDIR) };
        let mut found = Vec::new();
        self.changes_below(top, "", &mut found)?;
        found.sort_by(|one, other| path_of(one).cmp(path_of(other)));
        Ok(Answer::Changes(found))
    }

    fn changes_below(&self, directory: u64, path: &str, found: &mut Vec<ChangeFact>) -> SysResult<()> {
        let Inode { content: Content::Directory { entries, .. }, .. } = self.kernel.inode(directory)? else { return Ok(()) };
        for (name, id) in entries.iter() {
            let full = format!("{path}/{name}");
            let inode = self.kernel.inode(*id)?;
            if inode.is_whiteout() {
                found.push(ChangeFact::Removed(full));
            } else if inode.kind() == FileKind::Directory {
                found.push(ChangeFact::Present(format!("{full}/")));
                self.changes_below(*id, &full, found)?;
            } else {
                found.push(ChangeFact::Present(full));
            }
        }
        Ok(())
    }

    fn mounts(&self, pid: HostPid) -> SysResult<Answer> {
        Ok(Answer::Mounts(self.kernel.mount_lines(self.kernel.engine, pid)?.into_iter().map(|line| line.fact).collect()))
    }

    fn namespace(&self, subject: &Subject, kind: NamespaceKind) -> SysResult<u64> {
        Ok(self.kernel.process(self.pid(subject)?)?.namespaces.of(kind))
    }
}

fn path_of(change: &ChangeFact) -> &str {
    match change {
        ChangeFact::Present(path) | ChangeFact::Removed(path) => path,
    }
}

impl Probe for SimProbe<'_> {
    fn ask(&self, query: &Query) -> Result<Answer, Errno> {
        match query {
            Query::ContainerState(id) => {
                let state = self.state.containers.get(id).map(|container| &container.state);
                Ok(Answer::ContainerState(state.map(|state| (state.status, state.exit_code, state.oom_killed))))
            }
            Query::Record(id) => self.record(id).map(Answer::Record),
            Query::Processes(subject) => self.processes(self.pid(subject)?),
            Query::Mounts(subject) => self.mounts(self.pid(subject)?),
            Query::Namespace(subject, kind) => self.namespace(subject, *kind).map(Answer::Namespace),
            Query::SharesNamespace(one, other, kind) => {
                Ok(Answer::Truth(self.namespace(one, *kind)? == self.namespace(other, *kind)?))
            }
            Query::LimitOf(subject, limit) => self.limit(self.pid(subject)?, *limit),
            Query::Capabilities(subject) => self.capabilities(self.pid(subject)?),
            Query::Credentials(subject) => self.credentials(self.pid(subject)?),
            Query::Hostname(subject) => Ok(Answer::Text(self.kernel.hostname_of(self.pid(subject)?).to_string())),
            Query::Sysctl(subject, name) => Ok(Answer::Text(self.kernel.setting_of(self.pid(subject)?, name)?.to_string())),
            Query::Interfaces(subject) => Ok(Answer::Interfaces(self.kernel.interfaces_of(self.pid(subject)?))),
            Query::Listening(subject) => Ok(Answer::Listening(self.kernel.listening_of(self.pid(subject)?))),
            Query::Rules(subject) => Ok(Answer::Rules(self.kernel.rules_of(self.pid(subject)?))),
            Query::Routes(subject) => Ok(Answer::Routes(self.kernel.routes_of(self.pid(subject)?))),
            Query::FileBytes(subject, path) => self.bytes(self.pid(subject)?, path).map(Answer::Bytes),
            Query::Directory(subject, path) => {
                let place = self.walk(self.pid(subject)?, path)?;
                self.kernel.names(&place.node).map(Answer::Names)
            }
            Query::Program(subject) => self.program(self.pid(subject)?),
            Query::Changes(id) => self.changes(id),
            Query::IsDeviceFence(directory) => self.kernel.is_device_fence(directory).map(Answer::Truth),
            Query::Exists(path) => match self.walk(self.kernel.engine, path) {
                Ok(_) => Ok(Answer::Truth(true)),
                Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(Answer::Truth(false)),
                Err(errno) => Err(errno),
            },
        }
    }

    fn mount_at(&self, subject: &Subject, target: &str) -> Result<Option<MountFact>, Errno> {
        self.kernel.mount_fact_at(self.kernel.engine, self.pid(subject)?, target)
    }
}
