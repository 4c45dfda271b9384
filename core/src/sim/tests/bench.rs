//! A world for tests: a state, a kernel, and one command at a time.

use std::rc::Rc;

use crate::apply::apply;
use crate::cli;
use crate::errno::Errno;
use crate::event::Event;
use crate::host::HostFacts;
use crate::model::{ContainerId, State};
use crate::observe::{Actors, observe};
use crate::oci::toolbox;
use crate::plan::{self, Context, Cursor, Planned, Visit};
use crate::query::{Answer, Probe, Query};
use crate::sim::exec::{Done, Run, execute};
use crate::sim::{Kernel, RESUMES_PER_TURN, SimProbe, boot};
use crate::step::{ClientStep, Phase, Step};

pub(super) struct Bench {
    pub(super) host: HostFacts,
    pub(super) state: State,
    pub(super) kernel: Kernel,
    pub(super) events: Vec<Event>,
    monitors: Vec<(Job, Run)>,
}

/// A cursor and the step that it waits at.
#[derive(Clone)]
struct Job {
    cursor: Cursor,
    waiting: Option<Step>,
}

/// What came of a command.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Shown {
    pub(super) out: String,
    pub(super) err: String,
    pub(super) code: Option<i32>,
    pub(super) failed: Option<(String, Errno)>,
}

impl Bench {
    pub(super) fn new() -> Bench {
        Bench::on(HostFacts::example())
    }

    pub(super) fn on(host: HostFacts) -> Bench {
        let mut state = State::of_engine("/var/lib/glassbox");
        let image = toolbox::image(&host.toolbox);
        state.images.insert_mut(image.id.clone(), image);
        Bench { kernel: boot(&host), host, state, events: Vec::new(), monitors: Vec::new() }
    }

    pub(super) fn ask(&self, query: &Query) -> Result<Answer, Errno> {
        SimProbe::new(&self.kernel, &self.state).ask(query)
    }

    pub(super) fn id(&self, name: &str) -> ContainerId {
        self.state.container(name).unwrap().id.clone()
    }

    /// Runs a command to its end with nothing typed.
    pub(super) fn run(&mut self, line: &str) -> Shown {
        self.run_with(line, &[])
    }

    /// Runs a command; each time it wants input it gets the next of `typed`, then the end of the input.
    pub(super) fn run_with(&mut self, line: &str, typed: &[&str]) -> Shown {
        let invocation = Rc::new(cli::parse_line(line).unwrap());
        self.host.entropy[0] = self.host.entropy[0].wrapping_add(1);
        self.host.network = self.kernel.host_network();
        let plan = plan::plan(&invocation, &self.state, &self.host).unwrap_or_else(|error| panic!("{line}: {}", error.message));
        let mut run = Run::of(&invocation);
        let mut job = Job { cursor: Cursor::new(plan.steps, Vec::new()), waiting: None };
        let mut shown = Shown::default();
        let mut typed = typed.iter();
        for _ in 0..200_000 {
            self.turn_monitors(&invocation);
            match self.advance(&mut job, &mut run, &invocation, &mut shown, &plan.monitor) {
                Some(true) => {}
                None => {
                    self.collect(&mut run, &mut shown);
                    self.settle(&invocation);
                    return shown;
                }
                Some(false) => self.let_run(&mut run, &mut typed, &mut shown),
            }
        }
        panic!("{line}: does not end; shown {shown:?}")
    }

    fn let_run(&mut self, run: &mut Run, typed: &mut std::slice::Iter<'_, &str>, shown: &mut Shown) {
        if self.kernel.run(RESUMES_PER_TURN).resumed > 0 {
            return self.collect(run, shown);
        }
        self.collect(run, shown);
        if run.wants_input(&self.kernel) {
            match typed.next() {
                Some(&"^C") => run.interrupt(&mut self.kernel),
                Some(text) => run.feed(&mut self.kernel, text.as_bytes()),
                None => run.end_of_input(&mut self.kernel),
            }
        } else if !self.kernel.let_clock_go_on(run.deadline_ns()) {
            panic!("nothing can go on: {shown:?} {:?}", self.kernel.processes);
        }
    }

    fn collect(&mut self, run: &mut Run, shown: &mut Shown) {
        for (stderr, bytes) in run.take_output(&mut self.kernel) {
            (if stderr { &mut shown.err } else { &mut shown.out }).push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    /// Programs in the background run until they wait.
    fn settle(&mut self, invocation: &Rc<cli::Invocation>) {
        for _ in 0..100 {
            self.turn_monitors(invocation);
            if self.kernel.run(RESUMES_PER_TURN).resumed == 0 {
                break;
            }
        }
        self.turn_monitors(invocation);
    }

    fn turn_monitors(&mut self, invocation: &Rc<cli::Invocation>) {
        let mut monitors = std::mem::take(&mut self.monitors);
        let mut shown = Shown::default();
        monitors.retain_mut(|(job, run)| {
            loop {
                match self.advance(job, run, invocation, &mut shown, &[]) {
                    Some(true) => {}
                    Some(false) => return true,
                    None => return false,
                }
            }
        });
        assert_eq!(shown.failed, None);
        self.monitors.extend(monitors);
    }

    /// One leaf further: `Some(false)`: it waits; `None`: it is through.
    fn advance(
        &mut self,
        job: &mut Job,
        run: &mut Run,
        invocation: &Rc<cli::Invocation>,
        shown: &mut Shown,
        monitor: &[Planned],
    ) -> Option<bool> {
        let step = match job.waiting.take() {
            Some(step) => step,
            None => loop {
                let host = HostFacts { now_ns: self.kernel.realtime_ns(), ..self.host.clone() };
                let context = Context { state: &self.state, host: &host, invocation };
                match job.cursor.advance(&context)? {
                    Visit::Leaf(node) => break node.step.clone(),
                    Visit::Enter(_) | Visit::Leave(_) => {}
                }
            },
        };
        match execute(&step, &mut self.kernel, run, &self.state) {
            Ok(Done::Waiting) => {
                job.waiting = Some(step);
                return Some(false);
            }
            Ok(Done::Outcome(outcome)) => {
                let actors = Actors { process: run.process_host_pid(&self.kernel) };
                let seen = observe(&step, &outcome, actors, &SimProbe::new(&self.kernel, &self.state));
                let events = seen.unwrap_or_else(|errno| panic!("{step:?}: observing failed: {errno:?}"));
                for event in &events {
                    apply(&mut self.state, event);
                    if let Event::ContainerStarted { id, .. } = event {
                        self.watch(id, monitor, run);
                    }
                }
                self.events.extend(events);
                if let Step::Client(ClientStep::AttachStreams { .. } | ClientStep::AwaitExit { print: true, .. }) = &step {
                    shown.code = outcome.status.map(crate::userland::WaitStatus::code);
                }
            }
            Err(failure) => {
                shown.failed = Some((step.name().to_string(), failure.errno));
                return None;
            }
        }
        Some(true)
    }

    fn watch(&mut self, wanted: &ContainerId, monitor: &[Planned], run: &Run) {
        let is_about = |step: &Step| match step {
            Step::Client(ClientStep::WatchContainer { id }) => id == wanted,
            Step::Phase(Phase::CleanUpContainer { id }) => id == wanted,
            _ => false,
        };
        let steps = monitor.iter().filter(|planned| is_about(&planned.step)).cloned().collect();
        let job = Job { cursor: Cursor::new(steps, Vec::new()), waiting: None };
        self.monitors.push((job, run.clone()));
    }
}
