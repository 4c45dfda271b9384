//! The battery: every question that is asked of both kernels after each command of a fixture.

use super::{Answer, Probe, Query, Subject};
use crate::errno::Errno;
use crate::model::State;
use crate::plan::namespaces::is_in_hosts;
use crate::step::{Limit, NamespaceKind};

/// Asks about every container on record; a running one is asked much more.
pub fn ask(state: &State, probe: &dyn Probe) -> Vec<(Query, Result<Answer, String>)> {
    questions(state)
        .into_iter()
        .map(|query| (query.clone(), probe.ask(&query).map_err(|errno: Errno| errno.name().to_string())))
        .collect()
}

fn questions(state: &State) -> Vec<Query> {
    let mut all = Vec::new();
    for container in state.newest_first() {
        all.push(Query::ContainerState(container.id.clone()));
        all.push(Query::Changes(container.id.clone()));
        if container.state.status.runs() {
            let subject = Subject::Container(container.id.clone());
            all.extend(of_running(&subject));
            // Which processes the machine runs is its own affair.
            if !is_in_hosts(container, NamespaceKind::Pid, state) {
                all.push(Query::Processes(subject.clone()));
            }
            // With the host's network these two are the machine's own affair, and no kernel's.
            if !is_in_hosts(container, NamespaceKind::Network, state) {
                all.push(Query::Interfaces(subject.clone()));
                all.push(Query::Routes(subject.clone()));
                all.push(Query::FileBytes(subject, "/etc/hosts".into()));
            }
        }
    }
    all
}

fn of_running(subject: &Subject) -> Vec<Query> {
    let mut all = vec![
        Query::Mounts(subject.clone()),
        Query::Capabilities(subject.clone()),
        Query::Credentials(subject.clone()),
        Query::Hostname(subject.clone()),
        Query::Program(subject.clone()),
    ];
    all.extend(NamespaceKind::ALL.map(|kind| Query::SharesNamespace(Subject::Host, subject.clone(), kind)));
    all.extend([Limit::Memory, Limit::Pids, Limit::CpuQuota].map(|limit| Query::LimitOf(subject.clone(), limit)));
    all.extend(["/", "/dev", "/bin", "/etc"].map(|path| Query::Directory(subject.clone(), path.into())));
    all.extend(["/etc/hostname", "/proc/self/uid_map"].map(|path| Query::FileBytes(subject.clone(), path.into())));
    all
}
