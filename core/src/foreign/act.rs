//! Acts: what an imitated program does, one after the other. Plain data, so that it can be cloned at any moment.

use std::collections::VecDeque;

use crate::errno::Errno;
use crate::modelled;
use crate::userland::{Disposition, Fd, Flush, Launch, OpenFlags, Output, Pid, Program, Resume, Signal, Sys, SysResult};

/// In a millisecond.
const NANOSECONDS: u64 = 1_000_000;

/// How the program was called.
#[derive(Clone, Debug, Default)]
pub(crate) struct Situation {
    /// The model's name.
    pub(crate) name: String,
    /// The last part of the path that it was called by.
    pub(crate) called: String,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<String>,
    /// What its file says besides.
    pub(crate) facts: Vec<(String, String)>,
}

impl Situation {
    /// A variable of the environment that is set and not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.env.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).filter(|value| !value.is_empty())
    }

    /// What its file says under a key.
    pub(crate) fn fact(&self, key: &str) -> Option<&str> {
        self.facts.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Text to a descriptor.
    Say(Fd, String),
    /// Time goes by: milliseconds.
    Take(u64),
    /// A directory, with those above it.
    Directory(String),
    /// A text in the place of what is there; with its permission bits.
    Write { path: String, text: String, mode: u32 },
    /// At the end of a file.
    Append { path: String, text: String },
    /// A file that stands for one of so many bytes.
    Sized { path: String, head: String, bytes: u64, mode: u32 },
    /// A symbolic link in the place of what is there.
    Link { path: String, target: String },
    /// Away with a file, or a directory and all in it.
    Remove(String),
    /// Another program runs; where it fails, what follows here is done instead of the rest.
    Run { argv: Vec<String>, env: Vec<(String, String)>, otherwise: Vec<Act> },
    /// Becomes another program.
    Become(Vec<String>),
    /// Waits for one of these signals; then what stands beside it.
    Serve(Vec<(Signal, Vec<Act>)>),
    /// It ends with this code.
    Exit(i32),
}

impl Act {
    /// To the standard output.
    pub(crate) fn out(text: &str) -> Act {
        Act::Say(1, text.to_string())
    }

    /// To the standard error.
    pub(crate) fn err(text: &str) -> Act {
        Act::Say(2, text.to_string())
    }
}

/// How far a program has come.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    out: Output,
    until_ns: Option<u64>,
    child: Option<Pid>,
    status: Option<i32>,
    catches: bool,
}

impl Progress {
    /// Goes on with the acts until one has to wait.
    pub(super) fn go_on(&mut self, acts: &mut VecDeque<Act>, situation: &Situation, sys: &mut dyn Sys) -> Resume {
        match self.out.flush(sys) {
            Flush::Done => {}
            Flush::Waiting => return Resume::Waiting,
            Flush::Interrupted => return Resume::Yield,
            Flush::Failed(_) => return Resume::Exit(1),
        }
        if let Some(status) = self.status {
            return Resume::Exit(status);
        }
        let Some(act) = acts.pop_front() else { return Resume::Exit(0) };
        match self.carry_out(&act, acts, situation, sys) {
            Ok(resume) => resume,
            Err(Errno::RESTART) => {
                acts.push_front(act);
                Resume::Waiting
            }
            Err(Errno::EINTR) => {
                acts.push_front(act);
                Resume::Yield
            }
            Err(errno) => {
                let what = act.path().map(|path| format!("{path}: ")).unwrap_or_default();
                self.out.err(&format!("{}: {what}{errno}\n", situation.called));
                self.status = Some(1);
                Resume::Yield
            }
        }
    }

    fn carry_out(&mut self, act: &Act, acts: &mut VecDeque<Act>, situation: &Situation, sys: &mut dyn Sys) -> SysResult<Resume> {
        match act {
            Act::Say(fd, text) => self.out.bytes(*fd, text.as_bytes()),
            Act::Take(milliseconds) => {
                let until = *self.until_ns.get_or_insert(sys.clock() + milliseconds * NANOSECONDS);
                sys.sleep_until(until)?;
                self.until_ns = None;
            }
            Act::Directory(path) => make_directories(sys, path)?,
            Act::Write { path, text, mode } => write(sys, path, (text, 0), *mode)?,
            Act::Append { path, text } => append(sys, path, text)?,
            Act::Sized { path, head, bytes, mode } => write(sys, path, (head, *bytes), *mode)?,
            Act::Link { path, target } => {
                parent(sys, path)?;
                let _ = sys.unlink(path);
                sys.symlink(target, path)?;
            }
            Act::Remove(path) => remove(sys, path)?,
            Act::Run { argv, env, otherwise } => return self.run(argv, env, otherwise, acts, situation, sys),
            Act::Become(argv) => {
                let file = find(sys, &argv[0], situation)?;
                sys.execve(&file, argv, &situation.env)?;
                return Ok(Resume::Replaced);
            }
            Act::Serve(signals) => return self.serve(signals, acts, sys),
            Act::Exit(code) => self.status = Some(*code),
        }
        Ok(Resume::Yield)
    }

    fn run(
        &mut self,
        argv: &[String],
        more: &[(String, String)],
        otherwise: &[Act],
        acts: &mut VecDeque<Act>,
        situation: &Situation,
        sys: &mut dyn Sys,
    ) -> SysResult<Resume> {
        let child = match self.child {
            Some(child) => child,
            None => {
                let named = |line: &&String| !more.iter().any(|(name, _)| line.split('=').next() == Some(name));
                let mut env: Vec<String> = situation.env.iter().filter(named).cloned().collect();
                env.extend(more.iter().map(|(name, value)| format!("{name}={value}")));
                let file = find(sys, &argv[0], situation);
                let launch = Launch::new(&situation.called, file, argv.to_vec(), env);
                let child = sys.fork(Program::Launch(Box::new(launch)))?;
                *self.child.insert(child)
            }
        };
        match sys.wait(child, true)? {
            Some((_, status)) if status.code() == 0 => self.child = None,
            Some((_, status)) => {
                self.child = None;
                *acts = otherwise.iter().cloned().collect();
                acts.push_back(Act::Exit(status.code()));
            }
            None => return Err(Errno::RESTART),
        }
        Ok(Resume::Yield)
    }

    fn serve(&mut self, signals: &[(Signal, Vec<Act>)], acts: &mut VecDeque<Act>, sys: &mut dyn Sys) -> SysResult<Resume> {
        if !self.catches {
            for (signal, _) in signals {
                sys.set_disposition(*signal, Disposition::Catch)?;
            }
            self.catches = true;
        }
        while let Some(signal) = sys.take_signal() {
            if let Some((_, then)) = signals.iter().find(|(known, _)| *known == signal) {
                *acts = then.iter().cloned().collect();
                return Ok(Resume::Yield);
            }
        }
        match sys.pause() {
            Err(Errno::EINTR) | Ok(()) => {
                acts.push_front(Act::Serve(signals.to_vec()));
                Ok(Resume::Yield)
            }
            Err(errno) => Err(errno),
        }
    }
}

impl Act {
    fn path(&self) -> Option<&str> {
        match self {
            Act::Directory(path) | Act::Remove(path) => Some(path),
            Act::Write { path, .. } | Act::Append { path, .. } | Act::Sized { path, .. } | Act::Link { path, .. } => Some(path),
            Act::Become(argv) | Act::Run { argv, .. } => argv.first().map(String::as_str),
            Act::Say(..) | Act::Take(_) | Act::Serve(_) | Act::Exit(_) => None,
        }
    }
}

/// A program by PATH, as execvp(3) looks it up.
pub(crate) fn find(sys: &mut dyn Sys, name: &str, situation: &Situation) -> SysResult<String> {
    if name.contains('/') {
        return Ok(name.to_string());
    }
    let path = situation.variable("PATH").unwrap_or("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    let mut candidates = path.split(':').map(|directory| format!("{directory}/{name}"));
    candidates.find(|candidate| sys.can_execute(candidate).is_ok()).ok_or(Errno::ENOENT)
}

fn parent(sys: &mut dyn Sys, path: &str) -> SysResult<()> {
    match path.rsplit_once('/') {
        Some((directory, _)) if !directory.is_empty() => make_directories(sys, directory),
        _ => Ok(()),
    }
}

fn make_directories(sys: &mut dyn Sys, path: &str) -> SysResult<()> {
    if sys.stat(path, true).is_ok() {
        return Ok(());
    }
    parent(sys, path)?;
    match sys.mkdir(path, 0o755) {
        Err(Errno::EEXIST) => Ok(()),
        answer => answer,
    }
}

fn write(sys: &mut dyn Sys, path: &str, (text, bytes): (&str, u64), mode: u32) -> SysResult<()> {
    parent(sys, path)?;
    let _ = sys.unlink(path);
    let fd = sys.open(path, OpenFlags::REPLACE, mode)?;
    let length = bytes.min(modelled::LENGTH_MAX);
    let written = put(sys, fd, text.as_bytes()).and_then(|()| match length > text.len() as u64 {
        true => sys.truncate(fd, length),
        false => Ok(()),
    });
    sys.close(fd)?;
    written?;
    if mode & 0o111 != 0 { sys.chmod(path, mode) } else { Ok(()) }
}

fn append(sys: &mut dyn Sys, path: &str, text: &str) -> SysResult<()> {
    parent(sys, path)?;
    let fd = sys.open(path, OpenFlags::APPEND, 0o644)?;
    let written = put(sys, fd, text.as_bytes());
    sys.close(fd)?;
    written
}

fn put(sys: &mut dyn Sys, fd: Fd, bytes: &[u8]) -> SysResult<()> {
    let mut sent = 0;
    while sent < bytes.len() {
        sent += sys.write(fd, &bytes[sent..])?;
    }
    Ok(())
}

fn remove(sys: &mut dyn Sys, path: &str) -> SysResult<()> {
    match sys.unlink(path) {
        Ok(()) | Err(Errno::ENOENT) => return Ok(()),
        Err(Errno::EISDIR | Errno::EPERM) => {}
        Err(errno) => return Err(errno),
    }
    for entry in sys.read_dir(path)? {
        remove(sys, &format!("{path}/{}", entry.name))?;
    }
    sys.rmdir(path)
}
