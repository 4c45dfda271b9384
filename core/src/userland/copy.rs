//! cp and mv: they copy piece by piece, since a file may be larger than memory and a device never ends.

use super::links::{base_name, join};
use super::options::Options;
use super::output::{Flush, Output};
use super::remove::remove_tree;
use super::sys::{Fd, FileKind, OpenFlags, Resume, Stat, Sys};
use super::tool::{Context, finish};
use crate::errno::Errno;

const READ_BYTES: usize = 1 << 16;
/// How deep a copied tree may be.
const DEPTH_MAX: usize = 1000;

/// What is still to be done, last first.
#[derive(Clone, Debug)]
enum Task {
    /// One operand: cp copies it, mv renames or copies it.
    Operand(String, String),
    Copy {
        from: String,
        to: String,
        depth: usize,
    },
    /// Gives a copied directory its mode, once it is filled.
    SetMode(String, u32),
    /// mv across file systems: the source goes once it is copied without an error.
    Remove(String),
}

#[derive(Clone, Debug)]
struct OpenCopy {
    from: String,
    input: Fd,
    output: Fd,
    mode: Option<u32>,
    to: String,
}

/// cp(1) with -r, -p, -a, -f, and mv(1) with -f, as a program.
#[derive(Clone, Debug)]
pub struct Copy {
    name: &'static str,
    recursive: bool,
    preserve: bool,
    started: bool,
    operands: Vec<String>,
    tasks: Vec<Task>,
    open: Option<OpenCopy>,
    piece: Output,
    out: Output,
    status: i32,
    end: Option<i32>,
}

impl Copy {
    /// `cp` or `mv`.
    pub(crate) fn start(name: &str, args: &[String]) -> Option<Copy> {
        let (name, spec) = match name {
            "cp" => ("cp", "rRpafd"),
            "mv" => ("mv", "fin"),
            _ => return None,
        };
        let mut out = Output::default();
        let (options, status, end) = match Options::parse(args, spec) {
            Ok(options) if options.operands.len() >= 2 => (options, 0, None),
            Ok(options) => {
                out.err(&format!("{name}: missing operand\n"));
                (options, 1, Some(1))
            }
            Err(message) => {
                out.err(&format!("{name}: {message}\n"));
                (Options::default(), 1, Some(1))
            }
        };
        Some(Copy {
            name,
            recursive: name == "mv" || ['r', 'R', 'a'].iter().any(|letter| options.has(*letter)),
            preserve: name == "mv" || options.has('p') || options.has('a'),
            started: false,
            operands: options.operands,
            tasks: Vec::new(),
            open: None,
            piece: Output::default(),
            out,
            status,
            end,
        })
    }

    fn fail(&mut self, message: &str) {
        self.out.err(&format!("{}: {message}\n", self.name));
        self.status = 1;
    }

    /// Goes on.
    pub(crate) fn resume(&mut self, sys: &mut dyn Sys) -> Resume {
        if let Some(status) = self.end {
            return finish(&mut self.out, self.name, &mut self.end, status, sys);
        }
        if !self.started {
            self.started = true;
            self.plan(sys);
            return Resume::Yield;
        }
        if let Some(open) = self.open.clone() {
            return self.pump(sys, open);
        }
        match self.tasks.pop() {
            Some(Task::Operand(from, to)) => self.operand(sys, from, to),
            Some(Task::Copy { from, to, depth }) => self.copy(sys, from, to, depth),
            Some(Task::SetMode(path, mode)) => {
                let _ = sys.chmod(&path, mode);
            }
            Some(Task::Remove(path)) if self.status == 0 => {
                let mut context = Context { sys, out: &mut self.out, name: self.name };
                self.status |= remove_tree(&mut context, &path, true, false);
            }
            Some(Task::Remove(_)) => {}
            None => self.end = Some(self.status),
        }
        Resume::Yield
    }

    fn plan(&mut self, sys: &mut dyn Sys) {
        let Some((target, sources)) = self.operands.split_last() else { return };
        let (target, sources) = (target.clone(), sources.to_vec());
        let into = sys.stat(&target, true).is_ok_and(|stat| stat.kind == FileKind::Directory);
        if sources.len() > 1 && !into {
            self.fail(&format!("target '{target}' is not a directory"));
            return;
        }
        let place = |source: &String| if into { join(&target, base_name(source)) } else { target.clone() };
        self.tasks = sources.iter().rev().map(|source| Task::Operand(source.clone(), place(source))).collect();
    }

    fn operand(&mut self, sys: &mut dyn Sys, from: String, to: String) {
        if self.name == "cp" {
            return self.tasks.push(Task::Copy { from, to, depth: 0 });
        }
        match sys.rename(&from, &to) {
            Ok(()) => {}
            Err(Errno::EXDEV) => {
                self.tasks.push(Task::Remove(from.clone()));
                self.tasks.push(Task::Copy { from, to, depth: 0 });
            }
            Err(errno) => self.fail(&format!("can't rename '{from}': {errno}")),
        }
    }

    fn copy(&mut self, sys: &mut dyn Sys, from: String, to: String, depth: usize) {
        let stat = match sys.stat(&from, !self.recursive) {
            Ok(stat) => stat,
            Err(errno) => return self.fail(&format!("can't stat '{from}': {errno}")),
        };
        if sys.stat(&to, true).is_ok_and(|other| (other.device, other.inode) == (stat.device, stat.inode)) {
            return self.fail(&format!("'{from}' and '{to}' are the same file"));
        }
        match stat.kind {
            FileKind::Directory if !self.recursive => self.fail(&format!("omitting directory '{from}'")),
            FileKind::Directory => self.copy_directory(sys, &from, &to, &stat, depth),
            FileKind::Symlink => {
                let made = sys.readlink(&from).and_then(|target| sys.symlink(&target, &to));
                if let Err(errno) = made {
                    self.fail(&format!("can't create symlink '{to}': {errno}"));
                }
            }
            _ => self.open_both(sys, from, to, &stat),
        }
    }

    fn copy_directory(&mut self, sys: &mut dyn Sys, from: &str, to: &str, stat: &Stat, depth: usize) {
        if depth >= DEPTH_MAX {
            return self.fail(&format!("'{from}': more than {DEPTH_MAX} directories deep"));
        }
        let entries = match sys.read_dir(from) {
            Ok(entries) => entries,
            Err(errno) => return self.fail(&format!("can't open '{from}': {errno}")),
        };
        match sys.mkdir(to, 0o700 | stat.mode) {
            Ok(()) => {
                let mask = sys.umask(0);
                sys.umask(mask);
                let mode = if self.preserve { stat.mode } else { stat.mode & !mask };
                self.tasks.push(Task::SetMode(to.to_string(), mode));
            }
            Err(Errno::EEXIST) if sys.stat(to, true).is_ok_and(|stat| stat.kind == FileKind::Directory) => {}
            Err(errno) => return self.fail(&format!("can't create directory '{to}': {errno}")),
        }
        // A directory copied into itself must not find its own copy.
        let inside = entries.into_iter().rev().filter(|entry| join(from, &entry.name) != to);
        let tasks = inside.map(|entry| Task::Copy { from: join(from, &entry.name), to: join(to, &entry.name), depth: depth + 1 });
        self.tasks.extend(tasks);
    }

    fn open_both(&mut self, sys: &mut dyn Sys, from: String, to: String, stat: &Stat) {
        let input = match sys.open(&from, OpenFlags::READ, 0) {
            Ok(input) => input,
            Err(errno) => return self.fail(&format!("can't open '{from}': {errno}")),
        };
        match sys.open(&to, OpenFlags::REPLACE, stat.mode & 0o777) {
            Ok(output) => {
                let mode = self.preserve.then_some(stat.mode);
                self.open = Some(OpenCopy { from, input, output, mode, to });
            }
            Err(errno) => {
                let _ = sys.close(input);
                self.fail(&format!("can't create '{to}': {errno}"));
            }
        }
    }

    fn pump(&mut self, sys: &mut dyn Sys, open: OpenCopy) -> Resume {
        match self.piece.flush(sys) {
            Flush::Done => {}
            Flush::Waiting => return Resume::Waiting,
            Flush::Interrupted => return Resume::Yield,
            Flush::Failed(errno) => {
                self.fail(&format!("write error: {errno}"));
                self.close(sys, &open);
                return Resume::Yield;
            }
        }
        match sys.read(open.input, READ_BYTES) {
            Ok(bytes) if bytes.is_empty() => self.close(sys, &open),
            Ok(bytes) => self.piece.bytes(open.output, &bytes),
            Err(Errno::RESTART) => return Resume::Waiting,
            Err(Errno::EINTR) => {}
            Err(errno) => {
                self.fail(&format!("read error on '{}': {errno}", open.from));
                self.close(sys, &open);
            }
        }
        Resume::Yield
    }

    fn close(&mut self, sys: &mut dyn Sys, open: &OpenCopy) {
        let _ = sys.close(open.input);
        let _ = sys.close(open.output);
        if let Some(mode) = open.mode {
            let _ = sys.chmod(&open.to, mode);
        }
        self.open = None;
    }
}
