//! Going back: for the step debugger, which takes back what was done since a place in the journal.

use glassbox_core::model::{ContainerId, State};
use glassbox_core::plan::CommandError;

use super::{Engine, say};
use crate::journal::{Journal, Mark};

impl Engine {
    /// The present place in the journal.
    pub(crate) fn place(&self) -> Mark {
        self.journal.as_ref().map_or(Mark::default(), Journal::mark)
    }

    /// Takes back everything that was done since `mark`, the last first, and puts the state of that moment back. `ends_process`: the
    /// process that was made since is among it. `rewritten`: the containers whose records were changed since.
    pub(crate) fn rewind(&mut self, mark: Mark, state: State, ends_process: bool, rewritten: &[ContainerId]) {
        if ends_process {
            self.reap_child();
            self.status = None;
            self.watched = None;
        }
        self.ports.go_back(mark);
        let problems = self.journal.as_mut().map(|journal| journal.undo_to(mark).problems).unwrap_or_default();
        for problem in problems {
            say(&format!("glassbox: {problem}\n"));
        }
        self.put_records_back(&state, rewritten);
        self.state = state;
    }

    /// They say again what they said before; a record that is gone with its container, or was made since, is the journal's.
    fn put_records_back(&self, before: &State, rewritten: &[ContainerId]) {
        let on_record = |id: &&ContainerId| self.store.read(id).is_ok_and(|record| record.is_some());
        for container in rewritten.iter().filter(on_record).filter_map(|id| before.containers.get(id)) {
            if let Err(error) = self.store.save_container(container) {
                say(&format!("glassbox: {error}\n"));
            }
        }
    }

    /// A step has failed: what its phase has done is undone, and the command ends as it does without a debugger. Answers its exit code.
    pub(crate) fn fail(mut self, error: CommandError) -> i32 {
        let error = self.clean_up_after(error);
        self.close(Err(error))
    }

    /// Takes back the whole command; before it the state was `state`.
    pub(crate) fn abandon(mut self, state: &State, rewritten: &[ContainerId]) {
        self.reap_child();
        self.ports.go_back(Mark::default());
        let problems = self.journal.take().map(|journal| journal.roll_back().problems).unwrap_or_default();
        for problem in problems {
            say(&format!("glassbox: {problem}\n"));
        }
        self.put_records_back(state, rewritten);
    }
}
