//! Simple commands: expansion, then an assignment, a function, a builtin or a program; and the redirections around them.

use std::sync::Arc;

use super::builtin;
use super::expand::{Expander, Stop};
use super::frame::{After, Frame, Saved};
use super::run::Pause;
use super::shell::Shell;
use super::syntax::{Node, Redirect, RedirectKind};
use crate::errno::Errno;
use crate::userland::env::{DEFAULT_PATH, find_program};
use crate::userland::init::exit_status;
use crate::userland::launch::Launch;
use crate::userland::redirect::{PIPE_BYTES, Redirection, Redirections, Target};
use crate::userland::sys::{Fd, Sys};
use crate::userland::{Feed, Program};

/// An expanded redirection; the text of a here-document is still to become a pipe.
pub(crate) enum Wanted {
    Ready(Redirection),
    Here(Fd, String),
}

/// Expands redirections.
pub(crate) fn redirections(expander: &mut Expander<'_>, redirects: &[Redirect]) -> Result<Vec<Wanted>, Stop> {
    let mut list = Vec::new();
    for redirect in redirects {
        let fd = redirect.fd;
        let ready = |target| Wanted::Ready(Redirection { fd, target });
        list.push(match &redirect.kind {
            RedirectKind::File(word, flags) => ready(Target::Path(expander.single(word)?, *flags)),
            RedirectKind::Duplicate(word) => {
                let text = expander.single(word)?;
                match (text.as_str(), text.parse()) {
                    ("-", _) => ready(Target::Closed),
                    (_, Ok(other)) => ready(Target::Same(other)),
                    _ => return Err(Stop::Fail(format!("bad fd number '{text}'"))),
                }
            }
            RedirectKind::Here(body) => Wanted::Here(fd, body.get().map_or(Ok(String::new()), |word| expander.single(word))?),
        });
    }
    Ok(list)
}

struct Expansion {
    argv: Vec<String>,
    assignments: Vec<(String, String)>,
    redirections: Vec<Wanted>,
}

fn expand_all(expander: &mut Expander<'_>, node: &Node) -> Result<Expansion, Stop> {
    let Node::Simple { assignments, words, redirects } = node else {
        return Ok(Expansion { argv: Vec::new(), assignments: Vec::new(), redirections: Vec::new() });
    };
    let argv = expander.words(words)?;
    let redirections = redirections(expander, redirects)?;
    let mut values = Vec::new();
    for (name, word) in assignments {
        let value = expander.single(word)?;
        if argv.is_empty() {
            // `a=1 b=$a`: each sees the ones before.
            expander.set.insert(name.clone(), value.clone());
        }
        values.push((name.clone(), value));
    }
    Ok(Expansion { argv, assignments: values, redirections })
}

impl Shell {
    /// Runs a simple command.
    pub(crate) fn simple(&mut self, node: Arc<Node>, sys: &mut dyn Sys) -> Result<(), Pause> {
        if self.substituted.is_empty() {
            self.substitution_status = None;
        }
        let expanded = self.expand(sys, |expander| expand_all(expander, &node));
        let Some(Expansion { argv, assignments, redirections }) = self.expanded(expanded, &node, sys) else { return Ok(()) };
        if self.options.trace {
            self.trace(&assignments, &argv);
        }
        let redirections = self.prepare(sys, redirections);
        let Some(name) = argv.first().cloned() else {
            let status = self.substitution_status.take().unwrap_or(0);
            if redirections.is_empty() {
                self.completed(sys, status);
            } else {
                self.frames.push(Frame::Redirect { redirections: Box::new(redirections), then: Box::new(After::Nothing(status)) });
            }
            return Ok(());
        };
        let then = if name == "exec" && !self.functions.contains_key("exec") {
            if argv.len() == 1 { After::Keep } else { self.replacement(argv[1..].to_vec(), &assignments) }
        } else if self.functions.contains_key(&name) || builtin::is_builtin(&name) {
            After::Call { argv, assignments }
        } else if self.may_replace() {
            self.replacement(argv, &assignments)
        } else {
            self.launch(sys, argv, &assignments, redirections);
            return Ok(());
        };
        self.frames.push(Frame::Redirect { redirections: Box::new(redirections), then: Box::new(then) });
        Ok(())
    }

    fn trace(&mut self, assignments: &[(String, String)], argv: &[String]) {
        let words = assignments.iter().map(|(name, value)| [name.as_str(), value].join("=")).chain(argv.iter().cloned());
        let line = words.collect::<Vec<_>>().join(" ");
        self.out.err(&format!("+ {line}\n"));
    }

    /// Whether nothing comes after the command at hand, so that this process can become it.
    fn may_replace(&self) -> bool {
        self.frames.is_empty() && self.traps.is_empty() && self.exit_trap.is_none() && !self.interactive && self.jobs.is_empty()
    }

    fn environment_with(&self, assignments: &[(String, String)]) -> Vec<String> {
        let mut env = self.environment();
        for (name, value) in assignments {
            env.retain(|entry| entry.strip_prefix(name.as_str()).is_none_or(|rest| !rest.starts_with('=')));
            env.push([name.as_str(), value].join("="));
        }
        env
    }

    fn search_path(&self, assignments: &[(String, String)]) -> String {
        let given = assignments.iter().rev().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_str());
        given.or(self.variable("PATH")).unwrap_or(DEFAULT_PATH).to_string()
    }

    fn replacement(&self, argv: Vec<String>, assignments: &[(String, String)]) -> After {
        After::Replace { argv, env: self.environment_with(assignments), path: self.search_path(assignments) }
    }

    /// Here-documents become pipes: a short one is in the pipe already, a long one has a process that writes it.
    pub(crate) fn prepare(&mut self, sys: &mut dyn Sys, wanted: Vec<Wanted>) -> Redirections {
        let mut list = Vec::new();
        for one in wanted {
            match one {
                Wanted::Ready(redirection) => list.push(redirection),
                Wanted::Here(fd, text) => match self.here_pipe(sys, &text) {
                    Ok(end) => list.push(Redirection { fd, target: Target::Given(end) }),
                    Err(errno) => self.complain(&format!("here-document: {errno}")),
                },
            }
        }
        Redirections::new(list)
    }

    fn here_pipe(&mut self, sys: &mut dyn Sys, text: &str) -> Result<Fd, Errno> {
        let (read_end, write_end) = sys.pipe()?;
        if text.len() <= PIPE_BYTES {
            if !text.is_empty() {
                sys.write(write_end, text.as_bytes())?;
            }
        } else {
            let pid = sys.fork(Program::Feed(Box::new(Feed::new(read_end, write_end, text))))?;
            self.children.insert(pid, None);
        }
        sys.close(write_end)?;
        Ok(read_end)
    }

    /// Runs a program whatever functions and builtins there are.
    pub(crate) fn run_program(&mut self, sys: &mut dyn Sys, argv: &[String]) {
        self.launch(sys, argv.to_vec(), &[], Redirections::default());
    }

    fn launch(&mut self, sys: &mut dyn Sys, argv: Vec<String>, assignments: &[(String, String)], redirections: Redirections) {
        let given = redirections.given();
        let file = find_program(sys, &argv[0], &self.search_path(assignments));
        let launch = Launch::new(&self.name, file, argv, self.environment_with(assignments))
            .with_default_signals(self.caught_signals())
            .with_redirections(redirections);
        let forked = self.fork(sys, Program::Launch(Box::new(launch)));
        for fd in given {
            let _ = sys.close(fd);
        }
        if let Some(pid) = forked {
            self.frames.push(Frame::Wait { pids: vec![pid], substitution: false });
        }
    }

    /// Carries out redirections in this shell and goes on with what they were for.
    pub(crate) fn redirect(&mut self, sys: &mut dyn Sys, mut redirections: Box<Redirections>, then: After) -> Result<(), Pause> {
        let lasting = matches!(then, After::Keep | After::Replace { .. });
        match redirections.apply(sys, !matches!(then, After::Replace { .. })) {
            Ok(()) => {}
            Err(None) => {
                self.frames.push(Frame::Redirect { redirections, then: Box::new(then) });
                return Err(Pause::Waiting);
            }
            Err(Some(message)) => {
                redirections.restore(sys);
                let special = match &then {
                    After::Call { argv, .. } => argv.first().is_some_and(|name| builtin::is_special(name)),
                    _ => matches!(then, After::Keep),
                };
                if special {
                    self.fail_hard(sys, &message);
                } else if lasting {
                    self.complain(&message);
                    self.exit(sys, 1);
                } else {
                    self.complain(&message);
                    self.completed(sys, 1);
                }
                return Ok(());
            }
        }
        if lasting {
            redirections.forget(sys);
        } else if !redirections.is_empty() {
            self.frames.push(Frame::Restore(redirections));
        }
        self.after(sys, then)
    }

    fn after(&mut self, sys: &mut dyn Sys, then: After) -> Result<(), Pause> {
        match then {
            After::Run(node) => self.frames.push(Frame::Run(node)),
            After::Keep => self.completed(sys, 0),
            After::Nothing(status) => self.completed(sys, status),
            After::Replace { argv, env, path } => return self.replace(sys, &argv, &env, &path),
            After::Call { argv, assignments } => self.call(sys, &argv, assignments),
        }
        Ok(())
    }

    fn replace(&mut self, sys: &mut dyn Sys, argv: &[String], env: &[String], path: &str) -> Result<(), Pause> {
        let result = find_program(sys, &argv[0], path).and_then(|file| match sys.execve(&file, argv, env) {
            Err(Errno::ENOEXEC) => {
                let script: Vec<String> = ["sh".to_string(), file].into_iter().chain(argv.iter().skip(1).cloned()).collect();
                sys.execve("/bin/sh", &script, env)
            }
            other => other,
        });
        let Err(errno) = result else { return Err(Pause::Replaced) };
        let message = if errno == Errno::ENOENT { "not found".to_string() } else { errno.to_string() };
        self.complain(&format!("{}: {message}", argv[0]));
        self.exit(sys, exit_status(errno));
        Ok(())
    }

    fn call(&mut self, sys: &mut dyn Sys, argv: &[String], assignments: Vec<(String, String)>) {
        let name = argv[0].as_str();
        let function = self.functions.get(name).cloned();
        if function.is_some() || !builtin::is_special(name) {
            let saved = self.save(assignments.iter().map(|(name, _)| name));
            if !saved.is_empty() {
                self.frames.push(Frame::RestoreVariables(saved));
            }
        }
        for (name, value) in &assignments {
            if let Err(message) = self.set(name, value) {
                return self.fail_hard(sys, &message);
            }
            if let Some(variable) = self.variables.get_mut(name) {
                variable.exported |= function.is_some() || !builtin::is_special(&argv[0]);
            }
        }
        match function {
            Some(body) => {
                let params = std::mem::replace(&mut self.params, argv[1..].to_vec());
                self.frames.push(Frame::Call { params, locals: Vec::new() });
                self.frames.push(Frame::Run(body));
            }
            None => {
                if let Some(status) = self.builtin(sys, argv) {
                    self.completed(sys, status);
                }
            }
        }
    }

    /// Variables as they are now.
    pub(crate) fn save<'n>(&self, names: impl Iterator<Item = &'n String>) -> Saved {
        names.map(|name| (name.clone(), self.variables.get(name).cloned())).collect()
    }

    /// Puts them back.
    pub(crate) fn restore_variables(&mut self, saved: Saved) {
        for (name, variable) in saved.into_iter().rev() {
            match variable {
                Some(variable) => self.variables.insert(name, variable),
                None => self.variables.remove(&name),
            };
        }
    }
}
