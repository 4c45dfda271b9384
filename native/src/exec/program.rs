//! `ExecProgram`: the program takes the process over. A name without a slash is looked up in the PATH of its own environment, by Docker's
//! rules: `glassbox_core::diagnosis::program`.

use std::ffi::CString;

use glassbox_core::diagnosis::program::{self, Asked, Executor, NotExecuted, Refused};
use glassbox_core::diagnosis::{Files, Finding};
use glassbox_core::errno::Errno;

use super::Failure;
use super::seen::OwnFiles;
use crate::sys::{self, process};

/// Why no program runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotRun {
    /// The step has failed.
    Failed(Failure),
    /// The program is there, and execve(2) refused it: the process is to say so, and to end.
    Refused(Refused),
}

/// Executes; answers only why that failed. `machine`: what uname(2) calls this one.
pub fn execute(argv: &[String], env: &[String], machine: &str) -> NotRun {
    let asked = Asked { name: argv.first().map_or("", String::as_str), path: path_of(env), machine };
    let strings = process::c_strings(argv).and_then(|arguments| Ok((arguments, process::c_strings(env)?)));
    let (arguments, variables) = match strings {
        Ok(strings) => strings,
        Err(errno) => return NotRun::Failed(Failure::of("execve", errno)),
    };
    match program::execute(&mut Becoming { arguments: &arguments, variables: &variables }, asked) {
        Ok(()) => NotRun::Failed(Failure::of("execve", Errno::EIO)),
        Err(NotExecuted::Refused(refused)) => NotRun::Refused(refused),
        Err(NotExecuted::Missing(refusal)) => {
            let diagnosis = program::lookup_fault(&OwnFiles, asked, refusal);
            let finding = Finding { refusal: Some(refusal), diagnosis };
            NotRun::Failed(Failure { finding, ..Failure::of("execve", refusal.errno()) })
        }
    }
}

struct Becoming<'a> {
    arguments: &'a [CString],
    variables: &'a [CString],
}

impl Executor for Becoming<'_> {
    fn files(&self) -> impl Files + '_ {
        OwnFiles
    }

    fn execute(&mut self, file: &str) -> sys::Result<()> {
        let file = CString::new(file).map_err(|_| Errno::EINVAL)?;
        let Err(errno) = process::execve(&file, self.arguments, self.variables);
        Err(errno)
    }
}

fn path_of(env: &[String]) -> &str {
    env.iter().find_map(|entry| entry.strip_prefix("PATH=")).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use glassbox_core::diagnosis::program::Refusal;

    use super::*;
    use crate::test_support::TempRoot;

    fn run(name: &str, path: &str) -> NotRun {
        execute(&[name.to_string()], &[format!("PATH={path}")], std::env::consts::ARCH)
    }

    fn refusal(name: &str, path: &str) -> Option<Refusal> {
        match run(name, path) {
            NotRun::Failed(failure) => failure.finding.refusal,
            NotRun::Refused(_) => None,
        }
    }

    #[test]
    fn why_it_is_not_found_is_told_apart() {
        assert_eq!(refusal("glassbox-no-such-program", "/bin:/usr/bin"), Some(Refusal::NotFound));
        assert_eq!(refusal("/etc/passwd", ""), Some(Refusal::Closed(Errno::EACCES)));
        assert_eq!(refusal("/etc", ""), Some(Refusal::Closed(Errno::EISDIR)));
        assert_eq!(refusal("passwd", "/etc"), Some(Refusal::NotFound));
        assert_eq!(refusal("/etc/passwd/x", ""), Some(Refusal::Unseen(Errno::ENOTDIR)));
        assert_eq!(run("a\0b", "/bin"), NotRun::Failed(Failure::of("execve", Errno::EINVAL)));
    }

    #[test]
    fn what_is_found_and_refused() {
        let root = TempRoot::new();
        let script = |name: &str, text: &[u8]| {
            let path = root.path().join(name).display().to_string();
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            match run(&path, "") {
                NotRun::Refused(refused) => (refused.errno, refused.diagnosis.map(|why| why.what.replace(&path, "FILE"))),
                NotRun::Failed(failure) => (failure.errno, None),
            }
        };
        let (errno, why) = script("missing", b"#!/no/such/interpreter -e\n");
        assert_eq!(errno, Errno::ENOENT);
        assert!(why.unwrap().contains("#!/no/such/interpreter -e) cannot be executed: /no does not exist"));
        assert!(script("windows", b"#!/bin/sh\r\necho\r\n").1.unwrap().contains("CR LF"));
        assert_eq!(script("empty", b""), (Errno::ENOEXEC, Some("FILE is empty".into())));
        assert!(script("text", b"echo hello\n").1.unwrap().contains("does not begin with #!"));
    }
}
