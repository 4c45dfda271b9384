//! execve(2): which program a file is, and what becomes of the process that calls it.

use std::rc::Rc;

use super::credentials::EXECUTE;
use super::kernel::Kernel;
use super::tables::{HostPid, Place};
use crate::diagnosis::elf;
use crate::diagnosis::program::{INTERPRETERS_MAX, Shebang};
use crate::errno::Errno;
use crate::foreign;
use crate::modelled;
use crate::oci::capability::CapabilitySet;
use crate::step::NamespaceKind;
use crate::userland::{Disposition, FileKind, Program, SysResult};
use crate::wasi;

/// How the toolbox's binary begins in this model; the rest of its bytes are zeros.
pub(super) const TOOLBOX_HEADER: &[u8] = b"\x7fELF\x02\x01\x01\x00glassbox toolbox\n";
/// How the runtime for WebAssembly begins in this model; what it runs is run for real.
pub(super) const WASI_HEADER: &[u8] = b"\x7fELF\x02\x01\x01\x00glassbox wasi\n";
/// Bytes of the first line that are looked at.
const LINE_BYTES_MAX: usize = 256;
/// TASK_COMM_LEN without its NUL.
const COMM_BYTES_MAX: usize = 15;
/// ARG_MAX: bytes of arguments and environment.
const ARGUMENT_BYTES_MAX: usize = 2 << 20;

/// The toolbox's own words where it is called without a program's name.
const USAGE: &str = "usage: toolbox NAME [ARG]...   (toolbox --list shows the names)";

impl Kernel {
    /// The process becomes another program.
    pub(super) fn execute(&mut self, pid: HostPid, path: &str, argv: &[String], env: &[String]) -> SysResult<()> {
        if argv.iter().chain(env).map(|word| word.len() + 1).sum::<usize>() > ARGUMENT_BYTES_MAX {
            return Err(Errno::E2BIG);
        }
        let mut path = path.to_string();
        let mut argv = argv.to_vec();
        let first = path.clone();
        for _ in 0..=INTERPRETERS_MAX {
            let place = self.executable(pid, &path)?;
            let head = match self.real(&place.node)? {
                Some(inode) => self.read_inode(inode, 0, modelled::HEAD_BYTES_MAX)?,
                None => return Err(Errno::EACCES),
            };
            if head.starts_with(TOOLBOX_HEADER) {
                let program = Program::start(&argv, env).or_else(|| without_program(&argv, env));
                return self.replace(pid, &first, place, argv, env, program);
            }
            if head.starts_with(WASI_HEADER) {
                let program = wasi::program::start(&argv, env).or_else(|| wasi_usage(env));
                return self.replace(pid, &first, place, argv, env, program);
            }
            if let Some((name, facts)) = modelled::read_program(&head) {
                let program = self.imitation(pid, &name, facts, &argv, env);
                return self.replace(pid, &first, place, argv, env, program);
            }
            if elf::is_elf(&head) {
                return Err(self.refuse_elf(pid, &path));
            }
            let Shebang { interpreter, argument } =
                Shebang::read(&head[..head.len().min(LINE_BYTES_MAX)]).map_err(|_| Errno::ENOEXEC)?;
            let rest: Vec<String> = argv.iter().skip(1).cloned().collect();
            argv = [vec![interpreter.clone()], argument.into_iter().collect(), vec![path], rest].concat();
            path = interpreter;
        }
        Err(Errno::ELOOP)
    }

    /// Programs that are not the toolbox's are not run here: load_elf_binary() looks at the machine, and then for the loader.
    fn refuse_elf(&self, pid: HostPid, path: &str) -> Errno {
        let Some(elf) = elf::read(&self.seen_by(pid), path) else { return Errno::ENOEXEC };
        let loader = elf.interpreter.as_ref().filter(|_| elf.is_for(&self.host.machine));
        loader.and_then(|loader| self.executable(pid, loader).err()).unwrap_or(Errno::ENOEXEC)
    }

    fn executable(&self, pid: HostPid, path: &str) -> SysResult<Place> {
        let place = self.walk(pid, path, true)?;
        self.check_executable(pid, &place)?;
        Ok(place)
    }

    /// EACCES unless it is a file that may be executed: access(2) X_OK is the same but for directories.
    pub(super) fn check_executable(&self, pid: HostPid, place: &Place) -> SysResult<()> {
        let attributes = self.attributes(&place.node)?;
        if attributes.kind != FileKind::File || self.mount_of(place.mount)?.flags.no_exec {
            return Err(Errno::EACCES);
        }
        self.may(pid, &attributes, EXECUTE)
    }

    /// The model of a program of an image. Those that the userland has are its own; that others are imitated is said once in a container.
    fn imitation(
        &mut self,
        pid: HostPid,
        name: &str,
        facts: Vec<(String, String)>,
        argv: &[String],
        env: &[String],
    ) -> Option<Program> {
        if let Some(program) = foreign::of_userland(name, argv, env) {
            return Some(program);
        }
        self.say_modelled(pid, name);
        Some(foreign::start(name, facts, argv, env))
    }

    /// To what the container's first process has as its standard error: whatever the program at hand writes to.
    fn say_modelled(&mut self, pid: HostPid, name: &str) {
        let Some(first) = self.own_pid_ns(pid).and_then(|ns| self.by_number(ns, 1)) else { return };
        let told = self.process(first).is_ok_and(|process| process.says_modelled);
        if told {
            return;
        }
        if let Ok(process) = self.process_mut(first) {
            process.says_modelled = true;
        }
        let line = format!("glassbox: modelled: {name} and the image's other programs are imitated here\n");
        let _ = self.write_fd(first, 2, line.as_bytes());
    }

    fn replace(
        &mut self,
        pid: HostPid,
        path: &str,
        exe: Place,
        argv: Vec<String>,
        env: &[String],
        program: Option<Program>,
    ) -> SysResult<()> {
        let closed: Vec<i32> =
            self.process(pid)?.descriptors.iter().filter(|(_, descriptor)| descriptor.close_on_exec).map(|(fd, _)| *fd).collect();
        for fd in closed {
            self.close_fd(pid, fd)?;
        }
        let root_user = self.is_root_inside(pid);
        let process = self.process_mut(pid)?;
        process.program = program;
        process.comm = Rc::from(comm(path).as_str());
        (process.argv, process.env, process.exe) = (Rc::new(argv), Rc::new(env.to_vec()), Some(exe));
        process.memory_bytes = 0;
        let caught: Vec<_> =
            process.dispositions.iter().filter(|(_, what)| **what == Disposition::Catch).map(|(signal, _)| *signal).collect();
        for signal in caught {
            process.dispositions.remove_mut(&signal);
        }
        // capabilities(7), "Transformation of capabilities during execve()": files here have no capabilities of their own.
        let credentials = &mut process.credentials;
        if let Some(profile) = credentials.apparmor.0.take() {
            credentials.apparmor.1 = Some(profile);
        }
        credentials.permitted = if root_user { credentials.inheritable.union(credentials.bounding) } else { credentials.ambient };
        credentials.effective = credentials.permitted;
        if root_user {
            credentials.ambient = CapabilitySet::EMPTY;
        }
        Ok(())
    }

    /// Nothing takes the process over: it writes this to its stderr, and ends.
    pub(super) fn say_and_end(&mut self, pid: HostPid, line: &str, code: i32) -> SysResult<()> {
        let words = ["sh", "-c", "echo \"$1\" >&2; exit \"$2\"", "sh", line.trim_end(), &code.to_string()].map(str::to_string);
        self.process_mut(pid)?.program = Program::start(&words, &[]);
        Ok(())
    }

    /// User 0 of its own user namespace.
    pub(super) fn is_root_inside(&self, pid: HostPid) -> bool {
        let Ok(process) = self.process(pid) else { return false };
        self.id_inside(process.namespaces.of(NamespaceKind::User), process.credentials.uid, false) == Some(0)
    }
}

/// What the toolbox does when it is called by a name that none of its programs has: it says so and ends with 127. As a shell's script,
/// since it has no program of its own for that.
fn without_program(argv: &[String], env: &[String]) -> Option<Program> {
    let asked = argv.get(1).filter(|_| argv.first().is_some_and(|first| first.ends_with("toolbox")));
    let (script, word) = match asked.or(argv.first()).filter(|_| argv.len() > 1) {
        Some(name) if name == "--list" => ("echo \"$1\"".to_string(), Program::NAMES.join("\n")),
        Some(name) => ("echo \"toolbox: $1: no such program\" >&2; exit 127".to_string(), name.clone()),
        None => ("echo \"$1\" >&2; exit 127".to_string(), USAGE.to_string()),
    };
    Program::start(&["sh".to_string(), "-c".to_string(), script, "toolbox".to_string(), word], env)
}

/// What the runtime says where it is called in another way.
fn wasi_usage(env: &[String]) -> Option<Program> {
    let words = ["sh", "-c", "echo \"$1\" >&2; exit 2", "glassbox-wasi", wasi::program::USAGE.trim_end()];
    Program::start(&words.map(str::to_string), env)
}

fn comm(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let mut end = name.len().min(COMM_BYTES_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_string()
}
