//! The userland: what runs inside containers when no image is at hand. Written once over `Sys`, run by both kernels.
//!
//! A [`Program`] is plain, cloneable data: its whole state is in its fields, so that a world with running programs can be cloned,
//! stepped back and replayed. It does nothing but through [`Sys`].
//!
//! ```text
//! Tool    looks, acts, answers in one go (ls, ps, mount, id, …)      Filter  reads piece by piece (cat, head, tail, wc, grep)
//! Copy    cp, mv                                                     Shell   sh: an explicit stack over its syntax tree
//! Launch  a child between fork and execve                            Sleep, Yes, Alloc, Env, Init
//! ```

mod accounts;
mod attempt;
mod chroot;
mod copy;
mod echo;
mod edit;
mod env;
mod expression;
#[cfg(test)]
mod fake;
mod feed;
mod files;
mod filter;
mod gather;
mod grep;
mod identity;
mod info;
mod init;
mod launch;
mod links;
mod lookup;
mod ls;
mod mounts;
mod names;
mod options;
mod order;
mod output;
mod owner;
mod pattern;
mod printf;
mod ps;

mod redirect;
mod remove;
mod resolver;
mod sh;
mod signals;
mod sys;
mod test;
mod text;
mod tool;
mod wait;

pub use attempt::{Attempt, Demand, Over};
pub use chroot::Chroot;
pub use copy::Copy;
pub use env::Env;
pub use feed::Feed;
pub use filter::Filter;
pub use gather::Gather;
pub use init::Init;
pub use launch::Launch;
pub use names::NAMES;
pub(crate) use output::{Flush, Output};
pub use sh::Shell;
pub(crate) use sh::in_single_quotes;
pub use sys::{DirEntry, Disposition, Fd, FileKind, OpenFlags, Pid, Resume, Signal, Stat, Sys, SysResult, WaitStatus};
pub use tool::Tool;
pub use wait::{Alloc, Sleep, Yes};

/// A running program of the toolbox. What is inside is the program's own.
#[derive(Clone, Debug)]
pub enum Program {
    /// A program that answers in one go: ls, ps, mkdir, …
    Tool(Box<Tool>),
    /// cat, head, tail, wc, grep
    Filter(Box<Filter>),
    /// sort, sed, tee, …
    Gather(Box<Gather>),
    /// cp, mv
    Copy(Box<Copy>),
    /// sleep(1)
    Sleep(Box<Sleep>),
    /// yes(1)
    Yes(Box<Yes>),
    /// `alloc SIZE [SECONDS]`
    Alloc(Box<Alloc>),
    /// env(1)
    Env(Box<Env>),
    /// chroot(8), leave-chroot
    Chroot(Box<Chroot>),
    /// `init -- PROGRAM`
    Init(Box<Init>),
    /// A forked child before its execve.
    Launch(Box<Launch>),
    /// The writer of a long here-document.
    Feed(Box<Feed>),
    /// sh(1)
    Shell(Box<Shell>),
    /// One of those that only the model kernel runs.
    Boxed(Box<dyn Resumable>),
}

/// A program that only the model kernel runs: one that is imitated (`crate::foreign`), or a WebAssembly module that is interpreted
/// (`crate::wasi`). Behind a trait, so that the toolbox binary holds nothing of them.
pub trait Resumable: std::fmt::Debug {
    /// See [`Program::resume`].
    fn resume(&mut self, sys: &mut dyn Sys) -> Resume;
    /// The same, once more.
    fn duplicate(&self) -> Box<dyn Resumable>;
}

impl Clone for Box<dyn Resumable> {
    fn clone(&self) -> Self {
        self.duplicate()
    }
}

impl Program {
    /// The names under which the toolbox can be called, sorted: its links in `/bin`.
    pub const NAMES: &'static [&'static str] = NAMES;

    /// The program that the toolbox runs for this `argv` (the last path component of `argv[0]` decides, or, where that is
    /// `toolbox`, `argv[1]`), ready to start. `env` as `NAME=value`. `None`: no such program.
    pub fn start(argv: &[String], env: &[String]) -> Option<Program> {
        let (first, args) = argv.split_first()?;
        let name = links::base_name(first);
        if name == "toolbox" {
            return if args.is_empty() { None } else { Program::start(args, env) };
        }
        let program = match name {
            "sleep" => Program::Sleep(Box::new(Sleep::start(args))),
            "yes" => Program::Yes(Box::new(Yes::start(args))),
            "alloc" => Program::Alloc(Box::new(Alloc::start(args))),
            "chroot" => Program::Chroot(Box::new(Chroot::into(args, env))),
            "leave-chroot" => Program::Chroot(Box::new(Chroot::out(args, env))),
            "env" => Program::Env(Box::new(Env::start(args, env))),
            "sh" => Program::Shell(Box::new(Shell::start(args, env))),
            // `docker-init`: the name under which Docker puts it at /sbin, for `--init`.
            "init" | "docker-init" => Program::Init(Box::new(Init::start(args, env))),
            _ => return Program::start_other(name, args),
        };
        Some(program)
    }

    fn start_other(name: &str, args: &[String]) -> Option<Program> {
        let tool = Tool::start(name, args).map(|tool| Program::Tool(Box::new(tool)));
        let filter = || Filter::start(name, args).map(|filter| Program::Filter(Box::new(filter)));
        let copy = || Copy::start(name, args).map(|copy| Program::Copy(Box::new(copy)));
        let gather = || Gather::start(name, args).map(|gather| Program::Gather(Box::new(gather)));
        tool.or_else(filter).or_else(copy).or_else(gather)
    }

    /// Goes on until the program has to wait, has done a unit of work, ends or was replaced.
    pub fn resume(&mut self, sys: &mut dyn Sys) -> Resume {
        match self {
            Program::Tool(program) => program.resume(sys),
            Program::Filter(program) => program.resume(sys),
            Program::Gather(program) => program.resume(sys),
            Program::Copy(program) => program.resume(sys),
            Program::Sleep(program) => program.resume(sys),
            Program::Yes(program) => program.resume(sys),
            Program::Alloc(program) => program.resume(sys),
            Program::Env(program) => program.resume(sys),
            Program::Chroot(program) => program.resume(sys),
            Program::Init(program) => program.resume(sys),
            Program::Launch(program) => program.resume(sys),
            Program::Feed(program) => program.resume(sys),
            Program::Shell(program) => program.resume(sys),
            Program::Boxed(program) => program.resume(sys),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_starts_a_program_and_they_are_sorted() {
        assert!(Program::NAMES.is_sorted());
        for name in Program::NAMES {
            assert!(Program::start(&[format!("/bin/{name}")], &[]).is_some(), "{name}");
            assert!(Program::start(&["/bin/toolbox".to_string(), name.to_string()], &[]).is_some(), "{name}");
        }
        assert!(Program::start(&["/sbin/docker-init", "--", "true"].map(String::from), &[]).is_some());
        assert!(Program::start(&["nonsense".to_string()], &[]).is_none());
        assert!(Program::start(&["toolbox".to_string()], &[]).is_none());
    }
}
