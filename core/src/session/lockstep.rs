//! `Lockstep`: the model kernel beside a real run. It is given the same steps and tells what it shows after each: the prediction.

use crate::cli::Invocation;
use crate::event::Event;
use crate::host::HostFacts;
use crate::layout::Layout;
use crate::model::{State, Status};
use crate::observe::{Actors, observe};
use crate::sim::exec::{Done, Run, execute};
use crate::sim::{self, Kernel, SimProbe};
use crate::step::{Step, StoreStep};

/// How often programs get to run while a step waits; then the prediction is given up.
const TURNS_MAX: usize = 2_000;

#[derive(Clone, Debug)]
struct Moment {
    kernel: Kernel,
    state: State,
    run: Run,
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
    /// A model of the machine with these facts that holds what the engine knows. `None` where containers run: their processes are not
    /// in the model.
    pub fn new(host: &HostFacts, state: &State, invocation: &Invocation) -> Option<Lockstep> {
        if state.containers.values().any(|container| container.state.status == Status::Running) {
            return None;
        }
        let mut now = Moment { kernel: sim::boot(host), state: state.clone(), run: Run::of(invocation) };
        let layout = Layout::new(&host.data_root);
        for image in state.images.values() {
            for layer in image.layers.iter().filter(|layer| layer.extracted) {
                let (image, diff_id) = (image.reference.clone(), layer.diff_id.clone());
                let directory = layout.layer(&diff_id);
                let step = Step::Store(StoreStep::ExtractLayer { image, diff_id, directory });
                execute(&step, &mut now.kernel, &mut now.run, &now.state).ok()?;
            }
        }
        Some(Lockstep { now, past: Vec::new(), lost: false })
    }

    /// What the model shows after this step; `None`: it cannot follow, now and from here on.
    pub fn carry_out(&mut self, step: &Step) -> Option<Vec<Event>> {
        self.past.push(self.now.clone());
        if self.lost {
            return None;
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
                    if ran.resumed == 0 && !self.kernel.let_clock_go_on(self.run.deadline_ns()) {
                        return None;
                    }
                }
            }
        }
        None
    }
}
