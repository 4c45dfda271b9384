//! Going back: for the step debugger, which takes back what was done since a place in the journal.

use glassbox_core::model::State;

use super::{Engine, say};
use crate::journal::{Journal, Mark};

impl Engine {
    /// The present place in the journal.
    pub(crate) fn place(&self) -> Mark {
        self.journal.as_ref().map_or(Mark::default(), Journal::mark)
    }

    /// Takes back everything that was done since `mark`, the last first, and puts the state of that moment back. `ends_process`: the
    /// process that was made since is among it.
    pub(crate) fn rewind(&mut self, mark: Mark, state: State, ends_process: bool) {
        if ends_process {
            self.reap_child();
            self.status = None;
            self.watched = None;
        }
        let problems = self.journal.as_mut().map(|journal| journal.undo_to(mark).problems).unwrap_or_default();
        for problem in problems {
            say(&format!("glassbox: {problem}\n"));
        }
        self.state = state;
    }

    /// Takes back the whole command.
    pub(crate) fn abandon(mut self) {
        self.reap_child();
        let problems = self.journal.take().map(|journal| journal.roll_back().problems).unwrap_or_default();
        for problem in problems {
            say(&format!("glassbox: {problem}\n"));
        }
    }
}
