//! The shell's state: plain data, cheap enough to clone for a subshell.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::frame::Frame;
use super::syntax::{Node, is_name};
use crate::userland::output::Output;
use crate::userland::sys::{Pid, Signal};

/// A variable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) value: Option<String>,
    pub(crate) exported: bool,
    pub(crate) read_only: bool,
}

/// What `set` turns on and off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// -e
    pub(crate) exit_on_error: bool,
    /// -u
    pub(crate) no_unset: bool,
    /// -x
    pub(crate) trace: bool,
    /// -f
    pub(crate) no_glob: bool,
    /// -n
    pub(crate) no_execute: bool,
}

/// A shell.
#[derive(Clone, Debug)]
pub struct Shell {
    /// `$0`
    pub(crate) name: String,
    pub(crate) params: Vec<String>,
    pub(crate) variables: BTreeMap<String, Variable>,
    pub(crate) functions: BTreeMap<String, Arc<Node>>,
    pub(crate) options: Options,
    pub(crate) interactive: bool,
    /// `$?`
    pub(crate) status: i32,
    /// `$$`: of the main shell also in subshells.
    pub(crate) pid: Pid,
    /// `$!`
    pub(crate) last_background: Option<Pid>,
    /// What is to be done, the next on top.
    pub(crate) frames: Vec<Frame>,
    pub(crate) out: Output,
    /// Children that were started, and their status once they have ended.
    pub(crate) children: BTreeMap<Pid, Option<i32>>,
    /// Background children, in order, that `wait` waits for.
    pub(crate) jobs: Vec<Pid>,
    /// Outputs of the substitutions of the command that is being expanded.
    pub(crate) substituted: Vec<String>,
    /// The status of the last substitution of this command.
    pub(crate) substitution_status: Option<i32>,
    /// Actions by signal; an empty one ignores.
    pub(crate) traps: BTreeMap<Signal, String>,
    pub(crate) exit_trap: Option<String>,
    /// Caught and not yet acted upon.
    pub(crate) caught: Vec<Signal>,
    /// SIGINT came while a child was in the foreground, or at the prompt.
    pub(crate) interrupted: bool,
    /// The subshell was forked where a failure does not count for `set -e`.
    pub(crate) ignore_failure: bool,
    /// The script to be read at the start.
    pub(crate) file: Option<String>,
    pub(crate) started: bool,
    /// Set: the shell ends with this status.
    pub(crate) ending: Option<i32>,
}

impl Shell {
    /// A shell with the variables of the environment.
    pub(crate) fn new(name: &str, env: &[String]) -> Shell {
        let mut variables = BTreeMap::new();
        for (name, value) in env.iter().filter_map(|entry| entry.split_once('=')).filter(|(name, _)| is_name(name)) {
            let variable = Variable { value: Some(value.to_string()), exported: true, read_only: false };
            variables.insert(name.to_string(), variable);
        }
        // POSIX: IFS is never taken from the environment.
        variables.insert("IFS".to_string(), Variable { value: Some(" \t\n".to_string()), ..Variable::default() });
        Shell {
            name: name.to_string(),
            params: Vec::new(),
            variables,
            functions: BTreeMap::new(),
            options: Options::default(),
            interactive: false,
            status: 0,
            pid: 0,
            last_background: None,
            frames: Vec::new(),
            out: Output::default(),
            children: BTreeMap::new(),
            jobs: Vec::new(),
            substituted: Vec::new(),
            substitution_status: None,
            traps: BTreeMap::new(),
            exit_trap: None,
            caught: Vec::new(),
            interrupted: false,
            ignore_failure: false,
            file: None,
            started: false,
            ending: None,
        }
    }

    /// What a subshell starts with: everything but what belongs to this process.
    pub(crate) fn subshell(&self, frames: Vec<Frame>) -> Shell {
        let mut shell = self.clone();
        shell.ignore_failure = self.failure_ignored();
        shell.frames = frames;
        shell.out = Output::default();
        shell.children.clear();
        shell.jobs.clear();
        shell.substituted.clear();
        shell.substitution_status = None;
        shell.traps.retain(|_, action| action.is_empty());
        shell.exit_trap = None;
        shell.caught.clear();
        shell.interactive = false;
        shell.interrupted = false;
        shell
    }

    /// The value of a variable that is set.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name)?.value.as_deref()
    }

    /// The value of a parameter: a variable, a positional or a special one.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        Some(match name {
            "?" => self.status.to_string(),
            "$" => self.pid.to_string(),
            "#" => self.params.len().to_string(),
            "0" => self.name.clone(),
            "!" => self.last_background?.to_string(),
            "-" => self.flags(),
            _ if name.starts_with(|c: char| c.is_ascii_digit()) => {
                let index: usize = name.parse().ok()?;
                self.params.get(index.checked_sub(1)?)?.clone()
            }
            _ => self.variable(name)?.to_string(),
        })
    }

    /// `$-`
    fn flags(&self) -> String {
        let options = &self.options;
        let flags = [
            (options.exit_on_error, 'e'),
            (options.no_glob, 'f'),
            (self.interactive, 'i'),
            (options.no_unset, 'u'),
            (options.trace, 'x'),
        ];
        flags.iter().filter(|(on, _)| *on).map(|(_, letter)| *letter).collect()
    }

    /// Sets a variable; an error where it is read-only.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let variable = self.variables.entry(name.to_string()).or_default();
        if variable.read_only {
            return Err(format!("{name}: is read only"));
        }
        variable.value = Some(value.to_string());
        Ok(())
    }

    /// The environment for a program.
    pub(crate) fn environment(&self) -> Vec<String> {
        let exported = self.variables.iter().filter(|(_, variable)| variable.exported);
        exported.filter_map(|(name, variable)| Some([name, variable.value.as_deref()?].join("="))).collect()
    }

    /// Queues `NAME: message`.
    pub(crate) fn complain(&mut self, message: &str) {
        let line = [self.name.as_str(), ": ", message, "\n"].concat();
        self.out.err(&line);
    }
}
