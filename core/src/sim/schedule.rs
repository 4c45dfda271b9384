//! Who runs next: round robin over the processes that can go on, and the clock.

use super::calls::Caller;
use super::kernel::Kernel;
use super::tables::{FileId, HostPid, Object, Process, ProcessState, Wait};
use super::tty::is_zombie;
use crate::userland::{Resume, WaitStatus};

/// How far the clock goes on for one resume of a program.
const RESUME_NS: u64 = 50_000;

/// What a turn of the scheduler did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ran {
    /// How many times a program was resumed.
    pub resumed: usize,
}

impl Kernel {
    /// Lets programs run until all wait, or until they have been resumed `resumes_max` times.
    pub fn run(&mut self, resumes_max: usize) -> Ran {
        let mut resumed = 0;
        while resumed < resumes_max {
            let Some(pid) = self.next_ready() else { break };
            self.last_run = pid;
            self.resume(pid);
            resumed += 1;
            self.collect_streams();
        }
        Ran { resumed }
    }

    /// No program can go on.
    pub fn is_idle(&self) -> bool {
        self.next_ready().is_none()
    }

    /// When the nearest sleeper wakes: nanoseconds of [`Kernel::realtime_ns`]' clock since boot.
    pub fn next_wake_ns(&self) -> Option<u64> {
        let wakes = self.processes.iter().filter_map(|(pid, process)| match (&process.state, &process.program) {
            _ if self.can_go_on(*pid, process) => self.throttled_until(process),
            (ProcessState::Waiting(Wait::Until(until)), Some(_)) if !self.is_frozen(process) => Some(*until),
            _ => None,
        });
        wakes.min()
    }

    /// A program could go on and waits for the next period of its cgroup's processor time.
    pub fn is_held_back(&self) -> bool {
        let held = |(pid, process): (&HostPid, &Process)| self.throttled_until(process).is_some() && self.can_go_on(*pid, process);
        self.throttled_until_ns > self.clock_ns && self.processes.iter().any(held)
    }

    /// Lets the clock go on to the nearest sleeper or to `deadline`, whichever comes first. False: there is neither.
    pub fn let_clock_go_on(&mut self, deadline: Option<u64>) -> bool {
        let Some(until) = self.next_wake_ns().into_iter().chain(deadline).min() else { return false };
        self.clock_ns = self.clock_ns.max(until);
        true
    }

    /// The next one after the last, round and round.
    fn next_ready(&self) -> Option<HostPid> {
        let after = self.processes.range(self.last_run + 1..);
        let before = self.processes.range(..=self.last_run);
        after.chain(before).find(|(pid, process)| self.is_ready(**pid, process)).map(|(pid, _)| *pid)
    }

    fn is_ready(&self, pid: HostPid, process: &Process) -> bool {
        self.can_go_on(pid, process) && self.throttled_until(process).is_none()
    }

    /// Given the processor, it would run.
    fn can_go_on(&self, pid: HostPid, process: &Process) -> bool {
        if process.program.is_none() || self.is_frozen(process) {
            return false;
        }
        match &process.state {
            ProcessState::Runnable => true,
            ProcessState::Waiting(wait) => self.is_over(pid, wait),
            ProcessState::Stopped | ProcessState::Zombie(_) => false,
        }
    }

    fn is_over(&self, pid: HostPid, wait: &Wait) -> bool {
        match wait {
            Wait::Readable(file) => self.is_readable(*file),
            Wait::Writable(file) => self.is_writable(*file),
            Wait::Child(target) => self.is_wait_over(pid, *target),
            Wait::Until(until) => self.clock_ns >= *until,
            Wait::Signal => false,
        }
    }

    fn is_readable(&self, file: FileId) -> bool {
        match self.files.get(&file).map(|file| &file.object) {
            Some(Object::PipeReader(pipe)) => self.is_pipe_readable(*pipe),
            Some(Object::Terminal(tty)) => self.ttys.get(tty).is_none_or(super::tty::Tty::is_readable),
            _ => true,
        }
    }

    fn is_writable(&self, file: FileId) -> bool {
        match self.files.get(&file).map(|file| &file.object) {
            Some(Object::PipeWriter(pipe)) => self.is_pipe_writable(*pipe),
            _ => true,
        }
    }

    fn resume(&mut self, pid: HostPid) {
        self.clock_ns += RESUME_NS;
        self.charge_processor(pid, RESUME_NS);
        let Ok(process) = self.process_mut(pid) else { return };
        let Some(mut program) = process.program.take() else { return };
        process.state = ProcessState::Runnable;
        process.cpu_ns += RESUME_NS;
        let resume = program.resume(&mut Caller::new(self, pid));
        let Ok(process) = self.process_mut(pid) else { return };
        if is_zombie(&process.state) {
            return;
        }
        match resume {
            Resume::Waiting => process.program = Some(program),
            Resume::Yield => {
                if process.state != ProcessState::Stopped {
                    process.state = ProcessState::Runnable;
                }
                process.program = Some(program);
            }
            Resume::Exit(code) => self.end_process(pid, WaitStatus::Exited(code & 0xff)),
            Resume::Replaced => {}
        }
    }
}
