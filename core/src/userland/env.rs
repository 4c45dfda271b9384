//! env: shows the environment, or runs a program in a changed one. And the search along PATH that every exec needs.

use super::output::Output;
use super::sys::{FileKind, Resume, Sys};
use super::tool::finish;
use crate::errno::Errno;

/// Where programs are looked for if PATH is not set.
pub(crate) const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The file that `program` names: itself where it has a slash, otherwise the first executable along `path`.
/// ENOENT where there is none, EACCES where there is one that cannot be executed.
pub(crate) fn find_program(sys: &mut dyn Sys, program: &str, path: &str) -> Result<String, Errno> {
    if program.contains('/') {
        return Ok(program.to_string());
    }
    let mut best = Errno::ENOENT;
    for directory in path.split(':') {
        let directory = if directory.is_empty() { "." } else { directory };
        let candidate = super::links::join(directory, program);
        match sys.stat(&candidate, true) {
            Ok(stat) if stat.kind == FileKind::Directory => {}
            Ok(_) if sys.can_execute(&candidate).is_ok() => return Ok(candidate),
            Ok(_) => best = Errno::EACCES,
            Err(_) => {}
        }
    }
    Err(best)
}

/// The value of a variable in a list of `NAME=value`.
pub(crate) fn variable<'a>(env: &'a [String], name: &str) -> Option<&'a str> {
    env.iter().find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='))
}

/// env(1) with -i, -u, assignments and a command.
#[derive(Clone, Debug)]
pub struct Env {
    env: Vec<String>,
    command: Vec<String>,
    out: Output,
    status: Option<i32>,
}

impl Env {
    pub(crate) fn start(args: &[String], env: &[String]) -> Env {
        let mut program = Env { env: env.to_vec(), command: Vec::new(), out: Output::default(), status: None };
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            match arg.as_str() {
                "-i" | "-" => program.env.clear(),
                "-u" => match rest.next() {
                    Some(name) => program.unset(name),
                    None => program.fail("option requires an argument -- 'u'", 125),
                },
                "--" => {}
                option if option.starts_with('-') => program.fail(&format!("unrecognized option '{option}'"), 125),
                assignment if assignment.contains('=') => {
                    let name = assignment.split('=').next().unwrap_or_default().to_string();
                    match program.env.iter_mut().find(|entry| entry.strip_prefix(&name).is_some_and(|rest| rest.starts_with('='))) {
                        Some(entry) => *entry = arg.clone(),
                        None => program.env.push(arg.clone()),
                    }
                }
                _ => {
                    program.command = std::iter::once(arg).chain(rest.by_ref()).cloned().collect();
                }
            }
        }
        program
    }

    fn unset(&mut self, name: &str) {
        self.env.retain(|entry| entry.strip_prefix(name).is_none_or(|rest| !rest.starts_with('=')));
    }

    fn fail(&mut self, message: &str, status: i32) {
        self.out.err(&format!("env: {message}\n"));
        self.status = Some(status);
    }

    /// Goes on.
    pub(crate) fn resume(&mut self, sys: &mut dyn Sys) -> Resume {
        if let Some(status) = self.status {
            return finish(&mut self.out, "env", &mut self.status, status, sys);
        }
        let Some(program) = self.command.first().cloned() else {
            for entry in &self.env {
                self.out.out(&[entry, "\n"].concat());
            }
            self.status = Some(0);
            return Resume::Yield;
        };
        let path = variable(&self.env, "PATH").unwrap_or(DEFAULT_PATH).to_string();
        let done = find_program(sys, &program, &path).and_then(|file| sys.execve(&file, &self.command, &self.env));
        match done {
            Ok(()) => return Resume::Replaced,
            Err(errno) => self.fail(&format!("can't execute '{program}': {errno}"), if errno == Errno::ENOENT { 127 } else { 126 }),
        }
        Resume::Yield
    }
}
