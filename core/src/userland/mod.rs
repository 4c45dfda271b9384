//! The userland: what runs inside containers when no image is at hand. Written once over `Sys`, run by both kernels.
//!
//! A [`Program`] is plain, cloneable data: its whole state is in its fields, so that a world with running programs can be cloned,
//! stepped back and replayed. It does nothing but through [`Sys`].

mod sys;

pub use sys::{DirEntry, Disposition, Fd, FileKind, OpenFlags, Pid, Resume, Signal, Stat, Sys, SysResult, WaitStatus};

/// A running program of the toolbox.
#[derive(Clone, Debug)]
pub enum Program {
    /// true(1)
    True,
}

impl Program {
    /// The names under which the toolbox can be called, sorted: its links in `/bin`.
    pub const NAMES: &'static [&'static str] = &["true"];

    /// The program that the toolbox runs for this `argv` (the last path component of `argv[0]` decides, or, where that is
    /// `toolbox`, `argv[1]`), ready to start. `env` as `NAME=value`. `None`: no such program.
    pub fn start(argv: &[String], env: &[String]) -> Option<Program> {
        let _ = (argv, env);
        Some(Program::True)
    }

    /// Goes on until the program has to wait, has done a unit of work, ends or was replaced.
    pub fn resume(&mut self, sys: &mut dyn Sys) -> Resume {
        let _ = sys;
        Resume::Exit(0)
    }
}
