//! Steps on processes: clone, namespaces, names, signals, and the program.

use super::{Carried, Done, Failure, Run, called, done};
use crate::cli::secret_variable;
use crate::diagnosis::program::{self, Asked, Executor, NotExecuted};
use crate::diagnosis::{Files, Finding};
use crate::errno::Errno;
use crate::model::{ContainerId, IdMapLine, State};
use crate::observe::{Outcome, Sent};
use crate::sim::kernel::Kernel;
use crate::sim::process::HOST_INIT;
use crate::sim::tables::{Content, HostPid, NodeId, Place};
use crate::sim::tree::{Owner, directory};
use crate::sim::tty::Tty;
use crate::step::{NamespaceKind, ProcessStep};
use crate::userland::{Signal, SysResult};

pub(super) fn execute(step: &ProcessStep, kernel: &mut Kernel, run: &mut Run, state: &State) -> Carried {
    if let ProcessStep::CloneProcess { namespaces, cgroup } = step {
        return clone(kernel, run, namespaces, cgroup.as_deref());
    }
    if let ProcessStep::SendSignal { id, signal } = step {
        run.hold(kernel, id);
        let pid = match first_process(state, id) {
            // Its restart policy has been told to rest: there is nothing that a signal could add.
            Err(_) if state.containers.get(id).is_some_and(|container| container.state.stop_asked) => {
                return Ok(Done::Outcome(Outcome { ended_before: true, at_ns: kernel.realtime_ns(), ..Outcome::default() }));
            }
            found => found?,
        };
        let engine = kernel.engine;
        let taken = Signal(*signal);
        called(kernel.kill_from(engine, pid as i32, Some(taken)), "kill")?;
        let sent = Some(Sent { pid, signal: taken.0 });
        return Ok(Done::Outcome(Outcome { sent, at_ns: kernel.realtime_ns(), ..Outcome::default() }));
    }
    if let ProcessStep::JoinNamespace { kind: kind @ (NamespaceKind::Pid | NamespaceKind::User), id } = step {
        let other = whose_namespace(state, id)?;
        let joined = kernel.join(kernel.engine, *kind, other);
        if joined.is_err() {
            engine_itself_again(kernel)?;
        }
        called(joined, "setns")?;
        return done(kernel);
    }
    if let Some(done) = for_children(step, kernel) {
        return done;
    }
    let pid = run.process.ok_or(Errno::ESRCH)?;
    kernel.process(pid)?;
    match step {
        ProcessStep::CloneProcess { .. } | ProcessStep::SendSignal { .. } | ProcessStep::SetTimeOffsets { .. } => {}
        ProcessStep::EndProcess => return Ok(Done::Outcome(end(kernel, run, pid))),
        ProcessStep::DenySetgroups => super::cgroup::write(kernel, &format!("/proc/{pid}/setgroups"), "deny")?,
        ProcessStep::WriteIdMap { groups, lines } => write_map(kernel, pid, *groups, lines)?,
        ProcessStep::StartSession => {
            let process = kernel.process_mut(pid)?;
            (process.session, process.group, process.terminal) = (pid, pid, None);
        }
        ProcessStep::UnshareNamespace { kind } => {
            called(kernel.unshare(pid, *kind), "unshare")?;
        }
        ProcessStep::JoinNamespace { kind, id } => {
            let other = whose_namespace(state, id)?;
            called(kernel.join(pid, *kind, other), "setns")?;
        }
        ProcessStep::SetHostname { hostname } => {
            called(kernel.set_hostname_of(pid, hostname), "sethostname")?;
        }
        ProcessStep::SetSysctl { name, value } => super::cgroup::write_as(kernel, pid, &crate::sysctl::path(name), value)?,
        ProcessStep::BringUpInterface { interface } => {
            called(kernel.bring_up(pid, interface), "ioctl")?;
        }
        ProcessStep::OpenTerminal { rows, columns } => return open_terminal(kernel, run, pid, *rows, *columns),
        ProcessStep::ChangeDirectory { path, make } => {
            called(change_directory(kernel, pid, path, *make), "chdir")?;
        }
        ProcessStep::ExecProgram { argv, env, secrets, own_home } => {
            let mut env = env.clone();
            env.extend(secrets.iter().filter_map(|(name, id)| secret_variable(name, id, &run.secrets)));
            env.extend(own_home.then(|| home(kernel, pid)));
            return exec_program(kernel, run, pid, argv, &env);
        }
    }
    done(kernel)
}

fn first_process(state: &State, id: &ContainerId) -> Result<HostPid, Failure> {
    let container = state.containers.get(id).ok_or(Errno::ENOENT)?;
    Ok(container.state.pid.ok_or(Errno::ESRCH)?)
}

fn end(kernel: &mut Kernel, run: &mut Run, pid: HostPid) -> Outcome {
    kernel.end_process(pid, crate::userland::WaitStatus::Signaled(Signal::SIGKILL));
    kernel.reap(pid);
    run.process = None;
    if let Some(id) = run.streams.take() {
        kernel.streams.remove_mut(&id);
    }
    Outcome { ended_pid: Some(pid), at_ns: kernel.realtime_ns(), ..Outcome::default() }
}

/// A time namespace, made by the engine for its child. Linux keeps it apart until there is one; in this model the engine is in it for as
/// long, and sees no clock meanwhile.
fn for_children(step: &ProcessStep, kernel: &mut Kernel) -> Option<Carried> {
    let engine = kernel.engine;
    let (answer, call) = match step {
        ProcessStep::UnshareNamespace { kind: NamespaceKind::Time } => {
            (kernel.unshare(engine, NamespaceKind::Time).map(drop), "unshare")
        }
        ProcessStep::SetTimeOffsets { offsets } => (kernel.set_time_offsets(engine, *offsets), "write"),
        _ => return None,
    };
    if answer.is_err() {
        // Where not even that can be done there is no engine.
        let _ = engine_itself_again(kernel);
    }
    Some(called(answer, call).and_then(|()| done(kernel)))
}

/// The process whose /proc/PID/ns is opened.
pub(super) fn whose_namespace(state: &State, id: &ContainerId) -> Result<HostPid, Failure> {
    called(first_process(state, id).map_err(|_| Errno::ESRCH), "openat")
}

/// clone3(2) with new namespaces, and the engine's pipes as the child's streams.
fn clone(kernel: &mut Kernel, run: &mut Run, namespaces: &[NamespaceKind], cgroup: Option<&str>) -> Carried {
    let engine = kernel.engine;
    // A clone with a new user namespace takes the capabilities for the other namespaces from it: the child is made in steps, as if
    // the engine had unshared, and nothing is seen of the steps in between.
    let made = unshare_for_child(kernel, engine, namespaces).and_then(|()| match cgroup {
        Some(directory) => super::cgroup::fork_into(kernel, directory),
        None => kernel.fork_process(engine, None),
    });
    engine_itself_again(kernel)?;
    let pid = called(made, "clone3")?;
    run.process = Some(pid);
    run.streams = Some(kernel.give_pipes(pid)?);
    Ok(Done::Outcome(Outcome { pid: Some(pid), at_ns: kernel.realtime_ns(), ..Outcome::default() }))
}

/// The namespaces that the engine joined for its child it joined in a process of its own, which ends with the command: in this model
/// the one engine goes back to the host's.
pub(super) fn engine_itself_again(kernel: &mut Kernel) -> SysResult<()> {
    let first = kernel.process(HOST_INIT)?.namespaces;
    let (held, engine) = (kernel.host.capabilities, kernel.engine);
    let own = kernel.process_mut(engine)?;
    (own.namespaces, own.pid_for_children) = (first, first.of(NamespaceKind::Pid));
    (own.credentials.effective, own.credentials.permitted) = (held, held);
    Ok(())
}

fn unshare_for_child(kernel: &mut Kernel, engine: HostPid, namespaces: &[NamespaceKind]) -> SysResult<()> {
    if namespaces.contains(&NamespaceKind::User) {
        kernel.unshare(engine, NamespaceKind::User)?;
    }
    for kind in namespaces.iter().filter(|kind| **kind != NamespaceKind::User) {
        kernel.unshare(engine, *kind)?;
    }
    Ok(())
}

fn write_map(kernel: &mut Kernel, pid: HostPid, groups: bool, lines: &[IdMapLine]) -> Result<(), Failure> {
    let text: String = lines.iter().map(|line| format!("{} {} {}\n", line.inside, line.outside, line.count)).collect();
    let file = if groups { "gid_map" } else { "uid_map" };
    super::cgroup::write(kernel, &format!("/proc/{pid}/{file}"), &text)?;
    become_root_inside(kernel, pid, groups).map_err(Failure::from)
}

/// Once its id is mapped to 0, the process takes that id: setresuid(0), setresgid(0). Where the id is the same, nothing changes.
fn become_root_inside(kernel: &mut Kernel, pid: HostPid, groups: bool) -> SysResult<()> {
    let ns = kernel.process(pid)?.namespaces.of(NamespaceKind::User);
    let Some(id) = kernel.id_outside(ns, 0, groups) else { return Ok(()) };
    let credentials = &mut kernel.process_mut(pid)?.credentials;
    *(if groups { &mut credentials.gid } else { &mut credentials.uid }) = id;
    Ok(())
}

/// A terminal from the container's own devpts.
fn open_terminal(kernel: &mut Kernel, run: &Run, pid: HostPid, rows: u16, columns: u16) -> Carried {
    let place = called(kernel.walk(pid, "/dev/pts", true), "openat")?;
    let super_id = kernel.super_id(&place.node)?;
    let number = (0..).find(|number| kernel.terminal_at(super_id, *number).is_none()).unwrap_or_default();
    let tty = kernel.fresh_id();
    kernel.ttys.insert_mut(tty, Tty::new(super_id, number, rows, columns));
    let credentials = &kernel.process(pid)?.credentials;
    let owner = Owner { uid: credentials.uid, gid: TTY_GROUP, mode: 0o620 };
    let NodeId::Inode(devpts) = place.node else { return Err(Errno::ENOTTY.into()) };
    let node = kernel.make_at(devpts, &number.to_string(), Content::Device(136, number), owner)?;
    let slave = Place { mount: place.mount, node: NodeId::Inode(node) };
    kernel.give_terminal(run.streams.ok_or(Errno::ENOTTY)?, tty, slave)?;
    let process = kernel.process_mut(pid)?;
    process.terminal = Some(tty);
    let (session, group) = (process.session, process.group);
    if let Some(found) = kernel.ttys.get_mut(&tty) {
        (found.session, found.foreground) = (session, group);
    }
    let terminal = Some(format!("/dev/pts/{number}"));
    Ok(Done::Outcome(Outcome { terminal, at_ns: kernel.realtime_ns(), ..Outcome::default() }))
}

/// The group of terminals on Debian, Docker's `gid=5`.
const TTY_GROUP: u32 = 5;

/// chdir(2); what is missing is made first, as Docker does.
fn change_directory(kernel: &mut Kernel, pid: HostPid, path: &str, make: bool) -> SysResult<()> {
    let mut at = String::new();
    for name in path.split('/').filter(|name| make && !name.is_empty()) {
        at = format!("{at}/{name}");
        if kernel.walk(pid, &at, true) == Err(Errno::ENOENT) {
            kernel.make_node(pid, &at, directory(0), 0o755)?;
        }
    }
    kernel.change_directory(pid, path)
}

/// Of the user that the process is inside.
fn home(kernel: &Kernel, pid: HostPid) -> String {
    let uid = kernel.process(pid).map_or(0, |process| process.credentials.uid);
    let passwd = super::privilege::text(kernel, pid, "/etc/passwd");
    crate::home::variable(&passwd, kernel.shown_id(pid, uid, false))
}

fn exec_program(kernel: &mut Kernel, run: &mut Run, pid: HostPid, argv: &[String], env: &[String]) -> Carried {
    let name = argv.first().map_or("", String::as_str);
    run.refused = None;
    if let Some(streams) = run.streams {
        let silent = kernel.streams.get(&streams).is_some_and(|streams| streams.tty.is_none() && streams.container.is_none());
        if run.exec && !run.interactive && silent {
            kernel.close_stdin_for_good(streams)?;
        }
    }
    let path = env.iter().find_map(|entry| entry.strip_prefix("PATH=")).unwrap_or_default();
    let machine = kernel.host.machine.clone();
    let asked = Asked { name, path, machine: &machine };
    match program::execute(&mut Becoming { kernel, pid, argv, env }, asked) {
        Ok(()) => done(kernel),
        Err(NotExecuted::Missing(refusal)) => {
            let diagnosis = program::lookup_fault(&kernel.seen_by(pid), asked, refusal);
            let finding = Finding { refusal: Some(refusal), diagnosis };
            Err(Failure { errno: refusal.errno(), call: Some("execve".to_string()), finding })
        }
        Err(NotExecuted::Refused(refused)) => {
            kernel.say_and_end(pid, &refused.line(), program::REFUSED_CODE)?;
            run.refused = Some(refused.clone());
            Ok(Done::Outcome(Outcome { refused: Some(Box::new(refused)), at_ns: kernel.realtime_ns(), ..Outcome::default() }))
        }
    }
}

/// The process that is to become the program.
struct Becoming<'a> {
    kernel: &'a mut Kernel,
    pid: HostPid,
    argv: &'a [String],
    env: &'a [String],
}

impl Executor for Becoming<'_> {
    fn files(&self) -> impl Files + '_ {
        self.kernel.seen_by(self.pid)
    }

    fn execute(&mut self, file: &str) -> SysResult<()> {
        self.kernel.execute(self.pid, file, self.argv, self.env)
    }
}
