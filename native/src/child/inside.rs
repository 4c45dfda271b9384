//! The child's own side: it waits for orders, carries out its steps of the plan, and executes the program.

use std::os::fd::AsFd;

use glassbox_core::accounts::Identity;
use glassbox_core::cli::secret_variable;
use glassbox_core::diagnosis::program::{REFUSED_CODE, Refused};
use glassbox_core::diagnosis::{Finding, steps as look};
use glassbox_core::errno::Errno;
use glassbox_core::plan::{Context, Cursor, Visit};
use glassbox_core::step::{Place, PrivilegeStep, ProcessStep, Step};
use glassbox_core::userland::Signal;

use super::Making;
use super::message::{Order, Reply};
use crate::exec::mount::Building;
use crate::exec::program::{self, NotRun};
use crate::exec::seen::OwnFiles;
use crate::exec::{Done, Failure, NameCall, cgroup, privilege, process as steps};
use crate::streams;
use crate::sys::process::{exit_now, set_parent_death_signal, sethostname, setsid, umask, unshare};
use crate::sys::socket::Channel;
use crate::sys::{bpf, file, seccomp, signal};

/// No signal: nothing happens when the parent ends.
const NO_SIGNAL: Signal = Signal(0);

/// A child that could not do its work ends with this; its first message says why.
const STATUS_FAILED: i32 = 1;

/// The state of the child.
pub struct Inside<'a> {
    channel: Channel,
    cursor: Cursor,
    context: Context<'a>,
    outlives_engine: bool,
    building: Building,
    /// What it does not make itself is there.
    ready: bool,
    /// It has told the engine that it waits.
    paused: bool,
    /// The program of the seccomp filter, where it came before it was needed.
    filter: Option<Vec<u8>>,
    /// As `filter`, for the step that sets the user.
    identity: Option<Identity>,
    index: usize,
}

/// Looks at the paths of a step that has failed, as this process sees them.
fn with_finding(failure: Failure, step: &Step) -> Failure {
    if failure.finding != Finding::default() {
        return failure;
    }
    Failure { finding: look::of_step(step, failure.errno, &OwnFiles), ..failure }
}

impl<'a> Inside<'a> {
    /// In the new process, right after clone3(2).
    pub fn new(channel: Channel, cursor: Cursor, context: Context<'a>, making: &Making<'_>) -> Inside<'a> {
        let (outlives_engine, ready) = (making.outlives_engine, !making.waits);
        let building = Building::default();
        Inside { channel, cursor, context, outlives_engine, ready, paused: false, building, filter: None, identity: None, index: 0 }
    }

    /// Serves the engine until the program is executed, something fails, or the engine is gone. `alone`: without waiting for orders.
    pub fn serve(mut self, streams: Option<streams::Inside>, alone: bool) -> ! {
        // An engine that ended before it could be asked for that signal has closed its end.
        if set_parent_death_signal(Signal::SIGKILL).is_err() || self.channel.has_ended() {
            exit_now(STATUS_FAILED);
        }
        // Modes are what the steps say while the root is built.
        umask(0);
        let mut streams = streams;
        let mut first = alone.then_some(Order::Rest);
        while let Some(order) = first.take().or_else(|| self.order()) {
            if let Some(Err(failure)) = streams.take().map(|streams| streams.install().call("dup2")) {
                self.fail(failure);
            }
            let one = order == Order::One;
            while self.next(one) && !one {}
        }
        exit_now(STATUS_FAILED)
    }

    /// The next order to do something.
    fn order(&mut self) -> Option<Order> {
        loop {
            let order = self.keep(Order::parse(&self.channel.receive().ok()??.bytes)?);
            if order.is_some() {
                return order;
            }
        }
    }

    /// Keeps what is sent ahead; gives back an order to do something.
    fn keep(&mut self, order: Order) -> Option<Order> {
        match order {
            Order::Filter { program } => self.filter = Some(program),
            Order::Identity { identity } => self.identity = Some(identity),
            Order::Ready => self.ready = true,
            Order::One | Order::Rest => return Some(order),
        }
        None
    }

    /// Something that is sent ahead, and is needed now. EPIPE: the engine has gone, or says something else.
    fn await_more(&mut self) -> Done {
        let message = self.channel.receive().call("recvmsg")?;
        match message.and_then(|message| Order::parse(&message.bytes)).map(|order| self.keep(order)) {
            Some(None) => Ok(()),
            _ => Err(Failure::of("recvmsg", Errno::EPIPE)),
        }
    }

    /// Waits until what it does not make itself is there; an engine that could not make it closes its end.
    fn await_ready(&mut self) {
        while !self.ready {
            if self.await_more().is_err() {
                exit_now(STATUS_FAILED);
            }
        }
    }

    /// Carries out the next step that is the child's; `false`: there is none. `tell`: also that it went well.
    fn next(&mut self, tell: bool) -> bool {
        while let Some(visit) = self.cursor.advance(&self.context) {
            let Visit::Leaf(node) = visit else { continue };
            if node.step.place() != Place::Container {
                self.pause(tell);
                continue;
            }
            if self.paused || !self.ready && !node.step.needs_nothing() {
                self.await_ready();
                self.paused = false;
            }
            match self.carry_out(&node.step) {
                Ok(Reply::Done) if tell => self.tell_done(),
                Ok(_) => {}
                Err(failure) => self.fail(with_finding(failure, &node.step)),
            }
            self.index += 1;
            return true;
        }
        false
    }

    /// A step of the engine's comes between its own: it says so, and does not begin the next before it is told.
    fn pause(&mut self, told_each: bool) {
        if told_each || self.index == 0 || self.paused {
            return;
        }
        self.await_ready();
        (self.ready, self.paused) = (false, true);
        if self.channel.send(&Reply::Paused.to_bytes(), &[]).is_err() {
            exit_now(STATUS_FAILED);
        }
    }

    fn carry_out(&mut self, step: &Step) -> Result<Reply, Failure> {
        match step {
            Step::Cgroup(step) => cgroup::carry_out(step)?,
            Step::Mount(step) => self.building.carry_out(step, self.context.state)?,
            Step::Privilege(PrivilegeStep::InstallSeccompFilter { .. }) => self.install_filter()?,
            Step::Privilege(PrivilegeStep::SetUser { layers: Some(_), .. }) => self.set_user()?,
            Step::Privilege(step) => privilege::carry_out(step)?,
            Step::Process(step) => return self.process(step),
            _ => return Err(Failure::of(step.name(), Errno::ENOSYS)),
        }
        Ok(Reply::Done)
    }

    fn process(&mut self, step: &ProcessStep) -> Result<Reply, Failure> {
        match step {
            ProcessStep::StartSession => setsid().map(drop).call("setsid")?,
            ProcessStep::UnshareNamespace { kind } => unshare(steps::flag(*kind)).call("unshare")?,
            ProcessStep::JoinNamespace { kind, id } => steps::join_namespace(*kind, id, self.context.state)?,
            ProcessStep::SetHostname { hostname } => sethostname(hostname).call("sethostname")?,
            ProcessStep::SetSysctl { name, value } => steps::set_sysctl(name, value)?,
            ProcessStep::BringUpInterface { interface } => steps::bring_up(interface)?,
            ProcessStep::ChangeDirectory { path, make } => steps::change_directory(path, *make)?,
            ProcessStep::OpenTerminal { rows, columns } => return self.open_terminal(*rows, *columns),
            ProcessStep::ExecProgram { argv, env, secrets, own_home } => {
                let mut env = env.clone();
                let known = self.context.invocation.command.secrets();
                env.extend(secrets.iter().filter_map(|(name, id)| secret_variable(name, id, known)));
                env.extend(own_home.then(privilege::home));
                return Err(self.execute(argv, &env));
            }
            _ => return Err(Failure::of(step.name(), Errno::ENOSYS)),
        }
        Ok(Reply::Done)
    }

    /// One that could not be compiled is empty, and refused as the kernel refuses it.
    fn install_filter(&mut self) -> Done {
        loop {
            match self.filter.take() {
                Some(program) => return seccomp::install(&bpf::from_bytes(&program)).call("seccomp"),
                None => self.await_more()?,
            }
        }
    }

    /// The engine has looked the user up.
    fn set_user(&mut self) -> Done {
        loop {
            match self.identity.take() {
                Some(identity) => return privilege::set_user(&identity),
                None => self.await_more()?,
            }
        }
    }

    /// Tells it at once, with the master side: a run to the end tells it too.
    fn open_terminal(&self, rows: u16, columns: u16) -> Result<Reply, Failure> {
        let (master, path) = steps::open_terminal(rows, columns)?;
        let reply = Reply::Terminal { path };
        self.channel.send(&reply.to_bytes(), &[master.as_fd()]).call("sendmsg")?;
        Ok(reply)
    }

    /// Returns only to say why it failed. Where execve(2) has refused a program that is there, the process itself says so and ends, as it
    /// does with Docker's runtime. A change of user has cleared the parent-death signal (prctl(2)): it is set anew, and an
    /// engine that ended in between is noticed by the message that cannot be sent.
    fn execute(&self, argv: &[String], env: &[String]) -> Failure {
        let ready = || -> Result<(), Failure> {
            let death = if self.outlives_engine { NO_SIGNAL } else { Signal::SIGKILL };
            set_parent_death_signal(death).call("prctl")?;
            // Not at the last: an engine that is awake on this processor while execve(2) looks for an idle one has it moved to another.
            self.channel.send(&Reply::Executing.to_bytes(), &[]).call("sendmsg")?;
            signal::restore_all().call("rt_sigprocmask")?;
            umask(0o022);
            file::close_on_exec_from(3).call("close_range")
        };
        match ready() {
            Ok(()) => match program::execute(argv, env, &self.context.host.machine) {
                NotRun::Failed(failure) => failure,
                NotRun::Refused(refused) => self.end_refused(refused),
            },
            Err(failure) => failure,
        }
    }

    fn end_refused(&self, refused: Refused) -> ! {
        // Where nobody reads or listens there is nobody to tell.
        let _ = file::write_all(&std::io::stderr(), refused.line().as_bytes());
        let _ = self.channel.send(&Reply::Refused { refused }.to_bytes(), &[]);
        exit_now(REFUSED_CODE)
    }

    fn tell_done(&self) {
        if self.channel.send(&Reply::Done.to_bytes(), &[]).is_err() {
            exit_now(STATUS_FAILED);
        }
    }

    fn fail(&self, failure: Failure) -> ! {
        // Where nobody listens any more there is nobody to tell.
        let _ = self.channel.send(&Reply::Failed { index: self.index, failure }.to_bytes(), &[]);
        exit_now(STATUS_FAILED)
    }
}
