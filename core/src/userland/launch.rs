//! Launch: what a forked child is between fork and execve. It sets up its descriptors and signals, then becomes the program.

use super::init::exit_status;
use super::output::Output;
use super::redirect::Redirections;
use super::sys::{Disposition, Resume, Signal, Sys};
use super::tool::finish;
use crate::errno::Errno;

/// A child on its way to execve.
#[derive(Clone, Debug)]
pub struct Launch {
    name: String,
    file: Result<String, Errno>,
    argv: Vec<String>,
    env: Vec<String>,
    dispositions: Vec<(Signal, Disposition)>,
    redirections: Redirections,
    out: Output,
    status: Option<i32>,
}

impl Launch {
    /// A child that executes `file` (or says why there is none); `name` stands in its error messages.
    pub(crate) fn new(name: &str, file: Result<String, Errno>, argv: Vec<String>, env: Vec<String>) -> Launch {
        let (name, dispositions) = (name.to_string(), Vec::new());
        Launch { name, file, argv, env, dispositions, redirections: Redirections::default(), out: Output::default(), status: None }
    }

    /// Signals that the parent catches and that the child is to take as by default.
    pub(crate) fn with_default_signals(mut self, signals: Vec<Signal>) -> Launch {
        self.dispositions.extend(signals.into_iter().map(|signal| (signal, Disposition::Default)));
        self
    }

    /// Redirections to be carried out before.
    pub(crate) fn with_redirections(mut self, redirections: Redirections) -> Launch {
        self.redirections = redirections;
        self
    }

    /// Goes on.
    pub(crate) fn resume(&mut self, sys: &mut dyn Sys) -> Resume {
        if let Some(status) = self.status {
            return finish(&mut self.out, &self.name, &mut self.status, status, sys);
        }
        for (signal, disposition) in std::mem::take(&mut self.dispositions) {
            let _ = sys.set_disposition(signal, disposition);
        }
        match self.redirections.apply(sys, false) {
            Ok(()) => {}
            Err(None) => return Resume::Waiting,
            Err(Some(message)) => return self.fail(&message, 1),
        }
        let file = match self.file.clone() {
            Ok(file) => file,
            Err(errno) => return self.refuse(errno),
        };
        match sys.execve(&file, &self.argv, &self.env) {
            Ok(()) => Resume::Replaced,
            Err(Errno::ENOEXEC) => self.run_as_script(sys, file),
            Err(errno) => self.refuse(errno),
        }
    }

    /// A file without a known format is a shell script, says POSIX (2.9.1.4).
    fn run_as_script(&mut self, sys: &mut dyn Sys, file: String) -> Resume {
        let mut argv = vec!["sh".to_string(), file];
        argv.extend(self.argv.iter().skip(1).cloned());
        match sys.execve("/bin/sh", &argv, &self.env) {
            Ok(()) => Resume::Replaced,
            Err(_) => self.refuse(Errno::ENOEXEC),
        }
    }

    fn refuse(&mut self, errno: Errno) -> Resume {
        let shown = self.argv.first().map_or("", String::as_str);
        let message = if errno == Errno::ENOENT { format!("{shown}: not found") } else { format!("{shown}: {errno}") };
        self.fail(&message, exit_status(errno))
    }

    fn fail(&mut self, message: &str, status: i32) -> Resume {
        self.out.err(&format!("{}: {message}\n", self.name));
        self.status = Some(status);
        Resume::Yield
    }
}
