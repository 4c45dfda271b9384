//! chroot(8), and leave-chroot: what chroot(2) does and what it does not.
//!
//! chroot(2) changes where `/` leads and nothing else; a working directory outside of the new root stays where it is. Who may call it a
//! second time gets out by that: see [`leave`]. From a root that pivot_root(2) has set there is no way out, since nothing lies above it.

use super::env::{DEFAULT_PATH, find_program, variable};
use super::output::Output;
use super::sys::{Resume, Sys};
use super::tool::finish;
use crate::errno::Errno;

/// The directory that leave-chroot makes.
const DIRECTORY: &str = ".leave-chroot";
/// How often it goes up: deeper than that no path leads (PATH_MAX).
const UP_MAX: usize = 2048;

/// A program of this module at work.
#[derive(Clone, Debug)]
pub struct Chroot {
    name: &'static str,
    /// Where to; none: out.
    root: Option<String>,
    command: Vec<String>,
    env: Vec<String>,
    out: Output,
    status: Option<i32>,
}

impl Chroot {
    /// `chroot DIRECTORY [PROGRAM [ARG]...]`
    pub(crate) fn into(args: &[String], env: &[String]) -> Chroot {
        let args = if args.first().is_some_and(|arg| arg == "--") { &args[1..] } else { args };
        let command = args.get(1..).unwrap_or_default();
        let mut program = Chroot::new("chroot", args.first().cloned(), command, env);
        if program.root.is_none() {
            program.fail("missing operand", 125);
        }
        program
    }

    /// `leave-chroot [PROGRAM [ARG]...]`
    pub(crate) fn out(args: &[String], env: &[String]) -> Chroot {
        Chroot::new("leave-chroot", None, args, env)
    }

    fn new(name: &'static str, root: Option<String>, command: &[String], env: &[String]) -> Chroot {
        let command = if command.is_empty() { vec!["sh".to_string()] } else { command.to_vec() };
        Chroot { name, root, command, env: env.to_vec(), out: Output::default(), status: None }
    }

    fn fail(&mut self, message: &str, status: i32) {
        self.out.err(&format!("{}: {message}\n", self.name));
        self.status = Some(status);
    }

    /// Goes on.
    pub(crate) fn resume(&mut self, sys: &mut dyn Sys) -> Resume {
        if let Some(status) = self.status {
            return finish(&mut self.out, self.name, &mut self.status, status, sys);
        }
        let moved = match self.root.clone() {
            Some(root) => enter(sys, &root).map_err(|errno| format!("cannot change root directory to '{root}': {errno}")),
            None => leave(sys).map_err(|(call, errno)| format!("{call}: {errno}")),
        };
        match moved {
            Ok(()) => self.execute(sys),
            Err(message) => {
                self.fail(&message, 125);
                Resume::Yield
            }
        }
    }

    fn execute(&mut self, sys: &mut dyn Sys) -> Resume {
        let program = self.command.first().cloned().unwrap_or_default();
        let path = variable(&self.env, "PATH").unwrap_or(DEFAULT_PATH).to_string();
        match find_program(sys, &program, &path).and_then(|file| sys.execve(&file, &self.command, &self.env)) {
            Ok(()) => Resume::Replaced,
            Err(errno) => {
                self.fail(&format!("can't execute '{program}': {errno}"), if errno == Errno::ENOENT { 127 } else { 126 });
                Resume::Yield
            }
        }
    }
}

/// As chroot(8) does it: with the working directory in the new root.
fn enter(sys: &mut dyn Sys, root: &str) -> Result<(), Errno> {
    sys.chroot(root)?;
    sys.chdir("/")
}

/// The classical way out. The root becomes a directory below the working directory, which now lies outside of it: `..` is stopped by the
/// root alone, and that is no longer on the way. At the top of the tree, where `..` leads nowhere else, that becomes the root.
fn leave(sys: &mut dyn Sys) -> Result<(), (&'static str, Errno)> {
    let named = |call: &'static str| move |errno: Errno| (call, errno);
    match sys.mkdir(DIRECTORY, 0o755) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(errno) => return Err(("mkdir", errno)),
    }
    let moved = sys.chroot(DIRECTORY);
    // The directory is empty and has served.
    let _ = sys.rmdir(DIRECTORY);
    moved.map_err(named("chroot"))?;
    for _ in 0..UP_MAX {
        let here = sys.stat(".", true).map_err(named("stat"))?;
        sys.chdir("..").map_err(named("chdir"))?;
        let above = sys.stat(".", true).map_err(named("stat"))?;
        if (here.device, here.inode) == (above.device, above.inode) {
            break;
        }
    }
    sys.chroot(".").map_err(named("chroot"))
}
