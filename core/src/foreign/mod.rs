//! Programs of other people that the model kernel imitates: package managers, compilers, interpreters, servers.
//!
//! A file of a modelled image says which ([`crate::modelled`]). An imitation looks at its arguments and at the files that the real program
//! would read, and from that makes a list of acts ([`Act`]): lines as the real one prints them, files of the real sizes, time that goes by.
//! It does nothing but through `Sys`, so that permissions, read-only file systems and limits hold for it as for any program.
//!
//! What is imitated comes from tables (`data/`); what no table has is refused as the real program refuses what it does not know, or, where
//! the real one would do something that the model knows nothing of, it says so and ends well: an opaque step. Linux never runs any of this;
//! that a program is imitated is said once in a container, by the kernel.

mod act;
mod apk;
mod apt;
mod compile;
mod fetch;
mod go;
mod node;
mod opaque;
mod package;
mod programs;
mod python;
mod rpm;
mod servers;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use act::{Act, Situation};
pub(crate) use fetch::{Modelled, content, repository_tree};

use std::collections::VecDeque;

use crate::userland::{Program, Resumable, Resume, Sys};

/// A program that is imitated.
#[derive(Clone, Debug)]
struct Imitation {
    situation: Situation,
    /// What is still to be done; `None`: it has not begun.
    acts: Option<VecDeque<Act>>,
    at: act::Progress,
}

/// A program of an image that the userland has itself, under one of its names.
pub fn of_userland(name: &str, argv: &[String], env: &[String]) -> Option<Program> {
    let called = argv.first().map_or("", |first| first.rsplit('/').next().unwrap_or(first));
    let args = argv.get(1..).unwrap_or_default();
    let (name, args) = match name {
        "busybox" if called == "busybox" => (args.first()?.as_str(), args.get(1..).unwrap_or_default()),
        "busybox" => (called, args),
        name => (name, args),
    };
    let (name, before): (&str, &[&str]) = match name {
        "ash" | "bash" | "dash" => ("sh", &[]),
        "egrep" => ("grep", &["-E"]),
        "fgrep" => ("grep", &["-F"]),
        "printenv" if args.is_empty() => ("env", &[]),
        "alloc" | "init" | "leave-chroot" | "syscall" | "toolbox" => return None,
        name => (name, &[]),
    };
    let words = std::iter::once(name.to_string()).chain(before.iter().map(|word| (*word).to_string())).chain(args.iter().cloned());
    Program::start(&words.collect::<Vec<_>>(), env)
}

/// The imitation of the program that has this name.
pub fn start(name: &str, facts: Vec<(String, String)>, argv: &[String], env: &[String]) -> Program {
    let called = argv.first().map_or(name, |first| first.rsplit('/').next().unwrap_or(first));
    let name = if name == "busybox" { called } else { name };
    let args = argv.get(1..).unwrap_or_default().to_vec();
    let situation = Situation { name: name.to_string(), called: called.to_string(), args, env: env.to_vec(), facts };
    Program::Boxed(Box::new(Imitation { situation, acts: None, at: act::Progress::default() }))
}

impl Resumable for Imitation {
    fn resume(&mut self, sys: &mut dyn Sys) -> Resume {
        let acts = match &mut self.acts {
            Some(acts) => acts,
            None => self.acts.insert(programs::acts(&self.situation, sys).into()),
        };
        self.at.go_on(acts, &self.situation, sys)
    }

    fn duplicate(&self) -> Box<dyn Resumable> {
        Box::new(self.clone())
    }
}
