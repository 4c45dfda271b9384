//! init: the first process of a container run with --init, as tini does it: starts one child, hands signals on to it, reaps
//! every zombie that falls to it, and ends as the child ends.

use super::env::{DEFAULT_PATH, find_program, variable};
use super::output::Output;
use super::sys::{Disposition, Pid, Resume, Signal, Sys};
use super::tool::finish;
use super::{Launch, Program};
use crate::errno::Errno;

/// The signals that are not handed on: they cannot be caught, or are about init itself.
const KEPT: &[Signal] = &[
    Signal::SIGKILL,
    Signal::SIGSTOP,
    Signal::SIGCHLD,
    Signal::SIGSEGV,
    Signal::SIGBUS,
    Signal::SIGFPE,
    Signal::SIGILL,
    Signal::SIGTRAP,
    Signal::SIGABRT,
    Signal::SIGSYS,
    Signal::SIGTTIN,
    Signal::SIGTTOU,
];

/// `init -- PROGRAM ARGS…`
#[derive(Clone, Debug)]
pub struct Init {
    command: Vec<String>,
    env: Vec<String>,
    child: Option<Pid>,
    out: Output,
    status: Option<i32>,
}

impl Init {
    pub(crate) fn start(args: &[String], env: &[String]) -> Init {
        let command = if args.first().is_some_and(|arg| arg == "--") { &args[1..] } else { args };
        Init { command: command.to_vec(), env: env.to_vec(), child: None, out: Output::default(), status: None }
    }

    fn fail(&mut self, message: &str, status: i32) -> Resume {
        self.out.err(&format!("init: {message}\n"));
        self.status = Some(status);
        Resume::Yield
    }

    /// Goes on.
    pub(crate) fn resume(&mut self, sys: &mut dyn Sys) -> Resume {
        if let Some(status) = self.status {
            return finish(&mut self.out, "init", &mut self.status, status, sys);
        }
        let Some(child) = self.child else { return self.begin(sys) };
        while let Some(signal) = sys.take_signal() {
            let _ = sys.kill(child, Some(signal));
        }
        match sys.wait(-1, true) {
            Ok(Some((pid, status))) if pid == child => Resume::Exit(status.code()),
            Ok(_) | Err(Errno::EINTR) => Resume::Yield,
            Err(Errno::RESTART) => Resume::Waiting,
            Err(_) => Resume::Exit(1),
        }
    }

    fn begin(&mut self, sys: &mut dyn Sys) -> Resume {
        let Some(program) = self.command.first().cloned() else { return self.fail("usage: init -- PROGRAM [ARG]...", 1) };
        let path = variable(&self.env, "PATH").unwrap_or(DEFAULT_PATH).to_string();
        let file = match find_program(sys, &program, &path) {
            Ok(file) => file,
            Err(errno) => return self.fail(&format!("can't execute '{program}': {errno}"), exit_status(errno)),
        };
        let caught: Vec<Signal> = Signal::NAMED.iter().map(|(_, signal)| *signal).filter(|signal| !KEPT.contains(signal)).collect();
        for signal in &caught {
            let _ = sys.set_disposition(*signal, Disposition::Catch);
        }
        let launch = Launch::new("init", Ok(file), self.command.clone(), self.env.clone()).with_default_signals(caught);
        match sys.fork(Program::Launch(Box::new(launch))) {
            Ok(pid) => {
                self.child = Some(pid);
                Resume::Yield
            }
            Err(errno) => self.fail(&format!("can't fork: {errno}"), 1),
        }
    }
}

/// 127: there is no such program; 126: it cannot be run.
pub(crate) fn exit_status(errno: Errno) -> i32 {
    if errno == Errno::ENOENT || errno == Errno::ENOTDIR { 127 } else { 126 }
}
