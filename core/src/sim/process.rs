//! Processes: fork(2), _exit(2), wait4(2), pid numbers, orphans and zombies.

use super::kernel::Kernel;
use super::tables::{HostPid, NsData, NsId, Process, ProcessState, Wait};
use super::tty::is_zombie;
use crate::errno::Errno;
use crate::step::NamespaceKind;
use crate::userland::{Disposition, Pid, Program, Signal, SysResult, WaitStatus};

/// The host's first process.
pub(super) const HOST_INIT: HostPid = 1;

impl Kernel {
    /// The number of a process in a pid namespace; `None`: it is not visible there.
    pub(super) fn number_in(&self, pid: HostPid, ns: Option<NsId>) -> Option<u32> {
        let numbers = &self.processes.get(&pid)?.numbers;
        numbers.iter().find(|(of, _)| Some(*of) == ns).map(|(_, number)| *number)
    }

    pub(super) fn by_number(&self, ns: NsId, number: u32) -> Option<HostPid> {
        let found = self.processes.iter().find(|(_, process)| process.numbers.contains(&(ns, number)));
        found.map(|(pid, _)| *pid)
    }

    /// Numbers for a new process in `ns` and in all above it, the host's first.
    fn fresh_numbers(&mut self, ns: NsId) -> SysResult<Vec<(NsId, u32)>> {
        let mut numbers = Vec::new();
        let mut at = Some(ns);
        while let Some(id) = at {
            let namespace = self.namespaces.get_mut(&id).ok_or(Errno::EINVAL)?;
            let NsData::Pid { parent, next, init } = &mut namespace.data else { return Err(Errno::EINVAL) };
            if *next > 1 && init.is_none() {
                return Err(Errno::ENOMEM); // its first process has ended
            }
            numbers.push((id, *next));
            *next += 1;
            at = *parent;
        }
        numbers.reverse();
        Ok(numbers)
    }

    /// A copy of `parent` as its child: fork(2) without the program.
    pub(super) fn fork_process(&mut self, parent: HostPid, program: Option<Program>) -> SysResult<HostPid> {
        let original = self.process(parent)?.clone();
        self.check_pids_max(&original.cgroups)?;
        self.check_process_limit(parent)?;
        let numbers = self.fresh_numbers(original.pid_for_children)?;
        let pid = numbers.first().map(|(_, number)| *number).ok_or(Errno::EAGAIN)?;
        for (ns, number) in &numbers {
            if let Some(NsData::Pid { init, .. }) = self.namespaces.get_mut(ns).map(|found| &mut found.data)
                && *number == 1
            {
                *init = Some(pid);
            }
        }
        for descriptor in original.descriptors.values() {
            self.file_mut(descriptor.file)?.references += 1;
        }
        let mut namespaces = original.namespaces;
        namespaces.set(NamespaceKind::Pid, original.pid_for_children);
        let child = Process {
            numbers,
            parent,
            namespaces,
            program,
            state: ProcessState::Runnable,
            pending: Vec::new(),
            held: Vec::new(),
            started_ns: self.clock_ns,
            cpu_ns: 0,
            says_modelled: false,
            memory_bytes: 0,
            ..original
        };
        self.processes.insert_mut(pid, child);
        Ok(pid)
    }

    /// The end of a process: it lets go of everything but its status.
    pub(super) fn end_process(&mut self, pid: HostPid, status: WaitStatus) {
        let Ok(process) = self.process(pid) else { return };
        if is_zombie(&process.state) {
            return;
        }
        let files: Vec<_> = process.descriptors.values().map(|descriptor| descriptor.file).collect();
        let leads = process.session == pid;
        let terminal = process.terminal;
        if let Ok(process) = self.process_mut(pid) {
            process.descriptors = rpds::RedBlackTreeMap::new();
            process.program = None;
            process.memory_bytes = 0;
            process.pending.clear();
            process.held.clear();
            process.state = ProcessState::Zombie(status);
        }
        files.into_iter().for_each(|file| self.release(file));
        self.end_pid_namespace(pid);
        self.give_children_away(pid);
        if let (true, Some(tty)) = (leads, terminal) {
            self.hang_up(pid, tty);
        }
        self.note_end(pid, status);
        self.tell_parent(pid);
    }

    /// With the first process of a pid namespace all others in it go.
    fn end_pid_namespace(&mut self, pid: HostPid) {
        let Some((ns, 1)) = self.processes.get(&pid).and_then(|process| process.numbers.last().copied()) else { return };
        if let Some(NsData::Pid { init, .. }) = self.namespaces.get_mut(&ns).map(|found| &mut found.data) {
            *init = None;
        }
        let members: Vec<HostPid> =
            self.processes.keys().copied().filter(|other| *other != pid && self.number_in(*other, Some(ns)).is_some()).collect();
        for member in members {
            self.end_process(member, WaitStatus::Signaled(Signal::SIGKILL));
            let inside = self.processes.get(&member).is_some_and(|process| self.number_in(process.parent, Some(ns)).is_some());
            if inside {
                self.reap(member);
            }
        }
    }

    /// Orphans go to the first process of their pid namespace.
    fn give_children_away(&mut self, pid: HostPid) {
        let children: Vec<HostPid> =
            self.processes.iter().filter(|(_, child)| child.parent == pid).map(|(child, _)| *child).collect();
        for child in children {
            let ns = self.own_pid_ns(pid);
            let init = match ns.and_then(|ns| self.namespaces.get(&ns)).map(|found| &found.data) {
                Some(NsData::Pid { init: Some(init), .. }) if *init != pid => *init,
                _ => HOST_INIT,
            };
            if let Ok(process) = self.process_mut(child) {
                process.parent = init;
            }
            if self.process(child).is_ok_and(|process| is_zombie(&process.state)) {
                self.tell_parent(child);
            }
        }
    }

    fn hang_up(&mut self, leader: HostPid, tty: u64) {
        let group = self.ttys.get(&tty).map(|tty| tty.foreground);
        let members: Vec<HostPid> = self
            .processes
            .iter()
            .filter(|(pid, process)| **pid != leader && Some(process.group) == group && process.session == leader)
            .map(|(pid, _)| *pid)
            .collect();
        members.into_iter().for_each(|pid| self.deliver(pid, pid, Signal::SIGHUP));
    }

    /// SIGCHLD; a parent that ignores it, and the host's init, have zombies taken away at once.
    fn tell_parent(&mut self, pid: HostPid) {
        let Ok(parent) = self.process(pid).map(|process| process.parent) else { return };
        let ignored =
            self.process(parent).map_or(true, |process| process.dispositions.get(&Signal::SIGCHLD) == Some(&Disposition::Ignore));
        if parent == HOST_INIT || ignored || parent == self.engine && !self.is_watched(pid) {
            self.reap(pid);
            return;
        }
        self.deliver(pid, parent, Signal::SIGCHLD);
    }

    /// Removes a zombie.
    pub(super) fn reap(&mut self, pid: HostPid) {
        let Ok(process) = self.process(pid) else { return };
        if !is_zombie(&process.state) {
            return;
        }
        let namespaces = process.namespaces;
        self.processes.remove_mut(&pid);
        self.drop_namespaces(namespaces);
    }

    /// The children that `target` of wait4(2) means, with what they do.
    fn children(&self, pid: HostPid, target: Pid) -> Vec<(HostPid, ProcessState)> {
        let ns = self.own_pid_ns(pid);
        let own_group = self.processes.get(&pid).map(|process| process.group);
        let wanted = |child: &HostPid, process: &Process| match target {
            -1 => true,
            0 => Some(process.group) == own_group,
            1.. => self.number_in(*child, ns) == Some(target.unsigned_abs()),
            _ => self.number_in(process.group, ns) == Some(target.unsigned_abs()),
        };
        let children = self.processes.iter().filter(|(child, process)| process.parent == pid && wanted(child, process));
        children.map(|(child, process)| (*child, process.state.clone())).collect()
    }

    /// wait4(2)
    pub(super) fn wait_child(&mut self, pid: HostPid, target: Pid, hang: bool) -> SysResult<Option<(Pid, WaitStatus)>> {
        let children = self.children(pid, target);
        if children.is_empty() {
            return Err(Errno::ECHILD);
        }
        for (child, state) in children {
            if let ProcessState::Zombie(status) = state {
                let number = self.number_in(child, self.own_pid_ns(pid)).unwrap_or_default() as Pid;
                self.reap(child);
                return Ok(Some((number, status)));
            }
        }
        if hang { Err(self.wait_for(pid, Wait::Child(target))) } else { Ok(None) }
    }

    /// wait4(2) would not have to wait.
    pub(super) fn is_wait_over(&self, pid: HostPid, target: Pid) -> bool {
        let children = self.children(pid, target);
        children.is_empty() || children.iter().any(|(_, state)| is_zombie(state))
    }
}
