//! Children of the shell: subshells, pipelines, background commands, substitutions; and waiting for them.

use std::sync::Arc;

use super::frame::Frame;
use super::run::{Pause, pause_for};
use super::shell::Shell;
use super::syntax::Node;
use crate::errno::Errno;
use crate::userland::Program;
use crate::userland::redirect::{Redirection, Redirections, Target};
use crate::userland::sys::{Disposition, Fd, OpenFlags, Pid, Signal, Sys, WaitStatus};

/// The status of `wait` for a child that the shell does not have.
const STATUS_NO_CHILD: i32 = 127;

fn redirection(fd: Fd, target: Target) -> Redirection {
    Redirection { fd, target }
}

impl Shell {
    /// fork(2); on failure the shell says so, and ends if it is not interactive.
    pub(crate) fn fork(&mut self, sys: &mut dyn Sys, child: Program) -> Option<Pid> {
        match sys.fork(child) {
            Ok(pid) => {
                self.children.insert(pid, None);
                Some(pid)
            }
            Err(errno) => {
                self.fail_hard(sys, &format!("can't fork: {errno}"));
                None
            }
        }
    }

    /// Forks a shell that runs `body` after these redirections.
    fn fork_shell(&mut self, sys: &mut dyn Sys, body: &Arc<Node>, list: Vec<Redirection>, ignored: &[Signal]) -> Option<Pid> {
        let defaults = self.caught_signals().into_iter().map(|signal| (signal, Disposition::Default));
        let dispositions = defaults.chain(ignored.iter().map(|signal| (*signal, Disposition::Ignore))).collect();
        let begin = Frame::Begin { redirections: Box::new(Redirections::new(list)), dispositions };
        let shell = self.subshell(vec![Frame::Run(body.clone()), begin]);
        self.fork(sys, Program::Shell(Box::new(shell)))
    }

    /// `( … )`. Where nothing comes after it, this process is subshell enough.
    pub(crate) fn subshell_command(&mut self, sys: &mut dyn Sys, body: &Arc<Node>) {
        if let Some(pid) = self.fork_shell(sys, body, Vec::new(), &[]) {
            self.frames.push(Frame::Wait { pids: vec![pid], substitution: false });
        }
    }

    /// `a | b | c`: each stage a child, all at once.
    pub(crate) fn pipeline(&mut self, sys: &mut dyn Sys, stages: &[Arc<Node>]) {
        let mut pids = Vec::new();
        let mut input: Option<Fd> = None;
        for (index, stage) in stages.iter().enumerate() {
            let ends = if index + 1 == stages.len() { None } else { sys.pipe().ok() };
            if ends.is_none() && index + 1 < stages.len() {
                self.fail_hard(sys, "can't create pipe");
                break;
            }
            let mut list = Vec::new();
            if let Some((read_end, write_end)) = ends {
                list.push(redirection(read_end, Target::Closed));
                list.push(redirection(1, Target::Given(write_end)));
            }
            if let Some(fd) = input {
                list.push(redirection(0, Target::Given(fd)));
            }
            let pid = self.fork_shell(sys, stage, list, &[]);
            for fd in [input, ends.map(|(_, write_end)| write_end)].into_iter().flatten() {
                let _ = sys.close(fd);
            }
            input = ends.map(|(read_end, _)| read_end);
            let Some(pid) = pid else { break };
            pids.push(pid);
        }
        if pids.len() == stages.len() {
            self.frames.push(Frame::Wait { pids, substitution: false });
        } else if let Some(fd) = input {
            let _ = sys.close(fd);
        }
    }

    /// `a &`: reads nothing, and is not interrupted from the terminal (POSIX 2.11).
    pub(crate) fn background(&mut self, sys: &mut dyn Sys, body: &Arc<Node>) {
        let silent = redirection(0, Target::Path("/dev/null".to_string(), OpenFlags::READ));
        if let Some(pid) = self.fork_shell(sys, body, vec![silent], &[Signal::SIGINT, Signal::SIGQUIT]) {
            self.last_background = Some(pid);
            self.jobs.push(pid);
            self.status = 0;
        }
    }

    /// `$(…)`: a child whose output is read.
    pub(crate) fn start_substitution(&mut self, sys: &mut dyn Sys, body: &Arc<Node>) {
        let (read_end, write_end) = match sys.pipe() {
            Ok(ends) => ends,
            Err(errno) => return self.fail_hard(sys, &format!("can't create pipe: {errno}")),
        };
        let list = vec![redirection(read_end, Target::Closed), redirection(1, Target::Given(write_end))];
        let pid = self.fork_shell(sys, body, list, &[]);
        let _ = sys.close(write_end);
        match pid {
            Some(pid) => self.frames.push(Frame::Substitute { fd: read_end, pid, bytes: Vec::new() }),
            None => drop(sys.close(read_end)),
        }
    }

    /// Takes the status of one child that has ended. Children that the shell never had (it may be pid 1) are reaped as well.
    fn reap(&mut self, sys: &mut dyn Sys, hang: bool) -> Result<bool, Errno> {
        let Some((pid, status)) = sys.wait(-1, hang)? else { return Ok(false) };
        if let Some(known) = self.children.get_mut(&pid) {
            *known = Some(status.code());
            self.interrupted |= self.interactive && status == WaitStatus::Signaled(Signal::SIGINT);
        }
        Ok(true)
    }

    /// Reaps what has ended, without waiting.
    pub(crate) fn reap_all(&mut self, sys: &mut dyn Sys) {
        while let Ok(true) = self.reap(sys, false) {}
    }

    fn ended(&self, pid: Pid) -> bool {
        self.children.get(&pid).is_none_or(Option::is_some)
    }

    pub(crate) fn wait_for(&mut self, sys: &mut dyn Sys, pids: Vec<Pid>, substitution: bool) -> Result<(), Pause> {
        while !pids.iter().all(|pid| self.ended(*pid)) {
            if let Err(errno) = self.reap(sys, true) {
                if let Some(pause) = pause_for(errno) {
                    self.frames.push(Frame::Wait { pids, substitution });
                    return Err(pause);
                }
                break;
            }
        }
        let mut status = STATUS_NO_CHILD;
        for pid in &pids {
            status = self.children.remove(pid).flatten().unwrap_or(STATUS_NO_CHILD);
        }
        if substitution {
            self.substitution_status = Some(status);
        } else {
            self.report_signal(status);
            self.completed(sys, status);
        }
        Ok(())
    }

    /// A child that a signal ended is worth a word, except for SIGINT and SIGPIPE, as in other shells.
    fn report_signal(&mut self, status: i32) {
        let signal = Signal(status - 128);
        let text = match signal {
            Signal::SIGKILL => "Killed",
            Signal::SIGTERM => "Terminated",
            Signal::SIGSEGV => "Segmentation fault",
            Signal::SIGABRT => "Aborted",
            Signal::SIGHUP => "Hangup",
            Signal::SIGQUIT => "Quit",
            _ => return,
        };
        if self.interactive {
            self.out.err(&format!("{text}\n"));
        }
    }

    /// The wait builtin: without arguments for all background children, status 0; otherwise the last one's status.
    pub(crate) fn start_wait(&mut self, args: &[String]) -> Option<i32> {
        let mut pids = Vec::new();
        for text in args {
            match text.parse() {
                Ok(pid) => pids.push(pid),
                Err(_) => {
                    self.complain(&format!("wait: invalid number '{text}'"));
                    return Some(2);
                }
            }
        }
        self.frames.push(Frame::WaitBuiltin(pids));
        None
    }

    pub(crate) fn wait_builtin(&mut self, sys: &mut dyn Sys, pids: Vec<Pid>) -> Result<(), Pause> {
        let wanted = if pids.is_empty() { self.jobs.clone() } else { pids.clone() };
        if let Some(signal) = self.caught.first() {
            // A trapped signal ends the wait at once (POSIX, wait).
            self.status = 128 + signal.0;
            return Ok(());
        }
        while !wanted.iter().all(|pid| self.ended(*pid)) {
            if let Err(errno) = self.reap(sys, true) {
                if let Some(pause) = pause_for(errno) {
                    self.frames.push(Frame::WaitBuiltin(pids));
                    return Err(pause);
                }
                break;
            }
        }
        let mut status = 0;
        for pid in &wanted {
            let ended = self.children.remove(pid).flatten();
            status = if pids.is_empty() { 0 } else { ended.unwrap_or(STATUS_NO_CHILD) };
        }
        self.jobs.retain(|pid| !wanted.contains(pid));
        self.completed(sys, status);
        Ok(())
    }
}
