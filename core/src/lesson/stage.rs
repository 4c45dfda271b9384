//! `SessionStage`: the model kernel as a machine that lessons are tried on.

use super::lint::Stage;
use crate::host::HostFacts;
use crate::model::State;
use crate::query::Probe;
use crate::session::{Input, Progress, Session};

/// The most entries that one command of a lesson may take.
pub const COMMAND_STEPS_MAX: usize = 5_000;

/// A modelled machine.
#[derive(Clone, Debug)]
pub struct SessionStage {
    host: HostFacts,
    session: Session,
}

impl SessionStage {
    /// A model of the machine with these facts.
    pub fn new(host: HostFacts) -> SessionStage {
        SessionStage { session: Session::new(host.clone()), host }
    }

    /// On a session that a learner has at hand: to look at goals in the state that is there.
    pub fn of(host: HostFacts, session: Session) -> SessionStage {
        SessionStage { host, session }
    }

    /// The session, as the commands have left it.
    pub fn session(&self) -> &Session {
        &self.session
    }
}

impl Stage for SessionStage {
    fn fresh(&mut self) -> Result<(), String> {
        self.session = Session::new(self.host.clone());
        Ok(())
    }

    /// Standard input is empty, as it is on Linux.
    fn run(&mut self, line: &str) -> Result<(), String> {
        self.session.submit(line);
        for _ in 0..COMMAND_STEPS_MAX {
            match self.session.progress() {
                Progress::Ready(125) => return Err(self.last_words()),
                Progress::Ready(_) => return Ok(()),
                Progress::Running => {
                    self.session.step();
                }
                Progress::NeedsInput => self.session.give(&Input::End),
                Progress::Stuck => return Err("it waits for something that will never come".into()),
            }
        }
        Err(format!("it takes more than {COMMAND_STEPS_MAX} steps (COMMAND_STEPS_MAX)"))
    }

    fn look(&self, see: &mut dyn FnMut(&State, &dyn Probe)) {
        let world = self.session.world();
        see(world.state(), &world.probe());
    }
}

impl SessionStage {
    fn last_words(&self) -> String {
        self.session.world().output().iter().next_back().map(|chunk| chunk.text().trim().to_string()).unwrap_or_default()
    }
}
