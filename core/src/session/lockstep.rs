//! `Lockstep`: the model kernel beside a real run. It is given the same steps and tells what it shows after each: the prediction.
//!
//! Containers that are there already are made in the model first, by their own plan, and the running ones started: their programs run in
//! the model from their beginning, and what they have done on Linux meanwhile is not known to it.

use std::rc::Rc;

use rpds::RedBlackTreeMap;

use crate::cli::Invocation;
use crate::event::Event;
use crate::host::HostFacts;
use crate::layout::Layout;
use crate::model::{Container, ContainerId, ContainerState, State, Status};
use crate::observe::{Actors, observe};
use crate::plan::{Context, Cursor, Planned, Visit};
use crate::sim::exec::{Done, Run, execute};
use crate::sim::{self, Kernel, SimProbe};
use crate::step::{ClientStep, Phase, Step, StoreStep};

/// How often programs get to run while a step waits; then the prediction is given up.
const TURNS_MAX: usize = 2_000;

/// How often the programs of containers that run already get to run before the first step.
const SETTLE_TURNS_MAX: usize = 50;

/// A command that is about other containers needs no more of them than this; with more the prediction is given up.
const CONTAINERS_MAX: usize = 200;

#[derive(Clone, Debug)]
struct Moment {
    host: Rc<HostFacts>,
    invocation: Rc<Invocation>,
    kernel: Kernel,
    state: State,
    run: Run,
    /// The containers that ran before, with what their monitors know.
    others: RedBlackTreeMap<ContainerId, Run>,
}

/// A model at the same place as a real run.
#[derive(Clone, Debug)]
pub struct Lockstep {
    now: Moment,
    /// Before each leaf that was carried out.
    past: Vec<Moment>,
    lost: bool,
}

impl Lockstep {
    /// A model of the machine with these facts that holds what the engine knows. `None` where it cannot hold it: a container that runs
    /// a program which the model does not have.
    pub fn new(host: &HostFacts, state: &State, invocation: &Rc<Invocation>) -> Option<Lockstep> {
        let mut now = Moment {
            host: Rc::new(host.clone()),
            invocation: invocation.clone(),
            kernel: sim::boot(host),
            state: state.clone(),
            run: Run::of(invocation),
            others: RedBlackTreeMap::new(),
        };
        now.extract_layers()?;
        let mut containers: Vec<&Container> = state.containers.values().collect();
        containers.sort_by_key(|container| container.created_ns);
        if containers.len() > CONTAINERS_MAX {
            return None;
        }
        containers.into_iter().try_for_each(|container| now.inhabit(container))?;
        Some(Lockstep { now, past: Vec::new(), lost: false })
    }

    /// What the model shows after this step, with what it reads from stdin; `None`: it cannot follow, now and from here on.
    pub fn carry_out(&mut self, step: &Step, input: Option<Vec<u8>>) -> Option<Vec<Event>> {
        self.past.push(self.now.clone());
        if self.lost {
            return None;
        }
        if let Some(input) = input {
            self.now.run.answer_with(input);
        }
        let events = self.now.carry_out(step);
        self.lost = events.is_none();
        events
    }

    /// Goes back to where `steps` leaves had been carried out.
    pub fn return_to(&mut self, steps: usize) {
        if steps < self.past.len() {
            self.now = self.past.swap_remove(steps);
            self.past.truncate(steps);
            self.lost = false;
        }
    }
}

impl Moment {
    fn extract_layers(&mut self) -> Option<()> {
        let host = self.host.clone();
        let layout = Layout::new(&host.data_root);
        let images = self.state.images.clone();
        // Of other images the model has no files: what is predicted of containers of theirs is lost.
        for image in images.values().filter(|image| image.embedded) {
            for layer in image.layers.iter().filter(|layer| layer.extracted) {
                let (image, diff_id) = (image.id.clone(), layer.diff_id.clone());
                let directory = layout.layer(&diff_id);
                let step = Step::Store(StoreStep::ExtractLayer { image, diff_id, blob: None, directory, own: false });
                execute(&step, &mut self.kernel, &mut self.run, &self.state).ok()?;
            }
        }
        Some(())
    }

    /// Makes a container that the engine knows, and starts it if it runs.
    fn inhabit(&mut self, container: &Container) -> Option<()> {
        let id = &container.id;
        let fresh = Box::new(Container { state: ContainerState::default(), ..container.clone() });
        let mut run = Run::default();
        self.walk(Step::Phase(Phase::CreateContainer { container: fresh }), &mut run)?;
        if container.state.status != Status::Running {
            self.state.containers.insert_mut(id.clone(), container.clone());
            return Some(());
        }
        self.walk(Step::Phase(Phase::StartContainer { id: id.clone() }), &mut run)?;
        if let Some(started) = self.state.containers.get_mut(id) {
            started.state.started_ns = container.state.started_ns;
        }
        self.others.insert_mut(id.clone(), run);
        let quiet = |moment: &mut Moment| moment.kernel.run(sim::RESUMES_PER_TURN).resumed == 0;
        (0..SETTLE_TURNS_MAX).any(|_| quiet(self)).then_some(())
    }

    /// Carries a step out to its leaves, for somebody else than the command.
    fn walk(&mut self, step: Step, run: &mut Run) -> Option<()> {
        let mut cursor = Cursor::new(vec![Planned { step, causes: Vec::new() }], Vec::new());
        loop {
            let (host, invocation, state) = (self.host.clone(), self.invocation.clone(), self.state.clone());
            match cursor.advance(&Context { state: &state, host: &host, invocation: &invocation }) {
                None => return Some(()),
                Some(Visit::Leaf(node)) => {
                    std::mem::swap(&mut self.run, run);
                    let events = self.carry_out(&node.step);
                    std::mem::swap(&mut self.run, run);
                    events?;
                }
                Some(_) => {}
            }
        }
    }

    fn carry_out(&mut self, step: &Step) -> Option<Vec<Event>> {
        for _ in 0..TURNS_MAX {
            match execute(step, &mut self.kernel, &mut self.run, &self.state).ok()? {
                Done::Outcome(outcome) => {
                    let actors = Actors { process: self.run.process_host_pid(&self.kernel) };
                    let events = observe(step, &outcome, actors, &SimProbe::new(&self.kernel, &self.state)).ok()?;
                    events.iter().for_each(|event| crate::apply::apply(&mut self.state, event));
                    return Some(events);
                }
                Done::Waiting => {
                    let ran = self.kernel.run(sim::RESUMES_PER_TURN);
                    let idle = ran.resumed == 0 && !self.see_ends()?;
                    if idle && !self.kernel.let_clock_go_on(self.run.deadline_ns()) {
                        return None;
                    }
                }
            }
        }
        None
    }

    /// What the monitors of the other containers do when their programs end. Whether one did.
    fn see_ends(&mut self) -> Option<bool> {
        for (id, run) in self.others.clone().iter() {
            let mut run = run.clone();
            let watch = Step::Client(ClientStep::WatchContainer { id: id.clone() });
            if let Ok(Done::Outcome(_)) = execute(&watch, &mut self.kernel, &mut run, &self.state) {
                self.others.remove_mut(id);
                self.walk(Step::Phase(Phase::CleanUpContainer { id: id.clone() }), &mut run)?;
                return Some(true);
            }
        }
        Some(false)
    }
}
