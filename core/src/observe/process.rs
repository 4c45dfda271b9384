//! What the steps that make a process leave behind: namespaces, maps, interfaces, the program itself.

use super::{Look, Sent};
use crate::errno::Errno;
use crate::event::Event;
use crate::query::{Answer, Query, Subject};
use crate::step::{NamespaceKind, ProcessStep};

impl Look<'_> {
    pub(super) fn process(&self, step: &ProcessStep) -> Result<Vec<Event>, Errno> {
        Ok(match step {
            ProcessStep::CloneProcess { namespaces, cgroup } => {
                let pid = self.outcome.pid.ok_or(Errno::ESRCH)?;
                let joined = cgroup.as_ref().map_or(Ok(None), |directory| self.joined(directory, pid))?;
                [self.cloned(namespaces)?].into_iter().chain(joined).collect()
            }
            ProcessStep::DenySetgroups => {
                let denied = self.text(Subject::Host, &self.proc("setgroups")?)?.trim_end() == "deny";
                if denied { vec![Event::SetgroupsDenied] } else { Vec::new() }
            }
            ProcessStep::WriteIdMap { groups, .. } => vec![self.id_map(*groups)?],
            ProcessStep::StartSession => {
                let session = stat_field(&self.text(Subject::Host, &self.proc("stat")?)?, STAT_SESSION);
                let leads = session == Some(i64::from(self.pid_inside_host()?));
                if leads { vec![Event::SessionStarted] } else { Vec::new() }
            }
            // Made or joined for children yet to come: nothing shows until one is cloned.
            ProcessStep::JoinNamespace { kind: NamespaceKind::Pid | NamespaceKind::User, .. }
            | ProcessStep::UnshareNamespace { kind: NamespaceKind::Time } => Vec::new(),
            ProcessStep::SetTimeOffsets { .. } => vec![self.time_offsets()?],
            ProcessStep::UnshareNamespace { kind } | ProcessStep::JoinNamespace { kind, .. } => vec![self.namespace(*kind)?],
            ProcessStep::SetHostname { .. } => {
                let Answer::Text(hostname) = self.probe.ask(&Query::Hostname(self.subject()?))? else { return Err(Errno::EINVAL) };
                vec![Event::HostnameSet { hostname }]
            }
            ProcessStep::BringUpInterface { interface } => self.interface(interface)?,
            ProcessStep::SetSysctl { name, .. } => {
                let query = Query::Sysctl(self.subject()?, name.clone());
                let Answer::Text(value) = self.probe.ask(&query)? else { return Err(Errno::EINVAL) };
                vec![Event::SysctlSet { name: name.clone(), value }]
            }
            ProcessStep::OpenTerminal { .. } => {
                let path = self.outcome.terminal.clone().ok_or(Errno::ENOTTY)?;
                vec![Event::TerminalOpened { path }]
            }
            ProcessStep::ChangeDirectory { .. } => vec![Event::DirectoryChanged { path: self.program()?.0 }],
            ProcessStep::ExecProgram { .. } => match self.outcome.refused() {
                Some(refused) => vec![refused],
                None => vec![self.executed()?],
            },
            ProcessStep::SendSignal { id, .. } => {
                if self.outcome.ended_before {
                    return Ok(Vec::new());
                }
                let Sent { pid: _, signal } = self.outcome.sent.ok_or(Errno::EINVAL)?;
                vec![Event::SignalSent { id: id.clone(), signal }]
            }
            ProcessStep::EndProcess => {
                let pid = self.outcome.ended_pid.ok_or(Errno::ESRCH)?;
                if self.exists(&format!("/proc/{pid}"))? { Vec::new() } else { vec![Event::HolderEnded { pid }] }
            }
        })
    }

    /// A user namespace that the engine has joined for its child it is in itself: that one is not new beside it.
    fn cloned(&self, made: &[NamespaceKind]) -> Result<Event, Errno> {
        let pid = self.outcome.pid.ok_or(Errno::ESRCH)?;
        let status = self.text(Subject::Host, &format!("/proc/{pid}/status"))?;
        let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        let pid_inside = numbers.and_then(|line| line.split_whitespace().last()?.parse().ok()).ok_or(Errno::EINVAL)?;
        let mut new_namespaces = Vec::new();
        let of_interest = |kind: &NamespaceKind| *kind != NamespaceKind::User || made.contains(kind);
        for kind in NamespaceKind::ALL.into_iter().filter(of_interest) {
            let query = Query::SharesNamespace(Subject::Host, Subject::Process(pid), kind);
            // A kernel without this kind of namespace has nothing to share.
            if let Ok(Answer::Truth(false)) = self.probe.ask(&query) {
                new_namespaces.push(kind);
            }
        }
        Ok(Event::ProcessCloned { pid, pid_inside, new_namespaces })
    }

    fn time_offsets(&self) -> Result<Event, Errno> {
        let text = self.text(Subject::Host, "/proc/self/timens_offsets")?;
        let line = |line: &str| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_string(), words.next()?.parse().ok()?, words.next()?.parse().ok()?))
        };
        Ok(Event::TimeOffsetsSet { clocks: text.lines().filter_map(line).collect() })
    }

    fn id_map(&self, groups: bool) -> Result<Event, Errno> {
        let file = self.proc(if groups { "gid_map" } else { "uid_map" })?;
        let text = self.text(Subject::Host, &file)?;
        let line = |line: &str| {
            let mut numbers = line.split_whitespace().filter_map(|word| word.parse().ok());
            Some((numbers.next()?, numbers.next()?, numbers.next()?))
        };
        Ok(Event::IdMapWritten { groups, lines: text.lines().filter_map(line).collect() })
    }

    fn namespace(&self, kind: NamespaceKind) -> Result<Event, Errno> {
        let subject = self.subject()?;
        let Answer::Namespace(number) = self.probe.ask(&Query::Namespace(subject.clone(), kind))? else {
            return Err(Errno::EINVAL);
        };
        let query = Query::SharesNamespace(Subject::Host, subject, kind);
        let Answer::Truth(shared_with_host) = self.probe.ask(&query)? else { return Err(Errno::EINVAL) };
        Ok(Event::NamespaceEntered { kind, number, shared_with_host })
    }

    fn interface(&self, interface: &str) -> Result<Vec<Event>, Errno> {
        let Answer::Interfaces(all) = self.probe.ask(&Query::Interfaces(self.subject()?))? else { return Err(Errno::EINVAL) };
        let up = all.iter().any(|known| known.name == interface && known.up);
        Ok(if up { vec![Event::InterfaceUp { interface: interface.to_string() }] } else { Vec::new() })
    }

    fn executed(&self) -> Result<Event, Errno> {
        let text = self.bytes(Subject::Host, &self.proc("cmdline")?)?;
        let argv = text.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
        let mut argv: Vec<String> = argv.collect();
        argv.pop();
        Ok(Event::ProgramExecuted { exe: self.program()?.1, argv })
    }
}

/// The place of the session id in /proc/PID/stat, counted after the name's closing parenthesis: proc_pid_stat(5), field 6.
const STAT_SESSION: usize = 3;

fn stat_field(stat: &str, place: usize) -> Option<i64> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(place)?.parse().ok()
}
