//! The prediction beside each step: the same plan, carried out by the model kernel in lockstep.

use glassbox_core::event::Event;
use glassbox_core::plan::Node;
use glassbox_core::sim::exec::ARCHIVE_BYTES_MAX;

use crate::engine::Engine;
use crate::observe::facts;

/// The model at the same place as the engine.
pub struct Predictor {
    /// One world before each leaf, as far as the model follows.
    lockstep: Option<glassbox_core::session::Lockstep>,
}

impl Predictor {
    /// A model of this machine with the engine's state. `None` inside where it cannot hold a container that runs.
    pub fn new(engine: &Engine) -> Predictor {
        let host = facts::for_a_model(&engine.host);
        let lockstep = glassbox_core::session::Lockstep::new(&host, &engine.state, &engine.invocation);
        Predictor { lockstep }
    }

    /// What the model kernel shows after this step. What the step will read from stdin, the model reads before.
    pub fn predict(&mut self, node: &Node, engine: &mut Engine) -> Option<Vec<Event>> {
        let input = engine.input_of(&node.step, ARCHIVE_BYTES_MAX);
        self.lockstep.as_mut()?.carry_out(&node.step, input)
    }

    /// Goes back to where `steps` leaves had been carried out.
    pub fn return_to(&mut self, steps: usize) {
        if let Some(lockstep) = &mut self.lockstep {
            lockstep.return_to(steps);
        }
    }
}
