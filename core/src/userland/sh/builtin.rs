//! The builtins: what must happen in the shell's own process, and a few programs that need none of their own.

use super::frame::{Frame, ReadLine, Source};
use super::shell::{Shell, Variable};
use super::source::TEXT_BYTES_MAX;
use super::syntax::is_name;
use crate::userland::env::{DEFAULT_PATH, find_program};
use crate::userland::sys::Sys;
use crate::userland::tool::{Context, Kind, read_file};

/// POSIX's special builtins: an error in them ends a shell that is not interactive, and assignments before them last.
const SPECIAL: &[&str] =
    &[":", ".", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set", "shift", "trap", "unset"];
/// The others that the shell has itself.
const OWN: &[&str] = &["cd", "command", "local", "read", "source", "type", "ulimit", "umask", "wait"];
/// Tools that run within the shell.
const TOOLS: &[&str] = &["[", "echo", "false", "kill", "printf", "pwd", "test", "true"];

/// Whether a builtin of this name exists.
pub(crate) fn is_builtin(name: &str) -> bool {
    is_special(name) || OWN.contains(&name) || TOOLS.contains(&name)
}

/// Whether it is special.
pub(crate) fn is_special(name: &str) -> bool {
    SPECIAL.contains(&name)
}

/// A text in single quotes, so that the shell reads it back.
pub(crate) fn quoted(text: &str) -> String {
    ["'", &text.replace('\'', "'\\''"), "'"].concat()
}

impl Shell {
    /// Runs a builtin. `None`: its status comes later, from a frame.
    pub(crate) fn builtin(&mut self, sys: &mut dyn Sys, argv: &[String]) -> Option<i32> {
        let (name, args) = argv.split_first()?;
        Some(match name.as_str() {
            ":" => 0,
            "." | "source" => return self.dot(sys, args),
            "break" | "continue" => self.leave_loop(sys, name == "continue", args),
            "eval" => {
                self.push_text(&args.join(" "));
                self.status = 0;
                return None;
            }
            "exit" => {
                let status = args.first().map_or(Ok(self.status), |text| text.parse::<i32>());
                match status {
                    Ok(status) => self.exit(sys, status & 0xff),
                    Err(_) => self.fail_hard(sys, &format!("exit: Illegal number: {}", args[0])),
                }
                return None;
            }
            "return" => return self.return_from(sys, args),
            "export" | "readonly" => self.mark(sys, name, args),
            "local" => self.local(args),
            "unset" => self.unset(args),
            "set" => self.set_options(args),
            "shift" => self.shift(sys, args),
            "trap" => self.trap(sys, args),
            "cd" => self.change_directory(sys, args),
            "command" => return self.command(sys, args),
            "read" => return self.start_read(args),
            "type" => self.describe(sys, args, false),
            "ulimit" => self.ulimit(sys, args),
            "umask" => self.umask(sys, args),
            "wait" => return self.start_wait(args),
            _ => self.tool(sys, name, args),
        })
    }

    fn tool(&mut self, sys: &mut dyn Sys, name: &str, args: &[String]) -> i32 {
        let Some(kind) = Kind::named(name) else { return 127 };
        let title = [self.name.as_str(), ": ", name].concat();
        let mut context = Context { sys, out: &mut self.out, name: &title };
        kind.run(&mut context, args)
    }

    fn dot(&mut self, sys: &mut dyn Sys, args: &[String]) -> Option<i32> {
        let Some(file) = args.first() else {
            self.fail_hard(sys, ".: a file name is needed");
            return None;
        };
        let path = if file.contains('/') {
            file.clone()
        } else {
            let directories = self.variable("PATH").unwrap_or(DEFAULT_PATH).to_string();
            let candidates = directories.split(':').map(|directory| [directory, "/", file].concat());
            candidates.into_iter().find(|path| sys.stat(path, true).is_ok()).unwrap_or_else(|| file.clone())
        };
        match read_file(sys, &path, TEXT_BYTES_MAX) {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let source = Source { text, line: 1, ended: true, file: true, ..Source::default() };
                self.status = 0;
                self.frames.push(Frame::Source(Box::new(source)));
            }
            Err(errno) => self.fail_hard(sys, &format!(".: can't open '{file}': {errno}")),
        }
        None
    }

    fn leave_loop(&mut self, sys: &mut dyn Sys, again: bool, args: &[String]) -> i32 {
        let mut levels = match args.first().map(|text| text.parse::<usize>()) {
            None => 1,
            Some(Ok(levels)) if levels > 0 => levels,
            Some(_) => {
                self.fail_hard(sys, &format!("Illegal number: {}", args[0]));
                return 2;
            }
        };
        let inside = self.frames.iter().rev().take_while(|frame| !matches!(frame, Frame::Call { .. }));
        let loops = inside.filter(|frame| matches!(frame, Frame::Loop { .. } | Frame::For { .. })).count();
        levels = levels.min(loops);
        while levels > 0 {
            let Some(frame) = self.frames.pop() else { break };
            let is_loop = matches!(frame, Frame::Loop { .. } | Frame::For { .. });
            levels -= usize::from(is_loop);
            match frame {
                Frame::Loop { node, .. } if again && levels == 0 => {
                    self.frames.push(Frame::Loop { node, in_body: true, status: 0 });
                }
                Frame::For { .. } if again && levels == 0 => self.frames.push(frame),
                other => self.unwind(other, sys),
            }
        }
        0
    }

    fn return_from(&mut self, sys: &mut dyn Sys, args: &[String]) -> Option<i32> {
        let status = args.first().map_or(Some(self.status), |text| text.parse().ok());
        let Some(status) = status else {
            self.fail_hard(sys, &format!("return: Illegal number: {}", args[0]));
            return None;
        };
        while let Some(frame) = self.frames.pop() {
            let ends =
                matches!(&frame, Frame::Call { .. }) || matches!(&frame, Frame::Source(source) if source.file || source.prompts);
            if let Frame::Source(source) = &frame
                && source.prompts
            {
                self.frames.push(frame);
                break;
            }
            self.unwind(frame, sys);
            if ends {
                break;
            }
        }
        Some(status & 0xff)
    }

    fn mark(&mut self, sys: &mut dyn Sys, name: &str, args: &[String]) -> i32 {
        if args.is_empty() || args[0] == "-p" {
            return self.show_marked(name);
        }
        for arg in args {
            let (variable, value) = arg.split_once('=').map_or((arg.as_str(), None), |(variable, value)| (variable, Some(value)));
            if !is_name(variable) {
                self.fail_hard(sys, &format!("{name}: {variable}: bad variable name"));
                return 2;
            }
            if let Some(value) = value
                && let Err(message) = self.set(variable, value)
            {
                self.fail_hard(sys, &message);
                return 2;
            }
            let entry = self.variables.entry(variable.to_string()).or_default();
            entry.exported |= name == "export";
            entry.read_only |= name == "readonly";
        }
        0
    }

    fn show_marked(&mut self, name: &str) -> i32 {
        let wanted = |variable: &Variable| if name == "export" { variable.exported } else { variable.read_only };
        let mut lines = String::new();
        for (variable, state) in self.variables.iter().filter(|(_, state)| wanted(state)) {
            let value = state.value.as_deref().map(|value| ["=", &quoted(value)].concat()).unwrap_or_default();
            lines += &format!("{name} {variable}{value}\n");
        }
        self.out.out(&lines);
        0
    }

    fn local(&mut self, args: &[String]) -> i32 {
        let names: Vec<String> = args.iter().map(|arg| arg.split('=').next().unwrap_or_default().to_string()).collect();
        let saved = self.save(names.iter());
        let call = self.frames.iter_mut().rev().find_map(|frame| match frame {
            Frame::Call { locals, .. } => Some(locals),
            _ => None,
        });
        let Some(locals) = call else {
            self.complain("local: not in a function");
            return 2;
        };
        locals.extend(saved);
        for (name, value) in args.iter().filter_map(|arg| arg.split_once('=')) {
            if let Err(message) = self.set(name, value) {
                self.complain(&message);
                return 2;
            }
        }
        0
    }

    fn unset(&mut self, args: &[String]) -> i32 {
        let functions = args.first().is_some_and(|arg| arg == "-f");
        for name in args.iter().filter(|arg| !arg.starts_with('-')) {
            if functions {
                self.functions.remove(name);
            } else if self.variables.get(name).is_some_and(|variable| variable.read_only) {
                self.complain(&format!("unset: {name}: is read only"));
                return 2;
            } else {
                self.variables.remove(name);
            }
        }
        0
    }

    /// `set`, `set -eux`, `set +e`, `set -o errexit`, `set -- WORDS`.
    pub(crate) fn set_options(&mut self, args: &[String]) -> i32 {
        if args.is_empty() {
            let lines: Vec<String> = self
                .variables
                .iter()
                .filter_map(|(name, state)| Some(format!("{name}={}\n", quoted(state.value.as_deref()?))))
                .collect();
            self.out.out(&lines.concat());
            return 0;
        }
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let on = arg.starts_with('-');
            if arg == "--" {
                self.params = rest.cloned().collect();
                return 0;
            }
            let Some(letters) = arg.strip_prefix(['-', '+']).filter(|letters| !letters.is_empty()) else {
                self.params = std::iter::once(arg).chain(rest).cloned().collect();
                return 0;
            };
            for letter in letters.chars() {
                let letter = if letter == 'o' { long_option(rest.next()) } else { letter };
                if !self.set_option(letter, on) {
                    self.complain(&format!("set: illegal option {arg}"));
                    return 2;
                }
            }
        }
        0
    }

    /// Turns one option on or off; `false`: there is no such option.
    pub(crate) fn set_option(&mut self, letter: char, on: bool) -> bool {
        match letter {
            'e' => self.options.exit_on_error = on,
            'u' => self.options.no_unset = on,
            'x' => self.options.trace = on,
            'f' => self.options.no_glob = on,
            'n' => self.options.no_execute = on,
            'm' | 'b' | 'h' => {}
            _ => return false,
        }
        true
    }

    fn shift(&mut self, sys: &mut dyn Sys, args: &[String]) -> i32 {
        let count = args.first().map_or(Some(1), |text| text.parse::<usize>().ok());
        match count {
            Some(count) if count <= self.params.len() => {
                self.params.drain(..count);
                0
            }
            _ => {
                self.fail_hard(sys, "shift: can't shift that many");
                2
            }
        }
    }

    fn change_directory(&mut self, sys: &mut dyn Sys, args: &[String]) -> i32 {
        let args = if args.first().is_some_and(|arg| matches!(arg.as_str(), "--" | "-L" | "-P")) { &args[1..] } else { args };
        let target = match args.first().map(String::as_str) {
            None => self.variable("HOME").map(str::to_string),
            Some("-") => self.variable("OLDPWD").map(str::to_string),
            Some(path) => Some(path.to_string()),
        };
        let Some(target) = target else {
            self.complain("cd: HOME or OLDPWD not set");
            return 2;
        };
        let before = sys.getcwd().unwrap_or_default();
        if let Err(errno) = sys.chdir(&target) {
            self.complain(&format!("cd: can't cd to {target}: {errno}"));
            return 2;
        }
        let now = sys.getcwd().unwrap_or_else(|_| target.clone());
        if args.first().is_some_and(|arg| arg == "-") {
            self.out.out(&[now.as_str(), "\n"].concat());
        }
        let _ = self.set("OLDPWD", &before);
        let _ = self.set("PWD", &now);
        0
    }

    /// `command NAME ARGS…` (not a function), `command -v NAME`.
    fn command(&mut self, sys: &mut dyn Sys, args: &[String]) -> Option<i32> {
        match args {
            [option, names @ ..] if option == "-v" => Some(self.describe(sys, names, true)),
            [option, names @ ..] if option == "-V" => Some(self.describe(sys, names, false)),
            [] => Some(0),
            [name, ..] if is_builtin(name) => self.builtin(sys, args),
            _ => {
                self.run_program(sys, args);
                None
            }
        }
    }

    fn describe(&mut self, sys: &mut dyn Sys, names: &[String], brief: bool) -> i32 {
        let mut status = 0;
        let path = self.variable("PATH").unwrap_or(DEFAULT_PATH).to_string();
        for name in names {
            let found = if self.functions.contains_key(name) {
                Some((name.clone(), "a shell function".to_string()))
            } else if is_builtin(name) {
                Some((name.clone(), "a shell builtin".to_string()))
            } else {
                find_program(sys, name, &path).ok().filter(|file| sys.can_execute(file).is_ok()).map(|file| (file.clone(), file))
            };
            match found {
                Some((short, _)) if brief => self.out.out(&[short.as_str(), "\n"].concat()),
                Some((_, long)) => self.out.out(&format!("{name} is {long}\n")),
                None => {
                    status = 127;
                    if !brief {
                        self.out.out(&format!("{name}: not found\n"));
                    }
                }
            }
        }
        status
    }

    fn umask(&mut self, sys: &mut dyn Sys, args: &[String]) -> i32 {
        let Some(text) = args.first() else {
            let mask = sys.umask(0);
            sys.umask(mask);
            self.out.out(&format!("{mask:04o}\n"));
            return 0;
        };
        match u32::from_str_radix(text, 8) {
            Ok(mask) if mask <= 0o777 => {
                sys.umask(mask);
                0
            }
            _ => {
                self.complain(&format!("umask: Illegal number: {text}"));
                2
            }
        }
    }

    /// `read [-r] [-p PROMPT] NAME…`
    fn start_read(&mut self, args: &[String]) -> Option<i32> {
        let mut read = ReadLine::default();
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            match arg.as_str() {
                "-r" => read.raw = true,
                "-p" => {
                    let prompt = rest.next().cloned().unwrap_or_default();
                    self.out.err(&prompt);
                }
                name if is_name(name) => read.names.push(name.to_string()),
                other => {
                    self.complain(&format!("read: {other}: bad variable name"));
                    return Some(2);
                }
            }
        }
        if read.names.is_empty() {
            read.names.push("REPLY".to_string());
        }
        self.frames.push(Frame::Read(Box::new(read)));
        None
    }
}

fn long_option(name: Option<&String>) -> char {
    match name.map(String::as_str) {
        Some("errexit") => 'e',
        Some("nounset") => 'u',
        Some("xtrace") => 'x',
        Some("noglob") => 'f',
        Some("noexec") => 'n',
        Some("monitor") => 'm',
        _ => '?',
    }
}
