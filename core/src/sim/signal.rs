//! Signals: signal(7), kill(2), and the shelter of a pid namespace's first process: pid_namespaces(7).

use super::kernel::Kernel;
use super::tables::{HostPid, NsId, ProcessState};
use super::tty::is_zombie;
use crate::errno::Errno;
use crate::oci::capability::Capability;
use crate::step::NamespaceKind;
use crate::userland::{Disposition, Pid, Signal, SysResult, WaitStatus};

/// What a signal does by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    End,
    Stop,
    Continue,
    Nothing,
}

fn default_action(signal: Signal) -> Action {
    match signal {
        Signal::SIGCHLD | Signal::SIGURG | Signal::SIGWINCH => Action::Nothing,
        Signal::SIGCONT => Action::Continue,
        Signal::SIGSTOP | Signal::SIGTSTP | Signal::SIGTTIN | Signal::SIGTTOU => Action::Stop,
        _ => Action::End,
    }
}

fn is_forced(signal: Signal) -> bool {
    signal == Signal::SIGKILL || signal == Signal::SIGSTOP
}

impl Kernel {
    /// The pid namespace that a process is in: the innermost that numbers it.
    pub(super) fn own_pid_ns(&self, pid: HostPid) -> Option<NsId> {
        self.processes.get(&pid)?.numbers.last().map(|(ns, _)| *ns)
    }

    fn is_init(&self, pid: HostPid) -> bool {
        self.processes.get(&pid).is_some_and(|process| process.numbers.last().is_some_and(|(_, number)| *number == 1))
    }

    /// Delivers a signal that `sender` (the process itself: the kernel or a terminal) was allowed to send.
    pub(super) fn deliver(&mut self, sender: HostPid, pid: HostPid, signal: Signal) {
        let Ok(process) = self.process(pid) else { return };
        if is_zombie(&process.state) {
            return;
        }
        let disposition = process.dispositions.get(&signal).copied().unwrap_or(Disposition::Default);
        if self.is_init(pid) {
            let from_outside = sender != pid && self.number_in(sender, self.own_pid_ns(pid)).is_none();
            let forced = is_forced(signal) && from_outside;
            if !forced && disposition == Disposition::Default {
                return;
            }
        }
        if is_forced(signal) || disposition == Disposition::Default {
            return self.act_or_hold(pid, signal);
        }
        if disposition == Disposition::Ignore {
            return;
        }
        let Ok(process) = self.process_mut(pid) else { return };
        if !process.pending.contains(&signal) {
            process.pending.push(signal);
        }
        let stopped = process.state == ProcessState::Stopped;
        if !stopped || signal == Signal::SIGCONT {
            process.state = ProcessState::Runnable;
        }
    }

    /// In the freezer of version 1 not even the end is possible: it comes when the process goes on. Version 2 lets it die.
    fn act_or_hold(&mut self, pid: HostPid, signal: Signal) {
        if !self.is_held_fast(pid) {
            return self.act(pid, signal);
        }
        if let Ok(process) = self.process_mut(pid) {
            process.held.push(signal);
        }
    }

    fn is_held_fast(&self, pid: HostPid) -> bool {
        let Ok(process) = self.process(pid) else { return false };
        let holds = |(index, path): (usize, &std::rc::Rc<str>)| {
            self.hierarchies.get(index).is_some_and(|hierarchy| !hierarchy.unified) && self.is_cgroup_frozen(index, path)
        };
        self.frozen_cgroups > 0 && process.cgroups.iter().enumerate().any(holds)
    }

    /// What was held comes through for those that go on.
    pub(super) fn act_on_held(&mut self) {
        let waiting: Vec<HostPid> =
            self.processes.iter().filter(|(_, process)| !process.held.is_empty()).map(|(pid, _)| *pid).collect();
        for pid in waiting.into_iter().filter(|pid| !self.is_held_fast(*pid)).collect::<Vec<_>>() {
            let held = self.process_mut(pid).map(|process| std::mem::take(&mut process.held)).unwrap_or_default();
            held.into_iter().for_each(|signal| self.act(pid, signal));
        }
    }

    fn act(&mut self, pid: HostPid, signal: Signal) {
        match default_action(signal) {
            Action::End => self.end_process(pid, WaitStatus::Signaled(signal)),
            Action::Stop => {
                if let Ok(process) = self.process_mut(pid) {
                    process.state = ProcessState::Stopped;
                }
            }
            Action::Continue => {
                if let Ok(process) = self.process_mut(pid)
                    && process.state == ProcessState::Stopped
                {
                    process.state = ProcessState::Runnable;
                }
            }
            Action::Nothing => {}
        }
    }

    /// EPERM unless `sender` may signal `pid`: kill(2).
    fn may_signal(&self, sender: HostPid, pid: HostPid) -> SysResult<()> {
        let (from, to) = (self.process(sender)?, self.process(pid)?);
        let target = to.namespaces.of(NamespaceKind::User);
        let allowed = from.credentials.uid == to.credentials.uid || self.is_capable(sender, Capability::Kill, target);
        if allowed { Ok(()) } else { Err(Errno::EPERM) }
    }

    /// kill(2), with numbers as the sender sees them.
    pub(super) fn kill_from(&mut self, sender: HostPid, target: Pid, signal: Option<Signal>) -> SysResult<()> {
        let ns = self.own_pid_ns(sender).ok_or(Errno::ESRCH)?;
        let group = self.process(sender)?.group;
        let wanted: Vec<HostPid> = self
            .processes
            .iter()
            .filter(|(pid, process)| {
                let Some(number) = self.number_in(**pid, Some(ns)) else { return false };
                match target {
                    -1 => **pid != sender && number != 1,
                    0 => process.group == group,
                    1.. => i64::from(number) == i64::from(target),
                    _ => self.number_in(process.group, Some(ns)) == Some(target.unsigned_abs()),
                }
            })
            .map(|(pid, _)| *pid)
            .collect();
        if wanted.is_empty() {
            return Err(Errno::ESRCH);
        }
        let allowed: Vec<HostPid> = wanted.into_iter().filter(|pid| self.may_signal(sender, *pid).is_ok()).collect();
        if allowed.is_empty() {
            return Err(Errno::EPERM);
        }
        if let Some(signal) = signal {
            allowed.into_iter().for_each(|pid| self.deliver(sender, pid, signal));
        }
        Ok(())
    }
}
