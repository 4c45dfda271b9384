//! Signals and the shell: traps, interrupts at the prompt, and what it sets up when it starts.

use super::frame::Frame;
use super::shell::Shell;
use crate::userland::sys::{Disposition, Signal, Sys};

impl Shell {
    /// The first thing a shell does. A subshell has `pid` already.
    pub(crate) fn start_up(&mut self, sys: &mut dyn Sys) {
        self.started = true;
        if self.pid == 0 {
            self.pid = sys.getpid();
        }
        self.open_script(sys);
        let asks = matches!(self.frames.first(), Some(Frame::Source(source)) if source.input == Some(0) && !source.prompts);
        if asks && !self.interactive && sys.is_terminal(0) && sys.is_terminal(2) {
            self.interactive = true;
        }
        if !self.interactive {
            return;
        }
        if let Some(Frame::Source(source)) = self.frames.first_mut() {
            source.prompts = source.input.is_some();
        }
        let _ = sys.set_disposition(Signal::SIGINT, Disposition::Catch);
        let _ = sys.set_disposition(Signal::SIGQUIT, Disposition::Ignore);
        let _ = sys.set_disposition(Signal::SIGTERM, Disposition::Ignore);
    }

    /// Signals that a child must take as by default again.
    pub(crate) fn caught_signals(&self) -> Vec<Signal> {
        let mut signals: Vec<Signal> =
            self.traps.iter().filter(|(_, action)| !action.is_empty()).map(|(signal, _)| *signal).collect();
        if self.interactive {
            let own = [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM];
            signals.extend(own.iter().filter(|signal| !self.traps.contains_key(signal)));
        }
        signals
    }

    /// Fetches caught signals and acts on them, but not before a child in the foreground has ended (POSIX 2.11).
    pub(crate) fn look_for_signals(&mut self, sys: &mut dyn Sys) {
        while let Some(signal) = sys.take_signal() {
            if self.traps.get(&signal).is_some_and(|action| !action.is_empty()) {
                self.caught.push(signal);
            } else if signal == Signal::SIGINT && self.interactive {
                self.interrupted = true;
            }
        }
        if matches!(self.frames.last(), Some(Frame::Wait { .. } | Frame::WaitBuiltin(_)))
            && !(self.interrupted && matches!(self.frames.last(), Some(Frame::WaitBuiltin(_))))
        {
            return;
        }
        if self.interrupted {
            self.interrupted = false;
            self.abandon(sys);
            self.status = 128 + Signal::SIGINT.0;
            self.out.err("\n");
            return;
        }
        self.run_traps();
    }

    fn run_traps(&mut self) {
        for signal in std::mem::take(&mut self.caught) {
            if let Some(action) = self.traps.get(&signal).cloned() {
                self.frames.push(Frame::TrapEnd { status: self.status });
                self.push_text(&action);
            }
        }
    }

    /// `trap`, `trap ACTION SIGNAL…`, `trap - SIGNAL…`, `trap SIGNAL`.
    pub(crate) fn trap(&mut self, sys: &mut dyn Sys, args: &[String]) -> i32 {
        let args = if args.first().is_some_and(|arg| arg == "--") { &args[1..] } else { args };
        let (action, conditions) = match args {
            [] => {
                self.show_traps();
                return 0;
            }
            [only] => (None, std::slice::from_ref(only)),
            [action, conditions @ ..] if action == "-" => (None, conditions),
            [number, ..] if number.parse::<u32>().is_ok() => (None, args),
            [action, conditions @ ..] => (Some(action.clone()), conditions),
        };
        let mut status = 0;
        for condition in conditions {
            if condition == "EXIT" || condition == "0" {
                self.exit_trap = action.clone().filter(|action| !action.is_empty());
                continue;
            }
            match Signal::parse(condition) {
                Some(signal) => self.trap_signal(sys, signal, action.as_deref()),
                None => {
                    self.complain(&format!("trap: {condition}: invalid signal specification"));
                    status = 1;
                }
            }
        }
        status
    }

    fn trap_signal(&mut self, sys: &mut dyn Sys, signal: Signal, action: Option<&str>) {
        let disposition = match action {
            Some("") => Disposition::Ignore,
            Some(_) => Disposition::Catch,
            None if self.interactive && signal == Signal::SIGINT => Disposition::Catch,
            None => Disposition::Default,
        };
        match action {
            Some(action) => self.traps.insert(signal, action.to_string()),
            None => self.traps.remove(&signal),
        };
        // SIGKILL and SIGSTOP cannot be caught; the kernel says so, and as in other shells that is no error here.
        let _ = sys.set_disposition(signal, disposition);
    }

    fn show_traps(&mut self) {
        let mut lines = Vec::new();
        if let Some(action) = &self.exit_trap {
            lines.push(format!("trap -- {} EXIT\n", super::builtin::quoted(action)));
        }
        for (signal, action) in &self.traps {
            lines.push(format!("trap -- {} {}\n", super::builtin::quoted(action), &signal.name()[3..]));
        }
        self.out.out(&lines.concat());
    }
}
